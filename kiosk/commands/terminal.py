"""The one place where a command writes for a person: no sign in what it says may steer the terminal.

The name of a file, a title or a word out of a bag is somebody else's, and may hold what moves a cursor, clears a
line or types into the shell.
"""

from __future__ import annotations

import click

_STEERING = {number: f"\\x{number:02x}" for number in (*range(0x20), *range(0x7F, 0xA0)) if chr(number) not in "\n\t"}
_IN_JSON = {number: f"\\u{number:04x}" for number in range(0x7F, 0xA0)}


def plain(text: str) -> str:
    r"""Return ``text`` with every control sign written out (``\x1b``), but for the ends of lines and tabs. Pure."""
    return text.translate(_STEERING)


def plain_json(text: str) -> str:
    """Return JSON that says the same without the control signs that JSON itself leaves as they are. Pure."""
    return text.translate(_IN_JSON)


def say(text: str, *, err: bool = False) -> None:
    """Write ``text`` and end the line, on standard output or on standard error. Raises `OSError`."""
    click.echo(plain(text), err=err)
