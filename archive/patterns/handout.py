"""A briefing as a folder for a stick: a page that plays without a network, the same on paper, and a table of quotes.

Everything comes out of one state of the catalogue, asked once before it is written and once more, with the write lock
held, before the folder gets its name. `briefing.json` names the issue, so that this archive can say later what of it
was taken back.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from archive.catalogue import Tx
from archive.durable import PART, move, remove
from archive.errors import NoSuchStory
from archive.export.cells import Cell, csv_text
from archive.export.telling import clock
from archive.objects import BLOCK
from archive.patterns.backing import Backing, backing_of
from archive.patterns.briefings import Briefing, NotReady, Point, Quote, State, briefing_of, note_issue, ready
from archive.patterns.paper import Paper
from archive.patterns.themes import Side
from archive.reviewing.rendition import master_key
from archive.reviewing.told import allowed_of
from archive.server.place import ArchiveHome
from audio.errors import BadSound

PAGE: Final = "index.html"
PAPER: Final = "briefing.pdf"
TABLE: Final = "quotes.csv"
MARK: Final = "briefing.json"
_COLUMNS: Final = (
    "number", "point", "quote", "story", "start", "end", "start_ms", "end_ms", "told_at", "recorded", "language",
    "checked_by", "checked_at", "allowed", "sound", "side",
)  # fmt: skip
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SOURCES: Final = "Where each quote comes from"
_WORDS_ONLY: Final = "Its teller allows the words to be quoted; the voice stays at the archive."


@dataclass(frozen=True, slots=True)
class Leaf:
    """One quote as it leaves. ``sound`` is a path in the folder, empty where the voice stays.

    ``side`` says whether it stands for the theme of its sentence or against it; None where there is no theme.
    """

    number: int
    quote: Quote
    site: str
    recorded: str
    language: str
    allowed: str
    sound: str
    side: Side | None = None

    @property
    def facts(self) -> str:
        """Where it was said, whether against the sentence above it, and who answers for the words, in one line."""
        side = "says otherwise · " if self.side is Side.COUNTER else ""
        return f"{side}{self.site}, {said_day(self.recorded)} · heard and checked by {self.quote.checked_by}"

    @property
    def source(self) -> str:
        """What it leads back to, to the second."""
        where = f"{clock(self.quote.start)} to {clock(self.quote.end)}"
        return f"story {self.quote.story}, {where} · checked {(self.quote.checked_at or '')[:10]}"


def said_day(stamp: str) -> str:
    """An ISO time as a day a reader knows at once: 2026-03-01 as 1 March 2026. Pure."""
    at = datetime.fromisoformat(stamp)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


@dataclass(frozen=True, slots=True)
class Issued:
    """A briefing that went out."""

    issue: str
    folder: Path
    quotes: int
    sounds: int


@dataclass(frozen=True, slots=True)
class _Told:
    """Everything a folder is written from; ``behind`` are the themes of its sentences, by the sentence's identifier."""

    archive: str
    briefing: Briefing
    leaves: list[Leaf]
    behind: dict[str, Backing]
    issue: str
    now: datetime

    def lines(self, point: Point) -> tuple[str, ...]:
        """What stands behind a sentence and against it, for readers."""
        theme = self.behind.get(point.id)
        if theme is None:
            return ()
        return (*([] if theme.sentence == point.sentence else [f"For the theme: {theme.sentence}"]), *theme.lines)


