"""The archive's own step over a folder: whole or absent, repeat-safe, other people's files untouched."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from archive.bag import write_folder
from archive.bagcheck import check_bag
from archive.consentrecord import links
from archive.ingest import FolderArchive, load_receipt, read_tombstones
from archive.receipts import Signer
from archive.tombstones import Reach, Tombstone
from archive.types import Use
from audio.clock import VirtualClock
from audio.types import TakeId

ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"
OTHER = "01BBBBBBBBBBBBBBBBBBBBBBBB"
THEIRS = ("bags/pictures/a.jpg", "bags/pictures.part/b", "bags/my bag/c", "incoming/holidays2025/d", "notes.txt")
ALSO_THEIRS = ("receipts/groceries.json", "incoming/read.me", "tombstones/list.json", "refused/x.part")


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(root: Path, signer: Signer, clock: VirtualClock) -> FolderArchive:
    return FolderArchive(root, signer, clock)


@pytest.fixture
def arrive(root: Path, bag_of: Callable[..., Any]) -> Callable[..., Any]:
    def put(*args: Any, **named: Any) -> Any:
        bag = bag_of(*args, **named)
        write_folder(bag, (root / "incoming").resolve() / bag.id)
        return bag

    return put


def bury(root: Path, stone: Tombstone) -> None:
    (root / "tombstones").mkdir(exist_ok=True)
    (root / "tombstones" / f"{stone.story}.json").write_bytes(stone.to_bytes())


def test_a_bag_is_kept_and_signed_for(
    archive: FolderArchive, root: Path, signer: Signer, arrive: Callable[..., Any]
) -> None:
    bag = arrive()
    (receipt,) = archive.run().kept
    assert (receipt.bag, receipt.sha256) == (bag.id, bag.sha256)
    assert receipt.verified(signer.public)
    assert load_receipt(root, bag.id) == receipt
    assert sorted(path.name for path in root.iterdir()) == ["bags", "receipts"]


def test_running_again_changes_nothing(archive: FolderArchive, root: Path, arrive: Callable[..., Any]) -> None:
    arrive()
    archive.run()
    before = tree(root)
    assert archive.run().kept == []
    assert tree(root) == before


def test_the_same_bag_again_keeps_the_old_receipt(
    archive: FolderArchive, root: Path, clock: VirtualClock, arrive: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    before = tree(root)
    for _ in range(10):
        clock.advance(60)
        arrive()
        report = archive.run()
        assert (report.kept, report.refused) == ([], [])
    assert tree(root) == before


def test_another_content_with_the_same_id_is_put_aside(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    before = tree(root)
    arrive(sound=b"fLaCforged")
    # The same ledger with other sound is no successor of what was signed: nobody decided anything since.
    assert len(archive.run().refused) == 1
    assert before.items() <= tree(root).items()


def test_the_same_sound_with_words_a_machine_wrote_since_takes_the_place_of_the_old(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    newer = arrive(words="A lighthouse, by night.")
    (receipt,) = archive.run().kept
    assert receipt.sha256 == newer.sha256
    assert "by night" in (root / "bags" / ID / "data/story.vtt").read_text()


def test_a_bag_of_another_ledger_is_put_aside(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    before = tree(root)
    arrive(ledger(uses=(Use.RECORD, Use.KEEP, Use.PUBLIC, Use.ARCHIVE)))
    (refusal,) = archive.run().refused
    assert "Another content" in refusal.why
    assert before.items() <= tree(root).items()
    assert (root / "refused" / ID / "data/story.flac").exists()
    assert "Another content" in (root / "refused" / f"{ID}.txt").read_text()


def test_other_sound_under_a_longer_ledger_is_put_aside(
    archive: FolderArchive, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    arrive(ledger().say(Use.PUBLIC), sound=b"fLaCother")
    assert archive.run().refused


def test_a_longer_consent_takes_the_place_of_the_old(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    newer = arrive(ledger().say(Use.PUBLIC))
    (receipt,) = archive.run().kept
    assert receipt.sha256 == newer.sha256
    older = arrive()
    assert archive.run().refused
    assert load_receipt(root, older.id) == receipt


def test_a_rotten_copy_is_repaired_by_the_bag_it_was_signed_for(
    archive: FolderArchive, root: Path, clock: VirtualClock, arrive: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    (root / "bags" / ID / "data/story.vtt").write_text("rot")
    bag = arrive()
    assert archive.run().refused == []
    assert check_bag(root / "bags" / ID, clock.wall()).sha256 == bag.sha256


def test_a_rotten_copy_is_not_overwritten_by_something_else(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    (root / "bags" / ID / "data/story.vtt").write_text("rot")
    arrive(ledger().say(Use.PUBLIC))
    (refusal,) = archive.run().refused
    assert "damaged" in refusal.why


def test_altered_without_receipt_is_never_signed(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    (root / "receipts" / f"{ID}.json").unlink()
    (root / "bags" / ID / "data/story.vtt").write_text("rot")
    report = archive.run()
    assert report.kept == []
    assert (root / "refused" / ID).is_dir()
    assert not (root / "bags" / ID).exists()


def test_a_receipt_by_another_key_is_signed_anew(
    archive: FolderArchive, root: Path, signer: Signer, clock: VirtualClock, arrive: Callable[..., Any]
) -> None:
    arrive()
    FolderArchive(root, Signer(SigningKey.generate()), clock).run()
    (receipt,) = archive.run().kept
    assert receipt.verified(signer.public)


def test_a_withdrawal_leaves_only_the_tombstone(
    archive: FolderArchive, root: Path, clock: VirtualClock, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    arrive()
    archive.run()
    arrive(ledger(uses=(Use.RECORD,)))
    assert archive.run().refused
    bury(root, Tombstone(TakeId(ID), clock.wall()))
    assert archive.run().removed == [ID]
    assert list(tree(root)) == [f"tombstones/{ID}.json"]
    assert [path.name for path in root.iterdir()] == ["tombstones"]


def test_a_bag_that_comes_after_its_tombstone_is_removed(
    archive: FolderArchive, root: Path, clock: VirtualClock, arrive: Callable[..., Any]
) -> None:
    bury(root, Tombstone(TakeId(ID), clock.wall()))
    archive.run()
    for _ in range(2):
        arrive()
        archive.run()
        assert list(tree(root)) == [f"tombstones/{ID}.json"]


def test_a_recall_is_lifted_by_a_newer_yes_only(
    archive: FolderArchive, root: Path, clock: VirtualClock, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    said = ledger()
    arrive(said)
    archive.run()
    checked = check_bag(root / "bags" / ID, clock.wall()).consent
    said.say(Use.ARCHIVE, yes=False)
    bury(root, Tombstone(TakeId(ID), clock.wall(), Reach.RECALL, len(said.events), links(said.events)[-1]))
    archive.run()
    assert list(tree(root)) == [f"tombstones/{ID}.json"]
    arrive(ledger())
    assert archive.run().refused
    assert list(tree(root)) == [f"tombstones/{ID}.json"]
    assert len(checked.events) == 3
    arrive(said.say(Use.ARCHIVE))
    assert len(archive.run().kept) == 1
    archive.run()
    assert (root / "bags" / ID).is_dir()


def test_other_peoples_files_stay(archive: FolderArchive, root: Path, arrive: Callable[..., Any]) -> None:
    for name in THEIRS + ALSO_THEIRS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")
    before = tree(root)
    arrive()
    archive.run()
    assert before.items() <= tree(root).items()
    bury(root, Tombstone(TakeId(ID), VirtualClock().wall()))
    archive.run()
    assert before.items() <= tree(root).items()


def test_a_link_among_the_incoming_is_put_aside_and_never_followed(
    archive: FolderArchive, root: Path, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    (root / "incoming").mkdir()
    (root / "incoming" / ID).symlink_to(precious)
    assert archive.run().refused
    bury(root, Tombstone(TakeId(ID), VirtualClock().wall()))
    archive.run()
    assert (precious / "file").read_text() == "keep me"
    assert list(tree(root)) == [f"tombstones/{ID}.json"]


def test_half_things_are_swept_and_odd_tombstones_ignored(
    archive: FolderArchive, root: Path, arrive: Callable[..., Any]
) -> None:
    arrive()
    (root / "incoming" / f"{OTHER}.part").mkdir()
    (root / "bags").mkdir()
    (root / "bags" / f"{ID}.part").mkdir()
    (root / "tombstones").mkdir()
    (root / "tombstones" / f"{ID}.json").write_text('{"id": "another"}')
    (root / "tombstones" / f"{ID}.json.part").write_text("torn")
    archive.run()
    assert (root / "bags" / ID).is_dir()
    assert not [name for name in tree(root) if ".part" in name]
    assert list(read_tombstones(root)) == []


def test_a_torn_receipt_is_written_again(archive: FolderArchive, root: Path, arrive: Callable[..., Any]) -> None:
    arrive()
    archive.run()
    (root / "receipts" / f"{ID}.json").write_text("{")
    assert len(archive.run().kept) == 1


def test_killed_after_any_step_the_next_run_completes(
    root: Path, signer: Signer, clock: VirtualClock, arrive: Callable[..., Any], ledger: Callable[..., Any]
) -> None:
    """Every step of a replacement broken off once: the result is always the newer bag with its receipt."""

    class Cut(BaseException):
        pass

    for fatal in range(12):
        shutil.rmtree(root)
        root.mkdir()
        arrive()
        FolderArchive(root, signer, clock).run()
        newer = arrive(ledger().say(Use.PUBLIC))
        left = fatal

        def progress(_step: str, _story: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut

        with contextlib.suppress(Cut):
            FolderArchive(root, signer, clock).run(progress)
        clock.advance(timedelta(minutes=1).total_seconds())
        FolderArchive(root, signer, clock).run()
        receipt = load_receipt(root, newer.id)
        assert receipt is not None
        assert receipt.sha256 == newer.sha256
