"""Hands: one event for each press, whatever the switch does, from whichever driver the box has.

`Debouncer` is pure. Every driver feeds it raw edges, so scripted presses, keys and real switches are all judged
by the same rules, and a test of those rules needs neither pins nor time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from hardware.errors import Misused
from hardware.types import Control, ControlEvent, Ticker

Announce = Callable[[ControlEvent], None]
"""Takes an event. It may be called from another thread and must only queue."""

SETTLE_MS = 25
"""How long contacts may chatter. Common arcade and tactile switches bounce for 1 to 10 ms; worn ones for 20."""
STUCK_S = 30.0
"""A key down for longer than this is taken to be jammed, or leaned on by a book."""


class _Switch:
    """What is known of one switch."""

    __slots__ = ("down", "raw", "since")

    def __init__(self) -> None:
        self.raw = False
        """What the contact says."""
        self.down = False
        """What has been believed and told."""
        self.since = float("-inf")
        """When the contact last changed."""


class Debouncer:
    """Turns chattering edges into one press each.

    A press is believed at its *first* edge, so nobody waits for the switch to settle; a release only once the
    contact has stayed open for ``settle_ms``. So a bounce on the way down or up, a repeat from a keyboard that
    is held down, and a second contact within ``settle_ms`` of letting go never count. Keys are judged each for
    itself: two at once give two presses, in the order of their edges. A key that is down for `STUCK_S` is
    named by `stuck`; it has given its one press and gives no other until it is let go.

    With ``releases`` the release is told as well, at the time of its last edge, but no sooner than `settle` is
    called or the next edge of that key comes.

    Not promised: that an electric spike on an unshielded wire is told from a touch.
    """

    def __init__(self, settle_ms: int = SETTLE_MS, *, releases: bool = False) -> None:
        """Begin with every key up."""
        if settle_ms < 0:
            say = f"A key cannot settle in {settle_ms} ms."
            raise Misused(say, "Use a number of milliseconds from 0 on.")
        self.settle_s = settle_ms / 1000
        self._releases = releases
        self._switches: dict[Control, _Switch] = {}

    def feed(self, control: Control, pressed: bool, at: float) -> tuple[ControlEvent, ...]:
        """Take one edge and return what it tells: nothing, a press, or the release before it and a press.

        Edges of a key are to come in the order of their times; one that comes late counts as of now.
        """
        switch = self._switches.setdefault(control, _Switch())
        at = max(at, switch.since)
        told = self._let_go(control, switch, at)
        if pressed != switch.raw:
            switch.raw, switch.since = pressed, at
        if pressed and not switch.down:
            switch.down = True
            told = (*told, ControlEvent(control, at))
        return told

    def already_down(self, control: Control, at: float) -> None:
        """Note that ``control`` was down when watching began: that is no press, it must first be let go."""
        switch = self._switches.setdefault(control, _Switch())
        switch.raw = switch.down = True
        switch.since = at

    def settle(self, now: float) -> tuple[ControlEvent, ...]:
        """Believe every release that has lasted long enough by ``now``."""
        told: tuple[ControlEvent, ...] = ()
        for control, switch in self._switches.items():
            told += self._let_go(control, switch, now)
        return told

    def ready_at(self, control: Control) -> float:
        """Return the first second at which a new touch would count, infinity while the key is still down."""
        switch = self._switches.get(control)
        if switch is None or not switch.down:
            return float("-inf")
        return float("inf") if switch.raw else switch.since + self.settle_s

    def held(self, now: float) -> dict[Control, float]:
        """Return the keys that are down, with the seconds since their contact closed."""
        return {control: max(0.0, now - s.since) for control, s in self._switches.items() if s.down and s.raw}

    def stuck(self, now: float) -> frozenset[Control]:
        """Return the keys that have been down for too long to be a hand."""
        return frozenset(control for control, seconds in self.held(now).items() if seconds >= STUCK_S)

    def _let_go(self, control: Control, switch: _Switch, now: float) -> tuple[ControlEvent, ...]:
        if switch.raw or not switch.down or now < switch.since + self.settle_s:
            return ()
        switch.down = False
        return (ControlEvent(control, switch.since, released=True),) if self._releases else ()


class Controls(Protocol):
    """A set of keys under watch."""

    name: str

    def start(self, announce: Announce) -> None:
        """Begin to announce presses. A key that is already down is no press. Starting twice raises `Misused`."""
        ...

    def stop(self) -> None:
        """Announce nothing more and let go of the hardware. Stopping twice is harmless."""
        ...

    def settle(self) -> None:
        """Announce the releases that are certain by now (only if releases were asked for)."""
        ...

    def stuck(self) -> frozenset[Control]:
        """Return the keys that seem jammed."""
        ...


class Debounced:
    """What all drivers share: the debouncer, a lock (edges may come from several threads) and the announcing."""

    name = "debounced"

    def __init__(self, clock: Ticker, settle_ms: int = SETTLE_MS, *, releases: bool = False) -> None:
        """Keep the clock that stamps the edges."""
        self._clock = clock
        self._debouncer = Debouncer(settle_ms, releases=releases)
        self._lock = threading.Lock()
        self._announce: Announce | None = None

    def start(self, announce: Announce) -> None:
        """Begin to announce presses."""
        with self._lock:
            if self._announce is not None:
                say = "The buttons are already being watched."
                raise Misused(say, "Stop them before starting them again.")
            self._announce = announce

    def stop(self) -> None:
        """Announce nothing more."""
        with self._lock:
            self._announce = None

    def settle(self) -> None:
        """Announce the releases that are certain by now."""
        with self._lock:
            self._tell(self._debouncer.settle(self._clock.monotonic()))

    def stuck(self) -> frozenset[Control]:
        """Return the keys that seem jammed."""
        with self._lock:
            return self._debouncer.stuck(self._clock.monotonic())

    def _edge(self, control: Control, at: float, *, pressed: bool) -> None:
        with self._lock:
            if self._announce is not None:
                self._tell(self._debouncer.feed(control, pressed, at))

    def _tell(self, events: Iterable[ControlEvent]) -> None:
        if self._announce is not None:
            for event in events:
                self._announce(event)


class ScriptedControls(Debounced):
    """A visitor's hands, driven by a program. Refuses to press before `start`; remembers what was announced.

    A touch comes at the clock's now. Only when the same key is pressed again with no time passed between does
    it come as soon as a real switch could tell the two apart: `TOUCH_S` and the settling time later.
    """

    name = "scripted"
    TOUCH_S = 0.03
    """How long a scripted finger stays on the key, in seconds."""

    def __init__(self, clock: Ticker, settle_ms: int = SETTLE_MS, *, releases: bool = False) -> None:
        """Begin with nothing pressed."""
        super().__init__(clock, settle_ms, releases=releases)
        self.told: list[ControlEvent] = []
        """Everything announced so far, in order."""

    def press(self, control: Control) -> float:
        """Touch a key and let it go; return the second at which the finger went down."""
        at = self._reach(control)
        self._edge(control, at, pressed=True)
        self._edge(control, at + self.TOUCH_S, pressed=False)
        return at

    def hold(self, control: Control) -> float:
        """Put a finger on a key and leave it there until `let_go`."""
        at = self._reach(control)
        self._edge(control, at, pressed=True)
        return at

    def let_go(self, control: Control) -> None:
        """Lift the finger."""
        self._edge(control, self._clock.monotonic(), pressed=False)

    def bounce(self, control: Control, times: int = 5, gap_s: float = 0.002) -> float:
        """Press once with a worn switch: the contact chatters ``times`` on the way down and on the way up."""
        at = first = self._reach(control)
        for _ in range(times):
            self._edge(control, at, pressed=True)
            self._edge(control, at + gap_s / 2, pressed=False)
            at += gap_s
        self._edge(control, at, pressed=True)
        at += self.TOUCH_S
        for _ in range(times):
            self._edge(control, at, pressed=False)
            self._edge(control, at + gap_s / 2, pressed=True)
            at += gap_s
        self._edge(control, at, pressed=False)
        return first

    def storm(self, controls: Iterable[Control]) -> None:
        """Let a child loose on the box: touch the keys one after the other, as fast as they can be told apart."""
        for control in controls:
            self.press(control)

    def _reach(self, control: Control) -> float:
        if self._announce is None:
            say = "Nobody is watching the buttons yet."
            raise Misused(say, "Start the controls before pressing.")
        at = max(self._clock.monotonic(), self._debouncer.ready_at(control))
        if at == float("inf"):
            say = f"The key {control.value} is already down."
            raise Misused(say, "Let it go before pressing it again.")
        return at

    def _tell(self, events: Iterable[ControlEvent]) -> None:
        told = tuple(events)
        if self._announce is not None:
            self.told.extend(told)
        super()._tell(told)
