"""A blanked span sounds as a tone, sample for sample, and the master is never named while a redaction stands."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from archive.errors import NoSuchObject, NoSuchStory
from archive.reviewing import rendition
from archive.reviewing.decisions import lift, redact
from archive.reviewing.rendition import TONE, TONE_HZ, blanked_spans, bleep, derived_folder, master_key, sound_key
from archive.server.oneatatime import one_at_a_time
from audio.errors import BadSound

STORY = "01JD0000000000000000000001"


def heard(objects, key):
    with objects.open(key) as stream:
        return soundfile.read(io.BytesIO(stream.read()))


def test_a_span_becomes_a_quiet_tone_and_everything_else_stays_the_same_samples(catalogue, objects, room, clock):
    with catalogue.write() as tx:
        master = master_key(tx, STORY)
        assert sound_key(objects, room, STORY, master, blanked_spans(tx, STORY)) == master
        redact(tx, STORY, 2500, 3000, "", "ana", 0, clock.wall())
        redact(tx, STORY, 2900, 4000, "", "ana", 1, clock.wall())
        spans = blanked_spans(tx, STORY)
    assert spans == ((2500, 4000),)
    key = sound_key(objects, room, STORY, master, spans)
    assert key.startswith(derived_folder(STORY))
    assert key != master
    (before, rate), (after, also) = heard(objects, master), heard(objects, key)
    assert (rate, len(before)) == (also, len(after))
    first, last = 2500 * rate // 1000, 4000 * rate // 1000
    assert np.array_equal(before[:first], after[:first])
    assert np.array_equal(before[last:], after[last:])
    inside = after[first + 400 : last - 400]
    assert np.max(np.abs(inside)) == pytest.approx(TONE, rel=0.01)
    spectrum = np.abs(np.fft.rfft(inside * np.hanning(len(inside))))
    loudest = np.argmax(spectrum) * rate / len(inside)
    assert loudest == pytest.approx(TONE_HZ, abs=3)
    # Nothing of the voice is left under the tone.
    far = spectrum[int(1000 * len(inside) / rate) :]
    assert 20 * np.log10(far.max() / spectrum.max()) < -70


def test_another_redaction_makes_another_object_and_the_one_before_goes(catalogue, objects, room, clock):
    with catalogue.write() as tx:
        master = master_key(tx, STORY)
        one = redact(tx, STORY, 1000, 2000, "", "ana", 0, clock.wall())
        first = sound_key(objects, room, STORY, master, blanked_spans(tx, STORY))
        redact(tx, STORY, 5000, 6000, "", "ana", 1, clock.wall())
        both = sound_key(objects, room, STORY, master, blanked_spans(tx, STORY))
        assert list(objects.keys(derived_folder(STORY))) == [both]
        lift(tx, STORY, one, "ana", 2, clock.wall())
        second = sound_key(objects, room, STORY, master, blanked_spans(tx, STORY))
    assert len({first, both, second, master}) == 4
    assert objects.exists(master)


@pytest.mark.parametrize("shape", [("PCM_16", 1, 48_000), ("PCM_24", 2, 44_100)])
def test_a_rendition_keeps_the_shape_of_the_master(shape):
    subtype, channels, rate = shape
    source, target = io.BytesIO(), io.BytesIO()
    noise = np.random.default_rng(3).uniform(-0.2, 0.2, (rate * 7, channels))
    soundfile.write(source, noise, rate, format="FLAC", subtype=subtype)
    source.seek(0)
    bleep(source, target, [(0, 500), (6900, 9000)])
    target.seek(0)
    with soundfile.SoundFile(target) as made:
        assert (made.subtype, made.channels, made.samplerate, made.frames) == (subtype, channels, rate, rate * 7)
        sound = made.read(always_2d=True)
    assert np.max(np.abs(sound[: rate // 2])) <= TONE * 1.01
    assert np.max(np.abs(sound[rate : 6 * rate])) > 0.19


class GoneMeanwhile:
    """A store in which a story is erased just before what was made from it is stored."""

    def __init__(self, objects):
        self._objects = objects

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def put(self, key, source):
        for folder in (f"bags/{STORY}", derived_folder(STORY)):
            for doomed in list(self._objects.keys(folder)):
                self._objects.delete(doomed)
        return self._objects.put(key, source)


def test_a_rendition_that_comes_after_its_story_was_erased_does_not_stay(catalogue, objects, room, clock):
    with catalogue.write() as tx:
        redact(tx, STORY, 1000, 2000, "", "ana", 0, clock.wall())
        master, spans = master_key(tx, STORY), blanked_spans(tx, STORY)
    with pytest.raises(NoSuchObject):
        sound_key(GoneMeanwhile(objects), room, STORY, master, spans)
    assert list(objects.keys("")) == []


def test_a_story_without_sound_and_sound_that_is_none(catalogue):
    with catalogue.write() as tx:
        tx.run("DELETE FROM files")
        with pytest.raises(NoSuchStory):
            master_key(tx, STORY)
    with pytest.raises(BadSound):
        bleep(io.BytesIO(b"no sound at all"), io.BytesIO(), [(0, 10)])


MAKER = """
import sys
from pathlib import Path
from archive.objects import open_objects
from archive.reviewing import rendition
folder, master = Path(sys.argv[1]), sys.argv[2]
made = []
bleep = rendition.bleep
rendition.bleep = lambda *given: (made.append(1), bleep(*given))
print("ready", flush=True)
sys.stdin.readline()
key = rendition.sound_key(open_objects(f"folder:{folder / 'objects'}"), folder / "work", "01JD0000000000000000000001",
                          master, [(1000, 2000)])
print(len(made), key, flush=True)
"""


def test_of_many_who_ask_at_once_one_makes_it_also_between_programs(catalogue, objects, room, clock, monkeypatch):
    with catalogue.write() as tx:
        redact(tx, STORY, 1000, 2000, "", "ana", 0, clock.wall())
        master, spans = master_key(tx, STORY), blanked_spans(tx, STORY)
    made, together = [], threading.Barrier(3)
    monkeypatch.setattr(rendition, "bleep", lambda *given: (made.append(1), bleep(*given)))

    def ask(_: int) -> str:
        together.wait(60)
        return sound_key(objects, room, STORY, master, spans)

    command = [sys.executable, "-c", MAKER, str(room.parent), master]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        assert other.stdout.readline() == "ready\n"
        # Everybody comes while somebody makes it, and so before it is there.
        with one_at_a_time(room, derived_folder(STORY)):
            asked = [pool.submit(ask, number) for number in range(2)]
            other.stdin.write("go\n")
            other.stdin.flush()
            together.wait(60)
            assert not made
            assert not list(objects.keys(derived_folder(STORY)))
        keys = {one.result(60) for one in asked}
        theirs, key = other.communicate(timeout=60)[0].split()
    assert keys == {key}
    assert len(made) + int(theirs) == 1
    assert len(heard(objects, key)[0]) == len(heard(objects, master)[0])
