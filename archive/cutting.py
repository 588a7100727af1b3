"""A span taken back by its teller: a tone in the sound, nothing in the words, and a new key for what is left.

The story goes on without the span under a fresh content key; the sound as it was told stays beside it, and only the
teller's code opens that (the wrap called ``master``). So nobody has to remember to leave the span out: what every
reader is given does not hold it. The ledger's line is the fact; how often a story was cut follows from it.
Not undone here: the words of the span are gone, its sound opens with the code alone.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from archive.ballast import gets_through, is_full
from archive.database import checkpoint, transaction
from archive.durable import move, remove
from archive.envelope import (
    BOX,
    CODE,
    MASTER,
    STEWARD,
    UNCUT,
    ContentKey,
    add_wrap,
    drop_wrap,
    new_content_key,
    open_content,
    recipients,
    wrap_for_code,
    wrap_for_public,
)
from archive.errors import ArchiveError, Refused
from archive.fixity import RAW, Sum, drop_sum, put_sum, sum_of_file
from archive.flac import encode
from archive.jobs import FLAC, being_written
from archive.masters import CutWaits, Master, cut_flac, cuts_of, open_files, waits_for_room
from archive.stewardkey import wrap_for_steward
from archive.store import Store
from archive.stories import Visit
from archive.transcripts import drop_second, put_words, read_segment_words
from archive.types import Act, Reader
from audio.errors import AudioError
from audio.pcm import to_bytes, to_integers
from audio.sealedfile import seal, unseal
from audio.types import AudioFormat, Ms, TakeId, Word

BLANK = "[…]"
"""What stands in the words where a span was taken back."""
TONE_HZ = 440.0
LEEWAY = Ms(250)
"""Words this near to the span go too: a machine's times are not exact."""
NO_ROOM = "no room"
"""What holds a story whose cut waits for room; it ends by itself (`archive.cutlater`)."""
_TONE_LEVEL = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a story, [start, end)."""

    start: Ms
    end: Ms

    def touches(self, start: Ms, end: Ms, leeway: Ms = LEEWAY) -> bool:
        """Whether [start, end) comes within ``leeway`` of it."""
        return start < self.end + leeway and end > self.start - leeway


class StillWriting(Refused):
    """A machine works on the words of the story."""

    code = "still-writing"


class NoRoomToCut(Refused):
    """The disk has no room for the story without the part; all of it is as it was."""

    code = "no-room-to-cut"


@dataclass(frozen=True, slots=True)
class Copied:
    """A story without a span, written: the SHA-256 of its samples, and the sums of sealed files by name."""

    sha256: str
    sums: tuple[tuple[str, Sum], ...]


@dataclass(frozen=True, slots=True)
class Copying:
    """A story to be written without a span: to ``written`` first, which becomes the file ``target``."""

    take: TakeId
    span: Span
    before: int
    """How many spans were taken out before this one."""
    target: Path
    written: Path
    """A name of its own: whoever takes out a part of the same story at this moment writes beside it."""
    sound: Master
    new: ContentKey = field(repr=False)

    def copy(self) -> Copied:
        """Write the story without the span. Any thread; slow for a long story.

        Raises `DamagedTake`, `BadSound`, `NoRoomToCut`, `OSError`.
        """
        with self.sound as sound:
            told = _Told(sound, self.span)
            try:
                encode(told, self.written, self.new, self.take)
            except (AudioError, OSError) as error:
                with suppress(ArchiveError, OSError):
                    remove(self.written)
                if not is_full(error, self.written.parent):
                    raise
                raise NoRoomToCut(
                    "There is no room to take a part out now.",
                    "Nobody but its teller hears it. Taking all of it back works at once and without room.",
                ) from error
        sums = [(self.target.name, sum_of_file(self.written))]
        # From here on this box cannot open the sound as it was told, and no FLAC with a sum is made of it any more.
        with suppress(FileNotFoundError):
            sums += [] if self.before else [(RAW, sum_of_file(self.target.with_name(RAW)))]
        return Copied(told.sha256, tuple(sums))


@dataclass(frozen=True, slots=True)
class Cut(Copying):
    """A span on its way out, by the teller whose code opened the story."""

    visit: Visit
    old: ContentKey = field(repr=False)


def take_back_span(store: Store, visit: Visit, start: Ms, end: Ms, by: str) -> Span:
    """Take [start, end) of the story ``visit`` opened out of everything but its sealed master, at once.

    Every player, caption, search and bag made from here on lacks it; excerpts that touch it are gone with their
    titles; the next sync replaces what an archive holds. Without room nobody hears any of it until there is
    (`archive.masters.waits_for_room` tells). Returns the span, cut to the story's length. Raises `Refused` (nothing of
    it lies in the story, or a machine still works on its words), `NoSuchStory`, `NoKey`.
    """
    cut = begin_cut(store, visit, start, end)
    try:
        copied = cut.copy()
    except NoRoomToCut:
        if not may_wait(store, cut):
            raise
        return finish_cut(store, cut, None, by)
    return finish_cut(store, cut, copied, by)


def files_of_cut(store: Store, take: TakeId, number: int) -> tuple[Path, Path]:
    """Name the file of a cut, and one of its own to which this try at it is written."""
    target = cut_flac(store.home, take, number)
    return target, target.with_stem(f"{target.stem}-{secrets.token_hex(6)}")


def may_wait(store: Store, cut: Cut) -> bool:
    """Whether a cut there is no room for may be put off: not where the box itself could not open the sound later.

    Nobody but its teller hears such a story as it is.
    """
    return BOX in recipients(store.db.conn, cut.visit.take)


def begin_cut(store: Store, visit: Visit, start: Ms, end: Ms) -> Cut:
    """Make ready to take a span out; nothing has changed yet. Raises as `take_back_span` does."""
    take = visit.take
    length = store.story(take).length
    span = Span(max(Ms(0), start), min(end, length))
    if span.start >= span.end:
        raise Refused(f"The part lies inside the story, which lasts {length / 1000:.1f} s.", "Give it as 12.5-18.")
    must_be_written(store, take)
    if waits_for_room(store.db.conn, take):
        raise CutWaits(
            "There is still no room for the part that was taken out before.", "Nobody hears any of it until then."
        )
    old = open_content(store, take, Reader.TELLER, store.now(), derived=visit.derived)
    before = cuts_of(store.db.conn, take)
    target, written = files_of_cut(store, take, before + 1)
    return Cut(take, span, before, target, written, open_files(store, take, old), new_content_key(), visit, old)


@gets_through
def finish_cut(store: Store, cut: Cut, copied: Copied | None, by: str) -> Span:
    """Let the story go on without the span, in one transaction.

    With ``copied`` None, for want of room, the span is gone all the same: the words lack it, the story is held, and
    only the sound without it is written later (`archive.cutlater`). Ask `may_wait` before.

    Raises `Refused` when it changed meanwhile or a machine writes down its words again; nothing was taken out then.
    What cannot be cleared away after the transaction no longer opens, and goes at the next start.
    """
    take = cut.visit.take
    with transaction(store.db.conn) as conn:
        try:
            _must_be_unchanged(store, cut, copied)
        except Refused:
            remove(cut.written)
            raise
        _rewrap(store, cut.visit, cut.old, cut.new, first=cut.before == 0)
        _rewrite(store, take, cut.span, cut.old, cut.new)
        if copied is None:
            add_wrap(conn, take, UNCUT, wrap_for_public(cut.old, take, store.keys.box.public_key))
        else:
            note_copy(store, take, cut.before, copied)
        # The sound as it was told must stay as it is: nothing may be made of it by this box any more.
        conn.execute("DELETE FROM jobs WHERE take = ? AND kind = ?", (take, FLAC))
        store.note(take, Act.CUT, by, span=(cut.span.start, cut.span.end))
        store.reopen_for_archive(cut.visit, by)
        if copied is None and not store.standing(take).held:
            store.note(take, Act.HOLD, NO_ROOM)
        if copied is not None and cut.written.exists():
            move(cut.written, cut.target)
    clear_away(store, take, 0 if copied is None else cut.before)
    return cut.span


def note_copy(store: Store, take: TakeId, before: int, copied: Copied) -> None:
    """Note what the story is without its last span. Inside a transaction."""
    store.db.conn.execute("UPDATE closings SET sha256 = ? WHERE take = ?", (copied.sha256, take))
    for name, value in copied.sums:
        put_sum(store.db.conn, take, name, value)
    drop_sum(store.db.conn, take, cut_flac(store.home, take, before).name)


def clear_away(store: Store, take: TakeId, before: int) -> None:
    """Remove the file of a cut nobody reads any more (0: none), and what the database's log holds of it."""
    try:
        if before:
            remove(cut_flac(store.home, take, before))
        checkpoint(store.db.conn)
    except (ArchiveError, OSError, sqlite3.Error) as error:
        _log.warning("something of the part of %s is left for the next start: %s", take, type(error).__name__)


