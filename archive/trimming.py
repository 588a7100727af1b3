"""A take under review trimmed by its ends: a new take with the samples between, and the first one erased.

The copying is slow and touches no database, so a thread may do it: `begin_trim` here, `Trim.copy` anywhere,
`finish_trim` here again. The fact that one take was made from another is stored with the new one's opening; what a
kill at any instant leaves is put right at the next start by `finish_trims`: the new take closed, the first one goes;
not closed, or the first one's visit went on without it, the new one goes. So there is always exactly one of them, and
never both the trimmed take and what its teller cut off.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from archive.consent import events_of
from archive.database import transaction
from archive.envelope import ContentKey, open_content
from archive.errors import ArchiveError, Refused
from archive.jobs import AGAIN, TRANSCRIBE, add_job, add_segment, segments_of
from archive.shelf import Wording
from archive.stories import Stories
from archive.takes import OpenTake
from archive.transcripts import put_words, read_segment_words
from archive.types import Act, Reader, Use
from audio.errors import AudioError
from audio.takewriter import TakeReader, TakeWriter
from audio.types import Ms, Segment, Take, TakeId, Word

SHORTEST = Ms(1000)
"""What is left of a take lasts at least so long."""
_PIECE = Ms(10_000)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trim:
    """A trim on its way: [``start``, ``end``) of ``origin`` becomes the take ``made``."""

    origin: TakeId
    made: OpenTake
    source: Path
    key: ContentKey = field(repr=False)
    start: Ms
    end: Ms
    speech: Ms
    overflows: int
    clipped: int

    def copy(self) -> Take:
        """Copy the samples as they are, synced and read back when this returns. Any thread; slow for a long take.

        The counts of lost and clipped samples are those of the whole first take: where they lay is not known.
        Raises `DiskTrouble`, `DamagedTake`.
        """
        with TakeReader(self.source, self.key, take=self.origin) as reader:
            writer = TakeWriter(self.made.path, self.made.id, reader.format, self.made.key)
            try:
                for first in range(self.start, self.end, _PIECE):
                    writer.write(reader.read(Ms(first), Ms(min(first + _PIECE, self.end))))
                return writer.close(speech=self.speech, overflows=self.overflows, clipped=self.clipped)
            except BaseException:  # whatever ended it, the file must be let go of, so that it can be removed
                writer.leave()
                raise


def begin_trim(store: Stories, origin: TakeId, made: TakeId, start: Ms, end: Ms, by: str) -> Trim:
    """Open the take that [``start``, ``end``) of ``origin`` becomes; its yes is the first one's, word for word.

    Only a closed take whose visit goes on and that was not kept can be trimmed. Raises `Refused`, `NoSuchStory`,
    `NoKey`.
    """
    where = store.standing(origin)
    if where.ended is not None or where.kept or where.review_closed:
        raise Refused("Only what was just told can be trimmed.")
    facts = store.story_facts(origin)
    first, last = max(Ms(0), start), min(end, facts.length)
    if last - first < min(SHORTEST, facts.length):
        raise Refused("So little would be left that nobody could hear it.")
    key = open_content(store, origin, Reader.REVIEW, store.now())
    yes = next(event for event in events_of(store.db.conn, origin) if event.use is Use.RECORD and event.yes)
    opened = store.open_take(
        prompt=facts.prompt,
        language=facts.language,
        wording=Wording(yes.wording_version, yes.wording_hash, yes.language),
        by=f"{by}, trimmed from {origin}",
        kind=facts.kind,
        site=facts.site,
        take=made,
        trimmed_from=origin,
        asked=store.asked(origin),
    )
    query = "SELECT speech, overflows, clipped FROM closings WHERE take = ?"
    speech, overflows, clipped = store.db.conn.execute(query, (origin,)).fetchone()
    left = Ms(last - first)
    source = store.home.raw_master(origin)
    return Trim(origin, opened, source, key, first, last, Ms(min(speech, left)), overflows, clipped)


def finish_trim(store: Stories, trim: Trim, copied: Take, by: str) -> Take:
    """Put the trimmed take in the first one's place; what was cut off opens with no key any more when this returns.

    Raises `Refused` when the visit ended meanwhile; that, or whatever else is raised, leaves the first take as it is,
    and the caller gives the new one up (`drop_trim`).
    """
    where = store.standing(trim.origin)
    if where.ended is not None or where.kept or where.review_closed:
        drop_trim(store, trim, by)
        raise Refused("Its visit is over.")
    with transaction(store.db.conn):
        _carry_words(store, trim)
        _carry_spans(store, trim)
    done = store.close_take(copied)
    try:
        store.erase(trim.origin, Act.DISCARD, _into(by, trim.made.id))
    except (ArchiveError, AudioError, OSError, sqlite3.Error) as error:
        if not _became(store, trim.origin, trim.made.id):
            raise
        # Its keys are gone and its ledger says so; files that the disk did not let go of go at the next start.
        _log.warning("something of take %s is left for the next start: %s", trim.origin, type(error).__name__)
    return done


def drop_trim(store: Stories, trim: Trim, by: str) -> None:
    """Give a trim up: the first take stays as it is. Where that one has already gone into the new one, that stays."""
    if not _became(store, trim.origin, trim.made.id):
        store.erase(trim.made.id, Act.DISCARD, by)


def finish_trims(store: Stories, by: str) -> None:
    """Carry out or undo what a crash or a refusing disk interrupted: of the two, one stays.

    Only for the process that records, at its start, before it ends visits; safe to repeat.
    """
    rows = store.db.conn.execute(
        "SELECT trims.take, origin, EXISTS (SELECT 1 FROM closings WHERE closings.take = trims.take) FROM trims"
    ).fetchall()
    for first, new, closed in [(TakeId(origin), TakeId(made), bool(closed)) for made, origin, closed in rows]:
        goes = _too_many(store, first, new, closed=closed)
        if goes is not None:
            store.erase(goes, Act.DISCARD, _into(by, new) if goes == first else by)


def _too_many(store: Stories, origin: TakeId, made: TakeId, *, closed: bool) -> TakeId | None:
    """Tell which of the two goes, if one does."""
    first, new = store.standing(origin), store.standing(made)
    if new.ended is not None:
        return None
    if new.kept:
        return origin if first.ended is None and not first.kept else None
    if first.ended is not None:
        # Thrown away after its trim had failed, the first one takes the copy along.
        return None if closed and _became(store, origin, made) else made
    if not closed or first.kept or first.review_closed:
        return made
    return origin


def _into(by: str, made: TakeId) -> str:
    """Say who let the first take go, and what it became."""
    return f"{by}, trimmed into {made}"


def _became(store: Stories, origin: TakeId, made: TakeId) -> bool:
    """Whether ``origin`` is gone because it became ``made``."""
    return any(
        event.act is Act.DISCARD and event.by.endswith(_into("", made)) for event in events_of(store.db.conn, origin)
    )


def _carry_words(store: Stories, trim: Trim) -> None:
    """Segments and words of the part that stays, on its own time line; what was cut through is written down anew."""
    conn, made = store.db.conn, trim.made
    rows = conn.execute("SELECT segment, model, blob FROM words WHERE take = ?", (trim.origin,)).fetchall()
    said = {int(number): (str(model), bytes(blob)) for number, model, blob in rows}
    query = "SELECT segment FROM jobs WHERE take = ? AND kind = ? AND done_at IS NULL AND failed IS NULL"
    unsure = {int(number) for (number,) in conn.execute(query, (trim.origin, AGAIN))}
    number = 0
    for old in segments_of(conn, trim.origin):
        start, end = Ms(max(old.start, trim.start) - trim.start), Ms(min(old.end, trim.end) - trim.start)
        if start >= end:
            continue
        piece = Segment(made.id, number, start, end, Ms(min(old.voiced, end - start)), old.reason)
        add_segment(conn, piece, store.moment())
        whole = old.start >= trim.start and old.end <= trim.end
        if whole and old.index in said:
            model, blob = said[old.index]
            words = read_segment_words(trim.key, trim.origin, old.index, blob)
            put_words(conn, made.id, number, model, [_moved(word, trim.start) for word in words], key=made.key)
            conn.execute(
                "UPDATE jobs SET done_at = ? WHERE kind = ? AND take = ? AND segment = ?",
                (store.moment().wall.isoformat(), TRANSCRIBE, made.id, number),
            )
            if old.index in unsure:
                add_job(conn, AGAIN, made.id, number)
        number += 1


def _moved(word: Word, by: Ms) -> Word:
    return Word(word.text, Ms(max(0, word.start - by)), Ms(max(0, word.end - by)), word.probability, word.unclear)


def _carry_spans(store: Stories, trim: Trim) -> None:
    """Marks that lie in the part that stays (pauses, faults of the sound), on its own time line."""
    length = trim.end - trim.start
    store.db.conn.execute(
        'INSERT INTO spans (take, mark, start, "end", ref) '
        'SELECT ?, mark, MAX(0, start - ?), MIN(?, COALESCE("end", start) - ?), ref FROM spans '
        'WHERE take = ? AND COALESCE("end", start) >= ? AND start < ? ORDER BY start, id',
        (trim.made.id, trim.start, length, trim.start, trim.origin, trim.start, trim.end),
    )
