r"""The feed of one box: what it says, how it is signed and sealed, and how little of it is believed.

A feed is ``HEARTHFEED1\n``, an Ed25519 signature of the archive (64 bytes), and the body sealed to the box's X25519
key (libsodium's sealed box). The signature covers the sealed bytes, so a stranger's feed is refused before anything
of it is opened, and the body names the box's key and a sequence number that only grows. The body is JSON; sounds and
cards of lent stories travel beside it as blobs, each named by the SHA-256 of its sealed bytes and of a stated size.

`open_feed` reads nothing beyond `MOST_BYTES`, follows no name into a path, and refuses what it does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey, VerifyKey

from archive.bag import is_bag_id
from archive.consentrecord import ConsentRecord, read_record, record
from archive.errors import BadBag, BadFeed
from archive.tombstones import Tombstone, read_tombstone
from audio.types import Ms, TakeId

FORMAT = 1
MOST_BYTES = 1 << 20
"""A feed's own bytes, without blobs. JSON of this size, however it is nested, is read in well under 50 MB."""
MOST_LOANS = 128
MOST_CLAIMS = 64
MOST_EXCERPTS = 16
"""Cuts of one story in one feed."""
LONGEST_EXCERPT = Ms(5 * 60_000)
LARGEST_SOUND = 128 << 20
LARGEST_CARD = 256 << 10
LARGEST_SET = 64 << 10
LARGEST_TEXT = 4096
MOST_LINES = 20
LONGEST_LINE = 46
"""How wide a line for every visitor may be: what fits the thanks screen. Signs of Chinese count as two."""
_WIDE = 0x2E80


@dataclass(frozen=True, slots=True)
class Sendable:
    """What a setting may be: one of the words, or a number from ``low`` to ``high``."""

    words: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def kind(self) -> type:
        """What it is written as."""
        return str if self.words else float


