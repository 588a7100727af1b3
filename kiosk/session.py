"""The session: ``step(session, event) -> (session, effects)``. Pure; the table decides, this only follows it.

A press counts only if some control or the screen offers its meaning now (`kiosk.keys.legal`), and a yes only if it is
deliberate. An answer of a machine counts only if it belongs to this visit, this take, this playback. Time brings
about alarms (`kiosk.alarms`), of which one tick can bring several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kiosk import types as t
from kiosk.alarms import TAKING, due
from kiosk.draft import Draft
from kiosk.keys import counts
from kiosk.table import HOME, TABLE, On, Row, Table
from kiosk.types import Effect, Event, Meaning, Rules, Session, State

Stepped = tuple[Session, tuple[Effect, ...]]

_KEEPING: frozenset[On] = frozenset({Meaning.LOUDER, Meaning.SPEAK, Meaning.CAPTIONS})
"""Presses that leave a question or a sentence on the screen."""
_UNSPOKEN = TAKING | {State.STARTING, State.CLOSING, State.ATTRACT}
_VOICES = (t.PlayNext, t.PlayCue, t.PlayOwn)
"""A voice that was asked for is heard in place of the screen, which is read when it has ended."""
_MOST_ALARMS = 8
"""Alarms one tick can bring about; each changes what is due, so this is never reached by a sound table."""


def first(
    at: float, rules: Rules | None = None, languages: Sequence[str] = ("en",), prompts: Sequence[str] = ("",)
) -> Stepped:
    """The session of a box that was just switched on, and what to do first.

    ``languages`` are codes with the library's own first; ``prompts`` are ids in the order of attract. Neither may be
    empty.
    """
    session = Session(
        rules=rules or Rules(),
        entered_at=at,
        shown_at=at,
        last_activity=at,
        prompt_at=at,
        languages=tuple(languages),
        language=languages[0],
        prompts=tuple(prompts),
        prompt=prompts[0],
    )
    return session, (t.Prepare(),)


def step(session: Session, event: Event, table: Table = TABLE) -> Stepped:
    """What the box is after ``event``, and what it has to do, in order.

    Promises: no clock, no file, no randomness; the same arguments give the same answer; an event that means nothing now
    gives the same session object back (an ignored press is remembered, though, so that mashing is seen) and no effects.
    ``table`` is there for tests that plant faults.
    """
    match event:
        case t.Tick(at=at):
            return _time(session, at, table)
        case t.Press():
            return _press(session, event, table)
        case t.IdlePress(at=at):
            return replace(session, last_press=at), ()
        case _ if _late(session, event):
            return session, ()
        case _:
            return _follow(session, type(event), event, table)


def _press(session: Session, press: t.Press, table: Table) -> Stepped:
    if counts(session, press.meaning, press.at):
        confirmed = session.asked is press.meaning
        after, effects = _follow(session, Meaning.CONFIRM if confirmed else press.meaning, press, table)
        if after is not session:
            return after, effects
    return replace(session, last_press=press.at), ()


def _time(session: Session, at: float, table: Table) -> Stepped:
    """Let every alarm ring that is due."""
    effects: tuple[Effect, ...] = ()
    tick = t.Tick(at)
    for _ in range(_MOST_ALARMS):
        alarm = due(session, at)
        if alarm is None:
            break
        after, done = _follow(session, alarm, tick, table)
        if after is session:
            break
        session, effects = after, effects + done
    return session, effects


def _late(session: Session, event: Event) -> bool:  # noqa: PLR0911 (one answer a kind of event)
    """Whether a machine's answer belongs to a visit, take or playback that is over."""
    match event:
        case t.TakeFound():
            return False
        case (
            t.StreamOpened(take=take) | t.StreamLost(take=take) | t.StreamBack(take=take) | t.FirstSample(take=take)
            | t.LevelHeard(take=take) | t.QuietFor(take=take) | t.TakeClosed(take=take) | t.TakeFailed(take=take)
        ):  # fmt: skip
            return take != session.take
        case t.Kept(take=take) | t.KeepFailed(take=take) | t.Trimmed(take=take) | t.TrimFailed(take=take):
            return take != session.take or not session.saving
        case (
            t.StoryChosen(play=play) | t.PlaybackStarted(play=play) | t.PlaybackEnded(play=play)
            | t.NothingToPlay(play=play) | t.Refused(play=play)
        ):  # fmt: skip
            return session.playing is None or play != session.play
        case t.ScreenShown(visit=visit) | t.SoundMade(visit=visit):
            return visit != session.visit
        case t.CodeAccepted(visit=visit) | t.CodeRefused(visit=visit):
            return visit != session.visit
        case t.Narrowed(visit=visit, story=story) | t.Withdrawn(visit=visit, story=story):
            return visit != session.visit or story != session.story
        case t.PausesFound(visit=visit) | t.PartGone(visit=visit) | t.PartFailed(visit=visit):
            return visit != session.visit or event.story != session.story or not session.saving
        case _:
            return False


def _follow(session: Session, on: On, event: Event, table: Table) -> Stepped:
    found = table.find(session, on, event)
    if found is None:
        return session, ()
    row, moves = found
    draft = Draft(session, event.at)
    if isinstance(event, t.Press):
        draft.set(last_press=event.at, last_activity=event.at, still_there=None)
        if on not in _KEEPING:
            draft.set(asked=None, say="", notice=None)
    for move in moves:
        move(draft, event)
    if row.to is not None:
        _enter(draft, row)
    changes: dict[str, Any] = draft.changes
    return (replace(session, **changes) if changes else session), tuple(draft.effects)


def _enter(draft: Draft, row: Row) -> None:
    """Everything that is fresh in a state just entered."""
    at, old = draft.at, draft.old
    to = _target(draft, row)
    fresh: dict[str, object] = {"say": "", "do": "", "notice": None}
    for name, value in fresh.items():
        draft.changes.setdefault(name, value)
    if to is State.OUT_OF_SERVICE and row.to == HOME:
        trouble = draft.changes.get("trouble", old.trouble)
        if isinstance(trouble, t.Trouble):
            draft.set(say=trouble.say, do=trouble.do, trouble=None)
    draft.set(state=to, entered_at=at, shown_at=at, last_activity=at, still_there=None, asked=None, hint=None)
    if to in {State.ATTRACT, State.STARTING, State.OUT_OF_SERVICE}:
        draft.set(prompt_at=at, home=State.ATTRACT)
    if draft.changes.get("speaking", old.speaking) and not any(isinstance(one, _VOICES) for one in draft.effects):
        draft.do(t.StopSpeaking() if to in _UNSPOKEN else t.Speak(_visit(draft)))


def _target(draft: Draft, row: Row) -> State:
    """The state a row leads to; `HOME` is where the visit came from, unless trouble was waiting."""
    if isinstance(row.to, State):
        return row.to
    if draft.changes.get("trouble", draft.old.trouble) is not None:
        return State.OUT_OF_SERVICE
    return State(str(draft.changes.get("home", draft.old.home)))


def _visit(draft: Draft) -> int:
    visit = draft.changes.get("visit", draft.old.visit)
    return visit if isinstance(visit, int) else draft.old.visit
