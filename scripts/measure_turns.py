"""Measures telling voices apart: conversations put together from recordings of known readers, and who is taken for whom.

The readers take turns of a few seconds with pauses between, so who speaks when is known to the millisecond. The error
is the part of all speech that is given to another voice than its own, when every voice found is taken for the reader
it fits best and each reader once; so a reader cut in two counts as an error, and two readers made one as well.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.optimize import linear_sum_assignment

from archive.patterns.telling_apart import Turn, tell_apart
from archive.patterns.turns import load_voices
from archive.patterns.voiceprint import RATE, Voices
from archive.patterns.weights import Array
from archive.reviewing.words import DeskWord
from audio.models import find
from audio.resample import at_rate
from audio.speech import librivox, synthetic

WORD_MS = 300
MOST_S = 180
"""A conversation of three minutes has some thirty turns; a reading of half an hour has more than anybody waits for."""
SAID = (
    "We went down to the river every morning before the bell, and nobody asked us where we had been. "
    "When the mill closed my father walked home along the canal and sat in the kitchen until it was dark. "
    "They say the bread was better then, and I think it was, because we were hungry and it was warm."
)


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of the made conversation, in ms."""

    start: int
    end: int
    reader: str


def readings() -> dict[str, Array]:
    """Two real readers of public-domain books, by name; whole, at the model's rate, of one loudness."""
    here = librivox()
    if not here:
        sys.exit("The readings are not on this machine (Debian: pocketsphinx-testdata).")
    return {
        "reader of Austen": _even(np.concatenate([_sound(one.path) for one in here])),
        "reader of Dickens": _even(_sound(find("speech") / "two_cities.wav")),
    }


def made_voices(folder: Path) -> dict[str, Array]:
    """Two voices of a machine that speaks, as guests at the table."""
    found = {}
    for name, more in (("machine, low", "en-us"), ("machine, high", "en-us+f3")):
        path = folder / f"{more}.wav"
        synthetic(SAID, path) if more == "en-us" else _speak(more, path)
        found[name] = _even(_sound(path))
    return found


def _speak(voice: str, path: Path) -> None:
    import subprocess

    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), SAID], check=True)


def _sound(path: Path) -> Array:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    plain = samples.mean(axis=1)
    made: Array = at_rate(plain, rate, RATE) if rate != RATE else plain
    return made


def _even(sound: Array) -> Array:
    made: Array = (sound * (0.05 / max(1e-9, float(np.sqrt(np.mean(np.square(sound))))))).astype(np.float32)
    return made


def conversation(readers: Mapping[str, Array], chance: random.Random, most: int = MOST_S) -> tuple[Array, list[Said]]:
    """Let ``readers`` take turns of 2 to 7 s, 0.6 to 1.2 s of quiet between; each begins somewhere in their reading.

    Who comes to the end of theirs begins it again. It ends after ``most`` seconds.
    """
    share = most * RATE // len(readers)
    at = {name: chance.randrange(max(1, len(sound) - share)) for name, sound in sorted(readers.items())}
    pieces: list[Array] = []
    said: list[Said] = []
    clock, last = 0, ""
    quiet = np.random.default_rng(1)
    while True:
        reader = chance.choice([one for one in readers if one != last])
        count = round(chance.uniform(2, 7) * RATE)
        if pieces and clock + count > most * RATE:
            return np.concatenate(pieces), said
        if at[reader] + count > len(readers[reader]):
            at[reader] = 0
        piece = readers[reader][at[reader] : at[reader] + count]
        at[reader] += count
        pause = quiet.normal(0, 0.0005, round(chance.uniform(0.6, 1.2) * RATE)).astype(np.float32)
        said.append(Said(clock * 1000 // RATE, (clock + count) * 1000 // RATE, reader))
        pieces += [piece, pause]
        clock += count + len(pause)
        last = reader


def words_in(sound: Array, said: Sequence[Said]) -> Iterator[DeskWord]:
    """What a transcriber gives: where somebody speaks, in pieces as long as a word, none where a reader pauses."""
    for one in said:
        for start in range(one.start, one.end - WORD_MS + 1, WORD_MS):
            piece = sound[start * RATE // 1000 : (start + WORD_MS) * RATE // 1000]
            if np.sqrt(np.mean(np.square(piece))) > 0.01:  # noqa: PLR2004 - a fifth of the voice's own level
                yield DeskWord(start, start + WORD_MS, 0.9, False, "word")


def error(said: Sequence[Said], turns: Sequence[Turn], words: Sequence[DeskWord]) -> float:
    """The part of speech that is given to another voice, 0 to 1, with the voices matched as well as they can be."""
    readers = sorted({one.reader for one in said})
    voices = sorted({one.speaker for one in turns})
    shared = np.zeros((len(readers), len(voices)))
    whole = 0
    for word in words:
        middle = (word.start + word.end) // 2
        reader = next(one.reader for one in said if one.start <= middle < one.end)
        voice = next((one.speaker for one in turns if one.start <= middle < one.end), None)
        whole += 1
        if voice is not None:
            shared[readers.index(reader), voices.index(voice)] += 1
    rows, columns = linear_sum_assignment(-shared)
    return 1 - float(shared[rows, columns].sum()) / max(1, whole)


def measure(kind: str, readers: Mapping[str, Array], rounds: int, most: int, model: Voices) -> dict[str, object]:
    """Put ``rounds`` conversations of ``most`` seconds together and let ``model`` tell each apart; says how far it is."""
    errors, found, taken, talk = [], [], 0.0, 0.0
    for number in range(rounds):
        sound, said = conversation(readers, random.Random(number), most)  # noqa: S311 - the same every time
        words = list(words_in(sound, said))
        file = io.BytesIO()
        soundfile.write(file, sound, RATE, format="FLAC", subtype="PCM_16")
        file.seek(0)
        began = time.process_time()
        turns = tell_apart(file, words, model)
        taken += time.process_time() - began
        talk += len(sound) / RATE
        errors.append(round(error(said, turns, words), 3))
        found.append(len({one.speaker for one in turns}))
        line = f"{kind}, {number + 1} of {rounds}: {len(sound) / RATE:.0f} s of talk, {errors[-1]:.3f} wrong"
        print(line, file=sys.stderr, flush=True)
    return {
        "voices": len(readers), "voices_found": found, "speech_given_to_another": errors,
        "mean_error": round(sum(errors) / len(errors), 3), "seconds_of_talk": round(talk),
        "processor_seconds_a_minute": round(60 * taken / talk, 1),
    }  # fmt: skip


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="conversations of each kind")
    parser.add_argument("--seconds", type=int, default=MOST_S, help="how long each of them is at most")
    given = parser.parse_args()
    real, model = readings(), load_voices()
    with tempfile.TemporaryDirectory(prefix="hearth-turns-") as folder:
        made = made_voices(Path(folder))
    kinds = {
        "two readers": real,
        "two readers and a machine": real | dict(list(made.items())[:1]),
        "two readers and two machines": real | made,
    }
    figures = {kind: measure(kind, them, given.rounds, given.seconds, model) for kind, them in kinds.items()}
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
