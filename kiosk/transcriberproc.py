"""The transcriber as a process beside the kiosk, for everything that starts both: simulation, demo, a desk.

On the appliance systemd does this. A native crash or an out-of-memory kill in the model ends that process only; it
is started again, and jobs it had leased are done by the next.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

MOST_STARTS = 5
_PATIENCE_S = 10.0


class TranscriberProcess:
    """Starts it, starts it again, and ends it."""

    def __init__(self, home: Path, keys: Path, log: Path | None = None) -> None:
        """Work on ``home`` with the keys at ``keys``; what it says goes to ``log``, else to standard error."""
        self._home = home
        self._environment = os.environ | {"HEARTH_KEYS": str(keys)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    @property
    def pid(self) -> int | None:
        """Its process number, while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it; returns at once, the model loads meanwhile."""
        command = [
            sys.executable,
            # The folder we happen to stand in must not lend modules to the program.
            "-P",
            "-m",
            "kiosk",
            "transcriber",
            "--home",
            str(self._home),
            "--parent",
            str(os.getpid()),
        ]
        self._starts += 1
        with open(self._log, "ab") if self._log else open(os.devnull, "ab") as log:  # noqa: PTH123 - one call for both
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log if self._log else None, env=self._environment
            )

    def keep_alive(self) -> bool:
        """Start it again if it has died; False once it has died too often to go on trying."""
        if self._process is None or self._process.poll() is None:
            return True
        if self._starts >= MOST_STARTS:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """End it; it finishes nothing, its lease does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
