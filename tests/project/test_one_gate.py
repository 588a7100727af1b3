"""Nobody reads a story past the gate: who may open keys, words and sound at all is written down here, with the reason.

A module that is not named here and opens something fails the build; so does a key opened for a reader that the gate
does not know, and a table, screen or file format that counts plays, likes or listeners.
"""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from pathlib import Path

import pytest

from archive.consent import _RULES, may, standing
from archive.home import open_home
from archive.store import Store
from archive.types import Reader
from audio.clock import VirtualClock
from kiosk.texts import load, shipped_languages

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("archive", "kiosk", "audio", "hardware") for path in (ROOT / folder).rglob("*.py"))

OPENERS: dict[str, dict[str, str]] = {
    "open_content": {
        "archive/envelope.py": "asks the gate and unwraps",
        "archive/masters.py": "sound, for the reader it is given",
        "archive/transcripts.py": "words, for the reader it is given",
        "archive/cues.py": "titles, for the reader a cue button is",
        "archive/feed/receive.py": "titles of cuts an archive made of own stories, for the reader a cue button is",
        "archive/handing.py": "what a bag says, for Reader.BAG",
        "archive/takes.py": "a take under review, for Reader.REVIEW",
        "archive/stories.py": "keeping (Reader.REVIEW) and a teller's visit (Reader.TELLER)",
        "archive/cutting.py": "a teller takes a span back, for Reader.TELLER",
        "archive/transcription.py": "machines write words, for Reader.TRANSCRIBE",
        "archive/verify.py": "looks for damage, for Reader.TRANSCRIBE and Reader.REVIEW; gives nothing out",
        "archive/trimming.py": "a teller trims what was just told, for Reader.REVIEW",
        "archive/stewardkey.py": "a steward opens what its teller was told they can, for Reader.TELLER",
    },
    "open_loan": {
        "archive/envelope.py": "asks the gate with the record that came, and unwraps",
        "archive/feed/staging.py": "a loan before it is let in, as who the box is",
        "archive/partners/lent.py": "a partner's story, with its teller's record asked for Reader.LEND",
    },
    "open_key": {
        "archive/takes.py": "defined here",
        "archive/recovery.py": "a take the power left open",
        "kiosk/telling.py": "the waveform of the take under review",
        "kiosk/reviewing.py": "the waveform of the take under review",
    },
    "open_files": {
        "archive/masters.py": "defined here",
        "archive/cutting.py": "with the key the gate gave for the teller",
        "archive/transcription.py": "with the key the gate gave for transcribing",
        "archive/night.py": "with the key the gate gave the worker for transcribing",
        "archive/verify.py": "with the key the gate gave for looking",
        "kiosk/commands/steward_.py": "with the key the gate gave for the steward",
    },
    "read_words": {
        "archive/transcripts.py": "defined here",
        "kiosk/commands/steward_.py": "with the key the gate gave for the steward",
        "archive/handing.py": "with the key the gate gave for the bag",
    },
    "read_segment_words": {
        "archive/transcripts.py": "defined here",
        "archive/cutting.py": "with the key the gate gave for the teller",
        "archive/verify.py": "with the key the gate gave for looking",
        "archive/trimming.py": "with the key the gate gave for the review",
    },
    "FlacReader": {
        "archive/masters.py": "defined here",
        "archive/flac.py": "proves what it just wrote",
        "archive/feed/staging.py": "the head of a lent sound, with the key the gate gave",
    },
    "TakeReader": {
        "audio/takewriter.py": "defined here",
        "archive/masters.py": "for the reader it is given",
        "archive/flac.py": "with the key the gate gave for transcribing",
        "archive/handing.py": "with the key the gate gave for the bag",
        "archive/recovery.py": "a take the power left open",
        "archive/takes.py": "how much of an open take can be played",
        "archive/verify.py": "with the key the gate gave for looking",
        "kiosk/telling.py": "the waveform of the take under review",
        "archive/trimming.py": "with the key the gate gave for the review",
        "kiosk/reviewing.py": "the waveform of the take under review",
    },
    "SealedReader": {
        "audio/sealedreader.py": "defined here",
        "audio/sealedfile.py": "the format's own",
        "audio/takewriter.py": "the format's own",
        "archive/masters.py": "for the reader it is given",
        "archive/handing.py": "with the key the gate gave for the bag",
        "archive/sealedbag.py": "the archive's own key, on the archive's side",
        "archive/partners/lent.py": "a partner's story, with the key the gate gave",
        "archive/backup.py": "a backup's outer seal, with the backup's own key",
        "archive/restore.py": "a backup's outer seal, with the backup's own key",
    },
    "unseal": {
        "audio/sealing.py": "defined here",
        "audio/sealedfile.py": "the format's own",
        "audio/sealedreader.py": "the format's own",
        "archive/envelope.py": "a wrap, behind the gate",
        "archive/transcripts.py": "with a key the gate gave",
        "archive/cues.py": "with a key the gate gave",
        "archive/cutting.py": "with a key the gate gave",
        "archive/feed/card.py": "the card of a loan, with the key the gate gave",
    },
    "_unwrap_private": {"archive/envelope.py": "behind the gate"},
    "_unwrap_code": {"archive/envelope.py": "behind the gate"},
    "load_keys": {
        "archive/home.py": "defined here",
        "archive/shelf.py": "the one place a store gets the box's keys from",
        "archive/transports/https.py": "signs what is taken back and shows the public keys; opens no wrap",
        "archive/transports/folder.py": "signs the box's pulse for a stick; opens no wrap",
        "kiosk/heartbeat.py": "the box's own name is made of its public key; opens no wrap",
        "kiosk/health.py": "tells what an archive knows the box by, of its public keys; opens no wrap",
        "archive/portal/setup.py": "shows what an archive knows the box by, of its public keys; opens no wrap",
    },
    "master_key": {
        "archive/reviewing/rendition.py": "defined here",
        "archive/portal/community/listening.py": "with the gate asked for the desk, and the spans to leave out",
        "archive/portal/community/public.py": "with the gate asked for everybody, and the spans to leave out",
        "archive/feed/make.py": "excerpts in which nothing was blanked, with the gate asked for that box",
        "archive/patterns/rendering.py": "excerpts in which nothing was blanked, with the gate asked for the purpose",
        "archive/patterns/handout.py": "quotes in which nothing was blanked, with the gate asked for everybody's hearing",
        "archive/patterns/turns.py": "with the gate asked for the desk, and the spans to leave out",
    },
    "mp3_key": {
        "archive/reviewing/podcast.py": "defined here",
        "archive/portal/community/public.py": "with the gate asked for everybody",
    },
    "sound_key": {
        "archive/reviewing/rendition.py": "defined here",
        "archive/portal/community/listening.py": "with the gate asked for the desk",
        "archive/portal/community/public.py": "with the gate asked for everybody",
        "archive/patterns/turns.py": "with the gate asked for the desk, and the spans to leave out",
    },
}
"""Who may call what opens a story."""
KEYS_ONLY_LOOKED_FOR = {
    "kiosk/box.py",
    "archive/verify.py",
    "archive/backup.py",
    "archive/restore.py",
    "kiosk/commands/doctor_.py",
    "kiosk/commands/search_.py",
}
"""Modules that look whether the box's keys are there, or copy them; none opens a wrap with them."""
TABLES = {
    "wraps": {"archive/envelope.py", "archive/schema.py", "archive/restore.py", "archive/backup.py", "archive/restorehold.py"},
    "words": {
        "archive/transcripts.py", "archive/schema.py", "archive/search.py", "archive/handing.py", "archive/cutting.py",
        "archive/verify.py", "archive/erasure.py", "archive/fixity.py", "archive/trimming.py", "archive/night.py",
    },
    # At an archive words lie in tables: who reads them asks `archive.catalogue.consents`, or is asked by who did.
    "passages": {
        "archive/catalogue/passages.py", "archive/catalogue/index.py", "archive/catalogue/search.py",
        "archive/reviewing/words.py", "archive/server/agreement.py", "archive/export/telling.py",
        "archive/feed/lending.py",
        "archive/patterns/snippets.py",  # asks for Reader.DESK in `sources`, whose answer it is given
        "archive/patterns/stretches.py",  # of stories the gate was asked about by `vectors`, `finding` and `suggesting`
        "archive/partners/giving.py",  # how large a card would be, of stories asked about for Reader.LEND
    },
    "passage_versions": {"archive/catalogue/passages.py", "archive/reviewing/words.py"},
    "said": {
        "archive/catalogue/index.py", "archive/catalogue/search.py", "archive/server/agreement.py", "archive/search.py",
        "archive/catalogue/tables_search.py",
        "archive/patterns/waiting.py",  # only whether there is a word
    },
}  # fmt: skip
"""Who may name the tables of keys and words in a statement."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


NAMED = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(\w+)")
"""Which tables a statement names."""


def calls(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            found.add(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""))
    return found


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.AST]:
    """Every module, parsed once for all tests here, and let go after them: it is a million objects."""
    return {name(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def bypasses(trees: dict[str, ast.AST]) -> list[str]:
    wrong = []
    for module, tree in trees.items():
        for opener in calls(tree) & OPENERS.keys():
            known = set(OPENERS[opener]) | (KEYS_ONLY_LOOKED_FOR if opener == "load_keys" else set())
            if module not in known:
                wrong.append(f"{module} calls {opener}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                tables = set(NAMED.findall(node.value)) & TABLES.keys()
                wrong += [f"{module} reads {table}" for table in sorted(tables) if module not in TABLES[table]]
    return wrong


def test_nobody_opens_a_story_who_is_not_named_here(trees: dict[str, ast.AST]) -> None:
    assert bypasses(trees) == []


@pytest.mark.parametrize(
    "source",
    [
        "open_files(store, take, key)",
        "key = store.keys.box and envelope._unwrap_private(b'', 'x', k)",
        "conn.execute('SELECT blob FROM wraps')",
        "conn.execute('SELECT blob FROM words WHERE take = ?')",
        "tx.all('SELECT text FROM passages WHERE story = ?', story)",
        "tx.one('SELECT text FROM said JOIN stories ON id = story')",
        "SealedReader(path, key, b'flac/x')",
    ],
)
def test_a_way_around_the_gate_is_found(source: str) -> None:
    assert bypasses({"kiosk/clever.py": ast.parse(source)})


def test_every_key_is_opened_for_a_reader_by_name(trees: dict[str, ast.AST]) -> None:
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "open_content":
                continue
            asked = node.args[2]
            by_name = (
                isinstance(asked, ast.Attribute) and isinstance(asked.value, ast.Name) and asked.value.id == "Reader"
            )
            handed_on = isinstance(asked, ast.Name) and asked.id == "reader"
            assert by_name or handed_on, f"{module}:{node.lineno}"


def test_the_gate_has_a_rule_for_every_reader_and_denies_by_default() -> None:
    special = {Reader.TELLER, Reader.REVIEW, Reader.TRANSCRIBE}
    assert set(_RULES) | special == set(Reader)
    assert not any(may(standing([]), reader, None).allowed for reader in Reader)
    assert all(may(standing([]), reader, None).why != "No rule names this reader." for reader in Reader)


COUNTS = re.compile(r"(?i)(play|like|listen|heard|view|visit|hit|rank|score|popular)[a-z]*_?(count|number|total)\b|"
                    r"\b(plays|likes|listeners|views|visitors|stars|ranking|popularity|rating|upvotes)\b")  # fmt: skip


def columns(home: Path) -> list[str]:
    with Store(open_home(home), VirtualClock()) as store:
        conn: sqlite3.Connection = store.db.conn
        tables = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [f"{table}.{row[1]}" for table in tables for row in conn.execute(f"PRAGMA table_info({table})")]


def test_nothing_is_counted_in_the_tables(tmp_path: Path) -> None:
    found = columns(tmp_path / "home")
    assert len(found) > 60
    assert [column for column in found if COUNTS.search(column)] == []


def test_nothing_is_counted_in_what_programs_read(trees: dict[str, ast.AST]) -> None:
    """Every key of every dictionary the program prints, hands on or exports."""
    keys = set()
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                keys |= {
                    (module, key.value)
                    for key in node.keys
                    if isinstance(key, ast.Constant) and isinstance(key.value, str) and " " not in key.value
                }
    assert len(keys) > 200
    assert [key for key in sorted(keys) if COUNTS.search(key[1])] == []


def test_nothing_is_counted_on_the_screens() -> None:
    for language in shipped_languages():
        assert [key for key in load(language).words if COUNTS.search(key.replace(".", "_"))] == []
    english = json.dumps(dict(load("en").words))
    assert not re.search(r"(?i)\b(likes|times played|listeners|popular|most heard)\b", english)


def test_the_search_for_counts_can_find_one() -> None:
    for counted in ("play_count", "listener_count", "stories.plays", "likes", "views", "listeners", "hit_total"):
        assert COUNTS.search(counted), counted
    for honest in ("playing", "segment", "voiced", "listening.origin", "overflows", "tries.wrong", "replaying"):
        assert not COUNTS.search(honest), honest
