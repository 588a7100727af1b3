"""An archive's server, over https: sealed bags by resumable upload, then a signed receipt; withdrawals both ways.

A bag is sealed to the archive's key into the box's outbox first: those very bytes are what an interrupted upload goes
on with. They go when the archive has signed, when the teller takes the story back, and when a newer bag replaces
them; nobody but the archive can open them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from archive.bag import Bag, is_bag_id
from archive.consentrecord import ConsentRecord
from archive.durable import remove, write_file
from archive.errors import Refused, TransportTrouble
from archive.feed.hello import Hello, make_hello
from archive.home import Home, Keys
from archive.ingest import Progress, Refusal
from archive.receipts import Receipt, read_receipt
from archive.sealedbag import ArchiveKey, read_archive_key
from archive.tombstones import Tombstone, read_tombstone, signed_part
from archive.transports.known import check_key
from archive.transports.networds import KEPT, Lasting, Passing
from archive.transports.sealing import drop_sealed, sealed_copy
from archive.transports.tus import upload
from archive.transports.way import Way
from archive.transports.wire import REQUEST_S, SLOW_REQUEST_S, Said, Wire, address
from audio.clock import Clock

_REFUSED = {409, 410, 422}
_ALTERED = 460
_GONE = 404
_SENT_ANEW = 3
_STEP = 10


class HttpsTransport:
    """Hand on to the server at ``target``, as the box whose credential ``way`` holds."""

    def __init__(self, target: str, home: Path, keys: Path, clock: Clock, way: Way) -> None:
        """Prepare; nothing is sent before `visit`. Raises `TransportTrouble` for an address that cannot be used."""
        self.place = address(target)
        self.signer = b""
        self._home = Home(home, keys)
        self._clock = clock
        self._way = way
        self._wire: Wire | None = None
        self._keys: Keys | None = None
        self._key: ArchiveKey | None = None
        self._refused: list[Refusal] = []
        self._signed: dict[str, Receipt] = {}
        self._held: set[str] | None = None

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Reach the archive, make the box known, and find out whether it is still the archive known there."""
        if not self._way.credential:
            say = f"The archive at {self.place} wants to know which box this is, and there is no credential here."
            do = (
                "Ask the archive for one (its page Boxes, or hearth archive box add); paste it into the phone's page "
                "of settings, or give it with --credential."
            )
            raise TransportTrouble(say, do)
        self._keys = self._home.load_keys()
        self._refused, self._signed, self._held = [], {}, None
        wire = self._wire = Wire(self.place, self._clock, self._way)
        try:
            self._greet()
            yield
        finally:
            self._wire = None
            wire.close()

    def _greet(self) -> None:
        hello = make_hello(self._own, "", 0)
        pulse = {**self._way.pulse, "clock": self._clock.wall().isoformat(), "clock_trusted": self._clock.trusted()}
        said = self._ask("POST", "/pulse", {"hello": json.loads(hello.to_bytes()), "pulse": pulse})
        if said.status == _GONE:
            say = f"There is an archive at {self._the_wire.host}, and it does not take stories at {self.place}."
            raise Lasting(say, "Write its address as its people open it, with nothing behind it.")
        key = said.json().get("key")
        self._key = read_archive_key(key) if isinstance(key, dict) else None
        if self._key is None:
            raise Lasting(f"The archive at {self.place} did not show its key.", "Is it of the same version?")
        check_key(self._home.keys, self.place, f"at {self.place}", self._key)
        self.signer = self._key.sign

    def tombstones(self) -> list[Tombstone]:
        """Ask the archive what was taken back."""
        listed = self._ask("GET", "/tombstones").json().get("tombstones")
        read = (read_tombstone(json.dumps(one).encode()) for one in listed) if isinstance(listed, list) else ()
        return [stone for stone in read if stone is not None]

    def send_tombstone(self, stone: Tombstone) -> None:
        """Tell the archive, signed by this box; what waits in the outbox for it goes first."""
        drop_sealed(self._home, stone.story)
        signature = self._own.signing.sign(signed_part(stone)).signature.hex()
        said = self._ask("POST", "/tombstones", {"tombstone": stone.to_json(), "signature": signature})
        if said.status == HTTPStatus.CONFLICT:
            raise Refused(said.told())
        if said.status != HTTPStatus.NO_CONTENT:
            raise Lasting(said.told(), "Tell whoever runs the archive.")
        self._signed.pop(stone.story, None)
        if self._held is not None:
            self._held.discard(stone.story)

    def send_bag(self, bag: Bag) -> None:
        """Seal the bag, bring it there, and have the archive look at it at once."""
        known = self._fetch(bag.id) if bag.id in self._there() else None
        if known is not None and known.sha256 == bag.sha256:
            self._signed[bag.id] = known
            self._drop(known)
            return
        assert self._key is not None, "inside a visit"
        source = sealed_copy(self._home, bag, self._key)
        try:
            if self._bring(bag, source):
                remove(source)
        except OSError as error:
            say = f"The box's own disk failed while a story was handed on ({error.strerror or error}). {KEPT}"
            raise TransportTrouble(say, "Check the disk.") from error

    def _bring(self, bag: Bag, source: Path) -> bool:
        """Upload and have it judged; tell whether the sealed copy has done its work."""
        facts = {"story": bag.id, "bag": bag.sha256, "content": _sum(source)}
        for _ in range(_SENT_ANEW):
            where = upload(self._the_wire, "/box/uploads", source, facts, _Teller(self._way.told, bag.id))
            said = self._judged(where) if isinstance(where, str) else where
            if said.status in _REFUSED:
                self._refused.append(Refusal(bag.id, said.told()))
                return True
            receipt = _receipt_in(said)
            if receipt is None and said.status == _GONE:
                # Signed for a moment ago, and only the answer was lost?
                receipt = self._fetch(bag.id)
            if receipt is not None and receipt.sha256 == bag.sha256:
                self._signed[bag.id] = receipt
                self._there().add(bag.id)
                return True
            if said.status not in {_GONE, _ALTERED}:
                break
        raise Lasting(f"{said.told()} {KEPT}", "Tell whoever runs the archive if it happens again.")

    def _judged(self, where: str) -> Said:
        name = where.rpartition("/")[2]
        return self._ask("POST", "/deposits", {"upload": name}, limit_s=SLOW_REQUEST_S)

    def settle(self, progress: Progress) -> list[Refusal]:
        """Return what the archive refused; it takes its turn with every bag."""
        progress("judged", "")
        refused, self._refused = self._refused, []
        return refused

    def receipt(self, bag_id: str) -> Receipt | None:
        """Return the receipt signed in this visit, or ask for the one signed before."""
        found = self._signed.get(bag_id) or self._fetch(bag_id)
        if found is not None:
            # A run killed right after the archive had signed has left the sealed copy.
            self._drop(found)
        return found

    def _drop(self, receipt: Receipt) -> None:
        if receipt.verified(self.signer):
            drop_sealed(self._home, f"{receipt.bag}.{receipt.sha256[:16]}")

    def consent(self, bag_id: str) -> ConsentRecord | None:
        """A server shows no box what it keeps."""
        del bag_id
        return None

    def waits(self, bag_id: str, sha256: str) -> bool:
        """Nothing waits at a server: what did not arrive whole is gone on with."""
        del bag_id, sha256
        return False

    def lost(self, bag_id: str) -> bool:
        """Tell whether the archive no longer holds the bag."""
        return bag_id not in self._there()

    def feed(self, hello: Hello) -> bytes | None:
        """Make the box known and fetch its newest feed; None where there is none."""
        said = self._the_wire.ask("POST", "/box/feed", plain=json.loads(hello.to_bytes()))
        if said.status == 200:  # noqa: PLR2004
            return said.data
        if said.status in {204, _GONE}:
            return None
        raise Lasting(f"{said.told()} The last good feed stays in use.", "Tell whoever runs the archive.")

    @contextmanager
    def blob(self, sha256: str) -> Iterator[BinaryIO]:
        """Fetch a blob of this box's feed into a file without a name, and open it."""
        with tempfile.TemporaryFile(dir=self._home.outbox) as file:
            if not self._fetched(f"/box/feed/blobs/{sha256}", file):
                raise Lasting("A part of the archive's feed is not there.", "The next run asks again.")
            file.seek(0)
            yield file

    def release(self) -> dict[str, object] | None:
        """Ask which release is offered to this box; None where none is, or the archive knows of no releases."""
        said = self._the_wire.ask("GET", "/box/release")
        return said.json() if said.status == 200 else None  # noqa: PLR2004

    def release_bundle(self, sha256: str, into: BinaryIO) -> None:
        """Fetch the offered bundle into a file, behind what it holds of it; what came stays if the line breaks."""
        if not self._fetched(f"/box/release/{sha256}", into, SLOW_REQUEST_S):
            raise Lasting("The release the archive offered is not there any more.", "The next night asks again.")

    def _fetched(self, path: str, into: BinaryIO, limit_s: float = REQUEST_S) -> bool:
        """Fetch a file behind what ``into`` holds of it, over a line that may break; False where it is not there.

        Patience begins anew with every try that brought something on.
        """
        wire, patience = self._the_wire, self._the_wire.patience()
        while True:
            held = into.seek(0, os.SEEK_END)
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
            try:
                said = wire.once("GET", path, headers=headers, into=into, limit_s=limit_s)
            except Passing as trouble:
                if into.seek(0, os.SEEK_END) > held:
                    patience.renew()
                patience.wait(trouble, trouble.wait_s)
            else:
                # A line that broke behind the last byte leaves nothing to ask for.
                over = said.status == 416 and said.headers.get("content-range") == f"bytes */{held}"  # noqa: PLR2004
                return over or said.status in {200, 206}

    def _there(self) -> set[str]:
        """Name the stories of this box the archive holds. The list travels only when it changed since the last run."""
        if self._held is None:
            path = self._home.outbox / f".held-{hashlib.sha256(self.place.encode()).hexdigest()[:16]}.json"
            before = _remembered(path)
            headers = {"If-None-Match": str(before["tag"])} if before else {}
            said = self._the_wire.ask("GET", "/box/held", headers=headers)
            if said.status == 304:  # noqa: PLR2004
                stories = before["stories"]
            else:
                stories = said.json().get("stories", [])
                write_file(path, json.dumps({"tag": said.headers.get("etag", ""), "stories": stories}).encode(), 0o600)
            self._held = {str(one) for one in stories if is_bag_id(str(one))}
        return self._held

    def _fetch(self, bag_id: str) -> Receipt | None:
        return _receipt_in(self._ask("GET", f"/receipts/{bag_id}"))

    def _ask(self, method: str, path: str, plain: Mapping[str, Any] | None = None, **how: float) -> Said:
        return self._the_wire.ask(method, f"/box{path}", plain=plain, **how)  # type: ignore[arg-type]  # only limit_s

    @property
    def _the_wire(self) -> Wire:
        assert self._wire is not None, "inside a visit"
        return self._wire

    @property
    def _own(self) -> Keys:
        assert self._keys is not None, "inside a visit"
        return self._keys


class _Teller:
    """Tells how far an upload is, at every tenth."""

    def __init__(self, told: Progress, story: str) -> None:
        self._told = told
        self._story = story
        self._last = -1

    def __call__(self, arrived: int, size: int) -> None:
        tenth = 100 * arrived // size // _STEP * _STEP
        if tenth != self._last:
            self._last = tenth
            self._told(f"sent {tenth} % of", self._story)


def _receipt_in(said: Said) -> Receipt | None:
    if said.status != 200:  # noqa: PLR2004
        return None
    plain = said.json().get("receipt")
    return read_receipt(plain) if isinstance(plain, dict) else None


def _remembered(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    good = isinstance(plain, dict) and plain.get("tag") and isinstance(plain.get("stories"), list)
    return plain if good else {}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
