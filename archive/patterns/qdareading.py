"""REFI-QDA 1.0 read back: codes, coded words and memos of a project, each a person's. What is left out is named."""

from __future__ import annotations

import itertools
import tempfile
import textwrap
import zipfile
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pyrefiqda import RefiCodebook, RefiProject  # type: ignore[import-untyped]
from pyrefiqda.models import project as qde  # type: ignore[import-untyped]
from xsdata.exceptions import ParserError

from archive.catalogue import Tx
from archive.catalogue.changes import note_change
from archive.export.telling import read_tellings
from archive.patterns.codebook import (
    LONGEST_DEFINITION,
    LONGEST_NAME,
    BadCode,
    Code,
    Level,
    code_named,
    code_of,
    codes_of,
    make_code,
    make_codebook,
    resolved,
)
from archive.patterns.codebook import codebooks as known_codebooks
from archive.patterns.highlights import LONGEST_MEMO, BadHighlight, be_through, highlight, highlights_of, put_memo
from archive.patterns.qda import LEVEL, BadProject, Carried, Layout, guid, layout, validate
from archive.types import Reader

MOST_BYTES: Final = 256 << 20
"""What a project may unpack to."""
MOST_FILES: Final = 20_000
IMPORTED: Final = " (imported)"
_ELSEWHERE: Final = (
    ("sources", "picture_source", "Pictures"), ("sources", "pdfsource", "PDF files"),
    ("sources", "audio_source", "Sounds"), ("sources", "video_source", "Films"), ("cases", "case", "Cases"),
    ("variables", "variable", "Variables"), ("links", "link", "Links"), ("graphs", "graph", "Graphs"),
)  # fmt: skip
"""What a project may hold that an archive of voices has no place for: part, list in it, the word for people."""


def read_codebook(tx: Tx, path: Path, who: str, now: datetime, *, into: str = "") -> Carried:
    """Read the codes of ``path`` into the codebook called ``into`` (else its file's name). Raises `BadProject`."""
    try:
        book = RefiCodebook.load(path)
    except (ParserError, ValidationError, OSError, ValueError) as error:
        raise BadProject(f"{path.name} is no codebook of REFI-QDA.", "Export it again as .qdc.") from error
    validate(book)
    sets = book.sets.set if book.sets else ()
    levels, left = _levels((group.name, [one.guid for one in group.member_code]) for group in sets)
    made = _take_codes(tx, book.codes.code, levels, into or path.stem, who, now, left)
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
    codes = _take_codes(tx, roots, levels, into or project.name, who, now, left)
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
            note.guid: texts.get(note.guid, note.plain_text_content or "")
            for note in (project.notes.note if project.notes else ())
        }
        self._users = {user.guid: user.name or "somebody" for user in (project.users.user if project.users else ())}
        self._left = left
        self._marked = self._memos = 0
        self._whole: set[tuple[str, str]] = set()

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
            words = Placed(found.text, self._texts.get(source.guid, source.plain_text_content or ""))
            if not words.same:
                self._left.append(f"{telling.id}: its words were corrected since.")
            for selection in source.plain_text_selection:
                self._take(telling.id, selection, found, words)
        for story, layer in sorted(self._whole):
            be_through(tx, story, layer, now)
        note_change(tx, self._who, "codings read in", "", f"{self._marked}", now)
        return Carried(len(here), len(self._codes), self._marked, self._memos, tuple(self._left))

    def _take(self, story: str, one: qde.PlainTextSelectionType, found: Layout, words: Placed) -> None:
        where = words.here(one.start_position, one.end_position)
        span = found.times(*where) if where is not None else None
        if span is None:
            self._left.append(f"{story}: characters {one.start_position} to {one.end_position} are not there.")
            return
        layers: dict[str, list[str]] = {}
        for coding in one.coding:
            code = self._codes.get(coding.code_ref.target_guid)
            if code is not None:
                layers.setdefault(self._layer(coding.creating_user or one.creating_user), []).append(code)
        refs = [ref.target_guid for ref in one.note_ref]
        for layer, codes in (layers or {self._layer(one.creating_user): []}).items():
            try:
                self._mark(story, span, codes, layer, refs)
            except (BadHighlight, BadCode) as error:
                self._left.append(f"{story}: characters {one.start_position} to {one.end_position}: {error.say}")

    def _mark(self, story: str, span: tuple[int, int], codes: Sequence[str], layer: str, refs: Sequence[str]) -> None:
        ident = highlight(self._tx, story, *span, codes, "", layer, self._now)
        self._marked += 1
        if layer.endswith(IMPORTED) or layer == self._who:
            # No account of this archive will ever say of itself that it has been through: handing a project in does.
            self._whole.add((story, layer))
        known = {memo.text for memo in _memos_of(self._tx, story, ident)}
        for piece in (piece for ref in refs for piece in _memos(self._notes.get(ref, ""))):
            if piece not in known:
                put_memo(self._tx, ident, piece, layer, self._now)
                self._memos += 1

    def _layer(self, user: str | None) -> str:
        """Whose layer: a coder of ours keeps theirs, anybody else's name says that it came from a file."""
        name = self._users.get(user or "", self._who)
        return name if user == guid("user", name) or name == self._who else f"{name}{IMPORTED}"


