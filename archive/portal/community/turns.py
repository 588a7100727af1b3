"""One writer at a time for each upload; one whose line went dead yields to the next."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from archive.errors import ArchiveError

STALLED_S = 1.5
"""A writer that heard nothing for so long is taken for one whose line broke without a word."""
SILENT_S = 30.0
LONGEST_S = 900.0
_YIELD_S = 5.0


class Busy(ArchiveError):
    """Another connection is bringing this very upload."""

    code = "busy"


@dataclass
class Turn:
    """The right to write. Call `heard` when something came: where nothing does, `TimeoutError` ends the block."""

    limit: asyncio.Timeout
    began: float
    last: float
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self) -> None:
        """Note that the other side is there."""
        self.last = asyncio.get_running_loop().time()
        self.limit.reschedule(min(self.last + SILENT_S, self.began + LONGEST_S))

    def working(self) -> None:
        """Note that nothing more is waited for: the archive itself is at work, for as long as it takes.

        Nobody takes this turn meanwhile; a thread that works cannot be called back.
        """
        self.last = math.inf
        self.limit.reschedule(None)

    def end(self) -> None:
        """Let the writer go now: somebody else is there for the same upload."""
        self.limit.reschedule(asyncio.get_running_loop().time())


class Turns:
    """Who writes what, in this process: a server is one process, and each upload has one file."""

    def __init__(self) -> None:
        """Nobody writes."""
        self._held: dict[str, Turn] = {}

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[Turn]:
        """Hold the turn for the upload ``name``. Raises `Busy`; `TimeoutError` when nothing comes any more."""
        loop = asyncio.get_running_loop()
        before = self._held.get(name)
        if before is not None and loop.time() - before.last > STALLED_S:
            before.end()
            with_time = asyncio.wait_for(before.over.wait(), _YIELD_S)
            try:
                await with_time
            except TimeoutError as error:
                raise Busy("Another connection is bringing this very upload.", "Try again in a moment.") from error
        if name in self._held:
            raise Busy("Another connection is bringing this very upload.", "Try again in a moment.")
        now = loop.time()
        turn = Turn(asyncio.timeout(None), now, now)
        self._held[name] = turn
        try:
            async with turn.limit:
                turn.heard()
                yield turn
        finally:
            del self._held[name]
            turn.over.set()
