"""One sound file of a medley, made for one purpose: level-matched, with captions and credits, and never older than
what its tellers allow now.

`rendition_of` is the one way to it. It plans anew each time it is asked: the gate for every voice, what is blanked
out, which excerpts are in use. Only a rendition made from that very plan is given out; any other is made again first,
and its bytes go. A voice that was taken back has gone out of every rendition in the transaction that took it back
(`archive.patterns.dropping`); `renew` makes those again at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final

import numpy as np
import soundfile

from archive.captions import CaptionCue, captions, lines_of, to_webvtt
from archive.catalogue import Row, Tx
from archive.catalogue.changes import stamp
from archive.catalogue.consents import asks
from archive.errors import ArchiveError, NoSuchStory
from archive.objects import BLOCK, Objects, checked_key
from archive.patterns.dropping import forget
from archive.patterns.highlights import words_checked
from archive.patterns.medleys import BadMedley, Item, Kind, Medley, Purpose, bridge_key, cut_of, medley_of, voice_answer
from archive.reviewing.excerpts import Cut, touched_by_redaction
from archive.reviewing.rendition import master_key
from archive.reviewing.words import passages_of
from archive.server.oneatatime import one_at_a_time
from archive.server.place import ArchiveHome
from archive.types import Reader
from archive.vtt import read_vtt
from audio.errors import AudioError, BadSound
from audio.machinevoice import machine_voice
from audio.pcm import Samples
from audio.resample import at_rate
from audio.sidebyside import levelled
from audio.types import Ms, Word

RATE: Final = 48_000
GAP_MS: Final = 600
"""Silence between two parts."""
SHOWN_MS: Final = 1_500
"""The least a written bridge is shown, over silence; longer ones by their length."""
SHOWN_A_SIGN_MS: Final = 55
WORDS_PER_MINUTE: Final = 150
MACHINE: Final = "Bridges are read by a machine's voice."
UNCHECKED: Final = "Some words were written by a machine and not yet checked by a person."
NOT_WRITTEN: Final = "Words that no person checked, or whose teller does not allow quoting, are not in this file."
_VERSION: Final = 1
_TRIES: Final = 3
_CREDIT: Final = "A voice told at {site}, {year}"
_CREDIT_NOWHERE: Final = "A voice told in {year}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A voice in a rendition: [start, end) in ms of the rendered sound. ``credit`` names a place and a year, nobody."""

    story: str
    excerpt: str
    start: int
    end: int
    title: str
    credit: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An excerpt that is not heard for this purpose now, and why."""

    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rendered medley. ``spread`` is the difference between its loudest and its quietest part, in LU."""

    medley: str
    title: str
    language: str
    purpose: Purpose
    recipe: str
    key: str
    captions: str
    length: int
    spread: float
    voices: tuple[Heard, ...]
    left_out: tuple[LeftOut, ...]
    fresh: bool = False
    """Whether it was made just now."""

    @property
    def credits(self) -> tuple[str, ...]:
        """Where and when the voices were told, each once, in the order heard: tellers have no names here."""
        return tuple(dict.fromkeys(voice.credit for voice in self.voices))


@dataclass(frozen=True, slots=True)
class _Part:
    item: Item
    cut: Cut | None = None
    master: str = ""
    credit: str = ""
    words: tuple[Word, ...] = ()
    checked: bool = True


@dataclass(frozen=True, slots=True)
class _Plan:
    medley: Medley
    purpose: Purpose
    parts: tuple[_Part, ...]
    left_out: tuple[LeftOut, ...]
    recipe: str


