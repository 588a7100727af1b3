"""An exchange: ours for them, theirs for us, by a folder that somebody carries, or over https."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx

from archive.durable import remove, write_file
from archive.errors import BadFeed
from archive.feed.manifest import LARGEST_SOUND, MOST_BYTES
from archive.partners.giving import Given, blob_for, blobs_of, give
from archive.partners.known import BadPartner, Partner
from archive.partners.taking import Taken, applied_volumes, take
from archive.server.place import PART, ArchiveHome
from archive.transports.wire import MARK, address

DOOR: Final = "/partner"
_FEEDS: Final = "feed-{:04}"
_MOST_VOLUMES: Final = 4096
_TIMEOUT_S: Final = 60.0
_TRIES: Final = 4
"""So often in a row a line may break without anything having come."""
_WAIT_S: Final = 1.0
_HELD_ALL: Final = 416


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What went out (stories lent, over a folder) and what came; ``took`` is None where they had left nothing.

    ``in_part`` and ``left_out`` name stories of ours that are too large to be lent whole, or at all.
    """

    gave: int
    took: Taken | None = field(default=None)
    in_part: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "gave": self.gave,
            "in_part": list(self.in_part),
            "left_out": list(self.left_out),
            "took": None if self.took is None else self.took.to_json(),
        }


def exchange_folder(place: ArchiveHome, partner: Partner, folder: Path, who: str) -> Exchanged:
    """Leave ours for ``partner`` in ``folder`` and take what they left there. Safe to repeat.

    Raises `BadFeed`, `OSError`, and what `archive.feed` and the stores raise.
    """
    if not folder.is_dir():
        raise BadPartner(f"There is no folder {folder}.", "Is the stick in?")
    mine, theirs = place.public_key.fingerprint.replace(" ", ""), partner.key.fingerprint.replace(" ", "")
    gave, given = _leave(place, partner, folder / f"{mine}-to-{theirs}")
    done = Exchanged(gave, None, tuple(given.in_part), tuple(given.left_out))
    source = folder / f"{theirs}-to-{mine}"
    feeds = sorted(source.glob("feed-*"))
    if not feeds:
        return done
    if len(feeds) > _MOST_VOLUMES or any(path.stat().st_size > MOST_BYTES for path in feeds):
        raise BadFeed("What lies there is larger than a bundle can be.")

    def fetch(sha256: str) -> BinaryIO:
        path = source / "blobs" / sha256
        if not path.is_file():
            raise BadFeed("A sound is missing in this folder.", "Let the partner exchange with it again.")
        return path.open("rb")

    return replace(done, took=take(place, partner, [path.read_bytes() for path in feeds], fetch, who))


def exchange_https(place: ArchiveHome, partner: Partner, who: str, client: httpx.Client | None = None) -> Exchanged:
    """Fetch what ``partner`` lends from its own door; it fetches ours from our door, when it exchanges.

    Raises `BadPartner` (no address or credential, or it does not answer), `BadFeed`.
    """
    if not partner.url or not partner.secret:
        say = f"Where the door of {partner.name} is, or what opens it, is not known here."
        raise BadPartner(say, "hearth archive partner add NAME KEY --url https://... --credential ...")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        applied = applied_volumes(tx, partner.name, place.now())
    with client or httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as open_client:
        asked = _Door(open_client, address(partner.url), partner.secret, place.work)
        feeds = asked.feeds(applied)
        return Exchanged(0, take(place, partner, feeds, asked.blob, who))


