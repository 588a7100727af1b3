"""A story's sound for the desk: streamed by range from the object store, the gate asked at every request.

What is sent is the master, or, where spans are blanked out, the rendition without them; a FLAC, which browsers play.
"""

from __future__ import annotations

import hashlib
import io

from starlette.responses import Response

from archive.catalogue import Tx
from archive.catalogue.consents import ask as ask_gate
from archive.errors import Refused
from archive.objects import checked_key
from archive.portal.community.desk import Ask, Desk
from archive.portal.community.ranges import sound_by_range
from archive.portal.sound import BARS, draw_bars
from archive.reviewing.rendition import blanked_spans, derived_folder, keep_derived, loudness, master_key, sound_key
from archive.types import Reader


def gated_key(desk: Desk, story: str) -> str:
    """Ask the gate, and name the object that may be heard now. Raises `Refused`, `NoSuchStory`."""
    master, spans = _gated(desk, story)
    return sound_key(desk.place.objects, desk.place.work, story, master, spans)


def _gated(desk: Desk, story: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    with desk.catalogue() as catalogue, catalogue.read() as tx:
        check_gate(desk, tx, story)
        return master_key(tx, story), blanked_spans(tx, story)


def check_gate(desk: Desk, tx: Tx, story: str) -> None:
    """Raise `Refused` unless the desk may hear this story's voice now."""
    answer = ask_gate(tx, story, Reader.DESK, desk.place.now())
    if not answer.allowed:
        raise Refused(answer.why, "Nobody here may open it.")
    if not answer.voice:
        raise Refused("Its teller allowed the words, not the voice.", "Read it instead.")


def sound(ask: Ask) -> Response:
    """Answer a request for the sound: by range, the gate asked for each piece."""
    desk, story = ask.desk, ask.part("story")
    return sound_by_range(desk.place.objects, lambda: gated_key(desk, story), ask.request.headers.get("range"))


def wave(ask: Ask) -> Response:
    """Draw the sound for the margin of its page; drawn once, and kept beside the rendition."""
    story, objects = ask.part("story"), ask.desk.place.objects
    master, spans = _gated(ask.desk, story)
    heard = sound_key(objects, ask.desk.place.work, story, master, spans)
    key = checked_key(f"{derived_folder(story)}{hashlib.sha256(heard.encode()).hexdigest()[:32]}.svg")
    if not objects.exists(key):
        with objects.open(heard) as stream:
            drawn = draw_bars(loudness(stream, BARS))
        keep_derived(objects, key, io.BytesIO(drawn.encode()), master)
    with objects.open(key) as stream:
        return Response(stream.read(), media_type="image/svg+xml")
