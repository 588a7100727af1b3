"""One contract for every source: scripted, file, and the real adapter on a virtual sound server."""

from __future__ import annotations

import ctypes
import itertools
import os
import queue
import threading

import numpy as np
import pytest
import soundfile

from audio.blocktimer import BlockTimer, Lateness
from audio.clock import SystemClock, VirtualClock
from audio.drivers import make_source
from audio.errors import BadSound, NoMicrophone, StreamDied
from audio.identity import PulseIdentity
from audio.microphone import Microphone, find_device, list_devices
from audio.pcm import to_floats
from audio.sources import ScriptedSource, WavSource, sample_at
from audio.tracks import Track, common_format, native_format
from audio.types import AudioFormat
from audio.virtualsound import MICROPHONE

pytestmark = pytest.mark.alone  # sound in real time, through a sound server


class Drive:
    """Runs any source: real ones by waiting for blocks, the scripted one by pumping."""

    def __init__(self, source, clock):
        self.source, self.clock = source, clock
        self.blocks = queue.SimpleQueue()

    def start(self):
        self.source.start(self.blocks.put)

    def take(self, count):
        """Return the next `count` blocks."""
        got = []
        for _ in range(count):
            if isinstance(self.clock, VirtualClock):
                self.clock.advance(0.02)
                self.source.pump(self.clock.monotonic())
            got.append(self.blocks.get(timeout=10))
        return got


@pytest.fixture(params=["scripted", "wav", "microphone"])
def drive(request, tone):
    if request.param == "scripted":
        clock = VirtualClock()
        drive = Drive(ScriptedSource(clock, [tone()]), clock)
    else:
        clock = SystemClock()
        if request.param == "microphone":
            request.getfixturevalue("virtual_sound")
        drive = Drive(make_source(request.param, clock, device=MICROPHONE, files=[tone()]), clock)
    yield drive
    drive.source.stop()


def test_blocks_are_whole_and_follow_each_other(drive):
    drive.start()
    blocks = drive.take(12)
    fmt = drive.source.format
    assert fmt == AudioFormat(48_000, 1, 2)
    assert all(len(block.pcm) % fmt.frame_bytes == 0 and block.pcm for block in blocks)
    for earlier, later in itertools.pairwise(blocks):
        ends = earlier.at + len(earlier.pcm) / fmt.frame_bytes / fmt.rate
        assert later.at >= ends - 1 / fmt.rate
        assert later.at == pytest.approx(ends, abs=0.1)
    assert not any(block.overflow for block in blocks)
    drive.source.check()


def test_times_are_the_clocks_and_in_the_past(drive):
    before = drive.clock.monotonic()
    drive.start()
    (block,) = drive.take(1)
    assert before - 1.0 < block.at < drive.clock.monotonic()


def test_nothing_follows_stop_and_it_starts_again(drive):
    drive.start()
    drive.take(2)
    drive.source.stop()
    while not drive.blocks.empty():
        drive.blocks.get()
    drive.source.stop()
    if isinstance(drive.clock, VirtualClock):
        drive.clock.advance(1)
        drive.source.pump(drive.clock.monotonic())
    assert drive.blocks.empty()
    drive.start()
    assert len(drive.take(2)) == 2


def test_names_nobody_has_are_refused():
    with pytest.raises(NoMicrophone, match="no sound source"):
        make_source("telepathy", VirtualClock())
    assert isinstance(make_source("scripted", VirtualClock()), ScriptedSource)


# -- files as sound ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subtype", "width"), [("PCM_16", 2), ("PCM_24", 3), ("PCM_U8", 2), ("FLOAT", 3)])
def test_a_track_keeps_every_sample(tone, subtype, width):
    path = tone(seconds=2.1, rate=16_000, subtype=subtype)
    fmt = native_format(path)
    assert fmt == AudioFormat(16_000, 1, width)
    track = Track(path, fmt)
    pcm = b""
    while not track.done:
        pcm += track.read(777)
    whole, _ = soundfile.read(path)
    assert np.allclose(to_floats(pcm, fmt), whole, atol=1 / 2 ** (8 * width - 1))
    assert len(pcm) == len(whole) * width
    assert track.read(10) == b""
    track.close()


