"""Looks at everything a box keeps, byte by byte, and names what is damaged. Changes nothing.

What the box may open is opened: masters are decoded and hashed again, words and titles are unsealed. What it may not
open (sealed, held) is compared with the sums taken when it was proved; where there is no such sum it is named as
``unread``, never as sound. May run beside a working kiosk: what is taken back, sealed or cut meanwhile is no damage.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.consent import Standing, events_of, standing, verify_chain
from archive.envelope import ARCHIVE, BOX, CODE, MASTER, ContentKey, open_content, recipients
from archive.errors import ArchiveError, NoKey, Refused
from archive.fixity import RAW, get_sum, second_name, sum_of_blob, sum_of_file, words_name
from archive.guests import is_lent
from archive.masters import cut_flac, cuts_of, open_files, waits_for_room
from archive.store import Store
from archive.transcripts import read_segment_words
from archive.types import Act, Reader, Use
from audio.errors import AudioError
from audio.takewriter import TakeReader, read_head
from audio.types import TakeId

_AGAIN_AFTER_S = 0.2
"""What was found is looked for again so much later: an erasure or a cut that was under way has ended by then."""
_OUTSIDE = frozenset({Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC})
_BACKUP = "It is whole in a backup made before: restore that into another folder (hearth restore FILE --home FOLDER)."
_DO = {
    "database": "Stop the box, and restore a backup into another folder (hearth restore FILE --home FOLDER).",
    "ledger": "Something wrote in it past the program: find out who had this disk, and compare it with a backup.",
    "keys": "Put back the key folder that was made with this home, or what was kept of it (hearth backup).",
    "wrap": _BACKUP,
    "erasure": "Start the box, or: hearth retention.",
    "master": _BACKUP,
    "open take": "Start the box: it keeps what can be read of it.",
    "words": "Its sound is judged by itself. The words are whole in a backup made before.",
    "excerpt": "Its sound is judged by itself. Make the excerpt anew: hearth cue set.",
    "tombstone": "Tell the archive of it at its desk.",
    "stray": "Nothing opens it without the database it belongs to. Find out where it came from, then move it away.",
}


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was stored. ``what`` is a kind, ``subject`` a take or a part of the box.

    ``do`` says what a person does about it, "" where the report says so as a whole.
    """

    what: str
    subject: str
    say: str
    do: str = ""

    def to_json(self) -> dict[str, str]:
        """Return plain data for `json`."""
        done = {"do": self.do} if self.do else {}
        return {"what": self.what, "subject": self.subject, "say": self.say, **done}


@dataclass(slots=True)
class Verdict:
    """What was looked at, what is damaged, and what could not be judged from here."""

    masters: int = 0
    words: int = 0
    ledger: int = 0
    open_takes: int = 0
    damaged: list[Damage] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged

    def add(self, other: Verdict) -> None:
        """Take in what was found of one take."""
        self.masters += other.masters
        self.words += other.words
        self.open_takes += other.open_takes
        self.damaged += other.damaged
        self.unread += other.unread

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "sound": self.sound,
            "checked": {
                "masters": self.masters,
                "words": self.words,
                "ledger": self.ledger,
                "open_takes": self.open_takes,
            },
            "damaged": [one.to_json() for one in self.damaged],
            "unread": self.unread,
        }


def verify(store: Store) -> Verdict:
    """Check database, ledger, wraps, masters, words and open takes of ``store``.

    Raises `NoKey` when the keys of the box are not here: nothing could be judged then.
    """
    store.home.load_keys()
    verdict = Verdict()
    try:
        _Verifying(store, verdict).everything()
    except sqlite3.DatabaseError as error:
        say = f"The database cannot be read to the end: {error}."
        verdict.damaged.append(Damage("database", "hearth.db", say, _DO["database"]))
    return verdict


