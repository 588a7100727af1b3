"""Groups under five voices are not broken down: which counts may be shown so that no smaller one follows. Pure.

A voice is a story or a conversation: nobody asks tellers for their name, and so two stories of one teller count as
two, and a group that talked as one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

FEWEST: Final = 5
"""Voices: what fewer said is no pattern of a group, and might lead to one of them."""
Key = TypeVar("Key", bound=Hashable)
Cube = Mapping[tuple[str, str], int]


def enough(count: int) -> int | None:
    """A count as it may stand by itself: none at all, or five and more; None for what lies between."""
    return count if count == 0 or count >= FEWEST else None


def broken_down(total: int, parts: Mapping[Key, int]) -> dict[Key, int | None]:
    """The parts of a total that is shown beside them; None where a number is held back.

    Parts of one to four are held back, and as long as what is held back adds up to fewer than five, the smallest of
    the others with them: nothing follows from the total.
    """
    shown: dict[Key, int | None] = {key: enough(count) for key, count in parts.items()}
    if enough(total) is None:
        return dict.fromkeys(parts, None)
    while 0 < total - _sum(shown.values()) < FEWEST and any(shown.values()):
        shown[_smallest(shown)] = None
    return shown


def crossed(
    rows: Mapping[str, int | None], columns: Mapping[str, int | None], cells: Cube
) -> dict[tuple[str, str], int | None]:
    """The cells of a table whose row and column totals are shown as far as they are not None.

    Where a total is held back all of its cells are. Nothing that is held back follows from a row or a column.
    """
    shown: dict[tuple[str, str], int | None] = {
        key: None if rows[key[0]] is None or columns[key[1]] is None else enough(count) for key, count in cells.items()
    }
    lines: list[tuple[int | None, list[tuple[str, str]]]] = [
        *((total, [key for key in cells if key[0] == row]) for row, total in rows.items()),
        *((total, [key for key in cells if key[1] == column]) for column, total in columns.items()),
    ]
    again = True
    while again:
        again = False
        for total, keys in lines:
            mine = {key: shown[key] for key in keys}
            if total is not None and 0 < total - _sum(mine.values()) < FEWEST and any(mine.values()):
                shown[_smallest(mine)] = None
                again = True
    return shown


def _sum(counts: Iterable[int | None]) -> int:
    return sum(count for count in counts if count is not None)


def _smallest(shown: Mapping[Key, int | None]) -> Key:
    return min(((count, str(key), key) for key, count in shown.items() if count), key=lambda one: one[:2])[2]
