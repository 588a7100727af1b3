"""Tables of those who work at the archive: accounts, one-time codes, sessions, wrong tries. No password is stored."""

from __future__ import annotations

from archive.catalogue.migration import Migration

MIGRATIONS = (
    Migration(
        "people_1",
        [
            # `roles` is JSON; `password` is argon2id's own text, None until one is set and after the account ended.
            """CREATE TABLE people (
                id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, roles TEXT NOT NULL, added_at TEXT NOT NULL,
                added_by TEXT NOT NULL, password TEXT, ended_at TEXT)""",
            # A code without a person is the first one of a new archive.
            """CREATE TABLE people_codes (
                hash TEXT PRIMARY KEY, person TEXT REFERENCES people(id), made_at TEXT NOT NULL, until TEXT NOT NULL,
                used_at TEXT)""",
            """CREATE TABLE people_sessions (
                id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES people(id),
                begun_at TEXT NOT NULL, seen_at TEXT NOT NULL, proved_at TEXT NOT NULL, device TEXT NOT NULL,
                ended_at TEXT)""",
            "CREATE INDEX people_sessions_person ON people_sessions (person, seen_at)",
            "CREATE TABLE people_tries (key TEXT PRIMARY KEY, wrong INTEGER NOT NULL, at TEXT NOT NULL)",
        ],
    ),
)
