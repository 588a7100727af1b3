"""Playing a whole story through the loudspeaker from a command, and waiting for its end."""

from __future__ import annotations

import queue

from archive.masters import Master
from audio.clock import SystemClock
from audio.drivers import make_player
from audio.player import PlaybackEnded, PlayerEvent
from audio.sidebyside import beside_others
from audio.types import Ms
from kiosk.playing import pieces
from kiosk.setting import Setting, device


def play_aloud(setting: Setting, master: Master, lufs: float | None) -> None:
    """Play ``master`` to its end, as loud as every other voice. Raises `NoSpeaker`, `DamagedTake`."""
    news: queue.SimpleQueue[PlayerEvent] = queue.SimpleQueue()
    player = make_player("speaker", SystemClock(), news.put, device=device(setting.config.sound.speaker))
    try:
        rate = master.format.rate
        player.play(beside_others(pieces(master, Ms(0), None), rate, lufs), rate)
        while not isinstance(news.get(), PlaybackEnded):
            pass
    finally:
        player.close()
