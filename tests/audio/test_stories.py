"""Stories made of recordings, and the drawing of what was measured on them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile

from audio import benchvoice
from audio.benchwords import Heard, frontier, points, time_figures
from audio.clips import Clip, Worked
from audio.drawing import Point, scatter
from audio.speech import Spoken
from audio.stories import CONDITIONS, Story, active_level, make_stories, with_noise
from audio.types import Ms, Verdict, Voicing, Word

RATE = 16_000


def voice(seconds: float) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.fixture
def recordings(tmp_path):
    made = []
    for name, seconds in (("a", 1.0), ("b", 2.0), ("long", 21.0)):
        sound = np.concatenate([np.zeros(RATE // 2, np.float32), voice(seconds), np.zeros(RATE // 2, np.float32)])
        soundfile.write(tmp_path / f"{name}.wav", sound, RATE)
        made.append(Spoken(tmp_path / f"{name}.wav", f"The {name}, told."))
    return made


def test_every_condition_is_told_and_the_long_recording_stays_by_itself(recordings, tmp_path) -> None:
    stories = make_stories(recordings, tmp_path)
    assert {story.condition for story in stories} == set(CONDITIONS)
    assert sum(story.text == "the long told" for story in stories) == 3
    assert all(set(story.text.split()) in ({"the", "a", "b", "told"}, {"the", "long", "told"}) for story in stories)
    assert len({story.path for story in stories}) == len(stories)


def test_words_begin_where_the_story_says(recordings, tmp_path) -> None:
    story = make_stories(recordings[:2], tmp_path)[0]
    sound, _ = soundfile.read(story.path)
    for number, at in story.onsets:
        assert number in (0, 3)
        before, after = sound[int((at - 0.04) * RATE) : int(at * RATE)], sound[int(at * RATE) : int((at + 0.04) * RATE)]
        assert np.sqrt(np.mean(after**2)) > 10 * np.sqrt(np.mean(before**2))


def test_noise_lies_as_far_below_the_voice_as_was_asked_for() -> None:
    sound = voice(2.0)
    noise = with_noise(sound, 10.0, np.random.default_rng(1)) - sound
    assert 20 * np.log10(active_level(sound) / np.sqrt(np.mean(noise**2))) == pytest.approx(10.0, abs=0.1)


class Loud:
    """A detector that hears a voice in whatever is loud."""

    name = "loud"

    def reset(self) -> None:
        pass

    def push(self, samples):
        found = []
        for at in range(0, len(samples) - 159, 160):
            speech = np.max(np.abs(samples[at : at + 160])) > 0.05
            found.append(Verdict(Voicing.SPEECH if speech else Voicing.SILENCE, 1.0, at, at + 160))
        return found


def test_a_detector_is_judged_against_where_the_clean_voice_is(recordings) -> None:
    assert benchvoice.vad_f1(recordings, Loud(), None) > 0.99
    assert benchvoice.vad_f1(recordings, Loud(), 0.0) < 0.99
    assert benchvoice.false_starts(Loud()) > 0
    assert benchvoice.vad_cost(recordings[0].path, Loud()) > 0


def clip(story: Spoken, *words: tuple[str, int], work: tuple[Worked, ...] = ()) -> Clip:
    return Clip(story.path, tuple(Word(text, Ms(at), Ms(at + 200), 0.9) for text, at in words), 10.0, 1, 0, work)


def test_waiting_counts_from_the_last_voice_and_may_be_over_before_the_press(recordings) -> None:
    story = recordings[0]
    soon = clip(
        story, ("The", 0), ("a,", 300), ("told.", 600), work=(Worked(9.7, 0.1, 0.2), Worked(10.0, 0.0001, 0.01))
    )
    late = clip(story, work=(Worked(9.0, 1.0, 3.0), Worked(10.0, 0.5, 0.5)))
    heard = Heard("ours", (story, story), (soon, late))
    assert heard.waits(1) == pytest.approx([0.3, 1.0])
    assert heard.waits(3) == pytest.approx([0.5, 4.0])
    assert soon.final_text_s(1) == 0.0
    assert heard.rate == pytest.approx(0.5)
    (row,) = frontier([heard])
    assert row["final_text_s_k3_worst"] == pytest.approx(4.0)
    assert (row["cpu_s"], row["wall_s"]) == (1.6, 3.71)
    assert points([heard])[0].ours


def test_word_starts_are_compared_where_they_are_known(tmp_path) -> None:
    story = Story(tmp_path / "x.wav", "one two three four", onsets=((0, 0.5), (2, 2.0)))
    found = time_figures(Heard("ours", (story,), (clip(story, ("One", 540), ("two", 900), ("three", 1980)),)))
    assert found["word_time_error_ms_median"] == pytest.approx(30)
    assert found["word_time_bias_ms"] == pytest.approx(10)
    assert time_figures(Heard("ours", (), ())) == {}


def test_a_plot_is_well_formed_and_names_every_point() -> None:
    drawn = scatter([Point(1, 2, "a <b>"), Point(0, 0, "c", ours=False)], "T & t", "x", "y")
    tree = ET.fromstring(drawn)
    texts = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a <b>", "c", "T & t"} <= set(texts)
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}circle"))) == 2
