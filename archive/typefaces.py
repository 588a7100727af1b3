"""Where Debian's and others' Noto faces lie on a machine. Screens and papers look in one list."""

from __future__ import annotations

from pathlib import Path

FOLDERS: tuple[Path, ...] = (
    Path("/usr/share/fonts/truetype/noto"),
    Path("/usr/share/fonts/opentype/noto"),
    Path("/usr/share/fonts/noto"),
    Path("/usr/share/fonts/noto-cjk"),
    Path("/usr/share/fonts/google-noto"),
)


def find_face(name: str) -> Path | None:
    """Return the file called ``name`` in the first of `FOLDERS` that has it, None where none has."""
    return next((folder / name for folder in FOLDERS if (folder / name).is_file()), None)
