"""Measures a screen as it was drawn: how tall its letters are to the eye, how far they stand off, what a finger finds.

Sizes come from the ink of each script's tall letter (H, alef, ka, a full Han sign), contrast from the pixels of the
picture alone. Degrees are of visual angle: what is read from where visitors stand (`READING_MM`) is set in the
serif at the prompt's size; the rest is read with a hand on the keys (`REACHING_MM`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pygame

from hardware.types import Control
from kiosk.fonts import Face, Fonts
from kiosk.runs import Script, script_in
from kiosk.screens.model import View
from kiosk.screens.page import KEYS, TextBox, key_rect
from kiosk.screens.renderer import Renderer
from kiosk.theme import LINEAR_BELOW, REACHING_MM, READING_MM, luminance, sizes_of

MAIN_DEGREES, NOTE_DEGREES = 0.7, 0.45
MAIN_CONTRAST, NOTE_CONTRAST = 7.0, 4.5
TARGET_MM = 15.0
TALL: dict[Script, str] = {Script.LATIN: "H", Script.ARABIC: "ا", Script.DEVANAGARI: "क", Script.HAN: "国"}
"""The letter whose height stands for a script's capital."""
_NONE = float("inf")


@dataclass(frozen=True, slots=True)
class Measured:
    """The worst of one screen; infinite where there is none of its kind. Degrees, ratios, millimetres."""

    main_degrees: float
    note_degrees: float
    main_contrast: float
    note_contrast: float
    target_mm: float
    misfits: tuple[str, ...]
    """Texts that do not fit, or leave the glass, or lie on one another."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What falls short, in words; empty for a sound screen."""
        limits = (
            ("letters to be read", self.main_degrees, MAIN_DEGREES, "degrees"),
            ("letters of notes", self.note_degrees, NOTE_DEGREES, "degrees"),
            ("contrast", self.main_contrast, MAIN_CONTRAST, "to 1"),
            ("contrast of notes", self.note_contrast, NOTE_CONTRAST, "to 1"),
            ("what a finger finds", self.target_mm, TARGET_MM, "mm"),
        )
        short = [f"{what}: {found:.2f} {unit}, below {least:g}" for what, found, least, unit in limits if found < least]
        return (*short, *(f"does not fit: {text!r}" for text in self.misfits))


def measure(renderer: Renderer, shown: View) -> Measured:
    """Draw ``shown`` and measure it."""
    picture = renderer.picture(shown)
    light = _luminance(pygame.surfarray.pixels3d(picture))
    fonts = renderer.fonts(shown.language)
    main, note = [box for box in renderer.boxes if box.main], [box for box in renderer.boxes if not box.main]
    return Measured(
        min((_degrees(renderer, fonts, box) for box in main), default=_NONE),
        min((_degrees(renderer, fonts, box) for box in note), default=_NONE),
        min((_contrast(light, box) for box in main), default=_NONE),
        min((_contrast(light, box) for box in note), default=_NONE),
        min(_targets(renderer, shown), default=_NONE),
        misfits(renderer),
    )


def misfits(renderer: Renderer) -> tuple[str, ...]:
    """Texts of the screen last drawn that do not fit, leave the glass, or lie on one another."""
    whole = pygame.Rect(0, 0, renderer.panel.width, renderer.panel.height)
    boxes = renderer.boxes
    wrong = [box.text for box in boxes if not box.fits or not whole.contains(box.rect)]
    inner = [box.rect.inflate(0, -round(box.size * 0.45)) for box in boxes]
    for index, rect in enumerate(inner):
        wrong += [f"{boxes[index].text} / {boxes[other].text}" for other in rect.collidelistall(inner) if other > index]
    return tuple(wrong)


def _degrees(renderer: Renderer, fonts: Fonts, box: TextBox) -> float:
    """The visual angle of the box's tall letter."""
    millimetres = _tall(fonts, box.face, box.size) / renderer.panel.px_per_mm
    far = box.main and box.face is Face.SERIF and box.size >= sizes_of(renderer.panel).prompt
    return math.degrees(2 * math.atan(millimetres / 2 / (READING_MM if far else REACHING_MM)))


@cache
def _ratio(script: Script, face: Face) -> float:
    """Height of the script's tall letter over the size that was asked for, from its ink."""
    size = 400
    language = next((code for code in ("en", "ar", "hi", "zh") if script_in(code) is script), "en")
    ink = pygame.mask.from_surface(Fonts(language).at(face, size).render(TALL[script], True, (255, 255, 255)))
    rects = ink.get_bounding_rects()
    return rects[0].unionall(rects[1:]).height / size


def _tall(fonts: Fonts, face: Face, size: int) -> float:
    return _ratio(fonts.script, face) * size


def _luminance(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Relative luminance of every pixel (width, height), as WCAG 2.2 defines it."""
    part = np.arange(256, dtype=np.float32) / 255
    table = np.where(part <= LINEAR_BELOW, part / 12.92, ((part + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return np.asarray(table[pixels] @ np.array([0.2126, 0.7152, 0.0722], np.float32), dtype=np.float32)


def _contrast(light: npt.NDArray[np.float32], box: TextBox) -> float:
    """The strokes against the third of the box that is least like them: Han and Devanagari leave little more free."""
    inside = box.rect.clip(pygame.Rect(0, 0, *light.shape))
    part = light[inside.left : inside.right, inside.top : inside.bottom]
    bright = luminance(box.colour) > float(part.mean())
    letters = float(part.max() if bright else part.min())
    ground = float(np.percentile(part, 33 if bright else 67))
    return (max(ground, letters) + 0.05) / (min(ground, letters) + 0.05)


def _targets(renderer: Renderer, shown: View) -> Iterable[float]:
    """The shorter side of everything a finger can mean, mm."""
    panel = renderer.panel
    for control in KEYS:
        if shown.key(control) is not None:
            yield min(key_rect(panel, control).size) / panel.px_per_mm
    for _, rect in renderer.sides:
        yield min(rect.size) / panel.px_per_mm
    for rect in renderer.lines:
        yield min(rect.size) / panel.px_per_mm


def side_controls(renderer: Renderer) -> tuple[Control, ...]:
    """The controls beside the three keys that the screen last drawn offers to a finger."""
    return tuple(control for control, _ in renderer.sides)
