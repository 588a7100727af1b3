"""The three sizes of box of docs/hardware-guide.md, as settings: which panel, which keys, what is listened with.

A box is told which one it is when its card is made or it is installed. It cannot be asked on its screen: the screen and
the keys are what it would be asked with.
"""

from __future__ import annotations

from collections.abc import Mapping

from kiosk.config import Plain

_WIRED: Mapping[str, Plain] = {"controls.driver": "gpio", "controls.lamps": "gpio"}


def _panel(width: int, height: int, width_mm: float) -> Mapping[str, Plain]:
    return {
        "screen.width": width, "screen.height": height, "screen.width_mm": width_mm, "screen.fullscreen": True
    }  # fmt: skip


BUILDS: Mapping[str, Mapping[str, Plain]] = {
    "small": {**_panel(800, 480, 154.0), **_WIRED},
    "large": {**_panel(1280, 800, 217.0), **_WIRED},
    "handset": {"sound.headphones": True, **_WIRED},
}
"""Settings by ``section.name``, by the build's name."""
