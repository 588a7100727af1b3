"""The words of a story as people correct them: a new version of a passage each time, the one before beside it.

Words in a blanked span are blanked in the passage itself, so that no reader (search, captions, an export) has to
remember to leave them out; the version before keeps them, and no page shows it. Every function belongs inside a
transaction of the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.index import reindex
from archive.errors import ArchiveError
from archive.reviewing.versions import Overtaken

BLANK: Final = "[…]"
"""What stands where a word was blanked out."""
LONGEST_WORD = 200
HAND: Final = "corrected by "
"""Stands in the name of who wrote a passage as soon as a person corrected a word of it."""
PARAGRAPH_PAUSE_MS = 1_200
PARAGRAPH_MS = 25_000
_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟", "۔")
_CLOSING = "\"'”’»)]」』"
_COLUMNS = "story, number, version, start_ms, end_ms, text, words, approximate, by, at, checked_by, checked_at"


class BadWord(ArchiveError):
    """A correction that cannot be made."""

    code = "bad-word"


@dataclass(frozen=True, slots=True)
class DeskWord:
    """One word: [start, end) in ms of the story, how sure the machine was (0 to 1), and whether it doubted."""

    start: int
    end: int
    probability: float
    doubtful: bool
    text: str

    @property
    def blank(self) -> bool:
        """Whether it was blanked out."""
        return self.text == BLANK


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of words. ``checked_by`` is the person who listened to it, None while only a machine wrote it."""

    number: int
    version: int
    start: int
    end: int
    words: tuple[DeskWord, ...]
    approximate: bool
    by: str
    checked_by: str | None

    @property
    def text(self) -> str:
        """The words as one line."""
        return " ".join(word.text for word in self.words)


def passages_of(tx: Tx, story: str) -> list[Passage]:
    """The words of a story as they stand now, in order of time."""
    return [_passage(row) for row in tx.all(f"SELECT {_COLUMNS} FROM passages WHERE story = ? ORDER BY number", story)]  # noqa: S608


