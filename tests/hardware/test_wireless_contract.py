"""Every wireless keeps the same promises; that of NetworkManager writes real files, beside a program that answers as nmcli."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hardware.errors import UnknownDriver
from hardware.wireless import (
    PROFILE,
    UUID,
    BadWireless,
    Joining,
    NetworkManagerWireless,
    NoWireless,
    ScriptedWireless,
    joining,
    make_wireless,
)

PASSWORD = "quiet;[reading] room"
LIBRARY, CLUB = joining("Linden Library", PASSWORD), joining("Chess Club", "rooks and pawns")


class Machine:
    """A folder of profiles and an ``nmcli`` that notes what it is asked, and refuses while ``broken`` is there."""

    def __init__(self, place: Path) -> None:
        self.folder, self.aside, self.calls = place / "connections", place / "aside", place / "calls"
        self.folder.mkdir()
        self.path = self.folder / f"{PROFILE}.nmconnection"
        self.program, self.broken = place / "nmcli", place / "broken"
        self.program.write_text(
            f'#!/bin/sh\necho "$*" >>{self.calls}\n[ ! -e {self.broken} ] || {{ echo "Error: no." >&2; exit 8; }}\n'
        )
        self.program.chmod(0o755)
        self.wireless = NetworkManagerWireless(str(self.program), self.folder, self.aside)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture(params=["nmcli", "scripted"])
def driven(request: pytest.FixtureRequest, machine: Machine):
    """A wireless, how to break it, and the key of the network it keeps."""
    if request.param == "scripted":
        scripted = ScriptedWireless()
        return scripted, lambda: setattr(scripted, "broken", True), lambda: scripted.network and scripted.network.key

    def key() -> str | None:
        text = machine.path.read_text() if machine.path.exists() else ""
        return text.partition("psk=")[2].partition("\n")[0] or None

    return machine.wireless, machine.broken.touch, key


def test_a_network_takes_the_place_of_the_one_before_and_is_forgotten(driven) -> None:
    wireless, _, kept = driven
    wireless.join(LIBRARY)
    assert kept() == LIBRARY.key
    wireless.join(CLUB)
    assert kept() == CLUB.key
    wireless.leave()
    wireless.leave()
    assert kept() is None


def test_what_was_put_aside_comes_back_and_nothing_else_does(driven) -> None:
    wireless, _, kept = driven
    wireless.join(LIBRARY)
    wireless.put_aside()
    wireless.join(CLUB)
    wireless.put_back()
    assert kept() == LIBRARY.key
    wireless.leave()
    wireless.put_aside()
    wireless.join(CLUB)
    wireless.put_back()
    assert kept() is None
    wireless.join(CLUB)
    wireless.put_back()
    assert kept() is None, "nothing was put aside: what there is was a borrower's"


def test_one_that_cannot_says_so(driven) -> None:
    wireless, break_it, _ = driven
    break_it()
    with pytest.raises(NoWireless) as caught:
        wireless.join(LIBRARY)
    assert caught.value.do


def test_the_key_is_that_of_the_standard_and_the_password_is_nowhere(machine: Machine) -> None:
    # The standard's own example.
    assert joining("IEEE", "password").key == "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    machine.wireless.join(LIBRARY)
    text = machine.path.read_text()
    assert (PASSWORD in text, f"uuid={UUID}" in text) == (False, True)
    assert stat.S_IMODE(machine.path.stat().st_mode) == 0o600
    assert machine.calls.read_text() == f"connection load {machine.path}\n", "no key is an argument"
    assert LIBRARY.key not in repr(LIBRARY)
    machine.wireless.put_aside()
    assert stat.S_IMODE(machine.aside.stat().st_mode) == 0o600


def test_no_name_becomes_a_line_of_the_profile(machine: Machine) -> None:
    machine.wireless.join(joining("a;b\\[wifi]", ""))
    text = machine.path.read_text()
    assert "ssid=97;59;98;92;91;119;105;102;105;93;\n" in text
    assert "[wifi-security]" not in text


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "x" * 8), ("x" * 33, "x" * 8), ("é" * 17, "x" * 8), ("a\nb", "x" * 8), ("a", "short"), ("a", "x" * 64), ("a", "пароль-библиотеки")],
)  # fmt: skip
def test_what_no_network_can_have_is_refused(name: str, password: str) -> None:
    with pytest.raises(BadWireless) as caught:
        joining(name, password)
    assert password not in caught.value.say + caught.value.do


def test_a_key_of_another_shape_is_refused() -> None:
    for key in ("ab" * 31, "AB" * 32, "a" * 63 + "\n"):
        with pytest.raises(BadWireless):
            Joining("a", key)


def test_without_networkmanager_there_is_nothing_to_forget_and_nothing_to_join(tmp_path: Path) -> None:
    wireless = NetworkManagerWireless(str(tmp_path / "absent"), tmp_path, tmp_path / "aside")
    wireless.leave()
    wireless.put_back()
    with pytest.raises(NoWireless, match="NetworkManager is missing"):
        wireless.join(LIBRARY)


def test_they_are_made_by_name() -> None:
    assert isinstance(make_wireless("networkmanager"), NetworkManagerWireless)
    assert isinstance(make_wireless("scripted"), ScriptedWireless)
    with pytest.raises(UnknownDriver):
        make_wireless("telegraph")
