"""Which archives are partners: public keys that two people compared before, and how each comes to the other's door."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.errors import ArchiveError
from archive.sealedbag import ArchiveKey, read_archive_key
from archive.server.place import KNOWN_BY

PREFIX = "hearth-partner-"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 40
_READ = "SELECT *, (SELECT MAX(v.at) FROM partner_volumes v WHERE v.partner = partners.name) AS heard_at FROM partners"


class BadPartner(ArchiveError):
    """An archive that cannot be a partner like that, or is none."""

    code = "bad-partner"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner archive. ``url`` is where its door is, ``secret`` what opens it for us; both may be empty.

    ``heard_at`` is when something new came from it last, empty where nothing ever did.
    """

    name: str
    seal: bytes
    sign: bytes
    url: str
    secret: str
    let_in: bool
    at: str
    heard_at: str

    @property
    def key(self) -> ArchiveKey:
        """Its public keys."""
        return ArchiveKey(self.name, self.seal, self.sign)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`; no secret is in it."""
        return {
            "partner": self.name,
            "fingerprint": self.key.fingerprint,
            "url": self.url,
            "added_at": self.at,
            "heard_at": self.heard_at or None,
            "let_in": self.let_in,
        }


def add_partner(tx: Tx, name: str, key: ArchiveKey, who: str, now: datetime, *, url: str = "", secret: str = "") -> str:
    """Make an archive a partner and return the credential it shows at our door, which nobody can show again.

    Known already under the same keys: it gets a new credential, and what was known of its own door stays unless given
    anew. Raises `BadPartner` for other keys under a known name, which somebody has to remove first, for keys that are
    known by another name, and for this archive's own.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise BadPartner(f"{name[:60]!r} cannot name a partner.", "Small letters, figures, hyphens: 'upper-valley'.")
    before = tx.one("SELECT * FROM partners WHERE name = ?", name)
    if before is not None and (bytes(before["seal"]), bytes(before["sign"])) != (key.seal, key.sign):
        raise BadPartner(f"The partner {name} is known with other keys.", "Ask its people, and remove it here first.")
    _check_new(tx, name, key)
    credential = PREFIX + secrets.token_urlsafe(32)
    kept = (url or (str(before["url"]) if before else ""), secret or (before["secret"] if before else None))
    tx.run(
        "INSERT INTO partners (name, seal, sign, url, secret, credential, at, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET url = excluded.url, secret = excluded.secret, "
        "credential = excluded.credential",
        name, key.seal, key.sign, *kept, _hash(credential), stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "partner added", name, "", now)
    return credential


def own_key(tx: Tx) -> ArchiveKey | None:
    """The public keys of this archive itself, for its people to read out to a partner; None before it has any."""
    row = tx.one("SELECT value FROM meta WHERE name = ?", KNOWN_BY)
    return None if row is None else read_archive_key({"name": "", **json.loads(row["value"])})


def _check_new(tx: Tx, name: str, key: ArchiveKey) -> None:
    mine = own_key(tx)
    if mine is not None and (mine.seal, mine.sign) == (key.seal, key.sign):
        raise BadPartner("These are the keys of this archive itself.", "Give the archive-key.json of the other one.")
    other = tx.one("SELECT name FROM partners WHERE name <> ? AND (seal = ? OR sign = ?)", name, key.seal, key.sign)
    if other is not None:
        say = f"This archive is a partner already, called {other['name']}."
        raise BadPartner(say, f"Use that name, or remove {other['name']} first.")


def remove_partner(tx: Tx, name: str, who: str, now: datetime) -> None:
    """End a partnership. What they have of ours ends in their time.

    What they lent has to go after it: `archive.partners.fetched.sweep_fetched`. Raises `BadPartner`.
    """
    partner_named(tx, name)
    tx.run("DELETE FROM partners WHERE name = ?", name)
    note_change(tx, who, "partner removed", name, "", now)


def partner_named(tx: Tx, name: str) -> Partner:
    """Find a partner by name. Raises `BadPartner`."""
    row = tx.one(f"{_READ} WHERE name = ?", name)
    if row is None:
        raise BadPartner(f"No partner is called {name!r} here.", "`hearth archive partner list` shows them all.")
    return _partner(row)


def partners(tx: Tx) -> list[Partner]:
    """Every partner, by name."""
    return [_partner(row) for row in tx.all(f"{_READ} ORDER BY name")]


def partner_with(tx: Tx, credential: str) -> Partner | None:
    """The partner that may show ``credential``, None for any other. What is looked up is a hash of 256 random bits."""
    if not credential.startswith(PREFIX) or not credential.isascii():
        return None
    row = tx.one(f"{_READ} WHERE credential = ?", _hash(credential))
    return None if row is None else _partner(row)


def _partner(row: Row) -> Partner:
    return Partner(
        str(row["name"]), bytes(row["seal"]), bytes(row["sign"]), str(row["url"]), str(row["secret"] or ""),
        row["credential"] is not None, str(row["at"]), str(row["heard_at"] or ""),
    )  # fmt: skip


def _hash(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()