def test_channels_are_averaged_and_rates_brought_together(tmp_path, tone):
    stereo = tmp_path / "stereo.wav"
    sound = np.stack([np.full(9600, 0.5), np.full(9600, -0.25)], axis=1)
    soundfile.write(stereo, sound, 48_000)
    track = Track(stereo, AudioFormat(48_000))
    assert to_floats(track.read(9600), track.format) == pytest.approx(0.125, abs=1e-4)
    paths = [stereo, tone(rate=22_050, subtype="PCM_24")]
    assert common_format(paths) == AudioFormat(48_000, 1, 3)
    brought = Track(paths[1], common_format(paths))
    assert abs(len(brought.read(10**6)) // 3 - 96_000) <= 1


def test_what_is_no_sound_is_refused_in_a_sentence(tmp_path):
    text = tmp_path / "a.wav"
    text.write_text("hello")
    for path in (text, tmp_path / "none.wav", tmp_path):
        with pytest.raises(BadSound) as caught:
            native_format(path)
        assert caught.value.do


# -- the driveable source ---------------------------------------------------------------------------------------


def collect(source, clock, seconds, step=0.013):
    blocks = []
    if source._sink is None:
        source.start(blocks.append)
    source._sink = blocks.append
    for _ in range(round(seconds / step)):
        clock.advance(step)
        source.pump(clock.monotonic())
    return b"".join(block.pcm for block in blocks), blocks


def level(pcm):
    return 20 * np.log10(np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)) / 32768)


def test_hello_then_the_track_then_the_quiet_room_and_the_next_track(tone):
    clock = VirtualClock()
    first, second = tone(seconds=0.5), tone("other.wav", seconds=0.5)
    source = ScriptedSource(clock, [first, second])
    assert not source.heard
    hello, _ = collect(source, clock, 1.0)
    assert -34 < level(hello) < -26
    at = clock.monotonic()
    assert source.begin_track(at + 0.1) == at + 0.1
    pcm, _ = collect(source, clock, 0.39)
    assert not source.heard
    more, _ = collect(source, clock, 1.0)
    assert source.heard
    start = sample_at(at + 0.1, at, 48_000) * 2
    whole = soundfile.read(first, dtype="int16")[0].tobytes()
    assert (pcm + more)[start : start + len(whole)] == whole
    assert -62 < level((pcm + more)[start + len(whole) :]) < -58
    source.begin_track(clock.monotonic())
    assert not source.heard
    again, _ = collect(source, clock, 0.6)
    assert again.startswith(soundfile.read(second, dtype="int16")[0].tobytes())
    source.begin_track(clock.monotonic())
    assert source.heard, "with no file left there is nothing to hear out"


def test_a_track_asked_for_too_late_begins_as_early_as_it_can(tone):
    clock = VirtualClock()
    source = ScriptedSource(clock, [tone()])
    collect(source, clock, 1.0)
    assert source.begin_track(0.5) == pytest.approx(clock.monotonic(), abs=0.014)


def test_faults_can_be_driven_and_end(tone):
    clock = VirtualClock()
    source = ScriptedSource(clock, [tone()])
    collect(source, clock, 0.5)
    source.overflow()
    assert [block.overflow for block in collect(source, clock, 0.1)[1]][:2] == [True, False]
    source.stall()
    assert collect(source, clock, 1.1)[1] == []
    source.check()
    collect(source, clock, 0.2)
    with pytest.raises(StreamDied, match="stopped"):
        source.check()
    assert not source.rearm()
    source.come_back()
    assert source.rearm()
    source.check()
    source.die()
    with pytest.raises(StreamDied, match="gone"):
        source.check()
    with pytest.raises(NoMicrophone):
        source.start(lambda block: None)
    source.come_back()
    assert collect(source, clock, 0.1)[1] == []
    assert source.rearm()
    assert collect(source, clock, 0.1)[1]


def test_a_wav_source_without_real_time_is_pumped(tone):
    clock = VirtualClock()
    source = WavSource(tone(), clock, realtime=False)
    assert collect(source, clock, 0.1)[1]
    source.stop()


def test_a_wav_source_begins_its_track_at_a_press_just_made(tone):
    clock, path = SystemClock(), tone(seconds=0.3)
    source = WavSource(path, clock)
    blocks, enough = [], threading.Event()

    def sink(block):
        blocks.append(block)
        if source.heard:
            enough.set()

    source.start(sink)
    at = clock.monotonic()
    assert source.begin_track(at) == at
    assert enough.wait(10)
    source.stop()
    pcm = b"".join(block.pcm for block in blocks)
    start = sample_at(at, blocks[0].at, 48_000) * 2
    whole = soundfile.read(path, dtype="int16")[0].tobytes()
    assert pcm[start : start + len(whole)] == whole


# -- the real microphone ----------------------------------------------------------------------------------------


def check_until_it_dies(drive):
    """Ask after the microphone as the watchdog does, for at most ten seconds."""
    pause = threading.Event()
    for _ in range(200):
        drive.source._looked_at = 0.0
        drive.source.check()
        pause.wait(0.05)


def test_devices_are_listed_and_found_by_whole_or_partial_name(virtual_sound):
    assert MICROPHONE in [device.name for device in list_devices()]
    assert find_device("BOOTH_MIC").name == MICROPHONE
    assert find_device("").default_input
    with pytest.raises(NoMicrophone, match="not there"):
        find_device("gramophone")
    with pytest.raises(NoMicrophone, match="Several"):
        find_device("booth_")


