"""REFI-QDA 1.0: codes and coded words to the programs of qualitative analysis, and back.

A project (``.qdpx``) holds the words of every story that may leave (`Reader.EXPORT`, asked for each), highlights as
selections of characters, codes, coders and memos; a codebook (``.qdc``) codes alone. Levels of codes travel as sets.
Identifiers are UUIDs made from ours, so that what comes back finds its story, its code and its coder again. What
comes in changes nothing but highlights, codes and memos, and each is a person's.
"""

from __future__ import annotations

import re
import tempfile
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pyrefiqda import RefiCodebook, RefiProject  # type: ignore[import-untyped]
from pyrefiqda.models import codebook as qdc  # type: ignore[import-untyped]
from pyrefiqda.models import project as qde
from xsdata.exceptions import ParserError
from xsdata.models.datatype import XmlDateTime

from archive.catalogue import Tx
from archive.catalogue.changes import note_change
from archive.errors import ArchiveError
from archive.export.telling import Telling, read_tellings
from archive.patterns.codebook import Code, Level, code_named, code_of, codes_of, make_code, make_codebook
from archive.patterns.codebook import codebooks as known_codebooks
from archive.patterns.highlights import Highlight, highlight, highlights_of, put_memo
from archive.reviewing.words import DeskWord, Passage
from archive.types import Reader

ORIGIN: Final = "Digital Hearth"
MOST_BYTES: Final = 256 << 20
"""What a project may unpack to."""
MOST_FILES: Final = 20_000
IMPORTED: Final = " (imported)"
_SPACE: Final = uuid.UUID("6f1d9a50-3a44-5f0e-9a39-5d2a1d6b7c11")
_LEVEL: Final = "Level: "
_PARAGRAPH: Final = "\n\n"
_ELSEWHERE: Final = (
    ("sources", "picture_source", "Pictures"), ("sources", "pdfsource", "PDF files"),
    ("sources", "audio_source", "Sounds"), ("sources", "video_source", "Films"), ("cases", "case", "Cases"),
    ("variables", "variable", "Variables"), ("links", "link", "Links"), ("graphs", "graph", "Graphs"),
)  # fmt: skip
"""What a project may hold that an archive of voices has no place for: part, list in it, the word for people."""


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

    def times(self, first: int, last: int) -> tuple[int, int] | None:
        """When the words of characters [first, last) are said, in ms; None where there are none."""
        inside = [word for start, end, word in self.places if start < last and first < end]
        return (inside[0].start, max(inside[-1].end, inside[-1].start + 1)) if inside else None


def layout(passages: Sequence[Passage]) -> Layout:
    """Put words into one text, a passage a paragraph. Pure; characters are Unicode code points."""
    text, places = "", []
    for passage in passages:
        text += _PARAGRAPH if text else ""
        for number, word in enumerate(passage.words):
            text += " " if number else ""
            places.append((len(text), len(text) + len(word.text), word))
            text += word.text
    return Layout(text, tuple(places))


def guid(kind: str, ident: str) -> str:
    """Name something of ours as the format names things; the same at every archive."""
    return str(uuid.uuid5(_SPACE, f"{kind}:{ident}"))


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
        qdc.SetType(guid=guid("set", level), name=f"{_LEVEL}{level}", member_code=members)
        for level in Level
        if (members := [qdc.MemberCodeType(guid=guid("code", one.id)) for one in codes if one.level is level])
    ]
    book = qdc.CodeBook(
        origin=ORIGIN, codes=qdc.CodesType(code=_tree(codes, qdc.CodeType)), sets=qdc.SetsType(set=sets)
    )
    validate(book)
    RefiCodebook.save(book, path)
    return Carried(0, len(codes), 0, 0)


def read_codebook(tx: Tx, path: Path, who: str, now: datetime, *, into: str = "") -> Carried:
    """Read the codes of ``path`` into the codebook called ``into`` (else its file's name). Raises `BadProject`."""
    try:
        book = RefiCodebook.load(path)
    except (ParserError, ValidationError, OSError, ValueError) as error:
        raise BadProject(f"{path.name} is no codebook of REFI-QDA.", "Export it again as .qdc.") from error
    validate(book)
    sets = book.sets.set if book.sets else ()
    levels, left = _levels((group.name, [one.guid for one in group.member_code]) for group in sets)
    made = _take_codes(tx, book.codes.code, levels, into or path.stem, who, now)
    return Carried(0, len(made), 0, 0, tuple(left))


