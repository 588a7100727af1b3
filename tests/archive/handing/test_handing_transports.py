"""One contract suite over every transport, and what a folder adds to it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from archive.bag import CONSENT, Bag
from archive.bagcheck import Limits, check_bag
from archive.consentrecord import links
from archive.errors import BadBag, TransportTrouble
from archive.ingest import Progress, Refusal, no_progress
from archive.receipts import Signer
from archive.sealedbag import ArchiveKey, open_sealed_bag
from archive.server.place import ArchiveHome, open_archive
from archive.server.remotevisits import visit_remote
from archive.tombstones import Reach, Tombstone
from archive.transports import Transport, make_transport
from archive.transports import folder as folder_module
from archive.transports.folder import FolderTransport
from archive.transports.https import HttpsTransport
from archive.transports.memory import MemoryTransport
from archive.transports.rclone import Rclone, RcloneTransport, _program
from archive.transports.way import Way
from archive.types import Use
from audio.clock import VirtualClock
from audio.types import TakeId

ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"
Make = Callable[[], FolderTransport]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path, keys: Path, clock: VirtualClock) -> Make:
    (tmp_path / "home").mkdir()
    return lambda: FolderTransport(tmp_path / "archive", tmp_path / "home", keys, clock)


class VisitedRemote(RcloneTransport):
    """A remote whose archive comes by whenever it may."""

    archive: ArchiveHome

    def settle(self, progress: Progress) -> list[Refusal]:
        report = visit_remote(self.archive, self.place.removeprefix("rclone:"), progress)
        self.look()
        return report.refused


Remote = Callable[[str, str], VisitedRemote]


@pytest.fixture
def remotes(tmp_path: Path, keys: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """Makes a remote of rclone's from its settings, visited once by a real archive."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    (tmp_path / "home" / "outbox").mkdir(parents=True, exist_ok=True)
    with open_archive(tmp_path / "coast", clock) as place:

        def make(settings: str, target: str) -> VisitedRemote:
            for folder in (keys, tmp_path / "coast-keys"):
                (folder / "rclone.conf").write_text(f"[stick]\n{settings}")
            visit_remote(place, target)
            made = VisitedRemote(target, tmp_path / "home", keys, clock, Way())
            made.archive = place
            return made

        yield make


@pytest.fixture
def remote(tmp_path: Path, remotes: Remote) -> VisitedRemote:
    """A folder of this machine, as rclone sees it."""
    (tmp_path / "remote").mkdir()
    return remotes(f"type = alias\nremote = {tmp_path / 'remote'}\n", "stick")


