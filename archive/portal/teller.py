"""A teller's own story: opened by its keep-code, heard, read, narrowed, shortened, taken back.

The code comes in the body of a form, is checked by the store (which slows down wrong ones) and is kept nowhere; what
it opened stays in memory while the teller looks. Every act goes by the same action the box and the command line use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from archive.becameof import became_of
from archive.cutting import take_back_span
from archive.errors import NoKey, NoSuchStory, Refused
from archive.home import checked
from archive.masters import open_master
from archive.portal.desk import Ask, Desk, get, go, post, with_token
from archive.portal.guard import new_token
from archive.portal.sound import sound_answer, waveform
from archive.portal.visits import Seat
from archive.store import Store
from archive.stories import Visit
from archive.tellers import my_story, receipt
from archive.transcripts import transcript
from archive.types import ASKED_USES, Reader, Use
from audio.types import Ms, TakeId, Word

BY = "portal"
PAUSE = Ms(900)
LONG_PAUSE = Ms(2500)
PARAGRAPH = 60
"""Words after which a pause begins a new paragraph also within a sentence."""
_ULID = 26
_ENDS = (".", "?", "!", "…")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What was said between two pauses; ``start`` and ``end`` in ms of the story."""

    start: Ms
    end: Ms
    words: tuple[Word, ...]

    @property
    def clock(self) -> str:
        """Where it begins, as minutes and seconds."""
        return clock(self.start)


def paragraphs(words: Iterable[Word]) -> list[Paragraph]:
    """Group words into paragraphs at pauses. Pure."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1][-1] if groups else None
        if last is None or _breaks(groups[-1], last, word):
            groups.append([])
        groups[-1].append(word)
    return [Paragraph(group[0].start, max(word.end for word in group), tuple(group)) for group in groups]


def clock(at: Ms) -> str:
    """Write ms as ``1:05``."""
    return f"{at // 60_000}:{at // 1000 % 60:02}"


def read_clock(text: str) -> Ms:
    """Read ``1:05``, ``65`` or ``65.5`` as ms. Raises `Refused`."""
    minutes, colon, rest = text.strip().replace(",", ".").rpartition(":")
    try:
        ms = round((int(minutes or 0) * 60 if colon else 0) * 1000 + float(rest) * 1000)
    except (ValueError, OverflowError):
        ms = -1
    if ms < 0:
        raise Refused(f"'{text[:12]}' is no time.", "Write it as 1:05 or in seconds.")
    return Ms(ms)


def routes(desk: Desk) -> list[Route]:
    """Every address of a teller's pages."""
    return [
        get(desk, "/story", show),
        post(desk, "/story/open", enter, "/story"),
        get(desk, "/story/sound.wav", sound),
        get(desk, "/story/wave.svg", wave),
        post(desk, "/story/use", decide, "/story"),
        post(desk, "/story/only-me", only_me, "/story"),
        post(desk, "/story/part", part, "/story"),
        get(desk, "/story/withdraw", ask_again),
        post(desk, "/story/withdraw", withdraw, "/story"),
        get(desk, "/story/receipt", show_receipt),
        post(desk, "/story/leave", leave, "/story"),
    ]


def enter(ask: Ask) -> Response:
    """Open a story by its code, or a receipt by its letters."""
    text = ask.form.get("code", "").strip()
    token = new_token()
    with ask.desk.store() as store:
        if len(text) == _ULID and text.isalnum() and text[0].isdigit():
            told = receipt(store, TakeId(checked(text.upper())))
            ask.desk.visits.open(token, None, told.take)
            return with_token(go("/story/receipt"), token)
        visit = store.enter_code(text)
    ask.desk.visits.close(ask.token)
    ask.desk.visits.open(token, visit)
    return with_token(go("/story"), token)


def show(ask: Ask) -> Response:
    """The story, or the question for its code."""
    seat = ask.seat
    if seat is None or seat.visit is None:
        return ask.page("code")
    visit = seat.visit
    with ask.desk.store() as store:
        try:
            facts, story = my_story(store, visit), store.story(visit.take)
        except NoSuchStory:
            # Taken back meanwhile, here or elsewhere.
            ask.desk.visits.open(ask.token, None, visit.take)
            return go("/story/receipt")
        try:
            said = paragraphs(transcript(store, visit.take, Reader.TELLER, store.now(), visit=visit))
        except NoKey:
            said = []
        became = [(at.date().isoformat(), text) for at, text in became_of(store, visit)]
    told = story.recorded_at if story.clock_trusted else None
    return ask.page(
        "story", facts=facts, uses=ASKED_USES, said=said, told=told, length=clock(facts.length),
        cuts=[(clock(start), clock(end)) for start, end in facts.cuts], group=story.kind.value == "conversation",
        became=became,
    )  # fmt: skip


