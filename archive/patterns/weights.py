"""Reading the weights of small language models from the files they are published in, without their frameworks.

All are BERT encoders; what differs is the file. The files are verified before anything here reads them
(`audio.models`), and nothing in them is ever run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]
VERSION: Final = "1"
"""Of the way from published weights to vectors; another one makes other vectors, and stands in the model's name."""
MINILM: Final = f"all-MiniLM-L6-v2 int8/{VERSION}"
E5: Final = f"multilingual-e5-small int8/{VERSION}"
"""As vectors name who made them, known before a model is loaded."""
_QUANTS: Final = 32
"""Weights that share a scale in the four-bit file."""
_Q4: Final = np.dtype([("scale", "<f2"), ("signs", "u1", (_QUANTS // 2,))])
_ENTRY: Final = struct.calcsize("<BIQQ")
_EMBEDDINGS: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
}
_INSIDE: Final = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
"""The parts of a layer, by their short names."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The word pieces of a unigram tokenizer, each with its score; ``unknown`` is the place of the unknown one."""

    pieces: tuple[tuple[str, float], ...]
    unknown: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Bert:
    """A BERT encoder: ``get`` gives a tensor by its short name (``emb.word``, ``l0.q.w``), float32, ``[out, in]``."""

    layers: int
    heads: int
    get: Callable[[str], Array]


def read_safetensors(path: Path, config: Path) -> Bert:
    """Read a model from ``model.safetensors`` and its ``config.json``. Raises `OSError`, `ValueError`, `KeyError`."""
    told = json.loads(config.read_text(encoding="utf-8"))
    body = np.memmap(path, dtype=np.uint8, mode="r")
    size = int.from_bytes(bytes(body[:8]), "little")
    index: Mapping[str, Any] = json.loads(bytes(body[8 : 8 + size]))

    def get(name: str) -> Array:
        entry = index[_long(name)]
        first, last = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} is {entry['dtype']}, not F32")
        return np.frombuffer(body[first:last].tobytes(), "<f4").reshape(entry["shape"]).copy()

    return Bert(int(told["num_hidden_layers"]), int(told["num_attention_heads"]), get)


def read_four_bit(path: Path) -> tuple[Bert, Pieces]:
    """Read a model with four-bit weights and its tokenizer from one ``E5S1`` file. Raises `OSError`, `ValueError`.

    A row of weights is cut into stretches of 32, each with a half-precision scale and 32 signs of four bits.
    """
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise ValueError(f"{path.name} is no E5S1 file")
    _, layers, heads, _, words, places, kinds = struct.unpack_from("<7i", data, 8)
    pieces, at = _read_pieces(data, 44)
    tensors = _read_index(data, at)
    rows = {"emb.word": words, "emb.pos": places, "emb.type": kinds}

    def get(name: str) -> Array:
        offset, count, four_bit = tensors[name]
        if four_bit:
            blocks = np.frombuffer(data, _Q4, count // _QUANTS, offset)
            signs = np.concatenate([blocks["signs"] & 0x0F, blocks["signs"] >> 4], axis=1).astype(np.float32)
            plain = ((signs - 8.0) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
        else:
            plain = np.frombuffer(data, "<f4", count, offset).copy()
        if name in rows:
            return plain.reshape(rows[name], -1)
        # As many rows as the tensor beside it has numbers to add to them.
        return plain.reshape(tensors[f"{name[:-1]}b"][1], -1) if four_bit else plain

    return Bert(layers, heads, get), pieces


def _read_pieces(data: bytes, at: int) -> tuple[Pieces, int]:
    """Read the tokenizer at ``at``; and where what follows it begins."""
    number, first, last, _, unknown = struct.unpack_from("<5i", data, at)
    (length,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    edges = struct.unpack_from(f"<{number + 1}I", data, at)
    at += 4 * (number + 1)
    scores = struct.unpack_from(f"<{number}f", data, at)
    at += 4 * number
    names = [data[at + start : at + end].decode("utf-8") for start, end in pairwise(edges)]
    at += length
    # The table of signs to write differently: the tokenizer here does that by Unicode's own rules.
    _, skipped = struct.unpack_from("<2I", data, at)
    pieces = Pieces(tuple(zip(names, scores, strict=True)), unknown, names[first], names[last])
    return pieces, at + 8 + skipped


def _read_index(data: bytes, at: int) -> dict[str, tuple[int, int, bool]]:
    """Where each tensor lies: its offset, how many numbers it has, and whether they have four bits."""
    (number,) = struct.unpack_from("<i", data, at)
    at += 4
    found = {}
    for _ in range(number):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        kind, count, offset = struct.unpack_from("<BIQ", data, at + 2 + length)
        found[name] = (int(offset), int(count), bool(kind))
        at += 2 + length + _ENTRY
    return found


def _long(short: str) -> str:
    """The name of a tensor as Hugging Face writes it."""
    *parts, last = short.split(".")
    if short in _EMBEDDINGS:
        return _EMBEDDINGS[short]
    kind = {"w": "weight", "b": "bias"}[last]
    if parts[0] == "emb":
        return f"embeddings.LayerNorm.{kind}"
    return f"encoder.layer.{parts[0][1:]}.{_INSIDE[parts[1]]}.{kind}"
