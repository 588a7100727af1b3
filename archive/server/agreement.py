"""Whether catalogue, objects and index of an archive say the same. Reads names and rows, never the sound itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from archive.bag import CONSENT
from archive.catalogue.index import folded, words_of
from archive.catalogue.migration import Dialect
from archive.catalogue.port import Catalogue, Tx
from archive.consentrecord import read_record
from archive.errors import BadBag, CatalogueTrouble, DamagedStore, NoSuchObject
from archive.server.place import ArchiveHome


def disagreements(place: ArchiveHome) -> list[str]:
    """Return a sentence for everything that does not fit together; an empty list says that all of it does.

    Every file of a story is there in its size and no other object lies beside it; the consent in the bag is the one
    the gate reads; there is a receipt for the very bag; the index holds the words that stand, of no other story; and
    nothing is left half done. Call it where nothing is being taken in or back.
    """
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            found = [*_objects(tx, place), *_consents(tx, place), *_receipts(tx), *_index(tx), *_half_done(tx)]
        return [*found, *_own_check(catalogue)]


def _objects(tx: Tx, place: ArchiveHome) -> Iterator[str]:
    there = set(place.objects.keys("bags/"))
    for row in tx.all("SELECT story, path, key, size FROM files ORDER BY key"):
        if row["key"] not in there:
            yield f"{row['story']}: its file {row['path']} is missing."
            continue
        there.discard(row["key"])
        if place.objects.size(row["key"]) != row["size"]:
            yield f"{row['story']}: its file {row['path']} has another size than when it came."
    yield from (f"{key}: nothing refers to this object." for key in sorted(there))
    for row in tx.all("SELECT id FROM stories WHERE id NOT IN (SELECT story FROM files)"):
        yield f"{row['id']}: it has no files."


def _consents(tx: Tx, place: ArchiveHome) -> Iterator[str]:
    stored: dict[str, list[str]] = {}
    for row in tx.all("SELECT story, link FROM consents ORDER BY story, number"):
        stored.setdefault(row["story"], []).append(row["link"])
    for row in tx.all("SELECT story, key FROM files WHERE path = ?", CONSENT):
        try:
            with place.objects.open(row["key"]) as source:
                record = read_record(json.loads(source.read()))
        except (BadBag, NoSuchObject, ValueError):
            yield f"{row['story']}: the consent record in its bag cannot be read."
            continue
        if list(record.links) != stored.get(row["story"], []):
            yield f"{row['story']}: the consent record in its bag is not the one the gate reads."


def _receipts(tx: Tx) -> Iterator[str]:
    query = (
        "SELECT id FROM stories WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE story = stories.id "
        "AND sha256 = stories.bag_sha256) ORDER BY id"
    )
    for row in tx.all(query):
        yield f"{row['id']}: there is no receipt for its bag."
    for row in tx.all("SELECT id FROM stories WHERE id IN (SELECT id FROM tombstones) ORDER BY id"):
        yield f"{row['id']}: it was taken back and is still here."


def _index(tx: Tx) -> Iterator[str]:
    said = {row["story"]: row["text"] for row in tx.all("SELECT story, text FROM said")}
    for row in tx.all("SELECT id FROM stories ORDER BY id"):
        passages = tx.all("SELECT number, words FROM passages WHERE story = ? ORDER BY number", row["id"])
        if " ".join(folded(words_of(passages))[0]) != said.pop(row["id"], ""):
            yield f"{row['id']}: the index does not hold the words that stand."
    yield from (f"{story}: the index holds its words and nothing else does." for story in sorted(said))


def _half_done(tx: Tx) -> Iterator[str]:
    for table, what in (("arriving", "was never taken in to its end"), ("leavings", "was to be removed")):
        column = "story" if table == "arriving" else "key"
        yield from (f"{row[0]}: it {what}." for row in tx.all(f"SELECT {column} FROM {table} ORDER BY 1"))  # noqa: S608


def _own_check(catalogue: Catalogue) -> Iterator[str]:
    """Let the index compare itself with what it was made from, where it can."""
    if catalogue.dialect is Dialect.SQLITE:
        try:
            with catalogue.write() as tx:
                tx.run("INSERT INTO said_index (said_index, rank) VALUES ('integrity-check', 1)")
        except (CatalogueTrouble, DamagedStore) as error:
            yield f"The index is damaged: {error.say}"
