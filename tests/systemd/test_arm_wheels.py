"""The check that every locked package is ready-made for a board, by the real pip and an index of three made-up wheels."""

from __future__ import annotations

import importlib.util
import re
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/arm_wheels.py"


@pytest.fixture
def wheels(monkeypatch):
    spec = importlib.util.spec_from_file_location("arm_wheels", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "arm_wheels", module)
    spec.loader.exec_module(module)
    return module


def a_wheel(folder: Path, name: str, tag: str) -> str:
    """Write an empty package; return its line of a lock."""
    path = folder / f"{name}-1.0-{tag}.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{about}/RECORD", "")
    return f"{name}==1.0 \\\n    --hash=sha256:{sha256(path.read_bytes()).hexdigest()}\n"


def test_a_package_that_is_ready_made_for_other_machines_alone_is_missing(wheels, tmp_path, monkeypatch):
    index = tmp_path / "index"
    index.mkdir()
    fits = a_wheel(index, "pure", "py3-none-any") + a_wheel(index, "board", "cp311-cp311-manylinux_2_28_aarch64")
    other = a_wheel(index, "desk", "cp311-cp311-manylinux_2_28_x86_64")
    lock = tmp_path / "run.txt"
    monkeypatch.setattr(wheels, "LOCK", lock)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    lock.write_text(fits)
    told = wheels.check("aarch64", "3.11", None)
    assert (told["ok"], told["wheels"], told["compiled"]) == (True, 2, 1)
    lock.write_text(fits + other)
    told = wheels.check("aarch64", "3.11", None)
    assert (told["ok"], told["missing"]) == (False, ["desk==1.0"])


def test_every_package_of_the_lock_is_asked_for_where_its_marker_holds(wheels):
    lock = wheels.LOCK.read_text(encoding="utf-8")
    named = dict(re.findall(r"^([A-Za-z0-9._-]+==[^ \\;]+)(.*)", lock, re.MULTILINE))
    asked = set.union(*(set(wheels.wanted("aarch64", python)) for python in wheels.GLIBC))
    elsewhere = {name for name, marker in named.items() if "platform" in marker and "aarch64" not in marker}
    assert set(named) - elsewhere <= asked <= set(named), "an entry that was not understood is not asked for"
    assert len(asked) > 80
    assert not any(one.startswith("lgpio==") for one in wheels.wanted("aarch64", "3.13"))
    assert any(one.startswith("lgpio==") for one in wheels.wanted("aarch64", "3.11"))
