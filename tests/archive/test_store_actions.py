from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import date

import pytest

from archive.consent import Yes, events_of
from archive.consentrecord import revision_of
from archive.envelope import BOX, CODE, open_content, recipients
from archive.errors import DamagedStore, HomeTrouble, NoKey, NoSuchStory, Refused, WrongCode
from archive.masters import open_master
from archive.transcripts import transcript
from archive.types import Act, Form, Reader, Use
from archive.verify import verify
from audio.types import Ms, TakeId
from kiosk.cli import run


def test_a_take_is_agreed_to_before_it_exists_and_its_file_goes_when_it_is_closed(store, home, wording) -> None:
    opened = store.open_take(prompt="p", language="en", wording=wording, by="talk", site="Main St")
    assert opened.path == home.take_file(opened.id)
    assert not opened.path.exists()
    assert store.standing(opened.id).uses.keys() == {Use.RECORD}
    assert store.unfinished() == []
    assert store.open_key(opened.id) == opened.key


def test_closing_moves_the_take_and_can_be_repeated(store, home, teller) -> None:
    take, writer = teller.open(1.5)
    assert [(u.take, u.length, u.problem) for u in store.unfinished()] == [(take, 1500, "")]
    closed = writer.close()
    done = store.close_take(closed)
    assert store.close_take(closed) == done
    assert done.path == home.raw_master(take)
    assert done.path.exists()
    assert not home.take_file(take).exists()
    assert store.unfinished() == []
    assert store.story_facts(take).length == 1500


def test_keep_gives_the_story_and_a_code_that_opens_it_and_cannot_be_pressed_twice(store, teller) -> None:
    take = teller.tell()
    kept = store.keep(take, wording=store_wording(), by="keep")
    assert store.stories() == [kept.story]
    assert store.story(take) == kept.story
    assert (kept.story.prompt, kept.story.language, kept.story.length) == ("river", "en", 2000)
    with pytest.raises(Refused):
        store.keep(take, wording=store_wording(), by="keep")
    with pytest.raises(Refused):
        store.discard(take, "talk")
    visit = store.enter_code(str(kept.code))
    with open_master(store, take, Reader.TELLER, store.now(), visit=visit) as master:
        assert master.read() == teller.told[take]


def store_wording():
    from archive.shelf import Wording

    return Wording("2", "cd" * 32, "es")


def test_two_presses_at_once_keep_once(store, another_store, teller, monkeypatch) -> None:
    take = teller.tell()
    import archive.stories as module

    real, pressed = module.derive, []

    def meanwhile(*args):
        if not pressed:
            pressed.append(1)
            with another_store() as other:
                other.keep(take, wording=store_wording(), by="keep")
        return real(*args)

    monkeypatch.setattr(module, "derive", meanwhile)
    with pytest.raises(Refused, match="already"):
        store.keep(take, wording=store_wording(), by="keep")
    assert store.db.conn.execute("SELECT COUNT(*) FROM codes").fetchone()[0] == 1


def test_keep_that_cannot_be_read_back_never_says_safe(store, teller, monkeypatch) -> None:
    take = teller.tell()
    real = open_content
    monkeypatch.setattr(
        "archive.stories.open_content",
        lambda s, t, r, n, **k: bytes(32) if r is Reader.TELLER else real(s, t, r, n, **k),
    )
    with pytest.raises(DamagedStore):
        store.keep(take, wording=store_wording(), by="keep")


def test_a_take_that_was_never_closed_cannot_be_kept(store, teller) -> None:
    take, writer = teller.open()
    with pytest.raises(NoSuchStory):
        store.keep(take, wording=store_wording(), by="keep")
    writer.leave()
    with pytest.raises(NoSuchStory):
        store.keep(TakeId("NOTHING"), wording=store_wording(), by="keep")


