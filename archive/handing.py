"""What a stored story's bag says: facts, words and sound read through the one gate, nothing invented.

The content key is opened for `Reader.BAG` here and nowhere else. The sound is the sealed FLAC master; where the
night is faster than the transcriber, a FLAC is made for this bag alone.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from archive.bag import BagContent
from archive.captions import captions, to_webvtt
from archive.consent import events_of, may, standing
from archive.consentrecord import record
from archive.durable import remove
from archive.envelope import ContentKey, open_content
from archive.errors import NoSuchStory, Refused
from archive.fixity import sums_of_words
from archive.flac import encode
from archive.jobs import TRANSCRIBE, being_written
from archive.masters import flac_in_use, flac_label
from archive.spans import spans_of
from archive.store import Store
from archive.transcripts import read_words
from archive.types import ConsentEvent, Kind, Reader, Story, Use
from audio.sealedfile import SealedReader
from audio.takewriter import TakeReader
from audio.types import TakeId

if TYPE_CHECKING:
    from typing_extensions import Buffer

SCRATCH = ".scratch"
_BLOCK = 1 << 20
_NOT_CHECKED = "These words were written down by a machine and have not been checked by a person."
_HEADER = "WEBVTT\n"


def story_content(store: Store, story: TakeId) -> BagContent:
    """Collect what the bag of ``story`` says: facts of the story alone, so that the same story says the same again.

    Raises `Refused` where the gate says no at this moment, `NoKey` for a sealed story, `DamagedTake` or `BadSound`
    where a stored file does not open, `OSError` or `DiskTrouble` where the home's disk fails.
    """
    events = events_of(store.db.conn, story)
    answer = may(standing(events), Reader.BAG, store.now())
    if not answer.allowed:
        raise Refused(answer.why)
    key = open_content(store, story, Reader.BAG, store.now())
    facts = store.story(story)
    return BagContent(
        story=story,
        site=facts.site or "A digital hearth",
        bagged_on=max(event.at for event in events).date(),
        captions=_captions(store, story, key),
        metadata=_dublin_core(facts, voice=answer.voice),
        consent=record(story, events),
        events=tuple(_event_log(store, facts, events)),
        sound=_sound(store, facts, key) if answer.voice else None,
    )


def words_complete(store: Store, story: TakeId) -> bool:
    """Tell whether no machine is still to write down words of ``story``; given up after three strikes counts."""
    return not being_written(store.db.conn, story)


def words_revision(store: Store, story: TakeId) -> str:
    """Name the state of what machines wrote down of ``story``: another one after every segment and every doubt."""
    digest = hashlib.sha256()
    for name, sha256 in sums_of_words(store.db.conn, story):
        digest.update(f"{name} {sha256}\n".encode("ascii"))
    return digest.hexdigest()


def _captions(store: Store, story: TakeId, key: ContentKey) -> str:
    words = read_words(store, story, key)
    # A teller may have said nothing a machine could hear.
    text = to_webvtt(captions(words) if words else [], with_words=True)
    notes = [_NOT_CHECKED]
    query = "SELECT COUNT(*) FROM jobs WHERE kind = ? AND take = ? AND failed IS NOT NULL"
    missing = store.db.conn.execute(query, (TRANSCRIBE, story)).fetchone()[0]
    if missing:
        notes.append(f"The machine gave up on {missing} stretch(es) of this story: words are missing.")
    head = "".join(f"\nNOTE {note}\n" for note in notes)
    return _HEADER + head + text.removeprefix("WEBVTT").removeprefix("\n")


def _sound(store: Store, facts: Story, key: ContentKey) -> Callable[[], BinaryIO]:
    """Open the FLAC once; what is returned gives fresh streams of it."""
    for _ in range(2):
        try:
            reader = SealedReader(flac_in_use(store, facts.id), key, flac_label(facts.id))
        except FileNotFoundError:
            try:
                reader = _encoded(store, facts.id, key)
            except FileNotFoundError:
                # The transcriber finished the master between the two looks.
                continue
        return lambda: cast("BinaryIO", io.BufferedReader(_View(reader), _BLOCK))
    raise NoSuchStory("The sound of this story is not here.")


def _encoded(store: Store, story: TakeId, key: ContentKey) -> SealedReader:
    """Make a FLAC of our own for the bag, sealed, in a file without a name as soon as it is open.

    The transcriber alone writes masters: two processes writing one could lose it.
    """
    scratch = store.home.outbox / f"{story}{SCRATCH}"
    with TakeReader(store.home.raw_master(story), key, take=story) as take:
        remove(scratch)
        try:
            encode(take, scratch, key, story)
            return SealedReader(scratch, key, flac_label(story))
        finally:
            remove(scratch)


def sweep_scratch(store: Store) -> None:
    """Remove what a killed run left; it is sealed, and nobody needs it. Only for the one sync that runs."""
    for path in sorted(store.home.outbox.glob(f"*{SCRATCH}")):
        remove(path)


class _View(io.RawIOBase):
    """A stream of its own over a sealed file that stays open."""

    def __init__(self, reader: SealedReader) -> None:
        super().__init__()
        self._reader = reader
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._reader.read_at(self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _dublin_core(facts: Story, *, voice: bool) -> dict[str, str]:
    """Name the story in Dublin Core terms. No teller's name is known, so none is given."""
    when = facts.recorded_at.isoformat()
    return {
        "dcterms:identifier": facts.id,
        "dcterms:title": f"{'A conversation' if facts.kind is Kind.CONVERSATION else 'A story'}, {when[:10]}",
        "dcterms:type": "Sound" if voice else "Text",
        "dcterms:format": "audio/flac" if voice else "text/vtt",
        "dcterms:language": facts.language,
        "dcterms:created": when,
        "dcterms:extent": f"PT{facts.length / 1000:.3f}S",
        "dcterms:subject": facts.prompt,
        "dcterms:publisher": facts.site,
        "dcterms:rights": "As its teller decided: data/consent.json",
        "dcterms:provenance": "" if facts.clock_trusted else "The clock of the box was not confirmed at that time.",
    }


