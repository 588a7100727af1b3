"""What the nightly look found and could not take: nobody watches it, so whoever looks after the box is told by day."""

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


__all__ = ["NotTaken", "put_note", "read_note"]
