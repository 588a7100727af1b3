"""Made stories and conversations to try patterns on: what was planted where is known, so that finding it is a figure.

Everything is drawn from sentences in ``corpus.toml``, by a seed: the same stories, identifiers and consents every
time. Nobody ever said any of it. A story is a list of snippets, and a snippet becomes a passage of the catalogue.
"""

from __future__ import annotations

import io
import random
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import numpy as np

from archive.bag import BagContent
from archive.captions import captions, to_webvtt
from archive.catalogue.changes import stamp
from archive.catalogue.consents import put_record
from archive.catalogue.passages import put_passages
from archive.catalogue.port import Tx
from archive.consentrecord import ConsentRecord, links, record
from archive.types import Act, ConsentEvent, Form, Kind, Use
from archive.vtt import SpokenCue
from audio.types import Ms, TakeId, Word

WRITER: Final = "made-up 1"
SITES: Final = ("Maple Library", "River Library", "Hill Library", "Harbour Library", "Station Library", "Mill Library")
FACILITATOR: Final = "facilitator"
RATE: Final = 16_000
_WORD_MS, _SAID_MS, _PAUSE_MS = 400, 350, 800
_BEGUN = datetime(2025, 1, 6, 10, tzinfo=UTC)
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VOICES, _COUNTERS, _GONE = 14, 4, 2
_SNIPPETS = 10
Side = Literal["for", "counter", "decoy", ""]


@dataclass(frozen=True, slots=True)
class Said:
    """One snippet: its words, which theme it was planted for (empty: none) and on which side, who spoke, when."""

    text: str
    start: int
    end: int
    theme: str = ""
    side: Side = ""
    speaker: str = "teller"

    def words(self) -> tuple[Word, ...]:
        """Its words, 0.4 s each."""
        return tuple(
            Word(text, Ms(at), Ms(at + _SAID_MS), 0.93, unclear=False)
            for text, at in zip(self.text.split(), range(self.start, self.end, _WORD_MS), strict=False)
        )


@dataclass(frozen=True, slots=True)
class Made:
    """One made story. ``goes`` says that its teller is to take it back in the course of a test or a figure."""

    id: TakeId
    kind: Kind
    prompt: str
    prompt_text: str
    language: str
    site: str
    at: datetime
    said: tuple[Said, ...]
    uses: tuple[Use, ...]
    form: Form = Form.VOICE
    embargo: date | None = None
    held: bool = False
    goes: bool = False

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.said[-1].end + _PAUSE_MS

    def events(self) -> tuple[ConsentEvent, ...]:
        """What its teller agreed to, as a ledger."""
        acts: list[tuple[Act, Use | None]] = [(Act.DECIDE, use) for use in self.uses]
        acts += [(Act.HOLD, None)] if self.held else []
        return tuple(
            ConsentEvent(self.id, act, self.at, "left", use, use is not None, self.form, self.embargo, "1", "ab" * 32,
                         self.language, seq)
            for seq, (act, use) in enumerate(acts, start=1)
        )  # fmt: skip

    def planted(self, theme: str, side: Side = "for") -> tuple[Said, ...]:
        """The snippets that were planted in it for ``theme``."""
        return tuple(one for one in self.said if one.theme == theme and one.side == side)


@dataclass(frozen=True, slots=True)
class Theme:
    """What was planted: a claim, how somebody looks for it in other words, and how somebody types it."""

    name: str
    sentence: str
    ask: Mapping[str, Sequence[str]]
    words: Mapping[str, str]


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("archive.patterns").joinpath("corpus.toml").read_text(encoding="utf-8"))


def themes() -> tuple[Theme, ...]:
    """What was planted."""
    return tuple(Theme(one["name"], one["sentence"], one["ask"], one["words"]) for one in _texts()["themes"])


