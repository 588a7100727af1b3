"""Search by meaning: moments that say the like in other words, and more like a moment somebody hears."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from archive.catalogue import Tx
from archive.errors import NoSuchStory
from archive.patterns.finding import Finder, Near
from archive.patterns.vectors import is_indexed
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.portal.community.finding import PAGE, choices_of, is_narrowed, read_asked
from archive.reviewing.told import StoryFacts, facts_of

LINKS: tuple[Link, ...] = ()
_LONGEST_TIME = 9


@dataclass(frozen=True, slots=True)
class Found:
    """A moment, and the story it is in."""

    near: Near
    story: StoryFacts


def routes(desk: Desk) -> list[Page]:
    """The pages of this module; they share one model, which the first question loads."""
    finder = Finder(desk.place)
    return [
        get(desk, "/search/meaning", Permission.SEARCH, lambda ask: _meaning(ask, finder)),
        get(desk, "/search/like/{story}", Permission.SEARCH, lambda ask: _like(ask, finder)),
    ]


def _meaning(ask: Ask, finder: Finder) -> Response:
    asked, filters = read_asked(ask)
    model = finder.model.name
    with ask.reading() as tx:
        found = _told(tx, finder.find(tx, asked["q"], ask.now, filters, PAGE))
        return ask.page(
            "meaning", asked=asked, found=found, choices=choices_of(tx), narrowed=is_narrowed(asked), meaning=True,
            model=model, indexed=is_indexed(tx, model), like=None,
        )  # fmt: skip


def _like(ask: Ask, finder: Finder) -> Response:
    story, at = ask.part("story"), ask.request.query_params.get("at", "")
    if not at.isascii() or not at.isdecimal() or len(at) > _LONGEST_TIME:
        raise NoSuchStory("This address names no moment.", "Come here from a moment of a story.")
    model = finder.model.name
    with ask.reading() as tx:
        here = finder.moment(tx, story, int(at), ask.now)
        found = _told(tx, finder.like(tx, story, int(at), ask.now, limit=PAGE))
        return ask.page(
            "meaning", like=here, like_story=facts_of(tx, story), found=found, model=model,
            indexed=is_indexed(tx, model), asked={},
        )  # fmt: skip


def _told(tx: Tx, found: list[Near]) -> list[Found]:
    return [Found(near, facts_of(tx, near.story)) for near in found]
