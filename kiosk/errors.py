"""Every failure of the kiosk has a class, a stable code, a plain sentence and something to do."""

from __future__ import annotations

import sqlite3

from archive.errors import ArchiveError
from audio.errors import AudioError

TROUBLES = (ArchiveError, AudioError, OSError, sqlite3.Error)
"""What can go wrong while the box works, though the program is right: a refusal, a disk, a device, the database."""


class KioskError(Exception):
    """Base of all errors of this package; ``code``, ``say`` and ``do`` as in `audio.errors.AudioError`."""

    code = "kiosk"
    could_not_start = False
    """Whether the program could not even start: then its exit code is 2 instead of 1."""

    def __init__(self, say: str, do: str = "") -> None:
        """Keep the sentence and the advice."""
        super().__init__(say)
        self.say = say
        self.do = do


class BadConfig(KioskError):
    """The settings file cannot be read, or holds something that is not allowed."""

    code = "bad-config"
    could_not_start = True


class BadPrompts(KioskError):
    """A prompt set cannot be read, or a prompt in it is not allowed."""

    code = "bad-prompts"
    could_not_start = True


class BadTexts(KioskError):
    """A language file misses a key, or holds one nobody uses."""

    code = "bad-texts"
    could_not_start = True


class NoScreen(KioskError):
    """No window can be opened on this machine."""

    code = "no-screen"
    could_not_start = True
