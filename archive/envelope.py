"""Content keys and who can open them.

Each take has one random content key. It is wrapped once for everyone consent allows and for nobody else; erasing or
sealing a story is destroying wraps. A wrap is bound to its take. `open_content` is the only way from a stored wrap
to a content key, and it asks `archive.consent.may` first; nothing else in the program may open a wrap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import NewType, Protocol

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlite_utils import Database

from archive.consent import Answer, events_of, may, standing
from archive.errors import NoKey, NoSuchStory, Refused
from archive.home import Keys
from archive.keycode import Derived
from archive.types import ConsentEvent, Reader
from audio.errors import DamagedTake
from audio.sealedfile import KEY_BYTES, new_key, seal, unseal
from audio.types import TakeId

ContentKey = NewType("ContentKey", bytes)
"""32 random bytes. Keep one in memory only, and no longer than its use takes."""

BOX = "box"
CODE = "code"
ARCHIVE = "archive"
STEWARD = "steward"
MASTER = "master"
"""The teller's code again, for the sound as it was before a span of it was taken back."""

UNCUT = "uncut"
"""The box again, for the sound as it was, while there is no room to write it without a span that was taken back."""


class Holder(Protocol):
    """What `open_content` needs of the store: the database and the box's keys."""

    @property
    def db(self) -> Database:
        """The database."""
        ...

    @property
    def keys(self) -> Keys:
        """The keys of the box; raises `NoKey` when they are not here."""
        ...


def new_content_key() -> ContentKey:
    """Make the key of a new take."""
    return ContentKey(new_key())


def wrap_for_public(key: ContentKey, take: TakeId, recipient: PublicKey) -> bytes:
    """Wrap ``key`` for the holder of a private key (X25519 sealed box); the wrapping side cannot open it again."""
    return SealedBox(recipient).encrypt(key + take.encode("ascii"))


def wrap_for_code(key: ContentKey, take: TakeId, derived: Derived) -> bytes:
    """Wrap ``key`` for whoever knows the words of a keep-code."""
    return seal(derived.key, key, _label(take))


def new_ring() -> bytes:
    """Make the key of a group: the story is wrapped under it, and it is sealed under the code of each person.

    So every code opens the same story for good: when one person has a part taken out, the story gets a new content
    key, which is wrapped under this one anew, and the codes of the others open it as before.
    """
    return new_key()


def seal_ring(ring: bytes, take: TakeId, derived: Derived) -> bytes:
    """Seal the key of a group under one person's code."""
    return seal(derived.key, ring, _ring_label(take))


def open_ring(blob: bytes, take: TakeId, derived: Derived) -> Derived:
    """Open the key of a group with one person's code; what is returned opens the story's wrap. Raises `NoKey`."""
    try:
        return Derived(derived.proof, unseal(derived.key, blob, _ring_label(take)))
    except DamagedTake as error:
        raise NoKey("The key stored with this conversation does not open with this code.") from error


def add_wrap(conn: sqlite3.Connection, take: TakeId, recipient: str, blob: bytes) -> None:
    """Store a wrap; one a recipient."""
    conn.execute("INSERT OR REPLACE INTO wraps VALUES (?, ?, ?)", (take, recipient, blob))


def drop_wrap(conn: sqlite3.Connection, take: TakeId, recipient: str) -> None:
    """Destroy one wrap (overwritten in the database file by ``secure_delete``). No error if there is none."""
    conn.execute("DELETE FROM wraps WHERE take = ? AND recipient = ?", (take, recipient))


def drop_all_wraps(conn: sqlite3.Connection, take: TakeId) -> None:
    """Destroy every wrap of a take, its code's included: from here on nobody opens it."""
    conn.execute("DELETE FROM wraps WHERE take = ?", (take,))
    conn.execute("DELETE FROM codes WHERE take = ?", (take,))


def recipients(conn: sqlite3.Connection, take: TakeId) -> set[str]:
    """Name those for whom a take is wrapped."""
    return {str(row[0]) for row in conn.execute("SELECT recipient FROM wraps WHERE take = ?", (take,))}


def opened_by(conn: sqlite3.Connection, recipient: str) -> set[str]:
    """Name the takes that are wrapped for ``recipient``."""
    return {str(row[0]) for row in conn.execute("SELECT take FROM wraps WHERE recipient = ?", (recipient,))}


