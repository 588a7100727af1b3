"""A teller who takes one part after the other out of a story, and what must be true whenever that was cut off.

`cuttings` runs in a process that may die at any instant; `cut_or_whole` looks at what is left once the box has started.
"""

from __future__ import annotations

import hashlib
import os
import random

from archive.consent import events_of
from archive.cutting import BLANK, Span, take_back_span
from archive.database import transaction
from archive.envelope import open_content
from archive.masters import open_master
from archive.transcription import TranscriberWorker
from archive.transcripts import put_words, transcript
from archive.types import Act, Reader
from audio.transcribe import FixedTranscriber
from audio.types import Ms, TakeId, Word
from faultkit import Outcome
from faultkit.rig import Rig
from kiosk.types import State

PART = 200
_EVERY = 500
_NONCE = 24


def cuttings(box: Rig, seed: int, pipe: int) -> None:
    """Take parts out of one story for ever. Says nothing before the first is about to go."""
    chance = random.Random(seed)
    box.tell(8.0)
    take = box.session.take
    assert take is not None
    code = box.keep("play_here")
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    length = _written(box, take)
    visit = box.store.enter_code(code)
    begun = [f"{word} {take}" for word in ("keeping", "kept", "yes", "left")]
    os.write(pipe, "".join(f"{line}\n" for line in [*begun, f"told {take} 0 {box.clock.monotonic()}"]).encode())
    while True:
        start = chance.randrange(0, length - PART)
        os.write(pipe, f"cutting {take} {start} {_sealed_words(box, take).hex()}\n".encode())
        take_back_span(box.store, visit, Ms(start), Ms(start + PART), "key")
        os.write(pipe, f"cut {take} {start}\n".encode())


def _written(box: Rig, take: TakeId) -> int:
    """Let the machine do its work; then put words into a story that has none, since nobody speaks here."""
    worker = TranscriberWorker(box.setting.home, box.clock, lambda _: FixedTranscriber([]))
    while worker.run_once():
        pass
    worker.close()
    key = open_content(box.store, take, Reader.TRANSCRIBE, box.store.now())
    length = box.store.story(take).length
    with transaction(box.store.db.conn) as conn:
        conn.execute("DELETE FROM words WHERE take = ?", (take,))
        put_words(conn, take, 0, "machine", _told(length), key=key)
    return length


def _told(length: int) -> list[Word]:
    return [Word(f"word{at}", Ms(at), Ms(at + 400), 0.9, False) for at in range(0, length - _EVERY, _EVERY)]


def _sealed_words(box: Rig, take: TakeId) -> bytes:
    """What begins the words as they lie in the database now."""
    row = box.store.db.conn.execute("SELECT blob FROM words WHERE take = ? AND segment = 0", (take,)).fetchone()
    return bytes(row[0])[:_NONCE]


def cut_or_whole(box: Rig, outcome: Outcome, said: list[list[str]]) -> None:
    """Each part is wholly there or wholly gone, and what was gone is nowhere any more."""
    tried = [(words[1], int(words[2]), bytes.fromhex(words[3])) for words in said if words[0] == "cutting"]
    if not tried:
        return
    take = TakeId(tried[0][0])
    cuts = [event.start for event in events_of(box.store.db.conn, take) if event.act is Act.CUT]
    gone = sum(words[0] == "cut" for words in said)
    outcome.check(len(cuts) in {gone, gone + 1}, f"{len(cuts)} parts are gone, {gone} were said to be")
    outcome.check(cuts == [start for _, start, _ in tried][: len(cuts)], "another part is gone than was said")
    spans = [Span(Ms(start or 0), Ms((start or 0) + PART)) for start in cuts]
    with open_master(box.store, take, Reader.PLAY, box.store.now()) as master:
        digest = hashlib.sha256(master.read()).hexdigest()
        whole = _told(master.length)
    outcome.check(digest == box.store.story(take).sha256, "the sound is not that of the parts that are gone")
    shown = {word.text for word in transcript(box.store, take, Reader.CAPTION, box.store.now())} - {BLANK}
    stays = {word.text for word in whole if not any(span.touches(word.start, word.end) for span in spans)}
    outcome.check(shown == stays, f"words too few or too many: {shown ^ stays}")
    files = {path.name for path in box.store.home.story_folder(take).iterdir()}
    outcome.check(files == {"master.flac", *([f"cut{len(cuts)}.flac"] if cuts else [])}, f"files left: {files}")
    stored = b"".join(path.read_bytes() for path in box.store.home.path.glob("hearth.db*"))
    left = [start for _, start, words in tried[: len(cuts)] if words in stored]
    outcome.check(not left, "words of a part that is gone lie in the database still")
    outcome.notes["parts gone"] = len(cuts)
