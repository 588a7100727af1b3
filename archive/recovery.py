"""What the box does at start with takes and visits a power cut or a crash left open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.database import Moment, transaction
from archive.durable import move
from archive.envelope import ContentKey
from archive.errors import NoSuchStory
from archive.jobs import add_segment, segments_of
from archive.masters import finish_cuts
from archive.stories import Stories
from archive.trimming import finish_trims
from archive.types import Act
from audio.errors import DamagedTake
from audio.takewriter import TakeReader, TakeWriter
from audio.types import CutReason, Ms, Segment, Take, TakeId

OFFER_WITHIN_S = 120.0
LONGEST_SEGMENT = Ms(24_000)


@dataclass(frozen=True, slots=True)
class Recovered:
    """A take found open at start. ``offered``: its teller may still be there to go on; else it is held."""

    take: TakeId
    length: Ms
    prompt: str
    language: str
    offered: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment at which ``length`` of the take had been told at most."""

    moment: Moment
    length: Ms


def known_gap(anchors: list[Anchor], length: Ms, now: Moment) -> float | None:
    """Seconds since the last sample, at most; None when no clock can tell. Pure.

    Told by the monotonic clock of the same boot, or by a wall clock trusted then and now.
    """
    gaps = []
    for anchor in anchors:
        then, since = anchor.moment, max(0, length - anchor.length) / 1000
        if then.boot_id == now.boot_id and then.at <= now.at:
            gaps.append(max(0.0, now.at - then.at - since))
        elif then.trusted and now.trusted and then.wall <= now.wall:
            gaps.append(max(0.0, (now.wall - then.wall - timedelta(seconds=since)).total_seconds()))
    return min(gaps, default=None)


class Recovery(Stories):
    """Finish or offer what was left open."""

    def recover_open_takes(self, by: str = "start") -> list[Recovered]:
        """Look at everything left open and decide; only the process that records may call this, at its start.

        A take whose gap is known to be under two minutes stays open and is offered; any other is closed into sealed
        hold; one without a sample is erased. Visits still open on closed takes are ended. A trim or the taking out of
        a part that was interrupted is finished or undone first. Raises `NoKey`.
        """
        finish_trims(self, by)
        finish_cuts(self)
        found = []
        rows = self.db.conn.execute(
            "SELECT id, prompt, language FROM takes WHERE id NOT IN (SELECT take FROM closings) ORDER BY sequence"
        ).fetchall()
        for take, prompt, language in rows:
            recovered = self._recover(TakeId(take), prompt, language, by)
            if recovered is not None:
                found.append(recovered)
        for (take,) in self.db.conn.execute("SELECT take FROM closings").fetchall():
            self.close_review(TakeId(take), by)
        return found

    def finish_take(self, take: TakeId) -> Take:
        """Close a take whose writer is gone, and hand what was not yet transcribed to the transcriber.

        For "keep what we have" after a power cut. Raises `DamagedTake`, `Refused`, `NoKey`, `NoSuchStory`.
        """
        closed = self._close(take, self.open_key(take))
        self.add_missing_segments(take, closed.length)
        return closed

    def next_segment(self, take: TakeId) -> tuple[int, Ms]:
        """Tell the number and the start of the segment that follows those known: where a resumed take goes on."""
        known = segments_of(self.db.conn, take)
        return (known[-1].index + 1, known[-1].end) if known else (0, Ms(0))

    def add_missing_segments(self, take: TakeId, until: Ms) -> list[Segment]:
        """Hand the stretch after the last known segment to the transcriber, in pieces a model can take."""
        number, start = self.next_segment(take)
        added = []
        with transaction(self.db.conn) as conn:
            while start < until:
                end = Ms(min(start + LONGEST_SEGMENT, until))
                # How much of it is speech was never measured; all of it may be.
                piece = Segment(take, number, start, end, Ms(end - start), CutReason.END)
                add_segment(conn, piece, self.moment())
                added.append(piece)
                number, start = number + 1, end
        return added

    def _recover(self, take: TakeId, prompt: str, language: str, by: str) -> Recovered | None:
        where = self.standing(take)
        if where.ended is not None or where.review_closed:
            return None
        path = self.open_file(take)
        if path is None:
            self.erase(take, Act.DISCARD, by)
            return None
        if path != self.home.take_file(take):
            move(path, self.home.take_file(take))
        try:
            with TakeReader(self.home.take_file(take), self.open_key(take), take=take) as reader:
                length = reader.length
        except DamagedTake as error:
            # Kept as it is for a steward to look at, until the sealed hold runs out.
            self.close_review(take, by)
            return Recovered(take, Ms(0), prompt, language, offered=False, problem=str(error))
        gap = known_gap(self._anchors(take), length, self.moment())
        offered = gap is not None and gap < OFFER_WITHIN_S
        if not offered:
            self._close(take, self.open_key(take))
            self.close_review(take, by)
        return Recovered(take, length, prompt, language, offered)

    def _close(self, take: TakeId, key: ContentKey) -> Take:
        path = self.home.take_file(take)
        if not path.exists():
            raise NoSuchStory("There is no open take with this identifier here.")
        with TakeReader(path, key, take=take) as reader:
            if reader.complete:
                done = Take(take, path, reader.format, reader.length, Ms(0), 0, 0, reader.sha256())
                return self.close_take(done)
        return self.close_take(TakeWriter.resume(path, key).close())

    def _anchors(self, take: TakeId) -> list[Anchor]:
        rows = self.db.conn.execute(
            "SELECT boot_id, monotonic, wall, clock_trusted, 0 FROM takes WHERE id = ? UNION ALL "
            'SELECT boot_id, monotonic, wall, clock_trusted, "end" FROM segments WHERE take = ?',
            (take, take),
        )
        return [
            Anchor(Moment(boot, at, datetime.fromisoformat(wall), bool(trusted)), Ms(length))
            for boot, at, wall, trusted, length in rows
        ]
