"""Writes settings into ``HOME/config.toml``, a line at a time: everything else in it stays as a person wrote it.

Nothing is written that the box would not start with: the whole file is read again before it takes the old one's place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from archive.durable import write_file
from kiosk.config import Plain, default_toml, parse

_SECTION = re.compile(r"^\s*\[(?P<name>[A-Za-z_]+)\]\s*(#.*)?$")


def put_settings(path: Path, wanted: Mapping[str, Plain]) -> None:
    """Set ``section.name`` to values in the file at ``path`` (made with the defaults when absent). Raises `BadConfig`.

    An update, a new release or running this again leaves the file as it is.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else default_toml()
    for name, value in wanted.items():
        section, _, key = name.partition(".")
        text = with_setting(text, section, key, value)
    parse(text, str(path))
    write_file(path, text.encode())


def with_setting(text: str, section: str, key: str, value: Plain) -> str:
    """Return ``text`` with one setting: in its own line, else in place of its comment, else first in its section."""
    line = f"{key} = {_toml(value)}"
    lines = text.splitlines()
    begins, ends = _section(lines, section)
    if begins is None:
        return "\n".join([*lines, "", f"[{section}]", line, ""])
    for mark in (rf"^\s*{re.escape(key)}\s*=", rf"^\s*#\s*{re.escape(key)}\s*="):
        for number in range(begins + 1, ends):
            if re.match(mark, lines[number]):
                last = _value_ends(lines, number, ends)
                return "\n".join([*lines[:number], line, *lines[last:], ""])
    return "\n".join([*lines[: begins + 1], line, *lines[begins + 1 :], ""])


def _section(lines: list[str], name: str) -> tuple[int | None, int]:
    """The line of ``[name]`` and the line after its last."""
    begins = None
    for number, line in enumerate(lines):
        found = _SECTION.match(line)
        if found is None:
            continue
        if begins is not None:
            return begins, number
        if found["name"] == name:
            begins = number
    return begins, len(lines)


def _value_ends(lines: list[str], number: int, ends: int) -> int:
    """The line after a value, which a person may have written over several lines as a list."""
    after = number + 1
    while lines[number].count("[") > "".join(lines[number:after]).count("]") and after < ends:
        after += 1
    return after


def _toml(value: Plain) -> str:
    """A value as TOML; its strings are those of JSON."""
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)
