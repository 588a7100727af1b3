"""Table of the boxes that hand on to this archive, with what each said of itself. Never of what is told into it."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "boxes_1",
        [
            # `credential` is the SHA-256 of what the box shows, None once it is revoked. `seal` and `sign` are the
            # box's own public keys, as it told them at its first contact. `pulse` is JSON: the machine's findings.
            """CREATE TABLE boxes (
                name TEXT PRIMARY KEY, added_at TEXT NOT NULL, credential TEXT UNIQUE, revoked_at TEXT,
                seal BLOB, sign BLOB, seen_at TEXT, handed_at TEXT, pulse TEXT NOT NULL)""",
        ],
    ),
)
