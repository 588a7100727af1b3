"""How deep a microphone is: what the kernel and the sound server say of it, and not what a driver converts to."""

from __future__ import annotations

import pytest

from audio.clock import SystemClock
from audio.depth import own_widths
from audio.errors import NoMicrophone
from audio.identity import PulseIdentity
from audio.microphone import Microphone
from audio.types import AudioFormat
from audio.virtualsound import MICROPHONE

pytestmark = pytest.mark.alone  # sound in real time, through a sound server

STREAM = """C-Media USB at usb-1, full speed : USB Audio

Playback:
  Status: Stop
  Interface 1
    Format: S24_3LE

Capture:
  Status: Stop
  Interface 2
    Altset 1
    Format: {format}
    Channels: 1
"""


class Server(PulseIdentity):
    def __init__(self, *specs: str) -> None:
        self._specs = list(specs)

    def specs(self) -> list[str]:
        return self._specs


@pytest.mark.parametrize(("form", "first"), [("S16_LE", 2), ("S24_3LE", 3), ("S32_LE", 3), ("U8", 2), ("FLOAT_LE", 3)])
def test_a_card_is_as_deep_as_it_captures_and_not_as_it_plays(tmp_path, form, first) -> None:
    (tmp_path / "card1").mkdir()
    (tmp_path / "card1" / "stream0").write_text(STREAM.format(format=form))
    assert own_widths("USB: Audio (hw:1,0)", Server("s32le"), tmp_path)[0] == first


@pytest.mark.parametrize(
    ("specs", "first"), [(["s16le"], 2), (["s16le", "s24le"], 3), (["s24-32le"], 3), (["float32le"], 3), ([], 3)]
)
def test_a_sound_server_is_as_deep_as_its_deepest_source(tmp_path, specs, first) -> None:
    assert own_widths("default", Server(*specs), tmp_path)[0] == first
    assert own_widths("I2S (hw:0,0)", Server("s16le"), tmp_path)[0] == 3, "a card that does not tell loses nothing"


def test_the_microphone_takes_the_depth_of_the_source_behind_it(virtual_sound) -> None:
    assert PulseIdentity().specs() == ["s16le"]
    assert Microphone(MICROPHONE, SystemClock()).format == AudioFormat(48_000, 1, 2)
    virtual_sound.unplug()
    virtual_sound.control(
        "load-module", "module-remap-source", "source_name=mic", "master=micfeed.monitor", "format=s24le"
    )
    try:
        assert Microphone(MICROPHONE, SystemClock()).format == AudioFormat(48_000, 1, 3)
        with pytest.raises(NoMicrophone, match="8 bit"):
            Microphone(MICROPHONE, SystemClock(), None, 1)
    finally:
        virtual_sound.unplug()
        virtual_sound.plug()
