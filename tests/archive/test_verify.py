from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from archive import verify as judging
from archive.cutting import take_back_span
from archive.errors import DamagedStore, NoKey
from archive.home import Home, open_home
from archive.masters import cut_flac, open_master
from archive.shelf import Wording
from archive.store import Store
from archive.types import Reader, Use
from archive.verify import told, unreadable, verify
from audio.errors import BadSound
from audio.types import Ms


def flip(path, at=-40):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def alter(store, table):
    (blob,) = store.db.conn.execute(f"SELECT blob FROM {table}").fetchone()
    store.db.conn.execute(f"UPDATE {table} SET blob = ?", (blob[:-1] + bytes([blob[-1] ^ 1]),))


def kinds(store):
    return [(one.what, one.subject) for one in verify(store).damaged]


def test_a_sound_box_is_sound_and_everything_was_looked_at(store, teller, work) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    store.close_review(story, "talk")
    work()
    teller.story(Use.ARCHIVE, seed=2)  # its raw master still stands
    teller.open(seed=3)
    verdict = verify(store)
    assert verdict.damaged == []
    assert (verdict.masters, verdict.words, verdict.open_takes) == (2, 1, 1)
    assert verdict.unread == []
    assert "all sound" in told(verdict)
    assert verdict.to_json()["sound"]


@pytest.mark.parametrize("made", ["raw", "flac"])
def test_one_flipped_bit_in_a_master_is_named(store, teller, work, made) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    other, _ = teller.story(Use.PLAY_HERE, seed=2)
    if made == "flac":
        work()
    flip(store.home.flac_master(story) if made == "flac" else store.home.raw_master(story))
    assert kinds(store) == [("master", story)]
    assert story != other


def test_sealed_bytes_are_checked_without_their_key(store, teller, work) -> None:
    story, _ = teller.story()
    store.close_review(story, "talk")
    work()
    assert store.standing(story).sealed
    assert verify(store).sound
    assert verify(store).unread == []
    flip(store.home.flac_master(story))
    assert kinds(store) == [("master", story)]


@pytest.mark.parametrize("made", ["raw", "flac"])
def test_both_sounds_of_a_story_of_which_a_part_was_taken_out_are_checked(store, teller, work, made) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    store.close_review(take, "talk")
    if made == "flac":
        work()
    store.db.conn.execute("UPDATE jobs SET done_at = 'x'")
    for second in (0, 1):  # what the first cut left has gone, and its sum with it
        take_back_span(store, store.enter_code(str(code)), Ms(1000 * second), Ms(1000 * second + 500), "code")
    whole = store.home.flac_master(take) if made == "flac" else store.home.raw_master(take)
    left = cut_flac(store.home, take, 2)
    for sealed in (False, True):
        if sealed:
            store.decide(take, Use.PLAY_HERE, yes=False, wording=Wording("1", "ab" * 32, "en"), by="code")
            store.seal(take, "night")
        verdict = verify(store)
        assert (verdict.damaged, verdict.unread, verdict.masters) == ([], [], 2)
        for path in (whole, left):
            flip(path)
            assert kinds(store) == [("master", take)], (path.name, sealed)
            flip(path)
    store.db.conn.execute("DELETE FROM wraps WHERE recipient = 'master'")
    assert kinds(store) == [("wrap", take)]


@pytest.mark.parametrize("does", ["cut", "withdraw"])
def test_what_changes_while_it_is_looked_at_is_no_damage(store, teller, work, clock, monkeypatch, does) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    store.close_review(take, "talk")
    work()
    really, done = judging.open_files, []

    def open_files(asked, story, key):
        if not done:
            done.append(story)
            with Store(store.home, clock, store.cost) as box:
                if does == "cut":
                    take_back_span(box, box.enter_code(str(code)), Ms(1000), Ms(1500), "code")
                else:
                    box.withdraw(str(code), "code")
        return really(asked, story, key)

    monkeypatch.setattr(judging, "open_files", open_files)
    verdict = verify(store)
    assert (done, verdict.damaged) == ([take], [])
    assert verdict.masters == (2 if does == "cut" else 0)


def test_what_cannot_be_judged_is_said(store, teller) -> None:
    take = teller.tell()
    store.close_review(take, "time-out")  # sealed hold: nobody may open it, and no FLAC was ever made
    assert verify(store).unread == [take]


