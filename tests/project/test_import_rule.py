"""Who may import whom: the folder table of docs/architecture.md, and one home for each outside package."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "audio": set(),
    "hardware": set(),
    "archive": {"audio"},
    "kiosk": {"audio", "hardware", "archive"},
}
"""A folder, and which of ours it may import beside itself."""
HOMES = {
    "argon2": {"archive/keycode.py", "archive/people/passwords.py"},
    "bagit": {"archive/bagcheck.py", "kiosk/demo.py"},
    "click": {"kiosk/cli.py", "kiosk/commands/"},
    "ctranslate2": {"audio/shorttail.py", "archive/patterns/encoder.py"},
    "faster_whisper": {"audio/transcribe.py"},
    "fpdf": {"archive/patterns/paper.py"},
    "gpiozero": {"hardware/gpio.py"},
    "httpx": {"archive/", "kiosk/appliance/fetching.py"},
    "huggingface_hub": {"audio/models.py"},
    "jinja2": {"archive/portal/"},
    "jiwer": {"audio/speech.py", "audio/benchwords.py"},
    "lgpio": {"hardware/gpio.py"},
    "nacl": {"audio/sealing.py", "archive/", "kiosk/appliance/bundle.py"},
    "nltk": {"archive/patterns/agreement.py"},
    "numpy": {"audio/", "archive/", "kiosk/"},
    "iiif_prezi3": {"archive/export/iiif.py"},
    "lxml": {"archive/export/"},
    "oaipmh": {"archive/export/oai.py"},
    "obstore": {"archive/objects/s3.py"},
    "psycopg": {"archive/catalogue/"},
    "pygame": {"kiosk/"},
    "pyloudnorm": {"audio/loudness.py"},
    "rich": {"kiosk/commands/bench_.py", "kiosk/commands/archiving/progress.py"},
    "segno": {"kiosk/screens/parts.py"},
    "sklearn": {"archive/patterns/telling_apart.py", "archive/patterns/words.py", "archive/patterns/nearest.py"},
    "sounddevice": {"audio/microphone.py", "audio/player.py"},
    "soundfile": {
        "audio/",
        "archive/flac.py",
        "archive/masters.py",
        "archive/reviewing/rendition.py",
        "archive/reviewing/podcast.py",
        "archive/patterns/rendering.py",
        "archive/patterns/handout.py",
        "kiosk/speech.py",
        "archive/feed/lending.py",
        "archive/patterns/corpus.py",
        "archive/patterns/telling_apart.py",
    },
    "soxr": {"audio/"},
    "sqlite_utils": {"archive/"},
    "starlette": {"archive/portal/"},
    "threadpoolctl": {"audio/transcribe.py"},
    "tokenizers": {"archive/patterns/encoder.py"},
    "ulid": {"archive/takes.py"},
    "uvicorn": {"archive/portal/"},
    "duckdb": {"archive/patterns/tables.py"},
    "pyrefiqda": {"archive/patterns/qda.py", "archive/patterns/qdareading.py"},
    "pydantic": {"archive/patterns/qda.py", "archive/patterns/qdareading.py"},
    "xsdata": {"archive/patterns/qda.py", "archive/patterns/qdareading.py"},
    "webrtcvad": {"audio/vad.py"},
    "webvtt": {"archive/captions.py"},
}
"""Where an outside package may be imported: a file, or a folder with what is below it."""
BROUGHT = {"ctranslate2", "huggingface_hub", "tokenizers", "pydantic", "xsdata"}
"""Packages that come with faster-whisper or pyrefiqda, in the versions those ask for; naming them twice could only disagree."""
NEVER_IMPORTED = {"python-multipart", "uharfbuzz"}
"""Asked for by name, used by another package: the web framework reads forms with one, PDFs are shaped by the other."""
FOR_TYPES = {"typing_extensions"}
"""Imported while types are checked, never while the program runs."""


def imports(source, *, types=False):
    """Return the first names of everything imported; with ``types`` also what is imported for checking types alone."""
    used, for_types = imported(source)
    return used | for_types if types else used


@cache
def imported(source):
    """Return the first names of what is imported at run time, and of what is imported for checking types."""
    used, for_types, skipped = set(), set(), set()
    # Whoever holds others comes before them.
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            skipped |= {id(below) for part in node.body for below in ast.walk(part)}
        found = for_types if id(node) in skipped else used
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
    return used, for_types


@cache
def shipped_by():
    """Which distributions own a name that can be imported: read once, from the list of files of every package."""
    return metadata.packages_distributions()


def modules():
    return {path.relative_to(ROOT).as_posix(): path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}


def wrong_of_ours(name, source):
    folder = name.partition("/")[0]
    return imports(source, types=True) & ({*FOLDERS, ".", "tests", "scripts"} - FOLDERS[folder] - {folder})


def wrong_outside(name, source):
    outside = imports(source) - set(sys.stdlib_module_names) - set(FOLDERS) - {"."}
    return {
        package for package in outside if not any(name == home or _below(name, home) for home in HOMES.get(package, ()))
    }


def _below(name, home):
    return home.endswith("/") and name.startswith(home)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(folder):
    mine = {name: path for name, path in modules().items() if name.startswith(f"{folder}/")}
    assert len(mine) > 5
    wrong = {name: bad for name, path in mine.items() if (bad := wrong_of_ours(name, path.read_text(encoding="utf-8")))}
    assert not wrong


def test_every_outside_package_stays_in_its_home():
    wrong = {
        name: bad for name, path in modules().items() if (bad := wrong_outside(name, path.read_text(encoding="utf-8")))
    }
    assert not wrong


def test_the_rule_catches_what_it_forbids():
    assert wrong_of_ours("audio/x.py", "def f():\n    from kiosk.app import App") == {"kiosk"}
    assert wrong_of_ours("archive/x.py", "import hardware.types") == {"hardware"}
    assert wrong_of_ours("kiosk/x.py", "from . import app") == {"."}
    assert wrong_of_ours("kiosk/x.py", "import archive.store, audio, hardware") == set()
    assert wrong_outside("kiosk/x.py", "import sounddevice") == {"sounddevice"}
    assert wrong_outside("audio/x.py", "import json, requests") == {"requests"}
    assert wrong_outside("audio/vad.py", "import webrtcvad") == set()


def test_every_home_is_lived_in():
    sources = {name: path.read_text(encoding="utf-8") for name, path in modules().items()}
    # A folder that is still to come may have its rule before its first file.
    homes = {(package, home) for package, homes in HOMES.items() for home in homes if (ROOT / home).exists()}
    empty = {
        (package, home)
        for package, home in homes
        if not any(
            (name == home or _below(name, home)) and package in imports(text, types=True)
            for name, text in sources.items()
        )
    }
    assert not empty
    assert len(homes) > 20


def names_installed():
    return {(found.metadata["Name"] or "").lower() for found in metadata.distributions()} | {"lgpio"}


def test_what_is_imported_is_what_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {Requirement(line).name.lower() for line in [*project["dependencies"], *extra]}
    # On some Pythons the wheel of lgpio is missing or empty; then the system brings it.
    there = {name for name in HOMES if name in shipped_by()}
    missing = {need for need in declared if need not in names_installed()}
    used = {shipped_by()[name][0].lower() for name in there - BROUGHT} | {"lgpio"}
    assert used | NEVER_IMPORTED | missing == declared
    assert set(HOMES) - there <= {"lgpio"} | missing


def test_what_is_imported_for_types_is_not_there_at_run_time():
    for name, path in modules().items():
        source = path.read_text(encoding="utf-8")
        assert not FOR_TYPES & imports(source), name
        extra = imports(source, types=True) - imports(source) - set(sys.stdlib_module_names) - set(FOLDERS)
        assert extra <= FOR_TYPES | set(HOMES), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_nobody_else_owns_our_names(folder):
    assert set(shipped_by().get(folder, [])) == {"digital-hearth"}


def fresh(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


NOTHING_THERE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sounddevice", "_sounddevice", "faster_whisper", "ctranslate2", "onnxruntime", "pygame"}:
            raise OSError(f"{name} is not on this machine")
sys.meta_path.insert(0, Missing())
"""


