"""A card gets what its image reads at its first start, and nothing a shell or a parser could take otherwise."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zoneinfo
from pathlib import Path
from types import SimpleNamespace

import pytest

from kiosk.builds import BUILDS

ROOT = Path(__file__).parents[2]
CMDLINE = "console=tty1 root=PARTUUID=ab-02 rootfstype=ext4 fsck.repair=yes rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA steward@desk"


@pytest.fixture
def boot(tmp_path):
    folder = tmp_path / "bootfs"
    folder.mkdir()
    (folder / "cmdline.txt").write_text(CMDLINE + "\n")
    (folder / "config.txt").write_text("arm_64bit=1\n")
    return folder


def make_card(*arguments, password=""):
    return subprocess.run(
        [sys.executable, "-P", ROOT / "scripts/make_card.py", *map(str, arguments)],
        env=os.environ | {"HEARTH_WIFI_PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_card_of_the_older_kind(boot):
    done = make_card(
        boot, "--hostname", "hearth-2", "--timezone", "Europe/Vienna", "--wifi", 'the "library"', "--country", "AT",
        "--ssh-key", KEY, "--release-key", "ab" * 32, "--contact", "Ring O'Neil's desk", password="p4ss\\word'\"",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = tomllib.loads((boot / "custom.toml").read_text())
    assert told["system"]["hostname"] == "hearth-2"
    assert told["wlan"] == {
        "ssid": 'the "library"', "password": "p4ss\\word'\"", "password_encrypted": False, "hidden": False, "country": "AT"
    }  # fmt: skip
    assert told["ssh"] == {"enabled": True, "password_authentication": False, "authorized_keys": [KEY]}
    assert told["user"]["password"] == "!"
    line = (boot / "cmdline.txt").read_text()
    assert line.startswith(CMDLINE + " systemd.run=/boot/firmware/firstrun.sh")
    assert line.count("\n") == 1
    assert (boot / "hearth/release-keys.txt").read_text() == "ab" * 32 + "\n"
    assert not (boot / "user-data").exists()


def test_writing_the_card_again_changes_nothing(boot):
    make_card(boot)
    first = (boot / "cmdline.txt").read_text()
    make_card(boot)
    assert (boot / "cmdline.txt").read_text() == first


def test_a_card_of_the_newer_kind(boot):
    (boot / "user-data").write_text("#cloud-config\n")
    assert make_card(boot, "--wifi", "library", "--country", "AT", password="12345678").returncode == 0
    head, _, body = (boot / "user-data").read_text().partition("\n")
    assert head == "#cloud-config"
    told = json.loads(body)
    assert told["users"] == []
    assert told["ssh_pwauth"] is False
    assert ["systemctl", "enable", "--now", "--no-block", "hearth-first-install.service"] in told["runcmd"]
    assert told["write_files"][0]["path"] == "/etc/systemd/system/hearth-first-install.service"
    points = json.loads((boot / "network-config").read_text())["wifis"]["wlan0"]["access-points"]
    assert points == {"library": {"password": "12345678"}}
    assert not (boot / "firstrun.sh").exists()
    assert (boot / "cmdline.txt").read_text() == CMDLINE + "\n"


def test_without_a_key_nobody_can_log_in(boot):
    make_card(boot)
    told = tomllib.loads((boot / "custom.toml").read_text())
    assert told["ssh"] == {"enabled": False, "password_authentication": False}
    assert "user" not in told


def test_the_scripts_on_the_card_are_sound_and_install_what_is_on_it(boot, tmp_path):
    make_card(
        boot, "--country", "AT", "--build", "handset", "--contact", "Ring O'Neil's desk; rm -rf /", "--release-key", "cd" * 32,
    )  # fmt: skip
    for name in ("firstrun.sh", "hearth/install.sh"):
        assert subprocess.run(["bash", "-n", boot / name], check=False).returncode == 0
    # Run for real, with a stand-in for the installer that tells what it was given.
    place = tmp_path / "src"
    text = (boot / "hearth/install.sh").read_text()
    text = text.replace("/boot/firmware", str(boot)).replace("/usr/local/src/digital-hearth", str(place))
    text = (
        text.replace("scripts/install ", "printf '%s\\n' ")
        .replace("systemctl", "true")
        .replace("raspi-config", "echo raspi-config")
        .replace("rm -f /etc", "true /etc")
    )
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, timeout=60)
    # A box on a cable opens a network of its own too, so its radio is told the country in any case.
    assert done.stdout.splitlines() == [
        "raspi-config nonint do_wifi_country AT",
        "--build", "handset", "--contact", "Ring O'Neil's desk; rm -rf /", "--release-key", f"{boot}/hearth/release-keys.txt"
    ]  # fmt: skip
    assert (place / "scripts/install").stat().st_mode & 0o100
    assert (place / ".from-card").exists(), "uninstalling takes this copy away, and nobody's clone"
    assert (place / "locks/run.txt").read_bytes() == (ROOT / "locks/run.txt").read_bytes()


def test_the_project_on_the_card_is_what_is_kept_and_nobody_s(boot):
    make_card(boot)
    with tarfile.open(fileobj=io.BytesIO((boot / "hearth/hearth.tar.gz").read_bytes())) as tar:
        members = tar.getmembers()
    names = {member.name for member in members}
    assert {"scripts/install", "scripts/setup.sh", "systemd/hearth-kiosk.service", "kiosk/cli.py"} <= names
    assert not any(name.startswith(("tests/", ".git")) or "__pycache__" in name for name in names)
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "root")}


def test_a_clock_module_is_named_to_the_board_once(boot, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    card = importlib.import_module("make_card")
    make_card(boot, "--clock-module")
    told = (boot / "config.txt").read_text()
    assert told == "arm_64bit=1\n[all]\ndtoverlay=i2c-rtc,ds3231\n"
    assert card.with_clock(told) == told


def test_a_card_is_made_of_a_downloaded_copy_where_there_is_no_git(boot, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = make_card(boot)
    assert done.returncode == 0, done.stderr
    with tarfile.open(boot / "hearth/hearth.tar.gz") as tar:
        names = tar.getnames()
    assert {"scripts/install", "kiosk/cli.py", "locks/run.txt"} <= set(names)
    assert not [name for name in names if "/." in name], "what tools leave in folders is no part of it"


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["--hostname", "Hearth Box"], "cannot be a machine's name"),
        (["--timezone", "../../etc"], "no time zone"),
        pytest.param(
            ["--timezone", "Europe/Wien"],
            "no time zone",
            marks=pytest.mark.skipif(
                not zoneinfo.available_timezones(), reason="this machine has no list of time zones"
            ),
        ),
        (["--wifi", "x"], "8 to 63"),
        (["--wifi", "x", "--wifi-password", "12345678"], "country"),
        (["--country", "Austria"], "like --country AT"),
        (["--ssh-key", "my key"], "no public ssh key"),
        (["--release-key", "xyz"], "64 hexadecimal"),
        (["--contact", "two\nlines"], "one line"),
        (["--wheels", "/does/not/exist"], "no folder"),
        (["--build", "huge"], "invalid choice"),
    ],
)
def test_what_would_fail_at_the_first_start_is_refused_now(boot, arguments, say):
    before = sorted(boot.iterdir())
    done = make_card(boot, *arguments)
    assert done.returncode == 2
    assert say in done.stderr
    assert sorted(boot.iterdir()) == before


def test_help_names_every_build_of_the_guide_and_what_wheels_do_not_bring(boot):
    told = subprocess.run(
        [sys.executable, "-P", ROOT / "scripts/make_card.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "{" + ",".join(BUILDS) + "}" in told
    assert "Debian's still come by network" in " ".join(told.split())


def test_what_is_no_card_is_refused_and_not_told_to_be_written_over(tmp_path):
    image = tmp_path / "card.img"
    image.touch()
    for place, say in ((tmp_path, "is not the boot partition"), (image, "is no folder"), (tmp_path / "x", "not there")):
        done = make_card(place)
        assert done.returncode == 2
        assert say in done.stderr


def test_a_card_that_is_written_again_gives_the_room_of_what_it_holds(boot, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    card = importlib.import_module("make_card")
    (boot / "hearth").mkdir()
    (boot / "hearth/models.bin").write_bytes(bytes(50_000))
    monkeypatch.setattr(card.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    card.fits(boot, {"hearth/models.bin": bytes(50_500)})
    with pytest.raises(card.Refused, match="has 0 MB free"):
        card.fits(boot, {"hearth/others.bin": bytes(50_500)})


def test_a_dry_run_tells_and_writes_nothing(boot):
    before = sorted(boot.iterdir())
    told = make_card(boot, "--dry-run").stdout
    assert "custom.toml" in told
    assert sorted(boot.iterdir()) == before
