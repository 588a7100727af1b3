"""A page under the brush: where things may go, and words that are measured as they are set."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field

import pygame

from hardware.types import CUES, Control
from kiosk.breaks import best, joined, needed
from kiosk.fonts import Face, Fonts
from kiosk.runs import pieces
from kiosk.screens.icons import DIRECTED, Icon, draw_icon, rounded
from kiosk.screens.light import Sky, lamp
from kiosk.screens.model import KeyFace, Tone, View
from kiosk.theme import Colour, Panel, Sizes, Theme, sizes_of

PITCH = 1.2
"""Line box over font size; the baseline lies `BASELINE` of a font size below its top."""
BASELINE = 0.94
KEYS: tuple[Control, ...] = (Control.LEFT, Control.MIDDLE, Control.RIGHT)
CACHED_WORDS = 600
PADS = 2.5
"""A key at the top has its padding at both ends, and half of it between icon and word."""
SLACK = 8
"""Shaped together, words are wider or narrower than one by one, by up to this part of a font size a line."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """What was written where; the tests measure these. ``room`` is the space it had."""

    text: str
    rect: pygame.Rect
    room: pygame.Rect
    size: int
    colour: Colour
    face: Face
    main: bool
    """Has to be read (0.7 degrees, 7:1), not merely may be (0.49 degrees, 4.5:1)."""
    fits: bool


class Ink:
    """Words as surfaces, kept so that no word is drawn twice."""

    def __init__(self, fonts: Fonts) -> None:
        """Start with an empty cache over these fonts."""
        self.fonts = fonts
        self._words: OrderedDict[tuple[str, Face, int, Colour], pygame.Surface] = OrderedDict()
        self._widths: dict[tuple[str, Face, int], int] = {}
        self._lamps: dict[tuple[tuple[int, int], int, Colour, float], pygame.Surface] = {}
        self._icons: dict[tuple[Icon, int, Colour, bool], pygame.Surface] = {}

    def width(self, text: str, face: Face, size: int) -> int:
        """How wide ``text`` is, px."""
        key = (text, face, size)
        if key not in self._widths:
            if len(self._widths) > 8 * CACHED_WORDS:
                self._widths.clear()
            self._widths[key] = self.fonts.width(face, size, text)
        return self._widths[key]

    def word(self, text: str, face: Face, size: int, colour: Colour) -> pygame.Surface:
        """``text`` on one line, clear behind."""
        key = (text, face, size, colour)
        if key in self._words:
            self._words.move_to_end(key)
            return self._words[key]
        surface = self.fonts.render(face, size, text, colour)
        self._words[key] = surface
        if len(self._words) > CACHED_WORDS:
            self._words.popitem(last=False)
        return surface

    def icon(self, icon: Icon, size: int, colour: Colour, *, turned: bool = False) -> pygame.Surface:
        """The drawn icon, kept. ``turned`` turns one that points forward or back, for lines from right to left."""
        key = (icon, size, colour, turned and icon in DIRECTED)
        if key not in self._icons:
            drawn = draw_icon(icon, size, colour)
            self._icons[key] = pygame.transform.flip(drawn, True, False) if key[3] else drawn
        return self._icons[key]

    def lamp(self, size: tuple[int, int], reach: int, tint: Colour, strength: float) -> pygame.Surface:
        """The halo of a lit key, kept."""
        key = (size, reach, tint, strength)
        if key not in self._lamps:
            self._lamps[key] = lamp(size, reach, tint, strength)
        return self._lamps[key]

    def put(self, target: pygame.Surface, surface: pygame.Surface, box: pygame.Rect, face: Face, size: int) -> None:
        """Set a word so that its baseline lies where the line box wants it."""
        top = box.top + round((BASELINE - self.fonts.rise) * size) - self.fonts.ascent(face, size)
        target.blit(surface, (box.left, top))

    def wrap(self, text: str, face: Face, size: int, width: int) -> list[str]:
        """As few lines of at most ``width`` px as can be, broken where they read best. Newlines end paragraphs."""
        return [line for part in text.split("\n") for line in self._broken(pieces(part), face, size, width)]

    def lines(self, text: str, face: Face, size: int, width: int) -> int:
        """How many lines that will be; cheaper than `wrap`, and as right as widths add up."""
        return sum(self._needed(part, face, size, width) for part in text.split("\n"))

    def _needed(self, part: str, face: Face, size: int, width: int) -> int:
        parts = pieces(part)
        space = self.width(" ", face, size)
        wide = [(space if glue else 0, self.width(piece, face, size)) for glue, piece in parts]
        lines = needed(wide, width + size // SLACK)
        return 1 if lines == 2 and self.width(part, face, size) <= width else lines  # noqa: PLR2004  # one too many

    def _broken(self, parts: list[tuple[str, str]], face: Face, size: int, width: int) -> list[str]:
        def width_of(part: str) -> int:
            return self.width(part, face, size)

        whole = joined(parts)
        if width_of(whole) <= width:
            return [whole] if parts else []
        for slack in (size // SLACK, 0, -size // SLACK):
            lines = best(parts, width_of, width + slack)
            if all(width_of(line) <= width for line in lines):
                break
        return lines


@dataclass
class Page:
    """One screen being laid out: a surface, its geometry and what has been written on it so far."""

    surface: pygame.Surface
    theme: Theme
    panel: Panel
    ink: Ink
    sky: Sky
    boxes: list[TextBox] = field(default_factory=list)
    strip: bool = False
    """Whether the two keys that are the same everywhere have a strip at the top."""
    sides: list[tuple[Control, pygame.Rect]] = field(default_factory=list)
    """Where a finger finds every key but the three: these two, one in a corner, and cue buttons."""
    choices: list[pygame.Rect] = field(default_factory=list)
    """Where the lines of a list lie, for a finger."""
    track: pygame.Rect | None = None
    """The waveform on which a finger can drag a mark."""

    def dusk(self, tint: Colour | None = None, strength: float = 0.5) -> pygame.Surface:
        """Lay the background: dusk with a quiet light on the horizon (the ember's unless told). Returns it."""
        background = self.sky.still(tint or self.theme.ember, strength)
        self.surface.blit(background, (0, 0))
        return background

    @property
    def sizes(self) -> Sizes:
        """The panel's font sizes."""
        return sizes_of(self.panel)

    def grown(self, factor: float = 1.0) -> tuple[int, int]:
        """Largest and smallest size of what is said: on a panel with much space for its letters it grows."""
        space = min(1.4, max(1.0, self.area.height / (self.sizes.prompt * 6.4)))
        return round(self.sizes.prompt * factor * space), self.sizes.prompt

    @property
    def right_to_left(self) -> bool:
        """Whether the language is: the whole layout is mirrored then, all but the keys, which are where they are."""
        return self.ink.fonts.right_to_left

    def mirror(self, rect: pygame.Rect) -> pygame.Rect:
        """Where something laid out from left to right goes: layouts reckon as if lines began at the left."""
        if not self.right_to_left:
            return rect
        return pygame.Rect(self.panel.width - rect.right, rect.top, rect.width, rect.height)

    def mirror_x(self, x: int) -> int:
        """The same for a point."""
        return self.panel.width - x if self.right_to_left else x

    def put(self, surface: pygame.Surface, place: tuple[int, int]) -> None:
        """Blit ``surface`` with its left top corner at ``place``, mirrored with the page."""
        self.surface.blit(surface, self.mirror(surface.get_rect(topleft=place)))

    @property
    def caption(self) -> int:
        """The size of captions, px."""
        return min(self.grown()[0], round(self.sizes.prompt * 1.2))

    @property
    def finger(self) -> int:
        """What a finger finds has at least so many px each way: a little over 15 mm."""
        return round(15.2 * self.panel.px_per_mm)

    @property
    def keys_top(self) -> int:
        """Nothing but the keys is below this line, px."""
        return self.panel.height - key_band(self.panel)

    @property
    def area(self) -> pygame.Rect:
        """Where a screen may write."""
        sizes = self.sizes
        # Marks above the letters need their room below the strip, too.
        marks = round(sizes.decide * (self.ink.fonts.leading - 1))
        top = round(sizes.note * 1.56) + marks if self.strip else round(sizes.decide * 0.62)
        bottom = self.keys_top - sizes.gap
        return pygame.Rect(sizes.margin, top, self.panel.width - 2 * sizes.margin, bottom - top)

    def write(
        self,
        text: str,
        room: pygame.Rect,
        face: Face,
        size: int | tuple[int, int],
        colour: Colour,
        *,
        align: str = "left",
        middle: bool = False,
        main: bool = True,
        pitch: float = PITCH,
        few: int = 0,
    ) -> pygame.Rect:
        """Set ``text`` into ``room`` at the largest size between the two given; returns where it went, not mirrored.

        ``few`` lines are preferred to larger letters, where the smallest size allows. A text that does not fit at the
        smallest size is set all the same and remembered as not fitting: a test fails then, a visitor still reads most
        of it.
        """
        tried, lines, fits = self._set(text, room, face, size, pitch, few)
        pitch *= self.ink.fonts.leading
        line_height = round(tried * pitch)
        height = line_height * (len(lines) - 1) + round(tried * PITCH)
        top = room.top + (max(0, room.height - height) // 2 if middle else 0)
        used = pygame.Rect(room.left, top, 0, 0)
        for number, line in enumerate(lines):
            width = self.ink.width(line, face, tried)
            free = room.width - width
            left = room.left + (free // 2 if align == "centre" else free if align == "right" else 0)
            box = self.mirror(pygame.Rect(left, top + number * line_height, width, round(tried * PITCH)))
            self.ink.put(self.surface, self.ink.word(line, face, tried, colour), box, face, tried)
            used = box.copy() if number == 0 else used.union(box)
        self.boxes.append(TextBox(text, used, self.mirror(room), tried, colour, face, main, fits))
        return self.mirror(used)

    def fits(self, text: str, face: Face, size: int, room: pygame.Rect, pitch: float = PITCH) -> bool:
        """Whether ``text`` would fit into ``room`` at that size."""
        return self._set(text, room, face, size, pitch)[2]

    def height(
        self, text: str, room: pygame.Rect, face: Face, size: int | tuple[int, int], pitch: float = PITCH
    ) -> int:
        """How many px high `write` would set it."""
        tried, lines, _ = self._set(text, room, face, size, pitch)
        return round(tried * pitch * self.ink.fonts.leading) * (len(lines) - 1) + round(tried * PITCH)

    def shortened(self, text: str, room: pygame.Rect, face: Face, size: int, pitch: float = PITCH) -> str:
        """What a person wrote as far as it fits, ended after a word with three dots; the box's own words always fit."""
        words = text.split(" ")
        if len(words) == 1 and not self.fits(text, face, size, room, pitch):
            words = list(text)
        glue = " " if " " in text or len(words) == 1 else ""
        for count in range(len(words), 0, -1):
            tried = glue.join(words[:count]) + ("" if count == len(words) else "…")
            if self.fits(tried, face, size, room, pitch):
                return tried
        return ""

    def _set(
        self, text: str, room: pygame.Rect, face: Face, size: int | tuple[int, int], pitch: float, few: int = 0
    ) -> tuple[int, list[str], bool]:
        """The size, the lines, and whether they fit."""
        largest, smallest = (size, size) if isinstance(size, int) else size
        pitch *= self.ink.fonts.leading
        if few and self.ink.lines(text, face, smallest, room.width) > few:
            few = 0
        for tried in range(max(largest, smallest), smallest - 1, -1):
            count = self.ink.lines(text, face, tried, room.width)
            tall = round(tried * pitch) * (count - 1) + round(tried * PITCH)
            if tried > smallest and (tall > room.height or (few and count > few)):
                continue
            lines = self.ink.wrap(text, face, tried, room.width)
            fits = self._fits(lines, face, tried, room, pitch)
            if fits and not (few and len(lines) > few):
                break
        return tried, lines, fits

    def _fits(self, lines: list[str], face: Face, size: int, room: pygame.Rect, pitch: float) -> bool:
        height = round(size * pitch) * (len(lines) - 1) + round(size * PITCH)
        return height <= room.height and all(self.ink.width(line, face, size) <= room.width for line in lines)

    def note(self, text: str, room: pygame.Rect, *, align: str = "left") -> pygame.Rect:
        """A note in the sans, note colour."""
        return self.write(text, room, Face.SANS, self.sizes.note, self.theme.note, align=align, main=False)

    def colour(self, tone: Tone) -> Colour:
        """The colour of a voice."""
        return self.theme.moon if tone is Tone.MOON else self.theme.ember

    def keys(self, view: View) -> None:
        """Draw the three keys where they are on the box: word above, the lit button with its icon below."""
        for control in KEYS:
            self._key(key_rect(self.panel, control), view.key(control))

    def side(self, view: View) -> None:
        """Draw the keys that are the same everywhere: icon and word in the strip at the top, where lines end."""
        right = self.panel.width - self.sizes.margin
        top, height = round(self.sizes.note * 0.26), round(self.sizes.note * PITCH)
        pad = self.side_pad
        over = sum(map(self.side_width, view.side)) + self.sizes.gap * (len(view.side) - 1) - self.area.width
        if over > 0:
            # Long words of a language stand closer in their keys, which stay within the margins.
            pad = max(0, pad - math.ceil(over / (PADS * len(view.side))))
        for face in view.side:
            left = self.side_key(face, right, top, height, pad=pad)
            right = left - self.sizes.gap

    def beside(self, faces: tuple[KeyFace, ...], row: pygame.Rect) -> int:
        """Draw ``faces`` by their icons alone at the end of a headline's ``row``; returns where they begin.

        For screens that need their top line themselves: elsewhere the same icons stand in the same place with words.
        """
        right, height = row.right, round(self.sizes.note * PITCH)
        for face in faces:
            right = self.side_key(face, right, row.top + (row.height - height) // 2, height, worded=False)
            right -= self.sizes.gap
        return right

    def cue(self, number: int, rect: pygame.Rect) -> None:
        """A finger on ``rect`` presses that cue button; a flat tile is felt below it, too."""
        touch = pygame.Rect(rect.left, rect.top, max(rect.width, self.finger), max(rect.height, self.finger))
        self.sides.append((CUES[number - 1], self.mirror(touch)))

    @property
    def side_pad(self) -> int:
        """How far a word stands off the ends of such a key, px."""
        return round(self.sizes.note * 0.4)

    def side_width(self, face: KeyFace, pad: int | None = None) -> int:
        """How wide such a key is with its word, px."""
        note, pad = self.sizes.note, self.side_pad if pad is None else pad
        return self.ink.width(face.label, Face.SANS, note) + round(note * 0.92) + int(PADS * pad)

    def side_key(
        self, face: KeyFace, right: int, top: int, height: int, *, worded: bool = True, pad: int | None = None
    ) -> int:
        """One such key, ending at ``right``; returns where it begins. A finger finds at least 15 mm of it."""
        note = self.sizes.note
        icon = self.ink.icon(face.icon, round(note * 0.92), self.theme.note, turned=self.right_to_left)
        pad = self.side_pad if pad is None else pad
        width = self.side_width(face, pad) if worded else self.finger - self.sizes.gap
        place = pad if worded else (width - icon.get_width()) // 2
        left = right - width
        self.put(rounded((width, height), height // 2, self.theme.tile), (left, top))
        self.put(icon, (left + place, top + (height - icon.get_height()) // 2))
        if worded:
            words = self.ink.width(face.label, Face.SANS, note)
            room = pygame.Rect(right - pad - words, top, words, height)
            self.write(face.label, room, Face.SANS, note, self.theme.note, main=False)
        touch = pygame.Rect(left, top, width, height)
        touch.inflate_ip(max(self.sizes.gap // 2, self.finger - width), max(0, self.finger - height))
        touch.clamp_ip(pygame.Rect(0, 0, self.panel.width, self.keys_top))
        self.sides.append((face.control, self.mirror(touch)))
        return left

    def _key(self, rect: pygame.Rect, face: KeyFace | None) -> None:
        decide = self.sizes.decide
        pill = pygame.Rect(0, 0, round(rect.width * 0.56), round(decide * 0.78))
        # Low enough for what hangs deepest: the dots at the end of an Arabic word, a Hindi vowel under its sign.
        pill.midbottom = (rect.centerx, rect.bottom - round(decide * 0.26))
        if face is None:
            dark = self.theme.coal
            thin = pygame.Rect(0, 0, pill.width, max(6, round(decide * 0.2)))
            thin.center = pill.center
            self.surface.blit(rounded(thin.size, thin.height // 2, dark), thin.topleft)
            return
        tone = self.colour(face.tone)
        reach = round(pill.height * 0.8)
        glow = self.ink.lamp(pill.size, reach, tone, 0.42 * self.theme.light)
        self.surface.blit(glow, pill.inflate(2 * reach, 2 * reach))
        self.surface.blit(rounded(pill.size, pill.height // 2, tone), pill.topleft)
        icon = self.ink.icon(face.icon, round(decide * 0.66), self.theme.ink, turned=self.right_to_left)
        self.surface.blit(icon, icon.get_rect(center=pill.center))
        room = pygame.Rect(rect.left, rect.top, rect.width, round(decide * PITCH))
        # Keys are drawn where they are on the box, whatever the language: mirrored here, mirrored back by `write`.
        self.write(face.label, self.mirror(room), Face.BOLD, decide, self.theme.paper, align="centre")


def key_band(panel: Panel) -> int:
    """Height of the part of the panel that belongs to the keys, px; at least 15 mm, so that a finger finds it."""
    decide = sizes_of(panel).decide
    return max(round(decide * 2.5), round(15.5 * panel.px_per_mm))


def key_rect(panel: Panel, control: Control) -> pygame.Rect:
    """The part of the panel that answers to a finger as that key: a third of the width, the whole band."""
    third = panel.width / len(KEYS)
    index = KEYS.index(control)
    inset = max(4, panel.width // 130)
    band = key_band(panel)
    left = round(index * third) + inset
    return pygame.Rect(left, panel.height - band, round((index + 1) * third) - inset - left, band)
