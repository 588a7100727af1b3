"""A voice that goes, goes out of what was made with others: said inside the very transaction that takes it back.

Kept apart from the rendering, so that erasing needs neither sound nor numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from archive.catalogue.changes import stamp
from archive.catalogue.port import Tx

BRIDGES: Final = "bridges/"
"""Where recorded bridges lie in the object store, each by its SHA-256."""


def drop_renditions(tx: Tx, story: str, now: datetime) -> list[str]:
    """Forget every rendition in which ``story`` is heard, and write down that its bytes have to go.

    The row stays, empty: `archive.patterns.rendering.renew` makes it again without the voice. Returns the objects'
    names. What others told stays in the object store for nobody: the whole file goes, not a part of it.
    """
    rows = tx.all(
        "SELECT DISTINCT r.medley, r.purpose, r.key FROM medley_renditions r JOIN medley_voices v "
        "ON v.medley = r.medley AND v.purpose = r.purpose WHERE v.story = ?",
        story,
    )
    # A rendition that is being made at this very moment has its line among the derived objects already.
    being_made = tx.all("SELECT key FROM derived WHERE story = ? AND key LIKE 'medleys/%'", story)
    keys = {str(row["key"]) for row in (*rows, *being_made) if row["key"]}
    for key in sorted(keys):
        tx.run("DELETE FROM derived WHERE key = ?", key)
        tx.run("INSERT INTO leavings (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", key, stamp(now))
    for row in rows:
        forget(tx, str(row["medley"]), str(row["purpose"]))
    return sorted(keys)


def bridge_in_use(tx: Tx, sha256: str) -> bool:
    """Whether a medley in use has the recorded bridge of this digest."""
    row = tx.one(
        "SELECT 1 FROM medley_items i JOIN medleys m ON m.id = i.medley WHERE m.ended_at IS NULL AND i.sound = ?",
        sha256,
    )
    return row is not None


def drop_bridges(tx: Tx, sha256s: Iterable[str], now: datetime) -> None:
    """Write down that those of these recorded bridges have to go which no medley in use has."""
    for sha256 in sorted({one for one in sha256s if one}):
        if not bridge_in_use(tx, sha256):
            key = f"{BRIDGES}{sha256}"
            tx.run("INSERT INTO leavings (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", key, stamp(now))


def forget(tx: Tx, medley: str, purpose: str) -> None:
    """Empty a rendition's row: its captions are words, and its voices are named nowhere else."""
    tx.run(
        "UPDATE medley_renditions SET recipe = '', key = '', captions = '', length_ms = 0, spread_lu = 0 "
        "WHERE medley = ? AND purpose = ?",
        medley,
        purpose,
    )
    tx.run("DELETE FROM medley_voices WHERE medley = ? AND purpose = ?", medley, purpose)
