"""A machine kept busy on purpose: cores that never rest, a disk that syncs, a model that transcribes. For measuring.

Everything here runs in processes of its own, which end with the block that started them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from audio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator


class HogDied(AudioError):
    """What should have kept the machine busy was not there to the end: nothing was measured."""

    code = "hog-died"


_PIECE: Final = 8 << 20
_STOP_S: Final = 5.0


def _wanted() -> Iterator[None]:
    """Go round until the process that started this one is gone, however it went."""
    parent = os.getppid()
    while os.getppid() == parent:
        yield


def spin() -> None:
    """Keep one core busy."""
    for _ in _wanted():
        pass


def sync(folder: str) -> None:
    """Write and sync without a rest; the disk holds one piece of it at a time."""
    path = Path(folder, "hog")
    data = os.urandom(_PIECE)
    for _ in _wanted():
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def transcribe() -> None:
    """Turn sound into words without a rest, as urgently as the real transcriber does: less than everything else."""
    import numpy as np

    from audio.priority import give_way
    from audio.resample import MODEL_RATE
    from audio.shorttail import ShortTailTranscriber
    from audio.transcribe import length_of

    give_way()
    model = ShortTailTranscriber("tiny.en", "en")
    sound = (0.1 * np.random.default_rng(1).standard_normal(10 * MODEL_RATE)).astype(np.float32)
    for _ in _wanted():
        model.transcribe(sound, length_of(sound))


@contextlib.contextmanager
def busy(*, cores: int = 0, disk: Path | None = None, model: bool = False) -> Iterator[list[int]]:
    """Keep ``cores`` cores busy, sync in folder ``disk`` and transcribe; gives the process ids.

    Raises `HogDied` at the end of the block where one of them ended by itself before.
    """
    wanted = ["spin()"] * cores + ([f"sync({str(disk)!r})"] if disk else []) + (["transcribe()"] if model else [])
    started = []
    with tempfile.TemporaryFile() as said:
        try:
            for call in wanted:
                command = [sys.executable, "-P", "-c", f"from audio import hogs; hogs.{call}"]
                started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said))
            yield [process.pid for process in started]
            # What was measured beside a machine that was not busy says nothing.
            dead = [call for call, process in zip(wanted, started, strict=True) if process.poll() is not None]
            if dead:
                said.seek(0)
                last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
                msg = f"The machine was not kept busy: {', '.join(dead)} ended by itself ({last[:200]})."
                raise HogDied(msg, "Mend that, then measure again.")
        finally:
            for process in started:
                process.terminate()
            for process in started:
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
