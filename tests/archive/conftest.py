"""A home, a clock that moves by hand, a store with cheap keep-codes, and tellers who tell noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from archive.catalogue import Catalogue, open_catalogue
from archive.home import Home, open_home
from archive.keycode import Cost, KeepCode
from archive.shelf import Wording
from archive.store import Store
from archive.transcription import TranscriberWorker
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId

WORDING = Wording("1", "ab" * 32, "en")
CHEAP = Cost(8, 1, 1)


def noise(seconds: float, sound: AudioFormat, seed: int = 1) -> bytes:
    count = sound.bytes_of(Ms(round(seconds * 1000)))
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()


@dataclass
class Teller:
    """Tells, keeps and answers, as a visitor at the box would."""

    store: Store
    told: dict[TakeId, bytes]

    def open(self, seconds: float = 2.0, sound: AudioFormat | None = None, seed: int = 1) -> tuple[TakeId, TakeWriter]:
        shape = sound or AudioFormat(16_000)
        opened = self.store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=shape)
        writer = TakeWriter(opened.path, opened.id, shape, opened.key)
        pcm = noise(seconds, shape, seed)
        writer.write(pcm)
        writer.flush()
        self.told[opened.id] = pcm
        return opened.id, writer

    def tell(
        self, seconds: float = 2.0, sound: AudioFormat | None = None, *, segments: int = 1, seed: int = 1
    ) -> TakeId:
        take, writer = self.open(seconds, sound, seed)
        length = round(seconds * 1000)
        for n in range(segments):
            span = (Ms(length * n // segments), Ms(length * (n + 1) // segments))
            self.store.add_segment(Segment(take, n, *span, Ms(500), CutReason.PAUSE))
        self.store.close_take(writer.close(speech=Ms(500)))
        return take

    def keep(self, take: TakeId, *uses: Use) -> KeepCode:
        code = self.store.keep(take, wording=WORDING, by="keep").code
        for use in uses:
            self.store.decide(take, use, yes=True, wording=WORDING, by="left")
        return code

    def story(self, *uses: Use, seconds: float = 2.0, seed: int = 1) -> tuple[TakeId, KeepCode]:
        take = self.tell(seconds, seed=seed)
        return take, self.keep(take, *uses)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """The empty catalogue of an archive."""
    with open_catalogue(f"sqlite:{tmp_path / 'archive.db'}") as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    return open_home(tmp_path / "home")


@pytest.fixture
def store(home: Home, clock: VirtualClock) -> Iterator[Store]:
    with Store(home, clock, CHEAP) as opened:
        yield opened


@pytest.fixture
def another_store(home: Home, clock: VirtualClock) -> Callable[[], Store]:
    return lambda: Store(home, clock, CHEAP)


@pytest.fixture
def wording() -> Wording:
    return WORDING


@pytest.fixture
def teller(store: Store) -> Teller:
    return Teller(store, {})


@pytest.fixture
def worker(home: Home, clock: VirtualClock) -> Iterator[TranscriberWorker]:
    texts = FixedTranscriber(["Under the linden tree we sang.", "Rosamunde & <Ferdinand> danced."] * 20)
    made = TranscriberWorker(home, clock, lambda _: texts)
    yield made
    made.close()


@pytest.fixture
def work(worker: TranscriberWorker) -> Callable[[], int]:
    def run() -> int:
        done = 0
        while worker.run_once():
            done += 1
        return done

    return run
