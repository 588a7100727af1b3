"""A whole box into a file and out again, and no withdrawn story with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from archive.backup import back_up, read_backup_keys
from archive.claims import KIOSK, SYNCING, TRANSCRIBER, claim
from archive.consent import events_of, verify_chain
from archive.cutting import take_back_span
from archive.errors import HomeTrouble, NoKey, Refused
from archive.home import Home, keys_folder, open_home
from archive.keycode import Cost
from archive.lately import withdrawals_on_their_way
from archive.masters import open_master
from archive.restore import Answers, release, restore
from archive.restorehold import waits
from archive.retention import run_retention
from archive.returned import read_stones
from archive.stewards import held
from archive.stewards import release as release_held
from archive.store import Store
from archive.sync import NOT_AGAIN, sync
from archive.tellers import copies
from archive.tombstones import Tombstone
from archive.transcripts import transcript
from archive.types import Act, Reader, Use
from archive.verify import verify
from audio.types import Ms

CHEAP = Cost(8, 1, 1)
NONE = Answers(none_said="there is none")


@pytest.fixture
def box(store, teller, work):
    """A box with a played story on a cue, one for the archive, a sealed one, one withdrawn before, one open take."""
    played, code = teller.story(Use.PLAY_HERE)
    given, given_code = teller.story(Use.ARCHIVE, seed=2)
    sealed, _ = teller.story(seed=3)
    gone, gone_code = teller.story(seed=4)
    store.withdraw(str(gone_code), "code")
    for take in (played, given, sealed):
        store.close_review(take, "talk")
    work()
    store.set_cue("main", 1, store.add_excerpt(played, Ms(0), Ms(1000), "the bridge").id)
    opened, _ = teller.open(seed=5)
    return {"played": played, "given": given, "sealed": sealed, "gone": gone, "open": opened, "code": code,
            "given_code": given_code}  # fmt: skip


@pytest.fixture
def made(store, box, tmp_path):
    return back_up(store, tmp_path / "box.hearth", tmp_path / "elsewhere.keys")


def new_box(path: Path, clock):
    return Store(open_home(path), clock, CHEAP)


def test_the_same_box_stands_in_a_fresh_home(store, box, made, teller, clock, tmp_path) -> None:
    before = {take: events_of(store.db.conn, take) for take in (box["played"], box["given"], box["sealed"])}
    facts = store.stories()
    done = restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert (done.stories, done.held, done.erased, done.damaged) == (3, 0, [], [])
    with new_box(tmp_path / "new", clock) as other:
        assert other.stories() == facts
        assert verify_chain(other.db.conn) == []
        for take, events in before.items():
            now = events_of(other.db.conn, take)
            assert now[: len(events)] == events
            assert [event.act for event in now[len(events) :]] == [Act.HOLD, Act.RELEASE]
        with open_master(other, box["played"], Reader.PLAY, other.now()) as master:
            assert master.read() == teller.told[box["played"]]
        assert other.cue_sheet("main").cues[1].title == "the bridge"
        visit = other.enter_code(str(box["code"]))
        assert transcript(other, box["played"], Reader.TELLER, other.now(), visit=visit)
        assert verify(other).sound
        assert other.standing(box["sealed"]).sealed
        assert other.standing(box["open"]).review_closed, "whoever told it is not here"
        assert other.recover_open_takes() == []
        assert [gone.take for gone in other.tombstones()] == [box["gone"]]
    assert not (tmp_path / "new" / ".restoring").exists()


def test_the_file_is_noise_and_the_second_file_opens_it(store, box, made) -> None:
    data = made.path.read_bytes()
    for word in (b"river", b"main", b"SQLite", b"ustar", box["played"].encode(), b"the bridge", b"[site]"):
        assert word not in data
    assert made.keys.stat().st_mode & 0o777 == 0o600
    keys = read_backup_keys(made.keys)
    assert keys.key not in data
    assert set(keys.files) >= {"box.key", "signing.key"}
    for secret in keys.files.values():
        assert secret not in data


def test_held_until_someone_knows_what_was_taken_back(box, made, clock, tmp_path) -> None:
    done = restore(made.path, made.keys, tmp_path / "new", clock, Answers())
    assert (done.held, done.sources) == (3, [])
    with new_box(tmp_path / "new", clock) as other:
        with pytest.raises(Refused):
            open_master(other, box["played"], Reader.PLAY, other.now())
        assert other.cue_sheet("main").cues == {}
        visit = other.enter_code(str(box["code"]))
        open_master(other, box["played"], Reader.TELLER, other.now(), visit=visit).close()
        assert release(other, Answers()).held == 3
        with pytest.raises(Refused, match="there is none"):
            release(other, Answers(none_said="yes"))
        assert waits(other)
        assert release(other, Answers(none_said="There is  none.")).held == 0
        open_master(other, box["played"], Reader.PLAY, other.now()).close()
        with pytest.raises(Refused, match="not wait"):
            release(other, NONE)


def test_what_nobody_kept_ends_after_a_day_while_a_restored_box_waits(box, made, clock, tmp_path) -> None:
    clock.set_wall(clock.wall(), trusted=False)
    restore(made.path, made.keys, tmp_path / "new", clock, Answers())
    with new_box(tmp_path / "new", clock) as other:
        clock.advance(23 * 3600)
        assert run_retention(other).holds_ended == []
        clock.advance(2 * 3600)
        assert run_retention(other).holds_ended == [box["open"]]
        assert waits(other)


def test_a_story_held_before_stays_held(store, box, clock, tmp_path) -> None:
    store.hold(box["played"], "visitor")
    made = back_up(store, tmp_path / "b")
    restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    with new_box(tmp_path / "new", clock) as other:
        assert other.standing(box["played"]).held
        assert not other.standing(box["given"]).held


@pytest.mark.parametrize("shape", ["list", "one", "folder", "printed"])
def test_an_old_backup_never_brings_a_withdrawn_story_back(store, box, made, clock, tmp_path, shape) -> None:
    gone = store.withdraw(str(box["code"]), "code")
    stone = Tombstone(gone.take, gone.at).to_json()
    path = tmp_path / "gone.json"
    if shape == "folder":
        path = tmp_path / "stones"
        path.mkdir()
        (path / f"{gone.take}.json").write_text(json.dumps(stone))
    else:
        path.write_text(json.dumps({"list": [stone], "one": stone, "printed": {"tombstones": [stone]}}[shape]))
    done = restore(made.path, made.keys, tmp_path / "new", clock, Answers(tombstones=path))
    assert (done.erased, done.sources, done.held) == ([box["played"]], ["a file of tombstones"], 0)
    assert done.newer == [], "what is gone is not held"
    with new_box(tmp_path / "new", clock) as other:
        assert {story.id for story in other.stories()} == {box["given"], box["sealed"]}
        assert gone.take in {stone.take for stone in other.tombstones()}
        for table in ("wraps", "words", "codes", "excerpts"):
            column = "SELECT COUNT(*) FROM wraps WHERE take = ?".replace("wraps", table)
            assert other.db.conn.execute(column, (gone.take,)).fetchone() == (0,)
    assert not [path for path in (tmp_path / "new").rglob("*") if gone.take in path.name]


def test_the_archive_answers_by_itself_and_at_the_next_sync(store, box, clock, tmp_path) -> None:
    archive = tmp_path / "archive"
    assert [bag.story for bag in sync(store, str(archive)).bags] == [box["given"]]
    made = back_up(store, tmp_path / "b")
    unchanged = restore(made.path, made.keys, tmp_path / "none", clock, Answers(place=str(archive)))
    assert (unchanged.erased, unchanged.sources) == ([], ["the archive"]), "its own receipts lie there"
    store.withdraw(str(box["given_code"]), "code")
    sync(store, str(archive))
    answered = restore(made.path, made.keys, tmp_path / "one", clock, Answers(place=str(archive)))
    assert (answered.erased, answered.sources, answered.held) == ([box["given"]], ["the archive"], 0)
    nowhere = Answers(place=str(tmp_path / "not-mounted"))
    assert restore(made.path, made.keys, tmp_path / "two", clock, nowhere).held == 3
    assert not (tmp_path / "not-mounted").exists()
    with new_box(tmp_path / "two", clock) as other:
        sync(other, str(tmp_path / "a-new-folder"))
        assert waits(other), "a place that does not know the box answers nothing"
        archive.rename(tmp_path / "unplugged")
        archive.mkdir()
        assert release(other, Answers(place=str(archive))).held == 3, "where it is mounted lies nothing"
        for _ in range(2):
            sync(other, str(archive))
            assert waits(other), "nor does what an earlier run left there answer"
        shutil.rmtree(archive)
        (tmp_path / "unplugged").rename(archive)
        sync(other, str(archive))
        assert not waits(other)
        assert {story.id for story in other.stories()} == {box["played"], box["sealed"]}


def test_a_withdrawal_of_a_story_no_backup_knew_still_reaches_the_archive(
    store, box, teller, work, clock, tmp_path
) -> None:
    archive = tmp_path / "archive"
    sync(store, str(archive))
    made = back_up(store, tmp_path / "b")
    after, code = teller.story(Use.ARCHIVE, seed=8)
    store.close_review(after, "talk")
    work()
    sync(store, str(archive))
    gone = store.withdraw(str(code), "code")
    stones = tmp_path / "gone.json"
    stones.write_text(json.dumps(Tombstone(gone.take, gone.at).to_json()))
    restore(made.path, made.keys, tmp_path / "new", clock, Answers(tombstones=stones))
    with new_box(tmp_path / "new", clock) as other:
        assert events_of(other.db.conn, after) == []
        assert withdrawals_on_their_way(other) == 1
        assert after in {stone.story for stone in sync(other, str(archive)).tombstones}
        assert withdrawals_on_their_way(other) == 0
        assert not (archive / "bags" / after).exists()
        assert sync(other, str(archive)).tombstones == []


def test_what_tellers_narrowed_since_stays_held_where_an_archive_knows_of_it(
    store, box, teller, work, clock, tmp_path, wording
) -> None:
    archive = tmp_path / "archive"
    recalled, code = teller.story(Use.PLAY_HERE, Use.ARCHIVE, seed=8)
    store.close_review(recalled, "talk")
    work()
    sync(store, str(archive))
    unchanged, _ = teller.story(Use.ARCHIVE, seed=9)
    store.close_review(unchanged, "talk")
    work()
    made = back_up(store, tmp_path / "b")
    take_back_span(store, store.enter_code(str(box["given_code"])), Ms(0), Ms(500), "code")
    store.decide(recalled, Use.ARCHIVE, yes=False, wording=wording, by="code", visit=store.enter_code(str(code)))
    sync(store, str(archive))
    both = sorted([box["given"], recalled])
    assert (archive / "bags" / unchanged).is_dir(), "handed on since, as its teller left it"
    done = restore(made.path, made.keys, tmp_path / "one", clock, Answers(place=str(archive)))
    assert (done.newer, done.held, done.made_at) == (both, 0, clock.wall().isoformat())
    restore(made.path, made.keys, tmp_path / "two", clock, Answers())
    with new_box(tmp_path / "two", clock) as other:
        assert sorted(one.bag for one in sync(other, str(archive)).refused) == both
        assert [one.take for one in held(other)] == both
        assert not other.standing(box["played"]).held
        assert not other.standing(unchanged).held
        before = sorted(path.name for path in (archive / "bags").iterdir())
        sync(other, str(archive))
        assert sorted(path.name for path in (archive / "bags").iterdir()) == before
        release_held(other, recalled)
        assert not other.standing(recalled).held
        for _ in range(2):
            again = sync(other, str(archive))
            assert [(one.bag, one.why) for one in again.refused] == [(recalled, NOT_AGAIN)]
            assert (again.bags, again.waiting) == ([], 0), "and nothing is packed night after night"
        assert [copy.state for copy in copies(other, recalled)] == ["gone"]


def test_where_a_steward_spoke_for_the_archive_it_is_heard_all_the_same(
    store, box, teller, work, clock, tmp_path, wording
) -> None:
    archive = tmp_path / "archive"
    own, code = teller.story(Use.PLAY_HERE, Use.ARCHIVE, seed=8)
    store.close_review(own, "talk")
    work()
    sync(store, str(archive))
    made = back_up(store, tmp_path / "b")
    for use in (Use.PLAY_HERE, Use.ARCHIVE):
        store.decide(own, use, yes=False, wording=wording, by="code", visit=store.enter_code(str(code)))
    sync(store, str(archive))
    done = restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert (done.held, done.newer) == (0, [])
    with new_box(tmp_path / "new", clock) as other:
        open_master(other, own, Reader.PLAY, other.now()).close()
        sync(other, str(tmp_path / "another-place"))
        assert not other.standing(own).held, "a place that does not know the box says nothing"
        assert [one.bag for one in sync(other, str(archive)).refused] == [own]
        with pytest.raises(Refused):
            open_master(other, own, Reader.PLAY, other.now())
        assert not other.standing(box["played"]).held
        release_held(other, own)
        sync(other, str(archive))
        assert not other.standing(own).held, "a steward has decided"


def test_what_the_receiving_home_knows_counts(store, box, made, clock, worker) -> None:
    worker.close()
    for name in ("played", "given", "sealed", "open"):
        store.erase(box[name], Act.EXPIRE if name == "sealed" else Act.WITHDRAW, "test")
    home = store.home
    store.close()
    done = restore(made.path, made.keys, home.path, clock, Answers())
    assert done.sources == ["the receiving home"]
    assert set(done.erased) >= {box["played"], box["given"], box["sealed"]}
    with new_box(home.path, clock) as other:
        assert other.stories() == []


def test_a_withdrawal_while_the_backup_is_written_is_in_it(store, box, clock, tmp_path, monkeypatch) -> None:
    import archive.backup as module

    real = module._files

    def slow(*args):
        yield from real(*args)
        store.withdraw(str(box["code"]), "code")

    monkeypatch.setattr(module, "_files", slow)
    made = back_up(store, tmp_path / "b")
    done = restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert done.erased == [box["played"]]


def test_a_backup_beside_visitors_holds_what_its_database_knows(
    store, box, teller, clock, tmp_path, monkeypatch
) -> None:
    import archive.backup as module

    real = module._snapshot
    fresh = []

    def busy(conn):
        found = real(conn)
        fresh.extend([teller.open(seed=11)[0], teller.tell(seed=12)])
        store.discard(box["open"], "left")
        return found

    monkeypatch.setattr(module, "_snapshot", busy)
    made = back_up(store, tmp_path / "b")
    done = restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert (done.damaged, done.erased) == ([], [box["open"]])
    with new_box(tmp_path / "new", clock) as other:
        assert verify(other).sound
    assert not [path for path in (tmp_path / "new").rglob("*") if any(take in path.name for take in fresh)]


def test_a_part_taken_out_while_the_backup_is_written_is_in_no_backup(store, box, tmp_path, monkeypatch) -> None:
    import archive.backup as module

    real = module._files

    def slow(*args):
        yield from real(*args)
        take_back_span(store, store.enter_code(str(box["code"])), Ms(0), Ms(500), "code")

    monkeypatch.setattr(module, "_files", slow)
    with pytest.raises(HomeTrouble, match="taken out meanwhile"):
        back_up(store, tmp_path / "b")
    assert not list(tmp_path.glob("b*"))


def test_refusals_are_sentences(store, box, made, clock, tmp_path, worker) -> None:
    worker.close()
    with pytest.raises(Refused, match="already"):
        back_up(store, made.path)
    with pytest.raises(Refused, match="own folders"):
        back_up(store, store.home.outbox / "b")
    with pytest.raises(Refused, match="two files"):
        back_up(store, tmp_path / "x", tmp_path / "x")
    with pytest.raises(HomeTrouble, match="There is no folder"):
        back_up(store, tmp_path / "no-such-folder" / "x")
    with pytest.raises(Refused, match="stories in this home"):
        restore(made.path, made.keys, store.home.path, clock, NONE)
    open_home(tmp_path / "other")
    with pytest.raises(Refused, match="keys of another box"):
        restore(made.path, made.keys, tmp_path / "other", clock, NONE)
    with pytest.raises(NoKey):
        restore(made.path, made.path, tmp_path / "new", clock, NONE)
    with pytest.raises(NoKey):
        restore(made.path, tmp_path / "none", tmp_path / "new", clock, NONE)
    with pytest.raises(Refused):
        restore(made.path, made.keys, tmp_path / "new", clock, Answers(none_said="no"))
    for wrong in ("[1]", '{"tombstones": [{"id"', "", "7", "[" * 100_000):
        (tmp_path / "t").write_text(wrong)
        with pytest.raises(Refused, match="does not hold tombstones"):
            read_stones(tmp_path / "t")
    (tmp_path / "t").write_text('{"tombstones": []}')
    with pytest.raises(Refused, match="names nothing"):
        read_stones(tmp_path / "t")
    with pytest.raises(Refused, match="cannot be read"):
        read_stones(tmp_path / "none")
    (tmp_path / "unmounted").mkdir()
    with pytest.raises(Refused, match="No tombstone lies in"):
        restore(made.path, made.keys, tmp_path / "unanswered", clock, Answers(tombstones=tmp_path / "unmounted"))
    assert not (tmp_path / "unanswered" / ".restoring").exists()
    assert not (tmp_path / "unanswered-keys").exists()
    without = json.loads(made.keys.read_text())
    for damage in ({"files": {}}, {"key": "ab"}, {"files": {**without["files"], "../x": ""}}, {"backup": "another"}):
        (tmp_path / "k").write_text(json.dumps({**without, **damage}))
        with pytest.raises((NoKey, HomeTrouble), match="keys"):
            restore(made.path, tmp_path / "k", tmp_path / "unanswered", clock, NONE)
        assert not [path for path in tmp_path.glob("unanswered*/*") if not path.name.startswith(".")]
        assert not (tmp_path / "unanswered" / ".restoring").exists()
    (tmp_path / "strange" / "stories" / "x").mkdir(parents=True)
    with pytest.raises(Refused, match="without a database"):
        restore(made.path, made.keys, tmp_path / "strange", clock, NONE)


def test_a_damaged_backup_is_refused_and_leaves_nothing_in_use(made, clock, tmp_path) -> None:
    data = bytearray(made.path.read_bytes())
    data[len(data) // 2] ^= 1
    made.path.write_bytes(bytes(data))
    with pytest.raises(HomeTrouble, match="damaged, or these keys"):
        restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert not (tmp_path / "new" / "hearth.db").exists()
    assert not (tmp_path / "new" / ".restoring").exists()
    made.path.write_bytes(bytes(data[:-100]))
    with pytest.raises(HomeTrouble):
        restore(made.path, made.keys, tmp_path / "new", clock, NONE)


@pytest.mark.parametrize("name", [KIOSK, TRANSCRIBER, SYNCING])
def test_nothing_is_restored_under_a_box_that_is_at_work(made, clock, tmp_path, name) -> None:
    home = open_home(tmp_path / "new")
    at_work = claim(home.path / name)
    with Store(home, clock, CHEAP), pytest.raises(Refused, match="at work"):
        restore(made.path, made.keys, home.path, clock, NONE)
    at_work.close()
    assert restore(made.path, made.keys, home.path, clock, NONE).stories == 3


@pytest.mark.parametrize("moment", range(6))
def test_killed_in_the_middle_a_restore_is_begun_again(made, box, clock, tmp_path, moment, monkeypatch) -> None:
    new = tmp_path / "new"
    child = os.fork()
    if child == 0:
        import archive.restore as module

        left = [moment]
        for name in ("_unpack", "_settle", "_answer", "write_file", "move", "sync_folder"):
            real = getattr(module, name)

            def dying(*args, _real=real, **kwargs):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _real(*args, **kwargs)

            setattr(module, name, dying)
        if moment > 3:  # in the last part, where things are moved into place
            left[0] = 40 + moment * 2
        restore(made.path, made.keys, new, clock, NONE)
        os._exit(0)
    os.waitpid(child, 0)
    assert not list(new.rglob("*.key")), "a card image of the home would hold what opens it"
    database = new / "hearth.db"
    if not database.exists():
        restore(made.path, made.keys, new, clock, NONE)
    with new_box(new, clock) as other:
        assert len(other.stories()) == 3
        assert verify(other).sound


def test_a_backup_beside_a_teller_who_tells(store, box, clock, teller, tmp_path, work) -> None:
    _, writer = teller.open(seed=9)
    started = time.monotonic()
    for n in range(3):
        writer.write(bytes(16_000))
        back_up(store, tmp_path / f"b{n}")
    writer.close()
    assert time.monotonic() - started < 60
    done = restore(tmp_path / "b2", tmp_path / "b2.keys", tmp_path / "new", clock, NONE)
    assert done.damaged == []


def test_keys_on_their_own_medium(made, box, clock, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "stick"))
    restore(made.path, made.keys, tmp_path / "new", clock, NONE)
    assert keys_folder(tmp_path / "new") == tmp_path / "stick"
    assert (tmp_path / "stick" / "box.key").exists()
    assert not (tmp_path / "new-keys").exists()
    assert Home(tmp_path / "new", tmp_path / "stick").load_keys()
    shutil.rmtree(tmp_path / "stick")
