"""Tables of briefings: what is said, which voices say it, who checked each against the sound, and what went out."""

from __future__ import annotations

from archive.catalogue.migration import Migration

_OF_STORY = "story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE"
_OF_BRIEFING = "briefing TEXT NOT NULL REFERENCES briefings(id) ON DELETE CASCADE"

MIGRATIONS = (
    Migration(
        "briefings_1",
        [
            # `can` and `cannot` say what the evidence carries and what it does not; `hear` how a reader hears more.
            """CREATE TABLE briefings (
                id TEXT PRIMARY KEY, title TEXT NOT NULL, audience TEXT NOT NULL, can TEXT NOT NULL,
                cannot TEXT NOT NULL, hear TEXT NOT NULL, language TEXT NOT NULL, at TEXT NOT NULL,
                who TEXT NOT NULL)""",
            # `theme` is the identifier of a theme, or empty: a theme may be removed and the sentence stay.
            f"""CREATE TABLE briefing_points (
                id TEXT PRIMARY KEY, {_OF_BRIEFING}, place INTEGER NOT NULL, sentence TEXT NOT NULL,
                theme TEXT NOT NULL)""",
            f"""CREATE TABLE briefing_quotes (
                id TEXT PRIMARY KEY, {_OF_BRIEFING},
                point TEXT NOT NULL REFERENCES briefing_points(id) ON DELETE CASCADE, {_OF_STORY},
                start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, text TEXT NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL)""",
            "CREATE INDEX briefing_quotes_briefing ON briefing_quotes (briefing, id)",
            "CREATE INDEX briefing_quotes_story ON briefing_quotes (story)",
            # Who heard the span and says that these are its words; other words need another check.
            f"""CREATE TABLE briefing_checks (
                quote TEXT PRIMARY KEY REFERENCES briefing_quotes(id) ON DELETE CASCADE, {_OF_STORY},
                at TEXT NOT NULL, who TEXT NOT NULL, digest TEXT NOT NULL)""",
            f"""CREATE TABLE briefing_issues (
                id TEXT PRIMARY KEY, {_OF_BRIEFING}, at TEXT NOT NULL, who TEXT NOT NULL)""",
            # No foreign key to the story: that a voice is gone is what is looked up here. Identifiers and times alone.
            """CREATE TABLE briefing_sent (
                issue TEXT NOT NULL REFERENCES briefing_issues(id) ON DELETE CASCADE, number INTEGER NOT NULL,
                quote TEXT NOT NULL, story TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
                voice INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (issue, number))""",
        ],
    ),
)
