"""Briefings: sentences, each with voices that say it, for a council, a school or a newspaper.

A quote leaves this archive by one way only, `ready`: it has to be allowed in writing by its teller (`Reader.QUOTE`,
asked at that moment), and a named person has to have heard the very span and said that these are its words. Its sound
goes along only where its teller lets everybody hear the voice; a yes to being quoted is one to words in writing.
Every function belongs inside a transaction of the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import ask
from archive.errors import ArchiveError, Refused
from archive.patterns.backing import backing_of
from archive.patterns.phrases import LANGUAGES, phrases
from archive.patterns.themes import LONGEST, theme_of
from archive.people.accounts import person_named
from archive.reviewing.decisions import redactions_of
from archive.reviewing.words import passages_of
from archive.takes import fresh_take
from archive.types import Reader

LONGEST_SENTENCE = LONGEST
"""As a theme's: every theme fits into a briefing."""
LONGEST_TITLE = 300
LONGEST_TEXT = 4000
LONGEST_QUOTE_MS = 3 * 60_000
SHORTEST_QUOTE_MS = 500


class BadBriefing(ArchiveError):
    """A briefing, or a quote in it, that cannot be as it was given."""

    code = "bad-briefing"


class NotReady(ArchiveError):
    """Something in this briefing may not leave, so that none of it does."""

    code = "not-ready"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of [start, end) ms of a story. ``checked_by`` is who heard them, None while nobody has."""

    id: str
    point: str
    story: str
    start: int
    end: int
    text: str
    who: str
    checked_by: str | None
    checked_at: str | None

    @property
    def digest(self) -> str:
        """Names the very words and where they are said."""
        return _digest(self.story, self.start, self.end, self.text)


@dataclass(frozen=True, slots=True)
class Point:
    """A sentence of the briefing, with its quotes; ``theme`` is the theme it stands for, or empty."""

    id: str
    sentence: str
    theme: str
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Briefing:
    """A briefing as it stands."""

    id: str
    title: str
    audience: str
    can: str
    cannot: str
    hear: str
    language: str
    at: str
    who: str
    points: tuple[Point, ...]

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """Every quote, in the order of its point."""
        return tuple(quote for point in self.points for quote in point.quotes)


@dataclass(frozen=True, slots=True)
class State:
    """Whether a quote may leave now, and why not; ``voice`` says whether its sound may go along."""

    ready: bool
    why: str
    voice: bool = False


@dataclass(frozen=True, slots=True)
class Since:
    """What went out and may not be used any more: in which issue, and why.

    A quote has its number; a ``sentence`` whose theme has fallen has number 0 and no story.
    """

    issue: str
    at: str
    number: int
    story: str
    why: str
    voice_only: bool = False
    sentence: str = ""

    @property
    def what(self) -> str:
        """What it is, to people."""
        return f"the sentence “{self.sentence}”" if self.sentence else f"quote {self.number}"


def make_briefing(
    tx: Tx, title: str, audience: str, who: str, now: datetime,
    *, can: str | None = None, cannot: str | None = None, hear: str | None = None, language: str = "en",
) -> str:  # fmt: skip
    """Begin a briefing; returns its identifier.

    What it can and cannot say and how to hear it are careful sentences of its ``language`` where nothing else is
    given. Raises `BadBriefing`: what it cannot say is never left empty, and it goes out in a language of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise BadBriefing(f"A briefing has no words in {language[:20]!r}.", f"Choose one of {', '.join(LANGUAGES)}.")
    careful = phrases(language)
    can = careful.get("can") if can is None else can
    cannot = careful.get("cannot") if cannot is None else cannot
    hear = careful.get("hear") if hear is None else hear
    told = [_text(can, "what the evidence can say"), _text(cannot, "what it cannot say"), _text(hear, "how to hear it")]
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO briefings (id, title, audience, can, cannot, hear, language, at, who) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ident, _text(title, "a title", LONGEST_TITLE), " ".join(audience.split())[:LONGEST_TITLE], *told,
        language, stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "briefing begun", ident, "", now)
    return ident


def add_point(tx: Tx, briefing: str, sentence: str, who: str, now: datetime, *, theme: str = "") -> str:
    """Add a sentence, which stands for ``theme`` or for none; returns its identifier.

    Raises `BadBriefing`, `archive.patterns.themes.BadTheme` where there is no such theme.
    """
    found = briefing_of(tx, briefing)
    if theme:
        theme_of(tx, theme, now)
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO briefing_points (id, briefing, place, sentence, theme) VALUES (?, ?, ?, ?, ?)",
        ident, briefing, len(found.points), _text(sentence, "a sentence", LONGEST_SENTENCE), theme,
    )  # fmt: skip
    note_change(tx, who, "briefing point added", briefing, "", now)
    return ident


