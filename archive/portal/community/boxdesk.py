"""What all routes for boxes work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from archive.portal.community.turns import Turns
from archive.server.place import ArchiveHome
from archive.server.uploads import Uploads
from audio.clock import Clock

AT_ONCE = 2
"""Bags looked at in full at the same time: each is read several times over."""


class BoxDesk:
    """What the routes share: the archive, its uploads, and whose turn it is."""

    def __init__(self, place: ArchiveHome, clock: Clock) -> None:
        """Serve the boxes of ``place``."""
        self.place = place
        self.clock = clock
        self.uploads = Uploads(place.uploads)
        self.turns = Turns()
        self.checking = asyncio.Semaphore(AT_ONCE)

    async def run(self, work: Callable[..., Any], *given: Any) -> Any:
        """Do slow work beside the server's loop."""
        return await run_in_threadpool(work, *given)
