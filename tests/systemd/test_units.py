"""The units are checked by systemd's own tools, with a stand-in for the program they start."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hardware.accesspoint import RANGE
from hardware.wireless import ASIDE, FOLDER
from kiosk.appliance.services import ERRANDS
from kiosk.cli import VERBS
from kiosk.door import WANTED, door_folder, point_file
from kiosk.firstrun.sheet import STICK
from kiosk.wireless import ASKED, told_file

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))
PROGRAM = "/opt/hearth/current/bin/hearth"
MOST_EXPOSURE = 2.0
PATHS = sorted(path.name for path in UNITS.glob("*.path"))
BY_ROOT = {f"hearth-{part}.service" for part in ("update", "settle", "firewall", "accesspoint", "wireless", "stick@")}
"""What installs programs, talks to the kernel's packet filter or NetworkManager, has a stick mounted."""
CAPABILITIES = {
    # The home belongs to hearth: reading it to copy the database, and giving the copy its owner.
    "hearth-update.service": "CAP_DAC_OVERRIDE CAP_CHOWN",
    "hearth-settle.service": "CAP_DAC_OVERRIDE CAP_CHOWN",
    "hearth-firewall.service": "CAP_NET_ADMIN",
    "hearth-accesspoint.service": "CAP_NET_ADMIN",
}
OURS = [name for name in SERVICES if name not in {"hearth-out-of-service.service", *BY_ROOT}]
NEED_A_NETWORK = {f"hearth-{part}.service" for part in ("sync", "portal", "phone", "firewall", "accesspoint")}
NEED_NO_NETWORK = [name for name in SERVICES if name not in NEED_A_NETWORK]
PAGES = ["hearth-portal.service", "hearth-phone.service"]

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


