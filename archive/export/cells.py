"""Rows for spreadsheets: CSV as RFC 4180 has it, and no cell that a spreadsheet would carry out. Pure.

Everybody who writes a table for people writes it here. What is read back by this program is no table but JSON lines,
and a bag's own ``metadata.csv`` stays as the standard for bags has it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

Cell = str | int | float | None
_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: Cell) -> Cell:
    """Put an apostrophe before text that begins like a formula, whoever said it; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS) else cell


def csv_text(rows: Iterable[Iterable[Cell]]) -> str:
    """Write rows as CSV, lines ended by CR and LF."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()
