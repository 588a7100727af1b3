"""Tables of curators' work beside `reviews`: what is blanked out, what listeners are warned of, what was cut.

All are only added to: taking something back is a row of its own, so that the history of a story is whole.
"""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "desk_1",
        [
            # A span nobody hears or reads any more; the master keeps it, and no reader gets the master then.
            f"""CREATE TABLE redactions (
                id TEXT PRIMARY KEY, {_OF_STORY}, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL)""",
            "CREATE INDEX redactions_story ON redactions (story, id)",
            f"""CREATE TABLE redaction_lifts (
                redaction TEXT PRIMARY KEY REFERENCES redactions(id) ON DELETE CASCADE, {_OF_STORY},
                at TEXT NOT NULL, who TEXT NOT NULL)""",
            # What listeners should know before; the newest counts, an empty one takes it back.
            f"""CREATE TABLE content_notes (
                id TEXT PRIMARY KEY, {_OF_STORY}, at TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL)""",
            "CREATE INDEX content_notes_story ON content_notes (story, id)",
            f"""CREATE TABLE excerpts (
                id TEXT PRIMARY KEY, {_OF_STORY}, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                title TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL)""",
            "CREATE INDEX excerpts_story ON excerpts (story, start_ms)",
            f"""CREATE TABLE excerpt_ends (
                excerpt TEXT PRIMARY KEY REFERENCES excerpts(id) ON DELETE CASCADE, {_OF_STORY},
                at TEXT NOT NULL, who TEXT NOT NULL)""",
        ],
    ),
)
