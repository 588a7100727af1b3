"""The names of the session: its states, what a press can mean, what it hints and tells, and its times in `Rules`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from enum import StrEnum

from archive.types import Use
from audio.types import Ms, TakeId

LEAST = Ms(1500)
"""So much of a take stays at least when it is trimmed."""


class State(StrEnum):
    """Where the conversation with the visitor stands."""

    STARTING = "starting"
    ATTRACT = "attract"
    LANGUAGES = "languages"
    CHOOSING = "choosing"
    CONSENT = "consent"
    READY = "ready"
    RECORDING = "recording"
    CLOSING = "closing"
    REVIEW = "review"
    TRIM = "trim"
    SHARING = "sharing"
    THANKS = "thanks"
    LISTENING = "listening"
    CODE_ENTRY = "code_entry"
    MY_STORY = "my_story"
    PART = "part"
    FACILITATOR = "facilitator"
    AGREEMENT = "agreement"
    CONVERSATION = "conversation"
    RECOVERED = "recovered"
    OUT_OF_SERVICE = "out_of_service"


class Meaning(StrEnum):
    """What a press means; which control means what now is `kiosk.keys.keys`."""

    TALK = "talk"
    """Begin (attract, choosing, listening), start the take (ready), end it (recording)."""
    AGREE = "agree"
    DECLINE = "decline"
    LISTEN = "listen"
    NEXT = "next"
    """Another prompt, another voice."""
    STOP = "stop"
    KEEP = "keep"
    DISCARD = "discard"
    REDO = "redo"
    HEAR = "hear"
    TRIM = "trim"
    YES = "yes"
    NO = "no"
    DONE = "done"
    """In sharing: no to everything not yet answered."""
    PAUSE = "pause"
    RESUME = "resume"
    LANGUAGE = "language"
    SPEAK = "speak"
    CAPTIONS = "captions"
    """Hide or show the growing words while telling."""
    LOUDER = "louder"
    FACILITATE = "facilitate"
    CUE1 = "cue1"
    CUE2 = "cue2"
    CUE3 = "cue3"
    CUE4 = "cue4"
    CUE5 = "cue5"
    CUE6 = "cue6"
    CUE7 = "cue7"
    CUE8 = "cue8"
    BACK = "back"
    CONFIRM = "confirm"
    """The second press, after the box asked again."""
    EXTEND = "extend"
    """More time: "I am still here", or a longer story."""
    GO_ON = "go_on"
    FLAG = "flag"
    TELL_LIBRARIAN = "tell_librarian"
    SAY_CODE = "say_code"
    NARROW = "narrow"
    WITHDRAW = "withdraw"
    MOVE = "move"
    """Mark the next line of a list."""
    TAKE = "take"
    """Take the marked line."""
    USES = "uses"
    """Go through who may use the story."""
    RECEIPTS = "receipts"
    """See where the story has gone."""
    PART = "part"
    """Take a part of the own story out."""
    QUESTION = "question"
    """The next guide question of a group conversation."""
    BEGIN_GROUP = "begin_group"
    NEXT_PERSON = "next_person"
    """One more person of the group agrees."""
    PAIR = "pair"
    """Show the digits that pair a facilitator's phone."""
    MORE = "more"
    """What else can be done with the voice that sounds."""
    SAME_QUESTION = "same_question"
    """From here on voices that answer the question this one answers."""
    SAME_THEME = "same_theme"
    ANY_VOICE = "any_voice"


CUE_MEANINGS: tuple[Meaning, ...] = (
    Meaning.CUE1,
    Meaning.CUE2,
    Meaning.CUE3,
    Meaning.CUE4,
    Meaning.CUE5,
    Meaning.CUE6,
    Meaning.CUE7,
    Meaning.CUE8,
)
"""The cue buttons in order; button n is ``CUE_MEANINGS[n - 1]``."""


class Page(StrEnum):
    """The pages of a teller's own story, and the list of what can be done with a voice."""

    MENU = "menu"
    VOICES = "voices"
    USES = "uses"
    RECEIPTS = "receipts"


class Preface(StrEnum):
    """What is asked before the uses, where the library switched it on."""

    AGE = "age"
    FORM = "form"
    EMBARGO = "embargo"


