"""The proof about memory over hours (`scripts/soak --conversation`), in small: both programs work, and are looked at."""

from __future__ import annotations

import pytest

from audio.errors import NoModel
from audio.speech import on_this_machine
from kiosk.longtalk import long_conversation


def test_a_conversation_is_told_written_down_and_both_programs_are_looked_at():
    try:
        on_this_machine()
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")
    found = long_conversation(0.03)
    assert found["written_down"]
    assert found["conversation_s"] == pytest.approx(48, abs=2)
    assert found["rss_kiosk_mb_late"] - found["rss_kiosk_mb_early"] < 8, "nothing is gathered while it goes on"
    assert found["rss_transcriber_mb_early"] > 150, "the model was there when the looking began"
    assert found["rss_transcriber_mb_late"] <= found["rss_transcriber_mb_highest"] < 450
