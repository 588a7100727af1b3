"""The kiosk as its unit starts it, with a finger on its keys: each line that comes to ``KEYS`` is a key pressed.

A container has no keyboard, and a box is set up by keys. All else is what the box does itself.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from audio.clock import Clock
from hardware.controls import Controls
from hardware.keyboard import KeyboardControls
from hardware.lamps import Lamps
from kiosk import running
from kiosk.cli import run
from kiosk.config import Config

KEYS = Path("/run/hearth/keys")
made: list[KeyboardControls] = []
known = running.make_hands


def hands(config: Config, clock: Clock) -> tuple[Controls, Lamps]:
    """The keys the box makes, remembered."""
    pair = known(config, clock)
    assert isinstance(pair[0], KeyboardControls)
    made.append(pair[0])
    return pair


def finger() -> None:
    """Press what comes, for as long as the box is there."""
    while True:
        for key in KEYS.read_text(encoding="ascii").split():
            made[-1].key(key, pressed=True)
            made[-1].key(key, pressed=False)


running.make_hands = hands
KEYS.unlink(missing_ok=True)
os.mkfifo(KEYS)
threading.Thread(target=finger, daemon=True).start()
raise SystemExit(run(["run", "--headless", "--set-up", "--home", "/var/lib/hearth"]))
