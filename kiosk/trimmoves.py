"""The moves of marking a part of one's own: to trim a take by its ends, or to take a part out of a story.

Pure; nothing is cut before the last of them.
"""

from __future__ import annotations

from dataclasses import replace

from audio.types import Ms, TakeId
from kiosk import types as t
from kiosk.draft import Draft
from kiosk.moves import hush
from kiosk.types import Ends, Heard, Meaning, Notice, State

TASTE = Ms(4000)
"""So much is heard of an end that was moved."""


def begin_trimming(draft: Draft, event: t.Event) -> None:
    """Begin with the whole of it, at its beginning."""
    hush(draft, event)
    draft.set(ends=replace(draft.old.ends, first=0, last=0, closing=False))
    _taste(draft)


def find_pauses(draft: Draft, event: t.Event) -> None:
    """Look where a part of the own story could begin and end."""
    hush(draft, event)
    draft.set(saving=True, ends=Ends(goes=True))
    if draft.old.story is not None:
        draft.do(t.FindPauses(draft.old.visit, draft.old.story))


def begin_part(draft: Draft, event: t.Event) -> None:
    """The story is heard from its beginning; a press marks where the part begins."""
    if isinstance(event, t.PausesFound):
        draft.set(saving=False, ends=event.ends.going(), shown_at=draft.at, last_activity=draft.at)
        _taste(draft)


def move_end(draft: Draft, _: t.Event) -> None:
    """To the next pause, after the last of them to the first; a few seconds are heard, of a part that goes the rest."""
    draft.set(ends=_here(draft).moved(), shown_at=draft.at)
    _taste(draft, moved=True)


def point_end(draft: Draft, event: t.Event) -> None:
    """A finger drags the mark; heard is it when the finger lets go."""
    if isinstance(event, t.Pointed):
        draft.set(ends=draft.old.ends.near(event.share), last_activity=draft.at, still_there=None, say="", notice=None)
        if event.lifted:
            _taste(draft, moved=True)


def take_beginning(draft: Draft, event: t.Event) -> None:
    """The beginning is right: on to the end. Whoever hears what shall go is not interrupted."""
    ends = _here(draft).turned(closing=True)
    if not ends.goes:
        hush(draft, event)
    draft.set(ends=ends, shown_at=draft.at)
    if not ends.goes or draft.old.playing is None:
        _taste(draft)


def take_back_beginning(draft: Draft, event: t.Event) -> None:
    """Back to the beginning."""
    hush(draft, event)
    draft.set(ends=draft.old.ends.turned(closing=False), shown_at=draft.at)
    _taste(draft)


def hear_on(draft: Draft, _: t.Event) -> None:
    """Hear the story from the mark in question."""
    _taste(draft, moved=True)


def ask_part(draft: Draft, event: t.Event) -> None:
    """Ask before the part goes: it cannot be undone."""
    draft.set(ends=_here(draft))
    hush(draft, event)
    draft.set(asked=Meaning.PART, shown_at=draft.at)
    if draft.old.speaking:
        draft.do(t.Speak(draft.old.visit))


def take_out(draft: Draft, event: t.Event) -> None:
    """Take it out; that it is gone is said only when `PartGone` comes."""
    ends, story = draft.old.ends, draft.old.story
    hush(draft, event)
    draft.set(saving=True, asked=None)
    if story is not None:
        draft.do(t.TakeOut(draft.old.visit, story, ends.start, ends.end))


def part_gone(draft: Draft, event: t.Event) -> None:
    """The story is there without it."""
    if isinstance(event, t.PartGone):
        old = draft.old.mine
        mine = event.mine or replace(old, cuts=old.cuts + 1)
        notice = Notice.PART_WAITS if event.waits else Notice.PART_GONE
        draft.set(saving=False, mine=mine, ends=Ends(), notice=notice)


def part_failed(draft: Draft, event: t.Event) -> None:
    """Say why; all of the story is there."""
    if isinstance(event, t.PartFailed):
        draft.set(saving=False, say=event.say, ends=Ends(), notice=Notice.PART_STAYS)


def ask_trim(draft: Draft, event: t.Event) -> None:
    """Ask before what lies outside is erased."""
    hush(draft, event)
    draft.set(asked=Meaning.TRIM, shown_at=draft.at)
    if draft.old.speaking:
        draft.do(t.Speak(draft.old.visit))


def hear_rest(draft: Draft, _: t.Event) -> None:
    """All that would stay, or all that would go; the question stays on the screen."""
    ends = draft.old.ends
    draft.set(asked=draft.old.asked)
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


def _here(draft: Draft) -> Ends:
    """The marks; the one in question follows the voice, while a part that goes is looked for."""
    ends, playing = draft.old.ends, draft.old.playing
    if not ends.goes or playing is None or playing.started is None:
        return ends
    return ends.at(Ms(playing.start + round(1000 * (draft.at - playing.started))))


def _taste(draft: Draft, *, moved: bool = False) -> None:
    """Let the end in question be heard; where screens are read, only after a move: the screen is read first."""
    ends = draft.changes.get("ends", draft.old.ends)
    if not isinstance(ends, Ends):
        return
    if draft.old.speaking and not moved:
        if draft.old.ends.closing is not ends.closing or draft.old.saving:
            draft.do(t.Speak(draft.old.visit))
        return
    before = Ms(max(ends.start, ends.end - TASTE))
    if ends.goes:
        # From here to the end of the story: whoever looks for a part hears it come.
        _play(draft, before if ends.closing else ends.start, ends.length)
    elif ends.closing:
        _play(draft, before, ends.end)
    else:
        _play(draft, ends.start, Ms(min(ends.end, ends.start + TASTE)))


def _play(draft: Draft, start: Ms, end: Ms) -> None:
    old, play = draft.old, draft.old.play + 1
    own: TakeId | None = old.story if old.state in {State.PART, State.MY_STORY} else draft.take
    if own is not None:
        draft.set(play=play, playing=t.Playing(Heard.OWN, draft.at, 0, own, start=start))
        draft.do(t.PlayOwn(play, own, start, end))
