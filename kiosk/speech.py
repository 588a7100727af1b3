"""The box reads its screens aloud, by a machine voice that needs no network, or by a person who recorded the line.

``espeak-ng`` runs as a program of its own and gives sound back in memory; where it is missing the box stays silent
and says so once in its log. A screen is read line by line (parted by newlines). A line that is the box's own words or a
prompt is kept, in memory and as a file, so that it is made once; anything else - a keep-code, a place, somebody's own
words - is made anew each time and never touches a disk.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from audio import models
from audio.chime import chime, time_tones
from audio.errors import NoModel
from audio.machinevoice import machine_voice
from audio.pcm import Samples
from audio.resample import at_rate
from kiosk.prompts import Prompt
from kiosk.texts import Texts

WORDS_PER_MINUTE = 150
"""Slower than the program's usual 175: heard once, in a noisy room, often not in one's first language."""
PACE = {"zh": 210}
"""Where the program counts something else than words: of Chinese it counts signs, and 210 are still slow speech."""
RATE = 22_050
"""What the program gives, and what a reading is put together at, Hz."""
PAUSE_S = 0.28
"""Between two lines."""
_LABELLED = ("spoken.left", "spoken.middle", "spoken.right", "spoken.corner")
_LABEL: Final = re.compile(r"keys\.|setup\.key_")
"""What keys are called while people visit, and while the box is set up."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """Spoken text: mono float32 at ``rate`` Hz."""

    samples: Samples
    rate: int


def speech_cache() -> Path:
    """The folder of lines already made: they are the box's own words, nobody's data."""
    return models.cache() / "speech-cache"


def read_aloud(text: str, language: str) -> Reading | None:
    """Turn ``text`` into sound; None where no machine voice is installed or it fails."""
    try:
        return Reading(*machine_voice(text, language, PACE.get(language, WORDS_PER_MINUTE)))
    except NoModel as error:
        _log.warning("%s %s", error.say, error.do)
        return None


class Voice:
    """Reads lines in any language the box offers."""

    def __init__(
        self,
        texts: Mapping[str, Texts],
        prompts: Iterable[Prompt] = (),
        *,
        recordings: Path | None = None,
        prompt_recordings: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        """``recordings`` holds ``<language>/<key>.wav`` (keys of `lines_of`), ``prompt_recordings`` the prompts' files.

        ``cache`` is where lines are kept as files; None keeps them in memory alone.
        """
        self._cache = cache
        self._known: dict[tuple[str, str], list[Path]] = {}
        self._kept: dict[tuple[str, str], Reading] = {}
        for language, words in texts.items():
            for line, key in lines_of(words):
                # Some words stand under several keys; whichever was recorded is read.
                found = self._known.setdefault((language, line), [])
                found += [] if recordings is None else [recordings / language / f"{key}.wav"]
        for prompt in prompts:
            for language, line in prompt.text.items():
                name = prompt.spoken.get(language)
                own = [] if name is None or prompt_recordings is None else [prompt_recordings / name]
                self._known.setdefault((language, finished(line)), []).extend(own)

    @property
    def lines(self) -> Sequence[tuple[str, str]]:
        """Every line that is made once: language and words."""
        return tuple(self._known)

    def read(self, text: str, language: str) -> Reading | None:
        """Read ``text``, line by line; None where nothing of it can be made."""
        made = [reading for line in text.split("\n") if line and (reading := self.line(line, language)) is not None]
        if not made:
            return None
        return _joined(made)

    def alarm(self, text: str, language: str) -> Reading:
        """The chime and then ``text``; the chime alone where no words can be made."""
        return self._rung(chime(RATE), text, language)

    def tones(self, text: str, language: str) -> Reading:
        """The tones of little time left and then ``text``, if any."""
        return self._rung(time_tones(RATE), text, language)

    def _rung(self, sound: Samples, text: str, language: str) -> Reading:
        rung, words = Reading(sound, RATE), self.read(text, language)
        return rung if words is None else _joined((rung, words))

    def line(self, line: str, language: str) -> Reading | None:
        """One line: a person's recording, else a kept reading, else a fresh one."""
        key = (language, line)
        if key not in self._known:
            return read_aloud(line, language)
        if key not in self._kept:
            reading = self._recorded(self._known[key]) or self._filed(line, language)
            if reading is None:
                return None
            self._kept[key] = reading
        return self._kept[key]

    def _recorded(self, paths: Sequence[Path]) -> Reading | None:
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            return None
        try:
            return _whole(path)
        except (OSError, soundfile.LibsndfileError) as error:
            _log.warning("the recording %s cannot be played: %s", path.name, type(error).__name__)
            return None

    def _filed(self, line: str, language: str) -> Reading | None:
        if self._cache is None:
            return read_aloud(line, language)
        name = hashlib.sha256(f"{language}\n{PACE.get(language, WORDS_PER_MINUTE)}\n{line}".encode()).hexdigest()
        path = self._cache / f"{name[:32]}.flac"
        try:
            return _whole(path)
        except (OSError, soundfile.LibsndfileError):
            reading = read_aloud(line, language)
        if reading is not None:
            _file(path, reading)
        return reading


def lines_of(texts: Texts) -> tuple[tuple[str, str], ...]:
    """Every line the box says in a language by itself, with the key a recording of it is named after.

    A key's line is named after both: ``spoken.left+keys.agree``.
    """
    words = texts.words
    plain = [(finished(text), key) for key, text in words.items() if "{" not in text]
    labels = [(key, text) for key, text in words.items() if _LABEL.match(key)]
    pressed = [
        (texts.get(place, label=label), f"{place}+{key}")
        for place in _LABELLED
        if place in words
        for key, label in labels
    ]
    return (*plain, *pressed)


def finished(line: str) -> str:
    """A line with a full stop, so that it is read as a sentence."""
    return line if line[-1] in ".?!…।؟。？！" else f"{line}."


def _joined(readings: Sequence[Reading]) -> Reading:
    """One after another, with a pause between two."""
    pause = np.zeros(round(PAUSE_S * RATE), np.float32)
    pieces = [piece for reading in readings for piece in (at_rate(reading.samples, reading.rate, RATE), pause)]
    return Reading(np.concatenate(pieces[:-1]), RATE)


def _whole(source: Path | io.BytesIO) -> Reading:
    samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    return Reading(np.ascontiguousarray(samples.mean(axis=1)), int(rate))


def _file(path: Path, reading: Reading) -> None:
    """Keep a reading; a cache that cannot be written is no trouble, the line is made again."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(part, reading.samples, reading.rate, format="FLAC", subtype="PCM_16")
        part.replace(path)
    except (OSError, soundfile.LibsndfileError):
        with suppress(OSError):
            part.unlink()
