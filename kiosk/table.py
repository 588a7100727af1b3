"""The table of the session as data: ``(state, what happened) -> (target, moves)``.

`ROWS` is what the box does, and nothing else decides it. The first row whose guard holds is taken; a happening without
a row is ignored. A target of None stays in the state, `HOME` goes back to where the visit came from (attract, the
facilitator, or out of service if trouble was waiting). `page` writes the table for the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archive.types import ASKED_USES, Kind
from kiosk import codeentry, hearmoves, ownmoves, trimmoves
from kiosk import moves as m
from kiosk import types as t
from kiosk.alarms import Alarm
from kiosk.codeentry import Part
from kiosk.keys import GUARDED
from kiosk.types import CUE_MEANINGS, Heard, Meaning, Page, State

SCREENS_LATER: frozenset[State] = frozenset()
"""States that are in the table and in its walk, but have no screen yet; no key leads to them (`kiosk.keys.HIDDEN`)."""

HOME = "home"
On: TypeAlias = Meaning | Alarm | type
Target: TypeAlias = State | str | None
Guard: TypeAlias = Callable[[t.Session, t.Event], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: in ``state``, when ``on`` happens and ``guard`` holds, do ``moves`` in order and go to ``to``."""

    state: State
    on: On
    to: Target = None
    moves: tuple[str, ...] = ()
    guard: str = ""


def _cue_plays(s: t.Session) -> bool:
    return s.playing is not None and s.playing.heard is Heard.CUE


def _same_cue(s: t.Session, e: t.Event) -> bool:
    if s.playing is None or not _cue_plays(s) or not isinstance(e, t.Press):
        return False
    return e.meaning in CUE_MEANINGS and CUE_MEANINGS.index(e.meaning) + 1 == s.playing.cue


GUARDS: Mapping[str, Guard] = {
    "": lambda _s, _e: True,
    "still there?": lambda s, _e: s.still_there is not None,
    "little time left": lambda s, _e: s.still_there is None and s.warned is not None,
    "asked to discard": lambda s, _e: s.asked is Meaning.DISCARD,
    "asked to trim": lambda s, _e: s.asked is Meaning.TRIM,
    "the end is asked about": lambda s, _e: s.ends.closing,
    "asked to take it out": lambda s, _e: s.asked is Meaning.PART,
    "marking": lambda s, _e: not s.saving and s.asked is None,
    "nothing cut off": lambda s, _e: s.ends.closing and s.ends.whole,
    "a language": lambda s, e: isinstance(e, t.Touched) and 0 <= e.line < len(s.languages),
    "list of voices open": lambda s, _e: s.page is Page.VOICES,
    "asked to redo": lambda s, _e: s.asked is Meaning.REDO,
    "asked to join": lambda s, _e: s.asked is Meaning.NEXT_PERSON,
    "asked to tell a librarian": lambda s, _e: s.asked is Meaning.TELL_LIBRARIAN,
    "asked to narrow": lambda s, _e: s.asked is Meaning.NARROW,
    "asked to withdraw": lambda s, _e: s.asked is Meaning.WITHDRAW,
    # Ended before a sample came there is nothing to close, and that would look like a fault of the box.
    "told for a moment": lambda s, e: s.started is None or e.at - s.started >= m.MOMENT,
    "asked": lambda s, _e: s.asked is not None,
    "asked first": lambda s, _e: bool(s.asks),
    "not being checked": lambda s, _e: not s.saving,
    "code complete": lambda s, _e: s.entry.part is Part.READY,
    "something entered": lambda s, _e: not s.entry.empty,
    "uses on show": lambda s, _e: s.page is Page.USES and bool(s.mine.uses),
    "a page is open": lambda s, _e: s.page is not Page.MENU and s.asked is None,
    "last use": lambda s, _e: s.question + 1 >= len(ASKED_USES),
    "same cue": _same_cue,
    "a cue plays": lambda s, _e: _cue_plays(s),
    "at a facilitator's cue": lambda s, _e: s.home is State.FACILITATOR and _cue_plays(s),
    "a conversation": lambda s, _e: s.kind is Kind.CONVERSATION,
}
"""Guards by name."""

