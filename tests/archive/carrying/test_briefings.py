"""Briefings: nothing leaves unheard or unallowed, by any route; and later it is told what was taken back."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date, timedelta

import pytest
import soundfile

from archive.errors import Refused
from archive.patterns.backing import _lines
from archive.patterns.briefings import (
    BadBriefing,
    NotReady,
    Quote,
    add_point,
    add_quote,
    briefing_of,
    briefing_of_issue,
    check_quote,
    make_briefing,
    quote_of,
    ready,
    remove_point,
    state_of,
    withdrawn_since,
)
from archive.patterns.handout import Leaf, read_mark, write_briefing
from archive.patterns.highlights import highlight
from archive.patterns.phrases import LANGUAGES, phrases
from archive.patterns.snippets import Looked
from archive.patterns.themes import BadTheme, Count, Look, Side, Theme, make_theme, put_voice
from archive.people.accounts import PersonTrouble, add_person, end_person
from archive.people.roles import Role
from archive.reviewing.decisions import redact
from archive.types import Act, Form, Use

SAID = "We took the ferry every morning."


@pytest.fixture
def desk(archive):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        add_person(tx, "ana", [Role.ANALYST], "test", archive.place.now())
    return archive


def begun(archive, *stories, check=True, text=SAID, language="en"):
    """A briefing with one point and a quote of each story; returns its identifier and those of the quotes."""
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        briefing = make_briefing(tx, "What people say of the ferry", "the town council", "ana", now, language=language)
        point = add_point(tx, briefing, "The ferry was how people got to work.", "ana", now)
        quotes = [add_quote(tx, point, story, 5_000, 9_000, "ana", now) for story in stories]
        if check:
            for quote in quotes:
                check_quote(tx, quote, text, "ana", now)
    return briefing, quotes


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_leads_back_to_the_second(desk, tmp_path):
    open_voice = desk.story(hertz=300)
    words_only = desk.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.QUOTE, hertz=700)
    briefing, _ = begun(desk, open_voice, words_only)
    done = write_briefing(desk.place, briefing, tmp_path / "stick" / "ferry", "ana")
    files = files_of(done.folder)
    assert set(files) == {"index.html", "briefing.pdf", "quotes.csv", "briefing.json", "sounds/01.flac"}
    assert (done.quotes, done.sounds) == (2, 1)
    sound, rate = soundfile.read(done.folder / "sounds/01.flac")
    assert len(sound) / rate == 4.0
    rows = list(csv.DictReader((done.folder / "quotes.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["story"], row["start"], row["start_ms"], row["quote"], row["checked_by"], row["sound"]) for row in rows] == [
        (open_voice, "0:00:05", "5000", SAID, "ana", "sounds/01.flac"), (words_only, "0:00:05", "5000", SAID, "ana", ""),
    ]  # fmt: skip
    assert rows[0]["allowed"].count(";") == 4
    page = files["index.html"].decode()
    for told in (SAID, "The ferry was how people got to work.", "not a sample", open_voice, 'src="sounds/01.flac"',
                 "the voice stays at the archive", "heard and checked by ana", done.issue):  # fmt: skip
        assert told in page
    assert "1 sentence, 2 quotes from 2 voices at Riverside Library, told on 1 March 2026." in page
    assert f"story {words_only}, 0:00:05 to 0:00:09" in page
    assert "http" not in page
    assert "<script" not in page
    assert files["briefing.pdf"].startswith(b"%PDF")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not on this machine")
def test_the_paper_says_the_same(desk, tmp_path):
    briefing, _ = begun(desk, desk.story(), text="كنا نأخذ العبّارة كل صباح. हम रोज़ नाव से जाते थे। 我们每天坐渡船。")
    done = write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")
    told = subprocess.run(
        ["pdftotext", done.folder / "briefing.pdf", "-"], capture_output=True, check=True, text=True
    ).stdout
    assert "not a sample" in " ".join(told.split())
    assert "渡船" in told


def test_what_nobody_heard_leaves_by_no_route(desk, tmp_path):
    story = desk.story()
    briefing, (quote,) = begun(desk, story, check=False)
    with pytest.raises(NotReady, match="Nobody has checked"):
        write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")
    assert not list(tmp_path.glob("ferry*"))
    with desk.place.catalogue() as catalogue, catalogue.write() as tx:
        for nobody in ("whisper base", "root"):
            with pytest.raises(PersonTrouble):
                check_quote(tx, quote, SAID, nobody, desk.place.now())
        with pytest.raises(BadBriefing):
            check_quote(tx, quote, "  ", "ana", desk.place.now())
        check_quote(tx, quote, SAID, "ana", desk.place.now())
        # Whoever writes other words into the row has not heard them.
        tx.run("UPDATE briefing_quotes SET text = 'We never took the ferry.' WHERE id = ?", quote)
        assert quote_of(tx, quote).checked_by is None
    with pytest.raises(NotReady, match="Nobody has checked"):
        write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")
    with desk.place.catalogue() as catalogue, catalogue.write() as tx:
        end_person(tx, "ana", "test", desk.place.now())
        with pytest.raises(BadBriefing):
            check_quote(tx, quote, SAID, "ana", desk.place.now())


def test_blanked_out_later_it_stays(desk, tmp_path):
    story = desk.story()
    briefing, _ = begun(desk, story)
    with desk.place.catalogue() as catalogue, catalogue.write() as tx:
        redact(tx, story, 8_500, 12_000, "a name", "ana", 0, desk.place.now())
    with pytest.raises(NotReady, match="blanked out"):
        write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")


def test_opened_again_it_says_what_was_taken_back(desk, tmp_path):
    gone, narrowed, quiet, stays = (desk.story(hertz=hertz) for hertz in (300, 500, 700, 900))
    briefing, _ = begun(desk, gone, narrowed, quiet, stays)
    done = write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")
    with desk.place.catalogue() as catalogue, catalogue.read() as tx:
        assert withdrawn_since(tx, briefing, desk.place.now()) == []
    desk.withdraw(gone)
    desk.add(narrowed, Act.DECIDE, Use.QUOTE)
    desk.add(quiet, Act.DECIDE, Use.PUBLIC)
    with desk.place.catalogue() as catalogue, catalogue.read() as tx:
        issue = read_mark(done.folder)
        assert briefing_of_issue(tx, issue) == briefing
        since = withdrawn_since(tx, briefing, desk.place.now(), issue=issue)
        told = [(one.number, one.story, one.voice_only) for one in since]
        assert told == [(1, gone, False), (2, narrowed, False), (3, quiet, True)]
        assert "took the story back" in since[0].why
        assert since[1].why == "Not agreed: quote."
        # The words of what was taken back are nowhere any more.
        assert SAID not in json.dumps([list(row) for row in tx.all("SELECT * FROM briefing_sent")])
        assert len(briefing_of(tx, briefing).quotes) == 3
    with pytest.raises(NotReady):
        write_briefing(desk.place, briefing, tmp_path / "again", "ana")


def on_a_theme(archive, stories, against):
    """A theme with the voices of ``stories`` for it and one against, and a briefing of its sentence and two quotes."""
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        theme = make_theme(tx, "The ferry was how people got to work.", "ana", now)
        for story in (*stories, against):
            side = Side.COUNTER if story == against else Side.FOR
            put_voice(tx, theme, highlight(tx, story, 5_000, 9_000, [], "", "ana", now), side, "ana", now)
        briefing = make_briefing(tx, "What people say of the ferry", "the town council", "ana", now)
        point = add_point(tx, briefing, "People took the ferry to work.", "ana", now, theme=theme)
        for story in (stories[0], against):
            check_quote(tx, add_quote(tx, point, story, 5_000, 9_000, "ana", now), SAID, "ana", now)
    return briefing, point


def test_a_theme_goes_out_with_what_speaks_against_it_and_not_once_it_has_fallen(desk, tmp_path):
    *stories, against = [desk.story(hertz=hertz) for hertz in (300, 500, 700, 900)]
    briefing, point = on_a_theme(desk, stories, against)
    done = write_briefing(desk.place, briefing, tmp_path / "ferry", "ana")
    page = (done.folder / "index.html").read_text(encoding="utf-8")
    assert "For the theme: The ferry was how people got to work." in page
    assert "Fewer than five voices stand for this, fewer than five voices stand against it." in page
    assert page.count("says otherwise") == 1
    rows = list(csv.DictReader((done.folder / "quotes.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["story"], row["side"]) for row in rows] == [(stories[0], "for"), (against, "counter")]
    desk.withdraw(stories[2])
    with pytest.raises(NotReady, match=r"does not stand: People took the ferry to work\. It needs 3 voices"):
        write_briefing(desk.place, briefing, tmp_path / "again", "ana")
    with desk.place.catalogue() as catalogue, catalogue.write() as tx:
        now = desk.place.now()
        (since,) = withdrawn_since(tx, briefing, now, issue=done.issue)
        assert (since.what, since.number) == ("the sentence “People took the ferry to work.”", 0)
        assert since.why.startswith("Its theme has fallen since. It needs 3 voices")
        with pytest.raises(BadTheme):
            add_point(tx, briefing, "Nobody knows this theme.", "ana", now, theme="none")
        later = now + timedelta(minutes=1)
        fallen = tx.one("SELECT theme FROM briefing_points WHERE id = ?", point)["theme"]
        add_point(tx, briefing, "This was not in it.", "ana", later, theme=fallen)
        assert len(withdrawn_since(tx, briefing, later, issue=done.issue)) == 1
        remove_point(tx, point, "ana", now)
        assert not briefing_of(tx, briefing).quotes
        with pytest.raises(BadBriefing):
            remove_point(tx, point, "ana", now)


def test_a_theme_without_a_voice_against_it_says_where_somebody_looked():
    def count(voices):
        return Count("", voices, 0, 0, "ana")

    looks = (Look("", "ana", "", "ferry slow", Looked("river", "", ""), 12, ""),)
    theme = Theme("", "", "ana", "", (), looks, (), count(12), stands=True, says=())
    assert list(_lines(theme, phrases("en"))) == [
        "12 voices stand for this.",
        "ana looked for “ferry slow” in five voices or more (river) and found nobody who says otherwise.",
    ]
    assert next(_lines(theme, phrases("es"))) == "12 voces lo sostienen."


def test_every_language_says_everything():
    english = phrases("en").words
    for language in LANGUAGES:
        told = phrases(language)
        assert told.language == language
        assert set(told.words) == set(english)
        assert len(told.words["months"]) == 12
        for key, text in english.items():
            if isinstance(text, str) and key != "day":
                assert set(re.findall(r"{\w+}", told.words[key])) == set(re.findall(r"{\w+}", text)), (language, key)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not on this machine")
def test_a_briefing_goes_out_in_its_language(desk, tmp_path):
    words_only, heard = desk.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.QUOTE), desk.story()
    for language, has in (("es", "1 de marzo de 2026"), ("ar", "مارس")):
        briefing, _ = begun(desk, words_only, heard, language=language)
        folder = write_briefing(desk.place, briefing, tmp_path / language, "ana").folder
        page = (folder / "index.html").read_text(encoding="utf-8")
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
        assert has in page
        for english in phrases("en").words.values():
            # No sentence of ours is left in English; what people wrote stays as they wrote it.
            if isinstance(english, str) and len(english) > 12 and "{" not in english:
                assert english not in page, english
        told = subprocess.run(["pdftotext", folder / "briefing.pdf", "-"], capture_output=True, check=True, text=True)
        if language == "es":
            assert "De dónde viene cada cita" in told.stdout
    with desk.place.catalogue() as catalogue, catalogue.write() as tx, pytest.raises(BadBriefing):
        make_briefing(tx, "Fähre", "", "ana", desk.place.now(), language="de")


def test_a_voice_of_a_box_without_a_place_is_told_of_by_its_day():
    quote = Quote("q", "p", "S", 0, 900, "We went.", "ana", "ana", "2026-11-23")
    leaf = Leaf(1, quote, "", "2025-01-06T10:00:00+00:00", "en", "", "")
    assert leaf.facts(phrases("en")).startswith("6 January 2025 · ")
    assert replace(leaf, site="River Library").facts(phrases("en")).startswith("River Library, 6 January 2025 · ")


MATRIX = [
    (some, form, embargo, more)
    for n in range(4)
    for some in itertools.combinations((Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE), n)
    for form in Form
    for embargo in (None, date(2031, 1, 1))
    for more in ((), (Act.HOLD,), (Act.SEAL,), (Act.MINOR,), (Act.EXPIRE,), (Act.WITHDRAW,))
    if more == () or (form is Form.VOICE and embargo is None)
]


def test_no_quote_and_no_voice_leaks_over_the_whole_matrix_of_consents(desk):
    """Quotes put in by hand past every form, all of them checked: what may leave is asked when it leaves."""
    leaks, left = [], 0
    now = desk.place.now()
    with desk.place.catalogue() as catalogue, catalogue.write() as tx:
        briefing = make_briefing(tx, "Everything", "", "ana", now)
        point = add_point(tx, briefing, "Everybody spoke.", "ana", now)
    for number, (some, form, embargo, more) in enumerate(MATRIX):
        story = desk.story(Use.RECORD, Use.KEEP, *some, form=form, embargo=embargo, more=more)
        with desk.place.catalogue() as catalogue, catalogue.write() as tx:
            quote = f"Q{number:05}"
            tx.run(
                "INSERT INTO briefing_quotes VALUES (?, ?, ?, ?, 0, 1000, 'word0', ?, 'ana')",
                quote, briefing, point, story, now.isoformat(),
            )  # fmt: skip
            found = quote_of(tx, quote)
            tx.run(
                "INSERT INTO briefing_checks VALUES (?, ?, ?, 'ana', ?)", quote, story, now.isoformat(), found.digest
            )
            state = state_of(tx, quote_of(tx, quote), now)
            free = embargo is None and more == ()
            may = free and Use.QUOTE in some
            voice = may and Use.PUBLIC in some and form is Form.VOICE
            left += state.ready
            if (state.ready, state.voice) != (may, voice):
                leaks.append((some, form, embargo, more, state))
            if not may:
                with pytest.raises((Refused, BadBriefing)):
                    add_quote(tx, point, story, 0, 1000, "ana", now)
                with pytest.raises(NotReady):
                    ready(tx, briefing_of(tx, briefing), now)
            tx.run("DELETE FROM briefing_quotes WHERE id = ?", quote)
    assert leaks == []
    assert left > 10
