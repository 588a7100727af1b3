"""Themes: a sentence somebody stands for, the voices behind it, and the ones against it, each a second to listen to.

A theme stands with at least three distinct voices *and* at least one counter-example, or a look for one that found
none and says where it looked. Who allowed less since, or took a story back, does not count any more: at the next look
the theme says so. Functions work inside the caller's transaction and name who.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import asks
from archive.catalogue.search import Filters, Hit, search
from archive.errors import ArchiveError, Clash
from archive.patterns.highlights import check_gate, highlight_of, words_between
from archive.patterns.small import enough
from archive.patterns.snippets import Looked, sources
from archive.reviewing.words import passages_of
from archive.takes import fresh_take
from archive.types import Reader

FEWEST_VOICES: Final = 3
LONGEST: Final = 400
MOST_HITS: Final = 50


class Side(StrEnum):
    """Where a voice stands."""

    FOR = "for"
    COUNTER = "counter"


class BadTheme(ArchiveError):
    """A theme that cannot be like that, or is not there."""

    code = "bad-theme"


@dataclass(frozen=True, slots=True)
class Voice:
    """A highlight behind a theme or against it. Where it may not be read ``words`` are empty, ``why`` says so."""

    highlight: str
    story: str
    start: int
    end: int
    side: Side
    who: str
    at: str
    words: str
    open: bool
    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """A search for a counter-example that found none: what was asked, where, and in how many stories."""

    id: str
    who: str
    at: str
    asked: str
    looked: Looked
    stories: int
    note: str

    @property
    def voices(self) -> int | None:
        """In how many voices, where that may be told: what one question or place holds would follow from the rest."""
        return None if self.looked.narrow else enough(self.stories)

    @property
    def through(self) -> str:
        """The same in words."""
        return voices_in_words(self.stories, self.looked)


@dataclass(frozen=True, slots=True)
class Count:
    """How many distinct stories stood behind it and against it from ``at`` on; ``closed`` ones may not be used.

    ``who`` is empty where no person changed it: a story was taken back, or its teller allows less.
    """

    at: str
    voices: int
    against: int
    closed: int
    who: str


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme as it stands at this look. ``says`` are sentences on what it lacks and what became of it."""

    id: str
    sentence: str
    who: str
    at: str
    voices: tuple[Voice, ...]
    looks: tuple[Look, ...]
    counts: tuple[Count, ...]
    now: Count
    stands: bool
    says: tuple[str, ...]

    def of(self, side: Side) -> tuple[Voice, ...]:
        """The voices of one side that may be heard now."""
        return tuple(voice for voice in self.voices if voice.side is side and voice.open)


def make_theme(tx: Tx, sentence: str, who: str, now: datetime) -> str:
    """Write a theme; returns its identifier. It stands when it has what it needs. Raises `BadTheme`."""
    ident, plain = str(fresh_take(now)), _sentence(sentence)
    tx.run("INSERT INTO themes (id, who, at) VALUES (?, ?, ?)", ident, who, stamp(now))
    _put_sentence(tx, ident, plain, who, now)
    note_change(tx, who, "theme written", ident, "{}", now)
    _recount(tx, ident, who, now)
    return ident


def rewrite(tx: Tx, theme: str, sentence: str, who: str, now: datetime) -> None:
    """Give a theme another sentence; the ones before stay beside it. Raises `BadTheme`."""
    _known(tx, theme)
    _put_sentence(tx, theme, _sentence(sentence), who, now)
    note_change(tx, who, "theme rewritten", theme, "{}", now)


def sentences_of(tx: Tx, theme: str) -> list[tuple[str, str, str]]:
    """Every sentence a theme had, oldest first: (at, who, sentence)."""
    rows = tx.all("SELECT at, who, sentence FROM theme_sentences WHERE theme = ? ORDER BY id", theme)
    return [(str(row["at"]), str(row["who"]), str(row["sentence"])) for row in rows]


def put_voice(tx: Tx, theme: str, highlight: str, side: Side, who: str, now: datetime) -> None:
    """Put a highlight behind a theme or against it; again with the other side moves it. Asks the gate.

    Raises `BadTheme`, `BadHighlight`, `Refused`.
    """
    _known(tx, theme)
    found = highlight_of(tx, highlight)
    check_gate(tx, found.story, now)
    tx.run("DELETE FROM theme_voices WHERE theme = ? AND highlight = ?", theme, highlight)
    tx.run(
        "INSERT INTO theme_voices (theme, highlight, story, side, who, at) VALUES (?, ?, ?, ?, ?, ?)",
        theme, highlight, found.story, side.value, who, stamp(now),
    )  # fmt: skip
    note_change(tx, who, f"voice put {side.value}", theme, highlight, now)
    _recount(tx, theme, who, now)


