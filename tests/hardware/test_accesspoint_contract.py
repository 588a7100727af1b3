"""Every access point keeps the same promises; that of NetworkManager is driven against a program that answers as nmcli."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from hardware import wireless
from hardware.accesspoint import ADDRESS, PROFILE, NetworkManagerPoint, NoAccessPoint, ScriptedPoint, make_access_point
from hardware.errors import UnknownDriver

NMCLI = '''#!{python}
"""Answers as nmcli 1.42 does, over a file of profiles and devices; notes every call and what came by its input."""
import json, sys
from pathlib import Path
place = Path({place!r})
state = json.loads((place / "state.json").read_text())
arguments = sys.argv[1:]
given = "" if "passwd-file" not in arguments else open(arguments[arguments.index("passwd-file") + 1]).read()
with (place / "calls.jsonl").open("a") as file:
    file.write(json.dumps([arguments, given]) + "\\n")
words = [word for word in arguments]
while words and words[0].startswith("-"):
    del words[: 1 if words[0] == "-t" else 2]
def end(code, text=""):
    (place / "state.json").write_text(json.dumps(state))
    if text:
        print(text, file=sys.stderr if code else sys.stdout)
    sys.exit(code)
match words:
    case ["radio", "wifi", "on"]:
        end(0)
    case ["connection", "show", *which] if which:
        name = state.get("called", {{}}).get(which[-1])
        end(0, name) if name else end(10, "Error: " + which[-1] + " - no such connection profile.")
    case ["connection", "show"]:
        end(0, "\\n".join(state["profiles"]))
    case ["device", "status"]:
        end(0, "\\n".join(":".join(row) for row in state["devices"]))
    case ["device", "show", name]:
        end(0, state["can"].get(name, "no"))
    case ["connection", "add", *_]:
        state["profiles"].append(words[words.index("con-name") + 1])
        end(0, "Connection 'x' (y) successfully added.")
    case ["connection", "delete", name]:
        state["profiles"].remove(name)
        end(0)
    case ["connection", "up", *rest]:
        if rest[0] == "uuid":
            state["joined"] = rest[1]
            end(0)
        end(4, "Error: Connection activation failed: No suitable device found.") if state["broken"] else end(0)
    case _:
        end(2, "Error: argument not understood: " + " ".join(words))
'''


class Scripted:
    """The scripted nmcli's state and what it was asked."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.program = place / "nmcli"
        self.program.write_text(NMCLI.format(python=sys.executable, place=str(place)))
        self.program.chmod(0o755)
        self.put(
            profiles=["library-wifi"], broken=False, joined="",
            devices=[["eth0", "ethernet", "connected", "aa"], ["wlan0", "wifi", "disconnected", ""]], can={"wlan0": "yes"},
        )  # fmt: skip

    def put(self, **changes: object) -> None:
        path = self.place / "state.json"
        (path).write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changes))

    def get(self, name: str) -> object:
        return json.loads((self.place / "state.json").read_text())[name]

    def calls(self) -> list[tuple[list[str], str]]:
        lines = (self.place / "calls.jsonl").read_text().splitlines()
        return [tuple(json.loads(line)) for line in lines]

    def point(self) -> NetworkManagerPoint:
        return NetworkManagerPoint(str(self.program))