@dataclass(frozen=True, slots=True)
class Mine:
    """What a teller is told of the story their code opened: the uses allowed, and the places it was handed to.

    ``copies`` are (place, state) with the states of `archive.tellers.Copy`.
    """

    uses: tuple[Use, ...] = ()
    seconds: float = 0.0
    copies: tuple[tuple[str, str], ...] = ()
    cuts: int = 0
    people: int = 1
    """How many told it together; a withdrawal takes it out for all of them."""


class Mic(StrEnum):
    """What is known of the microphone stream. The ring lamp follows the stream itself, never this."""

    CLOSED = "closed"
    WAITING = "waiting"
    OPEN = "open"
    LOST = "lost"


class Hint(StrEnum):
    """What the box says about the level, or about a silence. A hint never ends anything."""

    TOO_QUIET = "too_quiet"
    GOOD = "good"
    TOO_LOUD = "too_loud"
    """The room is, so that the voice does not stand clear of it."""
    SILENT = "silent"
    HUM = "hum"
    OVERDRIVEN = "overdriven"
    TAKE_YOUR_TIME = "take_your_time"


class Notice(StrEnum):
    """Something the box tells in its own words; the text lies in the language files."""

    NOTHING_TO_PLAY = "nothing_to_play"
    TOLD_LIBRARIAN = "told_librarian"
    TIME_UP = "time_up"
    SOUND_LOST = "sound_lost"
    CLOSED_EARLY = "closed_early"
    NOT_KEPT = "not_kept"
    CODE_REFUSED = "code_refused"
    NARROWED = "narrowed"
    ONLY_ME = "only_me"
    WITHDRAWN = "withdrawn"
    STUCK = "stuck"
    TRIMMED = "trimmed"
    NOT_TRIMMED = "not_trimmed"
    NO_MORE_LIKE_IT = "no_more_like_it"
    PART_GONE = "part_gone"
    PART_WAITS = "part_waits"
    """It is gone, and until there is room to write what is left nobody hears any of it."""
    PART_STAYS = "part_stays"
    MARKED = "marked"


class About(StrEnum):
    """Which voices somebody listens to."""

    ANY = "any"
    QUESTION = "question"
    THEME = "theme"


class Heard(StrEnum):
    """What kind of voice is played."""

    VOICE = "voice"
    CUE = "cue"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Ends:
    """Two marks in an own story, which lie at its pauses; ``closing`` is whether the second one is asked about.

    ``starts`` rise from 0; ``first`` and ``last`` are the marked ones. What lies between the marks stays, and then
    ``ends`` fall from the length, so that both begin with the longest part. Or it ``goes``, and ``ends`` rise to the
    length.
    """

    starts: tuple[Ms, ...] = (Ms(0),)
    ends: tuple[Ms, ...] = (Ms(0),)
    first: int = 0
    last: int = 0
    closing: bool = False
    goes: bool = False

    @property
    def start(self) -> Ms:
        """The first moment of the part."""
        return self.starts[self.first]

    @property
    def end(self) -> Ms:
        """The first moment after the part."""
        return self.ends[self.last]

    @property
    def length(self) -> Ms:
        """The length of the whole story."""
        return max(self.ends)

    @property
    def whole(self) -> bool:
        """Whether nothing would be cut off."""
        return self.first == self.last == 0 and not self.goes

    @property
    def movable(self) -> bool:
        """Whether there is a pause to cut at."""
        return len(self.starts) > 1 or len(self.ends) > 1

    def going(self) -> Ends:
        """The same pauses, for a part that goes."""
        return Ends(self.starts, tuple(reversed(self.ends)), goes=True)

    def moved(self) -> Ends:
        """The mark in question at the next pause; after the last, and where too little would stay, at the first."""
        return self._with(self._number + 1)

    def at(self, place: Ms) -> Ends:
        """The mark in question where the voice has come to, never before where it was: a part has no half words."""
        found = bisect_left(self.ends, place) if self.closing else bisect_right(self.starts, place) - 1
        return self._with(min(max(found, self._number), len(self._offered) - 1))

    def near(self, share: float) -> Ends:
        """The mark in question at the pause next to this share of the story."""
        place = share * self.length
        fitting = [number for number in range(len(self._offered)) if self._fits(number)]
        return self._with(min(fitting, key=lambda number: abs(self._offered[number] - place), default=0))

    def turned(self, *, closing: bool) -> Ends:
        """The other mark is asked about; the second begins anew."""
        first = next((number for number, end in enumerate(self.ends) if end > self.start), 0) if closing else 0
        return replace(self, closing=closing, last=first if self.goes else 0)

    @property
    def _offered(self) -> tuple[Ms, ...]:
        return self.ends if self.closing else self.starts

    @property
    def _number(self) -> int:
        return self.last if self.closing else self.first

    def _fits(self, number: int) -> bool:
        if self.goes:
            return not self.closing or self.ends[number] > self.start
        part = self.ends[number] - self.start if self.closing else self.end - self.starts[number]
        return number == 0 or part >= LEAST

    def _with(self, number: int) -> Ends:
        count = len(self._offered)
        if self.goes:
            # Before the first mark there is no second one.
            number = next((one % count for one in range(number, number + count) if self._fits(one % count)), 0)
        elif number >= count or not self._fits(number):
            number = 0
        return replace(self, last=number) if self.closing else replace(self, first=number)


