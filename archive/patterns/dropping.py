"""A voice that goes, goes out of what was made with others: said inside the very transaction that takes it back.

Kept apart from the rendering, so that erasing needs neither sound nor numbers.
"""

from __future__ import annotations

from datetime import datetime

from archive.catalogue.changes import stamp
from archive.catalogue.port import Tx


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


def forget(tx: Tx, medley: str, purpose: str) -> None:
    """Empty a rendition's row: its captions are words, and its voices are named nowhere else."""
    tx.run(
        "UPDATE medley_renditions SET recipe = '', key = '', captions = '', length_ms = 0, spread_lu = 0 "
        "WHERE medley = ? AND purpose = ?",
        medley,
        purpose,
    )
    tx.run("DELETE FROM medley_voices WHERE medley = ? AND purpose = ?", medley, purpose)
