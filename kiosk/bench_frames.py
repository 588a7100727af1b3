"""What a frame costs in a real window: while a story is told with captions, and while it is heard; press to screen."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from audio.bench_sound import p95
from audio.speech import Spoken
from hardware.types import Control
from kiosk.presses import parse
from kiosk.screens.model import Kind, View
from kiosk.setting import read_home
from kiosk.simulation import Simulation
from kiosk.theme import Theme, make_theme
from kiosk.window import Window

Progress = Callable[[str], None]
_WATCHED: Final = {Kind.RECORDING: "recording", Kind.LISTENING: "playing"}


class _Timed(Window):
    """A window that remembers how long each live frame took, drawing it and bringing it to the glass, in ms.

    Beside the time that passed stands the processor's: on a busy machine the first is mostly waiting for a core.
    """

    def __init__(self, theme: Theme, size: tuple[int, int], *, width_mm: float | None = None) -> None:
        super().__init__(theme, size, key=_no_key, touch=_no_touch, width_mm=width_mm)
        self.frames: dict[str, list[float]] = {name: [] for name in _WATCHED.values()}
        self.worked: dict[str, list[float]] = {name: [] for name in _WATCHED.values()}
        self.captioned = dict.fromkeys(_WATCHED.values(), 0)

    def show(self, view: View, now: float) -> None:
        """Draw, and note what it took."""
        began, worked = time.perf_counter(), time.thread_time()
        super().show(view, now)
        name = _WATCHED.get(view.kind)
        if name is not None and (view.listening or view.captions):
            self.frames[name].append(1000 * (time.perf_counter() - began))
            self.worked[name].append(1000 * (time.thread_time() - worked))
            self.captioned[name] += bool(view.captions)


def _no_key(name: str, down: bool) -> None:
    """Nobody types into a measurement."""


def _no_touch(control: Control) -> None:
    """Nobody touches it."""


def frame_figures(spoken: Spoken, rounds: int, progress: Progress) -> dict[str, float]:
    """Tell ``spoken`` in a window and listen to it ``rounds`` times, in real time.

    Without a display there is no window and so no figure: run it on a screen, or under ``xvfb-run``.
    """
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        progress("frames: not measured. There is no display; xvfb-run makes one that nobody sees.")
        return {}
    progress("drawing a story as it is told and heard")
    with tempfile.TemporaryDirectory(prefix="hearth-frames-") as name:
        setting = read_home(Path(name, "home"))
        panel = setting.config.screen
        screen = _Timed(make_theme(panel.theme), (panel.width, panel.height), width_mm=panel.width_mm)
        visit = Simulation(setting, [spoken.path], realtime=True, screen=screen)
        with visit:
            visit.visit(parse("talk agree @2 talk @speech talk keep play_here done done"))
            visit.settle()
            for _ in range(rounds):
                visit.visit(parse("listen @8 stop @1"))
        visit.store.close()
    pressed = [1000 * seconds for seconds in visit.report.latencies.get("press_to_screen", [])]
    figures: dict[str, float] = {"press_to_screen_ms_p95": round(p95(pressed), 1), "presses": len(pressed)}
    for what, frames in screen.frames.items():
        figures |= {
            f"frame_{what}_ms_median": round(statistics.median(frames), 2) if frames else float("nan"),
            f"frame_{what}_ms_p95": round(p95(frames), 2),
            f"frame_{what}_ms_most": round(max(frames, default=float("nan")), 2),
            f"frame_{what}_cpu_ms_p95": round(p95(screen.worked[what]), 2),
            f"frame_{what}_cpu_ms_most": round(max(screen.worked[what], default=float("nan")), 2),
            f"frames_{what}": len(frames),
            f"frames_{what}_with_words": screen.captioned[what],
        }
    return figures
