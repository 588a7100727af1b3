"""What an archive's people prepare for the boxes: cue sheets, prompt sets, settings, and where a box stands.

Plain functions, each inside the transaction the caller holds, each naming who; a page adds nothing to them. Excerpts
are cut by `archive.reviewing.excerpts`. The gate is asked when an excerpt is put on a button, again when a feed is
made (`archive.feed.make`), and again by the box at each press.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from archive.catalogue import Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import ask
from archive.errors import ArchiveError, Refused
from archive.feed.manifest import SETTINGS, Sendable, sheet_name
from archive.promptsigns import LONGEST
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.types import Reader

MAIN = "main"
"""The sheet on a box's cue buttons."""
BUTTONS = range(1, 9)
MOST_PROMPTS = 50
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class BadSheet(ArchiveError):
    """Something that cannot stand on a cue sheet."""

    code = "bad-sheet"


class BadPromptSet(ArchiveError):
    """A set of prompts no box could ask."""

    code = "bad-prompt-set"


class BadSetting(ArchiveError):
    """A setting that is not made from the archive, or not with this value."""

    code = "bad-setting"


@dataclass(frozen=True, slots=True)
class SheetCue:
    """What lies on a button. ``allowed`` and ``why`` are the gate's answer at the moment of asking."""

    button: int
    excerpt: Cut
    allowed: bool
    why: str


@dataclass(frozen=True, slots=True)
class AskedPrompt:
    """One question: its words and its follow-ups by language, the first and last day it is asked (inclusive)."""

    id: str
    text: Mapping[str, str]
    follow: Sequence[Mapping[str, str]] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class PreparedSet:
    """Questions that belong together. ``boxes`` names those it goes to; empty: every box."""

    name: str
    title: Mapping[str, str]
    prompts: Sequence[AskedPrompt]
    boxes: Sequence[str] = ()

    @property
    def called(self) -> str:
        """Its title as the desk's people read it: in English where there is one."""
        return self.title.get("en") or next(iter(self.title.values()), self.name)

    @property
    def languages(self) -> tuple[str, ...]:
        """In which its questions are written, English first."""
        return tuple(sorted(self.prompts[0].text, key=lambda language: (language != "en", language)))

    def to_toml(self) -> str:
        """Write the set as a library would write it itself; what a box is sent."""
        lines = [f"name = {_quoted(self.name)}", f"title = {_table(self.title)}"]
        for one in self.prompts:
            lines += ["", "[[prompt]]", f"id = {_quoted(one.id)}", f"text = {_table(one.text)}"]
            if one.follow:
                lines.append(f"follow = [{', '.join(_table(text) for text in one.follow)}]")
            lines += [f"from = {one.since.isoformat()}"] if one.since else []
            lines += [f"until = {one.until.isoformat()}"] if one.until else []
        return "\n".join(lines) + "\n"


# -- where a box stands, and which reader it is


def set_site(tx: Tx, box: str, site: str, who: str, now: datetime) -> None:
    """Say in which library a box stands, by the name its stories carry; empty takes it back.

    A box of the same library may play what tellers allowed there alone, so a person says it, never the box.
    """
    tx.run("DELETE FROM box_sites WHERE box = ?", box)
    if site.strip():
        row = (box, " ".join(site.split())[:200], stamp(now), who)
        tx.run("INSERT INTO box_sites (box, site, at, who) VALUES (?, ?, ?, ?)", *row)
    note_change(tx, who, "box placed", box, json.dumps({"site": site}, ensure_ascii=False), now)


def site_of(tx: Tx, box: str) -> str:
    """Where a box stands, as a person said; empty where nobody did."""
    row = tx.one("SELECT site FROM box_sites WHERE box = ?", box)
    return "" if row is None else str(row["site"])


def reader_for(tx: Tx, box: str, story: str) -> Reader:
    """Name the reader a box is for a story: `Reader.CUE` at the library it was told at, else `Reader.LEND`."""
    row = tx.one("SELECT box, site FROM stories WHERE id = ?", story)
    own = row is not None and (row["box"] == box or (row["site"] != "" and row["site"] == site_of(tx, box)))
    return Reader.CUE if own else Reader.LEND


# -- cue sheets


def put_cue(
    tx: Tx, box: str, button: int, story: str, excerpt: str, who: str, now: datetime, *, sheet: str = MAIN
) -> None:
    """Put an excerpt on a button of a box's sheet, in place of what was there.

    Raises `BadSheet` (no such button, sheet or excerpt, or something in it was blanked out), `Refused` with the
    gate's own sentence.
    """
    name = _sheet(sheet)
    if button not in BUTTONS:
        raise BadSheet("Cue buttons are numbered 1 to 8.", "Choose one of them.")
    cut = next((one for one in excerpts_of(tx, story) if one.id == excerpt), None)
    if cut is None:
        raise BadSheet("This excerpt is not there any more.", "Load the page again.")
    if touched_by_redaction(tx, cut):
        raise BadSheet("Something in this excerpt was blanked out since.", "Cut another one beside it.")
    answer = ask(tx, story, reader_for(tx, box, story), now)
    if not answer.allowed:
        raise Refused(answer.why, "Only its teller can allow more, with the keep-code.")
    for table in ("sheet_cues", "partner_cues"):
        tx.run(f"DELETE FROM {table} WHERE box = ? AND sheet = ? AND button = ?", box, name, button)  # noqa: S608
    tx.run(
        "INSERT INTO sheet_cues (box, sheet, button, excerpt, story, at, who) VALUES (?, ?, ?, ?, ?, ?, ?)",
        box, name, button, excerpt, story, stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "cue put", story, json.dumps({"box": box, "sheet": name, "button": button}), now)


