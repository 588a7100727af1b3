"""Ten thousand keys, chords, clicks and stray events of a window: they reach the session's table, or nothing at all."""

from __future__ import annotations

import os
import queue
import random
import subprocess
import threading
from collections import Counter
from datetime import date

import pygame
import pytest

from archive.consent import verify_chain
from archive.keycode import Cost
from archive.store import Store
from audio.clock import VirtualClock
from audio.player import SilentPlayer
from audio.sources import ScriptedSource
from hardware.keyboard import KEYS, KeyboardControls
from hardware.lamps import RememberedLamps
from hardware.types import Control
from kiosk import app as kiosk_app
from kiosk.box import Drivers, make_app
from kiosk.names import State
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings
from kiosk.signing import sign
from kiosk.texts import load
from kiosk.theme import make_theme
from kiosk.window import Window

COUNT = 10_000
BURST = 20
SIZE = (800, 480)
ALL_KEYS = sorted({getattr(pygame, name) for name in dir(pygame) if name.startswith("K_")})
MODIFIERS = [getattr(pygame, name) for name in dir(pygame) if name.startswith("KMOD_")]
STRAY = [
    getattr(pygame, name)
    for name in (
        "WINDOWMINIMIZED", "WINDOWFOCUSLOST", "WINDOWCLOSE", "WINDOWLEAVE", "WINDOWHIDDEN", "DROPFILE", "DROPTEXT",
        "JOYBUTTONDOWN", "CONTROLLERBUTTONDOWN", "MOUSEWHEEL", "MULTIGESTURE", "FINGERDOWN", "CLIPBOARDUPDATE",
        "TEXTINPUT", "TEXTEDITING", "APP_WILLENTERBACKGROUND", "APP_LOWMEMORY", "USEREVENT", "SYSWMEVENT",
    )
    if hasattr(pygame, name)
]  # fmt: skip
"""What a window may hear beside keys and mouse. A QUIT is none of them: no key makes one, only systemd and a desk."""


class Mashing:
    """Makes what somebody does who leans on a keyboard."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.made: Counter[str] = Counter()

    def event(self) -> list[pygame.event.Event]:
        kind = self.chance.random()
        if kind < 0.8:
            self.made["key"] += 1
            return self._chord()
        if kind < 0.93:
            self.made["click"] += 1
            place = (self.chance.randrange(-50, SIZE[0] + 50), self.chance.randrange(-50, SIZE[1] + 50))
            return [pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=self.chance.randint(1, 7), pos=place)]
        self.made["stray"] += 1
        return [pygame.event.Event(self.chance.choice(STRAY), text="x", file="/etc/passwd", pos=(1, 1), button=0)]

    def _chord(self) -> list[pygame.event.Event]:
        held = [self.chance.choice(MODIFIERS) for _ in range(self.chance.randint(0, 3))]
        mod = 0
        for one in held:
            mod |= one
        keys = self.chance.sample(ALL_KEYS, self.chance.randint(1, 3))
        text = self.chance.choice(["", "a", "4", "\b", "\x1b", "\x03", "ü", "\U0001f525", " "])
        events = [pygame.event.Event(pygame.KEYDOWN, key=key, unicode=text, mod=mod) for key in keys]
        if self.chance.random() < 0.9:
            events += [pygame.event.Event(pygame.KEYUP, key=key, mod=mod) for key in keys]
        return events


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A whole box with a real window whose display shows nothing."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    folder = read_home(tmp_path / "box").home
    sign(folder.texts, load("es"), "A reader of Spanish", date(2026, 3, 1))
    put_settings(folder.config, {"site.languages": ("en", "es")})
    setting, clock = read_home(tmp_path / "box"), VirtualClock()
    arrivals = queue.SimpleQueue()
    with Store(setting.home, clock, Cost(8, 1, 1)) as store:
        controls = KeyboardControls(clock)
        window = Window(make_theme("dusk"), SIZE, key=controls.key, touch=controls.touch)
        source, player = ScriptedSource(clock, []), SilentPlayer(clock, arrivals.put)
        drivers = Drivers(source, player, controls, RememberedLamps(clock), window, source.begin_track)
        app = make_app(setting, store, clock, drivers, arrivals)
        # Screens and troubles are not read aloud by a voice nobody hears.
        app._parts.playing.read = app._parts.playing.alarm = lambda *_: None
        yield app, window, controls, clock, source, store
        app.stop()
        window.close()


def forbid(monkeypatch, said):
    """Note whatever would leave the box: programs, signals, another display."""

    def note(name):
        def refuse(*words, **_more):
            said.append((name, words))
            raise PermissionError(name)

        return refuse

    for module, name in (
        (subprocess, "Popen"), (os, "system"), (os, "execv"), (os, "execve"), (os, "kill"), (os, "fork"),
        (os, "posix_spawn"), (pygame.display, "iconify"), (pygame.display, "toggle_fullscreen"),
        (pygame.display, "quit"), (pygame.scrap, "get_text") if hasattr(pygame.scrap, "get_text") else (os, "popen"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, note(f"{module.__name__}.{name}"))


def test_ten_thousand_random_keys_and_chords_only_ever_reach_the_table(bench, monkeypatch):
    app, window, controls, clock, source, store = bench
    left, reached, steps = [], [], []
    step = kiosk_app.step
    monkeypatch.setattr(kiosk_app, "step", lambda *words: steps.append(1) or step(*words))
    key = controls.key
    monkeypatch.setattr(window, "_key", lambda name, down: reached.append(key(name, down)))
    app.start()
    threads = {thread.name for thread in threading.enumerate()}
    forbid(monkeypatch, left)
    mashing, states = Mashing(2026), Counter()
    pygame.event.clear()
    for _ in range(COUNT // BURST):
        for _ in range(BURST):
            for event in mashing.event():
                pygame.event.post(event)
        before, counted = app.session, len(steps)
        clock.advance(random.Random(len(steps)).choice((0.1, 0.7, 5.0)))
        source.pump(clock.monotonic())
        app.round(0.0)
        assert app.session == before or len(steps) > counted, "the session changed without its table"
        assert not app.closed
        assert pygame.display.get_surface() is window._surface
        states[app.session.state] += 1
    monkeypatch.undo()
    assert sum(mashing.made.values()) == COUNT
    assert left == []
    assert set(reached) <= {*Control, None}
    assert len(set(reached) - {None}) == len(set(KEYS.values())), "not every control was met"
    assert set(states) <= set(State)
    assert len(states) >= 5, f"it never got anywhere: {states}"
    assert {thread.name for thread in threading.enumerate()} - threads <= {"capture"}, "somebody else was called"
    assert verify_chain(store.db.conn) == []


def test_a_window_that_opened_a_way_out_would_be_seen(monkeypatch):
    said = []
    forbid(monkeypatch, said)
    with pytest.raises(PermissionError):
        subprocess.Popen(["xterm"])
    with pytest.raises(PermissionError):
        pygame.display.iconify()
    assert [name for name, _ in said] == ["subprocess.Popen", "pygame.display.iconify"]
