"""``hearth story``: what a teller may do with their story, by its keep-code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from archive.consent import Yes
from archive.errors import HomeTrouble, Refused
from archive.home import Home, checked, may_be_written
from archive.masters import open_master
from archive.store import Store
from archive.stories import Visit
from archive.tellers import MyStory, my_story, receipt
from archive.transcripts import transcript
from archive.types import ASKED_USES, Form, Reader, Use
from audio.clock import SystemClock
from audio.types import Ms, TakeId
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.config import Config
from kiosk.errors import BadTexts
from kiosk.hearing import play_aloud
from kiosk.playing import pieces
from kiosk.reading import reading
from kiosk.setting import open_box, read_config, read_texts
from kiosk.terms import wording
from kiosk.texts import Texts, load

_ULID = 26
USES = click.Choice([use.value for use in ASKED_USES])


@click.command(name="story")
@click.argument("code")
@home_there_option
@click.option("--no", "narrow", multiple=True, type=USES, help="Allow this use no longer; may be given several times.")
@click.option("--only-me", is_flag=True, help="Allow no use any more: only the keep-code opens it.")
@click.option(
    "--yes", "widen", multiple=True, type=USES, help="Allow this use from now on, as its teller asks; a group cannot."
)
@click.option("--voice", is_flag=True, help="With --yes: the voice, too, where only the words were allowed so far.")
@click.option("--at-once", is_flag=True, help="With --yes: from now on, where a later day was asked for so far.")
@click.option("--words", is_flag=True, help="Show its words, opened with the code for this moment alone.")
@click.option("--hear", is_flag=True, help="Play it aloud, opened with the code.")
@click.option("--silent", is_flag=True, help="With --hear: do everything but sound.")
@json_option
def command(
    code: str,
    home: Path,
    narrow: tuple[str, ...],
    only_me: bool,
    widen: tuple[str, ...],
    voice: bool,
    at_once: bool,
    words: bool,
    hear: bool,
    silent: bool,
    as_json: bool,
) -> None:
    """Show a story to its teller: its uses, where it has gone, what was taken back. CODE is the keep-code.

    Narrowing counts at once, everywhere. A yes has the form and the day its teller gave before, unless --voice or
    --at-once says otherwise. CODE may also be the receipt of a withdrawal (the 26 letters told then): it
    shows what was erased where, and what is still on its way. That works on a disk that may not be written, too.

    \b
    Examples:
      hearth story 417-maple-river-candle-north --json
      hearth story "417 maple river candle north" --no play_here --no public
      hearth story 417-maple-river-candle-north --hear
      hearth story 01JD8Z4W8KWQF3A0RYDZS1K1WH
    """
    if _is_receipt(code):
        with reading(home) as store:
            told = receipt(store, TakeId(checked(code.strip().upper()))).to_json()
        emit({"withdrawn": told}, lambda: _receipt_words(told), as_json=as_json)
        return
    if not may_be_written(home):
        raise HomeTrouble(
            "A keep-code cannot be tried on a disk that may not be written: each try is noted before it counts.",
            "Let the disk be written, or copy the box's folder and its keys to one that may be, and try it there.",
        )
    denied = tuple(use.value for use in ASKED_USES) if only_me else narrow
    if both := sorted(set(denied) & set(widen)):
        raise click.UsageError(f"No and yes to the same use: {', '.join(both)}. Nothing was changed.")
    place = open_box(home)
    # Before anything is changed: what could not be heard is not begun.
    config = read_config(place) if hear and not silent else None
    with Store(place, SystemClock()) as store:
        visit = store.enter_code(code)
        terms = store.terms_of(visit.take)
        terms = Yes(Form.VOICE if voice else terms.form, None if at_once else terms.embargo)
        _change(store, visit, denied, widen, terms)
        facts = my_story(store, visit)
        payload: dict[str, Any] = {"story": facts.to_json()}
        if words:
            said = transcript(store, visit.take, Reader.TELLER, store.now(), visit=visit)
            payload["words"] = " ".join(word.text.strip() for word in said)
        if hear:
            payload["heard"] = round(_hear(store, config, visit), 3)
    emit(payload, lambda: _story_words(facts, payload), as_json=as_json)


def _is_receipt(text: str) -> bool:
    name = text.strip()
    return len(name) == _ULID and name.isascii() and name.isalnum() and name[0].isdigit()


def _change(store: Store, visit: Visit, denied: Sequence[str], widen: Sequence[str], terms: Yes) -> None:
    """Note each no, then each yes: a no stands, whatever becomes of a yes beside it. Raises `Refused`."""
    _answer(store, visit, ((Use(use), False) for use in denied), Yes())
    try:
        _answer(store, visit, ((Use(use), True) for use in widen), terms)
    except Refused as refused:
        if denied:
            raise Refused(f"The no is noted, and stands. {refused.say}", refused.do) from refused
        raise
    finally:
        if denied and store.is_seal_due(visit.take):
            store.seal(visit.take, "desk")


def _answer(store: Store, visit: Visit, answers: Iterable[tuple[Use, bool]], terms: Yes) -> None:
    language = store.language_of(visit.take)
    for use, yes in answers:
        shown, form = wording(_words(store.home, language, yes=yes), use), terms.form
        store.decide(visit.take, use, yes=yes, wording=shown, by="desk", form=form, embargo=terms.embargo, visit=visit)


def _words(home: Home, language: str, *, yes: bool) -> Texts:
    """The words asked with. A yes names the library's very own; a no waits for nobody who mends them."""
    try:
        return read_texts(home, language)
    except BadTexts:
        if yes:
            raise
        return load(language)


def _hear(store: Store, config: Config | None, visit: Visit) -> float:
    with open_master(store, visit.take, Reader.TELLER, store.now(), visit=visit) as master:
        if config is None:
            return sum(len(piece) for piece in pieces(master, Ms(0), None)) / master.format.rate
        play_aloud(config, master, store.loudness_of(visit.take))
        return master.length / 1000


def _story_words(facts: MyStory, payload: dict[str, Any]) -> str:
    lines = [f"Story {facts.take}, {facts.length / 1000:.0f} s."]
    lines += [f"  {use.value:10} {_yes_words(facts.uses.get(use))}" for use in ASKED_USES]
    if facts.waits_for_room:
        lines.append("  A part is taken out; nobody hears the rest until there is room to write it.")
    elif facts.held:
        lines.append("  Held until a librarian has decided.")
    lines += ["  Waits for a guardian's consent."] if facts.waits_for_guardian else []
    lines += ["  Sealed: only this code opens it."] if facts.sealed else []
    lines += [f"  Taken back: {start / 1000:.1f} to {end / 1000:.1f} s." for start, end in facts.cuts]
    lines += [f"  At {copy.place} since {copy.at:%Y-%m-%d}: {copy.state}." for copy in facts.copies]
    lines += [] if facts.copies else ["  It has never left this box."]
    return "\n".join([*lines, *([str(payload["words"])] if "words" in payload else [])])


def _yes_words(yes: Yes | None) -> str:
    if yes is None:
        return "no"
    form = ", the words alone" if yes.form is Form.TRANSCRIPT else ""
    return f"yes{form}{f', from {yes.embargo}' if yes.embargo is not None else ''}"


def _receipt_words(told: dict[str, Any]) -> str:
    lines = [f"Taken back {told['at']}. Erased here: {', '.join(told['erased_here'])}."]
    lines += [f"Erased at {copy['place']}." for copy in told["erased_there"]]
    lines += [f"On its way to {copy['place']}: told first of all at the next hand-on." for copy in told["on_its_way"]]
    return "\n".join(lines)
