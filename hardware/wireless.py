"""The wireless network of the library: one profile of NetworkManager's, which the box's own page makes and takes away.

The password itself is nowhere on the box: what lies in the profile is the key that the network's own rule makes of
name and password, and it is never an argument of a program. Profiles that others made are left alone.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hardware.errors import HardwareError, UnknownDriver
from hardware.nmcli import Nmcli, NotAnswered

PROFILE, UUID = "hearth-wireless", "7a0c3b52-6c1e-4d0f-9b3e-3f1f5e6a2d41"
"""One name and one number always, so that a new network takes the place of the one before."""
FOLDER = Path("/etc/NetworkManager/system-connections")
ASIDE = Path("/etc/hearth/wireless.nmconnection")
"""The library's own while the box is lent; empty where it has none."""
MOST_NAME, LEAST_PASSWORD, MOST_PASSWORD = 32, 8, 63
_ROUNDS, _KEY = 4096, 32
"""The standard's own limits (bytes of a name, letters of a password) and the rule for the key."""


class NoWireless(HardwareError):
    """The machine could not be told of the network."""

    code = "no-wireless"


class BadWireless(HardwareError):
    """That cannot be a network's name or password."""

    code = "bad-wireless"


@dataclass(frozen=True, slots=True)
class Joining:
    """A network to join: its name, and its key in 64 hexadecimal figures; no key for one without a password."""

    name: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no network can be called. Raises `BadWireless`."""
        if not self.name.isprintable() or not 0 < len(self.name.encode()) <= MOST_NAME:
            raise BadWireless(
                "That cannot be a network's name.", f"It has 1 to {MOST_NAME} letters: copy it as phones show it."
            )
        if self.key and not (len(self.key) == 2 * _KEY and set(self.key) <= set("0123456789abcdef")):
            raise BadWireless("That is no network's key.", "Type name and password again.")


def joining(name: str, password: str) -> Joining:
    """What joins the network called ``name`` with ``password`` (empty: it has none). Raises `BadWireless`."""
    if not password:
        return Joining(name, "")
    if not (password.isascii() and password.isprintable() and LEAST_PASSWORD <= len(password) <= MOST_PASSWORD):
        raise BadWireless(
            "That cannot be a network's password.",
            f"It has {LEAST_PASSWORD} to {MOST_PASSWORD} letters, figures and signs: type it again.",
        )
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), name.encode(), _ROUNDS, _KEY)
    return Joining(name, key.hex())


class Wireless(Protocol):
    """The one network the box was told of. Each method may be repeated and raises `NoWireless`."""

    def join(self, network: Joining) -> None:
        """Join it whenever it is in reach and nothing else uses the radio; it takes the place of the one before."""
        ...

    def leave(self) -> None:
        """Forget it."""
        ...

    def put_aside(self) -> None:
        """Remember what there is now, for `put_back`."""
        ...

    def put_back(self) -> None:
        """Have again what was put aside, and nothing else; where nothing was put aside, none."""
        ...


def profile(network: Joining) -> str:
    """The network as a file of NetworkManager's, with the name as bytes: nothing in it can be taken for a line."""
    lines = ["[connection]", f"id={PROFILE}", f"uuid={UUID}", "type=wifi", "autoconnect-priority=10"]
    lines += ["[wifi]", "mode=infrastructure", f"ssid={''.join(f'{byte};' for byte in network.name.encode())}"]
    if network.key:
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={network.key}"]
    return "\n".join([*lines, "[ipv4]", "method=auto", "[ipv6]", "method=auto", ""])


class NetworkManagerWireless:
    """The network as a profile of NetworkManager's."""

    def __init__(self, program: str = "nmcli", folder: Path = FOLDER, aside: Path = ASIDE) -> None:
        """``folder`` is where NetworkManager looks for profiles, ``aside`` where one waits."""
        self._nmcli = Nmcli(program)
        self._path = folder / f"{PROFILE}.nmconnection"
        self._aside = aside

    def join(self, network: Joining) -> None:
        """Write the profile and have it read."""
        self._put(profile(network))

    def leave(self) -> None:
        """Remove the profile; without NetworkManager there is nothing to be told."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _trouble(error) from error
        if self._nmcli.here:
            self._tell("reload")

    def put_aside(self) -> None:
        """Copy the profile."""
        try:
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
            _write(self._aside, text)
        except OSError as error:
            raise _trouble(error) from error

    def put_back(self) -> None:
        """Let the profile be the copy."""
        try:
            text = self._aside.read_text(encoding="utf-8") if self._aside.exists() else ""
            self._put(text) if text else self.leave()
            self._aside.unlink(missing_ok=True)
        except OSError as error:
            raise _trouble(error) from error

    def _put(self, text: str) -> None:
        if not self._nmcli.here:
            raise NoWireless(
                "This box cannot join a wireless network by itself: NetworkManager is missing.",
                "Use a cable, or have somebody install network-manager.",
            )
        try:
            _write(self._path, text)
        except OSError as error:
            raise _trouble(error) from error
        self._tell("load", str(self._path))

    def _tell(self, *words: str) -> None:
        try:
            self._nmcli.ask("connection", *words)
        except NotAnswered as error:
            raise _trouble(error) from error


def _write(path: Path, text: str) -> None:
    """Put ``text`` at ``path``, for root alone, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _trouble(error: Exception) -> NoWireless:
    return NoWireless(
        f"The machine could not be told of the network: {error}.", "Switch the box off and on, and try again."
    )


class ScriptedWireless:
    """A network for machines without a radio: remembers it, or refuses while ``broken``."""

    def __init__(self) -> None:
        """Begin without a network."""
        self.broken = False
        self.network: Joining | None = None
        self._aside: Joining | None = None

    def join(self, network: Joining) -> None:
        """Remember it."""
        self._work()
        self.network = network

    def leave(self) -> None:
        """Forget it."""
        self._work()
        self.network = None

    def put_aside(self) -> None:
        """Remember it apart."""
        self._work()
        self._aside = self.network

    def put_back(self) -> None:
        """Have that again."""
        self._work()
        self.network, self._aside = self._aside, None

    def _work(self) -> None:
        if self.broken:
            raise NoWireless("The radio is broken, as it was told to be.", "Mend it.")


def make_wireless(name: str) -> Wireless:
    """Make the wireless called ``name``: ``networkmanager`` or ``scripted``. Raises `UnknownDriver`."""
    if name == "networkmanager":
        return NetworkManagerWireless()
    if name == "scripted":
        return ScriptedWireless()
    raise UnknownDriver(f"There is no wireless called '{name}'.", "Known are: networkmanager, scripted.")
