"""A story as MP3: the same sound for old players, of the size that was promised, with what was blanked out blank."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from archive.errors import NoSuchObject
from archive.reviewing.decisions import redact
from archive.reviewing.podcast import mp3_key, mp3_size, to_mp3
from archive.reviewing.rendition import blanked_spans, derived_folder, master_key, sound_key
from audio.errors import BadSound

STORY = "01JD0000000000000000000001"
TONES = ((0, 300.0), (4, 700.0), (8, 1100.0))
LENGTH_S = 12


def told(rate: int, channels: int = 1) -> bytes:
    """Three tones of four seconds, one after the other."""
    at = np.arange(LENGTH_S * rate) / rate
    hertz = np.select([at < 4, at < 8], [300.0, 700.0], 1100.0)
    out = io.BytesIO()
    soundfile.write(out, np.repeat(0.3 * np.sin(2 * np.pi * hertz * at)[:, None], channels, 1), rate, format="FLAC")
    return out.getvalue()


def pitch(sound: np.ndarray, rate: int) -> float:
    """The loudest frequency."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate / len(sound))


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (16_000, 2), (44_100, 1), (96_000, 2)])
def test_the_sound_is_the_same_and_as_large_as_was_said(rate, channels):
    target = io.BytesIO()
    to_mp3(io.BytesIO(told(rate, channels)), target)
    size = len(target.getvalue())
    assert size == pytest.approx(mp3_size(LENGTH_S * 1000), rel=0.02)
    target.seek(0)
    with soundfile.SoundFile(target) as made:
        assert (made.format, made.channels) == ("MP3", 1)
        heard, back = made.read(), made.samplerate
    assert len(heard) / back == pytest.approx(LENGTH_S, abs=0.1)
    for second, hertz in TONES:
        middle = heard[int((second + 0.5) * back) : int((second + 3.5) * back)]
        assert pitch(middle, back) == pytest.approx(hertz, abs=2)
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.08)


def test_it_is_made_once_and_again_for_what_may_be_heard_then(catalogue, objects, room, clock):
    with catalogue.write() as tx:
        master = master_key(tx, STORY)
        first = mp3_key(objects, room, STORY, master, master)
        assert list(objects.keys(derived_folder(STORY))) == [first]
        assert mp3_key(objects, room, STORY, master, master) == first
        redact(tx, STORY, 2000, 4000, "", "ana", 0, clock.wall())
        heard = sound_key(objects, room, STORY, master, blanked_spans(tx, STORY))
    assert not objects.exists(first), "the one with what was blanked out is gone"
    second = mp3_key(objects, room, STORY, master, heard)
    assert second != first
    with objects.open(second) as source:
        sound, rate = soundfile.read(io.BytesIO(source.read()))
    assert pitch(sound[int(2.2 * rate) : int(3.8 * rate)], rate) == pytest.approx(440, abs=3)


def test_of_a_story_that_went_and_of_what_is_no_sound_nothing_is_made(objects, room):
    with pytest.raises(NoSuchObject):
        mp3_key(objects, room, STORY, "bags/gone", "bags/gone")
    with pytest.raises(BadSound):
        to_mp3(io.BytesIO(b"no sound"), io.BytesIO())
    assert not list(objects.keys(derived_folder(STORY)))
