"""The box's own access point: a small wireless network that leads nowhere, for the one phone that sets the box up.

It has a new name and a new passphrase each time. Neither is written to disk by anyone: the profile is one of
NetworkManager's in memory, and the passphrase goes to it by a pipe, never as an argument others could read.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from hardware import wireless
from hardware.errors import HardwareError, UnknownDriver
from hardware.nmcli import ASK_S, Nmcli, NotAnswered

ADDRESS = "10.42.7.1"
"""The box on its own network. One address always, so that the pages' unit can be shut in to its range."""
RANGE = "10.42.7.0/24"
PROFILE = "hearth-access-point"
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""No i, l or o: the passphrase is read from a screen and typed with a thumb."""
_GROUPS, _GROUP = 3, 4
_UP_S = 45


class NoAccessPoint(HardwareError):
    """The box cannot open a network of its own."""

    code = "no-access-point"


@dataclass(frozen=True, slots=True)
class Network:
    """An open access point: its interface, the box's address on it, and what a phone joins it with.

    ``kept`` is the library's network the box was told of, ``joined`` the one it was in until this one was opened.
    """

    interface: str
    address: str
    name: str
    passphrase: str = field(repr=False)
    kept: str = ""
    joined: str = ""

    @property
    def joining(self) -> str:
        """The text of a QR code that joins a phone to it."""
        return f"WIFI:T:WPA;S:{self.name};P:{self.passphrase};;"


class AccessPoint(Protocol):
    """Opens and closes the box's own network."""

    def open(self) -> Network:
        """Open it under a new name with a new passphrase; one that was open is closed first. Raises `NoAccessPoint`."""
        ...

    def close(self) -> None:
        """Close it, and go back to the network that was used before; does nothing when none is open."""
        ...


def fresh_names() -> tuple[str, str]:
    """Make a name (``Hearth-`` and three figures) and a passphrase of 12 letters (53 bits) in groups of four."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return f"Hearth-{secrets.randbelow(900) + 100}", "-".join(groups)


class NetworkManagerPoint:
    """The access point by NetworkManager's ``nmcli``, which Raspberry Pi OS and Debian have."""

    def __init__(self, program: str = "nmcli") -> None:
        """``program`` is looked for when it is needed."""
        self._nmcli = Nmcli(program)
        self._before = ""

    def open(self) -> Network:
        """Take the first wireless device that can be an access point, a free one before one in use."""
        if not self._nmcli.here:
            raise NoAccessPoint(
                "This box cannot open a network of its own: NetworkManager is missing.",
                "Set the box up on its own screen and in config.toml, or install network-manager.",
            )
        self.close()
        self._ask("radio", "wifi", "on")
        interface, before = self._device()
        kept, joined = self._ssid(wireless.PROFILE), self._ssid("uuid", before) if before else ""
        name, passphrase = fresh_names()
        self._ask(
            "connection", "add", "save", "no", "type", "wifi", "ifname", interface, "con-name", PROFILE,
            "autoconnect", "no", "ssid", name,
            "802-11-wireless.mode", "ap", "802-11-wireless.band", "bg",
            "802-11-wireless-security.key-mgmt", "wpa-psk", "802-11-wireless-security.proto", "rsn",
            "802-11-wireless-security.pairwise", "ccmp", "802-11-wireless-security.group", "ccmp",
            "802-11-wireless-security.psk-flags", "2",
            "ipv4.method", "shared", "ipv4.addresses", f"{ADDRESS}/24", "ipv6.method", "disabled",
        )  # fmt: skip
        self._before = before
        try:
            self._ask(
                "--wait", str(_UP_S), "connection", "up", PROFILE, "passwd-file", "/dev/stdin",
                given=f"802-11-wireless-security.psk:{passphrase}\n", within=_UP_S + ASK_S,
            )  # fmt: skip
        except NoAccessPoint:
            self.close()
            raise
        return Network(interface, ADDRESS, name, passphrase, kept, joined)

    def close(self) -> None:
        """Delete the profile, which takes the network down, and join the one that was entered, else that of before."""
        if not self._nmcli.here:
            return
        names = self._names()
        if PROFILE in names:
            self._ask("--wait", str(ASK_S), "connection", "delete", PROFILE, within=2 * ASK_S)
        if self._before:
            before, self._before = self._before, ""
            with suppress(NotAnswered):
                # It may be out of reach by now; NetworkManager goes on trying by itself.
                chosen = wireless.UUID if wireless.PROFILE in names else before
                self._nmcli.ask("--wait", "0", "connection", "up", "uuid", chosen)

    def _device(self) -> tuple[str, str]:
        """The interface to use, and the profile that is active on it."""
        rows = self._ask("-t", "-f", "DEVICE,TYPE,STATE,CON-UUID", "device", "status").splitlines()
        devices = [row.split(":") for row in rows]
        wireless = [fields for fields in devices if len(fields) > 3 and fields[1] == "wifi"]  # noqa: PLR2004
        usable = [
            (fields[0], fields[3])
            for fields in sorted(wireless, key=lambda fields: fields[2] == "connected")
            if fields[2] not in {"unmanaged", "unavailable"}
            and self._ask("-g", "WIFI-PROPERTIES.AP", "device", "show", fields[0]).strip() == "yes"
        ]
        if not usable:
            raise NoAccessPoint(
                "This box has no wireless device that can open a network of its own.",
                "Use a Raspberry Pi with wireless, or a USB wireless adapter that can be an access point.",
            )
        return usable[0]

    def _ssid(self, *profile: str) -> str:
        """What the network of a profile is called; nothing where there is no such profile, or it is no wireless one."""
        try:
            return self._nmcli.ask("-e", "no", "-g", "802-11-wireless.ssid", "connection", "show", *profile).strip()
        except NotAnswered:
            return ""

    def _names(self) -> list[str]:
        try:
            return self._nmcli.names()
        except NotAnswered as error:
            raise _trouble(error) from error

    def _ask(self, *arguments: str, given: str = "", within: float = ASK_S) -> str:
        try:
            return self._nmcli.ask(*arguments, given=given, within=within)
        except NotAnswered as error:
            raise _trouble(error) from error


def _trouble(error: NotAnswered) -> NoAccessPoint:
    return NoAccessPoint(
        f"The box's own network could not be opened: {error}", "Switch the box off and on, and try again."
    )


class ScriptedPoint:
    """An access point for machines without a radio: opens at once, or refuses while ``broken``."""

    def __init__(self, interface: str = "wlan0") -> None:
        """``interface`` is the name it gives."""
        self._interface = interface
        self.broken = False
        self.network: Network | None = None
        """The open network."""

    def open(self) -> Network:
        """Open under a new name."""
        self.close()
        if self.broken:
            raise NoAccessPoint("The access point is broken, as it was told to be.", "Mend it.")
        self.network = Network(self._interface, ADDRESS, *fresh_names())
        return self.network

    def close(self) -> None:
        """Close it."""
        self.network = None


def make_access_point(name: str) -> AccessPoint:
    """Make the access point called ``name``: ``networkmanager`` or ``scripted``. Raises `UnknownDriver`."""
    if name == "networkmanager":
        return NetworkManagerPoint()
    if name == "scripted":
        return ScriptedPoint()
    raise UnknownDriver(f"There is no access point called '{name}'.", "Known are: networkmanager, scripted.")
