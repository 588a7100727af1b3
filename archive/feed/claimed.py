"""Takings back that were asked for at an archive: their codes are checked here, each until the box knows the answer.

A code that meets the throttle was not checked, so nobody may be told that it is wrong. Until it was, the box names a
feed from before the first that carried it as the last it has applied; the archive goes on sending the claim, and
says nothing of it to whoever asked. A claim that was checked is not tried a second time, whoever else still waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nacl.exceptions import CryptoError
from nacl.public import SealedBox

from archive.database import transaction
from archive.errors import TooManyTries, WrongCode
from archive.feed.manifest import Claim
from archive.store import Store
from audio.types import TakeId


def take_back_claimed(
    store: Store, signer: bytes, claims: Sequence[Claim], before: int, *, again: bool = False
) -> list[TakeId]:
    """Check the codes somebody brought to the archive that signs with ``signer``, as if they were typed here.

    What one opens is withdrawn, and its story is in the list. ``before`` is the number of the last feed applied before
    this one; ``again`` is for a feed that was applied: only what waited is tried. Safe to repeat: killed in between, a
    claim is tried again, and a story that is gone fits no code.
    """
    archive, named = signer.hex(), {_digest(one): one for one in claims}
    conn = store.db.conn
    rows = conn.execute("SELECT digest, waits FROM claims_met WHERE archive = ?", (archive,)).fetchall()
    with transaction(conn):
        for digest, _ in rows:
            if digest not in named:
                conn.execute("DELETE FROM claims_met WHERE archive = ? AND digest = ?", (archive, digest))
    met = {digest: bool(waits) for digest, waits in rows}
    gone = []
    for digest, one in named.items():
        if not met.get(digest, not again):
            continue
        waits = False
        try:
            visit = store.enter_code(SealedBox(store.keys.box).decrypt(one.sealed).decode())
            if visit.take == one.story:
                store.withdraw(visit, "archive")
                gone.append(one.story)
        except TooManyTries:
            waits = True
        except (WrongCode, CryptoError, UnicodeDecodeError):
            pass
        with transaction(conn):
            conn.execute(
                "INSERT INTO claims_met (archive, digest, before, waits) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (archive, digest) DO UPDATE SET waits = excluded.waits",
                (archive, digest, before, int(waits)),
            )
    return gone


def told_applied(store: Store, signer: bytes, sequence: int) -> int:
    """The number to name as the last feed applied: ``sequence``, or one from before the oldest claim that waits."""
    query = "SELECT MIN(before) FROM claims_met WHERE archive = ? AND waits = 1"
    (before,) = store.db.conn.execute(query, (signer.hex(),)).fetchone()
    return sequence if before is None else min(sequence, int(before))


def _digest(one: Claim) -> str:
    return hashlib.sha256(f"{one.story}\n".encode() + one.sealed).hexdigest()
