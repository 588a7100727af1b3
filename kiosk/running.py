"""Runs the real box: real clock, real devices, until it is told to stop."""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

from archive.store import Store
from audio.clock import Clock, SystemClock
from audio.errors import AudioError
from audio.microphone import reset_portaudio
from audio.player import Player, SilentPlayer
from audio.priority import hurry
from audio.sources import ScriptedSource, Source
from hardware.controls import Controls
from hardware.errors import HardwareError
from hardware.keyboard import KeyboardControls
from hardware.lamps import Lamps, RememberedLamps
from hardware.notify import Notifier, Watchdog, watchdog_interval
from kiosk.app import App, Arrival
from kiosk.box import Drivers, make_app, make_hands, make_player_of, make_source_of
from kiosk.config import load as load_config
from kiosk.contact import keep_contact
from kiosk.door import Door
from kiosk.duetime import DueTime
from kiosk.extras import Extras
from kiosk.firstrun.aloud import Aloud
from kiosk.firstrun.running import Around, FirstRun
from kiosk.firstrun.sheet import unfinished
from kiosk.firstrun.sound import hear_itself, other_cards
from kiosk.setting import Setting, only_kiosk, read_home
from kiosk.speech import Voice, speech_cache
from kiosk.texts import load, shipped_languages
from kiosk.theme import make_theme
from kiosk.thrift import spare_memory
from kiosk.transcriberproc import TranscriberProcess
from kiosk.types import Session, State
from kiosk.view import view
from kiosk.window import Picture, Screen, Window

RETRY_S = 5.0
"""How long a box without its microphone or loudspeaker waits before it looks again."""
_MAIN, _AUDIO = "main", "audio"
_FREE = frozenset({State.ATTRACT, State.OUT_OF_SERVICE})
_log = logging.getLogger(__name__)


class Beats:
    """Tells systemd that the box lives: only the turning of the loop and blocks of sound count."""

    def __init__(self, clock: Clock) -> None:
        """Read what systemd asked for."""
        self._clock = clock
        self._notifier = Notifier.from_environment()
        every = watchdog_interval()
        now = clock.monotonic()
        self._watchdog = (
            None if every is None else Watchdog((_MAIN, _AUDIO), within_s=every / 2, every_s=every / 4, now=now)
        )
        self._blocks = 0
        self._told: State = State.STARTING

    def beat(self, app: App) -> None:
        """Count one turn of the loop; tell systemd the state, by which an update sees whether anybody is at the box."""
        state = app.session.state
        if state is not self._told:
            # Ready once started; said again it is the new state alone, which nothing keeps.
            self._told = state
            self._notifier.ready(f"in {state.value}")
        if self._watchdog is None:
            return
        now = self._clock.monotonic()
        self._watchdog.beat(_MAIN, now)
        blocks = app.telling.blocks
        if not app.telling.stream_open:
            self._watchdog.rest(_AUDIO)
        elif blocks != self._blocks:
            self._watchdog.beat(_AUDIO, now)
        self._blocks = blocks
        if self._watchdog.due(now):
            self._notifier.alive()

    @property
    def by_hand(self) -> bool:
        """Whether somebody started the box, not systemd, whose timers do what comes by the hour."""
        return self._notifier.address is None

    def waiting(self, say: str) -> None:
        """Tell systemd that the box is up and waits for something a person has to bring."""
        self._notifier.ready(say)
        self._notifier.alive()

    def begin_again(self) -> None:
        """Tell systemd that the box is put together anew: as busy as at its start."""
        self._told = State.STARTING
        self.waiting(f"in {self._told.value}")

    def stop(self) -> None:
        """Say that the process is ending: the manager that hears it kills what is still there a little later."""
        self._notifier.stopping()
        self._notifier.close()


StandIn = Callable[[Clock], ScriptedSource]
"""Makes a microphone for a desk that has none."""


def run_box(
    setting: Setting,
    *,
    window: bool,
    with_transcriber: bool,
    stand_in: StandIn | None = None,
    stop: threading.Event | None = None,
    safe: bool = False,
    set_up: bool = False,
) -> None:
    """Run until SIGTERM, SIGINT, a closed window or ``stop``.

    A device that is missing is shown as trouble and looked for again; with ``stand_in`` its shipped fake is taken.
    ``safe`` does with as little as a story needs: a microphone and a screen. What else fails is left out and logged.
    With ``set_up`` a box that was never live is set up first (`kiosk.firstrun`), and then begins with those settings.
    Once nobody is at it, it begins again with settings that a phone has changed.
    Raises `Occupied` when another kiosk is at work on this home.
    """
    stop = stop or threading.Event()
    spare_memory()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    clock = SystemClock()
    beats = Beats(clock)
    try:
        ready = make_ready(setting, clock, stop, beats, window=window) if set_up else setting
        while ready is not None:
            for why in ready.not_offered:
                _log.warning("a language is not offered: %s", why.say)
            with suppress(OSError):
                keep_contact(ready.home, ready.config.site)
            again = _keep_running(ready, clock, stop, beats, window, with_transcriber, stand_in, safe=safe)
            if again:
                beats.begin_again()
            ready = read_home(ready.home.path) if again else None
    finally:
        beats.stop()


