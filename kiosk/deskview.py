"""What a facilitator's screens show: the cue sheet, a group's agreement, its talk. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hardware.types import CUES
from kiosk.phrases import length_words, one_by_one, played, time_words
from kiosk.screens.icons import Icon
from kiosk.screens.model import CaptionWord, CueTile, Kind, View
from kiosk.types import Heard, Mic, Notice

if TYPE_CHECKING:
    from kiosk.extras import Cue, Look
    from kiosk.texts import Texts


def facilitator(look: Look) -> View:
    """The cue sheet, the cue that sounds, or the digits that pair a phone."""
    session, extras, texts = look.session, look.extras, look.texts
    on = session.playing.cue if session.playing is not None and session.playing.heard is Heard.CUE else 0
    if extras.digits:
        # One thing on the screen, large enough to be typed from across the table; the cue buttons go on working.
        digits = one_by_one(extras.digits) if texts.aloud else extras.digits
        paired = texts.get("facilitator.phone", digits=digits)
        if extras.network is not None:
            name, password = extras.network
            paired += "\n" + texts.get("facilitator.network", name=name, password=password)
        away = look.corner and replace(look.corner, label=texts.get("keys.back"), icon=Icon.BACK)
        return look.make(Kind.FACILITATOR, headline=texts.get("facilitator.headline"), body=paired, corner=away)
    tiles = tuple(_tile(number, cue, on, texts) for number, cue in sorted(extras.cues.items())[: len(CUES)])
    captions = _cue_captions(look)
    return look.make(
        Kind.FACILITATOR,
        headline=texts.get("facilitator.headline"),
        body="" if tiles else f"{texts.get('facilitator.empty')} {texts.get('facilitator.empty_do')}",
        notes=look.said,
        tiles=tiles,
        lines=(extras.prompt,) if extras.prompt and not on else (),
        corner=look.corner,
        captions=captions,
        captions_note=look.captions_note if captions else "",
    )


def _cue_captions(look: Look) -> tuple[CaptionWord, ...]:
    """The words of the cue that sounds, for those who do not hear it."""
    playing = look.session.playing
    if playing is None or playing.heard is not Heard.CUE or playing.started is None:
        return ()
    return played(look.extras.captions, look.extras.position)


def _tile(number: int, cue: Cue, on: int, texts: Texts) -> CueTile:
    if not cue.allowed:
        note = texts.get("facilitator.refused")
    else:
        note = texts.get("facilitator.playing") if number == on else length_words(cue.seconds, texts)
    return CueTile(number, cue.title, note, playing=number == on, dark=not cue.allowed)


def agreement(look: Look) -> View:
    """What everybody agrees to, and how many have."""
    people, texts = look.session.people, look.texts
    said = texts.get("agreement.one") if people == 1 else texts.get("agreement.many", count=people)
    return look.make(
        Kind.AGREEMENT,
        headline=texts.get("agreement.headline"),
        body=texts.get("agreement.body"),
        notes=(said if people else texts.get("agreement.none"),),
    )


def conversation(look: Look) -> View:
    """Who listens, the question, the cues, and the time when little is left."""
    session, extras, texts = look.session, look.extras, look.texts
    on = session.playing.cue if session.playing is not None and session.playing.heard is Heard.CUE else 0
    live = look.live
    captions = _cue_captions(look)
    if session.mic is Mic.LOST:
        headline = texts.get("recording.lost")
    elif session.paused_at is not None:
        headline = texts.get("conversation.off_record")
    elif session.notice is Notice.MARKED:
        headline = texts.get("notice.marked")
    else:
        headline = texts.get("recording.headline" if live else "recording.opening")
    left = extras.time_left
    return look.make(
        Kind.CONVERSATION,
        headline=headline,
        body=session.say or extras.prompt,
        corner=look.corner,
        listening=live,
        level=extras.level if live else 0.0,
        tiles=tuple(_tile(number, cue, on, texts) for number, cue in sorted(extras.cues.items())[: len(CUES)]),
        captions=captions,
        captions_note=look.captions_note if captions else "",
        # A group is told of the time when little is left, and not before.
        time_words="" if left is None or session.warned is None else time_words(left, texts),
    )
