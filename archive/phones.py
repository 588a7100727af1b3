"""A facilitator's phone: how it is paired with the box, what it may press, and what it is told of the box.

The box shows six digits for two minutes; whoever types them gets a token, of which only a hash stays here. One phone
at a time. Its presses are rows of the insert-only ``command`` table, and the box's answer is one row that says in what
state it is, never what was told. Neither needs the other to be there: without a phone nothing changes on the box.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from archive.database import transaction
from archive.errors import Refused, WrongCode
from archive.keycode import normal
from archive.store import Store
from archive.throttle import begin_try, end_try

CODE_S = 120.0
"""How long the six digits open a phone."""
IDLE_S = 900.0
"""A phone not seen for so long is no longer the box's."""
SEEN_S = 30.0
"""That a phone is there is noted at most this often."""
MOST_TRIES = 5
"""Wrong digits after which the box has to show new ones."""
DIGITS = 6
PAIR, PRESS = "pair", "press"
"""Names of commands: show the digits; press what the argument names."""
SETTING_UP, SAVED = "setting_up", "set_up"
"""The state of a box being set up, and the command that says its page of settings was written down, then or later."""
CUES = tuple(f"cue{number}" for number in range(1, 9))
PRESSES = frozenset({*CUES, "begin_group", "pause", "resume", "flag", "stop", "question", "extend"})
"""All a phone may ever press. A yes of the people in front of the box is not among them: it belongs to the box."""
_PAIRING = -2
"""The throttle's number for these digits."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a phone is told of the box: no word, no name, no story.

    ``limit_at`` and ``paused_at`` are monotonic seconds of this boot. ``offers`` are the presses that would be taken
    now, ``playing`` the cue button that sounds (0: none), ``seen`` the last command the box has acted upon,
    ``asks`` the library's own question that is on now, ``marked`` whether a moment was marked just now.
    """

    state: str
    offers: tuple[str, ...] = ()
    cues: tuple[int, ...] = ()
    playing: int = 0
    live: bool = False
    limit_at: float | None = None
    paused_at: float | None = None
    people: int = 0
    question: int = 0
    still_there: bool = False
    seen: int = 0
    asks: str = ""
    marked: bool = False
    language: str = ""
    """The language that was chosen at a box that is being set up."""

    def left(self, now: float) -> float | None:
        """Seconds the conversation may still go on at ``now`` (monotonic), or None."""
        if self.limit_at is None:
            return None
        return max(0.0, self.limit_at - (now if self.paused_at is None else self.paused_at))


def put_face(store: Store, face: Face) -> None:
    """Tell phones how the box stands. Raises `HomeTrouble`."""
    moment = store.moment()
    with transaction(store.db.conn) as conn:
        conn.execute(
            "INSERT OR REPLACE INTO face (id, boot_id, body) VALUES (1, ?, ?)",
            (moment.boot_id, json.dumps(asdict(face))),
        )


def read_face(store: Store) -> Face | None:
    """How the box stands, or None while no facilitator is at it (or it was switched off since)."""
    row = store.db.conn.execute("SELECT boot_id, body FROM face").fetchone()
    if row is None or row[0] != store.clock.boot_id:
        return None
    said: dict[str, Any] = json.loads(row[1])
    return Face(**said | {"offers": tuple(said["offers"]), "cues": tuple(said["cues"])})


def end_phones(store: Store) -> None:
    """The facilitator has left: no face, no digits, no phone. Raises `HomeTrouble`."""
    with transaction(store.db.conn) as conn:
        for table in ("face", "pairing", "phone"):
            conn.execute(f"DELETE FROM {table}")  # noqa: S608 (names written here)


def show_digits(store: Store) -> str:
    """Make new digits for the box to show; they count for `CODE_S`. The digits themselves are not stored."""
    digits = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    salt, moment = secrets.token_bytes(16), store.moment()
    with transaction(store.db.conn) as conn:
        conn.execute(
            "INSERT OR REPLACE INTO pairing (id, hash, salt, boot_id, until, wrong) VALUES (1, ?, ?, ?, ?, 0)",
            (_hash(digits, salt), salt, moment.boot_id, moment.at + CODE_S),
        )
    return digits


