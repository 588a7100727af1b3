"""From where an excerpt or a theme is shown to where it goes: a box's button, a briefing."""

from __future__ import annotations

import pytest

from archive.boxes import add_box
from archive.curation import sheets_of
from archive.patterns import highlights, themes
from archive.people.roles import Role
from archive.reviewing.excerpts import cut
from archive.types import Use

EVERY = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
HERE = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE)
LONG = tuple(f"{n} people came over from the other side of the river for bread every morning." for n in range(5))


@pytest.fixture
def told(archive):
    """Two stories with an excerpt each: one may sound everywhere, one at its own library alone; and two boxes."""
    now, found = archive.place.now(), []
    for uses in (EVERY, HERE):
        story = archive.story(uses, lines=LONG)
        with archive.place.catalogue() as catalogue, catalogue.write() as tx:
            found.append((story, cut(tx, story, 1_000, 24_000, "Bread from over the river", "", "ana", now)))
    with archive.place.catalogue() as catalogue:
        for name in ("front-desk", "mill-branch"):
            add_box(catalogue, name, "ana", now)
    return found


def test_an_excerpt_is_put_on_a_button_from_its_story(archive, told, visit):
    fay = visit("fay", Role.FACILITATOR)
    story, excerpt = told[0]
    page = f"/story/{story}/excerpt/{excerpt}/cue"
    assert f'href="{page}"' in fay.get(f"/story/{story}")
    fay.get(page)
    assert "Put it on front-desk" in fay.page
    assert "Put it on mill-branch" in fay.page
    fay.post("/cues/mill-branch/put", excerpt=f"{story}:{excerpt}", button="3")
    assert (fay.status, fay.path) == (200, "/cues/mill-branch")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        lying = [(one.button, one.excerpt.id) for one in sheets_of(tx, "mill-branch", archive.place.now())["main"]]
    assert lying == [(3, excerpt)]
    assert "In use: 3 Bread from over the river" in fay.get(page)


def test_where_it_may_not_sound_the_page_says_why_and_offers_nothing(told, visit):
    fay = visit("fay", Role.FACILITATOR)
    story, excerpt = told[1]
    fay.get(f"/story/{story}/excerpt/{excerpt}/cue")
    assert "Put it on front-desk" in fay.page
    assert "Put it on mill-branch" not in fay.page
    assert "Not at this box." in fay.page
    fay.get(f"/story/{story}/excerpt/{told[0][1]}/cue")
    assert (fay.status, "not there any more" in fay.page) == (400, True)
    oma = visit("oma", Role.ORGANIZER)
    assert "/cue" not in oma.get(f"/story/{story}")


def test_a_briefing_is_written_from_a_theme_and_quotes_its_voices(archive, told, visit):
    open_one, closed = told[0][0], told[1][0]
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        theme = themes.make_theme(tx, "Bread crossed the river before people did.", "ana", now)
        for story in (open_one, closed):
            marked = highlights.highlight(tx, story, 1_000, 5_000, [], "", "ana", now)
            themes.put_voice(tx, theme, marked, themes.Side.FOR, "ana", now)
    ana = visit("ana", Role.ANALYST)
    ana.get("/briefings")
    assert "Bread crossed the river" in ana.page
    ana.post("/briefings", title="Bread", audience="the council", theme=theme, can="Who said it.",
             cannot="They are no sample.", hear="Come and ask.")  # fmt: skip
    for said in ("Bread crossed the river before people did.", "Who said it.", "They are no sample.", "Come and ask."):
        assert said in ana.page
    assert f"{open_one}:" in ana.page
    assert f"{closed}:" not in ana.page, "its teller allows no quoting"
    moment = next(one for one in ana.page.split('"') if one.startswith(f"{open_one}:"))
    ana.post(f"{ana.path}/quote", point=ana.field("point"), moment=moment)
    assert "Nobody has checked it against the sound yet." in ana.page
    assert f'value="{moment}"' not in ana.page, "it is quoted already"
    here = ana.path
    for wrong in (f"{closed}:1000:5000", f"{open_one}:x:y", "nothing:1:9999"):
        ana.get(here)
        ana.post(f"{here}/quote", point=ana.field("point"), moment=wrong)
        assert ana.status in {400, 403}, wrong
