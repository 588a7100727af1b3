"""Rotation over 200 plays through the real store and the real player, with withdrawals and arrivals in between."""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random

import numpy as np
import pytest

from archive.home import open_home
from archive.keycode import Cost
from archive.shelf import Wording
from archive.store import Store
from archive.types import Use
from audio.clock import VirtualClock
from audio.player import SilentPlayer
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms
from kiosk import types as t
from kiosk.playing import Playing
from kiosk.types import About

WORDING = Wording("1", "ab" * 32, "en")
PLAYS = 200


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with Store(open_home(tmp_path / "home"), VirtualClock(), Cost(8, 1, 1)) as opened:
        yield opened


def tell(store: Store) -> tuple[str, str]:
    """Tell and keep one second of a hum that visitors may hear; returns the story and its code."""
    sound = AudioFormat(16_000)
    opened = store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=sound)
    writer = TakeWriter(opened.path, opened.id, sound, opened.key)
    writer.write((np.sin(np.arange(16_000) / 20) * 8000).astype(np.int16).tobytes())
    store.close_take(writer.close(speech=Ms(900)))
    code = store.keep(opened.id, wording=WORDING, by="keep").code
    store.decide(opened.id, Use.PLAY_HERE, yes=True, wording=WORDING, by="left")
    store.close_review(opened.id, "end")
    return opened.id, str(code)


def test_two_hundred_plays_are_fair_and_nobody_counts_them(store):
    told: list[t.Event] = []
    playing = Playing(
        store, SilentPlayer(store.clock, lambda _: None), store.clock, told.append, volume=0.7, chance=Random(5)
    )
    codes = dict(tell(store) for _ in range(9))
    chance, heard, ends = Random(11), [], {}
    begun = dict.fromkeys(codes, 0)
    for play in range(PLAYS):
        if play in {40, 80, 120}:
            gone = chance.choice(sorted(codes))
            store.withdraw(codes.pop(gone), "teller")
            ends[gone] = play
        if play in {60, 140}:
            new, code = tell(store)
            codes[new], begun[new] = code, play
        told.clear()
        playing.next_voice(t.PlayNext(play), "en")
        chosen = [event.story for event in told if isinstance(event, t.StoryChosen)]
        assert len(chosen) == 1
        heard.append(chosen[0])
        playing.stop()
    assert all(one != other for one, other in itertools.pairwise(heard)), "the same twice running"
    for gone, play in ends.items():
        assert gone not in heard[play:], "heard after it was taken back"
    for start, end in ((0, 40), (40, 60), (60, 80), (80, 120), (120, 140), (140, 200)):
        there = [one for one in begun if begun[one] <= start and ends.get(one, PLAYS) >= end]
        times = Counter(heard[start:end])
        share = [times[one] for one in there]
        assert max(share) - min(share) <= 2, f"plays {start} to {end} were not shared out evenly: {share}"
    assert store.db.conn.execute("SELECT COUNT(*) FROM rotation").fetchone()[0] == 0
    names = {column[1].lower() for (table,) in store.db.conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
             for column in store.db.conn.execute(f"PRAGMA table_info({table})")}  # fmt: skip
    assert not names & {"plays", "count", "played", "heard", "likes", "listeners"}


def test_what_is_played_leaves_no_trace_in_the_database(store):
    playing = Playing(store, SilentPlayer(store.clock, lambda _: None), store.clock, lambda _: None, volume=0.7)
    for _ in range(3):
        tell(store)
    before = list(store.db.conn.iterdump())
    for play in range(10):
        playing.next_voice(t.PlayNext(play), "en")
        playing.stop()
    assert list(store.db.conn.iterdump()) == before


@pytest.mark.parametrize("about", [About.ANY, About.QUESTION])
def test_a_press_asks_the_gate_for_the_voice_it_plays_and_reads_no_other(store, about):
    told = [tell(store)[0] for _ in range(6)]
    heard: list[t.Event] = []
    playing = Playing(store, SilentPlayer(store.clock, lambda _: None), store.clock, heard.append, volume=0.7)
    # At rest the box reads on in the ledger, a piece a turn.
    playing.tick(store.clock.monotonic())
    asked: list[str] = []
    store.db.conn.set_trace_callback(lambda said: asked.append(said) if "FROM ledger WHERE subject" in said else None)
    playing.next_voice(t.PlayNext(1, about, "river"), "en")
    store.db.conn.set_trace_callback(None)
    (chosen,) = [event.story for event in heard if isinstance(event, t.StoryChosen)]
    assert chosen in told
    assert asked
    assert all(chosen in said for said in asked)