def must_be_written(store: Store, take: TakeId) -> None:
    """Raise `StillWriting` while a machine works on the words of ``take``: no part of it can go yet."""
    if being_written(store.db.conn, take):
        raise StillWriting("A machine is still writing down its words.", "Try again in a minute.")


def _must_be_unchanged(store: Store, cut: Cut, copied: Copied | None) -> None:
    take, conn = cut.visit.take, store.db.conn
    # Where a try before this one came to nothing after it had moved the file, it lies in its place already.
    there = (
        may_wait(store, cut)
        if copied is None
        else cut.written.exists()
        or (cut.target.exists() and sum_of_file(cut.target) == dict(copied.sums)[cut.target.name])
    )
    waits = waits_for_room(conn, take)
    if cuts_of(conn, take) != cut.before or waits or not store.standing(take).kept or not there:
        raise Refused("It changed this very moment.", "Look at it again.")
    # Words that are still on their way would be those of the whole story.
    must_be_written(store, take)


def _rewrap(store: Store, visit: Visit, old: ContentKey, new: ContentKey, *, first: bool) -> None:
    """Give the new key to whoever held the old one; the old one to the teller's code alone."""
    conn, take = store.db.conn, visit.take
    held = recipients(conn, take)
    if BOX in held:
        add_wrap(conn, take, BOX, wrap_for_public(new, take, store.keys.box.public_key))
    add_wrap(conn, take, CODE, wrap_for_code(new, take, visit.derived))
    if first:
        add_wrap(conn, take, MASTER, wrap_for_code(old, take, visit.derived))
    if STEWARD in held and wrap_for_steward(conn, take, new):
        held = held - {STEWARD}
    for other in held - {BOX, CODE, MASTER, UNCUT}:
        # Whoever else held the old key would open what was taken back.
        drop_wrap(conn, take, other)


