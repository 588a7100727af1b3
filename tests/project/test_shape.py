"""The shape of the code: small modules, small functions, no careless except, nothing about the machine it was made on."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("audio", "hardware", "archive", "kiosk", "scripts")
LONGEST_MODULE = 500
LONGEST_FUNCTION = 60
BROAD = {"Exception", "BaseException"}


def modules():
    return {path.relative_to(ROOT).as_posix(): path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}


@pytest.fixture(scope="module")
def parsed():
    """Every module's lines and its tree, parsed once for the tests here."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules().items()}
    return {name: (text.splitlines(), ast.parse(text)) for name, text in texts.items()}


def long_functions(tree):
    """Names of functions with more lines than allowed, from ``def`` to the last line, docstring and all."""
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]


def careless(lines, tree):
    """Lines of broad excepts that nobody gave a reason: a comment beside, above or first in them."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        names = BROAD if node.type is None else {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
        around = lines[max(0, node.lineno - 2) : node.body[0].lineno]
        reason = any("#" in line and "# noqa" not in line.partition("  #")[0] for line in around)
        if names & BROAD and not reason:
            found.append(node.lineno)
    return found


def test_one_place_writes_to_a_terminal(parsed):
    """What somebody else wrote (a name, a title) steers none: kiosk/commands/terminal.py sees to it for all."""
    wrote = {
        name
        for name, (_, tree) in parsed.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"echo", "secho", "print_exception", "print_exc"}
    }
    assert {name for name in wrote if name.startswith("kiosk/")} == {"kiosk/commands/terminal.py"}


def test_no_module_is_longer_than_a_person_reads(parsed):
    lengths = {name: len(lines) for name, (lines, _) in parsed.items()}
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_is_longer_than_a_screen(parsed):
    found = {name: long_functions(tree) for name, (_, tree) in parsed.items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_every_broad_except_says_why(parsed):
    found = {name: careless(lines, tree) for name, (lines, tree) in parsed.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_these_checks_see_what_they_look_for():
    def functions(source):
        return long_functions(ast.parse(source))

    def excepts(source):
        return careless(source.splitlines(), ast.parse(source))

    assert functions("def f():\n" + "    x = 1\n" * LONGEST_FUNCTION) == ["f"]
    assert functions("def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1)) == []
    assert excepts("try:\n    f()\nexcept Exception:\n    g()\n") == [3]
    assert excepts("try:\n    f()\nexcept:\n    g()\n") == [3]
    assert excepts("try:\n    f()\nexcept (OSError, BaseException):\n    g()\n") == [3]
    assert excepts("try:\n    f()\nexcept Exception:\n    # it may be anything\n    g()\n") == []
    assert excepts("try:\n    f()\nexcept OSError:\n    g()\n") == []


ABOUT_ONE_MACHINE = {
    "a folder of one machine": re.compile(r"(?<![\w.~$}])/(work/|home/(?!box)[a-z]{2,}|root/)"),
    "a folder of one computer's user": re.compile(r"/Users/\w"),
    "the name of a package index": re.compile(
        r"\b(pypi\.org|pythonhosted\.org|test\.pypi|[\w-]+\.jfrog\.io)", re.IGNORECASE
    ),
    # 10.42.7 is the box's own access point, the same on every box.
    "an address that is not an example": re.compile(
        r"\b(?!127\.0\.0\.1|10\.42\.7\.|0\.0\.0\.0|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)(?:\d{1,3}\.){3}\d{1,3}\b(?!\.\d)"
    ),
    "a key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{30,}"),
}
"""What has no business in a repository that strangers clone."""


def kept():
    """Every text file under version control."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone: looks at what is committed")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        path = ROOT / name
        # This page of rules names what it forbids, the others do not.
        if name and path.is_file() and path != Path(__file__):
            data = path.read_bytes()
            if b"\0" not in data:
                yield name, data.decode("utf-8")


def test_nothing_speaks_of_the_machine_it_was_made_on():
    found = {
        f"{name}: {what}": match[0]
        for name, text in kept()
        for what, pattern in ABOUT_ONE_MACHINE.items()
        # In a lock, four numbers with dots are a version.
        if not (name.startswith("locks/") and "address" in what) and (match := pattern.search(text))
    }
    assert found == {}


def test_what_only_one_machine_has_would_be_found():
    planted = ["cd /work/project", "see /root/x/y", "https://pypi.org/simple", "http://10.1.2.3:8080", "/home/ann/box"]
    for line in planted:
        assert any(pattern.search(line) for pattern in ABOUT_ONE_MACHINE.values()), line
    for line in ["/var/lib/hearth", "127.0.0.1", "./work/x", "version 3.11.2", "/media/usb", "$HOME/work/"]:
        assert not any(pattern.search(line) for pattern in ABOUT_ONE_MACHINE.values()), line


def test_no_recording_is_committed():
    heard = [name for name, _ in kept()]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert heard
    assert [name for name in listed if name.endswith((".wav", ".flac", ".mp3", ".ogg", ".take", ".key"))] == []
