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
from archive.patterns.phrases import Phrases, phrases
from archive.patterns.themes import Side
from archive.reviewing.rendition import master_key
from archive.reviewing.told import Allowed, allowed_of
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

    def facts(self, said: Phrases) -> str:
        """Where it was said, whether against the sentence above it, and who answers for the words, in one line."""
        side = f"{said.get('counter')} · " if self.side is Side.COUNTER else ""
        heard = said.get("heard_by", who=self.quote.checked_by)
        where = f"{said.name(self.site)}{said.get('comma')}" if self.site else ""
        return f"{side}{where}{said.day(self.recorded)} · {heard}"

    def source(self, said: Phrases) -> str:
        """What it leads back to, to the second."""
        day = said.day(self.quote.checked_at) if self.quote.checked_at else ""
        start, end = clock(self.quote.start), clock(self.quote.end)
        return said.get("source", story=self.quote.story, start=start, end=end, day=day)


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

    @property
    def said(self) -> Phrases:
        """The phrases of the briefing's language."""
        return phrases(self.briefing.language)

    @property
    def head(self) -> str:
        """Whose it is, for whom, of which day."""
        whom = self.said.get("for_whom", whom=self.briefing.audience or self.said.get("whoever"))
        return f"{self.said.name(self.archive)} · {whom} · {self.said.day(self.now.isoformat())}"

    def lines(self, point: Point) -> tuple[str, ...]:
        """What stands behind a sentence and against it, for readers."""
        theme = self.behind.get(point.id)
        if theme is None:
            return ()
        named = [] if theme.sentence == point.sentence else [self.said.get("for_theme", sentence=theme.sentence)]
        return (*named, *theme.lines)


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
    told = briefing.language
    return {point.id: backing_of(tx, point.theme, now, told) for point in briefing.points if point.theme}


def _leaves(
    tx: Tx, briefing: Briefing, states: dict[str, State], behind: dict[str, Backing], now: datetime
) -> list[Leaf]:
    leaves, said = [], phrases(briefing.language)
    for number, quote in enumerate(briefing.quotes, start=1):
        row = tx.one("SELECT site, recorded_at, language FROM stories WHERE id = ?", quote.story)
        if row is None:
            raise NotReady(f"Quote {number} may not leave. Its story is gone.", "Load the briefing again.")
        uses, _ = allowed_of(tx, quote.story, now)
        allowed = "; ".join(_use(one, said) for one in uses if one.yes)
        sound = f"sounds/{number:02}.flac" if states[quote.id].voice and _sounds(tx, quote.story) else ""
        theme = behind.get(quote.point)
        side = theme.side(quote.story, quote.start, quote.end) if theme is not None else None
        leaves.append(Leaf(number, quote, row["site"], row["recorded_at"], row["language"], allowed, sound, side))
    return leaves


def _use(one: Allowed, said: Phrases) -> str:
    ties = [said.get("words_bound")] if one.words_only else []
    ties += [said.get("from_day", day=said.day(one.first_day))] if one.first_day else []
    use = said.get(f"use_{one.use.value}")
    return f"{use} ({'; '.join(ties)})" if ties else use


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
    return told.said.get("footing", archive=told.archive, day=told.said.day(told.now.isoformat()), issue=told.issue)


def _paper(path: Path, told: _Told) -> None:
    archive, briefing, leaves, said = told.archive, told.briefing, told.leaves, told.said
    paper = Paper(briefing.title, archive, briefing.language)
    paper.running(f"{briefing.title} · {archive}"[:90])
    paper.small(told.head)
    paper.headline(briefing.title)
    paper.text(_summary(told))
    for point in briefing.points:
        paper.heading(point.sentence)
        for line in told.lines(point):
            paper.small(line)
        for leaf in leaves:
            if leaf.quote.point == point.id:
                more = said.get("listen", sound=leaf.sound) if leaf.sound else said.get("words_only")
                paper.quote(f"“{leaf.quote.text}”", f"{leaf.number} · {leaf.facts(said)} · {more}")
    paper.rule()
    for title, text in _notes(told):
        paper.heading(title)
        paper.text(text)
    paper.heading(said.get("sources"))
    for line in _sources(told):
        paper.small(line)
    paper.rule()
    paper.small(_footing(told))
    paper.save(path)


