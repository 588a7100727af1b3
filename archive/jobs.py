"""What machines still have to do with a take: leased, retried, and after three strikes shown to a person.

A job is claimed with a lease in powered-on time; a worker that dies lets it run out (or reboots: another boot's
lease is void). Each claim is a strike, so a job that kills its worker stops after three. Between two strikes a job
rests, so that a trouble of a moment does not cost all three. What only lacks a speech model has no strike: it is set
aside like what was given up, so that nothing waits for it, and goes on by itself when the model is there.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from archive.database import Moment, transaction
from archive.envelope import BOX, recipients
from audio.types import CutReason, Ms, Segment, TakeId, Tentative

TRANSCRIBE = "transcribe"
AGAIN = "again"
"""To transcribe a segment once more, as a whole, because its words are not sure; what was found first stands till then.
"""
FLAC = "flac"
LOUDNESS = "loudness"
NIGHT = "night"
STRIKES = 3
LEASE_S = 300.0
RESTS_S = (5.0, 60.0)
"""How long a job rests after its first and after its second strike, powered-on seconds."""
NO_MODEL = "no speech model"
"""Why a job was set aside that only waits for the model of its language."""
_OPEN = "done_at IS NULL AND failed IS NULL"
# The story of the visitor who stands here comes first; what can wait for the night comes last.
_ORDER = (
    "CASE kind WHEN 'transcribe' THEN 0 WHEN 'again' THEN 1 WHEN 'loudness' THEN 2 WHEN 'night' THEN 4 ELSE 3 END, "
    "sequence DESC, segment"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. ``segment`` is -1 where the whole take is meant; ``strike`` counts from 1."""

    id: int
    kind: str
    take: TakeId
    segment: int
    strike: int


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job given up after three strikes, or set aside (``why`` is `NO_MODEL`); for a person to look at."""

    kind: str
    take: TakeId
    segment: int
    why: str

    def text(self) -> str:
        """Name it in a line: what was to be done, with which story, where in it; nothing of what was told."""
        where = f", stretch {self.segment + 1}" if self.segment >= 0 else ""
        return f"{self.kind} of {self.take}{where} ({self.why})"


def add_segment(conn: sqlite3.Connection, segment: Segment, now: Moment) -> None:
    """Note a segment and its job; a second time changes nothing. Inside a transaction."""
    conn.execute(
        "INSERT OR IGNORE INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            segment.take, segment.index, segment.start, segment.end, segment.voiced, str(segment.reason),
            now.boot_id, now.at, now.wall.isoformat(), int(now.trusted),
        ),
    )  # fmt: skip
    add_job(conn, TRANSCRIBE, segment.take, segment.index)


def add_tentative(conn: sqlite3.Connection, span: Tentative) -> None:
    """Note a stretch of the open segment whose words may be looked for ahead. Inside a transaction."""
    conn.execute(
        "INSERT OR IGNORE INTO tentatives VALUES (?, ?, ?, ?, ?)",
        (span.take, span.index, span.start, span.end, span.voiced),
    )


def next_tentative(conn: sqlite3.Connection) -> Tentative | None:
    """Take the next stretch to look ahead at off the list; what lies in a closed segment is dropped unseen."""
    if conn.execute("SELECT 1 FROM tentatives LIMIT 1").fetchone() is None:
        return None
    with transaction(conn):
        conn.execute(
            "DELETE FROM tentatives WHERE EXISTS (SELECT 1 FROM segments WHERE segments.take = tentatives.take "
            "AND segments.number >= tentatives.segment)"
        )
        row = conn.execute(
            'SELECT take, segment, start, "end", voiced FROM tentatives ORDER BY take DESC, start LIMIT 1'
        ).fetchone()
        if row is None:
            return None
        conn.execute("DELETE FROM tentatives WHERE take = ? AND start = ?", (row[0], row[2]))
    return Tentative(TakeId(row[0]), int(row[1]), Ms(row[2]), Ms(row[3]), Ms(row[4]))


def segment_of(conn: sqlite3.Connection, take: TakeId, number: int) -> Segment:
    """Read one segment back. Raises `LookupError` if there is none."""
    found = [segment for segment in segments_of(conn, take) if segment.index == number]
    if not found:
        raise LookupError(take, number)
    return found[0]


def segments_of(conn: sqlite3.Connection, take: TakeId) -> list[Segment]:
    """Read the segments of a take in order."""
    rows = conn.execute(
        'SELECT number, start, "end", voiced, reason FROM segments WHERE take = ? ORDER BY number', (take,)
    )
    return [Segment(take, n, Ms(start), Ms(end), Ms(voiced), CutReason(why)) for n, start, end, voiced, why in rows]


def add_job(conn: sqlite3.Connection, kind: str, take: TakeId, segment: int = -1) -> None:
    """Ask for work on a take, once. Inside a transaction."""
    conn.execute("INSERT OR IGNORE INTO jobs (kind, take, segment) VALUES (?, ?, ?)", (kind, take, segment))


def claim(conn: sqlite3.Connection, now: Moment, kinds: tuple[str, ...], lease: float = LEASE_S) -> Job | None:
    """Take the next job of ``kinds`` for ``lease`` seconds, or None. Jobs with three strikes are marked failed."""
    free = f"{_OPEN} AND NOT (boot_id = ? AND lease_until > ?)"
    with transaction(conn):
        conn.execute(
            f"UPDATE jobs SET failed = 'its worker died' WHERE {free} AND tries >= ?",  # noqa: S608 - constants
            (now.boot_id, now.at, STRIKES),
        )
        marks = ", ".join("?" * len(kinds))
        row = conn.execute(
            f"SELECT jobs.id, jobs.kind, take, segment, tries FROM jobs JOIN takes ON takes.id = take WHERE "  # noqa: S608
            f"{free.replace('boot_id', 'jobs.boot_id')} AND jobs.kind IN ({marks}) "
            f"ORDER BY {_ORDER.replace('CASE kind', 'CASE jobs.kind')} LIMIT 1",
            (now.boot_id, now.at, *kinds),
        ).fetchone()
        if row is None:
            return None
        conn.execute(
            "UPDATE jobs SET tries = tries + 1, boot_id = ?, lease_until = ? WHERE id = ?",
            (now.boot_id, now.at + lease, row[0]),
        )
    return Job(int(row[0]), str(row[1]), TakeId(row[2]), int(row[3]), int(row[4]) + 1)


def finish(conn: sqlite3.Connection, job: Job, now: Moment) -> None:
    """Note that a job is done. Inside the transaction that stores its result."""
    conn.execute("UPDATE jobs SET done_at = ? WHERE id = ?", (now.wall.isoformat(), job.id))


def drop(conn: sqlite3.Connection, job: Job) -> None:
    """Forget a job that consent no longer allows."""
    with transaction(conn):
        conn.execute("DELETE FROM jobs WHERE id = ?", (job.id,))


def postpone(conn: sqlite3.Connection, job: Job) -> None:
    """Let a job rest until its lease runs out, without a strike: a steward has to decide first."""
    with transaction(conn):
        conn.execute("UPDATE jobs SET tries = tries - 1 WHERE id = ?", (job.id,))


def give_back(conn: sqlite3.Connection, job: Job, why: str, now: Moment) -> None:
    """Note a strike: the job rests for `RESTS_S`, or is given up at the third. ``why`` must not hold content."""
    rest = RESTS_S[min(job.strike, len(RESTS_S)) - 1]
    with transaction(conn):
        conn.execute(
            "UPDATE jobs SET lease_until = ?, failed = CASE WHEN tries >= ? THEN ? END "
            "WHERE id = ? AND done_at IS NULL",
            (now.at + rest, STRIKES, why, job.id),
        )


def set_aside(conn: sqlite3.Connection, job: Job) -> None:
    """Set a job aside, without a strike, until `take_up` is called: no model here understands its story."""
    with transaction(conn):
        conn.execute(
            "UPDATE jobs SET lease_until = 0, tries = 0, failed = ? WHERE id = ? AND done_at IS NULL",
            (NO_MODEL, job.id),
        )


def languages_without_model(conn: sqlite3.Connection) -> list[str]:
    """Name the languages of the stories for which something was set aside."""
    rows = conn.execute(
        "SELECT DISTINCT language FROM jobs JOIN takes ON takes.id = take WHERE failed = ? ORDER BY language",
        (NO_MODEL,),
    )
    return [str(language) for (language,) in rows]


def take_up(conn: sqlite3.Connection, language: str) -> None:
    """Let what was set aside for want of a model for ``language`` be worked on: one is here now."""
    with transaction(conn):
        conn.execute(
            "UPDATE jobs SET failed = NULL WHERE failed = ? AND take IN (SELECT id FROM takes WHERE language = ?)",
            (NO_MODEL, language),
        )


def free_leases(conn: sqlite3.Connection) -> None:
    """End every lease. Only for a worker that knows it is alone."""
    with transaction(conn):
        conn.execute("UPDATE jobs SET lease_until = 0")


def failed_jobs(conn: sqlite3.Connection) -> list[FailedJob]:
    """List what was given up or set aside, oldest first. Of a sealed story nothing: only its code opens it, and no
    machine gets to it any more.
    """
    rows = conn.execute("SELECT kind, take, segment, failed FROM jobs WHERE failed IS NOT NULL ORDER BY id").fetchall()
    opened = {take for take in {row[1] for row in rows} if BOX in recipients(conn, TakeId(take))}
    return [FailedJob(kind, TakeId(take), segment, why) for kind, take, segment, why in rows if take in opened]


def retry_failed(conn: sqlite3.Connection, take: TakeId | None = None) -> list[FailedJob]:
    """Let a person give failed jobs another three strikes, of one take or of all; return which those were."""
    with transaction(conn):
        found = [job for job in failed_jobs(conn) if take in (None, job.take)]
        conn.executemany(
            "UPDATE jobs SET failed = NULL, tries = 0, lease_until = 0 WHERE kind = ? AND take = ? AND segment = ?",
            [(job.kind, job.take, job.segment) for job in found],
        )
    return found


def being_written(conn: sqlite3.Connection, take: TakeId) -> bool:
    """Tell whether a machine is still to write down words of ``take``; what was given up after three strikes counts
    as done.
    """
    query = f"SELECT 1 FROM jobs WHERE take = ? AND kind IN (?, ?) AND {_OPEN}"  # noqa: S608 - a constant
    return conn.execute(query, (take, TRANSCRIBE, AGAIN)).fetchone() is not None


def open_jobs(conn: sqlite3.Connection, take: TakeId) -> int:
    """Count the jobs of a take that are neither done nor failed; what the night may add keeps nothing waiting."""
    query = f"SELECT COUNT(*) FROM jobs WHERE take = ? AND kind <> '{NIGHT}' AND {_OPEN}"  # noqa: S608 - a constant
    return int(conn.execute(query, (take,)).fetchone()[0])
