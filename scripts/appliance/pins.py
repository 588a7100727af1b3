"""Buttons and lamps on a kernel's own pins, without a board: user-mode Linux with its simulated pin chip (gpio-sim).

A small kernel is built from Debian's sources and runs as a program, with this machine's files, read only, as its own. In
it the drivers that a box uses meet real lines through the real pin library (`pins_inside`), chip and board apart: what
presses and what looks is the chip's own other side. What it cannot show: the wires, the resistors, the board's chip.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hearth-pins"
SOURCES = ("linux-source-6.1", "linux-source-6.12")
"""Debian 12's and 13's; the first that apt knows is taken."""
TOOLS = ("gcc", "make", "flex", "bison", "bc", "tar", "xz", "dpkg-deb", "apt-get")
CONFIG = """
64BIT PRINTK BUG MULTIUSER BINFMT_ELF BINFMT_SCRIPT FUTEX EPOLL SIGNALFD TIMERFD EVENTFD POSIX_TIMERS FILE_LOCKING
ADVISE_SYSCALLS MEMBARRIER HIGH_RES_TIMERS STDERR_CONSOLE NULL_CHAN HOSTFS PROC_FS PROC_SYSCTL SYSFS TMPFS SHMEM DEVTMPFS
CONFIGFS_FS GPIOLIB GPIO_CDEV GPIO_CDEV_V1 GPIO_SIM
"""
"""Everything this kernel has; all else is left out, so that it is built in minutes."""
ROOM_FOR_INTERRUPTS = re.compile(r"^(#define NR_IRQS)\s+UM_LAST_SIGNAL_IRQ$", re.MULTILINE)
"""Where such a kernel counts its interrupts: all are its own, and each line that is watched takes one more."""
LINES = 28
"""The board's own pins: GPIO 0 to 27."""
REVISION = "c03112"
"""A Raspberry Pi 4: the pin library asks which board it is on."""
BUILD_S, RUN_S = 7200, 600

INIT = """#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t configfs configfs /sys/kernel/config
mount -t devtmpfs devtmpfs /dev && mount -t tmpfs tmpfs /run && mkdir /run/told
mount -t hostfs -o {told} none /run/told
chip=/sys/kernel/config/gpio-sim/board
mkdir -p $chip/header && echo {lines} >$chip/header/num_lines && echo 1 >$chip/live
{{ cat /proc/cpuinfo; printf 'Revision\\t: {revision}\\n'; }} >/run/cpuinfo && mount --bind /run/cpuinfo /proc/cpuinfo
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cd /run && {python} -P {inside} >/run/told/told.json 2>/run/told/trouble.txt
{python} -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)'
"""
"""What that kernel starts: its file systems, a chip with the board's lines, the trial, and off."""


class Trouble(Exception):
    """Something outside what is tested stands in the way."""


def fit() -> None:
    """Raise `Trouble` with the sentence about what this machine lacks."""
    if platform.machine() != "x86_64":
        raise Trouble("User-mode Linux runs on 64-bit Intel alone; a Raspberry Pi has pins of its own.")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Trouble(f"These are missing: {', '.join(missing)} (Debian: build-essential flex bison bc xz-utils).")