def take_voice(tx: Tx, theme: str, highlight: str, who: str, now: datetime) -> None:
    """Take a highlight away from a theme. Raises `BadTheme`."""
    _known(tx, theme)
    if not tx.run("DELETE FROM theme_voices WHERE theme = ? AND highlight = ?", theme, highlight):
        raise BadTheme("This voice is not there any more.", "Load the page again.")
    note_change(tx, who, "voice taken away", theme, highlight, now)
    _recount(tx, theme, who, now)


def look_for(tx: Tx, asked: str, looked: Looked, now: datetime) -> tuple[list[Hit], int]:
    """Look for a counter-example by words: what is found, newest first, and how many stories were looked through."""
    filters = Filters(looked.prompt, looked.site, looked.language)
    return search(tx, asked, Reader.DESK, now, filters=filters, limit=MOST_HITS), len(sources(tx, now, looked))


def voices_in_words(stories: int, looked: Looked) -> str:
    """How many voices were looked through, as far as that may be told."""
    if enough(stories) is None:
        return "fewer than five voices"
    return "five voices or more" if looked.narrow else f"{stories} voices"


def none_found(tx: Tx, theme: str, asked: str, looked: Looked, note: str, who: str, now: datetime) -> str:
    """Write down that ``who`` looked for a counter-example and found none; what was looked at is counted here.

    Raises `BadTheme` where nothing was asked, or nothing was there to look at.
    """
    _known(tx, theme)
    plain = " ".join(asked.split())
    if not 0 < len(plain) <= LONGEST:
        raise BadTheme("Say what you looked for.", "Write the words you searched, as in the search.")
    stories = len(sources(tx, now, looked))
    if not stories:
        raise BadTheme("There is no story in what you looked at.", "Look somewhere else, or everywhere.")
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO theme_looks (id, theme, who, at, asked, prompt, site, language, stories, note) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ident, theme, who, stamp(now), plain, looked.prompt, looked.site, looked.language, stories,
        " ".join(note.split())[:1000],
    )  # fmt: skip
    note_change(tx, who, "looked for a counter-example", theme, ident, now)
    _recount(tx, theme, who, now)
    return ident


def theme_of(tx: Tx, theme: str, now: datetime) -> Theme:
    """A theme as it stands at this look: every voice is asked for. Writes nothing. Raises `BadTheme`."""
    row = _known(tx, theme)
    sentence = sentences_of(tx, theme)[-1]
    voices, counts = tuple(_voices(tx, theme, now)), tuple(_counts(tx, theme))
    looks = tuple(_looks(tx, theme))
    fresh = _count(voices, counts, now)
    stands = fresh.voices >= FEWEST_VOICES and (fresh.against > 0 or bool(looks))
    says = (*_lacks(fresh, looks), *_became(counts, fresh))
    return Theme(theme, sentence[2], row[0], row[1], voices, looks, counts, fresh, stands, says)


def themes(tx: Tx, now: datetime) -> list[Theme]:
    """Every theme as it stands at this look, the newest first."""
    return [theme_of(tx, str(row["id"]), now) for row in tx.all("SELECT id FROM themes ORDER BY id DESC")]


def recount(tx: Tx, now: datetime) -> list[str]:
    """Write down for every theme how many voices it has now, where that changed by itself; returns which these are."""
    idents = [str(row["id"]) for row in tx.all("SELECT id FROM themes ORDER BY id")]
    return [ident for ident in idents if _recount(tx, ident, "", now)]


def changed(found: Iterable[Theme]) -> bool:
    """Whether `recount` has something to write down about these."""
    return any(not theme.counts or not _same(theme.counts[-1], theme.now) for theme in found)


def _known(tx: Tx, theme: str) -> tuple[str, str]:
    row = tx.one("SELECT who, at FROM themes WHERE id = ?", theme)
    if row is None:
        raise BadTheme("There is no such theme here.", "Load the page again.")
    return str(row["who"]), str(row["at"])


