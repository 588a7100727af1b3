"""A feed nobody should believe is refused at once, in a plain sentence, and the last good one stays."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.public import PublicKey, SealedBox
from nacl.signing import SigningKey

from archive.errors import BadFeed, TransportTrouble
from archive.feed.hello import make_hello, read_hello
from archive.feed.manifest import MOST_BYTES, Manifest, open_feed, read_manifest, seal_feed
from archive.sync import sync

START = datetime(2026, 3, 1, tzinfo=UTC)
MAGIC = b"HEARTHFEED1\n"
SECONDS, MEGABYTES = 1.0, 50


def sign(plain: bytes, box: bytes, key: SigningKey) -> bytes:
    sealed = SealedBox(PublicKey(box)).encrypt(plain)
    return MAGIC + key.sign(MAGIC + sealed).signature + sealed


def hostile(good: dict, box: bytes):
    """Bodies a hostile archive could sign: each is refused by what it says."""
    loan = good["loans"][0]
    bad = {
        "a path": {"loans": [{**loan, "sound": {"sha256": "../../../../etc/passwd", "size": 10}}]},
        "a story that is a path": {"loans": [{**loan, "story": "../../box"}]},
        "an excerpt that is a path": {
            "loans": [{**loan, "excerpts": [{**loan["excerpts"][0], "id": "../../../../x"}]}]
        },
        "a set that is a path": {"prompts": [{"name": "../../config", "toml": "x"}]},
        "a sound of a terabyte": {"loans": [{**loan, "sound": {"sha256": "a" * 64, "size": 1 << 40}}]},
        "an hour of excerpt": {"loans": [{**loan, "excerpts": [{**loan["excerpts"][0], "end": 3_700_000}]}]},
        "another's policy": {"settings": {"consent.ask_age": 0.0}},
        "where stories go": {"settings": {"archive.sync_to": "rclone:mine"}},
        "a number that is text": {"sequence": "9"},
        "no end of loans": {"loans": [loan] * 2000},
        "one story twice": {"loans": [loan, loan]},
        "a button nobody made": {"sheets": [{"name": "main", "buttons": {"9": loan["excerpts"][0]["id"]}}]},
        "something nobody knows": {"run": "rm -r /"},
        "a forged consent": {
            "loans": [{**loan, "consent": {**loan["consent"], "events": loan["consent"]["events"][:-1]}}]
        },
        "a later kind": {"format": 2},
        "another box": {"box": "00" * 32},
    }
    for name, change in bad.items():
        yield name, json.dumps({**good, **change}).encode()
    yield "a thousand brackets", b"[" * (MOST_BYTES // 2)
    yield "a million empty things", b"[" + b"{}," * (MOST_BYTES // 4) + b"{}]"
    yield "a number of a million figures", b'{"sequence":' + b"9" * (MOST_BYTES // 2) + b"}"
    yield "not text", bytes(range(256)) * 8


@pytest.fixture
def applied(archive, line):
    """A box that has a good feed, and that feed's own body, one number on."""
    story = archive.lend()
    data = line.offer()
    line.take()
    key = line.store.keys.box
    manifest = open_feed(data, line.transport.signer, key)
    return story, replace(manifest, sequence=manifest.sequence + 1).to_json()


def refused(line, data: bytes) -> str:
    """Offer ``data``; it has to be refused within a second and 50 MB, and change nothing."""
    hello = make_hello(line.store.keys, line.site, 0)
    line.transport.feeds[hello.seal] = data
    before = state(line.store)
    began = time.process_time()
    with pytest.raises(BadFeed):
        line.take()
    took = time.process_time() - began
    # Once more for the memory: watching it makes everything slower.
    tracemalloc.start()
    with pytest.raises(BadFeed) as said:
        line.take()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert state(line.store) == before
    assert most < MEGABYTES << 20
    assert took < SECONDS
    assert said.value.say.endswith(".")
    assert said.value.do
    return said.value.say


def state(box):
    tables = ("takes", "guests", "cues", "excerpts", "feeds", "ledger", "wraps", "sent_prompts", "sent_settings")
    rows = {table: box.db.conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}
    files = {path: path.read_bytes() for path in box.home.stories.rglob("*") if path.is_file()}
    return rows, files


