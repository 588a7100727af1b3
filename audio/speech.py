"""Real human speech with its reference text, to try and measure the box with. Nothing of it is part of the program."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import jiwer

from audio import models
from audio.errors import BadSound, NoModel
from audio.tracks import is_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

from pathlib import Path

LIBRIVOX: Final = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Where Debian's pocketsphinx-testdata puts public-domain readings."""
_LINE = re.compile(r"^<s>\s*(?P<text>.*?)\s*</s>\s*\((?P<name>[^)]+)\)$")
_SYNTHETIC_S: Final = 60
_NOT_A_WORD = re.compile(r"[^\w' ]+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording and what is said in it."""

    path: Path
    text: str


def normalised(text: str) -> str:
    """Return ``text`` as words to compare: lower case, no punctuation, numbers as they are written."""
    words = (word.strip("'") for word in _NOT_A_WORD.sub(" ", text.lower().replace("\u2019", "'")).split())
    return " ".join(word for word in words if word)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the errors per reference word over all (reference, heard) pairs together; 0.05 is five in a hundred."""
    known = [(normalised(reference), normalised(heard)) for reference, heard in pairs]
    known = [(reference, heard) for reference, heard in known if reference]
    if not known:
        msg = "There is no reference text to compare with."
        raise BadSound(msg, "Put ID.txt beside ID.wav.")
    return float(jiwer.wer([reference for reference, _ in known], [heard for _, heard in known]))


def in_folder(folder: Path, refused: Callable[[Path, BadSound], None] | None = None) -> list[Spoken]:
    """Return every ``ID.wav`` that has an ``ID.txt`` beside it, by name; capitals in the suffixes do not matter.

    ``refused`` is told of each text that cannot be read and of each recording without one, and the rest is returned;
    without it the first such text is raised.

    Raises:
        BadSound: no such folder, or nothing in it that can be used.
    """
    try:
        files = {(path.stem, path.suffix.casefold()): path for path in sorted(folder.iterdir()) if not is_folder(path)}
    except OSError as error:
        msg = f"The folder {folder} cannot be read ({error.strerror})."
        raise BadSound(msg, "Check the name.") from error
    found = []
    for (stem, suffix), path in files.items():
        if suffix != ".wav":
            continue
        if (stem, ".txt") in files:
            try:
                found.append(Spoken(path, _text_of(files[stem, ".txt"])))
            except BadSound as error:
                if refused is None:
                    raise
                refused(files[stem, ".txt"], error)
        elif refused is not None:
            refused(path, BadSound(f"{path.name} has no {stem}.txt beside it.", "Write into one what is said in it."))
    if not found:
        msg = f"{folder} holds no ID.wav with an ID.txt beside it."
        raise BadSound(msg, "Give a folder of recordings with their texts.")
    return found


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            # A pipe would be waited for, without end.
            raise BadSound(f"{path.name} is not a plain file.", "Give a text in UTF-8.")
        return path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path.name} could not be read as text in UTF-8."
        raise BadSound(msg, "Save it again as UTF-8.") from error


def librivox(folder: Path = LIBRIVOX) -> list[Spoken]:
    """Return the readings that Debian's package installed; none where it did not."""
    try:
        lines = (folder / "transcription").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    matches = [match for line in lines if (match := _LINE.match(line.strip()))]
    spoken = [Spoken(folder / f"{match['name']}.wav", match["text"]) for match in matches]
    return [one for one in spoken if one.path.is_file()]


def on_this_machine() -> Sequence[Spoken]:
    """Return all test speech that is here: the fetched recordings and Debian's.

    Raises:
        NoModel: none at all.
    """
    found: list[Spoken] = []
    try:
        found += in_folder(models.find("speech"))
    except NoModel:
        if not librivox():
            raise
    return found + librivox()


def synthetic(words: str, path: Path) -> Spoken:
    """Let Debian's ``espeak-ng`` say English ``words`` into the WAV file ``path``.

    Raises:
        NoModel: it is not installed, or says nothing.
    """
    command = ["espeak-ng", "-v", "en-us", "-s", "140", "-w", str(path), words]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_SYNTHETIC_S)
    except (OSError, subprocess.SubprocessError) as error:
        msg = "There is neither recorded speech nor a machine's voice on this machine."
        raise NoModel(msg, "Run: hearth models fetch speech") from error
    return Spoken(path, words)
