"""Disks that are files: a machine's own, a partition for its data, a stick."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def blank(image: Path, size: str) -> None:
    """Make ``image`` a disk with an empty Linux file system; it takes room as it is filled."""
    _run("truncate", "-s", size, str(image))
    _run("mkfs.ext4", "-q", str(image))


@contextmanager
def disk(image: Path, place: Path, size: str = "") -> Iterator[Path]:
    """Have the disk at ``place``, made first where ``size`` says so; what is on it stays in ``image``."""
    if size:
        blank(image, size)
    place.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(place))
    try:
        yield place
    finally:
        _run("umount", str(place))


@contextmanager
def plugged(image: Path, node: Path) -> Iterator[int]:
    """Have the disk as the device ``node``: a name of its own, since a container's systemd knows no devices by ``/dev``."""
    loop = _run("losetup", "--find", "--show", str(image))
    try:
        number = int(Path(loop).name.removeprefix("loop"))
        node.unlink(missing_ok=True)
        _run("mknod", str(node), "b", "7", str(number))
        yield number
    finally:
        _run("losetup", "--detach", loop)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
