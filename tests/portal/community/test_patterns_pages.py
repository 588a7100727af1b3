"""The pages for making sense: coding without a script, the codebook, agreement, across, themes, with machines off too."""

from __future__ import annotations

import dataclasses
import re

import pytest

from archive.people.roles import Role


@pytest.fixture
def analyst(visit):
    return visit("ana", Role.ANALYST)


def mark(visitor, story, start=1000, end=3000, **more):
    visitor.get(f"/patterns/story/{story}")
    return visitor.post(f"/patterns/story/{story}/mark", start=str(start), end=str(end), **more)


def narrow(archive, story):
    """Take the teller's yes to the archive back, as a later record of theirs does."""
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE consents SET yes = 0 WHERE story = ? AND use = 'archive'", story)


def ids(archive, table):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return [row["id"] for row in tx.all(f"SELECT id FROM {table} ORDER BY id")]


def test_stories_nobody_has_highlighted_come_first(archive, analyst, visit):
    first, second = archive.story(days=9), archive.story(days=2)
    page = analyst.get("/patterns")
    assert page.index(first) < page.index(second), "the longest waiting first"
    mark(analyst, first, name="the whistle")
    page = analyst.get("/patterns")
    assert page.index(second) < page.index("You began") < page.index(first)
    assert "Begun by others" in visit("ben", Role.ANALYST).get("/patterns")


def test_words_are_marked_coded_and_thought_about_with_plain_forms(archive, analyst):
    story = archive.story()
    mark(analyst, story, name="the whistle", memo="Was it at six?")
    assert analyst.path == f"/patterns/story/{story}"
    for shown in ("I was eleven when", "the whistle", "Was it at six?"):
        assert shown in analyst.page
    (ident,) = ids(archive, "highlights")
    here = f"/patterns/story/{story}"
    analyst.post(f"{here}/code", highlight=ident, name="being eleven")
    assert "being eleven" in analyst.page
    analyst.post(f"{here}/memo", highlight=ident, memo="Ask her sister.")
    assert "Ask her sister." in analyst.page
    (code, _) = ids(archive, "codes")
    analyst.post(f"{here}/uncode", highlight=ident, code=code)
    assert not re.search(r'class="tag concrete">the whistle', analyst.page)
    analyst.post(f"{here}/remove", highlight=ident)
    assert "Nothing yet." in analyst.page
    for wrong in (
        {"start": "", "end": "5"},
        {"start": "1000", "end": "2000"},
        {"start": "9" * 12, "end": "2000", "name": "x"},
    ):
        analyst.get(here)
        analyst.post(f"{here}/mark", **wrong)
        assert analyst.status == 400, wrong


def test_others_layers_open_when_both_have_been_through(archive, analyst, visit):
    story = archive.story()
    ben = visit("ben", Role.CURATOR)
    mark(analyst, story, name="the whistle")
    mark(ben, story, 7000, 9000, name="time", memo="a secret thought")
    assert "1 more layer opens" in analyst.get(f"/patterns/story/{story}")
    assert "a secret thought" not in analyst.page
    for who in (ben, analyst):
        who.get(f"/patterns/story/{story}")
        who.post(f"/patterns/story/{story}/through")
    assert "a secret thought" in analyst.page
    page = analyst.get("/patterns/agreement")
    assert "ana gave it, ben did not" in page
    assert "ben gave it, ana did not" in page
    assert "alpha" in page


def test_a_code_is_written_changed_merged_and_told_apart(archive, analyst):
    analyst.get("/patterns/codebook")
    assert "Nobody has written a code yet" in analyst.page
    analyst.post("/patterns/codebook/add", name="the whistle", definition="When it is named.", level="concrete")
    here = analyst.path
    analyst.post(f"{here}/change", name="signals", definition="When one is named.", level="middle", parent="")
    for shown in ("“the whistle” became “signals”", "“When it is named.” became", "middle"):
        assert shown in analyst.page
    analyst.post("/patterns/codebook/add", name="time", definition="", level="conceptual")
    time = analyst.path
    assert "two people cannot give it alike" in analyst.page
    analyst.post("/patterns/codebook/add", name="TIME", definition="", level="conceptual")
    assert analyst.status == 400
    analyst.get(here)
    analyst.post(f"{here}/merge", into=time.rpartition("/")[2])
    assert analyst.path == time
    assert "Counts for it" in analyst.page
    analyst.get(here)
    assert "It counts as" in analyst.page
    analyst.post(f"{here}/split")
    assert "It counts as" not in analyst.page
    analyst.get("/patterns/codebook")
    analyst.post("/patterns/codebook/make", name="Second reading")
    assert "Second reading" in analyst.page
    assert analyst.get("/patterns/codebook/01J0000000000000000000000A") and analyst.status == 400  # noqa: PT018


