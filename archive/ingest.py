"""The archive's own step over a folder: apply tombstones, check what came in, keep it, sign for it.

The folder holds, beside whatever else other people keep there::

    incoming/<id>/      bags that arrived (`<id>.part` while they are written)
    bags/<id>/          bags that passed
    receipts/<id>.json  what was signed for them
    tombstones/<id>.json  what was taken back
    refused/<id>/       what did not pass, with the reason beside it in <id>.txt

Every step is a rename or a whole small file, so a run killed anywhere is finished by the next; running again
changes nothing. Only names that can be story ids are ever touched, and only in these five folders.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from archive.bag import TAG_MANIFEST, is_bag_id
from archive.bagcheck import CheckedBag, Limits, check_bag, read_consent
from archive.consentrecord import ConsentRecord
from archive.durable import PART, move, remove, sync_folder, write_file
from archive.errors import BadBag, Conflict, TakenBack
from archive.receipts import Receipt, Signer, read_receipt
from archive.tombstones import Reach, Tombstone, read_tombstone
from archive.types import Act
from audio.clock import Clock

INCOMING = "incoming"
BAGS = "bags"
RECEIPTS = "receipts"
TOMBSTONES = "tombstones"
REFUSED = "refused"
TAKEN_BACK = "This story was taken back by its teller; the bag that came for it was removed."
FOLDERS = (INCOMING, BAGS, RECEIPTS, TOMBSTONES, REFUSED)

Progress = Callable[[str, str], None]
"""Called with a step's name and the story it concerns, before the step is taken."""