def _event_log(store: Store, facts: Story, events: list[ConsentEvent]) -> Iterable[dict[str, Any]]:
    """Tell what happened to the recording, oldest first, each as one plain fact."""
    conn = store.db.conn
    wall, trusted = facts.recorded_at.isoformat(), facts.clock_trusted
    recorded = {
        "event": "recorded", "at": wall, "clock_trusted": trusted, "kind": facts.kind.value, "prompt": facts.prompt,
    }  # fmt: skip
    words = store.asked(facts.id)
    yield {**recorded, "prompt_text": words} if words else recorded
    row = conn.execute(
        "SELECT length, speech, overflows, clipped, sha256, rate, channels, width FROM closings WHERE take = ?",
        (facts.id,),
    ).fetchone()
    names = ("length_ms", "speech_ms", "overflows", "clipped", "pcm_sha256", "rate", "channels", "width")
    yield {"event": "closed", **dict(zip(names, row, strict=True))}
    for span in spans_of(store, facts.id):
        end = facts.length if span.end is None else span.end
        yield {"event": "span", "mark": span.mark.value, "start_ms": span.start, "end_ms": end, "ref": span.ref}
    models = [name for (name,) in conn.execute("SELECT DISTINCT model FROM words WHERE take = ?", (facts.id,))]
    for model in sorted(models):
        yield {"event": "transcribed", "by": model, "checked": False}
    others = [name for (name,) in conn.execute("SELECT DISTINCT model FROM second_words WHERE take = ?", (facts.id,))]
    for model in sorted(others):
        # Its words are not in the bag; the doubt about those that are comes from it.
        yield {"event": "compared", "by": model, "checked": False}
    for event in events:
        if event.use is Use.KEEP and event.yes:
            yield {"event": "kept", "at": event.at.isoformat()}
