"""The installer says what it would do, writes its files alone and again without a change, and notes each of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "scripts/install"


def install(*arguments, first_on_path=""):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH")}
    clean["PATH"] = f"{first_on_path}:{clean['PATH']}" if first_on_path else clean["PATH"]
    return subprocess.run(
        [INSTALL, *map(str, arguments)], env=clean, capture_output=True, text=True, check=False, timeout=120
    )


def contents(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def root(tmp_path):
    return tmp_path / "machine"


def test_a_dry_run_names_every_file_and_writes_none(root):
    done = install("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing was changed." in done.stderr
    install("--files", root)
    for line in (root / "opt/hearth/installed.txt").read_text().split():
        assert line in done.stderr


def test_the_system_s_files_are_all_there_and_all_noted(root):
    done = install("--files", root, "--contact", "Call 555 0100", "--release-key", "ab" * 32, "--sound-card", "usb")
    assert done.returncode == 0, done.stderr
    noted = (root / "opt/hearth/installed.txt").read_text().splitlines()
    there = {f"/{name}" for name in contents(root)} - {"/opt/hearth/installed.txt"}
    masked = {f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_symlink()}
    assert set(noted) == there | masked
    assert len(noted) == len(set(noted))
    for source, place in (
        ("hearth.sysusers.conf", "etc/sysusers.d/hearth.conf"),
        ("hearth.nft", "etc/hearth/hearth.nft"),
        ("hearth.journald.conf", "etc/systemd/journald.conf.d/90-hearth.conf"),
    ):
        assert (root / place).read_bytes() == (ROOT / "systemd" / source).read_bytes()
    units = {
        path.name for path in (ROOT / "systemd").glob("hearth-*") if path.suffix in {".service", ".timer", ".path"}
    }
    assert units == {path.name for path in (root / "etc/systemd/system").iterdir() if path.is_file()}
    assert (root / "etc/hearth/contact.txt").read_text().strip() == "Call 555 0100"
    assert (root / "etc/hearth/release-keys.txt").read_text().strip() == "ab" * 32


def test_the_second_time_nothing_is_written_again(root):
    install("--files", root, "--headless")
    first = contents(root)
    assert install("--files", root, "--headless").returncode == 0
    assert contents(root) == first


def test_a_file_somebody_changed_is_put_right(root):
    install("--files", root)
    changed = root / "etc/systemd/system/hearth-kiosk.service"
    changed.write_text("[Service]\n")
    install("--files", root)
    assert changed.read_bytes() == (ROOT / "systemd/hearth-kiosk.service").read_bytes()


def test_a_box_without_a_screen_draws_into_memory_in_both_modes(root):
    install("--files", root, "--headless")
    for unit, extra in (("kiosk", ""), ("safe", " --safe")):
        text = (root / f"etc/systemd/system/hearth-{unit}.service.d/headless.conf").read_text()
        assert f"hearth run --headless{extra} --home /var/lib/hearth" in text
        assert "ExecStart=\n" in text


def test_a_handset_is_asked_for_its_library_too_and_a_build_with_a_screen_starts_as_the_unit_says(root):
    install("--files", root, "--build", "handset")
    drop_ins = root / "etc/systemd/system"
    text = (drop_ins / "hearth-kiosk.service.d/headless.conf").read_text()
    assert "hearth run --headless --set-up --home" in text
    assert "--set-up" not in (drop_ins / "hearth-safe.service.d/headless.conf").read_text()
    assert install("--files", root, "--build", "small").returncode == 0
    assert not list(root.glob("**/headless.conf"))
    assert "run --set-up" in (drop_ins / "hearth-kiosk.service").read_text()
    told = install("--dry-run", "--build", "large").stderr
    assert "build large" in told
    assert "libgbm1" in told


@pytest.mark.parametrize(("version", "wanted"), [("252 (252.39-1~deb12u2)", False), ("257 (257.9-1~deb13u1)", True)])
def test_a_systemd_that_takes_each_restart_for_a_failure_is_told_not_to(root, tmp_path, version, wanted):
    told = tmp_path / "bin/systemctl"
    told.parent.mkdir()
    told.write_text(f"#!/bin/sh\necho 'systemd {version}'\necho +PAM\n")
    told.chmod(0o755)
    assert install("--files", root, first_on_path=told.parent).returncode == 0
    for unit in ("kiosk", "safe"):
        path = root / f"etc/systemd/system/hearth-{unit}.service.d/restart.conf"
        assert path.exists() is wanted
        assert not wanted or "RestartMode=direct" in path.read_text()


def test_what_the_window_library_opens_by_name_to_reach_a_screen_is_installed():
    """The libraries that its wheel does not bring, read out of the wheel itself."""
    import pygame

    (sdl,) = (Path(pygame.__file__).parents[1] / "pygame_ce.libs").glob("libSDL2-2*")
    opened = {name.decode() for name in re.findall(rb"\0(lib(?:gbm|drm|EGL|GLESv2)\.so\.\d+)(?=\0)", sdl.read_bytes())}
    assert opened
    (known,) = re.findall('^SCREEN_LIBRARIES="(.*)"', INSTALL.read_text(), re.MULTILINE)
    assert set(known.split()) == opened
    packages = next(line for line in install("--dry-run").stderr.splitlines() if "Debian packages" in line)
    assert {"libdrm2", "libgbm1", "libegl1", "libgles2", "libgl1-mesa-dri"} <= set(packages.split())
    assert "libgbm1" not in install("--dry-run", "--headless").stderr


QUIET = ("avahi-daemon.service", "avahi-daemon.socket", "bluetooth.service", "dphys-swapfile.service")


def test_what_would_listen_or_write_memory_to_the_card_is_masked_and_what_somebody_wrote_is_left(root):
    own = root / "etc/systemd/system/bluetooth.service"
    own.parent.mkdir(parents=True)
    own.write_text("[Service]\n")
    (root / "etc/fstab").write_text(FSTAB + "PARTUUID=ab-03 none swap sw 0 0\n# /old none swap sw 0 0\n")
    assert install("--files", root).returncode == 0
    assert install("--files", root).returncode == 0
    units = root / "etc/systemd/system"
    assert {name for name in QUIET if (units / name).is_symlink()} == set(QUIET) - {"bluetooth.service"}
    assert {(units / name).readlink() for name in QUIET if (units / name).is_symlink()} == {Path(os.devnull)}
    assert own.read_text() == "[Service]\n"
    noted = (root / "opt/hearth/installed.txt").read_text().splitlines()
    assert "/etc/systemd/system/bluetooth.service" not in noted
    assert noted.count("/etc/systemd/system/avahi-daemon.socket") == 1
    assert "Mechanism=zram" in (root / "etc/rpi/swap.conf.d/90-hearth.conf").read_text().splitlines()
    table = (root / "etc/fstab").read_text()
    assert table.startswith(FSTAB)
    assert table.count("# hearth took away: ") == 1
    assert not [line for line in table.splitlines() if "swap" in line and not line.startswith("#")]


FSTAB = "# the card\nPARTUUID=ab-02  /  ext4  defaults,noatime  0  1\nPARTUUID=ab-01  /boot/firmware  vfat  defaults  0  2\n"


def test_data_on_its_own_partition_and_the_system_read_only(root):
    (root / "etc").mkdir(parents=True)
    (root / "etc/fstab").write_text(FSTAB)
    done = install("--files", root, "--data-partition", "/dev/mmcblk0p3", "--read-only-root")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in (root / "etc/fstab").read_text().splitlines() if line and line[0] != "#"]
    by_place = {row[1]: row for row in rows}
    assert by_place["/"][3].endswith(",ro")
    assert by_place["/srv/hearth"][0] == "/dev/mmcblk0p3"
    binds = {row[1]: row[0] for row in rows if "bind" in row[3]}
    assert {"/var/lib/hearth", "/var/lib/hearth-keys", "/var/lib/systemd"} == set(binds)
    assert len(set(binds.values())) == len(binds)
    assert {row[1] for row in rows if row[2] == "tmpfs"} == {"/tmp", "/var/tmp", "/var/log", "/var/cache/hearth"}
    assert by_place["/boot/firmware"][3] == "defaults"
    for unit in ("update", "settle"):
        # Neither may do it itself: the manager opens the system for it, and closes it whatever came of it.
        lines = (root / f"etc/systemd/system/hearth-{unit}.service.d/read-only.conf").read_text().splitlines()
        remount = "/usr/bin/nsenter -t 1 -m /bin/mount -o remount"
        assert lines[1:] == [f"ExecStartPre=+{remount},rw /", f"ExecStopPost=+-{remount},ro /"]
    again = (root / "etc/fstab").read_text()
    install("--files", root, "--data-partition", "/dev/mmcblk0p3", "--read-only-root")
    assert (root / "etc/fstab").read_text() == again


def test_taken_away_the_machine_is_as_it_was_before(root):
    (root / "etc/systemd").mkdir(parents=True)
    for name, text in (
        ("etc/fstab", FSTAB + "PARTUUID=ab-03 none swap sw 0 0\n"),
        ("etc/systemd/zram-generator.conf", "[zram0]\nzram-size = 64\n"),
        ("etc/asound.conf", "defaults.pcm.card 1\n"),
    ):
        (root / name).write_text(text)
    before = {name: data for name, (data, _) in contents(root).items()}
    options = ("--sound-card", "usb", "--data-partition", "/dev/mmcblk0p3", "--build", "handset")
    for _ in range(2):
        assert install("--files", root, *options).returncode == 0
    assert b"hearth" in (root / "etc/asound.conf").read_bytes()
    assert install("--files", root, "--uninstall").returncode == 0
    assert {name: data for name, (data, _) in contents(root).items()} == before
    assert not [path for path in root.rglob("*") if path.is_symlink()]


def test_what_could_not_be_removed_is_named_and_the_next_run_goes_on(root):
    install("--files", root)
    rules = root / "etc/sysctl.d/90-hearth.conf"
    rules.unlink()
    (rules / "in the way").mkdir(parents=True)
    done = install("--files", root, "--uninstall")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "These could not be removed: /etc/sysctl.d/90-hearth.conf"
    shutil.rmtree(rules)
    assert install("--files", root, "--uninstall").returncode == 0
    assert contents(root) == {}


class Moving:
    """The installer's own lines that take a home along to a partition, on two folders of a test."""

    def __init__(self, folder):
        self.home, self.there = folder / "lib/hearth-keys", folder / "srv/hearth-keys"
        self.came, self.part = folder / "srv/.came-hearth-keys", folder / "srv/hearth-keys.part"
        self.there.parent.mkdir()
        (self.home / "deep").mkdir(parents=True)
        for name in ("one", "deep/two"):
            (self.home / name).write_text(name)

    def run(self, before=""):
        lines = INSTALL.read_text()
        lines = lines[lines.index("whole_copy()") : lines.index("\nrest()")]
        stand_ins = f"mountpoint() {{ return 1; }}; rest() {{ echo rest; }}; {before}\n"
        return subprocess.run(
            ["bash", "-uc", f'{stand_ins}{lines}\nmove_along "$@"', "install", self.home, self.there],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    @staticmethod
    def kept(folder):
        return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


WHOLE = {"one": "one", "deep/two": "deep/two"}


@pytest.fixture
def moving(tmp_path):
    return Moving(tmp_path)


def test_what_a_box_kept_goes_to_its_partition_whole_with_nobody_at_it_and_leaves_nothing_behind(moving):
    moving.part.mkdir()
    (moving.part / "old").write_text("of a copy that was cut")
    done = moving.run()
    assert (done.returncode, done.stdout.split()) == (0, ["rest", "rest"]), done.stderr
    assert moving.kept(moving.there) == WHOLE
    assert not list(moving.home.iterdir())
    assert sorted(path.name for path in moving.there.parent.iterdir()) == ["hearth-keys"]


@pytest.mark.parametrize("cut_at", ["cp() { mkdir -p $3; touch $3/one; return 1; }", "mv() { return 1; }"])
def test_a_copy_that_was_cut_is_nothing_and_is_made_again(moving, cut_at):
    assert moving.run(cut_at).returncode == 1
    assert moving.kept(moving.home) == WHOLE
    assert not moving.there.exists()
    (moving.home / "three").write_text("told meanwhile")
    assert moving.run().returncode == 0
    assert moving.kept(moving.there) == WHOLE | {"three": "told meanwhile"}


def test_what_was_cut_while_the_old_place_was_emptied_goes_on_there(moving):
    assert moving.run("find() { return 1; }").returncode == 1
    assert moving.came.exists()
    (moving.home / "one").unlink()
    assert moving.run().returncode == 0
    assert moving.kept(moving.there) == WHOLE
    assert not list(moving.home.iterdir())
    assert not moving.came.exists()


def test_stories_in_both_places_are_refused_and_neither_hides_the_other(moving):
    moving.there.mkdir()
    (moving.there / "other").write_text("of a box before")
    done = moving.run()
    assert (done.returncode, "would hide" in done.stdout) == (1, True)
    assert (moving.kept(moving.home), moving.kept(moving.there)) == (WHOLE, {"other": "of a box before"})


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="findmnt is not installed")
def test_the_table_of_file_systems_can_be_read_by_the_system(root):
    install("--files", root, "--data-partition", "/dev/null", "--read-only-root")
    seen = subprocess.run(
        ["findmnt", "--verify", "--tab-file", root / "etc/fstab"], capture_output=True, text=True, check=False
    )
    assert "\n0 parse errors" in seen.stdout + seen.stderr


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["--read-only-root"], "give --data-partition too"),
        (["--contact"], "needs a value"),
        (["--nonsense"], "There is no option"),
        (["--sound-card", "loud"], "only sound card"),
        (["--build", "huge"], "small, large or handset"),
        (["--data-partition", "/dev/does-not-exist"], "no partition of this machine"),
        (["--wheels", "/does/not/exist"], "There is no folder"),
        (["--models", "/does/not/exist"], "There is no folder"),
        (["--release-key", "/media/usb/misspelt.txt"], "no release key"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_before_anything_is_done(arguments, say):
    done = install(*arguments)
    assert done.returncode == 2
    assert say in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_tells_every_option(root):
    told = install("--help").stdout
    for option in (
        "--dry-run",
        "--uninstall",
        "--wheels",
        "--models",
        "--headless",
        "--build",
        "--read-only-root",
        "--files",
    ):
        assert option in told


@pytest.mark.skipif(os.geteuid() != 0, reason="nft asks for root")
@pytest.mark.skipif(shutil.which("nft") is None, reason="nftables is not installed")
def test_the_packet_filter_reads_its_rules(tmp_path):
    rules = (ROOT / "systemd/hearth.nft").read_text().replace("/etc/hearth", str(tmp_path))
    (tmp_path / "rules.nft").write_text(rules)
    seen = subprocess.run(
        ["unshare", "-n", "nft", "--check", "-f", tmp_path / "rules.nft"], capture_output=True, text=True, check=False
    )
    assert (seen.returncode, seen.stderr) == (0, "")
