"""Who spoke when in one session, proposed from its sound: voices that sound alike are put together.

The words say where somebody speaks; each stretch without a pause gets a print of its voice, and prints that lie close
become one voice. Nothing but times and "voice 1, voice 2" leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import soundfile
from sklearn.cluster import AgglomerativeClustering

from archive.patterns.voiceprint import RATE, WINDOW_MS, Voices
from archive.patterns.weights import Array
from archive.reviewing.words import DeskWord
from audio.errors import BadSound
from audio.resample import at_rate

PAUSE_MS: Final = 500
"""A pause as long as this may be another's turn."""
LONGEST_MS: Final = 6_000
SHORTEST_MS: Final = 600
"""Too little to know a voice by: it goes to whoever spoke before."""
APART: Final = 0.25
"""Cosine distance from which two voices are two, measured on real and made speech (docs/patterns.md)."""
MOST_STRETCHES: Final = 4_000
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Turn:
    """From ``start`` to ``end`` (ms) ``speaker`` spoke: "voice 1", as they are first heard."""

    start: int
    end: int
    speaker: str


def tell_apart(
    source: IO[bytes], words: Sequence[DeskWord], voices: Voices, apart: float = APART,
    tell: Callable[[int, int], None] = lambda _done, _whole: None,
) -> list[Turn]:  # fmt: skip
    """Propose who spoke when in the sound file ``source``, by its ``words`` in order of time.

    ``tell`` hears how many ms of how many were listened to. Raises `BadSound` where it cannot be decoded.
    """
    stretches = list(stretches_of(words))[:MOST_STRETCHES]
    known = [one for one in stretches if one[1] - one[0] >= SHORTEST_MS]
    if not known:
        return [Turn(start, end, "voice 1") for start, end in stretches]
    prints = _prints(source, known, voices, tell)
    labels = np.zeros(1, int)
    if len(known) > 1:
        grouping = AgglomerativeClustering(
            n_clusters=None, distance_threshold=apart, metric="cosine", linkage="average"
        )
        labels = np.asarray(grouping.fit_predict(prints))
    names: dict[int, str] = {}
    by_start = dict(zip((start for start, _ in known), labels, strict=True))
    turns: list[Turn] = []
    for start, end in stretches:
        label = by_start.get(start)
        if label is None:
            speaker = turns[-1].speaker if turns else "voice 1"
        else:
            speaker = names.setdefault(int(label), f"voice {len(names) + 1}")
        if turns and turns[-1].speaker == speaker:
            turns[-1] = Turn(turns[-1].start, end, speaker)
        else:
            turns.append(Turn(start, end, speaker))
    return turns


def stretches_of(words: Sequence[DeskWord]) -> Iterator[tuple[int, int]]:
    """Where somebody speaks without a pause, [start, end) in ms, none much longer than `LONGEST_MS`. Pure."""
    start = end = -1
    for word in words:
        if word.blank:
            continue
        if start >= 0 and (word.start - end >= PAUSE_MS or word.end - start > LONGEST_MS):
            yield start, end
            start = -1
        if start < 0:
            start = word.start
        end = max(end, word.end)
    if start >= 0:
        yield start, end


def _prints(
    source: IO[bytes], stretches: Sequence[tuple[int, int]], voices: Voices, tell: Callable[[int, int], None]
) -> Array:
    """One print a stretch: the mean over its windows, each a model's window long, half overlapping."""
    owners: list[int] = []
    windows: list[Array] = []
    rows: list[Array] = []
    done, whole = 0, sum(end - start for start, end in stretches)
    try:
        with soundfile.SoundFile(source) as sound:
            for number, (start, end) in enumerate(stretches):
                for window in _windows(sound, start, end):
                    owners.append(number)
                    windows.append(window)
                done += end - start
                if len(windows) >= _BATCH:
                    rows.append(voices.prints(windows))
                    windows = []
                    tell(done, whole)
    except soundfile.LibsndfileError as error:
        raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error
    rows.append(voices.prints(windows)) if windows else None
    told, of = np.concatenate(rows), np.array(owners)
    made: Array = np.stack([told[of == number].mean(axis=0) for number in range(len(stretches))])
    return made


def _windows(sound: soundfile.SoundFile, start: int, end: int) -> Iterator[Array]:
    rate = sound.samplerate
    first, last = start * rate // 1000, min(sound.frames, end * rate // 1000)
    size = WINDOW_MS * RATE // 1000
    sound.seek(min(first, sound.frames))
    plain: Any = sound.read(max(0, last - first), dtype="float32", always_2d=True).mean(axis=1)
    told = at_rate(plain, rate, RATE) if rate != RATE else plain
    if len(told) < size:
        # A short stretch is repeated: silence would be heard as part of the voice.
        yield np.resize(told, size) if len(told) else np.zeros(size, np.float32)
        return
    for begin in range(0, len(told) - size + 1, size // 2):
        yield told[begin : begin + size]