def add_quote(tx: Tx, point: str, story: str, start: int, end: int, who: str, now: datetime) -> str:
    """Quote [start, end) ms of a story under a point; returns its identifier.

    Its words are those written down for the span, until somebody has heard them. Raises `BadBriefing`, `Refused`.
    """
    row = tx.one("SELECT briefing FROM briefing_points WHERE id = ?", point)
    told = tx.one("SELECT length_ms FROM stories WHERE id = ?", story)
    if row is None or told is None:
        raise BadBriefing(
            "This point or this story is not there any more.",
            "Load the page again, or look at the identifiers for a slip.",
        )
    answer = ask(tx, story, Reader.QUOTE, now)
    if not answer.allowed:
        raise Refused(answer.why, "Its teller did not say that its words may be quoted.")
    if not (0 <= start < end <= int(told["length_ms"]) and SHORTEST_QUOTE_MS <= end - start <= LONGEST_QUOTE_MS):
        raise BadBriefing("This span is no quote.", "It lies in the story, and has half a second to three minutes.")
    words = [
        word.text
        for passage in passages_of(tx, story)
        for word in passage.words
        if start <= (word.start + word.end) // 2 < end
    ]
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO briefing_quotes (id, briefing, point, story, start_ms, end_ms, text, at, who) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ident, row["briefing"], point, story, start, end, " ".join(words)[:LONGEST_TEXT], stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "quoted in a briefing", story, ident, now)
    return ident


def check_quote(tx: Tx, quote: str, text: str, who: str, now: datetime) -> None:
    """``who``, a person with an account here, heard the span and says that ``text`` are its words.

    Raises `BadBriefing`, `Refused` (its voice may not be heard here), `archive.people.accounts.PersonTrouble`.
    """
    found = quote_of(tx, quote)
    if person_named(tx, who).ended_at is not None:
        raise BadBriefing(f"The account of {who} has ended.", "Somebody who works here has to hear it.")
    answer = ask(tx, found.story, Reader.DESK, now)
    if not (answer.allowed and answer.voice):
        why = answer.why if not answer.allowed else "Its teller allowed the words, not the voice."
        raise Refused(why, "What nobody may hear, nobody can check against the sound.")
    plain = _text(text, "the words that are heard")
    tx.run("UPDATE briefing_quotes SET text = ? WHERE id = ?", plain, quote)
    tx.run("DELETE FROM briefing_checks WHERE quote = ?", quote)
    tx.run(
        "INSERT INTO briefing_checks (quote, story, at, who, digest) VALUES (?, ?, ?, ?, ?)",
        quote, found.story, stamp(now), who, _digest(found.story, found.start, found.end, plain),
    )  # fmt: skip
    note_change(tx, who, "quote checked", found.story, quote, now)


def remove_quote(tx: Tx, quote: str, who: str, now: datetime) -> None:
    """Take a quote out of its briefing. Raises `BadBriefing`."""
    found = quote_of(tx, quote)
    tx.run("DELETE FROM briefing_quotes WHERE id = ?", quote)
    note_change(tx, who, "quote removed", found.story, quote, now)


def remove_point(tx: Tx, point: str, who: str, now: datetime) -> None:
    """Take a sentence out of its briefing, and its quotes with it. Raises `BadBriefing`."""
    row = tx.one("SELECT briefing FROM briefing_points WHERE id = ?", point)
    if row is None:
        raise BadBriefing("This sentence is not there any more.", "Load the page again.")
    for quote in tx.all("SELECT id FROM briefing_quotes WHERE point = ? ORDER BY id", point):
        remove_quote(tx, str(quote["id"]), who, now)
    tx.run("DELETE FROM briefing_points WHERE id = ?", point)
    note_change(tx, who, "briefing point removed", str(row["briefing"]), "", now)


def briefing_of(tx: Tx, briefing: str) -> Briefing:
    """Return a briefing with its points and quotes, ready or not: for the desk. Raises `BadBriefing`."""
    row = tx.one("SELECT * FROM briefings WHERE id = ?", briefing)
    if row is None:
        raise BadBriefing(
            "There is no briefing with this identifier.", "`hearth archive briefing list` shows them all."
        )
    quotes = [_quote(one) for one in tx.all(f"{_QUOTES} WHERE q.briefing = ? ORDER BY q.id", briefing)]
    points = tuple(
        Point(one["id"], one["sentence"], one["theme"], tuple(quote for quote in quotes if quote.point == one["id"]))
        for one in tx.all("SELECT * FROM briefing_points WHERE briefing = ? ORDER BY place, id", briefing)
    )
    return Briefing(
        str(row["id"]), str(row["title"]), str(row["audience"]), str(row["can"]), str(row["cannot"]), str(row["hear"]),
        str(row["language"]), str(row["at"]), str(row["who"]), points,
    )  # fmt: skip