MOVES: Mapping[str, m.Move] = {
    name: move
    for module in (m, hearmoves, ownmoves, trimmoves)
    for name, move in vars(module).items()
    if callable(move) and getattr(move, "__module__", "") == module.__name__ and not name.startswith("_")
}
"""Moves by name: every public function of the modules of moves."""

S, M, A = State, Meaning, Alarm

VISITOR: tuple[State, ...] = (
    S.LANGUAGES, S.CHOOSING, S.CONSENT, S.READY, S.RECORDING, S.REVIEW, S.TRIM, S.SHARING, S.THANKS, S.LISTENING,
    S.CODE_ENTRY, S.MY_STORY, S.PART,
    S.FACILITATOR, S.AGREEMENT, S.CONVERSATION, S.RECOVERED,
)  # fmt: skip
"""States in which a person is in front of the box."""
_LEAVING: tuple[State, ...] = (
    S.LANGUAGES,
    S.CHOOSING,
    S.CONSENT,
    S.READY,
    S.LISTENING,
    S.CODE_ENTRY,
    S.MY_STORY,
    S.PART,
    S.AGREEMENT,
    S.THANKS,
)
"""Visitor states in which nothing is lost by leaving: a time-out or trouble just ends the visit."""


def _playback(state: State, *, ended: tuple[str, ...] = ("ended",)) -> list[Row]:
    """Rows of a state in which a voice can sound."""
    return [
        Row(state, t.PlaybackStarted, moves=("heard",)),
        Row(state, t.PlaybackEnded, moves=ended),
        Row(state, t.NothingToPlay, moves=("unplayable", "read_again")),
        Row(state, t.Refused, moves=("unplayable", "read_again")),
        Row(state, A.PLAY_STUCK, moves=("stop", "unplayable")),
    ]


def _taking(state: State) -> list[Row]:
    """Rows that a story and a conversation share while they are told."""
    return [
        Row(state, M.PAUSE, moves=("pause",)),
        Row(state, M.RESUME, moves=("resume",)),
        Row(state, M.DISCARD, moves=("ask",)),
        Row(state, M.CONFIRM, HOME, ("discard", "leave"), "asked to discard"),
        Row(state, M.BACK, moves=("unask",), guard="asked"),
        Row(state, A.UNASK, moves=("unask",)),
        Row(state, A.WARN, moves=("warn",)),
        Row(state, A.LIMIT, S.CLOSING, ("time_up", "close_take")),
        Row(state, A.LOST, S.CLOSING, ("early", "close_take")),
        Row(state, A.TIME_OUT, S.CLOSING, ("early", "close_take")),
        Row(state, t.FirstSample, moves=("first_sample",)),
        Row(state, t.QuietFor, moves=("take_hint",)),
        Row(state, t.SpaceLow, S.CLOSING, ("note_trouble", "early", "close_take")),
        Row(state, t.Trouble, S.CLOSING, ("note_trouble", "early", "close_take")),
        Row(state, t.TakeFailed, S.CLOSING, ("note_trouble", "early", "close_take")),
    ]


