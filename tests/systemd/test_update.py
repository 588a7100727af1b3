"""An update changes the release when nobody is there, and a release that fails is taken back. The manager is scripted."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from pathlib import Path

import pytest

from archive.schema import schema
from kiosk.appliance import releases, updating
from kiosk.appliance.bundle import BadBundle, new_key, write
from kiosk.appliance.nottaken import read_note
from kiosk.appliance.places import Places, version_of
from kiosk.appliance.services import ERRAND_TIMERS, ERRANDS, KIOSK, SAFE, Standing
from kiosk.appliance.updating import NeedsInstaller, NotHealthy, NotNewer, Updater, Updating
from kiosk.commands.update_ import _look
from kiosk.firstrun.steps import Walk

GONE = Standing(active=False, failed=False, status="", restarts=0)
INVITING = Standing(active=True, failed=False, status="in attract", restarts=0)
STARTING = Standing(active=True, failed=False, status="in starting", restarts=0)
TELLING = Standing(active=True, failed=False, status="in recording", restarts=0)
NO_SOUND = Standing(active=True, failed=False, status="in out_of_service", restarts=0)
AGAIN = Standing(active=True, failed=False, status="in attract", restarts=1)
HANDING_ON = Standing(active=False, failed=False, status="", restarts=0, busy=True)
FAILED = Standing(active=False, failed=True, status="", restarts=4)


class ScriptedManager:
    """A service manager that says how the kiosk of each release does, on a clock that only sleeping moves."""

    def __init__(self, places):
        self.places = places
        self.time = 0.0
        self.acts = []
        self.does = {}
        """By release: (seconds after the restart, how the kiosk stands from then on)."""
        self.deaf = {}
        """By release: for so many seconds it does not hear that it shall stop."""
        self.began = 0.0
        self.up = True
        self.before = [(0.0, INVITING)]
        self.restarted = False
        self.timers = True
        """Whether erasing and handing on may begin by themselves."""
        self.errand = [(0.0, GONE)]
        """How the hand-on stands, by seconds."""

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def running(self):
        return releases.pointed(self.places.current).name

    def standing(self, unit):
        if unit in ERRANDS:
            return [standing for at, standing in self.errand if self.time >= at][-1]
        if unit == SAFE or not self.up:
            return GONE
        if unit != KIOSK:
            return INVITING
        steps = self.does.get(self.running(), [(0.0, INVITING)]) if self.restarted else self.before
        return [standing for at, standing in steps if self.time - self.began >= at][-1]

    def reload(self):
        self.acts.append("reload")

    def restart(self, *units):
        assert not self.timers, "what is erased in a trial could come back"
        self.acts.append(("restart", self.running(), *units))
        self.up = self.restarted = True
        self.began = self.time

    def start(self, *units):
        assert units == ERRAND_TIMERS
        self.timers = True

    def stop(self, *units):
        self.acts.append("stop")
        self.timers = not {*ERRANDS, *ERRAND_TIMERS} <= set(units)
        self.time += self.deaf.get(self.running(), 0.0) if self.up else 0.0
        self.up = False

    def end(self, *units):
        self.acts.append("end")
        self.timers = not {*ERRANDS, *ERRAND_TIMERS} <= set(units)
        self.up = False

    def enable(self, *units):
        self.acts.append(("enable", *units))


@pytest.fixture
def places(tmp_path):
    here = Places(tmp_path / "machine")
    here.units.mkdir(parents=True)
    here.release_keys.parent.mkdir(parents=True)
    make_release(here, "1.0", {"hearth-kiosk.service": "old", "hearth-gone.timer": "old"})
    for link in (here.current, here.known_good):
        releases.point(link, here.release("1.0"))
    updating.put_units(here.release("1.0") / "units", here.units)
    (here.units / "ssh.service").write_text("not ours")
    here.database.parent.mkdir(parents=True)
    with sqlite3.connect(here.database) as db:
        db.execute("CREATE TABLE ledger (seq INTEGER)")
        db.execute("CREATE TABLE takes (sequence INTEGER)")
    return here


def make_release(here, name, units):
    folder = here.release(name)
    (folder / "units").mkdir(parents=True)
    for unit, text in units.items():
        (folder / "units" / unit).write_text(text)
    (folder / releases.WHOLE).write_text("made")
    return folder


@pytest.fixture
def manager(places):
    return ScriptedManager(places)


@pytest.fixture
def key(places, tmp_path):
    key = new_key(tmp_path / "key")
    places.release_keys.write_text(bytes(key.verify_key).hex() + "\n")
    return key


@pytest.fixture
def bundle(tmp_path, key):
    def make(version, oldest_reader=1, more=()):
        files = {}
        for name in ("digital_hearth.whl", "run.txt", "units/hearth-kiosk.service", "units/hearth-new.timer", *more):
            files[name] = tmp_path / name.replace("/", "_")
            files[name].write_text(f"{name} of {version}")
        path = tmp_path / f"{version}.hearth"
        write(path, key, version=version, schema=99, oldest_reader=oldest_reader, files=files)
        return path

    return make


@pytest.fixture
def updater(places, manager, monkeypatch):
    def make(here, name, *, project, lock, units, wheels, progress):
        assert project.is_file()
        assert lock.is_file()
        assert wheels is None
        return make_release(here, name, {path.name: path.read_text() for path in units.iterdir()})

    # Building an environment is the work of minutes; scripts/appliance-test does it for real.
    monkeypatch.setattr(releases, "make", make)
    return Updater(places, manager, now=manager.now, sleep=manager.sleep)


def names(places):
    return sorted(path.name for path in places.releases.iterdir())


def units(places):
    return {path.name: path.read_text() for path in places.units.iterdir()}


def test_a_release_that_starts_well_stays(places, manager, updater, bundle):
    manager.does["1.1"] = [(0.0, STARTING), (4.0, INVITING)]
    outcome = updater.update(bundle("1.1"), patience_s=60)
    assert (outcome.version, outcome.before) == ("1.1", "1.0")
    assert 4.0 <= outcome.down_s < 5.0
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.1"}
    assert units(places) == {
        "hearth-kiosk.service": "units/hearth-kiosk.service of 1.1",
        "hearth-new.timer": "units/hearth-new.timer of 1.1",
        "ssh.service": "not ours",
    }
    assert ("enable", "hearth-new.timer") in manager.acts
    assert not places.trial.exists()
    assert not places.incoming.exists()
    assert names(places) == ["1.0", "1.1"]


def test_old_releases_go_but_never_the_one_before(places, updater, bundle):
    for version in ("1.1", "1.2", "1.10"):
        updater.update(bundle(version), patience_s=60)
    assert names(places) == ["1.10", "1.2"]


def test_a_bundle_that_cannot_be_installed_is_told_of_and_the_one_beside_it_is_taken(
    places, updater, bundle, monkeypatch, capsys
):
    make = releases.make

    def no_network(here, name, **parts):
        if name == "1.2":
            raise releases.NotMade("pip stopped.", "Nothing was changed.")
        return make(here, name, **parts)

    monkeypatch.setattr(releases, "make", no_network)
    places.inbox.mkdir()
    bundle("1.2").rename(places.inbox / "1.2.hearth")
    _look(places, updater, 60, as_json=True)
    left = read_note(places, "1.0")
    assert left.version == "1.2"
    assert "no packages" in left.say
    assert "--wheels" in left.do
    assert read_note(places, "1.2") is None
    bundle("1.1").rename(places.inbox / "1.1.hearth")
    _look(places, updater, 60, as_json=True)
    assert releases.pointed(places.current).name == "1.1"
    assert read_note(places, "1.1") == left
    assert "1.2.hearth: pip stopped." in capsys.readouterr().err


def test_a_release_that_needs_another_packet_filter_is_left_to_the_installer(places, manager, updater, bundle):
    (places.release("1.0") / "units/hearth.nft").write_text("drop")
    (places.release("1.0") / "units/hearth.sysctl.conf").write_text("units/hearth.sysctl.conf of 1.1")
    with pytest.raises(NeedsInstaller) as refused:
        updater.update(bundle("1.1", more=("units/hearth.nft", "units/hearth.sysctl.conf")), patience_s=60)
    assert refused.value.say.endswith("files of the system: hearth.nft.")
    assert (manager.acts, names(places)) == ([], ["1.0"])
    (places.release("1.0") / "units/hearth.nft").write_text("units/hearth.nft of 1.1")
    updater.update(bundle("1.1", more=("units/hearth.nft", "units/hearth.sysctl.conf")), patience_s=60)
    assert releases.pointed(places.current).name == "1.1"
    with pytest.raises(NeedsInstaller, match=r"hearth\.nft, hearth\.sysctl\.conf"):
        updater.update(bundle("1.2"), patience_s=60)


STOPS_WITHIN_S, STARTS_WITHIN_S = 20.0, 10.0
"""What the unit allows a kiosk that does not stop, and what the project allows one that starts."""
BAD_STARTS = {
    "crashes": [(0.0, GONE), (2.0, FAILED)],
    "is started again": [(0.0, STARTING), (3.0, INVITING), (5.0, AGAIN)],
    "hangs": [(0.0, STARTING)],
    "comes and goes": [(0.0, INVITING), (4.0, GONE)],
    "comes late and goes": [(0.0, STARTING), (29.0, INVITING), (36.0, GONE)],
    "finds no microphone where the one before did": [(0.0, NO_SOUND)],
}


@pytest.mark.parametrize("how", BAD_STARTS)
def test_a_release_that_does_not_start_well_is_taken_back_within_a_minute(places, manager, updater, bundle, how):
    manager.does["1.1"] = BAD_STARTS[how]
    manager.deaf["1.1"] = STOPS_WITHIN_S
    was = units(places)
    began = manager.time
    with pytest.raises(NotHealthy, match=r"taken back; 1\.0 runs again"):
        updater.update(bundle("1.1"), patience_s=60)
    assert manager.time - began + STARTS_WITHIN_S < 60
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.0"}
    assert units(places) == was
    assert manager.acts[-1][:2] == ("restart", "1.0")
    assert manager.timers
    assert not places.trial.exists()
    assert names(places) == ["1.0"]
    with pytest.raises(NotNewer, match="was tried here"):
        updater.update(bundle("1.1"), patience_s=60)


def test_a_box_without_its_microphone_can_be_updated(manager, updater, bundle):
    manager.before = manager.does["1.1"] = [(0.0, NO_SOUND)]
    assert updater.update(bundle("1.1"), patience_s=60).version == "1.1"


def test_nothing_is_changed_while_somebody_is_at_the_box(places, manager, updater, bundle):
    manager.before = [(0.0, TELLING)]
    with pytest.raises(Updating, match="Somebody is at the box"):
        updater.update(bundle("1.1"), patience_s=600)
    assert manager.time >= 600
    assert manager.acts == []
    assert releases.pointed(places.current).name == "1.0"


@pytest.mark.parametrize(
    ("status", "used"),
    [("in attract", False), ("in set_up_language", False), ("in set_up_phone", True), ("in review", True), ("", False)],
)
def test_a_box_is_used_while_it_shows_anything_but_that_it_waits(status, used):
    assert Standing(active=True, failed=False, status=status, restarts=0).in_use is used


def test_the_first_screen_of_a_setting_up_is_called_as_the_updater_knows_it():
    assert f"set_up_{Walk().step}" == "set_up_language"


def test_it_waits_until_the_visitor_has_been_gone_for_a_moment(manager, updater, bundle):
    manager.before = [(0.0, TELLING), (100.0, INVITING), (101.0, TELLING), (200.0, INVITING)]
    stopped = []
    stop = manager.stop
    manager.stop = lambda *units: (stopped.append(manager.time), stop(*units))
    updater.update(bundle("1.1"), patience_s=600)
    assert stopped[0] >= 200.0 + updating.QUIET_S


def test_it_waits_until_the_box_has_handed_on(manager, updater, bundle):
    manager.errand = [(0.0, HANDING_ON), (300.0, GONE)]
    stopped = []
    stop = manager.stop
    manager.stop = lambda *units: (stopped.append(manager.time), stop(*units))
    updater.update(bundle("1.1"), patience_s=600)
    assert stopped[0] >= 300.0 + updating.QUIET_S
    assert manager.timers


@pytest.mark.parametrize("version", ["1.0", "0.9", "0.10.3"])
def test_an_older_or_the_same_release_is_refused(manager, updater, bundle, version):
    with pytest.raises(NotNewer) as refused:
        updater.update(bundle(version), patience_s=60)
    assert refused.value.do
    assert manager.acts == []


def test_a_stranger_s_bundle_changes_nothing(places, manager, updater, bundle, tmp_path):
    made = bundle("1.1")
    places.release_keys.write_text(bytes(new_key(tmp_path / "other").verify_key).hex())
    with pytest.raises(BadBundle):
        updater.update(made, patience_s=60)
    assert manager.acts == []
    assert names(places) == ["1.0"]


def test_the_power_goes_in_the_middle_of_a_trial(places, manager, updater, bundle):
    made = bundle("1.1")
    manager.does["1.1"] = [(0.0, STARTING)]
    child = os.fork()
    if child == 0:
        restart = manager.restart
        manager.restart = lambda *units: (restart(*units), os._exit(9))
        try:
            updater.update(made, patience_s=60)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert releases.pointed(places.current).name == "1.1"
    assert releases.pointed(places.known_good).name == "1.0"
    again = Updater(places, manager, now=manager.now, sleep=manager.sleep)
    assert again.settle()
    assert releases.pointed(places.current).name == "1.0"
    assert manager.acts[-1][:2] == ("restart", "1.0")
    assert not again.settle()


class Trouble(Exception):
    """Something nobody thought of."""


def trouble(*_more):
    raise Trouble


def test_a_unit_that_came_with_an_update_may_write_on_a_read_only_system_too(places, updater, manager):
    wireless = places.units / "hearth-wireless.service"
    wireless.write_text("new")
    assert not updater.settle()
    assert not Path(f"{wireless}.d").exists(), "a system that is not read-only has no need of it"
    ours = places.units / f"{updating.UPDATER}.d" / updating.READ_ONLY
    ours.parent.mkdir()
    ours.write_text("opens")
    updater.settle()
    assert (Path(f"{wireless}.d") / updating.READ_ONLY).read_text() == "opens"
    assert "reload" in manager.acts
    wireless.unlink()
    made = make_release(places, "1.1", {wireless.name: "newer"})
    (Path(f"{wireless}.d") / updating.READ_ONLY).unlink()
    updating.put_units(made / "units", places.units)
    assert (Path(f"{wireless}.d") / updating.READ_ONLY).read_text() == "opens"
    install = (Path(__file__).parents[2] / "scripts/install").read_text(encoding="utf-8")
    (named,) = re.findall(r"for name in ([a-z ]+); do\n      printf '\[Service\]\\nExecStartPre=\+%s,rw", install)
    assert {f"hearth-{name}.service" for name in named.split()} == {updating.UPDATER, *updating.WRITERS}


@pytest.mark.parametrize(
    "where", ["_copy_database", "write_file", "put_units", "reload", "restart", "sleep", "known_good"]
)
def test_whatever_goes_wrong_in_a_trial_the_box_is_not_left_dark(places, manager, updater, bundle, monkeypatch, where):
    made, point = bundle("1.1", oldest_reader=schema() + 1), releases.point

    def once(known):
        def fails(*words):
            # As a disk that was full for a moment: only the first time, after the box was stopped.
            if "stop" in manager.acts and not failed:
                failed.append(where)
                raise Trouble
            return known(*words)

        return fails

    failed = []
    if where in {"_copy_database", "write_file", "put_units"}:
        monkeypatch.setattr(updating, where, once(getattr(updating, where)))
    elif where == "known_good":
        monkeypatch.setattr(
            releases, "point", lambda link, to: trouble() if link == places.known_good else point(link, to)
        )
        failed.append(where)
    else:
        monkeypatch.setattr(updater, "_sleep", once(manager.sleep)) if where == "sleep" else monkeypatch.setattr(
            manager, where, once(getattr(manager, where))
        )
    with pytest.raises(Trouble):
        updater.update(made, patience_s=60)
    assert failed
    assert manager.up, "the box is dark"
    assert manager.timers
    assert manager.acts[-1][:2] == ("restart", "1.0")
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.0"}
    assert units(places)["hearth-kiosk.service"] == "old"
    assert not places.trial.exists()
    monkeypatch.undo()
    assert not places.refused.exists(), "it was not the release's fault"


@pytest.mark.parametrize("where", ["_restore_database", "put_units"])
def test_going_back_starts_the_box_though_a_step_fails_and_the_next_start_does_it_again(
    places, manager, updater, bundle, monkeypatch, where
):
    manager.does["1.1"] = [(0.0, FAILED)]
    known = getattr(updating, where)
    old = places.release("1.0") / "units"
    monkeypatch.setattr(
        updating,
        where,
        lambda first, second: trouble() if first == old or where != "put_units" else known(first, second),
    )
    with pytest.raises(Trouble):
        updater.update(bundle("1.1", oldest_reader=schema() + 1), patience_s=60)
    assert manager.up
    assert manager.acts[-1][:2] == ("restart", "1.0")
    assert releases.pointed(places.current).name == "1.0"
    assert places.trial.exists()
    monkeypatch.setattr(updating, where, known)
    assert updater.settle()
    assert not places.trial.exists()
    assert names(places) == ["1.0"]


def test_a_release_that_had_passed_when_the_power_went_stays(places, manager, updater, bundle, monkeypatch):
    monkeypatch.setattr(updater, "_forget_trial", trouble)
    with pytest.raises(Trouble):
        updater.update(bundle("1.1"), patience_s=60)
    assert places.trial.exists()
    again = Updater(places, manager, now=manager.now, sleep=manager.sleep)
    assert not again.settle()
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.1"}
    assert not places.trial.exists()


def rows(places):
    with sqlite3.connect(places.database) as db:
        return [row[0] for row in db.execute("SELECT seq FROM ledger ORDER BY seq")], [
            row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE name = 'of_the_new'")
        ]


@pytest.mark.parametrize("told_meanwhile", [False, True])
def test_a_database_the_old_release_could_not_read_is_put_back_unless_a_story_came(
    places, manager, updater, bundle, told_meanwhile
):
    restart = manager.restart

    def migrating(*units):
        restart(*units)
        if manager.running() == "1.1":
            with sqlite3.connect(places.database) as db:
                db.execute("CREATE TABLE of_the_new (x INTEGER)")
                if told_meanwhile:
                    db.execute("INSERT INTO ledger VALUES (1)")

    manager.restart = migrating
    manager.does["1.1"] = [(0.0, FAILED)]
    with pytest.raises(NotHealthy):
        updater.update(bundle("1.1", oldest_reader=schema() + 1), patience_s=60)
    assert rows(places) == (([1], ["of_the_new"]) if told_meanwhile else ([], []))
    assert not (places.prefix / "database-before-update.db").exists()


def test_without_such_a_change_no_copy_of_the_database_is_ever_made(places, manager, updater, bundle):
    seen = []
    restart = manager.restart
    manager.restart = lambda *units: (
        seen.append((places.prefix / "database-before-update.db").exists()),
        restart(*units),
    )
    updater.update(bundle("1.1"), patience_s=60)
    updater.update(bundle("1.2", oldest_reader=schema() + 1), patience_s=60)
    assert seen == [False, True]
    assert not (places.prefix / "database-before-update.db").exists()


def test_the_trial_on_disk_names_the_way_back(places, manager, updater, bundle):
    told = []
    restart = manager.restart
    manager.restart = lambda *units: (told.append(json.loads(places.trial.read_text())), restart(*units))
    updater.update(bundle("1.1"), patience_s=60)
    assert told == [{"before": "1.0", "after": "1.1", "copied": False}]


@pytest.mark.parametrize(
    ("name", "words", "says"), [("0.9", [], "older"), ("0.9", ["--ask"], "older"), ("1.1", ["--ask"], "")]
)
def test_the_installer_never_goes_back_to_an_older_release(places, monkeypatch, capsys, name, words, says):
    monkeypatch.setattr(releases, "make", lambda *_more, **_and: pytest.fail("nothing is to be made"))
    monkeypatch.setattr(
        "sys.argv", ["releases", "--root", str(places.root), "--name", name, "--project", str(places.root), *words]
    )
    assert releases.main() == (1 if says else 0)
    assert says in capsys.readouterr().err
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.0"}


def test_a_release_made_by_the_installer_runs_only_when_it_says_so(places, monkeypatch, tmp_path):
    monkeypatch.setattr(releases, "make", lambda here, name, **_more: make_release(here, name, {}))
    words = ["releases", "--root", str(places.root), "--name", "1.1", "--project", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)
    assert releases.main() == 0
    assert releases.pointed(places.current).name == "1.0"
    monkeypatch.setattr(releases, "make", lambda here, name, **_more: here.release(name))
    monkeypatch.setattr("sys.argv", [*words, "--point"])
    assert releases.main() == 0
    assert {releases.pointed(link).name for link in (places.current, places.known_good)} == {"1.1"}


@pytest.mark.parametrize("text", ["", "1", "1.x", "1.0-rc1", "1.0.0.0.0", "v1.0", "1.0\n", "9999999.1"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="not a version"):
        version_of(text)


def test_versions_compare_as_numbers():
    assert version_of("1.10") > version_of("1.9.9") > version_of("1.9")