def briefings(tx: Tx) -> list[Briefing]:
    """Every briefing, the newest first."""
    return [briefing_of(tx, str(row["id"])) for row in tx.all("SELECT id FROM briefings ORDER BY at DESC, id")]


def quote_of(tx: Tx, quote: str) -> Quote:
    """Return one quote. Raises `BadBriefing`."""
    row = tx.one(f"{_QUOTES} WHERE q.id = ?", quote)
    if row is None:
        raise BadBriefing("This quote is not there any more.", "Its teller may have taken the story back.")
    return _quote(row)


def state_of(tx: Tx, quote: Quote, now: datetime | None) -> State:
    """Ask whether a quote may leave now."""
    answer = ask(tx, quote.story, Reader.QUOTE, now)
    if not answer.allowed:
        return State(False, answer.why)
    if quote.checked_by is None:
        return State(False, "Nobody has checked it against the sound yet.")
    if _blanked(tx, quote):
        return State(False, "Something in it was blanked out.")
    heard = ask(tx, quote.story, Reader.PUBLISH, now)
    return State(True, answer.why, heard.allowed and heard.voice)


def may_be_seen(tx: Tx, quote: Quote, now: datetime | None) -> bool:
    """Whether the desk may read and hear what a quote quotes now."""
    return not _blanked(tx, quote) and _open(tx, quote, now)


def _blanked(tx: Tx, quote: Quote) -> bool:
    spans = redactions_of(tx, quote.story)
    return any(one.lifted_by is None and one.start < quote.end and quote.start < one.end for one in spans)


def _open(tx: Tx, quote: Quote, now: datetime | None) -> bool:
    return ask(tx, quote.story, Reader.DESK, now).allowed and ask(tx, quote.story, Reader.QUOTE, now).allowed


def ready(tx: Tx, briefing: Briefing, now: datetime) -> dict[str, State]:
    """The state of every quote, all of them ready. Raises `NotReady` naming the first that is not.

    Nor does a sentence leave that no voice says, or that stands for a theme which does not stand now.
    """
    states = {quote.id: state_of(tx, quote, now) for quote in briefing.quotes}
    if not states:
        raise NotReady("There is no quote in this briefing.", "A sentence without a voice is nobody's.")
    for number, quote in enumerate(briefing.quotes, start=1):
        if not states[quote.id].ready:
            raise NotReady(f"Quote {number} may not leave. {states[quote.id].why}", "Check it, or take it out.")
    bare = next((point for point in briefing.points if not point.quotes), None)
    if bare is not None:
        raise NotReady(f"No voice says this: {bare.sentence}", "Give it a quote, or take the sentence out.")
    for point in briefing.points:
        behind = backing_of(tx, point.theme, now) if point.theme else None
        if behind is not None and not behind.stands:
            say = f"The theme of this sentence does not stand: {point.sentence} {behind.why}"
            raise NotReady(say, "Work on the theme, or take the sentence out.")
    return states


def note_issue(tx: Tx, briefing: Briefing, states: dict[str, State], who: str, now: datetime) -> str:
    """Note that a briefing goes out, with which quotes, in the transaction that has just called `ready`."""
    issue = str(fresh_take(now))
    tx.run(
        "INSERT INTO briefing_issues (id, briefing, at, who) VALUES (?, ?, ?, ?)", issue, briefing.id, stamp(now), who
    )
    tx.many(
        "INSERT INTO briefing_sent (issue, number, quote, story, start_ms, end_ms, voice, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (issue, number, one.id, one.story, one.start, one.end, int(states[one.id].voice), one.digest)
            for number, one in enumerate(briefing.quotes, start=1)
        ],
    )
    for story in dict.fromkeys(one.story for one in briefing.quotes):
        note_change(tx, who, "left in a briefing", story, issue, now)
    return issue


