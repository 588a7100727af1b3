"""A span taken back while there was no room to write the story without it: written when there is.

Until then the ledger has the span, the words lack it, and the story is held: nobody hears any of it. The box keeps a
wrap of the old key for this alone, and destroys it with the same transaction that puts the new sound in its place.
"""

from __future__ import annotations

import logging
import shutil

from archive.ballast import BALLAST_BYTES
from archive.consent import events_of, held_by
from archive.cutting import NO_ROOM, Copying, Span, clear_away, files_of_cut, note_copy
from archive.database import transaction
from archive.durable import move, remove
from archive.envelope import UNCUT, drop_wrap, open_uncut, opened_by
from archive.errors import ArchiveError, Refused
from archive.masters import cuts_of, finish_cuts, open_uncut_files, waits_for_room
from archive.store import Store
from archive.types import Act
from audio.errors import AudioError
from audio.types import Ms, TakeId

_BESIDE_BYTES = 4 * BALLAST_BYTES
"""So much has to stay free beside what is written."""
_log = logging.getLogger(__name__)


def finish_waiting_cuts(store: Store) -> list[TakeId]:
    """Write each story whose cut waits for room, where there is room now; the hold that was put on for it ends.

    Safe to repeat, and beside another that does the same. Returns those that are back. Slow for a long story.
    """
    done = []
    for name in sorted(opened_by(store.db.conn, UNCUT)):
        take = TakeId(name)
        try:
            if _finish(store, take):
                done.append(take)
        except (AudioError, ArchiveError, OSError) as error:
            _log.warning("the part of %s still waits: %s", take, type(error).__name__)
    return done


def _finish(store: Store, take: TakeId) -> bool:
    cuts = cuts_of(store.db.conn, take)
    span = next(event for event in reversed(events_of(store.db.conn, take)) if event.act is Act.CUT)
    folder = store.home.story_folder(take)
    # A try that was killed, before or after its file was in its place, must not take up the room of this one.
    finish_cuts(store, take)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if shutil.disk_usage(folder).free < size + _BESIDE_BYTES:
        return False
    old, new = open_uncut(store, take)
    target, written = files_of_cut(store, take, cuts)
    gone = Span(span.start or Ms(0), span.end or Ms(0))
    copied = Copying(take, gone, cuts - 1, target, written, open_uncut_files(store, take, old), new).copy()
    try:
        with transaction(store.db.conn) as conn:
            _must_wait_still(store, take, cuts)
            note_copy(store, take, cuts - 1, copied)
            drop_wrap(conn, take, UNCUT)
            if held_by(events_of(conn, take)) == NO_ROOM:
                store.note(take, Act.RELEASE, NO_ROOM)
            move(written, target)
    except BaseException:  # whatever stopped it, what nobody reads must not take up the room
        remove(written)
        raise
    clear_away(store, take, cuts - 1)
    return True


def _must_wait_still(store: Store, take: TakeId, cuts: int) -> None:
    conn = store.db.conn
    if not waits_for_room(conn, take) or not store.standing(take).kept or cuts_of(conn, take) != cuts:
        raise Refused("It changed this very moment.", "It is looked at again.")
