"""What `pins` runs inside its kernel: the box's drivers on real lines, pressed and looked at from the chip's other side.

Everything goes through ``hardware.drivers``, as on a board. Prints one JSON object; nothing here waits for a clock but to
say that something did not come.
"""

from __future__ import annotations

import contextlib
import json
import platform
import queue
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from hardware.controls import Controls
from hardware.drivers import make_controls, make_lamps
from hardware.errors import NoPins
from hardware.gpio import real_pins
from hardware.lamps import Lamps
from hardware.pins import wired
from hardware.types import Control, ControlEvent, Lamp

PINS = wired(8)
CHIP = Path("/sys/devices/platform/gpio-sim.0")
LIVE = Path("/sys/kernel/config/gpio-sim/board/live")
COMES_WITHIN_S = 20.0
_LOOKS = 400


class Clock:
    """The machine's own."""

    def monotonic(self) -> float:
        """Return its seconds."""
        return time.monotonic()


def line(pin: int, what: str) -> Path:
    """The other side of a line: ``pull`` is what its wire does, ``value`` what it is."""
    (chip,) = CHIP.glob("gpiochip*")
    return chip / f"sim_gpio{pin}" / what


def touch(control: Control, *, down: bool) -> None:
    """Close or open the switch between a button's pin and ground."""
    line(PINS.controls[control], "pull").write_text("pull-down" if down else "pull-up")


def is_high(pin: int) -> bool:
    """Whether a line is high now."""
    return line(pin, "value").read_text().strip() == "1"


def comes(what: Callable[[], bool]) -> bool:
    """Whether it is so, at the latest after `COMES_WITHIN_S`."""
    until = time.monotonic() + COMES_WITHIN_S
    while not what():
        if time.monotonic() > until:
            return False
    return True


class Watch:
    """Buttons under watch, and what they announce."""

    def __init__(self, settle_ms: int = 25) -> None:
        """Start them."""
        self.told: queue.SimpleQueue[ControlEvent] = queue.SimpleQueue()
        self.controls: Controls = make_controls("gpio", Clock(), pins=PINS, settle_ms=settle_ms, releases=True)
        self.controls.start(self.told.put)

    def next(self) -> tuple[Control, bool]:
        """The next that is announced, and whether it is a release. Raises `queue.Empty`."""
        until = time.monotonic() + COMES_WITHIN_S
        while True:
            self.controls.settle()
            with contextlib.suppress(queue.Empty):
                event = self.told.get(timeout=0.02)
                return event.control, event.released
            if time.monotonic() > until:
                raise queue.Empty

    def silent(self) -> bool:
        """Whether nothing more was announced."""
        self.controls.settle()
        return self.told.empty()


@contextlib.contextmanager
def watched(settle_ms: int = 25) -> Iterator[Watch]:
    """Buttons for as long as this lasts."""
    watch = Watch(settle_ms)
    try:
        yield watch
    finally:
        watch.controls.stop()


@contextlib.contextmanager
def lit() -> Iterator[Lamps]:
    """Lamps for as long as this lasts."""
    lamps = make_lamps("gpio", Clock(), pins=PINS)
    try:
        yield lamps
    finally:
        lamps.close()


def board() -> dict[str, object]:
    """The pin library finds the board's chip."""
    factory = real_pins()
    info = factory.board_info
    factory.close()
    return {"kernel": platform.release(), "board": f"Pi {info.model}", "lgpio": metadata.version("lgpio")}


def each_button() -> dict[str, object]:
    """Each button gives one press and one release, its own."""
    with watched() as watch:
        for control in PINS.controls:
            for down in (True, False):
                touch(control, down=down)
                got = watch.next()
                assert got == (control, not down), f"{control} {down}: {got}"
        assert watch.silent(), "more was announced than was pressed"
    return {"buttons": len(PINS.controls)}


def chatter() -> dict[str, object]:
    """A contact that chatters gives one press."""
    with watched(settle_ms=3000) as watch:
        for down in (True, False) * 20:
            touch(Control.MIDDLE, down=down)
        touch(Control.MIDDLE, down=True)
        assert watch.next() == (Control.MIDDLE, False)
        assert not is_high(PINS.controls[Control.MIDDLE])
        touch(Control.MIDDLE, down=False)
        assert watch.next() == (Control.MIDDLE, True)
        assert watch.silent(), "a bounce was a press"
    return {"edges": 42}


