"""A library's hours: read from its settings, kept by the box, and written without touching what else stands there."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from audio.clock import VirtualClock
from audio.player import SilentPlayer
from kiosk import types as t
from kiosk.config import default_toml, load, parse
from kiosk.errors import BadConfig
from kiosk.openhours import Span
from kiosk.playing import VOLUMES, Playing
from kiosk.settingsfile import put_settings, with_setting


@pytest.mark.parametrize(
    ("begins", "ends", "at", "quiet"),
    [
        ("12:00", "14:00", "11:59", False),
        ("12:00", "14:00", "12:00", True),
        ("12:00", "14:00", "14:00", False),
        ("20:00", "09:00", "23:30", True),
        ("20:00", "09:00", "08:59", True),
        ("20:00", "09:00", "12:00", False),
        ("", "", "12:00", False),
        ("09:00", "", "12:00", False),
        ("09:00", "09:00", "09:00", False),
    ],
)
def test_a_span_holds_its_beginning_and_not_its_end_over_midnight_too(
    begins: str, ends: str, at: str, quiet: bool
) -> None:
    assert Span(begins, ends).holds(time.fromisoformat(at)) is quiet


@pytest.mark.parametrize("wrong", ["9:00", "24:00", "noon", "09.30"])
def test_a_time_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(BadConfig, match="no time of day"):
        parse(f'[hours]\nquiet_begins = "{wrong}"\n')


def test_in_quiet_hours_nothing_sounds_at_rest_and_visits_begin_softly(tmp_path: Path, monkeypatch) -> None:
    from archive.home import open_home
    from archive.store import Store

    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    clock, told, quiet = VirtualClock(), [], [False]
    with Store(open_home(tmp_path / "home"), clock) as store:
        monkeypatch.setattr(store, "allowed", lambda *_: ["01J00000000000000000000000"])
        player = SilentPlayer(clock, lambda _: None)
        playing = Playing(store, player, clock, told.append, volume=0.9, quiet=lambda: quiet[0])
        begun: list[int] = []
        monkeypatch.setattr(playing, "_begin", lambda play, *_, **__: begun.append(play) or True)
        playing.next_voice(t.PlayNext(1, softly=True), "en")
        assert begun == [1]
        assert playing._volume == 0.9
        quiet[0] = True
        assert playing._volume == VOLUMES[0] < 0.9
        # The volume key goes on from there, and its choice counts for this visit alone.
        playing.louder()
        assert playing._volume == VOLUMES[1]
        playing.forget(keep_volume=True)
        assert playing._volume == VOLUMES[1]
        steps = []
        while not playing.loudest:
            playing.louder()
            steps.append(playing._volume)
        assert steps == list(VOLUMES[2:])
        playing.louder()
        assert (playing._volume, playing.loudest) == (VOLUMES[0], False)
        playing.forget()
        assert playing._volume == VOLUMES[0]
        playing.next_voice(t.PlayNext(2, softly=True), "en")
        playing.next_voice(t.PlayNext(3), "en")
        assert begun == [1, 3], "a visitor who presses listen is not at rest"
        assert [type(event) for event in told] == [t.NothingToPlay]


def test_settings_go_into_their_own_lines_and_everything_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# ours\n[site]\nname = 'Old'  # by hand\n\n[pins]\nleft = 17\n")
    put_settings(path, {"site.name": 'The "Lamp" in Łódź', "site.languages": ("pl", "en"), "site.language": "pl",
                        "hours.quiet_begins": "20:00"})  # fmt: skip
    text = path.read_text()
    assert "# ours" in text
    assert "left = 17" in text
    assert "Old" not in text
    config = load(path)
    assert (config.site.name, config.site.language, config.hours.quiet_begins) == ('The "Lamp" in Łódź', "pl", "20:00")
    put_settings(path, {"site.languages": ("pl",)})
    assert load(path).site.languages == ("pl",)


def test_a_new_file_has_every_setting_explained_beside_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    put_settings(path, {"site.name": "Here", "archive.sync_to": "/media/usb"})
    assert load(path).archive.sync_to == "/media/usb"
    kept = set(path.read_text().splitlines())
    gone = set(default_toml().splitlines()) - kept
    assert gone == {'# name = "our library"', '# sync_to = ""'}


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    text = '[site]\nlanguages = [\n  "en",\n  "es",\n]\nname = "x"\n'
    assert with_setting(text, "site", "languages", ("hi", "en")) == '[site]\nlanguages = ["hi", "en"]\nname = "x"\n'


def test_what_the_box_would_not_start_with_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    put_settings(path, {"site.name": "Here"})
    before = path.read_bytes()
    with pytest.raises(BadConfig):
        put_settings(path, {"site.name": "There", "hours.opens": "soon"})
    assert path.read_bytes() == before
