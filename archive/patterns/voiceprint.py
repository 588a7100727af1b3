"""A small model that tells voices of one session apart: an LSTM over mel spectra, in numpy, without its framework.

The weights (256 numbers a voice, learned with the GE2E loss) come from a verified bundle (`audio.bundles`). What it
makes of a voice is compared within one session, in memory, and never stored: it could recognise a person elsewhere.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import numpy as np

from archive.patterns.weights import Array

RATE: Final = 16_000
WINDOW_MS: Final = 1600
"""The model listens to so much at once."""
_FFT, _HOP, _MELS, _FRAMES, _LAYERS = 400, 160, 40, 160, 3
_LOUD: Final = 10 ** (-30 / 20)
_HEADER = struct.Struct("<q")


class Voices(Protocol):
    """Something that tells voices apart."""

    name: str
    """The model and its version."""

    def prints(self, windows: Sequence[Array]) -> Array:
        """Return a row of length 1 for each window (`WINDOW_MS` of 16 kHz mono, -1 to 1): alike, where voices are."""
        ...


class VoiceModel:
    """The real model."""

    name = "resemblyzer GE2E 0.1.4/1"

    def __init__(self, path: Path) -> None:
        """Read the weights. Raises `OSError`, `ValueError`, `KeyError`."""
        state = read_weights(path)
        self._layers = [
            (
                np.concatenate([state[f"lstm.weight_ih_l{n}"], state[f"lstm.weight_hh_l{n}"]], axis=1).T.copy(),
                state[f"lstm.bias_ih_l{n}"] + state[f"lstm.bias_hh_l{n}"],
            )
            for n in range(_LAYERS)
        ]
        self._out = (state["linear.weight"].T.copy(), state["linear.bias"])
        self._mel = mel_filters()

    def prints(self, windows: Sequence[Array]) -> Array:
        """Return a row for each window."""
        if not windows:
            return np.zeros((0, 256), np.float32)
        told = np.stack([self._spectrum(window) for window in windows])
        for weights, bias in self._layers:
            told = _lstm(told, weights, bias)
        made: Array = np.maximum(told[:, -1] @ self._out[0] + self._out[1], 0).astype(np.float32)
        made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)
        return made

    def _spectrum(self, window: Array) -> Array:
        """Mel spectrum of one window, [160, 40]: power, not its logarithm, as the model was taught."""
        quiet = float(np.sqrt(np.mean(np.square(window))))
        loud = window * max(1.0, _LOUD / max(quiet, 1e-9))
        padded = np.pad(loud, _FFT // 2)
        starts = np.arange(_FRAMES) * _HOP
        frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[starts] * _HANN
        power: Array = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).astype(np.float32)
        mel: Array = np.matmul(power, self._mel)
        return mel


_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)


def _lstm(told: Array, weights: Array, bias: Array) -> Array:
    """One layer over [batch, time, in]; gates in the order input, forget, cell, output."""
    batch, times, _ = told.shape
    width = len(bias) // 4
    hidden, cell = np.zeros((batch, width), np.float32), np.zeros((batch, width), np.float32)
    out = np.empty((batch, times, width), np.float32)
    for time in range(times):
        gates = np.concatenate([told[:, time], hidden], axis=1) @ weights + bias
        let_in, forget, fresh, let_out = np.split(gates, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(let_in) * np.tanh(fresh)
        hidden = _sigmoid(let_out) * np.tanh(cell)
        out[:, time] = hidden
    return out


def _sigmoid(values: Array) -> Array:
    made: Array = 0.5 * (1 + np.tanh(0.5 * values))
    return made


def mel_filters() -> Array:
    """Triangles on the mel scale by Slaney, each of the same area: [201, 40]. Pure."""
    step, knee, log_step = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hz: float) -> float:
        return hz / step if hz < knee else knee / step + float(np.log(hz / knee)) / log_step

    mels = np.linspace(0, to_mel(RATE / 2), _MELS + 2)
    edges = np.where(mels < knee / step, mels * step, knee * np.exp(log_step * (mels - knee / step)))
    bins = np.linspace(0, RATE / 2, _FFT // 2 + 1)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    filters: Array = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return filters * (2 / (edges[2:] - edges[:-2])).astype(np.float32)


class _Reader(pickle.Unpickler):
    """Reads tensors out of the old format of the framework: nothing but ordered dictionaries and tensors is made."""

    def find_class(self, module: str, name: str) -> Any:
        known: Mapping[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda store, offset, shape, *_: (store, offset, shape),
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is nothing a model needs")
        return known[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        _, kind, key, *_ = pid
        return (kind, key)


def read_weights(path: Path) -> dict[str, Array]:
    """Return the model's tensors by name. Raises `OSError`, `ValueError` for a file of another kind."""
    try:
        with path.open("rb") as file:
            for _ in range(3):
                _Reader(file).load()
            state: Mapping[str, Any] = _Reader(file).load()["model_state"]
            stores = _read_stores(file, _Reader(file).load(), state)
    except (pickle.UnpicklingError, struct.error, EOFError, KeyError) as error:
        raise ValueError(f"{path.name} is no model of voices") from error
    found = {}
    for name, ((_, key), offset, shape) in state.items():
        size = int(np.prod(shape))
        found[name] = stores[key][offset : offset + size].reshape(shape).astype(np.float32)
    return found


def _read_stores(file: BinaryIO, keys: Sequence[str], state: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    kinds = {key: kind for (kind, key), _, _ in state.values()}
    found = {}
    for key in keys:
        (count,) = _HEADER.unpack(file.read(_HEADER.size))
        kind = np.dtype(kinds.get(key, "<f4"))
        found[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return found