class Placed:
    """Where characters of a project's text stand in ours; spaces do not count: programs break lines as they like."""

    def __init__(self, ours: str, theirs: str) -> None:
        self._ours = [at for at, sign in enumerate(ours) if not sign.isspace()]
        self._theirs = [at for at, sign in enumerate(theirs) if not sign.isspace()]
        self._here = "".join(ours[at] for at in self._ours)
        self._told = "".join(theirs[at] for at in self._theirs)

    @property
    def same(self) -> bool:
        """Whether both say the same words."""
        return self._here == self._told

    def here(self, first: int, last: int) -> tuple[int, int] | None:
        """Where their characters [first, last) stand in our text; None where they do not, or could be several."""
        at, end = bisect_left(self._theirs, first), bisect_left(self._theirs, last)
        words = self._told[at:end]
        if not words:
            return None
        if self._here[at:end] != words:
            # What was corrected before it moved it; words that stand here once are found again.
            at = self._here.find(words) if self._here.count(words) == 1 else -1
        return (self._ours[at], self._ours[at + len(words) - 1] + 1) if at >= 0 else None


def _levels(sets: Iterable[tuple[str | None, Sequence[str]]]) -> tuple[dict[str, Level], list[str]]:
    """Read the sets that say a level of their codes, whose identifiers come beside the name; name every other set.

    Other programs group codes as they like, and their names mean nothing here: their codes are read all the same.
    """
    known = {f"{LEVEL}{level.value}": level for level in Level}
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
    sources = project.sources.text_source if project.sources else []
    codes = list(_all_codes(project.code_book.codes.code if project.code_book else []))
    counts += [
        ("Codes given to a whole text", sum(len(one.coding) for one in sources)),
        ("Notes to a whole text", sum(len(one.note_ref) for one in sources)),
        ("Notes to a code", sum(len(one.note_ref) for one in codes)),
    ]
    return [f"{what} ({count}): they have no place here and were not read." for what, count in counts if count]


def _all_codes(roots: Iterable[Any]) -> Iterator[Any]:
    for one in roots:
        yield one
        yield from _all_codes(one.code)


def _memos(text: str) -> list[str]:
    """A note as memos of a length there is room for, cut between words; none of an empty one."""
    lines = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    return textwrap.wrap(
        lines, LONGEST_MEMO, expand_tabs=False, replace_whitespace=False, break_on_hyphens=False
    )  # fmt: skip


def _take_codes(
    tx: Tx, roots: Sequence[Any], levels: Mapping[str, Level], book: str, who: str, now: datetime, left: list[str]
) -> dict[str, str]:
    """Find codes again by identifier, else by name in their codebook, else make them; returns ours by theirs.

    One that was merged meanwhile is the code it counts as. Of two with one name, under different ones as other programs
    have it, the second is called after what it stands under. ``left`` gets what there was no room for.
    """
    leads = resolved(tx)
    ours = {guid("code", one.id): leads[one.id] for one in codes_of(tx, merged=True)}
    made: dict[str, str] = {}
    named = {_plain(code_of(tx, ours[one.guid])): one.guid for one in _all(roots) if one.guid in ours}
    target = ""

    def take(one: Any, parent: str) -> None:
        nonlocal target
        ident = ours.get(one.guid, "")
        if not ident:
            target = target or ("" if parent else _book(tx, book, who, now))
            above = code_of(tx, parent) if parent else None
            home = above.codebook if above else target
            name, definition = _room(one, left)
            if named.setdefault((home, name.casefold()), one.guid) != one.guid:
                name = _told_apart(name, above.name if above else "", {was for at, was in named if at == home})
                named[home, name.casefold()] = one.guid
                left.append(f"Two codes are called {one.name!r}; the second is {name!r} here.")
            same = code_named(tx, home, name)
            level = levels.get(one.guid, Level.CONCRETE)
            ident = same.id if same else make_code(tx, home, name, level, definition, who, now, parent=parent)
        made[one.guid] = ident
        for child in one.code:
            take(child, ident)

    for root in roots:
        take(root, "")
    return made


def _all(codes: Sequence[Any]) -> Iterator[Any]:
    for one in codes:
        yield one
        yield from _all(one.code)


def _plain(code: Code) -> tuple[str, str]:
    return code.codebook, code.name.casefold()


def _told_apart(name: str, above: str, taken: Collection[str]) -> str:
    """Call a code after what it stands under, else by a number: a name that is none of ``taken`` (without capitals)."""
    marks = itertools.chain([above] if above else [], map(str, itertools.count(2)))
    room = LONGEST_NAME // 2
    tried = (f"{textwrap.shorten(name, room, placeholder=' …')} ({mark[: room - 3]})" for mark in marks)
    return next(one for one in tried if one.casefold() not in taken)


def _room(one: Any, left: list[str]) -> tuple[str, str]:
    """Name and definition of a code of another program, cut to what there is room for."""
    name, definition = " ".join(one.name.split()), (one.description or "").strip()
    short = textwrap.shorten(name, LONGEST_NAME, placeholder=" …") if len(name) > LONGEST_NAME else name
    # One word without a space in it is nothing to shorten by words.
    short = short if len(short) > 1 else f"{name[: LONGEST_NAME - 2]} …"
    if short != name:
        left.append(f"The code {short}: its name is longer than {LONGEST_NAME} signs, {name!r}.")
    if len(definition) > LONGEST_DEFINITION:
        definition = f"{definition[: LONGEST_DEFINITION - 2]} …"
        left.append(f"The code {short}: its definition is longer than {LONGEST_DEFINITION} signs; its end was left.")
    return short, definition


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
    for source in (
        *(project.sources.text_source if project.sources else ()),
        *(project.notes.note if project.notes else ()),
    ):
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