def paragraphs(passages: Iterable[Passage]) -> list[list[Passage]]:
    """Put passages together as people read: a new paragraph after a pause, or after a sentence when one grew long."""
    found: list[list[Passage]] = []
    for passage in passages:
        last = found[-1] if found else []
        fresh = not last or passage.start - last[-1].end >= PARAGRAPH_PAUSE_MS
        if fresh or (last[-1].end - last[0].start > PARAGRAPH_MS and ends_sentence(last[-1].text)):
            found.append([passage])
        else:
            last.append(passage)
    return found


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends where ``text`` does, in any of the scripts a box writes. Pure."""
    return not text.endswith(BLANK) and text.rstrip(_CLOSING).endswith(_ENDS)


def passage_of(tx: Tx, story: str, number: int) -> Passage:
    """One passage as it stands now. Raises `BadWord`."""
    row = tx.one(f"SELECT {_COLUMNS} FROM passages WHERE story = ? AND number = ?", story, number)  # noqa: S608
    if row is None:
        raise BadWord("This passage is not there any more.", "Load the page again.")
    return _passage(row)


def correct_word(tx: Tx, story: str, number: int, index: int, text: str, who: str, seen: int, now: datetime) -> Passage:
    """Replace word ``index`` of a passage by what a person hears; an empty text takes it out. Returns what stands now.

    ``seen`` is the version of the passage that was corrected. Raises `Overtaken`, `BadWord`.
    """
    passage = passage_of(tx, story, number)
    plain = " ".join(text.split())
    if passage.version != seen:
        raise Overtaken(passage.text, plain)
    if not 0 <= index < len(passage.words) or passage.words[index].blank:
        raise BadWord("This word cannot be corrected.", "It was blanked out, or it is not there any more.")
    if len(plain) > LONGEST_WORD or BLANK in plain:
        raise BadWord(f"A correction has at most {LONGEST_WORD} signs.", "Correct one word at a time.")
    word = replace(passage.words[index], text=plain, probability=1.0, doubtful=False)
    rest = (word,) if plain else ()
    changed = (*passage.words[:index], *rest, *passage.words[index + 1 :])
    # The rest of the passage is still a machine's: its name stays in front.
    hand = f"{HAND}{who}"
    _store(tx, story, passage, changed, now, passage.by if hand in passage.by else f"{passage.by}, {hand}")
    reindex(tx, story)
    note_change(tx, who, "word corrected", story, f"passage {number}", now)
    return passage_of(tx, story, number)


def check_words(tx: Tx, story: str, seen: str, who: str, now: datetime) -> None:
    """Note that ``who`` listened to everything and the words are right. Raises `Overtaken` where they changed since.

    ``seen`` is `words_version` of the page the person read.
    """
    passages = passages_of(tx, story)
    if words_version(passages) != seen:
        raise Overtaken("the words were corrected meanwhile", "all words are right")
    tx.run(
        "UPDATE passages SET checked_by = ?, checked_at = ? WHERE story = ? AND checked_by IS NULL",
        who, stamp(now), story,
    )  # fmt: skip
    note_change(tx, who, "words checked", story, "", now)


def words_version(passages: Iterable[Passage]) -> str:
    """Name the state of all words: another string as soon as one of them changed."""
    return ".".join(f"{passage.number}-{passage.version}" for passage in passages)


def blank_words(tx: Tx, story: str, spans: Sequence[tuple[int, int]], now: datetime) -> None:
    """Blank every word that touches one of ``spans``, [start, end) each, and bring the index up to it once.

    A passage whose times were only guessed is blanked whole.
    """
    changed = False
    for passage in passages_of(tx, story):
        inside = [(start, end) for start, end in spans if passage.start < end and start < passage.end]
        if inside:
            changed |= _change(tx, story, passage, [_blanked(passage, word, inside) for word in passage.words], now)
    if changed:
        reindex(tx, story)


def _blanked(passage: Passage, word: DeskWord, spans: Sequence[tuple[int, int]]) -> DeskWord:
    if passage.approximate or _touched(word, spans):
        return replace(word, text=BLANK, doubtful=False)
    return word


def _touched(word: DeskWord, spans: Sequence[tuple[int, int]]) -> bool:
    return any(word.start < end and start < max(word.end, word.start + 1) for start, end in spans)


def show_words(tx: Tx, story: str, span: tuple[int, int], still: Sequence[tuple[int, int]], now: datetime) -> None:
    """Put words of ``span`` back as they were before they were blanked, but for those one of ``still`` covers."""
    changed = False
    for passage in passages_of(tx, story):
        if passage.start >= span[1] or span[0] >= passage.end:
            continue
        if any(passage.start < end and start < passage.end for start, end in still) and passage.approximate:
            continue
        before = _last_words(tx, story, passage)
        shown = [
            before.get((word.start, word.end), word) if word.blank and not _touched(word, still) else word
            for word in passage.words
        ]
        changed |= _change(tx, story, passage, shown, now)
    if changed:
        reindex(tx, story)


def _last_words(tx: Tx, story: str, passage: Passage) -> dict[tuple[int, int], DeskWord]:
    """The newest reading of each word of ``passage`` that was not blank, by its times.

    A newer bag may have given the passage another number since: it is the same one by its own times.
    """
    rows = tx.all(
        "SELECT words FROM passage_versions WHERE story = ? AND start_ms = ? AND end_ms = ? ORDER BY version",
        story, passage.start, passage.end,
    )  # fmt: skip
    return {(word.start, word.end): word for row in rows for word in _words(str(row["words"])) if not word.blank}


def _change(tx: Tx, story: str, passage: Passage, words: Sequence[DeskWord], now: datetime) -> bool:
    """Store ``words`` if they are others than before, and tell whether they were."""
    if tuple(words) == passage.words:
        return False
    _store(tx, story, passage, words, now, passage.by)
    return True


def _store(tx: Tx, story: str, passage: Passage, words: Sequence[DeskWord], now: datetime, by: str) -> None:
    """Put the passage as it stands beside the others before, and the new words in its place.

    The index is the caller's to bring up to date, once for all passages: it is written a whole story at a time.
    """
    tx.run(
        f"INSERT INTO passage_versions ({_COLUMNS}) SELECT {_COLUMNS} FROM passages WHERE story = ? AND number = ?",  # noqa: S608
        story, passage.number,
    )  # fmt: skip
    plain = [[word.start, word.end, word.probability, int(word.doubtful), word.text] for word in words]
    tx.run(
        "UPDATE passages SET version = version + 1, text = ?, words = ?, by = ?, at = ? WHERE story = ? AND number = ?",
        " ".join(word.text for word in words), json.dumps(plain, ensure_ascii=False, separators=(",", ":")), by,
        stamp(now), story, passage.number,
    )  # fmt: skip


def _words(text: str) -> tuple[DeskWord, ...]:
    return tuple(DeskWord(int(a), int(b), float(p), bool(d), str(said)) for a, b, p, d, said in json.loads(text))


def _passage(row: Row) -> Passage:
    checked = row["checked_by"]
    return Passage(
        int(row["number"]), int(row["version"]), int(row["start_ms"]), int(row["end_ms"]), _words(str(row["words"])),
        bool(row["approximate"]), str(row["by"]), None if checked is None else str(checked),
    )  # fmt: skip
