"""Everything an archive holds as plain files, which people and other programs read without this one.

::

    README.txt            what lies where
    archive.json          what is complete: tables with rows and digests, versions; written last
    bags/<story>/         the bags as they came (BagIt 1.0): sound, words, consent record
    stories/<story>/      captions.vtt, ohms.xml, dublin-core.xml, receipt-<sum>.json
    omeka.csv, archivesspace.csv, cue-sheets.csv, prompts.json, left-out.csv
    bridges/<sha-256>     what people recorded to stand between the voices of medleys
    tombstones/<story>.json
    tables/<name>.jsonl   every table, a row a line, for `archive.export.reading`
    texts/                the library's own wording, its moderation policy

The gate is asked for each story, for `Reader.EXPORT`; what it refuses stays behind, with the reason in left-out.csv.
Bags and tables hold what curators blanked out, as the archive itself does: whoever has this folder has the archive.
The files in ``stories/`` and the sheets never do.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from archive.bag import SOUND
from archive.catalogue import Row, Tx
from archive.catalogue.changes import stamp
from archive.catalogue.consents import asks
from archive.durable import PART, copy_synced, move, remove, sync_folder
from archive.errors import DamagedStore, NoSuchObject
from archive.export import dublincore, ohms, sheets
from archive.export.cells import csv_text
from archive.export.tables import SECRET, BadExport, Table, rows_of, tables_of, to_line
from archive.export.telling import Telling, read_tellings, webvtt
from archive.objects import Objects
from archive.patterns.dropping import BRIDGES
from archive.reviewing.rendition import blanked_spans
from archive.server.place import ArchiveHome
from archive.types import Reader

FORMAT: Final = "digital-hearth-archive"
VERSION: Final = 1
INDEX: Final = "archive.json"
_SOME = 100

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much."""


def no_progress(what: str, done: int, whole: int) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Exported:
    """What was written: identifiers of stories, those left out with the gate's reason, and bytes of their bags."""

    stories: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {"stories": len(self.stories), "left_out": self.left_out, "bytes": self.size}


def export(place: ArchiveHome, target: Path, progress: Progress = no_progress) -> Exported:
    """Write everything into the new folder ``target``: whole or not at all.

    What comes or is taken back while bags are copied is in it, or gone from it. Raises `BadExport` where ``target`` is
    there already, or where something was taken back while the rows were written (start again);
    `DamagedStore` where an object is not what was stored; `StoreTrouble`, `CatalogueTrouble`, `OSError`.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadExport(f"{target} is there already.", "Name a folder that is not there yet.")
    part = target.with_name(target.name + PART)
    remove(part)
    try:
        part.mkdir(mode=0o700, parents=True)
        ident, now = secrets.token_hex(8), place.now()
        done = _Export(place, part, ident, now, progress).run()
        # One call for everything that was not synced file by file; then the name says it is whole.
        os.sync()
        # Noted first: of a folder nobody can find a receipt says that it remains, never that it is gone.
        _note(place, ident, target, done.stories, now)
        if target.exists():
            target.rmdir()
        move(part, target)
    except BaseException:  # whatever stopped it, half an archive must not be taken for one
        remove(part)
        raise
    return done


def _note(place: ArchiveHome, ident: str, folder: Path, stories: Iterable[str], now: datetime) -> None:
    """Note what lies in an export, for the day one of its stories is taken back (`archive.export.exported`)."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO exports (id, folder, at) VALUES (?, ?, ?)", ident, str(folder.absolute()), stamp(now))
        tx.many("INSERT INTO exported (export, story) VALUES (?, ?)", [(ident, story) for story in stories])


