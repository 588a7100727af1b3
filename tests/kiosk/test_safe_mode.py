"""The safe mode does with a microphone and a screen; the box as such takes no stand-in in silence."""

from __future__ import annotations

import queue
import socket
import threading
import time
from pathlib import Path

import pytest

from audio.clock import VirtualClock
from audio.errors import NoMicrophone, NoSpeaker
from audio.player import SilentPlayer
from audio.sources import WavSource
from hardware.errors import HardwareError, NoPins
from hardware.keyboard import KeyboardControls
from hardware.lamps import RememberedLamps
from kiosk import running
from kiosk.config import Site
from kiosk.contact import keep_contact
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings
from kiosk.types import State

MICROPHONE = object()
UNIT = Path(__file__).parents[2] / "systemd/hearth-out-of-service.service"


@pytest.fixture
def setting(tmp_path):
    return read_home(tmp_path / "box")


@pytest.fixture
def no_pins(monkeypatch):
    def refuse(*_):
        raise NoPins("The pins are taken.", "Stop what holds them.")

    monkeypatch.setattr(running, "make_hands", refuse)


@pytest.fixture
def no_speaker(monkeypatch):
    def refuse(*_):
        raise NoSpeaker("There is no loudspeaker.", "Plug one in.")

    monkeypatch.setattr(running, "make_source_of", lambda *_: MICROPHONE)
    monkeypatch.setattr(running, "make_player_of", refuse)


def test_broken_buttons_give_way_to_keyboard_and_touch_in_safe_mode_alone(setting, no_pins):
    clock = VirtualClock()
    with pytest.raises(HardwareError):
        running._hands(setting, clock, safe=False)
    controls, lamps = running._hands(setting, clock, safe=True)
    assert isinstance(controls, KeyboardControls)
    assert isinstance(lamps, RememberedLamps)


def test_a_missing_loudspeaker_gives_way_to_silence_in_safe_mode_alone(setting, no_speaker):
    clock, arrivals = VirtualClock(), queue.SimpleQueue()
    assert running._sound(setting, clock, arrivals, None) is None
    source, player = running._sound(setting, clock, arrivals, None, safe=True)
    assert source is MICROPHONE
    assert isinstance(player, SilentPlayer)


def test_without_a_microphone_there_is_nothing_to_record_in_safe_mode_either(setting, monkeypatch):
    def refuse(*_):
        raise NoMicrophone("There is no microphone.", "Plug one in.")

    monkeypatch.setattr(running, "make_source_of", refuse)
    assert running._sound(setting, VirtualClock(), queue.SimpleQueue(), None, safe=True) is None


class AppStandIn:
    """What `Beats` looks at: a session's state, and how far the sound path has come."""

    def __init__(self):
        self.session = self
        self.telling = self
        self.state = State.STARTING
        self.stream_open = False
        self.blocks = 0


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """The socket on which a service manager would listen, with a watchdog of 8 s."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(address))
        listener.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "8000000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

        def heard():
            said = []
            listener.setblocking(False)
            while True:
                try:
                    said += listener.recv(4096).decode().splitlines()
                except BlockingIOError:
                    return said

        yield heard


def test_systemd_is_told_each_state_and_nothing_before_the_first_screen(manager):
    clock, app = VirtualClock(), AppStandIn()
    beats = running.Beats(clock)
    beats.beat(app)
    assert not any(line.startswith(("READY", "STATUS")) for line in manager())
    for state in (State.ATTRACT, State.ATTRACT, State.CONSENT):
        app.state = state
        beats.beat(app)
    said = [line for line in manager() if line != "WATCHDOG=1"]
    assert said == ["READY=1", "STATUS=in attract", "READY=1", "STATUS=in consent"]
    beats.stop()


def fed(manager, clock, app, beats, seconds, *, blocks):
    """Turn the loop for so long; return how often the watchdog was fed in the second half."""
    app.state = State.RECORDING
    for _ in range(2):
        manager()
        for _ in range(int(seconds * 5)):
            clock.advance(0.1)
            app.blocks += blocks
            beats.beat(app)
    return manager().count("WATCHDOG=1")


def test_the_watchdog_is_fed_by_the_loop_and_by_sound_that_arrives(manager):
    clock, app = VirtualClock(), AppStandIn()
    beats = running.Beats(clock)
    assert fed(manager, clock, app, beats, 20, blocks=0) > 3, "at rest the loop is enough"
    app.stream_open = True
    assert fed(manager, clock, app, beats, 20, blocks=5) > 3, "sound arrives"
    assert fed(manager, clock, app, beats, 20, blocks=0) == 0, "the loop turns and no sound is taken up: hung"
    assert fed(manager, clock, app, beats, 20, blocks=5) > 3
    app.stream_open = False
    assert fed(manager, clock, app, beats, 20, blocks=0) > 3
    beats.stop()


@pytest.fixture
def fingers(monkeypatch):
    """What was made of the keyboard, newest last: a key can be pressed on it."""
    made, known = [], running.make_hands

    def make(*arguments):
        made.append(known(*arguments))
        return made[-1]

    monkeypatch.setattr(running, "make_hands", make)
    return made


def test_whom_to_call_lies_where_a_box_that_cannot_run_finds_it(setting):
    site = Site(steward="The desk", contact="555\x1b[2J 0100")
    path = setting.home.path / "contact.txt"
    keep_contact(setting.home, site)
    assert path.read_text() == "    The desk, 555 [2J 0100\n"
    assert f"/var/lib/hearth/{path.name}" in UNIT.read_text(encoding="utf-8")
    keep_contact(setting.home, Site())
    assert not path.exists(), "the installer's own counts again"


def test_the_same_process_sets_the_box_up_and_goes_live_and_says_at_its_end_alone_that_it_stops(
    setting, manager, fingers, monkeypatch
):
    """systemd kills a service some seconds after it said STOPPING=1, whatever it says later."""
    stop, said = threading.Event(), []

    def deaf(*_):
        raise NoMicrophone("There is no microphone.", "Plug one in.")

    # Its tone is tried in tests of its own: restarting PortAudio here would pull it from under what others hold open.
    monkeypatch.setattr(running, "hear_itself", deaf)
    running_box = threading.Thread(
        target=running.run_box,
        args=(setting,),
        kwargs={
            "window": False, "with_transcriber": False, "set_up": True, "stop": stop,
            "stand_in": lambda clock: WavSource([], clock),
        },
    )  # fmt: skip
    running_box.start()

    def until(status, key=""):
        ends = time.monotonic() + 60
        while f"STATUS={status}" not in said:
            assert running_box.is_alive()
            assert time.monotonic() < ends, said[-3:]
            said.extend(line for line in manager() if line != "WATCHDOG=1")
            if key and len(fingers) == 1:
                controls, _ = fingers[0]
                controls.key(key, pressed=True)
                controls.key(key, pressed=False)
            stop.wait(0.05)

    try:
        until("in set_up_language")
        put_settings(setting.home.config, {"site.contact": "555 0100"})
        until("in set_up_phone", "left")
        until("in set_up_sound", "down")
        until("in set_up_live", "left")
        until("in attract", "left")
        assert "STOPPING=1" not in said
        assert (setting.home.path / "contact.txt").read_text().strip() == "555 0100"
    finally:
        stop.set()
        running_box.join(60)
    assert manager()[-1] == "STOPPING=1"
