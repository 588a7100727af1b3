"""The virtual sound server itself, and a whole take through the real PortAudio path."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from audio.capture import Capture
from audio.clock import SystemClock
from audio.drivers import make_vad
from audio.events import FirstSample, LevelHeard, SoundGap, StreamBack, StreamLost, TakeClosed
from audio.microphone import Microphone
from audio.takewriter import TakeReader, TakeWriter
from audio.types import TakeId
from audio.virtualsound import MICROPHONE, NoSoundServer, VirtualSound, missing_programs

pytestmark = pytest.mark.alone  # sound in real time, through a sound server


@pytest.fixture
def open_capture(virtual_sound, heard):
    capture = Capture(Microphone(MICROPHONE, SystemClock()), make_vad("webrtc"), SystemClock(), heard)
    capture.open()
    yield capture
    capture.close()


def test_a_take_through_portaudio_holds_the_fed_sound_without_a_lost_block(
    virtual_sound, heard, open_capture, tone, tmp_path
):
    path = tone(seconds=1.0)
    heard.wait(LevelHeard, 3)
    clock = SystemClock()
    at = clock.monotonic()
    writer = TakeWriter(tmp_path / "t.take", TakeId("01K"), open_capture._source.format, bytes(32))
    open_capture.begin(writer, at)
    virtual_sound.feed(path).wait(20)
    told = len(heard.of(LevelHeard))
    heard.wait(LevelHeard, told + 5)
    end = clock.monotonic()
    open_capture.finish(end)
    (closed,) = heard.wait(TakeClosed)
    assert closed.take.overflows == 0
    assert closed.take.length == pytest.approx((end - at) * 1000, abs=40)
    assert heard.of(FirstSample)[0].at == pytest.approx(at, abs=0.03)
    with TakeReader(closed.take.path, bytes(32)) as reader:
        stored = np.frombuffer(reader.read(), "<i2").astype(float)
    fed = soundfile.read(path, dtype="int16")[0].astype(float)
    # The fed noise is found once, whole: correlation of every shift at once.
    size = 1 << (len(stored) + len(fed)).bit_length()
    match = np.fft.irfft(np.fft.rfft(stored, size) * np.conj(np.fft.rfft(fed, size)))
    assert match.max() > 0.9 * np.dot(fed, fed)


def test_a_killed_server_is_a_loss_said_once_and_the_stream_comes_back(virtual_sound, heard, open_capture):
    heard.wait(LevelHeard, 3)
    virtual_sound.kill()
    try:
        heard.wait(StreamLost)
    finally:
        virtual_sound.start()
    heard.wait(StreamBack)
    heard.wait(LevelHeard, len(heard.of(LevelHeard)) + 3)
    assert len(heard.of(StreamLost)) == 1


def test_a_server_that_comes_back_leaves_the_list_of_devices_alone(virtual_sound):
    # Whoever looks for devices while the list is half written is aborted by the sound library.
    devices = virtual_sound.folder / "asound.conf"
    before = devices.stat()
    virtual_sound.kill()
    virtual_sound.start()
    after = devices.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_a_hung_server_held_back_is_stored_whole_and_in_order(virtual_sound, heard, open_capture, tone, tmp_path):
    path = tone(seconds=3.0)
    heard.wait(LevelHeard, 3)
    clock = SystemClock()
    at = clock.monotonic()
    writer = TakeWriter(tmp_path / "t.take", TakeId("01K"), open_capture._source.format, bytes(32))
    open_capture.begin(writer, at)
    feeding = virtual_sound.feed(path)
    heard.wait(LevelHeard, len(heard.of(LevelHeard)) + 5)
    virtual_sound.suspend()
    try:
        heard.wait(StreamLost)
    finally:
        virtual_sound.resume()
    heard.wait(StreamBack)
    feeding.wait(20)
    heard.wait(LevelHeard, len(heard.of(LevelHeard)) + 5)
    end = clock.monotonic()
    open_capture.finish(end)
    (closed,) = heard.wait(TakeClosed)
    assert heard.of(SoundGap) == []
    assert closed.take.overflows == 0
    assert closed.take.length == pytest.approx((end - at) * 1000, abs=40)
    with TakeReader(closed.take.path, bytes(32)) as reader:
        stored = np.frombuffer(reader.read(), "<i2").astype(float)
    fed = soundfile.read(path, dtype="int16")[0].astype(float)
    size = 1 << (len(stored) + len(fed)).bit_length()
    spectrum = np.fft.rfft(stored, size)
    places = []
    for piece in np.split(fed, 30):
        match = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)
        # A piece that was on its way when the server hung may have the pause inside it; the others are there whole.
        if match.max() > 0.9 * np.dot(piece, piece):
            places.append(int(match.argmax()))
    assert len(places) >= 28
    assert places == sorted(places)


def test_a_server_that_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSoundServer, match="needs pulseaudio"):
        VirtualSound(tmp_path / "server").start()
    assert "pactl" in missing_programs()


def test_a_server_that_does_not_come_up_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    if missing_programs():
        pytest.skip("needs pulseaudio")
    monkeypatch.setattr("audio.virtualsound._SERVER", "load-module module-of-nobody\n")
    server = VirtualSound(tmp_path / "server")
    with pytest.raises(NoSoundServer, match="did not start"):
        server.start()
    assert server._server is None
    server.stop()


def test_the_folder_is_private_and_stopping_ends_every_process(tmp_path):
    if missing_programs():
        pytest.skip("needs pulseaudio")
    with VirtualSound(tmp_path / "server") as server:
        assert (tmp_path / "server").stat().st_mode & 0o777 == 0o700
        soundfile.write(tmp_path / "long.wav", np.zeros(48_000 * 60, np.int16), 48_000)
        feeding = server.feed(tmp_path / "long.wav")
        other = server.feed(tmp_path / "long.wav")
        assert not feeding.done
        feeding.stop()
        assert feeding.done
        process = server._server
    assert other.done
    assert process.poll() is not None
    assert server.control("list") == ""
