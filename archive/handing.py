"""What a stored story's bag says: facts, words and sound read through the one gate, nothing invented.

The content key is opened for `Reader.BAG` here and nowhere else. The sound is the sealed FLAC master; where the
night is faster than the transcriber, the FLAC is made first, under that job's own lease.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, cast

from archive.bag import BagContent
from archive.captions import captions, to_webvtt
from archive.consent import events_of, may, standing
from archive.consentrecord import record
from archive.database import transaction
from archive.envelope import ContentKey, open_content
from archive.errors import ArchiveError, Refused
from archive.flac import make_flac
from archive.jobs import FLAC, LEASE_S, TRANSCRIBE
from archive.masters import flac_label
from archive.store import Store
from archive.transcripts import read_words
from archive.types import ConsentEvent, Kind, Reader, Story, Use
from audio.sealedfile import SealedReader
from audio.types import TakeId

_NOT_CHECKED = "These words were written down by a machine and have not been checked by a person."
_HEADER = "WEBVTT\n"


class NotYet(ArchiveError):
    """Another process is still working on what this needs; the next run goes on."""

    code = "not-yet"


def story_content(store: Store, story: TakeId) -> BagContent:
    """Collect what the bag of ``story`` says.

    Raises `Refused` where the gate says no at this moment, `NoKey` for a sealed story, `NotYet` while its FLAC is being
    made elsewhere, `DamagedTake` or `BadSound` where a stored file does not open.
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
    query = "SELECT 1 FROM jobs WHERE kind = ? AND take = ? AND done_at IS NULL AND failed IS NULL"
    return store.db.conn.execute(query, (TRANSCRIBE, story)).fetchone() is None


def _captions(store: Store, story: TakeId, key: ContentKey) -> str:
    text = to_webvtt(captions(read_words(store, story, key)))
    notes = [_NOT_CHECKED]
    query = "SELECT COUNT(*) FROM jobs WHERE kind = ? AND take = ? AND failed IS NOT NULL"
    missing = store.db.conn.execute(query, (TRANSCRIBE, story)).fetchone()[0]
    if missing:
        notes.append(f"The machine gave up on {missing} stretch(es) of this story: words are missing.")
    head = "".join(f"\nNOTE {note}\n" for note in notes)
    return _HEADER + head + text.removeprefix("WEBVTT").removeprefix("\n")


def _sound(store: Store, facts: Story, key: ContentKey) -> Callable[[], BinaryIO]:
    path = store.home.flac_master(facts.id)
    if not path.exists():
        _make_flac(store, facts, key)

    def open_sound() -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(SealedReader(path, key, flac_label(facts.id)), 1 << 20))

    return open_sound


def _make_flac(store: Store, facts: Story, key: ContentKey) -> None:
    """Make the FLAC under the lease of its job: two processes writing one master could lose it."""
    now = store.moment()
    mine = "UPDATE jobs SET boot_id = ?, lease_until = ? WHERE kind = ? AND take = ? AND done_at IS NULL"
    free = "NOT (boot_id = ? AND lease_until > ?)"
    with transaction(store.db.conn) as conn:
        taken = conn.execute(
            f"{mine} AND {free}",  # noqa: S608 - both are constants
            (now.boot_id, now.at + LEASE_S, FLAC, facts.id, now.boot_id, now.at),
        ).rowcount
    if not taken:
        raise NotYet("The sound of this story is still being made ready.", "Nothing to do: the next run hands it on.")
    try:
        make_flac(store, facts.id, key, facts.sha256)
    except BaseException:  # whoever stopped it, the transcriber may try again at once
        _note_flac(store, facts.id, done=False)
        raise
    _note_flac(store, facts.id, done=True)


def _note_flac(store: Store, story: TakeId, *, done: bool) -> None:
    with transaction(store.db.conn) as conn:
        conn.execute("UPDATE jobs SET lease_until = 0 WHERE kind = ? AND take = ?", (FLAC, story))
        if done:
            now = store.clock.wall().isoformat()
            conn.execute("UPDATE jobs SET done_at = ?, failed = NULL WHERE kind = ? AND take = ?", (now, FLAC, story))


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
        "dcterms:provenance": "" if facts.clock_trusted else "The clock of the box was not confirmed when this was told.",
    }


def _event_log(store: Store, facts: Story, events: list[ConsentEvent]) -> Iterable[dict[str, Any]]:
    """Tell what happened to the recording, oldest first, each as one plain fact."""
    conn = store.db.conn
    wall, trusted = facts.recorded_at.isoformat(), facts.clock_trusted
    yield {"event": "recorded", "at": wall, "clock_trusted": trusted, "kind": facts.kind.value, "prompt": facts.prompt}
    row = conn.execute(
        "SELECT length, speech, overflows, clipped, sha256, rate, channels, width FROM closings WHERE take = ?",
        (facts.id,),
    ).fetchone()
    names = ("length_ms", "speech_ms", "overflows", "clipped", "pcm_sha256", "rate", "channels", "width")
    yield {"event": "closed", **dict(zip(names, row, strict=True))}
    models = [name for (name,) in conn.execute("SELECT DISTINCT model FROM words WHERE take = ?", (facts.id,))]
    for model in sorted(models):
        yield {"event": "transcribed", "by": model, "checked": False}
    for event in events:
        if event.use is Use.KEEP and event.yes:
            yield {"event": "kept", "at": event.at.isoformat()}
