"""Light: the dusk behind everything, the coals on the horizon, the ember, the moon. All made once, with numpy.

Nothing here runs per frame: each function makes a surface that is kept and copied. Gradients are dithered by a fixed
noise, because eight bits show bands in the dark.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pygame

from kiosk.theme import Colour, Theme

Field = npt.NDArray[np.float32]
"""A plane of brightness, (height, width), or of colour, (height, width, 3)."""


def _noise(height: int, width: int, cell: float, seed: int) -> Field:
    """Smooth noise from 0 to 1 whose features are about ``cell`` px large."""
    rng = np.random.default_rng(seed)
    rows, columns = int(height / cell) + 3, int(width / cell) + 3
    grid = rng.random((rows, columns), dtype=np.float32)
    y, x = np.arange(height) / cell, np.arange(width) / cell
    yi, xi = y.astype(int), x.astype(int)
    fy, fx = (y - yi), (x - xi)
    fy, fx = (fy * fy * (3 - 2 * fy))[:, None], (fx * fx * (3 - 2 * fx))[None, :]
    top = grid[yi][:, xi] * (1 - fx) + grid[yi][:, xi + 1] * fx
    low = grid[yi + 1][:, xi] * (1 - fx) + grid[yi + 1][:, xi + 1] * fx
    return np.asarray(top * (1 - fy) + low * fy, dtype=np.float32)


def _cloud(height: int, width: int, cell: float, seed: int) -> Field:
    """Noise of four sizes laid over each other, 0 to 1."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave, weight in enumerate((0.5, 0.26, 0.15, 0.09)):
        total += weight * _noise(height, width, max(1.5, cell / 2**octave), seed + octave)
    return total


def _surface(colour: Field) -> pygame.Surface:
    """An opaque surface from (height, width, 3) values of 0 to 255, dithered."""
    rng = np.random.default_rng(5)
    height, width = colour.shape[:2]
    grain = rng.random((height, width, 1), dtype=np.float32)
    pixels = np.clip(np.floor(colour + grain), 0, 255).astype(np.uint8)
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGB").copy()


def _glass(colour: Field, alpha: Field) -> pygame.Surface:
    """A see-through surface from colour (0 to 255) and alpha (0 to 1)."""
    height, width = alpha.shape
    pixels = np.empty((height, width, 4), dtype=np.uint8)
    pixels[..., :3] = np.clip(colour, 0, 255)
    pixels[..., 3] = np.clip(alpha, 0, 1) * 255
    return pygame.image.frombuffer(pixels.tobytes(), (width, height), "RGBA").copy()


def _array(colour: Colour) -> Field:
    return np.array(colour, dtype=np.float32)


def _ramp(value: Field, stops: list[tuple[float, Colour]]) -> Field:
    """Colours along a gradient: (height, width, 3) from values of (height, width)."""
    places = [place for place, _ in stops]
    parts = [np.interp(value, places, [colour[part] for _, colour in stops]) for part in range(3)]
    return np.stack(parts, axis=-1).astype(np.float32)


CROWN = 0.22
"""How high the coals and their light reach above the horizon, as a share of the height."""