def _machine_rows() -> list[Row]:
    rows = [
        Row(S.STARTING, t.Started, S.ATTRACT),
        Row(S.STARTING, t.TakeFound, S.RECOVERED, ("found",)),
        Row(S.STARTING, t.Trouble, S.OUT_OF_SERVICE, ("show_trouble",)),
        Row(S.STARTING, A.STUCK, HOME, ("note_trouble",)),
        Row(S.CLOSING, t.TakeClosed, S.REVIEW, ("take_closed",)),
        Row(S.CLOSING, t.TakeFailed, HOME, ("note_trouble", "hold", "leave")),
        Row(S.CLOSING, A.STUCK, HOME, ("note_trouble", "hold", "leave")),
        Row(S.OUT_OF_SERVICE, t.Mended, S.STARTING, ("prepare",)),
        Row(S.OUT_OF_SERVICE, t.Trouble, moves=("show_trouble",)),
        Row(S.OUT_OF_SERVICE, A.LOOK, moves=("look",)),
        Row(S.OUT_OF_SERVICE, M.SPEAK, moves=("read_once",)),
        # Whoever told a story here may have it back or take it away whatever the box lacks; it may be room.
        Row(S.OUT_OF_SERVICE, M.SAY_CODE, S.CODE_ENTRY, ("remember_trouble",)),
    ]
    for state in (S.CLOSING, S.REVIEW, S.TRIM, S.SHARING, S.RECOVERED):
        rows += [Row(state, kind, moves=("note_trouble",)) for kind in (t.Trouble, t.SpaceLow)]
    for state in (S.ATTRACT, S.FACILITATOR, *_LEAVING):
        rows += [Row(state, kind, HOME, ("note_trouble", "leave")) for kind in (t.Trouble, t.SpaceLow)]
    return rows


def _everywhere_rows() -> list[Row]:
    rows: list[Row] = []
    for state in VISITOR:
        rows += [
            Row(state, A.STILL_THERE, moves=("ask_still_there",)),
            Row(state, M.EXTEND, moves=("here",), guard="still there?"),
        ]
    for state in (S.ATTRACT, *VISITOR):
        rows += [
            Row(state, M.SPEAK, moves=("toggle_speech",)),
            Row(state, t.ScreenShown, moves=("screen_shown",)),
            Row(state, t.SoundMade, moves=("sound_made",)),
        ]
    for state in State:
        rows += [
            Row(state, t.PromptsOffered, moves=("offer_prompts",)),
            Row(state, t.CuesOffered, moves=("offer_cues",)),
        ]
        if state not in {S.STARTING, S.OUT_OF_SERVICE}:
            rows.append(Row(state, M.LOUDER, moves=("louder",)))
    rows += [Row(state, A.TIME_OUT, HOME, ("leave",)) for state in _LEAVING]
    for state in (S.READY, S.RECORDING, S.CONVERSATION):
        rows += [
            Row(state, t.StreamOpened, moves=("mic_open", "read_again")),
            Row(state, t.StreamLost, moves=("mic_lost",)),
            Row(state, t.StreamBack, moves=("mic_open",)),
            Row(state, t.LevelHeard, moves=("say_hint", "take_hint") if state is S.READY else ("take_hint",)),
        ]
    return rows


