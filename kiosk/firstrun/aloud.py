"""Reads the screens of a box that is being set up, for whoever does not see them or does not read this language.

The loudspeaker is opened for each reading: which one it is may change while the box is set up, and the tone that tries
the sound needs it for itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from audio.errors import AudioError
from audio.player import Player
from kiosk.phrases import one_by_one
from kiosk.screens.model import Kind, View
from kiosk.speech import Reading, Voice
from kiosk.texts import Texts
from kiosk.view import spoken
from kiosk.volume import decibels

_log = logging.getLogger(__name__)


class Aloud:
    """One reading at a time. `make` may be called in any thread, the others belong to one."""

    def __init__(self, voice: Voice, make_player: Callable[[], Player]) -> None:
        """``make_player`` opens the loudspeaker of the settings as they are now; it may raise `NoSpeaker`."""
        self._voice = voice
        self._make_player = make_player
        self._player: Player | None = None
        self._gain_db = 0.0

    def loud(self, volume: float) -> None:
        """Read at that step of loudness from now on, what sounds just now too."""
        self._gain_db = decibels(volume)
        if self._player is not None:
            self._player.set_gain(self._gain_db)

    def make(self, text: str, language: str) -> Reading | None:
        """Turn ``text`` into sound; slow. None where nothing here can speak."""
        return self._voice.read(text, language)

    def play(self, reading: Reading) -> None:
        """Let it be heard, in place of what was read before. A loudspeaker that is missing is silence: it is tried."""
        self.hush()
        try:
            self._player = self._make_player()
            self._player.play(reading.samples, reading.rate, self._gain_db)
        except AudioError as error:
            _log.warning("this screen cannot be read aloud: %s", error.say)

    def hush(self) -> None:
        """Be silent, and let go of the loudspeaker."""
        player, self._player = self._player, None
        if player is not None:
            player.close()


def said(shown: View, texts: Texts) -> str:
    """What is read of a screen of the setting up: its words and keys, and between them the figures, one by one."""
    lines = spoken(shown, texts).split("\n")
    if shown.kind is Kind.SET_UP and shown.code:
        keys = len(shown.keys)
        figures = [one_by_one(part) for part in shown.code.split("\n") if part]
        lines[len(lines) - keys : len(lines) - keys] = figures
    return "\n".join(lines)
