"""The Silero v6 network in plain numpy: the weights are read from its ONNX file, the sums are done here.

The file asks for a transform by matrix where a fast one will do, for taps that only ever meet padding, and for one
product a window where one for all windows costs a third. Done by hand that is half the work of a general runtime, and
the kiosk need not load one. `tests/audio/test_silero.py` holds it against onnxruntime, which is the reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from audio.errors import NoModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audio.pcm import Samples

WINDOW: Final = 512
"""Samples (16 kHz) that one probability speaks of."""
CONTEXT: Final = 64
"""Samples from before a window that the network is given with it."""
_WIDTH: Final = 128
_FRAME, _HOP, _BINS = 256, 128, 129
_GRAPH, _INITIALIZER, _NAME, _RAW = 7, 5, 8, 9
"""Field numbers of ONNX: a model's graph, a graph's tensor, a tensor's name and its bytes."""
_AT_ONCE: Final = 4
"""Products are kept so small that the library does each in this thread: waking others costs more than it saves."""
_MOST_WINDOWS: Final = 256
"""So many are calculated side by side, however many are given: each takes 27 kB on the way."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHAPES: Final = {
    "encoder.feature_extractor.forward_basis_buffer": (2 * _BINS, _FRAME),
    "encoder.conv_layers.0.weight": (128, _BINS, 3),
    "encoder.conv_layers.0.bias": (128,),
    "encoder.conv_layers.1.weight": (64, 128, 3),
    "encoder.conv_layers.1.bias": (64,),
    "encoder.conv_layers.2.weight": (64, 64, 3),
    "encoder.conv_layers.2.bias": (64,),
    "encoder.conv_layers.3.weight": (128, 64, 3),
    "encoder.conv_layers.3.bias": (128,),
    "onnx::LSTM_209": (4 * _WIDTH, _WIDTH),
    "onnx::LSTM_210": (4 * _WIDTH, _WIDTH),
    "onnx::LSTM_211": (2, 4 * _WIDTH),
    "decoder.conv1d.weight": (_WIDTH,),
    "decoder.conv1d.bias": (1,),
}


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number has no high bit
            return value, at
        shift += 7


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (field number, content) of a protocol buffer's fields that hold bytes; others are passed over."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        kind = key & 7
        if kind == _BYTES:
            size, at = _number(data, at)
            yield key >> 3, data[at : at + size]
            at += size
        elif kind == _VARINT:
            _, at = _number(data, at)
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            msg = f"field of kind {kind}"
            raise ValueError(msg)


def weights(model: Path) -> dict[str, Samples]:
    """Return the network's weights by their names in the file, in the shapes they are used in.

    Raises:
        NoModel: the file cannot be read, or is not the network that is calculated here.
    """
    found: dict[str, Samples] = {}
    try:
        for number, graph in _fields(memoryview(model.read_bytes())):
            for kind, tensor in _fields(graph) if number == _GRAPH else ():
                parts = dict(_fields(tensor)) if kind == _INITIALIZER else {}
                name = bytes(parts.get(_NAME, b"")).decode()
                if name in _SHAPES:
                    found[name] = np.frombuffer(parts[_RAW], "<f4").reshape(_SHAPES[name]).astype(np.float32)
    except (OSError, ValueError, IndexError, KeyError) as error:
        msg = f"The voice detector's model file cannot be read ({error})."
        raise NoModel(msg, "Run the set-up again, or choose the voice detector named webrtc.") from error
    if missing := sorted(_SHAPES.keys() - found.keys()):
        msg = f"The voice detector's model file is of another kind: it has no {missing[0]}."
        raise NoModel(msg, "Run the set-up again, or choose the voice detector named webrtc.")
    return found


def _taps(weight: Samples) -> Samples:
    """Lay a convolution's taps in a row, so that a row of inputs times it is the convolution: (taps x in, out)."""
    rows: Samples = np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))
    return rows