def write_briefing(place: ArchiveHome, briefing: str, target: Path, who: str) -> Issued:
    """Write a briefing into the new folder ``target``, whole or not at all.

    Raises `NotReady` where one quote in it may not leave (also where that became so meanwhile), `BadBriefing`,
    `archive.patterns.paper.NoFaces`, `BadSound`, `StoreTrouble`, `CatalogueTrouble`, `OSError`.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise NotReady(f"{target} is there already.", "Name a folder that is not there yet.")
    part = target.with_name(target.name + PART)
    remove(part)
    try:
        (part / "sounds").mkdir(mode=0o700, parents=True)
        with place.catalogue() as catalogue:
            with catalogue.read() as tx:
                found = briefing_of(tx, briefing)
                states = ready(tx, found, place.now())
                behind = _behind(tx, found, place.now())
                leaves = _leaves(tx, found, states, behind, place.now())
                masters = {leaf.quote.story: master_key(tx, leaf.quote.story) for leaf in leaves if leaf.sound}
            for leaf in leaves:
                if leaf.sound:
                    _cut(place, masters[leaf.quote.story], leaf.quote, part / leaf.sound)
            with catalogue.write() as tx:
                again = briefing_of(tx, briefing)
                same = again == found and ready(tx, again, place.now()) == states
                if not same or _behind(tx, again, place.now()) != behind:
                    raise NotReady("This briefing changed meanwhile.", "Nothing was kept. Start again.")  # noqa: TRY301
                issue = note_issue(tx, found, states, who, place.now())
                _write(part, _Told(place.name, found, leaves, behind, issue, place.now()))
                os.sync()
                if target.exists():
                    target.rmdir()
                move(part, target)
    except BaseException:  # whatever stopped it, half a briefing must not be taken for one
        remove(part)
        raise
    return Issued(issue, target, len(leaves), sum(bool(leaf.sound) for leaf in leaves))


def read_mark(folder: Path) -> str:
    """Name the issue a folder holds. Raises `NotReady` where it is none."""
    try:
        return str(json.loads((folder / MARK).read_bytes())["issue"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotReady(f"{folder} is no briefing of this archive.", f"It has a file {MARK}.") from error


def _behind(tx: Tx, briefing: Briefing, now: datetime) -> dict[str, Backing]:
    return {point.id: backing_of(tx, point.theme, now) for point in briefing.points if point.theme}


def _leaves(
    tx: Tx, briefing: Briefing, states: dict[str, State], behind: dict[str, Backing], now: datetime
) -> list[Leaf]:
    leaves = []
    for number, quote in enumerate(briefing.quotes, start=1):
        row = tx.one("SELECT site, recorded_at, language FROM stories WHERE id = ?", quote.story)
        if row is None:
            raise NotReady(f"Quote {number} may not leave. Its story is gone.", "Load the briefing again.")
        uses, _ = allowed_of(tx, quote.story, now)
        allowed = "; ".join(f"{one.words}{f' ({one.bound})' if one.bound else ''}" for one in uses if one.yes)
        sound = f"sounds/{number:02}.flac" if states[quote.id].voice and _sounds(tx, quote.story) else ""
        theme = behind.get(quote.point)
        side = theme.side(quote.story, quote.start, quote.end) if theme is not None else None
        leaves.append(Leaf(number, quote, row["site"], row["recorded_at"], row["language"], allowed, sound, side))
    return leaves


def _sounds(tx: Tx, story: str) -> bool:
    try:
        master_key(tx, story)
    except NoSuchStory:
        return False
    return True


def _cut(place: ArchiveHome, key: str, quote: Quote, path: Path) -> None:
    with tempfile.TemporaryFile(dir=place.work) as whole:
        with place.objects.open(key) as source:
            while block := source.read(BLOCK):
                whole.write(block)
        whole.seek(0)
        try:
            with soundfile.SoundFile(whole) as told:
                told.seek(min(told.frames, quote.start * told.samplerate // 1000))
                frames = (quote.end - quote.start) * told.samplerate // 1000
                piece = told.read(frames, dtype="int32", always_2d=True)
                soundfile.write(path, np.asarray(piece), told.samplerate, subtype=told.subtype, format="FLAC")
        except soundfile.LibsndfileError as error:
            raise BadSound("A sound of this briefing cannot be decoded.", "Restore it from a backup.") from error


def _write(folder: Path, told: _Told) -> None:
    mark = {"issue": told.issue, "briefing": told.briefing.id, "archive": told.archive, "made_at": told.now.isoformat()}
    (folder / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
    (folder / TABLE).write_text(_table(told.briefing, told.leaves), encoding="utf-8-sig", newline="")
    (folder / PAGE).write_text(_page(told), encoding="utf-8")
    _paper(folder / PAPER, told)


def _table(briefing: Briefing, leaves: list[Leaf]) -> str:
    rows: list[tuple[Cell, ...]] = [_COLUMNS]
    said = {point.id: point.sentence for point in briefing.points}
    for leaf in leaves:
        one = leaf.quote
        rows.append((
            leaf.number, said[one.point], one.text, one.story, clock(one.start), clock(one.end), one.start, one.end,
            leaf.site, leaf.recorded[:10], leaf.language, one.checked_by, one.checked_at, leaf.allowed, leaf.sound,
            leaf.side.value if leaf.side else "",
        ))  # fmt: skip
    return csv_text(rows)


def _footing(told: _Told) -> str:
    return (
        f"Made by {told.archive} on {told.now.date().isoformat()}, issue {told.issue}. People may take back what "
        "they allowed: before you use this again, ask the archive what of this issue was withdrawn since. Nobody may "
        "train machines with these voices or words."
    )


def _paper(path: Path, told: _Told) -> None:
    archive, briefing, leaves = told.archive, told.briefing, told.leaves
    paper = Paper(briefing.title, archive, briefing.language)
    paper.running(f"{briefing.title} · {archive}"[:90])
    paper.small(f"{archive} · for {briefing.audience or 'whoever it concerns'} · {said_day(told.now.isoformat())}")
    paper.headline(briefing.title)
    paper.text(_summary(briefing, leaves))
    for point in briefing.points:
        paper.heading(point.sentence)
        for line in told.lines(point):
            paper.small(line)
        for leaf in leaves:
            if leaf.quote.point == point.id:
                more = f" · listen: {leaf.sound}" if leaf.sound else f" · {_WORDS_ONLY}"
                paper.quote(f"“{leaf.quote.text}”", f"{leaf.number} · {leaf.facts}{more}")
    paper.rule()
    for title, text in _notes(briefing):
        paper.heading(title)
        paper.text(text)
    paper.heading(_SOURCES)
    for line in _sources(leaves):
        paper.small(line)
    paper.rule()
    paper.small(_footing(told))
    paper.save(path)


def _sources(leaves: list[Leaf]) -> list[str]:
    """Every quote with what it leads back to, then what tellers allow: said once for all who allow the same."""
    lines = [f"{leaf.number} · {leaf.source}" for leaf in leaves]
    same: dict[str, list[str]] = {}
    for leaf in leaves:
        same.setdefault(leaf.allowed, []).append(str(leaf.number))
    for allowed, numbers in same.items():
        who = "Every teller allows" if len(same) == 1 else f"Allowed for {', '.join(numbers)}"
        lines.append(f"{who}: {allowed}.")
    return lines


def _summary(briefing: Briefing, leaves: list[Leaf]) -> str:
    """What lies in the reader's hand, in a sentence: how much of it, from where, from when to when."""
    voices = len({leaf.quote.story for leaf in leaves})
    sites = sorted({leaf.site for leaf in leaves if leaf.site})
    days = sorted(leaf.recorded for leaf in leaves)
    said = f"{_some(len(briefing.points), 'sentence')}, {_some(len(leaves), 'quote')} from {_some(voices, 'voice')}"
    where = f" at {', '.join(sites[:-1])} and {sites[-1]}" if len(sites) > 1 else f" at {sites[0]}" if sites else ""
    first, last = (said_day(days[0]), said_day(days[-1])) if days else ("", "")
    when = f", told {'on ' + first if first == last else 'between ' + first + ' and ' + last}" if first else ""
    return f"{said}{where}{when}. Every quote was heard and its words checked by a named person."


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _notes(briefing: Briefing) -> tuple[tuple[str, str], ...]:
    return (
        ("What this evidence can say", briefing.can),
        ("What it cannot say", briefing.cannot),
        ("How to hear it", briefing.hear),
    )


