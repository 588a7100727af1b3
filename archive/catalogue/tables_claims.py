"""Tables of withdrawals that tellers asked for at the archive: their codes, sealed to the box that can check them."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "claims_1",
        [
            # `sealed` is the keep-code for the box's eyes alone; `feed` is the number of the first feed that carried
            # it, 0 before. The row goes with its story.
            """CREATE TABLE claims (
                story TEXT PRIMARY KEY REFERENCES stories(id) ON DELETE CASCADE, box TEXT NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL, sealed BLOB NOT NULL, feed INTEGER NOT NULL)""",
            "CREATE INDEX claims_box ON claims (box)",
        ],
    ),
)