def test_the_end_of_a_visit_seals_what_was_not_kept(store, teller) -> None:
    take = teller.tell()
    store.close_review(take, "time-out")
    store.close_review(take, "time-out")
    assert [e[0] for e in store.db.conn.execute("SELECT act FROM ledger WHERE act = 'close_review'")] == [
        "close_review"
    ]
    for action in (lambda: store.keep(take, wording=store_wording(), by="keep"), lambda: store.open_key(take)):
        with pytest.raises(Refused):
            action()
    with pytest.raises(Refused):
        transcript(store, take, Reader.TRANSCRIBE, store.now())
    assert store.stories() == []


def test_a_take_erased_while_it_was_told_leaves_nothing(store, teller, home) -> None:
    take, writer = teller.open()
    store.erase(take, Act.DISCARD, "a steward")
    closed = writer.close()
    home.take_file(take).write_bytes(b"begun after it was erased")
    with pytest.raises(NoSuchStory, match="erased while it was told"):
        store.close_take(closed)
    assert not [*home.takes.iterdir(), *home.stories.iterdir()]
    assert verify(store).sound


def test_a_later_yes_is_in_the_form_and_from_the_day_its_teller_gave_before(store, teller, wording, capsys) -> None:
    take, code = teller.story()
    day = date(2040, 1, 1)
    store.decide(take, Use.ARCHIVE, yes=True, wording=wording, by="left", form=Form.TRANSCRIPT, embargo=day)
    store.close_review(take, "end")
    visit = store.enter_code(str(code))
    store.decide(take, Use.ARCHIVE, yes=False, wording=wording, by="page", visit=visit)
    for use in (Use.ARCHIVE, Use.PUBLIC):
        store.decide(take, use, yes=True, wording=wording, by="page", visit=visit)
        assert store.standing(take).uses[use] == Yes(Form.TRANSCRIPT, day)
    words = ["story", str(code), "--home", str(store.home.path), "--yes", "quote"]
    assert run(words) == 0
    assert "quote      yes, the words alone, from 2040-01-01" in capsys.readouterr().out
    assert store.standing(take).uses[Use.QUOTE] == Yes(Form.TRANSCRIPT, day)
    assert run([*words, "--voice", "--at-once"]) == 0
    assert store.standing(take).uses[Use.QUOTE] == Yes()


def test_widening_after_the_visit_needs_the_teller_and_narrowing_never_does(store, teller, wording) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    other, _ = teller.story()
    store.close_review(take, "left")
    with pytest.raises(Refused, match="keep-code"):
        store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="desk")
    visit = store.enter_code(str(code))
    with pytest.raises(Refused, match="another"):
        store.decide(other, Use.PUBLIC, yes=True, wording=wording, by="code", visit=visit)
    store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="code", visit=visit)
    store.decide(take, Use.PLAY_HERE, yes=False, wording=wording, by="desk")
    assert set(store.standing(take).uses) == {Use.RECORD, Use.KEEP, Use.PUBLIC}
    with pytest.raises(Refused):
        store.decide(take, Use.RECORD, yes=True, wording=wording, by="desk")


def test_only_a_kept_story_is_shared_sealed_or_listed(store, teller, wording) -> None:
    take = teller.tell()
    with pytest.raises(Refused):
        store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="left")
    with pytest.raises(Refused):
        store.seal(take, "box")
    with pytest.raises(NoSuchStory):
        store.story(take)


def test_hold_takes_a_story_out_until_a_steward_releases_it(store, teller) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    store.hold(take, "facilitator")
    with pytest.raises(Refused, match="steward"):
        open_master(store, take, Reader.PLAY, store.now())
    store.release(take, "steward")
    open_master(store, take, Reader.PLAY, store.now()).close()
    with pytest.raises(Refused):
        store.release(take, "steward")


