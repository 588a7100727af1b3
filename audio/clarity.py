"""How clearly a voice stands above its room: one number that tells near from far, and quiet rooms from loud ones."""

from __future__ import annotations

import numpy as np

from audio.pcm import Samples

_FRAME = 320
_FLOOR = 1e-10


def clarity_db(samples: Samples) -> float:
    """Return how far the loud parts of mono 16 kHz ``samples`` lie above the quiet ones, in dB.

    Frames of 20 ms; loud and quiet are the 90th and the 10th percentile of their power. A voice with pauses in a quiet
    room gives 30 and more; noise fills the pauses and so does an echo. 0 for less than ten frames.
    """
    count = len(samples) // _FRAME
    if count < 10:  # noqa: PLR2004 - percentiles of fewer say nothing
        return 0.0
    power = np.mean(np.square(samples[: count * _FRAME].reshape(count, _FRAME), dtype=np.float64), axis=1) + _FLOOR
    quiet, loud = np.percentile(10 * np.log10(power), (10, 90))
    return float(loud - quiet)