def small(stories: int = 400, conversations: int = 30, seed: int = 1) -> list[Made]:
    """Return stories and conversations with planted themes, dissent, and tellers who will take theirs back.

    Of every theme 14 stories say it, 4 the contrary, 6 only sound like it (fewer where there are fewer stories);
    conversations hear several voices on one theme. About one story in five is told in Spanish.
    """
    pen = _Pen(seed)
    sides: tuple[tuple[Side, int], ...] = (("for", _VOICES), ("counter", _COUNTERS), ("decoy", 6))
    plants = [
        (theme, side, round_)
        for round_ in range(_VOICES)
        for theme in _texts()["themes"]
        for side, most in sides
        if round_ < most
    ]
    # The plan is spread over the stories, so that a smaller corpus is a thinner one and no other.
    step = max(1, stories // max(1, len(plants)))
    made = []
    for number in range(stories):
        plant = plants[number // step] if number % step == 0 and number // step < len(plants) else None
        made.append(pen.story(number, plant))
    return made + [pen.conversation(stories + number) for number in range(conversations)]


def many(snippets: int = 100_000, seed: int = 2) -> Iterator[Made]:
    """Go over as many stories as hold ``snippets`` snippets, ten in each, a planted one in every tenth story."""
    pen = _Pen(seed)
    sides: tuple[Side, ...] = ("for", "for", "for", "counter", "decoy")
    planted = [(theme, side, 2) for theme in _texts()["themes"] for side in sides]
    for number in range(-(-snippets // _SNIPPETS)):
        plant = planted[number // 10 % len(planted)] if number % 10 == 0 else None
        yield pen.story(number, plant, long=True)


class _Pen:
    """Writes made stories."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - the same stories every time

    def story(self, number: int, plant: tuple[Mapping[str, Any], Side, int] | None, *, long: bool = False) -> Made:
        language = "es" if number % 5 == 4 else "en"  # noqa: PLR2004
        site = SITES[number % len(SITES)]
        prompts = _texts()["prompts"]
        prompt = prompts[number % len(prompts)]
        count = _SNIPPETS if long else self.chance.randrange(4, 9)
        lines: list[tuple[str, str, Side, str]] = [
            (self.filler(language, 2 if long else 1), "", "", "teller") for _ in range(count)
        ]
        goes = False
        if plant is not None:
            theme, side, turn = plant
            language = "es" if turn % 3 == 2 and not long else language  # noqa: PLR2004
            lines = [(self.filler(language, 2 if long else 1), "", "", "teller") for _ in lines]
            text = self.fill(self.chance.choice(theme[side][language]), language)
            lines[self.chance.randrange(count)] = (text, theme["name"], side, "teller")
            # The flood was at the river; other themes are told at every library, more often at one.
            site = SITES[1] if theme["name"] == "flood" and turn % 2 else site
            prompt = next(one for one in prompts if one["id"] == theme["prompt"]) if turn % 4 else prompt
            goes = side != "decoy" and turn < _GONE and not long
        return self.made(number, Kind.STORY, prompt, language, site, lines, goes=goes)

    def conversation(self, number: int) -> Made:
        """A facilitator and three to five others; one theme is talked about, and one of them sees it differently."""
        language = "es" if number % 6 == 5 else "en"  # noqa: PLR2004
        theme = _texts()["themes"][number % len(_texts()["themes"])]
        prompt = next(one for one in _texts()["prompts"] if one["id"] == theme["prompt"])
        voices = [f"voice {n}" for n in range(1, self.chance.randrange(4, 7))]
        lines: list[tuple[str, str, Side, str]] = []
        for turn in range(self.chance.randrange(24, 40)):
            if turn % 8 == 0:
                lines.append(
                    (self.fill(self.chance.choice(_texts()["asked"][language]), language), "", "", FACILITATOR)
                )
                continue
            speaker = voices[(turn * 7 + turn // 5) % len(voices)]
            side: Side = "counter" if turn == 13 else "for" if turn in {3, 9, 11, 18} else ""  # noqa: PLR2004
            if side:
                text = self.chance.choice(theme[side][language])
                lines.append((self.fill(text, language), theme["name"], side, speaker))
            else:
                lines.append((self.filler(language, self.chance.randrange(1, 4)), "", "", speaker))
        site = SITES[number % len(SITES)]
        return self.made(number, Kind.CONVERSATION, prompt, language, site, lines, goes=number % 15 == 7)  # noqa: PLR2004

    def made(
        self, number: int, kind: Kind, prompt: Mapping[str, str], language: str, site: str,
        lines: Sequence[tuple[str, str, Side, str]], *, goes: bool,
    ) -> Made:  # fmt: skip
        at = _BEGUN + timedelta(hours=19 * number)
        said, clock = [], 1000
        for text, theme, side, speaker in lines:
            end = clock + len(text.split()) * _WORD_MS
            said.append(Said(text, clock, end, theme, side, speaker))
            clock = end + _PAUSE_MS
        more = ((), (Use.PARTNERS,), (Use.QUOTE,), (Use.PARTNERS, Use.PUBLIC, Use.QUOTE), (Use.QUOTE,), ())[number % 6]
        planted = any(one.theme for one in said)
        return Made(
            _ident(at, self.seed, number), kind, prompt["id"], prompt[language], language, site, at, tuple(said),
            (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, *more),
            Form.TRANSCRIPT if number % 23 == 5 else Form.VOICE,  # noqa: PLR2004
            date(2999, 1, 1) if number % 41 == 7 and not planted else None,  # noqa: PLR2004
            held=number % 43 == 9 and not planted, goes=goes,  # noqa: PLR2004
        )  # fmt: skip

    def filler(self, language: str, count: int) -> str:
        return " ".join(self.fill(self.chance.choice(_texts()["filler"][language]), language) for _ in range(count))

    def fill(self, text: str, language: str) -> str:
        texts = _texts()
        slots = {slot: self.chance.choice(texts[f"{slot}s"][language]) for slot in ("place", "time", "thing")}
        done = text.format(**slots)
        return done[0].upper() + done[1:]


def _ident(at: datetime, seed: int, number: int) -> TakeId:
    """A ULID that is the same every time."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311
    whole = (round(at.timestamp() * 1000) << 80) | chance.getrandbits(80)
    return TakeId("".join(_SIGNS[(whole >> shift) & 31] for shift in range(125, -1, -5)))


def put(
    tx: Tx, stories: Iterable[Made], box: str = "made", cut: Callable[[Made], list[SpokenCue]] | None = None
) -> list[str]:
    """Put stories into the catalogue, the rows that taking in their bags makes, without sound; their identifiers.

    ``cut`` makes passages of what was said: `cues`, if nothing is named, or `captioned`.
    """
    found = []
    for one in stories:
        when = stamp(one.at)
        tx.run(
            f"INSERT INTO stories VALUES ({', '.join('?' * 14)})",  # noqa: S608 - marks alone
            one.id, "0" * 64, one.kind.value, one.prompt, one.prompt_text, one.language, one.site, when, 1, one.length,
            box, when, f"A {one.kind.value}, {when[:10]}", int(one.form is Form.VOICE),
        )  # fmt: skip
        events = one.events()
        put_record(tx, one.id, ConsentRecord(one.id, events, links(events)))
        tx.many(
            "INSERT INTO spans (story, number, kind, start_ms, end_ms, label) VALUES (?, ?, ?, ?, ?, ?)",
            [(one.id, n, kind, start, end, label) for n, (kind, start, end, label) in enumerate(_spans(one))],
        )
        put_passages(tx, one.id, (cut or cues)(one), WRITER, when)
        found.append(str(one.id))
    return found


def cues(story: Made) -> list[SpokenCue]:
    """The words of a story as captions, a snippet to each."""
    return [SpokenCue(Ms(one.start), Ms(one.end), one.text, one.words()) for one in story.said]


def captioned(story: Made) -> list[SpokenCue]:
    """The words of a story as a box cuts them: two short lines at a time, whatever was planted in them."""
    return [SpokenCue(cue.start, cue.end, cue.text, cue.words) for cue in captions(_all_words(story))]


def unpointed(story: Made) -> list[SpokenCue]:
    """The same by a machine that writes no points: captions end where a line is full, as in talk that goes on."""
    words = [replace(word, text=word.text.strip(".,;:?!¿¡")) for word in _all_words(story)]
    return [SpokenCue(cue.start, cue.end, cue.text, cue.words) for cue in captions(words)]


def _spans(story: Made) -> Iterator[tuple[str, int, int, str]]:
    """What the box knew of a conversation: the questions read, one flag, one pause off the record."""
    if story.kind is not Kind.CONVERSATION:
        return
    for one in story.said:
        if one.speaker == FACILITATOR:
            yield "question", one.start, one.end, one.text
    yield "flag", story.said[3].start, story.said[3].start, ""
    yield "pause", story.said[20].end, story.said[20].end, ""


def bag_of(story: Made) -> BagContent:
    """The bag a box would hand on, with sound where the teller allowed the voice; seal it with `seal_bag`."""
    events: list[dict[str, Any]] = [
        {
            "event": "recorded", "at": stamp(story.at), "clock_trusted": True, "kind": story.kind.value,
            "prompt": story.prompt, "prompt_text": story.prompt_text,
        },
        {"event": "closed", "length_ms": story.length},
        {"event": "transcribed", "by": WRITER, "checked": False},
    ]  # fmt: skip
    voiced = story.form is Form.VOICE
    return BagContent(
        story.id, story.site, story.at.date(), to_webvtt(captions(_all_words(story)), with_words=True),
        {"dcterms:identifier": story.id, "dcterms:title": f"A {story.kind.value}", "dcterms:language": story.language,
         "dcterms:publisher": story.site},
        record(story.id, story.events()), tuple(events), (lambda: io.BytesIO(sound_of(story))) if voiced else None,
    )  # fmt: skip


def _all_words(story: Made) -> list[Word]:
    return [word for one in story.said for word in one.words()]


def sound_of(story: Made) -> bytes:
    """A FLAC of a story's length in which every speaker is a buzz of their own pitch and colour. 16 kHz, mono."""
    import soundfile

    speakers = list(dict.fromkeys(one.speaker for one in story.said))
    samples = np.random.default_rng(len(story.said)).normal(0, 0.001, story.length * RATE // 1000)
    for one in story.said:
        first, last = one.start * RATE // 1000, one.end * RATE // 1000
        samples[first:last] += _buzz(speakers.index(one.speaker), last - first)
    out = io.BytesIO()
    soundfile.write(out, np.clip(samples, -0.95, 0.95), RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def _buzz(voice: int, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Harmonics under two resonances, swelling with each word."""
    at = np.arange(count) / RATE
    pitch, low, high = 95 + 37 * voice, 350 + 130 * voice, 1100 + 310 * (voice * 2 % 5)
    made = np.zeros(count)
    for harmonic in range(1, int(4000 / pitch)):
        hz = harmonic * pitch
        weight = np.exp(-(((hz - low) / 180) ** 2)) + 0.6 * np.exp(-(((hz - high) / 260) ** 2)) + 0.02
        made += weight * np.sin(2 * np.pi * hz * at + harmonic)
    swell = np.abs(np.sin(np.pi * at * 1000 / _WORD_MS))
    return 0.2 * made * swell / max(1e-9, float(np.max(np.abs(made))))
