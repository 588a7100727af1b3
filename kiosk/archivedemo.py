"""Shows box and archive together: a story goes out by night, is found, is cut, comes back to a button, and is gone.

The archive is the real one, served on this machine by the real program; everything between the two goes through its
door for boxes. What a curator does at the desk is done by the functions the desk's pages call.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archive import desk
from archive.boxes import add_box
from archive.catalogue.search import search
from archive.curation import MAIN, put_cue, set_site
from archive.people.accounts import add_person
from archive.people.roles import Role
from archive.pulse import pulse
from archive.reviewing.excerpts import cut, suggest
from archive.reviewing.words import passages_of
from archive.server.place import ArchiveHome, open_archive
from archive.sync import SyncReport, sync
from archive.transports.way import Way
from archive.types import Reader
from audio.clock import SystemClock
from audio.speech import Spoken
from audio.types import TakeId
from kiosk.demo import Demo, Say, open_store
from kiosk.presses import parse
from kiosk.setting import Setting
from kiosk.simulation import Simulation, story_json

WHO = "the demonstration"
"""Whose name the changes at the archive carry: no person made them."""
BOX = "reading-room"
TITLE = "The best of times"
_OPEN_S = 60.0
_APART_S = 0.05
_SAID = "The archive is at "
_ENTERS = (Role.ORGANIZER, Role.CURATOR, Role.PROMPT_DESIGNER, Role.ANALYST, Role.ARCHIVIST, Role.FACILITATOR)


@dataclass(frozen=True, slots=True)
class Served:
    """An archive that is open: where, and the process that serves it."""

    url: str
    process: subprocess.Popen[str]


class ArchiveDemo(Demo):
    """A walk from the box to the archive and back."""

    def __init__(self, out: Path, say: Say, *, fast: bool = False, keep: Sequence[str] | None = None) -> None:
        """Put everything into ``out``. ``fast`` leaves the virtual room out and lets time run ahead while a visitor
        speaks. With ``keep`` the archive stays open at the end, until it is interrupted; its sentences are said.
        """
        super().__init__(out, say, fast=fast)
        self._keep = keep
        self._served: Served | None = None

    def _steps(self, setting: Setting, simulation: Simulation, spoken: list[Spoken]) -> None:
        with self._serving() as served, open_archive(self.archive, SystemClock()) as place:
            with simulation:
                first = self._tell(simulation, spoken[0], "talk agree", "keep play_here archive done")
                self._compare(simulation, first, spoken[0])
                second = self._tell_again(simulation)
                way = self._add_box(setting, place)
                self._hand_over(setting, served.url, way, first, second)
                self._find(simulation, place, first)
                self._prepare(place, first)
                self._bring_back(setting, served.url, way)
                self._sounds(simulation)
                self._gone(setting, simulation, place, served.url, way, second, first)
            simulation.store.close()
            self.summary.places |= {"archive": str(self.archive), "address": served.url}
            self._stay(place, served)

    @contextmanager
    def _serving(self) -> Iterator[Served]:
        with self._step("hearth archive serve opens an archive on this machine") as done:
            served = self._serve()
            done.seen = served.url
        try:
            yield served
        finally:
            served.process.terminate()
            served.process.communicate(timeout=_OPEN_S)

    def _serve(self) -> Served:
        words = ["archive", "serve", "--home", str(self.archive), "--bind", "127.0.0.1:0"]
        log = self.out / "archive.log"
        with log.open("w") as notes:
            process = subprocess.Popen(
                [sys.executable, "-m", "kiosk", *words], stdout=subprocess.PIPE, stderr=notes, text=True
            )
        assert process.stdout is not None
        # It says one line once it is open; killed when that takes too long, it says none.
        patience = threading.Timer(_OPEN_S, process.kill)
        patience.start()
        line = process.stdout.readline()
        patience.cancel()
        if not line.startswith(_SAID):
            process.kill()
            process.communicate()
            self._must(False, f"the archive did not open; {log} says why")
        return Served(line.removeprefix(_SAID).strip(), process)

    def _add_box(self, setting: Setting, place: ArchiveHome) -> Way:
        with self._step("the archive lets this box hand on") as done, place.catalogue() as catalogue:
            credential = add_box(catalogue, BOX, WHO, place.now())
            with catalogue.write() as tx:
                set_site(tx, BOX, setting.config.site.name, WHO, place.now())
            done.seen = BOX
        return Way(credential)

    def _sync(self, setting: Setting, url: str, way: Way) -> SyncReport:
        with open_store(setting) as store:
            report = sync(
                store, url, way=Way(way.credential, pulse=pulse(store)), site=setting.config.site.name
            )  # fmt: skip
        self._must(not report.refused, "something was refused")
        return report

    def _hand_over(self, setting: Setting, url: str, way: Way, *stories: str) -> None:
        with self._step("hearth sync hands both stories on, sealed; the archive checks and signs") as done:
            report = self._sync(setting, url, way)
            self._must({str(bag.story) for bag in report.bags} == set(stories), "a bag is missing")
            self._must(all(bag.receipt for bag in report.bags), "a receipt is missing")
            done.seen = f"{len(report.bags)} bags, signed for"

    def _find(self, simulation: Simulation, place: ArchiveHome, story: str) -> None:
        with self._step("the archive's search finds a word, and the moment it was said") as done:
            store = simulation.store
            told = story_json(store, store.story(TakeId(story)), simulation.report.codes[story])
            said = [(_bare(str(word["text"])), float(str(word["start"]))) for word in _words(told)]
            asked = max((text for text, _ in said), key=len)
            with place.catalogue() as catalogue, catalogue.read() as tx:
                hits = [hit for hit in search(tx, asked, Reader.DESK, place.now()) if hit.story == story]
            self._must(bool(hits), f"'{asked}' was not found")
            first = next(start for text, start in said if text == asked)
            self._must(abs(hits[0].start / 1000 - first) < _APART_S, f"'{asked}' was found at another moment")
            done.seen = f"'{asked}' at {hits[0].start / 1000:.1f} s"

    def _prepare(self, place: ArchiveHome, story: str) -> None:
        with (
            self._step("a curator cuts an excerpt and puts it on the box's first button") as done,
            place.catalogue() as catalogue, catalogue.write() as tx,
        ):  # fmt: skip
            words = [word for passage in passages_of(tx, story) for word in passage.words]
            length = int(tx.all("SELECT length_ms FROM stories WHERE id = ?", story)[0]["length_ms"])
            start, end = suggest(words, length, 0)
            excerpt = cut(tx, story, start, end, TITLE, "", WHO, place.now())
            put_cue(tx, BOX, 1, story, excerpt, WHO, place.now())
            done.seen = f"{TITLE}, {(end - start) / 1000:.0f} s"

    def _bring_back(self, setting: Setting, url: str, way: Way) -> None:
        with self._step("the next sync brings the cue sheet back") as done:
            feed = self._sync(setting, url, way).feed
            self._must(not feed.refused, feed.refused)
            self._must(feed.fresh and MAIN in feed.sheets, "no cue sheet came back")
            done.seen = f"feed {feed.sequence}"

    def _sounds(self, simulation: Simulation) -> None:
        with self._step("at the box the button carries its title, and a press lets it sound") as done:
            cues = simulation.store.cue_sheet(MAIN).cues
            self._must(1 in cues and cues[1].title == TITLE, "the excerpt is not on the button")
            simulation.app.refresh()
            before = len(simulation.report.events)
            simulation.visit(parse("facilitate cue1 @4 cue1 back"))
            since = simulation.report.events[before:]
            self._must(any(one.what == "PlaybackStarted" for one in since), "nothing sounded")
            done.seen = TITLE

    def _gone(
        self, setting: Setting, simulation: Simulation, place: ArchiveHome, url: str, way: Way, take: str, stays: str
    ) -> None:  # fmt: skip
        with self._step("a teller takes a story back at the box, and it is gone at the archive") as done:
            desk.withdraw(simulation.store, simulation.report.codes[take])
            self._sync(setting, url, way)
            with place.catalogue() as catalogue, catalogue.read() as tx:
                here = {str(row["id"]) for row in tx.all("SELECT id FROM stories")}
                stones = {str(row["id"]) for row in tx.all("SELECT id FROM tombstones")}
            self._must(here == {stays}, "the wrong stories are in the catalogue")
            self._must(stones == {take}, "there is no tombstone")
            left = [key for key in place.objects.keys("") if take in key]
            self._must(not left, "something of it is left in the archive's store")
            self._must(not setting.home.story_folder(TakeId(take)).exists(), "something of it is left in the box")
            done.seen = "only its tombstone is left"

    def _stay(self, place: ArchiveHome, served: Served) -> None:
        """Leave the archive open for somebody to look around, until it is interrupted or stops by itself."""
        if self._keep is None:
            return
        with place.catalogue() as catalogue, catalogue.write() as tx:
            _, code = add_person(tx, "guest", _ENTERS, WHO, place.now())
        for sentence in self._keep:
            self._say(sentence.format(url=served.url, code=code))
        try:
            served.process.wait()
        except KeyboardInterrupt:
            self._say("Closed.")


def _words(told: dict[str, object]) -> list[dict[str, object]]:
    words = told["words"]
    assert isinstance(words, list)
    return words


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalpha())
