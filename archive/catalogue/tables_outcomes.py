"""Tables of what became of people's words: told of a question or a theme, in a line for all and a text for tellers."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "outcomes_2",
        [
            # Tied to a prompt or to a theme, by identifier; the other is empty. `lines` is JSON by language: what a
            # box shows everybody. `text` is for the page a keep-code opens, of whoever answered or stands behind it.
            """CREATE TABLE told_outcomes (
                id TEXT PRIMARY KEY, prompt TEXT NOT NULL, theme TEXT NOT NULL, lines TEXT NOT NULL, text TEXT NOT NULL,
                at TEXT NOT NULL, who TEXT NOT NULL, ended_at TEXT NOT NULL)""",
            "CREATE INDEX told_outcomes_prompt ON told_outcomes (prompt)",
        ],
    ),
)
