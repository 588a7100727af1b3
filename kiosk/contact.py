"""Whom to call: for papers, and in a line beside the settings, where the last page of a box that cannot run finds it.

That page is written by the system and not by the program, which by then cannot be started any more.
"""

from __future__ import annotations

from archive.durable import remove, write_file
from archive.home import Home
from kiosk.config import Site

CONTACT = "contact.txt"
"""In the home; ``hearth-out-of-service.service`` shows it, else what the installer was given."""
_INDENT = "    "


def whom_to_call(site: Site) -> str:
    """Who looks after the box and where they are reached; empty where the settings name nobody."""
    return ", ".join(part for part in (site.steward, site.contact) if part)


def keep_contact(home: Home, site: Site) -> None:
    """Let `CONTACT` say what the settings say now. Raises `OSError`."""
    path = home.path / CONTACT
    # A screen of text obeys what is no letter.
    line = "".join(letter if letter.isprintable() else " " for letter in whom_to_call(site))
    text = f"{_INDENT}{line}\n".encode() if line.strip() else b""
    if not text:
        remove(path)
    elif not path.is_file() or path.read_bytes() != text:
        write_file(path, text)
