"""What the screens of hearing show: an earlier voice, what can be done with it, and one's own being cut. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.keys import lines_of
from kiosk.phrases import length_words, played
from kiosk.screens.model import Kind, View
from kiosk.types import Ends, Page

if TYPE_CHECKING:
    from kiosk.extras import Look


def trim(look: Look) -> View:
    """A take being trimmed by its ends."""
    if look.session.saving:
        return look.make(Kind.PLAIN, headline=look.texts.get("trim.saving"))
    return _marking(look, look.session.ends, ("trim.begin", "trim.end"), "trim.stays")


def part(look: Look) -> View:
    """A part of the own story being marked, which goes; the mark in question follows the voice."""
    session, place = look.session, look.extras.position
    if session.saving:
        # Known pauses mean that a part of it is on its way out.
        key = "part.saving" if session.ends.movable else "code.checking"
        return look.make(Kind.PLAIN, headline=look.texts.get(key))
    playing = session.playing is not None and session.playing.started is not None
    ends = session.ends.at(place) if playing and place is not None else session.ends
    return _marking(look, ends, ("part.begin", "part.end"), "part.goes" if ends.closing else "part.from")


def _marking(look: Look, ends: Ends, asked: tuple[str, str], measure: str) -> View:
    """The waveform with what would go dark, and the mark in question."""
    session, extras, texts = look.session, look.extras, look.texts
    whole = max(1, ends.length)
    last = ends.start if ends.goes and not ends.closing else ends.end
    length = last - ends.start if ends.closing or not ends.goes else ends.start
    playing = session.playing is not None and session.playing.started is not None
    captions = played(extras.captions, extras.position) if playing else ()
    return look.make(
        Kind.TRIM,
        headline=texts.get(asked[ends.closing]),
        notes=look.said,
        waveform=extras.waveform,
        played=min(1.0, (extras.position or 0) / whole) if playing else None,
        part=(ends.start / whole, last / whole),
        closing=ends.closing,
        goes=ends.goes,
        captions=captions,
        captions_note=look.captions_note if captions else "",
        time_words=texts.get(measure, length=length_words(length / 1000, texts)),
    )


def _voices(look: Look) -> View:
    """What can be done with the voice that sounds."""
    texts = look.texts
    lines = tuple(texts.get(f"line.{meaning.value}", theme=look.extras.theme) for meaning in lines_of(look.session))
    return look.make(
        Kind.VOICES, headline=texts.get("listening.more"), lines=lines, line=min(look.session.line, len(lines) - 1)
    )


def listening(look: Look) -> View:
    """An earlier voice, what comes after it, or what else can be done with it."""
    session, extras, texts = look.session, look.extras, look.texts
    if session.page is Page.VOICES:
        return _voices(look)
    heard = session.playing is not None and session.playing.started is not None
    captions = played(extras.captions, extras.position) if heard else ()
    told = look.said
    if told and session.playing is None:
        body = told[0]
    elif session.playing is None:
        # Not before the second voice: who listens is not to be pressed.
        body = texts.get("listening.ended" if session.voices >= session.rules.voices else "listening.another")
    else:
        body = "" if heard else texts.get("listening.searching")
    return look.make(
        Kind.LISTENING,
        headline=extras.origin or texts.get("listening.origin"),
        body=body,
        notes=told if heard else (),
        captions=captions,
        captions_note=look.captions_note if captions else "",
        level=extras.level if heard else 0.0,
    )