def no_progress(step: str, story: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bag that was not taken, and why, in a sentence for a librarian."""

    bag: str
    why: str


@dataclass(slots=True)
class IngestReport:
    """What one run did: receipts of bags newly kept, refusals, ids whose copies were removed."""

    kept: list[Receipt] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class FolderArchive:
    """An archive that is a folder. The caller makes sure that one run at a time works on it."""

    def __init__(self, root: Path, signer: Signer, clock: Clock, *, limits: Limits | None = None) -> None:
        """Keep bags under ``root``, sign with ``signer``."""
        self.root = root
        self._signer = signer
        self._clock = clock
        self._limits = limits or Limits()

    def run(self, progress: Progress = no_progress) -> IngestReport:
        """Do everything there is to do. Raises `OSError` where the disk fails; the next run goes on."""
        report = IngestReport()
        sweep(self.root)
        stones = {str(stone.story): stone for stone in read_tombstones(self.root)}
        for stone in stones.values():
            self._bury(stone, report, progress)
        for name in _names(self.root / INCOMING):
            self._take_in(name, stones.get(name), report, progress)
        for name in _names(self.root / BAGS):
            if self._own_receipt(name) is None:
                self._sign(name, report, progress)
        tidy(self.root)
        return report

    def _bury(self, stone: Tombstone, report: IngestReport, progress: Progress) -> None:
        """Remove every copy a tombstone speaks of. What came in for it is judged when its turn comes, and said."""
        progress("bury", stone.story)
        lifted = self._lifts(self.root / BAGS / stone.story, stone)
        if not lifted and remove_copies(self.root, stone.story, incoming=False):
            report.removed.append(stone.story)

    def _lifts(self, folder: Path, stone: Tombstone) -> bool:
        if not folder.is_dir():
            return False
        try:
            consent = read_consent(folder)
        except BadBag:
            return False
        return lifts(stone, consent)

    def _take_in(self, name: str, stone: Tombstone | None, report: IngestReport, progress: Progress) -> None:
        progress("check", name)
        came = self.root / INCOMING / name
        try:
            self._refuse_taken_back(came, stone)
            checked = check_bag(came, self._now(), self._limits)
            self._keep(checked, came, progress)
        except BadBag as error:
            report.refused.append(Refusal(name, error.say))
            if stone is None:
                self._set_aside(came, error.say)
            else:
                remove(came)

    def _refuse_taken_back(self, came: Path, stone: Tombstone | None) -> None:
        if stone is not None and not self._lifts(came, stone):
            raise TakenBack(TAKEN_BACK)

    def _keep(self, checked: CheckedBag, came: Path, progress: Progress) -> None:
        """Put a checked bag in its place. Raises `BadBag` where another content has the same id already."""
        kept = self.root / BAGS / checked.id
        progress("keep", checked.id)
        if kept.exists():
            if self._same(kept, checked):
                remove(came)
                return
            self._check_successor(kept, checked)
            # The receipt goes first: a kept bag with a receipt always is the one that was signed for.
            remove(self._receipt_path(checked.id))
            remove(kept)
        _make(self.root / BAGS)
        progress("place", checked.id)
        move(came, kept)

    def _same(self, kept: Path, checked: CheckedBag) -> bool:
        """Tell whether what is kept is the very same bag, still whole."""
        try:
            return check_bag(kept, self._now(), self._limits).sha256 == checked.sha256
        except BadBag:
            return False

    def _check_successor(self, kept: Path, checked: CheckedBag) -> None:
        """Let a bag take the place of a kept one only if it is the same, repaired, or `check_successor` lets it."""
        receipt = self._own_receipt(checked.id)
        if receipt is not None and receipt.sha256 == checked.sha256:
            return
        try:
            before = check_bag(kept, self._now(), self._limits, trust_consent=True)
        except BadBag as error:
            say = "Another bag with this id is kept here, and it is damaged; a person has to look at both."
            raise Conflict(say) from error
        check_successor(before.consent, before.sound_sha256, checked)

    def _sign(self, name: str, report: IngestReport, progress: Progress) -> None:
        """Sign for a kept bag that has no receipt of ours: placed a moment ago, by a killed run or by another box."""
        kept = self.root / BAGS / name
        try:
            checked = check_bag(kept, self._now(), self._limits)
        except BadBag as error:
            report.refused.append(Refusal(name, error.say))
            self._set_aside(kept, error.say)
            return
        progress("sign", name)
        receipt = self._signer.sign(name, checked.sha256, self._clock.wall())
        _make(self.root / RECEIPTS)
        write_file(self._receipt_path(name), receipt.to_bytes())
        report.kept.append(receipt)

    def _now(self) -> datetime | None:
        return self._clock.wall() if self._clock.trusted() else None

    def _own_receipt(self, name: str) -> Receipt | None:
        receipt = load_receipt(self.root, name)
        return receipt if receipt is not None and receipt.verified(self._signer.public) else None

    def _receipt_path(self, name: str) -> Path:
        return self.root / RECEIPTS / f"{name}.json"

    def _set_aside(self, folder: Path, why: str) -> None:
        _make(self.root / REFUSED)
        aside = self.root / REFUSED / folder.name
        remove(aside)
        write_file(aside.with_name(f"{folder.name}.txt"), f"{why}\n".encode())
        move(folder, aside)


def lifts(stone: Tombstone, consent: ConsentRecord) -> bool:
    """Whether a teller who recalled a story said yes again since: its consent record goes on from the recalled one.

    Nothing lifts a withdrawal.
    """
    goes_on = len(consent.events) > stone.events and consent.extends(stone.events, stone.head)
    return stone.reach is Reach.RECALL and goes_on


def check_successor(kept: ConsentRecord, kept_sound: str | None, came: CheckedBag, *, same_hands: bool = True) -> None:
    """Let a bag take the place of a kept one only if its consent record goes on from the kept one's.

    The sound stays the same, unless it went or came as a whole or the record itself says that a span was taken back
    since. ``kept_sound`` is the SHA-256 of the kept sound file, None where there is none. Out of the ``same_hands`` as
    the kept one, a bag of the same record and the same sound comes in its place too: a machine wrote down more of it,
    or doubts some of it, since. Raises `Conflict`.
    """
    said = len(kept.events)
    goes_on = came.consent.extends(said, kept.head)
    if same_hands and goes_on and len(came.consent.events) == said and kept_sound == came.sound_sha256:
        return
    grown = len(came.consent.events) > said and goes_on
    same_sound = None in {kept_sound, came.sound_sha256} or kept_sound == came.sound_sha256
    cut = any(event.act is Act.CUT for event in came.consent.events[said:])
    if not (grown and (same_sound or cut)):
        say = "Another content with the same id is kept already; the new one was put aside for a person to look at."
        raise Conflict(say)


def load_receipt(root: Path, name: str) -> Receipt | None:
    """Read the receipt of bag ``name``, None where there is none that can be read. It is not verified here."""
    path = root / RECEIPTS / f"{name}.json"
    if path.is_symlink() or not path.is_file():
        return None
    receipt = read_receipt(path.read_bytes())
    return receipt if receipt is not None and receipt.bag == name else None


def kept_digest(root: Path, name: str) -> str | None:
    """Return the SHA-256 of a kept bag's tag manifest, None where it is not there."""
    path = root / BAGS / name / TAG_MANIFEST
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def read_tombstones(root: Path) -> Iterator[Tombstone]:
    """Read every tombstone that stands under its own name; anything else in the folder is left alone."""
    for path in _entries(root / TOMBSTONES):
        if path.suffix == ".json" and is_bag_id(path.stem) and path.is_file() and not path.is_symlink():
            stone = read_tombstone(path.read_bytes())
            if stone is not None and stone.story == path.stem:
                yield stone


def remove_copies(root: Path, name: str, *, incoming: bool = True) -> bool:
    """Remove bag, receipt, refused and incoming copies of ``name``; tells whether there were any."""
    places = [root / BAGS / name, root / REFUSED / name]
    places += [root / REFUSED / f"{name}.txt", root / RECEIPTS / f"{name}.json"]
    if incoming:
        places.append(root / INCOMING / name)
    removed = [place for place in places if remove(place)]
    return bool(removed)


def sweep(root: Path) -> None:
    """Remove what killed runs left half done: our own temporary names, nobody else's."""
    for folder in FOLDERS:
        for path in _entries(root / folder):
            stem = path.name.removesuffix(PART)
            if stem != path.name and is_bag_id(stem.removesuffix(".json").removesuffix(".txt")):
                remove(path)


def tidy(root: Path) -> None:
    """Remove our own folders that are empty."""
    gone = False
    for name in FOLDERS:
        with contextlib.suppress(OSError):
            (root / name).rmdir()
            gone = True
    if gone:
        sync_folder(root)


def _names(folder: Path) -> list[str]:
    return [path.name for path in _entries(folder) if is_bag_id(path.name)]


def _entries(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(folder.iterdir())


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir()
        sync_folder(folder.parent)
