"""Archives this box has met: the first key seen at a place is remembered, and another one there later is refused.

Else whoever changes a file on a stick, or answers in a server's place, reads what leaves the box. The list lies in
the box's key folder, as `known-archives.json`: place, then the archive's two public keys.
"""

from __future__ import annotations

import json
from pathlib import Path

from archive.durable import write_file
from archive.errors import TransportTrouble
from archive.sealedbag import ArchiveKey, read_archive_key

KNOWN = "known-archives.json"


def check_key(keys: Path, place: str, shown: str, key: ArchiveKey | None) -> None:
    """Hold the ``key`` found at ``place`` against the one seen there before; remember the first.

    ``shown`` is what people call the place; ``key`` is None where it has none. Raises `TransportTrouble` where the
    two differ or the list cannot be read, `OSError` where it cannot be written.
    """
    known = _read(keys / KNOWN)
    before = read_archive_key(known.get(place, {}))
    if before is not None and (key is None or (key.seal, key.sign) != (before.seal, before.sign)):
        say = f"The archive's key {shown} is not the one this box has known there."
        do = f"Ask the archive. If its key has changed, remove its entry from {keys / KNOWN}."
        raise TransportTrouble(say, do)
    if key is not None and before is None:
        write_file(keys / KNOWN, json.dumps(known | {place: key.to_json()}, indent=1).encode(), 0o600)


def _read(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_bytes())
    except ValueError as error:
        raise TransportTrouble(f"{path} cannot be read.", "Put it back from a copy.") from error
    return known if isinstance(known, dict) else {}
