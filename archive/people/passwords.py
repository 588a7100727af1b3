"""Passwords and one-time codes: what is stored opens nothing, and nothing has a default.

A password is hashed by argon2id (RFC 9106, its second recommended setting: 64 MiB, three passes). A one-time code is
80 random bits, so a plain SHA-256 of it is enough; it works once and for seven days.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from archive.errors import ArchiveError
from archive.keycode import Cost

SHORTEST = 12
LONGEST = 200
CODE_DAYS = 7
# Crockford's letters: none that is taken for another when read aloud.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 4, 4
_LOOKS_LIKE = str.maketrans("OIL", "011")


class WeakPassword(ArchiveError):
    """A new password is too short, too long or all too easy."""

    code = "weak-password"


def check_new(password: str, name: str) -> None:
    """Refuse what is guessed first (NIST SP 800-63B: length, not signs). Raises `WeakPassword`."""
    say = ""
    if len(password) < SHORTEST:
        say = f"A password needs at least {SHORTEST} letters."
    elif len(password) > LONGEST:
        say = f"A password has at most {LONGEST} letters."
    elif len(set(password.casefold())) < _GROUP + 1:
        say = "This password repeats a few letters and is guessed at once."
    elif len(name) > 2 and name.casefold() in password.casefold():  # noqa: PLR2004 (a name like "al" is in many words)
        say = "A password must not contain your own name."
    if say:
        raise WeakPassword(say, "Four or five words that have nothing to do with each other are easy to remember.")


def hash_password(password: str, cost: Cost) -> str:
    """Hash ``password`` in argon2's own format, which names its cost. Takes about 0.1 s and 64 MiB by design."""
    return _hasher(cost).hash(password)


def password_fits(password: str, stored: str, cost: Cost) -> bool:
    """Tell whether ``password`` is the one that was stored; takes the same time when it is not."""
    try:
        return _hasher(cost).verify(stored, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False


def new_code() -> str:
    """Make a one-time code like ``7KQ2-M4XV-9RTB-C0HD`` by the system's random source."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def hash_code(code: str) -> str:
    """What is stored of a code, however it was typed: with spaces, hyphens, small letters, O for 0."""
    plain = re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_LOOKS_LIKE)
    return hashlib.sha256(f"hearth-code-1 {plain}".encode()).hexdigest()


def code_mark(code: str) -> str:
    """Name a code by its first group, so that wrong tries at it are counted for it alone; tells nothing of the rest.

    Whoever guesses without knowing that group counts for no code of anybody's, and a known group leaves 60 bits.
    """
    plain = re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_LOOKS_LIKE)
    return hashlib.sha256(f"hearth-code-mark-1 {plain[:_GROUP]}".encode()).hexdigest()[:16]


def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes)
