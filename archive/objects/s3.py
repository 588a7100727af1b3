"""Objects in a store that speaks S3: SeaweedFS, MinIO, Garage, Ceph or a provider's.

The address is ``s3://BUCKET?endpoint=http://127.0.0.1:8333`` with, where needed, ``region=`` and ``prefix=`` (a
folder in the bucket). The key to it is never part of the address: it is taken from ``AWS_ACCESS_KEY_ID`` and
``AWS_SECRET_ACCESS_KEY``, or ``anonymous=yes`` says that the store asks for none. Nothing else is tried: asking a
cloud machine's metadata service for a key would be a connection nobody configured. A proxy named in the environment
(``HTTPS_PROXY``, ``NO_PROXY``) is used as everywhere.

An object is sent in parts and stands only when the last one is acknowledged; that is also when the store promises to
keep it. Parts of uploads that broke off are invisible; the store's own life-cycle rule removes them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, Final, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store

from archive.errors import NoSuchObject, StoreTrouble
from archive.objects import BLOCK, Stored, checked_key, checked_prefix

if TYPE_CHECKING:
    from obstore.store import S3Config
    from typing_extensions import Buffer

PART_SIZE: Final = 8 << 20
"""Bytes of one part, sent or fetched; S3 wants at least 5 MiB and at most 10,000 parts."""
_AT_ONCE = 3
_PATIENCE = timedelta(seconds=60)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(milliseconds=100), timedelta(seconds=5)
_KNOWN = {"endpoint", "region", "prefix", "anonymous"}
_REFUSED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_HELP = "Write s3://BUCKET?endpoint=https://ADDRESS, with region=, prefix= or anonymous=yes where needed."


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket, read from its URL."""

    bucket: str
    endpoint: str
    region: str = "us-east-1"
    prefix: str = ""
    anonymous: bool = False


def read_address(url: str) -> Address:
    """Read an ``s3://`` URL. Raises `StoreTrouble` for one that cannot work, and for plain http beyond this machine."""
    split = urlsplit(url)
    fields = dict(parse_qsl(split.query, keep_blank_values=True))
    endpoint = urlsplit(fields.get("endpoint", ""))
    if not split.netloc or "@" in split.netloc or split.path.strip("/") or set(fields) - _KNOWN:
        raise StoreTrouble(f"The address of the object store is not complete or not clear: {_bare(url)}.", _HELP)
    if endpoint.scheme not in {"http", "https"} or not endpoint.hostname or "@" in endpoint.netloc:
        raise StoreTrouble("The address of the object store does not say where the store is.", _HELP)
    if endpoint.scheme == "http" and endpoint.hostname not in _LOOPBACK:
        say = "The object store would be reached over a line anybody can read (http)."
        raise StoreTrouble(say, "Use https; plain http is for a store on this machine itself.")
    return Address(
        split.netloc,
        fields["endpoint"].rstrip("/"),
        fields.get("region") or "us-east-1",
        checked_prefix(fields.get("prefix", "")),
        fields.get("anonymous") == "yes",
    )


