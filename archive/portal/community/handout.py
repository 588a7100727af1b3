"""What is handed out from the desk: a folder written for somebody outside, as one zip for whoever takes it there."""

from __future__ import annotations

import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from archive.errors import StoreTrouble
from archive.objects import BLOCK
from archive.server.place import ArchiveHome

_LONGEST_NAME = 60
_PACKED = {".flac"}
"""Packed already: packing it again costs time and saves nothing."""


def zipped(place: ArchiveHome, title: str, write: Callable[[Path], object]) -> Response:
    """Let ``write`` make a new folder, and answer it as a zip named after ``title``. Raises what ``write`` raises.

    Nothing stays on this machine: the folder is gone before the answer begins, the zip when it ended.
    """
    name = named(title)
    made = tempfile.TemporaryFile(dir=place.work)  # noqa: SIM115 (closed when it was sent)
    try:
        with tempfile.TemporaryDirectory(dir=place.work) as work:
            folder = Path(work) / name
            write(folder)
            with zipfile.ZipFile(made, "w") as packed:
                for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                    how = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
                    packed.write(path, f"{name}/{path.relative_to(folder).as_posix()}", how)
        size = made.tell()
        made.seek(0)
    except OSError as error:
        made.close()
        say = "The files could not be written here."
        raise StoreTrouble(say, "Look whether the disk has room. Try again.") from error
    except BaseException:  # whatever stopped it
        made.close()
        raise
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip(" -") or "handout"
    headers = {
        "content-disposition": f"attachment; filename=\"{plain}.zip\"; filename*=UTF-8''{quote(name)}.zip",
        "content-length": str(size),
        "cache-control": "no-store",
    }
    return StreamingResponse(_blocks(made), headers=headers, media_type="application/zip")


def named(title: str) -> str:
    """A title as the name of a file on any system. Pure."""
    plain = re.sub(r"[^\w]+", "-", title).strip("-")[:_LONGEST_NAME].strip("-")
    return plain or "handout"


def _blocks(made: IO[bytes]) -> Iterator[bytes]:
    with made:
        while block := made.read(BLOCK):
            yield block