@pytest.fixture(scope="session")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real WebDAV server that asks for a name and a password; what rclone has to know of it."""
    program = _program()
    folder = tmp_path_factory.mktemp("webdav")
    line = [program, "serve", "webdav", str(folder), "--addr", "127.0.0.1:0", "--user", "hearth", "--pass", "sesame"]
    server = subprocess.Popen([*line, "--config", os.devnull], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        told = next(found for said in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", said)))
        hidden = subprocess.run([program, "obscure", "sesame"], check=True, capture_output=True, text=True).stdout
        yield f"type = webdav\nurl = {told[0]}\nvendor = other\nuser = hearth\npass = {hidden}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def webdav_remote(webdav: str, remotes: Remote, tmp_path: Path) -> VisitedRemote:
    return remotes(webdav, f"stick:{tmp_path.name}")


@pytest.fixture
def s3_remote(s3_url: str, remotes: Remote) -> VisitedRemote:
    bucket, _, asked = s3_url.removeprefix("s3://").partition("?")
    store = dict(parse_qsl(asked))
    settings = f"type = s3\nprovider = SeaweedFS\nenv_auth = true\nendpoint = {store['endpoint']}\n"
    return remotes(settings, f"stick:{bucket}/{store['prefix']}")


MORE_REMOTES = os.environ.get("HEARTH_REMOTES", "").split()
"""Kinds of remotes over which the whole suite runs beside the others: webdav s3."""


@pytest.fixture(params=["folder", "memory", "https", "rclone", *MORE_REMOTES])
def transport(request: pytest.FixtureRequest, clock: VirtualClock) -> Transport:
    match request.param:
        case "folder":
            return request.getfixturevalue("folder")()
        case "https":
            return request.getfixturevalue("served").box("maple")
        case "rclone":
            return request.getfixturevalue("remote")
        case "webdav" | "s3":
            return request.getfixturevalue(f"{request.param}_remote")
        case _:
            return MemoryTransport(clock)


def gone(place: Transport, bag_id: str) -> bool:
    """Whether the place says a bag is lost; of a stick nobody can tell, so its archive is asked."""
    if isinstance(place, VisitedRemote):
        with place.archive.catalogue() as catalogue, catalogue.read() as tx:
            return tx.one("SELECT 1 FROM stories WHERE id = ?", bag_id) is None
    return place.lost(bag_id)


@pytest.fixture
def visited(transport: Transport) -> Iterator[Transport]:
    with transport.visit():
        yield transport


# --- the contract


def bag_consent(bag: Bag) -> list[dict[str, str]]:
    (file,) = [one for one in bag.files if one.path == CONSENT]
    with file.open() as source:
        lines: list[dict[str, str]] = json.load(source)["events"]
        return lines


def test_a_bag_is_receipted_after_the_archive_took_its_turn(visited: Transport, bag_of: Callable[..., Bag]) -> None:
    bag = bag_of()
    assert gone(visited, bag.id)
    visited.send_bag(bag)
    # A server takes its turn at once.
    assert isinstance(visited, HttpsTransport) or visited.receipt(bag.id) is None
    assert visited.settle(no_progress) == []
    receipt = visited.receipt(bag.id)
    assert receipt is not None
    assert receipt.verified(visited.signer)
    assert receipt.sha256 == bag.sha256
    assert not gone(visited, bag.id)
    record = visited.consent(bag.id)
    # What lies sealed, or behind a server, shows the box nothing.
    shown = not isinstance(visited, (HttpsTransport, RcloneTransport))
    assert (record.head if record else None) == (bag_consent(bag)[-1]["link"] if shown else None)


def test_the_same_bag_again_has_the_old_receipt(
    visited: Transport, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    bag = bag_of()
    visited.send_bag(bag)
    visited.send_bag(bag)
    visited.settle(no_progress)
    first = visited.receipt(bag.id)
    for _ in range(3):
        clock.advance(60)
        visited.send_bag(bag)
        assert visited.settle(no_progress) == []
        assert visited.receipt(bag.id) == first


def test_other_content_under_the_same_id_is_refused(visited: Transport, bag_of: Callable[..., Bag]) -> None:
    visited.send_bag(bag_of())
    visited.settle(no_progress)
    first = visited.receipt(ID)
    visited.send_bag(bag_of(sound=b"fLaCforged"))
    (refusal,) = visited.settle(no_progress)
    assert refusal.bag == ID
    assert visited.receipt(ID) == first


def test_the_same_sound_with_newer_words_takes_the_place_of_the_old(
    visited: Transport, bag_of: Callable[..., Bag]
) -> None:
    visited.send_bag(bag_of())
    visited.settle(no_progress)
    newer = bag_of(words="A lighthouse, by night.")
    visited.send_bag(newer)
    assert visited.settle(no_progress) == []
    receipt = visited.receipt(ID)
    assert receipt is not None
    assert receipt.sha256 == newer.sha256


def test_a_bag_nobody_agreed_to_is_refused(
    visited: Transport, bag_of: Callable[..., Bag], ledger: Callable[..., Any]
) -> None:
    visited.send_bag(bag_of(ledger(uses=(Use.RECORD, Use.KEEP))))
    assert len(visited.settle(no_progress)) == 1
    assert visited.receipt(ID) is None


def test_a_withdrawal_overtakes_the_bag(visited: Transport, bag_of: Callable[..., Bag], clock: VirtualClock) -> None:
    stone = Tombstone(TakeId(ID), clock.wall())
    visited.send_bag(bag_of())
    visited.settle(no_progress)
    visited.send_tombstone(stone)
    visited.settle(no_progress)
    assert visited.tombstones() == [stone]
    assert visited.receipt(ID) is None
    visited.send_bag(bag_of())
    assert len(visited.settle(no_progress)) == 1
    assert gone(visited, ID)


def test_a_recall_is_lifted_by_a_newer_yes(
    visited: Transport, bag_of: Callable[..., Bag], ledger: Callable[..., Any], clock: VirtualClock
) -> None:
    said = ledger()
    visited.send_bag(bag_of(said))
    visited.settle(no_progress)
    said.say(Use.ARCHIVE, yes=False)
    visited.send_tombstone(Tombstone(said.story, clock.wall(), Reach.RECALL, len(said.events), links(said.events)[-1]))
    visited.settle(no_progress)
    assert gone(visited, ID)
    visited.send_bag(bag_of(said.say(Use.ARCHIVE)))
    assert visited.settle(no_progress) == []
    visited.settle(no_progress)
    assert not gone(visited, ID)


@pytest.mark.parametrize("kind", ["webdav"])
def test_a_remote_behind_a_real_server_does_the_same(
    kind: str, request: pytest.FixtureRequest, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    """The contract's first promise and its last one; ``HEARTH_REMOTES="webdav s3"`` runs the whole of it."""
    place: VisitedRemote = request.getfixturevalue(f"{kind}_remote")
    bag, stone = bag_of(), Tombstone(TakeId(ID), clock.wall())
    with place.visit():
        place.send_bag(bag)
        assert place.waits(bag.id, bag.sha256)
        assert place.settle(no_progress) == []
        receipt = place.receipt(bag.id)
        assert receipt is not None
        assert receipt.verified(place.signer)
    with place.visit():
        assert not place.waits(bag.id, bag.sha256)
        place.send_tombstone(stone)
        place.settle(no_progress)
        assert (place.tombstones(), place.receipt(bag.id)) == ([stone], None)
    assert gone(place, bag.id)


