"""The moves of trimming one's own take by its ends. Pure; nothing is cut before the last of them."""

from __future__ import annotations

from dataclasses import replace

from audio.types import Ms
from kiosk import types as t
from kiosk.draft import Draft
from kiosk.moves import hush
from kiosk.types import Ends, Heard, Meaning, Notice

TASTE = Ms(4000)
"""So much is heard of an end that was moved."""


def begin_trimming(draft: Draft, event: t.Event) -> None:
    """Begin with the whole of it, at its beginning."""
    hush(draft, event)
    draft.set(ends=replace(draft.old.ends, first=0, last=0, closing=False))
    _taste(draft)


def move_end(draft: Draft, _: t.Event) -> None:
    """To the next pause, and after the last of them to where it was told; a few seconds are heard."""
    draft.set(ends=draft.old.ends.moved(), shown_at=draft.at)
    _taste(draft, moved=True)


def take_beginning(draft: Draft, event: t.Event) -> None:
    """The beginning is right: on to the end."""
    hush(draft, event)
    draft.set(ends=replace(draft.old.ends, closing=True), shown_at=draft.at)
    _taste(draft)


def take_back_beginning(draft: Draft, event: t.Event) -> None:
    """Back to the beginning."""
    hush(draft, event)
    draft.set(ends=replace(draft.old.ends, closing=False, last=0), shown_at=draft.at)
    _taste(draft)


def ask_trim(draft: Draft, event: t.Event) -> None:
    """Ask before what lies outside is erased."""
    hush(draft, event)
    draft.set(asked=Meaning.TRIM, shown_at=draft.at)
    if draft.old.speaking:
        draft.do(t.Speak(draft.old.visit))


def hear_rest(draft: Draft, _: t.Event) -> None:
    """All that would stay; the question stays on the screen."""
    ends = draft.old.ends
    draft.set(asked=Meaning.TRIM)
    _play(draft, ends.start, ends.end)


def trim(draft: Draft, event: t.Event) -> None:
    """Cut; "trimmed" is said only when `Trimmed` comes."""
    old = draft.old
    hush(draft, event)
    draft.set(saving=True, asked=None)
    if isinstance(event, t.Press):
        draft.do(t.TrimTake(draft.take, event.fresh, old.ends.start, old.ends.end))


def trimmed(draft: Draft, event: t.Event) -> None:
    """The part is a take of its own now, and the rest is gone."""
    if isinstance(event, t.Trimmed):
        draft.set(take=event.made, seconds=event.seconds, ends=event.ends, saving=False, notice=Notice.TRIMMED)


def trim_failed(draft: Draft, event: t.Event) -> None:
    """Say why; the whole take is still there."""
    if isinstance(event, t.TrimFailed):
        draft.set(saving=False, say=event.say, notice=Notice.NOT_TRIMMED)


def _taste(draft: Draft, *, moved: bool = False) -> None:
    """Let the end in question be heard; where screens are read, only after a move: the screen is read first."""
    ends = draft.changes.get("ends", draft.old.ends)
    if not isinstance(ends, Ends):
        return
    if draft.old.speaking and not moved:
        if draft.old.ends.closing is not ends.closing:
            draft.do(t.Speak(draft.old.visit))
        return
    if ends.closing:
        _play(draft, Ms(max(ends.start, ends.end - TASTE)), ends.end)
    else:
        _play(draft, ends.start, Ms(min(ends.end, ends.start + TASTE)))


def _play(draft: Draft, start: Ms, end: Ms) -> None:
    play = draft.old.play + 1
    draft.set(play=play, playing=t.Playing(Heard.OWN, draft.at, 0, draft.take))
    draft.do(t.PlayOwn(play, draft.take, start, end))
