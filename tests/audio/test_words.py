"""Real speech to words: streamed and whole, bounded, honest about doubt; any file is handled or clearly refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import threadpoolctl

from audio import bench, clips, drivers, models, shorttail, speech, transcribe
from audio.drivers import make_vad
from audio.errors import BadSound, NoModel
from audio.segmenter import ADAPTIVE, STEADY
from audio.types import Ms, Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from audio.vad import Vad

CONTRACT = ["whisper", "shorttail", "fixed"]


@pytest.fixture(scope="module")
def whisper() -> Any:
    return transcribe.load_whisper("tiny.en", "en")


@pytest.fixture(scope="module")
def makers(whisper: Any) -> dict[str, Callable[[], transcribe.Transcriber]]:
    return {
        "whisper": lambda: transcribe.WhisperTranscriber(whisper=whisper),
        "shorttail": lambda: shorttail.ShortTailTranscriber(whisper=whisper),
        "fixed": lambda: transcribe.FixedTranscriber(["Ever tried. Ever failed. No matter."] * 9),
    }


@pytest.fixture(scope="module")
def vad() -> Vad:
    return make_vad("silero")


@pytest.fixture(scope="module")
def beckett() -> Path:
    return models.find("speech") / "beckett.wav"


@pytest.fixture(scope="module")
def beckett_samples(beckett: Path) -> Any:
    return np.concatenate(list(clips.pieces(beckett)))


@pytest.mark.parametrize("name", CONTRACT)
def test_every_transcriber_keeps_the_contract(makers: dict[str, Any], beckett_samples: Any, name: str) -> None:
    made = makers[name]()
    assert made.language == "en"
    words = made.transcribe(beckett_samples, Ms(6000))
    length = transcribe.length_of(beckett_samples)
    assert speech.normalised(" ".join(w.text for w in words)).startswith("ever tried ever failed no matter")
    assert all(0 <= a.start <= a.end <= length for a in words)
    assert [w.start for w in words] == sorted(w.start for w in words)
    assert all(type(w.start) is int and type(w.probability) is float and type(w.unclear) is bool for w in words)
    assert made.transcribe(beckett_samples, Ms(0)) == [], "nothing stands over measured silence"
    assert made.transcribe(np.zeros(0, np.float32), Ms(0)) == []


@pytest.mark.parametrize("name", ["whisper", "shorttail"])
@pytest.mark.parametrize("before", ["He sat down by the fire and read aloud.", "no no no " * 60])
def test_what_was_said_before_is_no_part_of_the_answer(
    makers: dict[str, Any], beckett_samples: Any, name: str, before: str
) -> None:
    words = makers[name]().transcribe(beckett_samples, Ms(6000), before)
    said = speech.normalised(" ".join(word.text for word in words))
    assert said.startswith("ever tried ever failed no matter")
    assert len(words) < 25
    assert all(0 <= word.start <= word.end <= transcribe.length_of(beckett_samples) for word in words)


@pytest.mark.parametrize("name", ["whisper", "shorttail"])
def test_word_times_fit_the_sound(makers: dict[str, Any], beckett_samples: Any, name: str) -> None:
    words = makers[name]().transcribe(beckett_samples, Ms(6000))
    again = next(word for word in words if word.text == "Try")
    loud = np.abs(beckett_samples[16 * again.start : 16 * again.end + 1]).max()
    assert loud > 0.05, "the word stands where there is a voice"
    assert all(word.end - word.start < 1500 for word in words)


def test_streamed_words_are_those_of_the_story(makers: dict[str, Any], vad: Vad) -> None:
    story = speech.in_folder(models.find("speech"))[1]
    clip = clips.streamed(story.path, makers["shorttail"](), vad, ADAPTIVE)
    assert speech.word_error_rate([(story.text, clip.text)]) <= 0.05
    assert len(clip.work) >= 3, "it was written down while it was told"
    assert clip.audio_s == pytest.approx(44.374, abs=0.01)
    starts = [word.start for word in clip.words]
    assert starts == sorted(starts)
    assert clip.words[-1].end <= 44_375
    assert 0 < clip.listening_s < clip.cpu_s


def test_unsure_words_are_replaced_while_the_story_goes_on(vad: Vad) -> None:
    class Unsure(transcribe.FixedTranscriber):
        def transcribe(self, samples: Any, voiced: Ms, before: str = "") -> list[Word]:
            said = f"{transcribe.length_of(samples)}"
            self.asked.append((transcribe.length_of(samples), voiced))
            return [Word(said, Ms(0), Ms(100), 0.2)]

    story = speech.in_folder(models.find("speech"))[1]
    unsure = Unsure()
    clip = clips.streamed(story.path, unsure, vad, ADAPTIVE)
    assert sum(length for length, _ in unsure.asked) > 1000 * clip.audio_s, "something was done twice"
    spans = [int(word.text) for word in clip.words]
    assert max(spans) > 8000, "a whole segment's words stand where its pieces' did"
    starts = [word.start for word in clip.words]
    assert starts == sorted(set(starts)), "no segment is told twice"


def test_a_long_file_is_cut_where_it_is_quiet_and_nothing_is_lost() -> None:
    chance = np.random.default_rng(1)
    samples = (0.1 * chance.normal(0, 1, 70 * 16_000)).astype(np.float32)
    for quiet in (20.0, 45.0):
        samples[int(quiet * 16_000) : int((quiet + 0.3) * 16_000)] *= 0.01
    parts = list(transcribe.windows(samples))
    assert [start for start, _ in parts] == [
        pytest.approx(0),
        pytest.approx(20_150, abs=150),
        pytest.approx(45_150, abs=150),
    ]
    assert np.array_equal(np.concatenate([part for _, part in parts]), samples)


def test_the_whole_file_in_one_call(makers: dict[str, Any], beckett: Path) -> None:
    clip = clips.whole(beckett, makers["whisper"]())
    assert speech.word_error_rate([(models.BECKETT, clip.text)]) <= 0.1
    assert clip.final_text_s(3) == pytest.approx(3 * clip.work[0].cpu_s)


def test_a_decode_that_stops_early_or_loops_is_redone_once(
    whisper: Any, beckett_samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = shorttail.ShortTailTranscriber(whisper=whisper)
    real = made._decode
    for text in ("Ever", "no no no no no no no no no", "a b c " * 30):
        monkeypatch.setattr(made, "_decode", lambda *_, text=text: shorttail.Decoded((1,), text, -0.1, 0.0))
        before = made.redone
        words = made.transcribe(beckett_samples, Ms(9000))
        assert speech.normalised(" ".join(word.text for word in words)).startswith("ever tried")
        assert made.redone == before + 1
    monkeypatch.setattr(made, "_decode", real)
    made.transcribe(beckett_samples, Ms(3776))
    assert made.redone == 3, "a good decode is not redone"
    monkeypatch.setattr(made, "_decode", lambda *_: shorttail.Decoded((), "", -0.1, 0.0))
    assert made.transcribe(beckett_samples, Ms(500)) == []


def test_a_stretch_too_long_for_the_tail_is_decoded_plainly(whisper: Any, beckett_samples: Any) -> None:
    made = shorttail.ShortTailTranscriber(whisper=whisper)
    long = np.concatenate([beckett_samples] * 3)
    words = made.transcribe(long, Ms(18_000))
    assert speech.normalised(" ".join(word.text for word in words)).count("ever tried ever failed") == 3


def test_loops_and_early_stops_are_told_from_speech() -> None:
    assert shorttail.loops("and so " * 6)
    assert not shorttail.loops("no no no it was the best of times it was the worst of times")
    assert shorttail.stopped_early(3, Ms(9000))
    assert not shorttail.stopped_early(1, Ms(1000))
    assert shorttail.Decoded((), "", 0.0, 0.0).compression == 0


@pytest.mark.parametrize(
    ("no_speech", "logprob", "compression", "doubt"),
    [(0.1, -0.3, 1.5, False), (0.7, -0.6, 1.5, True), (0.7, -0.3, 1.5, False), (0.1, -0.3, 2.5, True),
     (0.1, -1.3, 1.5, True), (0.9, -0.1, 1.5, True)],
)  # fmt: skip
def test_suspicion(no_speech: float, logprob: float, compression: float, doubt: bool) -> None:
    assert transcribe.suspicious(no_speech, logprob, compression) is doubt


def test_doubt_marks_words_and_never_drops_them() -> None:
    raw = [(" a", 0.0, 0.5, 0.9), (" b", 0.4, 0.3, 0.2), ("  ", 0.5, 0.6, 0.9), (" c", -1.0, 9.0, 0.9)]
    assert [(w.text, w.start, w.end, w.unclear) for w in transcribe.as_words(raw, Ms(1000), doubt=False)] == [
        ("a", 0, 500, False),
        ("b", 400, 400, True),
        ("c", 400, 1000, False),
    ]
    assert all(word.unclear for word in transcribe.as_words(raw, Ms(1000), doubt=True))
    assert transcribe.shifted([Word("a", Ms(1), Ms(2), 1.0)], Ms(10)) == [Word("a", Ms(11), Ms(12), 1.0)]


def test_a_decode_is_bounded_by_the_length_of_the_sound() -> None:
    limits = [transcribe.token_limit(Ms(length)) for length in (0, 1000, 5000, 24_000, 7_200_000)]
    assert limits == sorted(limits)
    assert limits[1] < 40
    assert limits[-1] <= 220


def test_the_fake_remembers_and_fails_when_told() -> None:
    fake = transcribe.FixedTranscriber(["one two", RuntimeError("told to")])
    assert [w.text for w in fake.transcribe(np.zeros(16_000, np.float32), Ms(900))] == ["one", "two"]
    with pytest.raises(RuntimeError, match="told to"):
        fake.transcribe(np.zeros(16_000, np.float32), Ms(900))
    assert fake.transcribe(np.zeros(16_000, np.float32), Ms(900)) == []
    assert fake.asked == [(1000, 900)] * 3


def test_names_and_languages_are_checked() -> None:
    with pytest.raises(NoModel, match="no transcriber"):
        drivers.make_transcriber("oracle")
    with pytest.raises(NoModel, match="does not understand"):
        drivers.make_transcriber("whisper", "tiny.en", "es")
    assert drivers.make_transcriber("fixed").name == "fixed"
    assert isinstance(drivers.make_transcriber(), shorttail.ShortTailTranscriber)


@pytest.mark.usefixtures("whisper")
def test_a_decode_keeps_no_second_core_waiting() -> None:
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    assert pools, "numpy multiplies with a library this does not know"
    assert {pool["num_threads"] for pool in pools} == {1}


def test_no_words_are_heard_in_noise(makers: dict[str, Any], vad: Vad) -> None:
    assert bench.invented(makers["shorttail"](), vad) == []
    fake = transcribe.FixedTranscriber(["boo"] * 9)
    assert bench.noises(6, 2)[0][1].shape == (32_000,)
    assert bench.invented(fake, _Deaf()), "the count can be other than zero"


class _Deaf:
    """A detector that takes every sound for a voice."""

    name = "deaf"

    def reset(self) -> None:
        self._at = 0

    def push(self, samples: Any) -> list[Any]:
        from audio.types import Verdict, Voicing

        self._at += len(samples)
        return [Verdict(Voicing.SPEECH, 1.0, self._at - len(samples), self._at)] if len(samples) else []


def test_the_virtual_clock_queues_segments_behind_each_other() -> None:
    work = (clips.Worked(10.0, 1.0, 1.0), clips.Worked(11.0, 2.0, 2.0), clips.Worked(20.0, 0.5, 0.5))
    clip = clips.Clip(Path("a"), (), 20.0, 4.0, 0.5, work)
    assert clip.final_text_s() == pytest.approx(0.5)
    assert clip.final_text_s(9) == pytest.approx(10 + 9 * 3.5 - 20)
    assert clips.Clip(Path("a"), (), 20.0, 0.0, 0.0, ()).final_text_s() == 0


def _write(path: Path, rate: int, channels: int, subtype: str, seconds: float = 1.0) -> Path:
    tone = 0.1 * np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * 220 / rate)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"),
    [(48_000, 1, "PCM_24"), (8000, 1, "PCM_U8"), (48_000, 6, "PCM_16"), (192_000, 2, "FLOAT"), (44_100, 1, "DOUBLE")],
)
def test_any_kind_of_wav_is_handled(tmp_path: Path, vad: Vad, rate: int, channels: int, subtype: str) -> None:
    path = _write(tmp_path / "a.wav", rate, channels, subtype)
    clip = clips.streamed(path, transcribe.FixedTranscriber(), vad, STEADY)
    assert clip.audio_s == pytest.approx(1.0, abs=0.001)
    assert clips.whole(path, transcribe.FixedTranscriber(["one two"]), press=0.5).audio_s == pytest.approx(0.5)


def test_a_truncated_file_gives_what_is_there(tmp_path: Path, vad: Vad) -> None:
    path = _write(tmp_path / "a.wav", 16_000, 1, "PCM_16", 2.0)
    path.write_bytes(path.read_bytes()[:32_044])
    assert clips.streamed(path, transcribe.FixedTranscriber(), vad).audio_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "no samples", "absurd rate"])
def test_what_is_no_recording_is_refused_with_a_sentence(tmp_path: Path, vad: Vad, kind: str) -> None:
    path = tmp_path / "a.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("dear diary", encoding="utf-8")
    elif kind == "no samples":
        _write(path, 16_000, 1, "PCM_16", 0)
    elif kind == "absurd rate":
        raw = bytearray(_write(path, 16_000, 1, "PCM_16").read_bytes())
        raw[24:28] = struct.pack("<I", 2_000_000_000)
        path.write_bytes(raw)
    for way in (
        lambda: clips.streamed(path, transcribe.FixedTranscriber(), vad),
        lambda: clips.last_voice_s(path, vad),
    ):
        with pytest.raises(BadSound) as caught:
            way()
        assert caught.value.say.endswith(".")
        assert caught.value.do


def test_a_folder_is_its_wav_files_in_order(tmp_path: Path) -> None:
    with pytest.raises(BadSound, match="no WAV"):
        clips.clips_in(tmp_path)
    with pytest.raises(BadSound, match="no file or folder"):
        clips.clips_in(tmp_path / "none")
    for name in ("b.wav", "a.WAV", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "round.wav").symlink_to("round.wav")
    # Nobody can look what lies behind such a name, as behind a folder that is closed to this user.
    (tmp_path / "far.wav").symlink_to("x" * 300)
    assert [path.name for path in clips.clips_in(tmp_path)] == ["a.WAV", "b.wav", "far.wav", "pipe.wav", "round.wav"]
    for name, why in (
        ("pipe.wav", "not a plain file"), ("round.wav", "no sound file"), ("far.wav", r"cannot be read \("),
    ):  # fmt: skip
        with pytest.raises(BadSound, match=why):
            next(clips.pieces(tmp_path / name))
    assert clips.clips_in(tmp_path / "c.txt") == [tmp_path / "c.txt"]


def test_the_quick_bench_measures_beside_its_baseline(whisper: Any, beckett: Path) -> None:
    assert whisper
    figures = bench.quick([speech.Spoken(beckett, models.BECKETT)])
    assert figures["wer_streamed"] <= 0.2
    assert figures["invented_clips"] == 0
    assert figures["final_text_s_k9"] >= figures["final_text_s_k3"] >= figures["final_text_s_k1"] > 0
    assert figures["final_text_ratio_k3"] > 0
    assert figures["vad_ms_per_s"] > 0
    assert "blocks_lost" not in figures, "what was not measured is not reported"


def test_one_clip_that_cannot_be_used_leaves_the_others(tmp_path: Path) -> None:
    for name in ("good.wav", "good.txt", "untold.wav", "piped.wav"):
        (tmp_path / name).write_bytes(b"said")
    (tmp_path / "far.wav").symlink_to("x" * 300)
    os.mkfifo(tmp_path / "piped.txt")
    refused: dict[str, str] = {}
    found = speech.in_folder(tmp_path, lambda path, error: refused.update({path.name: error.say}))
    assert [one.path.name for one in found] == ["good.wav"]
    assert refused == {
        "far.wav": "far.wav has no far.txt beside it.",
        "piped.txt": "piped.txt is not a plain file.",
        "untold.wav": "untold.wav has no untold.txt beside it.",
    }


def test_error_rates_count_words_over_all_clips_together() -> None:
    assert speech.word_error_rate([("One two, three four!", "one two three for"), ("\u2018Tis", "tis")]) == 0.2
    with pytest.raises(BadSound, match="no reference"):
        speech.word_error_rate([("...", "x")])


def test_debians_readings_are_found_with_their_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "<s> he was not an ill disposed young man </s> (one-0880)\nrubbish\n<s> gone </s> (one-0890)\n"
    (tmp_path / "transcription").write_text(lines, encoding="utf-8")
    (tmp_path / "one-0880.wav").write_bytes(b"x")
    assert speech.librivox(tmp_path) == [
        speech.Spoken(tmp_path / "one-0880.wav", "he was not an ill disposed young man")
    ]
    assert speech.librivox(tmp_path / "none") == []
    with pytest.raises(BadSound):
        speech.in_folder(tmp_path)
    assert len(speech.on_this_machine()) >= 2
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr(models, "SYSTEM_CACHE", tmp_path / "none")
    monkeypatch.setattr(speech, "librivox", list)
    with pytest.raises(NoModel):
        speech.on_this_machine()


def said(text: str, start: int, probability: float) -> list[Word]:
    return [
        Word(word, Ms(start + 300 * n), Ms(start + 300 * n + 200), probability) for n, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("heard", "probability", "news"),
    [
        ("And nobody came.", 0.8, True),
        ("And nobody came.", 0.5, False),
        ("yourself.", 0.9, False),
        ("of the door Yourself", 0.9, False),
        ("to mute it", 0.9, False),
        ("", 0.9, False),
    ],
)
def test_a_hole_gives_words_only_if_they_are_sure_and_do_not_stand_beside_it(heard, probability, news) -> None:
    before, after = said("press one to mute", 0, 0.9), said("yourself. Then wait", 5000, 0.9)
    assert shorttail._fits(said(heard, 2000, probability), before, after) is news
