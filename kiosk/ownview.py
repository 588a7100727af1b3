"""What the screens of a returning teller show: the entering of a keep-code, and the own story. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.types import ASKED_USES
from archive.types import Kind as Told
from kiosk.codeentry import DONE, Part, choices
from kiosk.keys import menu
from kiosk.phrases import code_words, length_words, played
from kiosk.screens.model import Kind, View
from kiosk.texts import Texts
from kiosk.types import Page, Preface, Session

if TYPE_CHECKING:
    from kiosk.extras import Look

LONGEST_PLACE = 18
"""A place's name is cut to its last letters: what follows the last stroke of a folder mostly says enough."""


def code_entry(look: Look) -> View:
    """One choice: the next figure, the stretch the word lies in, or whether all of it is right."""
    session, texts = look.session, look.texts
    entry = session.entry
    if session.saving:
        return look.make(Kind.PLAIN, headline=texts.get("code.checking"), body=code_words(entry.code))
    if entry.part is Part.READY:
        return look.make(
            Kind.PLAIN,
            headline=code_words(entry.code),
            body=look.said[0] if look.said else texts.get("code.ready"),
        )
    offered = choices(entry, session.language)
    number = entry.part is Part.NUMBER
    headline = texts.get("code.number") if number else texts.get("code.word", number=len(entry.words) + 1)
    return look.make(
        Kind.CODE_ENTRY,
        headline=headline,
        body=code_words(entry.code if entry.digits else "") + (f" {entry.typed}…" if entry.typed else ""),
        # A line that breaks keeps the dash with the word before it.
        lines=tuple(texts.get("code.done") if line == DONE else line.replace(" –", "\u00a0–") for line in offered),
        line=entry.line,
        strip=number,
    )


def my_story(look: Look) -> View:
    """The list of what a teller may do, one of its pages, or the receipt of a withdrawal."""
    session, texts = look.session, look.texts
    if session.story is None:
        return _receipt(look)
    if session.playing is not None and session.page is Page.MENU:
        return _hearing(look)
    match session.page:
        case Page.USES if session.mine.uses:
            return _uses(look)
        case Page.USES:
            return look.make(Kind.PLAIN, headline=texts.get("line.uses"), body=texts.get("mine.no_uses"))
        case Page.RECEIPTS:
            told = _told(session, texts) or (texts.get("mine.nowhere"),)
            return look.make(Kind.PLAIN, headline=texts.get("mine.receipts"), body=told[0], notes=told[1:3])
        case _:
            headline = look.said[0] if look.said else _headline(session, texts)
            lines = tuple(texts.get(f"line.{meaning.value}") for meaning in menu(session))
            return look.make(Kind.MY_STORY, headline=headline, lines=lines, line=session.line)


def first_questions(look: Look) -> View:
    """What is asked before the uses: age, voice or words, waiting."""
    session, texts = look.session, look.texts
    rules = session.rules
    asked = sum((rules.ask_age > 0, rules.ask_form, rules.embargo_years > 0))
    number, count = asked - len(session.asks) + 1, asked + len(ASKED_USES)
    return look.make(
        Kind.SHARING,
        headline=texts.get("sharing.note", number=number, count=count),
        body=texts.get(_asked_as(session), age=rules.ask_age, years=rules.embargo_years),
        progress=(number, count),
    )


def _asked_as(session: Session) -> str:
    """The key of a question before the uses: a group is asked as one."""
    ask = session.asks[0]
    group = session.kind is Told.CONVERSATION and ask is not Preface.EMBARGO
    return f"{'group' if group else 'consent'}.{ask.value}"


def _hearing(look: Look) -> View:
    """The own story while it sounds, with its words, opened for this visit alone."""
    extras = look.extras
    captions = played(extras.captions, extras.position)
    return look.make(
        Kind.LISTENING,
        headline=_headline(look.session, look.texts),
        captions=captions,
        captions_note=look.texts.get("captions.machine") if captions else "",
        level=extras.level,
    )


def _headline(session: Session, texts: Texts) -> str:
    return texts.get("mine.headline", length=length_words(session.mine.seconds, texts))


def _uses(look: Look) -> View:
    session, texts = look.session, look.texts
    count = len(session.mine.uses)
    number = min(session.question, count - 1)
    return look.make(
        Kind.SHARING,
        headline=texts.get("mine.uses", number=number + 1, count=count),
        body=texts.wording(session.mine.uses[number], group=session.mine.people > 1).text,
        progress=(number + 1, count),
    )


def _receipt(look: Look) -> View:
    session, texts = look.session, look.texts
    told = _told(session, texts)
    receipt = (texts.get("mine.receipt", id=session.receipt),) if session.receipt else ()
    return look.make(
        Kind.PLAIN,
        headline=texts.get("notice.withdrawn"),
        body=texts.get("mine.erased"),
        notes=(" ".join((*told[:1], *receipt)),) if told or receipt else (),
    )


def _told(session: Session, texts: Texts) -> tuple[str, ...]:
    return tuple(texts.get(f"mine.{state}", place=short_place(place)) for place, state in session.mine.copies)


def short_place(place: str) -> str:
    """The name of a place as a person would say it: the last part of a path or address."""
    name = place.rstrip("/").rpartition("/")[2].rpartition(":")[2] or place
    return name if len(name) <= LONGEST_PLACE else f"…{name[-LONGEST_PLACE:]}"
