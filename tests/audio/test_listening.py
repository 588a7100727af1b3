"""Framing, resampling, voice activity and levels: sound in, judgements out."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from audio.drivers import VADS, make_vad
from audio.errors import NoModel
from audio.framing import Framer
from audio.levels import Hint, LevelMeter, decibels, has_hum, hint, voice_level
from audio.pcm import from_floats, mix_down, to_floats
from audio.resample import Resampler, to_model
from audio.tracks import babble, room
from audio.types import AudioFormat, Block, Frame, Level, Voicing
from audio.vad import Hysteresis, silero_model

FORMATS = [AudioFormat(48_000), AudioFormat(44_100), AudioFormat(16_000, 1, 3), AudioFormat(22_050, 2, 2)]


def noise(fmt, seconds, seed=3, level=0.1):
    generator = np.random.default_rng(seed)
    return from_floats(generator.uniform(-level, level, int(fmt.rate * seconds) * fmt.channels), fmt.width)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("frame_ms", [10, 32])
def test_frames_are_exact_and_nothing_is_lost_or_moved(fmt, frame_ms):
    pcm = noise(fmt, 1.0)
    framer, frames, at, done = Framer(fmt, frame_ms), [], 5.0, 0
    generator = np.random.default_rng(0)
    while done < len(pcm):
        size = int(generator.integers(1, 3000)) * fmt.frame_bytes
        frames += framer.push(Block(pcm[done : done + size], at + done / fmt.frame_bytes / fmt.rate))
        done += size
    assert {len(frame.pcm) for frame in frames} == {framer.frame_bytes}
    joined = b"".join(frame.pcm for frame in frames)
    assert pcm.startswith(joined)
    assert len(pcm) - len(joined) < framer.frame_bytes
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    for frame in frames:
        assert frame.at == pytest.approx(5.0 + frame.seq * framer.frame_bytes / fmt.frame_bytes / fmt.rate, abs=1e-6)


def test_a_frame_has_a_length_and_a_reset_drops_what_is_held():
    with pytest.raises(ValueError, match="length"):
        Framer(AudioFormat(48_000), 0)
    framer = Framer(AudioFormat(1000), 10)
    framer.push(Block(b"\x01\x00" * 9, 0.0))
    framer.reset()
    assert framer.push(Block(b"\x02\x00" * 10, 1.0)) == [Frame(b"\x02\x00" * 10, 0, 1.0)]


@pytest.mark.parametrize("fmt", FORMATS)
def test_streamed_and_whole_resampling_agree(fmt):
    times = np.arange(fmt.rate * 2) / fmt.rate
    wave = np.repeat(np.sin(2 * np.pi * 440 * times) * 0.5, fmt.channels)
    pcm = from_floats(wave, fmt.width)
    resampler = Resampler(fmt)
    step = 997 * fmt.frame_bytes
    parts = [resampler.push(pcm[i : i + step]) for i in range(0, len(pcm), step)]
    streamed = np.concatenate([*parts, resampler.flush()])
    whole = to_model(pcm, fmt)
    assert streamed.dtype == whole.dtype == np.float32
    assert abs(len(streamed) - 32_000) <= 1
    assert abs(len(whole) - 32_000) <= 1
    ideal = np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000) * 0.5
    assert np.abs(streamed[500:-500] - ideal[500 : len(streamed) - 500]).max() < 0.01
    assert np.abs(whole[500:-500] - ideal[500 : len(whole) - 500]).max() < 0.01
    assert len(to_model(b"", fmt)) == 0


def test_mixing_down_averages_and_keeps_the_width():
    for width in (2, 3):
        fmt = AudioFormat(8000, 2, width)
        mixed = mix_down(from_floats(np.array([0.5, -0.25, 1.0, 1.0]), width), fmt)
        assert to_floats(mixed, AudioFormat(8000, 1, width)) == pytest.approx([0.125, 1.0], abs=1e-4)
    assert mix_down(b"ab", AudioFormat(8000)) == b"ab"


# -- voice activity -----------------------------------------------------------------------------------------------


def test_hysteresis_is_slow_to_start_and_slow_to_leave():
    steady = Hysteresis()
    assert [steady.push(p) for p in (0.9, 0.9, 0.1, 0.9)] == [Voicing.UNKNOWN] * 4
    assert steady.push(0.9) is Voicing.SPEECH
    assert [steady.push(p) for p in (0.36, 0.5, 0.35)] == [Voicing.SPEECH] * 3
    assert steady.push(0.3) is Voicing.SILENCE
    assert steady.push(0.9) is Voicing.SILENCE
    steady.reset()
    assert steady.push(0.9) is Voicing.UNKNOWN


def voice_like(seconds=4.0):
    """A buzz with the formants and rhythm of vowels, which both detectors take for a voice."""
    count = int(16_000 * seconds)
    times = np.arange(count) / 16_000
    pitch = 120 + 15 * np.sin(2 * np.pi * 2.5 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    sound = np.zeros(count)
    for k in range(1, 30):
        hertz = 120 * k
        gain = sum(
            np.exp(-(((hertz - f) / w) ** 2)) * g for f, w, g in ((600, 150, 1), (1200, 200, 0.6), (2500, 300, 0.3))
        )
        sound += gain * np.sin(k * phase)
    sound *= 0.55 - 0.45 * np.cos(2 * np.pi * 4 * times)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A few seconds of a speaking machine at 16 kHz."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng (apt-get install espeak-ng)")
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    words = "My grandmother kept bees behind the old mill, and every spring she talked to them."
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(path), words], check=True, capture_output=True)
    return to_model(soundfile.read(path, dtype="int16")[0].tobytes(), AudioFormat(soundfile.info(path).samplerate))


@pytest.fixture(params=sorted(VADS))
def vad(request):
    return make_vad(request.param)


def test_spans_follow_each_other_whatever_the_pieces(vad):
    sound = np.concatenate([np.zeros(16_000, np.float32), voice_like(2), np.zeros(8000, np.float32)])
    whole = vad.push(sound)
    assert vad.name in VADS
    assert whole[0].start == 0
    assert all(a.end == b.start for a, b in itertools.pairwise(whole))
    assert len(sound) - whole[-1].end < whole[0].end
    vad.reset()
    pieces = [verdict for i in range(0, len(sound), 701) for verdict in vad.push(sound[i : i + 701])]
    assert [(v.start, v.end, v.voicing) for v in pieces] == [(v.start, v.end, v.voicing) for v in whole]
    assert [v.probability for v in pieces] == pytest.approx([v.probability for v in whole], abs=1e-3)


def test_a_voice_is_speech_and_silence_is_not(vad, spoken):
    assert not [v for v in vad.push(np.zeros(48_000, np.float32)) if v.voicing is Voicing.SPEECH]
    vad.reset()
    verdicts = vad.push(spoken)
    voiced = sum(v.end - v.start for v in verdicts if v.voicing is Voicing.SPEECH)
    assert voiced > 0.4 * verdicts[-1].end
    assert all(0 <= v.probability <= 1 for v in verdicts)


def test_room_tone_never_starts_silero():
    tone = to_floats(room(AudioFormat(16_000), 5, 30, level=-40), AudioFormat(16_000))
    assert {v.voicing for v in make_vad("silero").push(tone)} <= {Voicing.SILENCE, Voicing.UNKNOWN}


def test_a_missing_detector_or_model_is_said(monkeypatch):
    with pytest.raises(NoModel, match="called 'crystal'"):
        make_vad("crystal")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NoModel, match="missing"):
        silero_model()


def test_importing_needs_neither_portaudio_nor_a_model():
    code = (
        "import sys, audio, audio.vad, audio.capture, audio.player, audio.sources, audio.loudness;"
        "heavy = {'sounddevice', 'onnxruntime', 'faster_whisper', 'webrtcvad', 'scipy', 'pyloudnorm'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- levels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 3])
def test_a_full_scale_sine_reads_minus_three(width):
    fmt = AudioFormat(48_000, 1, width)
    wave = np.sin(2 * np.pi * 1000 * np.arange(1536) / 48_000) * 0.5
    level = LevelMeter(fmt).push(Frame(from_floats(wave, width), 0, 0.0))
    assert level.rms == pytest.approx(-9.03, abs=0.05)
    assert level.peak == pytest.approx(-6.02, abs=0.05)
    assert level.clipped == 0
    clipped = LevelMeter(fmt).push(Frame(from_floats(np.array([1.0, -1.0, 0.5]), width), 0, 0.0))
    assert clipped.clipped == 2
    assert decibels(0) == -120


def test_the_floor_falls_fast_and_rises_slowly():
    fmt = AudioFormat(48_000)
    meter = LevelMeter(fmt)
    quiet, loud = room(fmt, 1, 1), babble(fmt, 1, 1)
    frame = 1536 * 2

    def floor(pcm):
        return [meter.push(Frame(pcm[i : i + frame], 0, 0.0)).floor for i in range(0, len(pcm) - frame, frame)][-1]

    floor(loud)
    low = floor(quiet)
    assert low == pytest.approx(-60, abs=1.5)
    assert floor(loud) < -57
    meter.reset()
    assert meter.push(Frame(b"", 0, 0.0)) == Level(-120, -120, -120, 0)


@pytest.mark.parametrize(
    ("levels", "hum", "said"),
    [
        ([Level(-28, -15, -60, 0)] * 20, False, Hint.GOOD),
        ([Level(-50, -40, -60, 0)] * 20, False, Hint.CLOSER),
        # A pause of 2.3 s after a good voice, and after the falling end of a word; room tone that breathes.
        ([Level(-28, -15, -60, 0)] * 2 + [Level(-58, -50, -60, 0)] * 23, False, None),
        ([Level(-44, -30, -60, 0), Level(-50, -40, -60, 0)] + [Level(-58, -50, -60, 0)] * 23, False, None),
        ([Level(-52, -40, -56, 0)] * 25, False, None),
        # A hoarse voice, farther away, with the gaps between its words.
        ([Level(-48, -38, -60, 0)] * 12 + [Level(-59, -50, -60, 0)] * 13, False, Hint.CLOSER),
        ([Level(-12, -0.5, -60, 0)] * 20, False, Hint.TOO_LOUD),
        ([Level(-12, -3, -60, 4)] * 20, False, Hint.TOO_LOUD),
        ([Level(-30, -20, -36, 0)] * 20, False, Hint.LOUD_ROOM),
        ([Level(-20, -10, -36, 0)] * 20, False, Hint.GOOD),
        ([Level(-90, -80, -90, 0)] * 20, False, Hint.SILENCE),
        ([], False, Hint.SILENCE),
        ([Level(-28, -15, -60, 0)] * 20, True, Hint.HUM),
    ],
)
def test_the_one_most_useful_hint(levels, hum, said):
    assert hint(levels, hum=hum) is said


def test_hum_is_told_from_voices_and_rooms():
    times = np.arange(48_000) / 48_000
    fmt = AudioFormat(48_000)
    for mains in (50, 60):
        hum = sum(np.sin(2 * np.pi * mains * k * times) / k for k in (1, 2, 3)) * 0.05
        assert has_hum(hum.astype(np.float32) + to_floats(room(fmt, 1, 1), fmt), 48_000)
    assert not has_hum(to_floats(room(fmt, 1, 1), fmt), 48_000)
    assert not has_hum(to_floats(babble(fmt, 1, 1), fmt), 48_000)
    assert not has_hum(voice_like(1.0), 16_000)
    assert not has_hum(np.zeros(48_000, np.float32), 48_000)
    assert not has_hum(np.zeros(100, np.float32), 48_000)
    assert voice_level([]) == -120