class _Door:
    """A partner's door, seen from outside."""

    def __init__(self, client: httpx.Client, url: str, secret: str, work: Path) -> None:
        self._client = client
        self._work = work
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"}

    def feeds(self, applied: dict[int, int]) -> list[bytes]:
        body = {"applied": {str(volume): sequence for volume, sequence in applied.items()}}
        answer = self._asked(f"{DOOR}/feed", json.dumps(body).encode())
        try:
            told = json.loads(answer)["feeds"]
            return [base64.b64decode(one, validate=True) for one in told][:_MOST_VOLUMES]
        except (ValueError, KeyError, TypeError) as error:
            raise BadFeed("The partner's answer cannot be read.", "Is it of the same version?") from error

    @contextlib.contextmanager
    def blob(self, sha256: str) -> Iterator[BinaryIO]:
        """Fetch a blob over a line that may break; each try goes on where it was, and so does the next run.

        What came of it stays in the work folder only where the line, or the program, ended before it was whole.
        """
        part = self._work / f"{sha256}{PART}"
        with part.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BadPartner("Somebody else is exchanging just now.", "Try again later.") from error
            self._fill(file, sha256)
            try:
                file.seek(0)
                yield file
            finally:
                part.unlink(missing_ok=True)

    def _fill(self, file: BinaryIO, sha256: str) -> None:
        left = _TRIES
        while True:
            held = file.seek(0, os.SEEK_END)
            try:
                self._ask("GET", f"{DOOR}/blob/{sha256}", into=file)
            except httpx.RequestError as error:
                if file.seek(0, os.SEEK_END) > held:
                    left = _TRIES
                    continue
                left -= 1
                if not left:
                    raise _silent(error) from error
                time.sleep(_WAIT_S)
            else:
                return

    def _asked(self, path: str, body: bytes) -> bytes:
        data = io.BytesIO()
        try:
            self._ask("POST", path, body, into=data)
        except httpx.RequestError as error:
            raise _silent(error) from error
        return data.getvalue()

    def _ask(self, method: str, path: str, body: bytes = b"", *, into: BinaryIO) -> None:
        """Ask for what ``into`` does not hold yet. Raises `BadPartner`, `BadFeed`, `httpx.RequestError`."""
        held = into.tell()
        headers = self._headers | ({"Range": f"bytes={held}-"} if held else {})
        with self._client.stream(method, self._url + path, headers=headers, content=body) as answer:
            status = answer.status_code
            if status == _HELD_ALL and answer.headers.get("content-range") == f"bytes */{held}":
                return
            if status == _HELD_ALL:  # more is held than there is: the next run begins anew
                into.truncate(0)
            if status not in {200, 206} or MARK.lower() not in answer.headers:
                why = "it does not know our credential" if status == 401 else f"it answered {status}"  # noqa: PLR2004
                raise BadPartner(f"The partner did not give what it lends: {why}.", "Ask its people.")
            if status == 200:  # noqa: PLR2004 - all of it, whether or not the rest was asked for
                into.seek(0)
                into.truncate()
            for piece in answer.iter_bytes():
                into.write(piece)
                if into.tell() > LARGEST_SOUND:
                    into.truncate(0)
                    raise BadFeed("The partner's answer is larger than it can be.")


def _silent(error: httpx.RequestError) -> BadPartner:
    return BadPartner(f"The partner does not answer: {type(error).__name__}.", "Try again later.")


def _leave(place: ArchiveHome, partner: Partner, folder: Path) -> tuple[int, Given]:
    """Write feeds and blobs; what is lent no more goes from the folder."""
    given = give(place, partner)
    feeds = given.volumes
    names = set(blobs_of(place, partner))
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    for name in sorted(names):
        path = folder / "blobs" / name
        if not path.exists():
            with place.objects.open(blob_for(place, partner, name)) as source:
                write_file(path, source.read(), 0o600)
    for number, data in enumerate(feeds):
        write_file(folder / _FEEDS.format(number), data, 0o600)
    for path in _stale(folder, names, len(feeds)):
        remove(path)
    return len(names) // 2, given


def _stale(folder: Path, names: set[str], volumes: int) -> Iterator[Path]:
    feeds = {_FEEDS.format(number) for number in range(volumes)}
    with contextlib.suppress(FileNotFoundError):
        yield from (path for path in sorted(folder.glob("feed-*")) if path.name not in feeds)
        yield from (path for path in sorted((folder / "blobs").iterdir()) if path.name not in names)
