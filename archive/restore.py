"""Moves a whole box out of a backup into a fresh home: same ids, hashes, consents, codes and cue sheets.

Everything is prepared in a folder inside the new home, its keys in one inside the new key folder, and becomes the home
by one rename of the database, so a restore killed anywhere is begun again. Before that, every withdrawal that can be
found is carried out: those of the receiving home, of the archive the box hands on to, and of a file. As long as none
of these has been read, and no steward has said in words that there is none, every story stays held: an old backup
never brings one back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from archive.backup import DATABASE, LABEL, MANIFEST, BackupKeys, known_ids, read_backup_keys
from archive.claims import KIOSK, SYNCING, TRANSCRIBER, claim
from archive.consent import all_events, events_of, standing
from archive.durable import move, remove, sync_folder, write_file
from archive.elapsed import beat
from archive.errors import DamagedStore, HomeTrouble, NoKey, NoSuchStory, Refused, TransportTrouble
from archive.home import UNPACKED, Home, keys_folder, open_home
from archive.receipts import TELL
from archive.restorehold import hold_all, release_restored, waits
from archive.returned import NONE_SAID, Told, told_by_file, told_by_place
from archive.store import Store
from archive.transports.way import Way
from archive.types import Act
from archive.verify import Damage, verify
from audio.clock import Clock
from audio.errors import AudioError, DamagedTake
from audio.sealedfile import SealedReader
from audio.types import TakeId

_FOLDERS = ("takes", "stories", "texts", "prompts")
_NAME = re.compile(r"(takes|stories|texts|prompts)(/[\w.-]+)+|hearth\.db|config\.toml|backup\.json", re.ASCII)
_BLOCK = 1 << 20
_ARCHIVE = "the archive"
_STOP_IT = "Stop it first (sudo systemctl stop hearth-kiosk hearth-transcriber), or restore into another home."


@dataclass(slots=True)
class Restored:
    """What a restore did. ``sources`` are the places withdrawals were read from; ``held`` stories wait for one.

    ``silent`` says why the place handed on to gave no answer. ``newer`` are stories that stay held because a place
    knows something newer of them than the backup; ``made_at`` is when that was made, in ISO 8601 as its box's clock
    showed it, "" where nothing was unpacked; ``clock_trusted`` tells whether that clock was confirmed.
    """

    stories: int = 0
    erased: list[TakeId] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    silent: str = ""
    held: int = 0
    damaged: list[Damage] = field(default_factory=list)
    newer: list[TakeId] = field(default_factory=list)
    made_at: str = ""
    clock_trusted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "stories": self.stories,
            "erased": self.erased,
            "sources": self.sources,
            "silent": self.silent,
            "held": self.held,
            "damaged": [one.to_json() for one in self.damaged],
            "newer": self.newer,
            "made_at": self.made_at,
            "clock_trusted": self.clock_trusted,
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """Where to look for withdrawals: a file or folder of tombstones, the place handed on to, or a steward's word.

    ``way`` is how to get to the place, with the credential it gave this box.
    """

    tombstones: Path | None = None
    place: str = ""
    none_said: str = ""
    way: Way = field(default_factory=Way)

    def check(self) -> None:
        """Raise `Refused` where a steward's word is another one than the one that is asked for."""
        if self.none_said and " ".join(self.none_said.lower().split()).rstrip(".") != NONE_SAID:
            raise Refused(
                f"Whether anything was taken back has to be said in these words: {NONE_SAID}.",
                f'Say it only if you know it: --no-tombstones "{NONE_SAID}".',
            )


def restore(backup: Path, keys_file: Path, path: Path, clock: Clock, answers: Answers) -> Restored:
    """Put the box in ``backup`` into the home at ``path``, which may hold no story.

    Raises `Refused` (a home with stories or where the box is at work, other keys in its key folder, a wrong word),
    `NoKey`, `HomeTrouble` (damaged or unreadable backup, full disk). Until it returns nothing of it can be used.
    """
    answers.check()
    keys = read_backup_keys(keys_file)
    place = path.absolute()
    with _at_rest(place):
        return _restored(backup, keys, Home(place, keys_folder(place)), clock, answers)


@contextlib.contextmanager
def _at_rest(place: Path) -> Iterator[None]:
    """Keep every program of the box out of its home meanwhile.

    One that is at work there has the database open which the restore replaces: whatever it wrote from then on, a story
    it had called safe among it, would be gone with its last connection.
    """
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as claims:
            for name in (KIOSK, TRANSCRIBER, SYNCING):
                claimed = claim(place / name)
                if claimed is None:
                    raise Refused(f"A box is at work on {place}.", _STOP_IT)
                claims.enter_context(claimed)
            yield
    except OSError as error:
        raise HomeTrouble(f"{place} cannot be used: {error.strerror}.", "Give another folder with --home.") from error


