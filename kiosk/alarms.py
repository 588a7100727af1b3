"""What time alone brings about: which alarm of the session is due. Pure; the table says what an alarm does."""

from __future__ import annotations

from enum import StrEnum

from archive.types import Kind
from kiosk.types import Notice, Rules, Session, State


class Alarm(StrEnum):
    """Names of the things that happen when time passes."""

    STILL_THERE = "ask: still there?"
    TIME_OUT = "time-out"
    WARN = "little time left"
    LIMIT = "time is full"
    LOST = "no sound for too long"
    UNASK = "not confirmed"
    STUCK = "machine too slow"
    PLAY_STUCK = "playback too long"
    TURN = "prompt has been on show"
    LOOK = "look again"
    VOICE = "silent for a while"
    MARKED = "the mark was seen"
    GONE = "nobody at the keys any more"


IDLE: dict[State, str] = {
    State.CHOOSING: "choosing",
    State.CONSENT: "consent",
    State.READY: "ready",
    State.REVIEW: "review",
    State.TRIM: "review",
    State.LANGUAGES: "choosing",
    State.SHARING: "sharing",
    State.THANKS: "thanks",
    State.LISTENING: "listening",
    State.CODE_ENTRY: "code_entry",
    State.MY_STORY: "my_story",
    State.PART: "my_story",
    State.FACILITATOR: "facilitator",
    State.AGREEMENT: "agreement",
    State.RECOVERED: "recovered",
    State.RECORDING: "pause",
    State.CONVERSATION: "pause",
}
"""The field of `Rules` that says how long a state waits for a person; while recording it holds for pauses only."""
_SITS = frozenset(
    {State.RECORDING, State.CONVERSATION, State.REVIEW, State.TRIM, State.SHARING, State.THANKS, State.RECOVERED}
)
"""States in which a group, or a teller with a facilitator, is waited for as long as the facilitator is."""
TAKING = frozenset({State.RECORDING, State.CONVERSATION})
_MACHINE = frozenset({State.STARTING, State.CLOSING})


def idle_limit(session: Session) -> float | None:
    """Seconds without a press or a sound after which the box asks "Still there?"; None where it never does."""
    name = IDLE.get(session.state)
    if name is None:
        return None
    limit = float(getattr(session.rules, name))
    sits = session.home is State.FACILITATOR or session.kind is Kind.CONVERSATION
    return max(limit, session.rules.facilitator) if sits and session.state in _SITS else limit


def stands(rules: Rules) -> float:
    """Seconds that "Still there?" stands: time enough for whoever is slow [WCAG 2.2.1]."""
    return max(20.0, rules.still_there)


def time_left(session: Session, at: float) -> float | None:
    """Seconds the take may still grow; None when none is being told."""
    if session.state not in TAKING:
        return None
    now = at if session.paused_at is None else session.paused_at
    return max(0.0, session.limit_at - now)


def due(session: Session, at: float) -> Alarm | None:
    """The alarm that is due at ``at``, the most urgent first; None when nothing is."""
    state, rules = session.state, session.rules
    if state in _MACHINE:
        return Alarm.STUCK if at - session.entered_at >= rules.machine else None
    if state is State.ATTRACT:
        return _play_stuck(session, at) or _at_rest(session, at)
    if state is State.OUT_OF_SERVICE:
        return Alarm.LOOK if at - session.last_activity >= rules.ask_trouble else None
    if session.saving:
        return Alarm.STUCK if at - session.last_activity >= rules.machine else None
    if state in TAKING and session.paused_at is None:
        return _while_taking(session, at)
    return _play_stuck(session, at) or _idle(session, at)


def _at_rest(session: Session, at: float) -> Alarm | None:
    rules = session.rules
    if (session.speaking or session.louder) and at - session.last_press >= rules.listening:
        return Alarm.GONE
    if len(session.prompts) > 1 and at - session.prompt_at >= rules.prompt_turn:
        return Alarm.TURN
    silent = session.playing is None and at - session.last_activity >= rules.attract_voice
    return Alarm.VOICE if rules.attract_voice > 0 and silent else None


def warnings(session: Session) -> tuple[float, ...]:
    """Seconds left at which the people in front of the box are told."""
    return session.rules.group_warnings if session.state is State.CONVERSATION else session.rules.warnings


def longest(session: Session, kind: Kind) -> float:
    """How long a take of ``kind`` may get before it is extended, in seconds: longer while a facilitator listens."""
    rules = session.rules
    if kind is Kind.CONVERSATION:
        return rules.conversation
    return max(rules.story, rules.listened) if session.home is State.FACILITATOR else rules.story


def _while_taking(session: Session, at: float) -> Alarm | None:
    rules = session.rules
    left = session.limit_at - at
    if left <= 0:
        return Alarm.LIMIT
    if session.lost_at is not None and at - session.lost_at >= rules.stream_lost:
        return Alarm.LOST
    if any(left <= seconds and (session.warned is None or seconds < session.warned) for seconds in warnings(session)):
        return Alarm.WARN
    if session.asked is not None and at - session.shown_at >= rules.still_there:
        return Alarm.UNASK
    if session.notice is Notice.MARKED and at - session.last_press >= rules.marked:
        return Alarm.MARKED
    return _play_stuck(session, at)


def _play_stuck(session: Session, at: float) -> Alarm | None:
    playing = session.playing
    if playing is None:
        return None
    longest = session.rules.machine if playing.started is None else session.rules.longest_play
    return Alarm.PLAY_STUCK if at - playing.asked_at >= longest else None


def _idle(session: Session, at: float) -> Alarm | None:
    if session.still_there is not None:
        return Alarm.TIME_OUT if at >= session.still_there else None
    if session.playing is not None:
        return None
    limit = idle_limit(session)
    return Alarm.STILL_THERE if limit is not None and at - session.last_activity >= limit else None
