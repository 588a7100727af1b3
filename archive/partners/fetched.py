"""Sealed blobs of partners among the objects, and when they go.

One stays while a story that is lent here names it, or while it was fetched and checked for a bundle that did not come
to its end: the next exchange goes on from there. Nobody can open such a blob, because its key came with the bundle and
was not kept; after two days it goes, since its story may be taken back by then.
"""

from __future__ import annotations

from datetime import timedelta

from archive.catalogue import Tx
from archive.catalogue.changes import stamp
from archive.catalogue.port import Catalogue
from archive.partners.lent import BLOBS, blob_name
from archive.server.place import PART_S, ArchiveHome


def note_fetching(place: ArchiveHome, partner: str, sha256: str) -> None:
    """Let a blob stay from now on; called before it is stored. Raises `CatalogueTrouble`."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run(
            "INSERT INTO partner_fetched (partner, sha256, at) VALUES (?, ?, ?) "
            "ON CONFLICT (partner, sha256) DO UPDATE SET at = excluded.at",
            partner, sha256, stamp(place.now()),
        )  # fmt: skip


def counts_now(tx: Tx, partner: str) -> None:
    """Say, in the transaction that applies a bundle, that what was fetched of this partner waits for none any more."""
    tx.run("DELETE FROM partner_fetched WHERE partner = ?", partner)


def sweep_fetched(place: ArchiveHome, catalogue: Catalogue) -> int:
    """Remove every blob no lent story names and no bundle waits for; return how many went. Safe at any time.

    Raises `CatalogueTrouble`, `StoreTrouble`.
    """
    there = set(place.objects.keys(BLOBS))
    # Under the lock: nobody notes that a blob is wanted while it goes.
    with catalogue.write() as tx:
        tx.run("DELETE FROM partner_fetched WHERE at < ?", stamp(place.now() - timedelta(seconds=PART_S)))
        query = "SELECT sound FROM partner_stories UNION SELECT card FROM partner_stories UNION SELECT sha256 FROM "
        stays = {blob_name(str(row[0])) for row in tx.all(query + "partner_fetched")}
        return sum(place.objects.delete(key) for key in sorted(there - stays))
