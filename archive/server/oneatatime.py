"""One maker at a time: who would make what somebody makes already waits for that one, also in another process.

The locks lie in an archive's work folder, so they hold for all programs on its machine. Where several machines share
one object store, two of them may make the same thing at once: objects are replaced whole, so that costs time alone.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LANES: Final = 64
"""Lock files there are: two names may share one and then wait for each other, but the files do not pile up."""


@contextmanager
def one_at_a_time(work: Path, what: str) -> Iterator[None]:
    """Hold the lock of ``what`` in the folder ``work``; waits as long as somebody else holds it.

    It ends with its process, however that ends. Who holds one takes no second: two that share a file would wait for
    ever. Raises `OSError` where the folder cannot be written.
    """
    lane = int.from_bytes(hashlib.sha256(what.encode()).digest()[:4]) % LANES
    # A handle of its own for each holder: this lock belongs to the handle, so it holds between threads as well.
    with (work / f".making-{lane:02}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
