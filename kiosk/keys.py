"""Which control means what now: the one source for key labels, lamps and the meaning of a press. Pure.

Left is yes or go on, right is stop or leave without loss (in attract: another prompt). A control that does
nothing is absent. What was asked again is confirmed with another key than the one that asked, so that mashing one key
erases nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archive.types import Kind
from hardware.types import Control
from kiosk import codeentry
from kiosk.codeentry import Part
from kiosk.runs import script_in
from kiosk.types import CUE_MEANINGS, About, Heard, Meaning, Mic, Notice, Page, Session, State

LEFT, MIDDLE, RIGHT = Control.LEFT, Control.MIDDLE, Control.RIGHT
CUE_CONTROLS: tuple[Control, ...] = tuple(Control(f"cue{number}") for number in range(1, 9))

HIDDEN: frozenset[Meaning] = frozenset()
"""Meanings that lead to screens which are not there yet (`kiosk.table.SCREENS_LATER`): no key offers them."""

GUARDED: frozenset[Meaning] = frozenset(
    {Meaning.AGREE, Meaning.YES, Meaning.KEEP, Meaning.CONFIRM, Meaning.NEXT_PERSON, Meaning.BEGIN_GROUP, Meaning.GO_ON}
)
"""Every yes: it counts only as a deliberate press (`Rules.deliberate`)."""

CHOICES: tuple[Meaning, ...] = (Meaning.TALK, Meaning.NEXT, Meaning.LISTEN, Meaning.SAY_CODE)
"""What can be done in a language, and with a question: the lines of choosing."""
Keys = dict[Control, Meaning]
_ACROSS: Mapping[Control, Control] = {LEFT: RIGHT, RIGHT: LEFT}

_PLAIN: dict[State, Keys] = {
    State.LANGUAGES: {LEFT: Meaning.TAKE, MIDDLE: Meaning.MOVE, RIGHT: Meaning.BACK},
    State.CONSENT: {LEFT: Meaning.AGREE, RIGHT: Meaning.DECLINE},
    State.SHARING: {LEFT: Meaning.YES, MIDDLE: Meaning.DONE, RIGHT: Meaning.NO},
    State.FACILITATOR: {LEFT: Meaning.TALK, MIDDLE: Meaning.BEGIN_GROUP, RIGHT: Meaning.BACK},
    State.RECOVERED: {LEFT: Meaning.GO_ON, MIDDLE: Meaning.STOP, RIGHT: Meaning.DISCARD},
}
_WITHOUT_KEY: dict[State, frozenset[Meaning]] = {
    State.ATTRACT: frozenset({Meaning.SAY_CODE, Meaning.SPEAK}),
    State.LANGUAGES: frozenset({Meaning.TALK, Meaning.SPEAK}),
    State.CHOOSING: frozenset({*CHOICES, Meaning.SPEAK}),
    State.RECORDING: frozenset({Meaning.DISCARD}),
    State.REVIEW: frozenset({Meaning.REDO}),
    State.LISTENING: frozenset({Meaning.BACK}),
    State.MY_STORY: frozenset(
        {Meaning.HEAR, Meaning.USES, Meaning.NARROW, Meaning.RECEIPTS, Meaning.PART, Meaning.WITHDRAW, Meaning.BACK}
    ),
    State.FACILITATOR: frozenset(
        {Meaning.BEGIN_GROUP, Meaning.NEXT, Meaning.QUESTION, Meaning.LISTEN, Meaning.SPEAK, Meaning.FACILITATE}
    ),
    State.CONVERSATION: frozenset({Meaning.DISCARD}),
}
_CUE_STATES = frozenset({State.ATTRACT, State.FACILITATOR, State.CONVERSATION})
_SILENT_STATES = frozenset({State.STARTING, State.OUT_OF_SERVICE})
"""Nothing can be done there; what is wrong can be heard."""
_ON_RECORD = frozenset({State.RECORDING, State.CONVERSATION})
"""The box does not talk while somebody tells: it would record itself."""
_LANGUAGE_STATES = frozenset({State.ATTRACT, State.LANGUAGES, State.CHOOSING, State.FACILITATOR})


def keys(session: Session) -> Mapping[Control, Meaning]:
    """What each control means now; a control that does nothing is absent."""
    offered = {control: meaning for control, meaning in _all_keys(session).items() if meaning not in HIDDEN}
    if mirrored(session):
        offered = {_ACROSS.get(control, control): meaning for control, meaning in offered.items()}
    return MappingProxyType(offered)


def mirrored(session: Session) -> bool:
    """Whether yes is at the right: where lines run from right to left, or on a box for the left hand, not both."""
    return script_in(session.language).right_to_left is not session.rules.left_handed


def legal(session: Session) -> frozenset[Meaning]:
    """Every meaning that would be taken now, from a key, the screen, a phone or the simulated visitor."""
    meanings = set(_all_keys(session).values())
    if session.asked is not None and Meaning.CONFIRM in meanings:
        meanings.add(session.asked)
    elif session.still_there is None and not session.saving:
        meanings |= _WITHOUT_KEY.get(session.state, frozenset())
        if session.state is State.LISTENING and not _cue(session):
            meanings |= {Meaning.TALK, Meaning.NEXT, *_about_a_voice(session)}
        if session.state is State.RECORDING and session.paused_at is None:
            meanings.add(Meaning.PAUSE)
        if session.state is State.THANKS and last_person(session):
            meanings.add(Meaning.DONE)
        if session.state is State.REVIEW:
            meanings.add(Meaning.DISCARD)
            if session.kind is Kind.CONVERSATION:
                meanings.discard(Meaning.REDO)
            elif session.ends.movable:
                meanings.add(Meaning.TRIM)
        if session.state is State.MY_STORY and session.story is None:
            meanings -= _WITHOUT_KEY[State.MY_STORY] - {Meaning.BACK}
    return frozenset(meanings)


def counts(session: Session, meaning: Meaning, at: float) -> bool:
    """Whether a press of this meaning at ``at`` would be taken: it is legal, and a yes is deliberate.

    Deliberate: at least `Rules.deliberate` after its question was fully shown, and after any press before it, so that
    mashing a key never agrees to anything.
    """
    if meaning not in legal(session):
        return False
    # A no in one's own story cannot be taken back at the box, and words that were passed over are never shown again:
    # neither is less deliberate than a yes. What takes a voice away from others is not, either.
    narrows = session.state is State.MY_STORY and meaning is Meaning.NO
    passes = session.state is State.THANKS and meaning in {Meaning.NEXT, Meaning.BACK, Meaning.DONE}
    tells = session.page is Page.VOICES and meaning is Meaning.TELL_LIBRARIAN
    if meaning not in GUARDED and meaning is not session.asked and not (narrows or passes or tells):
        return True
    return at - max(session.shown_at, session.last_press) >= session.rules.deliberate


def _all_keys(session: Session) -> Keys:
    if session.state in _SILENT_STATES:
        resting = session.state is State.OUT_OF_SERVICE
        return {MIDDLE: Meaning.SAY_CODE, Control.LANGUAGE: Meaning.SPEAK} if resting else {}
    offered: Keys = {Control.VOLUME: Meaning.LOUDER}
    if session.saving or session.state is State.CLOSING:
        return offered
    if session.state in _ON_RECORD and session.paused_at is None:
        if session.mic is Mic.LOST:
            # Nothing is being recorded that a voice could spoil, and what is wrong can be heard again.
            offered[Control.LANGUAGE] = Meaning.SPEAK
        elif session.state is State.RECORDING and session.asked is None and session.still_there is None:
            # A group's screen has no words of its own to hide, and a question that has the screen shows none.
            offered[Control.LANGUAGE] = Meaning.CAPTIONS
    else:
        # A facilitator whose screens are read stops that with the key that began it, before any language.
        read = session.state is State.FACILITATOR and session.speaking
        choice = session.state in _LANGUAGE_STATES and len(session.languages) > 1 and not read
        offered[Control.LANGUAGE] = Meaning.LANGUAGE if choice else Meaning.SPEAK
    if session.still_there is not None:
        return offered | {LEFT: Meaning.EXTEND, MIDDLE: Meaning.EXTEND, RIGHT: Meaning.EXTEND}
    if session.asked is not None:
        return offered | _asked(session)
    plain = _PLAIN.get(session.state)
    offered |= plain if plain is not None else _by_moment(session)
    silent = session.state is State.ATTRACT and session.rules.code_on_cues
    if (session.state in _CUE_STATES or _cue(session)) and not silent:
        offered |= {CUE_CONTROLS[cue - 1]: CUE_MEANINGS[cue - 1] for cue in session.cues}
    lost = session.mic is Mic.LOST
    match session.state:
        case State.ATTRACT if session.rules.key_switch:
            offered[Control.FACILITATOR] = Meaning.FACILITATE
        case State.FACILITATOR:
            offered[Control.FACILITATOR] = Meaning.PAIR
        case State.RECORDING if session.home is State.FACILITATOR and session.paused_at is None and not lost:
            offered[Control.FACILITATOR] = Meaning.QUESTION
        case State.CONVERSATION if session.paused_at is None:
            offered[Control.FACILITATOR] = Meaning.FLAG
    return offered


def last_person(session: Session) -> bool:
    """Whether the words on show are those of the last person, or of the only one."""
    return session.person + 1 >= len(session.keep_codes)


def _thanks(session: Session) -> Keys:
    offered: Keys = {MIDDLE: Meaning.SAY_CODE, RIGHT: Meaning.BACK if last_person(session) else Meaning.NEXT}
    if last_person(session) and len(session.keep_codes) > 1:
        offered[LEFT] = Meaning.NEXT
    return offered


def _asked(session: Session) -> Keys:
    offered: Keys = {LEFT: Meaning.CONFIRM, RIGHT: Meaning.BACK}
    match session.state, session.asked:
        case State.RECORDING, Meaning.REDO:
            offered[MIDDLE] = Meaning.DISCARD
        case State.REVIEW, Meaning.DISCARD if session.kind is Kind.STORY:
            offered[MIDDLE] = Meaning.REDO
        case ((State.TRIM | State.PART), _):
            return {LEFT: _hear_or_stop(session), MIDDLE: Meaning.CONFIRM, RIGHT: Meaning.BACK}
        case (State.MY_STORY, Meaning.WITHDRAW) | (State.CONVERSATION, Meaning.NEXT_PERSON):
            # Asked by the left key, confirmed by another: mashing erases and agrees to nothing.
            return {MIDDLE: Meaning.CONFIRM, RIGHT: Meaning.BACK}
    return offered


def _by_moment(session: Session) -> Keys:  # noqa: PLR0911 (one answer a state)
    """The keys of states in which they depend on more than the state."""
    match session.state:
        case State.ATTRACT:
            right = Meaning.NEXT if session.playing is None else Meaning.STOP
            return {LEFT: Meaning.TALK, MIDDLE: Meaning.LISTEN, RIGHT: right}
        case State.CHOOSING:
            return {LEFT: CHOICES[session.line], MIDDLE: Meaning.MOVE, RIGHT: Meaning.BACK}
        case State.READY:
            ready: Keys = {LEFT: Meaning.TALK} if session.mic is Mic.OPEN else {}
            return ready | {RIGHT: Meaning.BACK}
        case State.RECORDING:
            return {LEFT: Meaning.TALK, MIDDLE: _recording_middle(session), RIGHT: Meaning.REDO}
        case State.THANKS:
            return _thanks(session)
        case State.REVIEW:
            trims = session.playing is not None and session.ends.movable and session.kind is Kind.STORY
            right = Meaning.TRIM if trims else Meaning.DISCARD
            return {LEFT: Meaning.KEEP, MIDDLE: _hear_or_stop(session), RIGHT: right}
        case State.TRIM:
            return {LEFT: Meaning.TAKE, MIDDLE: Meaning.MOVE, RIGHT: Meaning.BACK}
        case State.PART:
            middle = Meaning.HEAR if session.playing is None else Meaning.MOVE
            return {LEFT: Meaning.TAKE, MIDDLE: middle, RIGHT: Meaning.BACK}
        case State.LISTENING:
            return _listening(session)
        case State.CODE_ENTRY:
            return _code_entry(session)
        case State.MY_STORY:
            return _my_story(session)
        case State.AGREEMENT:
            enough = session.people >= session.rules.group
            agreement: Keys = {MIDDLE: Meaning.BEGIN_GROUP} if enough else {}
            if session.people < session.rules.group_most:
                agreement[LEFT] = Meaning.NEXT_PERSON
            return agreement | {RIGHT: Meaning.BACK}
        case State.CONVERSATION:
            if session.paused_at is None:
                return {LEFT: Meaning.QUESTION, MIDDLE: Meaning.PAUSE, RIGHT: Meaning.STOP}
            late: Keys = {LEFT: Meaning.NEXT_PERSON} if session.people < session.rules.group_most else {}
            return late | {MIDDLE: Meaning.RESUME, RIGHT: Meaning.STOP}
        case _:
            return {}


def _recording_middle(session: Session) -> Meaning:
    if session.paused_at is not None:
        return Meaning.RESUME
    if session.warned is not None and session.extended < session.rules.extensions:
        return Meaning.EXTEND
    return Meaning.PAUSE


def _hear_or_stop(session: Session) -> Meaning:
    return Meaning.HEAR if session.playing is None else Meaning.STOP


def _listening(session: Session) -> Keys:
    if _cue(session):
        return {RIGHT: Meaning.STOP}
    if session.page is Page.VOICES:
        lines = lines_of(session)
        return {LEFT: lines[min(session.line, len(lines) - 1)], MIDDLE: Meaning.MOVE, RIGHT: Meaning.BACK}
    known = session.playing is not None and session.playing.story is not None
    offered: Keys = {LEFT: Meaning.NEXT, RIGHT: Meaning.STOP}
    if known:
        offered[MIDDLE] = Meaning.MORE
    elif session.playing is None:
        offered[MIDDLE] = Meaning.TALK
    return offered


def _about_a_voice(session: Session) -> tuple[Meaning, ...]:
    """What can be done with the voice that sounds or was just heard."""
    known = session.story is not None or (session.playing is not None and session.playing.story is not None)
    offered: tuple[Meaning, ...] = (Meaning.TELL_LIBRARIAN,) if known else ()
    if session.heard_prompt:
        offered += (Meaning.SAME_QUESTION, Meaning.SAME_THEME)
    return offered if session.about is About.ANY else (*offered, Meaning.ANY_VOICE)


def lines_of(session: Session) -> tuple[Meaning, ...]:
    """The lines of the list on show; each is what the left key means while it is marked."""
    if session.state is State.CHOOSING:
        return CHOICES
    return _about_a_voice(session) if session.state is State.LISTENING else menu(session)


def menu(session: Session) -> tuple[Meaning, ...]:
    """The lines of a teller's own story; each is what the left key means while it is marked."""
    return (_hear_or_stop(session), Meaning.USES, Meaning.RECEIPTS, Meaning.PART, Meaning.WITHDRAW)


