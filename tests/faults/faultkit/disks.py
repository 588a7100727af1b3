"""Small real disks of the test's own: an ext4 image on a loop device, or memory. Needs root and leave to mount."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


class NotAllowed(Exception):
    """This machine does not let us mount."""


def may_mount(folder: Path) -> str:
    """Why nothing can be mounted here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin") is None:
        return "mkfs.ext4 is not installed"
    try:
        with image(folder / "probe", megabytes=8):
            pass
    except NotAllowed as error:
        return str(error)
    return ""


def command(*words: str | Path) -> str:
    """Run a program of the system; raises `NotAllowed` with its own words."""
    path = f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin"
    done = subprocess.run(
        [str(word) for word in words], check=False, capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    if done.returncode not in (0, 1) or (done.returncode == 1 and "e2fsck" not in str(words[0])):
        raise NotAllowed(f"{words[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextlib.contextmanager
def image(folder: Path, megabytes: int = 256) -> Iterator[tuple[Path, Path]]:
    """Make an ext4 image and mount it; yields the image and where it is mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    file, mount = folder / "disk.img", folder / "disk"
    mount.mkdir(exist_ok=True)
    with file.open("wb") as out:
        out.truncate(megabytes << 20)
    command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", file)
    with mounted(file, mount):
        yield file, mount


@contextlib.contextmanager
def mounted(file: Path, mount: Path) -> Iterator[Path]:
    """Mount an image that is there."""
    mount.mkdir(parents=True, exist_ok=True)
    command("mount", "-o", "loop,errors=remount-ro", file, mount)
    try:
        yield mount
    finally:
        command("umount", "-l", mount)


@contextlib.contextmanager
def in_memory(mount: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk in memory."""
    mount.mkdir(parents=True, exist_ok=True)
    command("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", mount)
    try:
        yield mount
    finally:
        command("umount", "-l", mount)


def after_power_cut(file: Path, target: Path) -> Path:
    """Copy what has really reached the device, and let the file system mend itself as it would at the next start."""
    command("cp", "--sparse=always", file, target)
    command("e2fsck", "-fy", target)
    return target


def break_ext4(mount: Path) -> None:
    """Let ext4 find an error: with ``errors=remount-ro`` it turns read-only under everybody who writes."""
    device = next(
        line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(mount)
    )
    trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
    with contextlib.suppress(OSError):  # the write itself is answered with an error
        trigger.write_text("1")
    if not any(" ro," in f" {line.split()[3]}," or "emergency_ro" in line for line in _lines(mount)):
        raise NotAllowed("this kernel does not let an ext4 error be planted")


def _lines(mount: Path) -> list[str]:
    return [line for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(mount)]
