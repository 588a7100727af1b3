"""REFI-QDA 1.0: codes and coded words to the programs of qualitative analysis, and back.

A project (``.qdpx``) holds the words of every story that may leave (`Reader.EXPORT`, asked for each), highlights as
selections of characters, codes, coders and memos; a codebook (``.qdc``) codes alone. Levels of codes travel as sets.
Identifiers are UUIDs made from ours, so that what comes back finds its story, its code and its coder again.
`archive.patterns.qdareading` reads them back.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pyrefiqda import RefiCodebook, RefiProject  # type: ignore[import-untyped]
from pyrefiqda.models import codebook as qdc  # type: ignore[import-untyped]
from pyrefiqda.models import project as qde
from xsdata.models.datatype import XmlDateTime

from archive.catalogue import Tx
from archive.errors import ArchiveError
from archive.export.telling import Telling, read_tellings
from archive.patterns.codebook import Code, Level, codes_of
from archive.patterns.codebook import codebooks as known_codebooks
from archive.patterns.highlights import Highlight, highlights_of
from archive.patterns.leaving import write_to_leave
from archive.reviewing.words import DeskWord, Passage, paragraphs
from archive.server.place import ArchiveHome
from archive.types import Reader

ORIGIN: Final = "Digital Hearth"
_SPACE: Final = uuid.UUID("6f1d9a50-3a44-5f0e-9a39-5d2a1d6b7c11")
LEVEL: Final = "Level: "
_PARAGRAPH: Final = "\n\n"


class BadProject(ArchiveError):
    """A file that is no project or codebook, or not one this archive can read."""

    code = "bad-project"


@dataclass(frozen=True, slots=True)
class Carried:
    """What was written or read: numbers of stories, codes, highlights and memos; and what was left, with the reason."""

    stories: int
    codes: int
    highlights: int
    memos: int
    left: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "stories": self.stories,
            "codes": self.codes,
            "highlights": self.highlights,
            "memos": self.memos,
            "left": list(self.left),
        }


@dataclass(frozen=True, slots=True)
class Layout:
    """The words of a story as one text, and which characters [from, to) each word has."""

    text: str
    places: tuple[tuple[int, int, DeskWord], ...]

    def characters(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the words of [start, end) ms stand; None where there are none."""
        inside = [one for one in self.places if one[2].start < end and start < max(one[2].end, one[2].start + 1)]
        return (inside[0][0], inside[-1][1]) if inside else None

    def blank(self, first: int, last: int) -> bool:
        """Whether every word of characters [first, last) was taken back."""
        return all(word.blank for start, end, word in self.places if start < last and first < end)

    def times(self, first: int, last: int) -> tuple[int, int] | None:
        """When the words of characters [first, last) are said, in ms; None where there are none."""
        inside = [word for start, end, word in self.places if start < last and first < end]
        return (inside[0].start, max(inside[-1].end, inside[-1].start + 1)) if inside else None


def layout(passages: Sequence[Passage]) -> Layout:
    """Put words into one text, in paragraphs as people read. Pure; characters are Unicode code points."""
    parts: list[str] = []
    places, at = [], 0
    for paragraph in paragraphs(passages):
        between = _PARAGRAPH if parts else ""
        for word in (word for passage in paragraph for word in passage.words):
            at += len(between)
            places.append((at, at + len(word.text), word))
            parts += [between, word.text]
            at, between = at + len(word.text), " "
    return Layout("".join(parts), tuple(places))


def guid(kind: str, ident: str) -> str:
    """Name something of ours as the format names things; the same at every archive."""
    return str(uuid.uuid5(_SPACE, f"{kind}:{ident}"))


def export_project(place: ArchiveHome, path: Path) -> Carried:
    """Write the project ``path`` whole or not at all, the gate asked once more when it is written.

    Raises `BadProject`, `archive.patterns.leaving.Narrowed`, `OSError`.
    """
    return write_to_leave(place, path, lambda tx, part, now: write_project(tx, part, place.name, now))


def write_project(tx: Tx, path: Path, name: str, now: datetime) -> Carried:
    """Write everything that may leave as the project ``path``, validated. Raises `BadProject`, `OSError`."""
    wanted = [str(row["id"]) for row in tx.all("SELECT id FROM stories ORDER BY id")]
    tellings = read_tellings(tx, wanted, Reader.EXPORT, now)
    codes = _told_apart(tx, codes_of(tx))
    with tempfile.TemporaryDirectory() as media:
        notes: list[qde.TextSourceType] = []
        users: dict[str, qde.UserType] = {}
        sources, marked = [], 0
        for story, telling in tellings.items():
            made, count = _source(telling, highlights_of(tx, story), users, notes)
            (Path(media) / f"{made.guid}.txt").write_text(layout(telling.passages).text, encoding="utf-8")
            sources.append(made)
            marked += count
        project = qde.Project(
            name=name,
            origin=ORIGIN,
            creation_date_time=_time(now.isoformat()),
            users=qde.UsersType(user=list(users.values())) if users else None,
            code_book=qde.CodeBookType(codes=qde.CodesType(code=_tree(codes, qde.CodeType))) if codes else None,
            sources=qde.SourcesType(text_source=sources) if sources else None,
            notes=qde.NotesType(note=notes) if notes else None,
            sets=qde.SetsType(set=_level_sets(codes)) if codes else None,
        )
        validate(project)
        RefiProject.save(project, path, media)
    return Carried(len(sources), len(codes), marked, len(notes))


