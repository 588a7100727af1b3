"""Small turns of phrase that screens share: times in plain words, keep-codes, captions. Pure."""

from __future__ import annotations

from bisect import bisect_right

from audio.types import Ms, Word
from kiosk.screens.model import CaptionWord
from kiosk.texts import Texts

NEWEST_WORDS = 3
"""While a story is told, so many last words may still change and are shown as not settled."""
SHOWN_WORDS = 80
"""More words than three lines of captions hold on the widest panel."""
LEAD_MS = 25
LINGER_MS = 400
"""A word stays lit this long after it was said."""
LAST_SECONDS = 10
MINUTE = 60


def time_words(left: float, texts: Texts) -> str:
    """Time left in plain words; a number that counts down only in the last ten seconds."""
    if left <= LAST_SECONDS:
        return texts.get("time.seconds", count=max(0, round(left)))
    minutes = int(left // 60)
    if minutes < 1:
        return texts.get("time.less")
    return texts.get("time.minute") if minutes == 1 else texts.get("time.minutes", count=minutes)


def growing(words: tuple[Word, ...]) -> tuple[CaptionWord, ...]:
    """Captions of the story being told, its last `SHOWN_WORDS`: the newest may still change."""
    shown = words[-SHOWN_WORDS:]
    settled = len(shown) - NEWEST_WORDS
    return tuple(CaptionWord(word.text.strip(), index < settled, word.unclear) for index, word in enumerate(shown))


def played(words: tuple[Word, ...], position: Ms | None) -> tuple[CaptionWord, ...]:
    """Captions of a voice that is heard, the last `SHOWN_WORDS` of it: each word appears when it is said."""
    if position is None:
        return ()
    # What is drawn now is seen for a whole frame: half of one ahead is right on the average.
    position = Ms(position + LEAD_MS)
    # Asked at every frame, so that neither may grow with the length of a story.
    end = bisect_right(words, position, key=lambda word: word.start)
    begun = words[max(0, end - SHOWN_WORDS) : end]
    return tuple(
        CaptionWord(
            word.text.strip(), True, word.unclear, voiced=word is begun[-1] and position <= word.end + LINGER_MS
        )
        for word in begun
    )


def one_by_one(code: str) -> str:
    """Figures as they are said to somebody who types them: a machine would say "four hundred and eighty-two"."""
    return " ".join(code.replace("\u00a0", ""))


def length_words(seconds: float, texts: Texts) -> str:
    """How long a story is: short where it is read, in whole words where it is heard."""
    whole = round(seconds)
    if texts.aloud:
        return _said_length(*divmod(whole, MINUTE), texts)
    if whole < MINUTE:
        return texts.get("review.length_seconds", seconds=whole)
    return texts.get("review.length_minutes", minutes=whole // 60, seconds=whole % 60)


def _said_length(minutes: int, seconds: int, texts: Texts) -> str:
    short = texts.counted("spoken.length_seconds", seconds)
    if not minutes:
        return short
    long = texts.counted("spoken.length_minutes", minutes)
    return texts.get("spoken.length_both", minutes=long, seconds=short) if seconds else long


def code_words(code: str) -> str:
    """``417-maple-river-candle-north`` as people read it: ``417 maple river candle north``."""
    return code.replace("-", " ")