def hide_digits(store: Store) -> None:
    """Take the digits back: they open no phone any more. Raises `HomeTrouble`."""
    with transaction(store.db.conn) as conn:
        conn.execute("DELETE FROM pairing")


def digits_open(store: Store) -> bool:
    """Whether digits are waiting for a phone."""
    row = store.db.conn.execute("SELECT boot_id, until FROM pairing").fetchone()
    return row is not None and row[0] == store.clock.boot_id and store.clock.monotonic() < row[1]


def pair(store: Store, digits: str) -> str:
    """Take the digits and give the phone its token, which ends any other phone's. Raises `WrongCode`, `TooManyTries`.

    Digits are used up by the first phone that has them, and by `MOST_TRIES` wrong ones.
    """
    begin_try(store.db.conn, _PAIRING, store.moment())
    token = secrets.token_urlsafe(32)
    with transaction(store.db.conn) as conn:
        row = conn.execute("SELECT hash, salt, boot_id, until FROM pairing").fetchone()
        moment = store.moment()
        known = row is not None and row[2] == moment.boot_id and moment.at < row[3]
        right = known and hmac.compare_digest(row[0], _hash(normal(digits).replace("-", ""), bytes(row[1])))
        if right:
            conn.execute("DELETE FROM pairing")
            conn.execute(
                "INSERT OR REPLACE INTO phone (id, hash, boot_id, seen) VALUES (1, ?, ?, ?)",
                (_token_hash(token), moment.boot_id, moment.at),
            )
        else:
            conn.execute("UPDATE pairing SET wrong = wrong + 1")
            conn.execute("DELETE FROM pairing WHERE wrong >= ?", (MOST_TRIES,))
    if not right:
        raise WrongCode("These are not the digits on the box.", "Ask the box for new ones if they have gone.")
    end_try(store.db.conn, _PAIRING)
    return token


def is_phone(store: Store, token: str) -> bool:
    """Whether ``token`` is the paired phone's; notes now and then that it is there."""
    row = store.db.conn.execute("SELECT hash, boot_id, seen FROM phone").fetchone()
    if row is None or not hmac.compare_digest(str(row[0]), _token_hash(token)):
        return False
    now = store.clock.monotonic()
    if row[1] != store.clock.boot_id or now - row[2] > IDLE_S:
        with transaction(store.db.conn) as conn:
            conn.execute("DELETE FROM phone WHERE hash = ?", (row[0],))
        return False
    if now - row[2] >= SEEN_S:
        with transaction(store.db.conn) as conn:
            conn.execute("UPDATE phone SET seen = ? WHERE hash = ?", (now, row[0]))
    return True


def may_set(store: Store, token: str) -> bool:
    """Whether ``token`` is the phone that may change settings: paired, at a box that is set up or led just now."""
    return read_face(store) is not None and is_phone(store, token)


def phone_paired(store: Store) -> bool:
    """Whether some phone is the box's at this moment."""
    row = store.db.conn.execute("SELECT boot_id, seen FROM phone").fetchone()
    return row is not None and row[0] == store.clock.boot_id and store.clock.monotonic() - row[1] <= IDLE_S


def phone_seen(store: Store) -> float | None:
    """When the box's phone was last seen, in monotonic seconds of this boot; None where there is none."""
    row = store.db.conn.execute("SELECT boot_id, seen FROM phone").fetchone()
    return None if row is None or row[0] != store.clock.boot_id else float(row[1])


def unpair(store: Store, token: str) -> None:
    """Let the phone go, as it asks itself."""
    with transaction(store.db.conn) as conn:
        conn.execute("DELETE FROM phone WHERE hash = ?", (_token_hash(token),))


def press(store: Store, meaning: str) -> int:
    """Press for a paired phone; the box sees it within a frame. Returns the command's number. Raises `Refused`."""
    if meaning not in PRESSES:
        raise Refused("A phone cannot press this.", "Press it on the box.")
    return store.add_command(PRESS, meaning)


def ask_for_digits(store: Store) -> int:
    """Ask the box to show digits; it does so only while a facilitator is at it."""
    return store.add_command(PAIR)


def _hash(digits: str, salt: bytes) -> str:
    return hmac.new(salt, digits.encode(), hashlib.sha256).hexdigest()


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