class Sky:
    """The background of one panel, dark or with coals of any brightness on the horizon."""

    def __init__(self, theme: Theme, size: tuple[int, int], horizon: int) -> None:
        """Prepare the fields; surfaces are made when first asked for. The keys are below ``horizon``, px."""
        self.theme, self.size, self.horizon = theme, size, horizon
        width, height = size
        rise = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        # A column of colours, a row and a column of offsets: spread over the whole panel they would keep 12 MB.
        self._base: Field = _array(theme.dusk) + (_array(theme.glow) - _array(theme.dusk)) * rise**1.7
        x = (np.arange(width, dtype=np.float32) - width / 2) / height
        y = (np.arange(height, dtype=np.float32) - self.horizon) / height
        self._x, self._y = x[None, :], y[:, None]
        self._coals: dict[tuple[str, int], pygame.Surface] = {}
        self._glows: dict[tuple[float, float], pygame.Surface] = {}

    def _halo(self, tint: Colour, strength: float) -> Field:
        distance = np.hypot(self._x * 0.5, (self._y - 0.24) * 0.9)
        halo = np.exp(-((distance / 0.30) ** 1.5)) * strength * self.theme.light
        return np.asarray(halo[..., None] * _array(tint), dtype=np.float32)

    def still(self, tint: Colour, strength: float) -> pygame.Surface:
        """The dusk with a quiet light of that colour on the horizon; ``strength`` 0 to 1."""
        key = (str(tint), round(strength * 1000))
        if key not in self._coals:
            self._coals[key] = _surface(self._base + self._halo(tint, strength * 0.30))
        return self._coals[key]

    def coals_rect(self, sunk: float = 0.0) -> pygame.Rect:
        """The part of the screen in which the coals breathe: all above the horizon, nothing is written on it.

        ``sunk`` is how far they lie below the horizon, as a share of the height, 0 to 0.12.
        """
        width, height = self.size
        half, tall = round(height * 0.5), round(height * (CROWN - sunk))
        return pygame.Rect(width // 2 - half, self.horizon - tall, 2 * half, tall)

    def coals(self, brightness: float, sunk: float = 0.0) -> pygame.Surface:
        """The coals as large as `coals_rect`, clear around them; ``brightness`` 0 (ash) to 1. Kept for one ``sunk``."""
        key = (round(brightness, 3), sunk)
        if key not in self._glows:
            if any(other != sunk for _, other in self._glows):
                self._glows.clear()
            self._glows[key] = self._glowing(brightness, sunk)
        return self._glows[key]

    def _glowing(self, brightness: float, sunk: float) -> pygame.Surface:
        rect = self.coals_rect(sunk)
        x, y = self._x[:, rect.left : rect.right], -self._y[rect.top : rect.bottom]
        radius = 0.175
        distance = np.hypot(x, y + 0.012 + sunk) / radius
        crust = _cloud(rect.height, rect.width, rect.height / 4.5, 11)
        cracks = 1 - np.abs(2 * crust - 1) * 2.6
        heat = np.clip(1.12 - distance**2.2, 0, 1) * (0.74 + 0.30 * np.clip(cracks, 0, 1))
        heat = np.clip(heat * (0.62 + 0.42 * brightness), 0, 1)
        colour = _ramp(
            heat.astype(np.float32),
            [
                (0.0, (0xA8, 0x4A, 0x1E)),
                (0.25, (0xBE, 0x58, 0x24)),
                (0.5, (0xD9, 0x74, 0x2E)),
                (0.78, (0xF6, 0xAE, 0x62)),
                (1.0, (0xFF, 0xE0, 0xAE)),
            ],
        )
        edge = np.clip((1.03 - distance) / 0.06, 0, 1)
        halo = np.exp(-np.clip(distance - 0.96, 0, None) * 5.6) * (0.46 + 0.3 * brightness)
        alpha = edge + halo * (1 - edge)
        streak = np.exp(-(((y - 0.008) / 0.006) ** 2)) * np.exp(-((x / 0.30) ** 2)) * (0.5 + 0.4 * brightness)
        alpha = np.maximum(alpha, streak)
        rim = np.clip((distance - 0.90) / 0.10, 0, 1)[..., None]
        colour = colour * (1 - rim).astype(np.float32) + _array((0xD8, 0x78, 0x32)) * rim.astype(np.float32)
        ground = np.clip(y / 0.014, 0, 1)
        border = np.clip((0.5 - np.abs(x)) / 0.2, 0, 1) * np.clip((CROWN - sunk - y) / 0.055, 0, 1)
        strength = min(1.0, 0.4 + 0.6 * self.theme.light)
        return _glass(colour.astype(np.float32), (alpha * ground * border * strength).astype(np.float32))


def lamp(size: tuple[int, int], reach: int, tint: Colour, strength: float) -> pygame.Surface:
    """The light around a lit key: a soft halo about a pill of ``size``, ``reach`` px on every side."""
    width, height = size[0] + 2 * reach, size[1] + 2 * reach
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2)
    straight = max(0.0, size[0] / 2 - size[1] / 2)
    away = np.hypot(np.clip(x[None, :] - straight, 0, None), y[:, None]) - size[1] / 2
    alpha = np.exp(-np.clip(away, 0, None) / (reach * 0.34)) * np.clip(1 - away / reach, 0, 1) * strength
    colour = np.broadcast_to(_array(tint), (height, width, 3)).astype(np.float32)
    return _glass(colour, alpha.astype(np.float32))


