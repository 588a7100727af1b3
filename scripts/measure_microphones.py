"""Measures what kinds of microphones at their usual places do to the words, through ``hearth transcribe`` itself.

Real readings are put into a room by calculation: how loud a voice is at a distance (it falls by 6 dB with each
doubling), what comes back from the walls (an exponential tail; beyond the critical distance it is louder than the
voice itself), what a microphone that hears to one side leaves out of both (a cardioid: 4.8 dB), its band, and the
room's noise. No real microphone was there to be measured: what a maker's capsule adds is not in these figures.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, sosfilt

from audio.clips import pieces
from audio.pcm import Samples
from audio.resample import MODEL_RATE
from audio.speech import Spoken, normalised, on_this_machine, word_error_rate
from audio.stories import active_level, pink

ROOM_M3, T60_S = 200.0, 0.6
"""A furnished reading room; T60 is how long a sound takes to fall by 60 dB in it."""
VOICE_DB_AT_1M = 60.0
"""A person who talks at ease."""
LEVEL = 0.06
_SHORT_S = 20.0


@dataclass(frozen=True)
class Microphone:
    """A kind of microphone at its place: metres to the mouth, its band in Hz, whether it hears to one side."""

    name: str
    metres: float
    low: float = 60.0
    high: float = 7_900.0
    cardioid: bool = False


@dataclass(frozen=True)
class Room:
    """A room's noise in dB(A), and whether it is other people talking."""

    name: str
    noise_db: float
    talk: bool = False


MICROPHONES = (
    Microphone("headset", 0.05),
    Microphone("handset, telephone band", 0.05, 300.0, 3_400.0),
    Microphone("gooseneck, one-sided", 0.25, cardioid=True),
    Microphone("in the box, one-sided", 0.6, cardioid=True),
    Microphone("in the box, all around", 0.6),
    Microphone("on a shelf, all around", 1.5),
)
ROOMS = (Room("quiet", 40.0), Room("busy", 58.0, talk=True))


def heard(voice: Samples, microphone: Microphone, room: Room, talk: Samples, chance: np.random.Generator) -> Samples:
    """Return what that microphone hears of ``voice`` (16 kHz, level 1 while it talks) in ``room``."""
    directivity = 3.0 if microphone.cardioid else 1.0
    critical = 0.057 * math.sqrt(directivity * ROOM_M3 / T60_S)
    count = int(T60_S * MODEL_RATE)
    tail = chance.normal(0, 1, count) * 10 ** (-3 * np.arange(count) / count)
    # Nothing comes back before the first wall: 4 ms are about 1.4 m of way more.
    tail[: MODEL_RATE // 250] = 0
    tail *= microphone.metres / critical / math.sqrt(float(np.sum(tail**2)))
    tail[0] = 1.0
    sound = fftconvolve(voice, tail)[: len(voice)]
    snr_db = VOICE_DB_AT_1M - 20 * math.log10(microphone.metres) - room.noise_db + 10 * math.log10(directivity)
    noise = np.resize(talk, len(voice)) if room.talk else pink(chance, len(voice))
    sound = sound + noise / math.sqrt(float(np.mean(noise**2))) * 10 ** (-snr_db / 20)
    band = butter(4, [microphone.low, microphone.high], btype="band", fs=MODEL_RATE, output="sos")
    found: Samples = np.clip(LEVEL * sosfilt(band, sound), -1, 1).astype(np.float32)
    return found


def chatter(voices: list[Samples]) -> Samples:
    """Other people talking: the readings backwards and shifted against each other, so that no word can be had of it."""
    length = max(len(voice) for voice in voices)
    many = [np.roll(np.resize(voice[::-1], length), length * n // 7) for n, voice in enumerate((*voices, *voices))]
    found: Samples = np.sum(many, axis=0).astype(np.float32)
    return found


def measure(spoken: list[Spoken], model: str, microphones: tuple[Microphone, ...]) -> list[dict[str, object]]:
    """Return a row each microphone and room, with the word error rate over all readings."""
    voices = [np.concatenate(list(pieces(one.path))) for one in spoken]
    voices = [voice / active_level(voice) for voice in voices]
    talk = chatter(voices)
    rows: list[dict[str, object]] = []
    for room in ROOMS:
        for microphone in microphones:
            print(f"{microphone.name}, {room.name} ...", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                for number, voice in enumerate(voices):
                    sound = heard(voice, microphone, room, talk, np.random.default_rng(number))
                    soundfile.write(Path(folder) / f"{number:03d}.wav", sound, MODEL_RATE, subtype="PCM_16")
                texts = _transcribed(Path(folder), model)
            rate = word_error_rate([(one.text, text) for one, text in zip(spoken, texts, strict=True)])
            rows.append({"microphone": microphone.name, "room": room.name, "model": model, "wer": round(rate, 4)})
    return rows


def _transcribed(folder: Path, model: str) -> list[str]:
    program = Path(sys.executable).with_name("hearth")
    command = [program, "transcribe", folder, "--streamed", "--model", model, "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return [clip["text"] for clip in json.loads(told.stdout)["clips"]]


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--model", default="base", help="the speech model")
    parser.add_argument("--quick", action="store_true", help="the nearest and the farthest microphone, short readings")
    given = parser.parse_args()
    spoken = list(on_this_machine())
    if given.quick:
        spoken = [one for one in spoken if soundfile.info(str(one.path)).duration < _SHORT_S][:2]
    rows = measure(spoken, given.model, (MICROPHONES[0], MICROPHONES[-1]) if given.quick else MICROPHONES)
    words = sum(len(normalised(one.text).split()) for one in spoken)
    if given.json:
        print(json.dumps({"readings": len(spoken), "words": words, "rows": rows}, indent=1))
        return 0
    print(f"{len(spoken)} readings, {words} words, model {given.model}")
    for row in rows:
        print(f"{row['microphone']!s:28} {row['room']!s:6} {100 * float(str(row['wer'])):5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