def clear_cue(tx: Tx, box: str, button: int, who: str, now: datetime, *, sheet: str = MAIN) -> bool:
    """Take off what is on a button, ours or a partner's; tells whether there was something."""
    here = "box = ? AND sheet = ? AND button = ?"
    told = f"SELECT story FROM sheet_cues WHERE {here} UNION SELECT story FROM partner_cues WHERE {here}"  # noqa: S608
    row = tx.one(told, box, sheet, button, box, sheet, button)
    if row is None:
        return False
    for table in ("sheet_cues", "partner_cues"):
        tx.run(f"DELETE FROM {table} WHERE {here}", box, sheet, button)  # noqa: S608
    note_change(
        tx, who, "cue cleared", str(row["story"]), json.dumps({"box": box, "sheet": sheet, "button": button}), now
    )
    return True


def sheets_of(tx: Tx, box: str, now: datetime) -> dict[str, list[SheetCue]]:
    """Every sheet of a box with what lies on its buttons, in order; each with what the gate says now."""
    rows = tx.all("SELECT sheet, button, excerpt, story FROM sheet_cues WHERE box = ? ORDER BY sheet, button", box)
    found: dict[str, list[SheetCue]] = {}
    for row in rows:
        cut = next((one for one in excerpts_of(tx, row["story"]) if one.id == row["excerpt"]), None)
        if cut is None:
            continue  # taken out of use
        answer = ask(tx, row["story"], reader_for(tx, box, row["story"]), now)
        blanked = touched_by_redaction(tx, cut)
        why = "Something in it was blanked out." if blanked else answer.why
        cues = found.setdefault(str(row["sheet"]), [])
        cues.append(SheetCue(int(row["button"]), cut, answer.allowed and not blanked, why))
    return found


# -- prompts


def save_prompts(tx: Tx, prepared: PreparedSet, who: str, now: datetime) -> None:
    """Store a set of prompts, in place of the one with its name. Raises `BadPromptSet`, saying what is wrong."""
    check_prompts(prepared)
    for one in prepared.prompts:
        row = tx.one("SELECT set_name FROM prompts WHERE id = ?", one.id)
        if row is not None and row["set_name"] != prepared.name:
            say = f"The question '{one.id}' is in the set '{row['set_name']}' already."
            raise BadPromptSet(say, "Give it another id, or remove it there.")
    tx.run("DELETE FROM prompt_sets WHERE name = ?", prepared.name)
    tx.run(
        "INSERT INTO prompt_sets (name, title, at, who) VALUES (?, ?, ?, ?)",
        prepared.name, _json(dict(prepared.title)), stamp(now), who,
    )  # fmt: skip
    tx.many("INSERT INTO prompt_set_boxes (name, box) VALUES (?, ?)", [(prepared.name, box) for box in prepared.boxes])
    tx.many(
        "INSERT INTO prompts (set_name, place, id, text, follow, since, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                prepared.name, place, one.id, _json(dict(one.text)), _json([dict(text) for text in one.follow]),
                one.since.isoformat() if one.since else "", one.until.isoformat() if one.until else "",
            )
            for place, one in enumerate(prepared.prompts)
        ],
    )  # fmt: skip
    note_change(tx, who, "prompts saved", prepared.name, _json({"boxes": sorted(prepared.boxes)}), now)


def remove_prompts(tx: Tx, name: str, who: str, now: datetime) -> bool:
    """Remove a set; boxes stop asking it with their next feed. Tells whether it was there."""
    gone = tx.run("DELETE FROM prompt_sets WHERE name = ?", name) > 0
    if gone:
        note_change(tx, who, "prompts removed", name, "{}", now)
    return gone


def prompt_sets(tx: Tx, box: str = "") -> list[PreparedSet]:
    """Every set, or with ``box`` those that go to it, by name."""
    found = []
    for row in tx.all("SELECT name, title FROM prompt_sets ORDER BY name"):
        name = str(row["name"])
        boxes = tuple(
            str(one["box"]) for one in tx.all("SELECT box FROM prompt_set_boxes WHERE name = ? ORDER BY box", name)
        )
        if not box or not boxes or box in boxes:
            found.append(PreparedSet(name, json.loads(row["title"]), tuple(_prompts_of(tx, name)), boxes))
    return found