def _sources(told: _Told) -> list[str]:
    """Every quote with what it leads back to, then what tellers allow: said once for all who allow the same."""
    said = told.said
    lines = [f"{leaf.number} · {leaf.source(said)}" for leaf in told.leaves]
    same: dict[str, list[str]] = {}
    for leaf in told.leaves:
        same.setdefault(leaf.allowed, []).append(str(leaf.number))
    for allowed, numbers in same.items():
        every = len(same) == 1
        numbered = said.get("comma").join(numbers)
        lines.append(
            said.get("every", allowed=allowed) if every else said.get("some", numbers=numbered, allowed=allowed)
        )
    return lines


def _summary(told: _Told) -> str:
    """What lies in the reader's hand, in a sentence: how much of it, from where, from when to when."""
    said, leaves = told.said, told.leaves
    sites = sorted({leaf.site for leaf in leaves if leaf.site})
    days = sorted(leaf.recorded for leaf in leaves)
    where = said.get("where", sites=_listed(sites, said)) if sites else ""
    when = ""
    if days:
        first, last = said.day(days[0]), said.day(days[-1])
        when = said.get("told_on" if first == last else "told_between", first=first, last=last)
    return said.get(
        "summary", sentences=said.some("sentence", len(told.briefing.points)), quotes=said.some("quote", len(leaves)),
        voices=said.some("voice", len({leaf.quote.story for leaf in leaves})), where=where, when=when,
    )  # fmt: skip


def _listed(names: list[str], said: Phrases) -> str:
    return said.get("last").join([said.get("comma").join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _notes(told: _Told) -> tuple[tuple[str, str], ...]:
    said, briefing = told.said, told.briefing
    return (
        (said.get("can_head"), briefing.can),
        (said.get("cannot_head"), briefing.cannot),
        (said.get("hear_head"), briefing.hear),
    )


def _page(told: _Told) -> str:
    briefing, leaves, said = told.briefing, told.leaves, told.said
    parts = []
    for point in briefing.points:
        quotes = "".join(_figure(leaf, said) for leaf in leaves if leaf.quote.point == point.id)
        lines = "".join(f'<p class="facts">{escape(line)}</p>' for line in told.lines(point))
        parts.append(f'<section><h2 dir="auto">{escape(point.sentence)}</h2>{lines}{quotes}</section>')
    notes = "".join(
        f'<section><h3>{escape(title)}</h3><p dir="auto">{escape(text)}</p></section>' for title, text in _notes(told)
    )
    sources = "".join(
        f'<p class="facts" id="source-{number}">{escape(line)}</p>'
        for number, line in enumerate(_sources(told), start=1)
    )
    body = (
        f'<p class="facts">{escape(told.head)}</p><h1 dir="auto">{escape(briefing.title)}</h1>'
        f'<p class="lead">{escape(_summary(told))}</p>{"".join(parts)}<div class="notes">{notes}'
        f"<section><h3>{escape(said.get('sources'))}</h3>{sources}</section></div>"
        f'<footer>{escape(_footing(told))} <a href="{PAPER}">{escape(said.get("on_paper"))}</a> · '
        f'<a href="{TABLE}">{escape(said.get("as_table"))}</a></footer>'
    )
    return (
        f'<!doctype html>\n<html lang="{said.language}" dir="{said.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(briefing.title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _figure(leaf: Leaf, said: Phrases) -> str:
    label, alone = escape(said.get("quote_number", number=leaf.number)), escape(said.get("words_only"))
    player = (
        f'<audio controls preload="none" src="{leaf.sound}" aria-label="{label}"></audio>'
        if leaf.sound
        else f'<p class="facts">{alone}</p>'
    )
    return (
        f'<figure id="quote-{leaf.number}"><blockquote lang="{escape(leaf.language)}" dir="auto">'
        f"“{escape(leaf.quote.text)}”</blockquote>{player}<figcaption>"
        f'<a href="#source-{leaf.number}">{leaf.number}</a> · {escape(leaf.facts(said))}</figcaption></figure>'
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
