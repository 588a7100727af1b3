"""Tables of those who make sense of what was told: codebooks, highlights, codes, memos, themes, machines' proposals.

Whatever says something of a story goes with it. Codes that were merged stay, and lead to the one that took them in;
a code taken off a highlight stays as a row with its end. No column refers to its own table, so that rows may be read
back in any order.
"""

from __future__ import annotations

from archive.catalogue.migration import Migration, append_only

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"
_OF_HIGHLIGHT = f"highlight TEXT NOT NULL REFERENCES highlights(id) ON DELETE CASCADE, {_OF_STORY}"
_OF_THEME = "theme TEXT NOT NULL REFERENCES themes(id)"

MIGRATIONS = (
    Migration(
        "coding_1",
        [
            """CREATE TABLE codebooks (
                id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, at TEXT NOT NULL, who TEXT NOT NULL)""",
            # `level` is concrete, middle or conceptual; `parent` and `merged_into` are codes, or empty.
            """CREATE TABLE codes (
                id TEXT PRIMARY KEY, codebook TEXT NOT NULL REFERENCES codebooks(id), name TEXT NOT NULL,
                level TEXT NOT NULL, definition TEXT NOT NULL, parent TEXT NOT NULL, merged_into TEXT NOT NULL)""",
            "CREATE INDEX codes_codebook ON codes (codebook, name)",
            # A span of words somebody marked, in their own layer; `removed_at` is empty while it is there.
            f"""CREATE TABLE highlights (
                id TEXT PRIMARY KEY, {_OF_STORY}, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                who TEXT NOT NULL, at TEXT NOT NULL, removed_at TEXT NOT NULL)""",
            "CREATE INDEX highlights_story ON highlights (story, start_ms)",
            f"""CREATE TABLE highlight_codes (
                id TEXT PRIMARY KEY, {_OF_HIGHLIGHT}, code TEXT NOT NULL REFERENCES codes(id), coder TEXT NOT NULL,
                at TEXT NOT NULL, removed_at TEXT NOT NULL)""",
            "CREATE INDEX highlight_codes_story ON highlight_codes (story, highlight)",
            "CREATE INDEX highlight_codes_code ON highlight_codes (code, story)",
            f"""CREATE TABLE memos (
                id TEXT PRIMARY KEY, {_OF_HIGHLIGHT}, who TEXT NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL)""",
            "CREATE INDEX memos_story ON memos (story, highlight)",
            # Who has been through a whole story: only there does "no code" mean that none fits.
            f"""CREATE TABLE codings (
                {_OF_STORY}, coder TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (story, coder))""",
            # `why` is JSON with identifiers of highlights and numbers, never words of another story.
            f"""CREATE TABLE suggestions (
                id TEXT PRIMARY KEY, {_OF_STORY}, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                code TEXT NOT NULL REFERENCES codes(id), model TEXT NOT NULL, version TEXT NOT NULL,
                why TEXT NOT NULL, at TEXT NOT NULL)""",
            "CREATE INDEX suggestions_story ON suggestions (story, start_ms)",
            # `verdict` is accepted or refused, by a person.
            f"""CREATE TABLE suggestion_decisions (
                suggestion TEXT PRIMARY KEY REFERENCES suggestions(id) ON DELETE CASCADE, {_OF_STORY},
                who TEXT NOT NULL, at TEXT NOT NULL, verdict TEXT NOT NULL)""",
            "CREATE TABLE themes (id TEXT PRIMARY KEY, who TEXT NOT NULL, at TEXT NOT NULL)",
            # The newest sentence counts.
            f"""CREATE TABLE theme_sentences (
                id TEXT PRIMARY KEY, {_OF_THEME}, sentence TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL)""",
            "CREATE INDEX theme_sentences_theme ON theme_sentences (theme, id)",
            # `side` is for or counter.
            f"""CREATE TABLE theme_voices (
                {_OF_THEME}, {_OF_HIGHLIGHT}, side TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL,
                PRIMARY KEY (theme, highlight))""",
            "CREATE INDEX theme_voices_highlight ON theme_voices (highlight)",
            # Where somebody looked for a counter-example and found none: what was asked, in how many stories.
            f"""CREATE TABLE theme_looks (
                id TEXT PRIMARY KEY, {_OF_THEME}, who TEXT NOT NULL, at TEXT NOT NULL, asked TEXT NOT NULL,
                prompt TEXT NOT NULL, site TEXT NOT NULL, language TEXT NOT NULL, stories INTEGER NOT NULL,
                note TEXT NOT NULL)""",
            "CREATE INDEX theme_looks_theme ON theme_looks (theme, id)",
            # How many distinct stories stood behind a theme each time that changed; `who` is empty where no person
            # changed it: a story was taken back, or its teller allows less.
            f"""CREATE TABLE theme_counts (
                id TEXT PRIMARY KEY, {_OF_THEME}, at TEXT NOT NULL, voices INTEGER NOT NULL, against INTEGER NOT NULL,
                closed INTEGER NOT NULL, who TEXT NOT NULL)""",
            "CREATE INDEX theme_counts_theme ON theme_counts (theme, id)",
        ],
    ),
    # What was done with a code: made, renamed, defined, leveled, moved, merged, split. `before` and `after` are its
    # values as people wrote them.
    Migration(
        "coding_2",
        [
            """CREATE TABLE code_changes (
                id TEXT PRIMARY KEY, code TEXT NOT NULL REFERENCES codes(id), at TEXT NOT NULL, who TEXT NOT NULL,
                what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL)""",
            "CREATE INDEX code_changes_code ON code_changes (code, id)",
        ],
        **append_only("code_changes"),
    ),
    # Every coder decides for their own layer: what one refused is still proposed to another.
    Migration(
        "coding_3",
        [
            "ALTER TABLE suggestion_decisions RENAME TO suggestion_decisions_before",
            f"""CREATE TABLE suggestion_decisions (
                suggestion TEXT NOT NULL REFERENCES suggestions(id) ON DELETE CASCADE, {_OF_STORY},
                who TEXT NOT NULL, at TEXT NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (suggestion, who))""",
            (
                "INSERT INTO suggestion_decisions (suggestion, story, who, at, verdict) "
                "SELECT suggestion, story, who, at, verdict FROM suggestion_decisions_before"
            ),
            "DROP TABLE suggestion_decisions_before",
        ],
    ),
)
