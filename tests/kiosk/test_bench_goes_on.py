"""A measurement that fails late costs nothing of what was measured before it."""

from __future__ import annotations

import json
import subprocess

import pytest

from archive.errors import Refused
from audio.bench_sound import p95
from audio.errors import BadSound
from kiosk import bench_box
from kiosk.cli import run
from kiosk.commands import bench_
from kiosk.setting import NotReady

STUBBORN = "trap '' TERM; echo here; while :; do sleep 0.05; done"


@pytest.fixture
def parts(monkeypatch):
    """Stand in for the measurements, which take minutes: figures to give out, and then what to raise, by part."""

    def put(**found):
        def part(of):
            def measured(_run):
                for one in of:
                    if isinstance(one, Exception):
                        raise one
                    yield one

            return measured

        monkeypatch.setattr(bench_, "PARTS", {name: part(of) for name, of in found.items()})

    return put


@pytest.mark.parametrize(
    "trouble",
    [
        TimeoutError("planted"), subprocess.TimeoutExpired("kiosk", 30), NotReady("Too slow."), Refused("No."),
        BadSound("None."), IndexError("list index out of range"), OSError(28, "planted"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_was_measured_before_a_failure_is_told(parts, capsys, trouble) -> None:
    parts(words=[{"wer_streamed": 0.07}], sound=[{"stop_ms_p95": 41.0}, trouble], box=[{"start_s": 1.7}, trouble])
    assert run(["bench", "--json"]) == 0
    told = json_of(capsys)
    assert (told["wer_streamed"], told["stop_ms_p95"], told["start_s"]) == (0.07, 41.0, 1.7)
    assert set(told["not_measured"]) == {"sound", "box"}
    assert all(told["not_measured"].values())


def test_every_promised_figure_is_there_and_what_was_not_measured_is_null(parts, capsys) -> None:
    parts(words=[{"wer_streamed": 0.07}], sound=[{"press_to_sound_ms_p95": p95([]), "blocks_lost": 0}])
    assert run(["bench", "--json"]) == 0
    told = json_of(capsys)
    assert set(bench_.KEYS) <= set(told)
    assert {name for name in bench_.KEYS if told[name] is not None} == {"wer_streamed", "blocks_lost"}
    assert run(["bench"]) == 0
    assert "not measured" in capsys.readouterr().out


def test_a_plot_that_cannot_be_is_refused_before_anything_is_measured(parts, capsys, tmp_path) -> None:
    parts(words=[AssertionError("measured")], sound=[AssertionError("measured")])
    assert run(["bench", "--only", "sound", "--plot", str(tmp_path / "x.svg"), "--json"]) == 2
    assert "words" in json_of(capsys)["error"]["say"]
    assert run(["bench", "--plot", str(tmp_path / "no" / "x.svg"), "--json"]) == 1
    assert json_of(capsys)["error"]["code"] == "bad-sound"
    assert not list(tmp_path.iterdir())


def test_a_box_that_is_not_ready_in_time_is_a_sentence(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(bench_box, "_START_S", 0.05)
    ready = bench_box._Ready(tmp_path)
    with pytest.raises(NotReady, match="were not ready within"):
        ready.wait("in ")
    ready.close()


def test_a_program_that_does_not_end_is_ended(monkeypatch) -> None:
    monkeypatch.setattr(bench_box, "_START_S", 0.05)
    program = subprocess.Popen(["sh", "-c", STUBBORN], stdout=subprocess.PIPE)
    assert program.stdout is not None
    program.stdout.readline()
    program.terminate()
    bench_box._end(program)
    assert program.returncode == -9
    program.stdout.close()


def json_of(capsys):
    def no_json(word):
        raise AssertionError(word)

    return json.loads(capsys.readouterr().out, parse_constant=no_json)
