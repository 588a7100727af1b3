"""Runs the setting up of a box: its own loop over keys, a phone's page and the sound, until the box goes live."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from archive.errors import ArchiveError
from archive.phones import CODE_S, SAVED, SETTING_UP, Face, digits_open, end_phones, phone_seen, put_face, show_digits
from archive.store import Store
from audio.clock import Clock
from audio.errors import AudioError
from audio.loopback import Heard, Loop
from hardware.controls import Controls
from hardware.types import ControlEvent
from kiosk.config import load as load_config
from kiosk.door import Door
from kiosk.firstrun.aloud import Aloud, said
from kiosk.firstrun.looks import view
from kiosk.firstrun.sheet import go_live, may_offer, put_language
from kiosk.firstrun.steps import Deed, Happening, Step, Walk, keys, step
from kiosk.later import Beside, Done
from kiosk.names import Meaning
from kiosk.screens.model import View
from kiosk.settingsfile import put_settings
from kiosk.speech import Reading
from kiosk.texts import Texts
from kiosk.volume import VOLUMES
from kiosk.window import Screen

TURN_S = 1 / 20
Try = Callable[[str], Loop]
"""Plays the tone and listens by the sound card of that name (empty: the one in the settings)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Around:
    """What the setting up works with. ``cards`` lists the other sound cards by name; ``port`` is that of the pages.

    Without ``aloud`` nothing is read.
    """

    store: Store
    clock: Clock
    controls: Controls
    screen: Screen
    texts: Mapping[str, Texts]
    door: Door
    try_sound: Try
    cards: Callable[[], list[str]]
    port: int = 8480
    aloud: Aloud | None = None


