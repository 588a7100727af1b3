"""Tables of the full-text index and of work that a killed program may leave half done."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"
_DROP = "INSERT INTO said_index (said_index, rowid, text) VALUES ('delete', old.number, old.text);"
_ADD = "INSERT INTO said_index (rowid, text) VALUES (new.number, new.text);"

MIGRATIONS = (
    Migration(
        "custody_2",
        [
            # A bag whose objects are being written: what stays here after a kill is swept, and its objects with it.
            """CREATE TABLE arriving (
                token TEXT PRIMARY KEY, story TEXT NOT NULL, bag_sha256 TEXT NOT NULL, at TEXT NOT NULL)""",
            "CREATE INDEX arriving_story ON arriving (story)",
            # Objects made from a story (an excerpt's sound, a page): they go with it, wherever they lie.
            f"CREATE TABLE derived ({_OF_STORY}, key TEXT NOT NULL, PRIMARY KEY (story, key))",
            "CREATE INDEX derived_key ON derived (key)",
            # What nobody refers to any more and still has to be removed: objects, or a story's folder of bags ("/").
            "CREATE TABLE leavings (key TEXT PRIMARY KEY, at TEXT NOT NULL)",
        ],
    ),
    Migration(
        "search_1",
        # `number` grows with the time of recording, so that newest first needs no sorting: see archive.catalogue.index.
        sqlite=[
            f"CREATE TABLE said (number INTEGER PRIMARY KEY, {_OF_STORY} UNIQUE, text TEXT NOT NULL)",
            """CREATE VIRTUAL TABLE said_index USING fts5 (
                text, content='said', content_rowid='number', tokenize='unicode61 remove_diacritics 0')""",
            f"CREATE TRIGGER said_insert AFTER INSERT ON said BEGIN {_ADD} END",
            f"CREATE TRIGGER said_delete AFTER DELETE ON said BEGIN {_DROP} END",
            f"CREATE TRIGGER said_update AFTER UPDATE ON said BEGIN {_DROP} {_ADD} END",
        ],
        postgres=[
            f"""CREATE TABLE said (
                number INTEGER PRIMARY KEY, {_OF_STORY} UNIQUE, text TEXT NOT NULL, vector TSVECTOR NOT NULL,
                whole INTEGER NOT NULL)""",
            # Without the list of what is still to be put in, which every question would have to go through.
            "CREATE INDEX said_vector ON said USING gin (vector) WITH (fastupdate = off)",
        ],
    ),
)