def withdrawn_since(tx: Tx, briefing: str, now: datetime, *, issue: str = "") -> list[Since]:
    """What went out with this briefing (or one ``issue`` of it) and may not be used any more, newest issue first.

    Of each issue the quotes, then the sentences whose themes have fallen.
    """
    rows = tx.all(
        "SELECT s.*, i.at AS issued FROM briefing_sent s JOIN briefing_issues i ON i.id = s.issue "
        "WHERE i.briefing = ? AND (? = '' OR i.id = ?) ORDER BY i.at DESC, s.number",
        briefing, issue, issue,
    )  # fmt: skip
    found = []
    for row in rows:
        why, voice_only = _since(tx, row, now)
        if why:
            found.append(
                Since(row["issue"], row["issued"], int(row["number"]), row["story"], why, voice_only)
            )  # fmt: skip
    found += _fallen(tx, briefing, issue, now)
    return sorted(found, key=lambda one: one.at, reverse=True)


def _fallen(tx: Tx, briefing: str, issue: str, now: datetime) -> list[Since]:
    """The sentences that went out for a theme and have none that stands now.

    A sentence was in an issue if it was there first: identifiers begin with their time, in ten signs.
    """
    rows = tx.all(
        "SELECT i.id AS issue, i.at AS issued, p.sentence, p.theme FROM briefing_issues i JOIN briefing_points p "
        "ON p.briefing = i.briefing AND substr(p.id, 1, 10) <= substr(i.id, 1, 10) "
        "WHERE p.theme <> '' AND i.briefing = ? AND (? = '' OR i.id = ?) ORDER BY i.at DESC, p.place, p.id",
        briefing, issue, issue,
    )  # fmt: skip
    behind = {theme: backing_of(tx, theme, now) for theme in {str(row["theme"]) for row in rows}}
    return [
        Since(
            row["issue"], row["issued"], 0, "", f"Its theme has fallen since. {behind[row['theme']].why}",
            sentence=row["sentence"],
        )
        for row in rows
        if not behind[row["theme"]].stands
    ]  # fmt: skip


def issues_of(tx: Tx, briefing: str) -> Sequence[tuple[str, str, str]]:
    """Identifier, time and person of every time a briefing went out, newest first."""
    rows = tx.all("SELECT id, at, who FROM briefing_issues WHERE briefing = ? ORDER BY at DESC, id", briefing)
    return [(str(row["id"]), str(row["at"]), str(row["who"])) for row in rows]


def briefing_of_issue(tx: Tx, issue: str) -> str:
    """Name the briefing an issue belongs to. Raises `BadBriefing`."""
    row = tx.one("SELECT briefing FROM briefing_issues WHERE id = ?", issue)
    if row is None:
        raise BadBriefing("This archive knows no such issue.", "It was made by another archive, or before a backup.")
    return str(row["briefing"])


def _since(tx: Tx, row: Row, now: datetime | None) -> tuple[str, bool]:  # noqa: PLR0911 (one answer a reason)
    answer = ask(tx, row["story"], Reader.QUOTE, now)
    if tx.one("SELECT 1 FROM stories WHERE id = ?", row["story"]) is None:
        return "Its teller took the story back, or it was erased here.", False
    if not answer.allowed:
        return answer.why, False
    kept = tx.one(f"{_QUOTES} WHERE q.id = ?", row["quote"])
    if kept is None:
        return "The quote was taken out of the briefing.", False
    quote = _quote(kept)
    state = state_of(tx, quote, now)
    if not state.ready:
        return state.why, False
    if quote.digest != row["digest"]:
        return "Its words were corrected.", False
    if row["voice"] and not state.voice:
        return "Its words may stand, its voice may not be played to everybody any more.", True
    return "", False


_QUOTES = (
    "SELECT q.id, q.point, q.story, q.start_ms, q.end_ms, q.text, q.who, c.who AS checked_by, c.at AS checked_at, "
    "c.digest FROM briefing_quotes q LEFT JOIN briefing_checks c ON c.quote = q.id"
)


def _quote(row: Row) -> Quote:
    plain = (str(row["id"]), str(row["point"]), str(row["story"]), int(row["start_ms"]), int(row["end_ms"]))
    quote = Quote(*plain, str(row["text"]), str(row["who"]), row["checked_by"], row["checked_at"])
    if quote.checked_by is not None and row["digest"] != quote.digest:
        # Whatever wrote other words into the row: they were not the ones that were heard.
        return Quote(*plain, quote.text, quote.who, None, None)
    return quote


def _digest(story: str, start: int, end: int, text: str) -> str:
    return hashlib.sha256(f"{story}\n{start}\n{end}\n{text}".encode()).hexdigest()


def _text(text: str, what: str, longest: int = LONGEST_TEXT) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= longest:
        raise BadBriefing(f"Write {what}, in at most {longest} signs.", "A briefing that leaves it open misleads.")
    return plain