class Repeating(dict):
    """Keeps every value of an option that is given more than once, as systemd does."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list) and isinstance(self[key], list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def options(name, section="Service"):
    parser = configparser.RawConfigParser(
        dict_type=Repeating, strict=False, delimiters=("=",), comment_prefixes=("#",), empty_lines_in_values=False
    )
    parser.optionxform = str
    parser.read(UNITS / name, encoding="utf-8")
    return {key: value.split("\n") for key, value in parser[section].items()}


@pytest.fixture
def installed(tmp_path):
    """Copies whose program exists: verify looks for it."""
    program = tmp_path / "hearth"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    for path in filter(Path.is_file, UNITS.iterdir()):
        text = path.read_text(encoding="utf-8")
        for needed in (PROGRAM, PROGRAM.replace("current", "known-good"), "/usr/sbin/nft"):
            text = text.replace(needed, str(program))
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


def analyze(folder, *arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_every_part_has_its_unit():
    parts = "kiosk safe out-of-service transcriber portal sync retention heartbeat update settle firewall accesspoint phone wireless stick@"
    assert set(SERVICES) == {f"hearth-{part}.service" for part in parts.split()}
    assert [f"hearth-{part}.timer" for part in ("heartbeat", "retention", "sync", "update")] == TIMERS
    assert PATHS == ["hearth-accesspoint.path", "hearth-wireless.path"]


def test_every_verb_that_a_unit_starts_is_one():
    started = [word for name in SERVICES for word in options(name).get("ExecStart", [])]
    verbs = {words[1] for words in map(str.split, started) if words and words[0].endswith("/bin/hearth")}
    assert {"run", "wireless"} <= verbs <= set(VERBS)


@needs_systemd
def test_systemd_finds_nothing_to_say_about_the_units(installed):
    found = analyze(installed, "verify", "--man=no", *(f"./{name}" for name in SERVICES + TIMERS + PATHS))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@needs_systemd
def test_verify_would_see_a_mistake(installed):
    unit = installed / "hearth-kiosk.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace("WatchdogSec=", "WatchdogSecs="), encoding="utf-8")
    assert "WatchdogSecs" in analyze(installed, "verify", "--man=no", "./hearth-kiosk.service").stderr


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_exposed_than_it_must_be(installed, name):
    within = f"--threshold={round(MOST_EXPOSURE * 10)}"
    judged = analyze(installed, "security", "--offline=true", "--no-pager", within, f"./{name}")
    assert judged.returncode == 0, judged.stdout[-2000:]
    assert "Overall exposure level" in judged.stdout


@needs_systemd
def test_the_threshold_would_catch_an_open_service(installed):
    (installed / "open.service").write_text("[Service]\nExecStart=/bin/true\n")
    judged = analyze(installed, "security", "--offline=true", "--no-pager", "--threshold=20", "./open.service")
    assert judged.returncode != 0


@pytest.mark.parametrize("name", OURS)
def test_services_run_as_hearth_with_its_own_folders_and_a_verb_that_exists(name):
    service = options(name)
    (start,) = service["ExecStart"]
    program, verb, *rest = start.split()
    from kiosk.cli import VERBS

    assert program == PROGRAM
    assert verb in VERBS
    more = {
        "hearth-kiosk.service": ["--set-up"],
        "hearth-safe.service": ["--safe"],
        "hearth-phone.service": ["--access-point"],
    }
    assert rest == [*more.get(name, []), "--home", "/var/lib/hearth"]
    assert (service["User"], service["Group"]) == (["hearth"], ["hearth"])
    assert service["StateDirectory"] == ["hearth hearth-keys"]
    assert service["StateDirectoryMode"] == ["0700"]
    assert any("HEARTH_KEYS=/var/lib/hearth-keys" in line for line in service["Environment"])


@pytest.mark.parametrize("name", NEED_NO_NETWORK)
def test_what_needs_no_network_has_none(name):
    service = options(name)
    assert service["PrivateNetwork"] == ["yes"]
    assert service["RestrictAddressFamilies"] == ["AF_UNIX"]


@pytest.mark.parametrize(("name", "allowed"), [*zip(PAGES, ["localhost", RANGE], strict=True)])
def test_the_pages_answer_only_near_by_and_cannot_call_out(name, allowed):
    portal = options(name)
    assert "~connect" in portal["SystemCallFilter"]
    assert portal["IPAddressDeny"] == ["any"]
    assert portal["IPAddressAllow"] == [allowed]
    assert portal["SocketBindAllow"] == ["tcp:8480"]
    assert portal["SocketBindDeny"] == ["any"]


def test_the_kiosk_can_ask_for_the_access_point_and_for_nothing_else_of_root():
    """An empty file in one folder; what root starts on it has its rights over networks alone and reads no home."""
    (watched,) = options("hearth-accesspoint.path", "Path")["PathExists"]
    assert watched == f"{door_folder()}/{WANTED}"
    point = options("hearth-accesspoint.service")
    assert point["Group"] == ["hearth"]
    assert point["ReadWritePaths"] == [str(door_folder())]
    assert (point["RuntimeDirectory"], point["RuntimeDirectoryMode"]) == ([point_file().parent.name], ["0750"])
    assert "StateDirectory" not in point
    for name in ("kiosk", "safe"):
        assert options(f"hearth-{name}.service")["ReadWritePaths"] == [f"-{door_folder()}"]
    lines = (UNITS / "hearth.tmpfiles.conf").read_text(encoding="utf-8").splitlines()
    assert f"d {door_folder()} 0770 hearth hearth" in lines


def test_the_pages_can_ask_for_a_wireless_network_and_root_has_no_right_but_its_folders():
    (watched,) = options("hearth-wireless.path", "Path")["PathExists"]
    assert watched == f"{door_folder()}/{ASKED}"
    unit = options("hearth-wireless.service")
    assert unit["Group"] == ["hearth"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["PrivateNetwork"] == ["yes"]
    writes = {word.removeprefix("-") for word in unit["ReadWritePaths"][0].split()}
    assert writes == {str(door_folder()), str(ASIDE.parent), str(FOLDER)}
    assert (unit["RuntimeDirectory"], unit["RuntimeDirectoryPreserve"]) == ([told_file().parent.name], ["yes"])
    for name in PAGES:
        assert options(name)["ReadWritePaths"] == [f"-{door_folder()}"]


def test_the_pages_for_the_phone_come_and_go_with_the_access_point():
    phone = options("hearth-phone.service", "Unit")
    assert phone["BindsTo"] == phone["After"] == ["hearth-accesspoint.service"]
    assert options("hearth-accesspoint.service", "Unit")["Wants"] == ["hearth-phone.service"]
    assert "[Install]" not in (UNITS / "hearth-phone.service").read_text(encoding="utf-8")


def test_a_stick_is_mounted_where_the_hand_on_looks_for_it():
    stick = options("hearth-stick@.service")
    *_, device, place = stick["ExecStart"][0].split()
    assert (device, place) == ("/dev/%I", STICK)
    (given,) = [word for word in stick["ExecStart"][0].split() if word.startswith("--options=")]
    assert {"uid=hearth", "gid=hearth", "nosuid", "nodev", "noexec"} <= set(given.removeprefix("--options=").split(","))
    assert options("hearth-sync.service")["ReadWritePaths"][0].split()[0] == f"-{Path(STICK).parent}"
    assert f"d {STICK} 0755 root root" in (UNITS / "hearth.tmpfiles.conf").read_text(encoding="utf-8").splitlines()
    rule = (UNITS / "70-hearth-stick.rules").read_text(encoding="utf-8").splitlines()[-1]
    assert 'ENV{SYSTEMD_WANTS}+="hearth-stick@%k.service"' in rule
    assert {'SUBSYSTEMS=="usb"', 'ENV{ID_FS_TYPE}=="vfat|exfat"'} <= set(rule.split(", "))


@pytest.mark.parametrize("part", ["heartbeat", "sync", "portal", "phone"])
def test_what_tells_how_the_machine_is_can_see_it(part):
    # Memory and swap stand in files of /proc beside the processes.
    assert "ProcSubset" not in options(f"hearth-{part}.service")


def test_sync_cannot_listen():
    assert "~listen accept accept4" in options("hearth-sync.service")["SystemCallFilter"]


@pytest.mark.parametrize("name", SERVICES)
def test_system_calls_are_an_allow_list(name):
    # The first line decides: one that begins with ~ would turn the whole filter into a list of what is denied.
    assert options(name)["SystemCallFilter"][0] == "@system-service"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_gain_rights_or_change_the_system(name):
    service = options(name)
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [CAPABILITIES.get(name, "")]
    switched_on = {key for key, values in service.items() if values == ["yes"]}
    assert switched_on >= {"NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateMounts", "RestrictSUIDSGID"}
    assert switched_on >= {"ProtectKernelTunables", "ProtectKernelModules", "RestrictNamespaces", "LockPersonality"}


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_the_user_and_every_group_the_kiosk_needs_can_be_made(tmp_path):
    (tmp_path / "etc").mkdir()
    made = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "--dry-run", str(UNITS / "hearth.sysusers.conf")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = made.stdout + made.stderr
    for group in options("hearth-kiosk.service")["SupplementaryGroups"][0].split():
        assert f"'{group}'" in told
    assert "Creating user 'hearth'" in told


def test_the_kiosk_comes_back_quickly_and_gives_up_in_sight():
    kiosk, unit = options("hearth-kiosk.service"), options("hearth-kiosk.service", "Unit")
    assert (kiosk["Type"], kiosk["Restart"], kiosk["RestartSec"]) == (["notify"], ["always"], ["2"])
    # Hung to ready again within 30 s, and so often within the limit that a hung box ends restarting too.
    hang = int(kiosk["WatchdogSec"][0]) + int(kiosk["RestartSec"][0])
    assert hang <= 20
    assert hang * int(unit["StartLimitBurst"][0]) < int(unit["StartLimitIntervalSec"][0])
    assert unit["OnFailure"] == ["hearth-safe.service"]
    assert options("hearth-safe.service", "Unit")["OnFailure"] == ["hearth-out-of-service.service"]
    assert "hearth-kiosk.service" in options("hearth-safe.service", "Unit")["Conflicts"][0]
    assert "out of service" in options("hearth-out-of-service.service")["ExecStart"][0]


def test_the_kiosk_reaches_only_the_devices_it_needs():
    kiosk = options("hearth-kiosk.service")
    assert kiosk["DevicePolicy"] == ["closed"]
    kinds = {line.split()[0] for line in kiosk["DeviceAllow"]}
    assert kinds == {"char-alsa", "char-drm", "char-input", "char-gpiochip"}


def test_sync_is_spread_over_the_night_and_caught_up():
    timer = options("hearth-sync.timer", "Timer")
    assert timer["Persistent"] == ["true"]
    assert timer["RandomizedDelaySec"] == ["2h"]


@needs_systemd
def test_the_calendar_of_sync_is_every_night():
    (when,) = options("hearth-sync.timer", "Timer")["OnCalendar"]
    seen = analyze(UNITS, "calendar", "--iterations=2", when)
    assert seen.returncode == 0
    assert "02:00:00" in seen.stdout


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_judgement_can_be_read_by_programs(installed, name):
    judged = analyze(installed, "security", "--offline=true", "--json=short", f"./{name}")
    assert {row["name"] for row in json.loads(judged.stdout)} > {"NoNewPrivileges=", "PrivateNetwork="}


@pytest.mark.parametrize("verb", ["update --look", "update --settle"])
def test_a_release_is_tried_by_the_one_that_is_known_to_work(verb):
    name = "hearth-update.service" if "look" in verb else "hearth-settle.service"
    assert options(name)["ExecStart"] == [f"/opt/hearth/known-good/bin/hearth {verb}"]
    writes = options(name)["ReadWritePaths"][0].split()
    assert writes == ["/opt/hearth", "/etc/systemd/system", "-/var/lib/hearth"]


def test_going_back_comes_before_the_kiosk():
    before = options("hearth-settle.service", "Unit")["Before"][0].split()
    assert before[0] == "hearth-kiosk.service"
    assert {"hearth-transcriber.service", "hearth-portal.service", *ERRANDS} == set(before[1:])
    assert "hearth-settle.service" in options("hearth-kiosk.service", "Unit")["After"][0]


def test_the_safe_mode_differs_from_the_kiosk_in_what_it_needs_alone():
    kiosk, safe = options("hearth-kiosk.service"), options("hearth-safe.service")
    assert {key for key in kiosk if kiosk[key] != safe[key]} == {"ExecStart", "Environment"}
    assert kiosk.keys() == safe.keys()


def test_the_page_names_every_unit_and_says_which_are_roots():
    page = (UNITS.parent / "docs/hardware.md").read_text(encoding="utf-8")
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `hearth-")]
    named = {name: "(root)" in cell for cell in cells for name in re.findall(r"hearth-[a-z@-]+\.service", cell)}
    assert set(named) == set(SERVICES)
    assert {name for name, root in named.items() if root} == BY_ROOT
