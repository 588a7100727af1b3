"""What a library may set at its archive: ``config.toml`` in the archive's home, written once and never reset."""

from __future__ import annotations

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
"""
_KNOWN: Final = {"name", "catalogue", "objects", "public", "ai"}
_SWITCHES: Final = {"public", "ai"}


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
    return ArchiveSettings(**table, more=plain)


def located(url: str, home: Path) -> str:
    """Return ``url`` with a relative path in it read as one in ``home``; other addresses as they are. Pure."""
    kind, _, rest = url.partition(":")
    inside = kind in {"sqlite", "folder"} and rest and not Path(rest).is_absolute()
    return f"{kind}:{home / rest}" if inside else url
