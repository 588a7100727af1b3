"""The packet filter's one opening: the interface of the box's own access point, in the set ``access_point``.

The rules themselves are `systemd/hearth.nft`; they drop everything from an interface that is not in the set.
"""

from __future__ import annotations

import re
import subprocess

from hardware.errors import HardwareError

_SET = ("inet", "hearth", "access_point")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_WITHIN_S = 10


class FirewallTrouble(HardwareError):
    """The packet filter could not be changed: the access point stays closed."""

    code = "firewall-trouble"


class Firewall:
    """Fills and empties the set by ``nft``."""

    def __init__(self, program: str = "nft") -> None:
        """``program`` is looked for on the path."""
        self._program = program

    def let_in(self, interface: str) -> None:
        """Let the pages be asked for from ``interface``, and from no other. Raises `FirewallTrouble`."""
        if not _INTERFACE.fullmatch(interface):
            raise FirewallTrouble(f"'{interface}' is no interface.", "Call whoever looks after the box.")
        self.shut()
        self._nft("add", "element", *_SET, "{", f'"{interface}"', "}")

    def shut(self) -> None:
        """Let nobody in. Raises `FirewallTrouble`."""
        self._nft("flush", "set", *_SET)

    def _nft(self, *arguments: str) -> None:
        try:
            done = subprocess.run(
                [self._program, *arguments], capture_output=True, text=True, check=False, timeout=_WITHIN_S
            )
            why = done.stderr.strip().splitlines()[:1] if done.returncode else []
        except (OSError, subprocess.TimeoutExpired) as error:
            why = [str(error)]
        if why:
            raise FirewallTrouble(
                f"The packet filter did not take the change: {why[0]}",
                "Start it again (systemctl restart hearth-firewall); until then the box keeps its network shut.",
            )