# --- the fake can be driven


@pytest.mark.parametrize("step", ["visit", "tombstones", "send_tombstone", "send_bag", "settle", "receipt"])
def test_the_fake_fails_where_it_is_told_to(step: str, clock: VirtualClock, bag_of: Callable[..., Bag]) -> None:
    fake = MemoryTransport(clock)
    fake.fail[step] = 1

    def everything() -> None:
        with fake.visit():
            fake.tombstones()
            fake.send_tombstone(Tombstone(TakeId("01AAAAAAAAAAAAAAAAAAAAAAAA"), clock.wall()))
            fake.send_bag(bag_of())
            fake.settle(no_progress)
            assert fake.receipt(ID)

    with pytest.raises(TransportTrouble, match=step):
        everything()
    everything()
    assert fake.calls.count(step) >= 1


def test_the_fake_fills_up_loses_receipts_and_checks_sums(clock: VirtualClock, bag_of: Callable[..., Bag]) -> None:
    fake = MemoryTransport(clock)
    fake.room = 10
    with pytest.raises(TransportTrouble, match="room"):
        fake.send_bag(bag_of())
    fake.room = None
    fake.send_bag(bag_of())
    fake.incoming[ID]["data/story.vtt"] += b"x"
    assert "altered" in fake.settle(no_progress)[0].why
    fake.send_bag(bag_of())
    fake.settle(no_progress)
    fake.lose_receipts = 1
    assert fake.receipt(ID) is None
    assert fake.receipt(ID) is not None


# --- choosing


