"""A bundle for whoever helps: how the box is and what its programs noted, without a word of what was told into it.

It is a zip of text files. Stories, words, titles, names, codes, keys and the database are never opened for it, but for
what `kiosk.health` says of them; log lines pass `kiosk.appliance.sayings`.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any

from archive.durable import write_file
from archive.home import Home
from archive.schema import schema
from hardware.findings import Finding
from kiosk.appliance.sayings import HIDDEN, content_free
from kiosk.config import SECRET, Config

LINES = 400
"""So many lines of each log, the newest."""
UNITS = "hearth-*"
_PATIENCE_S = 30
_MOST_LOG = 2_000_000
_STORY = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
"""A story's identifier: it says when it was told, and what machines gave up is named by it."""
_USER = re.compile(r"(?<=//)[^/@\s]*@")
_ABOUT = """\
How this box is, for whoever helps. It holds:

findings.json  what `hearth doctor` says
versions.json  the program, its packages, the machine's kind
config.json    the settings in force; what is secret is left out
units.txt      the services and how they are
journal.txt    what the services noted
log/           what programs noted in the home

No story, no identifier of one, no word, no title, no name of a teller, no code and no key is in it. Of the logs only
the program's own sentences are here; what was filled into them stands as three dots.
"""


def support_files(home: Home, config: Config | None, found: Sequence[Finding]) -> dict[str, str]:
    """Return every file of the bundle by name; ``config`` is None where the settings cannot be read.

    What this machine does not have (systemd, a journal) is told as such.
    """
    files = {
        "READ-ME.txt": _ABOUT,
        "findings.json": _json([one.to_json() | {"say": _STORY.sub(HIDDEN, one.say)} for one in found]),
        "versions.json": _json(_versions()),
        "config.json": _json("cannot be read: see findings.json" if config is None else public_config(config)),
        "units.txt": _asked("systemctl", "show", UNITS, "--all", f"--property={_UNIT_FACTS}"),
        "journal.txt": _journal(),
    }
    for path in sorted(home.log.glob("*.log")):
        files[f"log/{path.name}"] = "\n".join(content_free(line) for line in _tail(path)) + "\n"
    return files


def write_support(path: Path, files: dict[str, str]) -> None:
    """Write the bundle, whole or not at all. Raises `OSError`."""
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    write_file(path, data.getvalue(), 0o600)


def public_config(config: Config) -> dict[str, Any]:
    """Return the settings by section without what is secret: codes, and who signs in at an address."""
    sections: dict[str, Any] = asdict(config)
    for values in sections.values():
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = "(set)" if value and SECRET.search(name) else _USER.sub("(left out)@", value)
    return sections


_UNIT_FACTS = "Id,ActiveState,SubState,Result,NRestarts,StatusText,ExecMainStatus,ActiveEnterTimestamp"


def _json(plain: object) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=1, default=list) + "\n"


def _versions() -> dict[str, Any]:
    packages = {str(one.name): str(one.version) for one in metadata.distributions() if one.name}
    return {
        "version": metadata.version("digital-hearth"),
        "schema": schema(),
        "made_at": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "python": sys.version.split()[0],
        "machine": platform.machine(),
        "kernel": platform.release(),
        "packages": dict(sorted(packages.items())),
    }


def _asked(*command: str) -> str:
    """What a program of the system says; a sentence where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return f"{command[0]} does not answer on this machine.\n"
    return done.stdout or f"{command[0]} has nothing to say here.\n"


def _journal() -> str:
    fields = "MESSAGE,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER"
    said = _asked("journalctl", "--unit", UNITS, "-n", str(LINES), "-o", "json", f"--output-fields={fields}")
    return "\n".join(_entries(said.splitlines())) + "\n"


def _entries(lines: Iterable[str]) -> Iterable[str]:
    """One line an entry: when, which unit, and what of the message the program or systemd wrote."""
    for line in lines:
        try:
            entry = json.loads(line)
            at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
            message = entry["MESSAGE"]
        except (ValueError, KeyError, TypeError):
            yield content_free(line)
            continue
        unit = str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or "")
        # systemd knows units and exit codes, nothing else.
        own = entry.get("SYSLOG_IDENTIFIER") == "systemd" and isinstance(message, str)
        told = message if own else content_free(message if isinstance(message, str) else "")
        yield f"{at:%Y-%m-%dT%H:%M:%SZ} {unit}: {told}"


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MOST_LOG))
            return file.read().decode("utf-8", "replace").splitlines()[-LINES:]
    except OSError:
        return []
