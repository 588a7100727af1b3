"""A restored box holds every story until it is known what was taken back since its backup was made.

The hold is an event in each story's ledger, so the one gate keeps every reader out; only a teller with the code is
let in. A story that was held for another reason before stays held afterwards. Where a steward's word or a file let
the stories go, the archive is heard all the same when it is first there: what it knows better is held again.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from archive.consent import all_events, held_by, standing
from archive.cutting import NO_ROOM
from archive.database import get_meta, set_meta, transaction
from archive.store import Store
from archive.types import Act
from audio.types import TakeId

BY = "restore"
NEWER = "It stays held: more is known of it elsewhere than in the backup this box came from. Ask its teller."
_META = "restored"
_WAITING, _UNHEARD, _DONE = "waiting", "unheard", "done"


def hold_all(store: Store) -> list[TakeId]:
    """Hold every kept story that is not held already; one transaction. Safe to repeat.

    A take nobody kept is opened by nobody anyway, and its day must run out: time passes over what is held.
    """
    held = []
    with transaction(store.db.conn) as conn:
        for take, events in all_events(conn).items():
            # What waits for room would come back by itself.
            if standing(events).kept and held_by(events) in {"", NO_ROOM}:
                store.note(take, Act.HOLD, BY)
                held.append(take)
        set_meta(conn, _META, _WAITING)
    return held


def waits(store: Store) -> bool:
    """Whether this box still holds everything because nobody told it what was taken back."""
    return get_meta(store.db.conn, _META) == _WAITING


def unheard(store: Store) -> bool:
    """Whether no archive has told this box yet what it knows better: also where a steward or a file let it go."""
    return get_meta(store.db.conn, _META) in {_WAITING, _UNHEARD}


def release_restored(
    store: Store, by: str, newer: AbstractSet[TakeId] = frozenset(), *, heard: bool = True
) -> list[TakeId]:
    """End the holds of a restore: what was taken back is known. ``by`` names where from. Safe to repeat.

    Stories of which somebody knows something ``newer`` stay held, or are held again, until a steward has decided.
    ``heard`` tells whether an archive was among those who answered: if not, it is listened to when it first does.
    """
    if not unheard(store):
        return []
    waiting = waits(store)
    released = []
    with transaction(store.db.conn) as conn:
        for take, events in all_events(conn).items():
            where = standing(events)
            if where.ended is not None or not where.kept:
                continue
            if take in newer and held_by(events) in {"", BY, NO_ROOM}:
                store.note(take, Act.HOLD, f"{BY}: something newer is known")
            elif waiting and held_by(events) == BY:
                store.note(take, Act.RELEASE, f"{BY}: {by}")
                released.append(take)
        set_meta(conn, _META, _DONE if heard else _UNHEARD)
    return released
