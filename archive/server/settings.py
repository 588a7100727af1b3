"""What a library may set at its archive: ``config.toml`` in the archive's home, written once and never reset."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from archive.durable import write_file
from archive.errors import HomeTrouble

FIRST: Final = """\
# The settings of this archive. Updates never change this file.
[archive]
# What the archive is called, on its pages and in what it signs.
name = "Our community archive"
# Where the catalogue lies: sqlite:PATH (a path in this folder needs no slash), or postgresql://...
catalogue = "sqlite:archive.db"
# Where sound and bags lie: folder:PATH, or s3://BUCKET?endpoint=https://...
objects = "folder:objects"
# Pages for everybody, with what tellers made public. Off until somebody switches them on.
public = false
# Machines may propose codes, themes and speakers, and search by meaning; people decide. false switches it off.
ai = true

# Behind a proxy that speaks https: the names it answers to, and its own address.
# [serve]
# names = ["archive.example.org"]
# proxies = ["127.0.0.1"]

# At the public door: its address from outside, and a mail address harvesters are told.
# [door]
# address = "https://archive.example.org"
# contact = "archive@example.org"
"""
_KNOWN: Final = {"name", "catalogue", "objects", "public", "ai"}
_SWITCHES: Final = {"public", "ai"}
_TABLES: Final[Mapping[str, frozenset[str]]] = {
    "serve": frozenset({"names", "proxies"}),
    "door": frozenset({"address", "contact"}),
    "patterns": frozenset({"meaning"}),
}
"""The other tables. What stands in them checks whoever reads it; that nobody would read it is said here."""


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """The settings as they stand in the file. ``more`` holds the file's other tables, for whoever knows them."""

    name: str = "Our community archive"
    catalogue: str = "sqlite:archive.db"
    objects: str = "folder:objects"
    public: bool = False
    ai: bool = True
    more: Mapping[str, Any] = field(default_factory=dict)


def read_settings(path: Path) -> ArchiveSettings:
    """Read the settings, writing the file with defaults where it is missing. Raises `HomeTrouble`."""
    try:
        if not path.exists():
            write_file(path, FIRST.encode(), mode=0o600)
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        say = f"The settings in {path} cannot be used: {error.strerror or error}."
        raise HomeTrouble(say, "Check that the disk is there, has space, and that the file may be read.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HomeTrouble(f"The settings in {path} cannot be understood: {error}.", "Correct that line.") from error
    table = plain.pop("archive", {})
    if not isinstance(table, dict):
        raise HomeTrouble(f"The settings in {path} need a table [archive].", "See docs/archive.md.")
    unknown = sorted(set(table) - _KNOWN)
    if unknown:
        say = f"The settings in {path} hold '{unknown[0]}', which no archive knows."
        raise HomeTrouble(say, f"Known are: {', '.join(sorted(_KNOWN))}.")
    for name in sorted(_KNOWN & set(table)):
        wanted = bool if name in _SWITCHES else str
        if not isinstance(table[name], wanted) or table[name] == "":
            do = "Write true or false." if wanted is bool else 'Write it in quotes: name = "...".'
            raise HomeTrouble(f"The setting '{name}' in {path} is not of the right kind.", do)
    _check_tables(path, plain)
    return ArchiveSettings(**table, more=plain)


def _check_tables(path: Path, plain: Mapping[str, Any]) -> None:
    for name, table in plain.items():
        known = _TABLES.get(name)
        if known is None or not isinstance(table, dict):
            say = f"The settings in {path} hold [{name}], which no archive knows."
            raise HomeTrouble(say, f"Known are: [archive], {', '.join(f'[{one}]' for one in sorted(_TABLES))}.")
        if unknown := sorted(set(table) - known):
            say = f"The settings in {path} hold '{unknown[0]}' in [{name}], which no archive knows."
            raise HomeTrouble(say, f"Known there are: {', '.join(sorted(known))}.")
    door = plain.get("door", {})
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", str(door.get("address", "https://unset"))):
        say = f"The setting 'address' in [door] of {path} is no address."
        raise HomeTrouble(say, 'Write it whole: address = "https://archive.example.org".')
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", str(door.get("contact", "a@b"))):
        say = f"The setting 'contact' in [door] of {path} is no mail address."
        raise HomeTrouble(say, 'Write contact = "archive@library.example".')


def located(url: str, home: Path) -> str:
    """Return ``url`` with a relative path in it read as one in ``home``; other addresses as they are. Pure."""
    kind, _, rest = url.partition(":")
    inside = kind in {"sqlite", "folder"} and rest and not Path(rest).is_absolute()
    return f"{kind}:{home / rest}" if inside else url
