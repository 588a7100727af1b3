"""A real systemd in a container: Debian by debootstrap, booted by systemd-nspawn, reached by nsenter."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

INCLUDE = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "python3-venv",
    "ca-certificates",
    "nftables",
    "udev",
    "iproute2",
    "procps",
    "kmod",
)
OWN = ("libasound2-plugins", "pulseaudio", "pulseaudio-utils", "avahi-daemon")
"""What the trial adds: a virtual sound card, and what Raspberry Pi OS has that listens."""
INSTALL = Path(__file__).parents[1] / "install"
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
BOOT_S = 60.0


class Trouble(Exception):
    """Something outside what is tested stands in the way."""


def able(tools: Mapping[str, str]) -> None:
    """Raise `Trouble` with the sentence about what this machine lacks: a program of ``tools``, by Debian's package of it."""
    if os.geteuid() != 0:
        raise Trouble("Only root can make a Debian in a folder: run this with sudo.")
    for tool, package in tools.items():
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is missing (Debian: {package}).")


def mirror() -> str:
    """The mirror this machine gets its own packages from."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if path.is_file():
            for found in re.findall(
                r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s*(\S+/debian/?)(?:\s|$)",
                path.read_text(encoding="utf-8"),
                re.MULTILINE,
            ):
                return str(found)
    raise Trouble("This machine's apt names no Debian mirror.")


def wanted() -> tuple[str, ...]:
    """What ``scripts/install`` takes from Debian for a box with a screen, as it says itself."""
    told = subprocess.run([str(INSTALL), "--dry-run"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"Debian packages: (.+)", told)
    if found is None:
        raise Trouble(f"scripts/install names no packages: {told[-400:]}")
    return tuple(found[1].split())


def base(suite: str, cache: Path) -> Path:
    """A tar file of a minimal Debian with what a box needs of Debian; made once, kept in ``cache``."""
    added = (*wanted(), *OWN)
    packages = hashlib.sha256(" ".join((*INCLUDE, *added)).encode()).hexdigest()[:8]
    tar = cache / f"base-{suite}-{packages}.tar"
    if tar.exists():
        return tar
    room = cache / f"making-{suite}"
    for name in ("proc", "sys"):
        # A debootstrap that was cut short leaves these mounted, and nobody may walk into them to remove files.
        subprocess.run(["umount", "-q", str(room / name)], check=False, capture_output=True)
    shutil.rmtree(room, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    _must(["debootstrap", "--variant=minbase", f"--include={','.join(INCLUDE)}", suite, str(room), mirror()])
    (room / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (room / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copyfile("/etc/resolv.conf", room / "etc/resolv.conf")
    _must(
        [
            "chroot",
            str(room),
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "-y",
            "--no-install-recommends",
            *added,
        ]
    )
    _must(["chroot", str(room), "apt-get", "clean"])
    (room / "usr/sbin/policy-rc.d").unlink()
    _must(["tar", "-C", str(room), "--numeric-owner", "-cf", f"{tar}.part", "."])
    Path(f"{tar}.part").rename(tar)
    shutil.rmtree(room)
    return tar


def _must(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{command[0]} failed: {(done.stderr or done.stdout)[-400:]}")


class Container:
    """One machine. Its network is its own and reaches nothing."""

    def __init__(self, root: Path, binds: dict[Path, str]) -> None:
        """Boot what lies at ``root``; ``binds`` are folders it may read, and where it sees them."""
        self.root = root
        self._binds = [f"--bind-ro={source}:{seen}" for source, seen in binds.items()]
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> float:
        """Start it; return the seconds until systemd has nothing left to do."""
        began = time.monotonic()
        command = [
            "systemd-nspawn", "-q", "-D", str(self.root), "--boot", "--register=no", "--keep-unit", f"--machine=hearth-{os.getpid()}",
            "--private-network", "--console=pipe", *self._binds,
        ]  # fmt: skip
        if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
            # A machine with the older kind of control groups: Debian 13's systemd wants to be told that it is meant.
            command += ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0"}
        log = (self.root.parent / "console.log").open("ab")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        log.close()
        self.until(self._find_leader, BOOT_S, "systemd in the container")
        self.until(
            lambda: self.run("systemctl is-system-running").stdout.strip() in {"running", "degraded"},
            BOOT_S,
            "the end of the start",
        )
        return time.monotonic() - began

    def _find_leader(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise Trouble(
                f"The container did not start: {(self.root.parent / 'console.log').read_text(errors='replace')[-600:]}"
            )
        children = subprocess.run(
            ["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        self._leader = int(children[0]) if children else 0
        return bool(self._leader) and self.run("test -S /run/systemd/private").returncode == 0

    def run(self, command: str, *, user: str = "", within: float = 900.0) -> subprocess.CompletedProcess[str]:
        """Run a line of shell inside, as ``user`` or as root."""
        inside = ["sh", "-c", command]
        if user:
            inside = ["runuser", "-u", user, "--", *inside]
        clean = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LANG=C.UTF-8",
            "HEARTH_KEYS=/var/lib/hearth-keys",
        ]
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", *clean, *inside],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within,
        )  # fmt: skip

    def must(self, command: str, *, user: str = "", within: float = 900.0) -> str:
        """Run a line inside and return what it said. Raises `AssertionError` when it fails."""
        done = self.run(command, user=user, within=within)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run(f"systemctl show --property={name} --value {unit}").stdout.strip()

    @staticmethod
    def until(true: Callable[[], bool], within: float, what: str) -> float:
        """Look until ``true``; return the seconds it took. Raises `AssertionError`."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < within, f"{what} did not come within {within:.0f} s"
            time.sleep(0.1)
        return time.monotonic() - began

    def cut_power(self) -> None:
        """End it at once, as a pulled plug does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            subprocess.run(["kill", "-KILL", str(self._leader)], check=False, capture_output=True)
            self._process.wait()
            self._process = None
            time.sleep(0.5)  # the kernel takes the namespace apart; there is nothing to ask

    def shut_down(self) -> None:
        """Let it end in good order."""
        if self._process is None:
            return
        self.run("systemctl --no-block poweroff")
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.cut_power()
        self._process = None