def kernel() -> tuple[Path, float]:
    """The kernel as a program, and the seconds it took to build: made once for a list of what it has, and kept."""
    made, wanted_all = CACHE / "linux", CONFIG + ROOM_FOR_INTERRUPTS.pattern
    if made.is_file() and (CACHE / "config").is_file() and (CACHE / "config").read_text(encoding="ascii") == wanted_all:
        return made, 0.0
    room = CACHE / f"making-{hashlib.sha256(wanted_all.encode()).hexdigest()[:8]}"
    room.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    # What was cut short goes on where it was: on a busy machine it is long.
    sources = _sources(room)
    wanted = sources / "wanted"
    make = ["make", "-C", str(sources), "ARCH=um", "-j", str(os.cpu_count() or 1)]
    if not wanted.is_file():
        wanted.write_text("".join(f"CONFIG_{name}=y\n" for name in CONFIG.split()), encoding="ascii")
        _must([*make, f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig"])
    has = (sources / ".config").read_text(encoding="utf-8").splitlines()
    lost = [name for name in CONFIG.split() if f"CONFIG_{name}=y" not in has]
    if lost:
        raise Trouble(f"These kernel sources do not take: {', '.join(lost)}.")
    _must([*make, "linux"])
    shutil.copyfile(sources / "linux", CACHE / "linux.part")
    Path(CACHE / "linux.part").chmod(0o755)
    Path(CACHE / "linux.part").replace(made)
    (CACHE / "config").write_text(wanted_all, encoding="ascii")
    shutil.rmtree(room)
    return made, round(time.monotonic() - began, 1)


def _sources(room: Path) -> Path:
    """Debian's kernel sources, fetched by apt, which checks them; without what no kernel here is made of."""
    there = [room / name for name in SOURCES if (room / name).is_dir()]
    if there:
        return there[0]
    for name in SOURCES:
        fetched = subprocess.run(["apt-get", "download", name], cwd=room, capture_output=True, text=True, check=False)
        if fetched.returncode == 0:
            break
    else:
        raise Trouble(f"apt has no {' or '.join(SOURCES)}: {fetched.stderr.strip()[-300:]}")
    (package,) = room.glob(f"{name}_*.deb")
    _must(["dpkg-deb", "-x", str(package), str(room / "package")])
    left_out = [
        f"--exclude={name}/{part}" for part in ("Documentation/*/*", "drivers/gpu/drm/amd/include", "tools/testing")
    ]
    half = room / "half"
    half.mkdir(exist_ok=True)
    _must(["tar", "-C", str(half), *left_out, "-xf", str(room / f"package/usr/src/{name}.tar.xz")])
    header = half / name / "arch/um/include/asm/irq.h"
    text, changed = ROOM_FOR_INTERRUPTS.subn(r"\1 (UM_LAST_SIGNAL_IRQ + 64)", header.read_text(encoding="ascii"))
    if not changed:
        raise Trouble("These kernel sources count their interrupts elsewhere than in arch/um/include/asm/irq.h.")
    header.write_text(text, encoding="ascii")
    (half / name).rename(room / name)
    return room / name


def _must(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_S)
    if done.returncode:
        raise Trouble(f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout)[-800:]}")


def run(program: Path) -> dict[str, Any]:
    """Start that kernel, let the trial run in it, and return what it told. Raises `Trouble`."""
    with tempfile.TemporaryDirectory(prefix="hearth-pins-") as room:
        told = Path(room)
        init = told / "init"
        inside = Path(__file__).with_name("pins_inside.py")
        text = INIT.format(told=told, lines=LINES, revision=REVISION, python=ROOT / ".venv/bin/python", inside=inside)
        init.write_text(text, encoding="utf-8")
        init.chmod(0o755)
        began = time.monotonic()
        command = [str(program), "mem=512M", "root=/dev/root", "rootfstype=hostfs", "ro", "quiet", f"init={init}"]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=RUN_S,
        )
        seconds = round(time.monotonic() - began, 1)
        try:
            found: dict[str, Any] = json.loads((told / "told.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            trouble = told / "trouble.txt"
            said = trouble.read_text(encoding="utf-8") if trouble.exists() else done.stdout + done.stderr
            raise Trouble(f"Nothing was told: {said[-3000:]}") from error
    return found | {"seconds": seconds}


def main() -> int:
    """Build what is not built, run it, tell."""
    parser = argparse.ArgumentParser(
        prog="scripts/pins-test", description="Try the drivers of buttons and lamps on a kernel's own pins."
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        fit()
        program, built = kernel()
        found = run(program)
    except (Trouble, OSError, subprocess.SubprocessError) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    for step in found["steps"]:
        print(f"{'ok  ' if step['ok'] else 'FAIL'}  {step}", file=sys.stderr)
    if given.json:
        print(json.dumps(found | {"built_seconds": built}))
    return 0 if found["well"] else 1


if __name__ == "__main__":
    sys.exit(main())