@pytest.fixture
def nmcli(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


@pytest.fixture(params=["nmcli", "scripted"])
def driven(request: pytest.FixtureRequest, nmcli: Scripted):
    """An access point, how to break it, and whether it is open."""
    if request.param == "scripted":
        point = ScriptedPoint()

        def broken(value: bool) -> None:
            point.broken = value

        return point, broken, lambda: point.network is not None
    return nmcli.point(), lambda value: nmcli.put(broken=value), lambda: PROFILE in nmcli.get("profiles")


def test_it_opens_and_closes_and_may_be_closed_twice(driven) -> None:
    point, _, is_open = driven
    assert not is_open()
    network = point.open()
    assert is_open()
    assert (network.address, bool(network.interface)) == (ADDRESS, True)
    point.close()
    assert not is_open()
    point.close()
    assert not is_open()


def test_name_and_passphrase_are_new_each_time_and_hard_to_guess(driven) -> None:
    point, _, _ = driven
    seen = {(network.name, network.passphrase) for network in (point.open() for _ in range(5))}
    assert len({passphrase for _, passphrase in seen}) == 5
    for name, passphrase in seen:
        assert re.fullmatch(r"Hearth-\d{3}", name)
        assert re.fullmatch(r"[a-hjkmnp-z]{4}(-[a-hjkmnp-z]{4}){2}", passphrase)
    point.close()


def test_the_passphrase_is_in_the_code_to_scan_and_not_in_what_is_logged(driven) -> None:
    point, _, _ = driven
    network = point.open()
    assert network.joining == f"WIFI:T:WPA;S:{network.name};P:{network.passphrase};;"
    assert network.passphrase not in repr(network)


def test_one_that_cannot_be_opened_says_so_and_leaves_nothing(driven) -> None:
    point, broken, is_open = driven
    broken(True)
    with pytest.raises(NoAccessPoint) as caught:
        point.open()
    assert caught.value.say.endswith((".", "found."))
    assert caught.value.do
    assert not is_open()
    broken(False)
    point.open()
    assert is_open()


def test_the_passphrase_is_in_no_argument_and_no_profile_is_saved(nmcli: Scripted) -> None:
    network = nmcli.point().open()
    calls = nmcli.calls()
    assert not [arguments for arguments, _ in calls if network.passphrase in " ".join(arguments)]
    assert [given for _, given in calls if given] == [f"802-11-wireless-security.psk:{network.passphrase}\n"]
    (added,) = [arguments for arguments, _ in calls if arguments[:2] == ["connection", "add"]]
    pairs = dict(zip(added[2::2], added[3::2], strict=True))
    assert (pairs["save"], pairs["autoconnect"], pairs["ssid"]) == ("no", "no", network.name)
    assert pairs["802-11-wireless-security.psk-flags"] == "2"
    assert (pairs["802-11-wireless-security.proto"], pairs["ipv4.method"]) == ("rsn", "shared")


def test_the_network_used_before_is_joined_again(nmcli: Scripted) -> None:
    nmcli.put(devices=[["wlan0", "wifi", "connected", "1f-2e"]])
    point = nmcli.point()
    point.open()
    assert nmcli.get("joined") == ""
    point.close()
    assert nmcli.get("joined") == "1f-2e"


def test_it_tells_which_network_there_was_and_goes_on_to_the_one_that_was_entered(nmcli: Scripted) -> None:
    nmcli.put(devices=[["wlan0", "wifi", "connected", "1f-2e"]], called={"1f-2e": "Old: Hall"})
    point = nmcli.point()
    network = point.open()
    assert (network.kept, network.joined) == ("", "Old: Hall")
    # It is entered on the page while the access point is open.
    nmcli.put(profiles=[*nmcli.get("profiles"), wireless.PROFILE], called={wireless.PROFILE: "Linden Library"})
    point.close()
    assert nmcli.get("joined") == wireless.UUID
    network = point.open()
    assert (network.kept, network.joined) == ("Linden Library", ""), "it was not reached, and the page can say so"


def test_a_free_device_is_taken_before_one_in_use_and_one_that_cannot_never(nmcli: Scripted) -> None:
    nmcli.put(
        devices=[["wlan0", "wifi", "connected", "1f"], ["wlan1", "wifi", "disconnected", ""], ["wlan2", "wifi", "unavailable", ""]],
        can={"wlan0": "yes", "wlan1": "yes", "wlan2": "yes"},
    )  # fmt: skip
    assert nmcli.point().open().interface == "wlan1"
    nmcli.put(can={"wlan0": "yes"})
    assert nmcli.point().open().interface == "wlan0"
    nmcli.put(can={})
    with pytest.raises(NoAccessPoint, match="no wireless device"):
        nmcli.point().open()


def test_a_machine_without_networkmanager_says_so(tmp_path: Path) -> None:
    point = NetworkManagerPoint(str(tmp_path / "absent"))
    with pytest.raises(NoAccessPoint, match="NetworkManager is missing"):
        point.open()
    point.close()


def test_they_are_made_by_name() -> None:
    assert isinstance(make_access_point("networkmanager"), NetworkManagerPoint)
    assert isinstance(make_access_point("scripted"), ScriptedPoint)
    with pytest.raises(UnknownDriver):
        make_access_point("bluetooth")
