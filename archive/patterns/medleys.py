"""Medleys: excerpts in an order a person gave them, with bridges between them that are spoken, recorded or written.

Every function belongs inside a transaction of the catalogue and names who. The gate is asked for each voice when a
medley is put together, again when it is rendered, and again for each piece that is played (`archive.patterns.
rendering`). Putting together asks for the desk alone: what a medley may be used for is asked for that purpose.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import ask
from archive.consent import Answer
from archive.curation import BUTTONS, MAIN, clear_cue, put_cue
from archive.errors import ArchiveError, Refused
from archive.objects import checked_key
from archive.patterns.dropping import BRIDGES, drop_bridges
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.takes import fresh_take
from archive.types import Reader

LONGEST_TITLE = 90
LONGEST_BRIDGE = 600
MOST_ITEMS = 60


class BadMedley(ArchiveError):
    """A medley that cannot be put together, rendered or played like that."""

    code = "bad-medley"


class Purpose(StrEnum):
    """What a medley is heard for. Each asks the gate for readers of its own."""

    DESK = "desk"
    """The archive's own people."""
    LEND = "lend"
    """Visitors of a library, partners."""
    PUBLIC = "public"
    """Everybody, at the public door."""
    PRESS = "press"
    """A file for a radio or a newspaper: everybody hears it, and may write down what was said."""


READERS: Mapping[Purpose, tuple[Reader, ...]] = MappingProxyType(
    {
        Purpose.DESK: (Reader.DESK,),
        Purpose.LEND: (Reader.LEND,),
        Purpose.PUBLIC: (Reader.PUBLISH,),
        # A yes to being quoted is one to words in writing; whoever sends out a voice needs the yes to that as well.
        Purpose.PRESS: (Reader.PUBLISH, Reader.QUOTE),
    }
)


class Kind(StrEnum):
    """What a medley is put together from."""

    EXCERPT = "excerpt"
    SPOKEN = "spoken"
    """A bridge read by a machine's voice."""
    RECORDED = "recorded"
    """A bridge a person read; ``text`` is what they say."""
    WRITTEN = "written"
    """A bridge that is only shown, over a moment of silence."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part. ``excerpt`` names a cut for `Kind.EXCERPT`; ``text`` is a bridge's words; ``sound`` a SHA-256."""

    kind: Kind
    text: str = ""
    excerpt: str = ""
    story: str = ""
    sound: str = ""


@dataclass(frozen=True, slots=True)
class Medley:
    """A medley with its items in order. ``public`` says whether a person put it at the public door."""

    id: str
    title: str
    language: str
    at: str
    who: str
    items: tuple[Item, ...]
    public: bool = False


def voice_answer(tx: Tx, story: str, purpose: Purpose, now: datetime | None) -> Answer:
    """Ask the gate whether this voice may be heard for ``purpose``: every reader says yes, the first with voice."""
    answers = [ask(tx, story, reader, now) for reader in READERS[purpose]]
    refused = next((answer for answer in answers if not answer.allowed), None)
    if refused is not None:
        return refused
    if not answers[0].voice:
        return Answer(False, "Its teller allowed the words, not the voice.")
    return answers[0]


def heard_now(tx: Tx, medley: Medley, purpose: Purpose, now: datetime | None) -> bool:
    """Whether at least one voice of a medley may be heard for ``purpose``, of an excerpt that is in use and whole."""
    cuts = (cut_of(tx, item.excerpt) for item in medley.items if item.kind is Kind.EXCERPT)
    return any(
        cut is not None and not touched_by_redaction(tx, cut) and voice_answer(tx, cut.story, purpose, now).allowed
        for cut in cuts
    )


def cut_of(tx: Tx, excerpt: str) -> Cut | None:
    """Return an excerpt that is in use, None otherwise."""
    row = tx.one("SELECT story FROM excerpts WHERE id = ?", excerpt)
    cuts = [] if row is None else excerpts_of(tx, str(row["story"]))
    return next((one for one in cuts if one.id == excerpt), None)


def make_medley(tx: Tx, title: str, language: str, items: Sequence[Item], who: str, now: datetime) -> str:
    """Put a medley together and return its identifier.

    Raises `BadMedley`, or `Refused` with the gate's own sentence where one of the voices may not be heard here.
    """
    plain = _line(title, LONGEST_TITLE, "A medley needs a title")
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO medleys (id, title, language, at, who) VALUES (?, ?, ?, ?, ?)",
        ident, plain, _language(language), stamp(now), who,
    )  # fmt: skip
    _put(tx, ident, items, now)
    note_change(tx, who, "medley made", ident, "", now)
    return ident


