"""The boxes an archive knows: their credentials, their keys, when they were last seen, how the machines are.

A credential is 256 random bits, shown once; only its hash is stored. It lets a box leave stories and withdrawals and
fetch its own feed, and nothing else (`archive.portal.community.deposit`). A box is named by people and keeps its name
when it gets a new credential, so that its stories stay its own.

A box shows its two public keys at its first contact, and they stay: a withdrawal counts only when it is signed by
the box the story came from, so that a credential alone, copied off a stolen card, takes nothing back.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive.boxlooks import known
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.port import Catalogue, Row
from archive.credential import PREFIX
from archive.errors import ArchiveError

_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,58}[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}", re.ASCII)
_KEY_BYTES = 32
_LARGEST = 1e12

PULSE: Mapping[str, type] = {
    "version": str,
    "clock": str,
    "clock_trusted": bool,
    "disk_free_mb": float,
    "disk_days": float,
    "mic_lufs": float,
    "mic_usual_lufs": float,
    "look": list,
}
"""What a box says of its machine, and in which kind: never a word about what was told into it.

``clock`` is its wall clock (ISO 8601), ``disk_days`` how long the disk lasts as it is used, ``mic_lufs`` the level of
its newest stories against ``mic_usual_lufs``, ``look`` what its own check-up found (`archive.boxlooks`).
`archive.pulse` says them.
"""


class NoSuchBox(ArchiveError):
    """No box of this name is known here."""

    code = "no-such-box"


class BoxThere(ArchiveError):
    """A box of this name is known already, and its credential counts."""

    code = "box-there"


class BadBoxName(ArchiveError):
    """This cannot name a box."""

    code = "bad-box-name"


class OtherBox(ArchiveError):
    """What shows this credential has other keys than the box it was made for."""

    code = "other-box"


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its name, since when, whether its credential counts, and what it said of itself.

    ``seal`` (X25519) and ``sign`` (Ed25519) are its public keys, None before its first contact. Times are ISO 8601
    in UTC; ``pulse`` has some of the names of `PULSE`.
    """

    name: str
    added_at: str
    revoked_at: str | None = None
    seal: bytes | None = field(default=None, repr=False)
    sign: bytes | None = field(default=None, repr=False)
    seen_at: str | None = None
    handed_at: str | None = None
    pulse: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`; no key and no credential is in it."""
        return {
            "box": self.name,
            "added_at": self.added_at,
            "revoked_at": self.revoked_at,
            "last_seen": self.seen_at,
            "last_deposit": self.handed_at,
            "pulse": dict(self.pulse),
        }


def add_box(catalogue: Catalogue, name: str, who: str, now: datetime) -> str:
    """Make a box known and return its credential, which nobody can show again.

    A box whose credential was revoked gets a new one, and may come with new keys. Raises `BadBoxName`, `BoxThere`.
    """
    if _NAME.fullmatch(name) is None:
        do = "Use 1 to 60 letters, figures, spaces, dots and dashes, for instance maple-street."
        raise BadBoxName(f"{name!r} cannot name a box.", do)
    credential = PREFIX + secrets.token_urlsafe(_BYTES)
    with catalogue.write() as tx:
        # Nor one whose name differs in capitals alone: people say it aloud, and revoke by it.
        before = tx.one("SELECT name FROM boxes WHERE lower(name) = ? AND credential IS NOT NULL", name.lower())
        if before is not None:
            say = f"A box called {before['name']} is known already."
            raise BoxThere(say, "Choose another name, or revoke that box first.")
        tx.run(
            "INSERT INTO boxes (name, added_at, credential, pulse) VALUES (?, ?, ?, '{}') ON CONFLICT (name) "
            "DO UPDATE SET credential = excluded.credential, revoked_at = NULL, seal = NULL, sign = NULL",
            name, stamp(now), _hash(credential),
        )  # fmt: skip
        note_change(tx, who, "box-added", name, "{}", now)
    return credential


def revoke_box(catalogue: Catalogue, name: str, who: str, now: datetime) -> None:
    """Let a box's credential count no more, from this moment on. Again changes nothing. Raises `NoSuchBox`."""
    with catalogue.write() as tx:
        row = tx.one("SELECT credential FROM boxes WHERE name = ?", name)
        if row is None:
            raise NoSuchBox(f"No box called {name!r} is known here.", "`hearth archive box list` shows them all.")
        if row["credential"] is not None:
            tx.run("UPDATE boxes SET credential = NULL, revoked_at = ? WHERE name = ?", stamp(now), name)
            note_change(tx, who, "box-revoked", name, "{}", now)


def boxes(catalogue: Catalogue) -> list[Box]:
    """Every box there ever was, by name."""
    with catalogue.read() as tx:
        return [_box(row) for row in tx.all(f"SELECT {_COLUMNS} FROM boxes ORDER BY name")]  # noqa: S608 - constants


def box_named(catalogue: Catalogue, name: str) -> Box:
    """The box called ``name``. Raises `NoSuchBox`."""
    with catalogue.read() as tx:
        row = tx.one(f"SELECT {_COLUMNS} FROM boxes WHERE name = ?", name)  # noqa: S608 - constants
    if row is None:
        raise NoSuchBox(f"No box called {name!r} is known here.", "`hearth archive box list` shows them all.")
    return _box(row)


def box_in_use(catalogue: Catalogue, name: str) -> Box:
    """The box called ``name`` that was not let go: one to prepare something for. Raises `NoSuchBox`."""
    box = box_named(catalogue, name)
    if box.revoked_at is not None:
        raise NoSuchBox(f"The box {box.name} was let go.", "Choose another one.")
    return box


def box_with(catalogue: Catalogue, credential: str) -> Box | None:
    """The box that may show ``credential``, None for a wrong, unknown or revoked one.

    What is looked up is a hash of 256 random bits: how long the look-up takes tells nothing about them.
    """
    if not credential.startswith(PREFIX) or not credential.isascii():
        return None
    with catalogue.read() as tx:
        row = tx.one(f"SELECT {_COLUMNS} FROM boxes WHERE credential = ?", _hash(credential))  # noqa: S608 - constants
    return None if row is None else _box(row)


def greet(catalogue: Catalogue, box: Box, seal: bytes, sign: bytes, pulse: Mapping[str, Any], now: datetime) -> None:
    """Note that ``box`` is here, with its keys and what it says of its machine.

    The keys of the first contact stay. Raises `OtherBox` for others, `ValueError` for what cannot be keys.
    """
    if len(seal) != _KEY_BYTES or len(sign) != _KEY_BYTES:
        msg = "keys are 32 bytes long"
        raise ValueError(msg)
    with catalogue.write() as tx:
        row = tx.one("SELECT seal, sign FROM boxes WHERE name = ? AND credential IS NOT NULL", box.name)
        if row is None or (row["sign"] is not None and (bytes(row["seal"]), bytes(row["sign"])) != (seal, sign)):
            say = f"The archive knows the box {box.name} with other keys than these."
            raise OtherBox(say, "Was it set up anew? Then let the archive revoke it and add it again.")
        tx.run(
            "UPDATE boxes SET seal = ?, sign = ?, seen_at = ?, pulse = ? WHERE name = ?",
            seal, sign, stamp(now), json.dumps(content_free(pulse)), box.name,
        )  # fmt: skip


def note_carried_pulse(catalogue: Catalogue, box: Box, pulse: Mapping[str, Any], now: datetime) -> None:
    """Note what the box wrote of its machine when the stick that is here was there; what is older counts no more.

    The box was seen when it wrote that, as far as its clock is right; else at the latest now.
    """
    told = content_free(pulse)
    wrote, before = str(told.get("clock", "")), str(box.pulse.get("clock", ""))
    sure = told.get("clock_trusted") is True and "" < wrote <= stamp(now)
    stale = dict(box.pulse) == told or (sure and wrote <= before <= stamp(now))
    if stale or not told:
        return
    seen = max(wrote if sure else stamp(now), box.seen_at or "")
    with catalogue.write() as tx:
        tx.run("UPDATE boxes SET seen_at = ?, pulse = ? WHERE name = ?", seen, json.dumps(told), box.name)


def content_free(pulse: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of ``pulse`` what `PULSE` names, in its kind and of a sensible size; anything else is left out. Pure."""
    kept: dict[str, Any] = {}
    for name, kind in PULSE.items():
        value = pulse.get(name)
        if kind is float and (number := _number(value)) is not None:
            kept[name] = number
        elif kind is bool and isinstance(value, bool):
            kept[name] = value
        elif kind is str and isinstance(value, str) and (told := _text(name, value)):
            kept[name] = told
        elif kind is list and isinstance(value, list) and (look := known(value)):
            kept[name] = look
    return kept


def _number(value: object) -> float | None:
    """A measure of a machine; None for what is none, and for what no machine has."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        return None
    return round(float(value), 3)


def _text(name: str, value: str) -> str:
    """A version, or a time in UTC; empty for what is neither."""
    if name == "version":
        return value if _VERSION.fullmatch(value) else ""
    try:
        at = datetime.fromisoformat(value)
        return stamp(at) if at.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def note_handed(catalogue: Catalogue, name: str, now: datetime) -> None:
    """Note that a story of the box ``name`` was signed for."""
    with catalogue.write() as tx:
        tx.run("UPDATE boxes SET handed_at = ? WHERE name = ?", stamp(now), name)


_COLUMNS = "name, added_at, revoked_at, seal, sign, seen_at, handed_at, pulse"


def _box(row: Row) -> Box:
    seal, sign = (None if row[key] is None else bytes(row[key]) for key in ("seal", "sign"))
    return Box(
        row["name"], row["added_at"], row["revoked_at"], seal, sign,
        row["seen_at"], row["handed_at"], json.loads(row["pulse"]),
    )  # fmt: skip


def _hash(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()
