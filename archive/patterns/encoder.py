"""The real models behind meaning search: BERT encoders in eight bits, run by CTranslate2.

Each is a verified bundle (`audio.bundles`). At first use its weights are put into CTranslate2's own form, which lies
beside the bundle; where that folder cannot be written it is made anew at each start, in a temporary one.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from archive.patterns.weights import E5, MINILM, VERSION, Array, Bert, Pieces, read_four_bit, read_safetensors

MOST_TOKENS: Final = 128
"""About 90 words; a stretch of talk has at most about 40."""
_BATCH: Final = 32


class Encoder:
    """Turns texts into vectors of length 1. ``asked`` and ``told`` stand before questions and passages."""

    def __init__(self, name: str, folder: Path, tokenizer: Tokenizer, asked: str = "", told: str = "") -> None:
        """Load the converted model in ``folder``."""
        import ctranslate2

        self.name = name
        self._before = {True: asked, False: told}
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()
        self._model = ctranslate2.Encoder(str(folder), device="cpu", compute_type="int8", intra_threads=2)

    def vectors(self, texts: Sequence[str], *, asked: bool = False) -> Array:
        """Return a row a text, float32, each of length 1."""
        before = self._before[asked]
        told = [one.ids for one in self._tokenizer.encode_batch([before + text for text in texts])]
        # Texts of a length together: what fills the shorter ones up is work for nothing.
        order = sorted(range(len(told)), key=lambda place: len(told[place]))
        found: list[Array | None] = [None] * len(told)
        for first in range(0, len(order), _BATCH):
            some = order[first : first + _BATCH]
            out = self._model.forward_batch([told[place] for place in some])
            hidden = np.asarray(out.last_hidden_state, dtype=np.float32)
            for row, place in enumerate(some):
                mean = hidden[row, : len(told[place])].mean(axis=0)
                found[place] = mean / max(1e-12, float(np.linalg.norm(mean)))
        return np.stack([one for one in found if one is not None]) if found else np.zeros((0, 0), np.float32)


def open_minilm(bundle: Path) -> Encoder:
    """The English model, in the folder of its verified bundle. Raises `OSError`, `ValueError`, `KeyError`."""
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    words = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    folder = _converted(bundle, lambda: (read_safetensors(bundle / "model.safetensors", bundle / "config.json"), words))
    return Encoder(MINILM, folder, tokenizer)


def open_e5(bundle: Path) -> Encoder:
    """The model of many languages, in the folder of its verified bundle. Raises `OSError`, `ValueError`."""
    bert, pieces = read_four_bit(bundle / "e5-small-q4.bin")
    folder = _converted(bundle, lambda: (bert, [piece for piece, _ in pieces.pieces]))
    return Encoder(E5, folder, _unigram(pieces), "query: ", "passage: ")


def _unigram(pieces: Pieces) -> Tokenizer:
    made = Tokenizer(models.Unigram(list(pieces.pieces), pieces.unknown, False))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " "), normalizers.Strip()])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [(end, made.token_to_id(end)) for end in (pieces.first, pieces.last)]
    made.post_processor = processors.TemplateProcessing(single=f"{pieces.first} $A {pieces.last}", special_tokens=ends)
    return made


def _converted(bundle: Path, read: Callable[[], tuple[Bert, list[str]]]) -> Path:
    """Return the folder with the model as CTranslate2 reads it, whole or made now."""
    import ctranslate2

    kind = hashlib.sha256(f"{VERSION} {ctranslate2.__version__}".encode()).hexdigest()[:8]
    target = bundle / f"int8-{kind}"
    if (target / "model.bin").exists():
        return target
    bert, words = read()
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix=".convert-", dir=bundle) as room:
        _convert(bert, words, Path(room) / "built")
        (Path(room) / "built").rename(target)
        return target
    if (target / "model.bin").exists():  # another process was faster
        return target
    room_of_ours = Path(tempfile.mkdtemp(prefix="hearth-meaning-"))
    shutil.rmtree(room_of_ours)
    _convert(bert, words, room_of_ours)
    return room_of_ours


def _convert(bert: Bert, words: list[str], folder: Path) -> None:
    """Write the weights as CTranslate2 reads them, in eight bits."""
    from ctranslate2.specs import common_spec, transformer_spec

    made = transformer_spec.TransformerEncoderSpec(
        bert.layers, bert.heads, pre_norm=False, activation=common_spec.Activation.GELU, layernorm_embedding=True,
        num_source_embeddings=2, embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )  # fmt: skip
    made.scale_embeddings = False
    get = bert.get
    made.embeddings[0].weight = get("emb.word")
    made.embeddings[1].weight = get("emb.type")
    made.position_encodings.encodings = get("emb.pos")
    _norm(made.layernorm_embedding, get, "emb.ln")
    for number, layer in enumerate(made.layer):
        here = f"l{number}."
        attention = layer.self_attention
        attention.linear[0].weight = np.concatenate([get(f"{here}{part}.w") for part in "qkv"])
        attention.linear[0].bias = np.concatenate([get(f"{here}{part}.b") for part in "qkv"])
        _linear(attention.linear[1], get, f"{here}ao")
        _norm(attention.layer_norm, get, f"{here}aln")
        _linear(layer.ffn.linear_0, get, f"{here}fi")
        _linear(layer.ffn.linear_1, get, f"{here}fo")
        _norm(layer.ffn.layer_norm, get, f"{here}oln")
    whole = transformer_spec.TransformerEncoderModelSpec(made, pooling_layer=False)
    # Some models have rows for words that their tokenizer never gives.
    spare = len(made.embeddings[0].weight) - len(words)
    whole.register_vocabulary([*words, *(f"<spare {number}>" for number in range(spare))])
    whole.config.layer_norm_epsilon = 1e-12
    whole.validate()
    whole.optimize(quantization="int8")
    folder.mkdir(parents=True)
    whole.save(str(folder))


def _linear(spec: Any, get: Callable[[str], Array], name: str) -> None:
    spec.weight, spec.bias = get(f"{name}.w"), get(f"{name}.b")


def _norm(spec: Any, get: Callable[[str], Array], name: str) -> None:
    spec.gamma, spec.beta = get(f"{name}.w"), get(f"{name}.b")