class Silero:
    """The network and its state. One call judges consecutive windows; the state goes on from call to call."""

    def __init__(self, model: Path) -> None:
        """Read ``model``. Raises `NoModel`."""
        held = weights(model)
        basis = held["encoder.feature_extractor.forward_basis_buffer"]
        # The first row of the basis is the transform's window itself: a cosine of frequency 0.
        self._hann = basis[0].copy()
        made = np.fft.rfft(self._hann * np.eye(_FRAME, dtype=np.float32), axis=1)
        if not np.allclose(np.hypot(basis[:_BINS], basis[_BINS:]), np.abs(made).T, atol=1e-4):
            msg = "The voice detector's model file is of another kind: its transform is not a windowed one."
            raise NoModel(msg, "Run the set-up again, or choose the voice detector named webrtc.")
        self._first = _taps(held["encoder.conv_layers.0.weight"])
        self._second = _taps(held["encoder.conv_layers.1.weight"])
        # Of the third only two taps ever meet sound, of the fourth one: it has a single input with padding around.
        self._third = _taps(held["encoder.conv_layers.2.weight"][:, :, 1:])
        self._fourth = _taps(held["encoder.conv_layers.3.weight"][:, :, 1:2])
        self._biases = [held[f"encoder.conv_layers.{layer}.bias"] for layer in range(4)]
        self._out = held["decoder.conv1d.weight"]
        self._out_bias = float(held["decoder.conv1d.bias"][0])
        # Half of a hyperbolic tangent is a logistic curve: with these factors one call does all four gates.
        scale = np.full(4 * _WIDTH, 0.5, np.float32)
        scale[3 * _WIDTH :] = 1.0
        self._into = np.ascontiguousarray(held["onnx::LSTM_209"].T) * scale
        self._again = np.ascontiguousarray(held["onnx::LSTM_210"].T) * scale
        self._lstm_bias = held["onnx::LSTM_211"].sum(axis=0) * scale
        self.reset()

    def reset(self) -> None:
        """Begin a new stream with a fresh state."""
        self._h = np.zeros(_WIDTH, np.float32)
        self._c = np.zeros(_WIDTH, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def judge(self, windows: Samples) -> list[float]:
        """Return the probability of a voice in each of consecutive windows: (count, 512), mono float32 at 16 kHz."""
        parts = (windows[at : at + _MOST_WINDOWS] for at in range(0, len(windows), _MOST_WINDOWS))
        return [one for part in parts for one in self._remembered(self._encoded(self._spectrum(part)))]

    def _spectrum(self, windows: Samples) -> Samples:
        """Return the magnitudes of four overlapping frames a window: (count, 4, 129)."""
        count = len(windows)
        rows = np.empty((count, CONTEXT + WINDOW + CONTEXT), np.float32)
        rows[0, :CONTEXT] = self._context
        rows[1:, :CONTEXT] = windows[:-1, -CONTEXT:]
        rows[:, CONTEXT:-CONTEXT] = windows
        # The end is mirrored, without its last sample.
        rows[:, -CONTEXT:] = windows[:, -2 : -2 - CONTEXT : -1]
        self._context = windows[-1, -CONTEXT:].copy()
        frames = np.lib.stride_tricks.sliding_window_view(rows, _FRAME, axis=1)[:, ::_HOP]
        magnitudes: Samples = np.abs(np.fft.rfft(frames * self._hann, axis=2)).astype(np.float32, copy=False)
        return magnitudes

    def _encoded(self, spectrum: Samples) -> Samples:
        """Return what the four convolutions make of a spectrum: (count, 128)."""
        count = len(spectrum)
        padded = np.zeros((count, 6, _BINS), np.float32)
        padded[:, 1:5] = spectrum
        first = _relu(_beside(padded, 4, 1) @ self._first + self._biases[0])
        padded = np.zeros((count, 6, 128), np.float32)
        padded[:, 1:5] = first
        second = _relu(_beside(padded, 2, 2) @ self._second + self._biases[1])
        third = _relu(second.reshape(count, 128) @ self._third + self._biases[2])
        return _relu(third @ self._fourth + self._biases[3])

    def _remembered(self, encoded: Samples) -> list[float]:
        """Return what the recurrent layer and the last one make of it, window by window."""
        given = np.concatenate([encoded[at : at + _AT_ONCE] @ self._into for at in range(0, len(encoded), _AT_ONCE)])
        given += self._lstm_bias
        h, c = self._h, self._c
        states = np.empty((len(given), _WIDTH), np.float32)
        for number in range(len(given)):
            gates = np.tanh(h @ self._again + given[number])
            logistic = gates[: 3 * _WIDTH]
            logistic += 1
            logistic *= 0.5
            # In the order of ONNX: what comes in, what goes out, what is kept, and what there is.
            c = logistic[2 * _WIDTH :] * c + logistic[:_WIDTH] * gates[3 * _WIDTH :]
            h = logistic[_WIDTH : 2 * _WIDTH] * np.tanh(c)
            states[number] = h
        self._h, self._c = h, c
        answer: list[float] = (1 / (1 + np.exp(-(_relu(states) @ self._out + self._out_bias)))).tolist()
        return answer


def _relu(values: Any) -> Samples:
    made: Samples = np.maximum(values, 0, out=values)
    return made


def _beside(padded: Samples, count: int, step: int) -> Samples:
    """Lay each three neighbouring columns beside each other: (rows x count, 3 x width)."""
    width = padded.shape[2]
    rows = np.empty((len(padded), count, 3, width), np.float32)
    for tap in range(3):
        rows[:, :, tap] = padded[:, tap : tap + step * (count - 1) + 1 : step]
    return rows.reshape(len(padded), count, 3 * width)
