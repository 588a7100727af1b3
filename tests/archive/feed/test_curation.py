"""What curators prepare: the gate is asked when it is written, every change has a name, and it goes with its story."""

from __future__ import annotations

import json
from datetime import date

import pytest

from archive import curation
from archive.catalogue.changes import changes_of
from archive.curation import AskedPrompt, BadPromptSet, BadSetting, BadSheet, PreparedSet
from archive.errors import Refused
from archive.feed.manifest import SETTINGS
from archive.reviewing.decisions import decisions_of, redact
from archive.types import Act, Use
from kiosk.config import Config
from kiosk.config import parse as parse_settings
from kiosk.errors import BadConfig
from kiosk.prompts import load, parse
from kiosk.sentsettings import with_sent

SET = PreparedSet(
    "river-days",
    {"en": 'The "river"', "es": "El río"},
    (
        AskedPrompt(
            "first-flood",
            {"en": "Which flood \\ do you remember?", "es": "¿Qué riada?"},
            ({"en": "And then?", "es": "¿Y luego?"},),
        ),
        AskedPrompt("the-ferry", {"en": "Who was on it?", "es": "¿Quién iba?"}, (), date(2026, 3, 1), date(2026, 4, 1)),
    ),
)


@pytest.fixture
def tx(archive):
    with archive.place.catalogue() as catalogue, catalogue.write() as opened:
        yield opened


def test_the_gate_is_asked_when_an_excerpt_is_put_on_a_button(archive) -> None:
    story = archive.story(Use.RECORD, Use.KEEP, Use.ARCHIVE)
    excerpt = archive.excerpt(story)
    with pytest.raises(Refused):
        archive.put("near", 1, story, excerpt)
    archive.add(story, Act.DECIDE, Use.PUBLIC, yes=True)
    archive.put("near", 1, story, excerpt)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        (cue,) = curation.sheets_of(tx, "near", archive.place.now())["main"]
        told = changes_of(tx, story)
    assert (cue.button, cue.excerpt.id, cue.allowed) == (1, excerpt, True)
    assert [(one.who, one.what) for one in told][-1] == ("curator", "cue put")
    archive.add(story, Act.DECIDE, Use.PUBLIC, yes=False)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        (cue,) = curation.sheets_of(tx, "near", archive.place.now())["main"]
    assert not cue.allowed
    assert "Not agreed" in cue.why


def test_a_story_told_for_one_library_stays_in_it(archive) -> None:
    story = archive.story(Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, site="Riverside", box="front")
    excerpt = archive.excerpt(story)
    archive.put("front", 1, story, excerpt)
    with pytest.raises(Refused):
        archive.put("near", 1, story, excerpt)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.set_site(tx, "near", "Riverside", "organizer", archive.place.now())
    archive.put("near", 1, story, excerpt)


def test_what_was_blanked_out_is_on_no_button(archive, line) -> None:
    story = archive.lend()
    line.night()
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        seen = decisions_of(tx, story).version
        redact(tx, story, 6_000, 7_000, "A name.", "curator", seen, now)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        (cue,) = curation.sheets_of(tx, "near", now)["main"]
    assert not cue.allowed
    assert line.night().given_back == [story]
    assert line.store.cue_sheet("main").cues == {}
    with pytest.raises(BadSheet):
        archive.put("near", 2, story, cue.excerpt.id)


def test_what_cannot_stand_on_a_sheet_is_refused_with_a_sentence(archive, tx) -> None:
    now = archive.place.now()
    for button, sheet in ((9, "main"), (1, "main"), (1, "../main")):
        with pytest.raises(BadSheet):
            curation.put_cue(tx, "near", button, "no story", "no excerpt", "curator", now, sheet=sheet)


def test_sheets_go_with_their_story(archive) -> None:
    story = archive.lend()
    with archive.place.catalogue() as catalogue:
        with catalogue.write() as tx:
            tx.run("DELETE FROM stories WHERE id = ?", story)
        with catalogue.read() as tx:
            assert curation.sheets_of(tx, "near", archive.place.now()) == {}
            assert tx.all("SELECT * FROM sheet_cues") == []
            assert tx.all("SELECT * FROM loans") == []


