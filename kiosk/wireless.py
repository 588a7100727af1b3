"""How the pages, which have no rights, have the machine join the library's wireless network.

They lay one small file into the folder of the door, which lies in memory. A unit of root's (`hearth wireless`) is
started by that file being there; it takes a name and a key of fixed shape from it and nothing else, tells
NetworkManager, takes the file away, and says what came of it. The password never leaves the page's own process.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from archive.errors import NotFilledIn, Refused
from hardware.errors import HardwareError
from hardware.wireless import BadWireless, Joining, Wireless, joining
from kiosk.door import door_folder, point_file, read_point

TOLD_VARIABLE = "HEARTH_WIRELESS"
ASKED, TOLD = "wireless.json", "told.json"
WITHIN_S = 20.0
"""So long the unit is waited for; it is one question to NetworkManager."""
LOOK_S = 0.05
_MOST_BYTES = 1024
_log = logging.getLogger(__name__)


def told_file() -> Path:
    """Where the unit's answer lies; readable by the group ``hearth`` alone."""
    return Path(os.environ.get(TOLD_VARIABLE, "/run/hearth-wireless")) / TOLD


class Asking:
    """The side without rights. Each method waits for the answer and raises `Refused` with the unit's sentence."""

    def __init__(self, folder: Path | None = None, told: Path | None = None, *, patience_s: float = WITHIN_S) -> None:
        """Use the box's own places unless told others."""
        self._folder = folder or door_folder()
        self._told = told or told_file()
        self._patience_s = patience_s

    @property
    def offered(self) -> bool:
        """Whether this machine has somebody to ask; a desk has not."""
        return os.access(self._folder, os.W_OK)

    def shown(self) -> dict[str, str] | None:
        """The network the box was told of (``kept``), and the one it was in until its own was opened (``joined``).

        None where nobody can be asked.
        """
        if not self.offered:
            return None
        point = read_point(point_file())
        return {"kept": "", "joined": ""} if point is None else {"kept": point.kept, "joined": point.joined}

    def join(self, name: str, password: str) -> None:
        """Join that network as soon as the box's own has closed."""
        try:
            network = joining(name, password)
        except BadWireless as error:
            raise NotFilledIn(error.code, error.say, error.do) from error
        self._ask({"do": "join", "name": network.name, "key": network.key})

    def leave(self) -> None:
        """Forget the network that was entered."""
        self._ask({"do": "leave"})

    def put_aside(self) -> None:
        """Remember the library's own, before the box is lent."""
        self._ask({"do": "put_aside"})

    def put_back(self) -> None:
        """Have the library's own again, and none that a borrower entered."""
        self._ask({"do": "put_back"})

    def _ask(self, what: Mapping[str, str]) -> None:
        mark, place = secrets.token_hex(8), self._folder / ASKED
        part = place.with_suffix(".part")
        try:
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w", encoding="utf-8") as file:
                json.dump({**what, "mark": mark}, file)
            part.replace(place)
        except OSError as error:
            raise Refused("The wireless network could not be asked for.", "Switch the box off and on.") from error
        until = time.monotonic() + self._patience_s
        while (answer := _read(self._told)).get("mark") != mark:
            if time.monotonic() > until:
                place.unlink(missing_ok=True)
                raise Refused("The machine did not answer about the wireless network.", "Switch the box off and on.")
            time.sleep(LOOK_S)
        if answer.get("say"):
            raise Refused(answer["say"], answer.get("do", ""))


def attend(wireless: Wireless, folder: Path, told: Path) -> None:
    """Do what lies asked in ``folder``, take it away, and say at ``told`` what came of it. Raises `OSError`."""
    place = folder / ASKED
    try:
        asked = _taken(place)
    finally:
        place.unlink(missing_ok=True)
    answer = {"mark": asked.get("mark", "")[:32]}
    try:
        _deed(wireless, asked)()
    except HardwareError as error:
        _log.warning("%s %s", error.say, error.do)
        answer |= {"say": error.say, "do": error.do}
    part = told.with_suffix(".part")
    part.write_text(json.dumps(answer), encoding="utf-8")
    part.chmod(0o640)
    part.replace(told)


def _deed(wireless: Wireless, asked: Mapping[str, str]) -> Callable[[], None]:
    match asked.get("do"):
        case "join":
            network = Joining(asked.get("name", ""), asked.get("key", ""))
            return lambda: wireless.join(network)
        case "leave":
            return wireless.leave
        case "put_aside":
            return wireless.put_aside
        case "put_back":
            return wireless.put_back
    raise BadWireless("Nobody asks for that.", "Switch the box off and on, and try again.")


def _taken(place: Path) -> dict[str, str]:
    """What a plain, small file asks; nothing where it is none. It may have been laid by whoever took the pages over."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return {}
        return _words(file.read(_MOST_BYTES))


def _read(path: Path) -> dict[str, str]:
    try:
        return _words(path.read_bytes())
    except OSError:
        return {}


def _words(data: bytes) -> dict[str, str]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return {str(k): v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}