def test_sealing_waits_for_the_work_and_then_only_the_code_opens_it(store, teller, work, wording) -> None:
    take, code = teller.story()
    shared, _ = teller.story(Use.PLAY_HERE)
    given, _ = teller.story(Use.ARCHIVE)
    with pytest.raises(Refused, match="not finished"):
        store.seal(take, "box")
    assert store.seal_due() == []
    for one in (take, shared, given):
        store.close_review(one, "left")
    work()
    assert recipients(store.db.conn, take) == {CODE}
    assert recipients(store.db.conn, shared) == {BOX, CODE}
    assert recipients(store.db.conn, given) == {BOX, CODE}
    store.add_receipt(given, "bag", "/archive", json.dumps({"revision": "before a later no"}))
    assert store.seal_due() == []
    signed = {"revision": revision_of(events_of(store.db.conn, given))}
    store.add_receipt(given, "bag", "/archive", json.dumps(signed))
    assert store.seal_due() == [given]
    store.seal(take, "box")
    with pytest.raises(Refused, match="sealed"):
        transcript(store, take, Reader.CAPTION, store.now())
    visit = store.enter_code(str(code))
    assert transcript(store, take, Reader.TELLER, store.now(), visit=visit)
    store.decide(take, Use.PLAY_HERE, yes=True, wording=wording, by="code", visit=visit)
    with open_master(store, take, Reader.PLAY, store.now()) as master:
        assert master.read() == teller.told[take]


def test_without_the_box_wrap_even_an_allowed_reader_opens_nothing(store, teller) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    store.db.conn.execute("DELETE FROM wraps WHERE recipient = 'box'")
    with pytest.raises(NoKey):
        open_master(store, take, Reader.PLAY, store.now())


def test_withdrawal_takes_everything_and_leaves_a_tombstone(store, home, teller, work) -> None:
    take, code = teller.story(Use.PLAY_HERE, Use.ARCHIVE)
    work()
    excerpt = store.add_excerpt(take, Ms(0), Ms(500), "a title", "a note")
    store.set_cue("evening", 1, excerpt.id)
    store.set_rotation([take])
    (home.outbox / f"hearth-{take}.bag").mkdir()
    (home.outbox / f"hearth-{take}.bag" / "x").write_bytes(b"x")
    gone = store.withdraw(str(code), "code")
    assert (gone.take, gone.at) == (take, store.clock.wall())
    assert store.tombstones() == [gone]
    for table in (
        "takes",
        "closings",
        "wraps",
        "codes",
        "segments",
        "words",
        "jobs",
        "loudness",
        "excerpts",
        "cues",
        "rotation",
    ):
        assert store.db.conn.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] == 0, table
    assert not home.story_folder(take).exists()
    assert list(home.outbox.iterdir()) == []
    assert store.stories() == []
    assert store.standing(take).ended is Act.WITHDRAW
    assert store.erase(take, Act.WITHDRAW, "again") == gone
    with pytest.raises(WrongCode):
        store.withdraw(str(code), "code")
    with pytest.raises(Refused):
        store.hold(take, "desk")


def test_a_discarded_take_leaves_no_tombstone(store, home, teller) -> None:
    take = teller.tell()
    store.discard(take, "left")
    store.discard(take, "left")
    assert store.tombstones() == []
    assert not home.story_folder(take).exists()
    with pytest.raises(NoSuchStory):
        store.discard(TakeId("NOTHING"), "left")
    with pytest.raises(ValueError, match="erases nothing"):
        store.erase(take, Act.HOLD, "left")


