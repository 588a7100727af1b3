"""Carries out what the session asks of voices: the next one, a cue, one's own, and the box's own reading aloud.

Main thread only. `may` is asked at the press and again while a voice sounds, so a withdrawal stops it at once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random

from archive.envelope import ask
from archive.errors import ArchiveError, Refused
from archive.masters import Master, cuts_of, later_master, open_master
from archive.store import Store
from archive.stories import Visit
from archive.transcripts import transcript
from archive.types import Reader
from audio.clock import Clock
from audio.errors import AudioError, BadSound
from audio.pcm import Samples
from audio.player import PlaybackEnded, PlaybackStarted, Player, PlayerEvent
from audio.sidebyside import beside_others
from audio.types import Ms, TakeId, Word
from kiosk import types as t
from kiosk.beginnings import BEGINNING, Beginning, Beginnings
from kiosk.errors import TROUBLES
from kiosk.rotation import Rotation, turn
from kiosk.speech import Reading, Voice
from kiosk.terms import sentence
from kiosk.texts import Texts
from kiosk.types import About
from kiosk.volume import VOLUMES, decibels, louder, loudest

Announce = Callable[[t.Event], None]

DEFAULT_SHEET = "main"
LOOK_AGAIN_S = 0.25
"""How often the gate is asked again while a voice sounds."""
REST_DB = -12.0
"""A voice at rest is so much quieter: heard beside the box, not across the room."""
LINES_A_TURN = 200
"""So many lines of the ledger are read at a turn at rest: a few milliseconds, and a press finds them read."""
_FIRST_PIECE, _PIECE = BEGINNING, Ms(5000)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sounding:
    """What is on its way to the loudspeaker: a voice (``play``), or the box reading aloud (``visit``)."""

    play: int = 0
    visit: int = 0
    take: TakeId | None = None
    reader: Reader = Reader.PLAY
    start: Ms = Ms(0)
    cuts: int = 0
    """How often a part had been taken out of the story when it was opened."""
    words: tuple[Word, ...] = ()
    softer: float = 0.0
    """dB it is turned down by where it is heard at rest, before the visitor's volume."""


def pieces(master: Master, start: Ms, end: Ms | None) -> Iterator[Samples]:
    """Yield a voice piece by piece: the first is short, so that it is heard at once; the last closes the file."""
    last = master.length if end is None else min(end, master.length)
    at, step = start, _FIRST_PIECE
    try:
        while at < last:
            until = Ms(min(at + step, last))
            yield master.samples(at, until)
            at, step = until, _PIECE
    finally:
        master.close()


def later_pieces(beginning: Beginning, rest: Callable[[], Master]) -> Iterator[Samples]:
    """Yield a cue that begins in memory; ``rest`` opens its file when that is on its way.

    Raises `BadSound`, `DamagedTake`.
    """
    yield beginning.samples
    cut = beginning.cut
    if cut.end > cut.start + BEGINNING:
        try:
            master = rest()
        except (ArchiveError, OSError) as error:
            raise BadSound("The sound of this story cannot be opened.", "Restore it from a backup.") from error
        yield from pieces(master, Ms(cut.start + BEGINNING), cut.end)


