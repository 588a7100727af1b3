"""A box that hands on to the archive's own home: the served archive fetches what it left there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archive.bag import Bag
from archive.home import open_home
from archive.server.ownfolder import keep_visited, visit_own
from archive.server.place import open_archive
from archive.transports.folder import FolderTransport
from audio.clock import VirtualClock


class Rounds(threading.Event):
    """Between two looks one step is done; after the last one it ends."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        super().__init__()
        self._steps: Iterator[Callable[[], None]] = iter(steps)

    def wait(self, timeout: float | None = None) -> bool:
        if (step := next(self._steps, None)) is None:
            self.set()
        else:
            step()
        return self.is_set()


def test_what_a_box_left_in_the_home_itself_is_fetched_as_long_as_the_archive_is_served(
    bag_of: Callable[..., Bag], tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    bag, box = bag_of(), open_home(tmp_path / "box")
    with open_archive(tmp_path / "archive", clock) as place:
        line = FolderTransport(place.path, box.path, box.keys, clock)

        def leave() -> None:
            with line.visit():
                line.send_bag(bag)
                assert visit_own(place) is None, "not while the box is at work there"

        def signed_for() -> None:
            assert not list((place.path / "sealed").iterdir())
            with line.visit():
                receipt = line.receipt(bag.id)
            assert receipt is not None
            assert receipt.verified(line.signer)

        before = sorted(path.name for path in place.path.iterdir())
        assert visit_own(place) is None
        assert sorted(path.name for path in place.path.iterdir()) == before, "a home no box was at is left as it is"
        keep_visited(place, Rounds(leave, signed_for))
        with place.catalogue() as catalogue, catalogue.read() as tx:
            assert [row["id"] for row in tx.all("SELECT id FROM stories")] == [bag.id]