def test_a_theme_gets_voices_a_counter_example_and_counts_anew(archive, analyst):
    stories = [archive.story(days=day) for day in (5, 4, 3, 2)]
    for story in stories:
        mark(analyst, story, name="the whistle")
    analyst.get("/patterns/themes")
    analyst.post("/patterns/themes/make", sentence="The whistle told everybody the time.")
    here = analyst.path
    assert "It does not stand" in analyst.page
    for ident in ids(archive, "highlights"):
        analyst.post(f"{here}/voice", highlight=ident, side="for")
    assert "Nobody has looked for a counter-example yet." in analyst.page
    analyst.get(f"{here}?asked=wristwatch")
    assert "Nobody said that in fewer than five voices." in analyst.page
    analyst.post(f"{here}/none", asked="wristwatch", prompt="", site="", language="", note="listened to two")
    assert "It stands" in analyst.page
    assert "looked for “wristwatch” in fewer than five voices" in analyst.page
    for story in stories[:2]:
        narrow(archive, story)
    page = analyst.get(here)
    assert "It had 4 voices and has 2 now" in page
    assert page.count("This voice does not count now.") == 2
    assert "tellers changed what they allow" in analyst.get(here), "written down at the look before"
    assert "It does not stand" in analyst.get("/patterns/themes")
    analyst.get(here)
    analyst.post(f"{here}/rewrite", sentence="For some the whistle was the time.")
    assert "For some the whistle was the time." in analyst.page


def test_a_layer_that_is_closed_to_a_coder_is_closed_beside_a_theme_too(archive, analyst, visit):
    story = archive.story()
    mark(analyst, story, name="the whistle")
    (code,) = ids(archive, "codes")
    ben = visit("ben", Role.ANALYST)
    ben.get("/patterns/themes")
    ben.post("/patterns/themes/make", sentence="The whistle told everybody the time.")
    theme = ben.path
    assert "I was eleven" not in ben.get(f"{theme}?code={code}")
    for coder in (analyst, ben):
        coder.get(f"/patterns/story/{story}")
        coder.post(f"/patterns/story/{story}/through")
    assert "I was eleven" in ben.get(f"{theme}?code={code}")


def test_a_story_that_is_closed_shows_nothing_to_code(archive, analyst):
    story = archive.story()
    mark(analyst, story, name="the whistle", memo="of a memo")
    narrow(archive, story)
    for path in (f"/patterns/story/{story}", "/patterns", "/patterns/across", "/patterns/agreement"):
        page = analyst.get(path)
        assert "eleven" not in page, path
        assert "of a memo" not in page, path
        assert f"/story/{story}#at" not in page, path
    assert "Not agreed" in analyst.get(f"/patterns/story/{story}")
    analyst.get("/patterns")
    analyst.post(f"/patterns/story/{story}/mark", start="1000", end="3000", name="more")
    assert analyst.status == 403


def test_a_machine_proposes_on_the_bench_and_is_gone_when_switched_off(archive, analyst):
    old, fresh = archive.story(days=5), archive.story(days=2)
    mark(analyst, old, 1000, 5000, name="the whistle")
    analyst.get(f"/patterns/story/{fresh}")
    analyst.post(f"/patterns/story/{fresh}/propose")
    assert "the whistle?" in analyst.page
    assert "scikit-learn" in analyst.page
    assert f"/story/{old}#at=1000" in analyst.page
    (ident,) = ids(archive, "suggestions")
    settings = archive.place.settings
    archive.place.settings = dataclasses.replace(settings, ai=False)
    for path in (f"/patterns/story/{fresh}", "/patterns/across"):
        page = analyst.get(path)
        assert "machine proposes" not in page
        assert "machine would" not in page
        assert "scikit-learn" not in page
    analyst.post(f"/patterns/story/{fresh}/propose")
    assert analyst.status == 400
    assert "switched off" in analyst.page
    mark(analyst, fresh, name="time")
    assert "time" in analyst.page, "people go on"
    archive.place.settings = settings
    analyst.get(f"/patterns/story/{fresh}")
    analyst.post(f"/patterns/story/{fresh}/decide", suggestion=ident, verdict="accept")
    assert "the whistle?" not in analyst.page
    assert re.search(r'class="tag concrete">the whistle', analyst.page)


def test_across_leads_to_seconds_and_holds_back_small_numbers(archive, analyst):
    stories = [archive.story(days=day) for day in range(2, 8)]
    for story in stories[:5]:
        mark(analyst, story, name="the whistle")
    mark(analyst, stories[5], name="bread")
    page = analyst.get("/patterns/across")
    for story in stories[:5]:
        assert f'href="/story/{story}#at=1000"' in page
    assert '<td class="count">5</td>' in page
    assert re.search(r'bread</a></th><td class="held">', page)
    assert "Who is missing?" in page