def _rewrite(store: Store, take: TakeId, span: Span, old: ContentKey, new: ContentKey) -> None:
    """Seal words and titles under the new key, without what the span held."""
    conn = store.db.conn
    said = conn.execute("SELECT segment, model, blob FROM words WHERE take = ?", (take,)).fetchall()
    for segment, model, blob in said:
        words = blanked(read_segment_words(old, take, segment, bytes(blob)), span)
        put_words(conn, take, segment, model, words, key=new)
    # It would still hold what was taken back; the night may hear the story anew as it is now.
    drop_second(conn, take)
    rows = conn.execute('SELECT id, start, "end", blob FROM excerpts WHERE take = ?', (take,)).fetchall()
    for excerpt, start, end, blob in rows:
        if span.touches(Ms(start), Ms(end), Ms(0)):
            conn.execute("DELETE FROM excerpts WHERE id = ?", (excerpt,))
            continue
        label = b"hearth/excerpt/" + str(excerpt).encode("ascii")
        resealed = seal(new, unseal(old, bytes(blob), label), label)
        conn.execute("UPDATE excerpts SET blob = ? WHERE id = ?", (resealed, excerpt))


def blanked(words: list[Word], span: Span) -> list[Word]:
    """Leave out the words that touch ``span``; one blank stands for all of them. Pure."""
    kept: list[Word] = []
    for word in words:
        if not span.touches(word.start, word.end):
            kept.append(word)
        elif not kept or kept[-1].text != BLANK:
            kept.append(Word(BLANK, word.start, word.end, 1.0, False))
        else:
            kept[-1] = Word(BLANK, kept[-1].start, word.end, 1.0, False)
    return kept


class _Told:
    """A story's sound with a tone in place of a span, in the pieces an encoder takes."""

    def __init__(self, sound: Master, span: Span) -> None:
        self.format: AudioFormat = sound.format
        self.sha256 = ""
        self._sound = sound
        rate = sound.format.rate
        self._first, self._last = span.start * rate // 1000, -(-span.end * rate // 1000)

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it, and note the sum of what was yielded."""
        digest = hashlib.sha256()
        at = 0
        for piece in self._sound.pieces():
            frames = len(piece) // self.format.frame_bytes
            told = self._bleeped(piece, at, frames) if at < self._last and at + frames > self._first else piece
            digest.update(told)
            yield told
            at += frames
        self.sha256 = digest.hexdigest()

    def _bleeped(self, piece: bytes, at: int, frames: int) -> bytes:
        samples = to_integers(piece, self.format).copy()
        first, last = max(0, self._first - at), min(frames, self._last - at)
        when = np.arange(at + first, at + last) / self.format.rate
        loud = _TONE_LEVEL * 2 ** (8 * self.format.width - 1)
        samples[first:last] = np.round(loud * np.sin(2 * np.pi * TONE_HZ * when)).astype(samples.dtype)[:, None]
        return to_bytes(samples, self.format.width)
