"""Keep-codes like ``417-maple-river-candle-north``: what lets a teller, and nobody else, come back to a story.

The number is a plain look-up key of this box. The words are the secret: they are shown and spoken once, and only
an argon2id hash stays. Four words of about 1,900 are 43 bits; wrong tries slow down (`archive.throttle`).
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from argon2.low_level import Type, hash_secret_raw

from archive.errors import WrongCode

WORDS = 4
FIRST_NUMBER = 101
SALT_BYTES = 16
_HALF = 32
_DIGITS = 9
_SAY = "This keep-code does not fit a story here."
_DO = "Check the number and the four words, and try again."


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs: argon2id memory in KiB, passes, lanes. Stored with each hash."""

    memory: int = 64 * 1024
    passes: int = 3
    lanes: int = 1

    def text(self) -> str:
        """Write the cost down, as argon2 does in its own format."""
        return f"m={self.memory},t={self.passes},p={self.lanes}"

    @classmethod
    def parse(cls, text: str) -> Cost:
        """Read what `text` wrote."""
        memory, passes, lanes = (int(part.split("=")[1]) for part in text.split(","))
        return cls(memory, passes, lanes)


@dataclass(frozen=True, slots=True)
class KeepCode:
    """A number and its words, normalised (lower case, no accents). Never write one to disk or a log."""

    number: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Give the code as people see it, with hyphens."""
        return "-".join((str(self.number), *self.words))

    def __repr__(self) -> str:
        """Name the number alone: a code must not end up in a log by accident."""
        return f"KeepCode({self.number}, ...)"


@dataclass(frozen=True, slots=True)
class Derived:
    """Both halves of one argon2id result: ``proof`` is stored and compared, ``key`` opens the code's wrap."""

    proof: bytes
    key: bytes


@cache
def wordlist(language: str) -> tuple[str, ...]:
    """Return the words of ``language`` (``en``, ``es``); English where a language has no list of its own."""
    folder = files("archive").joinpath("words")
    source = folder.joinpath(f"{language[:2].lower()}.txt")
    if not source.is_file():
        source = folder.joinpath("en.txt")
    return tuple(source.read_text(encoding="ascii").split())


def new_code(number: int, language: str) -> KeepCode:
    """Choose the words of a code by the system's random source; the four differ from each other."""
    return KeepCode(number, tuple(secrets.SystemRandom().sample(wordlist(language), WORDS)))


def normal(text: str) -> str:
    """Bring what was typed or spoken to the stored form: lower case, no accents, single hyphens, plain digits.

    Keyboards give digits of their own script: an Arabic or Hindi one types the same number.
    """
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    plain = "".join(str(unicodedata.decimal(c, c)) for c in letters).casefold()
    return "-".join(re.findall(r"[a-z0-9]+", plain))


def parse(text: str) -> KeepCode:
    """Read a code typed with spaces, hyphens, accents or any case. Raises `WrongCode` if it cannot be one."""
    number, *words = normal(text).split("-")
    if not (number.isdigit() and len(number) <= _DIGITS and len(words) == WORDS and all(w.isalpha() for w in words)):
        raise WrongCode("A keep-code is a number and four words, like 417-maple-river-candle-north.", _DO)
    return KeepCode(int(number), tuple(words))


def wrong_code() -> WrongCode:
    """Make the one answer to every wrong code: it never says whether the number exists."""
    return WrongCode(_SAY, _DO)


def derive(code: KeepCode, salt: bytes, cost: Cost) -> Derived:
    """Run argon2id over the words. Takes about a quarter of a second on a desk and 64 MiB, by design."""
    raw = hash_secret_raw(
        "-".join(code.words).encode("ascii"), salt, cost.passes, cost.memory, cost.lanes, 2 * _HALF, Type.ID
    )
    return Derived(raw[:_HALF], raw[_HALF:])