def _begin_rows() -> list[Row]:
    return [
        Row(S.ATTRACT, M.TALK, S.CONSENT, ("hush",)),
        Row(S.ATTRACT, M.NEXT, S.CHOOSING, ("hush", "next_prompt")),
        Row(S.ATTRACT, M.LANGUAGE, S.LANGUAGES, ("hush", "next_language", "speak_from_now")),
        Row(S.ATTRACT, M.LISTEN, S.LISTENING, ("play_next",)),
        Row(S.ATTRACT, M.SAY_CODE, S.CODE_ENTRY, ("hush",)),
        Row(S.ATTRACT, M.FACILITATE, S.FACILITATOR, ("hush", "chair")),
        Row(S.ATTRACT, t.StewardCame, S.FACILITATOR, ("hush", "chair")),
        Row(S.LISTENING, t.StewardCame, HOME, ("chair", "leave"), "a cue plays"),
        *(Row(S.ATTRACT, cue, S.LISTENING, ("play_cue",)) for cue in CUE_MEANINGS),
        Row(S.ATTRACT, M.STOP, moves=("stop", "rest")),
        Row(S.ATTRACT, A.GONE, moves=("leave",)),
        Row(S.ATTRACT, A.TURN, moves=("next_prompt",)),
        Row(S.ATTRACT, A.VOICE, moves=("play_softly",)),
        Row(S.ATTRACT, t.StoryChosen, moves=("chosen",)),
        Row(S.ATTRACT, t.PlaybackStarted, moves=("heard",)),
        *(Row(S.ATTRACT, over, moves=("rest",)) for over in (t.PlaybackEnded, t.NothingToPlay, t.Refused)),
        Row(S.ATTRACT, A.PLAY_STUCK, moves=("stop", "rest")),
        *(Row(S.LANGUAGES, on, moves=("next_language", "read_again")) for on in (M.MOVE, M.LANGUAGE)),
        Row(S.LANGUAGES, M.TAKE, S.CHOOSING, ("first_line",)),
        Row(S.LANGUAGES, t.Touched, S.CHOOSING, ("touch_language", "first_line"), "a language"),
        Row(S.LANGUAGES, M.TALK, S.CONSENT),
        Row(S.LANGUAGES, M.BACK, HOME, ("leave",)),
        Row(S.CHOOSING, M.TALK, S.CONSENT),
        Row(S.CHOOSING, M.LISTEN, S.LISTENING, ("play_next",)),
        Row(S.CHOOSING, M.MOVE, moves=("next_line",)),
        Row(S.CHOOSING, t.Touched, moves=("touch_menu",)),
        Row(S.CHOOSING, M.NEXT, moves=("next_prompt", "read_again")),
        Row(S.CHOOSING, M.LANGUAGE, S.LANGUAGES, ("next_language",)),
        Row(S.CHOOSING, M.SAY_CODE, S.CODE_ENTRY),
        Row(S.CHOOSING, M.BACK, HOME, ("leave",)),
        Row(S.CONSENT, M.AGREE, S.READY, ("agree",)),
        Row(S.CONSENT, M.DECLINE, HOME, ("leave",)),
        Row(S.READY, M.TALK, S.RECORDING, ("start_take",)),
        Row(S.READY, M.BACK, HOME, ("leave",)),
    ]


def _story_rows() -> list[Row]:
    return [
        Row(S.RECORDING, M.TALK, S.CLOSING, ("close_take",), "told for a moment"),
        Row(S.RECORDING, M.QUESTION, moves=("next_question",)),
        Row(S.RECORDING, M.REDO, moves=("ask",)),
        Row(S.RECORDING, M.CONFIRM, S.READY, ("redo",), "asked to redo"),
        *_taking(S.RECORDING),
        Row(S.RECORDING, M.CAPTIONS, moves=("toggle_captions",)),
        Row(S.RECORDING, M.EXTEND, moves=("lengthen",), guard="little time left"),
        Row(S.REVIEW, M.KEEP, moves=("keep",)),
        Row(S.REVIEW, t.Kept, S.SHARING, ("kept",)),
        Row(S.REVIEW, t.KeepFailed, moves=("keep_failed", "read_again")),
        Row(S.REVIEW, A.STUCK, HOME, ("note_trouble", "hold", "leave")),
        Row(S.REVIEW, M.HEAR, moves=("play_own",)),
        Row(S.REVIEW, M.STOP, moves=("stop",)),
        Row(S.REVIEW, M.TRIM, S.TRIM, ("begin_trimming",)),
        Row(S.REVIEW, M.DISCARD, moves=("ask",)),
        Row(S.REVIEW, M.REDO, moves=("ask",)),
        Row(S.REVIEW, M.CONFIRM, HOME, ("discard", "leave"), "asked to discard"),
        Row(S.REVIEW, M.CONFIRM, S.READY, ("redo",), "asked to redo"),
        Row(S.REVIEW, M.BACK, moves=("unask",), guard="asked"),
        Row(S.REVIEW, A.TIME_OUT, HOME, ("hold", "leave")),
        *_playback(S.REVIEW, ended=("ended", "read_again")),
        Row(S.SHARING, M.YES, None, ("answer_first",), "asked first"),
        Row(S.SHARING, M.NO, None, ("answer_first",), "asked first"),
        Row(S.SHARING, M.YES, S.THANKS, ("answer",), "last use"),
        Row(S.SHARING, M.YES, moves=("answer",)),
        Row(S.SHARING, M.NO, S.THANKS, ("answer",), "last use"),
        Row(S.SHARING, M.NO, moves=("answer",)),
        Row(S.SHARING, M.DONE, S.THANKS, ("no_to_rest",)),
        Row(S.SHARING, A.TIME_OUT, S.THANKS, ("no_to_rest",)),
        Row(S.THANKS, M.SAY_CODE, moves=("read_once",)),
        Row(S.THANKS, M.NEXT, moves=("next_code", "read_again")),
        Row(S.THANKS, M.DONE, HOME, ("leave",)),
        Row(S.THANKS, M.BACK, HOME, ("leave",)),
        Row(S.RECOVERED, M.GO_ON, S.CONVERSATION, ("go_on",), "a conversation"),
        Row(S.RECOVERED, M.GO_ON, S.RECORDING, ("go_on",)),
        Row(S.RECOVERED, M.STOP, S.CLOSING, ("close_take",)),
        Row(S.RECOVERED, M.DISCARD, moves=("ask",)),
        Row(S.RECOVERED, M.CONFIRM, HOME, ("discard", "leave"), "asked to discard"),
        Row(S.RECOVERED, M.BACK, moves=("unask",), guard="asked"),
        Row(S.RECOVERED, A.TIME_OUT, HOME, ("hold", "unchair", "leave")),
    ]


