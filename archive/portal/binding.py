"""Where the pages may be asked for: on this machine itself, or on its own access point while a phone is paired.

Any other address is refused: a box in a library's network must not be reachable from it.
"""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archive.errors import ArchiveError

PORT = 8480
DEFAULT = f"127.0.0.1:{PORT}"
_SIOCGIFADDR = 0x8915
_NET = Path("/sys/class/net")
_ROUTES = Path("/proc/net/route")
_HIGHEST_PORT = 65_535


class BadBinding(ArchiveError):
    """The pages may not be offered at this address."""

    code = "bad-binding"
    could_not_start = True


@dataclass(frozen=True, slots=True)
class Binding:
    """An address to listen on. ``access_point`` is true where others than this machine can reach it.

    ``device`` is the one interface whose packets are taken, whatever address they name; empty takes any. ``stands``
    says whether the access point is still open; without it the pages stay while a phone is paired or being paired.
    """

    host: str
    port: int
    access_point: bool = False
    device: str = ""
    stands: Callable[[], bool] | None = None

    def listen(self, listening: socket.socket) -> None:
        """Bind ``listening`` to this place. Raises `BadBinding`."""
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if self.device:
                # An address alone is not enough: a packet for it may come in by another interface.
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode())
            listening.bind((self.host, self.port))
        except OSError as error:
            raise BadBinding(
                f"The pages cannot be offered at {self.host}:{self.port}: {error.strerror}.",
                "Is another portal open? Choose another port with --bind.",
            ) from error

    @property
    def hosts(self) -> frozenset[str]:
        """The names a browser may ask for."""
        return frozenset({self.host}) if self.access_point else frozenset({self.host, "127.0.0.1", "localhost", "::1"})

    def url(self, port: int) -> str:
        """The address as people type it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"


def binding(text: str, *, access_points: frozenset[str], phones: bool) -> Binding:
    """Check ``HOST:PORT``. Pure; raises `BadBinding`.

    ``access_points`` are the addresses of the box's own access point, ``phones`` whether one is paired or being paired.
    """
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise BadBinding(f"'{text}' is no address.", f"Write it as {DEFAULT}.")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise BadBinding(f"'{host}' is no address of this box.", f"Write numbers, as in {DEFAULT}.") from None
    if address.is_loopback:
        return Binding(str(address), int(port))
    if str(address) not in access_points:
        raise BadBinding(
            f"{address} is not the box's own access point, and the pages are not for a network.",
            f"Use {DEFAULT}, or the address of an access point this box has opened itself.",
        )
    if not phones:
        raise BadBinding(
            "The access point is only served while a phone is paired.",
            "Let the box show its digits first: a facilitator is at it and asks for them.",
        )
    return Binding(str(address), int(port), access_point=True)


def own_access_points(net: Path = _NET, routes: Path = _ROUTES) -> frozenset[str]:
    """The addresses of wireless interfaces that lead nowhere: a box's own access point has no way out."""
    try:
        lines = [line.split() for line in routes.read_text(encoding="ascii").splitlines()[1:]]
        wireless = [path.name for path in net.iterdir() if (path / "phy80211").exists() or (path / "wireless").exists()]
    except OSError:
        return frozenset()
    leading_out = {fields[0] for fields in lines if len(fields) > 1 and fields[1] == "00000000"}
    found = {_address(name) for name in wireless if name not in leading_out}
    return frozenset(address for address in found if address)


def _address(interface: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        room = array.array("B", struct.pack("256s", interface.encode()[:15]))
        try:
            fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, room)
        except OSError:
            return ""
    return socket.inet_ntoa(room.tobytes()[20:24])
