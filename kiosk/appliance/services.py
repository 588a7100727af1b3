"""What an update asks of systemd, and nothing more of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Protocol

KIOSK, SAFE = "hearth-kiosk.service", "hearth-safe.service"
FACES = (KIOSK, SAFE)
"""The two that visitors may be talking to; never both at once."""
WORKERS = ("hearth-transcriber.service", "hearth-portal.service", "hearth-phone.service")
ERRANDS = ("hearth-retention.service", "hearth-sync.service")
"""What comes by itself and writes into the database: erasing what is due, handing on."""
ERRAND_TIMERS = tuple(unit.replace(".service", ".timer") for unit in ERRANDS)
_PATIENCE_S = 120
_IN = "in "
_FREE = frozenset({"attract", "out_of_service", "set_up_language"})
"""Screens at which the box waits for somebody; the last is the first of one that nobody has begun to set up."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one unit is: ``active``, what it says of itself, and how often systemd had to start it again.

    ``busy`` is one that comes, does its work and goes, while it works.
    """

    active: bool
    failed: bool
    status: str
    restarts: int
    busy: bool = False

    @property
    def ready(self) -> bool:
        """Whether it runs and has a screen to show."""
        return self.active and bool(self.status) and self.status != f"{_IN}starting"

    @property
    def at_work(self) -> bool:
        """Whether visitors can use it: it shows a screen, and not the one that says what is missing."""
        return self.ready and self.status.startswith(_IN) and self.status != f"{_IN}out_of_service"

    @property
    def in_use(self) -> bool:
        """Whether somebody may be at the box: a kiosk that says anything but that it waits is believed to be used."""
        return self.active and self.status.startswith(_IN) and self.status.removeprefix(_IN) not in _FREE


class Services(Protocol):
    """A service manager; `Systemd` is the real one."""

    def standing(self, unit: str) -> Standing:
        """How ``unit`` is now."""
        ...

    def reload(self) -> None:
        """Read the unit files again."""
        ...

    def restart(self, *units: str) -> None:
        """Stop and start ``units``, without waiting until they are ready; earlier failures are forgotten."""
        ...

    def start(self, *units: str) -> None:
        """Start those of ``units`` that do not run."""
        ...

    def stop(self, *units: str) -> None:
        """Stop ``units`` and wait until they have."""
        ...

    def end(self, *units: str) -> None:
        """Stop ``units`` without giving them time for it, and wait until they have gone."""
        ...

    def enable(self, *units: str) -> None:
        """Let ``units`` start with the machine, and now."""
        ...


class Systemd:
    """The machine's systemd, through ``systemctl``."""

    def standing(self, unit: str) -> Standing:
        """How ``unit`` is now; one that systemd does not know, or no systemd, is not active."""
        wanted = "--property=ActiveState,SubState,StatusText,NRestarts"
        told = dict(line.partition("=")[::2] for line in self._ask("show", wanted, unit).splitlines())
        state, restarts = told.get("ActiveState", ""), told.get("NRestarts", "")
        times = int(restarts) if restarts.isdecimal() else 0
        # A oneshot unit is never active: it is starting until its program has ended.
        busy = state == "activating" and told.get("SubState") == "start" and unit in ERRANDS
        return Standing(state == "active", state == "failed", told.get("StatusText", ""), times, busy)

    def reload(self) -> None:
        """Read the unit files again."""
        self._ask("daemon-reload")

    def restart(self, *units: str) -> None:
        """Stop and start ``units``, without waiting until they are ready; earlier failures are forgotten."""
        self._ask("reset-failed", *units)
        self._ask("restart", "--no-block", *units)

    def start(self, *units: str) -> None:
        """Start those of ``units`` that do not run; not waited for, because at start others wait for us."""
        self._ask("start", "--no-block", *units)

    def stop(self, *units: str) -> None:
        """Stop ``units`` and wait until they have."""
        self._ask("stop", *units)

    def end(self, *units: str) -> None:
        """Stop ``units`` without giving them time for it, and wait until they have gone."""
        # Told to stop first, so that none counts as failed and is started again.
        self._ask("stop", "--no-block", *units)
        self._ask("kill", "--signal=KILL", *units)
        self._ask("stop", *units)

    def enable(self, *units: str) -> None:
        """Let ``units`` start with the machine, and now."""
        self._ask("enable", "--now", *units)

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
        return done.stdout
