"""The voice detector's sums against the reference runtime, and files that are not that network."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from audio.errors import NoModel
from audio.silero import CONTEXT, WINDOW, Silero
from audio.vad import silero_model

PIECES = (1, 3, 6, 2, 10, 1, 6)


def windows() -> np.ndarray:
    """Noise that swells and sinks, a buzz in the middle of it, and true silence at the end."""
    chance = np.random.default_rng(3)
    count = 4 * sum(PIECES)
    at = np.arange(count * WINDOW) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * n * at) / n for n in range(1, 12)) * (np.sin(2 * np.pi * 3 * at) > 0)
    sound = 0.02 * chance.standard_normal(len(at)) * np.abs(np.sin(at)) + 0.1 * buzz * (at % 2 < 1)
    sound[-8 * WINDOW :] = 0
    return sound.astype(np.float32).reshape(count, WINDOW)


def reference(sound: np.ndarray) -> list[float]:
    runtime = pytest.importorskip("onnxruntime").InferenceSession(
        str(silero_model()), providers=["CPUExecutionProvider"]
    )
    before = np.vstack([np.zeros((1, CONTEXT), np.float32), sound[:-1, -CONTEXT:]])
    nothing = np.zeros((1, 1, 128), np.float32)
    rows = np.hstack([before, sound])
    return runtime.run(None, {"input": rows, "h": nothing, "c": nothing})[0].reshape(-1).tolist()


def test_the_same_probabilities_as_the_reference_runtime_however_the_sound_comes():
    sound = windows()
    network = Silero(silero_model())
    heard: list[float] = []
    at = 0
    for size in PIECES * 4:
        heard += network.judge(sound[at : at + size])
        at += size
    expected = reference(sound)
    assert max(expected) > 0.5 > min(expected)
    np.testing.assert_allclose(heard, expected, atol=1e-4)


def test_a_reset_forgets_what_was_heard():
    sound = windows()
    network = Silero(silero_model())
    first = network.judge(sound[:20])
    network.judge(sound[20:40])
    network.reset()
    assert network.judge(sound[:20]) == first


def cut_short(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def renamed(raw: bytes) -> bytes:
    return raw.replace(b"decoder.conv1d.bias", b"decoder.conv1d.bios")


def another_transform(raw: bytes) -> bytes:
    place = raw.index(b"forward_basis_buffer")
    return raw[: place + 4000] + bytes(2000) + raw[place + 6000 :]


@pytest.mark.parametrize("spoil", [cut_short, renamed, another_transform, lambda raw: b"", lambda raw: b"\xff" * 900])
def test_a_file_that_is_not_that_network_is_refused_with_a_word_on_what_to_do(spoil, tmp_path: Path):
    other = tmp_path / "other.onnx"
    other.write_bytes(spoil(silero_model().read_bytes()))
    with pytest.raises(NoModel) as refused:
        Silero(other)
    assert "webrtc" in refused.value.do


def test_however_much_is_given_at_once_it_takes_little_memory():
    network, sound = Silero(silero_model()), windows()
    minutes = np.resize(sound, (4_000, WINDOW))
    apart = [one for at in range(0, len(minutes), 100) for one in network.judge(minutes[at : at + 100])]
    network.reset()
    tracemalloc.start()
    together = network.judge(minutes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert together == pytest.approx(apart, abs=1e-6)
    assert peak < 30e6, "not as much as there is to judge"