class _Verifying:
    """One run."""

    def __init__(self, store: Store, verdict: Verdict) -> None:
        self._store = store
        self._conn = store.db.conn
        self._verdict = verdict

    def everything(self) -> None:
        self._database()
        closed = {TakeId(row[0]) for row in self._conn.execute("SELECT take FROM closings")}
        known = [TakeId(row[0]) for row in self._conn.execute("SELECT id FROM takes ORDER BY sequence")]
        for take in known:
            self._verdict.add(self._judged(take, closed=take in closed))
        self._tombstones()
        self._strays({str(take) for take in known})

    def _judged(self, take: TakeId, *, closed: bool) -> Verdict:
        """Judge one take. A box at work may change it in the middle, so what was found has to be found twice."""
        found = _Verifying(self._store, Verdict()).one_take(take, closed=closed)
        if not found.sound:
            time.sleep(_AGAIN_AFTER_S)
            if self._gone_since(take):
                return Verdict()
            found = _Verifying(self._store, Verdict()).one_take(take, closed=closed)
        return Verdict() if not found.sound and self._gone_since(take) else found

    def one_take(self, take: TakeId, *, closed: bool) -> Verdict:
        """Judge one take as it is now; the verdict of this run, for this take alone."""
        events = events_of(self._conn, take)
        where, lent = standing(events), is_lent(events)
        if where.ended is not None:
            self._bad("erasure", take, "Its erasure was begun and is not finished; the next start finishes it.")
            return self._verdict
        if not lent:  # its teller's code is at another box
            self._wraps(take, where)
        if closed:
            self._master(take)
            if not lent and cuts_of(self._conn, take):
                self._as_told(take, held=recipients(self._conn, take))
            self._words(take)
        else:
            self._open_take(take)
        self._excerpts(take)
        return self._verdict

    def _bad(self, what: str, subject: str, say: str) -> None:
        damage = Damage(what, subject, say, _DO[what])
        if damage not in self._verdict.damaged:
            self._verdict.damaged.append(damage)

    def _database(self) -> None:
        for (line,) in self._conn.execute("PRAGMA integrity_check").fetchall():
            if line != "ok":
                self._bad("database", "hearth.db", f"The database says of itself: {line}.")
        for table, _, parent, _ in self._conn.execute("PRAGMA foreign_key_check").fetchall():
            self._bad("database", str(table), f"A row of {table} speaks of something that is not in {parent}.")
        self._verdict.ledger = int(self._conn.execute("SELECT COUNT(*) FROM ledger").fetchone()[0])
        for seq in verify_chain(self._conn):
            self._bad("ledger", str(seq), f"Line {seq} of the record of consents does not follow from the one before.")

    def _gone_since(self, take: TakeId) -> bool:
        return bool(self._conn.execute("SELECT 1 FROM takes WHERE id = ?", (take,)).fetchone() is None)

    def _wraps(self, take: TakeId, where: Standing) -> None:
        """Compare who can open a take with what its ledger says."""
        held = recipients(self._conn, take)
        coded = self._conn.execute("SELECT 1 FROM codes WHERE take = ?", (take,)).fetchone() is not None
        if where.kept and not (CODE in held and coded):
            self._bad("wrap", take, "It was kept, but its teller's code would not open it.")
        if not where.kept and BOX not in held:
            self._bad("wrap", take, "It is not decided yet, and this box has no key to it.")
        if where.kept and not where.sealed and set(where.uses) & {Use.PLAY_HERE} and BOX not in held:
            self._bad("wrap", take, "It may be played here, but this box has no key to it.")
        if where.sealed and BOX in held:
            self._bad("wrap", take, "It is sealed, but this box can still open it.")
        if ARCHIVE in held and _OUTSIDE.isdisjoint(where.uses):
            self._bad("wrap", take, "The archive could open it, though its teller did not allow that.")

    def _key(self, take: TakeId) -> ContentKey | None:
        """Ask the gate for the key as the machine that writes words would; None where it may not, or has none."""
        now = self._store.now()
        for reader in (Reader.TRANSCRIBE, Reader.REVIEW):
            try:
                return open_content(self._store, take, reader, now)
            except Refused:
                continue
            except NoKey as error:
                if BOX in recipients(self._conn, take):
                    self._bad("keys", take, error.say)
        return None

    def _master(self, take: TakeId) -> None:
        key = self._key(take)
        self._verdict.masters += 1
        if key is None:
            self._sealed_master(take)
            return
        row = self._conn.execute("SELECT sha256 FROM closings WHERE take = ?", (take,)).fetchone()
        digest = hashlib.sha256()
        try:
            with open_files(self._store, take, key) as master:
                for piece in master.pieces():
                    digest.update(piece)
        except (AudioError, ArchiveError, OSError) as error:
            self._bad("master", take, f"Its sound cannot be read: {_said(error)}")
            return
        if row is not None and digest.hexdigest() != row[0]:
            self._bad("master", take, "Its sound is not what was recorded.")

    def _sealed_master(self, take: TakeId) -> None:
        """Judge a master nobody here can open by the sum of its sealed bytes."""
        if cuts := cuts_of(self._conn, take) - waits_for_room(self._conn, take):
            self._sealed(take, [cut_flac(self._store.home, take, cuts)])
        else:
            self._sealed(take, [self._store.home.flac_master(take), self._store.home.raw_master(take)])

    def _as_told(self, take: TakeId, *, held: set[str]) -> None:
        """Judge the sound as it was told, which only the teller's code opens since a part was taken out."""
        self._verdict.masters += 1
        if MASTER not in held:
            self._bad("wrap", take, "A part was taken out, and its teller's code would not open the whole any more.")
        self._sealed(take, [self._store.home.flac_master(take), self._store.home.raw_master(take)])

    def _sealed(self, take: TakeId, places: list[Path]) -> None:
        """Compare the first of ``places`` where something lies with its sum; where there is none, say so."""
        path = next((place for place in places if place.exists()), None)
        if path is None:
            self._bad("master", take, "Its sound is not here.")
            return
        known = get_sum(self._conn, take, path.name)
        try:
            if known is None and path.name == RAW:
                read_head(path)
            damaged = known is not None and sum_of_file(path) != known
        except (AudioError, OSError) as error:
            self._bad("master", take, f"Its sealed sound cannot be read: {_said(error)}")
            return
        if damaged:
            self._bad("master", take, "Its sealed sound is not what was proved when it was made.")
        elif known is None and take not in self._verdict.unread:
            self._verdict.unread.append(take)

    def _words(self, take: TakeId) -> None:
        key = self._key(take)
        rows = self._conn.execute("SELECT segment, blob FROM words WHERE take = ? ORDER BY segment", (take,)).fetchall()
        for segment, blob in rows:
            self._verdict.words += 1
            known = get_sum(self._conn, take, words_name(segment))
            if known is not None and sum_of_blob(bytes(blob)) != known:
                self._bad("words", take, f"The sealed words of stretch {segment} are not what was stored.")
            elif key is not None:
                try:
                    read_segment_words(key, take, segment, bytes(blob))
                except (AudioError, ValueError, TypeError) as error:
                    self._bad("words", take, f"The words of stretch {segment} do not open: {_said(error)}")
            elif known is None and take not in self._verdict.unread:
                self._verdict.unread.append(take)
        for segment, blob in self._conn.execute("SELECT segment, blob FROM second_words WHERE take = ?", (take,)):
            if get_sum(self._conn, take, second_name(segment)) != sum_of_blob(bytes(blob)):
                self._bad("words", take, f"What was heard at night in stretch {segment} is not what was stored.")

    def _open_take(self, take: TakeId) -> None:
        path = self._store.open_file(take)
        if path is None:
            return  # agreed to, and not a sample stored yet
        self._verdict.open_takes += 1
        key = self._key(take)
        if key is None:
            self._verdict.unread.append(take)
            return
        try:
            with TakeReader(path, key, take=take) as reader:
                reader.sha256()
        except FileNotFoundError:
            return  # closed this very moment
        except (AudioError, OSError) as error:
            self._bad("open take", take, f"What was told so far cannot be read: {_said(error)}")

    def _excerpts(self, take: TakeId) -> None:
        if self._key(take) is None:
            return
        stored = self._conn.execute("SELECT COUNT(*) FROM excerpts WHERE take = ?", (take,)).fetchone()[0]
        try:
            self._store.excerpts(take)
        except (AudioError, ValueError, TypeError) as error:
            self._bad("excerpt", take, f"The title of one of its {stored} excerpts does not open: {_said(error)}")

    def _tombstones(self) -> None:
        there = {row[0] for row in self._conn.execute("SELECT subject FROM tombstones")}
        # What nobody kept went nowhere: there is nobody to tell.
        query = (
            "SELECT DISTINCT subject FROM ledger WHERE act = ? "
            "AND subject IN (SELECT subject FROM ledger WHERE use = ? AND yes = 1)"
        )
        for (subject,) in self._conn.execute(query, (str(Act.WITHDRAW), str(Use.KEEP))).fetchall():
            if subject not in there:
                self._bad("tombstone", str(subject), "It was taken back, and nothing tells the archives so.")

    def _strays(self, known: set[str]) -> None:
        """Name what lies in the folders and belongs to nothing."""
        home = self._store.home
        for path in sorted([*home.takes.glob("*.take"), *(p for p in home.stories.iterdir() if p.is_dir())]):
            name = path.name.removesuffix(".take").removesuffix(".part")
            if name not in known and self._gone_since(TakeId(name)):
                self._bad("stray", name, f"{path.parent.name}/{path.name} belongs to no story this box knows.")


def _said(error: Exception) -> str:
    return str(getattr(error, "say", "") or error or type(error).__name__)


def told(verdict: Verdict) -> str:
    """Say the verdict to a person."""
    lines = [f"DAMAGED  {one.subject}  {one.say}" for one in verdict.damaged]
    checked = f"{verdict.masters} masters, {verdict.words} stretches of words, {verdict.ledger} lines of consent"
    lines.append(f"Looked at {checked}: {'all sound' if verdict.sound else f'{len(lines)} damaged'}.")
    if verdict.unread:
        lines.append(f"{len(verdict.unread)} cannot be judged without their teller's code.")
    lines += to_do(verdict.damaged)
    return "\n".join(lines)


def to_do(damaged: list[Damage]) -> list[str]:
    """Say what a person does about it: once for all of a kind, in the order in which they were found."""
    return list(dict.fromkeys(f"To do: {one.do}" for one in damaged if one.do))


def unreadable(error: ArchiveError) -> Verdict:
    """Make the verdict on a home whose database does not even open."""
    return Verdict(damaged=[Damage("database", "hearth.db", error.say, error.do)])