def _marking(state: State, back: State) -> list[Row]:
    """Rows of a state in which a part of one's own is marked; before its own TAKE and CONFIRM."""
    return [
        Row(state, M.MOVE, moves=("move_end",)),
        Row(state, t.Pointed, None, ("point_end",), "marking"),
        Row(state, M.TAKE, moves=("take_beginning",)),
        Row(state, M.HEAR, None, ("hear_rest",), "asked"),
        Row(state, M.BACK, None, ("hush", "unask"), "asked"),
        Row(state, M.BACK, None, ("take_back_beginning",), "the end is asked about"),
        Row(state, M.BACK, back, ("hush",)),
        *_playback(state),
    ]


def _trim_rows() -> list[Row]:
    state, part = S.TRIM, S.PART
    return [
        Row(state, M.TAKE, S.REVIEW, ("hush",), "nothing cut off"),
        Row(state, M.TAKE, None, ("ask_trim",), "the end is asked about"),
        Row(state, M.CONFIRM, None, ("trim",), "asked to trim"),
        Row(state, t.Trimmed, S.REVIEW, ("trimmed",)),
        Row(state, t.TrimFailed, S.REVIEW, ("trim_failed",)),
        Row(state, A.STUCK, HOME, ("note_trouble", "hold", "leave")),
        Row(state, A.TIME_OUT, HOME, ("hold", "leave")),
        *_marking(state, S.REVIEW),
        Row(part, t.PausesFound, moves=("begin_part",)),
        Row(part, M.TAKE, None, ("ask_part",), "the end is asked about"),
        Row(part, M.CONFIRM, None, ("take_out",), "asked to take it out"),
        Row(part, t.PartGone, S.MY_STORY, ("part_gone",)),
        Row(part, t.PartFailed, S.MY_STORY, ("part_failed",)),
        Row(part, A.STUCK, HOME, ("note_trouble", "leave")),
        *_marking(part, S.MY_STORY),
        Row(part, M.HEAR, moves=("hear_on",)),
    ]


