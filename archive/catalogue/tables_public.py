"""Table of what the public door once showed: harvesters have to be told when a story is not public any more.

It holds identifiers and days only, and does not go with a story: that it is gone is what it has to say.
"""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "public_1",
        [
            # `at` is when the record last came, changed or went, to the second; `gone` is 1 once it is not public.
            # `mark` says what it was made from, so that a change is seen; empty once it is gone.
            """CREATE TABLE public_records (
                story TEXT PRIMARY KEY, at TEXT NOT NULL, gone INTEGER NOT NULL, mark TEXT NOT NULL,
                recorded_at TEXT NOT NULL, site TEXT NOT NULL)""",
            "CREATE INDEX public_records_at ON public_records (at, story)",
            "CREATE INDEX public_records_recorded ON public_records (gone, recorded_at, story)",
        ],
    ),
)