def recipe_now(place: ArchiveHome, medley: str, purpose: Purpose) -> str:
    """Ask the gate for every voice and name what may be heard now; equal names mean equal sound. Raises `BadMedley`."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return _plan(tx, medley_of(tx, medley), purpose, place.now()).recipe


def rendition_of(place: ArchiveHome, medley: str, purpose: Purpose) -> Rendition:
    """Return the sound of a medley as ``purpose`` may hear it now, made first where there is none of just that.

    Making takes seconds a minute of sound; of several who ask at once one makes it, and the others wait for that one.
    Raises `BadMedley` (gone, or no voice in it may be heard), `BadSound`, `StoreTrouble`, `CatalogueTrouble`.
    """
    kept, _ = _kept(place, medley, purpose)
    if kept is not None:
        return kept
    with one_at_a_time(place.work, f"medley {medley} {purpose.value}"):
        return _made(place, medley, purpose)


def _kept(place: ArchiveHome, medley: str, purpose: Purpose) -> tuple[Rendition | None, _Plan]:
    """What was rendered from just what may be heard now, if it was, and the plan of that."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        plan = _plan(tx, medley_of(tx, medley), purpose, place.now())
        row = tx.one(
            "SELECT * FROM medley_renditions WHERE medley = ? AND purpose = ? AND recipe = ?",
            medley, purpose.value, plan.recipe,
        )  # fmt: skip
        if row is not None and place.objects.exists(str(row["key"])):
            return _stored(tx, plan, row), plan
    return None, plan


def _made(place: ArchiveHome, medley: str, purpose: Purpose) -> Rendition:
    for _ in range(_TRIES):
        kept, plan = _kept(place, medley, purpose)
        if kept is not None:
            return kept
        if not any(part.cut is not None for part in plan.parts):
            _drop(place, medley, purpose)
            why = plan.left_out[0].why if plan.left_out else "There is no voice in it."
            raise BadMedley(
                f"No voice of this medley may be heard for this. {why}", "Its tellers alone can allow more."
            )
        made = _Rendering(place, plan).make()
        if made is not None:
            return made
    raise BadMedley("This medley changes while it is rendered.", "Try again in a moment.")


