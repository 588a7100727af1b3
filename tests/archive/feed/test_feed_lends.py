"""A voice lent by an archive is on a cue button, and nowhere else; and goes when it has to."""

from __future__ import annotations

import json

from archive import curation
from archive.captions import captions_of
from archive.consent import events_of, verify_chain
from archive.desk import clear_cue, set_cue
from archive.elapsed import beat
from archive.guests import LOAN_S, cue_reader, guests, is_lent
from archive.keycode import Cost
from archive.masters import open_master
from archive.patterns.medleys import Item, Kind, end_medley, make_medley, put_on_box
from archive.retention import run_retention
from archive.store import Store
from archive.transcripts import transcript
from archive.types import Act, Reader, Use
from archive.verify import verify
from audio.player import PlayerEvent, SilentPlayer
from audio.types import Ms, TakeId
from kiosk import types as t
from kiosk.playing import Playing

USES = (Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.PARTNERS)


def files(home):
    return sorted(path.relative_to(home.stories).as_posix() for path in home.stories.rglob("*") if path.is_file())


def test_a_cue_prepared_at_the_archive_sounds_at_the_box_sample_for_sample(archive, box, line, told_sound, pcm) -> None:
    story = TakeId(archive.lend())
    report = line.night()
    assert report.fresh
    assert report.lent == [story]
    cue = box.cue_sheet("main").cues[1]
    assert (cue.story, cue.title, cue.end - cue.start) == (story, "The ferry", 25_000)
    with open_master(box, story, box.cue_reader(story), box.now()) as master:
        assert master.read(cue.start, cue.end) == pcm(told_sound, 5_000, 30_000)
    words = transcript(box, story, box.cue_reader(story), box.now())
    assert words[0].text == "word5000"
    assert words[0].start == cue.start
    assert captions_of(box, story, box.now(), reader=Reader.LEND)
    assert box.loudness_of(story) is not None
    assert verify_chain(box.db.conn) == []


def test_two_cuts_of_one_story_lie_apart_in_one_sound(archive, box, line, told_sound, pcm) -> None:
    story = archive.story()
    archive.put("near", 1, story, archive.excerpt(story, 1_234, 25_777, "First"))
    archive.put("near", 2, story, archive.excerpt(story, 20_001, 45_002, "Second"))
    line.night()
    cues = box.cue_sheet("main").cues
    with open_master(box, TakeId(story), Reader.LEND, box.now()) as master:
        for button, start, end in ((1, 1_234, 25_777), (2, 20_001, 45_002)):
            assert master.read(cues[button].start, cues[button].end) == pcm(told_sound, start, end)
    assert len(line.transport.blobs) == 2


def test_a_medley_sounds_on_a_press_until_it_is_ended(archive, box, line, clock) -> None:
    now = archive.place.now()
    items = [Item(Kind.EXCERPT, excerpt=archive.excerpt(archive.story(*USES))) for _ in range(2)]
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        medley = make_medley(tx, "Over the river", "en", items, "ana", now)
        put_on_box(tx, medley, "near", 3, "ana", now)
    line.night()
    told: list[t.Event] = []
    player = SilentPlayer(clock, lambda _event: None)
    playing = Playing(box, player, clock, told.append, volume=0.7)
    playing.cue(1, 4, "en")
    clock.advance(1.0)
    playing.tick(clock.monotonic())
    assert player.position() is not None
    playing.stop()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        end_medley(tx, medley, "ana", now)
    line.night()
    assert box.cue_sheet("main").cues == {}
    assert files(box.home) == []


def test_a_guest_is_on_buttons_and_nowhere_else(archive, box, line) -> None:
    story = TakeId(archive.lend("near", 1, Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.PARTNERS, Use.PUBLIC))
    line.night()
    assert box.stories() == []
    assert box.story(story).site == "Elsewhere"
    assert is_lent(events_of(box.db.conn, story))
    assert verify(box).sound
    assert [event.by for event in events_of(box.db.conn, story)] == ["feed/left"] * 5


