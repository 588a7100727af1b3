"""What became of a teller's words, as archives told this box: sealed to its key, opened with the keep-code."""

from __future__ import annotations

from datetime import datetime

from nacl.exceptions import CryptoError
from nacl.public import SealedBox

from archive.errors import NoKey
from archive.store import Store
from archive.stories import Visit
from archive.tellers import my_story


def became_of(store: Store, visit: Visit) -> list[tuple[datetime, str]]:
    """When and what was told of this teller's story, oldest first; nothing where the box's keys are not here.

    Raises `NoSuchStory` where it was taken back.
    """
    my_story(store, visit)
    rows = store.db.conn.execute(
        "SELECT at, blob FROM outcomes WHERE take = ? ORDER BY at, archive, number", (visit.take,)
    ).fetchall()
    try:
        opener = SealedBox(store.keys.box) if rows else None
        return [(datetime.fromisoformat(at), opener.decrypt(blob).decode()) for at, blob in rows if opener is not None]
    except (NoKey, CryptoError, UnicodeDecodeError):
        return []
