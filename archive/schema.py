"""The tables, as an ordered list of named migrations, each one transaction.

Only facts are stored: no status, no count of plays, likes or listeners. What something *is* follows from what happened.
"""

from __future__ import annotations

from functools import cache

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("hearth")
OLDEST_READER = 11
"""How many migrations a program has to know to work on a database that has all of these.

A migration that only adds (a table, a column with a default) leaves it as it is: the release before goes on working, so
an update can be taken back. One that changes what older programs read or write sets this to its own number.
"""


def _run(db: Database, *statements: str) -> None:
    """Execute statements one by one: ``executescript`` would commit in the middle of the migration."""
    for statement in statements:
        db.conn.execute(statement)


@migrations()
def m001_takes_and_ledger(db: Database) -> None:
    """Takes, their closings, the append-only ledger, and who can open what."""
    _run(
        db,
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        """CREATE TABLE takes (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
            prompt TEXT NOT NULL, language TEXT NOT NULL, site TEXT NOT NULL,
            boot_id TEXT NOT NULL, monotonic REAL NOT NULL, wall TEXT NOT NULL, clock_trusted INTEGER NOT NULL,
            rate INTEGER, channels INTEGER, width INTEGER) STRICT""",
        """CREATE TABLE closings (
            take TEXT PRIMARY KEY REFERENCES takes(id) ON DELETE CASCADE, length INTEGER NOT NULL,
            speech INTEGER NOT NULL, overflows INTEGER NOT NULL, clipped INTEGER NOT NULL, sha256 TEXT NOT NULL,
            rate INTEGER NOT NULL, channels INTEGER NOT NULL, width INTEGER NOT NULL) STRICT""",
        # No foreign key: the ledger outlives what it speaks of.
        """CREATE TABLE ledger (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, act TEXT NOT NULL, at TEXT NOT NULL,
            by TEXT NOT NULL, use TEXT, yes INTEGER NOT NULL, form TEXT NOT NULL, embargo TEXT,
            wording_version TEXT NOT NULL, wording_hash TEXT NOT NULL, language TEXT NOT NULL,
            boot_id TEXT NOT NULL, monotonic REAL NOT NULL, clock_trusted INTEGER NOT NULL,
            prev TEXT NOT NULL, hash TEXT NOT NULL UNIQUE) STRICT""",
        "CREATE INDEX ledger_subject ON ledger (subject)",
        *_append_only("ledger"),
        """CREATE TABLE wraps (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, recipient TEXT NOT NULL, blob BLOB NOT NULL,
            PRIMARY KEY (take, recipient)) STRICT""",
        """CREATE TABLE codes (
            number INTEGER PRIMARY KEY, take TEXT NOT NULL UNIQUE REFERENCES takes(id) ON DELETE CASCADE,
            hash TEXT NOT NULL, salt BLOB NOT NULL) STRICT""",
        """CREATE TABLE tries (
            number INTEGER PRIMARY KEY, wrong INTEGER NOT NULL, boot_id TEXT NOT NULL,
            monotonic REAL NOT NULL) STRICT""",
    )


@migrations()
def m002_words_and_jobs(db: Database) -> None:
    """Segments of takes, their words (encrypted), and what machines still have to do."""
    _run(
        db,
        """CREATE TABLE segments (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, number INTEGER NOT NULL,
            start INTEGER NOT NULL, "end" INTEGER NOT NULL, voiced INTEGER NOT NULL, reason TEXT NOT NULL,
            boot_id TEXT NOT NULL, monotonic REAL NOT NULL, wall TEXT NOT NULL, clock_trusted INTEGER NOT NULL,
            PRIMARY KEY (take, number)) STRICT""",
        """CREATE TABLE words (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, segment INTEGER NOT NULL, model TEXT NOT NULL,
            blob BLOB NOT NULL, PRIMARY KEY (take, segment)) STRICT""",
        """CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, segment INTEGER NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0, boot_id TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0,
            done_at TEXT, failed TEXT, UNIQUE (kind, take, segment)) STRICT""",
        """CREATE TABLE loudness (
            take TEXT PRIMARY KEY REFERENCES takes(id) ON DELETE CASCADE, lufs REAL NOT NULL) STRICT""",
    )


