"""Records for a long time on a machine that is kept busy on purpose, and accounts for every block.

The virtual sound server plays the device. Every core spins, the disk syncs and a speech model works meanwhile; what
comes out is how many blocks were lost, how many gaps were found, how old blocks were, and how memory grew.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from audio.bench_sound import listen, sound_server
from audio.capture import Capture
from audio.clock import VirtualClock
from audio.drivers import make_vad
from audio.errors import NoModel
from audio.events import SegmentClosed, TakeClosed
from audio.hogs import busy
from audio.sources import ScriptedSource
from audio.speech import on_this_machine
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, TakeId

if TYPE_CHECKING:
    from audio.events import CaptureEvent

_USUAL_MINUTES: Final = 60.0
_STEP_S: Final = 1.0
_TAKE_S: Final = 300.0
_MINUTE: Final = 60.0
_GROWTH_MB: Final = 8.0
"""A take that makes the process grow by more than this does not leave memory flat."""


def soak(minutes: float) -> dict[str, float]:
    """Record for ``minutes`` with everything busy. Raises `NoSoundServer`, `NoMicrophone`, `DiskTrouble`."""
    seconds = minutes * _MINUTE
    with sound_server(), tempfile.TemporaryDirectory(prefix="hearth-soak-") as name:
        folder = Path(name)
        with busy(cores=os.cpu_count() or 1, disk=folder, model=True):
            heard = listen(seconds, max(1, round(seconds / _TAKE_S)), folder)
    age = np.array(heard.age_ms)
    return {
        "minutes": minutes,
        "blocks_heard": heard.blocks,
        "blocks_lost": heard.lost,
        "gaps": heard.gaps,
        "sound_missing_ms": round(heard.missing_s * 1000),
        "press_to_record_ms_max": round(max(heard.record_ms), 3),
        "block_age_ms_median": round(float(np.median(age)), 1),
        "block_age_ms_p99": round(float(np.percentile(age, 99)), 1),
        "block_age_ms_max": round(float(age.max()), 1),
    }


def long_take(hours: float) -> dict[str, float]:
    """Record one take of ``hours`` as fast as the pipeline takes it, and look at memory on the way.

    Recorded speech is told again and again where there is any, so that every part works: storing, detecting voices,
    cutting. Raises `DiskTrouble`, `NoModel` without the voice detector.
    """
    clock = VirtualClock()
    story = _speech()
    steps = round(hours * 3600 / _STEP_S)
    source = ScriptedSource(clock, story * (steps + 1), AudioFormat(48_000))
    news: Counter[str] = Counter()

    def announce(event: CaptureEvent) -> None:
        news[type(event).__name__] += 1

    capture = Capture(source, make_vad("silero"), clock, announce)
    capture.open()
    megabytes = []
    with tempfile.TemporaryDirectory(prefix="hearth-soak-") as folder:
        began = time.monotonic()
        capture.begin(TakeWriter(Path(folder, "long.take"), TakeId("long"), source.format, bytes(32)), 0.0)
        source.begin_track(0.0)
        for step in range(steps):
            clock.advance(_STEP_S)
            source.pump(clock.monotonic())
            capture.drain()
            if source.heard:
                source.begin_track(clock.monotonic())
            if step % max(1, steps // 12) == 0:
                megabytes.append(_resident_mb())
        capture.finish(clock.monotonic())
        capture.drain()
        capture.close()
        took = time.monotonic() - began
    return {
        "hours": hours,
        "real_s": round(took, 1),
        "segments": news[SegmentClosed.__name__],
        "takes": news[TakeClosed.__name__],
        "rss_mb_early": round(megabytes[1], 1),
        "rss_mb_late": round(megabytes[-1], 1),
        "rss_mb_growth": round(megabytes[-1] - megabytes[1], 1),
        "rss_mb_highest": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _speech() -> list[Path]:
    """The longest recording of a voice on this machine; none where there is none, and the source babbles."""
    try:
        return [max(on_this_machine(), key=lambda one: one.path.stat().st_size).path]
    except NoModel:
        return []


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> int:
    """Run it; 0 when not one block was lost and memory stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=_USUAL_MINUTES, help="how long to record (usual: 60; 0: not at all)"
    )
    parser.add_argument("--hours-of-take", type=float, default=0.0, help="also record a take so long, sped up")
    asked = parser.parse_args()
    found = soak(asked.minutes) if asked.minutes else {}
    if asked.hours_of_take:
        found |= long_take(asked.hours_of_take)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    well = not found.get("blocks_lost") and not found.get("gaps") and found.get("rss_mb_growth", 0.0) < _GROWTH_MB
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