def _page(told: _Told) -> str:
    briefing, leaves = told.briefing, told.leaves
    parts = []
    for point in briefing.points:
        quotes = "".join(_figure(leaf) for leaf in leaves if leaf.quote.point == point.id)
        lines = "".join(f'<p class="facts">{escape(line)}</p>' for line in told.lines(point))
        parts.append(f"<section><h2>{escape(point.sentence)}</h2>{lines}{quotes}</section>")
    notes = "".join(
        f"<section><h3>{escape(title)}</h3><p>{escape(text)}</p></section>" for title, text in _notes(briefing)
    )
    whom = escape(briefing.audience or "whoever it concerns")
    head = f"{escape(told.archive)} · for {whom} · {said_day(told.now.isoformat())}"
    sources = "".join(
        f'<p class="facts" id="source-{number}">{escape(line)}</p>'
        for number, line in enumerate(_sources(leaves), start=1)
    )
    body = (
        f'<p class="facts">{head}</p><h1>{escape(briefing.title)}</h1>'
        f'<p class="lead">{escape(_summary(briefing, leaves))}</p>{"".join(parts)}<div class="notes">{notes}'
        f"<section><h3>{_SOURCES}</h3>{sources}</section></div>"
        f'<footer>{escape(_footing(told))} <a href="{PAPER}">On paper (PDF)</a> · '
        f'<a href="{TABLE}">As a table (CSV)</a></footer>'
    )
    return (
        f'<!doctype html>\n<html lang="{escape(briefing.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(briefing.title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _figure(leaf: Leaf) -> str:
    player = (
        f'<audio controls preload="none" src="{leaf.sound}" aria-label="Quote {leaf.number}"></audio>'
        if leaf.sound
        else f'<p class="facts">{_WORDS_ONLY}</p>'
    )
    return (
        f'<figure id="quote-{leaf.number}"><blockquote lang="{escape(leaf.language)}" dir="auto">'
        f"“{escape(leaf.quote.text)}”</blockquote>{player}<figcaption>"
        f'<a href="#source-{leaf.number}">{leaf.number}</a> · {escape(leaf.facts)}</figcaption></figure>'
    )


_STYLE: Final = """
:root{color-scheme:light}body{margin:0;background:#faf7f2;color:#201e1c;font:17px/1.6 "Noto Serif",Georgia,serif}
main{max-width:42rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{font-size:2rem;line-height:1.2;margin:.2rem 0 1.5rem}
h2{font-size:1.25rem;line-height:1.35;margin:2.5rem 0 .5rem}
h3{font:600 .95rem/1.4 "Noto Sans",system-ui,sans-serif;margin:1.5rem 0 .2rem}
.facts,figcaption,footer{font:.85rem/1.5 "Noto Sans",system-ui,sans-serif;color:#69625c;overflow-wrap:anywhere}
.lead{color:#4a4540;margin:0 0 1.5rem}.notes .facts{margin:.35rem 0}
figure{margin:1.25rem 0 1.75rem;padding-inline-start:1.1rem;border-inline-start:3px solid #b4531f}
blockquote{margin:0 0 .6rem;font-size:1.15rem}audio{width:100%;margin:.2rem 0 .5rem}
.notes{margin-top:3rem;border-top:1px solid #d8d0c6;padding-top:.5rem}.notes p{margin:.1rem 0}
footer{margin-top:2.5rem}a{color:#8a3c12}
a:focus-visible,audio:focus-visible{outline:3px solid #b4531f;outline-offset:2px}
@media print{audio{display:none}body{background:#fff}figure{break-inside:avoid}}
""".replace("\n", "")
