"""What shows an archive which box this is: given out once by the archive, kept on the box beside its keys.

It is for the archive of the settings alone: another place must never be shown it, so it goes when that address changes.
"""

from __future__ import annotations

import re

from archive.durable import write_file
from archive.errors import NotFilledIn, TransportTrouble
from archive.home import Home

PREFIX = "hearth-"
"""Every box's begins so."""
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z_-]{{20,200}}", re.ASCII)


def kept_credential(home: Home) -> str:
    """Read what the archive of the settings gave this box; "" where nothing is kept. Raises `TransportTrouble`."""
    try:
        return home.credential.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        say = f"The box's credential in {home.credential} cannot be read."
        raise TransportTrouble(say, "Write it there again; the archive can make a new one.") from error


def checked_credential(given: str) -> str:
    """Return a credential as somebody pasted it, without what is around it; "" for none. Raises `NotFilledIn`."""
    shown = given.strip()
    if shown and not _SHAPE.fullmatch(shown):
        say = "This is no credential of an archive."
        raise NotFilledIn("no-credential", say, f"Copy it whole: it begins with {PREFIX}.")
    return shown


def keep_credential(home: Home, credential: str) -> None:
    """Keep a checked one for the nightly hand-on, for the box's own user alone. Raises `OSError`."""
    write_file(home.credential, f"{credential}\n".encode("ascii"), 0o600)
