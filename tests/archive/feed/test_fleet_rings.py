"""Releases reach boxes ring by ring from a real server, and a box does without its centre for a month."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from archive import fleet
from archive.boxes import NoSuchBox, box_named, boxes, greet
from archive.elapsed import beat
from archive.errors import TransportTrouble
from archive.feed.receive import last_feed
from archive.fleet import NotYet, Ring, add_release, offered, put_in_ring, stop, widen
from archive.lately import last_visit, note_visit
from archive.newrelease import FOLDER, fetch_release
from archive.retention import run_retention
from archive.sync import sync
from archive.transports.https import HttpsTransport
from archive.transports.way import TRIES, Way
from archive.transports.wire import Wire, _begin
from archive.types import Use
from kiosk.appliance.bundle import BadBundle, new_key, write
from kiosk.appliance.fetching import waiting
from kiosk.appliance.places import Places
from kiosk.cli import hearth

WHO = "sysadmin"
RUNNING = "0.1.0"


@pytest.fixture
def bundle(tmp_path):
    """Make a signed bundle of a version."""
    key = new_key(tmp_path / "release.key")

    def make(version: str, lock: str = "run.txt", wheels: tuple[str, ...] = ()) -> Path:
        parts = {}
        for name in (f"digital_hearth-{version}-py3-none-any.whl", "run.txt", *(f"wheels/{name}" for name in wheels)):
            parts[name] = tmp_path / f"{version}-{Path(name).name}"
            parts[name].write_bytes((lock if name == "run.txt" else name).encode() * 1000)
        path = tmp_path / f"digital-hearth-{version}.hearth"
        write(path, key, version=version, schema=1, oldest_reader=1, files=parts)
        return path

    return make


@pytest.fixture
def fetch(box, url):
    """Let the box of ``credential`` visit the archive and fetch what is offered."""

    def go(credential: str, running: str = RUNNING) -> str:
        door = HttpsTransport(url, box.home.path, box.home.keys, box.clock, Way(credential))
        with door.visit():
            return fetch_release(door, box.home.path, running)

    return go


def lying(box):
    folder = box.home.path / FOLDER
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def pulse(archive, name, version):
    """Let a box say which version it runs."""
    with archive.place.catalogue() as catalogue:
        greet(catalogue, box_named(catalogue, name), bytes(32), bytes(32), {"version": version}, archive.place.now())


def test_a_release_goes_to_the_pilots_first_and_to_the_rest_when_a_person_says_so(archive, credential, bundle):
    for name in ("one", "two", "three"):
        credential(name)
    place = archive.place
    with place.catalogue() as catalogue:
        for name in ("one", "two"):
            put_in_ring(catalogue, name, Ring.PILOT, WHO, place.now())
        add_release(place, bundle("0.2.0"), "0.2.0", WHO)
        assert [found and found.version for found in (offered(catalogue, name) for name in ("one", "two", "three"))] == [
            "0.2.0", "0.2.0", None,
        ]  # fmt: skip
        pulse(archive, "one", "0.2.0")
        with pytest.raises(NotYet, match="two runs another"):
            widen(catalogue, "0.2.0", WHO, place.now())
        assert offered(catalogue, "three") is None
        pulse(archive, "two", "0.2.0")
        with pytest.raises(NotYet, match="last seen"):
            widen(catalogue, "0.2.0", WHO, place.now() + fleet.FRESH + timedelta(hours=1))
        assert widen(catalogue, "0.2.0", WHO, place.now()).ring is Ring.REST
        assert offered(catalogue, "three").version == "0.2.0"
        add_release(place, bundle("0.10.0"), "0.10.0", WHO)
        assert [offered(catalogue, name).version for name in ("one", "three")] == ["0.10.0", "0.2.0"]
        stop(catalogue, "0.10.0", WHO, place.now())
        assert offered(catalogue, "one").version == "0.2.0"
        with catalogue.read() as tx:
            told = [row["what"] for row in tx.all("SELECT what FROM changes ORDER BY id") if "re" in row["what"]]
    assert told == ["release-added", "release-rest", "release-added", "release-none"]


def test_without_pilots_nothing_is_widened_by_itself(archive, credential, bundle):
    credential("one")
    add_release(archive.place, bundle("0.2.0"), "0.2.0", WHO)
    with archive.place.catalogue() as catalogue:
        with pytest.raises(NotYet, match="no box is a pilot"):
            widen(catalogue, "0.2.0", WHO, archive.place.now())
        assert widen(catalogue, "0.2.0", WHO, archive.place.now(), anyway=True).ring is Ring.REST


def test_a_version_is_made_once(archive, bundle, tmp_path):
    first = bundle("0.2.0")
    assert add_release(archive.place, first, "0.2.0", WHO) == add_release(archive.place, first, "0.2.0", WHO)
    other = tmp_path / "other.hearth"
    other.write_bytes(b"another")
    with pytest.raises(fleet.BadRelease, match="Another bundle"):
        add_release(archive.place, other, "0.2.0", WHO)
    with pytest.raises(fleet.BadRelease):
        add_release(archive.place, first, "../../etc", WHO)


def test_a_box_fetches_what_its_ring_is_offered_and_the_updater_finds_it(archive, box, credential, bundle, fetch):
    shown, made = credential("near"), bundle("0.2.0")
    with archive.place.catalogue() as catalogue:
        assert fetch(shown) == ""
        add_release(archive.place, made, "0.2.0", WHO)
        assert (fetch(shown), lying(box)) == ("", [])
        put_in_ring(catalogue, "near", Ring.PILOT, WHO, archive.place.now())
        assert fetch(shown) == "0.2.0"
        (name,) = lying(box)
        file = box.home.path / FOLDER / name
        assert file.read_bytes() == made.read_bytes()
        at = file.stat().st_mtime_ns
        assert fetch(shown) == "0.2.0"
        assert file.stat().st_mtime_ns == at, "it was fetched twice"
        machine = Places(box.home.path.parent / "machine")
        machine.fetched.parent.mkdir(parents=True)
        machine.fetched.symlink_to(file.parent)
        assert [path.name for path in waiting(machine)] == [name]
        add_release(archive.place, bundle("0.3.0"), "0.3.0", WHO)
        assert fetch(shown) == "0.3.0"
        assert len(lying(box)) == 1
        assert fetch(shown, "0.3.0") == ""
        assert lying(box) == [], "what runs need not lie there"
        fetch(shown)
        stop(catalogue, "0.3.0", WHO, archive.place.now())
        stop(catalogue, "0.2.0", WHO, archive.place.now())
        assert (fetch(shown), lying(box)) == ("", [])


def test_another_ring_and_a_stranger_get_no_bundle(archive, credential, bundle, url):
    pilot, rest = credential("pilot"), credential("rest")
    with archive.place.catalogue() as catalogue:
        put_in_ring(catalogue, "pilot", Ring.PILOT, WHO, archive.place.now())
        sha256 = add_release(archive.place, bundle("0.2.0"), "0.2.0", WHO).sha256
    for shown, status in ((pilot, 200), (rest, 404), ("hearth-wrong", 401), ("x", 401)):
        told = httpx.get(f"{url}/box/release/{sha256}", headers={"Authorization": f"Bearer {shown}"})
        assert told.status_code == status
    assert httpx.get(f"{url}/box/release", headers={"Authorization": f"Bearer {rest}"}).status_code == 204
    assert httpx.post(f"{url}/box/release", headers={"Authorization": f"Bearer {pilot}"}).status_code == 404


class BadDoor:
    """An archive that does not give what it offered."""

    def __init__(self, data: bytes, **told: object) -> None:
        self.data = data
        self.told = {"version": "9.9", "sha256": "ab" * 32, "size": 4, **told}

    def release(self):
        return self.told

    def release_bundle(self, _sha256, into):
        into.write(self.data)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"version": "9.9/../../x"},
        {"version": 9},
        {"sha256": "../" * 20},
        {"size": "4"},
        {"size": 0},
        {"size": 1 << 60},
    ],
)
def test_what_is_not_as_it_was_offered_does_not_lie_there(box, told):
    with pytest.raises(TransportTrouble):
        fetch_release(BadDoor(b"evil", **told), box.home.path, RUNNING)
    assert lying(box) == []


class BrokenLine:
    """A line that ends after so many bytes: the first tries of a run get that much further, and no more."""

    def __init__(self, monkeypatch, *limits: int) -> None:
        self.limits, self.asked = list(limits), []
        answer, sent = Wire._answer, self

        def cut(self, client, request, into, moved):
            if into is None or "/box/release/" not in request.url.path:
                return answer(self, client, request, into, moved)
            sent.asked.append(request.headers.get("range", ""))
            if not sent.limits:
                return answer(self, client, request, into, moved)
            said = client.send(request)
            _begin(into, said)
            into.write(said.content[: sent.limits.pop(0)])
            raise httpx.ReadError("the line is gone", request=request)

        monkeypatch.setattr(Wire, "_answer", cut)


def test_a_broken_fetch_goes_on_where_it_was_in_the_same_run_and_in_the_next(
    archive, box, credential, bundle, fetch, monkeypatch
):
    shown, made = credential("near"), bundle("0.2.0")
    add_release(archive.place, made, "0.2.0", WHO)
    with archive.place.catalogue() as catalogue:
        put_in_ring(catalogue, "near", Ring.PILOT, WHO, archive.place.now())
    line = BrokenLine(monkeypatch, 1000, 500, *[0] * TRIES)
    with pytest.raises(TransportTrouble):
        fetch(shown)
    (name,) = lying(box)
    part = box.home.path / FOLDER / name
    assert part.suffix == ".part", "the updater looks at whole bundles alone"
    assert part.read_bytes() == made.read_bytes()[:1500]
    assert line.asked[:3] == ["", "bytes=1000-", "bytes=1500-"]
    line.limits, line.asked = [], []
    assert fetch(shown) == "0.2.0"
    assert line.asked == ["bytes=1500-"], "the rest alone was asked for"
    (name,) = lying(box)
    assert (box.home.path / FOLDER / name).read_bytes() == made.read_bytes()


@pytest.mark.parametrize("more", [0, 1_000_000])
def test_a_beginning_that_was_altered_is_refused_and_the_next_run_begins_anew(
    archive, box, credential, bundle, fetch, monkeypatch, more
):
    shown, made = credential("near"), bundle("0.2.0")
    add_release(archive.place, made, "0.2.0", WHO)
    with archive.place.catalogue() as catalogue:
        put_in_ring(catalogue, "near", Ring.PILOT, WHO, archive.place.now())
    line = BrokenLine(monkeypatch, 1000, *[0] * TRIES)
    with pytest.raises(TransportTrouble):
        fetch(shown)
    part = box.home.path / FOLDER / lying(box)[0]
    part.write_bytes(b"!" + part.read_bytes()[1:] + b"?" * more)
    line.limits = []
    if not more:
        with pytest.raises(TransportTrouble, match="not come as it was offered"):
            fetch(shown)
        assert lying(box) == []
    line.asked = []
    assert fetch(shown) == "0.2.0"
    assert line.asked == [""]
    assert (box.home.path / FOLDER / lying(box)[0]).read_bytes() == made.read_bytes()


def test_the_door_gives_the_rest_of_a_bundle_and_of_no_other(archive, credential, bundle, url):
    shown, made = credential("near"), bundle("0.2.0").read_bytes()
    sha256 = add_release(archive.place, bundle("0.2.0"), "0.2.0", WHO).sha256
    with archive.place.catalogue() as catalogue:
        put_in_ring(catalogue, "near", Ring.PILOT, WHO, archive.place.now())

    def ask(wanted):
        headers = {"Authorization": f"Bearer {shown}", "Range": wanted}
        return httpx.get(f"{url}/box/release/{sha256}", headers=headers)

    rest = ask("bytes=700-")
    assert (rest.status_code, rest.content) == (206, made[700:])
    assert rest.headers["content-range"] == f"bytes 700-{len(made) - 1}/{len(made)}"
    assert ask(f"bytes={len(made)}-").status_code == 416
    for odd in ("bytes=0-", "bytes=5-9", "bytes=-5", "lines=5-", "bytes=5-,9-", "bytes=" + "9" * 40 + "-"):
        whole = ask(odd)
        assert (whole.status_code, whole.content) == (200, made), odd


def test_a_disk_without_room_fetches_nothing(box, monkeypatch):
    monkeypatch.setattr("archive.newrelease.shutil.disk_usage", lambda _: type("D", (), {"free": 11})())
    with pytest.raises(TransportTrouble, match="no room"):
        fetch_release(BadDoor(b"evil"), box.home.path, RUNNING)


def test_the_verb_offers_and_tells(archive, bundle, credential, monkeypatch):
    credential("maple street")
    home = str(archive.place.path)

    def run(*words):
        done = CliRunner().invoke(hearth, ["archive", "release", *words, "--home", home])
        if done.exit_code:
            raise done.exception
        return done.stdout

    assert "No release is here yet" in run("list")
    run("pilot", "maple street")
    assert "offered to: the pilots" in run("add", str(bundle("0.2.0")))
    with pytest.raises(NotYet):
        run("widen", "0.2.0")
    assert "offered to: every box" in run("widen", "0.2.0", "--anyway")
    assert "offered to: nobody" in run("stop", "0.2.0")
    for words, refusal in (
        (("pilot", "nobody"), NoSuchBox), (("widen", "7.7"), fleet.BadRelease), (("add", __file__), BadBundle)
    ):  # fmt: skip
        with pytest.raises(refusal):
            run(*words)


def test_a_bundle_that_no_box_could_take_by_night_is_told_of_when_it_is_added(archive, bundle):
    def told(*made):
        words = ["archive", "release", "add", str(bundle(*made)), "--home", str(archive.place.path)]
        return CliRunner().invoke(hearth, words).stderr

    assert "needs packages, and has none" in told("0.2.0")
    assert told("0.3.0") == ""
    assert "others than version 0.3.0" in told("0.4.0", "another")
    assert told("0.5.0", "a third", ("numpy.whl",)) == ""


def test_thirty_days_without_the_centre_cost_nothing_but_patience(archive, box, own_story, url, credential, clock):
    shown = credential("near")

    def night(where: str):
        door = HttpsTransport(where, box.home.path, box.home.keys, clock, Way(shown))
        return sync(box, door, site="Riverside")

    lent = archive.lend("near", 3)
    night(url)
    night(url)
    note_visit(box.home, clock)
    assert box.cue_sheet("main").cues[3].story == lent
    before, told = last_feed(box, archive.place.public_key.sign), []
    gone = "http://127.0.0.1:9"
    for day in range(30):
        clock.advance(timedelta(days=1).total_seconds())
        beat(box)
        if day % 10 == 0:
            told.append(own_story(Use.ARCHIVE, Use.PLAY_HERE))
        with pytest.raises(TransportTrouble):
            night(gone)
        run_retention(box)
    assert (clock.wall() - last_visit(box.home)).days >= 30
    assert box.cue_sheet("main").cues[3].story == lent, "a lent voice outlasts the month"
    assert last_feed(box, archive.place.public_key.sign) == before
    assert {story.id for story in box.stories()} >= set(told)
    assert len(list(box.home.outbox.iterdir())) < 10, "what waits must not pile up"
    night(url)
    with archive.place.catalogue() as catalogue:
        assert [one.name for one in boxes(catalogue) if one.seen_at] == ["near"]
    assert all(box.receipts(story) for story in told)
