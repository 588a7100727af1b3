"""The nightly hand-on over a real store: order, faults, kills, withdrawals, recalls."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import bagit
import numpy as np
import pytest
import soundfile
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from archive.bagcheck import check_bag
from archive.database import transaction
from archive.envelope import open_content, recipients
from archive.errors import NoKey, Refused, TransportTrouble
from archive.flac import make_flac
from archive.handing import story_content
from archive.home import Home, open_home
from archive.ingest import load_receipt
from archive.keycode import Cost
from archive.receipts import Signer
from archive.sealedbag import KEY_FILE, ArchiveKey, open_sealed_bag
from archive.shelf import Wording
from archive.store import Store
from archive.sync import SyncBroken, SyncReport, sync
from archive.tombstones import Reach
from archive.transcripts import put_second, put_words
from archive.transports.memory import MemoryTransport
from archive.types import Act, Form, Reader, Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId, Word

WORDING = Wording("1", "cd" * 32, "en")
FORMAT = AudioFormat(16_000)
SECRET = "zanzibar lighthouse"
Tell = Callable[..., Any]


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    return open_home(tmp_path / "home")


@pytest.fixture
def store(home: Home, clock: VirtualClock) -> Iterator[Store]:
    with Store(home, clock, Cost(8, 1)) as made:
        assert isinstance(made, Store)
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def tell(store: Store, clock: VirtualClock) -> Tell:
    """Tell a story of a second of noise, keep it, agree to ``uses``; words are there unless told otherwise."""

    def story(uses: tuple[Use, ...] = (Use.ARCHIVE,), *, form: Form = Form.VOICE, words: bool = True) -> Any:
        clock.advance(61)
        take = store.open_take(prompt="first-home", language="en", wording=WORDING, by="left", site="Maple")
        writer = TakeWriter(take.path, take.id, FORMAT, take.key)
        noise = np.random.default_rng(take.sequence).integers(-3000, 3000, FORMAT.rate, dtype=np.int16)
        writer.write(noise.tobytes())
        store.add_segment(Segment(take.id, 0, Ms(0), Ms(1000), Ms(900), CutReason.END))
        store.close_take(writer.close(speech=Ms(900)))
        kept = store.keep(take.id, wording=WORDING, by="left")
        for use in uses:
            store.decide(take.id, use, yes=True, wording=WORDING, by="left", form=form)
        if words:
            finish_words(store, take.id, take.key)
        store.close_review(take.id, "left")
        return kept

    return story


def finish_words(store: Store, take: TakeId, key: Any) -> None:
    said = [Word(part, Ms(at * 100), Ms(at * 100 + 90), 0.9) for at, part in enumerate(SECRET.split())]
    with transaction(store.db.conn) as conn:
        put_words(conn, take, 0, "test-model", said, key=key)
        conn.execute("UPDATE jobs SET done_at = 'x' WHERE take = ? AND kind = 'transcribe'", (take,))


def spoken(kept: Any) -> str:
    return "-".join((str(kept.code.number), *kept.code.words))


# --- handing on


def test_only_what_tellers_allowed_is_handed_on(store: Store, tell: Tell, target: Path, clock: VirtualClock) -> None:
    yes = tell((Use.PLAY_HERE, Use.ARCHIVE)).story.id
    tell((Use.PLAY_HERE,))
    tell(())
    report = sync(store, str(target))
    assert [handed.story for handed in report.bags] == [yes]
    assert report.waiting == 0
    assert [path.name for path in (target / "bags").iterdir()] == [yes]
    checked = check_bag(target / "bags" / yes, clock.wall())
    receipt = load_receipt(target, yes)
    assert receipt is not None
    assert receipt.sha256 == checked.sha256 == report.bags[0].sha256
    assert bagit.Bag(str(target / "bags" / yes)).is_valid()


def test_the_bag_holds_sound_words_rights_and_facts(store: Store, tell: Tell, target: Path) -> None:
    story = tell().story
    sync(store, str(target))
    data = target / "bags" / story.id / "data"
    sound, rate = soundfile.read(data / "story.flac", dtype="int16")
    assert rate == FORMAT.rate
    noise = np.random.default_rng(story.sequence).integers(-3000, 3000, FORMAT.rate, dtype=np.int16)
    assert np.array_equal(sound, noise)
    captions = (data / "story.vtt").read_text()
    assert captions.startswith("WEBVTT\n\nNOTE ")
    assert "not been checked by a person" in captions
    assert SECRET in captions
    consent = json.loads((data / "consent.json").read_text())
    assert {event["use"] for event in consent["events"]} == {None, "record", "keep", "archive"}
    assert {event["wording_hash"] for event in consent["events"] if event["use"]} == {WORDING.hash}
    events = [json.loads(line)["event"] for line in (data / "events.jsonl").read_text().splitlines()]
    assert events == ["recorded", "closed", "transcribed", "kept"]
    assert story.id in (data / "metadata.csv").read_text()


def test_the_bag_names_the_machine_that_went_over_its_words_by_night(store: Store, tell: Tell, target: Path) -> None:
    told = tell()
    said = [Word("linden", Ms(0), Ms(90), 0.9)]
    key = open_content(store, told.story.id, Reader.TRANSCRIBE, store.now())
    with transaction(store.db.conn) as conn:
        put_second(conn, told.story.id, 0, "night-model", said, key=key)
    sync(store, str(target))
    log = (target / "bags" / told.story.id / "data" / "events.jsonl").read_text().splitlines()
    machines = [(one["event"], one["by"], one["checked"]) for one in map(json.loads, log) if "by" in one]
    assert machines == [("transcribed", "test-model", False), ("compared", "night-model", False)]


def test_what_a_machine_writes_after_the_bag_was_signed_goes_with_the_next(
    store: Store, tell: Tell, target: Path
) -> None:
    told = tell((Use.PLAY_HERE, Use.ARCHIVE))
    sealed = tell()
    (first, _) = sync(store, str(target)).bags
    key = open_content(store, told.story.id, Reader.TRANSCRIBE, store.now())
    beside = open_content(store, sealed.story.id, Reader.TRANSCRIBE, store.now())
    said = [Word("linden", Ms(0), Ms(90), 0.9)]
    with transaction(store.db.conn) as conn:
        put_second(conn, told.story.id, 0, "night-model", said, key=key)
        put_second(conn, sealed.story.id, 0, "night-model", said, key=beside)
        conn.execute("UPDATE jobs SET done_at = 'x' WHERE take = ?", (sealed.story.id,))
    store.seal(sealed.story.id, "box")
    report = sync(store, str(target))
    (second,) = report.bags
    assert (second.story, report.waiting) == (told.story.id, 0), "of a sealed story no bag can be made"
    assert second.sha256 != first.sha256
    assert "compared" in (target / "bags" / told.story.id / "data" / "events.jsonl").read_text()
    again = sync(store, str(target))
    assert (again.bags, again.waiting, again.refused) == ([], 0, [])


def test_running_again_hands_on_nothing_and_changes_nothing(store: Store, tell: Tell, target: Path) -> None:
    tell()
    first = sync(store, str(target))
    assert len(first.bags) == 1
    before = tree(target)
    again = sync(store, str(target))
    assert (again.bags, again.waiting, again.refused) == ([], 0, [])
    assert tree(target) == before


def test_nothing_plain_lies_in_the_home(store: Store, tell: Tell, target: Path, home: Home) -> None:
    tell()
    sync(store, str(target))
    for name, data in tree(home.path).items():
        assert not any(part.encode() in data for part in SECRET.split()), name
        assert b"fLaC" not in data, name
    assert list(home.outbox.iterdir()) == []


def test_a_story_whose_words_are_not_complete_waits(store: Store, tell: Tell, target: Path) -> None:
    kept = tell(words=False)
    report = sync(store, str(target))
    assert (report.bags, report.waiting) == ([], 1)
    store.db.conn.execute("UPDATE jobs SET failed = 'three strikes' WHERE kind = 'transcribe'")
    report = sync(store, str(target))
    assert report.waiting == 0
    assert "words are missing" in (target / "bags" / kept.story.id / "data/story.vtt").read_text()


def test_the_finished_master_is_used_where_there_is_one(store: Store, tell: Tell, target: Path, home: Home) -> None:
    kept = tell()
    key = open_content(store, kept.story.id, Reader.BAG, store.now())
    make_flac(store, kept.story.id, key, kept.story.sha256)
    assert not home.raw_master(kept.story.id).exists()
    assert sync(store, str(target)).waiting == 0
    assert soundfile.info(target / "bags" / kept.story.id / "data/story.flac").frames == FORMAT.rate


def test_one_sync_at_a_time(store: Store, tell: Tell, target: Path, home: Home) -> None:
    tell()
    (home.outbox / "01JC8Q3Y5Z.scratch").write_bytes(b"left by a killed run")

    def progress(step: str, _story: str) -> None:
        if step == "settle":
            with pytest.raises(TransportTrouble, match="running already"):
                sync(store, str(target))

    assert sync(store, str(target), progress=progress).waiting == 0
    assert list(home.outbox.iterdir()) == []


def test_words_only_means_no_sound(store: Store, tell: Tell, target: Path) -> None:
    kept = tell(form=Form.TRANSCRIPT)
    sync(store, str(target))
    assert not (target / "bags" / kept.story.id / "data/story.flac").exists()
    assert (target / "bags" / kept.story.id / "data/story.vtt").exists()


def test_the_report_is_plain_json(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()
    plain = json.loads(json.dumps(sync(store, str(target)).to_json()))
    assert plain["to"] == str(target)
    assert set(plain) == {"to", "bags", "tombstones", "waiting", "refused", "feed"}
    (bag,) = plain["bags"]
    assert (bag["story"], bag["bag"]) == (kept.story.id, kept.story.id)
    assert bag["receipt"]["sha256"] == bag["sha256"]


# --- taking back


def test_after_a_withdrawal_only_the_tombstone_is_left(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()
    sync(store, str(target))
    store.withdraw(spoken(kept), "code")
    report = sync(store, str(target))
    assert list(tree(target)) == [f"tombstones/{kept.story.id}.json"]
    assert [stone.story for stone in report.tombstones] == [kept.story.id]
    assert report.to_json()["tombstones"][0]["from"] == "box"
    assert sync(store, str(target)).tombstones == []


def test_a_withdrawal_before_the_first_sync_sends_no_bag(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()
    store.withdraw(spoken(kept), "code")
    assert sync(store, str(target)).bags == []
    assert list(tree(target)) == [f"tombstones/{kept.story.id}.json"]


def test_a_withdrawal_while_the_bag_is_on_its_way(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()

    def progress(step: str, _story: str) -> None:
        if step == "settle":
            store.withdraw(spoken(kept), "code")

    sync(store, str(target), progress=progress)
    sync(store, str(target))
    assert list(tree(target)) == [f"tombstones/{kept.story.id}.json"]


def test_a_withdrawal_between_reading_and_sending(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()

    def content(holder: Store, story: TakeId) -> Any:
        found = story_content(holder, story)
        holder.withdraw(spoken(kept), "code")
        return found

    assert sync(store, str(target), content=content).bags == []
    assert list(tree(target)) == [f"tombstones/{kept.story.id}.json"]


def test_a_tombstone_found_there_withdraws_here_for_ever(store: Store, tell: Tell, target: Path) -> None:
    kept = tell((Use.ARCHIVE, Use.PLAY_HERE))
    sync(store, str(target))
    (target / "tombstones").mkdir()
    stone = {"id": kept.story.id, "time": "2026-02-01T00:00:00+00:00"}
    (target / "tombstones" / f"{kept.story.id}.json").write_text(json.dumps(stone))
    report = sync(store, str(target))
    assert [stone.story for stone in report.found] == [kept.story.id]
    assert store.stories() == []
    assert store.standing(kept.story.id).ended is Act.WITHDRAW
    assert list(tree(target)) == [f"tombstones/{kept.story.id}.json"]
    assert sync(store, str(target)).found == []


def test_a_story_whose_time_was_over_here_stays_in_the_archive(store: Store, tell: Tell, target: Path) -> None:
    kept = tell()
    sync(store, str(target))
    before = tree(target)
    store.erase(kept.story.id, Act.EXPIRE, "box")
    assert sync(store, str(target)).tombstones == []
    assert tree(target) == before


def test_a_later_no_recalls_the_archive_copy_and_a_later_yes_sends_it_again(
    store: Store, tell: Tell, target: Path
) -> None:
    kept = tell((Use.PLAY_HERE, Use.ARCHIVE))
    story = kept.story.id
    sync(store, str(target))
    store.decide(story, Use.ARCHIVE, yes=False, wording=WORDING, by="code")
    (stone,) = sync(store, str(target)).tombstones
    assert (stone.story, stone.reach) == (story, "recall")
    assert list(tree(target)) == [f"tombstones/{story}.json"]
    assert [one.id for one in store.stories()] == [story]
    assert sync(store, str(target)).tombstones == []
    visit = store.enter_code(spoken(kept))
    store.decide(story, Use.ARCHIVE, yes=True, wording=WORDING, by="code", visit=visit)
    assert len(sync(store, str(target)).bags) == 1
    assert sync(store, str(target)).bags == []
    assert (target / "bags" / story).is_dir()


def test_narrowing_to_the_words_replaces_the_bag(store: Store, tell: Tell, target: Path) -> None:
    kept = tell((Use.PLAY_HERE, Use.ARCHIVE))
    sync(store, str(target))
    visit = store.enter_code(spoken(kept))
    store.decide(kept.story.id, Use.ARCHIVE, yes=True, form=Form.TRANSCRIPT, wording=WORDING, by="code", visit=visit)
    assert len(sync(store, str(target)).bags) == 1
    assert not (target / "bags" / kept.story.id / "data/story.flac").exists()


def test_a_sealed_story_stays_in_the_archive_until_its_teller_says_less(store: Store, tell: Tell, target: Path) -> None:
    kept = tell((Use.ARCHIVE, Use.PUBLIC))
    sync(store, str(target))
    store.db.conn.execute("UPDATE jobs SET done_at = 'x'")
    store.seal(kept.story.id, "box")
    assert sync(store, str(target)).tombstones == []
    assert (target / "bags" / kept.story.id).is_dir()
    store.decide(kept.story.id, Use.PUBLIC, yes=False, wording=WORDING, by="code")
    (stone,) = sync(store, str(target)).tombstones
    assert stone.reach == "recall"
    assert not (target / "bags").exists()


def test_a_held_story_of_which_less_may_be_heard_is_not_left_as_it_was_at_the_archive(
    store: Store, tell: Tell, target: Path
) -> None:
    kept = tell((Use.PLAY_HERE, Use.ARCHIVE, Use.PUBLIC))
    sync(store, str(target))
    store.hold(kept.story.id, "steward")
    assert sync(store, str(target)).tombstones == [], "a hold by itself takes nothing back"
    store.decide(kept.story.id, Use.PUBLIC, yes=False, wording=WORDING, by="code")
    (stone,) = sync(store, str(target)).tombstones
    assert stone.reach == "recall"
    store.release(kept.story.id, "steward")
    assert len(sync(store, str(target)).bags) == 1


def test_with_the_code_a_no_to_one_use_of_a_sealed_story_replaces_the_bag_and_no_more(
    store: Store, tell: Tell, target: Path
) -> None:
    kept = tell((Use.ARCHIVE, Use.PUBLIC))
    story = kept.story.id
    sync(store, str(target))
    store.db.conn.execute("UPDATE jobs SET done_at = 'x'")
    store.seal(story, "box")
    store.decide(story, Use.PUBLIC, yes=False, wording=WORDING, by="code", visit=store.enter_code(spoken(kept)))
    assert store.seal_due() == [], "the archive has not signed for what is left yet"
    report = sync(store, str(target))
    assert (report.tombstones, [one.story for one in report.bags]) == ([], [story])
    consent = json.loads((target / "bags" / story / "data/consent.json").read_bytes())
    said = {one["use"]: one["yes"] for one in consent["events"] if one["act"] == "decide"}
    assert (said["archive"], said["public"]) == (True, False)
    assert store.seal_due() == [story]
    store.seal(story, "box")
    assert set(recipients(store.db.conn, story)) == {"code"}
    store.decide(story, Use.ARCHIVE, yes=False, wording=WORDING, by="code", visit=store.enter_code(spoken(kept)))
    assert set(recipients(store.db.conn, story)) == {"code"}
    assert [stone.reach for stone in sync(store, str(target)).tombstones] == [Reach.RECALL]


def test_a_hold_sends_nothing_and_takes_nothing_back(store: Store, tell: Tell, target: Path) -> None:
    kept = tell((Use.PLAY_HERE, Use.ARCHIVE))
    store.hold(kept.story.id, "steward")
    assert sync(store, str(target)).bags == []
    store.release(kept.story.id, "steward")
    assert len(sync(store, str(target)).bags) == 1
    store.hold(kept.story.id, "steward")
    assert sync(store, str(target)).tombstones == []
    assert (target / "bags" / kept.story.id).is_dir()


# --- faults


@pytest.mark.parametrize("step", ["visit", "tombstones", "send_tombstone", "send_bag", "settle", "receipt"])
def test_a_failure_at_any_step_loses_nothing(store: Store, tell: Tell, clock: VirtualClock, step: str) -> None:
    gone, stays = tell(), tell()
    fake = MemoryTransport(clock)
    sync(store, fake)
    store.withdraw(spoken(gone), "code")
    third = tell()
    fake.fail[step] = 1
    with pytest.raises(SyncBroken, match=step) as broken:
        sync(store, fake)
    assert broken.value.report.waiting == 1
    assert sync(store, fake).waiting == 0
    assert set(fake.bags) == {stays.story.id, third.story.id}


def test_a_lost_receipt_is_fetched_again(store: Store, tell: Tell, clock: VirtualClock) -> None:
    tell()
    fake = MemoryTransport(clock)
    fake.lose_receipts = 1
    first = sync(store, fake)
    assert (first.bags[0].receipt, first.waiting) == (None, 1)
    clock.advance(60)
    second = sync(store, fake)
    assert second.bags[0].receipt is not None
    assert second.waiting == 0


def test_a_receipt_by_a_stranger_counts_for_nothing(store: Store, tell: Tell, clock: VirtualClock) -> None:
    tell()
    fake, stranger = MemoryTransport(clock), MemoryTransport(clock)
    fake.signer = stranger.signer
    report = sync(store, fake)
    assert (report.bags[0].receipt, report.waiting) == (None, 1)


def test_a_full_archive_takes_what_fits_and_the_rest_waits(store: Store, tell: Tell, clock: VirtualClock) -> None:
    tell()
    tell()
    fake = MemoryTransport(clock)
    fake.room = 60_000
    with pytest.raises(SyncBroken, match="room") as broken:
        sync(store, fake)
    assert (len(fake.bags), broken.value.report.waiting) == (1, 1)
    fake.room = None
    assert sync(store, fake).waiting == 0


def test_a_target_that_is_a_file(store: Store, tell: Tell, target: Path) -> None:
    tell()
    target.write_text("a file")
    with pytest.raises(TransportTrouble, match="not a folder"):
        sync(store, str(target))
    target.unlink()
    assert sync(store, str(target)).waiting == 0


def test_a_wiped_archive_is_filled_again(store: Store, tell: Tell, target: Path) -> None:
    tell()
    sync(store, str(target))
    target.rename(target.with_name("old"))
    assert len(sync(store, str(target)).bags) == 1


def test_a_damaged_master_stops_only_its_own_story(store: Store, tell: Tell, target: Path, home: Home) -> None:
    bad, good = tell().story.id, tell().story.id
    path = home.raw_master(bad)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    report = sync(store, str(target))
    assert [refusal.bag for refusal in report.refused] == [bad]
    assert [handed.story for handed in report.bags if handed.receipt] == [good]
    assert report.waiting == 1


def test_without_the_keys_nothing_is_handed_on(store: Store, tell: Tell, target: Path, home: Home) -> None:
    tell()
    store.__dict__.pop("keys", None)
    home.keys.rename(home.keys.with_name("drawer"))
    with pytest.raises(NoKey):
        sync(store, str(target))
    home.keys.with_name("drawer").rename(home.keys)
    assert sync(store, str(target)).waiting == 0


def test_a_clock_that_jumps_changes_nothing(store: Store, tell: Tell, target: Path, clock: VirtualClock) -> None:
    tell()
    clock.set_wall(clock.wall() - timedelta(days=20_000), trusted=False)
    assert len(sync(store, str(target)).bags) == 1
    clock.set_wall(clock.wall() + timedelta(days=30_000))
    assert sync(store, str(target)).bags == []


def test_an_unconfirmed_clock_takes_nothing_back_but_what_was_asked_to_wait(
    store: Store, tell: Tell, target: Path, clock: VirtualClock
) -> None:
    day = clock.wall().date()
    told, now_waits = tell(), tell()
    over = told.story.id
    visit = store.enter_code(spoken(told))
    store.decide(over, Use.ARCHIVE, yes=True, wording=WORDING, by="left", embargo=day, visit=visit)
    assert sync(store, str(target)).waiting == 0
    clock.set_wall(clock.wall(), trusted=False)
    assert sync(store, str(target)).tombstones == [], "its wait was over when it was handed on"
    visit = store.enter_code(spoken(now_waits))
    later = day + timedelta(days=400)
    story = now_waits.story.id
    store.decide(story, Use.ARCHIVE, yes=True, wording=WORDING, by="left", embargo=later, visit=visit)
    assert [(stone.story, stone.reach) for stone in sync(store, str(target)).tombstones] == [(story, Reach.RECALL)]
    assert {path.name for path in (target / "bags").iterdir()} == {over}


def test_a_really_full_archive(store: Store, tell: Tell, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        stories = {tell().story.id for _ in range(8)}
        with pytest.raises(SyncBroken, match="no room"):
            sync(store, str(small))
        done = {path.name for path in (small / "bags").iterdir()} if (small / "bags").exists() else set()
        assert done < stories
        assert not list(small.glob("**/*.part"))
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        assert sync(store, str(small)).waiting == 0
        assert {path.name for path in (small / "bags").iterdir()} == stories
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_runs_that_are_always_killed_still_get_further(store: Store, tell: Tell, target: Path) -> None:
    for _ in range(3):
        tell()

    class Killed(BaseException):
        pass

    kept = []
    for _ in range(3):
        sent = 0

        def progress(step: str, _story: str) -> None:
            nonlocal sent
            sent += step == "send"
            if sent > 1:
                raise Killed

        with contextlib.suppress(Killed):
            sync(store, str(target), progress=progress)
        kept.append(len(list((target / "receipts").iterdir())) if (target / "receipts").exists() else 0)
    assert kept == [0, 1, 3]


# --- sealed to an archive that comes by


def test_with_an_archives_key_the_bag_waits_sealed_until_the_receipt_is_back(
    store: Store, tell: Tell, target: Path, clock: VirtualClock
) -> None:
    opens, signs = PrivateKey.generate(), SigningKey.generate()
    target.mkdir()
    key = ArchiveKey("Coast", bytes(opens.public_key), bytes(signs.verify_key))
    (target / KEY_FILE).write_text(json.dumps(key.to_json()))
    kept = tell()
    first = sync(store, str(target))
    assert (first.bags[0].receipt, first.waiting) == (None, 1)
    before, rows = tree(target), len(store.receipts())
    assert not any(part.encode() in data for data in before.values() for part in SECRET.split())
    assert sync(store, str(target)).waiting == 1
    assert (tree(target), len(store.receipts())) == (before, rows)
    # The archive's visit.
    (sealed,) = (target / "sealed").iterdir()
    checked = check_bag(open_sealed_bag(sealed, opens, target.parent), clock.wall())
    sealed.unlink()
    (target / "receipts").mkdir()
    receipt = Signer(signs).sign(checked.id, checked.sha256, clock.wall())
    (target / "receipts" / f"{checked.id}.json").write_bytes(receipt.to_bytes())
    third = sync(store, str(target))
    assert third.waiting == 0
    assert third.bags[0].receipt == receipt
    assert not list((target / "sealed").iterdir())
    store.withdraw(spoken(kept), "code")
    sync(store, str(target))
    # Beside these only how the box makes itself known, for the feed the archive may leave it.
    left = {path for path in tree(target) if not path.startswith("boxes/")}
    assert left == {KEY_FILE, f"tombstones/{kept.story.id}.json"}


# --- killed

_CHILD = textwrap.dedent("""
    import os, signal, sys
    from archive.home import open_home
    from archive.store import Store
    from archive.sync import sync
    from audio.clock import SystemClock
    left = int(sys.argv[3])
    def progress(step, story):
        global left
        left -= 1
        if left < 0 <= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
    clock = SystemClock()
    with Store(open_home(sys.argv[1]), clock) as store:
        report = sync(store, sys.argv[2], clock, progress)
    print(len(report.bags))
