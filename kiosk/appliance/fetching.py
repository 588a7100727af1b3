"""Where bundles come from: a file, a stick, the box's inbox, or an address somebody typed.

What is fetched goes on where it broke off, in the same run and in the next: the beginning lies in a folder of root's,
beside what the server called that version of the file, and only its rest is asked for. Nothing of it is believed: the
signature over the whole is verified later, and its size is limited here.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from archive.durable import remove, write_file
from kiosk.appliance.bundle import MOST_BYTES, BadBundle
from kiosk.appliance.places import Places

SUFFIX = ".hearth"
TRIES = 6
"""So many tries without getting further end it: about a minute of waiting in all."""
_PATIENCE_S = 60.0
_LONGEST_WAIT_S = 20.0
_SECURE = "https://"
_PLAIN = "http://"


def fetch(
    where: str, places: Places, room: Path, progress: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Return the bundle at ``where`` as a file, fetched into ``room`` if it is an address. Raises `BadBundle`.

    ``sleep`` waits so many seconds between two tries.
    """
    if where.startswith(_PLAIN):
        raise BadBundle("Bundles are fetched over https only.", "Give an https address, or a file.")
    if not where.startswith(_SECURE):
        path = Path(where)
        if not path.is_file():
            raise BadBundle(f"There is no file {path}.", "Is the stick in?")
        return path
    beginning = _Beginning(places.fetching, where)
    progress(f"going on with the bundle at {beginning.held():,} bytes" if beginning.held() else "fetching the bundle")
    failed = 0
    with httpx.Client(verify=ssl.create_default_context(), timeout=_PATIENCE_S, follow_redirects=True) as client:
        while True:
            held = beginning.held()
            try:
                beginning.go_on(client)
                break
            except httpx.TransportError as error:
                failed = 1 if beginning.held() > held else failed + 1
                if failed >= TRIES:
                    raise BadBundle(
                        f"The bundle could not be fetched whole: {error}.",
                        "Check the address and the network. What came is kept: the same command goes on with it.",
                    ) from error
                sleep(min(_LONGEST_WAIT_S, 2.0**failed))
            except httpx.HTTPError as error:
                raise BadBundle(
                    f"The bundle could not be fetched: {error}.", "Check the address and the network."
                ) from error
    return beginning.taken(room / f"fetched{SUFFIX}")


class _Beginning:
    """What came of one address so far. One at a time is kept: whoever asks for another does not want this any more."""

    def __init__(self, folder: Path, where: str) -> None:
        self._where = where
        name = hashlib.sha256(where.encode()).hexdigest()[:16]
        self._path, self._noted = folder / f"{name}.part", folder / f"{name}.json"
        folder.mkdir(mode=0o700, exist_ok=True)
        for other in folder.iterdir():
            if other not in {self._path, self._noted}:
                remove(other)

    def held(self) -> int:
        """Bytes that are here already and can be gone on with."""
        return self._path.stat().st_size if self._mark() and self._path.is_file() else 0

    def go_on(self, client: httpx.Client) -> None:
        """Ask for the rest, or for all of it. Raises `httpx.HTTPError`, `BadBundle`; what came stays."""
        held = self.held()
        headers = {"Accept-Encoding": "identity"}
        if held:
            # Where the file at the address is another by now, the answer is the whole of the new one.
            headers |= {"Range": f"bytes={held}-", "If-Range": self._mark()}
        with client.stream("GET", self._where, headers=headers) as answer:
            if answer.url.scheme != "https":
                raise BadBundle("The address leads to one that is not protected.", "Give the address it leads to.")
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._forget()
                raise httpx.ReadError("the file at the address is shorter than what came", request=answer.request)
            answer.raise_for_status()
            rest = answer.status_code == httpx.codes.PARTIAL_CONTENT
            if rest and not answer.headers.get("content-range", "").startswith(f"bytes {held}-"):
                self._forget()
                raise httpx.ReadError("the server gave another part than was asked for", request=answer.request)
            if not rest:
                self._forget()
                held = 0
                write_file(self._noted, json.dumps({"mark": _mark(answer)}).encode(), 0o600)
            with self._path.open("ab") as file:
                try:
                    for block in answer.iter_raw():
                        held += len(block)
                        if held > MOST_BYTES:
                            self._forget()
                            raise BadBundle("What is at this address is larger than any bundle.", "Is it right?")
                        file.write(block)
                finally:
                    file.flush()
                    os.fsync(file.fileno())

    def taken(self, target: Path) -> Path:
        """Move what is whole now to ``target``; nothing stays here."""
        self._path.replace(target)
        self._forget()
        return target

    def _mark(self) -> str:
        try:
            return str(json.loads(self._noted.read_bytes())["mark"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _forget(self) -> None:
        self._path.unlink(missing_ok=True)
        self._noted.unlink(missing_ok=True)


def _mark(answer: httpx.Response) -> str:
    """What tells this version of the file from another; empty where the server has no such thing."""
    tag = str(answer.headers.get("etag", ""))
    return tag if tag and not tag.startswith("W/") else str(answer.headers.get("last-modified", ""))


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
