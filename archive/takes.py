"""Actions on takes from the agreement to record until the visit is over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nacl.public import PublicKey
from ulid import ULID

from archive.ballast import gets_through
from archive.database import transaction
from archive.durable import sync_folder
from archive.envelope import BOX, ContentKey, add_wrap, new_content_key, open_content, wrap_for_public
from archive.erasure import Erasing
from archive.errors import ArchiveError, NoSuchStory, Refused
from archive.jobs import LOUDNESS, add_segment, add_tentative
from archive.shelf import Wording
from archive.types import Act, Kind, Reader, Use
from audio.errors import AudioError
from audio.takewriter import TakeReader
from audio.types import AudioFormat, Ms, Segment, Take, TakeId, Tentative


def fresh_take(wall: datetime) -> TakeId:
    """Make an identifier that sorts by time where the clock is right, and is unique where it is not."""
    return TakeId(str(ULID.from_timestamp(max(0.0, wall.timestamp()))))


@dataclass(frozen=True, slots=True)
class OpenTake:
    """A take whose recording was agreed to. ``path`` does not exist yet; ``key`` stays in memory only."""

    id: TakeId
    path: Path
    key: ContentKey
    sequence: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A take that was never closed, or closed and never kept. ``length`` is its sound, not the size of a file."""

    take: TakeId
    length: Ms
    prompt: str
    language: str
    opened_at: datetime
    problem: str = ""


