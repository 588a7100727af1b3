"""The only re-chunking in the program: blocks of any length in, frames of one exact length out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audio.types import Frame

if TYPE_CHECKING:
    from audio.types import AudioFormat, Block

FRAME_MS = 32
"""Length of a frame unless told otherwise: one window of the default voice detector."""


class Framer:
    """Cuts one stream into frames of ``frame_ms`` each, numbered from 0.

    No sample is lost, repeated or moved; up to one frame is held back until it is full. A frame's ``at`` is
    the capture time of its first sample, by the time of the block which brought that sample.
    """

    def __init__(self, fmt: AudioFormat, frame_ms: int = FRAME_MS) -> None:
        """Frame sound of ``fmt``; ``frame_ms`` is rounded to whole samples (44.1 kHz has none at 32 ms)."""
        if frame_ms <= 0:
            msg = "a frame has a length"
            raise ValueError(msg)
        self.format = fmt
        self.frame_ms = frame_ms
        self.frame_bytes = round(fmt.rate * frame_ms / 1000) * fmt.frame_bytes
        self._held = b""
        self._held_at = 0.0
        self._seq = 0

    def push(self, block: Block) -> list[Frame]:
        """Take one block and return the frames it completes, oldest first."""
        bytes_a_second = self.format.rate * self.format.frame_bytes
        held = len(self._held)
        pcm = self._held + block.pcm if held else block.pcm
        frames: list[Frame] = []
        start = 0
        while start + self.frame_bytes <= len(pcm):
            frames.append(Frame(pcm[start : start + self.frame_bytes], self._seq, self._time(start, held, block)))
            self._seq += 1
            start += self.frame_bytes
        if start < len(pcm):
            self._held_at = self._held_at if start < held else block.at + (start - held) / bytes_a_second
        self._held = pcm[start:]
        return frames

    def _time(self, start: int, held: int, block: Block) -> float:
        """When the sample at byte ``start`` of held bytes plus block was captured."""
        if start < held:
            return self._held_at
        return block.at + (start - held) / (self.format.rate * self.format.frame_bytes)

    def reset(self) -> None:
        """Forget what is held back (after a gap); numbering goes on."""
        self._held = b""
