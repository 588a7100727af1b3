"""Partner archives at the desk: who they are, what they lend and whose each voice is; the gate asked at each look."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from archive.boxes import box_in_use, boxes
from archive.curation import MAIN, AskedPrompt, BadPromptSet, PreparedSet, prompt_sets, save_prompts
from archive.partners import known, taking
from archive.partners.heard import Heard
from archive.partners.lent import ended_here, guest_now, guests, open_guest
from archive.partners.sheets import lent_sheets, put_lent_sheet
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.ranges import KIND
from archive.portal.sound import span_asked
from archive.reviewing.told import uses_of
from audio.types import Word

LINKS = (Link("/partners", "Partners", Permission.STORIES),)
_PAUSE_MS = 900
"""A pause as long as this begins a new line of what was told."""
_LONGEST_MS = 20_000


@dataclass(frozen=True, slots=True)
class SentQuestions:
    """A set of questions a partner sent: its name, how it is called, and each question in the language shown."""

    partner: str
    name: str
    called: str
    asked: tuple[tuple[str, str], ...]
    """Language and words."""


def routes(desk: Desk) -> list[Page]:
    """The pages of this module. Partners are added by `hearth archive partner add`."""
    heard = Heard(desk.place)
    here = "/partners/{partner}/{story}"
    return [
        get(desk, "/partners", Permission.STORIES, _list),
        get(desk, "/search/partners", Permission.SEARCH, lambda ask: _search(ask, heard)),
        post(desk, "/partners/{partner}/questions/{set}", Permission.PROMPTS, _adopt, "/partners"),
        post(desk, "/partners/{partner}/sheets/{sheet}", Permission.CUES, _put_sheet, "/partners"),
        get(desk, here, Permission.STORIES, _story),
        get(desk, f"{here}/sound.flac", Permission.STORIES, _sound),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        every, own = known.partners(tx), known.own_key(tx)
        silent = ended_here(tx).silent(ask.now)
        lent = guests(tx, ask.desk.place)
        asked = [_questions(*one) for one in taking.texts_of(tx, "prompts")]
        sheets = lent_sheets(tx, ask.desk.place)
    known_boxes = (
        [box.name for box in boxes(ask.catalogue) if box.revoked_at is None] if ask.may(Permission.CUES) else []
    )
    return ask.page(
        "partners", partners=every, own=own, silent=silent, lent=lent, asked=asked, sheets=sheets,
        boxes=known_boxes,
    )  # fmt: skip


def _search(ask: Ask, heard: Heard) -> Response:
    words = " ".join(ask.request.query_params.get("q", "").split())[:400]
    with ask.reading() as tx:
        found = heard.find(tx, words)
        partners = known.partners(tx)
    return ask.page("partner_search", q=words, found=found, partners=partners)


def _story(ask: Ask) -> Response:
    """What a partner lends, read and heard; nothing on this page codes, cuts, quotes or publishes it."""
    partner, story = ask.part("partner"), ask.part("story")
    with ask.reading() as tx:
        guest, standing = guest_now(tx, partner, story, ask.now)
        lender = known.partner_named(tx, partner)
    _, card = open_guest(ask.desk.place, partner, story)
    return ask.page(
        "partner_story", guest=guest, card=card, lender=lender, lines=_lines(card.words),
        recorded=card.recorded_at.isoformat(), uses=uses_of(standing, ask.now),
    )  # fmt: skip


def _sound(ask: Ask) -> Response:
    """The sound as it is lent, opened in memory for this one answer."""
    data, _ = open_guest(ask.desk.place, ask.part("partner"), ask.part("story"))
    try:
        span = span_asked(ask.request.headers.get("range"), len(data))
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    if span is None:
        return Response(data, media_type=KIND, headers={"Accept-Ranges": "bytes"})
    first, last = span
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return Response(data[first : last + 1], 206, headers, KIND)


def _adopt(ask: Ask) -> Response:
    """Take a partner's questions over as a set of our own, under their ids, so that answers may be compared."""
    partner, name = ask.part("partner"), ask.part("set")
    with ask.writing() as tx:
        sent = {(whose, set_name): toml for whose, set_name, toml in taking.texts_of(tx, "prompts")}
        if (partner, name) not in sent:
            raise BadPromptSet("This partner does not send these questions any more.", "Load the page again.")
        own = _read_set(f"{partner}-{name}", sent[partner, name])
        if any(one.name == own.name for one in prompt_sets(tx)):
            raise BadPromptSet("These questions were taken over already.", f"They are the set {own.name}.")
        save_prompts(tx, own, ask.who, ask.now)
    return go(f"/prompts/{own.name}")


def _put_sheet(ask: Ask) -> Response:
    """Put what a partner put on its buttons on those of a box of ours."""
    box = box_in_use(ask.catalogue, ask.form.get("box", "")).name
    with ask.writing() as tx:
        put_lent_sheet(tx, ask.desk.place, box, ask.part("partner"), ask.part("sheet"), ask.who, sheet=MAIN)
    return go(f"/cues/{box}")


def _read_set(name: str, toml: str) -> PreparedSet:
    try:
        plain = tomllib.loads(toml)
        asked = [
            AskedPrompt(one["id"], one["text"], one.get("follow", []), one.get("from"), one.get("until"))
            for one in plain["prompt"]
        ]
        return PreparedSet(name[:60].strip("-"), plain["title"], asked)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadPromptSet("These questions cannot be read.", "Let the partner exchange again.") from error


def _questions(partner: str, name: str, toml: str) -> SentQuestions:
    try:
        read = _read_set(name, toml)
    except BadPromptSet:
        return SentQuestions(partner, name, name, ())
    asked = tuple((language := "en" if "en" in one.text else min(one.text), one.text[language]) for one in read.prompts)
    return SentQuestions(partner, name, read.called, asked)


def _lines(words: Iterable[Word]) -> Sequence[Sequence[Word]]:
    """Words of a lent story, broken where its teller paused."""
    lines: list[list[Word]] = []
    for word in words:
        fresh = not lines or word.start - lines[-1][-1].end >= _PAUSE_MS or word.end - lines[-1][0].start > _LONGEST_MS
        if fresh:
            lines.append([])
        lines[-1].append(word)
    return lines
