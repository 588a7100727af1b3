"""One contract for every player, the mixing itself, and loudness."""

from __future__ import annotations

import itertools
import math
import threading
from types import SimpleNamespace

import numpy as np
import pyloudnorm
import pytest
import soundfile

from audio.clock import SystemClock, VirtualClock
from audio.drivers import make_player
from audio.errors import BadSound, NoSpeaker
from audio.loudness import loudness, loudness_of, matching_gain
from audio.microphone import holding_portaudio, portaudio, reset_portaudio
from audio.player import FADE_MS, PlaybackEnded, PlaybackStarted, SilentPlayer, SpeakerPlayer, Voice
from audio.sidebyside import CEILING, Limiter, beside_others, limited
from audio.virtualsound import SPEAKER

pytestmark = pytest.mark.alone  # sound in real time, through a sound server

STEEPEST = math.pi / 2 / (48 * FADE_MS) + 1e-5
"""The most a half cosine of that length rises from one sample to the next, at 48 kHz."""


def sine(seconds, rate=48_000, hertz=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


class Stage:
    def __init__(self, player, clock, heard):
        self.player, self.clock, self.heard = player, clock, heard
        self._pause = threading.Event()

    def pass_time(self, seconds):
        """Let the clock go on, giving the player its turns as the main loop does."""
        for _ in range(max(1, round(seconds / 0.02))):
            if isinstance(self.clock, VirtualClock):
                self.clock.advance(0.02)
            else:
                self._pause.wait(0.02)
            self.player.tick()

    def ended(self, count=1):
        for _ in range(500):
            if len(self.heard.of(PlaybackEnded)) >= count:
                return [event.finished for event in self.heard.of(PlaybackEnded)]
            self.pass_time(0.02)
        return []


@pytest.fixture(params=["silent", "speaker"])
def stage(request, heard):
    clock = VirtualClock() if request.param == "silent" else SystemClock()
    if request.param == "speaker":
        request.getfixturevalue("virtual_sound")
    player = make_player(request.param, clock, heard, device=SPEAKER)
    yield Stage(player, clock, heard)
    player.close()


def test_it_starts_goes_on_and_ends(stage):
    assert stage.player.position() is None
    stage.player.play(sine(0.6), 48_000, gain_db=-6.0)
    stage.heard.wait(PlaybackStarted)
    stage.pass_time(0.2)
    assert 0 <= stage.player.position() < 600
    assert stage.ended() == [True]
    assert stage.player.position() is None


def test_stop_ends_unfinished_and_is_harmless_otherwise(stage):
    stage.player.stop()
    stage.player.play(sine(30), 48_000)
    stage.heard.wait(PlaybackStarted)
    stage.player.stop()
    assert stage.ended() == [False]
    stage.player.stop()
    stage.pass_time(0.1)
    assert len(stage.heard.of(PlaybackEnded)) == 1


def test_the_gain_of_what_sounds_can_be_changed(stage):
    stage.player.set_gain(-6.0)
    stage.player.play(sine(0.3), 48_000, gain_db=-20.0)
    stage.heard.wait(PlaybackStarted)
    stage.player.set_gain(-3.0)
    assert stage.ended() == [True]
    if isinstance(stage.player, SilentPlayer):
        assert stage.player.history[0].gain_db == -3.0


def test_a_new_sound_ends_the_one_before(stage):
    stage.player.play(sine(30), 48_000)
    stage.heard.wait(PlaybackStarted)
    stage.player.play(sine(0.2), 48_000)
    assert stage.ended(2) == [False, True]
    assert len(stage.heard.of(PlaybackStarted)) == 2


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_long_sounds_come_piece_by_piece_at_any_rate(stage, rate):
    asked = []

    def pieces():
        for n in range(6):
            asked.append(n)
            yield sine(0.1, rate)

    stage.player.play(pieces(), rate)
    assert stage.ended() == [True]
    assert asked == list(range(6))


def test_names_nobody_has_are_refused(heard, virtual_sound):
    with pytest.raises(NoSpeaker, match="no player"):
        make_player("gramophone", VirtualClock(), heard)
    with pytest.raises(NoSpeaker, match="not there"):
        SpeakerPlayer("gramophone", SystemClock(), heard)


def test_the_silent_player_remembers(heard):
    clock = VirtualClock()
    player = SilentPlayer(clock, heard)
    player.play(sine(1.5), 48_000, 3.0)
    clock.advance(0.5)
    assert player.position() == 500
    clock.advance(1.0)
    assert player.position() is None
    (played,) = player.history
    assert (played.at, played.length, played.gain_db, played.finished) == (0.0, 1500, 3.0, True)
    player.close()
    with pytest.raises(NoSpeaker):
        player.play(sine(1), 48_000)


def test_the_speaker_really_sounds_at_the_asked_level(virtual_sound, heard, tmp_path):
    player = SpeakerPlayer(SPEAKER, SystemClock(), heard)
    with virtual_sound.record_speaker(tmp_path / "out.wav") as path:
        player.play(sine(0.8), 48_000, gain_db=-6.0)
        heard.wait(PlaybackEnded)
        threading.Event().wait(0.3)
    player.close()
    recorded, rate = soundfile.read(path)
    assert rate == 48_000
    loud = np.abs(recorded) > 0.01
    assert 0.7 < loud.sum() / rate < 0.85
    assert np.abs(recorded).max() == pytest.approx(0.25, abs=0.02)


def test_a_sound_at_another_rate_fades_into_the_same_stream(virtual_sound, tmp_path, heard):
    """Reading aloud (22,050 Hz) and a voice after it: the device stays open, and the first one is let fade."""

    def steepest(number):
        """The largest fall between two samples, as a part of the sine's own slope."""
        heard.events.clear()
        player = SpeakerPlayer(SPEAKER, SystemClock(), heard)
        with virtual_sound.record_speaker(tmp_path / f"out{number}.wav") as path:
            player.play(sine(30, rate=22_050, hertz=220), 22_050)
            heard.wait(PlaybackStarted)
            threading.Event().wait(0.2)
            player.play(sine(0.2, hertz=220, level=0.05), 48_000)
            heard.wait(PlaybackEnded, 2)
            threading.Event().wait(0.2)
        player.close()
        recorded, rate = soundfile.read(path)
        assert np.abs(recorded).max() == pytest.approx(0.5, abs=0.03)
        return np.abs(np.diff(recorded)).max() / (0.5 * 2 * math.pi * 220 / rate)

    # A cut off sine falls by up to all of its height. So does one whose machine was late once: that has two more tries.
    assert any(steepest(number) < 1.5 for number in range(3))


def test_a_restart_of_portaudio_ends_what_plays_and_the_next_sound_works(virtual_sound, heard):
    player = SpeakerPlayer(SPEAKER, SystemClock(), heard)
    player.play(sine(30), 48_000)
    heard.wait(PlaybackStarted)
    reset_portaudio()
    assert heard.wait(PlaybackEnded)[0].finished is False
    player.play(sine(0.1), 48_000)
    assert heard.wait(PlaybackEnded, 2)[1].finished is True
    player.close()


def test_the_device_is_not_opened_while_portaudio_is_restarted(virtual_sound, heard, monkeypatch):
    monkeypatch.setattr("audio.player._HUNG_S", 0.05)
    player = SpeakerPlayer(SPEAKER, SystemClock(), heard)
    held, done = threading.Event(), threading.Event()

    def restart():
        with holding_portaudio(NoSpeaker):
            held.set()
            done.wait(10)

    restarting = threading.Thread(target=restart)
    restarting.start()
    held.wait(10)
    try:
        with pytest.raises(NoSpeaker, match="does not answer"):
            player.play(sine(0.1), 48_000)
    finally:
        done.set()
        restarting.join()
    monkeypatch.undo()
    player.play(sine(0.1), 48_000)
    assert heard.wait(PlaybackEnded)[0].finished is True
    player.close()


def test_devices_that_cannot_be_listed_are_a_trouble_with_the_loudspeaker(heard, monkeypatch):
    sd = portaudio()

    def not_initialized():
        raise sd.PortAudioError("Error querying devices", -10_000)

    monkeypatch.setattr(sd, "query_devices", not_initialized)
    with pytest.raises(NoSpeaker, match="does not say which loudspeaker"):
        SpeakerPlayer("", SystemClock(), heard)


def test_a_dead_loudspeaker_ends_the_sound(virtual_sound, heard):
    stage = Stage(SpeakerPlayer(SPEAKER, SystemClock(), heard), SystemClock(), heard)
    stage.player.play(sine(60), 48_000)
    heard.wait(PlaybackStarted)
    virtual_sound.kill()
    try:
        assert stage.ended() == [False]
        with pytest.raises(NoSpeaker):
            stage.player.play(sine(1), 48_000)
    finally:
        virtual_sound.start()
    reset_portaudio()
    stage.player.play(sine(0.1), 48_000)
    assert stage.ended(2) == [False, True]
    stage.player.close()


def test_a_sound_that_cannot_be_read_on_ends_unfinished(virtual_sound, heard):
    def broken():
        yield sine(1.2)
        raise BadSound("gone")

    player = SpeakerPlayer(SPEAKER, SystemClock(), heard)
    player.play(broken(), 48_000)
    assert heard.wait(PlaybackEnded)[0].finished is False
    player.close()


def test_the_position_is_what_is_heard_between_blocks_and_when_a_callback_had_to_wait(virtual_sound, heard):
    clock = VirtualClock()
    player = SpeakerPlayer(SPEAKER, clock, heard)
    player._hurried = True
    voice = player._current = Voice(48_000)
    voice.feed(np.ones(48_000, np.float32))
    player._voices.append(voice)

    def called(waited=0.0):
        at = clock.monotonic() - waited
        player._fill(
            np.zeros((4800, 1), np.float32), 4800, SimpleNamespace(currentTime=at, outputBufferDacTime=at + 0.03), None
        )

    assert player.position() == 0
    called()
    assert heard.of(PlaybackStarted) == [PlaybackStarted(clock.monotonic() + 0.03, clock.monotonic())]
    assert player.position() == 0, "the device still holds it"
    clock.advance(0.08)
    assert player.position() == pytest.approx(50, abs=1)
    clock.advance(0.05)
    called(waited=0.03)
    assert player.position() == pytest.approx(100, abs=1), "it was called when 70 ms of the first block were heard"
    clock.advance(0.5)
    assert player.position() == pytest.approx(200, abs=1), "no farther than what it was given"
    player._voices.clear()


# -- the mixing, without any device ---------------------------------------------------------------------------------


def run(voice, blocks, size=480):
    out = []
    for _ in range(blocks):
        block = np.zeros(size, np.float32)
        voice.fill(block)
        out.append(block)
    return np.concatenate(out)


def test_a_voice_rises_and_falls_without_a_step():
    voice = Voice(48_000)
    voice.feed(np.ones(9600, np.float32))
    voice.complete = True
    sound = run(voice, 25)
    assert np.abs(np.diff(sound)).max() <= STEEPEST
    assert sound[1440] == pytest.approx(1.0, abs=1e-3)
    assert voice.finished
    assert np.count_nonzero(sound) >= 9590


def test_stopping_fades_within_ten_milliseconds():
    voice = Voice(48_000, gain_db=-6.0206)
    voice.feed(np.ones(96_000, np.float32))
    before = run(voice, 10)
    voice.stop()
    after = run(voice, 5)
    assert np.abs(np.diff(np.concatenate([before, after]))).max() <= STEEPEST
    assert before[-1] == pytest.approx(0.5, abs=1e-3)
    assert not after[48 * FADE_MS :].any()
    assert voice.ended
    assert not voice.finished


def test_another_gain_is_reached_within_one_block_without_a_step():
    voice = Voice(48_000)
    voice.feed(np.ones(96_000, np.float32))
    before = run(voice, 4)
    voice.set_gain(-12.0412)
    after = run(voice, 3)
    assert before[-1] == pytest.approx(1.0, abs=1e-3)
    assert after[480:] == pytest.approx(0.25, abs=1e-3)
    assert np.abs(np.diff(np.concatenate([before[480:], after]))).max() <= 0.75 / 480 + 1e-5


def test_a_gain_may_change_while_the_voice_fades():
    voice = Voice(48_000)
    voice.feed(np.ones(96_000, np.float32))
    run(voice, 4)
    voice.stop()
    voice.set_gain(6.0)
    faded = run(voice, 2)
    assert voice.ended
    assert np.abs(np.diff(faded)).max() <= 2 * STEEPEST + 1.0 / 480


def test_a_late_feeder_is_silence_not_the_end():
    voice = Voice(48_000)
    assert not run(voice, 1).any()
    assert not voice.ended
    voice.feed(np.ones(480, np.float32))
    voice.complete = True
    run(voice, 2)
    assert voice.finished


# -- loudness -------------------------------------------------------------------------------------------------------


def test_loudness_follows_the_standard():
    assert loudness(sine(5, hertz=997, level=10 ** (-23 / 20)), 48_000) == pytest.approx(-26.0, abs=0.2)
    assert loudness(sine(0.1, hertz=997, level=10 ** (-23 / 20)), 48_000) == pytest.approx(-26.0, abs=0.5)
    assert loudness(np.zeros(48_000, np.float32), 48_000) == -math.inf
    assert loudness(np.zeros(0, np.float32), 48_000) == -math.inf
    assert loudness(sine(1, level=1e-5), 48_000) == -math.inf


def test_loudness_of_pieces_is_that_of_the_whole_with_its_pauses_left_out():
    rng = np.random.default_rng(7)
    parts = [rng.normal(0, level, 16_000 * 2) for level in (0.1, 0.001, 0.05, 0.0, 0.02, 0.1)]
    whole = np.concatenate(parts).astype(np.float32)
    by_library = pyloudnorm.Meter(16_000).integrated_loudness(whole.astype(np.float64))
    assert loudness(whole, 16_000) == pytest.approx(by_library, abs=1e-6)
    assert loudness_of(np.split(whole, 3), 16_000) == pytest.approx(by_library, abs=0.3)
    assert loudness_of([], 16_000) == -math.inf


def test_matching_brings_two_voices_together_and_never_clips():
    for level in (0.01, 0.05, 0.4):
        clip = sine(2, level=level)
        heard = np.concatenate(list(beside_others([clip], 48_000, loudness(clip, 48_000))))
        assert loudness(heard, 48_000) == pytest.approx(-23, abs=0.3)
    assert matching_gain(-80) == 36
    assert matching_gain(-math.inf) == 0


def peaky(seconds=4, rate=48_000):
    """A hushed voice in which something knocks twice a second, 32 dB above it."""
    clip = np.random.default_rng(5).normal(0, 0.004, round(seconds * rate)).astype(np.float32)
    for knock in range(0, len(clip) - 100, rate // 2):
        clip[knock : knock + 60] += 0.16 * np.hanning(60).astype(np.float32)
    return clip


def test_a_quiet_voice_with_sharp_peaks_is_as_loud_as_the_others_and_keeps_its_shape():
    clip = peaky()
    (heard,) = beside_others([clip], 48_000, None)
    assert heard is clip, "what nobody has measured stays as it was"
    measured = loudness(clip, 48_000)
    heard = np.concatenate(list(beside_others([clip], 48_000, measured)))
    assert len(heard) == len(clip)
    assert np.abs(clip).max() * 10 ** (matching_gain(measured) / 20) > 1.5, "it would have been clipped"
    assert np.abs(heard).max() <= CEILING
    assert loudness(heard, 48_000) == pytest.approx(-23, abs=2)
    knock = heard[48_000 // 2 :][:60]
    assert np.count_nonzero(knock >= CEILING - 1e-4) <= 2, "a peak turned down is round, one cut off is flat"


@pytest.mark.parametrize("sizes", [[48_000], [1, 479, 481, 7, 20_000], [240]])
def test_a_limiter_gives_piece_by_piece_what_the_whole_would_be(sizes):
    clip = peaky(1.5) * np.float32(20)
    limiter, given, at = Limiter(48_000), [], 0
    for size in itertools.cycle(sizes):
        given.append(limiter.push(clip[at : at + size]))
        at += size
        if at >= len(clip):
            break
    assert min(at, len(clip)) - sum(map(len, given)) <= 3 * 240, "so much is held back at most"
    assert np.array_equal(np.concatenate([*given, limiter.rest()]), limited(clip, 48_000))