def read_project(tx: Tx, path: Path, who: str, now: datetime, *, into: str = "") -> Carried:
    """Read codes, coded words and memos of ``path``. A story is found by its identifier and has to say the same words.

    What this archive has no place for (other programs' sets, cases, pictures) and a selection whose words read
    differently here is left, and named. The gate is asked for each story. Raises `BadProject`, `BadCode`.
    """
    with tempfile.TemporaryDirectory() as folder:
        project, texts = _load(path, Path(folder))
    validate(project)
    sets = project.sets.set if project.sets else ()
    levels, left = _levels((group.name, [one.target_guid for one in group.member_code]) for group in sets)
    left += _unread(project)
    roots = project.code_book.codes.code if project.code_book else []
    codes = _take_codes(tx, roots, levels, into or project.name, who, now)
    return _Reading(tx, project, texts, codes, who, now, left).run()


class _Reading:
    """The coded words of one project on their way in."""

    def __init__(
        self, tx: Tx, project: qde.Project, texts: dict[str, str], codes: dict[str, str], who: str, now: datetime,
        left: list[str],
    ) -> None:  # fmt: skip
        self._tx = tx
        self._project = project
        self._texts = texts
        self._codes = codes
        self._who = who
        self._now = now
        self._notes = {
            note.guid: note.plain_text_content or "" for note in (project.notes.note if project.notes else ())
        }
        self._users = {user.guid: user.name or "somebody" for user in (project.users.user if project.users else ())}
        self._left = left
        self._marked = self._memos = 0

    def run(self) -> Carried:
        tx, now = self._tx, self._now
        ours = {guid("story", str(row["id"])): str(row["id"]) for row in tx.all("SELECT id FROM stories")}
        sources = self._project.sources.text_source if self._project.sources else []
        here = read_tellings(tx, [ours[one.guid] for one in sources if one.guid in ours], Reader.DESK, now)
        for source in sources:
            telling = here.get(ours.get(source.guid, ""))
            if telling is None:
                self._left.append(f"{source.name or source.guid}: no story here that may be coded.")
                continue
            found = layout(telling.passages)
            told = self._texts.get(source.guid, source.plain_text_content or "")
            if told != found.text:
                self._left.append(f"{telling.id}: its words were corrected since.")
            for selection in source.plain_text_selection:
                self._take(telling.id, selection, found, told)
        note_change(tx, self._who, "codings read in", "", f"{self._marked}", now)
        return Carried(len(here), len(self._codes), self._marked, self._memos, tuple(self._left))

    def _take(self, story: str, one: qde.PlainTextSelectionType, found: Layout, told: str) -> None:
        words = told[one.start_position : one.end_position]
        at = one.start_position
        if found.text[at : one.end_position] != words:
            # What was corrected before it moved it; words that stand here once are found again.
            at = found.text.find(words) if words and found.text.count(words) == 1 else -1
        span = found.times(at, at + len(words)) if at >= 0 else None
        if span is None:
            self._left.append(f"{story}: characters {one.start_position} to {one.end_position} are not there.")
            return
        layers: dict[str, list[str]] = {}
        for coding in one.coding:
            code = self._codes.get(coding.code_ref.target_guid)
            if code is not None:
                layers.setdefault(self._layer(coding.creating_user or one.creating_user), []).append(code)
        for layer, codes in (layers or {self._layer(one.creating_user): []}).items():
            ident = highlight(self._tx, story, *span, codes, "", layer, self._now)
            self._marked += 1
            known = {memo.text for memo in _memos_of(self._tx, story, ident)}
            for ref in one.note_ref:
                text = self._notes.get(ref.target_guid, "").strip()
                if text and text not in known:
                    put_memo(self._tx, ident, text, layer, self._now)
                    self._memos += 1

    def _layer(self, user: str | None) -> str:
        """Whose layer: a coder of ours keeps theirs, anybody else's name says that it came from a file."""
        name = self._users.get(user or "", self._who)
        return name if user == guid("user", name) or name == self._who else f"{name}{IMPORTED}"


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
        if where is None:
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
        qde.SetType(guid=guid("set", level), name=f"{_LEVEL}{level}", member_code=members)
        for level in Level
        if (members := [qde.CodeRefType(target_guid=guid("code", one.id)) for one in codes if one.level is level])
    ]


