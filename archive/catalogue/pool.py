"""Connections to the catalogue, lent to one thread at a time and kept open in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from archive.catalogue.port import Catalogue, Tx
from archive.errors import ArchiveError, Clash

_MOST_IDLE = 8


class Pool:
    """Lends catalogues; closing a borrowed one gives it back. For every thread of a process."""

    def __init__(self, opener: Callable[[], Catalogue]) -> None:
        """Open catalogues with ``opener`` when none is idle."""
        self._opener = opener
        self._idle: list[Catalogue] = []
        self._lock = threading.Lock()
        self._closed = False

    def borrow(self) -> Catalogue:
        """Lend one until it is closed. Raises what opening raises."""
        with self._lock:
            held = self._idle.pop() if self._idle else None
        return _Borrowed(held or self._opener(), self)

    def give_back(self, held: Catalogue, *, sound: bool) -> None:
        """Keep an idle catalogue, or close it: where it failed, and where there are enough.

        With one that failed the idle ones go as well: a server that was started again has ended all of them.
        """
        with self._lock:
            keep = sound and not self._closed and len(self._idle) < _MOST_IDLE
            ended = [] if keep else [held]
            if keep:
                self._idle.append(held)
            elif not sound:
                ended += self._idle
                self._idle = []
        for one in ended:
            one.close()

    def close(self) -> None:
        """Close what is idle, and from now on what is given back."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for held in idle:
            held.close()


class _Borrowed(Catalogue):
    """A catalogue that goes back to its pool when it is closed."""

    def __init__(self, held: Catalogue, pool: Pool) -> None:
        self.dialect = held.dialect
        self._held: Catalogue | None = held
        self._pool = pool
        self._sound = True

    def write(self) -> AbstractContextManager[Tx]:
        """See `Catalogue.write`."""
        return _Watched(self._there().write(), self)

    def read(self) -> AbstractContextManager[Tx]:
        """See `Catalogue.read`."""
        return _Watched(self._there().read(), self)

    def scrub(self) -> bool:
        """See `Catalogue.scrub`."""
        return self._there().scrub()

    def close(self) -> None:
        """See `Catalogue.close`."""
        held, self._held = self._held, None
        if held is not None:
            self._pool.give_back(held, sound=self._sound)

    def failed(self) -> None:
        """Note that the connection may be broken: the next borrower gets another one."""
        self._sound = False

    def _there(self) -> Catalogue:
        if self._held is None:
            raise RuntimeError("this catalogue was given back")
        return self._held


class _Watched(AbstractContextManager[Tx]):
    """A transaction whose troubles with the database are noticed; the caller's own errors are not its fault."""

    def __init__(self, inner: AbstractContextManager[Tx], borrowed: _Borrowed) -> None:
        self._inner = inner
        self._borrowed = borrowed

    def __enter__(self) -> Tx:
        try:
            return self._inner.__enter__()
        except ArchiveError:
            self._borrowed.failed()
            raise

    def __exit__(self, *raised: object) -> bool | None:
        try:
            return self._inner.__exit__(*raised)  # type: ignore[arg-type]
        except Clash:
            raise
        except ArchiveError as error:
            if error.code in {"catalogue-trouble", "damaged-store"}:
                self._borrowed.failed()
            raise
