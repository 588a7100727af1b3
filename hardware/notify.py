"""Telling systemd how we are: ready, alive, stopping, and one line of status.

The protocol is that of sd_notify(3): datagrams of ``KEY=value`` lines to the socket named by ``NOTIFY_SOCKET``.
Outside systemd nothing is sent and nothing fails.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping


class Notifier:
    """Sends states to the service manager. Trouble in sending never stops a recording: it is told by ``False``."""

    def __init__(self, address: str | None) -> None:
        """Send to ``address``: a path, ``@name`` for an abstract socket, ``None`` for nowhere."""
        self.address = address or None
        self._socket: socket.socket | None = None
        if self.address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            # A full queue at the manager must not hold up the main loop.
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Notifier:
        """Send to where systemd asked for it, or nowhere."""
        return cls((os.environ if environ is None else environ).get("NOTIFY_SOCKET"))

    def ready(self, status: str = "") -> bool:
        """Say that start-up is complete."""
        return self._send("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """Say in one line what the program is doing. Never about a visitor: the journal keeps it."""
        return self._send(*_status(text))

    def stopping(self, status: str = "") -> bool:
        """Say that the program is ending."""
        return self._send("STOPPING=1", *_status(status))

    def alive(self) -> bool:
        """Feed the service manager's watchdog once."""
        return self._send("WATCHDOG=1")

    def close(self) -> None:
        """Let go of the socket; nothing is sent after this."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> bool:
        if self._socket is None or self.address is None or not lines:
            return False
        target = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            self._socket.sendto("\n".join(lines).encode(), target)
        except OSError:
            return False
        return True


def _status(text: str) -> tuple[str, ...]:
    line = " ".join(text.split())
    return (f"STATUS={line}",) if line else ()


def watchdog_interval(environ: Mapping[str, str] | None = None) -> float | None:
    """Return the seconds within which systemd wants a sign of life from this process, ``None`` if it wants none."""
    told = os.environ if environ is None else environ
    usec = told.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or int(usec) == 0:
        return None
    # The variables are inherited: they count only for the process they name.
    if told.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(usec) / 1_000_000


class Watchdog:
    """Decides when the service manager may be told that we live: only when *every* part has shown it lately.

    Pure: it is told times and asked. A part beats from its own work (a turn of the main loop, a block of sound
    taken up), never from a timer: a timer goes on when the work hangs. A part that has been put to rest in
    good order (the sound path while its stream is closed) owes no beat until it beats again.
    """

    def __init__(self, parts: Iterable[str], *, within_s: float, every_s: float, now: float) -> None:
        """Expect each of ``parts`` to beat within ``within_s``; `due` says yes at most every ``every_s``."""
        self._within_s = within_s
        self._every_s = every_s
        self._last: dict[str, float] = dict.fromkeys(parts, now)
        self._resting: set[str] = set()
        self._fed = float("-inf")

    def beat(self, part: str, at: float) -> None:
        """Note that ``part`` did some work at ``at``. Safe to call from the thread of that part."""
        if part not in self._last:
            raise KeyError(part)
        self._last[part] = at
        self._resting.discard(part)

    def rest(self, part: str) -> None:
        """Note that ``part`` was put to rest in good order."""
        if part not in self._last:
            raise KeyError(part)
        self._resting.add(part)

    def hung(self, now: float) -> tuple[str, ...]:
        """Return the parts that should have beaten and have not."""
        return tuple(
            part for part, last in self._last.items() if part not in self._resting and now - last > self._within_s
        )

    def due(self, now: float) -> bool:
        """Tell whether to feed the service manager's watchdog now, and if so count it as fed."""
        if self.hung(now) or now - self._fed < self._every_s:
            return False
        self._fed = now
        return True