def test_an_erasure_interrupted_at_any_point_is_finished(store, home, teller, monkeypatch) -> None:
    take, code = teller.story(Use.PLAY_HERE)

    def plug(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("archive.erasure.remove", plug)
    with pytest.raises(KeyboardInterrupt):
        store.withdraw(str(code), "code")
    monkeypatch.undo()
    assert home.raw_master(take).exists()
    assert recipients(store.db.conn, take) == set()
    home.story_folder(take).rename(home.stories / f"{take}.part")
    assert store.finish_erasures() == [take]
    assert list(home.stories.iterdir()) == []
    assert store.finish_erasures() == []


def test_rows_an_old_backup_brought_back_go_at_the_next_start(store, teller) -> None:
    take, code = teller.story()
    rows = store.db.conn.execute("SELECT * FROM takes").fetchall()
    store.withdraw(str(code), "code")
    store.db.conn.execute(f"INSERT INTO takes VALUES ({', '.join('?' * 13)})", rows[0])
    assert store.finish_erasures() == [take]
    assert store.db.conn.execute("SELECT COUNT(*) FROM takes").fetchone()[0] == 0


def test_a_tombstone_from_elsewhere_erases_the_story_here(store, teller) -> None:
    take, _ = teller.story()
    store.add_tombstone(take)
    store.add_tombstone(TakeId("01NEVERHERE"))
    assert store.stories() == []
    assert {gone.take for gone in store.tombstones()} == {take, "01NEVERHERE"}


def test_a_withdrawal_that_left_no_tombstone_is_said(store, teller, monkeypatch) -> None:
    _, code = teller.story()
    monkeypatch.setattr(type(store), "tombstones", lambda _self: [])
    with pytest.raises(DamagedStore):
        store.withdraw(str(code), "code")


def test_cue_sheets_hold_what_the_gate_allows(store, teller, wording) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    one = store.add_excerpt(take, Ms(0), Ms(500), "Linden")
    two = store.add_excerpt(take, Ms(500), Ms(900), "Danced", "slowly")
    store.set_cue("evening", 1, one.id)
    store.set_cue("evening", 2, two.id)
    store.set_cue("evening", 2, None)
    assert store.cue_sheet("evening").cues == {1: one}
    assert store.cue_sheets() == ["evening"]
    assert store.excerpts(take) == [one, two]
    assert store.excerpts(TakeId("OTHER")) == []
    store.remove_excerpt(two.id)
    assert store.excerpts() == [one]
    for start, end in ((500, 500), (0, 2001), (-1, 5)):
        with pytest.raises(Refused):
            store.add_excerpt(take, Ms(start), Ms(end), "x")
    with pytest.raises(Refused):
        store.set_cue("evening", 9, one.id)
    with pytest.raises(NoSuchStory):
        store.set_cue("evening", 1, "nothing")
    assert store.cue_sheet("evening").cues == {1: one}
    store.db.conn.execute("DELETE FROM wraps WHERE recipient = 'box'")
    assert store.cue_sheet("evening").cues == {}
    store.decide(take, Use.PLAY_HERE, yes=False, wording=wording, by="left")
    assert store.excerpts() == []


def test_the_round_leaves_out_what_is_gone(store, teller) -> None:
    takes = [teller.story()[0] for _ in range(3)]
    store.set_rotation([takes[2], TakeId("GONE"), takes[0]])
    assert store.rotation() == [takes[2], takes[0]]


def test_a_full_disk_is_said_and_old_stories_stay(store, teller, wording) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    conn = store.db.conn
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(HomeTrouble, match="full"):
        store.open_take(prompt="p" * 50_000, language="en", wording=wording, by="talk")
    assert not conn.in_transaction
    with open_master(store, take, Reader.PLAY, store.now()) as master:
        assert master.read() == teller.told[take]
    assert store.withdraw(str(code), "code").take == take


def test_another_process_that_holds_the_lock_is_said(store, another_store) -> None:
    store.db.conn.execute("PRAGMA busy_timeout = 10")
    with another_store() as other:
        other.db.conn.execute("BEGIN IMMEDIATE")
        with pytest.raises(HomeTrouble, match="locked"):
            store.add_command("x")
        other.db.conn.execute("ROLLBACK")
    assert store.add_command("x") == 1


def test_without_keys_what_is_unfinished_is_named_with_its_problem(store, teller, home, another_store) -> None:
    take, writer = teller.open(1.0)
    writer.leave()
    shutil.rmtree(home.keys)
    with another_store() as thief:
        assert [(u.take, u.length, u.problem != "") for u in thief.unfinished()] == [(take, 0, True)]


def test_the_schema_counts_no_plays(store) -> None:
    columns = {
        row[1].lower()
        for (table,) in store.db.conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for row in store.db.conn.execute(f"PRAGMA table_info({table})")
    }
    assert not {
        column for column in columns for word in ("play", "like", "count", "listen", "status", "view") if word in column
    }


def test_deleted_rows_are_overwritten_and_the_log_is_emptied(store, home) -> None:
    conn: sqlite3.Connection = store.db.conn
    assert conn.execute("PRAGMA secure_delete").fetchone()[0] == 1
    assert conn.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
