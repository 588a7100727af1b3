"""Bags: deterministic, valid for the bagit library, and refused when hostile."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import bagit
import pytest

from archive import bagcheck
from archive.bag import BagContent, is_bag_id, plan, write_folder, write_tar
from archive.bagcheck import Limits, check_bag
from archive.consentrecord import links, read_record, record
from archive.errors import BadBag
from archive.types import Act, Form, Use
from audio.clock import VirtualClock

ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"
Ruin = Callable[[Path], None]


@pytest.fixture
def kept(tmp_path: Path, bag_of: Callable[..., Any]) -> Path:
    bag = bag_of()
    write_folder(bag, tmp_path / bag.id)
    return tmp_path / bag.id


def test_a_bag_is_valid_bagit_with_both_sums(kept: Path) -> None:
    bag = bagit.Bag(str(kept))
    assert bag.validate(fast=False)
    assert set(bag.algorithms) == {"md5", "sha256"}
    assert bag.info["External-Identifier"] == kept.name
    assert bag.info["Source-Organization"] == "Maple Library"
    assert bag.info["Payload-Oxum"].endswith(".5")
    assert not list(kept.parent.glob("*.part"))


def test_the_same_story_makes_the_same_bag(bag_of: Callable[..., Any], tmp_path: Path) -> None:
    one, two = bag_of(), bag_of()
    assert (one.id, one.sha256) == (two.id, two.sha256)
    assert bag_of(words="Another.").sha256 != one.sha256
    write_folder(one, tmp_path / "a0000000")
    write_folder(two, tmp_path / "b0000000")
    first = {p.relative_to(tmp_path / "a0000000"): p.read_bytes() for p in (tmp_path / "a0000000").rglob("*.*")}
    second = {p.relative_to(tmp_path / "b0000000"): p.read_bytes() for p in (tmp_path / "b0000000").rglob("*.*")}
    assert first == second


def test_a_bag_without_the_voice_has_no_sound(bag_of: Callable[..., Any], tmp_path: Path, clock: VirtualClock) -> None:
    bag = bag_of(sound=None)
    write_folder(bag, tmp_path / bag.id)
    assert not (tmp_path / bag.id / "data/story.flac").exists()
    checked = check_bag(tmp_path / bag.id, clock.wall())
    assert checked.sound_sha256 is None
    assert checked.sha256 == bag.sha256


def test_a_tar_holds_the_same_files(bag_of: Callable[..., Any], tmp_path: Path) -> None:
    bag = bag_of()
    with (tmp_path / "bag.tar").open("wb") as out:
        write_tar(bag, out)
    with tarfile.open(tmp_path / "bag.tar") as tar:
        entries = tar.getmembers()
    assert [entry.name for entry in entries] == [f"{bag.id}/{file.path}" for file in bag.files]
    assert {(entry.mtime, entry.uname, entry.uid) for entry in entries} == {(0, "", 0)}


def test_a_sound_bag_passes(kept: Path, clock: VirtualClock) -> None:
    checked = check_bag(kept, clock.wall())
    assert checked.id == kept.name
    assert checked.sha256 == hashlib.sha256((kept / "tagmanifest-sha256.txt").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "name",
    ["..", ".hidden00", "a/b", "", "short", "pictures", ID.lower(), "x" * 26, "01JC8Q3Y5Z.part", "a b c d e f g"],
)
def test_names_that_are_no_bag_ids(name: str) -> None:
    assert not is_bag_id(name)


def _flip(kept: Path) -> None:
    sound = kept / "data/story.flac"
    data = bytearray(sound.read_bytes())
    data[500] ^= 1
    sound.write_bytes(data)


def _link_sound(kept: Path) -> None:
    (kept / "data/story.flac").unlink()
    (kept / "data/story.flac").symlink_to("/etc/passwd")


def _hard_link(kept: Path) -> None:
    os.link(kept / "data/story.vtt", kept.parent / "second-name")


def _slip(kept: Path) -> None:
    for name in ("manifest-sha256.txt", "manifest-md5.txt"):
        path = kept / name
        path.write_text(path.read_text().replace("data/story.vtt", "data/../../../../etc/passwd"))
    _reseal(kept)


def _absolute(kept: Path) -> None:
    path = kept / "manifest-sha256.txt"
    path.write_text(path.read_text().replace("data/story.vtt", "/etc/passwd"))
    _reseal(kept)


def _twice(kept: Path) -> None:
    path = kept / "manifest-sha256.txt"
    path.write_text(path.read_text() * 2)
    _reseal(kept)


def _reseal(kept: Path) -> None:
    """Make the tag manifests fit again, as somebody who means harm would."""
    for algorithm in ("md5", "sha256"):
        names = ("bag-info.txt", "bagit.txt", "manifest-md5.txt", "manifest-sha256.txt")
        lines = [f"{hashlib.new(algorithm, (kept / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
        (kept / f"tagmanifest-{algorithm}.txt").write_text("".join(lines))


def _remanifest(kept: Path) -> None:
    for algorithm in ("md5", "sha256"):
        names = sorted(f"data/{path.name}" for path in (kept / "data").iterdir())
        lines = [f"{hashlib.new(algorithm, (kept / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
        (kept / f"manifest-{algorithm}.txt").write_text("".join(lines))
    total = sum(path.stat().st_size for path in (kept / "data").iterdir())
    info = (kept / "bag-info.txt").read_text().splitlines()
    oxum = f"Payload-Oxum: {total}.{len(list((kept / 'data').iterdir()))}"
    (kept / "bag-info.txt").write_text("\n".join(oxum if "Oxum" in line else line for line in info) + "\n")
    _reseal(kept)


def _extra(kept: Path) -> None:
    (kept / "data/extra.sh").write_text("#!/bin/sh\n")
    _remanifest(kept)


def _other_story(kept: Path) -> None:
    path = kept / "bag-info.txt"
    path.write_text(path.read_text().replace(kept.name, "01AAAAAAAAAAAAAAAAAAAAAAAA"))
    _reseal(kept)


def _fetch(kept: Path) -> None:
    (kept / "fetch.txt").write_text("http://example.org/x 10 data/x\n")


def _fifo(kept: Path) -> None:
    (kept / "data/story.vtt").unlink()
    os.mkfifo(kept / "data/story.vtt")


def _deep(kept: Path) -> None:
    (kept / "data/story.vtt").unlink()
    (kept / "data/story.vtt").mkdir()


def _drop_event(kept: Path) -> None:
    path = kept / "data/consent.json"
    plain = json.loads(path.read_bytes())
    del plain["events"][1]
    path.write_text(json.dumps(plain))
    _remanifest(kept)


def _no_consent(kept: Path) -> None:
    (kept / "data/consent.json").write_text("[]")
    _remanifest(kept)


def _consent_of_another(kept: Path) -> None:
    path = kept / "data/consent.json"
    path.write_text(path.read_text().replace(kept.name, "01AAAAAAAAAAAAAAAAAAAAAAAA"))
    _remanifest(kept)


def _binary_manifest(kept: Path) -> None:
    (kept / "manifest-md5.txt").write_bytes(b"\xff\xfe\x00")


def _two_versions(kept: Path) -> None:
    (kept / "bagit.txt").write_text("BagIt-Version: nine\nTag-File-Character-Encoding: no-such-code\n")
    _reseal(kept)


RUINS: dict[str, tuple[Ruin, str]] = {
    "bit": (_flip, "altered"),
    "cut": (lambda kept: os.truncate(kept / "data/story.flac", 100), "altered"),
    "tag altered": (lambda kept: (kept / "bag-info.txt").open("a").write("X: y\n"), "altered"),  # type: ignore[dict-item, return-value]
    "link": (_link_sound, "link"),
    "hard link": (_hard_link, "link"),
    "slip": (_slip, "does not belong"),
    "absolute": (_absolute, "does not belong"),
    "named twice": (_twice, "does not belong"),
    "extra file": (_extra, "does not belong"),
    "fetch": (_fetch, "does not belong"),
    "device": (_fifo, "link or a device"),
    "folder": (_deep, "link or a device"),
    "no manifest": (lambda kept: (kept / "manifest-sha256.txt").unlink(), "incomplete"),
    "no payload": (lambda kept: shutil.rmtree(kept / "data"), "cannot be read"),
    "no captions": (lambda kept: (kept / "data/story.vtt").unlink(), "incomplete"),
    "sound gone": (lambda kept: (kept / "data/story.flac").unlink(), "do not name the same"),
    "other story": (_other_story, "another story"),
    "event dropped": (_drop_event, "consent record"),
    "no consent": (_no_consent, "consent record"),
    "consent of another": (_consent_of_another, "another story"),
    "binary manifest": (_binary_manifest, "manifest"),
    "odd bagit.txt": (_two_versions, "altered"),
}


@pytest.mark.parametrize("ruin", RUINS)
def test_hostile_and_broken_bags_are_refused(kept: Path, clock: VirtualClock, ruin: str) -> None:
    spoil, sentence = RUINS[ruin]
    spoil(kept)
    with pytest.raises(BadBag, match=sentence):
        check_bag(kept, clock.wall())


def test_oversize_is_refused_before_it_is_read(kept: Path, clock: VirtualClock) -> None:
    os.truncate(kept / "data/story.vtt", 1 << 40)
    with pytest.raises(BadBag, match="larger"):
        check_bag(kept, clock.wall())
    with pytest.raises(BadBag, match="larger"):
        check_bag(kept, clock.wall(), Limits(sound=10))


def test_a_link_to_a_bag_and_an_odd_name_are_no_bag(kept: Path, clock: VirtualClock, tmp_path: Path) -> None:
    link = tmp_path / "01BBBBBBBBBBBBBBBBBBBBBBBB"
    link.symlink_to(kept)
    with pytest.raises(BadBag, match="link"):
        check_bag(link, clock.wall())
    with pytest.raises(BadBag, match="name"):
        check_bag(tmp_path / "no.bag", clock.wall())
    with pytest.raises(BadBag):
        bagcheck.read_consent(tmp_path)


@pytest.mark.parametrize(
    ("uses", "sentence"),
    [((Use.RECORD,), "keep"), ((Use.RECORD, Use.KEEP), "archive"), ((Use.KEEP, Use.PLAY_HERE), "archive")],
)
def test_the_gate_is_asked(
    uses: tuple[Use, ...],
    sentence: str,
    ledger: Callable[..., Any],
    bag_of: Callable[..., Any],
    tmp_path: Path,
    clock: VirtualClock,
) -> None:
    bag = bag_of(ledger(uses=uses))
    write_folder(bag, tmp_path / bag.id)
    with pytest.raises(BadBag, match=sentence):
        check_bag(tmp_path / bag.id, clock.wall())


def test_the_voice_of_a_words_only_story_is_refused(
    ledger: Callable[..., Any], bag_of: Callable[..., Any], tmp_path: Path, clock: VirtualClock
) -> None:
    words_only = ledger(uses=(Use.RECORD, Use.KEEP)).say(Use.ARCHIVE, form=Form.TRANSCRIPT)
    bag = bag_of(words_only)
    write_folder(bag, tmp_path / bag.id)
    with pytest.raises(BadBag, match="not the voice"):
        check_bag(tmp_path / bag.id, clock.wall())
    shutil.rmtree(tmp_path / bag.id)
    write_folder(bag_of(words_only, sound=None), tmp_path / bag.id)
    assert check_bag(tmp_path / bag.id, clock.wall()).sound_sha256 is None


def test_a_record_comes_back_and_only_extends_its_own(ledger: Callable[..., Any]) -> None:
    first = ledger()
    before = read_record(record(first.story, first.events))
    assert before.events == tuple(first.events)
    assert before.head == links(first.events)[-1]
    after = read_record(record(first.story, first.say(Use.PUBLIC).act(Act.HOLD).events))
    assert after.extends(len(before.events), before.head)
    assert not before.extends(len(after.events), after.head)
    assert not after.extends(0, "0" * 64)
    other = ledger().say(Use.QUOTE)
    assert not read_record(record(other.story, other.events)).extends(len(after.events), after.head)


@pytest.mark.parametrize(
    "spoil", [{"yes": 1}, {"at": "2026-01-01T09:00:00"}, {"act": "dance"}, {"by": 3}, {"seq": "1"}]
)
def test_odd_lines_are_refused(ledger: Callable[..., Any], spoil: dict[str, object]) -> None:
    told = ledger()
    plain = record(told.story, told.events)
    plain["events"][0] |= spoil
    with pytest.raises(BadBag):
        read_record(plain)
    with pytest.raises(BadBag):
        read_record({**plain, "events": []})


def test_a_full_disk_leaves_no_half_bag(
    content: Callable[..., BagContent], ledger: Callable[..., Any], tmp_path: Path
) -> None:
    class Torn:
        def __init__(self) -> None:
            self.reads = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.reads += 1

        def read(self, _size: int) -> bytes:
            if opened > 1:
                raise OSError(28, "No space left on device")
            self.reads += 1
            return b"x" if self.reads == 1 else b""

    opened = 0

    def open_sound() -> Any:
        nonlocal opened
        opened += 1
        return Torn()

    plain = content(ledger())
    bag = plan(BagContent(plain.story, plain.site, plain.bagged_on, "WEBVTT\n", {}, plain.consent, (), open_sound))
    with pytest.raises(OSError, match="space"):
        write_folder(bag, tmp_path / bag.id)
    assert list(tmp_path.iterdir()) == []