def test_a_set_is_what_a_box_reads(archive, tx, tmp_path) -> None:
    now = archive.place.now()
    curation.save_prompts(tx, SET, "designer", now)
    assert curation.prompt_sets(tx) == [SET]
    read = parse(SET.to_toml(), "sent", ("en", "es"))
    assert read.name == "river-days"
    assert [prompt.say("es") for prompt in read.prompts] == ["¿Qué riada?", "¿Quién iba?"]
    assert read.prompts[0].say("en") == "Which flood \\ do you remember?"
    assert (read.prompts[1].since, read.prompts[1].until) == (date(2026, 3, 1), date(2026, 4, 1))
    # Saved again it takes its own place; two boxes may have different ones.
    curation.save_prompts(tx, PreparedSet("river-days", SET.title, SET.prompts[:1], ("near",)), "designer", now)
    assert [len(one.prompts) for one in curation.prompt_sets(tx, "near")] == [1]
    assert curation.prompt_sets(tx, "far") == []
    with pytest.raises(BadPromptSet):
        curation.save_prompts(tx, PreparedSet("other", {"en": "x"}, SET.prompts[:1]), "designer", now)
    assert curation.remove_prompts(tx, "river-days", "designer", now)
    assert not curation.remove_prompts(tx, "river-days", "designer", now)


@pytest.mark.parametrize(
    "bad",
    [
        PreparedSet("../x", {"en": "x"}, SET.prompts),
        PreparedSet("x", {}, SET.prompts),
        PreparedSet("x", {"en": "x"}, ()),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("A b", {"en": "x"}),)),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("a", {"en": "x" * 91}),)),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("a", {"en": "x"}), AskedPrompt("a", {"en": "y"}))),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("a", {"en": "x"}), AskedPrompt("b", {"es": "y"}))),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("a", {"en": "x"}, (), date(2026, 2, 2), date(2026, 2, 1)),)),
        PreparedSet("x", {"en": "x"}, (AskedPrompt("a", {"en": "x", "es": "x"}, ({"en": "y"},)),)),
    ],
)
def test_a_set_no_box_could_ask_is_refused_with_a_sentence(bad) -> None:
    with pytest.raises(BadPromptSet) as said:
        curation.check_prompts(bad)
    assert said.value.say.endswith(".")
    assert said.value.do


def test_sent_prompts_come_after_the_librarys_own_and_never_replace_them(tmp_path) -> None:
    sent, own = tmp_path / "feed" / "prompts", tmp_path / "prompts"
    sent.mkdir(parents=True)
    own.mkdir()
    (own / "ours.toml").write_text('[[prompt]]\nid = "first-flood"\ntext = { en = "Ours?", es = "¿Nuestra?" }\n')
    (sent / "a.toml").write_text(SET.to_toml(), encoding="utf-8")
    (sent / "b.toml").write_text('[[prompt]]\nid = "no-spanish"\ntext = { en = "x" }\n')
    (sent / "c.toml").write_text("not toml at all [")
    asked = load(tmp_path, ("en", "es"))
    assert [(prompt.id, prompt.say("en")) for prompt in asked] == [
        ("first-flood", "Ours?"),
        ("the-ferry", "Who was on it?"),
    ]


@pytest.mark.parametrize(("name", "known"), SETTINGS.items())
def test_archive_and_box_agree_on_what_a_setting_may_be(name, known) -> None:
    section, _, key = name.partition(".")

    def taken(value: object) -> bool:
        try:
            parse_settings(f"[{section}]\n{key} = {json.dumps(value)}\n", "here")
        except BadConfig:
            return False
        return True

    good = known.words or (known.low, known.high)
    bad = ("pink",) if known.words else (known.low - 0.5, known.high + 0.5)
    assert [taken(value) for value in (*good, *bad)] == [True] * len(good) + [False] * len(bad)


def test_only_the_closed_list_is_set_from_the_centre_and_the_library_comes_first(archive, tx, tmp_path) -> None:
    now = archive.place.now()
    for name, value in (("consent.ask_age", 18.0), ("archive.sync_to", "x"), ("sound.volume", "loud")):
        with pytest.raises(BadSetting):
            curation.set_setting(tx, "near", name, value, "sysadmin", now)
    curation.set_setting(tx, "near", "sound.volume", 0.4, "sysadmin", now)
    curation.set_setting(tx, "near", "screen.theme", "light", "sysadmin", now)
    assert curation.settings_of(tx, "near") == {"sound.volume": 0.4, "screen.theme": "light"}
    sent, own = tmp_path / "settings.json", tmp_path / "config.toml"
    assert with_sent(Config(), own, sent) == Config()
    sent.write_text('{"sound.volume": 0.4, "screen.theme": "pink", "times.prompt_turn": 90.0, "consent.ask_age": 18}')
    own.write_text("[times]\nprompt_turn = 30.0\n")
    told = with_sent(Config(), own, sent)
    assert (told.sound.volume, told.screen.theme, told.times.prompt_turn) == (0.4, "dusk", 45.0)
    assert told.consent.ask_age == 0
    sent.write_text("not json")
    assert with_sent(Config(), own, sent) == Config()
