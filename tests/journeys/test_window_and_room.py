"""The box as a visitor meets it: sound through PortAudio on a virtual sound server, a real window, keys and mouse."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pygame
import pytest

from audio.speech import word_error_rate
from audio.virtualsound import MICROPHONE, SPEAKER, NoSoundServer, VirtualSound, missing_programs
from hardware.types import Control
from kiosk.screens.renderer import Renderer
from kiosk.theme import make_theme

pytestmark = pytest.mark.alone  # sound in real time, through a sound server

SIZE = (800, 480)

needs_sound = pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {', '.join(missing_programs())}")
_MISSING = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
needs_window = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")


@needs_sound
def test_a_story_through_portaudio_is_written_down_while_it_is_told(hearth, speech, tmp_path) -> None:
    one = next((one for one in speech if "Ever tried" in one.text), speech[-1])
    presses = "talk agree @1 talk @speech @2 talk hear @1 keep play_here done listen @1 stop"
    for turn in ("first", "second"):
        home, shots = tmp_path / turn, tmp_path / f"{turn}-shots"
        words = ["--home", home, "--mic", one.path, "--shots", shots, "--presses", presses]
        ran = hearth("simulate", *words, "--virtual-audio", "--json")
        assert ran.code == 0, ran.err
        if not ran.json["overflows"]:
            break
        # A machine busy with other things may starve the sound server once; losing blocks twice in a row is ours.
    (story,) = ran.json["stories"]
    assert ran.json["overflows"] == 0
    assert word_error_rate([(one.text, story["transcript"])]) <= 0.25
    events = ran.json["events"]
    closed = next(event["at"] for event in events if event["event"] == "TakeClosed")
    grown = [event["count"] for event in events if event["event"] == "words"]
    assert grown == sorted(set(grown))
    assert grown
    assert next(event["at"] for event in events if event["event"] == "words") < closed + 5
    assert [event["event"] for event in events].count("PlaybackStarted") == 2
    assert len(ran.json["latencies"]["press_to_sound"]) == 2
    names = {path.stem.partition("-")[2] for path in shots.glob("*.png")}
    assert {"attract", "consent", "ready", "recording", "review", "sharing", "thanks", "listening"} <= names
    for path in shots.glob("*.png"):
        assert drawn(path) > 20, path


def drawn(path: Path) -> int:
    """How many different colours a picture holds: a blank one holds one."""
    pixels = pygame.surfarray.array3d(pygame.image.load(str(path)))
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@dataclass(frozen=True)
class Glass:
    """A display that is only in memory, and hands for it."""

    display: str
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {"DISPLAY": self.display, "SDL_VIDEODRIVER": "x11", "SDL_AUDIODRIVER": "dummy"}

    def do(self, *words: object) -> str:
        done = subprocess.run(
            ["xdotool", *map(str, words)],
            env=os.environ | self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout.strip()

    def window(self) -> str:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = self.do("search", "--class", ".").splitlines()
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError("no window came")

    def pixels(self) -> np.ndarray:
        """What is on the glass now, from the server's own frame buffer (XWD, 32 bits a pixel)."""
        data = (self.folder / "Xvfb_screen0").read_bytes()
        header, _, _, _, width, height = np.frombuffer(data[:24], ">u4")
        line, colours = np.frombuffer(data[48:52], ">u4")[0], np.frombuffer(data[76:80], ">u4")[0]
        body = data[header + 12 * colours :]
        rows = np.frombuffer(body[: line * height], np.uint8).reshape(height, line)
        return rows[:, : width * 4].reshape(height, width, 4)[:, :, :3].copy()


@pytest.fixture
def glass(tmp_path) -> Iterator[Glass]:
    read, write = os.pipe()
    folder = tmp_path / "glass"
    folder.mkdir()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x480x24", "-fbdir", folder, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    yield Glass(f":{number}", folder)
    server.terminate()
    server.wait(10)


@pytest.fixture
def room(tmp_path) -> Iterator[VirtualSound]:
    try:
        with VirtualSound(tmp_path / "room") as sound:
            yield sound
    except NoSoundServer as error:
        pytest.skip(f"{error.say} {error.do}")


class Watcher:
    """Reads from the store, as another program does, how far the visit has come."""

    def __init__(self, look, home: Path) -> None:
        self.look, self.home = look, home

    def until(self, what: str, true, patience: float = 30.0) -> None:
        limit = time.monotonic() + patience
        while not true():
            assert time.monotonic() < limit, f"it never came to this: {what}"
            time.sleep(0.1)

    def ask(self, query: str, *values: object) -> list[tuple]:
        with self.look(self.home) as store:
            return store.db.conn.execute(query, values).fetchall()


