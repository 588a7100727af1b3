"""By night, when nobody is here, the best model goes over the day's stories where the room was loud or the voice far.

What it hears is stored beside the first words. It works one segment at a time, so that a visitor waits for one at
most; only on stories the box may still open; only on those of the last days; and it ends in the morning.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from archive.database import transaction
from archive.envelope import ContentKey
from archive.jobs import NIGHT, Job, add_job, finish, segment_of
from archive.masters import open_files
from archive.shelf import Shelf
from archive.spans import hush, spans_of
from archive.transcripts import put_second
from audio.clarity import clarity_db
from audio.clock import Clock
from audio.resample import MODEL_RATE, to_model
from audio.transcribe import Transcriber, shifted
from audio.types import Ms, TakeId

LOOK_BACK = timedelta(hours=36)
"""How old a story may be that is gone over: a night that was missed is made up for, a backlog never grows."""
MOST_SEGMENTS = 600
"""Segments taken on for one night: some two hours of stories."""
CLEAR_DB = 20.0
"""A voice this far above its room gains nothing from the larger model."""
_UNSURE_CLOCK = 6


@dataclass(frozen=True, slots=True)
class Hours:
    """When nobody is expected: from ``begins`` to ``ends`` (local hours, 0 to 23), ``quiet_s`` after the last press."""

    begins: int = 22
    ends: int = 6
    quiet_s: float = 1800.0

    def cover(self, local: datetime) -> bool:
        """Tell whether ``local`` time lies in them; they may go over midnight. Equal hours are the whole day."""
        if self.begins < self.ends:
            return self.begins <= local.hour < self.ends
        return local.hour >= self.begins or local.hour < self.ends


def pressed(mark: Path) -> None:
    """Note that somebody is here: the time of the file, and nothing else. A disk that refuses does not matter."""
    with contextlib.suppress(OSError):
        mark.touch()


def quiet_for(mark: Path) -> float:
    """Return the seconds since `pressed`, however the clock jumped; since ever where nobody ever pressed."""
    try:
        return abs(time.time() - mark.stat().st_mtime)
    except OSError:
        return float("inf")


class NightPass:
    """Chooses what to go over, and does it, one job of the worker at a time."""

    def __init__(self, store: Shelf, clock: Clock, hours: Hours, make: Callable[[str], Transcriber | None]) -> None:
        """``make`` gives the best transcriber for a language, None where none is better than the usual one."""
        self._store = store
        self._clock = clock
        self._hours = hours
        self._make = make
        self._made: dict[str, Transcriber | None] = {}
        self._planned_at: float | None = None

    def now(self) -> bool:
        """Tell whether to work now, and let go of the models when not: they are large."""
        quiet = quiet_for(self._store.home.pressed)
        trusted = self._clock.trusted()
        # Without a right clock nobody knows the hour: then only a long quiet tells of the night.
        due = quiet >= self._hours.quiet_s * (1 if trusted else _UNSURE_CLOCK)
        due = due and (not trusted or self._hours.cover(self._clock.wall().astimezone()))
        if not due:
            self._made.clear()
            self._planned_at = None
        return due

    def plan(self) -> int:
        """Take on the day's segments, once a night; return how many."""
        if self._planned_at is not None:
            return 0
        self._planned_at = self._clock.monotonic()
        since = (self._clock.wall() - LOOK_BACK).isoformat()
        rows = self._store.db.conn.execute(
            "SELECT segments.take, segments.number FROM segments JOIN closings ON closings.take = segments.take "
            "JOIN words ON words.take = segments.take AND words.segment = segments.number "
            "WHERE segments.wall >= ? AND segments.voiced > 0 AND NOT EXISTS (SELECT 1 FROM jobs WHERE kind = ? "
            "AND jobs.take = segments.take AND jobs.segment = segments.number) "
            "ORDER BY segments.wall DESC LIMIT ?",
            (since, NIGHT, MOST_SEGMENTS),
        ).fetchall()
        with transaction(self._store.db.conn) as conn:
            for take, number in rows:
                add_job(conn, NIGHT, TakeId(take), number)
        return len(rows)

    def work(self, job: Job, key: ContentKey) -> None:
        """Go over one segment if it is unclear enough; ``key`` is what the gate gave out for this moment."""
        store = self._store
        segment = segment_of(store.db.conn, job.take, job.segment)
        transcriber = self._transcriber(store.language_of(job.take))
        with open_files(store, job.take, key) as sound:
            samples = to_model(sound.read(segment.start, segment.end), sound.format)
        samples, hushed = hush(samples, MODEL_RATE, segment.start, spans_of(store, job.take))
        helps = transcriber is not None and clarity_db(samples) < CLEAR_DB
        voiced = Ms(max(0, segment.voiced - hushed))
        words = shifted(transcriber.transcribe(samples, voiced), segment.start) if transcriber and helps else None
        with transaction(store.db.conn) as conn:
            if transcriber is not None and words is not None and _still_wanted(conn, job):
                put_second(conn, job.take, job.segment, transcriber.name, words, key=key)
            finish(conn, job, store.moment())

    def _transcriber(self, language: str) -> Transcriber | None:
        if language not in self._made:
            # One at a time: they are large.
            self._made.clear()
            self._made[language] = self._make(language)
        return self._made[language]


def _still_wanted(conn: sqlite3.Connection, job: Job) -> bool:
    """Whether the job is there: a part taken out meanwhile took it along (`archive.transcripts.drop_second`)."""
    return conn.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchone() is not None