def ask(conn: sqlite3.Connection, take: TakeId, reader: Reader, now: datetime | None) -> Answer:
    """Ask the gate about a stored take. ``now`` is None where the wall clock is not trusted."""
    return may(standing(events_of(conn, take)), reader, now)


def open_content(
    store: Holder,
    take: TakeId,
    reader: Reader,
    now: datetime | None,
    *,
    derived: Derived | None = None,
    steward: PrivateKey | None = None,
) -> ContentKey:
    """Open the content key of ``take`` for ``reader``, if consent allows it now.

    With ``derived`` (from a verified keep-code) the code's wrap is opened, with ``steward`` the one that was made
    because the words its teller agreed to said so, else the box's; `Reader.TELLER` needs one of the two. Raises
    `NoSuchStory`, `Refused` with the gate's sentence, or `NoKey` (no such wrap: sealed or erased).
    """
    conn = store.db.conn
    events = events_of(conn, take)
    if not events:
        raise NoSuchStory("There is no story with this identifier here.")
    answer = may(standing(events), reader, now)
    if not answer.allowed:
        raise Refused(answer.why)
    if steward is not None:
        return _unwrap_private(_wrap_of(conn, take, STEWARD), take, steward)
    if reader is Reader.TELLER and derived is None:
        raise Refused("Only its teller's keep-code opens it this way.")
    blob = _wrap_of(conn, take, BOX if derived is None else CODE)
    return _unwrap_private(blob, take, store.keys.box) if derived is None else _unwrap_code(blob, take, derived)


def open_uncut(store: Holder, take: TakeId) -> tuple[ContentKey, ContentKey]:
    """Open the keys of a story whose cut waits for room, as it was and as it will be: for `archive.cutlater` alone.

    What its teller began with the code is finished, so the gate is asked as for the teller. Raises `Refused`, `NoKey`
    where no cut waits.
    """
    conn = store.db.conn
    answer = may(standing(events_of(conn, take)), Reader.TELLER, None)
    if not answer.allowed:
        raise Refused(answer.why)
    old, new = (_unwrap_private(_wrap_of(conn, take, one), take, store.keys.box) for one in (UNCUT, BOX))
    return old, new


def _wrap_of(conn: sqlite3.Connection, take: TakeId, recipient: str) -> bytes:
    row = conn.execute("SELECT blob FROM wraps WHERE take = ? AND recipient = ?", (take, recipient)).fetchone()
    if row is None and recipient == STEWARD:
        raise NoKey("No key to this story was made for a steward.", "What its teller was shown did not say so.")
    if row is None:
        raise NoKey("This story is sealed: this box holds no key to it.", "Its teller's keep-code opens it.")
    return bytes(row[0])


def open_loan(
    blob: bytes, take: TakeId, events: Iterable[ConsentEvent], reader: Reader, *, now: datetime | None, keys: Keys
) -> ContentKey:
    """Open the wrap of a story an archive lends, if the consent record that came with it allows ``reader`` now.

    Raises `Refused` with the gate's sentence, or `NoKey` where it was not wrapped for this box.
    """
    answer = may(standing(events), reader, now)
    if not answer.allowed:
        raise Refused(answer.why)
    return _unwrap_private(blob, take, keys.box)


def _unwrap_private(blob: bytes, take: TakeId, private: PrivateKey) -> ContentKey:
    try:
        plain = SealedBox(private).decrypt(blob)
    except CryptoError as error:
        raise NoKey("The keys here are not the ones this story was locked for.") from error
    if plain[KEY_BYTES:] != take.encode("ascii"):
        raise NoKey("The key stored with this story belongs to another one.")
    return ContentKey(plain[:KEY_BYTES])


def _unwrap_code(blob: bytes, take: TakeId, derived: Derived) -> ContentKey:
    try:
        return ContentKey(unseal(derived.key, blob, _label(take)))
    except DamagedTake as error:
        raise NoKey("The key stored with this story does not open with this code.") from error


def _ring_label(take: TakeId) -> bytes:
    return b"hearth/group-key/" + take.encode("ascii")


def _label(take: TakeId) -> bytes:
    return b"hearth/content-key/" + take.encode("ascii")
