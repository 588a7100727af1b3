"""What was wrong with the sound reaches the database: every hint as a stretch, every gap as a moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from archive.spans import Mark, spans_of
from kiosk.presses import parse
from kiosk.setting import read_home
from kiosk.simulation import Simulation

RATE = 48_000


@pytest.fixture
def told(tmp_path, monkeypatch):
    """A box at which somebody can tell a story of mains hum."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    hum = sum(np.sin(2 * np.pi * 50 * n * np.arange(12 * RATE) / RATE) / n for n in (1, 2, 3))
    soundfile.write(tmp_path / "hum.wav", 0.1 * hum, RATE, subtype="PCM_16")
    home = tmp_path / "home"
    home.mkdir()
    # What was said is not looked at here, so nobody has to wait for a model.
    (home / "config.toml").write_text('[sound]\ntranscriber = "fixed"\n', encoding="utf-8")
    with Simulation(read_home(home), [tmp_path / "hum.wav"]) as simulation:
        yield simulation
    simulation.store.close()


def test_a_hint_and_a_gap_are_stored_with_the_take_and_lie_where_they_were(told) -> None:
    told.visit(parse("talk agree @3 talk @4"))
    told._mouth.source.overflow()
    told.visit(parse("@4 talk keep done"))
    told.settle()
    story = told.store.stories()[0]
    spans = spans_of(told.store, story.id)
    (gap,) = [span for span in spans if span.mark is Mark.GAP]
    assert gap.start == pytest.approx(4000, abs=1500)
    humming = [span for span in spans if span.mark is Mark.SOUND and span.ref == "hum"]
    assert humming
    assert humming[0].start < 3000, "it was told within 3 s of its beginning"
    assert all(0 <= span.start <= (span.end or 0) <= story.length for span in spans)
    overflows = told.store.db.conn.execute("SELECT overflows FROM closings WHERE take = ?", (story.id,)).fetchone()[0]
    assert overflows == 1


def test_tones_of_little_time_are_marked_where_they_sound(told) -> None:
    app = told.app
    app.session = replace(app.session, rules=replace(app.session.rules, warnings=(app.session.rules.story - 2.0,)))
    told.visit(parse("speak talk agree @3 talk @6 talk keep done"))
    story = told.store.stories()[0]
    (tones,) = [span for span in spans_of(told.store, story.id) if span.mark is Mark.TONES]
    assert tones.start == pytest.approx(2000, abs=600)
    assert tones.end is not None
    assert tones.end - tones.start == pytest.approx(900, abs=600)