class Takes(Erasing):
    """Open, close, look at and let go of takes."""

    def open_take(
        self,
        *,
        prompt: str,
        language: str,
        wording: Wording,
        by: str,
        kind: Kind = Kind.STORY,
        site: str = "",
        sound: AudioFormat | None = None,
        take: TakeId | None = None,
        trimmed_from: TakeId | None = None,
        asked: str = "",
    ) -> OpenTake:
        """Note that recording was agreed to, and make the key of the take. Call before the microphone opens.

        The yes, the facts and the box's wrap are durable when this returns; no file is made. A second try (redo)
        is a second take; ``take`` is its identifier where one was promised already (`fresh_take`), ``trimmed_from``
        the take it is cut out of (`archive.trimming`). ``asked`` is the question in the words it was asked in.
        Raises `NoKey` if the keys of the box are missing.
        """
        if take is None:
            take = fresh_take(self.clock.wall())
        key = new_content_key()
        public: PublicKey = self.keys.box.public_key
        blob = wrap_for_public(key, take, public)
        now = self.moment()
        shape = (None, None, None) if sound is None else (sound.rate, sound.channels, sound.width)
        with transaction(self.db.conn) as conn:
            row = (take, str(kind), prompt, language, site, now.boot_id, now.at, now.wall.isoformat(), int(now.trusted))
            done = conn.execute(
                "INSERT INTO takes (id, kind, prompt, language, site, boot_id, monotonic, wall, clock_trusted, "
                "rate, channels, width) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, *shape),
            )
            self.note(take, Act.DECIDE, by, use=Use.RECORD, yes=True, wording=wording)
            add_wrap(conn, take, BOX, blob)
            if trimmed_from is not None:
                conn.execute("INSERT INTO trims VALUES (?, ?)", (take, trimmed_from))
            if asked:
                conn.execute("INSERT INTO asked VALUES (?, ?)", (take, asked))
        return OpenTake(take, self.home.take_file(take), key, int(done.lastrowid or 0))

    def asked(self, take: TakeId) -> str:
        """The words in which the question of ``take`` was asked; empty where they were not noted."""
        row = self.db.conn.execute("SELECT words FROM asked WHERE take = ?", (take,)).fetchone()
        return "" if row is None else str(row[0])

    def agree(self, take: TakeId, *, wording: Wording, by: str) -> None:
        """Note that one more person agreed to be recorded in this take. Raises `Refused` when it is gone."""
        with transaction(self.db.conn):
            if self.standing(take).ended is not None:
                raise Refused("It is gone; there is nothing to agree to.")
            self.note(take, Act.DECIDE, by, use=Use.RECORD, yes=True, wording=wording)

    def people_of(self, take: TakeId) -> int:
        """Count the persons who agreed to be recorded in this take: each yes of theirs is a line of the ledger."""
        query = "SELECT COUNT(*) FROM ledger WHERE subject = ? AND act = ? AND use = ? AND yes = 1"
        return int(self.db.conn.execute(query, (take, Act.DECIDE.value, Use.RECORD.value)).fetchone()[0])

    def add_segment(self, segment: Segment) -> None:
        """Hand a segment of a take to the transcriber. Its samples must be readable (`TakeWriter.flush`)."""
        with transaction(self.db.conn) as conn:
            add_segment(conn, segment, self.moment())

    def add_tentative(self, span: Tentative) -> None:
        """Let the transcriber look ahead at a stretch of the open segment. Readable samples, as for a segment."""
        with transaction(self.db.conn) as conn:
            add_tentative(conn, span)

    @gets_through
    def close_take(self, take: Take) -> Take:
        """Move a closed take to its story folder and note its facts; both are durable when this returns.

        ``take`` is what `TakeWriter.close` returned; the result has the new path. Safe to repeat. Raises `NoSuchStory`
        for one that was erased beside while it was told: nothing of it stays.
        """
        if self.standing(take.id).ended is not None:
            self._remove_files(take.id)
            raise NoSuchStory("This story was erased while it was told.", "Nothing of it is kept.")
        target = self.home.raw_master(take.id)
        source = self.home.take_file(take.id)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.home.stories)
        if source.exists():
            source.replace(target)
        sync_folder(target.parent)
        sync_folder(self.home.takes)
        shape = take.format
        with transaction(self.db.conn) as conn:
            conn.execute(
                "INSERT OR REPLACE INTO closings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    take.id, take.length, take.speech, take.overflows, take.clipped, take.sha256,
                    shape.rate, shape.channels, shape.width,
                ),
            )  # fmt: skip
            conn.execute("INSERT OR IGNORE INTO jobs (kind, take, segment) VALUES (?, ?, -1)", (LOUDNESS, take.id))
        return Take(take.id, target, shape, take.length, take.speech, take.overflows, take.clipped, take.sha256)

    def open_key(self, take: TakeId) -> ContentKey:
        """Open the content key of a take under review (hear it back, go on after a power cut).

        Raises `Refused` once it was kept or its visit is over, `NoKey`, `NoSuchStory`.
        """
        return open_content(self, take, Reader.REVIEW, self.now())

    @gets_through
    def close_review(self, take: TakeId, by: str) -> None:
        """End the visit. A take neither kept nor discarded is in sealed hold from here on. Safe to repeat."""
        with transaction(self.db.conn):
            where = self.standing(take)
            if not where.review_closed and where.ended is None:
                self.note(take, Act.CLOSE_REVIEW, by)

    def discard(self, take: TakeId, by: str) -> None:
        """Throw away a take that was not kept; its key goes first. Safe to repeat. Raises `Refused` for a kept one."""
        self.erase(take, Act.DISCARD, by)

    @gets_through
    def hold(self, take: TakeId, by: str) -> None:
        """Take a story out of every use until a steward releases it."""
        with transaction(self.db.conn):
            if self.standing(take).ended is not None:
                raise Refused("It is gone; there is nothing to hold.")
            self.note(take, Act.HOLD, by)

    def release(self, take: TakeId, by: str) -> None:
        """End a hold: a steward decided."""
        with transaction(self.db.conn):
            if not self.standing(take).held:
                raise Refused("It is not held.")
            self.note(take, Act.RELEASE, by)

    def unfinished(self) -> list[Unfinished]:
        """List takes that were begun and not closed, oldest first. Changes nothing."""
        found = []
        rows = self.db.conn.execute(
            "SELECT id, prompt, language, wall FROM takes WHERE id NOT IN (SELECT take FROM closings) ORDER BY sequence"
        ).fetchall()
        for take, prompt, language, wall in rows:
            path = self.open_file(TakeId(take))
            if path is None:
                continue
            length, problem = self._playable(TakeId(take), path)
            found.append(Unfinished(TakeId(take), length, prompt, language, datetime.fromisoformat(wall), problem))
        return found

    def unkept(self) -> list[Unfinished]:
        """List takes in sealed hold, oldest first: closed, their visit over, neither kept nor thrown away.

        Nobody can hear them, and retention erases them when the hold runs out. Changes nothing.
        """
        rows = self.db.conn.execute(
            "SELECT id, length, prompt, language, wall FROM takes JOIN closings ON take = id ORDER BY sequence"
        ).fetchall()
        found = []
        for take, length, prompt, language, wall in rows:
            where = self.standing(TakeId(take))
            if where.review_closed and where.ended is None and not where.kept:
                opened = datetime.fromisoformat(wall)
                found.append(Unfinished(TakeId(take), Ms(length), prompt, language, opened))
        return found

    def open_file(self, take: TakeId) -> Path | None:
        """Find the file of a take without a closing: still open, or renamed just before the power went."""
        for path in (self.home.take_file(take), self.home.raw_master(take)):
            if os.path.lexists(path):
                return path
        return None

    def _playable(self, take: TakeId, path: Path) -> tuple[Ms, str]:
        try:
            reader = TakeReader(path, open_content(self, take, Reader.REVIEW, self.now()))
        except Refused:
            return Ms(0), "sealed hold"
        except (AudioError, ArchiveError) as error:
            return Ms(0), str(error)
        try:
            return reader.length, ""
        finally:
            reader.close()
