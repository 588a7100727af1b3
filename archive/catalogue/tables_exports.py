"""Tables of what left as plain files: where each export was written, and which stories lie in it."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "exports_1",
        [
            # `id` also stands in the folder's archive.json, by which it is known again on a disk that comes and goes.
            "CREATE TABLE exports (id TEXT PRIMARY KEY, folder TEXT NOT NULL, at TEXT NOT NULL)",
            # No foreign key to the story: that it lies there has to be known after it is gone. Identifiers alone.
            """CREATE TABLE exported (
                export TEXT NOT NULL REFERENCES exports(id) ON DELETE CASCADE, story TEXT NOT NULL, gone_at TEXT,
                PRIMARY KEY (export, story))""",
            "CREATE INDEX exported_story ON exported (story)",
        ],
    ),
)