VOLUME, THEME, TURN = "sound.volume", "screen.theme", "times.prompt_turn"
SETTINGS: Mapping[str, Sendable] = {
    VOLUME: Sendable(low=0.0, high=1.0),
    THEME: Sendable(("dusk", "contrast", "light")),
    TURN: Sendable(low=10.0, high=3600.0),
}
"""What a library may set from the centre. A closed list: never policy, texts, consent, or where stories go."""
_MAGIC = b"HEARTHFEED1\n"
_SIGNATURE = 64
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EXCERPT = re.compile(r"[0-9A-Za-z]{8,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 60
_KEEP = "The last good feed stays in use. Ask the archive's people to look."

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file beside the feed: SHA-256 and size of its bytes as they travel, which are sealed."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class LentExcerpt:
    """A cut: ``start`` and ``end`` in ms of its story, and ``at`` where it begins in the lent sound."""

    id: str
    start: Ms
    end: Ms
    at: Ms
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Loan:
    """What one story lends to one box: its cuts in one sound, its card, and the key to both, wrapped for the box.

    ``site`` is the library where it was told, ``consent`` its whole record, so that the box can ask the gate itself.
    """

    story: TakeId
    site: str
    key: bytes
    consent: ConsentRecord
    sound: Blob
    card: Blob
    excerpts: tuple[LentExcerpt, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A cue sheet: excerpt ids by button, 1 to 8."""

    name: str
    buttons: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class SentSet:
    """A set of prompts as the TOML a library would write itself."""

    name: str
    toml: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a teller's words, for their code page."""

    story: TakeId
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Erased:
    """The archive's receipt of an erasure: what is gone there since ``at``, and copies still on their way out."""

    story: TakeId
    at: datetime
    gone: tuple[str, ...]
    remaining: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody at the archive asks for a story back; ``sealed`` is the keep-code, for the box's eyes alone."""

    story: TakeId
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """The body of a feed. ``box`` is the public key (X25519) of the box it is for; ``sequence`` only grows."""

    box: bytes
    sequence: int
    made_at: datetime
    loans: tuple[Loan, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    prompts: tuple[SentSet, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    settings: Mapping[str, str | float] | None = None
    outcomes: tuple[Outcome, ...] = ()
    erased: tuple[Erased, ...] = ()
    lines: tuple[Mapping[str, str], ...] = ()
    claims: tuple[Claim, ...] = ()
    """What became of stories like these, for every visitor: one line each, by language."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "format": FORMAT,
            "box": self.box.hex(),
            "sequence": self.sequence,
            "made_at": self.made_at.isoformat(),
            "loans": [loan_json(loan) for loan in self.loans],
            "sheets": [
                {"name": sheet.name, "buttons": {str(button): cut for button, cut in sorted(sheet.buttons.items())}}
                for sheet in self.sheets
            ],
            "prompts": [prompts_json(one) for one in self.prompts],
            "tombstones": [stone.to_json() for stone in self.tombstones],
            "settings": dict(self.settings or {}),
            "outcomes": [outcome_json(one) for one in self.outcomes],
            "erased": [erased_json(one) for one in self.erased],
            # Only where there are any: a box that does not know them yet goes on reading feeds without.
            **({"lines": [dict(one) for one in self.lines]} if self.lines else {}),
            **(
                {"claims": [{"story": one.story, "sealed": one.sealed.hex()} for one in self.claims]}
                if self.claims
                else {}
            ),
        }


def seal_feed(manifest: Manifest, sign: SigningKey) -> bytes:
    """Seal ``manifest`` to its box and sign it. Raises `BadFeed` where it is larger than a box would take."""
    sealed = SealedBox(PublicKey(manifest.box)).encrypt(json.dumps(manifest.to_json(), ensure_ascii=False).encode())
    data = _MAGIC + sign.sign(_MAGIC + sealed).signature + sealed
    if len(data) > MOST_BYTES:
        raise BadFeed("This feed would be larger than a box takes.", "Lend fewer stories to this box.")
    return data


def open_feed(data: bytes, signer: bytes, box: PrivateKey) -> Manifest:
    """Verify that ``signer`` made this feed for ``box``, and read it.

    Raises `BadFeed` with a plain sentence for anything unsigned, signed by another, altered, sealed to another box,
    too large, or not understood to the last word.
    """
    if len(data) > MOST_BYTES:
        raise BadFeed("What the archive sent is larger than a feed can be.", _KEEP)
    head = len(_MAGIC) + _SIGNATURE
    if not data.startswith(_MAGIC) or len(data) <= head:
        raise BadFeed("What the archive sent is not a feed.", _KEEP)
    sealed = data[head:]
    try:
        VerifyKey(signer).verify(_MAGIC + sealed, data[len(_MAGIC) : head])
    except (BadSignatureError, ValueError, TypeError) as error:
        raise BadFeed("This feed is not signed by the archive this box knows.", _KEEP) from error
    try:
        plain = json.loads(SealedBox(box).decrypt(sealed))
    except CryptoError as error:
        raise BadFeed("This feed is sealed to another box.", _KEEP) from error
    except (ValueError, RecursionError) as error:
        raise BadFeed("This feed cannot be read.", _KEEP) from error
    manifest = read_manifest(plain)
    if manifest.box != bytes(box.public_key):
        raise BadFeed("This feed was made for another box.", _KEEP)
    return manifest


def read_manifest(plain: Any) -> Manifest:
    """Read the body of a feed. Raises `BadFeed`."""
    try:
        require_keys(plain, _KEYS | ({"lines", "claims"} & set(plain)))
        if plain["format"] != FORMAT:
            raise BadFeed("This feed is of a kind this box does not know yet.", "Bring the box up to date.")
        manifest = Manifest(
            box=bytes.fromhex(_text(plain["box"], 64)),
            sequence=_whole(plain["sequence"]),
            made_at=_time(plain["made_at"]),
            loans=_each(plain["loans"], _loan, MOST_LOANS),
            sheets=_each(plain["sheets"], _sheet, MOST_LOANS),
            prompts=_each(plain["prompts"], _prompts, 32),
            tombstones=_each(plain["tombstones"], _stone, 5000),
            settings=_settings(plain["settings"]),
            outcomes=_each(plain["outcomes"], _outcome, 1000),
            erased=_each(plain["erased"], _erased, 1000),
            lines=_each(plain.get("lines", []), _lines, MOST_LINES),
            claims=_each(plain.get("claims", []), _claim, MOST_CLAIMS),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadFeed("This feed says something a box does not understand.", _KEEP) from error
    _agree(manifest)
    return manifest


_KEYS = frozenset(
    {
        "format",
        "box",
        "sequence",
        "made_at",
        "loans",
        "sheets",
        "prompts",
        "tombstones",
        "settings",
        "outcomes",
        "erased",
    }
)


def require_keys(plain: object, keys: frozenset[str]) -> None:
    """Refuse what is not a mapping with exactly these keys. Raises `TypeError`."""
    if not isinstance(plain, dict) or plain.keys() != keys:
        raise TypeError


def _agree(manifest: Manifest) -> None:
    """Refuse a feed that contradicts itself."""
    stories = [loan.story for loan in manifest.loans]
    cuts = [cut.id for loan in manifest.loans for cut in loan.excerpts]
    names = [sheet.name for sheet in manifest.sheets]
    sets = [one.name for one in manifest.prompts]
    put = {cut for sheet in manifest.sheets for cut in sheet.buttons.values()}
    gone = {stone.story for stone in manifest.tombstones}
    twice = any(len(set(those)) != len(those) for those in (stories, cuts, names, sets))
    if twice or not put <= set(cuts) or gone & set(stories):
        raise BadFeed("This feed contradicts itself.", _KEEP)


def loan_json(loan: Loan) -> dict[str, Any]:
    """Return a loan as a feed says it."""
    return {
        "story": loan.story,
        "site": loan.site,
        "key": loan.key.hex(),
        "consent": record(loan.story, loan.consent.events),
        "sound": {"sha256": loan.sound.sha256, "size": loan.sound.size},
        "card": {"sha256": loan.card.sha256, "size": loan.card.size},
        "excerpts": [
            {"id": cut.id, "start": cut.start, "end": cut.end, "at": cut.at, "title": cut.title, "note": cut.note}
            for cut in loan.excerpts
        ],
    }


def prompts_json(one: SentSet) -> dict[str, str]:
    """Return a set of prompts as a feed says it."""
    return {"name": one.name, "toml": one.toml}


def outcome_json(one: Outcome) -> dict[str, str]:
    """Return an outcome as a feed says it."""
    return {"story": one.story, "at": one.at.isoformat(), "text": one.text}


def erased_json(one: Erased) -> dict[str, Any]:
    """Return a receipt of an erasure as a feed says it."""
    told = {"gone": list(one.gone), "remaining": list(one.remaining)}
    return {"story": one.story, "at": one.at.isoformat(), **told}


def _loan(plain: Any) -> Loan:
    require_keys(plain, frozenset({"story", "site", "key", "consent", "sound", "card", "excerpts"}))
    excerpts = _each(plain["excerpts"], _excerpt, MOST_EXCERPTS)
    if not excerpts:
        raise ValueError
    story = _story(plain["story"])
    try:
        consent = read_record(plain["consent"])
    except BadBag as error:
        raise BadFeed("A consent record in this feed was altered.", _KEEP) from error
    if consent.story != story:
        raise BadFeed("A consent record in this feed is another story's.", _KEEP)
    sound, card = _blob(plain["sound"], LARGEST_SOUND), _blob(plain["card"], LARGEST_CARD)
    key = bytes.fromhex(_text(plain["key"], 1024))
    return Loan(story, _text(plain["site"], 200), key, consent, sound, card, excerpts)


def _excerpt(plain: Any) -> LentExcerpt:
    require_keys(plain, frozenset({"id", "start", "end", "at", "title", "note"}))
    cut = LentExcerpt(
        _fits(plain["id"], _EXCERPT), Ms(_whole(plain["start"])), Ms(_whole(plain["end"])), Ms(_whole(plain["at"])),
        _text(plain["title"], 200), _text(plain["note"], 1000),
    )  # fmt: skip
    if not 0 < cut.end - cut.start <= LONGEST_EXCERPT:
        raise ValueError
    return cut


def _blob(plain: Any, most: int) -> Blob:
    require_keys(plain, frozenset({"sha256", "size"}))
    blob = Blob(_fits(plain["sha256"], _SHA256), _whole(plain["size"]))
    if blob.size > most:
        raise BadFeed("This feed lends something larger than a box takes.", _KEEP)
    return blob


def _sheet(plain: Any) -> Sheet:
    require_keys(plain, frozenset({"name", "buttons"}))
    buttons = {int(_fits(button, re.compile("[1-8]"))): cut for button, cut in plain["buttons"].items()}
    return Sheet(sheet_name(plain["name"]), {button: _fits(cut, _EXCERPT) for button, cut in buttons.items()})


def _prompts(plain: Any) -> SentSet:
    require_keys(plain, frozenset({"name", "toml"}))
    return SentSet(sheet_name(plain["name"]), _text(plain["toml"], LARGEST_SET))


def _stone(plain: Any) -> Tombstone:
    stone = read_tombstone(json.dumps(plain).encode())
    if stone is None:
        raise ValueError
    return stone


def _settings(plain: Any) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for name, value in plain.items():
        known = SETTINGS.get(name)
        if known is None:
            raise BadFeed(f"This feed would set {str(name)[:40]!r}, which is not set from outside.", _KEEP)
        # No more than its kind: what a value may be is judged by the box, which may be older or newer than the archive.
        if isinstance(value, bool) or not isinstance(value, int | float if known.kind is float else str):
            raise TypeError
        found[name] = float(value) if known.kind is float else _text(value, 40)
    return found


def _outcome(plain: Any) -> Outcome:
    require_keys(plain, frozenset({"story", "at", "text"}))
    return Outcome(_story(plain["story"]), _time(plain["at"]), _text(plain["text"], LARGEST_TEXT))


def line_width(line: str) -> int:
    """How wide a line is on a screen, in letters. Pure."""
    return sum(2 if ord(letter) >= _WIDE else 1 for letter in line)


def _claim(plain: Any) -> Claim:
    require_keys(plain, frozenset({"story", "sealed"}))
    return Claim(_story(plain["story"]), bytes.fromhex(_text(plain["sealed"], 1024)))


def _lines(plain: Any) -> dict[str, str]:
    if not isinstance(plain, dict) or not 0 < len(plain) <= MOST_LINES:
        raise TypeError
    found = {_fits(language, re.compile("[a-z]{2,3}")): _text(line, 200) for language, line in plain.items()}
    if any(not line.strip() or not line.isprintable() or line_width(line) > LONGEST_LINE for line in found.values()):
        raise ValueError
    return found


def _erased(plain: Any) -> Erased:
    require_keys(plain, frozenset({"story", "at", "gone", "remaining"}))

    def line(value: Any) -> str:
        return _text(value, 200)

    return Erased(
        _story(plain["story"]), _time(plain["at"]), _each(plain["gone"], line, 40), _each(plain["remaining"], line, 400)
    )


def _each(plain: object, read: Callable[[Any], _T], most: int) -> tuple[_T, ...]:
    if not isinstance(plain, list) or len(plain) > most:
        raise ValueError
    return tuple(read(one) for one in plain)


def sheet_name(name: object) -> str:
    """Return ``name`` if it can name a sheet or a set: small letters, digits, hyphens. Raises `ValueError`."""
    return _text(_fits(name, _NAME), _LONGEST_NAME)


def _story(value: object) -> TakeId:
    text = _text(value, 40)
    if not is_bag_id(text):
        raise ValueError
    return TakeId(text)


def _time(value: object) -> datetime:
    at = datetime.fromisoformat(_text(value, 40))
    if at.tzinfo is None:
        raise ValueError
    return at


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise TypeError
    return value


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise TypeError
    return value


def _fits(value: object, pattern: re.Pattern[str]) -> str:
    text = _text(value, 200)
    if not pattern.fullmatch(text):
        raise ValueError
    return text
