"""The steps of the volume key, the same on every screen. Pure."""

from __future__ import annotations

from math import log10

VOLUMES: tuple[float, ...] = (0.5, 0.7, 0.85, 1.0)
"""Steps of the volume key; it goes back to the library's own after each visitor."""


def louder(volume: float) -> float:
    """The next step; after the loudest the softest."""
    return next((step for step in VOLUMES if step > volume), VOLUMES[0])


def loudest(volume: float) -> bool:
    """Whether the next step is the softest."""
    return volume >= VOLUMES[-1]


def decibels(volume: float) -> float:
    """How much softer than the loudest step that is, dB."""
    return 20 * log10(max(volume, 0.05) / VOLUMES[-1])