def arrange(tx: Tx, medley: str, items: Sequence[Item], who: str, now: datetime) -> None:
    """Give a medley other items or another order. Raises `BadMedley`, `Refused`.

    A voice that is not in it any more goes from the boxes it lies on; to play the others there in their new order, a
    person puts it on the box once more.
    """
    before = medley_of(tx, medley)
    tx.run("DELETE FROM medley_items WHERE medley = ?", medley)
    _put(tx, medley, items, now)
    drop_bridges(tx, [item.sound for item in before.items], now)
    _off_boxes(tx, medley, who, now, but=frozenset(item.excerpt for item in items if item.excerpt))
    note_change(tx, who, "medley arranged", medley, "", now)


def end_medley(tx: Tx, medley: str, who: str, now: datetime) -> None:
    """Take a medley out of use: nobody hears it from here on, and what was rendered goes. Raises `BadMedley`.

    It goes off every box it was put on; with its next feed a box lets go of what was lent for that alone.
    """
    found = medley_of(tx, medley)
    _off_boxes(tx, medley, who, now)
    tx.run("UPDATE medleys SET ended_at = ?, ended_by = ? WHERE id = ?", stamp(now), who, medley)
    drop_bridges(tx, [item.sound for item in found.items], now)
    tx.run("DELETE FROM medley_doors WHERE medley = ?", medley)
    for row in tx.all("SELECT key FROM medley_renditions WHERE medley = ? AND key <> ''", medley):
        tx.run("DELETE FROM derived WHERE key = ?", row["key"])
        tx.run("INSERT INTO leavings (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", row["key"], stamp(now))
    tx.run("DELETE FROM medley_renditions WHERE medley = ?", medley)
    tx.run("DELETE FROM medley_voices WHERE medley = ?", medley)
    note_change(tx, who, "medley ended", medley, "", now)


def set_door(tx: Tx, medley: str, public: bool, who: str, now: datetime) -> None:
    """Put a medley at the public door, or take it away from there. Raises `BadMedley`."""
    medley_of(tx, medley)
    tx.run("DELETE FROM medley_doors WHERE medley = ?", medley)
    if public:
        tx.run("INSERT INTO medley_doors (medley, at, who) VALUES (?, ?, ?)", medley, stamp(now), who)
    note_change(tx, who, "medley made public" if public else "medley made private", medley, "", now)


def medley_of(tx: Tx, medley: str) -> Medley:
    """Return a medley that is in use. Raises `BadMedley`."""
    row = tx.one("SELECT * FROM medleys WHERE id = ? AND ended_at IS NULL", medley)
    if row is None:
        raise BadMedley("There is no medley with this identifier.", "`hearth archive medley list` shows them all.")
    return _medley(tx, row)


def medleys(tx: Tx) -> list[Medley]:
    """Every medley in use, the newest first."""
    return [_medley(tx, row) for row in tx.all("SELECT * FROM medleys WHERE ended_at IS NULL ORDER BY at DESC, id")]


def put_on_box(tx: Tx, medley: str, box: str, first: int, who: str, now: datetime) -> dict[int, str]:
    """Put a medley on a box's sheet, in order: an excerpt each on the free buttons from ``first`` (1 to 8) on.

    Returns the excerpts by button. Buttons it had there before are let go of first; what else lies there stays. A box
    asks its own gate at each press, voice by voice, which it could not do for one sound of many tellers; a withdrawal
    takes one button away and leaves the others. Bridges stay here. Raises `BadMedley` where too few buttons are free,
    `Refused` where a voice may not be heard at that box, `archive.curation.BadSheet`.
    """
    voices = [item for item in medley_of(tx, medley).items if item.kind is Kind.EXCERPT]
    if not voices:
        raise BadMedley("There is no voice in this medley any more.", "Put another one together.")
    _off_boxes(tx, medley, who, now, box=box)
    taken = {
        int(row["button"])
        for table in ("sheet_cues", "partner_cues")
        for row in tx.all(f"SELECT button FROM {table} WHERE box = ? AND sheet = ?", box, MAIN)  # noqa: S608
    }
    free = [button for button in BUTTONS if button >= first and button not in taken]
    if len(voices) > len(free):
        say = f"This medley needs {len(voices)} free buttons, and from button {first} on {box} has {len(free)}."
        raise BadMedley(say, "Take something off its cue sheet, begin at another button, or make a shorter one.")
    placed = {}
    for button, item in zip(free, voices, strict=False):
        put_cue(tx, box, button, item.story, item.excerpt, who, now)
        tx.run(
            "INSERT INTO medley_cues (medley, box, button, excerpt, story, at) VALUES (?, ?, ?, ?, ?, ?)",
            medley, box, button, item.excerpt, item.story, stamp(now),
        )  # fmt: skip
        placed[button] = item.excerpt
    return placed