def test_transports_are_chosen_by_name(tmp_path: Path, clock: VirtualClock) -> None:
    made = make_transport(str(tmp_path / "a:b"), home=tmp_path, keys=tmp_path, clock=clock)
    assert made.place == f"folder:{tmp_path / 'a:b'}"
    made = make_transport("folder:/x", home=tmp_path, keys=tmp_path, clock=clock)
    assert made.place == "folder:/x"
    for odd in ("ftp:there", "folder:", ""):
        with pytest.raises(TransportTrouble):
            make_transport(odd, home=tmp_path, keys=tmp_path, clock=clock)


@pytest.mark.parametrize("typed", ["archive.example.org", "example.org/hearth"])
def test_an_address_without_its_beginning_is_no_new_folder(
    typed: str, tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TransportTrouble) as caught:
        make_transport(typed, home=tmp_path, keys=tmp_path, clock=clock)
    assert caught.value.do == f"Write https://{typed}, or for a new folder of that name ./{typed}"
    for meant in (f"./{typed}", "10.5", "archive", "../archive.d", str(tmp_path / typed)):
        make_transport(meant, home=tmp_path, keys=tmp_path, clock=clock)
    (tmp_path / typed).mkdir(parents=True)
    make_transport(typed, home=tmp_path, keys=tmp_path, clock=clock)


def test_where_a_stick_was_pulled_out_no_folder_is_made_on_the_machines_own_disk(
    folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bag_of: Callable[..., Bag]
) -> None:
    monkeypatch.setattr(folder_module, "STICKS", (tmp_path,))
    for _ in range(2):
        with pytest.raises(TransportTrouble, match="No stick is in"), folder().visit():
            pass
        assert not list((tmp_path / "archive").glob("*"))
        (tmp_path / "archive").mkdir(exist_ok=True)
    (tmp_path / "archive" / "bags").mkdir()  # somebody wants it so
    with folder().visit():
        pass


# --- folders


def test_a_folder_is_made_and_nothing_half_stays(folder: Make, tmp_path: Path, bag_of: Callable[..., Bag]) -> None:
    box = folder()
    with box.visit():
        box.send_bag(bag_of())
        box.settle(no_progress)
    assert sorted(path.name for path in (tmp_path / "archive").iterdir()) == ["bags", "receipts"]
    assert list((tmp_path / "home").iterdir()) == []


def test_a_stick_pulled_in_the_middle_is_not_gone_on_with_on_the_machines_own_disk(
    folder: Make, tmp_path: Path, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    box = folder()
    with box.visit():
        (tmp_path / "archive").rename(tmp_path / "pulled")
        (tmp_path / "archive").mkdir()
        for use in (
            lambda: box.send_bag(bag_of()),
            lambda: box.send_tombstone(Tombstone(TakeId(ID), clock.wall())),
            lambda: box.settle(no_progress),
            lambda: box.receipt(ID),
            box.tombstones,
        ):
            with pytest.raises(TransportTrouble, match="is not there any more"):
                use()
    assert not list((tmp_path / "archive").iterdir())


def test_the_boxs_own_folders_are_no_target(tmp_path: Path, keys: Path, clock: VirtualClock) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "link").symlink_to(home)
    for bad in (home, home / "outbox", keys, tmp_path / "link" / "x"):
        with pytest.raises(TransportTrouble, match="own folders"), FolderTransport(bad, home, keys, clock).visit():
            pass
    assert list(home.iterdir()) == []
    inside = tmp_path / "bags" / "home"
    with pytest.raises(TransportTrouble, match="own folders"), FolderTransport(tmp_path, inside, keys, clock).visit():
        pass
    with FolderTransport(tmp_path, home, keys, clock).visit():
        pass


