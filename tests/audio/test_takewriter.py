"""Takes on disk: kill-safe, read back, resumable."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audio.errors import DamagedTake, DiskTrouble
from audio.sealedfile import new_key
from audio.takewriter import TakeReader, TakeWriter, read_head, recover
from audio.types import AudioFormat, Ms, TakeId

KEY = bytes(range(32))
TAKE = TakeId("01JTAKE")
FORMAT = AudioFormat(8000, 1, 2)


def sound(ms: int, seed: int = 1, form: AudioFormat = FORMAT) -> bytes:
    return random.Random(seed).randbytes(form.bytes_of(Ms(ms)))


@pytest.mark.parametrize("form", [FORMAT, AudioFormat(48_000, 1, 3), AudioFormat(44_100, 2, 2)])
def test_a_take_comes_back_sample_for_sample(tmp_path: Path, form: AudioFormat) -> None:
    pcm = sound(3210, form=form)
    writer = TakeWriter(tmp_path / "a.take", TAKE, form, KEY)
    assert not (tmp_path / "a.take").exists()
    step = form.frame_bytes * 161
    for at in range(0, len(pcm), step):
        writer.write(pcm[at : at + step])
        assert (tmp_path / "a.take").exists(), "the file comes with the first sample"
        assert writer.length - writer.safe_length <= 521
    take = writer.close(speech=Ms(2000), overflows=1, clipped=3)
    assert (take.id, take.format, take.path) == (TAKE, form, tmp_path / "a.take")
    assert (take.speech, take.overflows, take.clipped) == (2000, 1, 3)
    assert take.sha256 == hashlib.sha256(pcm).hexdigest()
    assert take.length in (3209, 3210)
    with TakeReader(take.path, KEY, take=TAKE) as reader:
        assert (reader.complete, reader.format, reader.length) == (True, form, take.length)
        assert reader.read() == pcm
        assert reader.read(Ms(1000), Ms(2000)) == pcm[form.bytes_of(Ms(1000)) : form.bytes_of(Ms(2000))]
        assert reader.read(Ms(3000), Ms(99_000)) == pcm[form.bytes_of(Ms(3000)) :]
        assert reader.read(Ms(5000), Ms(6000)) == b""
        assert reader.sha256() == take.sha256
    assert read_head(take.path).take == TAKE


def test_the_first_sample_is_stored_at_once_and_flush_stores_the_rest(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.take", TAKE, FORMAT, KEY)
    writer.flush()
    writer.write(b"")
    writer.write(sound(20))
    with TakeReader(tmp_path / "a.take", KEY) as reader:
        assert (reader.length, reader.complete) == (20, False)
        writer.write(sound(100))
        assert reader.refresh() == 20
        writer.flush()
        assert reader.refresh() == 120


def test_another_key_or_take_is_refused(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.take", TAKE, FORMAT, KEY)
    writer.write(sound(20))
    writer.leave()
    with pytest.raises(DamagedTake):
        TakeReader(tmp_path / "a.take", new_key())
    with pytest.raises(DamagedTake):
        TakeReader(tmp_path / "a.take", KEY, take=TakeId("other"))


@pytest.mark.parametrize("meta", [b"{}", b"no", b'{"version": 9}', b"[]"])
def test_a_head_that_makes_no_sense_is_refused(tmp_path: Path, meta: bytes) -> None:
    (tmp_path / "a.take").write_bytes(b"HEARTH\0\1" + b"i" * 16 + len(meta).to_bytes(2, "little") + meta)
    with pytest.raises(DamagedTake):
        read_head(tmp_path / "a.take")


def test_a_take_goes_on_after_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "a.take"
    writer = TakeWriter(path, TAKE, FORMAT, KEY)
    first, second = sound(1500), sound(700, seed=2)
    writer.write(first)
    writer.leave()
    with path.open("ab") as file:
        file.write(b"\0" * 700)
    assert recover(path, KEY) == 1500
    again = TakeWriter.resume(path, KEY)
    assert (again.length, again.safe_length, again.take, again.format) == (1500, 1500, TAKE, FORMAT)
    again.write(second)
    take = again.close()
    assert take.sha256 == hashlib.sha256(first + second).hexdigest()
    assert take.length == 2200
    with pytest.raises(DamagedTake):
        TakeWriter.resume(path, KEY)


def test_a_full_disk_keeps_what_was_stored_and_closing_can_be_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TakeWriter(tmp_path / "a.take", TAKE, FORMAT, KEY)
    writer.write(sound(600))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskTrouble):
        writer.write(sound(600, seed=2))
    with pytest.raises(DiskTrouble):
        writer.close()
    assert recover(tmp_path / "a.take", KEY) == 600
    monkeypatch.undo()
    assert writer.close().sha256 == hashlib.sha256(sound(600) + sound(600, seed=2)).hexdigest()


def test_a_failing_sync_is_said_and_closing_can_be_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TakeWriter(tmp_path / "a.take", TAKE, FORMAT, KEY)
    writer.write(sound(600))

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(DiskTrouble, match="Input/output"):
        writer.close()
    monkeypatch.undo()
    assert writer.close().length == 600


def test_a_disk_that_gives_back_something_else_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.take"
    writer = TakeWriter(path, TAKE, FORMAT, KEY)
    writer.write(sound(600))
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, raw, at: real(fd, bytes(raw)[:-1] + b"?", at))
    with pytest.raises(DiskTrouble, match="gave back"):
        writer.close()
    assert path.exists()


def test_a_folder_that_is_not_there_is_disk_trouble(tmp_path: Path) -> None:
    with pytest.raises(DiskTrouble):
        TakeWriter(tmp_path / "none" / "a.take", TAKE, FORMAT, KEY).write(sound(20))


def test_nothing_recorded_is_no_take_and_abandon_destroys(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.take", TAKE, FORMAT, KEY)
    writer.abandon()
    with pytest.raises(DiskTrouble):
        writer.close()
    writer = TakeWriter(tmp_path / "b.take", TAKE, FORMAT, KEY)
    writer.write(sound(20))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


TELL = """
import sys
from pathlib import Path
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, TakeId
writer = TakeWriter(Path(sys.argv[1]), TakeId("01JTAKE"), AudioFormat(8000, 1, 2), bytes(range(32)))
told = 0
while True:
    writer.write(bytes([told % 251]) * 320)
    told += 1
    sys.stdout.buffer.write(b"x")
    sys.stdout.flush()
