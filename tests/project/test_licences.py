"""Every package the box runs on may be used and handed on with it, by what the package says of itself."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCK = Path(__file__).parents[2] / "locks" / "run.txt"

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "MIT", "MIT-0", "PSF-2.0", "Unlicense", "Zlib",
    "Public-Domain",
}  # fmt: skip
NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.1-only",
    "LGPL v2.1": "LGPL-2.1-only",
    "MIT License": "MIT",
    "MIT-CMU": "MIT",  # the words of Pillow: permissive, with a notice
    "PSFL": "PSF-2.0",
    "Public Domain": "Public-Domain",
    "unlicense.org": "Unlicense",
}
"""What packages write, and the identifier it stands for."""

SEPARATE = {
    "certifi": ("MPL-2.0", "copyleft by file; no file of it is changed or copied"),
    "fpdf2": ("LGPL-3.0-only", "imported unchanged as a library that anyone can replace in the environment"),
    "psycopg": ("LGPL-3.0-only", "imported unchanged as a library that anyone can replace in the environment"),
    "psycopg-binary": ("LGPL-3.0-only", "imported unchanged as a library that anyone can replace in the environment"),
    "pygame-ce": ("LGPL-2.1-only", "imported unchanged as a library that anyone can replace in the environment"),
    "soxr": ("LGPL-2.1-or-later", "imported unchanged as a library that anyone can replace in the environment"),
    "tqdm": ("MPL-2.0", "copyleft by file; no file of it is changed or copied"),
}
"""Licences that ask for more than a notice, each with why that is met."""

COPYLEFT_INSIDE = {
    "av": (
        {"libx264", "libx265"},
        (
            "comes with the speech model's library to open media files, which the box never asks it to do; encoders under "
            "the GPL. It is fetched from the package index, never part of our wheel; who hands on a whole environment "
            "hands this part on under the GPL."
        ),
    ),
}
"""Wheels that carry a native library under the GPL without saying so in their metadata."""
KNOWN_GPL = re.compile(r"^(libx264|libx265|libxvidcore|libfftw3|libreadline|libgsl|librubberband|libaubio|libespeak)")


def locked():
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[a-z0-9]", line)]
    return sorted({need.name for need in wanted if need.marker is None or need.marker.evaluate()})


def licences(name):
    """Return the set of licences a package names, by identifier where we know it."""
    told = metadata.metadata(name)
    expression = told.get("License-Expression")
    stated = (told.get("License") or "").strip()
    classified = [line.rsplit("::", 1)[1].strip() for line in told.get_all("Classifier") or [] if "License ::" in line]
    if expression is None:
        # Some put the whole text where the name belongs; then their classifier says it.
        expression = stated if stated and "\n" not in stated else " AND ".join(classified)
    if expression in NAMES:
        return {NAMES[expression]}
    return {NAMES.get(part, part) for part in re.split(r" AND | OR ", expression.replace("(", "").replace(")", ""))}


PACKAGES = locked()


def test_the_lock_is_read():
    assert len(PACKAGES) > 30
    assert {"pygame-ce", "faster-whisper", "pynacl"} <= set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_may_be_used_and_handed_on(name):
    asks_more = licences(name) - PERMISSIVE
    allowed = {SEPARATE[name][0]} if name in SEPARATE else set()
    assert asks_more <= allowed, f"{name} is under {', '.join(sorted(asks_more)) or 'nothing it names'}"
    assert licences(name) != {""}, f"{name} names no licence"


def test_no_exception_outlives_its_reason():
    for name, (licence, why) in SEPARATE.items():
        assert licence in licences(name), f"{name} is no longer under {licence}"
        assert why
    assert set(SEPARATE) | set(COPYLEFT_INSIDE) <= set(PACKAGES)


def test_native_libraries_under_the_gpl_are_known():
    found: dict[str, set[str]] = {}
    for name in PACKAGES:
        for file in metadata.files(name) or []:
            if library := KNOWN_GPL.match(file.name):
                found.setdefault(name, set()).add(library[1])
    unknown = {
        name: inside for name, inside in found.items() if not inside <= COPYLEFT_INSIDE.get(name, (set(), ""))[0]
    }
    assert not unknown


def test_a_licence_that_asks_too_much_would_be_seen(monkeypatch):
    told = {"License-Expression": "GPL-3.0-only AND MIT"}
    monkeypatch.setattr(metadata, "metadata", lambda _name: _Told(told))
    assert licences("anything") - PERMISSIVE == {"GPL-3.0-only"}


class _Told(dict):
    def get_all(self, _name):
        return None


def test_every_exception_is_told_to_contributors():
    page = (LOCK.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
    assert {name for name in {*SEPARATE, *COPYLEFT_INSIDE} if name not in rows} == set()