def on_boxes(tx: Tx, medley: str) -> dict[str, list[int]]:
    """The buttons on which a medley lies, by box; without those something else was put on since."""
    found: dict[str, list[int]] = {}
    for row in tx.all(_ITS_CUES + " ORDER BY c.box, c.button", medley, MAIN):
        found.setdefault(str(row["box"]), []).append(int(row["button"]))
    return found


def note_taken_out(tx: Tx, medley: str, purpose: Purpose, stories: Sequence[str], who: str, now: datetime) -> None:
    """Note that a rendition left as a file, and whose voices are in it: a copy out there is not within reach."""
    for story in dict.fromkeys(stories):
        note_change(tx, who, "left in a medley", story, json.dumps({"medley": medley, "for": purpose.value}), now)


def bridge_key(sha256: str) -> str:
    """Name the object of a recorded bridge. Raises `BadKey`."""
    return checked_key(f"{BRIDGES}{sha256}")


_ITS_CUES = (
    "SELECT c.box AS box, c.button AS button, c.excerpt AS excerpt FROM medley_cues m JOIN sheet_cues c "
    "ON c.box = m.box AND c.button = m.button AND c.excerpt = m.excerpt AND c.at = m.at "
    "WHERE m.medley = ? AND c.sheet = ?"
)


def _off_boxes(
    tx: Tx, medley: str, who: str, now: datetime, *, box: str = "", but: frozenset[str] = frozenset()
) -> None:
    """Take a medley's excerpts ``but`` these off every box, or off ``box`` alone; what people put there since stays."""
    for row in tx.all(_ITS_CUES, medley, MAIN):
        if row["excerpt"] not in but and box in {"", row["box"]}:
            clear_cue(tx, str(row["box"]), int(row["button"]), who, now)
    # Lines of buttons that hold something else by now are of no use to anybody.
    kept = {(name, button) for name, buttons in on_boxes(tx, medley).items() for button in buttons}
    for row in tx.all("SELECT box, button FROM medley_cues WHERE medley = ?", medley):
        if (row["box"], row["button"]) not in kept:
            tx.run(
                "DELETE FROM medley_cues WHERE medley = ? AND box = ? AND button = ?",
                medley, row["box"], row["button"],
            )  # fmt: skip


def _put(tx: Tx, medley: str, items: Sequence[Item], now: datetime) -> None:
    if not any(item.kind is Kind.EXCERPT for item in items) or len(items) > MOST_ITEMS:
        raise BadMedley(
            "A medley needs at least one excerpt.", f"It has at most {MOST_ITEMS} parts, bridges among them."
        )
    for place, item in enumerate(items):
        story, text = None, ""
        if item.kind is Kind.EXCERPT:
            cut = cut_of(tx, item.excerpt)
            if cut is None or touched_by_redaction(tx, cut):
                raise BadMedley(
                    "One of these excerpts is not there any more.",
                    "Load the page again, or look at the identifier for a slip.",
                )
            answer = voice_answer(tx, cut.story, Purpose.DESK, now)
            if not answer.allowed:
                raise Refused(answer.why, "Leave this voice out.")
            story = cut.story
        else:
            text = _line(item.text, LONGEST_BRIDGE, "A bridge needs words")
        tx.run(
            "INSERT INTO medley_items (id, medley, place, kind, story, excerpt, text, sound) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            str(fresh_take(now)), medley, place, item.kind.value, story,
            item.excerpt if story is not None else None, text, item.sound if item.kind is Kind.RECORDED else "",
        )  # fmt: skip


def _medley(tx: Tx, row: Row) -> Medley:
    items: Iterable[Row] = tx.all("SELECT * FROM medley_items WHERE medley = ? ORDER BY place, id", row["id"])
    public = tx.one("SELECT 1 FROM medley_doors WHERE medley = ?", row["id"]) is not None
    return Medley(
        str(row["id"]), str(row["title"]), str(row["language"]), str(row["at"]), str(row["who"]),
        tuple(
            Item(
                Kind(one["kind"]), str(one["text"]), str(one["excerpt"] or ""), str(one["story"] or ""),
                str(one["sound"]),
            )
            for one in items
        ),
        public,
    )  # fmt: skip


def _language(text: str) -> str:
    if not (text.isascii() and text.isalpha() and len(text) in {2, 3}):
        raise BadMedley(f"{text[:20]!r} is no language.", "Write two or three letters: en, es, ar.")
    return text.lower()


def _line(text: str, longest: int, say: str) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= longest:
        raise BadMedley(f"{say} of at most {longest} signs.", "Say it shorter, or say something.")
    return plain
