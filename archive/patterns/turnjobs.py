"""Telling voices apart as work that is asked for and done beside everything else, with how far it is.

A person asks, for one session or for all that have no turns yet; the process that serves the archive works them off,
one at a time. Where several serve one database, each session is claimed by one of them, for as long as it gives signs
of life. What comes of it is unchecked, as always. A session that is taken back takes its job along.
"""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.changes import stamp
from archive.catalogue.consents import asks
from archive.errors import ArchiveError, CatalogueTrouble
from archive.patterns.machines import check_on
from archive.patterns.snippets import sources
from archive.patterns.turns import check_unchecked, check_voice, load_voices, propose
from archive.patterns.voiceprint import Voices
from archive.server.oneatatime import one_at_a_time
from archive.server.place import ArchiveHome
from archive.server.settings import ArchiveSettings
from archive.types import Kind, Reader
from audio.errors import AudioError

EVERY_S: Final = 5.0
LEASE: Final = timedelta(minutes=15)
"""So long nobody else takes up what a worker was last heard of with; it says so anew each time it got further."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnJob:
    """What was asked for: ``state`` is waiting, working or failed; ``done`` of ``whole`` ms of talk are heard."""

    story: str
    who: str
    state: str
    done: int
    whole: int
    say: str


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation the desk may hear, and what is known of who spoke when. Times as in `snippets.Source`."""

    story: str
    headline: str
    site: str
    recorded_at: str
    length: int
    state: str
    job: TurnJob | None


class _Stopped(Exception):
    """The process ends, or another one has taken the session up; nothing of it is kept here."""


def ask_for(tx: Tx, settings: ArchiveSettings, story: str, who: str, now: datetime) -> None:
    """Ask the machine to propose who spoke when in ``story``. Asking twice is asking once.

    Raises `MachinesOff`, `Refused` (the voice is not for the desk), `BadTurn` (a person has checked turns already).
    """
    check_on(settings)
    check_voice(tx, story, now)
    check_unchecked(tx, story)
    tx.run(
        "INSERT INTO turn_jobs (story, who, at, state, done_ms, whole_ms, say) VALUES (?, ?, ?, 'waiting', 0, 0, '') "
        "ON CONFLICT (story) DO UPDATE SET who = excluded.who, at = excluded.at, state = 'waiting', done_ms = 0, "
        "whole_ms = 0, say = '' WHERE turn_jobs.state = 'failed'",
        story, who, stamp(now),
    )  # fmt: skip


def ask_for_all(tx: Tx, settings: ArchiveSettings, who: str, now: datetime) -> int:
    """Ask for every conversation that has no turns and may be heard; returns for how many. Raises `MachinesOff`."""
    check_on(settings)
    fresh = [one.story for one in sessions(tx, now) if one.state == _NOTHING]
    for story in fresh:
        ask_for(tx, settings, story, who, now)
    return len(fresh)


_NOTHING: Final = "nothing yet"


def sessions(tx: Tx, now: datetime) -> list[Session]:
    """Every conversation whose voices the desk may hear now, the newest first."""
    there = {ident: one for ident, one in sources(tx, now).items() if one.kind == Kind.CONVERSATION.value}
    answers = asks(tx, there, Reader.DESK, now)
    jobs = {one.story: one for one in _jobs(tx)}
    turned = {
        str(row["story"]): int(row["open"])
        for row in tx.all("SELECT story, COUNT(*) - COUNT(checked_by) AS open FROM turns GROUP BY story")
    }
    found = []
    for ident, one in sorted(there.items(), key=lambda pair: pair[1].recorded_at, reverse=True):
        if not answers[ident].voice:
            continue
        job = jobs.get(ident)
        state = job.state if job else _NOTHING
        if job is None and ident in turned:
            state = "proposed, unchecked" if turned[ident] else "checked"
        found.append(Session(ident, one.headline, one.site, one.recorded_at, one.length, state, job))
    return found


def job_of(tx: Tx, story: str) -> TurnJob | None:
    """What was asked for ``story`` and is not done; None where nothing is. The caller has asked the gate."""
    return next(iter(_jobs(tx, story)), None)


