"""Nothing of a story is readable in the home without keys, and nothing is left of it after a withdrawal."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from archive.keycode import KeepCode
from archive.transcripts import transcript
from archive.types import Reader, Use
from audio.types import Ms

WORDS = ("linden", "rosamunde", "ferdinand", "sang.", "danced")
TITLE, NOTE = "Under the linden", "she cried at the end"


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clear_traces(folder: Path, pcm: bytes, code: KeepCode) -> list[str]:
    needles = [text.encode() for text in (*WORDS, TITLE, NOTE, "-".join(code.words), " ".join(code.words))]
    # Any 32 bytes in a row of its samples would be a leak: look for some from all over it.
    needles += [pcm[at : at + 32] for at in range(0, len(pcm) - 32, 4001)]
    return [
        f"{name}: {needle[:20]!r}"
        for (name, data), needle in itertools.product(everything_in(folder).items(), needles)
        if needle.lower() in data.lower() or needle in data
    ]


def full_story(store, teller, work, *, seed: int = 1):
    take, code = teller.story(Use.PLAY_HERE, Use.ARCHIVE, seconds=3.0, seed=seed)
    work()
    assert "linden" in json.dumps([w.text for w in transcript(store, take, Reader.CAPTION, store.now())]) or seed != 1
    excerpt = store.add_excerpt(take, Ms(0), Ms(900), TITLE, NOTE)
    store.set_cue("evening", 1, excerpt.id)
    return take, code


def test_the_search_for_traces_can_find_one(home, tmp_path) -> None:
    (home.path / "slip.txt").write_bytes(b"they said: Rosamunde")
    assert len(clear_traces(home.path, b"", KeepCode(1, ("a1b2", "c", "d", "e")))) == 1


def test_a_card_without_its_keys_says_nothing(home, store, teller, work) -> None:
    take, code = full_story(store, teller, work)
    open_take, writer = teller.open(3.0, seed=7)
    assert clear_traces(home.path, teller.told[take], code) == []
    assert clear_traces(home.path, teller.told[open_take], code) == []
    writer.leave()


def sealed_bytes_of(store, home, take) -> list[bytes]:
    conn = store.db.conn
    blobs = [
        row[0]
        for table in ("wraps", "words", "excerpts")
        for row in conn.execute(f"SELECT blob FROM {table} WHERE take = ?", (take,))
    ]
    blobs += [
        bytes.fromhex(row[0].partition("$")[2])
        for row in conn.execute("SELECT hash FROM codes WHERE take = ?", (take,))
    ]
    blobs += [path.read_bytes()[-64:] for path in home.story_folder(take).iterdir()]
    return blobs


@pytest.mark.parametrize("via", ["here", "elsewhere"])
def test_after_a_withdrawal_not_even_its_ciphertext_is_left(home, store, teller, work, another_store, via: str) -> None:
    take, code = full_story(store, teller, work)
    other_take, _ = full_story(store, teller, work, seed=2)
    blobs = sealed_bytes_of(store, home, take)
    sha = store.story(take).sha256
    assert len(blobs) >= 5
    before = b"".join(everything_in(home.path).values())
    assert all(blob[:48] in before for blob in blobs if len(blob) != 32)
    if via == "here":
        store.withdraw(str(code), "code")
    else:
        with another_store() as other:
            other.withdraw(str(code), "code")
    after = b"".join(everything_in(home.path).values())
    assert [len(blob) for blob in blobs if blob[:48] in after or blob.hex().encode() in after] == []
    assert sha.encode() not in after
    assert all(take not in path for path in everything_in(home.path))
    assert [story.id for story in store.stories()] == [other_take]


def test_a_sealed_story_has_no_box_wrap_in_any_file(home, store, teller, work) -> None:
    take, _ = teller.story()
    wrap = store.db.conn.execute("SELECT blob FROM wraps WHERE recipient = 'box'").fetchone()[0]
    store.close_review(take, "left")
    assert wrap in b"".join(everything_in(home.path).values())
    work()
    assert store.standing(take).sealed
    assert wrap not in b"".join(everything_in(home.path).values())
