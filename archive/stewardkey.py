"""A steward's own key: it opens what was kept under words which said so, and nothing else.

No shipped wording says so. Where a library's own does (``steward`` under ``[consent]``), each story kept in that
language from then on is wrapped for this key as well. The private half is one file, made once and kept away from the
box; the box has the public half, which opens nothing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nacl.public import PrivateKey, PublicKey

from archive.database import get_meta, set_meta, transaction
from archive.durable import write_file
from archive.envelope import STEWARD, ContentKey, add_wrap, open_content, wrap_for_public
from archive.errors import NoKey, Refused
from archive.home import must_lie_outside
from archive.shelf import Shelf
from archive.types import Reader
from audio.types import TakeId

_META = "steward_key"


def make_steward_key(store: Shelf, file: Path) -> None:
    """Make the key: its private half in ``file``, its public half in the box. Raises `Refused`, `HomeTrouble`,
    `OSError`.

    Once only: stories wrapped for an earlier one would open with that alone. Never inside the box's own folders: what
    is taken with the box must not open it.
    """
    must_lie_outside(store.home, file, "Give a file on a stick that is kept away from the box.")
    if file.exists():
        raise Refused(f"{file} is there already.", "Give a new file, on a stick that is kept away from the box.")
    private = PrivateKey.generate()
    with transaction(store.db.conn) as conn:
        if get_meta(conn, _META) is not None:
            raise Refused("This box has a steward's key already.", "It opens what was wrapped for it; keep it.")
        # The file first: a public half whose private one was never stored would lock stories for nobody.
        write_file(file, bytes(private).hex().encode(), 0o600)
        set_meta(conn, _META, bytes(private.public_key).hex())


def steward_public(conn: sqlite3.Connection) -> PublicKey | None:
    """The public half, where a key was made."""
    told = get_meta(conn, _META)
    return None if told is None else PublicKey(bytes.fromhex(told))


def wrap_for_steward(conn: sqlite3.Connection, take: TakeId, key: ContentKey) -> bool:
    """Wrap ``key`` for the steward; False where this box has no steward's key. Inside a transaction.

    Only where the words said so: `archive.stories.Stories.keep` asks that of them, and a part that is taken out gives
    the new key to whoever held the old one.
    """
    public = steward_public(conn)
    if public is not None:
        add_wrap(conn, take, STEWARD, wrap_for_public(key, take, public))
    return public is not None


def read_steward_key(file: Path) -> PrivateKey:
    """Read the private half. Raises `NoKey`."""
    try:
        return PrivateKey(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except OSError as error:
        raise NoKey(f"The steward's key is not at {file}.", "Insert the stick it is on.") from error
    except (ValueError, TypeError) as error:
        raise NoKey(f"{file} is no steward's key.", "Give the file that hearth steward made.") from error


def open_for_steward(store: Shelf, take: TakeId, private: PrivateKey) -> ContentKey:
    """Open a kept story with the steward's key. Raises `Refused` (gone, not kept), `NoKey` (no words said so)."""
    return open_content(store, take, Reader.TELLER, store.now(), steward=private)
