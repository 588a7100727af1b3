"""By stick and with the real program: what a curator prepared sounds at a box that has no network."""

from __future__ import annotations

import json

import pytest

from archive import curation
from archive.boxes import add_box, boxes, revoke_box
from archive.catalogue.changes import stamp
from archive.errors import BadFeed, Refused
from archive.home import keys_folder
from archive.ingest import TOMBSTONES, no_progress
from archive.server import stickfeeds
from archive.server.remotevisits import visit_remote
from archive.server.stickfeeds import leave_feeds, meet
from archive.server.visits import visit_folder
from archive.sync import sync
from archive.tombstones import Tombstone
from archive.transports.folder import BLOBS, BOXES, FolderTransport
from archive.transports.rclone import RcloneTransport
from archive.transports.way import Way
from archive.types import Use
from kiosk.appliance.nottaken import refuse
from kiosk.appliance.places import places
from kiosk.cli import run


@pytest.fixture
def program(tmp_path, capsys, archive):
    """Run a command line on a box of its own; return the object it prints."""

    def call(*words, code=0):
        capsys.readouterr()
        assert run([*map(str, words), "--home", str(tmp_path / "kiosk"), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


def carried(archive, stick, name="near"):
    """The archive's visit of the stick; a person makes the box known once."""
    (hello,) = (stick / BOXES).glob("*.json")
    with archive.place.catalogue() as catalogue:
        add_box(catalogue, name, "sysadmin", archive.place.now())
        meet(catalogue, name, hello.read_bytes(), archive.place.now())
    return visit_folder(archive.place, stick)


def test_a_cue_prepared_far_away_sounds_on_one_press(archive, program, tmp_path, monkeypatch) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    monkeypatch.setenv("HEARTH_ROOT", str(tmp_path / "root"))
    places().prefix.mkdir(parents=True)
    refuse(places(), "99.0")
    visit_folder(archive.place, stick)
    assert program("sync", "--to", stick)["feed"]["sequence"] == 0
    (how,) = (stick / BOXES).glob("*.pulse")
    assert "version" in json.loads(json.loads(how.read_text())["pulse"])["look"], "the program says how the box is"
    assert visit_folder(archive.place, stick).unknown
    story = archive.lend("near", 1, Use.RECORD, Use.KEEP, Use.PUBLIC)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        asked = curation.AskedPrompt("first-ferry", {"en": "Which ferry?", "es": "¿Qué barco?"})
        curation.save_prompts(
            tx, curation.PreparedSet("water", {"en": "Water"}, (asked,)), "curator", archive.place.now()
        )
    assert carried(archive, stick).feeds == ["near"]
    feed = program("sync", "--to", stick)["feed"]
    assert (feed["lent"], feed["cue_sheets"], feed["prompt_sets"]) == ([story], ["main"], ["water"])
    assert program("cue")["cues"][0]["title"] == "The ferry"
    listed = program("list")
    assert listed["stories"] == []
    assert [(one["id"], one["site"], one["buttons"]) for one in listed["guests"]] == [(story, "Elsewhere", [1])]
    played = program("simulate", "--presses", "facilitate cue1 @5 back listen @2")
    chosen = [event["story"] for event in played["events"] if event["event"] == "StoryChosen"]
    # On the button, and not among the voices of this library.
    assert chosen == [story]
    assert [event["event"] for event in played["events"] if event["event"] == "PlaybackStarted"] == ["PlaybackStarted"]
    # Taken back: the next stick takes it off this box.
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM stories WHERE id = ?", story)
    assert visit_folder(archive.place, stick).feeds == ["near"]
    assert list((stick / BLOBS).iterdir()) == []
    assert program("sync", "--to", stick)["feed"]["given_back"] == [story]
    assert program("cue")["cues"] == []


def test_a_feed_that_cannot_be_made_stops_nothing_else(archive, box, clock, tmp_path, monkeypatch) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    visit_folder(archive.place, stick)
    sync(box, FolderTransport(stick, box.home.path, box.home.keys, clock, {}), site="Riverside")
    carried(archive, stick)
    (feed,) = (stick / BOXES).glob("*.feed")
    before = feed.read_bytes()

    def large(*_):
        raise BadFeed("This feed would be larger than a box takes.")

    monkeypatch.setattr(stickfeeds, "feed_for", large)
    report = visit_folder(archive.place, stick)
    assert (report.feeds, report.not_fed) == ([], {"near": "This feed would be larger than a box takes."})
    assert feed.read_bytes() == before


def test_a_box_that_has_only_a_stick_is_on_the_page_of_boxes(archive, box, clock, tmp_path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    visit_folder(archive.place, stick)

    def meets(**pulse):
        told = {
            "version": "0.3.0",
            "clock": clock.wall().isoformat(),
            "clock_trusted": True,
            "disk_days": 40.0,
            **pulse,
        }
        sync(box, FolderTransport(stick, box.home.path, box.home.keys, clock, told), site="Riverside")
        return clock.wall()

    def seen():
        with archive.place.catalogue() as catalogue:
            (found,) = boxes(catalogue)
        return found.seen_at, found.pulse.get("disk_days")

    meets(stories=["a story"])
    carried(archive, stick)
    (path,) = (stick / BOXES).glob("*.pulse")
    assert "story" not in path.read_text()
    first = path.read_bytes()
    clock.advance(3600)
    at = meets(disk_days=39.0)
    clock.advance(86_400)
    # Seen when it was at the stick, not when the stick was here.
    visit_folder(archive.place, stick)
    assert seen() == (stamp(at), 39.0)
    forged = json.loads(first)
    forged["pulse"] = forged["pulse"].replace("40.0", "1.0")
    for odd in (first, json.dumps(forged).encode(), b"[]", b"x" * 5000, b""):
        path.write_bytes(odd)
        visit_folder(archive.place, stick)
        assert seen() == (stamp(at), 39.0)
    # A clock that is not confirmed says nothing about when: it was seen at the latest now.
    meets(clock="2031-01-01T00:00:00+00:00", clock_trusted=False, disk_days=38.0)
    visit_folder(archive.place, stick)
    assert seen() == (stamp(clock.wall()), 38.0)


def test_on_a_remote_what_is_lent_no_more_goes_and_stray_names_break_nothing(archive, box, tmp_path) -> None:
    remote = tmp_path / "remote"
    for name in ("sealed", "blobs", "boxes"):
        (remote / name).mkdir(parents=True)
        (remote / name / "notes.sealed").write_text("somebody's own")
    config = f"[stick]\ntype = alias\nremote = {remote}\n"
    for keys in (box.home.keys, keys_folder(archive.place.path)):
        (keys / "rclone.conf").write_text(config)

    def meets():
        return sync(box, RcloneTransport("stick", box.home.path, box.home.keys, box.clock, Way()), site="Riverside")

    def left(folder, pattern="*"):
        return sorted(path.name for path in (remote / folder).glob(pattern) if path.name != "notes.sealed")

    visit_remote(archive.place, "stick")
    meets()
    story = archive.lend("near", 1, Use.RECORD, Use.KEEP, Use.PUBLIC)
    (hello,) = (remote / BOXES).glob("*.json")
    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "near", "sysadmin", archive.place.now())
        meet(catalogue, "near", hello.read_bytes(), archive.place.now())
    assert visit_remote(archive.place, "stick").feeds == ["near"]
    assert meets().feed.lent == [story]
    assert (len(left(BLOBS)), left(BOXES, "*.feed")) == (2, [f"{hello.stem}.feed"])
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM stories WHERE id = ?", story)
    visit_remote(archive.place, "stick")
    assert left(BLOBS) == []
    assert meets().feed.given_back == [story]
    with archive.place.catalogue() as catalogue:
        revoke_box(catalogue, "near", "sysadmin", archive.place.now())
    visit_remote(archive.place, "stick")
    assert left(BOXES) == [hello.name]
    assert all((remote / name / "notes.sealed").exists() for name in ("sealed", "blobs", "boxes"))


def test_what_a_known_box_left_on_a_stick_is_its_own_and_nobody_elses_to_take_back(
    archive, box, own_story, clock, tmp_path
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    visit_folder(archive.place, stick)

    def meets():
        sync(box, FolderTransport(stick, box.home.path, box.home.keys, clock, {}), site="Riverside")

    def boxes_of():
        with archive.place.catalogue() as catalogue, catalogue.read() as tx:
            return {row["id"]: row["box"] for row in tx.all("SELECT id, box FROM stories")}

    codes, keep = {}, box.keep
    box.keep = lambda take, **named: codes.setdefault(take, keep(take, **named))
    early = own_story(Use.ARCHIVE)
    meets()
    visit_folder(archive.place, stick)
    assert boxes_of() == {early: ""}, "nobody made the box known yet"
    late = own_story(Use.ARCHIVE)
    meets()
    carried(archive, stick)
    assert boxes_of() == {early: "near", late: "near"}
    with archive.place.catalogue() as catalogue:
        assert boxes(catalogue)[0].handed_at
    # Whoever holds the stick writes a withdrawal, and changes what the box said.
    forged = stick / TOMBSTONES / f"{late}.json"
    forged.write_bytes(Tombstone(late, archive.place.now()).to_bytes())
    (left,) = (stick / BOXES).glob("*.left")
    said = left.read_bytes()
    left.write_bytes(said.replace(late.encode(), early.encode()))
    assert [one.bag for one in visit_folder(archive.place, stick).refused] == [late]
    left.write_bytes(said)
    forged.unlink()
    box.withdraw(str(codes[late].code), "desk")
    meets()
    assert visit_folder(archive.place, stick).withdrawn == [late]
    assert boxes_of() == {early: "near"}


def test_a_hello_nobody_made_known_gets_nothing(archive, program, tmp_path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    visit_folder(archive.place, stick)
    program("sync", "--to", stick)
    archive.lend("near", 1)
    left = leave_feeds(archive.place, stick, no_progress)
    assert left.fed == []
    assert len(left.unknown[0].split()) == 8
    assert not list((stick / BOXES).glob("*.feed"))
    with archive.place.catalogue() as catalogue, pytest.raises(Refused):
        meet(catalogue, "near", b"{}", archive.place.now())