def test_a_file_or_link_where_a_folder_should_be(folder: Make, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(TransportTrouble, match="not a folder"), folder().visit():
        pass
    (tmp_path / "archive").unlink()
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/bags").symlink_to("/etc")
    with pytest.raises(TransportTrouble, match="link"), folder().visit():
        pass


def test_two_syncs_do_not_work_in_one_folder(folder: Make, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    handle = os.open(tmp_path / "archive", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(TransportTrouble, match="Another sync"), folder().visit():
        pass
    os.close(handle)
    with folder().visit():
        pass


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "no room"),
        (errno.EROFS, "may not be written"),
        (errno.EACCES, "may not"),
        (errno.EIO, "could not"),
    ],
)
def test_what_the_disk_says_becomes_a_sentence(
    folder: Make, bag_of: Callable[..., Bag], monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    def broken(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    box = folder()
    with box.visit():
        with monkeypatch.context() as patch:
            patch.setattr(folder_module, "write_folder", broken)
            with pytest.raises(TransportTrouble, match=sentence):
                box.send_bag(bag_of())
        box.send_bag(bag_of())
        assert box.settle(no_progress) == []


def test_a_place_that_cannot_be_written_is_no_visit_though_nothing_waits(folder: Make, tmp_path: Path) -> None:
    place = tmp_path / "archive"
    place.mkdir(mode=0o555)
    # Root may write whatever the rights say; not so on a stick with its lock on.
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(place)]
    if os.geteuid() == 0 and subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small file system needs more than this machine allows")
    try:
        with pytest.raises(TransportTrouble, match="may not be written"), folder().visit():
            pass
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(place)], check=True)


