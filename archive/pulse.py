"""How the box is, for the archive's page of boxes: the machine alone, never what was told into it or by how many."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from archive.ballast import missing
from archive.boxlooks import known
from archive.lately import levels
from archive.store import Store
from archive.usage import bytes_a_day

_MB = 1_000_000


def machine(store: Store) -> dict[str, Any]:
    """What every word about the machine begins with, wherever it goes: version, wall clock, whether that is trusted."""
    clock = store.clock
    return {
        "version": metadata.version("digital-hearth"),
        "clock": clock.wall().isoformat(),
        "clock_trusted": clock.trusted(),
    }


def pulse(store: Store, look: Iterable[str] = ()) -> dict[str, Any]:
    """Return what `archive.boxes.PULSE` names and this box knows. Levels are those of loudness in LUFS.

    ``look`` are the codes of what its check-up found not to be well; told are those of `archive.boxlooks`.
    """
    home = store.home.path
    free = max(0, shutil.disk_usage(home).free - missing(home))
    daily = bytes_a_day(store)
    told: dict[str, Any] = {**machine(store), "disk_free_mb": free / _MB}
    if daily:
        told["disk_days"] = free / daily
    if (found := levels(store)) is not None:
        told |= {"mic_lufs": found[0], "mic_usual_lufs": found[1]}
    if codes := known(look):
        told["look"] = codes
    return told