def sound(ask: Ask) -> Response:
    """The sound, whole or a range of it."""
    visit = _visit(ask.seat)
    return sound_answer(ask.desk.store, visit, ask.request.headers.get("range"))


def wave(ask: Ask) -> Response:
    """The loudness of the story, for the margin."""
    visit = _visit(ask.seat)
    with ask.desk.store() as store, open_master(store, visit.take, Reader.TELLER, store.now(), visit=visit) as master:
        return Response(waveform(master), media_type="image/svg+xml")


def decide(ask: Ask) -> Response:
    """Answer one use: no counts at once, everywhere; yes, because its teller asks."""
    visit = _visit(ask.seat)
    use, yes = ask.form.get("use", ""), ask.form.get("answer") == "yes"
    if use not in {one.value for one in ASKED_USES} or ask.form.get("answer") not in {"yes", "no"}:
        raise Refused("This is not asked here.")
    if yes and ask.texts.draft:
        raise Refused("These words are a draft.", "Say yes in a language that was checked.")
    with ask.desk.store() as store:
        _decide(ask, store, visit, Use(use), yes=yes)
        _seal_if_due(store, visit)
    return go("/story#uses")


def only_me(ask: Ask) -> Response:
    """No to everything: only the code opens it."""
    visit = _visit(ask.seat)
    with ask.desk.store() as store:
        for use in my_story(store, visit).uses:
            _decide(ask, store, visit, use, yes=False)
        _seal_if_due(store, visit)
    return go("/story#uses")


def part(ask: Ask) -> Response:
    """Take a part out of the story for good; asked again before."""
    visit = _visit(ask.seat)
    start, end = read_clock(ask.form.get("from", "")), read_clock(ask.form.get("to", ""))
    if start >= end:
        raise Refused("The part ends before it begins.", "Look at both times again.")
    if ask.form.get("sure") != "yes":
        return ask.page("part", start=clock(start), end=clock(end), raw=(ask.form["from"], ask.form["to"]))
    with ask.desk.store() as store:
        take_back_span(store, visit, start, end, BY)
    return go("/story#part")


def ask_again(ask: Ask) -> Response:
    """Ask again before a story is taken back."""
    _visit(ask.seat)
    return ask.page("withdraw")


def withdraw(ask: Ask) -> Response:
    """Take the story back, at once and for good."""
    visit = _visit(ask.seat)
    if ask.form.get("sure") != "yes":
        raise Refused(ask.texts.get("withdraw.tick"))
    with ask.desk.store() as store:
        store.withdraw(visit, BY)
    ask.desk.visits.open(ask.token, None, visit.take)
    return go("/story/receipt")


def show_receipt(ask: Ask) -> Response:
    """What a withdrawal has done."""
    seat = ask.seat
    if seat is None or seat.receipt is None:
        return go("/story")
    with ask.desk.store() as store:
        return ask.page("receipt", told=receipt(store, seat.receipt))


def leave(ask: Ask) -> Response:
    """Close the story on this browser."""
    ask.desk.visits.close(ask.token)
    return with_token(go("/"), new_token())


def _decide(ask: Ask, store: Store, visit: Visit, use: Use, *, yes: bool) -> None:
    store.decide(visit.take, use, yes=yes, wording=ask.texts.wording(use), by=BY, visit=visit)


def _seal_if_due(store: Store, visit: Visit) -> None:
    if store.is_seal_due(visit.take):
        store.seal(visit.take, BY)


def _visit(seat: Seat | None) -> Visit:
    if seat is None or seat.visit is None:
        raise NoSuchStory("No story is open here.", "Open it with its keep-code.")
    return seat.visit


def _breaks(group: list[Word], last: Word, word: Word) -> bool:
    pause = word.start - last.end
    ended = last.text.strip().endswith(_ENDS) or len(group) >= PARAGRAPH
    return pause >= LONG_PAUSE or (pause >= PAUSE and ended)
