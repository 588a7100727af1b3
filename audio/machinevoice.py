"""A machine's voice that needs no network: ``espeak-ng``, a program of its own, gives sound back in memory."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import Final

import numpy as np
import soundfile

from audio.errors import NoModel
from audio.pcm import Samples

PATIENCE_S: Final = 10.0
_VOICES: Final = {"zh": "cmn"}
_DO: Final = "Install it: apt-get install espeak-ng"


def machine_voice(text: str, language: str, words_per_minute: int) -> tuple[Samples, int]:
    """Let ``espeak-ng`` read ``text``; return mono float32 and its rate in Hz. Nothing is written to a disk.

    Raises:
        NoModel: it is not installed, does not know the language, or says nothing.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise NoModel("There is no machine's voice on this machine.", _DO)
    command = [program, "--stdout", "-v", _VOICES.get(language, language), "-s", str(words_per_minute), "--stdin"]
    try:
        made = subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=PATIENCE_S).stdout
        samples, rate = soundfile.read(io.BytesIO(made), dtype="float32", always_2d=True)
    except (OSError, subprocess.SubprocessError, soundfile.LibsndfileError) as error:
        raise NoModel(f"The machine's voice said nothing in '{language}': {type(error).__name__}.", _DO) from error
    return np.ascontiguousarray(samples.mean(axis=1)), int(rate)