class FirstRun:
    """The box while it is set up. Belongs to one thread; a tone is tried beside."""

    def __init__(
        self,
        around: Around,
        languages: tuple[str, ...],
        language: str,
        arrivals: queue.SimpleQueue[Any] | None = None,
        *,
        volume: float = VOLUMES[-1],
    ) -> None:
        """Begin with choosing a language. ``arrivals`` is a queue that hands already announce into; ``volume`` is what
        screens are read with at first.
        """
        self._around = around
        self.walk = Walk(languages=languages, language=language, volume=volume)
        if around.aloud is not None:
            around.aloud.loud(volume)
        self._arrivals: queue.SimpleQueue[Any] = queue.SimpleQueue() if arrivals is None else arrivals
        self._beside = Beside(self._arrivals.put)
        self._digits, self._until = "", 0.0
        self._seen: float | None = None
        self._command = around.store.last_command()
        self._version = -1
        self._round = 0
        self._said = ""

    # -- the screen's listener: nothing is typed, and a touched language is taken, as on a live box ------------------

    @property
    def typing(self) -> bool:
        """Nothing is typed here."""
        return False

    def typed(self, text: str) -> None:
        """Nothing is typed here."""

    def touched(self, line: int) -> None:
        """A finger on a language takes it."""
        if self.walk.step is Step.LANGUAGE and line < len(self.walk.languages):
            self._around.door.touch()
            self._do(*step(replace(self.walk, language=self.walk.languages[line]), Meaning.TAKE))

    def pointed(self, share: float, *, lifted: bool) -> None:
        """Nothing is dragged here."""

    def missed(self) -> None:
        """Nothing is agreed to here."""

    # -- the loop -----------------------------------------------------------------------------------------------------

    def run(self, stop: threading.Event, beat: Callable[[str], None] = lambda _: None) -> bool:
        """Turn until the box is live (True), or ``stop`` or a closed window ends it (False). ``beat`` hears turns."""
        around = self._around
        around.controls.start(self._arrivals.put)
        around.screen.listen(self)
        self._tell()
        try:
            while self.walk.step is not Step.DONE:
                if stop.is_set() or not around.screen.poll():
                    return False
                self.turn(TURN_S)
                beat(f"in set_up_{self.walk.step}")
            return True
        finally:
            around.controls.stop()
            self._hush()
            self._close()

    def turn(self, wait: float) -> None:
        """Take what arrived within ``wait`` seconds, look at the phone, draw."""
        try:
            arrival = self._arrivals.get(timeout=wait) if wait > 0 else self._arrivals.get_nowait()
            while True:
                self._arrive(arrival)
                arrival = self._arrivals.get_nowait()
        except queue.Empty:
            pass
        self._around.controls.settle()
        self._look()
        around, now = self._around, self._around.clock.monotonic()
        if self.walk.step is Step.PHONE and self._until and now >= self._until and phone_seen(around.store) is None:
            # Nobody typed them yet: the figures of a box that waits are never old.
            self._open()
        shown = view(
            self.walk, around.texts[self.walk.language], keys(self.walk), around.door.network(), around.port,
            self._digits,
        )  # fmt: skip
        around.screen.show(shown, now)
        self._read(shown)

    # -- reading aloud ------------------------------------------------------------------------------------------------

    def _read(self, shown: View) -> None:
        """Read a screen that has changed, once; while the box listens to its own tone it says nothing."""
        aloud, walk = self._around.aloud, self.walk
        text = said(shown, self._around.texts[walk.language]) if walk.aloud else ""
        if aloud is None or text == self._said:
            return
        self._said = text
        self._hush()
        if not text or (walk.step is Step.SOUND and walk.heard is None):
            return

        def then(reading: Reading | None) -> None:
            if reading is not None and self._said == text:
                aloud.play(reading)

        self._beside.do(
            lambda: aloud.make(text, walk.language), then, lambda error: _log.warning("cannot read aloud: %s", error)
        )

    def _hush(self) -> None:
        if self._around.aloud is not None:
            self._around.aloud.hush()

    def _arrive(self, arrival: ControlEvent | Happening | Done) -> None:
        match arrival:
            case Done(then=then):
                then()
            case ControlEvent(released=False, control=control):
                self._around.door.touch()
                meaning = keys(self.walk).get(control)
                if meaning is not None:
                    self._do(*step(self.walk, meaning))
            case Happening():
                self._do(*step(self.walk, arrival))

    def _do(self, walk: Walk, deeds: tuple[Deed, ...]) -> None:
        before, self.walk = self.walk, walk
        if walk.step is Step.LIVE:
            self.walk = replace(walk, begins=self._begins(walk))
        if walk.step is Step.PHONE and before.step is Step.LANGUAGE:
            self._tell()
        for deed in deeds:
            match deed:
                case Deed.OPEN:
                    self._open()
                case Deed.CLOSE:
                    self._close()
                case Deed.USE_OTHER:
                    put_settings(self._around.store.home.config, {"sound.microphone": before.other})
                    self.walk = replace(self.walk, other="")
                    self._card = before.other
                case Deed.LOUDER if self._around.aloud is not None:
                    self._around.aloud.loud(walk.volume)
                case Deed.TRY:
                    self._try()
                case Deed.FINISH:
                    self._finish()

    # -- the phone ----------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Say to a phone that the box is being set up: its page of settings is open now, and at no other time."""
        end_phones(self._around.store)
        put_face(self._around.store, Face(state=SETTING_UP, language=self.walk.language))

    def _open(self) -> None:
        self._around.door.open()
        self._digits = show_digits(self._around.store)
        self._until = self._around.clock.monotonic() + CODE_S

    def _close(self) -> None:
        self._around.door.close()
        self._digits, self._until = "", 0.0
        end_phones(self._around.store)
        if self.walk.step is not Step.DONE:
            self._tell()

    def _look(self) -> None:
        store = self._around.store
        version = store.version()
        if version == self._version:
            return
        self._version = version
        if self._digits and not digits_open(store):
            self._digits = ""
        seen = phone_seen(store)
        if seen is not None and seen != self._seen:
            self._around.door.touch()
        self._seen = seen
        for command in store.commands_after(self._command):
            self._command = command.id
            if command.name == SAVED:
                self._arrivals.put(Happening.SAVED)

    # -- the sound ----------------------------------------------------------------------------------------------------

    _card = ""

    def _try(self) -> None:
        """Play and listen beside, so that the screen stays alive; an answer to an earlier try is not taken."""
        self._hush()
        self._round += 1
        number, around, card = self._round, self._around, self._card

        def work() -> tuple[Heard, str]:
            heard = _heard(around.try_sound, card)
            if heard is not Heard.NOTHING:
                return heard, ""
            others = (name for name in around.cards() if name != card)
            return heard, next((name for name in others if _heard(around.try_sound, name) is not Heard.NOTHING), "")

        def then(found: tuple[Heard, str]) -> None:
            if number == self._round:
                heard, other = found
                self._do(*step(self.walk, Happening.TRIED, heard=heard, other=other))

        def refuse(error: Exception) -> None:
            _log.warning("the sound could not be tried: %s", error)
            then((Heard.NOTHING, ""))

        self._beside.do(work, then, refuse)

    def _begins(self, walk: Walk) -> str:
        """The language the box would begin with, where that is not the one chosen here because nobody signed it."""
        home = self._around.store.home
        own = load_config(home.config).site.language
        return "" if own == walk.language or may_offer(home.texts, walk.language) else own

    def _finish(self) -> None:
        store = self._around.store
        if not self.walk.filled:
            put_language(store.home, self.walk.language)
        go_live(store.home, self._around.clock)


def _heard(try_sound: Try, card: str) -> Heard:
    """What came of one card; one that cannot be opened is not heard."""
    try:
        return try_sound(card).heard
    except (AudioError, ArchiveError) as error:
        _log.info("%s", error)
        return Heard.NOTHING