@migrations()
def m003_cues_and_handing_on(db: Database) -> None:
    """Excerpts, cue sheets, rotation, commands from other processes, receipts, tombstones, powered-on time."""
    _run(
        db,
        """CREATE TABLE excerpts (
            id TEXT PRIMARY KEY, take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE,
            start INTEGER NOT NULL, "end" INTEGER NOT NULL, blob BLOB NOT NULL) STRICT""",
        """CREATE TABLE cues (
            sheet TEXT NOT NULL, button INTEGER NOT NULL CHECK (button BETWEEN 1 AND 8),
            excerpt TEXT NOT NULL REFERENCES excerpts(id) ON DELETE CASCADE, PRIMARY KEY (sheet, button)) STRICT""",
        """CREATE TABLE rotation (
            place INTEGER PRIMARY KEY, take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE) STRICT""",
        """CREATE TABLE command (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, argument TEXT NOT NULL,
            at TEXT NOT NULL) STRICT""",
        *_append_only("command"),
        # No foreign keys: what was handed on stays known after the story is gone from here.
        """CREATE TABLE receipts (
            id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL,
            body TEXT NOT NULL, at TEXT NOT NULL) STRICT""",
        "CREATE INDEX receipts_subject ON receipts (subject)",
        "CREATE TABLE tombstones (subject TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT",
        """CREATE TABLE boots (
            number INTEGER PRIMARY KEY AUTOINCREMENT, boot_id TEXT NOT NULL UNIQUE, first REAL NOT NULL,
            last REAL NOT NULL) STRICT""",
    )


@migrations()
def m004_fixity(db: Database) -> None:
    """Sums of sealed bytes, so that what this box cannot open can still be checked."""
    _run(
        db,
        """CREATE TABLE fixity (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, name TEXT NOT NULL, size INTEGER NOT NULL,
            sha256 TEXT NOT NULL, PRIMARY KEY (take, name)) STRICT""",
    )


@migrations()
def m005_spans(db: Database) -> None:
    """Marked stretches of a take: excerpts played into it, pauses, flags, questions."""
    _run(
        db,
        """CREATE TABLE spans (
            id INTEGER PRIMARY KEY AUTOINCREMENT, take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE,
            mark TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER, ref TEXT NOT NULL) STRICT""",
        "CREATE INDEX spans_take ON spans (take)",
    )


@migrations()
def m006_spans_taken_back(db: Database) -> None:
    """A ledger event may name a span of its story; lines written before keep their hashes."""
    _run(db, "ALTER TABLE ledger ADD COLUMN start INTEGER", 'ALTER TABLE ledger ADD COLUMN "end" INTEGER')


@migrations()
def m007_phones(db: Database) -> None:
    """A facilitator's phone: the digits on the screen, the phone that had them, and how the box stands. A row each."""
    only = "id INTEGER PRIMARY KEY CHECK (id = 1)"
    _run(
        db,
        f"""CREATE TABLE pairing (
            {only}, hash TEXT NOT NULL, salt BLOB NOT NULL, boot_id TEXT NOT NULL, until REAL NOT NULL,
            wrong INTEGER NOT NULL) STRICT""",
        f"CREATE TABLE phone ({only}, hash TEXT NOT NULL, boot_id TEXT NOT NULL, seen REAL NOT NULL) STRICT",
        f"CREATE TABLE face ({only}, boot_id TEXT NOT NULL, body TEXT NOT NULL) STRICT",
    )


@migrations()
def m008_codes_of_a_group(db: Database) -> None:
    """A conversation has a keep-code for each person; ``ring`` is the group's key, sealed under that person's code."""
    _run(
        db,
        """CREATE TABLE codes_of_everybody (
            number INTEGER PRIMARY KEY, take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE,
            hash TEXT NOT NULL, salt BLOB NOT NULL, ring BLOB) STRICT""",
        "INSERT INTO codes_of_everybody SELECT number, take, hash, salt, NULL FROM codes",
        "DROP TABLE codes",
        "ALTER TABLE codes_of_everybody RENAME TO codes",
        "CREATE INDEX codes_take ON codes (take)",
    )


@migrations()
def m009_looking_ahead(db: Database) -> None:
    """Stretches of a segment still open whose words may be looked for before it closes."""
    _run(
        db,
        """CREATE TABLE tentatives (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, segment INTEGER NOT NULL,
            start INTEGER NOT NULL, "end" INTEGER NOT NULL, voiced INTEGER NOT NULL,
            PRIMARY KEY (take, start)) STRICT""",
    )


@migrations()
def m010_trims(db: Database) -> None:
    """Which take was made from which by cutting off its ends; no foreign key to the first: it is erased by then."""
    _run(
        db,
        """CREATE TABLE trims (
            take TEXT PRIMARY KEY REFERENCES takes(id) ON DELETE CASCADE, origin TEXT NOT NULL) STRICT""",
    )


