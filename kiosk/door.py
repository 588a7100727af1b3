"""How the kiosk, which has no network and no rights, has the box's own access point opened and closed.

It lays an empty file into a folder. A small unit of root's (`hearth accesspoint`) is started by that file being there,
never reads a byte of it, and writes name and passphrase where the kiosk can read them. So nothing the kiosk says can
make root do more than open that one network, and a kiosk that dies lets it close: the file must be touched.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

from hardware.accesspoint import Network

DOOR_VARIABLE, POINT_VARIABLE = "HEARTH_DOOR", "HEARTH_ACCESS_POINT"
WANTED = "wanted"
POINT = "point.json"
IDLE_S = 900.0
"""After so long without a touch the network is closed."""
_log = logging.getLogger(__name__)


def door_folder() -> Path:
    """Where the wish lies; made by systemd-tmpfiles on a box, absent on a desk."""
    return Path(os.environ.get(DOOR_VARIABLE, "/run/hearth-door"))


def point_file() -> Path:
    """Where the answer lies; readable by the group ``hearth`` alone."""
    return Path(os.environ.get(POINT_VARIABLE, "/run/hearth-accesspoint")) / POINT


def write_point(path: Path, network: Network) -> None:
    """Write down the open network for the kiosk and the pages: whole or not at all, for the group alone."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(network)), encoding="utf-8")
    part.chmod(0o640)
    part.replace(path)


def read_point(path: Path) -> Network | None:
    """The network that is open, or None."""
    try:
        told: dict[str, str] = json.loads(path.read_bytes())
        return Network(**told)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        _log.warning("what is said of the access point cannot be read: %s", error)
        return None


class Door:
    """The kiosk's side. On a machine without the folder every method does nothing."""

    def __init__(self, folder: Path | None = None, point: Path | None = None) -> None:
        """Use the box's own places unless told others. A wish of a run before is taken back."""
        self._wanted = (folder or door_folder()) / WANTED
        self._point = point or point_file()
        self._asked = False
        self.close()

    def open(self) -> None:
        """Ask for the network, or say that it is still needed."""
        try:
            self._wanted.touch(mode=0o640)
            # A touch within the file system's grain leaves the time as it was, and would not be seen as one.
            os.utime(self._wanted)
            self._asked = True
        except OSError as error:
            if self._wanted.parent.exists():
                _log.warning("the access point could not be asked for: %s", error)

    def touch(self) -> None:
        """Say that somebody is still there, if the network was asked for; one that has closed stays closed."""
        if self._asked and self._wanted.exists():
            self.open()

    def close(self) -> None:
        """Take the wish back: the network closes within a second."""
        self._asked = False
        try:
            self._wanted.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the access point could not be given back: %s", error)

    def network(self) -> Network | None:
        """The network that is open for this box, or None."""
        return read_point(self._point) if self._asked else None
