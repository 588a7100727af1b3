"""How long the access point is held open, in which order things are opened and shut, and what the kiosk may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio.clock import VirtualClock
from hardware.accesspoint import Network, NoAccessPoint, ScriptedPoint
from hardware.firewall import Firewall, FirewallTrouble
from kiosk.appliance.accesspoint import Wish, hold_open
from kiosk.door import IDLE_S, Door, read_point


class Place:
    """A door, a radio and a filter that note in which order they are used."""

    def __init__(self, folder: Path) -> None:
        self.door_folder, self.told = folder / "door", folder / "point.json"
        self.door_folder.mkdir()
        self.clock = VirtualClock()
        self.point = ScriptedPoint("wlan7")
        self.notes = folder / "notes"
        self.notes.touch()
        nft = folder / "nft"
        nft.write_text(f'#!/bin/sh\necho "$1 $(test -e {self.told} && echo told)" >>{self.notes}\n')
        nft.chmod(0o755)
        self.firewall = Firewall(str(nft))
        self.door = Door(self.door_folder, self.told)
        self.ready = 0

    def hold(self, wait) -> None:
        def ready() -> None:
            self.ready += 1

        hold_open(Wish(self.door_folder / "wanted", self.clock), self.point, self.firewall, self.told, wait, ready)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_is_held_until_the_screen_has_done(place: Place) -> None:
    place.door.open()
    seen: list[Network | None] = []

    def wait(_: float) -> bool:
        seen.append(place.door.network())
        if len(seen) == 3:
            place.door.close()
        return False

    place.hold(wait)
    assert place.ready == 1
    assert seen[0] is not None
    assert seen[0].interface == "wlan7"
    assert place.point.network is None
    assert read_point(place.told) is None
    # Shut first, opened, and shut again before anything else is taken away.
    assert [line.strip() for line in place.notes.read_text().splitlines()] == ["flush", "flush", "add", "flush told"]


def test_it_closes_after_a_quarter_of_an_hour_without_anyone_and_is_not_asked_for_again(place: Place) -> None:
    place.door.open()
    begun = place.clock.monotonic()

    def wait(_: float) -> bool:
        place.clock.advance(10.0)
        return False

    place.hold(wait)
    assert place.clock.monotonic() - begun == IDLE_S == 900.0
    assert not list(place.door_folder.iterdir())
    place.door.touch()
    assert not list(place.door_folder.iterdir()), "what has closed is opened by a press alone"


def test_a_phone_that_is_seen_keeps_it_open(place: Place) -> None:
    place.door.open()
    begun, turns = place.clock.monotonic(), 0

    def wait(_: float) -> bool:
        nonlocal turns
        turns += 1
        place.clock.advance(300.0)
        if turns <= 6:
            place.door.touch()
        return False

    place.hold(wait)
    assert place.clock.monotonic() - begun == 6 * 300.0 + IDLE_S


def test_nothing_is_opened_for_nobody(place: Place) -> None:
    place.hold(lambda _: pytest.fail("nothing to wait for"))
    assert place.ready == 0


def test_being_stopped_closes_it(place: Place) -> None:
    place.door.open()
    place.hold(lambda _: True)
    assert place.point.network is None
    assert read_point(place.told) is None


def test_a_filter_that_does_not_answer_keeps_the_network_shut(place: Place, tmp_path: Path) -> None:
    place.firewall = Firewall(str(tmp_path / "absent"))
    place.door.open()
    with pytest.raises(FirewallTrouble, match="packet filter"):
        place.hold(lambda _: True)
    assert place.point.network is None


def test_a_broken_radio_lets_nobody_in(place: Place) -> None:
    place.point.broken = True
    place.door.open()
    with pytest.raises(NoAccessPoint):
        place.hold(lambda _: True)
    assert "add" not in place.notes.read_text()


@pytest.mark.parametrize("interface", ["", "wlan0; flush ruleset", 'x" }', "a" * 16])
def test_only_an_interface_gets_into_the_filter(place: Place, interface: str) -> None:
    with pytest.raises(FirewallTrouble):
        place.firewall.let_in(interface)
    assert place.notes.read_text() == ""


def test_a_wish_is_a_file_and_its_content_is_never_read(place: Place) -> None:
    place.door.open()
    wanted = place.door_folder / "wanted"
    wanted.unlink()
    # A link to anywhere is no wish: nothing is opened, what it names is not touched, and it alone is removed.
    target = place.door_folder.parent / "elsewhere"
    target.write_text("stays")
    wanted.symlink_to(target)
    place.hold(lambda _: pytest.fail("nobody asked for it"))
    assert target.read_text() == "stays"
    assert not wanted.is_symlink()
    assert place.ready == 0


def test_a_folder_in_the_place_of_the_wish_opens_nothing(place: Place) -> None:
    (place.door_folder / "wanted").mkdir()
    with pytest.raises(OSError, match="wanted"):
        place.hold(lambda _: pytest.fail("nobody asked for it"))
    assert place.ready == 0
    assert "add" not in place.notes.read_text()


def test_a_wish_that_turns_into_a_folder_meanwhile_does_not_keep_the_network_open(place: Place) -> None:
    place.door.open()
    wanted = place.door_folder / "wanted"

    def wait(_: float) -> bool:
        wanted.unlink()
        wanted.mkdir()
        place.told.unlink()
        place.told.mkdir()
        return False

    with pytest.raises(OSError, match=r"wanted|point"):
        place.hold(wait)
    assert place.point.network is None
    assert [line.split()[0] for line in place.notes.read_text().splitlines()] == ["flush", "flush", "add", "flush"]


def test_without_the_folder_the_kiosk_goes_on_and_has_no_network(tmp_path: Path) -> None:
    door = Door(tmp_path / "absent", tmp_path / "none.json")
    door.open()
    door.touch()
    assert door.network() is None
    door.close()


def test_a_wish_of_a_run_before_is_taken_back_at_the_start(place: Place) -> None:
    place.door.open()
    again = Door(place.door_folder, place.told)
    assert not list(place.door_folder.iterdir())
    assert again.network() is None
