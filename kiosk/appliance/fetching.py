"""Where bundles come from: a file, a stick, the box's inbox, or an address somebody typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from kiosk.appliance.bundle import MOST_BYTES, BadBundle
from kiosk.appliance.places import Places

SUFFIX = ".hearth"
_PATIENCE_S = 60.0
_SECURE = "https://"
_PLAIN = "http://"


def fetch(where: str, room: Path, progress: Callable[[str], None]) -> Path:
    """Return the bundle at ``where`` as a file, fetched into ``room`` if it is an address. Raises `BadBundle`.

    Nothing that is fetched is believed: its signature is verified later, and its size is limited here.
    """
    if where.startswith(_PLAIN):
        raise BadBundle("Bundles are fetched over https only.", "Give an https address, or a file.")
    if not where.startswith(_SECURE):
        path = Path(where)
        if not path.is_file():
            raise BadBundle(f"There is no file {path}.", "Is the stick in?")
        return path
    progress("fetching the bundle")
    target = room / f"fetched{SUFFIX}"
    try:
        with (
            httpx.stream("GET", where, timeout=_PATIENCE_S, follow_redirects=True) as answer,
            target.open("wb") as file,
        ):
            answer.raise_for_status()
            size = 0
            for block in answer.iter_bytes():
                size += len(block)
                if size > MOST_BYTES:
                    raise BadBundle("What is at this address is larger than any bundle.", "Is the address right?")
                file.write(block)
    except httpx.HTTPError as error:
        raise BadBundle(f"The bundle could not be fetched: {error}.", "Check the address and the network.") from error
    return target


def waiting(places: Places) -> list[Path]:
    """Bundles that lie ready on mounted sticks, in the inbox, and fetched from the archive.

    The last by name, and so by version, comes first.
    """
    sticks = [places.root / "media", places.root / "mnt"]
    found = [path for folder in sticks for path in (*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*/*{SUFFIX}"))]
    found += (path for folder in (places.inbox, places.fetched) for path in folder.glob(f"*{SUFFIX}"))
    return sorted((path for path in found if path.is_file()), key=lambda path: _order(path.name), reverse=True)


def _order(name: str) -> tuple[tuple[int, ...], str]:
    figures = "".join(letter if letter.isdecimal() else " " for letter in name)
    return tuple(int(part) for part in figures.split()), name
