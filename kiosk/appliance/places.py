"""Where an installation lies, and what a version is. The standard library only: the installer runs this too."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PREFIX_VARIABLE = "HEARTH_ROOT"
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")


@dataclass(frozen=True, slots=True)
class Places:
    """The layout of an installation below ``root`` (``/`` on a box). Properties only name paths."""

    root: Path

    @property
    def prefix(self) -> Path:
        """Everything the program consists of."""
        return self.root / "opt/hearth"

    @property
    def releases(self) -> Path:
        """One folder a release, named by its version."""
        return self.prefix / "releases"

    @property
    def current(self) -> Path:
        """A link: the release that the box's services start."""
        return self.prefix / "current"

    @property
    def known_good(self) -> Path:
        """A link: the release that last passed its check. The updater itself runs from it."""
        return self.prefix / "known-good"

    @property
    def incoming(self) -> Path:
        """Where a bundle is unpacked."""
        return self.prefix / "incoming"

    @property
    def inbox(self) -> Path:
        """Where bundles may be laid down for the nightly look."""
        return self.prefix / "inbox"

    @property
    def fetching(self) -> Path:
        """Where the beginning of a bundle lies whose fetching broke off."""
        return self.prefix / "fetching"

    @property
    def fetched(self) -> Path:
        """Where the hand-on lays a release the archive offers; the tellers' user owns it, so nobody trusts it."""
        return self.root / "var/lib/hearth/releases"

    @property
    def trial(self) -> Path:
        """Is there while a new release has not yet passed its check."""
        return self.prefix / "trial.json"

    @property
    def refused(self) -> Path:
        """Versions that did not pass: they are not tried again by themselves."""
        return self.prefix / "refused.json"

    @property
    def not_taken(self) -> Path:
        """What the latest look had to leave: `kiosk.appliance.nottaken`."""
        return self.prefix / "not-taken.json"

    @property
    def units(self) -> Path:
        """Where systemd looks for what an administrator installed."""
        return self.root / "etc/systemd/system"

    @property
    def release_keys(self) -> Path:
        """The public keys whose bundles this box takes, a line of 64 hexadecimal figures each."""
        return self.root / "etc/hearth/release-keys.txt"

    @property
    def database(self) -> Path:
        """The tellers' database, which a release may bring up to date."""
        return self.root / "var/lib/hearth/hearth.db"

    def release(self, name: str) -> Path:
        """The folder of one release."""
        return self.releases / name


def places() -> Places:
    """The installation of this machine, or the one below `PREFIX_VARIABLE` in a test."""
    return Places(Path(os.environ.get(PREFIX_VARIABLE, "/")))


def version_of(text: str) -> tuple[int, ...]:
    """Turn ``1.2.10`` into numbers that compare as versions do. Raises `ValueError` for anything else."""
    if not _VERSION.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a version.")
    return tuple(int(part) for part in text.split("."))
