"""How the box is, for the archive's page of boxes: the machine alone, never what was told into it or by how many."""

from __future__ import annotations

import shutil
from importlib import metadata
from statistics import median
from typing import Any

from archive.store import Store
from archive.usage import bytes_a_day

_NEWEST, _USUAL = 3, 50
_MB = 1_000_000


def pulse(store: Store) -> dict[str, Any]:
    """Return what `archive.boxes.PULSE` names and this box knows. Levels are those of loudness in LUFS."""
    free = shutil.disk_usage(store.home.path).free
    daily = bytes_a_day(store)
    query = "SELECT lufs FROM loudness JOIN takes ON takes.id = loudness.take ORDER BY takes.sequence DESC LIMIT ?"
    levels = [float(row[0]) for row in store.db.conn.execute(query, (_USUAL,))]
    told: dict[str, Any] = {"version": metadata.version("digital-hearth"), "disk_free_mb": free / _MB}
    if daily:
        told["disk_days"] = free / daily
    if levels:
        told |= {"mic_lufs": median(levels[:_NEWEST]), "mic_usual_lufs": median(levels)}
    return told