def _voices(tx: Tx, theme: str, now: datetime) -> Iterable[Voice]:
    rows = tx.all(
        "SELECT v.highlight, v.story, h.start_ms, h.end_ms, v.side, v.who, v.at FROM theme_voices v "
        "JOIN highlights h ON h.id = v.highlight WHERE v.theme = ? AND h.removed_at = '' ORDER BY v.at, v.highlight",
        theme,
    )
    answers = asks(tx, [row["story"] for row in rows], Reader.DESK, now)
    for row in rows:
        answer = answers[row["story"]]
        words = words_between(passages_of(tx, row["story"]), row["start_ms"], row["end_ms"]) if answer.allowed else ""
        yield Voice(
            row["highlight"], row["story"], row["start_ms"], row["end_ms"], Side(row["side"]), row["who"], row["at"],
            words, answer.allowed, "" if answer.allowed else answer.why,
        )  # fmt: skip


def _looks(tx: Tx, theme: str) -> Iterable[Look]:
    rows = tx.all(
        "SELECT id, who, at, asked, prompt, site, language, stories, note FROM theme_looks WHERE theme = ? ORDER BY id",
        theme,
    )
    for row in rows:
        where = Looked(row["prompt"], row["site"], row["language"])
        yield Look(row["id"], row["who"], row["at"], row["asked"], where, int(row["stories"]), row["note"])


def _counts(tx: Tx, theme: str) -> Iterable[Count]:
    rows = tx.all("SELECT at, voices, against, closed, who FROM theme_counts WHERE theme = ? ORDER BY id", theme)
    return (Count(row["at"], int(row["voices"]), int(row["against"]), int(row["closed"]), row["who"]) for row in rows)


def _count(voices: Iterable[Voice], before: tuple[Count, ...], now: datetime, who: str = "") -> Count:
    sides: dict[tuple[Side, bool], set[str]] = {}
    for voice in voices:
        sides.setdefault((voice.side, voice.open), set()).add(voice.story)
    closed = sides.get((Side.FOR, False), set()) | sides.get((Side.COUNTER, False), set())
    found = Count(
        stamp(now), len(sides.get((Side.FOR, True), ())), len(sides.get((Side.COUNTER, True), ())), len(closed), who
    )
    return before[-1] if before and _same(before[-1], found) else found


def _same(one: Count, other: Count) -> bool:
    return (one.voices, one.against, one.closed) == (other.voices, other.against, other.closed)


def _recount(tx: Tx, theme: str, who: str, now: datetime) -> bool:
    before = tuple(_counts(tx, theme))
    found = _count(_voices(tx, theme, now), before, now, who)
    if before and found is before[-1]:
        return False
    tx.run(
        "INSERT INTO theme_counts (id, theme, at, voices, against, closed, who) VALUES (?, ?, ?, ?, ?, ?, ?)",
        str(fresh_take(now)), theme, stamp(now), found.voices, found.against, found.closed, who,
    )  # fmt: skip
    return True


def _lacks(now: Count, looks: tuple[Look, ...]) -> Iterable[str]:
    if now.voices < FEWEST_VOICES:
        yield f"It needs {FEWEST_VOICES} voices to stand, and has {now.voices}."
    if not now.against and not looks:
        yield "Nobody has looked for a counter-example yet."


def _became(counts: tuple[Count, ...], now: Count) -> Iterable[str]:
    """What changed without anybody here doing it, since the last person worked on it."""
    last = next((one for one in reversed(counts) if one.who), None)
    if last is None:
        return
    for name, before, after in (("voices", last.voices, now.voices), ("counter-examples", last.against, now.against)):
        if after < before:
            yield f"It had {before} {name} and has {after} now: tellers took stories back or allow less."
        elif after > before:
            yield f"It had {before} {name} and has {after} again: tellers allow what they had not."


def _put_sentence(tx: Tx, theme: str, sentence: str, who: str, now: datetime) -> None:
    row = (str(fresh_take(now)), theme, sentence, who, stamp(now))
    try:
        tx.run("INSERT INTO theme_sentences (id, theme, sentence, who, at) VALUES (?, ?, ?, ?, ?)", *row)
    except Clash as error:
        raise BadTheme("There is no such theme here.", "Load the page again.") from error


def _sentence(text: str) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= LONGEST:
        raise BadTheme(
            f"A theme is a sentence of at most {LONGEST} signs.", "Say what people tell, and for whom it holds."
        )
    return plain