def _keep_running(
    setting: Setting,
    clock: Clock,
    stop: threading.Event,
    beats: Beats,
    window: bool,
    with_transcriber: bool,
    stand_in: StandIn | None,
    *,
    safe: bool,
) -> bool:
    """Put the box together and turn its loop until ``stop`` or a closed window; whether to begin again then."""
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    again = False
    with ExitStack() as stack:
        stack.enter_context(only_kiosk(setting.home))
        if with_transcriber:
            log = setting.home.log / "transcriber.log"
            transcriber = stack.enter_context(TranscriberProcess(setting.home.path, setting.home.keys, log))
        # Only now, so that the transcriber does not inherit it: whoever waits for a key or a sound goes first.
        hurry(real_time=False)
        store = stack.enter_context(Store(setting.home, clock))
        controls, lamps = _hands(setting, clock, safe=safe)
        screen = _screen(setting, controls, clock, arrivals, window=window)
        sound = _sound(setting, clock, arrivals, stand_in, safe=safe) or _wait_for_sound(
            setting, clock, arrivals, screen, stop, beats
        )
        if sound is None:
            screen.close()
            return again
        source, player = sound
        begin = source.begin_track if isinstance(source, ScriptedSource) else None
        app = make_app(setting, store, clock, Drivers(source, player, controls, lamps, screen, begin), arrivals)
        due = DueTime(setting.home, clock, setting.config.retention) if beats.by_hand else None
        try:
            app.start()
            while not stop.is_set() and not app.closed:
                app.round(app.wait_s)
                if isinstance(source, ScriptedSource):
                    source.pump(clock.monotonic())
                if with_transcriber:
                    transcriber.keep_alive()
                beats.beat(app)
                if due is not None:
                    due.tick(free=app.session.state in _FREE)
        finally:
            if due is not None:
                due.stop()
            app.stop()
            player.close()
        again = app.again and not stop.is_set()
    return again  # noqa: RET504 (the stack may end the block before)


def make_ready(setting: Setting, clock: Clock, stop: threading.Event, beats: Beats, *, window: bool) -> Setting | None:
    """Set the box up, if it was never live: returns its settings then, or None when it was stopped before."""
    with Store(setting.home, clock) as store, only_kiosk(setting.home):
        if not unfinished(setting.home, store):
            return setting
        controls, lamps = _hands(setting, clock, safe=True)
        arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        screen = _screen(setting, controls, clock, arrivals, window=window)
        words = {code: load(code, setting.home.texts) for code in shipped_languages()}
        first = (setting.config.site.language, *(code for code in words if code != setting.config.site.language))
        around = Around(
            store, clock, controls, screen, words, Door(), lambda card: hear_itself(setting.home, clock, stop, card),
            lambda: other_cards(setting.home), aloud=Aloud(
                Voice(words, recordings=setting.home.texts, cache=speech_cache()),
                lambda: make_player_of(load_config(setting.home.config), clock, queue.SimpleQueue()),
            ),
        )  # fmt: skip
        try:
            if not FirstRun(around, first, first[0], arrivals, volume=setting.config.begins_at).run(
                stop, beats.waiting
            ):
                return None
        finally:
            lamps.close()
            screen.close()
    return read_home(setting.home.path)


def _hands(setting: Setting, clock: Clock, *, safe: bool) -> tuple[Controls, Lamps]:
    """Make keys and lamps as set; in safe mode keyboard and touch stand in for broken ones. Raises `HardwareError`."""
    try:
        return make_hands(setting.config, clock)
    except HardwareError as error:
        if not safe:
            raise
        _log.warning("safe mode goes without buttons and lamps: %s", error.say)
        return KeyboardControls(clock), RememberedLamps(clock)


def _sound(
    setting: Setting,
    clock: Clock,
    arrivals: queue.SimpleQueue[Arrival],
    stand_in: StandIn | None,
    *,
    safe: bool = False,
) -> tuple[Source, Player] | None:
    """Open what the settings name, else the stand-in; None where there is neither. Safe mode needs no loudspeaker."""
    try:
        source = make_source_of(setting.config, clock)
        try:
            return source, make_player_of(setting.config, clock, arrivals)
        except AudioError as error:
            if not safe:
                raise
            _log.warning("safe mode goes without a loudspeaker: %s", error.say)
            return source, SilentPlayer(clock, arrivals.put)
    except AudioError as error:
        _log.warning("%s %s", error.say, error.do)
        return None if stand_in is None else (stand_in(clock), SilentPlayer(clock, arrivals.put))


def _wait_for_sound(
    setting: Setting,
    clock: Clock,
    arrivals: queue.SimpleQueue[Arrival],
    screen: Screen,
    stop: threading.Event,
    beats: Beats,
) -> tuple[Source, Player] | None:
    """Show what is missing and look for it again; None when told to stop first."""
    texts = setting.texts[setting.config.site.language]
    while not stop.is_set() and screen.poll():
        try:
            return make_source_of(setting.config, clock), make_player_of(setting.config, clock, arrivals)
        except AudioError as error:
            say, do = texts.trouble(error.code, error.say, error.do)
        session = Session(state=State.OUT_OF_SERVICE, say=say, do=do, language=texts.language)
        screen.show(view(session, Extras(), texts, {}), clock.monotonic())
        beats.waiting(say)
        reset_portaudio()
        stop.wait(RETRY_S)
    return None


def _screen(
    setting: Setting, controls: Controls, clock: Clock, arrivals: queue.SimpleQueue[Arrival], *, window: bool
) -> Screen:
    panel = setting.config.screen
    size, theme = (panel.width, panel.height), make_theme(panel.theme)
    if not window:
        return Picture(theme, size, width_mm=panel.width_mm)
    hands = controls
    if not isinstance(hands, KeyboardControls):
        # Keyboard, mouse and touch do what the buttons do, beside the buttons.
        hands = KeyboardControls(clock)
        hands.start(arrivals.put)
    return Window(theme, size, key=hands.key, touch=hands.touch, width_mm=panel.width_mm, full=panel.fullscreen)
