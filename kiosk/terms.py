"""The terms of a yes as the ledger keeps them: the very words of a question, and the day from which it counts. Pure.

And the words of a machine's no: why something did not work, in the visitor's language.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import date

from archive.errors import ArchiveError
from archive.shelf import Wording
from archive.types import Use
from audio.clock import Clock
from audio.errors import AudioError, DiskTrouble
from kiosk.texts import Texts

BY_KEY = "key"
BY_TIME = "time-out"
DISK_REFUSED = "The disk refused to store it."


def waits_until(clock: Clock, years: int) -> date | None:
    """The first day on which a yes counts that waits so many years; the last day there is where no clock is trusted."""
    if years <= 0:
        return None
    if not clock.trusted():
        # A wrong calendar must not open it early. Its teller can name the wait anew, with the code.
        return date.max
    today = clock.wall().date()
    day = min(today.day, 28) if today.month == 2 else today.day  # noqa: PLR2004 (a leap day has no like every year)
    return today.replace(year=today.year + years, day=day)


def asked(texts: Texts, key: str, **values: object) -> Wording:
    """Name the very words of a question that is not about a use."""
    version = texts.get("consent.version")
    whole = "\n".join((texts.language, version, unicodedata.normalize("NFC", texts.get(key, **values))))
    return Wording(version, hashlib.sha256(whole.encode()).hexdigest(), texts.language)


def wording(texts: Texts, use: Use, *, group: bool = False) -> Wording:
    """Name the very words shown for ``use`` as the ledger keeps them."""
    shown = texts.wording(use, group=group)
    return Wording(shown.version, shown.hash, texts.language, steward=use is Use.KEEP and texts.steward)


def sentence(error: Exception, texts: Texts | None) -> str:
    """Say what went wrong in the visitor's language; ``texts`` is None where nobody has chosen one yet."""
    told = error if isinstance(error, AudioError | ArchiveError) else DiskTrouble(DISK_REFUSED)
    return told.say if texts is None else texts.trouble(told.code, told.say, told.do)[0]
