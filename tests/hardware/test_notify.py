from __future__ import annotations

import os
import socket
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.notify import Notifier, Watchdog, watchdog_interval


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """The service manager's end of the line."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@hearth-test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + address[1:] if address.startswith("@") else address)
        end.settimeout(5)
        yield end, address


def test_each_state_is_one_datagram(manager):
    end, address = manager
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": address})
    assert notifier.ready("waiting\nfor visitors")
    assert notifier.status("recording")
    assert notifier.alive()
    assert notifier.stopping()
    assert [end.recv(1024) for _ in range(4)] == [
        b"READY=1\nSTATUS=waiting for visitors",
        b"STATUS=recording",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]
    assert not notifier.status("  ")
    notifier.close()
    notifier.close()
    assert not notifier.alive()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}])
def test_outside_systemd_nothing_is_sent_and_nothing_fails(environ):
    notifier = Notifier.from_environment(environ)
    assert not notifier.ready()
    notifier.close()


def test_a_manager_that_has_gone_stops_nothing(tmp_path):
    assert not Notifier(str(tmp_path / "nobody")).ready()


def test_a_manager_that_does_not_read_never_holds_us_up(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        notifier = Notifier(str(tmp_path / "notify"))
        sent = [notifier.alive() for _ in range(100_000)]
    assert sent[0]
    assert not sent[-1]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "15000000"}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdogs_time_is_ours_only_if_it_names_us(environ, seconds):
    assert watchdog_interval(environ) == seconds


def dog(**changes):
    return Watchdog(["main", "sound"], **({"within_s": 5.0, "every_s": 2.0, "now": 0.0} | changes))


def test_it_is_fed_while_both_parts_beat_and_not_too_often():
    watchdog = dog()
    fed = []
    for tenth in range(100):
        now = tenth / 10
        watchdog.beat("main", now)
        watchdog.beat("sound", now)
        if watchdog.due(now):
            fed.append(now)
    assert fed == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("hung", ["main", "sound"])
def test_one_part_hanging_starves_it_whatever_the_other_does(hung):
    watchdog = dog()
    lives = "sound" if hung == "main" else "main"
    for now in range(20):
        watchdog.beat(lives, float(now))
        assert watchdog.due(float(now)) == (now <= 5 and now % 2 == 0)
    assert watchdog.hung(20.0) == (hung,)
    watchdog.beat(hung, 20.0)
    watchdog.beat(lives, 20.0)
    assert watchdog.due(20.0)


def test_a_part_at_rest_owes_no_beat_until_it_beats_again():
    watchdog = dog()
    watchdog.rest("sound")
    watchdog.beat("main", 60.0)
    assert watchdog.due(60.0)
    watchdog.beat("sound", 61.0)
    watchdog.beat("main", 70.0)
    assert not watchdog.due(70.0)


def test_a_part_nobody_named_is_refused():
    watchdog = dog()
    with pytest.raises(KeyError):
        watchdog.beat("screen", 1.0)
    with pytest.raises(KeyError):
        watchdog.rest("screen")


@given(st.lists(st.tuples(st.sampled_from(["main", "sound", "ask"]), st.floats(0, 9)), max_size=60))
def test_it_never_says_yes_while_a_part_has_been_silent_for_too_long(steps):
    watchdog, now, last = dog(), 0.0, {"main": 0.0, "sound": 0.0}
    for what, gap in steps:
        now += gap
        if what == "ask":
            assert not watchdog.due(now) or all(now - at <= 5.0 for at in last.values())
        else:
            watchdog.beat(what, now)
            last[what] = now
