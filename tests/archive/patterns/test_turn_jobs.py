"""Asking the machine who spoke when as work beside everything else: asked once, followed, stopped, taken back."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from archive.bag import plan
from archive.patterns import corpus, turnjobs, turns
from archive.sealedbag import seal_bag
from archive.server.deposits import accept
from archive.server.erase import withdraw
from archive.tombstones import Tombstone


class TwoVoices:
    """A fake: every other window is another voice; ``during`` runs each time it listens."""

    name = "two 1"

    def __init__(self, during=lambda: None):
        self.during = during

    def prints(self, windows):
        self.during()
        rows = np.zeros((len(windows), 2), np.float32)
        rows[np.arange(len(windows)), np.arange(len(windows)) % 2] = 1
        return rows


@pytest.fixture
def session(place, tmp_path):
    talk = corpus.small(stories=0, conversations=1)[0]
    talk = replace(talk, said=talk.said[:10])
    seal_bag(plan(corpus.bag_of(talk)), place.public_key, tmp_path / "bag")
    accept(place, tmp_path / "bag", "front-desk")
    return str(talk.id)


def read(place, what, *given):
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return what(tx, *given)


def change(place, what, *given):
    with place.catalogue() as catalogue, catalogue.write() as tx:
        return what(tx, *given)


def test_what_is_asked_for_is_worked_off_and_stays_unchecked(place, session):
    assert [one.state for one in read(place, turnjobs.sessions, place.now())] == ["nothing yet"]
    assert change(place, turnjobs.ask_for_all, place.settings, "ana", place.now()) == 1
    assert change(place, turnjobs.ask_for_all, place.settings, "ben", place.now()) == 0, "it is asked for"
    seen = []
    voices = TwoVoices(lambda: seen.append(read(place, turnjobs.job_of, session)))
    assert turnjobs.work(place, threading.Event(), voices) == 1
    assert (seen[0].state, seen[0].who) == ("working", "ana")
    assert read(place, turnjobs.job_of, session) is None
    told = read(place, turns.turns_of, session)
    assert told
    assert all(one.checked_by is None for one in told)
    assert [one.state for one in read(place, turnjobs.sessions, place.now())] == ["proposed, unchecked"]
    change(place, turns.check, session, "ana", place.now())
    assert [one.state for one in read(place, turnjobs.sessions, place.now())] == ["checked"]
    with pytest.raises(turns.BadTurn):
        change(place, turnjobs.ask_for, place.settings, session, "ana", place.now())


def test_who_stops_it_changes_nothing_and_the_next_start_goes_on(place, session, monkeypatch):
    monkeypatch.setattr("archive.patterns.telling_apart._BATCH", 2)
    change(place, turnjobs.ask_for, place.settings, session, "ana", place.now())
    stop = threading.Event()
    assert turnjobs.work(place, stop, TwoVoices(stop.set)) == 0
    assert read(place, turns.turns_of, session) == []
    assert read(place, turnjobs.job_of, session).state == "waiting"
    told = []
    assert (
        turnjobs.work(place, threading.Event(), TwoVoices(lambda: told.append(read(place, turnjobs.job_of, session))))
        == 1
    )
    heard = [one.done for one in told if one is not None]
    assert heard == sorted(heard)
    assert 0 < heard[-1] <= told[-1].whole


def test_what_another_server_works_on_is_left_to_it_until_it_is_heard_of_no_more(place, session, clock):
    change(place, turnjobs.ask_for, place.settings, session, "ana", place.now())
    until = (place.now() + timedelta(minutes=1)).isoformat(timespec="milliseconds")
    taken = "UPDATE turn_jobs SET state = 'working', worker = 'elsewhere', lease_until = ?"
    change(place, lambda tx: tx.run(taken, until))
    assert turnjobs.work(place, threading.Event(), TwoVoices()) == 0
    assert read(place, turnjobs.job_of, session).state == "working"
    clock.advance(120)

    def overtaken():
        change(place, lambda tx: tx.run(taken, until))

    assert turnjobs.work(place, threading.Event(), TwoVoices(overtaken)) == 0, "the other one came back to it"
    assert read(place, turns.turns_of, session) == []


def test_what_cannot_be_done_says_why_and_what_is_taken_back_is_gone(place, session):
    change(place, turnjobs.ask_for, place.settings, session, "ana", place.now())

    def broken():
        raise turns.BadTurn("The machine is tired.", "Ask again tomorrow.")

    assert turnjobs.work(place, threading.Event(), TwoVoices(broken)) == 0
    failed = read(place, turnjobs.job_of, session)
    assert (failed.state, failed.say) == ("failed", "The machine is tired. Ask again tomorrow.")
    change(place, turnjobs.ask_for, place.settings, session, "ben", place.now())
    assert read(place, turnjobs.job_of, session).state == "waiting", "a person may ask again"
    withdraw(place, Tombstone(session, place.now()), "ana")
    assert turnjobs.work(place, threading.Event(), TwoVoices()) == 0
    assert read(place, turnjobs.job_of, session) is None
    assert read(place, turnjobs.sessions, place.now()) == []


def test_with_machines_off_nothing_is_asked_for(place, session):
    from archive.patterns.machines import MachinesOff

    off = replace(place.settings, ai=False)
    with pytest.raises(MachinesOff):
        change(place, turnjobs.ask_for, off, session, "ana", place.now())
    with pytest.raises(MachinesOff):
        change(place, turnjobs.ask_for_all, off, "ana", place.now())
