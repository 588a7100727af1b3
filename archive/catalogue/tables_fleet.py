"""Tables of releases for boxes: which are offered to whom. Their bundles lie among the objects."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "fleet_1",
        [
            # `ring` is the farthest ring a release is offered to: pilot, rest, or none once it was stopped.
            """CREATE TABLE releases (
                version TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL, ring TEXT NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL)""",
            # A box without a row is one of the rest.
            "CREATE TABLE box_rings (box TEXT PRIMARY KEY, ring TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL)",
        ],
    ),
)