def renew(place: ArchiveHome) -> list[tuple[str, Purpose]]:
    """Make again what lost a voice: without it, at once. Safe to repeat; what cannot be made now waits, unheard."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT medley, purpose FROM medley_renditions WHERE recipe = '' ORDER BY medley, purpose")
    made = []
    for row in rows:
        with contextlib.suppress(ArchiveError, AudioError):
            rendition_of(place, str(row["medley"]), Purpose(row["purpose"]))
            made.append((str(row["medley"]), Purpose(row["purpose"])))
    return made


def captions_that_leave(tx: Tx, made: Rendition, now: datetime) -> str:
    """The captions of a rendition for a file that leaves the house, where words stand by themselves as a quote does.

    Bridges stay; of the voices, the words a person checked whose tellers allow being quoted in writing
    (`Reader.QUOTE`, asked now). Raises `BadMedley` where the medley is not what was rendered any more.
    """
    plan = _plan(tx, medley_of(tx, made.medley), made.purpose, now)
    if plan.recipe != made.recipe:
        raise BadMedley("This medley changed meanwhile.", "Nothing was written. Start again.")
    checked = {part.cut.id for part in plan.parts if part.cut is not None and part.checked}
    quoted = asks(tx, [voice.story for voice in made.voices], Reader.QUOTE, now)
    silent = [one for one in made.voices if one.excerpt not in checked or not quoted[one.story].allowed]
    cues = [
        CaptionCue(cue.start, cue.end, lines_of(cue.text))
        for cue in read_vtt(made.captions)
        # By its start: a short word stays on the screen longer than the voice is heard.
        if not any(one.start <= cue.start < one.end for one in silent)
    ]
    return _webvtt(plan, cues, NOT_WRITTEN if silent else "")


def must_be_bridge(sound: bytes) -> None:
    """Decode a recorded bridge to its end. Slow; raises `BadMedley` where it cannot be decoded or is empty."""
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as told:
            heard = sum(len(block) for block in told.blocks(BLOCK))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise BadMedley("This recording cannot be decoded.", "Save it as WAV or FLAC, and add it again.") from error
    if not heard:
        raise BadMedley("There is nothing to hear in this recording.", "Record what is said between the voices again.")


def keep_bridge(objects: Objects, sound: bytes) -> str:
    """Store a recorded bridge, which `must_be_bridge`, and return its SHA-256.

    Call it inside the transaction that puts the medley together: then nothing removes it meanwhile as one nobody has.
    Raises `StoreTrouble`.
    """
    digest = hashlib.sha256(sound).hexdigest()
    objects.put(bridge_key(digest), io.BytesIO(sound))
    return digest


def _plan(tx: Tx, medley: Medley, purpose: Purpose, now: datetime) -> _Plan:
    parts: list[_Part] = []
    left_out: list[LeftOut] = []
    for item in medley.items:
        if item.kind is not Kind.EXCERPT:
            parts.append(_Part(item))
            continue
        cut = cut_of(tx, item.excerpt)
        why = "It was taken out of use."
        if cut is not None:
            answer = voice_answer(tx, cut.story, purpose, now)
            why = answer.why if not answer.allowed else ""
            why = why or ("Something in it was blanked out." if touched_by_redaction(tx, cut) else "")
        if why or cut is None:
            # The title is a curator's words about what was told: it is not repeated to those who may not hear it.
            left_out.append(LeftOut(cut.title if cut is not None and purpose is Purpose.DESK else "", why))
            continue
        try:
            parts.append(_voice(tx, item, cut))
        except NoSuchStory as error:
            left_out.append(LeftOut("", error.say))
    told = [
        (part.item.kind.value, part.item.text, part.item.sound, part.master,
         part.cut and (part.cut.start, part.cut.end),
         [(word.text, word.start, word.end) for word in part.words])
        for part in parts
    ]  # fmt: skip
    plain = json.dumps([_VERSION, purpose.value, medley.title, medley.language, told], ensure_ascii=False)
    return _Plan(medley, purpose, tuple(parts), tuple(left_out), hashlib.sha256(plain.encode()).hexdigest())


def _credit(site: str, year: str) -> str:
    """Where and when a voice was told; a box nobody gave the name of its place says when."""
    return _CREDIT.format(site=site, year=year) if site else _CREDIT_NOWHERE.format(year=year)


def _voice(tx: Tx, item: Item, cut: Cut) -> _Part:
    row = tx.one("SELECT site, recorded_at FROM stories WHERE id = ?", cut.story)
    master = master_key(tx, cut.story)
    passages = [one for one in passages_of(tx, cut.story) if one.start < cut.end and cut.start < one.end]
    words = tuple(
        Word(word.text, Ms(word.start - cut.start), Ms(word.end - cut.start), word.probability, word.doubtful)
        for passage in passages
        for word in passage.words
        if cut.start <= word.start and word.end <= cut.end
    )
    credit = "" if row is None else _credit(str(row["site"]), str(row["recorded_at"])[:4])
    return _Part(item, cut, master, credit, words, words_checked(passages, cut.start, cut.end))


def _stored(tx: Tx, plan: _Plan, row: Row) -> Rendition:
    where = {
        str(one["excerpt"]): (int(one["start_ms"]), int(one["end_ms"]))
        for one in tx.all(
            "SELECT excerpt, start_ms, end_ms FROM medley_voices WHERE medley = ? AND purpose = ? ORDER BY start_ms",
            plan.medley.id, plan.purpose.value,
        )
    }  # fmt: skip
    voices = tuple(
        Heard(part.cut.story, part.cut.id, *where.get(part.cut.id, (0, 0)), part.cut.title, part.credit)
        for part in plan.parts
        if part.cut is not None
    )
    return Rendition(
        plan.medley.id, plan.medley.title, plan.medley.language, plan.purpose, plan.recipe, str(row["key"]),
        str(row["captions"]), int(row["length_ms"]), float(row["spread_lu"]), voices, plan.left_out,
    )  # fmt: skip


def _drop(place: ArchiveHome, medley: str, purpose: Purpose) -> None:
    """Let go of what was rendered before: nothing of it may be heard any more."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        old = _leave_old(tx, medley, purpose, place.now(), "")
        forget(tx, medley, purpose.value)
    _delete(place, old)


