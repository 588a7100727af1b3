"""Listening: alike by question or theme, asked to add one's own, at rest, and what a refusal says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from archive.database import transaction
from archive.home import open_home
from archive.howloud import loudness_in
from archive.keycode import Cost
from archive.masters import open_master
from archive.shelf import Wording
from archive.store import Store
from archive.types import Act, Excerpt, Reader, Use
from audio.chime import chime, time_tones
from audio.clock import VirtualClock
from audio.loudness import TARGET_LUFS, loudness
from audio.player import PlayerEvent, SilentPlayer
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms, TakeId
from hardware.types import Control
from kiosk import types as t
from kiosk.beginnings import Beginnings
from kiosk.config import parse
from kiosk.keys import keys, legal
from kiosk.playing import DEFAULT_SHEET, LOOK_AGAIN_S, REST_DB, Playing
from kiosk.prompts import load as load_prompts
from kiosk.prompts import themes
from kiosk.session import first, step
from kiosk.speech import RATE
from kiosk.texts import load
from kiosk.types import About, Meaning, Notice, Rules, State

WORDING = Wording("1", "ab" * 32, "en")


class Room:
    """A store with voices, and what the playing side announces."""

    def __init__(self, folder) -> None:
        self.clock = VirtualClock()
        self.store = Store(open_home(folder / "home"), self.clock, Cost(8, 1, 1))
        self.told: list[t.Event] = []
        self.gains: list[float] = []
        self.sounds: list[list[np.ndarray]] = []
        player = self.player = SilentPlayer(self.clock, self.hear)
        play = player.play

        def heard(pieces, rate, gain):
            self.gains.append(gain)
            asked: list[np.ndarray] = []
            self.sounds.append(asked)
            return play((asked.append(piece) or piece for piece in pieces), rate, gain)

        player.play = heard
        prompts = load_prompts(None, ("en",))
        self.playing = Playing(
            self.store, player, self.clock, self.told.append, volume=1.0, chance=Random(3),
            texts={language: load(language) for language in ("en", "es")}, themes=themes(prompts),
        )  # fmt: skip

    def hear(self, event: PlayerEvent) -> None:
        """Bring the player's news where the main loop brings them."""
        self.playing.hear(event)

    def take_out(self, take: TakeId) -> None:
        """Say that a part of a story is gone, as the ledger says it."""
        with transaction(self.store.db.conn):
            self.store.note(take, Act.CUT, "left", span=(Ms(0), Ms(50)))

    def tell(self, prompt: str, *, shared: bool = True, seconds: float = 0.5, later: float = 1.0) -> TakeId:
        """Tell a steady tone; its second half is ``later`` times as strong as the first."""
        opened = self.store.open_take(prompt=prompt, language="en", wording=WORDING, by="talk")
        writer = TakeWriter(opened.path, opened.id, AudioFormat(16_000), opened.key)
        tone = np.sin(np.arange(round(16_000 * seconds)) / 20) * 8000
        tone[len(tone) // 2 :] *= later
        writer.write(tone.astype(np.int16).tobytes())
        self.store.close_take(writer.close())
        self.store.keep(opened.id, wording=WORDING, by="keep")
        if shared:
            self.store.decide(opened.id, Use.PLAY_HERE, yes=True, wording=WORDING, by="left")
        self.clock.advance(1)
        return opened.id

    def next(self, about: About = About.ANY, like: str = "", *, softly: bool = False) -> TakeId | None:
        self.told.clear()
        self.playing.next_voice(t.PlayNext(1, about, like, softly), "en")
        self.playing.stop()
        return next((event.story for event in self.told if isinstance(event, t.StoryChosen)), None)


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Room(tmp_path)
    yield made
    made.store.close()


def test_a_listener_stays_with_a_question_or_its_theme_and_hears_nothing_twice_running(room) -> None:
    same = {room.tell("first-memory-here") for _ in range(3)}
    theme = themes(load_prompts(None, ("en",)))["first-memory-here"] - {"first-memory-here"}
    near = room.tell(min(theme))
    far = room.tell("a-first-job" if "a-first-job" not in theme else "other")
    assert room.next() is not None
    heard = [room.next(About.QUESTION, "first-memory-here") for _ in range(8)]
    assert set(heard) == same
    assert all(one != two for one, two in pairwise(heard))
    broad = {room.next(About.THEME, "first-memory-here") for _ in range(12)}
    assert broad == {*same, near}
    assert far in {room.next() for _ in range(10)}, "the round goes on with everybody"


def test_trouble_rings_even_where_there_are_no_words_for_it(room) -> None:
    rung = []
    room.player.play = lambda sound, rate, gain: rung.append((len(sound), rate, gain))
    room.playing.alarm(7, "", "en")
    assert rung == [(len(chime(RATE)), RATE, 0.0)]
    assert room.playing.reading


def test_little_time_left_sounds_softly_and_in_words_where_only_one_hears_them(room) -> None:
    rung = []
    room.player.play = lambda sound, rate, gain: rung.append(sound)
    room.playing.time_tones(7, "", "en")
    (tones,) = rung
    assert np.array_equal(tones, time_tones(RATE))
    assert abs(tones).max() < 0.5 * abs(chime(RATE)).max(), "softer than trouble: somebody is telling"
    assert parse("[sound]\nheadphones = true\n").rules().headphones
    assert not parse("").rules().headphones


def test_no_other_voice_like_it_is_said_and_the_next_is_any(room) -> None:
    only = room.tell("first-memory-here")
    assert room.next() == only
    assert room.next(About.QUESTION, "first-memory-here") is None
    session, _ = first(0.0)
    session = replace(
        session, state=State.LISTENING, about=About.QUESTION, playing=t.Playing(t.Heard.VOICE, 0.0), play=1
    )
    after, _ = step(session, room.told[-1])
    assert (after.notice, after.about) == (Notice.NO_MORE_LIKE_IT, About.ANY)


def test_at_rest_a_voice_is_quieter(room) -> None:
    room.tell("a")
    room.next()
    room.next(softly=True)
    assert room.gains[1] == pytest.approx(room.gains[0] + REST_DB)


def test_a_cue_that_is_refused_says_so_in_the_visitors_language(room) -> None:
    take = room.tell("a")
    room.store.set_cue(DEFAULT_SHEET, 1, room.store.add_excerpt(take, Ms(0), Ms(400), "t").id)
    room.store.decide(take, Use.PLAY_HERE, yes=False, wording=WORDING, by="left")
    room.told.clear()
    room.playing.cue(7, 1, "es")
    [refused] = [event for event in room.told if isinstance(event, t.Refused)]
    assert refused.why == load("es").get("trouble.refused")


def on_button(room: Room, take: TakeId, end: int = 1500) -> Excerpt:
    cut = room.store.add_excerpt(take, Ms(100), Ms(end), "t")
    room.store.set_cue(DEFAULT_SHEET, 1, cut.id)
    return cut


def at_rest(room: Room) -> None:
    """Be silent, and let the main loop turn twice: look, then open what is missing."""
    room.playing.stop()
    for _ in range(2):
        room.playing.tick(room.clock.monotonic())


def test_a_cue_begins_from_memory_and_goes_on_from_the_disk_without_a_seam(room) -> None:
    take = room.tell("a", seconds=2)
    on_button(room, take)
    room.playing.cue(1, 1, "en")
    from_disk = np.concatenate(room.sounds[-1])
    at_rest(room)
    room.playing.cue(2, 1, "en")
    assert np.array_equal(np.concatenate(room.sounds[-1]), from_disk)
    assert len(from_disk) == 16_000 * 1.4
    # Now the file is not within reach: what is in memory is heard all the same, and then it ends.
    room.playing.stop()
    file = room.store.home.raw_master(take)
    file.rename(file.with_suffix(".away"))
    room.told.clear()
    room.playing.cue(3, 1, "en")
    assert 15_500 < sum(map(len, room.sounds[-1])) <= 16_000
    assert [type(event) for event in room.told] == [t.StoryChosen, t.Refused]


def test_a_cue_is_as_loud_as_its_own_part_and_not_as_its_story_needs(room) -> None:
    take = room.tell("a", seconds=4, later=0.1)
    cut = room.store.add_excerpt(take, Ms(2000), Ms(4000), "the hushed end")
    room.store.set_cue(DEFAULT_SHEET, 1, cut.id)
    with open_master(room.store, take, Reader.CUE, room.store.now()) as sound:
        whole = loudness_in(sound)
    room.store.db.conn.execute("INSERT INTO loudness VALUES (?, ?)", (take, whole))
    room.playing.cue(1, 1, "en")
    assert cut.lufs < whole - 10
    assert loudness(np.concatenate(room.sounds[-1]), 16_000) == pytest.approx(TARGET_LUFS, abs=1)


def test_a_beginning_goes_from_memory_with_the_yes_the_button_and_the_part_taken_out(room) -> None:
    take = room.tell("a", seconds=2)
    beginnings = Beginnings(room.store, DEFAULT_SHEET)

    def turn() -> None:
        for _ in range(2):
            beginnings.tick(room.clock.monotonic(), rest=True)

    cut = on_button(room, take)
    turn()
    assert beginnings.of(1, cut) is not None
    # By the time of a turn nothing of it may be left, so the next is given no chance to open it anew.
    room.store.set_cue(DEFAULT_SHEET, 1, None)
    assert (beginnings.tick(0.0, rest=True), beginnings.of(1, cut)) == (None, None)
    room.store.set_cue(DEFAULT_SHEET, 1, cut.id)
    turn()
    assert beginnings.of(1, cut) is not None
    room.take_out(take)
    assert beginnings.of(1, cut) is None, "not even before the next turn"
    turn()
    room.store.decide(take, Use.PLAY_HERE, yes=False, wording=WORDING, by="left")
    turn()
    assert beginnings.of(1, cut) is None


def test_a_voice_of_which_a_part_is_taken_out_falls_silent(room) -> None:
    take = room.tell("a", seconds=2)
    room.playing.next_voice(t.PlayNext(1), "en")
    room.playing.tick(room.clock.monotonic())
    assert room.player.position() is not None
    room.take_out(take)
    room.clock.advance(LOOK_AGAIN_S)
    room.playing.tick(room.clock.monotonic())
    assert room.player.position() is None


def resting(**rules: object) -> t.Session:
    session, _ = first(0.0, replace(Rules(), **rules), prompts=("a", "b"))
    return replace(session, state=State.ATTRACT)


def test_a_library_that_wants_it_has_a_voice_now_and_then_and_any_key_stops_it() -> None:
    session, effects = step(resting(attract_voice=60.0), t.Tick(61.0))
    assert effects[-1] == t.PlayNext(1, softly=True)
    assert keys(session)[Control.RIGHT] is Meaning.STOP
    session, _ = step(session, t.StoryChosen(1, TakeId("old"), 61.0, "b"))
    session, _ = step(session, t.PlaybackStarted(1, 61.1))
    for meaning, goes in ((Meaning.STOP, State.ATTRACT), (Meaning.TALK, State.CONSENT), (Meaning.NEXT, State.CHOOSING)):
        after, done = step(session, t.Press(meaning, 63.0, TakeId("x")))
        if meaning is Meaning.NEXT:
            assert (after.state, meaning in legal(session)) == (State.ATTRACT, False), "that key stops it first"
            continue
        assert t.StopPlaying() in done
        assert (after.state, after.playing) == (goes, None)
    quiet, _ = step(session, t.PlaybackEnded(1, 70.0))
    assert step(quiet, t.Tick(100.0))[0].playing is None, "silence in between"
    silent, _ = step(session, t.Refused(1, "no", 70.0))
    assert silent.say == "", "at rest nobody asked for anything"


def test_no_voice_sounds_at_rest_unless_the_library_wants_it() -> None:
    session, effects = step(resting(), t.Tick(9000.0))
    assert session.playing is None
    assert not [effect for effect in effects if isinstance(effect, t.PlayNext)]
    assert parse("[sound]\nheadphones = true\n[times]\nattract_voice = 60\n").rules().attract_voice == 0.0
    assert parse("[sound]\nheadphones = true\n").begins_at == 0.5
    assert parse("").begins_at == 0.7


def test_after_two_voices_a_listener_is_asked_and_tells_on_that_question() -> None:
    session = replace(resting(), state=State.LISTENING, play=1, playing=t.Playing(t.Heard.VOICE, 0.0))
    session, _ = step(session, t.StoryChosen(1, TakeId("old"), 1.0, "b"))
    session, _ = step(session, t.PlaybackStarted(1, 1.0))
    session, _ = step(session, t.PlaybackEnded(1, 9.0))
    assert (session.voices, session.prompt) == (1, "a")
    after, _ = step(session, t.Press(Meaning.TALK, 11.0, TakeId("x")))
    assert (after.state, after.prompt) == (State.CONSENT, "b")
    gone, _ = step(after, t.Press(Meaning.DECLINE, 13.0, TakeId("x")))
    assert (gone.voices, gone.heard_prompt) == (0, ""), "forgotten with the visit"


def test_while_a_code_is_typed_on_the_cue_keys_no_cue_sounds() -> None:
    coded = parse('[controls]\nfacilitator_code = "1234"\n').rules()
    session = resting(code_on_cues=coded.code_on_cues)
    assert coded.code_on_cues
    assert not [control for control in keys(session) if control.startswith("cue")]
    after, effects = step(session, t.Press(Meaning.CUE1, 5.0, TakeId("x")))
    assert (after.state, effects) == (State.ATTRACT, ())


def test_a_hint_is_said_where_screens_are_read_and_once() -> None:
    ready = replace(resting(), state=State.READY, take=TakeId("t"), mic=t.Mic.OPEN, speaking=True)
    after, effects = step(ready, t.LevelHeard(TakeId("t"), t.Hint.TOO_QUIET, 2.0))
    assert effects == (t.Speak(ready.visit, short=True),)
    assert step(after, t.LevelHeard(TakeId("t"), t.Hint.TOO_QUIET, 3.0))[1] == ()
    assert step(replace(ready, speaking=False), t.LevelHeard(TakeId("t"), t.Hint.GOOD, 2.0))[1] == ()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_for_the_left_hand_everything_is_the_other_way_round_and_nothing_else_differs(language) -> None:
    across = {Control.LEFT: Control.RIGHT, Control.RIGHT: Control.LEFT}
    playing = t.Playing(t.Heard.VOICE, 0.0, story=TakeId("old"), started=1.0)
    for state in State:
        for more in ({}, {"playing": playing}, {"asked": Meaning.DISCARD}, {"still_there": 9.0}, {"paused_at": 3.0}):
            right = replace(resting(), state=state, language=language, take=TakeId("t"), people=3, **more)
            left = replace(right, rules=Rules(left_handed=True))
            assert dict(keys(left)) == {across.get(key, key): meaning for key, meaning in keys(right).items()}, state
            assert legal(left) == legal(right)
