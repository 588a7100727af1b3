"""A small machine whose system is a file system of its own, so that it can be closed: read-only, as a box may be."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container import Container

SIZE = "128M"
FOLDERS = (
    "usr",
    "etc/systemd/system",
    "var/log",
    "opt/hearth/known-good/bin",
    "tmp",
    "root",
    "proc",
    "sys",
    "dev",
    "run",
)
WRITES = "#!/bin/sh\ntouch /opt/hearth/wrote /etc/systemd/system/wrote\n"
"""Stands for the program: it writes where releases and units lie."""


@contextmanager
def closed_machine(room: Path, install: Path) -> Iterator[Container]:
    """Boot this machine's own programs on an image in ``room`` with the units ``install`` writes; then close the system."""
    image, root = room / "closed.img", room / "closed"
    root.mkdir()
    _run("truncate", "-s", SIZE, str(image))
    _run("mkfs.ext4", "-q", str(image))
    _run("mount", "-o", "loop", str(image), str(root))
    try:
        _furnish(root, install)
        machine = Container(root, {Path("/usr"): "/usr"})
        try:
            machine.boot()
            source = machine.must("findmnt -no SOURCE /").strip()
            assert source.startswith("/dev/loop"), f"{source} is not the machine's own, and is not closed"
            machine.must("mount -o remount,ro /")
            assert machine.run("touch /opt/hearth/closed").returncode != 0
            yield machine
        finally:
            machine.cut_power()
    finally:
        _run("umount", str(root))


def _furnish(root: Path, install: Path) -> None:
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("passwd", "group", "ld.so.cache"):
        shutil.copyfile(Path("/etc") / name, root / "etc" / name)
    (root / "etc/os-release").write_text("ID=trial\n")
    (root / "etc/machine-id").write_text("")
    (root / "etc/systemd/system/default.target").symlink_to("/lib/systemd/system/multi-user.target")
    _run(str(install), "--files", str(root), "--headless", "--read-only-root", "--data-partition", "/dev/null")
    # The partition of that name is none: nothing is to be mounted.
    (root / "etc/fstab").unlink()
    _run("systemd-sysusers", f"--root={root}", str(root / "etc/sysusers.d/hearth.conf"))
    program = root / "opt/hearth/known-good/bin/hearth"
    program.write_text(WRITES)
    program.chmod(0o755)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
