"""What the screens of hearing show: an earlier voice, what can be done with it, and one's own being trimmed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.keys import lines_of
from kiosk.phrases import length_words, played
from kiosk.screens.model import Kind, View
from kiosk.types import Page

if TYPE_CHECKING:
    from kiosk.view import Look


def trim(look: Look) -> View:
    """The waveform with what would go dark, and the end in question marked."""
    session, extras, texts = look.session, look.extras, look.texts
    ends, whole = session.ends, max(1, session.ends.ends[0])
    if session.saving:
        return look.make(Kind.PLAIN, headline=texts.get("trim.saving"))
    playing = session.playing is not None and session.playing.started is not None
    captions = played(extras.captions, extras.position) if playing else ()
    return look.make(
        Kind.TRIM,
        headline=texts.get("trim.end" if ends.closing else "trim.begin"),
        notes=look.said,
        waveform=extras.waveform,
        played=min(1.0, (extras.position or 0) / whole) if playing else None,
        part=(ends.start / whole, ends.end / whole),
        closing=ends.closing,
        captions=captions,
        captions_note=look.captions_note if captions else "",
        time_words=texts.get("trim.stays", length=length_words((ends.end - ends.start) / 1000, texts)),
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