def test_the_gate_is_asked_as_who_the_box_is(archive, box, line) -> None:
    here = archive.story(Use.RECORD, Use.KEEP, Use.PLAY_HERE, site="Riverside")
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.set_site(tx, "near", "Riverside", "curator", archive.place.now())
    archive.put("near", 1, here, archive.excerpt(here))
    line.night()
    assert cue_reader(box.db.conn, TakeId(here)) is Reader.CUE
    assert set(box.cue_sheet("main").cues) == {1}
    line.site = "Another library"
    archive.excerpt(here, 6_000, 31_000)
    archive.put("near", 2, here, archive.excerpt(here, 7_000, 32_000))
    report = line.night()
    # What the archive's people said of the box is not what the box knows of itself: then nothing is played.
    assert [one.loan.story for one in report.not_lent] == [here]
    assert box.cue_sheet("main").cues == {}


def test_a_button_filled_here_stays_and_one_cleared_here_stays_empty(archive, box, line) -> None:
    archive.lend("near", 1)
    archive.lend("near", 2)
    line.night()
    clear_cue(box, 2)
    other = archive.lend("near", 3)
    line.night()
    cues = box.cue_sheet("main").cues
    assert set(cues) == {1, 3}
    assert cues[3].story == other
    # Another excerpt on that button is another decision.
    newer = archive.lend("near", 2)
    line.night()
    assert box.cue_sheet("main").cues[2].story == newer


def test_a_story_told_at_the_box_is_played_from_its_own_sound(archive, box, line, own_story) -> None:
    story = own_story(Use.PLAY_HERE, Use.PARTNERS)
    archive.story_as(story)
    archive.put("near", 4, story, archive.excerpt(story, 0, 20_000, "Ours"))
    before = files(box.home)
    line.night()
    assert files(box.home) == before
    assert box.cue_sheet("main").cues[4].end == 20_000
    assert guests(box.db.conn) == {}
    box.decide(story, Use.PLAY_HERE, yes=False, wording=own_story.wording, by="key")
    assert box.cue_sheet("main").cues == {}


def test_what_is_not_on_a_sheet_any_more_is_given_back_and_may_come_again(archive, box, line) -> None:
    story = TakeId(archive.lend())
    excerpt = box_cut(archive, story)
    line.night()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.clear_cue(tx, "near", 1, "curator", archive.place.now())
    report = line.night()
    assert report.given_back == [story]
    assert files(box.home) == []
    assert box.db.conn.execute("SELECT COUNT(*) FROM takes").fetchone()[0] == 0
    assert box.tombstones() == []
    archive.put("near", 1, story, excerpt)
    line.night()
    assert box.cue_sheet("main").cues[1].story == story


def box_cut(archive, story: TakeId) -> str:
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT id FROM excerpts WHERE story = ?", story)
    assert row is not None
    return str(row["id"])


def test_a_no_said_at_home_silences_the_guest_with_the_next_feed(archive, box, line) -> None:
    story = TakeId(archive.lend())
    line.night()
    archive.add(story, Act.DECIDE, Use.PARTNERS)
    report = line.night()
    assert report.given_back == [story]
    assert box.cue_sheet("main").cues == {}


def test_a_consent_record_that_grew_is_added_to_the_ledger_once(archive, box, line) -> None:
    story = TakeId(archive.lend())
    line.night()
    archive.add(story, Act.DECIDE, Use.PUBLIC, yes=True)
    line.night()
    assert [event.use for event in events_of(box.db.conn, story)] == [Use.RECORD, Use.KEEP, Use.PARTNERS, Use.PUBLIC]
    assert box.cue_sheet("main").cues[1].story == story


def test_a_steward_holds_a_guest_and_no_feed_releases_it(archive, box, line) -> None:
    story = TakeId(archive.lend())
    line.night()
    with box.db.conn:
        box.note(story, Act.HOLD, "steward")
    assert box.cue_sheet("main").cues == {}
    archive.add(story, Act.RELEASE)
    assert [one.why for one in line.night().not_lent]
    assert box.cue_sheet("main").cues == {}


