"""A command that is told to stop puts away what it began."""

from __future__ import annotations

import signal
import subprocess
import sys

BEGAN = """
import time
from kiosk.commands.common import put_away_when_told
with put_away_when_told():
    try:
        print("began", flush=True)
        time.sleep(60)
    finally:
        print("put away", flush=True)
"""


def test_sigterm_ends_it_in_order() -> None:
    with subprocess.Popen([sys.executable, "-c", BEGAN], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "began\n"
        program.send_signal(signal.SIGTERM)
        assert program.communicate(timeout=60)[0] == "put away\n"
    assert program.returncode == 128 + signal.SIGTERM