def test_24_bit_is_recorded_as_24_bit(virtual_sound):
    clock = SystemClock()
    drive = Drive(Microphone(MICROPHONE, clock, 16_000, 3), clock)
    drive.start()
    blocks = drive.take(3)
    drive.source.stop()
    assert drive.source.format == AudioFormat(16_000, 1, 3)
    assert {len(block.pcm) for block in blocks} == {320 * 3}
    with pytest.raises(NoMicrophone, match="cannot record"):
        Microphone(MICROPHONE, clock, 5)


def test_a_pulled_microphone_is_noticed_by_name_and_the_same_one_comes_back(virtual_sound):
    clock = SystemClock()
    drive = Drive(Microphone(MICROPHONE, clock), clock)
    drive.start()
    drive.take(5)
    drive.source._looked_at = 0.0
    drive.source.check()
    assert drive.source._answers == "mic"
    virtual_sound.unplug()
    try:
        with pytest.raises(StreamDied):
            check_until_it_dies(drive)
        assert not drive.source.rearm(), "another device must not do instead"
    finally:
        virtual_sound.plug()
    for _ in range(10):
        if drive.source.rearm():
            break
    drive.source.check()
    drive.take(5)
    drive.source.stop()


def test_a_killed_server_is_noticed_and_recovered_from(virtual_sound):
    clock = SystemClock()
    drive = Drive(Microphone(MICROPHONE, clock, stall_ms=300), clock)
    drive.start()
    drive.take(5)
    virtual_sound.kill()
    try:
        with pytest.raises(StreamDied):
            check_until_it_dies(drive)
        assert not drive.source.rearm()
        with pytest.raises(StreamDied, match="gone"):
            drive.source.check()
    finally:
        virtual_sound.start()
    for _ in range(10):
        if drive.source.rearm():
            break
    drive.take(5)
    drive.source.stop()


def test_a_hung_server_is_noticed_and_does_not_hang_us(virtual_sound):
    clock = SystemClock()
    drive = Drive(Microphone(MICROPHONE, clock, stall_ms=300), clock)
    drive.start()
    drive.take(5)
    virtual_sound.suspend()
    try:
        with pytest.raises(StreamDied, match="stopped answering"):
            check_until_it_dies(drive)
    finally:
        virtual_sound.resume()
    drive.take(5)
    drive.source.stop()


def test_identity_is_unknown_where_nobody_tells(monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert PulseIdentity().source() is None
    assert not PulseIdentity().hangs()


def test_a_server_that_answers_late_is_not_taken_for_one_that_hangs(tmp_path, monkeypatch):
    tool = tmp_path / "pactl"
    tool.write_text("#!/bin/sh\nsleep 0.6\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert not PulseIdentity().hangs()
    assert PulseIdentity().hangs(0.1)


def test_the_block_timer_smooths_jitter_keeps_order_and_believes_gaps():
    timer = BlockTimer(48_000)
    stamps = [1.0 + n * 0.02 + jitter for n, jitter in enumerate([0, 0.008, -0.009, 0.004, 0, -0.002])]
    times = [timer.push(stamp, 960) for stamp in stamps]
    for n, at in enumerate(times):
        assert at == pytest.approx(1.0 + n * 0.02, abs=0.001)
    after_gap = timer.push(3.0, 960)
    assert after_gap == 3.0
    burst = [timer.push(3.001, 960) for _ in range(5)]
    assert burst == sorted(burst)
    assert burst[0] >= 3.0199
    assert timer.push(3.22, 960, lost=True) == 3.22, "a loss the device owns up to is believed though it is short"


def test_a_callback_that_waited_is_told_from_one_that_did_not() -> None:
    lateness = Lateness()
    # The two clocks differ by some constant, and every callback has a little to wait.
    assert lateness.push(100.0, 7.0) == 0
    assert lateness.push(100.02, 7.021) == 0
    assert lateness.push(100.44, 7.04) == pytest.approx(0.401)
    assert lateness.push(100.441, 7.44) == pytest.approx(0.002)


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_device_whose_clock_is_set_is_believed_again_within_twenty_seconds(step: float) -> None:
    lateness = Lateness()
    for n in range(100):
        assert lateness.push(100 + n * 0.02, 7 + n * 0.02) == pytest.approx(0)
    late = [lateness.push(102 + n * 0.02, 9 + step + n * 0.02) for n in range(1100)]
    assert late[-1] == pytest.approx(0)


def test_a_callback_kept_waiting_by_the_interpreter_makes_no_gap(virtual_sound):
    clock = SystemClock()
    drive = Drive(Microphone(MICROPHONE, clock), clock)
    drive.start()
    drive.take(25)
    # A call into C that does not give up the interpreter's lock, as a library might: nothing of ours runs meanwhile.
    ctypes.PyDLL(None).usleep(450_000)
    blocks = drive.take(60)
    drive.source.stop()
    steps = np.diff([block.at for block in blocks])
    assert steps.max() < 0.1
    assert not any(block.overflow for block in blocks)
