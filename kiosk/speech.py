"""The box reads its screens aloud, by a machine voice that needs no network.

``espeak-ng`` runs as a program of its own and gives sound back in memory; where it is missing the box stays silent
and says so once in its log. Readings are short (a screen), so they are made whole before they are played.
"""

from __future__ import annotations

import io
import logging
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile

from audio.pcm import Samples

WORDS_PER_MINUTE = 150
"""Slower than the program's usual 175: heard once, in a noisy room, often not in one's first language."""
_PATIENCE_S = 10.0
_VOICES = {"zh": "cmn"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """Spoken text: mono float32 at ``rate`` Hz."""

    samples: Samples
    rate: int


@lru_cache(maxsize=64)
def read_aloud(text: str, language: str) -> Reading | None:
    """Turn ``text`` into sound; None where no machine voice is installed or it fails."""
    program = shutil.which("espeak-ng")
    if program is None:
        _log.warning("no machine voice: install espeak-ng to have screens read aloud")
        return None
    voice = _VOICES.get(language, language)
    command = [program, "--stdout", "-v", voice, "-s", str(WORDS_PER_MINUTE), "--stdin"]
    try:
        made = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=_PATIENCE_S).stdout
        samples, rate = soundfile.read(io.BytesIO(made), dtype="float32", always_2d=True)
    except (OSError, subprocess.SubprocessError, soundfile.LibsndfileError) as error:
        _log.warning("the machine voice failed: %s", type(error).__name__)
        return None
    return Reading(np.ascontiguousarray(samples[:, 0]), int(rate))
