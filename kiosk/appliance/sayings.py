"""What a line of a log may say when it leaves the box: the program's own sentences, and nothing that was filled in.

A log holds no content by rule; this is the second lock. Of a line stays what stands word for word in the program's
source (two words at least), names of the program's modules and of kinds of errors; everything else becomes ``…``.
"""

from __future__ import annotations

import ast
import builtins
import re
from functools import cache
from pathlib import Path

HIDDEN = "…"
_SHORTEST = 10
_PACKAGES = ("audio", "hardware", "archive", "kiosk")
_HOLE = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]|\{[^{}]*\}|\n")
_FRAME = re.compile(r'\s*File "(?P<path>[^"]*)", line (?P<line>\d+), in (?P<name>[\w<>]+)')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_TRACE = "Traceback (most recent call last):"
_MODULE = re.compile(r"(?:audio|hardware|archive|kiosk)(?:\.[a-z_]+)+")


@cache
def program_folder() -> Path:
    """Where the four packages of this program lie."""
    return Path(__file__).resolve().parents[2]


@cache
def fragments() -> dict[str, tuple[str, ...]]:
    """The program's sentences as their fixed parts, by the first four letters; longest first."""
    found: set[str] = set()
    for source in _sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {part.strip() for part in _HOLE.split(node.value)}
    good = sorted((part for part in found if len(part) >= _SHORTEST and " " in part), key=len, reverse=True)
    by_head: dict[str, list[str]] = {}
    for part in good:
        by_head.setdefault(part[:4], []).append(part)
    return {head: tuple(parts) for head, parts in by_head.items()}


@cache
def kinds() -> frozenset[str]:
    """Names of errors: Python's own, and those of this program."""
    own = {node.name for source in _sources() for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
    theirs = {
        name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    return frozenset(own | theirs)


@cache
def _sources() -> tuple[str, ...]:
    files = [path for package in _PACKAGES for path in sorted((program_folder() / package).rglob("*.py"))]
    return tuple(path.read_text(encoding="utf-8") for path in files)


def content_free(line: str) -> str:
    """Return what of ``line`` the program itself wrote."""
    frame = _FRAME.match(line)
    if frame is not None:
        return f'  File "{_tail(frame["path"])}", line {frame["line"]}, in {frame["name"]}'
    if line.strip() == _TRACE:
        return _TRACE
    kept = [False] * len(line)
    at = 0
    while at < len(line):
        part = next((one for one in fragments().get(line[at : at + 4], ()) if line.startswith(one, at)), "")
        if part and _whole_words(line, at, at + len(part)):
            kept[at : at + len(part)] = [True] * len(part)
        at += len(part) or 1
    for word in _WORD.finditer(line):
        if word[0] in kinds() or _MODULE.fullmatch(word[0]):
            kept[word.start() : word.end()] = [True] * len(word[0])
    return _shown(line, kept)


def _whole_words(line: str, start: int, end: int) -> bool:
    """Whether a part begins and ends where words do: half a word may be half of anything."""
    before, after = line[start - 1 : start], line[end : end + 1]
    return not (before.isalnum() and line[start].isalnum()) and not (after.isalnum() and line[end - 1].isalnum())


def _shown(line: str, kept: list[bool]) -> str:
    out: list[str] = []
    for letter, keep in zip(line, kept, strict=True):
        if keep or letter in " :.,;()":
            out.append(letter)
        elif not out or out[-1] != HIDDEN:
            out.append(HIDDEN)
    # What was hidden must not tell how many words it had.
    return re.sub(rf"{HIDDEN}(?:[ :.,;()]*{HIDDEN})+", HIDDEN, "".join(out)).rstrip()


def _tail(path: str) -> str:
    """The part of a path that names a program's file, and nothing of whose machine it is."""
    parts = Path(path).parts
    begin = next((n for n, part in enumerate(parts) if part in {*_PACKAGES, "site-packages", "python3"}), None)
    return "/".join(parts[begin:]) if begin is not None else (parts[-1] if parts else HIDDEN)