def test_a_tombstone_in_the_feed_erases_the_guest_wholly(archive, box, line, clock) -> None:
    story = TakeId(archive.lend())
    line.night()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM stories WHERE id = ?", story)
        tx.run(
            "INSERT INTO tombstones VALUES (?, ?, 'withdrawal', 0, '', ?, 'desk')",
            story, clock.wall().isoformat(), clock.wall().isoformat(),
        )  # fmt: skip
    line.night()
    assert [gone.take for gone in box.tombstones()] == [story]
    assert files(box.home) == []
    assert box.standing(story).ended is Act.WITHDRAW


def test_loans_outlast_a_month_without_contact_and_not_sixty_days(archive, box, line, clock) -> None:
    story = TakeId(archive.lend())
    line.night()
    clock.advance(31 * 86_400)
    assert run_retention(box).loans_ended == []
    assert box.cue_sheet("main").cues[1].story == story
    clock.advance(LOAN_S - 31 * 86_400)
    # Silent already before anybody cleans up.
    assert box.cue_sheet("main").cues == {}
    beat(box)
    assert run_retention(box).loans_ended == [story]
    assert files(box.home) == []
    line.night()
    assert box.cue_sheet("main").cues[1].story == story


def test_a_feed_that_says_nothing_new_is_renewed_after_a_day(archive, line, clock) -> None:
    archive.lend()
    first = line.offer()
    clock.advance(3600)
    assert line.offer() == first
    clock.advance(86_400)
    assert line.offer() != first
    assert line.take().fresh


def test_prompts_and_settings_come_as_files_the_box_reads(archive, box, line) -> None:
    prepared = curation.PreparedSet(
        "elders", {"en": 'Of "old" days'}, (curation.AskedPrompt("first-bus", {"en": "The bus?", "es": "¿El bus?"}),)
    )
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.save_prompts(tx, prepared, "curator", archive.place.now())
        curation.set_setting(tx, "near", "sound.volume", 0.5, "curator", archive.place.now())
    line.night()
    (path,) = (box.home.feed / "prompts").iterdir()
    assert "first-bus" in path.read_text(encoding="utf-8")
    assert json.loads((box.home.feed / "settings.json").read_text()) == {"sound.volume": 0.5}
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.remove_prompts(tx, "elders", "curator", archive.place.now())
    line.night()
    assert list((box.home.feed / "prompts").iterdir()) == []


def test_a_cue_set_at_the_box_stays_before_the_archives(archive, box, line, own_story) -> None:
    story = own_story(Use.PLAY_HERE)
    set_cue(box, 1, story, Ms(0), Ms(5_000), title="Local")
    archive.lend("near", 1)
    line.night()
    assert box.cue_sheet("main").cues[1].title == "Local"


def test_a_guest_that_sounds_falls_silent_when_its_teller_takes_it_back(archive, box, line, clock) -> None:
    story = TakeId(archive.lend())
    line.night()
    told: list[t.Event] = []
    heard: list[PlayerEvent] = []
    player = SilentPlayer(clock, heard.append)
    playing = Playing(box, player, clock, told.append, volume=0.7)
    playing.cue(2, 1, "en")
    clock.advance(1.0)
    playing.tick(clock.monotonic())
    assert player.position() is not None
    assert playing.words()
    with Store(box.home, clock, Cost(8, 1, 1)) as other:
        other.add_tombstone(story)
    for _ in range(8):
        clock.advance(0.5)
        playing.tick(clock.monotonic())
    while heard:
        playing.hear(heard.pop(0))
    assert any(isinstance(event, t.PlaybackEnded) for event in told)
    assert player.position() is None
    assert files(box.home) == []
    playing.cue(3, 1, "en")
    assert isinstance(told[-1], t.NothingToPlay)