def _leave_old(tx: Tx, medley: str, purpose: Purpose, now: datetime, but: str) -> str:
    row = tx.one("SELECT key FROM medley_renditions WHERE medley = ? AND purpose = ?", medley, purpose.value)
    old = "" if row is None else str(row["key"])
    if old in {"", but}:
        return ""
    tx.run("DELETE FROM derived WHERE key = ?", old)
    tx.run("INSERT INTO leavings (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", old, stamp(now))
    return old


def _delete(place: ArchiveHome, key: str) -> None:
    if key:
        place.objects.delete(key)
        with place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run("DELETE FROM leavings WHERE key = ?", key)


class _Rendering:
    """One rendition being made."""

    def __init__(self, place: ArchiveHome, plan: _Plan) -> None:
        self._place = place
        self._plan = plan
        self._cues: list[CaptionCue] = []
        self._voices: list[Heard] = []
        self._levels: list[float] = []
        self._old = ""

    def make(self) -> Rendition | None:
        """Render and keep; None where what may be heard changed meanwhile: nothing of it is kept then."""
        plan, place = self._plan, self._place
        key = checked_key(f"medleys/{plan.medley.id}/{plan.recipe[:32]}.flac")
        stories = {part.cut.story for part in plan.parts if part.cut is not None}
        with place.catalogue() as catalogue, catalogue.write() as tx:
            # Written down before it is stored: whatever happens, it goes with the first of its stories.
            for story in sorted(stories):
                if tx.one("SELECT 1 FROM stories WHERE id = ?", story) is None:
                    return None
                tx.run("INSERT INTO derived (story, key) VALUES (?, ?) ON CONFLICT (story, key) DO NOTHING", story, key)
        with tempfile.TemporaryFile(dir=place.work) as made:
            length = self._write(made)
            made.seek(0)
            place.objects.put(key, made)
        vtt = self._webvtt()
        with place.catalogue() as catalogue, catalogue.write() as tx:
            kept = self._keep(tx, key, length, vtt)
        if not kept:
            place.objects.delete(key)
            with place.catalogue() as catalogue, catalogue.write() as tx:
                tx.run("DELETE FROM derived WHERE key = ?", key)
            return None
        _delete(place, self._old)
        return Rendition(
            plan.medley.id, plan.medley.title, plan.medley.language, plan.purpose, plan.recipe, key, vtt, length,
            self._spread, tuple(self._voices), plan.left_out, fresh=True,
        )  # fmt: skip

    def _keep(self, tx: Tx, key: str, length: int, vtt: str) -> bool:
        """Write it down, the gate asked once more with the write lock held."""
        plan, now = self._plan, self._place.now()
        try:
            again = _plan(tx, medley_of(tx, plan.medley.id), plan.purpose, now)
        except BadMedley:
            return False
        stories = {voice.story for voice in self._voices}
        noted = {str(row["story"]) for row in tx.all("SELECT story FROM derived WHERE key = ?", key)}
        if again.recipe != plan.recipe or stories != noted:
            return False
        self._old = _leave_old(tx, plan.medley.id, plan.purpose, now, key)
        row = (plan.medley.id, plan.purpose.value, plan.recipe, key, vtt, length, self._spread, stamp(now))
        tx.run("DELETE FROM medley_renditions WHERE medley = ? AND purpose = ?", plan.medley.id, plan.purpose.value)
        tx.run("DELETE FROM medley_voices WHERE medley = ? AND purpose = ?", plan.medley.id, plan.purpose.value)
        tx.run(
            "INSERT INTO medley_renditions (medley, purpose, recipe, key, captions, length_ms, spread_lu, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *row,
        )
        tx.many(
            "INSERT INTO medley_voices (medley, purpose, excerpt, story, start_ms, end_ms) VALUES (?, ?, ?, ?, ?, ?)",
            [(plan.medley.id, plan.purpose.value, one.excerpt, one.story, one.start, one.end) for one in self._voices],
        )
        return True

    @property
    def _spread(self) -> float:
        return max(self._levels) - min(self._levels) if self._levels else 0.0

    def _write(self, target: IO[bytes]) -> int:
        """Write the sound part by part, one part in memory at a time; returns its length in ms."""
        frames = 0
        gap = np.zeros(GAP_MS * RATE // 1000, np.float32)
        with soundfile.SoundFile(target, "w", RATE, 1, subtype="PCM_16", format="FLAC") as out:
            for number, part in enumerate(self._plan.parts):
                if number:
                    out.write(gap)
                    frames += len(gap)
                samples = self._sound(part)
                start = frames * 1000 // RATE
                out.write(samples)
                frames += len(samples)
                self._note(part, start, frames * 1000 // RATE)
        return frames * 1000 // RATE

    def _sound(self, part: _Part) -> Samples:
        if part.item.kind is Kind.WRITTEN:
            shown = max(SHOWN_MS, SHOWN_A_SIGN_MS * len(part.item.text))
            return np.zeros(shown * RATE // 1000, np.float32)
        if part.cut is not None:
            samples, rate = self._cut(part.master, part.cut.start, part.cut.end)
        elif part.item.kind is Kind.RECORDED:
            samples, rate = self._cut(bridge_key(part.item.sound), 0, None)
        else:
            samples, rate = machine_voice(part.item.text, self._plan.medley.language, WORDS_PER_MINUTE)
        made, level = levelled(at_rate(samples, rate, RATE), RATE)
        if math.isfinite(level):
            self._levels.append(level)
        return made

    def _cut(self, key: str, start: int, end: int | None) -> tuple[Samples, int]:
        with tempfile.TemporaryFile(dir=self._place.work) as whole:
            with self._place.objects.open(key) as source:
                while block := source.read(BLOCK):
                    whole.write(block)
            whole.seek(0)
            try:
                with soundfile.SoundFile(whole) as told:
                    rate = told.samplerate
                    first = start * rate // 1000
                    last = told.frames if end is None else min(told.frames, end * rate // 1000)
                    told.seek(min(first, told.frames))
                    samples = told.read(max(0, last - first), dtype="float32", always_2d=True).mean(axis=1)
            except soundfile.LibsndfileError as error:
                raise BadSound("A sound of this medley cannot be decoded.", "Restore it from a backup.") from error
        return np.ascontiguousarray(samples, np.float32), int(rate)

    def _note(self, part: _Part, start: int, end: int) -> None:
        if part.cut is None:
            self._cues += _shown(part.item.text, start, end)
            return
        self._voices.append(Heard(part.cut.story, part.cut.id, start, end, part.cut.title, part.credit))
        moved = [Word(w.text, Ms(w.start + start), Ms(w.end + start), w.probability, w.unclear) for w in part.words]
        self._cues += captions(moved)

    def _webvtt(self) -> str:
        unchecked = not all(part.checked for part in self._plan.parts)
        return _webvtt(self._plan, self._cues, UNCHECKED if unchecked else "")


def _webvtt(plan: _Plan, cues: list[CaptionCue], note: str) -> str:
    machine = MACHINE if any(part.item.kind is Kind.SPOKEN for part in plan.parts) else ""
    body = to_webvtt(cues).removeprefix("WEBVTT").removeprefix("\n") if cues else ""
    return "WEBVTT\n" + "".join(f"\nNOTE {one}\n" for one in (machine, note) if one) + body


def _shown(text: str, start: int, end: int) -> Iterator[CaptionCue]:
    """A bridge's words as captions, each sign shown equally long."""
    words = text.split()
    signs = sum(len(word) + 1 for word in words)
    at, said = float(start), []
    for word in words:
        upto = at + (end - start) * (len(word) + 1) / signs
        said.append(Word(word, Ms(round(at)), Ms(round(upto)), 1.0, unclear=False))
        at = upto
    yield from captions(said)


__all__ = [
    "Heard", "LeftOut", "Rendition", "captions_that_leave", "keep_bridge", "recipe_now", "rendition_of", "renew",
]  # fmt: skip
