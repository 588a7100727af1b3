"""Releases side by side under one folder, and the link that says which of them runs. The standard library only.

A release is a Python environment of its own: packages with checked hashes, the project's wheel, its units. It is built
at its final path and marked whole at the end; one without the mark is nothing, and is built again from its start. The
installer runs this file before there is an environment: ``python3 -m kiosk.appliance.releases``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from archive.durable import remove, sync_folder, write_file
from kiosk.appliance.places import Places, version_of
from kiosk.errors import KioskError

WHOLE = ".whole"
LOCK = "run.txt"
UNITS = "units"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "audio", "hardware", "archive", "kiosk")
_SYSTEM_PINS = Path("/usr/lib/python3/dist-packages")
_PATIENCE_S = 3600

Progress = Callable[[str], None]


class NotMade(KioskError):
    """A release could not be made; the one that runs is as it was."""

    code = "not-made"


def make(
    places: Places,
    name: str,
    *,
    project: Path,
    lock: Path,
    units: Path,
    wheels: Path | None = None,
    progress: Progress = lambda _: None,
) -> Path:
    """Build release ``name`` beside the others and return its folder; one that is whole already is left as it is.

    ``project`` is the project's wheel or a folder of its sources. Packages come from ``wheels`` alone if given, else
    from the machine's package index; where another whole release has the same lock its packages are shared by hard
    links. Raises `NotMade`; what was begun is removed by the next attempt.
    """
    version_of(name)
    target = places.release(name)
    mark = _mark(lock, project)
    if (target / WHOLE).is_file():
        if (target / WHOLE).read_text(encoding="utf-8") == mark:
            return target
        if name in {_name(places.current), _name(places.known_good)}:
            raise NotMade(
                f"Version {name} is installed already, with other contents.", "Give the new one a higher number."
            )
    remove(target)
    twin = _twin(places, lock)
    target.parent.mkdir(parents=True, exist_ok=True)
    progress(f"an environment for {name}")
    venv.create(target, with_pip=twin is None, symlinks=True)
    if twin is not None:
        progress(f"the packages of {twin.name}, which are the same")
        _share(twin, target)
    else:
        progress("packages, hashes checked")
        source = ["--no-index", "--find-links", str(wheels)] if wheels else []
        _pip(target, "install", "--require-hashes", *source, "-r", str(lock))
    _pins(target)
    progress("Digital Hearth itself")
    _install_project(target, project)
    shutil.copyfile(lock, target / LOCK)
    shutil.copytree(units, target / UNITS)
    _run([target / "bin/hearth", "--version"])
    os.sync()
    write_file(target / WHOLE, mark.encode())
    sync_folder(target.parent)
    return target


def is_whole(release: Path) -> bool:
    """Whether everything of it was made."""
    return (release / WHOLE).is_file()


def point(link: Path, release: Path) -> None:
    """Let ``link`` name ``release`` from one moment to the next; durable when this returns. Raises `OSError`."""
    part = link.with_name(f"{link.name}.part")
    part.unlink(missing_ok=True)
    # Relative, so that a card can be looked at in another machine.
    part.symlink_to(os.path.relpath(release, link.parent))
    part.replace(link)
    sync_folder(link.parent)


def pointed(link: Path) -> Path | None:
    """The release that ``link`` names, or None."""
    target = link.parent / link.readlink() if link.is_symlink() else None
    return target if target is not None and target.is_dir() else None


def prune(places: Places, keep: int = 2) -> list[str]:
    """Remove all but the newest ``keep`` releases and those that a link names; return the names removed."""
    named = {_name(places.current), _name(places.known_good)}
    every = sorted(
        (path for path in places.releases.iterdir() if path.is_dir() and is_whole(path)),
        key=lambda path: version_of(path.name),
    )
    gone = [path for path in every[: max(0, len(every) - keep)] if path.name not in named]
    for path in gone:
        remove(path)
    return [path.name for path in gone]


def _name(link: Path) -> str | None:
    release = pointed(link)
    return None if release is None else release.name


def _mark(lock: Path, project: Path) -> str:
    """What a release is made of, in one line."""
    found = hashlib.sha256(lock.read_bytes())
    files = [project] if project.is_file() else sorted(_sources(project))
    for path in files:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _sources(project: Path) -> list[Path]:
    found = [project / name for name in SOURCES if (project / name).is_file()]
    for name in SOURCES:
        found += [path for path in (project / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return found


def _twin(places: Places, lock: Path) -> Path | None:
    """A whole release with the very same packages for the very same Python."""
    wanted = lock.read_bytes()
    for release in places.releases.glob("*"):
        same_python = (release / "lib" / _python() / "site-packages").is_dir()
        if is_whole(release) and same_python and (release / LOCK).read_bytes() == wanted:
            return release
    return None


def _python() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _share(twin: Path, target: Path) -> None:
    """Link every file of the packages: pip replaces files, it never writes into them."""
    packages = Path("lib") / _python() / "site-packages"
    (target / packages).rmdir()
    shutil.copytree(twin / packages, target / packages, symlinks=True, copy_function=os.link)


def _pins(target: Path) -> None:
    """Take Raspberry Pi OS's pin library where the package index has none (its file for Python 3.13 is empty)."""
    packages = target / "lib" / _python() / "site-packages"
    if any(packages.glob("_lgpio*.so")):
        return
    for path in (*_SYSTEM_PINS.glob("lgpio.py"), *_SYSTEM_PINS.glob("_lgpio*.so")):
        (packages / path.name).unlink(missing_ok=True)
        (packages / path.name).symlink_to(path)