def check_prompts(prepared: PreparedSet) -> None:
    """Look through a set before it is stored. Pure. Raises `BadPromptSet` naming what is wrong and what to do."""
    try:
        sheet_name(prepared.name)
    except (TypeError, ValueError) as error:
        raise BadPromptSet(
            f"A set cannot be called {prepared.name[:60]!r}.", "Small letters, figures, hyphens."
        ) from error
    if not 0 < len(prepared.prompts) <= MOST_PROMPTS:
        raise BadPromptSet(f"A set has 1 to {MOST_PROMPTS} questions.", "Write one, or make two sets.")
    _check_texts("The title", prepared.title, LONGEST)
    ids = [one.id for one in prepared.prompts]
    languages = set(prepared.prompts[0].text)
    for one in prepared.prompts:
        if not _ID.fullmatch(one.id) or ids.count(one.id) > 1:
            raise BadPromptSet(
                f"The id {one.id!r} is there twice, or is none.", "Small letters, figures, hyphens: 'first-day'."
            )
        _check_texts(f"The question '{one.id}'", one.text, LONGEST)
        for text in one.follow:
            _check_texts(f"What follows '{one.id}'", text, LONGEST)
            if set(text) != set(one.text):
                say = f"What follows '{one.id}' is not in the same languages as the question."
                raise BadPromptSet(say, "Write each in all of them: a group is asked in the language it chose.")
        if set(one.text) != languages:
            say = f"The question '{one.id}' is not in the same languages as the first."
            raise BadPromptSet(say, "A box asks in every language it offers: write each question in all of them.")
        if one.since and one.until and one.until < one.since:
            raise BadPromptSet(f"The question '{one.id}' ends before it begins.", "Exchange the two days.")


# -- settings


def set_setting(tx: Tx, box: str, name: str, value: str | float | None, who: str, now: datetime) -> None:
    """Set one of the few things a library sets from here; None leaves it to the box again. Raises `BadSetting`."""
    known = SETTINGS.get(name)
    if known is None:
        raise BadSetting(f"{name!r} is not set from the archive.", f"These are: {', '.join(sorted(SETTINGS))}.")
    if value == settings_of(tx, box).get(name):
        return
    tx.run("DELETE FROM box_settings WHERE box = ? AND name = ?", box, name)
    if value is not None:
        if isinstance(value, bool) or not _fits(known, value):
            do = f"One of: {', '.join(known.words)}." if known.words else f"From {known.low:g} to {known.high:g}."
            raise BadSetting(f"{name} cannot be {value!r}.", do)
        row = (box, name, json.dumps(value), stamp(now), who)
        tx.run("INSERT INTO box_settings (box, name, value, at, who) VALUES (?, ?, ?, ?, ?)", *row)
    note_change(tx, who, "box setting", box, json.dumps({"name": name, "value": value}), now)


def _fits(known: Sendable, value: str | float) -> bool:
    return value in known.words if isinstance(value, str) else not known.words and known.low <= value <= known.high


def settings_of(tx: Tx, box: str) -> dict[str, str | float]:
    """What is set from here for a box."""
    rows = tx.all("SELECT name, value FROM box_settings WHERE box = ? ORDER BY name", box)
    return {str(row["name"]): json.loads(row["value"]) for row in rows}


def _prompts_of(tx: Tx, name: str) -> list[AskedPrompt]:
    rows = tx.all("SELECT id, text, follow, since, until FROM prompts WHERE set_name = ? ORDER BY place", name)
    return [
        AskedPrompt(
            str(row["id"]), json.loads(row["text"]), tuple(json.loads(row["follow"])), _day(row["since"]),
            _day(row["until"]),
        )
        for row in rows
    ]  # fmt: skip


def _check_texts(what: str, texts: Mapping[str, str], longest: int) -> None:
    if not texts:
        raise BadPromptSet(f"{what} has no words.", "Write it in at least one language.")
    for language, words in texts.items():
        if not _LANGUAGE.fullmatch(language) or not words.strip():
            raise BadPromptSet(f"{what} has nothing in {language!r}.", "Write it, or leave that language out.")
        if len(words) > longest:
            raise BadPromptSet(
                f"{what} is {len(words)} signs long in '{language}'.", f"At most {longest} fit a box's screen."
            )


def _sheet(name: str) -> str:
    try:
        return sheet_name(name)
    except (TypeError, ValueError) as error:
        raise BadSheet("A sheet's name has small letters, figures and hyphens.", "For instance: elders-day.") from error


def _day(value: str) -> date | None:
    return date.fromisoformat(value) if value else None


def _table(texts: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{language} = {_quoted(words)}" for language, words in sorted(texts.items())) + " }"


def _quoted(words: str) -> str:
    # A basic string of TOML is a string of JSON, but for the one control sign JSON does not escape.
    return json.dumps(" ".join(words.split()), ensure_ascii=False).replace("\x7f", "\\u007f")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
