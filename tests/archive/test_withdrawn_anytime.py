"""A withdrawal before, during and after transcription, encoding, handing on and playback leaves nothing, anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.captions import captions_of
from archive.errors import ArchiveError
from archive.masters import open_master
from archive.search import SearchIndex
from archive.sync import sync
from archive.transcription import TranscriberWorker
from archive.types import Reader, Use
from audio.transcribe import FixedTranscriber
from audio.types import Ms

NEEDLES = (b"linden", b"rosamunde", b"ferdinand", b"Under the linden")


def everything_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def nothing_left(store, home, take, pcm: bytes) -> None:
    whole = everything_in(home.path)
    lower = whole.lower()
    assert [needle for needle in NEEDLES if needle.lower() in lower] == []
    assert not any(pcm[at : at + 32] in whole for at in range(0, len(pcm) - 32, 4001))
    assert take not in " ".join(str(path) for path in home.path.rglob("*"))
    for table in ("takes", "closings", "words", "segments", "jobs", "wraps", "excerpts", "loudness", "fixity", "spans"):
        column = "id" if table == "takes" else "take"
        assert store.db.conn.execute(f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", (take,)).fetchone() == (0,)
    assert SearchIndex(store).search("linden rosamunde") == []
    assert store.cue_sheet("main").cues == {}


class Meddler(FixedTranscriber):
    """Hears words, and while it does the teller takes the story back in another process."""

    def __init__(self, act) -> None:
        super().__init__(["Under the linden tree we sang."] * 9)
        self._act = act

    def transcribe(self, samples, voiced, before=""):
        words = super().transcribe(samples, voiced, before)
        self._act()
        return words


@pytest.mark.parametrize("moment", ["before", "during", "after", "while encoding"])
def test_withdrawn_around_transcription(home, store, clock, teller, another_store, monkeypatch, moment) -> None:
    take = teller.tell(3.0, segments=2)
    code = teller.keep(take, Use.PLAY_HERE, Use.ARCHIVE)
    store.close_review(take, "left")

    def act() -> None:
        with another_store() as other:
            if other.standing(take).ended is None:
                other.withdraw(str(code), "code")

    if moment == "while encoding":
        from archive import flac

        real = flac.encode

        def encode(*some) -> None:
            real(*some)
            act()

        monkeypatch.setattr(flac, "encode", encode)
    meddler = Meddler(act if moment == "during" else lambda: None)
    worker = TranscriberWorker(home, clock, lambda _: meddler, store=another_store())
    if moment == "before":
        act()
    for _ in range(30):
        if not worker.run_once():
            break
    if moment == "after":
        store.add_excerpt(take, Ms(0), Ms(1500), "Under the linden")
        assert captions_of(store, take, store.now())
        act()
    worker.close()
    store.finish_erasures()
    nothing_left(store, home, take, teller.told[take])


STEPS = ("visit", "withdrawals", "bag", "send", "settle", "receipt", "keep", "check", "sign")


@pytest.mark.parametrize("step", STEPS)
def test_withdrawn_while_it_is_handed_on(tmp_path, home, store, teller, work, another_store, step) -> None:
    take = teller.tell(3.0, segments=2)
    code = teller.keep(take, Use.PLAY_HERE, Use.ARCHIVE)
    store.close_review(take, "left")
    work()
    place, seen = tmp_path / "archive", []

    def progress(name: str, _about: str) -> None:
        seen.append(name)
        if name == step and seen.count(step) == 1:
            with another_store() as other:
                other.withdraw(str(code), "code")

    sync(store, str(place), progress=progress)
    if step not in seen:
        store.withdraw(str(code), "code")
    report = sync(store, str(place))
    assert report.bags == []
    nothing_left(store, home, take, teller.told[take])
    there = everything_in(place).lower()
    assert [needle for needle in NEEDLES if needle.lower() in there] == []
    assert not any(path.suffix == ".flac" for path in place.rglob("*"))
    assert any("tombstone" in str(path) for path in place.rglob("*") if take in path.name)


def test_the_tombstone_is_the_first_thing_told(tmp_path, store, teller, work) -> None:
    take, code = teller.story(Use.ARCHIVE)
    other, _ = teller.story(Use.ARCHIVE, seed=4)
    for one in (take, other):
        store.close_review(one, "left")
    work()
    store.withdraw(str(code), "code")
    steps: list[str] = []
    sync(store, str(tmp_path / "archive"), progress=lambda name, _about: steps.append(name))
    assert steps.index("tombstone") < steps.index("bag")


@pytest.mark.parametrize("via", ["here", "elsewhere"])
def test_withdrawn_while_it_is_played(home, store, teller, work, another_store, via) -> None:
    take = teller.tell(3.0)
    code = teller.keep(take, Use.PLAY_HERE)
    work()
    with open_master(store, take, Reader.PLAY, store.now()) as playing:
        playing.read(Ms(0), Ms(500))
        with another_store() as other:
            (other if via == "elsewhere" else store).withdraw(str(code), "code")
        # The open file still reads; who plays asks again every quarter of a second, and hears no.
        with pytest.raises(ArchiveError):
            open_master(store, take, Reader.PLAY, store.now())
    nothing_left(store, home, take, teller.told[take])