"""


def test_a_kill_at_any_instant_loses_half_a_second_and_what_was_in_flight(tmp_path: Path) -> None:
    moments = random.Random(7)
    for number in range(6):
        path = tmp_path / f"{number}.take"
        teller = subprocess.Popen([sys.executable, "-c", TELL, str(path)], stdout=subprocess.PIPE)
        assert teller.stdout is not None
        teller.stdout.read(1)
        time.sleep(moments.uniform(0, 0.08))
        teller.kill()
        told = (1 + len(teller.stdout.read())) * 20
        teller.wait()
        kept = recover(path, KEY)
        assert told - 520 <= kept <= told + 20, "lost too much, or reports what was never told"
        with TakeReader(path, KEY) as reader:
            assert reader.read() == b"".join(bytes([block % 251]) * 320 for block in range(kept // 20))
        assert TakeWriter.resume(path, KEY).close().length == kept


@pytest.mark.parametrize("size", [10, 96_000, 96_001])
def test_a_take_that_was_just_closed_goes_on_when_its_teller_wants(tmp_path, size):
    path, key, sound = tmp_path / "t.take", bytes(32), AudioFormat(48_000)
    first, second = bytes(range(250)) * (size // 250) + bytes(size % 250 // 2 * 2), b"\x07\x01" * 30_000
    writer = TakeWriter(path, TakeId("01K"), sound, key)
    writer.write(first)
    writer.close()
    with pytest.raises(DamagedTake):
        TakeWriter.resume(path, key)
    again = TakeWriter.resume(path, key, reopen=True)
    with TakeReader(path, key) as reader:
        assert not reader.complete
        assert reader.read() == first, "nothing is lost by going on"
    again.write(second)
    take = again.close()
    with TakeReader(path, key) as reader:
        assert reader.complete
        assert reader.read() == first + second
        assert reader.sha256() == take.sha256
