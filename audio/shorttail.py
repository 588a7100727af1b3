"""Whisper without its 30 s floor: encode the speech and one second, append what silence always encodes to.

Whisper pads every call to a 30 s window, which is most of the cost of a short segment. A shorter window alone makes its
decoder loop. But the encoder's answer to silence hardly depends on what came before: it is computed once when the model
is loaded, and its end is appended to the encoded speech up to the 1,500 positions the decoder knows. Decoding is then
done in one go, without timestamps; word times come from aligning the words with the encoded speech.

Two faults of that way are watched for. Sometimes it stops early, after the first sentence and with a good score: then
a voice is left over where no word stands, and that part is decoded by itself. Sometimes it repeats itself, or gives far
fewer words than the measured speech can hold even so: then the plain full window is tried once. The multilingual base
model does not take the silent tail safely; only the models in `SAFE` are given one, others are decoded plainly.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audio.transcribe import (
    RATE,
    WINDOW,
    WhisperTranscriber,
    as_words,
    join_punctuation,
    length_of,
    load_whisper,
    shifted,
    suspicious,
    token_limit,
    whisper_tokenizer,
)
from audio.types import Ms, Voicing, Word
from audio.vad import SileroVad, Vad

if TYPE_CHECKING:
    from audio.transcribe import Samples

SAFE = frozenset({"tiny.en"})
"""Models measured to take a silent tail without looping."""
POSITIONS = 1500
_TAIL_SECONDS = 1
_FRAMES_PER_POSITION = 2
FEWEST_WORDS_A_SECOND = 1.5
"""Fewer words than this a voiced second, and the decode is taken to have stopped early."""
_JUDGED_FROM = Ms(3000)
_MOST_REPEATS = 4
_SHORTEST_CAP = 0.6
"""No word is cut to less than this many seconds."""
_SHORTEST = 0.08
"""No start is moved nearer to the word's end than this, s."""
_RISE_DB, _RISE_SHARE = 6.0, 0.3
HOLE = Ms(800)
"""A stretch without a word as long as this is listened to again."""
_VOICE_IN_HOLE = Ms(600)
_MOST_HOLES = 3
_PROMPT_TOKENS = 60
"""So much of what was said before is told to the decoder."""
_SURE_IN_HOLE = 0.55
"""Words found in a hole stand from this mean probability on: below it they were invented of other people's talk."""
_LEAD_IN = Ms(320)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decode: its tokens, its text, and how sure the model was."""

    tokens: tuple[int, ...]
    text: str
    logprob: float
    no_speech: float

    @property
    def compression(self) -> float:
        """How well the text compresses: a loop compresses well."""
        raw = self.text.encode()
        return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def stopped_early(words: int, voiced: Ms) -> bool:
    """Tell whether there are far too few words for the measured speech."""
    return voiced >= _JUDGED_FROM and words * 1000 < FEWEST_WORDS_A_SECOND * voiced


def loops(text: str) -> bool:
    """Tell whether a phrase of one to six words is said more than four times in a row."""
    words = text.lower().split()
    for size in range(1, 7):
        run = 0
        for at in range(size, len(words)):
            run = run + 1 if words[at] == words[at - size] else 0
            if run >= size * _MOST_REPEATS:
                return True
    return False


class ShortTailTranscriber:
    """The transcriber for segments: as `WhisperTranscriber`, at a cost that follows the segment's length."""

    def __init__(
        self, model: str = "tiny.en", language: str = "en", *, threads: int = 1, beam: int = 5, whisper: Any = None
    ) -> None:
        """Load ``model`` and encode the silence. Raises `NoModel`."""
        self.name = model
        self.language = language
        self.beam = beam
        self.redone = 0
        """How many segments needed the full window after all."""
        self.mended = 0
        """How many stretches of voice without a word were decoded by themselves."""
        self._vad: Vad | None = None
        self._whisper = whisper or load_whisper(model, language, threads=threads)
        self._plain = WhisperTranscriber(model, language, beam=beam, whisper=self._whisper)
        self._tokenizer = whisper_tokenizer(self._whisper, language)
        special = self._tokenizer
        never = [
            special.transcribe,
            special.translate,
            special.sot,
            special.sot_prev,
            special.sot_lm,
            special.no_speech,
        ]
        self._never = sorted({*special.non_speech_tokens, *never})
        self._prompt = [*special.sot_sequence, special.no_timestamps]
        self._silence = self._encode(np.zeros(RATE * WINDOW // 1000, np.float32)) if model in SAFE else None
        self.cheap_when_short = self._silence is not None

    def transcribe(self, samples: Samples, voiced: Ms, before: str = "") -> list[Word]:
        """Return the words, as `Transcriber` promises."""
        length = length_of(samples)
        if voiced <= 0 or len(samples) == 0:
            return []
        if self._silence is None or length > WINDOW - 2 * _TAIL_SECONDS * 1000:
            return self._plain.transcribe(samples, voiced)
        prompt = self._prompted(before)
        words, looping = self._once(samples, length, prompt)
        if not looping:
            words = self._mended(words, samples, length, prompt)
        if looping or stopped_early(len(words), voiced):
            self.redone += 1
            again = self._plain.transcribe(samples, voiced)
            if looping or len(again) > len(words):
                return again
        return words

    def _prompted(self, before: str) -> list[int]:
        """Return what the decoder is given to begin with: the end of what was said before, and the usual marks."""
        said = self._tokenizer.encode(" " + before.strip())[-_PROMPT_TOKENS:] if before.strip() else []
        return [self._tokenizer.sot_prev, *said, *self._prompt] if said else self._prompt

    def _once(self, samples: Samples, length: Ms, prompt: list[int]) -> tuple[list[Word], bool]:
        """Decode once; the words, and whether they go round in circles."""
        speech = self._encode(samples)
        decoded = self._decode(speech, length, prompt)
        looping = loops(decoded.text) or suspicious(0.0, 0.0, decoded.compression)
        return ([], True) if looping else (self._timed(decoded, speech, samples), False)

    def _mended(self, words: list[Word], samples: Samples, length: Ms, prompt: list[int]) -> list[Word]:
        """Decode by itself each stretch in which a voice is measured and no word stands."""
        edges = [Ms(0), *(edge for word in words for edge in (word.start, word.end)), length]
        holes = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= HOLE]
        for start, end in holes[-_MOST_HOLES:]:
            found = self._voice_between(samples, start, end)
            if found is None:
                continue
            self.mended += 1
            part = samples[found[0] * RATE // 1000 : found[1] * RATE // 1000]
            heard, looping = self._once(part, length_of(part), prompt)
            before = [word for word in words if word.start < found[0]]
            if not looping and _fits(heard, before, words[len(before) :]):
                words = sorted([*words, *shifted(heard, found[0])], key=lambda word: word.start)
        return words

    def _voice_between(self, samples: Samples, start: Ms, end: Ms) -> tuple[Ms, Ms] | None:
        """Return what of a stretch to decode: from before its first voice to after its last; None without a voice."""
        if self._vad is None:
            self._vad = SileroVad()
        self._vad.reset()
        first = max(0, start - _LEAD_IN)
        verdicts = self._vad.push(samples[first * RATE // 1000 : end * RATE // 1000])
        spoken = [verdict for verdict in verdicts if verdict.voicing is Voicing.SPEECH]
        spans = [(first + v.start * 1000 // RATE, first + v.end * 1000 // RATE) for v in spoken]
        # The end of a word that was heard may sound into the stretch; only what follows is news.
        spans = [span for span in spans if span[0] >= start]
        if sum(b - a for a, b in spans) < _VOICE_IN_HOLE:
            return None
        return Ms(max(start, spans[0][0] - _LEAD_IN)), Ms(min(end, spans[-1][1] + _LEAD_IN))

    def _encode(self, samples: Samples) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the encoder's output for the samples and a second of silence: (1, positions, width)."""
        padded = np.concatenate([samples, np.zeros(RATE * _TAIL_SECONDS, np.float32)])
        mel = self._whisper.feature_extractor(padded)
        frames = min(mel.shape[-1] // _FRAMES_PER_POSITION * _FRAMES_PER_POSITION, POSITIONS * _FRAMES_PER_POSITION)
        return np.array(self._whisper.encode(np.ascontiguousarray(mel[:, :frames])))

    def _decode(self, speech: np.ndarray[Any, np.dtype[np.float32]], length: Ms, prompt: list[int]) -> Decoded:
        whole = (
            np.concatenate([speech, self._silence[:, speech.shape[1] :]], axis=1)
            if self._silence is not None
            else speech
        )
        most = token_limit(length)
        (result,) = self._whisper.model.generate(
            _storage(whole),
            [prompt],
            beam_size=self.beam,
            # CTranslate2 counts the prompt, and gives at most half of the length it is asked for.
            max_length=max(2 * most, most + len(prompt)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._never,
        )
        tokens = [token for token in result.sequences_ids[0] if token < self._tokenizer.eot]
        # The score is a mean over the tokens and the end mark; brought to the measure faster-whisper uses.
        logprob = result.scores[0] * max(1, len(tokens)) / (len(tokens) + 1)
        return Decoded(tuple(tokens), self._tokenizer.decode(tokens).strip(), logprob, result.no_speech_prob)

    def _timed(self, decoded: Decoded, speech: np.ndarray[Any, np.dtype[np.float32]], samples: Samples) -> list[Word]:
        if not decoded.tokens:
            return []
        frames = speech.shape[1] * _FRAMES_PER_POSITION
        (aligned,) = self._whisper.find_alignment(self._tokenizer, [list(decoded.tokens)], _storage(speech), frames)
        join_punctuation(aligned)
        _join_parts(aligned)
        _shorten(aligned)
        _begin_with_sound(aligned, samples)
        doubt = suspicious(decoded.no_speech, decoded.logprob, decoded.compression)
        return as_words(
            ((w["word"], w["start"], w["end"], w["probability"]) for w in aligned), length_of(samples), doubt=doubt
        )


def _fits(heard: list[Word], before: list[Word], after: list[Word]) -> bool:
    """Tell whether what was ``heard`` in a hole is news: the model is sure of it, and it does not stand beside it.

    Alignment may give a pause to a word and put the word itself behind it; then the hole holds that very word.
    """
    if not heard or sum(word.probability for word in heard) < _SURE_IN_HOLE * len(heard):
        return False
    said, last, following = ([_bare(word) for word in some] for some in (heard, before, after))
    most = len(said)
    return not any(said[-n:] == following[:n] or said[:n] == last[-n:] for n in range(1, most + 1))


def _bare(word: Word) -> str:
    return "".join(letter for letter in word.text.casefold() if letter.isalnum())


def _join_parts(aligned: list[dict[str, Any]]) -> None:
    """Put what is written without a space before it onto the word it belongs to: "cold", "-hearted"."""
    for at in range(len(aligned) - 1, 0, -1):
        part, before = aligned[at], aligned[at - 1]
        if part["word"] and before["word"] and not part["word"].startswith(" "):
            before["word"] += part["word"]
            before["end"] = part["end"]
            before["probability"] = min(before["probability"], part["probability"])
            part["word"] = ""


def _shorten(aligned: list[dict[str, Any]]) -> None:
    """Let no word swallow the silence before it: alignment gives a pause to the word that follows it."""
    lengths = [word["end"] - word["start"] for word in aligned if word["word"]]
    most = max(_SHORTEST_CAP, 2 * float(np.median(lengths))) if lengths else _SHORTEST_CAP
    for word in aligned:
        word["start"] = max(word["start"], word["end"] - most)


def _begin_with_sound(aligned: list[dict[str, Any]], samples: Samples) -> None:
    """Let no word begin in a pause: move its start to where the sound rises, where it does within the word."""
    frame = RATE // 100
    count = len(samples) // frame
    if count == 0:
        return
    power = np.mean(np.square(samples[: count * frame].reshape(count, frame)), axis=1)
    loudness = 10 * np.log10(power + 1e-10)
    quiet, loud = np.percentile(loudness, 5), np.percentile(loudness, 95)
    sounding = loudness > quiet + max(_RISE_DB, _RISE_SHARE * (loud - quiet))
    for word in aligned:
        first, last = int(word["start"] * 100), int((word["end"] - _SHORTEST) * 100)
        if not word["word"] or last <= first or first >= count:
            continue
        rises = np.flatnonzero(sounding[first:last])
        if len(rises):
            word["start"] = max(word["start"], (first + int(rises[0])) / 100)


def _storage(array: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
    from ctranslate2 import StorageView

    return StorageView.from_array(np.ascontiguousarray(array))