def _listening_rows() -> list[Row]:
    state = S.LISTENING
    return [
        Row(state, M.NEXT, moves=("play_next",)),
        Row(state, M.STOP, HOME, ("leave",)),
        Row(state, M.TALK, S.CONSENT, ("hush", "answer_too")),
        Row(state, M.MORE, moves=("more",)),
        Row(state, M.MOVE, moves=("next_line",)),
        Row(state, t.Touched, None, ("touch_menu",), "list of voices open"),
        *(Row(state, on, moves=("choose_about", "play_next")) for on in (M.SAME_QUESTION, M.SAME_THEME, M.ANY_VOICE)),
        Row(state, M.TELL_LIBRARIAN, None, ("tell_librarian",), "list of voices open"),
        Row(state, M.TELL_LIBRARIAN, moves=("ask",)),
        Row(state, M.CONFIRM, None, ("tell_librarian",), "asked to tell a librarian"),
        Row(state, M.BACK, moves=("unask",), guard="asked"),
        Row(state, M.BACK, None, ("less",), "list of voices open"),
        Row(state, M.BACK, HOME, ("leave",)),
        *(Row(state, cue, HOME, ("leave",), "same cue") for cue in CUE_MEANINGS),
        *(Row(state, cue, moves=("play_cue",)) for cue in CUE_MEANINGS),
        Row(state, t.StoryChosen, moves=("chosen",)),
        Row(state, t.PlaybackEnded, HOME, ("ended", "leave"), "a cue plays"),
        *(
            Row(state, no, HOME, ("leave", "unplayable"), "at a facilitator's cue")
            for no in (t.NothingToPlay, t.Refused)
        ),
        Row(state, A.PLAY_STUCK, HOME, ("stop", "leave", "unplayable"), "at a facilitator's cue"),
        *_playback(state, ended=("ended", "read_again")),
    ]


def _own_story_rows() -> list[Row]:
    return [
        Row(S.CODE_ENTRY, t.CodeTyped, None, ("check_code",), "not being checked"),
        Row(S.CODE_ENTRY, t.Typed, None, ("type_text",), "not being checked"),
        Row(S.CODE_ENTRY, t.Touched, None, ("take_line",), "not being checked"),
        Row(S.CODE_ENTRY, M.MOVE, moves=("next_line",)),
        Row(S.CODE_ENTRY, M.TAKE, None, ("check_entry",), "code complete"),
        Row(S.CODE_ENTRY, M.TAKE, moves=("take_line",)),
        *(Row(S.CODE_ENTRY, cue, moves=("take_line",)) for cue in CUE_MEANINGS[: codeentry.LINES]),
        Row(S.CODE_ENTRY, M.BACK, None, ("undo_entry",), "something entered"),
        Row(S.CODE_ENTRY, A.STUCK, HOME, ("note_trouble", "leave")),
        Row(S.CODE_ENTRY, t.CodeAccepted, S.MY_STORY, ("code_accepted",)),
        Row(S.CODE_ENTRY, t.CodeRefused, moves=("code_refused", "read_again")),
        Row(S.CODE_ENTRY, M.BACK, HOME, ("leave",)),
        Row(S.MY_STORY, M.HEAR, moves=("play_own",)),
        Row(S.MY_STORY, M.STOP, moves=("stop",)),
        *_playback(S.MY_STORY, ended=("ended", "read_again")),
        Row(S.MY_STORY, M.MOVE, moves=("next_line",)),
        Row(S.MY_STORY, t.Touched, moves=("touch_menu",)),
        *(Row(S.MY_STORY, page, moves=("open_page",)) for page in (M.USES, M.RECEIPTS)),
        Row(S.MY_STORY, M.PART, S.PART, ("find_pauses",)),
        Row(S.MY_STORY, M.YES, None, ("keep_use",), "uses on show"),
        Row(S.MY_STORY, M.NO, None, ("drop_use",), "uses on show"),
        Row(S.MY_STORY, M.NARROW, moves=("ask",)),
        Row(S.MY_STORY, M.WITHDRAW, moves=("ask",)),
        Row(S.MY_STORY, M.CONFIRM, None, ("narrow",), "asked to narrow"),
        Row(S.MY_STORY, M.CONFIRM, None, ("withdraw",), "asked to withdraw"),
        Row(S.MY_STORY, t.Narrowed, moves=("narrowed",)),
        Row(S.MY_STORY, t.Withdrawn, moves=("withdrawn",)),
        Row(S.MY_STORY, M.BACK, moves=("unask",), guard="asked"),
        Row(S.MY_STORY, M.BACK, None, ("close_page",), "a page is open"),
        Row(S.MY_STORY, M.BACK, HOME, ("leave",)),
    ]


