"""``hearth archive briefing``: sentences and the voices that say them, for a council, a school, a newspaper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option

if TYPE_CHECKING:
    from datetime import datetime

    from archive.catalogue import Tx
    from archive.patterns.briefings import Briefing, Since

# Whoever looks keeps nobody waiting who works here: these only read.
_LOOKS = ("list", "show", "open")
_ACTIONS = ("list", "make", "point", "quote", "check", "remove", "show", "write", "open")


@click.command(name="briefing")
@click.argument("action", type=click.Choice(_ACTIONS), default="list")
@click.argument("subject", required=False)
@click.argument("more", nargs=-1)
@click.option("--for", "audience", default="", help="Whom it is for, as a person reads it.")
@click.option("--cannot", help="What this evidence cannot say; a careful sentence stands there otherwise.")
@click.option("--language", default="en", help="The language it goes out in: en, es, ar, hi or zh.")
@click.option("--theme", default="", help="The theme a sentence stands for, by its identifier.")
@click.option("--by", "by", help="The person who heard the quote, by the name of their account.")
@archive_home_option
@json_option
def command(
    action: str, subject: str | None, more: tuple[str, ...], audience: str, cannot: str | None, language: str,
    theme: str, by: str | None, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """Make a briefing, quote, check each quote against the sound, and write it as PDF, pages for a stick, and CSV.

    \b
    Examples:
      hearth archive briefing make "What people say of the ferry" --for "the town council"
      hearth archive briefing point BRIEFING "The ferry was how people got to work."
      hearth archive briefing quote POINT STORY 12.5 19 --home ./my-archive
      hearth archive briefing check QUOTE "We took the ferry every morning." --by ana
      hearth archive briefing write BRIEFING /media/usb/stick/ferry
      hearth archive briefing open /media/usb/stick/ferry --json

    Seconds of the story name a quote. One that nobody checked, or whose teller did not say it may be quoted, keeps
    the whole briefing from leaving; so does a sentence whose theme does not stand. remove takes a quote out, or a
    sentence with its quotes. open says what was withdrawn since, of a folder or a briefing.
    """
    from archive.patterns import briefings
    from archive.server.place import open_archive

    if action != "list" and subject is None:
        raise click.UsageError(f"Which? hearth archive briefing {action} ...")
    with open_archive(home) as place, place.catalogue() as catalogue:
        now = place.now()
        if action == "write":
            assert subject is not None
            _write(place, subject, _arguments(more, "FOLDER")[0], as_json=as_json)
            return
        with catalogue.read() if action in _LOOKS else catalogue.write() as tx:
            if action == "list" or subject is None:
                known = briefings.briefings(tx)
                emit({"briefings": [_plain(tx, one, now) for one in known]}, lambda: _table(known), as_json=as_json)
            elif action == "make":
                limits = {} if cannot is None else {"cannot": cannot}
                ident = briefings.make_briefing(tx, subject, audience, who(), now, language=language, **limits)
                emit({"briefing": ident}, lambda: f"{ident}  {subject}", as_json=as_json)
            elif action == "point":
                ident = briefings.add_point(tx, subject, _arguments(more, "SENTENCE")[0], who(), now, theme=theme)
                emit({"point": ident}, lambda: ident, as_json=as_json)
            elif action == "quote":
                story, start, end = _arguments(more, "STORY", "FROM", "UNTIL")
                ident = briefings.add_quote(tx, subject, story, _ms(start), _ms(end), who(), now)
                text = briefings.quote_of(tx, ident).text
                emit({"quote": ident, "text": text}, lambda: f"{ident}  {text}", as_json=as_json)
            elif action == "check":
                if by is None:
                    raise click.UsageError("Who heard it? --by NAME")
                briefings.check_quote(tx, subject, _arguments(more, "WORDS")[0], by, now)
                emit({"quote": subject, "checked_by": by}, lambda: f"Checked by {by}.", as_json=as_json)
            elif action == "remove":
                _remove(tx, subject, now)
                emit({"removed": subject}, lambda: "Taken out.", as_json=as_json)
            elif action == "show":
                plain = _plain(tx, briefings.briefing_of(tx, subject), now)
                emit(plain, lambda: _shown(plain), as_json=as_json)
            else:
                gone = _opened(tx, subject, now)
                emit({"withdrawn": [_gone(one) for one in gone]}, lambda: _since(gone), as_json=as_json)


def _write(place: Any, briefing: str, folder: str, *, as_json: bool) -> None:
    from archive.patterns.handout import write_briefing
    from archive.portal.community.words import some

    done = write_briefing(place, briefing, Path(folder).absolute(), who())
    plain = {"issue": done.issue, "folder": folder, "quotes": done.quotes, "sounds": done.sounds}
    told = f"{some(done.quotes, 'quote', 'quotes')}, {done.sounds} with their sound, in {folder}."
    emit(plain, lambda: told, as_json=as_json)


def _remove(tx: Tx, ident: str, now: datetime) -> None:
    from archive.patterns import briefings

    if tx.one("SELECT 1 FROM briefing_points WHERE id = ?", ident) is not None:
        briefings.remove_point(tx, ident, who(), now)
    else:
        briefings.remove_quote(tx, ident, who(), now)


def _opened(tx: Tx, subject: str, now: datetime) -> list[Since]:
    from archive.patterns.briefings import briefing_of, briefing_of_issue, withdrawn_since
    from archive.patterns.handout import read_mark

    if not Path(subject).is_dir():
        # Nothing withdrawn from what nobody knows would be an answer, and an untrue one.
        briefing_of(tx, subject)
        return withdrawn_since(tx, subject, now)
    issue = read_mark(Path(subject))
    return withdrawn_since(tx, briefing_of_issue(tx, issue), now, issue=issue)


def _arguments(more: tuple[str, ...], *names: str) -> tuple[str, ...]:
    if len(more) != len(names):
        raise click.UsageError(f"This needs {' '.join(names)}.")
    return more


def _ms(text: str) -> int:
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"{text!r} is no number of seconds.") from error


def _plain(tx: Tx, one: Briefing, now: datetime) -> dict[str, Any]:
    from archive.patterns.backing import backing_of
    from archive.patterns.briefings import state_of, withdrawn_since

    quotes = []
    for number, quote in enumerate(one.quotes, start=1):
        state = state_of(tx, quote, now)
        quotes.append(
            {
                "number": number, "quote": quote.id, "story": quote.story, "start_ms": quote.start,
                "end_ms": quote.end, "text": quote.text if state.ready else "", "checked_by": quote.checked_by,
                "ready": state.ready, "why": state.why, "voice": state.voice,
            }
        )  # fmt: skip
    gone = [_gone(since) for since in withdrawn_since(tx, one.id, now)]
    behind = {point.id: backing_of(tx, point.theme, now) for point in one.points if point.theme}
    points = [
        {"point": point.id, "sentence": point.sentence, "theme": point.theme}
        | ({"stands": behind[point.id].stands, "why": behind[point.id].why} if point.id in behind else {})
        for point in one.points
    ]
    return {
        "briefing": one.id,
        "title": one.title,
        "for": one.audience,
        "language": one.language,
        "points": points,
        "quotes": quotes,
        "withdrawn": gone,
    }


def _gone(one: Since) -> dict[str, Any]:
    return {
        "issue": one.issue, "issued_at": one.at, "number": one.number, "story": one.story, "why": one.why,
        "voice_only": one.voice_only, "sentence": one.sentence, "what": one.what,
    }  # fmt: skip


def _shown(plain: dict[str, Any]) -> str:
    lines = [plain["title"]]
    lines += [
        f"  {one['number']}. {'ready' if one['ready'] else one['why']}  {one['quote']}" for one in plain["quotes"]
    ]
    return "\n".join(
        [
            *lines,
            *[f"Withdrawn since {one['issued_at'][:10]}: {one['what']}. {one['why']}" for one in plain["withdrawn"]],
        ]
    )


def _since(gone: list[Since]) -> str:
    if not gone:
        return "Nothing of it was withdrawn since."
    said = [(f"{one.what[0].upper()}{one.what[1:]}", one) for one in gone]
    return "\n".join(f"{what} of {one.at[:10]}: {one.why} Do not use it any more." for what, one in said)


def _table(known: list[Briefing]) -> str:
    return "\n".join(f"{one.id}  {one.title}" for one in known) or "There is no briefing yet."
