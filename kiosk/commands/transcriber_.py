"""``hearth transcriber``: turn recorded speech into words, as a service."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import click

from archive.home import Home
from archive.jobs import retry_failed
from archive.night import Hours, NightPass
from archive.stewards import find_take
from archive.store import Store
from archive.transcription import TranscriberWorker
from audio.clock import Clock, SystemClock
from audio.drivers import make_transcriber
from audio.errors import NoModel
from audio.priority import give_way
from audio.transcribe import Transcriber
from hardware.notify import Notifier
from kiosk.commands.common import home_option, note
from kiosk.commands.terminal import say
from kiosk.config import Config
from kiosk.setting import model_for, night_model, open_box, read_config

EVERY = "every story"


class StopWith(threading.Event):
    """Set by a signal, or once the process that started this one is gone, even if it was killed."""

    def __init__(self, parent: int) -> None:
        """``parent`` is the process number of the one that started this one; 0 for none."""
        super().__init__()
        self._parent = parent

    def is_set(self) -> bool:
        """Whether to end now. An orphan gets another parent, which is how it learns of it."""
        return super().is_set() or bool(self._parent and os.getppid() != self._parent)


def night_of(
    config: Config, store: Store, clock: Clock, make_best: Callable[[str], Transcriber | None]
) -> NightPass | None:
    """Make what goes over the day's stories by night; None where the settings leave it out."""
    night = config.night
    if not night.on:
        return None
    return NightPass(store, clock, Hours(night.begins, night.ends, 60.0 * night.quiet_minutes), make_best)


@click.command(name="transcriber")
@home_option
@click.option("--once", is_flag=True, help="Do what waits, then end.")
@click.option(
    "--retry",
    metavar="[STORY]",
    is_flag=False,
    flag_value=EVERY,
    help="Give what was given up on STORY (its id or the end of it; none: all) three more tries, then end.",
)
@click.option("--parent", type=int, default=0, hidden=True, help="End when this process, which started it, has gone.")
def command(home: Path, once: bool, retry: str | None, parent: int) -> None:
    """Turn recorded speech into words while it is told, then make FLAC masters. Runs until it is stopped.

    What fails three times is given up and told by hearth doctor; --retry lets the running transcriber try it again.
    What only waits for a speech model goes on by itself once the model is there.

    \b
    Examples:
      hearth transcriber --home ./my-box
      hearth transcriber --home ./my-box --once
      hearth transcriber --retry K1WH
    """
    place = open_box(home)
    if retry is not None:
        say(_retry(place, retry))
        if not once:
            return
    give_way()
    config = read_config(place)

    def make(language: str) -> Transcriber:
        return make_transcriber(config.sound.transcriber, model_for(config, language), language)

    def make_best(language: str) -> Transcriber | None:
        best = night_model(config, language)
        return make_transcriber(config.sound.transcriber, best, language) if best else None

    clock = SystemClock()
    worker = TranscriberWorker(place, clock, make)
    worker.night = night_of(config, worker.store, clock, make_best)
    stop = StopWith(parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not once:
        try:
            # Ready before the first visitor speaks: loading takes a second here and several on a small board.
            worker.warm_up(config.site.language)
        except NoModel as error:
            # Masters are made and stories sealed all the same, and the model may come while this runs.
            note(f"{error.say} {error.do}")
    notifier = Notifier.from_environment()
    notifier.ready("waiting for stories")
    if once:
        while not stop.is_set() and worker.run_once():
            pass
    else:
        worker.run(stop)
    notifier.stopping()


def _retry(home: Home, story: str) -> str:
    """Let the transcriber try again what it gave up, and say what that is. Raises `NoSuchStory`."""
    with Store(home, SystemClock()) as store:
        found = retry_failed(store.db.conn, None if story == EVERY else find_take(store, story))
    if not found:
        return "Nothing was given up."
    return "To be tried again:\n" + "\n".join(job.text() for job in found)
