"""Themes: write the sentence, put voices behind it and against it, and see what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from starlette.responses import Response

from archive.catalogue import Tx
from archive.catalogue.search import Hit
from archive.patterns import themes
from archive.patterns.codebook import codes_of
from archive.patterns.highlights import Highlight, all_highlights, open_to, words_between
from archive.patterns.snippets import Looked, names_of, sources
from archive.patterns.themes import BadTheme, Side, Theme
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.reviewing.words import passages_of

LINKS: tuple[Link, ...] = ()
_THEMES = "/patterns/themes"
_ONE = f"{_THEMES}/{{theme}}"
_MOST = 40


@dataclass(frozen=True, slots=True)
class Offered:
    """A highlight that could be put behind the theme or against it."""

    mark: Highlight
    words: str
    codes: tuple[str, ...]


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    code = Permission.CODE
    return [
        get(desk, _THEMES, code, _list),
        post(desk, f"{_THEMES}/make", code, _make, _THEMES),
        get(desk, _ONE, code, _one),
        post(desk, f"{_ONE}/rewrite", code, _rewrite, _ONE),
        post(desk, f"{_ONE}/voice", code, _voice, _ONE),
        post(desk, f"{_ONE}/take", code, _take, _ONE),
        post(desk, f"{_ONE}/none", code, _none, _ONE),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = themes.themes(tx, ask.now)
    _write_counts(ask, found)
    return ask.page("themes", themes=found, longest=themes.LONGEST)


def _write_counts(ask: Ask, found: list[Theme]) -> None:
    """What changed by itself is written down at the look that finds it."""
    if themes.changed(found):
        with ask.writing() as tx:
            themes.recount(tx, ask.now)


def _make(ask: Ask) -> Response:
    with ask.writing() as tx:
        ident = themes.make_theme(tx, ask.form.get("sentence", ""), ask.who, ask.now)
    return go(_ONE.format(theme=ident))


def _one(ask: Ask) -> Response:
    ident, query = ask.part("theme"), ask.request.query_params
    asked = " ".join(query.get("asked", "").split())[: themes.LONGEST]
    looked = Looked(query.get("prompt", ""), query.get("site", ""), query.get("language", ""))
    code = query.get("code", "")
    hits: list[Hit] = []
    through = ""
    with ask.reading() as tx:
        theme = themes.theme_of(tx, ident, ask.now)
        sentences = themes.sentences_of(tx, ident)
        codes = codes_of(tx)
        offered = _offered(ask, tx, theme, code)
        names = names_of(tx, ask.now)
        headlines = {one: source.headline for one, source in sources(tx, ask.now).items()}
        if asked:
            hits, stories = themes.look_for(tx, asked, looked, ask.now)
            through = themes.voices_in_words(stories, looked)
    _write_counts(ask, [theme])
    return ask.page(
        "theme", theme=theme, sentences=sentences, offered=offered, codes=codes, code=code, asked=asked, looked=looked,
        hits=hits, through=through, names=names, headlines=headlines, sides=Side, fewest=themes.FEWEST_VOICES,
        longest=themes.LONGEST,
    )  # fmt: skip


def _offered(ask: Ask, tx: Tx, theme: Theme, code: str) -> list[Offered]:
    """One's own highlights, and with a code everybody's one may see that have it, that are not with the theme yet."""
    there = sources(tx, ask.now)
    names = {one.id: one.name for one in codes_of(tx)}
    taken = {voice.highlight for voice in theme.voices}
    marked = [one for one in all_highlights(tx, there) if one.id not in taken]
    wanted = [one for one in marked if (code in one.codes if code else one.who == ask.who)]
    wanted = list(islice(open_to(tx, ask.who, sorted(wanted, key=lambda one: one.at, reverse=True)), _MOST))
    return [
        Offered(
            one, words_between(passages_of(tx, one.story), one.start, one.end),
            tuple(names[code] for code in one.codes if code in names),
        )
        for one in wanted
    ]  # fmt: skip


def _rewrite(ask: Ask) -> Response:
    with ask.writing() as tx:
        themes.rewrite(tx, ask.part("theme"), ask.form.get("sentence", ""), ask.who, ask.now)
    return _back(ask)


def _voice(ask: Ask) -> Response:
    try:
        side = Side(ask.form.get("side", ""))
    except ValueError as error:
        raise BadTheme("A voice stands for a theme or against it.", "Choose one of the two.") from error
    with ask.writing() as tx:
        themes.put_voice(tx, ask.part("theme"), ask.form.get("highlight", ""), side, ask.who, ask.now)
    return _back(ask)


def _take(ask: Ask) -> Response:
    with ask.writing() as tx:
        themes.take_voice(tx, ask.part("theme"), ask.form.get("highlight", ""), ask.who, ask.now)
    return _back(ask)


def _none(ask: Ask) -> Response:
    looked = Looked(ask.form.get("prompt", ""), ask.form.get("site", ""), ask.form.get("language", ""))
    with ask.writing() as tx:
        themes.none_found(
            tx, ask.part("theme"), ask.form.get("asked", ""), looked, ask.form.get("note", ""), ask.who, ask.now
        )
    return _back(ask)


def _back(ask: Ask) -> Response:
    return go(_ONE.format(theme=ask.part("theme")))