def _restored(backup: Path, keys: BackupKeys, home: Home, clock: Clock, answers: Answers) -> Restored:
    place = home.path
    ended, same_box = _receiving(home, keys, clock)
    staged = Home(place / UNPACKED, home.keys / UNPACKED)
    first = not home.keys.exists()
    try:
        try:
            later, report = _unpack(backup, keys, staged)
            with Store(staged, clock) as store:
                _settle(store, report, later, ended, same_box=same_box)
                _answer(store, report, answers)
                report.stories = len(store.stories())
        except BaseException:  # whatever stopped it: of a backup that is refused nothing stays
            shutil.rmtree(staged.path, ignore_errors=True)
            raise
        _move_in(staged, home)
    except NoKey as error:
        say = "The second file does not hold the keys of the box in this backup."
        raise NoKey(say, "Nothing of it is in use. Give the file that was made with the backup.") from error
    except DamagedTake as error:
        raise HomeTrouble(
            "The backup could not be restored: it is damaged, or these keys belong to another one.",
            "Nothing of it is in use. Give the keys that were made with it, or take another backup.",
        ) from error
    except (OSError, AudioError) as error:
        say = f"The backup could not be restored: {getattr(error, 'say', '') or error}"
        raise HomeTrouble(say, "Nothing of it is in use. Check the file, its keys and the disk.") from error
    finally:
        # Keys that came with what was refused; a restore that was killed leaves them where keys belong.
        shutil.rmtree(staged.keys, ignore_errors=True)
        if first:
            with contextlib.suppress(OSError):
                home.keys.rmdir()
    open_home(place)
    return report


def release(store: Store, answers: Answers) -> Restored:
    """Answer a restored box that still waits. Raises `Refused` where it does not wait, or nothing answered it."""
    answers.check()
    if not waits(store):
        raise Refused("This box does not wait for anything.", "Its stories are as their tellers left them.")
    report = Restored()
    _answer(store, report, answers)
    report.stories = len(store.stories())
    return report


def _receiving(home: Home, keys: BackupKeys, clock: Clock) -> tuple[dict[TakeId, str], bool]:
    """Look at the home that receives: what ended in it, and whether it is the same box. Raises `Refused`."""
    there = {p.name: p.read_bytes() for p in home.keys.iterdir() if p.is_file()} if home.keys.is_dir() else {}
    same_box = there.get("box.key") == keys.files.get("box.key")
    if not home.database.exists():
        if there.get("box.key") is not None and not same_box:
            raise Refused(f"The keys of another box lie at {home.keys}.", "Move them away, or set HEARTH_KEYS.")
        if not (home.path / UNPACKED).exists() and any(home.stories.glob("*")):
            raise Refused("There are stories without a database here.", "Restore into an empty folder.")
        return {}, same_box
    with Store(Home(home.path, home.keys), clock) as store:
        if store.db.conn.execute("SELECT 1 FROM takes LIMIT 1").fetchone() is not None:
            raise Refused("There are stories in this home already.", "Restore into a fresh one: --home FOLDER.")
        ended = {take: str(standing(events).ended) for take, events in all_events(store.db.conn).items()}
        ended |= {gone.take: str(Act.WITHDRAW) for gone in store.tombstones()}
    # An empty home knows of nothing: that is no answer.
    return ended, same_box and bool(ended)


