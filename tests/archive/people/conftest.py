"""People at an archive, in the catalogue of the folder above."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archive.catalogue import Catalogue
from archive.keycode import Cost
from archive.people import accounts
from archive.people.roles import Role
from archive.people.sessions import Door
from audio.clock import VirtualClock

CHEAP = Cost(8, 1, 1)
PASSWORD = "four quite unrelated words"


@pytest.fixture
def door(catalogue: Catalogue, clock: VirtualClock) -> Door:
    return Door(catalogue, clock, CHEAP)


@pytest.fixture
def person(catalogue: Catalogue, clock: VirtualClock, door: Door) -> Callable[..., str]:
    """Make somebody with a password and a session; returns the session's token."""

    def make(name: str, *roles: Role) -> str:
        with catalogue.write() as tx:
            _, code = accounts.add_person(tx, name, roles, "test", clock.wall())
        return door.enter_with_code(code, "", PASSWORD, "127.0.0.1", "a test")

    return make