@migrations()
def m011_what_comes_back(db: Database) -> None:
    """Feeds of archives: voices they lend, where an excerpt or a button came from, prompts, settings, outcomes.

    An older program would take a lent voice for one of its own, and hand it on.
    """
    _run(
        db,
        # The last good feed of each archive, by the key it signs with; the moment is when it was applied here.
        """CREATE TABLE feeds (
            archive TEXT PRIMARY KEY, sequence INTEGER NOT NULL, sha256 TEXT NOT NULL, made_at TEXT NOT NULL,
            boot_id TEXT NOT NULL, monotonic REAL NOT NULL, wall TEXT NOT NULL,
            clock_trusted INTEGER NOT NULL) STRICT""",
        # `events` and `head` name the consent record the loan came with, `sound` and `card` its blobs.
        """CREATE TABLE guests (
            take TEXT PRIMARY KEY REFERENCES takes(id) ON DELETE CASCADE, archive TEXT NOT NULL, reader TEXT NOT NULL,
            sound TEXT NOT NULL, card TEXT NOT NULL, events INTEGER NOT NULL, head TEXT NOT NULL) STRICT""",
        "ALTER TABLE excerpts ADD COLUMN origin TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE cues ADD COLUMN origin TEXT NOT NULL DEFAULT ''",
        # What somebody here took off a button the archive had filled.
        """CREATE TABLE cues_off (
            sheet TEXT NOT NULL, button INTEGER NOT NULL, excerpt TEXT NOT NULL,
            PRIMARY KEY (sheet, button, excerpt)) STRICT""",
        """CREATE TABLE sent_prompts (
            archive TEXT NOT NULL, name TEXT NOT NULL, toml TEXT NOT NULL, PRIMARY KEY (archive, name)) STRICT""",
        "CREATE TABLE sent_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, archive TEXT NOT NULL) STRICT",
        # What became of a teller's words; sealed to the box's key.
        """CREATE TABLE outcomes (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, number INTEGER NOT NULL, at TEXT NOT NULL,
            archive TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (take, archive, number)) STRICT""",
    )


@migrations()
def m012_second_hearing(db: Database) -> None:
    """What another model heard in a segment, sealed, beside the first words and never in their place."""
    _run(
        db,
        """CREATE TABLE second_words (
            take TEXT NOT NULL REFERENCES takes(id) ON DELETE CASCADE, segment INTEGER NOT NULL, model TEXT NOT NULL,
            blob BLOB NOT NULL, PRIMARY KEY (take, segment)) STRICT""",
    )


@migrations()
def m013_what_was_asked(db: Database) -> None:
    """The words in which each question was asked: a set may be rewritten later, what was answered stays."""
    _run(
        db,
        """CREATE TABLE asked (
            take TEXT PRIMARY KEY REFERENCES takes(id) ON DELETE CASCADE, words TEXT NOT NULL) STRICT""",
    )


@migrations()
def m014_lines_sent(db: Database) -> None:
    """What became of stories like these, as archives tell it to every visitor: lines by language, nobody's data."""
    _run(
        db,
        """CREATE TABLE sent_lines (
            archive TEXT NOT NULL, number INTEGER NOT NULL, lines TEXT NOT NULL,
            PRIMARY KEY (archive, number)) STRICT""",
    )


@migrations()
def m015_claims_met(db: Database) -> None:
    """Takings back asked for at archives, by a digest of what was sent: checked here, or waiting for a throttle to end.

    `before` is the number of the last feed applied before the claim came.
    """
    _run(
        db,
        """CREATE TABLE claims_met (
            archive TEXT NOT NULL, digest TEXT NOT NULL, before INTEGER NOT NULL, waits INTEGER NOT NULL,
            PRIMARY KEY (archive, digest)) STRICT""",
    )


@migrations()
def m016_open_jobs(db: Database) -> None:
    """An index of the jobs still to do: done ones stay, and looking for the next must not become slower with them."""
    _run(db, "CREATE INDEX jobs_open ON jobs (kind, take) WHERE done_at IS NULL AND failed IS NULL")


def _append_only(table: str) -> tuple[str, str]:
    """Triggers that refuse to change or delete a row of ``table``."""
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
    return (
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
    )


@cache
def schema() -> int:
    """How many migrations this program knows."""
    return len(migrations.pending(Database(memory=True)))


def reader_needed(db: Database) -> int:
    """How many migrations a program has to know to work on ``db``; 0 for a new one."""
    return int(db.conn.execute("PRAGMA user_version").fetchone()[0])


def is_behind(db: Database) -> bool:
    """Whether tables of ``db`` are older than this program; changes nothing."""
    return migrations.migrations_table not in db.table_names() or bool(migrations.pending(db))


def migrate(db: Database) -> list[str]:
    """Apply what is pending, in order, each in one transaction; return the names applied. Safe to repeat."""
    names = [step.name for step in migrations.pending(db)]
    if names:
        migrations.apply(db)
    if reader_needed(db) < OLDEST_READER:
        db.conn.execute(f"PRAGMA user_version = {OLDEST_READER}")
    return names