def _code_entry(session: Session) -> Keys:
    entry = session.entry
    offered: Keys = {LEFT: Meaning.TAKE, RIGHT: Meaning.BACK}
    lines = len(codeentry.choices(entry, session.language))
    if entry.part is Part.READY:
        # Words that fit nothing will not fit a second time; after a wait they may.
        wrong = session.notice is Notice.CODE_REFUSED and not session.say
        return {RIGHT: Meaning.BACK} if wrong else offered
    if entry.part is Part.WORD:
        # The cue buttons are a short cut to the lines; in the number their own figures would mislead.
        offered |= dict(zip(CUE_CONTROLS, CUE_MEANINGS[:lines], strict=False))
    if not lines:
        del offered[LEFT]
    return offered | ({MIDDLE: Meaning.MOVE} if lines > 1 else {})


def _my_story(session: Session) -> Keys:
    if session.story is None:
        return {RIGHT: Meaning.BACK}
    match session.page:
        case Page.MENU if session.playing is not None:
            return {LEFT: Meaning.STOP, RIGHT: Meaning.BACK}
        case Page.MENU:
            return {LEFT: menu(session)[session.line], MIDDLE: Meaning.MOVE, RIGHT: Meaning.BACK}
        case Page.USES if session.mine.uses:
            return {LEFT: Meaning.YES, MIDDLE: Meaning.NARROW, RIGHT: Meaning.NO}
        case _:
            return {RIGHT: Meaning.BACK}


def _cue(session: Session) -> bool:
    playing = session.playing
    return session.state is State.LISTENING and playing is not None and playing.heard is Heard.CUE
