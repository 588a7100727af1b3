"""Sealed boxes and files: nothing opens altered, nothing is lost that was synced."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.errors import DamagedTake, DiskTrouble
from audio.sealedfile import SealedReader, SealedWriter, new_key, read_meta, seal, unseal

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
LABEL = b"take/one"
HEAD = 26
LEAD = 29


def written(path: Path, chunks: list[bytes], *, closed: bool = True, key: bytes = KEY, label: bytes = LABEL) -> Path:
    writer = SealedWriter(path, key, label, meta=b"")
    for chunk in chunks:
        writer.write(chunk)
        writer.sync()
    if closed:
        writer.close()
    else:
        writer.leave()
    return path


def test_keys_are_new_each_time() -> None:
    assert len(new_key()) == 32
    assert new_key() != new_key()


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_a_box_opens_with_its_key_and_context_only(data: bytes, aad: bytes) -> None:
    box = seal(KEY, data, aad)
    assert unseal(KEY, box, aad) == data
    for key, other, context in ((new_key(), box, aad), (KEY, box, aad + b"x"), (KEY, box[:-1], aad), (KEY, b"", aad)):
        with pytest.raises(DamagedTake):
            unseal(key, other, context)


@settings(max_examples=30)
@given(
    data=st.binary(max_size=5000),
    chunk=st.integers(1, 700),
    reads=st.lists(st.tuples(st.integers(0, 5200), st.integers(0, 900)), max_size=8),
)
def test_random_access_equals_the_plain_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, chunk: int, reads: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "a"
    writer = SealedWriter(path, KEY, LABEL, meta=b"m", chunk=chunk)
    writer.write(data)
    writer.close()
    with SealedReader(path, KEY, LABEL) as reader:
        assert (reader.size, reader.complete, reader.meta) == (len(data), True, b"m")
        for start, size in reads:
            reader.seek(start)
            assert reader.read(size) == data[start : start + size]
        reader.seek(0)
        assert reader.readall() == data
    assert read_meta(path) == b"m"


def test_libsndfile_reads_a_flac_through_it(tmp_path: Path) -> None:
    samples = (np.sin(np.arange(48000) / 20) * 12000).astype(np.int16)
    flac = io.BytesIO()
    soundfile.write(flac, samples, 48000, format="FLAC")
    path = tmp_path / "master"
    writer = SealedWriter(path, KEY, LABEL, chunk=5000)
    writer.write(flac.getvalue())
    writer.close()
    with SealedReader(path, KEY, LABEL) as reader, soundfile.SoundFile(reader) as sound:
        assert (sound.samplerate, sound.frames) == (48000, 48000)
        sound.seek(30000)
        assert np.array_equal(sound.read(1000, dtype="int16"), samples[30000:31000])


def test_nothing_plain_is_on_the_disk(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"the lamplighter was my uncle" * 20])
    assert b"lamplighter" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("at", [0, 9, 24, HEAD, HEAD + 2, HEAD + 4, HEAD + 10, HEAD + LEAD + 3, -1, -20])
def test_an_altered_closed_file_is_refused(tmp_path: Path, at: int) -> None:
    path = written(tmp_path / "a", [b"one" * 30, b"two" * 30])
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x41
    path.write_bytes(raw)
    with pytest.raises(DamagedTake), SealedReader(path, KEY, LABEL) as reader:
        reader.check()


def test_swapped_doubled_and_foreign_records_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"one" * 30, b"two" * 30, b"six" * 30], closed=False)
    raw = path.read_bytes()
    size = LEAD + 90 + 16
    head, records = raw[:HEAD], [raw[HEAD + i * size : HEAD + (i + 1) * size] for i in range(3)]
    other = written(tmp_path / "b", [b"one" * 30] * 3, closed=False).read_bytes()[HEAD + size : HEAD + 2 * size]
    for order in ([0, 2, 1, 1], [0, 0, 1, 2], [0, 2, 2], [1, 0, 2]):
        path.write_bytes(head + b"".join(records[i] for i in order))
        with pytest.raises(DamagedTake), SealedReader(path, KEY, LABEL, open_ok=True) as reader:
            reader.check()
    path.write_bytes(head + records[0] + other + records[2])
    with pytest.raises(DamagedTake), SealedReader(path, KEY, LABEL, open_ok=True) as reader:
        reader.check()


def test_another_key_label_or_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"one"], closed=False)
    for key, label in ((new_key(), LABEL), (KEY, b"take/two")):
        with pytest.raises(DamagedTake):
            SealedReader(path, key, label, open_ok=True)
    path.write_bytes(b"just some text that is long enough to hold a header")
    with pytest.raises(DamagedTake):
        SealedReader(path, KEY, LABEL)


def test_every_cut_of_an_open_file_gives_its_whole_records(tmp_path: Path) -> None:
    chunks = [b"a" * 50, b"b" * 70, b"c" * 10]
    raw = written(tmp_path / "a", chunks, closed=False).read_bytes()
    ends = [HEAD]
    for chunk in chunks:
        ends.append(ends[-1] + LEAD + 16 + len(chunk))
    cut = tmp_path / "cut"
    for size in range(len(raw) + 1):
        cut.write_bytes(raw[:size])
        whole = sum(1 for end in ends[1:] if end <= size)
        if size < HEAD:
            with pytest.raises(DamagedTake):
                SealedReader(cut, KEY, LABEL, open_ok=True)
            continue
        with SealedReader(cut, KEY, LABEL, open_ok=True) as reader:
            assert reader.readall() == b"".join(chunks[:whole])
            assert not reader.complete
        with pytest.raises(DamagedTake):
            SealedReader(cut, KEY, LABEL)


def test_every_cut_of_a_closed_file_is_refused(tmp_path: Path) -> None:
    raw = written(tmp_path / "a", [b"a" * 50, b"b" * 7]).read_bytes()
    cut = tmp_path / "cut"
    for size in range(len(raw)):
        cut.write_bytes(raw[:size])
        with pytest.raises(DamagedTake):
            SealedReader(cut, KEY, LABEL)
    cut.write_bytes(raw + b"more")
    with pytest.raises(DamagedTake):
        SealedReader(cut, KEY, LABEL)


@pytest.mark.parametrize("tail", [b"\0" * 3000, b"\xff" * 3000])
def test_a_tail_a_power_cut_left_is_dropped_and_written_over(tmp_path: Path, tail: bytes) -> None:
    path = written(tmp_path / "a", [b"one" * 9, b"two" * 9], closed=False)
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes() + tail)
    with SealedReader(path, KEY, LABEL, open_ok=True) as reader:
        assert (reader.size, reader.whole_bytes) == (54, whole)
    writer = SealedWriter.resume(path, KEY, LABEL)
    assert writer.stored == 54
    writer.write(b"three")
    assert writer.buffered == 5
    writer.close()
    with SealedReader(path, KEY, LABEL) as reader:
        assert reader.readall() == b"one" * 9 + b"two" * 9 + b"three"


def test_a_last_record_with_torn_bytes_is_dropped_from_an_open_file_only(tmp_path: Path) -> None:
    for closed in (False, True):
        path = written(tmp_path / f"a{closed}", [b"one" * 9, b"two" * 9], closed=closed)
        raw = path.read_bytes()
        path.write_bytes(raw[:-10] + b"\0" * 10)
        if closed:
            with pytest.raises(DamagedTake):
                SealedReader(path, KEY, LABEL, open_ok=True)
        else:
            with SealedReader(path, KEY, LABEL, open_ok=True) as reader:
                assert reader.readall() == b"one" * 9


def test_a_long_unreadable_rest_is_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"one"], closed=False)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 5_000_000)
    with pytest.raises(DamagedTake):
        SealedReader(path, KEY, LABEL, open_ok=True)


def test_a_closed_file_cannot_go_on(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [b"one"])
    with pytest.raises(DamagedTake):
        SealedWriter.resume(path, KEY, LABEL)


def test_a_reader_sees_what_is_appended(tmp_path: Path) -> None:
    writer = SealedWriter(tmp_path / "a", KEY, LABEL)
    writer.write(b"one")
    writer.sync()
    with SealedReader(tmp_path / "a", KEY, LABEL, open_ok=True) as reader:
        assert reader.readall() == b"one"
        writer.write(b"two")
        assert reader.refresh() == 3
        writer.sync()
        assert reader.refresh() == 6
        assert reader.readall() == b"two"
        writer.close()
        writer.close()
        reader.refresh()
        reader.forget_cache()
        assert reader.complete
        assert reader.seek(-2, os.SEEK_END) == 4
        assert reader.seek(-1, os.SEEK_CUR) == 3
        with pytest.raises(ValueError, match="negative"):
            reader.seek(-1)
        assert (reader.tell(), reader.seekable(), reader.readable()) == (3, True, True)


def test_a_full_disk_is_said_and_the_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SealedWriter(tmp_path / "a", KEY, LABEL)
    writer.write(b"one")
    writer.sync()
    real = os.pwrite
    calls: list[int] = []

    def full(fd: int, data: bytes, offset: int) -> int:
        calls.append(offset)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, bytes(data)[:7], offset)

    monkeypatch.setattr(os, "pwrite", full)
    writer.write(b"two")
    with pytest.raises(DiskTrouble, match="No space left"):
        writer.sync()
    monkeypatch.undo()
    with SealedReader(tmp_path / "a", KEY, LABEL, open_ok=True) as reader:
        assert reader.readall() == b"one"
    writer.close()
    with SealedReader(tmp_path / "a", KEY, LABEL) as reader:
        assert reader.readall() == b"onetwo"


def test_a_file_is_never_written_over_and_abandon_removes_it(tmp_path: Path) -> None:
    writer = SealedWriter(tmp_path / "a", KEY, LABEL)
    with pytest.raises(DiskTrouble):
        SealedWriter(tmp_path / "a", KEY, LABEL)
    writer.write(b"x")
    writer.abandon()
    assert not (tmp_path / "a").exists()
