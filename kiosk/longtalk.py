"""A group's conversation of hours, told to kiosk and transcriber as fast as both go, with an eye on their memory.

Recorded speech is told again and again. Time is the kiosk's own: it draws nothing and waits for nothing, so hours take
minutes; what is stored, encrypted, cut, written down and shown as captions is what a real conversation would be.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archive.jobs import failed_jobs, open_jobs
from archive.transcripts import complete
from audio.errors import BadSound
from audio.speech import on_this_machine
from audio.stories import told_again_and_again
from kiosk.bench_box import most_rss_mb, rss_mb
from kiosk.presses import parse
from kiosk.setting import Setting, read_home
from kiosk.simulation import Simulation, Unfinished

_LOOKS: Final = 24
_EARLY: Final = 4
"""The look from which memory has to stay flat: a story was told before, and the conversation is well under way."""
_FIRST: Final = "talk agree @3 talk @speech talk keep play_here done"
_GROWTH_MB: Final = 16.0
_MOST_MB: Final = 450.0 + 64.0
"""Both programs together at their highest; deriving a keep-code takes 64 MiB by design, for a second."""
_TELL: Final = "facilitate group person person person group @speech"
_KEEP: Final = "stop keep play_here done"
_SPARE_S: Final = 60.0
"""The box ends a conversation at its longest; what is told ends before."""


@dataclass(frozen=True, slots=True)
class Look:
    """Resident MB of both programs at one moment."""

    kiosk: float
    transcriber: float


class _Watched(Simulation):
    """Looks at the memory of both programs every so often of the visit's own time."""

    def __init__(self, setting: Setting, mics: Sequence[Path], every_s: float) -> None:
        super().__init__(setting, mics)
        self.looks: list[Look] = []
        self._every_s = every_s
        self._from: float | None = None

    def watch(self) -> None:
        """Begin to look."""
        self._from = self._clock.monotonic()

    def turn(self, *, fast: bool) -> None:
        """One turn; a look where one is due."""
        super().turn(fast=fast)
        if self._from is not None and self._clock.monotonic() - self._from >= len(self.looks) * self._every_s:
            self.look()

    def look(self) -> None:
        """Note what both programs hold now."""
        self.looks.append(Look(rss_mb(os.getpid()), rss_mb(self._writing())))

    def most(self) -> Look:
        """The most each of them has held so far, between two looks too."""
        return Look(most_rss_mb(os.getpid()), most_rss_mb(self._writing()))

    def _writing(self) -> int:
        """The transcriber's process."""
        pid = self._transcriber.pid
        if pid is None:
            raise Unfinished("The transcriber is not there.", "See log/transcriber.log.")
        return pid


def long_conversation(hours: float) -> dict[str, Any]:
    """Tell a conversation of ``hours`` and have it written down; memory in MB, early, late and how much it grew.

    Raises `NoModel` without speech or model, `Unfinished` where a program does not come to its end, `BadSound`.
    """
    seconds = 3600 * hours - _SPARE_S
    if seconds <= 0:
        raise BadSound("A conversation so short tells nothing about memory.", "Give at least 0.03 hours.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hearth-longtalk-") as name:
        told = Path(name, "told.wav")
        told_again_and_again(told, seconds)
        first = max(on_this_machine(), key=lambda one: one.path.stat().st_size).path
        box = _Watched(read_home(Path(name, "home")), [first, told], seconds / _LOOKS)
        with box:
            # The model is loaded then, and every part has worked once.
            box.visit(parse(_FIRST))
            box.settle()
            box.watch()
            box.visit(parse(_TELL))
            box.look()
            box.visit(parse(_KEEP))
            _write_down(box)
            box.look()
            most = box.most()
            talk = box.store.stories()[-1]
            words, length = complete(box.store, talk.id), talk.length / 1000
        box.store.close()
    early, late = box.looks[_EARLY], box.looks[-1]
    return {
        "conversation_s": round(length, 1),
        "written_down": words,
        "real_s": round(time.monotonic() - began, 1),
        "rss_kiosk_mb_early": round(early.kiosk, 1),
        "rss_kiosk_mb_highest": round(most.kiosk, 1),
        "rss_kiosk_mb_late": round(late.kiosk, 1),
        "rss_transcriber_mb_early": round(early.transcriber, 1),
        "rss_transcriber_mb_highest": round(most.transcriber, 1),
        "rss_transcriber_mb_late": round(late.transcriber, 1),
        # From look to look it shows whether memory grows with what is told, or jumps and stays.
        "rss_mb_by_look": [[round(one.kiosk, 1), round(one.transcriber, 1)] for one in box.looks],
        "rss_growth_mb": round(late.kiosk + late.transcriber - early.kiosk - early.transcriber, 1),
    }


def _write_down(box: _Watched) -> None:
    """Wait for the words as long as they become more: hours of speech are told faster than they are written down."""
    conn = box.store.db.conn
    while True:
        talk = box.store.stories()[-1].id
        before = open_jobs(conn, talk)
        try:
            box.settle()
        except Unfinished:
            if failed_jobs(conn) or open_jobs(conn, talk) >= before:
                raise
        else:
            return


def main() -> int:
    """Run it; 0 when the conversation was written down and memory stayed flat, and below what both may take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="how long the conversation is (usual: 2, the longest)")
    found = long_conversation(parser.parse_args().hours)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    bounded = found["rss_kiosk_mb_highest"] + found["rss_transcriber_mb_highest"] <= _MOST_MB
    return 0 if found["written_down"] and bounded and found["rss_growth_mb"] < _GROWTH_MB else 1


if __name__ == "__main__":
    sys.exit(main())
