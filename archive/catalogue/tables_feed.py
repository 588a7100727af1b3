"""Tables of what goes back to the boxes: cue sheets, prompt sets, settings, outcomes, and what each box was lent."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "feed_1",
        [
            # Which excerpt lies on which button (1 to 8) of which sheet of a box.
            f"""CREATE TABLE sheet_cues (
                box TEXT NOT NULL, sheet TEXT NOT NULL, button INTEGER NOT NULL,
                excerpt TEXT NOT NULL REFERENCES excerpts(id) ON DELETE CASCADE, {_OF_STORY},
                at TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (box, sheet, button))""",
            # `title` is JSON by language. A set without a row in prompt_set_boxes goes to every box.
            """CREATE TABLE prompt_sets (
                name TEXT PRIMARY KEY, title TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL)""",
            """CREATE TABLE prompt_set_boxes (
                name TEXT NOT NULL REFERENCES prompt_sets(name) ON DELETE CASCADE, box TEXT NOT NULL,
                PRIMARY KEY (name, box))""",
            # `text` is JSON by language, `follow` a list of such; days are ISO 8601, inclusive, empty where open.
            """CREATE TABLE prompts (
                set_name TEXT NOT NULL REFERENCES prompt_sets(name) ON DELETE CASCADE, place INTEGER NOT NULL,
                id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, follow TEXT NOT NULL, since TEXT NOT NULL,
                until TEXT NOT NULL, PRIMARY KEY (set_name, place))""",
            """CREATE TABLE box_settings (
                box TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL,
                PRIMARY KEY (box, name))""",
            f"""CREATE TABLE outcomes (
                id TEXT PRIMARY KEY, {_OF_STORY}, at TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL)""",
            "CREATE INDEX outcomes_story ON outcomes (story, id)",
            # Where a box stands, by which stories of the same library are told from others'. Set by people, not by it.
            """CREATE TABLE box_sites (
                box TEXT PRIMARY KEY, site TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL)""",
            # What was made for one box: `recipe` names everything it was made from, `key` is wrapped for that box.
            f"""CREATE TABLE loans (
                box TEXT NOT NULL, {_OF_STORY}, recipe TEXT NOT NULL, key BLOB NOT NULL,
                sound TEXT NOT NULL, sound_size INTEGER NOT NULL, card TEXT NOT NULL, card_size INTEGER NOT NULL,
                places TEXT NOT NULL, PRIMARY KEY (box, story))""",
            "CREATE INDEX loans_sound ON loans (sound)",
            "CREATE INDEX loans_card ON loans (card)",
            # The newest feed of each box; `content` is what it says without number and time.
            """CREATE TABLE box_feeds (
                box TEXT PRIMARY KEY, sequence INTEGER NOT NULL, made_at TEXT NOT NULL, content TEXT NOT NULL,
                body BLOB NOT NULL, applied INTEGER NOT NULL)""",
            # No foreign key: which boxes hold a copy has to be known after the story is gone. Identifiers alone.
            # `ended` is the number of the first feed without it, 0 while it is lent; it is gone there once applied.
            """CREATE TABLE lent (
                box TEXT NOT NULL, story TEXT NOT NULL, since TEXT NOT NULL, ended INTEGER NOT NULL, gone_at TEXT,
                PRIMARY KEY (box, story))""",
            # The archive's own erasing, for the receipt that goes to the box a story came from.
            """CREATE TABLE erasures (
                story TEXT PRIMARY KEY, box TEXT NOT NULL, at TEXT NOT NULL, gone TEXT NOT NULL)""",
        ],
    ),
)
