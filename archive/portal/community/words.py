"""How times, days and lengths are said on the desk's pages. Pure."""

from __future__ import annotations

from datetime import datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_HOUR_S = 3600
_TONGUES = {
    "am": "Amharic", "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hu": "Hungarian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "so": "Somali", "sv": "Swedish",
    "sw": "Swahili", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip


def clock(ms: int) -> str:
    """Milliseconds as ``1:05`` or ``1:02:05``."""
    seconds = max(0, int(ms)) // 1000
    hours, rest = divmod(seconds, _HOUR_S)
    short_form = f"{rest // 60}:{rest % 60:02}"
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else short_form


def parse_clock(text: str) -> int | None:
    """Read ``1:05``, ``1:05.5``, ``65`` or ``1:02:05`` as milliseconds; None for anything else."""
    parts = text.strip().replace(",", ".").split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    if not 1 <= len(parts) <= 3 or not all(0 <= number < 100_000 for number in numbers):  # noqa: PLR2004
        return None
    seconds = 0.0
    for number in numbers:
        seconds = seconds * 60 + number
    return round(seconds * 1000)


def day(stamp: str) -> str:
    """An ISO time as ``3 March 2026``; what is none stays as it is."""
    at = _read(stamp)
    return stamp if at is None else f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def moment(stamp: str) -> str:
    """An ISO time as ``3 March 2026, 14:05 UTC``."""
    at = _read(stamp)
    return stamp if at is None else f"{day(stamp)}, {at:%H:%M} UTC"


def short(ident: str) -> str:
    """The end of an identifier, as people read it to each other."""
    return ident[-6:]


def tongue(code: str) -> str:
    """A language as people say it; a code nobody here knows stays one."""
    return _TONGUES.get(code.partition("-")[0].casefold(), code)


def some(number: int, one: str, many: str) -> str:
    """``1 story`` or ``3 stories``."""
    return f"{number} {one if number == 1 else many}"


def _read(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None