def _unpack(backup: Path, keys: BackupKeys, staged: Home) -> tuple[dict[TakeId, str], Restored]:
    """Unpack into the staging folders, everything checked against the manifest.

    Returns what had ended when the backup was finished, and a report that knows when that was.
    """
    for folder in (staged.path, staged.keys):
        if folder.exists():
            shutil.rmtree(folder)
    staged.keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (staged.path, *(staged.path / name for name in _FOLDERS), staged.outbox, staged.log, staged.keys):
        folder.mkdir(mode=0o700, parents=True)
    for name, data in keys.files.items():
        write_file(staged.keys / name, data, 0o600)
    try:
        with SealedReader(backup, keys.key, LABEL) as sealed:
            members = _extract_all(cast("IO[bytes]", sealed), staged.path)
        manifest = cast("dict[str, Any]", json.loads((staged.path / MANIFEST).read_bytes()))
        whole = manifest["version"] == 1 and manifest["backup"] == keys.backup and manifest["members"] == members
        report = Restored(made_at=str(manifest["made_at"]), clock_trusted=bool(manifest["clock_trusted"]))
        later = known_ids(manifest)
    except (tarfile.TarError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise HomeTrouble(f"The backup cannot be read: {error}.", "Take another one.") from error
    if not whole:
        raise HomeTrouble("The backup is not whole, or its keys belong to another one.", "Take another one.")
    return later, report


def _extract_all(sealed: IO[bytes], place: Path) -> dict[str, dict[str, Any]]:
    """Unpack every member, the manifest too; size and sum of the others by name."""
    members = {}
    with tarfile.open(fileobj=sealed, mode="r|") as tar:
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            if file is None or not _NAME.fullmatch(info.name) or "/.." in info.name:
                raise HomeTrouble(f"The backup holds something that is not a box's: {info.name!r}.")
            members[info.name] = _extract(file, place / info.name)
    members.pop(MANIFEST, None)
    return members


def _extract(file: IO[bytes], target: Path) -> dict[str, Any]:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        while block := file.read(_BLOCK):
            out.write(block)
            digest.update(block)
            size += len(block)
        out.flush()
        os.fsync(out.fileno())
    sync_folder(target.parent)
    return {"size": size, "sha256": digest.hexdigest()}


def _settle(
    store: Store, report: Restored, later: dict[TakeId, str], ended: dict[TakeId, str], *, same_box: bool
) -> None:
    """End what had ended elsewhere, check the rest, and hold it."""
    store.finish_erasures()
    for take, act in {**later, **ended}.items():
        _end(store, report, take, act)
    # What ended while the backup was written has no file in it; and what is held cannot be looked into any more.
    report.damaged = verify(store).damaged
    # The day of a take nobody kept counts from here: this boot has to be known, however its clock stands.
    beat(store)
    for take, events in all_events(store.db.conn).items():
        where = standing(events)
        if where.ended is None and not where.kept:
            # Whoever told it is not standing before this box.
            store.close_review(take, "restore")
    hold_all(store)
    if same_box:
        report.sources.append("the receiving home")


def _answer(store: Store, report: Restored, answers: Answers) -> None:
    """Carry out the withdrawals that can be found, and release the stories if there was an answer."""
    newer: set[TakeId] = set()
    heard = False
    for name, told in _answers(store, report, answers):
        heard = heard or name == _ARCHIVE
        report.sources.append(name)
        newer |= told.newer
        for take in told.withdrawn:
            _end(store, report, take, str(Act.WITHDRAW))
    if answers.none_said:
        report.sources.append("a steward: there is none")
    if report.sources:
        release_restored(store, "; ".join(report.sources), newer, heard=heard)
        here = {story.id for story in store.stories()}
        report.newer = sorted(take for take in newer & here if store.standing(take).held)
    elif not waits(store):
        raise DamagedStore("The hold of the restored stories was not written.", "Try again.")
    report.held = len(store.stories()) if waits(store) else 0


def _answers(store: Store, report: Restored, answers: Answers) -> Iterator[tuple[str, Told]]:
    if answers.place:
        report.silent = f"Nothing at {answers.place} shows that this box was ever there."
        try:
            told = told_by_place(store, answers.place, answers.way)
        except TransportTrouble as error:
            told, report.silent = None, f"{error.say} {error.do}".strip()
        if told is not None:
            report.silent = ""
            yield _ARCHIVE, told
    if answers.tombstones is not None:
        yield "a file of tombstones", told_by_file(store, answers.tombstones)


def _end(store: Store, report: Restored, take: TakeId, act: str) -> None:
    """End one story as it was ended elsewhere; a withdrawal is remembered even for a story that is not here."""
    there = store.db.conn.execute("SELECT 1 FROM takes WHERE id = ?", (take,)).fetchone() is not None
    if act == Act.WITHDRAW:
        store.add_tombstone(take)
        if not any(event.act is Act.WITHDRAW for event in events_of(store.db.conn, take)):
            # Told after the backup was made, or over here before: an archive may have it all the same.
            store.add_receipt(take, TELL, "", "{}")
    elif act in {Act.DISCARD, Act.EXPIRE} and there:
        with contextlib.suppress(NoSuchStory):
            store.erase(take, Act.EXPIRE, "restore")
    if there:
        report.erased.append(take)


def _move_in(staged: Home, home: Home) -> None:
    """Make the prepared folder the home; the database's rename is the moment from which it counts."""
    home.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(staged.keys.iterdir()):
        write_file(home.keys / path.name, path.read_bytes(), 0o600)
    sync_folder(home.keys.parent)
    for name in _FOLDERS:
        remove(home.path / name)
        move(staged.path / name, home.path / name)
    if (staged.path / "config.toml").exists():
        move(staged.path / "config.toml", home.config)
    for suffix in ("-wal", "-shm"):
        remove(home.database.with_name(DATABASE + suffix))
    move(staged.database, home.database)
    shutil.rmtree(staged.path)
    sync_folder(home.path)