def test_a_really_full_disk(keys: Path, tmp_path: Path, clock: VirtualClock, bag_of: Callable[..., Bag]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        box = FolderTransport(small, tmp_path / "home", keys, clock)
        with box.visit(), pytest.raises(TransportTrouble, match="no room"):
            box.send_bag(bag_of(sound=b"x" * (4 << 20)))
        with box.visit():
            box.send_bag(bag_of(sound=b"x" * (1 << 20)))
            assert box.settle(no_progress) == []
            assert box.receipt(ID) is not None
    finally:
        subprocess.run(["umount", str(small)], check=True)


# --- sealed to an archive's key


@pytest.fixture
def archive(tmp_path: Path) -> tuple[PrivateKey, SigningKey]:
    opens, signs = PrivateKey.generate(), SigningKey.generate()
    key = ArchiveKey("Coast Archive", bytes(opens.public_key), bytes(signs.verify_key))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/archive-key.json").write_text(json.dumps(key.to_json()))
    return opens, signs


Pair = tuple[PrivateKey, SigningKey]


def test_with_a_key_bags_are_left_sealed(
    folder: Make, archive: Pair, tmp_path: Path, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    bag, box = bag_of(), folder()
    with box.visit():
        assert box.archive_key is not None
        assert len(box.archive_key.fingerprint.split()) == 8
        box.send_bag(bag)
        box.send_bag(bag)
        assert box.settle(no_progress) == []
        assert box.receipt(bag.id) is None
        assert not box.lost(bag.id)
    (sealed,) = (tmp_path / "archive/sealed").iterdir()
    assert b"lighthouse" not in sealed.read_bytes()
    assert not (tmp_path / "archive/bags").exists()
    unpacked = open_sealed_bag(sealed, archive[0], tmp_path)
    assert check_bag(unpacked, clock.wall()).sha256 == bag.sha256
    (tmp_path / "archive/receipts").mkdir()
    signed = Signer(archive[1]).sign(bag.id, bag.sha256, clock.wall())
    (tmp_path / f"archive/receipts/{bag.id}.json").write_bytes(signed.to_bytes())
    with box.visit():
        receipt = box.receipt(bag.id)
    assert receipt is not None
    assert receipt.verified(box.signer)


def test_a_newer_bag_replaces_the_sealed_one_and_a_tombstone_both(
    folder: Make,
    archive: Pair,
    tmp_path: Path,
    bag_of: Callable[..., Bag],
    ledger: Callable[..., Any],
    clock: VirtualClock,
) -> None:
    assert archive
    box = folder()
    with box.visit():
        box.send_bag(bag_of())
        box.send_bag(bag_of(ledger().say(Use.PUBLIC)))
        assert len(list((tmp_path / "archive/sealed").iterdir())) == 1
        box.send_tombstone(Tombstone(TakeId(ID), clock.wall()))
        assert list((tmp_path / "archive/sealed").iterdir()) == []
        assert len(box.tombstones()) == 1


def test_another_key_or_none_later_stops_the_sync(folder: Make, archive: Pair, tmp_path: Path) -> None:
    assert archive
    path = tmp_path / "archive/archive-key.json"
    before = path.read_bytes()
    with folder().visit():
        pass
    thief = ArchiveKey("Thief", bytes(PrivateKey.generate().public_key), bytes(SigningKey.generate().verify_key))
    path.write_text(json.dumps(thief.to_json()))
    with pytest.raises(TransportTrouble, match="not the one"), folder().visit():
        pass
    path.unlink()
    with pytest.raises(TransportTrouble, match="not the one"), folder().visit():
        pass
    path.write_text("{}")
    with pytest.raises(TransportTrouble, match="not an archive's key"), folder().visit():
        pass
    path.write_bytes(before)
    with folder().visit():
        pass


def test_a_damaged_list_of_archives_stops_the_sync(folder: Make, keys: Path) -> None:
    (keys / "known-archives.json").write_text("{")
    with pytest.raises(TransportTrouble, match="cannot be read"), folder().visit():
        pass


def test_a_sealed_bag_that_is_not_ours_is_refused(
    folder: Make, archive: Pair, tmp_path: Path, bag_of: Callable[..., Bag]
) -> None:
    box = folder()
    with box.visit():
        box.send_bag(bag_of())
    (sealed,) = (tmp_path / "archive/sealed").iterdir()
    with pytest.raises(BadBag):
        open_sealed_bag(sealed, PrivateKey.generate(), tmp_path)
    with pytest.raises(BadBag, match="belong"):
        open_sealed_bag(sealed, archive[0], tmp_path, Limits(sound=1))
    data = bytearray(sealed.read_bytes())
    data[-20] ^= 1
    sealed.write_bytes(data)
    with pytest.raises(BadBag):
        open_sealed_bag(sealed, archive[0], tmp_path)
    sealed.write_bytes(b"")
    with pytest.raises(BadBag):
        open_sealed_bag(sealed, archive[0], tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(ID)]


def test_why_an_archive_refused_a_bag_lies_there_until_it_was_taken(
    remote: VisitedRemote, tmp_path: Path, bag_of: Callable[..., Bag]
) -> None:
    with remote.visit():
        remote.send_bag(bag_of())
        (sealed,) = (tmp_path / "remote/sealed").iterdir()
        data = bytearray(sealed.read_bytes())
        data[-20] ^= 1
        sealed.write_bytes(data)
        (refusal,) = remote.settle(no_progress)
        assert RcloneTransport.settle(remote, no_progress) == [refusal]
    with remote.visit():
        remote.send_bag(bag_of())
        assert remote.settle(no_progress) == []
        assert remote.receipt(ID) is not None
        assert RcloneTransport.settle(remote, no_progress) == []


def test_a_remote_is_reached_by_the_proxy_of_the_settings(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "rclone"
    program.write_text('#!/bin/sh\necho "[{\\"Name\\": \\"$HTTPS_PROXY\\", \\"Size\\": 1}]"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    around = Rclone("stick", tmp_path, clock, clock.monotonic() + 60, proxy="http://proxy.example:3128")
    assert around.sizes("") == {"http://proxy.example:3128": 1}


def test_sealing_to_a_full_disk_leaves_nothing(
    folder: Make, archive: Pair, tmp_path: Path, bag_of: Callable[..., Bag], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive
    box = folder()
    with box.visit():
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", _no_space)
            with pytest.raises(TransportTrouble, match=r"disk|room"):
                box.send_bag(bag_of())
        assert list((tmp_path / "archive/sealed").iterdir()) == []


def _no_space(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