@dataclass(frozen=True, slots=True)
class Playing:
    """A voice that was asked for. ``story`` is known once it was chosen, ``started`` once it is heard."""

    heard: Heard
    asked_at: float
    cue: int = 0
    story: TakeId | None = None
    started: float | None = None
    start: Ms = Ms(0)
    """Where in the story it begins."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Every time of the session, in seconds. The defaults are the library's; `kiosk.config` checks what is set."""

    deliberate: float = 0.4
    """A yes counts only this long after its question was fully shown and after the press before it."""
    marked: float = 5.0
    """How long the screen says that a moment was marked."""
    still_there: float = 20.0
    """How long "Still there?" stands before a time-out acts; at least 20."""
    choosing: float = 60.0
    consent: float = 90.0
    ready: float = 60.0
    review: float = 90.0
    sharing: float = 90.0
    thanks: float = 120.0
    listening: float = 60.0
    """Counts from the end of the last voice."""
    code_entry: float = 120.0
    my_story: float = 120.0
    facilitator: float = 1800.0
    agreement: float = 600.0
    recovered: float = 120.0
    story: float = 300.0
    """The longest story before it is extended."""
    extension: float = 300.0
    extensions: int = 10
    """How often a story can be extended; at least 10."""
    conversation: float = 7200.0
    warnings: tuple[float, ...] = (60.0, 10.0)
    """Seconds left at which the teller is told."""
    pause: float = 600.0
    """How long a pause may last before "Still there?"; after that the take is closed with nothing lost."""
    stream_lost: float = 30.0
    """A stream gone this long ends the take with what was heard."""
    machine: float = 60.0
    """A machine step (start, close, keep) that takes longer is trouble."""
    longest_play: float = 7200.0
    """No playback lasts longer; a player that forgets to say it ended cannot hold the box."""
    prompt_turn: float = 45.0
    """Attract shows another prompt this often."""
    ask_trouble: float = 10.0
    """Out of service looks this often whether the trouble has gone."""
    ask_age: int = 0
    """Ask tellers whether they are so many years old; 0 does not ask."""
    ask_form: bool = False
    """Ask whether others may hear the voice, or only read the words."""
    embargo_years: int = 0
    """Ask whether others shall wait so many years; 0 does not ask."""
    left_handed: bool = False
    """The keys the other way round: yes at the right."""
    code_on_cues: bool = False
    """A facilitator's code is typed on the cue keys: they play nothing at rest, or the code would sound."""
    attract_voice: float = 0.0
    """Seconds at rest after which an earlier voice is heard quietly; 0 never."""
    headphones: bool = False
    """Whether people listen with headphones: what they hear does not sound into what they tell."""
    voices: int = 2
    """After so many voices a listener is asked whether to add their own."""
    key_switch: bool = True
    """Whether the facilitator's key lets one in; where a code is set and the key is one of a keyboard it does not."""
    listened: float = 1800.0
    """The longest story while a facilitator listens, before it is extended."""
    group_warnings: tuple[float, ...] = (600.0, 300.0, 60.0)
    """Seconds left at which a group is told."""
    group_most: int = 20
    """A conversation has at most this many people: each gets a keep-code."""
    group: int = 2
    """A conversation begins with at least this many people agreed."""
