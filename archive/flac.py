"""From the raw take to a sealed FLAC that is proved to hold the same samples; only then does the raw take go.

An encoder goes back to its header at the end, a sealed file only grows: so the FLAC is made twice, once to learn its
finished beginning, once to write. Neither pass needs more memory for two hours than for two minutes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import soundfile

from archive.durable import remove, sync_folder
from archive.envelope import ContentKey
from archive.masters import FlacReader, Master, flac_label
from archive.shelf import Shelf
from audio.errors import BadSound, DamagedTake
from audio.pcm import to_integers
from audio.sealedfile import SealedWriter
from audio.takewriter import TakeReader
from audio.types import AudioFormat, Sha256, TakeId

_HEAD = 64 * 1024
_SUBTYPES = {2: "PCM_16", 3: "PCM_24"}


class _Sink(io.RawIOBase):
    """Where the encoder writes: a beginning that may be changed, then a stream that only grows.

    The encoder is no Python and lets nothing through that is raised here: what went wrong is kept in ``failed``.
    """

    def __init__(self, forward: Callable[[bytes], None]) -> None:
        super().__init__()
        self.head = bytearray()
        self.failed: Exception | None = None
        self._forward = forward
        self._at = 0
        self._end = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def write(self, data: object, /) -> int:
        block = bytes(data)  # type: ignore[call-overload]  # soundfile hands in a cffi buffer
        inside = block[: max(0, _HEAD - self._at)]
        self.head[self._at : self._at + len(inside)] = inside
        rest = block[len(inside) :]
        if rest and self.failed is None:
            self._pass_on(rest, grows=self._at + len(inside) == self._end or self._end <= _HEAD)
        self._at += len(block)
        self._end = max(self._end, self._at)
        return len(block)

    def _pass_on(self, rest: bytes, *, grows: bool) -> None:
        if not grows:
            self.failed = io.UnsupportedOperation("the encoder changed what was written already")
            return
        try:
            self._forward(rest)
        except Exception as error:  # noqa: BLE001 - whatever it was, `_write` raises it
            self.failed = error

    def must_go_on(self) -> None:
        """Raise what went wrong so far."""
        if self.failed is not None:
            raise self.failed


def make_flac(store: Shelf, take: TakeId, key: ContentKey, sha256: Sha256) -> None:
    """Replace the raw master by a sealed FLAC with the same samples. Safe to repeat after a crash at any point.

    Raises `DamagedTake` when the samples are not the ones with ``sha256``; then the raw master stays.
    """
    raw, flac = store.home.raw_master(take), store.home.flac_master(take)
    if raw.exists():
        part = flac.with_name(".master.flac.part")
        remove(part)
        with TakeReader(raw, key, take=take) as reader:
            encode(reader, part, key, take)
        _prove(part, key, take, sha256)
        part.rename(flac)
        sync_folder(flac.parent)
        remove(raw)
    else:
        _prove(flac, key, take, sha256)


class Told(Protocol):
    """What can be encoded: a format, and all PCM in pieces, as often as asked."""

    format: AudioFormat

    def chunks(self) -> Iterator[bytes]:
        """Yield all PCM from the first sample on."""
        ...


def encode(reader: Told, target: Path, key: ContentKey, take: TakeId) -> None:
    """Write all of ``reader`` into the sealed FLAC ``target``, which must not exist.

    Raises `BadSound`, `DiskTrouble`, `OSError`.
    """
    first = _Sink(lambda _: None)
    _write(reader, first)
    writer = SealedWriter(target, key, flac_label(take))
    try:
        writer.write(bytes(first.head))
        _write(reader, _Sink(writer.write))
        writer.close()
    except BaseException:  # whatever stopped it, no open file may be left behind
        writer.abandon()
        raise


def _write(reader: Told, sink: _Sink) -> None:
    shape: AudioFormat = reader.format
    try:
        with soundfile.SoundFile(
            sink, "w", shape.rate, shape.channels, subtype=_SUBTYPES[shape.width], format="FLAC"
        ) as file:
            for chunk in reader.chunks():
                file.write(to_integers(chunk, shape) << (32 - 8 * shape.width))
                sink.must_go_on()
        sink.must_go_on()
    except soundfile.LibsndfileError as error:
        raise BadSound(f"This take cannot be made a FLAC: {error}.", "Its raw form stays as it is.") from error


def _prove(path: Path, key: ContentKey, take: TakeId, sha256: Sha256) -> None:
    digest = hashlib.sha256()
    with Master(FlacReader(path, key, take)) as master:
        for piece in master.pieces():
            digest.update(piece)
    if digest.hexdigest() != sha256:
        raise DamagedTake("The FLAC does not hold the samples that were recorded.", "Its raw form stays as it is.")