class _Export:
    """One run."""

    def __init__(self, place: ArchiveHome, root: Path, ident: str, now: datetime, progress: Progress) -> None:
        self._place = place
        self._objects: Objects = place.objects
        self._root = root
        self._ident = ident
        self._now = now
        self._progress = progress
        self._done = Exported()
        self._media: dict[str, str] = {}

    def run(self) -> Exported:
        """Fetch the bags, with no transaction open: that takes hours, and nobody's withdrawal waits for it.

        Then everything that is rows, in one: texts, sheets and tables say the same, of the very bags fetched.
        """
        fetched: dict[str, str] = {}
        while True:
            bags = self._bags()
            self._drop(fetched, bags)
            for number, (story, sha256) in enumerate(bags.items()):
                self._progress("stories", number, len(bags))
                if story not in fetched:
                    self._fetch(story, sha256)
                    fetched[story] = sha256
            with self._place.catalogue() as catalogue, catalogue.read() as tx:
                if self._judge(tx) == fetched:
                    index = self._rows(tx)
                    break
            # What came or changed while we copied is fetched as well.
        kept = self._done.stories
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            refused = [
                story for story, answer in asks(tx, kept, Reader.EXPORT, self._now).items() if not answer.allowed
            ]
        if refused:
            raise BadExport("A story was taken back while it was written.", "Nothing was kept. Start again.")
        shutil.copytree(self._place.texts, self._root / "texts", dirs_exist_ok=True)
        self._write("README.txt", _README.format(name=self._place.name, day=self._now.date().isoformat()))
        told = {"format": FORMAT, "version": VERSION, "name": self._place.name, "made_at": self._now.isoformat()}
        told |= {"id": self._ident}
        self._write(INDEX, _json({**told, "stories": len(kept), "tables": index}))
        self._progress("stories", len(kept), len(kept))
        return self._done

    def _bags(self) -> dict[str, str]:
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            return self._judge(tx)

    def _judge(self, tx: Tx) -> dict[str, str]:
        """Ask the gate for every story; returns the digest of each bag it lets out, and notes what stays and why."""
        every = {
            str(row["id"]): str(row["bag_sha256"]) for row in tx.all("SELECT id, bag_sha256 FROM stories ORDER BY id")
        }
        answers = asks(tx, every, Reader.EXPORT, self._now)
        self._done.left_out = {story: answer.why for story, answer in answers.items() if not answer.allowed}
        self._done.stories = [story for story in every if story not in self._done.left_out]
        return {story: every[story] for story in self._done.stories}

    def _drop(self, fetched: dict[str, str], bags: Mapping[str, str]) -> None:
        """Remove bags that were taken back meanwhile, and those that another took the place of."""
        for story in [story for story, sha256 in fetched.items() if bags.get(story) != sha256]:
            remove(self._root / "bags" / story)
            del fetched[story]

    def _fetch(self, story: str, sha256: str) -> None:
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            rows = tx.all("SELECT path, key, size, sha256 FROM files WHERE story = ? ORDER BY path", story)
        try:
            for row in rows:
                fetch(self._objects, row["key"], row["sha256"], self._root / "bags" / story / row["path"])
        except NoSuchObject:
            if self._bags().get(story) == sha256:
                raise
            # Taken back, or followed by another bag, while it was copied: looked at anew.
            remove(self._root / "bags" / story)

    def _rows(self, tx: Tx) -> dict[str, Any]:
        for story in self._done.stories:
            self._story(tx, story)
        self._sheets(tx)
        self._rest(tx)
        self._bridges(tx)
        return self._tables(tx)

    def _story(self, tx: Tx, story: str) -> None:
        sizes = tx.one("SELECT SUM(size) AS held FROM files WHERE story = ?", story)
        self._done.size += int(sizes["held"] or 0) if sizes else 0
        telling = read_tellings(tx, [story], Reader.EXPORT, self._now)[story]
        if telling.voice and not blanked_spans(tx, story):
            self._media[story] = f"bags/{story}/{SOUND}"
        folder = f"stories/{story}"
        self._write(f"{folder}/captions.vtt", webvtt(telling))
        self._write(f"{folder}/ohms.xml", ohms.to_xml(telling, self._media.get(story, ""), self._place.name))
        self._write(f"{folder}/dublin-core.xml", dublincore.to_xml(telling))
        for row in tx.all("SELECT sha256, body FROM receipts WHERE story = ? ORDER BY sha256", story):
            self._write(f"{folder}/receipt-{row['sha256'][:16]}.json", row["body"])

    def _sheets(self, tx: Tx) -> None:
        """Write the sheets, a hundred stories at a time: nobody's memory holds a region's words."""
        for name, make in (("omeka.csv", sheets.omeka), ("archivesspace.csv", sheets.archivesspace)):
            head = True
            path = self._root / name
            with path.open("w", encoding="utf-8", newline="") as out:
                for some in self._batches(tx):
                    text = make(some, self._media)
                    out.write(text if head else text.partition("\r\n")[2])
                    head = False

    def _batches(self, tx: Tx) -> Iterator[list[Telling]]:
        kept = self._done.stories
        for first in range(0, max(1, len(kept)), _SOME):
            yield list(read_tellings(tx, kept[first : first + _SOME], Reader.EXPORT, self._now).values())

    def _rest(self, tx: Tx) -> None:
        for row in tx.each("SELECT * FROM tombstones ORDER BY id"):
            self._write(f"tombstones/{row['id']}.json", stone_json(row))
        cues = tx.all(
            "SELECT c.box, c.sheet, c.button, c.excerpt, c.story, e.start_ms, e.end_ms, e.title FROM sheet_cues c "
            "JOIN excerpts e ON e.id = c.excerpt ORDER BY c.box, c.sheet, c.button"
        )
        names = ("box", "sheet", "button", "excerpt", "story", "start_ms", "end_ms", "title")
        rows = [tuple(row) for row in cues if row["story"] not in self._done.left_out]
        self._write("cue-sheets.csv", csv_text([names, *rows]))
        prompts = [dict(row) for row in tx.all("SELECT * FROM prompts ORDER BY set_name, place")]
        for prompt in prompts:
            prompt["text"], prompt["follow"] = json.loads(prompt["text"]), json.loads(prompt["follow"])
        self._write("prompts.json", _json(prompts))
        self._write("left-out.csv", csv_text([("story", "why"), *self._done.left_out.items()]))

    def _bridges(self, tx: Tx) -> None:
        """Copy what people recorded for medleys in use; one that is lost keeps nobody from leaving with the rest."""
        rows = tx.all(
            "SELECT DISTINCT i.sound FROM medley_items i JOIN medleys m ON m.id = i.medley "
            "WHERE m.ended_at IS NULL AND i.sound <> '' ORDER BY i.sound"
        )
        for row in rows:
            sha256 = str(row["sound"])
            with contextlib.suppress(NoSuchObject):
                fetch(self._objects, f"{BRIDGES}{sha256}", sha256, self._root / BRIDGES / sha256)

    def _tables(self, tx: Tx) -> dict[str, Any]:
        """Write every table, without rows that belong to what is left out; returns rows and digest of each."""
        index: dict[str, Any] = {}
        dropped: dict[str, set[Any]] = {}
        for table in tables_of(tx):
            self._progress(f"table {table.name}", 0, 0)
            digest, count = hashlib.sha256(), 0
            path = self._root / "tables" / f"{table.name}.jsonl"
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as out:
                for row in kept_rows(table, rows_of(tx, table), dropped, self._done.left_out):
                    line = to_line(table, row).encode()
                    out.write(line)
                    digest.update(line)
                    count += 1
            index[table.name] = {"rows": count, "sha256": digest.hexdigest(), "columns": table.columns}
        return index

    def _write(self, name: str, text: str | bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def fetch(objects: Objects, key: str, sha256: str, path: Path) -> None:
    """Copy an object into the new file ``path`` and compare its digest. Raises `DamagedStore`, `StoreTrouble`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with objects.open(key) as source:
        told = Hashing(source)
        copy_synced(told, path)  # type: ignore[arg-type]  # it is only read from
    if told.hexdigest() != sha256:
        say = f"The object {key} is not what was stored."
        raise DamagedStore(say, "Restore it from a backup: hearth archive verify names everything that is damaged.")
    sync_folder(path.parent)


class Hashing:
    """A stream that hashes what is read from it."""

    def __init__(self, source: Any) -> None:
        """Read from ``source`` from here on."""
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data: bytes = self._source.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        """The SHA-256 of everything read so far."""
        return self._digest.hexdigest()


def kept_rows(
    table: Table, rows: Iterable[tuple[Any, ...]], dropped: dict[str, set[Any]], left_out: Mapping[str, str]
) -> Iterator[tuple[Any, ...]]:
    """Leave out rows of stories left out, and rows that refer to rows left out; empty what is secret."""
    places = {name: number for number, name in enumerate(table.columns)}
    key = places[table.key[0]] if len(table.key) == 1 else None
    story = table.story_column
    gone = dropped.setdefault(table.name, set())
    for row in rows:
        out = bool(story) and row[places[story]] in left_out
        if out or any(row[places[column]] in dropped.get(parent, ()) for column, parent in table.refers):
            if key is not None:
                gone.add(row[key])
            continue
        yield tuple(
            None if (table.name, name) in SECRET else value for name, value in zip(table.columns, row, strict=True)
        )


def stone_json(row: Row) -> str:
    """Write a row of `tombstones` as a file of its own."""
    return _json({name: row[name] for name in ("id", "reach", "events", "head")} | {"time": row["at"]})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


_README = """\
{name}, as plain files, made on {day}.

bags/              one folder a story, as it came (BagIt 1.0). data/story.flac is the sound, data/story.vtt the words,
                   data/consent.json what its teller allowed. Any BagIt program checks them.
stories/           captions (WebVTT), OHMS XML, Dublin Core, and the receipts that were signed for each story.
omeka.csv          for Omeka S (CSV Import).      archivesspace.csv   for ArchivesSpace (Digital Object CSV).
cue-sheets.csv, prompts.json     what was prepared for the boxes.
tombstones/        what was taken back: identifiers and days alone. Whoever reads this archive has to keep to them.
left-out.csv       stories that stayed behind, and why.
tables/            every table, a row a line (JSON), and archive.json with their digests:
                   hearth archive import FOLDER --home NEW-ARCHIVE reads them back.

Everything a teller said no to later has to be removed here as well. The archive does so itself where it finds this
folder in its place; in copies of it, and where it was moved to, you have to. Nobody may train machines with any of it.
"""
