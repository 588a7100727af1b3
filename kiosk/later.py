"""Slow work beside the main thread, so that the screen stays alive: deriving a key from a keep-code, above all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done:
    """Slow work has ended: the main thread calls ``then`` when it takes this from its queue."""

    then: Callable[[], None]


class Beside:
    """Runs one piece of work at a time a thread; what came of it arrives in the queue of the main thread."""

    def __init__(self, post: Callable[[Done], None]) -> None:
        """``post`` puts something into that queue, from any thread."""
        self._post = post

    def do(self, work: Callable[[], Result], then: Callable[[Result], None], fail: Callable[[Exception], None]) -> None:
        """Run ``work`` in a thread of its own; later ``then`` with its result, or ``fail``, in the main thread.

        ``work`` must not touch the store: a database connection belongs to its thread.
        """

        def run() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 (whatever it is, somebody stands before the box and waits)
                failed = error
                self._post(Done(lambda: fail(failed)))
            else:
                self._post(Done(lambda: then(result)))

        threading.Thread(target=run, name="beside", daemon=True).start()
