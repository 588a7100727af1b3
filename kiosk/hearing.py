"""Playing a whole story through the loudspeaker from a command, and waiting for its end."""

from __future__ import annotations

import queue

from archive.masters import Master
from audio.clock import SystemClock
from audio.drivers import make_player
from audio.player import PlaybackEnded, PlayerEvent
from audio.sidebyside import beside_others
from audio.types import Ms
from kiosk.config import Config
from kiosk.playing import pieces
from kiosk.setting import device


def play_aloud(config: Config, master: Master, lufs: float | None) -> None:
    """Play ``master`` to its end, as loud as every other voice. Raises `NoSpeaker`, `DamagedTake`."""
    news: queue.SimpleQueue[PlayerEvent] = queue.SimpleQueue()
    player = make_player("speaker", SystemClock(), news.put, device=device(config.sound.speaker))
    try:
        rate = master.format.rate
        player.play(beside_others(pieces(master, Ms(0), None), rate, lufs), rate)
        while not isinstance(news.get(), PlaybackEnded):
            pass
    finally:
        player.close()
