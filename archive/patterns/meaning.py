"""The one port to models of meaning: which there are, which an archive uses, and a fake that ships for tests.

``config.toml`` of the archive decides: with ``ai = false`` nothing here loads a model or computes anything, for any
reader; ``meaning`` in its table ``[patterns]`` names the model. A model proposes moments; a person listens.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from archive.catalogue.index import fold
from archive.errors import HomeTrouble
from archive.patterns.machines import check_on
from archive.patterns.weights import E5, MINILM, Array
from archive.server.settings import ArchiveSettings
from audio.models import find


class Meaning(Protocol):
    """A model that turns texts into vectors of which those of like meaning lie close."""

    name: str
    """The model and its version; vectors of another name are never compared with these."""

    def vectors(self, texts: Sequence[str], *, asked: bool = False) -> Array:
        """Return a row of length 1 for each of ``texts``, float32; ``asked`` says that they are questions."""
        ...


def model_chosen(settings: ArchiveSettings) -> str:
    """The name of the model this archive chose. Raises `HomeTrouble` for a setting no archive knows."""
    table = settings.more.get("patterns", {})
    chosen = table.get("meaning", "minilm") if isinstance(table, dict) and set(table) <= {"meaning"} else None
    if chosen not in MODELS:
        say = "The table [patterns] of the settings is not understood."
        raise HomeTrouble(say, f'Write meaning = "NAME"; known are {", ".join(sorted(MODELS))}.')
    return str(chosen)


def open_meaning(settings: ArchiveSettings) -> Meaning:
    """Load the model the archive chose. Takes seconds the first time on a machine.

    Raises `MachinesOff` where machines are switched off, `NoModel` where the model is not on this machine.
    """
    check_on(settings)
    return MODELS[model_chosen(settings)]()


def name_chosen(settings: ArchiveSettings) -> str:
    """What the vectors of the chosen model are named, without loading it. Raises `HomeTrouble`."""
    return NAMES[model_chosen(settings)]


def _minilm() -> Meaning:
    from archive.patterns.encoder import open_minilm

    return open_minilm(find("meaning"))


def _e5() -> Meaning:
    from archive.patterns.encoder import open_e5

    return open_e5(find("meaning-many"))


class FixedMeaning:
    """A fake that ships: texts lie close that share words. The same vectors on every machine, and no model."""

    name = "fixed 1"
    dim: Final = 64

    def vectors(self, texts: Sequence[str], *, asked: bool = False) -> Array:
        """Add up a fixed direction for each word."""
        del asked
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in fold(text):
                rows[row] += np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dim)
        lengths: Any = np.linalg.norm(rows, axis=1, keepdims=True)
        made: Array = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
        return made


MODELS: Mapping[str, Callable[[], Meaning]] = {"minilm": _minilm, "e5": _e5, "fixed": FixedMeaning}
"""``minilm`` understands English; ``e5`` about a hundred languages, and English less well (docs/patterns.md)."""
NAMES: Mapping[str, str] = {"minilm": MINILM, "e5": E5, "fixed": FixedMeaning.name}
"""The ``name`` of each, with its version."""
