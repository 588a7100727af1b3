"""Opens a home to look at it: as ever, or without a single write where the disk may only be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive.home import home_to_read, may_be_written
from archive.store import Store
from audio.clock import SystemClock
from kiosk.setting import open_box


@contextmanager
def reading(home: Path) -> Iterator[Store]:
    """Open what the box keeps, for a verb that only reads. Raises `HomeTrouble`, `DamagedStore`."""
    if may_be_written(home):
        with Store(open_box(home), SystemClock()) as store:
            yield store
        return
    with Store(home_to_read(home), SystemClock(), to_read=True) as store:
        yield store
