"""The core of the tests on an emulated 64-bit ARM board: real Debian, real packages for arm64, each instruction emulated.

What it shows: every locked package loads and works there, and what is stored, sealed and recognized comes out the same.
What it cannot show: speed, sound cards and pins. Nothing stays mounted or registered when it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import arm_wheels
from container import PYTHON, Trouble, able, mirror

ROOT = Path(__file__).parents[2]
CACHE = Path("/var/tmp/hearth-appliance-cache")  # noqa: S108 (this machine's own, for root alone)
EMULATOR = "/usr/bin/qemu-aarch64-static"
FORMATS = Path("/proc/sys/fs/binfmt_misc")
NAME = "hearth-aarch64"
MAGIC = (
    rf":{NAME}:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    rf":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{EMULATOR}:F"
)
"""Which programs the kernel hands to the emulator; with F it holds it open, so that it is found inside the folder too."""
INCLUDE = ("python3", "python3-venv", "ca-certificates", "libportaudio2", "espeak-ng", "procps")
CLONE = "srv/hearth"
CORE = ("tests/audio", "tests/hardware", "tests/archive/test_*.py", "tests/kiosk", "tests/systemd")
"""Sound in, words, what is kept and who allowed it, pins, the box itself with its session and settings, its units.

By folder, so that a new test is among them; what is marked ``alone`` keeps a wall clock and stays out.
"""
EACH_S = 3600
"""Patience with one test: a plain loop is about ten times slower there, a model's matrices fifty times."""
ALL_S = 12 * 3600
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")


def fit() -> None:
    """Raise `Trouble` with the sentence about what this machine lacks."""
    able({"debootstrap": "debootstrap"})
    if not Path(EMULATOR).exists():
        raise Trouble("The emulator is missing (Debian: qemu-user-static).")
    if "binfmt_misc" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        raise Trouble("This kernel cannot hand foreign programs to an emulator (binfmt_misc is missing).")


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """Let programs for arm64 run through the emulator meanwhile; an entry of the system's own is used and left."""
    mounted = not (FORMATS / "register").exists()
    if mounted:
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(FORMATS)], check=True)
    there = any("aarch64" in path.name for path in FORMATS.iterdir())
    try:
        if not there:
            (FORMATS / "register").write_text(MAGIC)
        yield
    finally:
        if not there and (FORMATS / NAME).exists():
            (FORMATS / NAME).write_text("-1")
        if mounted:
            subprocess.run(["umount", str(FORMATS)], check=False)


def base(suite: str) -> Path:
    """A tar file of a minimal Debian for arm64; made once, kept beside the others of scripts/appliance-test."""
    packages = hashlib.sha256(" ".join(INCLUDE).encode()).hexdigest()[:8]
    tar = CACHE / f"base-{suite}-arm64-{packages}.tar"
    if tar.exists():
        return tar
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"making-{suite}-arm64-") as room:
        root = Path(room) / "root"
        bootstrap = ["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase", f"--include={','.join(INCLUDE)}"]
        _must([*bootstrap, suite, str(root), mirror()])
        inside(root, "/debootstrap/debootstrap --second-stage && apt-get clean", within=3600)
        _must(["tar", "-C", str(root), "--numeric-owner", "-cf", f"{tar}.part", "."])
    Path(f"{tar}.part").rename(tar)
    return tar


def chosen(only: list[str]) -> list[str]:
    """The files and folders of the tests wanted, by default those of `CORE`. Raises `Trouble` when one is not there."""
    files: list[str] = []
    for one in only or CORE:
        found = sorted(ROOT.glob(one))
        if not found:
            raise Trouble(f"There is no test {one}.")
        files += [str(path.relative_to(ROOT)) for path in found]
    return files


def inside(root: Path, line: str, *, binds: tuple[tuple[Path, str], ...] = (), within: float) -> str:
    """Run a line of shell on the board, with a network of its own that reaches nothing; return what it said.

    Mounts and processes are in namespaces of their own, so they end with it. Raises `Trouble`.
    """
    mounts = [f"mount --bind -o ro {source} {root / seen}" for source, seen in binds]
    mounts += [f"mount -t proc proc {root}/proc", f"mount --bind /dev {root}/dev", "ip link set lo up"]
    clean = "env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8"
    script = " && ".join([*mounts, f"exec chroot {root} {clean} sh -c {shlex.quote(line)}"])
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within,
    )  # fmt: skip
    if done.returncode:
        raise Trouble(f"{line[:200]}: {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def _must(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{command[0]} failed: {(done.stderr or done.stdout)[-600:]}")


def wheels(python: str) -> Path:
    """Every locked package for the board and its tests; what is there is not fetched again."""
    folder = CACHE / f"wheels-arm64-{python.replace('.', '')}"
    wanted = "\n".join(arm_wheels.wanted("aarch64", python, tests=True).values())
    if not (folder / ".whole").is_file() or (folder / ".whole").read_text(encoding="utf-8") != wanted:
        answer = arm_wheels.check("aarch64", python, folder, tests=True)
        if not answer["ok"]:
            raise Trouble(f"Packages for the board are missing: {answer['missing']}")
        (folder / ".whole").write_text(wanted, encoding="utf-8")
    return folder


def _pip(*arguments: str) -> None:
    done = arm_wheels.pip(*arguments)
    if done.returncode:
        raise Trouble(f"The packages could not be unpacked: {(done.stderr or done.stdout)[-600:]}")


