"""Two people at one story: nobody overwrites what somebody else has just decided.

A page carries the version it was made from. Who sends a change from an older one is told what stands now and what
they wanted, and decides again; nothing was changed meanwhile.
"""

from __future__ import annotations

from archive.errors import ArchiveError


class Overtaken(ArchiveError):
    """Somebody else was faster. ``theirs`` is what stands now, ``yours`` what was not saved."""

    code = "overtaken"

    def __init__(self, theirs: str, yours: str) -> None:
        """Keep both versions, to be shown beside each other."""
        super().__init__(
            "Somebody else changed this while you had it open. Yours was not saved.",
            "Read both, and decide again if yours still holds.",
        )
        self.theirs = theirs
        self.yours = yours