def key_place(control: Control) -> tuple[int, int]:
    """Where a finger finds the key of a control: asked of the renderer, drawn with three keys."""
    from kiosk.screens.samples import sample_views
    from kiosk.texts import load

    pygame.font.init()
    renderer = Renderer(make_theme("dusk"), SIZE, width_mm=154.0)
    surface = pygame.Surface(SIZE)
    shown = next(view for view in sample_views(load("en")).values() if len(view.keys) == 3)
    renderer.draw(surface, shown, 0.0)
    places = [
        (x, y) for x in range(5, SIZE[0], 10) for y in range(5, SIZE[1], 10) if renderer.control_at((x, y)) is control
    ]
    assert places
    return tuple(int(value) for value in np.median(np.array(places), axis=0))


@needs_sound
@needs_window
def test_a_visit_in_a_real_window_with_keys_and_mouse(
    glass, room, program, clean_environment, hearth, speech, tmp_path, look
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(f'[sound]\nmicrophone = "{MICROPHONE}"\nspeaker = "{SPEAKER}"\n')
    env = clean_environment(**room.env, **glass.env)
    with (tmp_path / "run.log").open("w") as log:
        box = subprocess.Popen([program, "run", "--home", home, "--with-transcriber"], env=env, stdout=log, stderr=log)
    seen: dict[str, np.ndarray] = {}
    try:
        window = glass.window()
        glass.do("windowfocus", window)
        watcher = Watcher(look, home)

        def settled(name: str, unlike: np.ndarray | None = None) -> None:
            """Wait for a screen that is drawn, is another than before, and has stood long enough for a yes to count."""

            def other() -> bool:
                now = glass.pixels()
                blank = len(np.unique(now.reshape(-1, 3), axis=0)) <= 20
                return not blank and (unlike is None or np.mean(np.any(now != unlike, axis=2)) > 0.02)

            watcher.until(f"the screen of {name}", other)
            time.sleep(1.2)
            seen[name] = glass.pixels()

        def press(key: str) -> None:
            glass.do("key", key)

        def click(control: Control) -> None:
            x, y = key_place(control)
            glass.do("mousemove", x, y, "click", 1)

        settled("attract")
        press("Left")
        settled("consent", seen["attract"])
        click(Control.LEFT)
        settled("ready", seen["consent"])
        watcher.until("a take agreed to", lambda: watcher.ask("SELECT id FROM takes"))
        press("a")
        watcher.until("a take that grows", lambda: list((home / "takes").glob("*.take")))
        room.feed(speech[1].path).wait(30)
        settled("recording", seen["ready"])
        click(Control.LEFT)
        watcher.until("the take closed", lambda: watcher.ask("SELECT length FROM closings"))
        settled("review", seen["recording"])
        press("Left")
        watcher.until("the story kept", lambda: watcher.ask("SELECT take FROM codes"))
        settled("sharing", seen["review"])
        click(Control.LEFT)
        watcher.until("a first yes", lambda: watcher.ask("SELECT seq FROM ledger WHERE use = 'play_here' AND yes = 1"))
        time.sleep(1.0)
        press("space")
        watcher.until("no to the rest", lambda: watcher.ask("SELECT seq FROM ledger WHERE use = 'quote' AND yes = 0"))
        settled("thanks", seen["sharing"])
        press("Right")
        settled("attract again", seen["thanks"])
        watcher.until(
            "every word", lambda: not watcher.ask("SELECT 1 FROM jobs WHERE kind = 'transcribe' AND done_at IS NULL")
        )
    finally:
        box.send_signal(signal.SIGTERM)
        try:
            code = box.wait(30)
        finally:
            if box.poll() is None:
                box.kill()
    said = (tmp_path / "run.log").read_text()
    assert code == 0, said
    assert "Traceback" not in said
    (story,) = hearth("list", "--home", home, "--json").json["stories"]
    assert story["consent"] == {"play_here": True, "archive": False, "partners": False, "public": False, "quote": False}
    assert story["seconds"] >= 2.5
    word = max(re.findall(r"[a-z]{4,}", speech[1].text.lower()), key=len)
    found = hearth("search", word, "--home", home, "--json")
    assert found.code == 0
    assert {one["story"] for one in found.json["results"]} <= {story["id"]}
    different = [name for name, picture in seen.items() if len(np.unique(picture.reshape(-1, 3), axis=0)) > 20]
    assert len(different) == 8