def _install_project(target: Path, project: Path) -> None:
    room = target / "tmp"
    room.mkdir(exist_ok=True)
    wheel = project
    if project.is_dir():
        wheel = build_wheel(target / "bin/python", project, room)
    _pip(target, "install", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
    shutil.rmtree(room)


def build_wheel(python: Path, project: Path, room: Path) -> Path:
    """Build the project's wheel from its sources into ``room`` and return it. The sources are not written to.

    ``python`` belongs to an environment that has the locked build tools. Raises `NotMade`.
    """
    copy = room / "sources"
    copy.mkdir()
    for name in SOURCES:
        if (project / name).is_dir():
            shutil.copytree(project / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(project / name, copy / name)
    _run([python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", room, copy])
    (wheel,) = room.glob("digital_hearth-*.whl")
    return wheel


def _pip(target: Path, *arguments: str) -> None:
    room = target / "tmp"
    room.mkdir(exist_ok=True)
    command: list[str | Path] = [
        target / "bin/python",
        "-m",
        "pip",
        *arguments,
        "--no-input",
        "--disable-pip-version-check",
    ]
    _run(command, environment={"TMPDIR": str(room)})


def _run(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME", "PIP_USER"}}
    # Nothing outside the release: what is taken away one day must not leave a cache in somebody's home.
    clean["PIP_NO_CACHE_DIR"] = "1"
    done = subprocess.run(
        [str(part) for part in command],
        env=clean | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines() or ["it said nothing"]
        # pip says what is wrong in a line that begins so, and much beside it.
        told = next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1])
        raise NotMade(f"{' '.join(str(part) for part in command[1:4])} stopped: {told[:300]}", "Nothing was changed.")


def check_newer(places: Places, name: str) -> None:
    """Raise `NotMade` where a newer release than ``name`` runs: what it wrote an older one could not read."""
    running = _name(places.current)
    if running is not None and version_of(running) > version_of(name):
        raise NotMade(
            f"Version {running} runs here, and this folder holds {name}, which is older.",
            "A box does not go back to an older version: take a newer copy of the project. Nothing was changed.",
        )


def main() -> int:
    """Make a release, or let both links name one that is made: what the installer asks for."""
    parser = argparse.ArgumentParser(description="Make a release beside the others.")
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--name", required=True)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--ask", action="store_true", help="only say whether it may be made here")
    parser.add_argument(
        "--point", action="store_true", help="make it, if it is not made, and let it be the one that runs"
    )
    given = parser.parse_args()
    places = Places(given.root)
    try:
        check_newer(places, given.name)
        if given.ask:
            return 0
        release = make(
            places,
            given.name,
            project=given.project,
            lock=given.project / "locks" / LOCK,
            units=given.project / "systemd",
            wheels=given.wheels,
            progress=lambda step: print(step, flush=True),  # noqa: T201 (the installer shows it)
        )
    except (NotMade, ValueError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 (the installer turns it into its own sentence)
        return 1
    if given.point:
        point(places.current, release)
        point(places.known_good, release)
    return 0


if __name__ == "__main__":
    sys.exit(main())
