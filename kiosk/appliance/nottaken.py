"""Releases a box could not take, or tried and took back: nobody watches at night, so who looks after it is told by day.

Each is told until something as new runs; what was tried in vain stays written down, so that it is not tried again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from archive.durable import remove, write_file
from kiosk.appliance.places import Places, version_of


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A newer release that lies ready and could not be installed. ``say`` and ``do`` as in an error."""

    version: str
    say: str
    do: str


def put_note(places: Places, left: NotTaken | None) -> None:
    """Write down what the latest look had to leave, or that there is nothing. Raises `OSError`."""
    if left is None:
        remove(places.not_taken)
    else:
        write_file(places.not_taken, json.dumps(asdict(left)).encode())


def read_note(places: Places, running: str) -> NotTaken | None:
    """What the latest look had to leave, unless ``running`` is as new by now."""
    try:
        left = NotTaken(**json.loads(places.not_taken.read_text(encoding="utf-8")))
        return left if version_of(left.version) > version_of(running) else None
    except (OSError, ValueError, TypeError):
        return None


def refused(places: Places) -> list[str]:
    """Every version that was tried here and did not start, in the order in which they were tried."""
    try:
        return [str(one) for one in json.loads(places.refused.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def refuse(places: Places, version: str) -> None:
    """Write down that ``version`` was tried here and did not start. Raises `OSError`."""
    write_file(places.refused, json.dumps([*refused(places), version]).encode())


def taken_back(places: Places, running: str) -> str:
    """The newest version that did not start here, or nothing if ``running`` is as new by now."""
    try:
        newest = max(refused(places), key=version_of, default="")
        return newest if newest and version_of(newest) > version_of(running) else ""
    except ValueError:
        return ""


__all__ = ["NotTaken", "put_note", "read_note", "refuse", "refused", "taken_back"]