""")


def child(home: Home, target: Path, kill_at: int = -1) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _CHILD, str(home.path), str(target), str(kill_at)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def assert_whole(report: SyncReport, target: Path, stories: set[str], gone: str) -> None:
    assert report.waiting == 0
    assert {path.name for path in (target / "bags").iterdir()} == stories
    assert {path.stem for path in (target / "receipts").iterdir()} == stories
    assert {path.name for path in target.iterdir()} == {"bags", "receipts", "tombstones"}
    assert [path.stem for path in (target / "tombstones").iterdir()] == [gone]
    for story in stories:
        bagit.Bag(str(target / "bags" / story)).validate(fast=False)
        receipt = load_receipt(target, story)
        assert receipt is not None
        assert receipt.sha256 == check_bag(target / "bags" / story, None).sha256


def test_one_withdrawal_an_archive_refuses_keeps_no_other_waiting(
    store: Store, tell: Tell, clock: VirtualClock
) -> None:
    class Strict(MemoryTransport):
        def send_tombstone(self, stone: Any) -> None:
            if stone.story == foreign.story.id:
                raise Refused("This story came from another box; that one can take it back.")
            super().send_tombstone(stone)

    foreign, own = tell(), tell()
    archive = Strict(clock)
    for kept in (foreign, own):
        store.withdraw(spoken(kept), "code")
    stays = tell()
    report = sync(store, archive)
    assert [one.bag for one in report.refused] == [foreign.story.id]
    assert [stone.story for stone in report.tombstones] == [own.story.id]
    assert [bag.story for bag in report.bags] == [stays.story.id]


@pytest.mark.parametrize("kill_at", [1, 4, 8, 11, 14, 18])
def test_killed_at_a_step_the_next_run_completes(
    store: Store, tell: Tell, target: Path, home: Home, kill_at: int
) -> None:
    gone = tell()
    sync(store, str(target))
    store.withdraw(spoken(gone), "code")
    stories = {tell().story.id, tell().story.id}
    killed = child(home, target, kill_at)
    assert killed.wait(timeout=60) == -signal.SIGKILL
    assert_whole(sync(store, str(target)), target, stories, gone.story.id)


def test_killed_at_random_moments_the_next_run_completes(store: Store, tell: Tell, target: Path, home: Home) -> None:
    gone = tell()
    sync(store, str(target))
    store.withdraw(spoken(gone), "code")
    stories = {tell().story.id for _ in range(4)}
    chance = random.Random(7)
    killed = 0
    for _ in range(4):
        running = child(home, target)
        time.sleep(0.35 + chance.random() * 0.5)
        if running.poll() is None:
            os.kill(running.pid, signal.SIGKILL)
            killed += 1
        running.wait(timeout=60)
    assert_whole(sync(store, str(target)), target, stories, gone.story.id)
    assert not list(home.outbox.iterdir())
