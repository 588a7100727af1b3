"""Bags sealed to an archive's key in the box's own outbox: what travels in pieces has to stay the same on the way.

What lies there is named for its story, so that erasing the story finds it.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from archive.bag import Bag
from archive.durable import remove
from archive.errors import TransportTrouble
from archive.home import Home
from archive.sealedbag import SUFFIX, ArchiveKey, seal_bag
from audio.errors import DiskTrouble

_SPARE = 64 << 20
"""A box keeps room for the stories that are told while one is handed on."""


def sealed_copy(home: Home, bag: Bag, key: ArchiveKey) -> Path:
    """Return ``bag`` sealed to ``key`` as a file in the outbox: the one that lies there already, or a new one.

    Copies of earlier bags of the same story go. Raises `TransportTrouble` where the box's disk has no room or fails.
    """
    name = f"{bag.id}.{bag.sha256[:16]}.{key.seal.hex()[:8]}{SUFFIX}"
    target = home.outbox / name
    try:
        drop_sealed(home, bag.id, but=name)
        if not target.is_file():
            if shutil.disk_usage(home.outbox).free < bag.size + _SPARE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - one sentence for both
            seal_bag(bag, key, target)
    except (OSError, DiskTrouble) as error:
        why = getattr(error, "strerror", "") or str(error)
        say = f"The box's own disk could not take the sealed copy of a story ({why}). The story itself is safe."
        raise TransportTrouble(say, "Make room on the box's disk, or hand on to a stick.") from error
    return target


def drop_sealed(home: Home, story: str, but: str = "") -> None:
    """Remove what lies in the outbox sealed for ``story``, or for one bag of it (id, dot, sum). Raises `OSError`."""
    for path in sorted(home.outbox.glob(f"{story}.*{SUFFIX}*")):
        if path.name != but:
            remove(path)
