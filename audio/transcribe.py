"""Sound to words. One protocol, a real transcriber on faster-whisper, a driveable fake; chosen by name.

A machine that hears badly must say so: what it doubts is marked unclear and kept. Only words over measured silence are
dropped, because a speech model invents some for every noise. Import is light; the model loads in the constructor, in
the process that needs it.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from audio import models
from audio.errors import NoModel
from audio.segmenter import Segmenter, SegmentRules
from audio.types import Ms, Segment, TakeId, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

RATE = 16000
"""Samples a second, mono, that every transcriber takes."""
WINDOW = Ms(30_000)
UNCLEAR_BELOW = 0.4
"""A word less probable than this is marked unclear."""
_KEPT_SIZES = "16"
_TOKENS_PER_SECOND = 12
_TOKENS_SPARE = 24
_TOKENS_MOST = 220


class Transcriber(Protocol):
    """Writes down what was said in a stretch of sound."""

    name: str
    language: str
    cheap_when_short: bool
    """Whether a short stretch costs less than a long one: only then it pays to transcribe a segment piece by piece."""

    def transcribe(self, samples: Samples, voiced: Ms, before: str = "") -> list[Word]:
        """Return the words in mono float32 ``samples`` at 16 kHz, in order.

        ``voiced`` is how much of it was measured to be speech; with 0 there are no words. ``before`` is what was said
        just before, which may help to understand; it is no part of the answer. Times are milliseconds from
        the first sample, never beyond the last. Takes bounded time: a few times what the stretch lasts at worst.
        """
        ...


def length_of(samples: Samples) -> Ms:
    """Return how long 16 kHz samples last."""
    return Ms(len(samples) * 1000 // RATE)


def token_limit(length: Ms) -> int:
    """Return how many tokens a decode of ``length`` may give: more than anybody says, far less than a loop would."""
    return min(_TOKENS_MOST, _TOKENS_SPARE + _TOKENS_PER_SECOND * length // 1000)


def suspicious(no_speech: float, logprob: float, compression: float) -> bool:
    """Tell whether a decode looks invented: no-speech probability, mean log probability, compression ratio."""
    return (
        (no_speech > 0.6 and logprob < -0.5)  # noqa: PLR2004 - measured on noise-only clips, see docs/performance.md
        or compression > 2.4  # noqa: PLR2004 - as above
        or logprob < -1.2  # noqa: PLR2004 - as above
        or no_speech > 0.8  # noqa: PLR2004 - as above
    )


def as_words(raw: Iterable[tuple[str, float, float, float]], length: Ms, *, doubt: bool) -> list[Word]:
    """Make words of (text, start s, end s, probability): times kept inside the stretch and in order."""
    words: list[Word] = []
    floor = 0
    for text, start, end, probability in raw:
        said = text.strip()
        if not said:
            continue
        first = min(max(floor, round(start * 1000)), length)
        last = min(max(first, round(end * 1000)), length)
        floor = first
        unclear = doubt or float(probability) < UNCLEAR_BELOW
        words.append(Word(said, Ms(first), Ms(last), round(float(probability), 4), bool(unclear)))
    return words


def shifted(words: Iterable[Word], by: Ms) -> list[Word]:
    """Return the words moved by ``by``: from a segment's time to the take's."""
    return [replace(word, start=Ms(word.start + by), end=Ms(word.end + by)) for word in words]


def load_whisper(model: str, language: str, *, threads: int = 1, folder: Path | None = None) -> Any:
    """Load a verified model (or, for a test, the one in ``folder``) as a faster-whisper ``WhisperModel``, int8.

    Raises:
        NoModel: not here, not verified, or it does not understand ``language``.
    """
    if not models.serves(model, language):
        msg = f"The speech model {model} does not understand the language {language!r}."
        raise NoModel(msg, "Leave the model out, so that one is chosen that does.")
    # Code made for sizes met before is kept, a thousand of them: every length of speech is another size, and after some
    # minutes that was 110 MB. What a decode needs again and again is among the last few.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KEPT_SIZES)
    from faster_whisper import WhisperModel
    from threadpoolctl import threadpool_limits

    # numpy multiplies matrices (here: makes the mel) with a thread for each core, and those then spin for a tenth of a
    # second, waiting for more: a third of all CPU time of short decodes, and a core taken from the one who listens.
    threadpool_limits(threads, user_api="blas")
    where = folder or models.find(model)
    return WhisperModel(str(where), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)


def whisper_tokenizer(whisper: Any, language: str) -> Any:
    """Return the tokenizer of a loaded model, set to transcribe ``language``."""
    from faster_whisper.tokenizer import Tokenizer

    code = models.code_of(language)
    return Tokenizer(whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=code)


def join_punctuation(whisper_alignment: list[dict[str, Any]]) -> None:
    """Put punctuation that the model aligned alone onto the word it belongs to, in place."""
    from faster_whisper.transcribe import merge_punctuations

    merge_punctuations(whisper_alignment, "\"'\u201c\u00bf([{-", "\"'.,!?:\u201d)]}")


def windows(samples: Samples) -> Iterator[tuple[Ms, Samples]]:
    """Yield ``samples`` in parts of at most 28 s, each with where it starts, cut where it is quietest.

    Left to itself faster-whisper goes on where it believes the last word to end, and loses words at that seam.
    """
    if length_of(samples) <= WINDOW:
        yield Ms(0), samples
        return
    segmenter = Segmenter(TakeId("whole"), SegmentRules(cuts=(), limit=Ms(28_000), look_back=Ms(10_000)))
    step = RATE // 50
    cuts: list[Segment] = []
    for at in range(0, len(samples) - step + 1, step):
        rms = float(np.sqrt(np.mean(np.square(samples[at : at + step]))))
        news = segmenter.push(length_of(samples[: at + step]), True, rms)
        cuts += [item for item in news if isinstance(item, Segment)]
    edges = [0, *(cut.end for cut in cuts)]
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        last = None if end is None else end * RATE // 1000
        yield Ms(start), samples[start * RATE // 1000 : last]


class WhisperTranscriber:
    """Plain faster-whisper: every stretch in 30 s windows, temperature 0, no earlier text as a prompt, no filter."""

    cheap_when_short = False

    def __init__(
        self, model: str = "tiny.en", language: str = "en", *, threads: int = 1, beam: int = 5, whisper: Any = None
    ) -> None:
        """Load ``model``; ``whisper`` is one that `load_whisper` returned already. Raises `NoModel`."""
        self.name = model
        self.language = language
        self.beam = beam
        self._whisper = whisper or load_whisper(model, language, threads=threads)

    def transcribe(self, samples: Samples, voiced: Ms, before: str = "") -> list[Word]:  # noqa: ARG002 - not looked at
        """Return the words, as `Transcriber` promises."""
        if voiced <= 0 or len(samples) == 0:
            return []
        words: list[Word] = []
        for start, part in windows(samples):
            words += shifted(self._window(part), start)
        return words

    def _window(self, samples: Samples) -> list[Word]:
        length = length_of(samples)
        segments, _ = self._whisper.transcribe(
            samples,
            language=models.code_of(self.language),
            beam_size=self.beam,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
            # These three would drop or repeat a decode in silence; doubt is marked below instead.
            no_speech_threshold=None,
            log_prob_threshold=None,
            compression_ratio_threshold=None,
            # CTranslate2 gives at most half of the total length it is asked for.
            max_new_tokens=2 * token_limit(Ms(min(length, WINDOW))) - 4,
        )
        words: list[Word] = []
        for segment in segments:
            doubt = suspicious(segment.no_speech_prob, segment.avg_logprob, segment.compression_ratio)
            heard = [(word.word, word.start, word.end, word.probability) for word in segment.words or []]
            words += as_words(heard, length, doubt=doubt)
        return words


class FixedTranscriber:
    """The driveable fake: says the words it was given, spread over the voiced stretch, and remembers what it was asked.

    ``script`` is one text a call; when it is used up, it says nothing. A text may be an exception, which is raised.
    """

    cheap_when_short = True

    def __init__(self, script: Iterable[str | Exception] = (), language: str = "en") -> None:
        """Keep the script."""
        self.name = "fixed"
        self.language = language
        self.asked: list[tuple[Ms, Ms]] = []
        self.told: list[str] = []
        self._script: deque[str | Exception] = deque(script)

    def will_say(self, text: str | Exception) -> None:
        """Add to the script."""
        self._script.append(text)

    def transcribe(self, samples: Samples, voiced: Ms, before: str = "") -> list[Word]:
        """Return the next text of the script as evenly spread words."""
        length = length_of(samples)
        self.asked.append((length, voiced))
        self.told.append(before)
        if voiced <= 0:
            return []
        text = self._script.popleft() if self._script else ""
        if isinstance(text, Exception):
            raise text
        said = text.split()
        each = length / 1000 / max(1, len(said))
        spread = [(word, at * each, (at + 1) * each, 1.0) for at, word in enumerate(said)]
        return as_words(spread, length, doubt=False)
