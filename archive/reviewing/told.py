"""What a story's page says of it in plain words: what its teller allowed, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Tx
from archive.catalogue.consents import standing_of
from archive.consent import Standing, Yes
from archive.errors import NoSuchStory
from archive.types import ASKED_USES, Form, Use
from audio.types import TakeId

_USES = {
    Use.PLAY_HERE: "played at the library where it was told",
    Use.ARCHIVE: "kept, heard and studied in this archive",
    Use.PARTNERS: "played and studied at partner libraries and archives",
    Use.PUBLIC: "published for everybody",
    Use.QUOTE: "quoted in writing",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """One use: whether its teller said yes, the use in words, and what the yes is bound to.

    ``words_only`` says that it is not for the voice, ``first_day`` (ISO) from when it counts, empty where it does now.
    """

    use: Use
    yes: bool
    words: str
    words_only: bool = False
    first_day: str = ""

    @property
    def bound(self) -> str:
        """What the yes is bound to, in words."""
        ties = ["the words only, not the voice"] if self.words_only else []
        return "; ".join([*ties, *([f"from {self.first_day} on"] if self.first_day else [])])


@dataclass(frozen=True, slots=True)
class StoryFacts:
    """A story's row, as the desk's pages show it. Times are ISO 8601 in UTC, ``length`` is ms."""

    id: TakeId
    headline: str
    asked: str
    kind: str
    language: str
    site: str
    box: str
    recorded_at: str
    clock_trusted: bool
    received_at: str
    length: int
    has_voice: bool
    bag_sha256: str
    receipt_at: str
    wording: str


def facts_of(tx: Tx, story: str) -> StoryFacts:
    """The facts of one story. Raises `NoSuchStory`."""
    row = tx.one("SELECT * FROM stories WHERE id = ?", story)
    if row is None:
        raise NoSuchStory("There is no story with this identifier here.", "It may have been taken back by its teller.")
    receipt = tx.one("SELECT at FROM receipts WHERE story = ? ORDER BY at DESC LIMIT 1", story)
    worded = tx.one(
        "SELECT wording_version, language FROM consents WHERE story = ? AND act = 'decide' "
        "ORDER BY number DESC LIMIT 1",
        story,
    )
    return StoryFacts(
        TakeId(story), str(row["prompt_text"] or row["title"] or "A story"), str(row["prompt_text"]), str(row["kind"]),
        str(row["language"]), str(row["site"]), str(row["box"]), str(row["recorded_at"]), bool(row["clock_trusted"]),
        str(row["received_at"]), int(row["length_ms"]), bool(row["has_voice"]), str(row["bag_sha256"]),
        "" if receipt is None else str(receipt["at"]),
        "" if worded is None else f"version {worded['wording_version']} ({worded['language']})",
    )  # fmt: skip


def allowed_of(tx: Tx, story: str, now: datetime) -> tuple[list[Allowed], Standing]:
    """What the teller of a story allowed, use by use, and where the story stands."""
    where = standing_of(tx, story)
    return uses_of(where, now), where


def uses_of(where: Standing, now: datetime) -> list[Allowed]:
    """What somebody allowed, use by use, in the order it was asked. Pure."""
    return [_allowed(use, where.uses.get(use), now) for use in ASKED_USES]


def _allowed(use: Use, yes: Yes | None, now: datetime) -> Allowed:
    if yes is None:
        return Allowed(use, yes=False, words=_USES[use])
    later = yes.embargo is not None and yes.embargo > now.date()
    first = yes.embargo.isoformat() if yes.embargo is not None and later else ""
    return Allowed(use, yes=True, words=_USES[use], words_only=yes.form is Form.TRANSCRIPT, first_day=first)