def _levels(sets: Iterable[tuple[str | None, Sequence[str]]]) -> tuple[dict[str, Level], list[str]]:
    """Read the sets that say a level of their codes, whose identifiers come beside the name; name every other set.

    Other programs group codes as they like, and their names mean nothing here: their codes are read all the same.
    """
    known = {f"{_LEVEL}{level.value}": level for level in Level}
    levels: dict[str, Level] = {}
    left = []
    for name, codes in sets:
        if name in known:
            levels |= dict.fromkeys(codes, known[name])
        else:
            left.append(f"The set {name or 'without a name'}: groups of codes have no place here; its codes were read.")
    return levels, left


def _unread(project: qde.Project) -> list[str]:
    """What a project holds beside codes and coded words, a sentence each."""
    counts = [
        (what, len(getattr(getattr(project, part), holder)))
        for part, holder, what in _ELSEWHERE
        if getattr(project, part) is not None
    ]
    return [f"{what} ({count}): they have no place here and were not read." for what, count in counts if count]


def _take_codes(
    tx: Tx, roots: Sequence[Any], levels: Mapping[str, Level], book: str, who: str, now: datetime
) -> dict[str, str]:
    """Find codes again by identifier, else by name in the codebook ``book``, else make them; returns ours by theirs."""
    ours = {guid("code", one.id): one.id for one in codes_of(tx)}
    made: dict[str, str] = {}
    target = ""

    def take(one: Any, parent: str) -> None:
        nonlocal target
        ident = ours.get(one.guid, "")
        if not ident:
            target = target or _book(tx, book, who, now)
            same = code_named(tx, target, one.name)
            ident = same.id if same else ""
        if not ident:
            level = levels.get(one.guid, Level.CONCRETE)
            definition = (one.description or "").strip()
            home = code_of(tx, parent).codebook if parent else target
            ident = make_code(tx, home, one.name, level, definition, who, now, parent=parent)
        made[one.guid] = ident
        for child in one.code:
            take(child, ident)

    for root in roots:
        take(root, "")
    return made


def _book(tx: Tx, name: str, who: str, now: datetime) -> str:
    known = next((one.id for one in known_codebooks(tx) if one.name == name), "")
    return known or make_codebook(tx, name, who, now)


def _load(path: Path, folder: Path) -> tuple[qde.Project, dict[str, str]]:
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            if len(entries) > MOST_FILES or sum(one.file_size for one in entries) > MOST_BYTES:
                raise BadProject(f"{path.name} unpacks to more than an archive reads.", "Leave sound and pictures out.")
        project = RefiProject.load(path, str(folder))
    except (zipfile.BadZipFile, ParserError, ValidationError, OSError, ValueError) as error:
        raise BadProject(f"{path.name} is no project of REFI-QDA.", "Export it again as .qdpx.") from error
    texts = {}
    for source in project.sources.text_source if project.sources else ():
        name = (source.plain_text_path or "").removeprefix("internal://")
        file = next(
            (one for one in (folder / "sources", folder / "Sources") if (one / Path(name).name).is_file()), None
        )
        if name and file is not None:
            # Programs write line ends and a mark of byte order as their system has it.
            texts[source.guid] = (file / Path(name).name).read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    return project, texts


def _memos_of(tx: Tx, story: str, ident: str) -> Sequence[Any]:
    return next((one.memos for one in highlights_of(tx, story) if one.id == ident), ())


def _time(at: str) -> XmlDateTime:
    return XmlDateTime.from_datetime(datetime.fromisoformat(at))