class Board:
    """One emulated board. Each step is a method; what it returns is what was seen."""

    def __init__(self, suite: str, room: Path, only: list[str]) -> None:
        """Use a Debian of ``suite`` under ``room``; ``only`` are the tests wanted, by default `CORE`."""
        self.suite, self.root, self.only = suite, room / "root", only
        self.python = PYTHON[suite]

    def make(self) -> dict[str, object]:
        """The Debian, and the committed project in it."""
        self.root.mkdir()
        _must(["tar", "-C", str(self.root), "--numeric-owner", "-xf", str(base(self.suite))])
        _must(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(self.root / CLONE)])
        for seen in ("mnt/wheels", f"{CLONE}/.venv/share/hearth"):
            (self.root / seen).mkdir(parents=True)
        told = inside(self.root, "uname -m && cat /etc/debian_version && python3 -V", within=120).split("\n")
        return {"machine": told[0], "debian": told[1], "python": told[2]}

    def install(self) -> dict[str, object]:
        """The locked packages with their hashes, then the project.

        This machine's own pip unpacks them for the board, because an emulated one takes half an hour; nothing of this
        machine's is among them, and what was only sources there is pure Python.
        """
        fetched, wanted = wheels(self.python), arm_wheels.wanted("aarch64", self.python, tests=True)
        inside(self.root, f"cd /{CLONE} && python3 -m venv --without-pip .venv", within=1800)
        home = self.root / CLONE / ".venv"
        site = home / f"lib/python{self.python}/site-packages"
        sources = {name: text for name, text in wanted.items() if name.partition("==")[0] in arm_wheels.SOURCES_ALONE}
        lock, plain = self.root / "srv/lock.txt", self.root / "srv/sources.txt"
        lock.write_text("\n".join(text for name, text in wanted.items() if name not in sources), encoding="utf-8")
        plain.write_text("\n".join(sources.values()), encoding="utf-8")
        built = self.root / "srv/built"
        here = ("--quiet", "--no-index", "--find-links", str(fetched), "--no-deps")
        _pip("wheel", *here, "--require-hashes", "-w", str(built), "-r", str(plain))
        _pip("wheel", *here, "-w", str(built), str(self.root / CLONE))
        there = ("install", *here, "--no-compile", "--target", str(site))
        _pip(*there, "--require-hashes", *arm_wheels.tags("aarch64", self.python), "-r", str(lock))
        _pip(*there, *map(str, sorted(built.glob("*.whl"))))
        program = home / "bin/hearth"
        program.write_text(f"#!/{CLONE}/.venv/bin/python\nimport sys\nfrom kiosk.cli import main\nsys.exit(main())\n")
        program.chmod(0o755)
        return {"packages": len(wanted)}

    def words(self) -> dict[str, object]:
        """A reading of real speech is written down by the model."""
        told = self._at_home(f".venv/bin/hearth transcribe {self._models()}/speech/beckett.wav --json", within=3600)
        text = str(json.loads(told)["clips"][0]["text"])
        assert len(text.split()) > 10, text  # noqa: PLR2004 (ten seconds of reading)
        return {"text": text}

    def tests(self) -> dict[str, object]:
        """The core of the tests. What they say is in ``srv/tests.log`` on the board while they run."""
        files = chosen(self.only)
        call = f".venv/bin/python -m pytest -v --durations=15 -m 'not alone' -p no:cacheprovider -o timeout={EACH_S}"
        log = self.root / "srv/tests.log"
        try:
            self._at_home(f"{call} {' '.join(map(shlex.quote, files))} >/srv/tests.log 2>&1 || true", within=ALL_S)
        finally:
            told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            print(told[-12000:], file=sys.stderr)
        counts: dict[str, object] = {
            what: int(number) for number, what in _COUNT.findall(told.strip().rpartition("\n")[2])
        }
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", told, re.MULTILINE)
        assert counts.get("passed"), told[-2000:]
        assert not failed, (counts, failed)
        return counts

    def _models(self) -> str:
        return f"/{CLONE}/.venv/share/hearth"

    def _at_home(self, line: str, within: float) -> str:
        return inside(
            self.root, f"cd /{CLONE} && {line}",
            binds=((ROOT / ".venv/share/hearth", f"{CLONE}/.venv/share/hearth"),), within=within,
        )  # fmt: skip


def main() -> int:
    """Make the board, run the steps, take it away."""
    parser = argparse.ArgumentParser(description="Run the core of the tests on an emulated 64-bit ARM board.")
    parser.add_argument("--suite", choices=sorted(PYTHON), default="bookworm")
    parser.add_argument("--only", nargs="*", default=[], help="these tests in place of the core and of the reading")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    results: list[dict[str, object]] = []
    # Told to stop, it takes away what it registered and made.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        fit()
        CACHE.mkdir(parents=True, exist_ok=True)
        with registered(), tempfile.TemporaryDirectory(prefix="hearth-arm64-", dir="/var/tmp") as room:
            board = Board(given.suite, Path(room), given.only)
            chosen(given.only)
            for step in (board.make, board.install, *(() if given.only else (board.words,)), board.tests):
                began = time.monotonic()
                try:
                    found = {"step": step.__name__, "ok": True} | step()
                except (AssertionError, ValueError, KeyError) as error:
                    found = {"step": step.__name__, "ok": False, "why": str(error)[-2000:]}
                found["seconds"] = round(time.monotonic() - began, 1)
                results.append(found)
                print(f"{'ok  ' if found['ok'] else 'FAIL'}  {found}", file=sys.stderr, flush=True)
    except (Trouble, subprocess.SubprocessError) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    well = all(one["ok"] for one in results)
    if given.json:
        print(json.dumps({"well": well, "suite": given.suite, "steps": results}))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
