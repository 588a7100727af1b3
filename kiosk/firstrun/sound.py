"""The sound of a box being set up: the tone by the cards of its settings, and by the others that are plugged in."""

from __future__ import annotations

import threading
from dataclasses import replace

from archive.home import Home
from audio.clock import Clock
from audio.drivers import make_player
from audio.errors import AudioError
from audio.loopback import Loop, try_sound
from audio.microphone import list_devices, reset_portaudio
from kiosk import config as settings
from kiosk.box import make_source_of
from kiosk.setting import device

MOST_CARDS = 4
"""So many others are tried: a person stands before the box and waits, three seconds each."""
_GENERAL = frozenset({"default", "pulse", "sysdefault", "dmix", "dsnoop"})
"""Names under which the system offers some card, not a card."""


def hear_itself(home: Home, clock: Clock, stop: threading.Event, card: str) -> Loop:
    """Play the tone and listen by the microphone called ``card`` (empty: that of the settings, read now).

    Raises `NoMicrophone`, `NoSpeaker`.
    """
    # What was plugged in since is seen by a fresh look alone.
    reset_portaudio()
    config = settings.load(home.config)
    if card:
        config = replace(config, sound=replace(config.sound, microphone=card))
    player = make_player("speaker", clock, lambda _: None, device=device(config.sound.speaker))
    try:
        return try_sound(make_source_of(config, clock), player, stop.wait)
    finally:
        player.close()


def other_cards(home: Home) -> list[str]:
    """The microphones that are there beside the one of the settings, by name."""
    usual = settings.load(home.config).sound.microphone
    try:
        found = [card.name for card in list_devices() if card.inputs and card.name not in _GENERAL]
    except AudioError:
        return []
    return [name for name in dict.fromkeys(found) if usual not in name][:MOST_CARDS]