def test_hostile_bodies_are_refused_although_they_are_signed(archive, line, applied) -> None:
    story, good = applied
    box = bytes(line.store.keys.box.public_key)
    seen = set()
    for name, body in hostile(good, box):
        seen.add(name)
        assert refused(line, sign(body, box, archive.place.keys.sign)), name
    assert len(seen) == 20
    assert line.store.cue_sheet("main").cues[1].story == story


def test_unsigned_foreign_altered_replayed_and_oversized_feeds_are_refused(archive, line, applied) -> None:
    _, good = applied
    box = bytes(line.store.keys.box.public_key)
    body = json.dumps(good).encode()
    old = line.transport.feeds[box]
    assert "not a feed" in refused(line, body)
    assert "not signed" in refused(line, sign(body, box, SigningKey.generate()))
    altered = bytearray(sign(body, box, archive.place.keys.sign))
    altered[-1] ^= 1
    assert "not signed" in refused(line, bytes(altered))
    assert "larger" in refused(line, MAGIC + bytes(MOST_BYTES))
    other = bytes(SigningKey.generate().to_curve25519_private_key().public_key)
    assert "another box" in refused(line, sign(body, other, archive.place.keys.sign))
    earlier = json.dumps({**good, "sequence": good["sequence"] - 2}).encode()
    assert "older" in refused(line, sign(earlier, box, archive.place.keys.sign))
    same = json.dumps({**good, "sequence": good["sequence"] - 1, "prompts": []}).encode()
    assert "older" in refused(line, sign(same, box, archive.place.keys.sign))
    line.transport.feeds[box] = old
    assert not line.take().fresh


@pytest.mark.parametrize("wrong", ["longer", "shorter", "flipped", "swapped", "gone"])
def test_a_blob_that_is_not_the_one_signed_for_changes_nothing(archive, line, applied, clock, wrong) -> None:
    first, _ = applied
    archive.lend("near", 2)
    clock.advance(60)
    line.offer()
    before = state(line.store)
    held = dict(line.transport.blobs)
    newest = list(held)[-2:]
    for name in newest:
        data = held[name]
        changed = {"longer": data + b"x", "shorter": data[:-1], "flipped": bytes([data[0] ^ 1]) + data[1:]}
        line.transport.blobs[name] = changed.get(wrong, held[newest[0] if name == newest[1] else newest[1]])
        if wrong == "gone":
            del line.transport.blobs[name]
    with pytest.raises(TransportTrouble if wrong == "gone" else BadFeed):
        line.take()
    assert state(line.store) == before
    assert line.store.cue_sheet("main").cues[1].story == first
    line.transport.blobs = held
    assert len(line.take().lent) == 2


def test_sync_says_that_a_feed_was_refused_and_goes_on(line, applied) -> None:
    box = bytes(line.store.keys.box.public_key)
    line.transport.feeds[box] = b"something else"
    report = sync(line.store, line.transport, site=line.site)
    assert "not a feed" in report.feed.refused
    assert report.to_json()["feed"]["refused"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_a_body_says_it_is_read_or_refused(plain) -> None:
    good = Manifest(bytes(32), 1, START).to_json()
    for name in good:
        with contextlib.suppress(BadFeed):
            read_manifest({**good, name: plain})
    with pytest.raises(BadFeed):
        read_manifest(plain)


def test_a_hello_is_its_boxs_own(box) -> None:
    hello = make_hello(box.keys, "Riverside", 7)
    assert read_hello(hello.to_bytes()) == hello
    for name, value in (("applied", 8), ("site", "Elsewhere"), ("seal", "11" * 32)):
        assert read_hello(json.dumps({**json.loads(hello.to_bytes()), name: value}).encode()) is None
    assert read_hello(b"[]") is None
    # Signed by the box itself, and no number a feed can have.
    for applied in (-1, 1 << 53, 1 << 70, True):
        assert read_hello(make_hello(box.keys, "Riverside", applied).to_bytes()) is None


def test_a_feed_that_would_be_too_large_is_never_sealed(archive, box) -> None:
    from archive.feed.manifest import SentSet

    large = Manifest(
        bytes(box.keys.box.public_key), 1, START, prompts=tuple(SentSet(f"s{n}", "x" * 60_000) for n in range(20))
    )
    with pytest.raises(BadFeed):
        seal_feed(large, archive.place.keys.sign)
