"""A small machine whose system is a file system of its own, so that it can be closed: read-only, as a box may be; a stick is put into it."""

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


def put_stick_in(closed: Container, room: Path) -> dict[str, object]:
    """A stick is mounted where the hand-on looks for it, once, and never what the system's own table names.

    It has a Linux file system, and its device another name: this machine's kernel may know no FAT, and a container's
    systemd no devices. What the unit says of both is left out of it; how it asks the manager is tried as it is.
    """
    image = room / "stick.img"
    _run("truncate", "-s", "16M", str(image))
    _run("mkfs.ext4", "-q", str(image))
    loop = subprocess.run(
        ["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True
    ).stdout.strip()
    name, place = Path(loop).name, "findmnt -no SOURCE,OPTIONS /media/usb"
    start = f"systemctl start hearth-stick@{name} && {place}"
    try:
        closed.must("mount -o remount,rw /")
        unit = closed.root / "etc/systemd/system/hearth-stick@.service"
        text = unit.read_text().replace("/dev/%I", "/opt/%I").replace("uid=hearth,gid=hearth,umask=0077,", "")
        unit.write_text(text)
        closed.must(f"mknod /opt/{name} b 7 {name.removeprefix('loop')} && systemctl daemon-reload")
        (closed.root / "etc/fstab").write_text(f"/opt/{name} /boot/firmware ext4 defaults 0 0\n")
        assert closed.run(start).stdout == "", "the system's own partition was taken for a stick"
        (closed.root / "etc/fstab").unlink()
        closed.must("mount -o remount,ro /")
        source, options = closed.must(start).split()
        assert source == f"/opt/{name}"
        assert {"rw", "nosuid", "nodev", "noexec"} <= set(options.split(",")), options
        assert closed.must(start).count("\n") == 1, "a stick was mounted over another"
        closed.must("systemctl stop media-usb.mount")
        assert closed.run(place).stdout == ""
        return {"stick": options}
    finally:
        closed.run("systemctl stop media-usb.mount")
        _run("losetup", "--detach", loop)


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
