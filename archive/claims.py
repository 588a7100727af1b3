"""One process at a time for one piece of work on a home: a claim that ends with the process, however that ends."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO

KIOSK, TRANSCRIBER, SYNCING = ".kiosk", ".transcriber", ".syncing"
"""The files in a home by which its programs claim their work."""


def claim(path: Path) -> TextIO | None:
    """Claim the work that the file ``path`` stands for; None while another process has it.

    The claim lasts until what is returned is closed. The file stays, and is empty. Raises `OSError`.
    """
    file = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except BaseException:  # whatever it was, no open file may be left behind
        file.close()
        raise
    return file
