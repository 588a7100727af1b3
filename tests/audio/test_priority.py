"""What a thread may ask of the system."""

from __future__ import annotations

import os
import threading

import pytest

from audio.priority import Urgency, give_way, hurry


def in_a_thread(work):
    """Run ``work`` in a thread of its own: the priority it gets must not outlive the test."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_gets_what_the_system_allows_and_nobody_else_does():
    before = os.sched_getscheduler(0)

    def work():
        got = hurry(real_time=True)
        return got, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.getpriority(os.PRIO_PROCESS, 0)

    got, policy, nice = in_a_thread(work)
    assert (got is Urgency.REAL_TIME) == (policy == os.SCHED_RR)
    assert got is not Urgency.RAISED or nice < os.getpriority(os.PRIO_PROCESS, 0)
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize(("allowed", "expected"), [(-11, -11), (-4, -4), (100, None)])
def test_what_is_refused_is_done_without(monkeypatch, allowed, expected):
    asked = []

    def refuse(*_):
        raise PermissionError

    def renice(_, __, nice):
        if nice < allowed:
            raise PermissionError
        asked.append(nice)

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "getpriority", lambda *_: 0)
    monkeypatch.setattr(os, "setpriority", renice)
    assert hurry(real_time=True) is (Urgency.USUAL if expected is None else Urgency.RAISED)
    assert asked == ([] if expected is None else [expected])


def test_giving_way_only_ever_lowers(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "setpriority", lambda *args: asked.append(args[2]))
    monkeypatch.setattr(os, "getpriority", lambda *_: 10)
    give_way(5)
    monkeypatch.setattr(os, "getpriority", lambda *_: 0)
    give_way(5)
    assert asked == [5]