class S3Objects:
    """Objects in a bucket, which has to be there already."""

    def __init__(self, address: Address) -> None:
        """Prepare; nothing is reached yet. Raises `StoreTrouble` where the key to the store is missing."""
        self.place = f"s3://{address.bucket}/{address.prefix} at {address.endpoint}"
        self._prefix = f"{address.prefix}/" if address.prefix else ""
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if not address.anonymous and not (key and secret):
            say = f"The key to the object store at {address.endpoint} is not known."
            do = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add anonymous=yes to the address."
            raise StoreTrouble(say, do)
        config: S3Config = {"endpoint": address.endpoint, "region": address.region}
        if address.anonymous:
            config["skip_signature"] = True
        elif key and secret:
            config |= {"access_key_id": key, "secret_access_key": secret}
        self._store = S3Store(
            address.bucket,
            config=config,
            client_options={
                "allow_http": address.endpoint.startswith("http:"),
                "timeout": _PATIENCE,
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={
                "max_retries": 4,
                "backoff": {
                    "base": 2,
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=5),
                },
                "retry_timeout": timedelta(seconds=20),
            },
        )

    def put(self, key: str, source: BinaryIO) -> Stored:
        """See `Objects.put`."""
        name = self._name(key)
        measured = _Measured(source)
        try:
            with self._fails(key):
                first = measured.part()
                if len(first) < PART_SIZE:
                    put = obstore.put(self._store, name, first, use_multipart=False)
                else:
                    whole = measured.from_here(first)
                    put = obstore.put(self._store, name, whole, chunk_size=PART_SIZE, max_concurrency=_AT_ONCE)
                self._confirm(name, put["e_tag"], measured.size)
        finally:
            # What the source raised comes back through the library in another shape, or not at all.
            if measured.failed is not None:
                raise measured.failed
        return Stored(measured.size, measured.digest.hexdigest())

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """See `Objects.open`. Fetched part by part; an object replaced meanwhile raises `StoreTrouble`."""
        with self._fails(key):
            found = obstore.head(self._store, self._name(key))
        end = found["size"] if length is None else min(found["size"], start + max(length, 0))
        return cast("BinaryIO", io.BufferedReader(_Remote(self, key, found["e_tag"], start, end), BLOCK))

    def size(self, key: str) -> int:
        """See `Objects.size`."""
        with self._fails(key):
            return obstore.head(self._store, self._name(key))["size"]

    def exists(self, key: str) -> bool:
        """See `Objects.exists`."""
        try:
            self.size(key)
        except NoSuchObject:
            return False
        return True

    def delete(self, key: str) -> bool:
        """See `Objects.delete`."""
        if not self.exists(key):
            return False
        with self._fails(key), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, self._name(key))
        return True

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Objects.keys`."""
        below = self._prefix + (f"{folder}/" if (folder := checked_prefix(prefix)) else "")
        with self._fails(prefix):
            pages = iter(obstore.list(self._store, below or None))
        while True:
            with self._fails(prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                yield found["path"].removeprefix(self._prefix)

    def sweep(self, older_than_s: float = 86_400.0) -> int:  # noqa: ARG002 (the port's parameter)
        """See `Objects.sweep`: here the store's own life-cycle rule does it."""
        return 0

    def fetch(self, key: str, e_tag: str | None, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to before ``end`` of the very object ``e_tag`` names."""
        options: obstore.GetOptions = {"range": (start, end), "if_match": e_tag}
        with self._fails(key):
            return bytes(obstore.get(self._store, self._name(key), options=options).bytes())

    def _confirm(self, name: str, e_tag: str | None, size: int) -> None:
        """Look at what was acknowledged, unless somebody else has replaced or erased it since."""
        with contextlib.suppress(FileNotFoundError):
            found = obstore.head(self._store, name)
            if found["e_tag"] == e_tag and found["size"] != size:
                say = f"The object store kept {found['size']} bytes of {size}."
                raise StoreTrouble(say, "Try again; if it stays so, look at the store's own log.")

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)

    @contextmanager
    def _fails(self, key: str) -> Iterator[None]:
        """Say what the store refused in words for people."""
        try:
            yield
        except FileNotFoundError:
            raise NoSuchObject(f"The archive has no object {key}.") from None
        except exceptions.PreconditionError as error:
            say = "The object was replaced while it was read."
            raise StoreTrouble(say, "Read it again from its beginning.") from error
        except (exceptions.BaseError, OSError) as error:
            # Refused listings come without a class of their own.
            if isinstance(error, _REFUSED) or "403 Forbidden" in str(error):
                say = f"The object store ({self.place}) refuses the key it was given."
                raise StoreTrouble(say, "Check the key, and that it may read and write this bucket.") from error
            say = f"The object store ({self.place}) does not answer as it should."
            raise StoreTrouble(say, "Is it running, and is the bucket there? Nothing was lost; try again.") from error


class _Measured:
    """A source read in parts, hashed and counted on the way."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0
        self.failed: BaseException | None = None

    def part(self) -> bytes:
        """Read one part; a shorter one is the last."""
        pieces, missing = [], PART_SIZE
        while missing:
            try:
                piece = self._source.read(min(missing, BLOCK))
            except BaseException as error:  # kept as it is: whoever gave the source gets back what it raised
                self.failed = error
                raise
            if not piece:
                break
            self.digest.update(piece)
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
        self.size += len(data)
        return data

    def from_here(self, part: bytes) -> Iterator[bytes]:
        """Give ``part`` and then all others."""
        while part:
            yield part
            part = self.part()


class _Remote(io.RawIOBase):
    """The bytes from ``at`` to before ``end`` of one remote object, fetched a part at a time."""

    def __init__(self, store: S3Objects, key: str, e_tag: str | None, at: int, end: int) -> None:
        super().__init__()
        self._store, self._key, self._e_tag = store, key, e_tag
        self._at, self._end = at, end
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._held and self._at < self._end:
            upto = min(self._at + PART_SIZE, self._end)
            self._held = memoryview(self._store.fetch(self._key, self._e_tag, self._at, upto))
            self._at = upto
        count = min(len(view), len(self._held))
        view[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


def _bare(url: str) -> str:
    """An address as far as it can be shown: nothing before an @."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
