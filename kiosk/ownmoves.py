"""The moves of a teller who comes back (the code, the own story), and of what is asked before the uses. Pure."""

from __future__ import annotations

from dataclasses import replace

from archive.types import Form
from kiosk import codeentry
from kiosk import types as t
from kiosk.codeentry import Entry
from kiosk.draft import Draft
from kiosk.keys import lines_of
from kiosk.moves import read_again, stop
from kiosk.types import CUE_MEANINGS, Meaning, Notice, Page, Preface, State


def check_code(draft: Draft, event: t.Event) -> None:
    """Try it."""
    if isinstance(event, t.CodeTyped):
        draft.set(last_activity=draft.at, still_there=None, say="", notice=None, saving=True)
        draft.do(t.CheckCode(draft.old.visit, event.code))


def first_line(draft: Draft, _: t.Event) -> None:
    """A list begins with its first line."""
    draft.set(line=0)


def next_line(draft: Draft, _: t.Event) -> None:
    """Mark the next line."""
    old = draft.old
    if old.state is State.CODE_ENTRY:
        draft.set(entry=codeentry.move(old.entry, old.language))
    else:
        draft.set(line=(old.line + 1) % len(lines_of(old)))
    if old.speaking:
        draft.do(t.Speak(old.visit))


def take_line(draft: Draft, event: t.Event) -> None:
    """Take a line of the entering: the marked one, the touched one, or that of a cue button."""
    old, line = draft.old, None
    if isinstance(event, t.Touched):
        line = event.line
        draft.set(last_activity=draft.at, still_there=None, notice=None, say="")
    elif isinstance(event, t.Press) and event.meaning in CUE_MEANINGS:
        line = CUE_MEANINGS.index(event.meaning)
    draft.set(entry=codeentry.take(old.entry, old.language, line), shown_at=draft.at)
    if old.speaking:
        draft.do(t.Speak(old.visit))


def type_text(draft: Draft, event: t.Event) -> None:
    """Take what a keyboard typed."""
    if isinstance(event, t.Typed):
        draft.set(last_activity=draft.at, still_there=None, notice=None, say="")
        draft.set(entry=codeentry.typed(draft.old.entry, event.text, draft.old.language))


def undo_entry(draft: Draft, event: t.Event) -> None:
    """Take the last step of the entering back."""
    draft.set(entry=codeentry.undo(draft.old.entry), shown_at=draft.at)
    read_again(draft, event)


def check_entry(draft: Draft, _: t.Event) -> None:
    """Try the code that was entered; nothing else can be pressed meanwhile."""
    draft.set(saving=True)
    draft.do(t.CheckCode(draft.old.visit, draft.old.entry.code))


def code_accepted(draft: Draft, event: t.Event) -> None:
    """The story is open to its teller for this visit; the code itself is forgotten."""
    if isinstance(event, t.CodeAccepted):
        draft.set(story=event.story, mine=event.mine, page=Page.MENU, line=0, saving=False, entry=Entry())


def code_refused(draft: Draft, event: t.Event) -> None:
    """Say why not; what was entered stays, so that one slip need not cost all of it."""
    if isinstance(event, t.CodeRefused):
        draft.set(say=event.say, notice=Notice.CODE_REFUSED, saving=False, shown_at=draft.at, last_activity=draft.at)


def touch_menu(draft: Draft, event: t.Event) -> None:
    """A finger marks a line; the key says what taking it does."""
    if isinstance(event, t.Touched) and 0 <= event.line < len(lines_of(draft.old)):
        draft.set(line=event.line, last_activity=draft.at, still_there=None)
        read_again(draft, event)


def open_page(draft: Draft, event: t.Event) -> None:
    """Turn to a page of the own story."""
    pages = {Meaning.USES: Page.USES, Meaning.RECEIPTS: Page.RECEIPTS}
    if isinstance(event, t.Press):
        draft.set(page=pages[event.meaning], question=0, shown_at=draft.at)
        if draft.old.speaking:
            draft.do(t.Speak(draft.old.visit))


def close_page(draft: Draft, event: t.Event) -> None:
    """Turn back to the list."""
    draft.set(page=Page.MENU, question=0, shown_at=draft.at)
    read_again(draft, event)


def keep_use(draft: Draft, event: t.Event) -> None:
    """This use stays as it is: on to the next, after the last back to the list."""
    left = len(draft.old.mine.uses) - draft.old.question - 1
    draft.set(question=draft.old.question + 1 if left > 0 else 0, shown_at=draft.at)
    if left <= 0:
        draft.set(page=Page.MENU)
    read_again(draft, event)


def drop_use(draft: Draft, _: t.Event) -> None:
    """This use no longer; the next one stands in its place."""
    old = draft.old
    use = old.mine.uses[old.question]
    rest = tuple(one for one in old.mine.uses if one is not use)
    draft.set(mine=replace(old.mine, uses=rest), shown_at=draft.at)
    if old.question >= len(rest):
        draft.set(page=Page.MENU, question=0)
    if old.story is not None:
        draft.do(t.NarrowUse(old.visit, old.story, use, old.language))


def narrow(draft: Draft, _: t.Event) -> None:
    """No to every use of this story."""
    if draft.old.story is not None:
        draft.do(t.Narrow(draft.old.visit, draft.old.story))
    draft.set(asked=None)


def withdraw(draft: Draft, event: t.Event) -> None:
    """Take the story back from everywhere."""
    if draft.old.playing is not None:
        stop(draft, event)
    if draft.old.story is not None:
        draft.do(t.Withdraw(draft.old.visit, draft.old.story))
    draft.set(asked=None)


def narrowed(draft: Draft, event: t.Event) -> None:
    """It is done: say so."""
    if isinstance(event, t.Narrowed):
        draft.set(mine=event.mine, notice=Notice.NARROWED if event.mine.uses else Notice.ONLY_ME)
        if draft.old.question >= len(event.mine.uses):
            draft.set(page=Page.MENU, question=0)
        read_again(draft, event)


def withdrawn(draft: Draft, event: t.Event) -> None:
    """It is done: say so; there is nothing left to open, and the receipt stays until the teller leaves."""
    if draft.old.playing is not None:
        stop(draft, event)
    if isinstance(event, t.Withdrawn):
        draft.set(notice=Notice.WITHDRAWN, story=None, mine=event.mine, page=Page.MENU, line=0, receipt=event.story)
        read_again(draft, event)


def answer_first(draft: Draft, event: t.Event) -> None:
    """One of the questions before the uses: age, voice or words, waiting."""
    old = draft.old
    yes = isinstance(event, t.Press) and event.meaning is Meaning.YES
    match old.asks[0]:
        case Preface.AGE if yes:
            draft.do(t.SayAge(draft.take, old.rules.ask_age, old.language))
        case Preface.FORM:
            draft.set(form=Form.VOICE if yes else Form.TRANSCRIPT)
        case Preface.EMBARGO:
            draft.set(wait_years=old.rules.embargo_years if yes else 0)
    draft.set(asks=old.asks[1:], shown_at=draft.at)
    if old.speaking:
        draft.do(t.Speak(old.visit))
