"""What became of people's words: told by whoever asks the questions, in a line for the boxes and a text for tellers."""

from __future__ import annotations

from starlette.responses import Response

from archive.feed.manifest import LONGEST_LINE
from archive.patterns import outcomes, themes
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.finding import choices_of

LINKS = (Link("/outcomes", "Outcomes", Permission.PROMPTS),)


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    permission = Permission.PROMPTS
    return [
        get(desk, "/outcomes", permission, _list),
        post(desk, "/outcomes", permission, _tell, "/outcomes"),
        post(desk, "/outcomes/end", permission, _end, "/outcomes"),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        languages = [str(row["language"]) for row in tx.all("SELECT DISTINCT language FROM stories ORDER BY language")]
        told, asked, known = outcomes.outcomes(tx), choices_of(tx)["prompt"], themes.themes(tx, ask.now)
    return ask.page(
        "outcomes", told=told, asked=asked, themes=known, languages=languages or ["en"], longest=LONGEST_LINE
    )


def _tell(ask: Ask) -> Response:
    lines = {
        name.removeprefix("line-"): text
        for name, text in ask.form.items()
        if name.startswith("line-") and "[]" not in name
    }
    with ask.writing() as tx:
        text, prompt = ask.form.get("text", ""), ask.form.get("prompt", "")
        outcomes.tell(tx, lines, text, ask.who, ask.now, prompt=prompt, theme=ask.form.get("theme", "").strip())
    return go("/outcomes")


def _end(ask: Ask) -> Response:
    with ask.writing() as tx:
        outcomes.end(tx, ask.form.get("outcome", ""), ask.who, ask.now)
    return go("/outcomes")
