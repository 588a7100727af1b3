"""The screen the box draws on: a window (or the whole panel), or a picture in memory where there is no screen.

Both take the same `View`; only a real window has hands: keys and mouse arrive as controls.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pygame

from hardware.types import Control
from kiosk.errors import NoScreen
from kiosk.screens.model import View
from kiosk.screens.renderer import Renderer
from kiosk.theme import Theme

QUICK_S, REST_S, HAND_S = 1 / 30, 1 / 15, 20.0
"""How often a window is asked for keys and touches: soon after the last one, and when none came for ``HAND_S``."""


class Listener(Protocol):
    """Who is told of what is typed and touched beside the keys."""

    @property
    def typing(self) -> bool:
        """Whether letters and figures are text now; else they are keys."""
        ...

    def typed(self, text: str) -> None:
        """Take what was typed; backspace is `kiosk.codeentry.ERASE`."""
        ...

    def touched(self, line: int) -> None:
        """Take a finger on a line of a list."""
        ...

    def pointed(self, share: float, *, lifted: bool) -> None:
        """Take a finger on the waveform, at this share of the story; ``lifted`` is whether it let go there."""
        ...

    def missed(self) -> None:
        """Take a finger where nothing is: a hand that slaps the glass must not agree to anything with its next."""
        ...


class Screen(Protocol):
    """Where a view becomes visible."""

    @property
    def asked_s(self) -> float:
        """How long it may be left without a `poll`, real seconds."""
        ...

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of text and touched lines from now on."""
        ...

    def show(self, view: View, now: float) -> None:
        """Bring the screen up to ``view`` at monotonic second ``now``."""
        ...

    def rehearse(self, view: View) -> None:
        """Make what ``view`` is drawn from, so that it appears at once when it comes; nothing becomes visible."""
        ...

    def poll(self) -> bool:
        """Deliver keys and mouse presses that have come; False once a person closed the window."""
        ...

    def save(self, path: Path) -> None:
        """Save what is shown as a PNG."""
        ...

    def close(self) -> None:
        """Let go of the screen."""
        ...


class Picture:
    """A screen in memory. Needs no display; what it drew can be saved."""

    asked_s = float("inf")

    def __init__(self, theme: Theme, size: tuple[int, int], *, width_mm: float | None = None) -> None:
        """Make one of ``size`` pixels."""
        pygame.font.init()
        self._surface = pygame.Surface(size)
        self._renderer = Renderer(theme, size, width_mm=width_mm)

    @property
    def notice(self) -> str:
        """A sentence about missing fonts, or nothing."""
        return self._renderer.notice

    def show(self, view: View, now: float) -> None:
        """Draw into memory."""
        self._renderer.draw(self._surface, view, now)

    def rehearse(self, view: View) -> None:
        """Draw it beside, and keep what it is made of."""
        self._renderer.rehearse(view)

    def listen(self, listener: Listener) -> None:
        """Nobody types into a picture."""

    def poll(self) -> bool:
        """Nobody can close it."""
        return True

    def save(self, path: Path) -> None:
        """Save it as a PNG."""
        pygame.image.save(self._surface, str(path))

    def close(self) -> None:
        """Nothing to let go of."""


class Window:
    """A real window, or the whole panel on the appliance."""

    def __init__(
        self,
        theme: Theme,
        size: tuple[int, int],
        *,
        key: Callable[[str, bool], object],
        touch: Callable[[Control], object],
        width_mm: float | None = None,
        full: bool = False,
        title: str = "Digital Hearth",
    ) -> None:
        """Open it. ``key`` takes a key's name and whether it went down, ``touch`` the control a finger meant.

        Raises `NoScreen` when there is no display.
        """
        os.environ.setdefault("SDL_VIDEO_ALLOW_SCREENSAVER", "0")
        try:
            pygame.display.init()
            pygame.font.init()
            _draw_in_memory()
            self._surface = pygame.display.set_mode(size, pygame.FULLSCREEN | pygame.SCALED if full else 0)
        except pygame.error as error:
            raise NoScreen(f"No window can be opened: {error}.", "Use --headless, or start it on a screen.") from error
        pygame.display.set_caption(title)
        if full:
            pygame.mouse.set_visible(False)
        self._renderer = Renderer(theme, size, width_mm=width_mm)
        self._key = key
        self._touch = touch
        self._listener: Listener | None = None
        self._dragging = False
        self._touched_at = time.monotonic()

    @property
    def asked_s(self) -> float:
        """So often that nobody feels it; less often while no hand is there, for it costs."""
        return QUICK_S if time.monotonic() - self._touched_at < HAND_S else REST_S

    @property
    def notice(self) -> str:
        """A sentence about missing fonts, or nothing."""
        return self._renderer.notice

    def show(self, view: View, now: float) -> None:
        """Draw, and bring only what changed to the glass."""
        changed = self._renderer.draw(self._surface, view, now)
        if changed:
            pygame.display.update(changed)

    def rehearse(self, view: View) -> None:
        """Draw it beside, and keep what it is made of."""
        self._renderer.rehearse(view)

    def listen(self, listener: Listener) -> None:
        """Tell ``listener`` of text and touched lines from now on."""
        self._listener = listener

    def _type(self, event: pygame.event.Event) -> bool:
        """Whether a key that went down was text for the listener. Return takes, as the left key does."""
        if self._listener is None or not self._listener.typing:
            return False
        if event.key in {pygame.K_RETURN, pygame.K_KP_ENTER}:
            self._touch(Control.LEFT)
        elif event.key == pygame.K_BACKSPACE:
            self._listener.typed("\b")
        elif event.unicode and event.unicode.isprintable():
            self._listener.typed(event.unicode)
        else:
            return False
        return True

    def poll(self) -> bool:
        """Hand on every key and touch; a release too, so that a key held down is one press."""
        events = pygame.event.get()
        if events:
            self._touched_at = time.monotonic()
        for event in events:
            if event.type == pygame.QUIT:
                return False
            if event.type == pygame.KEYDOWN and self._type(event):
                continue
            if event.type in {pygame.KEYDOWN, pygame.KEYUP}:
                self._key(pygame.key.name(event.key), event.type == pygame.KEYDOWN)
            elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
                # SDL gives a finger's touch as a mouse press too, so this is the one way in for both.
                self._press(event.pos)
            elif event.type == pygame.MOUSEMOTION and self._dragging and event.buttons[0]:
                self._drag(event.pos, lifted=False)
            elif event.type == pygame.MOUSEBUTTONUP and event.button == 1 and self._dragging:
                self._drag(event.pos, lifted=True)
                self._dragging = False
        return True

    def _press(self, place: tuple[int, int]) -> None:
        control, line = self._renderer.control_at(place), self._renderer.line_at(place)
        if control is not None:
            self._touch(control)
        elif line is not None and self._listener is not None:
            self._listener.touched(line)
        elif self._renderer.on_track(place):
            self._dragging = True
            self._drag(place, lifted=False)
        elif self._listener is not None:
            self._listener.missed()

    def _drag(self, place: tuple[int, int], *, lifted: bool) -> None:
        share = self._renderer.share_at(place)
        if share is not None and self._listener is not None:
            self._listener.pointed(share, lifted=lifted)

    def save(self, path: Path) -> None:
        """Save what is on the glass as a PNG."""
        pygame.image.save(self._surface, str(path))

    def close(self) -> None:
        """Close the window."""
        pygame.display.quit()


def _draw_in_memory() -> None:
    """Keep SDL from taking a graphics library just to copy finished pixels: on X11 that costs 100 MB and more CPU."""
    if pygame.display.get_driver() == "x11":
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
