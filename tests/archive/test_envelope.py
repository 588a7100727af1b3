from __future__ import annotations

import ast
import shutil
from functools import cache
from pathlib import Path

import pytest

import archive
from archive.envelope import ARCHIVE, BOX, CODE, add_wrap, open_content, recipients, wrap_for_public
from archive.errors import NoKey, NoSuchStory, Refused
from archive.home import open_home
from archive.types import Reader, Use
from audio.types import TakeId

SOURCE = Path(archive.__file__).parent
ROOT = SOURCE.parent


def test_the_gate_stands_before_every_key(store, teller) -> None:
    take, _ = teller.story()
    now = store.now()
    for reader in set(Reader) - {Reader.TRANSCRIBE, Reader.TELLER}:
        with pytest.raises(Refused):
            open_content(store, take, reader, now)
    with pytest.raises(Refused, match="code"):
        open_content(store, take, Reader.TELLER, now)
    with pytest.raises(NoSuchStory):
        open_content(store, TakeId("X"), Reader.PLAY, now)
    assert len(open_content(store, take, Reader.TRANSCRIBE, now)) == 32


def test_a_wrap_put_beside_another_take_does_not_open_it(store, teller) -> None:
    first, _ = teller.story(Use.PLAY_HERE)
    second, _ = teller.story(Use.PLAY_HERE)
    blob = store.db.conn.execute("SELECT blob FROM wraps WHERE take = ? AND recipient = 'box'", (first,)).fetchone()[0]
    add_wrap(store.db.conn, second, BOX, blob)
    with pytest.raises(NoKey, match="another"):
        open_content(store, second, Reader.PLAY, store.now())


def test_a_changed_code_wrap_opens_nothing(store, teller) -> None:
    take, code = teller.story()
    visit = store.enter_code(str(code))
    store.db.conn.execute("UPDATE wraps SET blob = zeroblob(72) WHERE recipient = 'code'")
    with pytest.raises(NoKey):
        open_content(store, take, Reader.TELLER, store.now(), derived=visit.derived)


def test_keep_alone_is_wrapped_for_the_box_and_the_code_and_never_for_the_archive(store, teller) -> None:
    take, _ = teller.story()
    assert recipients(store.db.conn, take) == {BOX, CODE}
    key = open_content(store, take, Reader.TRANSCRIBE, store.now())
    add_wrap(store.db.conn, take, ARCHIVE, wrap_for_public(key, take, store.keys.box.public_key))
    assert recipients(store.db.conn, take) == {BOX, CODE, ARCHIVE}


def test_a_home_without_its_keys_opens_nothing_and_makes_no_new_ones(home, store, teller, clock, another_store) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    shutil.rmtree(home.keys)
    open_home(home.path)
    with another_store() as thief:
        assert [story.id for story in thief.stories()] == [take]
        with pytest.raises(NoKey):
            open_content(thief, take, Reader.PLAY, thief.now())
    assert not home.keys.exists()


def test_keys_of_another_box_open_nothing(home, store, teller, tmp_path, another_store) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    stranger = open_home(tmp_path / "other")
    shutil.rmtree(home.keys)
    shutil.copytree(stranger.keys, home.keys)
    with another_store() as thief, pytest.raises(NoKey, match="not the ones"):
        open_content(thief, take, Reader.PLAY, thief.now())


@cache
def names_in(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                found |= {one.name for one in names}
    return frozenset(found)


def modules() -> list[Path]:
    return [path for folder in ("archive", "kiosk", "audio", "hardware") for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize(
    ("name", "asking"),
    [("_unwrap_private", {"open_content", "open_loan", "open_uncut"}), ("_unwrap_code", {"open_content"})],
)
def test_only_the_gate_opens_a_wrap(name: str, asking: set[str]) -> None:
    assert [path.name for path in modules() if name in names_in(path)] == ["envelope.py"]
    tree = ast.parse((SOURCE / "envelope.py").read_text(encoding="utf-8"))
    callers = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == name
    }
    assert callers == asking


def test_a_loan_is_opened_only_after_its_record_was_asked() -> None:
    tree = ast.parse((SOURCE / "envelope.py").read_text(encoding="utf-8"))
    gate = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "open_loan")
    body = ast.unparse(gate)
    assert body.index("may(standing(events)") < body.index("raise Refused") < body.index("_unwrap_private(")


def test_only_what_its_teller_began_is_finished_and_the_gate_is_asked_before() -> None:
    tree = ast.parse((SOURCE / "envelope.py").read_text(encoding="utf-8"))
    gate = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "open_uncut")
    body = ast.unparse(gate)
    assert body.index("may(standing(events") < body.index("raise Refused") < body.index("_unwrap_private(")
    assert [path.name for path in modules() if "open_uncut" in names_in(path)] == ["cutlater.py"]


def test_open_content_asks_before_it_reads_a_wrap() -> None:
    tree = ast.parse((SOURCE / "envelope.py").read_text(encoding="utf-8"))
    gate = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "open_content")
    calls = [ast.unparse(node.func) for node in ast.walk(gate) if isinstance(node, ast.Call)]
    assert "may" in calls
    body = ast.unparse(gate)
    assert body.index("may(") < body.index("raise Refused") < body.index("_wrap_of(")
    assert [path.name for path in modules() if "_wrap_of" in names_in(path)] == ["envelope.py"]


def test_wraps_are_read_in_one_module_only() -> None:
    readers = [path.name for path in modules() if "SELECT blob FROM wraps" in path.read_text(encoding="utf-8")]
    assert readers == ["envelope.py"]


def test_whoever_reads_content_with_a_bare_key_got_it_from_the_gate() -> None:
    """`open_files` and `read_words` take a key: their callers must be modules that open one through the gate."""
    for path in modules():
        if {"open_files", "read_words", "make_flac"} & names_in(path) and path.name not in {
            "masters.py",
            "transcripts.py",
            "flac.py",
            "night.py",  # the worker hands it the key that the gate gave for transcribing
        }:
            assert {"open_content", "open_for_steward"} & names_in(path), path
    assert "open_content" in names_in(SOURCE / "transcription.py")
    assert "open_content" in names_in(SOURCE / "stewardkey.py")