def test_audio_imports_without_portaudio_and_without_a_model():
    names = sorted(name for name in modules() if name.startswith("audio/") and not name.endswith("__init__.py"))
    every = "\n".join(f"import {name.removesuffix('.py').replace('/', '.')}" for name in names)
    fresh(NOTHING_THERE + "import audio\n" + every)


def test_the_archive_imports_without_sound_and_without_a_screen():
    names = sorted(name for name in modules() if name.startswith("archive/") and not name.endswith("__init__.py"))
    every = "\n".join(f"import {name.removesuffix('.py').replace('/', '.')}" for name in names)
    fresh(NOTHING_THERE + every)


def test_asking_for_help_loads_nothing_heavy():
    told = fresh(
        "import sys\nfrom kiosk.cli import run\ncode = run(['--help'])\n"
        "heavy = {'pygame', 'faster_whisper', 'sounddevice', 'onnxruntime', 'ctranslate2', 'numpy'} & set(sys.modules)\n"
        "print(code, sorted(heavy))"
    )
    assert told.splitlines()[-1] == "0 []"
    assert "Examples:" in told


def test_looking_at_what_a_box_keeps_loads_neither_screen_nor_microphone():
    told = fresh(
        "import sys\nimport kiosk.reading\n"
        "heavy = {'pygame', 'sounddevice', 'starlette', 'kiosk.app', 'kiosk.box'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert told.splitlines()[-1] == "[]"
