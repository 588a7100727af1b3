"""A visitor inside the container: presses what a row of the command table can press, and speaks into the microphone.

Run as the box's own user by the box's own Python. It knows the state from what the kiosk tells systemd, as an update does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from archive.home import open_home
from archive.phones import PRESS
from archive.store import Store
from audio.clock import SystemClock

HOME = Path("/var/lib/hearth")
UNIT, SPEECH, UNTIL = sys.argv[1], sys.argv[2], sys.argv[3]
PATIENCE_S = 60.0


def state() -> str:
    """What the kiosk says of itself."""
    shown = subprocess.run(
        ["systemctl", "show", "--property=StatusText", "--value", UNIT], capture_output=True, text=True, check=True
    )
    return shown.stdout.strip().removeprefix("in ")


def press(store: Store, meaning: str, wanted: str, then: str = "") -> None:
    """Press until the box is in ``wanted``, and ``then`` where it asks again: a press it cannot take now it ignores."""
    until = time.monotonic() + PATIENCE_S
    while state() != wanted:
        if time.monotonic() > until:
            sys.exit(f"'{meaning}' did not lead from '{state()}' to '{wanted}'")
        store.add_command(PRESS, meaning)
        time.sleep(0.8)
        if then:
            store.add_command(PRESS, then)
            time.sleep(0.4)


def main() -> None:
    """Tell one story, keep it, and say yes to every use; or stop while recording; or throw away what a restart left."""
    with Store(open_home(HOME), SystemClock()) as store:
        if UNTIL == "thrown_away":
            press(store, "discard", "attract", then="confirm")
            return
        press(store, "talk", "consent")
        press(store, "agree", "ready")
        press(store, "talk", "recording")
        if UNTIL == "recording":
            return
        subprocess.run(["paplay", "--device=micfeed", SPEECH], check=True)
        press(store, "talk", "review")
        press(store, "keep", "sharing")
        press(store, "yes", "thanks")
        press(store, "done", "attract")


main()
