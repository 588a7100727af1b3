"""Asks the C library to give memory back: a box that runs for months keeps what its busiest minute needed."""

from __future__ import annotations

import ctypes

_TRIM, _MMAP, _ARENAS = -1, -3, -8
_PIECE = 128 * 1024


def spare_memory() -> bool:
    """Return large pieces to the system at once, and keep two pools instead of one for each thread.

    For programs that mostly wait. False where the C library has no such setting.
    """
    try:
        settle = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all(settle(what, value) == 1 for what, value in ((_ARENAS, 2), (_MMAP, _PIECE), (_TRIM, _PIECE)))