def _disc(size: int, radius: float) -> tuple[Field, Field, Field]:
    """Offsets from the centre in radii, and the distance."""
    line = (np.arange(size, dtype=np.float32) + 0.5 - size / 2) / radius
    x, y = np.meshgrid(line, line)
    return x, y, np.hypot(x, y)


def ember(radius: int, swell: float) -> pygame.Surface:
    """A glowing coal as a square of 4 radii; ``swell`` 0 (resting) to 1 (loud) makes it larger and brighter."""
    size = radius * 4
    core = radius * (0.74 + 0.26 * swell)
    _, y, distance = _disc(size, core)
    crust = _cloud(size, size, size / 7, 23)
    cracks = np.clip(1 - np.abs(2 * crust - 1) * 2.4, 0, 1)
    heat = np.clip((1.05 - distance**2 * 0.8) * (0.66 + 0.34 * cracks) * (0.82 + 0.25 * swell) - y * 0.05, 0, 1)
    colour = _ramp(
        heat.astype(np.float32),
        [
            (0.0, (0xC4, 0x56, 0x20)),
            (0.35, (0xE0, 0x7C, 0x34)),
            (0.65, (0xF2, 0xA6, 0x5A)),
            (1.0, (0xFF, 0xE4, 0xB8)),
        ],
    )
    body = np.clip((1 - distance) * core / 1.5 + 0.5, 0, 1)
    halo = np.exp(-np.clip(distance - 0.85, 0, None) * 2.7) * (0.42 + 0.3 * swell)
    far = np.clip((size / 2 / core - distance) / 0.5, 0, 1)
    colour = np.where(body[..., None] > 0, colour, _array((0xE0, 0x78, 0x30)))
    return _glass(colour.astype(np.float32), (body + halo * far * (1 - body)).astype(np.float32))


def ash(radius: int) -> pygame.Surface:
    """The ember gone out: grey, no halo."""
    size = radius * 4
    _, y, distance = _disc(size, radius * 0.74)
    crust = _cloud(size, size, size / 7, 23)
    shade = np.clip(0.5 - distance**2 * 0.2 - y * 0.16 + (crust - 0.5) * 0.5, 0, 1)
    colour = _ramp(shade.astype(np.float32), [(0.0, (0x2E, 0x27, 0x22)), (1.0, (0x9A, 0x8C, 0x80))])
    body = np.clip((1 - distance) * radius * 0.74 / 1.5 + 0.5, 0, 1)
    return _glass(colour, body.astype(np.float32))


def moon(radius: int, swell: float = 0.0) -> pygame.Surface:
    """An earlier voice: a pale moon with its seas, as a square of 4 radii."""
    size = radius * 4
    x, y, distance = _disc(size, radius)
    seas = np.clip((_cloud(size, size, size / 5.5, 41) - 0.50) * 5, 0, 1)
    shade = np.clip(0.94 - 0.20 * distance**2.5 - 0.20 * seas - 0.12 * (x + y), 0, 1)
    stops: list[tuple[float, Colour]] = [
        (0.0, (0x3C, 0x5E, 0x72)),
        (0.55, (0x8A, 0xB8, 0xD2)),
        (0.8, (0xBF, 0xDD, 0xEB)),
        (1.0, (0xF4, 0xFA, 0xFC)),
    ]
    colour = _ramp(shade.astype(np.float32), stops)
    body = np.clip((1 - distance) * radius / 1.5 + 0.5, 0, 1)
    halo = np.exp(-np.clip(distance - 0.9, 0, None) * 3.0) * (0.26 + 0.2 * swell)
    far = np.clip((2 - distance) / 0.6, 0, 1)
    colour = np.where(body[..., None] > 0, colour, _array((0x9C, 0xC9, 0xE0)))
    return _glass(colour.astype(np.float32), (body + halo * far * (1 - body)).astype(np.float32))
