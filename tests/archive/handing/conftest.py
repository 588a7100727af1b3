"""What the tests of handing on share: made-up stories, their consent, and their bags."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from nacl.signing import SigningKey

from archive.bag import Bag, BagContent, plan
from archive.consentrecord import record
from archive.receipts import Signer
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
