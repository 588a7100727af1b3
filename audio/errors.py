"""Every failure of the sound side has a class, a stable code, a plain sentence and something to do."""

from __future__ import annotations


class AudioError(Exception):
    """Base of all errors of this package.

    ``code`` is stable and read by programs; ``say`` is a sentence a librarian understands; ``do`` is what
    would help. Both may be shown on the screen as they are.
    """

    code = "audio"

    def __init__(self, say: str, do: str = "") -> None:
        """Keep the sentence and the advice."""
        super().__init__(say)
        self.say = say
        self.do = do


class NoMicrophone(AudioError):
    """The configured microphone cannot be found or opened."""

    code = "no-microphone"


class StreamDied(AudioError):
    """A stream that was open has stopped delivering, or delivers from another device."""

    code = "stream-died"


class WrongDevice(StreamDied):
    """The stream goes on, from another device: nothing of it may be kept since it was last known to be right."""


class NoSpeaker(AudioError):
    """The configured loudspeaker cannot be found or opened."""

    code = "no-speaker"


class BadSound(AudioError):
    """A sound file cannot be read, or is of a kind we do not take."""

    code = "bad-sound"


class DamagedTake(AudioError):
    """A take file does not open with this key, or was altered."""

    code = "damaged-take"


class DiskTrouble(AudioError):
    """The disk refused a write or a sync."""

    code = "disk-trouble"


class NoModel(AudioError):
    """The speech model is missing or is not the verified one."""

    code = "no-model"
