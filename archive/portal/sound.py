"""A teller's own sound as a WAV file that is never written: decrypted piece by piece, in memory, at each request."""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from archive.masters import Master, open_master
from archive.store import Store
from archive.stories import Visit
from archive.types import Reader
from audio.types import AudioFormat, Ms

HEADER = 44
PIECE = 1 << 20
"""The gate is asked again after so many bytes at most."""
BARS = 150
_BAR_MS = 60


@dataclass(frozen=True, slots=True)
class Wav:
    """The shape of a sound: its format and how many frames it has."""

    format: AudioFormat
    frames: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return HEADER + self.frames * self.format.frame_bytes

    def header(self) -> bytes:
        """The 44 bytes every player reads first."""
        sound, frame = self.format, self.format.frame_bytes
        data = self.frames * frame
        shape = struct.pack("<HHIIHH", 1, sound.channels, sound.rate, sound.rate * frame, frame, sound.width * 8)
        begin = struct.pack("<4sI4s4sI", b"RIFF", 36 + data, b"WAVE", b"fmt ", len(shape))
        return begin + shape + struct.pack("<4sI", b"data", data)


def shape_of(master: Master) -> Wav:
    """Measure a sound. Its last part of a millisecond is left out: pieces are asked for in milliseconds."""
    return Wav(master.format, master.format.rate * master.length // 1000)


def part_of(master: Master, first: int, last: int) -> bytes:
    """Bytes ``first`` to ``last`` (both included) of the WAV file."""
    wav = shape_of(master)
    frame, rate = wav.format.frame_bytes, wav.format.rate
    out = wav.header()[first : last + 1] if first < HEADER else b""
    if last < HEADER:
        return out
    begin, end = max(0, first - HEADER), last + 1 - HEADER
    start = Ms(begin // frame * 1000 // rate)
    stop = Ms(min(master.length, -(-end // frame) * 1000 // rate + 1))
    pcm = master.read(start, stop)
    skipped = rate * start // 1000 * frame
    return out + pcm[begin - skipped : end - skipped]


def span_asked(header: str | None, size: int) -> tuple[int, int] | None:
    """Read a Range header: (first, last) bytes, or None for the whole. Raises `ValueError` where nothing fits."""
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", (header or "").strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(size - 1, int(last) if last else size - 1)
    if begin > end:
        raise ValueError
    return begin, end


def sound_answer(open_store: Callable[[], Store], visit: Visit, asked: str | None) -> Response:
    """Answer a request for the sound. A range is answered with at most `PIECE` bytes; players ask again."""

    def read(first: int, last: int) -> bytes:
        with open_store() as store, open_master(store, visit.take, Reader.TELLER, store.now(), visit=visit) as master:
            return part_of(master, first, last)

    with open_store() as store, open_master(store, visit.take, Reader.TELLER, store.now(), visit=visit) as master:
        size = shape_of(master).size
        headers = {"Accept-Ranges": "bytes"}
        try:
            span = span_asked(asked, size)
        except ValueError:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        if span is not None:
            first, last = span[0], min(span[1], span[0] + PIECE - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            return Response(part_of(master, first, last), 206, headers, "audio/wav")

    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, size, PIECE):
            yield await run_in_threadpool(read, first, min(size, first + PIECE) - 1)

    return StreamingResponse(pieces(), 200, headers | {"Content-Length": str(size)}, "audio/wav")


def waveform(master: Master) -> str:
    """Draw the loudness of a sound from top to bottom, for the margin of its page: SVG, no words."""
    length, bars = master.length, []
    for number in range(BARS):
        at = length * number // BARS
        piece = master.samples(Ms(at), Ms(min(length, at + _BAR_MS)))
        bars.append(float(np.sqrt(np.mean(np.square(piece)))) if len(piece) else 0.0)
    return draw_bars(bars)


def draw_bars(bars: Sequence[float]) -> str:
    """Draw loudnesses (linear, any scale), the first one on top, as `waveform` does. Pure."""
    loudest = max(*bars, 1e-4)
    lines = "".join(
        f'<rect x="{12 - wide:.1f}" y="{number * 4 + 0.5}" width="{2 * wide:.1f}" height="2.6" rx="1.3"/>'
        for number, wide in enumerate(max(0.9, 11.5 * (bar / loudest) ** 0.6) for bar in bars)
    )
    shape = f'viewBox="0 0 24 {len(bars) * 4}" preserveAspectRatio="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {shape} fill="#C8742F">{lines}</svg>'