def work(place: ArchiveHome, stop: threading.Event, voices: Voices | None = None) -> int:
    """Work off what waits, the oldest first, until ``stop`` is set; returns how many sessions have turns now.

    One that cannot be done says why in its row and waits for a person. Raises `CatalogueTrouble`.
    """
    done = 0
    with one_at_a_time(place.work, "turns"):
        # Nobody else works in this home: what is still claimed from here was left by a process that ended.
        with place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run("UPDATE turn_jobs SET state = 'waiting' WHERE state = 'working' AND worker = ?", _me(place))
        while not stop.is_set():
            row = _claim(place)
            if row is None:
                break
            try:
                voices = voices or load_voices()
                done += _one(place, str(row["story"]), str(row["who"]), voices, stop)
            except (ArchiveError, AudioError) as error:
                if isinstance(error, CatalogueTrouble):
                    raise
                _note(place, str(row["story"]), "state = 'failed', say = ?", f"{error.say} {error.do}".strip())
    return done


def _me(place: ArchiveHome) -> str:
    """Who works here: this home on this machine, the same after a restart."""
    return f"{socket.gethostname()}:{place.path}"


def _claim(place: ArchiveHome) -> Row | None:
    """Take up the oldest session nobody works on, so that no other server does; None where there is none."""
    now = place.now()
    with place.catalogue() as catalogue, catalogue.write() as tx:
        row = tx.one(
            "SELECT story, who FROM turn_jobs WHERE state = 'waiting' OR (state = 'working' AND lease_until < ?) "
            "ORDER BY at, story LIMIT 1",
            stamp(now),
        )
        if row is not None:
            tx.run(
                "UPDATE turn_jobs SET state = 'working', worker = ?, lease_until = ? WHERE story = ?",
                _me(place), stamp(now + LEASE), row["story"],
            )  # fmt: skip
    return row


def keep_proposing(place: ArchiveHome, stop: threading.Event, every: float = EVERY_S) -> None:
    """Work off what is asked for until ``stop`` is set, looking every ``every`` seconds. Needs no model until then."""
    if not place.settings.ai:
        return
    while True:
        try:
            with place.catalogue() as catalogue, catalogue.read() as tx:
                asked = tx.one("SELECT 1 FROM turn_jobs WHERE state <> 'failed' LIMIT 1") is not None
            if asked:
                work(place, stop)
        except (ArchiveError, OSError) as error:
            _log.warning("telling voices apart waits: %s", error)
        if stop.wait(every):
            return


def _one(place: ArchiveHome, story: str, who: str, voices: Voices, stop: threading.Event) -> int:
    def tell(done: int, whole: int) -> None:
        if stop.is_set():
            _note(place, story, "state = 'waiting'")
            raise _Stopped
        until = stamp(place.now() + LEASE)
        if not _note(place, story, "done_ms = ?, whole_ms = ?, lease_until = ?", done, whole, until):
            raise _Stopped

    try:
        propose(place, story, who, voices, tell)
    except _Stopped:
        return 0
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM turn_jobs WHERE story = ? AND worker = ?", story, _me(place))
    return 1


def _note(place: ArchiveHome, story: str, what: str, *values: str | int) -> bool:
    """Note how far it is; False where the session is gone, or no longer ours."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        found = tx.run(f"UPDATE turn_jobs SET {what} WHERE story = ? AND worker = ?", *values, story, _me(place))  # noqa: S608 - our own words
    return found > 0


def _jobs(tx: Tx, story: str = "") -> list[TurnJob]:
    where, values = ("WHERE story = ?", (story,)) if story else ("", ())
    rows = tx.all(f"SELECT * FROM turn_jobs {where} ORDER BY at, story", *values)  # noqa: S608 - constants
    return [
        TurnJob(
            str(row["story"]), str(row["who"]), str(row["state"]), int(row["done_ms"]), int(row["whole_ms"]),
            str(row["say"]),
        )
        for row in rows
    ]  # fmt: skip