def write_codebook(tx: Tx, path: Path) -> Carried:
    """Write every code with definition and level as the codebook ``path``, validated. Raises `BadProject`."""
    codes = _told_apart(tx, codes_of(tx))
    if not codes:
        raise BadProject("There is no code yet.", "A codebook has at least one.")
    sets = [
        qdc.SetType(guid=guid("set", level), name=f"{LEVEL}{level}", member_code=members)
        for level in Level
        if (members := [qdc.MemberCodeType(guid=guid("code", one.id)) for one in codes if one.level is level])
    ]
    book = qdc.CodeBook(
        origin=ORIGIN, codes=qdc.CodesType(code=_tree(codes, qdc.CodeType)), sets=qdc.SetsType(set=sets)
    )
    validate(book)
    RefiCodebook.save(book, path)
    return Carried(0, len(codes), 0, 0)


def validate(model: BaseModel) -> None:
    """Hold a model against the schema it was generated from: patterns of values, and what has to be there.

    Unknown elements and missing attributes are refused when a file is read. Raises `BadProject`.
    """
    for holder, name, value, told in _values(model):
        pattern, least = told.get("pattern"), told.get("min_occurs", 0)
        if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
            raise BadProject(f"{holder} has {name} = {value[:60]!r}, which the schema forbids.", "Export it again.")
        if isinstance(value, list) and len(value) < least:
            raise BadProject(f"{holder} has no {name}, which the schema asks for.", "Export it again.")


def _values(model: BaseModel) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        yield type(model).__name__, name, value, dict(getattr(info, "xsdata_metadata", None) or {})
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel):
                yield from _values(one)


def _source(
    telling: Telling, marked: Sequence[Highlight], users: dict[str, qde.UserType], notes: list[qde.TextSourceType]
) -> tuple[qde.TextSourceType, int]:
    found, selections = layout(telling.passages), []
    for one in marked:
        where = found.characters(one.start, one.end)
        if where is None or found.blank(*where):
            continue
        user = users.setdefault(one.who, qde.UserType(guid=guid("user", one.who), name=one.who))
        refs = []
        for number, memo in enumerate(one.memos):
            ident = guid("memo", f"{one.id}:{number}")
            notes.append(qde.TextSourceType(guid=ident, name=f"Memo of {memo.who}", plain_text_content=memo.text))
            refs.append(qde.NoteRefType(target_guid=ident))
        codings = [
            qde.CodingType(
                guid=guid("coding", f"{one.id}:{code}"), code_ref=qde.CodeRefType(target_guid=guid("code", code)),
                creating_user=user.guid, creation_date_time=_time(one.at),
            )
            for code in one.codes
        ]  # fmt: skip
        selections.append(
            qde.PlainTextSelectionType(
                guid=guid("highlight", one.id), name=found.text[where[0] : where[1]][:60], start_position=where[0],
                end_position=where[1], creating_user=user.guid, creation_date_time=_time(one.at), coding=codings,
                note_ref=refs,
            )
        )  # fmt: skip
    ident = guid("story", telling.id)
    facts = f"Story {telling.id}, told at {telling.site} on {telling.recorded_at.date().isoformat()}. {telling.rights}"
    made = qde.TextSourceType(
        guid=ident, name=f"{telling.name} ({telling.id[-6:]})", description=facts, plain_text_selection=selections,
        plain_text_path=f"internal://{ident}.txt",
    )  # fmt: skip
    return made, len(selections)


def _told_apart(tx: Tx, codes: Sequence[Code]) -> list[Code]:
    """Codes of one name in several codebooks, with their codebook behind it.

    The format has one codebook, and a program that knows a code by its name (QualCoder) would lose what was coded
    with the second one. Identifiers stay, and it is by them that this archive finds its codes again.
    """
    books = {one.id: one.name for one in known_codebooks(tx)}
    names = Counter(one.name.casefold() for one in codes)
    return [
        replace(one, name=f"{one.name} ({books[one.codebook]})") if names[one.name.casefold()] > 1 else one
        for one in codes
    ]


def _tree(codes: Sequence[Code], kind: Any) -> list[Any]:
    """Codes under their parents; one whose parent is not among them stands at the top."""
    known = {one.id for one in codes}

    def below(parent: str) -> list[Any]:
        return [
            kind(guid=guid("code", one.id), name=one.name, is_codable=True, description=one.definition or None,
                 code=below(one.id))
            for one in codes
            if (one.parent if one.parent in known else "") == parent
        ]  # fmt: skip

    return below("")


def _level_sets(codes: Sequence[Code]) -> list[qde.SetType]:
    return [
        qde.SetType(guid=guid("set", level), name=f"{LEVEL}{level}", member_code=members)
        for level in Level
        if (members := [qde.CodeRefType(target_guid=guid("code", one.id)) for one in codes if one.level is level])
    ]


def _time(at: str) -> XmlDateTime:
    return XmlDateTime.from_datetime(datetime.fromisoformat(at))