class Playing:
    """One voice at a time, by rotation, by cue button, or one's own."""

    def __init__(
        self,
        store: Store,
        player: Player,
        clock: Clock,
        announce: Announce,
        *,
        volume: float,
        voice: Voice | None = None,
        chance: Random | None = None,
        texts: Mapping[str, Texts] | None = None,
        themes: Mapping[str, frozenset[str]] | None = None,
        quiet: Callable[[], bool] = lambda: False,
    ) -> None:
        """``volume`` (0 to 1) is what each visit begins with; ``voice`` reads aloud; ``chance`` only shuffles.

        ``texts`` by language word a refusal; ``themes`` tells for a prompt which prompts are about the same thing.
        ``quiet`` says whether it is a quiet hour of the library: then nothing sounds at rest, and visits begin softly.
        """
        self._store = store
        self._player = player
        self._clock = clock
        self._announce = announce
        self._usual = volume
        self._voice = voice or Voice({})
        self._chosen: float | None = None
        self._quiet = quiet
        # Only the order of a round is drawn here; nothing secret hangs on it.
        self._chance = chance or Random()  # noqa: S311
        self._texts = texts or {}
        self._themes = themes or {}
        self._rotation = Rotation()
        self._sounding: deque[Sounding] = deque()
        self._asked_again = 0.0
        self._beginnings = Beginnings(store, DEFAULT_SHEET)
        self.visit: Visit | None = None
        """A teller who came back with the right code, for this visit alone."""
        self.bars: tuple[float, ...] = ()
        """The waveform of that teller's story, while a part of it is looked for."""

    # -- what the session asks ----------------------------------------------------------------------------------

    def next_voice(self, wanted: t.PlayNext, language: str) -> None:
        """Choose by rotation among what may be played at this very moment, and answers what was asked for."""
        playable = self._store.allowed(Reader.PLAY, self._prompts(wanted))
        if wanted.about is not About.ANY:
            # Alike means another one: whoever asked has just heard the last.
            playable = [take for take in playable if take != self._rotation.last]
        if wanted.softly and self._quiet():
            playable = []
        softer = REST_DB if wanted.softly else 0.0
        while playable:
            turned, take = turn(self._rotation, playable, self._chance)
            if take is None:
                break
            # Voices left out for once keep their place in the round.
            self._rotation = turned if wanted.about is About.ANY else self._rotation.heard(take)
            if self._begin(wanted.play, take, Reader.PLAY, language, quiet=True, softer=softer):
                return
            # A story whose file is damaged must not silence the others.
            playable.remove(take)
        self._announce(t.NothingToPlay(wanted.play, self._clock.monotonic()))

    def _prompts(self, wanted: t.PlayNext) -> Collection[str] | None:
        """Which questions may have been answered; None for any."""
        match wanted.about:
            case About.QUESTION:
                return {wanted.like}
            case About.THEME:
                return self._themes.get(wanted.like, frozenset({wanted.like}))
            case _:
                return None

    def cue(self, play: int, number: int, language: str) -> None:
        """Play what lies on a cue button; a refusal says why, in ``language``."""
        excerpt = self._store.cue(DEFAULT_SHEET, number)
        if excerpt is None:
            now = self._clock.monotonic()
            if self._store.cue_refused(DEFAULT_SHEET, number):
                why = sentence(Refused("Its teller has not allowed this."), self._texts.get(language))
                self._announce(t.Refused(play, why, now))
            else:
                self._announce(t.NothingToPlay(play, now))
            return
        reader = self._store.cue_reader(excerpt.story)
        kept = self._beginnings.of(number, excerpt)
        lufs = excerpt.lufs
        self._begin(play, excerpt.story, reader, language, excerpt.start, excerpt.end, kept=kept, lufs=lufs)

    def own(self, wanted: t.PlayOwn, language: str) -> None:
        """Let tellers hear their own: the take under review, or the story their code opened, or a part of it."""
        reader = Reader.REVIEW if self.visit is None else Reader.TELLER
        self._begin(wanted.play, wanted.take, reader, language, wanted.start, wanted.end)

    def stop(self) -> None:
        """Fade out and stop whatever sounds."""
        self._player.stop()

    def read(self, visit: int, text: str, language: str) -> None:
        """Read ``text`` aloud, in place of what was being read."""
        self._say(visit, self._voice.read(text, language))

    def alarm(self, visit: int, text: str, language: str) -> None:
        """Chime and then read ``text`` aloud; where the box has no voice, the chime calls somebody to the screen."""
        self._say(visit, self._voice.alarm(text, language))

    def time_tones(self, visit: int, words: str, language: str) -> None:
        """Sound softly that little time is left, and then read ``words`` where there are any."""
        self._say(visit, self._voice.tones(words, language))

    def _say(self, visit: int, reading: Reading | None) -> None:
        if reading is None:
            self._announce(t.SoundMade(visit, self._clock.monotonic()))
            return
        self._sounding.append(Sounding(visit=visit))
        try:
            self._player.play(reading.samples, reading.rate, self._volume_db())
        except AudioError as error:
            self._sounding.pop()
            _log.warning("cannot read aloud: %s", error.say)
            self._announce(t.SoundMade(visit, self._clock.monotonic()))

    def louder(self) -> None:
        """One step louder, after the loudest the softest; what sounds now follows at once."""
        self._chosen = louder(self._volume)
        if self._sounding:
            self._player.set_gain(self._sounding[-1].softer + self._volume_db())

    @property
    def loudest(self) -> bool:
        """Whether the next step of `louder` is the softest."""
        return loudest(self._volume)

    @property
    def _volume(self) -> float:
        """What this visitor chose, else the library's own: in its quiet hours the softest step at most."""
        if self._chosen is not None:
            return self._chosen
        return min(self._usual, VOLUMES[0]) if self._quiet() else self._usual

    @property
    def reading(self) -> bool:
        """Whether the box is reading aloud now."""
        return bool(self._sounding) and self._sounding[-1].visit > 0

    def forget(self, *, keep_volume: bool = False) -> None:
        """The visit is over: the volume goes back unless ``keep_volume``, the code's key is dropped."""
        if not keep_volume:
            self._chosen = None
        self.visit = None
        self.bars = ()

    # -- what a screen shows ------------------------------------------------------------------------------------

    def position(self) -> Ms | None:
        """Where the voice that sounds stands, on its story's own time line."""
        place = self._player.position()
        if place is None or not self._sounding:
            return None
        return Ms(place + self._sounding[-1].start)

    def words(self) -> tuple[Word, ...]:
        """The words of the voice that sounds, as far as they may be shown."""
        return self._sounding[-1].words if self._sounding else ()

    # -- what the player announces ------------------------------------------------------------------------------

    def hear(self, event: PlayerEvent) -> None:
        """Turn the player's news into news for the session. Sounds end in the order they were begun."""
        match event:
            case PlaybackStarted(at=at, handed=handed) if self._sounding and self._sounding[-1].play:
                self._announce(t.PlaybackStarted(self._sounding[-1].play, at, handed))
            case PlaybackEnded() if self._sounding:
                ended = self._sounding.popleft()
                now = self._clock.monotonic()
                if ended.play:
                    self._announce(t.PlaybackEnded(ended.play, now))
                else:
                    self._announce(t.SoundMade(ended.visit, now))
            case _:
                pass

    def tick(self, now: float) -> None:
        """Let the player go on, and ask the gate again: what was taken back falls silent at once."""
        self._player.tick()
        self._beginnings.tick(now, rest=not self._sounding)
        if not self._sounding:
            self._read_on()
        if not self._sounding or now - self._asked_again < LOOK_AGAIN_S:
            return
        self._asked_again = now
        sounding = self._sounding[-1]
        if sounding.take is not None and not self._still(sounding):
            self._player.stop()

    def _read_on(self) -> None:
        try:
            self._store.standings.follow(LINES_A_TURN)
        except TROUBLES as error:  # the press will find the same and say so
            _log.warning("the ledger cannot be read: %s", type(error).__name__)

    def _still(self, sounding: Sounding) -> bool:
        """Whether the voice may go on: the gate says so, and no part of the story was taken out since it began."""
        assert sounding.take is not None
        conn = self._store.db.conn
        try:
            answer = ask(conn, sounding.take, sounding.reader, self._store.now())
            return answer.allowed and cuts_of(conn, sounding.take) == sounding.cuts
        except TROUBLES as error:  # a gate that cannot be asked says no
            _log.warning("voice %s stops: %s", sounding.take, type(error).__name__)
            return False

    def _begin(
        self,
        play: int,
        take: TakeId,
        reader: Reader,
        language: str,
        start: Ms = Ms(0),
        end: Ms | None = None,
        *,
        quiet: bool = False,
        softer: float = 0.0,
        kept: Beginning | None = None,
        lufs: float | None = None,
    ) -> bool:
        """Start a voice; False when it was refused or cannot be read. ``quiet`` leaves saying so to the caller.

        ``kept`` is how it begins, where that is in memory; ``lufs`` how loud this part is, where it is known.
        """
        now = self._clock.monotonic()
        begun = False
        try:
            sounding = Sounding(play, 0, take, reader, start, cuts_of(self._store.db.conn, take), softer=softer)
            with ExitStack() as opened:
                sound, rate = self._sound(take, reader, start, end, kept, opened)
                sound = beside_others(sound, rate, self._store.loudness_of(take) if lufs is None else lufs)
                self._announce(t.StoryChosen(play, take, now, self._prompt_of(take)))
                self._sounding.append(sounding)
                begun = True
                self._player.play(sound, rate, softer + self._volume_db())
                # From here on the sound closes its file itself, at its end.
                opened.pop_all()
        except TROUBLES as error:
            _log.warning("voice %s: %s", take, type(error).__name__)
            if begun:
                self._sounding.pop()
            if not quiet:
                self._announce(t.Refused(play, sentence(error, self._texts.get(language)), now))
            return False
        # Whoever pressed waits for the voice; opening every word of a long story may take as long again.
        self._sounding[-1] = replace(sounding, words=self._words(take, reader))
        return True

    def _sound(
        self, take: TakeId, reader: Reader, start: Ms, end: Ms | None, kept: Beginning | None, opened: ExitStack
    ) -> tuple[Iterator[Samples], int]:
        """Open a voice, asking the gate, and return its pieces and their rate; ``opened`` closes what it opened."""
        store = self._store
        if kept is not None:
            return later_pieces(kept, later_master(store, take, reader, store.now())), kept.rate
        master = opened.enter_context(open_master(store, take, reader, store.now(), visit=self.visit))
        return pieces(master, start, end), master.format.rate

    def _prompt_of(self, take: TakeId) -> str:
        try:
            return self._store.story_facts(take).prompt
        except ArchiveError:
            # A voice that is lent by another box answers no question of this one.
            return ""

    def _words(self, take: TakeId, reader: Reader) -> tuple[Word, ...]:
        shown = Reader.CAPTION if reader in {Reader.PLAY, Reader.CUE} else reader  # one who is lent has captions, too
        try:
            return tuple(transcript(self._store, take, shown, self._store.now(), visit=self.visit))
        except TROUBLES:  # what is wrong with the words must not silence a voice that sounds, nor the gate over it
            return ()

    def _volume_db(self) -> float:
        return decibels(self._volume)