def _facilitator_rows() -> list[Row]:
    talk = S.CONVERSATION
    return [
        Row(S.FACILITATOR, M.TALK, S.CONSENT),
        Row(S.FACILITATOR, M.LISTEN, S.LISTENING, ("play_next",)),
        *(Row(S.FACILITATOR, on, moves=("next_prompt", "read_again")) for on in (M.NEXT, M.QUESTION, t.Touched)),
        Row(S.FACILITATOR, M.LANGUAGE, moves=("next_language",)),
        Row(S.FACILITATOR, M.BEGIN_GROUP, S.AGREEMENT, ("gather",)),
        Row(S.FACILITATOR, M.PAIR, moves=("pair",)),
        *(Row(S.FACILITATOR, cue, S.LISTENING, ("play_cue",)) for cue in CUE_MEANINGS),
        *(Row(S.FACILITATOR, on, HOME, ("unchair", "leave")) for on in (M.BACK, M.FACILITATE, A.TIME_OUT)),
        Row(S.AGREEMENT, M.NEXT_PERSON, moves=("count_person",)),
        Row(S.AGREEMENT, M.BEGIN_GROUP, talk, ("agree_group",)),
        Row(S.AGREEMENT, M.BACK, HOME, ("leave",)),
        Row(talk, M.QUESTION, moves=("next_question",)),
        Row(talk, M.FLAG, moves=("flag",)),
        Row(talk, A.MARKED, moves=("unflag",)),
        Row(talk, M.NEXT_PERSON, moves=("ask",)),
        Row(talk, M.CONFIRM, None, ("one_more",), "asked to join"),
        Row(talk, M.STOP, S.CLOSING, ("close_take",), "told for a moment"),
        *_taking(talk),
        *(Row(talk, cue, None, ("stop",), "same cue") for cue in CUE_MEANINGS),
        *(Row(talk, cue, moves=("play_cue",)) for cue in CUE_MEANINGS),
        Row(talk, t.StoryChosen, moves=("chosen",)),
        *_playback(talk),
    ]


ROWS: tuple[Row, ...] = (
    *_machine_rows(),
    *_begin_rows(),
    *_story_rows(),
    *_trim_rows(),
    *_listening_rows(),
    *_own_story_rows(),
    *_facilitator_rows(),
    *_everywhere_rows(),
)
"""The whole table."""


class Table:
    """The rows, found by state and happening. Immutable once made."""

    __slots__ = ("_found", "rows")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        """Index the rows; their order among the same state and happening stays."""
        self.rows = rows
        found: dict[tuple[State, On], list[tuple[Row, Guard, tuple[m.Move, ...]]]] = {}
        for row in rows:
            entry = (row, GUARDS[row.guard], tuple(MOVES[name] for name in row.moves))
            found.setdefault((row.state, row.on), []).append(entry)
        self._found = {key: tuple(entries) for key, entries in found.items()}

    def find(self, session: t.Session, on: On, event: t.Event) -> tuple[Row, tuple[m.Move, ...]] | None:
        """The first row whose guard holds, with its moves; None when the happening means nothing here."""
        for row, guard, moves in self._found.get((session.state, on), ()):
            if guard(session, event):
                return row, moves
        return None


TABLE = Table(ROWS)


def page() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| state | when | if | does | goes to |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.state} | {_when(row.on)} | {row.guard} | {', '.join(row.moves)} | {row.to or ''} |"
        for row in sorted(ROWS, key=lambda row: list(State).index(row.state))
    ]
    return "\n".join(lines) + "\n"


def _when(on: On) -> str:
    match on:
        case Meaning():
            return f"press {on}" + (" (deliberate)" if on in GUARDED else "")
        case Alarm():
            return f"time: {on}"
        case _:
            return on.__name__ if isinstance(on, type) else str(on)
