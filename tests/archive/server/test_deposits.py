"""Bags come into an archive whole or not at all, each once, and go again without a trace of what was told."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.bagcheck import check_bag
from archive.catalogue import sqlite
from archive.catalogue.consents import ask
from archive.catalogue.search import search
from archive.consentrecord import links
from archive.errors import BadBag, NoKey, NoSuchStory, StoreTrouble
from archive.objects import bag_folder
from archive.server.agreement import disagreements
from archive.server.arrival import LIMITS, read_arrival
from archive.server.asides import aside_of, drop, undecided
from archive.server.custody import refuse_early
from archive.server.deposits import Conflict, TakenBack, accept
from archive.server.erase import settle, sweep, withdraw
from archive.server.place import ArchiveHome, WrongKeys, open_archive
from archive.tombstones import Reach, Tombstone
from archive.types import Act, Form, Reader, Use
from audio.clock import VirtualClock
from audio.types import TakeId

Seal = Callable[[Any], Path]
WORDS = "The quagmire swallowed my grandfather's threshing machine."


def found(place: ArchiveHome, words: str) -> list[str]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return [hit.story for hit in search(tx, words, Reader.DESK, place.now())]


def rows(place: ArchiveHome, sql: str, *params: str) -> list[tuple[Any, ...]]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return [tuple(row) for row in tx.all(sql, *params)]


def stone(place: ArchiveHome, story: TakeId) -> Tombstone:
    return Tombstone(story, place.now())


def test_a_bag_is_kept_signed_for_and_found(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    story.marks = [
        {"event": "span", "mark": "question", "start_ms": 0, "end_ms": 900, "ref": "sea"},
        {"event": "span", "mark": "invented", "start_ms": 0, "end_ms": 900, "ref": "sea"},
    ]
    receipt = accept(place, sealed(story), "front")
    assert (receipt.bag, receipt.sha256) == (story.story, story.bag().sha256)
    assert receipt.verified(place.public_key.sign)
    assert rows(place, "SELECT kind, prompt, prompt_text, site, language, length_ms, box, has_voice FROM stories") == [
        ("story", "sea", "What about the sea?", "Maple Library", "en", 61_000, "front", 1)
    ]
    assert rows(place, "SELECT by, approximate, checked_by FROM passages") == [("small.en-int8", 0, None)]
    assert rows(place, "SELECT kind, start_ms, end_ms, label FROM spans") == [("question", 0, 900, "sea")]
    assert rows(place, "SELECT who, what, subject FROM changes") == [("box front", "story received", story.story)]
    assert found(place, '"lighthouse stood"') == [story.story]
    assert disagreements(place) == []
    assert [path.name for path in place.work.iterdir()] == [".turn"]


def test_an_opened_bag_is_taken_in_as_well_and_left_where_it_is(place: ArchiveHome, told: Any, opened: Seal) -> None:
    folder = opened(told())
    accept(place, folder, "")
    assert (folder / "data/story.flac").exists()
    assert disagreements(place) == []


def test_captions_without_times_of_words_are_called_approximate(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    story.vtt = "WEBVTT\n\n00:01.000 --> 00:03.000\nA lighthouse &amp; a <b>boat</b>.\n\n00:03.000 --> 00:02.000\nno\n"
    accept(place, sealed(story), "front")
    ((text, words, approximate),) = rows(place, "SELECT text, words, approximate FROM passages")
    assert (text, approximate) == ("A lighthouse & a boat.", 1)
    assert [word[4] for word in json.loads(words)] == text.split()
    assert json.loads(words)[0][0] == 1000
    assert json.loads(words)[-1][1] == 3000


def test_the_same_bag_again_has_the_old_receipt(
    place: ArchiveHome, told: Any, sealed: Seal, clock: VirtualClock
) -> None:
    source = sealed(told())
    first = accept(place, source, "front")
    for _ in range(10):
        clock.advance(60)
        assert accept(place, source, "front") == first
    assert rows(place, "SELECT id FROM stories") == [(told().story,)]
    assert disagreements(place) == []


def test_fifty_at_once_are_one_story(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    source = sealed(told())
    receipts: list[str] = []
    troubles: list[BaseException] = []

    def come() -> None:
        try:
            for _ in range(10):
                receipts.append(json.dumps(accept(place, source, "front").to_json()))  # noqa: PERF401
        except BaseException as error:  # noqa: BLE001 (a thread's failure has to reach the test)
            troubles.append(error)

    threads = [threading.Thread(target=come) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert troubles == []
    assert (len(receipts), len(set(receipts))) == (50, 1)
    assert disagreements(place) == []


def test_a_file_that_was_lost_comes_back_with_the_same_bag(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    source = sealed(told())
    first = accept(place, source, "front")
    key = next(key for key in place.objects.keys("") if key.endswith("story.flac"))
    place.objects.delete(key)
    assert disagreements(place) == [f"{told().story}: its file data/story.flac is missing."]
    assert accept(place, source, "front") == first
    assert disagreements(place) == []


def test_a_longer_consent_takes_the_place_of_the_old(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    old = story.bag().sha256
    accept(place, sealed(story), "front")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE passages SET text = 'The lightship stood', checked_by = 'ana', checked_at = '2026'")
        tx.run("INSERT INTO reviews VALUES ('1', ?, '2026', 'ana', 'keep', '')", story.story)
    story.add(Act.DECIDE, use=Use.PUBLIC, yes=True)
    receipt = accept(place, sealed(story), "front")
    assert receipt.sha256 == story.bag().sha256 != old
    assert list(place.objects.keys(bag_folder(story.story, old))) == []
    # What people did here stays: the words are the same.
    assert rows(place, "SELECT text, checked_by FROM passages") == [("The lightship stood", "ana")]
    assert rows(place, "SELECT verdict FROM reviews") == [("keep",)]
    assert rows(place, "SELECT sha256 FROM receipts") == [(receipt.sha256,)]
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert ask(tx, story.story, Reader.PUBLISH, place.now()).allowed


def test_a_teller_who_takes_the_voice_back_leaves_words_alone(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    accept(place, sealed(story), "front")
    story.add(Act.DECIDE, use=Use.ARCHIVE, yes=True, form=Form.TRANSCRIPT)
    story.sound = None
    accept(place, sealed(story), "front")
    assert [key for key in place.objects.keys("") if key.endswith(".flac")] == []
    assert rows(place, "SELECT has_voice FROM stories") == [(0,)]
    assert found(place, "lighthouse") == [story.story]
    assert disagreements(place) == []


def test_a_span_taken_back_goes_out_of_words_history_and_excerpts(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told(said="My neighbour Quentin drank. Then the river rose.")
    accept(place, sealed(story), "front")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run(
            "INSERT INTO passage_versions SELECT story, number, 0, start_ms, end_ms, text, words, approximate, by, at, "
            "checked_by, checked_at FROM passages"
        )
        tx.run(
            "INSERT INTO excerpts VALUES ('e', ?, 0, 1500, 'Quentin', '', '2026', 'ana'), "
            "('f', ?, 2100, 4000, 'River', '', '2026', 'ana')", story.story, story.story,
        )  # fmt: skip
    story.add(Act.CUT, start=0, end=2000)
    story.said = "[…] […] […] […] Then the river rose."
    story.sound = b"fLaCcut" * 100
    accept(place, sealed(story), "front")
    assert rows(place, "SELECT id FROM excerpts") == [("f",)]
    assert rows(place, "SELECT story FROM passage_versions WHERE text LIKE '%Quentin%'") == []
    assert found(place, "Quentin") == []
    assert found(place, "river") == [story.story]
    assert disagreements(place) == []


def test_what_people_made_of_a_span_goes_with_it(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told(said="My neighbour Quentin drank. Then the river rose.")
    accept(place, sealed(story), "front")
    who = ("2026", "ana")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO codebooks VALUES ('b', 'Book', '2026', 'ana')")
        tx.run("INSERT INTO codes VALUES ('c', 'b', 'Drink', 'concrete', '', '', '')")
        tx.run("INSERT INTO themes VALUES ('t', 'ana', '2026')")
        tx.run("INSERT INTO briefings VALUES ('b', 'Title', '', '', '', '', 'en', '2026', 'ana')")
        tx.run("INSERT INTO briefing_points VALUES ('p', 'b', 0, 'A point', '')")
        for name, start, end in (("in", 0, 1900), ("across", 1000, 2600), ("near", 2200, 2900), ("after", 2300, 4000)):
            tx.run("INSERT INTO highlights VALUES (?, ?, ?, ?, 'ana', '2026', '')", name, story.story, start, end)
            tx.run("INSERT INTO highlight_codes VALUES (?, ?, ?, 'c', 'ana', '2026', '')", name, name, story.story)
            tx.run("INSERT INTO memos VALUES (?, ?, ?, 'ana', '2026', 'Quentin again')", name, name, story.story)
            tx.run("INSERT INTO theme_voices VALUES ('t', ?, ?, 'for', 'ana', '2026')", name, story.story)
            tx.run(
                "INSERT INTO suggestions VALUES (?, ?, ?, ?, 'c', 'model', '1', '{}', '2026')",
                name, story.story, start, end,
            )  # fmt: skip
            tx.run(
                "INSERT INTO briefing_quotes VALUES (?, 'b', 'p', ?, ?, ?, 'Quentin drank', ?, ?)",
                name, story.story, start, end, *who,
            )  # fmt: skip
    story.add(Act.CUT, start=0, end=2000)
    story.said = "[…] […] […] […] Then the river rose."
    story.sound = b"fLaCcut" * 100
    accept(place, sealed(story), "front")
    for table, name in (
        ("highlights", "id"), ("highlight_codes", "highlight"), ("memos", "highlight"), ("theme_voices", "highlight"),
        ("suggestions", "id"), ("briefing_quotes", "id"),
    ):  # fmt: skip
        assert rows(place, f"SELECT {name} FROM {table}") == [("after",)], table


def test_a_story_stays_with_the_box_it_came_from(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    first = accept(place, sealed(story), "front")
    # The same bag by another way is the same story; a longer consent from another box is not its word.
    assert accept(place, sealed(story), "other") == first
    story.add(Act.DECIDE, use=Use.PUBLIC, yes=True)
    with pytest.raises(Conflict, match="from another box"):
        accept(place, sealed(story), "other")
    assert rows(place, "SELECT box, bag_sha256 FROM stories") == [("front", first.sha256)]
    # A stick names no box: what comes on it is taken in, and the story does not change hands.
    accept(place, sealed(story), "")
    assert rows(place, "SELECT box, bag_sha256 FROM stories") == [("front", story.bag().sha256)]
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert ask(tx, story.story, Reader.PUBLISH, place.now()).allowed


def test_what_first_came_on_a_stick_belongs_to_the_first_box_that_shows_it(
    place: ArchiveHome, told: Any, sealed: Seal
) -> None:
    story = told()
    accept(place, sealed(story), "")
    accept(place, sealed(story), "front")
    accept(place, sealed(story), "other")
    assert rows(place, "SELECT box FROM stories") == [("front",)]


def test_an_older_recall_on_a_stick_does_not_undo_a_newer_one(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    recall = [Tombstone(story.story, place.now(), Reach.RECALL, len(story.events), links(story.events)[-1])]
    early = sealed(story).rename(place.path / "early.sealed")
    story.add(Act.DECIDE, use=Use.ARCHIVE, yes=False)
    recall.append(Tombstone(story.story, place.now(), Reach.RECALL, len(story.events), links(story.events)[-1]))
    story.add(Act.DECIDE, use=Use.ARCHIVE, yes=True)
    accept(place, sealed(story), "front")
    story.add(Act.DECIDE, use=Use.ARCHIVE, yes=False)
    recall.append(Tombstone(story.story, place.now(), Reach.RECALL, len(story.events), links(story.events)[-1]))
    assert withdraw(place, recall[2], "front")
    assert not withdraw(place, recall[0], ""), "a stick that lay somewhere"
    assert rows(place, "SELECT reach, events FROM tombstones") == [("recall", len(story.events))]
    with pytest.raises(TakenBack):
        accept(place, early, "")
    assert rows(place, "SELECT id FROM stories") == []


def both_sum(place: ArchiveHome) -> str:
    ((sha256,),) = rows(place, "SELECT sha256 FROM aside")
    return str(sha256)


def test_other_content_with_the_same_id_is_put_aside_once(
    place: ArchiveHome, told: Any, sealed: Seal, opened: Seal
) -> None:
    story = told()
    first = accept(place, sealed(story), "front")
    story.said = "Forged."
    for _ in range(3):
        with pytest.raises(Conflict):
            accept(place, sealed(story), "other")
    ((aside, why),) = rows(place, "SELECT place, why FROM aside")
    assert "Another content" in why
    assert (place.aside / aside / story.story / "data/story.flac").exists()
    with place.catalogue() as catalogue, catalogue.read() as tx:
        (row,) = undecided(tx)
        both = aside_of(place, tx, row["id"])
    assert (both.box, both.same_sound, both.other.lines, both.other.files) == (
        "other", True, both.kept.lines, both.kept.files,
    )  # fmt: skip
    drop(place, row["id"], "ada", place.now())
    assert list(place.aside.iterdir()) == []
    with pytest.raises(NoSuchStory), place.catalogue() as catalogue, catalogue.read() as tx:
        aside_of(place, tx, row["id"])
    with pytest.raises(Conflict):
        accept(place, sealed(story), "other")
    assert list(place.aside.iterdir()) == [], "what was thrown away does not come back"
    with pytest.raises(Conflict):
        refuse_early(place, story.story, both_sum(place))
    assert accept(place, sealed(told()), "front") == first
    assert found(place, "forged") == []
    assert disagreements(place) == []


def test_newer_words_of_a_machine_come_from_the_storys_own_box_alone(
    place: ArchiveHome, told: Any, sealed: Seal
) -> None:
    story = told()
    first = accept(place, sealed(story), "front")
    story.said = "A lighthouse, by night."
    with pytest.raises(Conflict):
        accept(place, sealed(story), "")
    assert found(place, "night") == []
    assert accept(place, sealed(story), "front").sha256 != first.sha256
    assert found(place, "night") == [story.story]
    assert disagreements(place) == []


def test_what_is_not_allowed_or_not_ours_is_refused(
    place: ArchiveHome, told: Any, sealed: Seal, tmp_path: Path, clock: VirtualClock
) -> None:
    with pytest.raises(BadBag):
        accept(place, sealed(told(uses=(Use.RECORD, Use.KEEP, Use.PLAY_HERE))), "front")
    broken = sealed(told())
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with pytest.raises(BadBag):
        accept(place, broken, "front")
    with open_archive(tmp_path / "another", clock) as other, pytest.raises(BadBag):
        accept(other, sealed(told()), "front")
    assert rows(place, "SELECT id FROM stories") == []
    assert list(place.objects.keys()) == []
    assert [path.name for path in place.work.iterdir()] == [".turn"]
    assert disagreements(place) == []


def test_words_nobody_could_say_are_refused_quickly(place: ArchiveHome, told: Any, opened: Seal) -> None:
    story = told()
    story.vtt = "WEBVTT\n\n" + "00:00.000 --> 00:01.000\na\n\n" * 60_000
    with pytest.raises(BadBag):
        accept(place, opened(story), "front")
    story.vtt = "this is not WebVTT"
    with pytest.raises(BadBag):
        accept(place, opened(story), "front")
    story.vtt = 'WEBVTT\n\nNOTE words [[0,1,2,0,"x"],["a"],{}]\n\n00:00.000 --> 00:01.000\nfine\n'
    accept(place, opened(story), "front")
    assert found(place, "fine") == [story.story]


def test_an_embargoed_story_comes_and_is_not_found_before_its_day(
    place: ArchiveHome, told: Any, sealed: Seal, clock: VirtualClock
) -> None:
    story = told()
    story.add(Act.DECIDE, use=Use.ARCHIVE, yes=True, embargo=date(2026, 1, 10))
    with pytest.raises(BadBag):
        accept(place, sealed(story), "front")
    clock.advance(10 * 86_400)
    accept(place, sealed(story), "front")
    assert found(place, "lighthouse") == [story.story]


def test_withdrawal_reaches_every_row_object_and_byte(
    place: ArchiveHome, told: Any, sealed: Seal, request: pytest.FixtureRequest
) -> None:
    story, other = told(said=WORDS), told(TakeId("01JC8Q3Y5Z7R9T2V4W6X8Y0A2C"), "Another lighthouse.")
    for one in (story, other):
        accept(place, sealed(one), "front")
    forged = told(said=f"{WORDS} Forged.")
    forged.sound = b"fLaCforged"
    with pytest.raises(Conflict):
        accept(place, sealed(forged), "front")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO derived VALUES (?, ?)", story.story, "excerpts/abc")
        tx.run("INSERT INTO excerpts VALUES ('e', ?, 0, 900, ?, '', '2026', 'ana')", story.story, WORDS)
    place.objects.put("excerpts/abc", (place.path / "config.toml").open("rb"))
    assert withdraw(place, stone(place, story.story), "front")
    assert not withdraw(place, stone(place, story.story), "front")
    assert found(place, "quagmire") == []
    assert found(place, "lighthouse") == [other.story]
    assert [key for key in place.objects.keys("") if not key.startswith(bag_folder(other.story))] == []
    assert list(place.aside.iterdir()) == []
    assert disagreements(place) == []
    with pytest.raises(TakenBack):
        accept(place, sealed(story), "front")
    for path in place.path.rglob("*"):
        data = path.read_bytes().lower() if path.is_file() else b""
        assert not any(word in data for word in (b"quagmire", b"threshing")), path
    speaking = [row[0] for row in rows(place, "SELECT subject FROM changes WHERE what = 'story taken back'")]
    assert speaking == [story.story]


def test_a_withdrawal_before_the_story_came_counts_too(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    assert not withdraw(place, stone(place, told().story), "front")
    with pytest.raises(TakenBack):
        accept(place, sealed(told()), "front")
    assert list(place.objects.keys()) == []
    assert disagreements(place) == []


def test_a_recall_is_lifted_by_a_newer_yes_and_a_withdrawal_is_not(place: ArchiveHome, told: Any, sealed: Seal) -> None:
    story = told()
    accept(place, sealed(story), "front")
    head = links(story.events)[-1]
    recall = Tombstone(story.story, place.now(), Reach.RECALL, len(story.events), head)
    assert withdraw(place, recall, "front")
    with pytest.raises(TakenBack):
        accept(place, sealed(story), "front")
    story.add(Act.DECIDE, use=Use.PUBLIC, yes=True)
    accept(place, sealed(story), "front")
    assert rows(place, "SELECT id FROM tombstones") == []
    # The recall comes late a second time: the teller has said yes since.
    assert not withdraw(place, recall, "front")
    assert found(place, "lighthouse") == [story.story]
    assert withdraw(place, stone(place, story.story), "front")
    assert not withdraw(place, recall, "front")
    assert rows(place, "SELECT reach FROM tombstones") == [("withdrawal",)]
    assert disagreements(place) == []


def test_a_withdrawal_while_a_bag_is_being_stored_wins(
    place: ArchiveHome, told: Any, sealed: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = type(place.objects).put

    def taken_back_meanwhile(objects: Any, key: str, source: Any) -> Any:
        stored = put(objects, key, source)
        if key.endswith("story.vtt"):
            withdraw(place, stone(place, told().story), "front")
        return stored

    monkeypatch.setattr(type(place.objects), "put", taken_back_meanwhile)
    with pytest.raises(TakenBack):
        accept(place, sealed(told()), "front")
    assert list(place.objects.keys()) == []
    assert disagreements(place) == []


def test_a_store_that_fails_keeps_nothing_half(
    place: ArchiveHome, told: Any, sealed: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = type(place.objects).put

    def full(objects: Any, key: str, source: Any) -> Any:
        if key.endswith("manifest-md5.txt"):
            raise StoreTrouble("The store is full.")
        return put(objects, key, source)

    with monkeypatch.context() as patched:
        patched.setattr(type(place.objects), "put", full)
        with pytest.raises(StoreTrouble):
            accept(place, sealed(told()), "front")
    assert list(place.objects.keys()) == []
    assert disagreements(place) == []
    accept(place, sealed(told()), "front")
    assert disagreements(place) == []


def test_objects_that_cannot_go_now_go_later(
    place: ArchiveHome, told: Any, sealed: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(place, sealed(told()), "front")

    def unreachable(*_: Any) -> bool:
        raise StoreTrouble("The store does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(type(place.objects), "delete", unreachable)
        with pytest.raises(StoreTrouble):
            withdraw(place, stone(place, told().story), "front")
        assert found(place, "lighthouse") == []
    assert sweep(place) == 11
    assert disagreements(place) == []
    with place.catalogue() as catalogue:
        assert settle(place, catalogue) == 0


def test_a_long_read_does_not_stand_before_a_withdrawal(
    place: ArchiveHome, told: Any, sealed: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SCRUB_MS", 10)
    accept(place, sealed(told()), "front")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        tx.all("SELECT id FROM stories")
        assert withdraw(place, stone(place, told().story), "front")
        assert list(place.objects.keys(bag_folder(told().story))) == []
        left = rows(place, "SELECT key FROM leavings")
    assert left in ([], [("scrub",)])
    with place.catalogue() as catalogue:
        settle(place, catalogue)
    assert rows(place, "SELECT key FROM leavings") == []


def test_a_sweep_leaves_alone_what_is_being_taken_in(
    place: ArchiveHome, told: Any, sealed: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = type(place.objects).put

    def sweeping(objects: Any, key: str, source: Any) -> Any:
        stored = put(objects, key, source)
        sweep(place)
        return stored

    monkeypatch.setattr(type(place.objects), "put", sweeping)
    accept(place, sealed(told()), "front")
    assert disagreements(place) == []


def test_what_another_machine_left_half_done_is_swept_after_a_day(
    place: ArchiveHome, told: Any, clock: VirtualClock
) -> None:
    at = datetime.fromisoformat("2026-01-02T09:00:00+00:00").isoformat(timespec="milliseconds")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO arriving VALUES ('elsewhere/abc', ?, ?, ?)", told().story, "ab" * 32, at)
    place.objects.put(f"bags/{told().story}/{'ab' * 8}/bagit.txt", (place.path / "config.toml").open("rb"))
    assert sweep(place) == 0
    clock.advance(2 * 86_400)
    assert sweep(place) == 1
    assert disagreements(place) == []


def test_without_its_keys_an_archive_takes_nothing_in_and_still_erases(
    place: ArchiveHome, told: Any, sealed: Seal, clock: VirtualClock
) -> None:
    source = sealed(told())
    accept(place, source, "front")
    keys = place.path.with_name("archive-keys")
    shutil.move(keys, keys.with_name("elsewhere"))
    with open_archive(place.path, clock) as again:
        with pytest.raises(NoKey):
            accept(again, source, "front")
        assert found(again, "lighthouse") == [told().story]
        assert withdraw(again, stone(again, told().story), "front")
    keys.mkdir()
    for name in ("archive-seal.key", "archive-sign.key"):
        (keys / name).write_bytes(bytes(range(32)))
    with pytest.raises(WrongKeys):
        open_archive(place.path, clock)


ODD = {"event": "span", "mark": "question", "start_ms": 0, "end_ms": 900, "ref": "sea"}


def test_odd_facts_are_left_empty_and_the_story_is_kept(place: ArchiveHome, told: Any, opened: Seal) -> None:
    for number, odd in enumerate(
        ({**ODD, "mark": ["question"]}, {**ODD, "end_ms": 10**400}, {**ODD, "start_ms": True}, {**ODD, "ref": {}})
    ):
        story = told(TakeId(f"01JC8Q3Y5Z7R9T2V4W6X8Y0A{number:02}"))
        story.marks = [odd]
        accept(place, opened(story), "front")
    assert rows(place, "SELECT start_ms, end_ms, label FROM spans ORDER BY story") == [
        (0, 0, "sea"), (0, 900, "sea"), (0, 900, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "kept"), [("es-419", "es-419"), ("en", "en"), ("en'><b>", ""), ("en_US", ""), ("e", "")]
)
def test_what_names_no_language_is_left_empty(place: ArchiveHome, opened: Seal, told: Any, tag: str, kept: str) -> None:
    folder = opened(told())
    checked = check_bag(folder, place.now(), LIMITS)
    (folder / "data/metadata.csv").write_text(f"dcterms:language\n{tag}\n")
    assert read_arrival(folder, checked).language == kept


def test_a_name_steers_no_page_and_no_terminal(place: ArchiveHome, opened: Seal, told: Any) -> None:
    folder = opened(told())
    checked = check_bag(folder, place.now(), LIMITS)
    (folder / "data/metadata.csv").write_text("dcterms:title\nT\u202egnp\x1b[2J\0.exe\u200f\n", encoding="utf-8")
    assert read_arrival(folder, checked).title == "Tgnp[2J.exe\u200f", "marks an Arabic text needs stay"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_year_no_clock_shows_is_left_empty_or_refused(place: ArchiveHome, told: Any, opened: Seal, at: str) -> None:
    folder, plain = opened(told()), {"event": "recorded", "at": at}
    (folder / "data/events.jsonl").write_text(json.dumps(plain) + "\n")
    arrival = read_arrival(folder, check_bag(opened(told()), place.now(), LIMITS))
    assert arrival.recorded_at.startswith("2026-01-01")
    story = told()
    story.events[0] = replace(story.events[0], at=datetime.fromisoformat(at))
    with pytest.raises(BadBag):
        accept(place, opened(story), "front")
    story = told()
    story.events[-1] = replace(story.events[-1], seq=1 << 80)
    with pytest.raises(BadBag):
        accept(place, opened(story), "front")
    assert rows(place, "SELECT id FROM stories") == []
