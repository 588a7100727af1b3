"""How the box looks, in one file: its colours, and how large a letter must be to be read from where people stand.

Sizes are never chosen by eye. A capital must fill an angle (0.7 degrees for what has to be read, see EN 301 549
5.1.4), so the number of pixels follows from the width of the panel in pixels and millimetres and from the distance.
Nothing here needs a screen or pygame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CAPITAL_RATIO = 0.714
"""Capital height over font size (em) of Noto Serif and Noto Sans, from their OS/2 tables (714 of 1000)."""

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255, sRGB."""

MAIN_DEGREES = 0.7
NOTE_DEGREES = 0.49
READING_MM = 600
"""A visitor reading prompts and captions stands this far from the panel."""
REACHING_MM = 450
"""A visitor with a hand on the keys is this close: decisions, key words and notes are read from here."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour of the box. Ember belongs to the person speaking now, moon to voices from before."""

    name: str
    dusk: Colour
    """Top of the background."""
    glow: Colour
    """Bottom of the background: light from below, as from coals."""
    paper: Colour
    """What has to be read."""
    note: Colour
    """What may be read."""
    ember: Colour
    moon: Colour
    code: Colour
    """The keep-code: a lighter ember, to be written down."""
    coal: Colour
    """A dead key, an empty bar."""
    tile: Colour
    """A quiet panel on the background."""
    ink: Colour
    """What is written on an ember, moon or paper surface."""
    alert: Colour
    """A real trouble; always with an icon and words."""
    light: float
    """How strong the light of the coals is, 0 (none, for bright rooms and tired eyes) to 1."""


DUSK = Theme(
    name="dusk",
    dusk=(0x17, 0x12, 0x0F),
    glow=(0x3A, 0x24, 0x17),
    paper=(0xF6, 0xEB, 0xDD),
    note=(0xD8, 0xC8, 0xB4),
    ember=(0xF2, 0xA6, 0x5A),
    moon=(0x9C, 0xC9, 0xE0),
    code=(0xFF, 0xD9, 0x9B),
    coal=(0x4A, 0x3C, 0x33),
    tile=(0x2C, 0x23, 0x1D),
    ink=(0x1E, 0x15, 0x0F),
    alert=(0xFF, 0xB3, 0x9C),
    light=1.0,
)
CONTRAST = Theme(
    name="contrast",
    dusk=(0, 0, 0),
    glow=(0x0C, 0x08, 0x05),
    paper=(0xFF, 0xFF, 0xFF),
    note=(0xF0, 0xE6, 0xDA),
    ember=(0xFF, 0xBE, 0x78),
    moon=(0xB8, 0xE2, 0xF7),
    code=(0xFF, 0xE6, 0xBA),
    coal=(0x3C, 0x34, 0x2E),
    tile=(0x18, 0x14, 0x11),
    ink=(0, 0, 0),
    alert=(0xFF, 0xCB, 0xBA),
    light=0.35,
)
LIGHT = Theme(
    name="light",
    dusk=(0xFB, 0xF6, 0xEE),
    glow=(0xF5, 0xE6, 0xD2),
    paper=(0x2A, 0x21, 0x1B),
    note=(0x55, 0x47, 0x3C),
    ember=(0x7A, 0x39, 0x06),
    moon=(0x16, 0x4E, 0x68),
    code=(0x6E, 0x34, 0x05),
    coal=(0xD9, 0xC9, 0xB8),
    tile=(0xF1, 0xE4, 0xD3),
    ink=(0xFF, 0xFB, 0xF5),
    alert=(0xA3, 0x2B, 0x14),
    light=0.25,
)
"""For bright rooms: paper and ink exchange places, and so do their lights."""
THEMES: dict[str, Theme] = {theme.name: theme for theme in (DUSK, CONTRAST, LIGHT)}


def make_theme(name: str) -> Theme:
    """The theme of that name; `KeyError` with the known names when there is none."""
    if name not in THEMES:
        message = f"no theme {name!r}; there are {', '.join(sorted(THEMES))}"
        raise KeyError(message)
    return THEMES[name]


LINEAR_BELOW = 0.04045
"""Below this sRGB is linear (IEC 61966-2-1)."""


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 (black) to 1 (white), as WCAG 2.2 defines it."""

    def linear(part: int) -> float:
        value = part / 255
        return value / 12.92 if value <= LINEAR_BELOW else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = colour
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` (0 to 1) of ``other`` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


PANEL_WIDTHS_MM: dict[tuple[int, int], float] = {(800, 480): 154.0, (1280, 720): 155.0, (1280, 800): 217.0}
"""Widths of the panels people build with: 7 inch, 7 inch fine, 10.1 inch."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A screen as a thing: pixels and millimetres."""

    width: int
    height: int
    width_mm: float

    @property
    def px_per_mm(self) -> float:
        """Pixels in a millimetre."""
        return self.width / self.width_mm


def panel_of(size: tuple[int, int], width_mm: float | None = None) -> Panel:
    """The panel with that many pixels; without ``width_mm`` the known one, else one as wide as the 7-inch panel."""
    width, height = size
    return Panel(width, height, width_mm or PANEL_WIDTHS_MM.get(size, 154.0))


def font_size(panel: Panel, degrees: float, distance_mm: float) -> int:
    """The font size (em, px) whose capitals fill ``degrees`` seen from ``distance_mm``, rounded up."""
    capital_mm = 2 * distance_mm * math.tan(math.radians(degrees) / 2)
    return math.ceil(capital_mm * panel.px_per_mm / CAPITAL_RATIO)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Font sizes and spaces of one panel, in px."""

    prompt: int
    """Prompts and captions."""
    decide: int
    """Decisions and key words."""
    note: int
    largest: int
    """The attract prompt grows up to this."""
    margin: int
    gap: int


def sizes_of(panel: Panel) -> Sizes:
    """All sizes, from the panel alone."""
    prompt = font_size(panel, MAIN_DEGREES, READING_MM)
    return Sizes(
        prompt=prompt,
        decide=font_size(panel, MAIN_DEGREES, REACHING_MM),
        note=font_size(panel, NOTE_DEGREES, REACHING_MM),
        largest=round(prompt * 1.5),
        margin=round(panel.width * 0.05),
        gap=max(4, round(panel.height * 0.02)),
    )
