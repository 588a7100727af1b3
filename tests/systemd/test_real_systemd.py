"""The units as they are shipped, in a real systemd: a small case of scripts/appliance-test, on this machine's own /usr.

The machine that boots here has a root of its own with this machine's programs in it, read-only, no sound card and no
network: the kiosk says that its microphone is missing, which is a screen like any other.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIOSK, SAFE, LAST = "hearth-kiosk.service", "hearth-safe.service", "hearth-out-of-service.service"
MISSING = [name for name in ("systemd-nspawn", "nsenter", "pgrep") if shutil.which(name) is None]
LINKS = ("bin", "sbin", "lib", "lib64")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a container needs root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not Path("/lib/systemd/systemd").exists(), reason="this machine has no systemd to boot"),
]


def containers():
    spec = importlib.util.spec_from_file_location("hearth_container", ROOT / "scripts/appliance/container.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drop_in(root, unit, text):
    folder = root / f"etc/systemd/system/{unit}.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zz-test.conf").write_text(text)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    root = tmp_path_factory.mktemp("machine") / "root"
    for name in ("usr", "etc/systemd/system", "var/log", "opt/hearth", "tmp", "root", "proc", "sys", "dev", "run"):
        (root / name).mkdir(parents=True)
    for name in LINKS:
        (root / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "alsa", "pulse"):
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, root / "etc" / name, symlinks=True)
        elif source.exists():
            shutil.copyfile(source, root / "etc" / name)
    (root / "etc/os-release").write_text("ID=trial\n")
    (root / "etc/machine-id").write_text("")
    (root / "etc/systemd/system/default.target").symlink_to("/lib/systemd/system/multi-user.target")
    written = subprocess.run(
        [ROOT / "scripts/install", "--files", root, "--headless"], capture_output=True, text=True, check=False
    )
    assert written.returncode == 0, written.stderr
    subprocess.run(
        ["systemd-sysusers", f"--root={root}", root / "etc/sysusers.d/hearth.conf"], check=True, capture_output=True
    )
    (root / "opt/hearth/current").symlink_to(sys.prefix)
    # The environment of a checkout may lie in somebody's home; the box's own never does.
    for unit in (KIOSK, SAFE):
        drop_in(root, unit, "[Unit]\nWants=\n[Service]\nProtectHome=no\nWatchdogSec=4\nRestartSec=200ms\n")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / KIOSK).symlink_to(f"/etc/systemd/system/{KIOSK}")
    seen = {Path("/usr"): "/usr", Path(sys.base_prefix): sys.base_prefix, Path(sys.prefix): sys.prefix, ROOT: str(ROOT)}
    if sys.base_prefix.startswith("/usr"):
        del seen[Path(sys.base_prefix)]
    box = containers().Container(root, seen)
    box.boot()
    yield box
    box.cut_power()


def status(machine):
    return machine.show(KIOSK, "StatusText")


def test_the_box_is_ready_and_says_what_it_waits_for(machine):
    machine.until(lambda: machine.show(KIOSK, "ActiveState") == "active", 60, "the kiosk")
    assert machine.show(KIOSK, "NRestarts") == "0"
    assert "microphone" in status(machine).lower()
    assert machine.must("stat -c '%U %a' /var/lib/hearth /var/lib/hearth-keys").split() == ["hearth", "700"] * 2


def test_nothing_listens(machine):
    if machine.run("command -v ss").returncode:
        pytest.skip("ss is not installed")
    assert machine.must("ss -H -tuln") == ""


def test_a_hung_kiosk_is_ended_by_the_watchdog_and_comes_back(machine):
    machine.until(lambda: machine.show(KIOSK, "ActiveState") == "active", 60, "the kiosk")
    pid = machine.show(KIOSK, "MainPID")
    machine.must(f"kill -STOP {pid}")
    machine.until(lambda: machine.show(KIOSK, "MainPID") not in {pid, "0"} and bool(status(machine)), 60, "the kiosk")
    assert int(machine.show(KIOSK, "NRestarts")) == 1


def test_a_kiosk_that_cannot_start_leads_to_the_safe_mode_and_then_to_the_last_page(machine):
    broken = "[Service]\nExecStart=\nExecStart=/bin/false\n"
    drop_in(machine.root, KIOSK, f"{broken}RestartSec=100ms\n")
    machine.run(f"systemctl daemon-reload; systemctl reset-failed {KIOSK}; systemctl restart {KIOSK}")
    machine.until(lambda: machine.show(SAFE, "ActiveState") == "active", 60, "the safe mode")
    assert machine.show(KIOSK, "ActiveState") == "failed"
    assert "microphone" in machine.show(SAFE, "StatusText").lower()
    drop_in(machine.root, SAFE, f"{broken}RestartSec=100ms\n")
    machine.run(f"systemctl daemon-reload; systemctl restart {SAFE}")
    machine.until(lambda: bool(machine.show(LAST, "ConditionTimestamp")), 60, "the out-of-service page")