def at_once() -> dict[str, object]:
    """Keys down at once give a press each, in their order where a hand's time lies between; in one instant, in any."""
    order = [Control.RIGHT, Control.LEFT, Control.CUE4, Control.MIDDLE]
    with watched() as watch:
        for between_s in (0.02, 0.0):
            for control in order:
                touch(control, down=True)
                time.sleep(between_s)
            got = [watch.next() for _ in order]
            for control in order:
                touch(control, down=False)
            wanted = [(control, False) for control in order]
            assert got == wanted if between_s else sorted(got) == sorted(wanted), got
            assert {watch.next() for _ in order} == {(control, True) for control in order}
    return {"keys": len(order)}


def each_lamp() -> dict[str, object]:
    """Each lamp is lit by its own pin alone, half a light is a pulse, and closed lamps are dark."""
    with lit() as lamps:
        assert not any(map(is_high, PINS.lamps.values())), "a lamp glows before anybody said so"
        for lamp, pin in PINS.lamps.items():
            lamps.set(lamp, 1.0)
            assert comes(lambda pin=pin: is_high(pin)), f"{lamp} stays dark"  # type: ignore[misc]  # mypy: default
            others = [one for one in PINS.lamps.values() if one != pin and is_high(one)]
            assert not others, f"{lamp} lights {others}"
            lamps.set(lamp, 0.5)
            seen = {is_high(pin) for _ in range(_LOOKS)}
            assert seen == {True, False}, f"{lamp} at half is {seen}"
            lamps.set(lamp, 0.0)
            assert comes(lambda pin=pin: not is_high(pin)), f"{lamp} stays lit"  # type: ignore[misc]  # mypy: default
        for lamp in PINS.lamps:
            lamps.set(lamp, 1.0)
    assert comes(lambda: not any(map(is_high, PINS.lamps.values()))), "closed lamps glow"
    return {"lamps": len(PINS.lamps)}


def together() -> dict[str, object]:
    """Buttons and lamps at work at once, as on a box; put away in the box's order, and taken up again."""
    for _ in range(3):
        with lit() as lamps, watched() as watch:
            for lamp in PINS.lamps:
                lamps.set(lamp, 0.3)
            touch(Control.MIDDLE, down=True)
            assert watch.next() == (Control.MIDDLE, False)
            lamps.set(Lamp.RING, 1.0)
            assert comes(lambda: is_high(PINS.lamps[Lamp.RING]))
            touch(Control.MIDDLE, down=False)
            assert watch.next() == (Control.MIDDLE, True)
            watch.controls.stop()
            touch(Control.LEFT, down=True)
            assert watch.silent(), "announced after the end"
            assert is_high(PINS.lamps[Lamp.RING]), "the lamps went with the buttons"
            touch(Control.LEFT, down=False)
        assert comes(lambda: not any(map(is_high, PINS.lamps.values()))), "closed lamps glow"
    return {"times": 3}


def taken() -> dict[str, object]:
    """A pin that another program holds is said, and so is a board without a chip."""
    import lgpio

    other = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_output(other, PINS.controls[Control.LEFT])
    try:
        with watched():
            pass
        raise AssertionError("a pin that is taken was opened")
    except NoPins as why:
        said = why.say
    finally:
        lgpio.gpio_free(other, PINS.controls[Control.LEFT])
        lgpio.gpiochip_close(other)
    with watched() as watch:
        touch(Control.LEFT, down=True)
        assert watch.next() == (Control.LEFT, False)
        touch(Control.LEFT, down=False)
    return {"said": said}


def no_chip() -> dict[str, object]:
    """Without a chip the box says so and takes no other driver."""
    LIVE.write_text("0")
    try:
        make_controls("gpio", Clock(), pins=PINS)
        raise AssertionError("pins were opened where there are none")
    except NoPins as why:
        return {"said": why.say}


STEPS = (board, taken, each_button, chatter, at_once, each_lamp, together, no_chip)
"""``taken`` comes early: a line that was watched stays this program's until it ends."""


def main() -> int:
    """Take every step, also after one that failed, and tell."""
    steps: list[dict[str, object]] = []
    for step in STEPS:
        began = time.monotonic()
        try:
            found: dict[str, object] = {"step": step.__name__, "ok": True} | step()
        except Exception as error:  # noqa: BLE001 (whatever went wrong, it is what this trial is there to tell)
            found = {"step": step.__name__, "ok": False, "why": f"{type(error).__name__}: {error}"[:1000]}
        steps.append(found | {"seconds": round(time.monotonic() - began, 2)})
    print(json.dumps({"well": all(step["ok"] for step in steps), "steps": steps}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
