"""What the tests of handing on share: made-up stories, their consent, and their bags."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from starlette.applications import Starlette
from starlette.routing import Mount

from archive.bag import Bag, BagContent, plan
from archive.boxes import add_box, revoke_box
from archive.consentrecord import record
from archive.home import open_home
from archive.portal.community.deposit import box_app
from archive.portal.community.serving import loopback, serve
from archive.receipts import Signer
from archive.server.place import ArchiveHome, open_archive
from archive.transports.https import HttpsTransport
from archive.transports.way import Way
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.types import TakeId

STORY = TakeId("01JC8Q3Y5Z7R9T2V4W6X8Y0A1B")
START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
SOUND = b"fLaC" + bytes(range(256)) * 40


class Ledger:
    """A ledger of one story, in memory."""

    def __init__(self, story: TakeId) -> None:
        self.story = story
        self.events: list[ConsentEvent] = []

    def say(self, use: Use, *, yes: bool = True, form: Form = Form.VOICE) -> Ledger:
        return self._add(Act.DECIDE, use=use, yes=yes, form=form)

    def act(self, act: Act) -> Ledger:
        return self._add(act)

    def _add(self, act: Act, *, use: Use | None = None, yes: bool = False, form: Form = Form.VOICE) -> Ledger:
        at = START + timedelta(minutes=len(self.events))
        seq = len(self.events) + 1
        event = ConsentEvent(self.story, act, at, "left", use, yes, form, None, "1", "ab" * 32, "en", seq)
        self.events.append(event)
        return self


def agreed(story: TakeId = STORY, uses: Iterable[Use] = (Use.RECORD, Use.KEEP, Use.ARCHIVE)) -> Ledger:
    ledger = Ledger(story)
    for use in uses:
        ledger.say(use)
    return ledger


def content_of(ledger: Ledger, sound: bytes | None = SOUND, words: str = "A lighthouse.") -> BagContent:
    return BagContent(
        story=ledger.story,
        site="Maple\nLibrary",
        bagged_on=ledger.events[-1].at.date(),
        captions=f"WEBVTT\n\nNOTE Machine-made, not yet checked.\n\n00:00.000 --> 00:01.000\n{words}\n",
        metadata={"dcterms:identifier": ledger.story, "dcterms:language": "en"},
        consent=record(ledger.story, ledger.events),
        events=({"event": "recorded", "at": START.isoformat()},),
        sound=None if sound is None else lambda: io.BytesIO(sound),
    )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + timedelta(days=1))


@pytest.fixture
def signer() -> Signer:
    return Signer(SigningKey.generate())


@pytest.fixture
def ledger() -> Callable[..., Ledger]:
    return agreed


@pytest.fixture
def content() -> Callable[..., BagContent]:
    return content_of


@pytest.fixture
def bag_of() -> Callable[..., Bag]:
    def make(ledger: Ledger | None = None, sound: bytes | None = SOUND, words: str = "A lighthouse.") -> Bag:
        return plan(content_of(ledger or agreed(), sound, words))

    return make


@dataclass
class Served:
    """A real archive behind a real server on this machine, and boxes that know it."""

    place: ArchiveHome
    url: str
    clock: VirtualClock
    boxes: Path
    stop: threading.Event = field(default_factory=threading.Event)

    def credential(self, name: str) -> str:
        with self.place.catalogue() as catalogue:
            return add_box(catalogue, name, "a test", self.clock.wall())

    def revoke(self, name: str) -> None:
        with self.place.catalogue() as catalogue:
            revoke_box(catalogue, name, "a test", self.clock.wall())

    def box(self, name: str, credential: str = "", **way: object) -> HttpsTransport:
        """A box of its own home and keys, which hands on over the network."""
        home = open_home(self.boxes / name)
        credential = credential or self.credential(name)
        return HttpsTransport(self.url, home.path, home.keys, self.clock, Way(credential, **way))

    def kept(self) -> list[str]:
        with self.place.catalogue() as catalogue, catalogue.read() as tx:
            return [str(row["id"]) for row in tx.all("SELECT id FROM stories ORDER BY id")]


@pytest.fixture
def served(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    opened: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    def tell(url: str) -> None:
        opened.append(url)
        ready.set()

    with open_archive(tmp_path / "served", clock) as place:
        app = Starlette(routes=[Mount("/box", box_app(place, clock))])
        thread = threading.Thread(target=serve, args=(app, place, loopback("127.0.0.1:0"), tell, stop))
        thread.start()
        assert ready.wait(20)
        yield Served(place, opened[0], clock, tmp_path / "boxes", stop)
        stop.set()
        thread.join()