def test_a_missing_master_and_altered_words_are_named(store, teller, work) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    work()
    alter(store, "words")
    store.home.flac_master(story).unlink()
    assert kinds(store) == [("master", story), ("words", story)]
    store.db.conn.execute("DELETE FROM fixity")
    assert ("words", story) in kinds(store)


def test_an_altered_ledger_is_named_by_its_line(store, teller) -> None:
    teller.story()
    store.db.conn.execute("DROP TRIGGER ledger_no_update")
    store.db.conn.execute("UPDATE ledger SET yes = 0 WHERE seq = 2")
    assert ("ledger", "2") in kinds(store)


def test_a_missing_or_surplus_wrap_is_named(store, teller) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    store.db.conn.execute("INSERT INTO wraps VALUES (?, 'archive', X'00')", (story,))
    assert kinds(store) == [("wrap", story)]
    store.db.conn.execute("DELETE FROM wraps WHERE recipient IN ('archive', 'code')")
    assert kinds(store) == [("wrap", story)]
    store.db.conn.execute("DELETE FROM wraps")
    assert ("wrap", story) in kinds(store)


def test_an_altered_excerpt_is_named(store, teller) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    store.add_excerpt(story, Ms(0), Ms(1000), "the bridge")
    assert verify(store).sound
    alter(store, "excerpts")
    assert kinds(store) == [("excerpt", story)]


def test_an_altered_open_take_is_named(store, teller) -> None:
    take, _ = teller.open(3.0)
    flip(store.home.take_file(take), 200)
    assert kinds(store) == [("open take", take)]


def test_an_unfinished_erasure_a_stray_file_and_a_lost_tombstone_are_named(store, teller) -> None:
    story, code = teller.story()
    store.withdraw(str(code), "code")
    (store.home.stories / "01ARZ3NDEKTSV4RRFFQ69G5FAV").mkdir()
    store.db.conn.execute("DELETE FROM tombstones")
    assert kinds(store) == [("tombstone", story), ("stray", "01ARZ3NDEKTSV4RRFFQ69G5FAV")]


def test_a_torn_database_is_said_not_crashed_on(store, teller, clock) -> None:
    for seed in range(4):
        teller.story(seed=seed)
    home = store.home
    store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    data = bytearray(home.database.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    home.database.write_bytes(bytes(data))
    try:
        with Store(home, clock) as torn:
            assert any(one.what == "database" for one in verify(torn).damaged)
    except (DamagedStore, sqlite3.DatabaseError) as error:
        said = error if isinstance(error, DamagedStore) else DamagedStore(str(error))
        assert not unreadable(said).sound


def test_without_the_keys_nothing_is_judged(store, teller) -> None:
    teller.story()
    for key in store.home.keys.iterdir():
        key.unlink()
    with pytest.raises(NoKey):
        verify(store)


def test_keys_of_another_box_are_named_and_not_called_sound(store, teller, tmp_path, clock) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    with Store(Home(store.home.path, open_home(tmp_path / "other").keys), clock) as mixed:
        verdict = verify(mixed)
    assert [(one.what, one.subject) for one in verdict.damaged] == [("keys", story)]
    assert "To do: Put back the key folder" in told(verdict)


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_stories_without_their_database_are_no_new_box(home, store, teller, left) -> None:
    story, _ = teller.story(Use.PLAY_HERE)
    store.close()
    for path in home.path.glob("hearth.db*"):
        path.unlink()
    if left == "an empty file":
        home.database.touch()
    for key in home.keys.iterdir():
        key.unlink()
    with pytest.raises(DamagedStore, match="Stories lie in"):
        open_home(home.path)
    assert not home.database.exists() or home.database.stat().st_size == 0
    assert home.story_folder(story).is_dir()
    assert list(home.keys.iterdir()) == [], "new keys would stand in the way of the right ones"


def test_a_flac_altered_in_its_middle_is_refused_without_a_word_to_the_terminal(store, teller, work, capfd) -> None:
    take, writer = teller.open()
    noise = np.random.default_rng(7)
    for _ in range(10):
        writer.write(noise.integers(-9000, 9000, 16_000, dtype="<i2").tobytes())
    store.close_take(writer.close())
    teller.keep(take, Use.PLAY_HERE)
    store.close_review(take, "left")
    work()
    flip(store.home.flac_master(take), at=store.home.flac_master(take).stat().st_size // 2)
    with open_master(store, take, Reader.PLAY, store.now()) as master, pytest.raises(BadSound, match="damaged"):
        master.read()
    assert kinds(store) == [("master", take)]
    assert capfd.readouterr() == ("", "")
