"""Tables of medleys: what they are put together from, what was rendered, and where they stand."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"
_OF_MEDLEY = "medley TEXT NOT NULL REFERENCES medleys(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "medleys_1",
        [
            # `language` is that of the bridges; `ended_at` is set once it is out of use.
            """CREATE TABLE medleys (
                id TEXT PRIMARY KEY, title TEXT NOT NULL, language TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL,
                ended_at TEXT, ended_by TEXT)""",
            # `kind`: excerpt, spoken (by a machine), recorded (by a person), written. An excerpt goes with its story;
            # bridges belong to no story. `sound` is the SHA-256 of a recorded bridge.
            f"""CREATE TABLE medley_items (
                id TEXT PRIMARY KEY, {_OF_MEDLEY}, place INTEGER NOT NULL, kind TEXT NOT NULL,
                story TEXT REFERENCES stories(id) ON DELETE CASCADE,
                excerpt TEXT REFERENCES excerpts(id) ON DELETE CASCADE,
                text TEXT NOT NULL, sound TEXT NOT NULL)""",
            "CREATE INDEX medley_items_medley ON medley_items (medley, place)",
            "CREATE INDEX medley_items_story ON medley_items (story)",
            # What was rendered for a purpose. `recipe` names everything it was made from; it and `key` are empty from
            # the moment a voice in it went until it is made again without that voice.
            f"""CREATE TABLE medley_renditions (
                {_OF_MEDLEY}, purpose TEXT NOT NULL, recipe TEXT NOT NULL, key TEXT NOT NULL, captions TEXT NOT NULL,
                length_ms INTEGER NOT NULL, spread_lu REAL NOT NULL, at TEXT NOT NULL,
                PRIMARY KEY (medley, purpose))""",
            # Whose voices are in it, and where.
            f"""CREATE TABLE medley_voices (
                {_OF_MEDLEY}, purpose TEXT NOT NULL, excerpt TEXT NOT NULL, {_OF_STORY}, start_ms INTEGER NOT NULL,
                end_ms INTEGER NOT NULL, PRIMARY KEY (medley, purpose, start_ms))""",
            "CREATE INDEX medley_voices_story ON medley_voices (story)",
            f"""CREATE TABLE medley_doors (
                {_OF_MEDLEY} PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL)""",
        ],
    ),
    Migration(
        "medleys_2",
        [
            # Which buttons of a box's one sheet a medley took, and when: what a person put there since is not its own.
            f"""CREATE TABLE medley_cues (
                {_OF_MEDLEY}, box TEXT NOT NULL, button INTEGER NOT NULL,
                excerpt TEXT NOT NULL REFERENCES excerpts(id) ON DELETE CASCADE, {_OF_STORY}, at TEXT NOT NULL,
                PRIMARY KEY (medley, box, button))""",
            # Sheets no box ever showed: they lent voices that nobody could hear, and nothing ended those loans.
            "DELETE FROM sheet_cues WHERE substr(sheet, 1, 7) = 'medley-'",
        ],
    ),
)
