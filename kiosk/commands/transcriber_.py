"""``hearth transcriber``: turn recorded speech into words, as a service."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click

from archive.transcription import TranscriberWorker
from audio.clock import SystemClock
from audio.priority import give_way
from audio.transcribe import Transcriber, make_transcriber
from hardware.notify import Notifier
from kiosk.box import model_for, night_model, night_of, read_home
from kiosk.commands.common import home_option


class StopWith(threading.Event):
    """Set by a signal, or once the process that started this one is gone, even if it was killed."""

    def __init__(self, parent: int) -> None:
        """``parent`` is the process number of the one that started this one; 0 for none."""
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        """Whether to end now. An orphan gets another parent, which is how it learns of it."""
        return super().is_set() or bool(self._parent and os.getppid() != self._parent)


@click.command(name="transcriber")
@home_option
@click.option("--once", is_flag=True, help="Do what waits, then end.")
@click.option("--parent", type=int, default=0, hidden=True, help="End when this process, which started it, has gone.")
def command(home: Path, once: bool, parent: int) -> None:
    """Turn recorded speech into words while it is told, then make FLAC masters. Runs until it is stopped.

    \b
    Examples:
      hearth transcriber --home ./my-box
      hearth transcriber --home ./my-box --once
    """
    setting = read_home(home)
    give_way()

    def make(language: str) -> Transcriber:
        return make_transcriber(setting.config.sound.transcriber, model_for(setting.config, language), language)

    def make_best(language: str) -> Transcriber | None:
        best = night_model(setting.config, language)
        return make_transcriber(setting.config.sound.transcriber, best, language) if best else None

    clock = SystemClock()
    worker = TranscriberWorker(setting.home, clock, make)
    worker.night = night_of(setting.config, worker.store, clock, make_best)
    stop = StopWith(parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not once:
        # Ready before the first visitor speaks: loading takes a second here and several on a small board.
        worker.warm_up(setting.config.site.language)
    notifier = Notifier.from_environment()
    notifier.ready("waiting for stories")
    if once:
        while not stop.is_set() and worker.run_once():
            pass
    else:
        worker.run(stop)
    notifier.stopping()
