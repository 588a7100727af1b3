"""Tables of what machines made out of stories to find and read them by: vectors of passages, and proposed turns."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "meaning_1",
        [
            # `seq` is never used twice, so that the number of rows and the greatest one together name a state of
            # the table. `version` is that of the passage the vector was made from. Half-precision numbers.
            f"""CREATE TABLE vectors (
                seq INTEGER PRIMARY KEY AUTOINCREMENT, {_OF_STORY}, number INTEGER NOT NULL, version INTEGER NOT NULL,
                model TEXT NOT NULL, vector BLOB NOT NULL)""",
            "CREATE UNIQUE INDEX vectors_passage ON vectors (model, story, number)",
            "CREATE INDEX vectors_story ON vectors (story)",
            # Who spoke from when to when. `by` is a machine with its version, or a person; `checked_by` a person who
            # listened. `speaker` says which voice of this one session, and never who that is.
            f"""CREATE TABLE turns (
                {_OF_STORY}, number INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                speaker TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, checked_by TEXT, checked_at TEXT,
                PRIMARY KEY (story, number))""",
        ],
    ),
    Migration(
        "meaning_2",
        [
            # Sessions somebody asked the machine to tell voices apart in. `state` is waiting, working or failed (with
            # a sentence in `say`); done and whole are ms of talk. A row goes when its turns are there.
            """CREATE TABLE turn_jobs (
                story TEXT PRIMARY KEY REFERENCES stories(id) ON DELETE CASCADE, who TEXT NOT NULL, at TEXT NOT NULL,
                state TEXT NOT NULL, done_ms INTEGER NOT NULL, whole_ms INTEGER NOT NULL, say TEXT NOT NULL)""",
        ],
    ),
    Migration(
        "meaning_3",
        [
            # Who works on it, and until when nobody else may take it up.
            "ALTER TABLE turn_jobs ADD COLUMN worker TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE turn_jobs ADD COLUMN lease_until TEXT NOT NULL DEFAULT ''",
        ],
    ),
    Migration(
        "meaning_4",
        [
            # Vectors of single captions went: what is read is a stretch of what somebody says. `made_of` names the
            # words it was made from; `seq` as before. All of it is computed anew.
            "DROP TABLE vectors",
            f"""CREATE TABLE vectors (
                seq INTEGER PRIMARY KEY AUTOINCREMENT, {_OF_STORY}, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                made_of TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL)""",
            "CREATE INDEX vectors_stretch ON vectors (model, story, start_ms)",
            "CREATE INDEX vectors_story ON vectors (story)",
            # Stories read since their words last changed, and by what: whoever changes words or turns takes the row
            # away (`archive.catalogue.index.read_again`).
            """CREATE TABLE read_stories (
                story TEXT PRIMARY KEY REFERENCES stories(id) ON DELETE CASCADE, how TEXT NOT NULL)""",
        ],
    ),
)
