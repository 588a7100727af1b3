"""The worker behind ``hearth transcriber``: words while the story is told, then the FLAC, loudness and sealing.

When nothing else is to do and the night has come, it goes over the day's stories once more (`archive.night`).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from archive.claims import TRANSCRIBER, claim
from archive.database import transaction
from archive.envelope import ContentKey, open_content
from archive.errors import ArchiveError, Refused
from archive.fixity import MASTER, put_sum, sum_of_file
from archive.flac import make_flac
from archive.home import Home
from archive.howloud import loudness_in
from archive.jobs import (
    AGAIN,
    FLAC,
    LOUDNESS,
    NIGHT,
    TRANSCRIBE,
    Job,
    add_job,
    drop,
    finish,
    free_leases,
    give_back,
    languages_without_model,
    next_tentative,
    postpone,
    segment_of,
    set_aside,
    take_up,
)
from archive.jobs import claim as claim_job
from archive.masters import Master, cuts_of, must_have_cuts, open_files
from archive.night import NightPass
from archive.spans import Span, hush, spans_of
from archive.store import Store
from archive.transcripts import put_words, replace_words, said_before
from archive.types import Reader
from audio.ahead import AGAIN_AFTER, Ahead
from audio.clock import Clock
from audio.errors import AudioError, NoModel
from audio.pcm import Samples
from audio.resample import MODEL_RATE, to_model
from audio.transcribe import Transcriber
from audio.types import Ms

POLL_S, REST_S = 0.05, 0.2
"""Seconds between looks whether others wrote: while a story is told, and else. First words take seconds anyway."""
GROWING_S = 20.0
MODELS_S = 60.0
"""How often it looks whether a model has come for what was set aside without one."""
_QUIET_KINDS = (LOUDNESS, FLAC)
_log = logging.getLogger(__name__)


class Stop(Protocol):
    """What tells the loop to end; `threading.Event` fits."""

    def is_set(self) -> bool:
        """Whether to end now."""
        ...

    def wait(self, timeout: float) -> object:
        """Wait up to ``timeout`` seconds for the end."""
        ...


class TranscriberWorker:
    """Claims jobs and does them, one at a time. Owns the speech model; makes it when the first segment comes."""

    def __init__(
        self, home: Home, clock: Clock, make_transcriber: Callable[[str], Transcriber], *, store: Store | None = None
    ) -> None:
        """Work on ``home``. ``make_transcriber`` gets the language of the take; the last one used is kept, for each
        holds a model, and a small board has no memory for several.
        """
        self._make = make_transcriber
        self._again_from = 0.0
        """The moment from which on unsure words may be found again: before it, a press may end the story."""
        self.night: NightPass | None = None
        """What is done when nothing else is to do; None for nothing."""
        self._made: tuple[str, Ahead] | None = None
        self._usual = ""
        """The language whose model is ready for the next visitor."""
        self._models_at = 0.0
        """The moment from which on to look for models that were missing."""
        self.store = store or Store(home, clock)
        self._alone = claim(home.path / TRANSCRIBER)
        if self._alone is not None:
            # Whoever held a lease is dead: a story told now must not wait for it to run out.
            free_leases(self.store.db.conn)

    def close(self) -> None:
        """Let go of the store and of the claim to be the only worker."""
        if self._alone is not None:
            self._alone.close()
        self.store.close()

    def warm_up(self, language: str) -> None:
        """Load the model for ``language`` before the first story; after stories in others too. Raises `NoModel`."""
        self._usual = language
        self._ahead(language)

    def run(self, stop: Stop) -> None:
        """Work until ``stop`` is set; woken by others' writes, else looking once a second."""
        seen, idle, pace = -1, 0.0, POLL_S
        while not stop.is_set():
            version = self.store.version()
            if version != seen or idle >= 1.0:
                seen, idle = version, 0.0
                while not stop.is_set() and self.run_once():
                    pass
                self._be_ready()
                pace = POLL_S if self._telling() else REST_S
            stop.wait(pace)
            idle += pace

    def run_once(self) -> bool:
        """Do the next job, or seal a story whose time has come; tell whether there was anything to do."""
        job = self._claim(TRANSCRIBE)
        if job is None and self._look_ahead():
            return True
        if job is None and self.store.moment().at >= self._again_from:
            job = self._claim(AGAIN)
        if job is None and not self._telling():
            job = self._claim(*_QUIET_KINDS)
        if job is None:
            if self._seal() or self._models_came():
                return True
            job = self._by_night()
        if job is None:
            return False
        try:
            self._do(job)
        except (Refused, sqlite3.IntegrityError):
            self._not_now(job)
        except (AudioError, ArchiveError, OSError, RuntimeError, ValueError) as error:
            # The model's library raises RuntimeError and ValueError.
            self._failed(job, error)
        return True

    def _failed(self, job: Job, error: Exception) -> None:
        """Give a job its strike, unless it is none of its own fault."""
        conn = self.store.db.conn
        _log.warning("job %s of take %s failed (strike %d): %s", job.kind, job.take, job.strike, type(error).__name__)
        if job.kind == AGAIN:
            # Nothing is lost: the words found first stand.
            drop(conn, job)
        elif isinstance(error, NoModel):
            # Every other segment of the story would fail in the same moment, and all be lost at once.
            set_aside(conn, job)
        else:
            give_back(conn, job, type(error).__name__, self.store.moment())

    def _models_came(self) -> bool:
        """Take up what was set aside for want of a model that is here now; tell whether there was any."""
        now = self.store.moment().at
        if now < self._models_at or self._telling():
            return False
        self._models_at = now + MODELS_S
        came = False
        for language in languages_without_model(self.store.db.conn):
            with contextlib.suppress(AudioError, OSError, RuntimeError, ValueError):
                self._ahead(language)
                take_up(self.store.db.conn, language)
                came = True
        return came

    def _claim(self, *kinds: str) -> Job | None:
        return claim_job(self.store.db.conn, self.store.moment(), kinds)

    def _by_night(self) -> Job | None:
        """Return a job for the night, if it is one and nobody is here."""
        if self.night is None or not self.night.now() or self._telling():
            return None
        self.night.plan()
        return self._claim(NIGHT)

    def _do(self, job: Job) -> None:
        cuts = cuts_of(self.store.db.conn, job.take)
        key = open_content(self.store, job.take, Reader.TRANSCRIBE, self.store.now())
        match job.kind:
            case "transcribe":
                self._transcribe(job, key, cuts)
            case "again":
                self._again(job, key, cuts)
            case "loudness":
                self._measure(job, key)
            case "night" if self.night is not None:
                self.night.work(job, key)
            case _:
                make_flac(self.store, job.take, key, self.store.story_facts(job.take).sha256)
                self._gone_meanwhile(job)
                proved = sum_of_file(self.store.home.flac_master(job.take))
                with transaction(self.store.db.conn) as conn:
                    put_sum(conn, job.take, MASTER, proved)
                    finish(conn, job, self.store.moment())

    def _transcribe(self, job: Job, key: ContentKey, cuts: int) -> None:
        store = self.store
        segment = segment_of(store.db.conn, job.take, job.segment)
        ahead = self._ahead(store.language_of(job.take))
        spans = spans_of(store, job.take)
        if spans:
            # Words found ahead may be among what was taken back.
            ahead.forget()
        with open_files(store, job.take, key) as sound:
            whole, hushed = self._hushed(sound, segment.start, segment.end, spans)

            def part(start: Ms, end: Ms) -> Samples:
                if (start, end) == (segment.start, segment.end):
                    return whole
                return self._hushed(sound, start, end, spans)[0]

            words = ahead.close(replace(segment, voiced=Ms(max(0, segment.voiced - hushed))), part)
        with transaction(store.db.conn) as conn:
            must_have_cuts(conn, job.take, cuts)
            put_words(conn, job.take, job.segment, ahead.transcriber.name, words, key=key)
            if ahead.doubtful is not None:
                add_job(conn, AGAIN, job.take, job.segment)
            finish(conn, job, store.moment())
        self._again_from = store.moment().at + AGAIN_AFTER / 1000

    def _hushed(self, sound: Master, start: Ms, end: Ms, spans: list[Span]) -> tuple[Samples, int]:
        """Return a stretch as the model hears it, silent where it was taken back, and how much of it that is."""
        return hush(to_model(sound.read(start, end), sound.format), MODEL_RATE, start, spans)

    def _look_ahead(self) -> bool:
        """Find the words of a stretch that ended in a short pause, while its segment is still open."""
        span = next_tentative(self.store.db.conn)
        if span is None:
            return False
        try:
            key = open_content(self.store, span.take, Reader.TRANSCRIBE, self.store.now())
            ahead = self._ahead(self.store.language_of(span.take))
            if ahead.wanted(span) and not spans_of(self.store, span.take):
                with open_files(self.store, span.take, key) as sound:
                    ahead.look(span, lambda start, end: to_model(sound.read(start, end), sound.format))
        except (AudioError, ArchiveError, OSError, RuntimeError, ValueError) as error:
            # Nothing is lost: the segment itself comes as a job, and that job counts its failures.
            _log.info("looking ahead in take %s failed: %s", span.take, type(error).__name__)
        return True

    def _again(self, job: Job, key: ContentKey, cuts: int) -> None:
        """Find once more, as a whole, the words of a segment that are not sure; only a machine's own are replaced."""
        store = self.store
        segment = segment_of(store.db.conn, job.take, job.segment)
        ahead = self._ahead(store.language_of(job.take))
        spans = spans_of(store, job.take)
        # What was taken back must not be told to the model either.
        before = "" if spans else said_before(store, job.take, job.segment, key)
        with open_files(store, job.take, key) as sound:
            _, hushed = self._hushed(sound, segment.start, segment.end, spans)
            voiced = Ms(max(0, segment.voiced - hushed))
            words = ahead.again(
                replace(segment, voiced=voiced), before, lambda start, end: self._hushed(sound, start, end, spans)[0]
            )
        with transaction(store.db.conn) as conn:
            must_have_cuts(conn, job.take, cuts)
            replace_words(conn, job.take, job.segment, ahead.transcriber.name, words, key=key)
            finish(conn, job, store.moment())

    def _measure(self, job: Job, key: ContentKey) -> None:
        with open_files(self.store, job.take, key) as sound:
            lufs = loudness_in(sound)
        with transaction(self.store.db.conn) as conn:
            conn.execute("INSERT OR REPLACE INTO loudness VALUES (?, ?)", (job.take, float(lufs)))
            finish(conn, job, self.store.moment())

    def _ahead(self, language: str) -> Ahead:
        if self._made is None or self._made[0] != language:
            # Let go of the other first: not even for a moment are there two.
            self._made = None
            self._made = (language, Ahead(self._make(language)))
        return self._made[1]

    def _be_ready(self) -> None:
        """Have the usual model again after a story in another language: the next visitor need not wait for it."""
        other = self._made is not None and self._made[0] != self._usual
        if not (self._usual and other) or self._telling():
            return
        with contextlib.suppress(AudioError, OSError, RuntimeError, ValueError):
            self._ahead(self._usual)

    def _gone_meanwhile(self, job: Job) -> None:
        """Remove what was written while the teller took the story back."""
        if self.store.standing(job.take).ended is not None:
            self.store.finish_erasures()
            raise Refused("It was taken back meanwhile.")

    def _not_now(self, job: Job) -> None:
        where = self.store.standing(job.take)
        if where.held and where.ended is None:
            postpone(self.store.db.conn, job)
        else:
            # The teller took it back, or the visit ended without keep: there is nothing to do any more.
            drop(self.store.db.conn, job)

    def _telling(self) -> bool:
        """Whether a take grows right now: its words come first, so nothing long is begun meanwhile."""
        now = time.time()
        for path in self.store.home.takes.iterdir():
            with contextlib.suppress(OSError):
                if abs(now - path.stat().st_mtime) < GROWING_S:
                    return True
        return False

    def _seal(self) -> bool:
        due = self.store.seal_due()
        for take in due:
            self.store.seal(take, "box")
        return bool(due)
