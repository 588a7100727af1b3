"""One contract suite over every object store."""

from __future__ import annotations

import hashlib
import io
import threading
from typing import BinaryIO

import numpy as np
import pytest

from archive.errors import BadKey, NoSuchObject, StoreTrouble
from archive.objects import Objects, bag_folder, bag_key, blob_key, open_objects

ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"
BAG = "ab" * 32
KEY = bag_key(ID, BAG, "data/story.flac")
BIG = 21_000_001
"""More than two parts of a large object, and no round number."""


def noise(size: int) -> bytes:
    return np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()


def read(objects: Objects, key: str, start: int = 0, length: int | None = None) -> bytes:
    with objects.open(key, start, length) as source:
        return source.read()


class Cut(io.RawIOBase):
    """A source that breaks off after ``size`` bytes, as a line does."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.left <= 0:
            raise ConnectionResetError("the other side is gone")
        given = min(self.left, size if size > 0 else self.left)
        self.left -= given
        return b"x" * given


@pytest.mark.parametrize("size", [0, 1, 70_000, BIG])
def test_what_was_put_is_read_again(objects: Objects, size: int) -> None:
    data = noise(size)
    stored = objects.put(KEY, io.BytesIO(data))
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert objects.exists(KEY)
    assert objects.size(KEY) == size
    assert read(objects, KEY) == data


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 0), (0, 1), (5, 10), (99_990, 10), (99_990, 999), (100_000, 5), (200_000, None), (7, None), (0, 100_000)],
)
def test_a_range_is_just_that_range(objects: Objects, start: int, length: int | None) -> None:
    data = noise(100_000)
    objects.put(KEY, io.BytesIO(data))
    assert read(objects, KEY, start, length) == data[start : None if length is None else start + length]


def test_a_large_object_is_read_in_pieces(objects: Objects) -> None:
    data = noise(BIG)
    objects.put(KEY, io.BytesIO(data))
    digest = hashlib.sha256()
    with objects.open(KEY) as source:
        while piece := source.read(65_537):
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(data).digest()
    assert read(objects, KEY, 8_388_000, 9_000_000) == data[8_388_000:17_388_000]


def test_what_is_not_there_is_said(objects: Objects) -> None:
    assert not objects.exists(KEY)
    assert not objects.delete(KEY)
    for ask in (objects.open, objects.size):
        with pytest.raises(NoSuchObject):
            ask(KEY)
    objects.put(KEY, io.BytesIO(b"x"))
    # A folder of objects is no object, and an object is no folder.
    for other in (bag_folder(ID, BAG).removesuffix("/"), f"{KEY}/below"):
        assert not objects.exists(other)
        assert not objects.delete(other)
        with pytest.raises(NoSuchObject):
            objects.open(other)


def test_the_new_one_takes_the_place_of_the_old_one(objects: Objects) -> None:
    objects.put(KEY, io.BytesIO(noise(50_000)))
    objects.put(KEY, io.BytesIO(b"short"))
    assert read(objects, KEY) == b"short"
    assert list(objects.keys()) == [KEY]


@pytest.mark.parametrize("size", [0, 1, 3_000_000, BIG])
def test_a_source_that_breaks_off_leaves_nothing(objects: Objects, size: int) -> None:
    with pytest.raises(ConnectionResetError):
        objects.put(KEY, Cut(size))  # type: ignore[arg-type]  # it can be read, which is all a store asks
    assert not objects.exists(KEY)
    assert list(objects.keys()) == []
    objects.put(KEY, io.BytesIO(b"old"))
    with pytest.raises(ConnectionResetError):
        objects.put(KEY, Cut(size))  # type: ignore[arg-type]
    assert read(objects, KEY) == b"old"


def test_deleted_is_gone(objects: Objects) -> None:
    other = bag_key(ID, BAG, "data/story.vtt")
    for key in (KEY, other):
        objects.put(key, io.BytesIO(b"x"))
    assert objects.delete(KEY)
    assert not objects.exists(KEY)
    assert not objects.delete(KEY)
    assert list(objects.keys()) == [other]


def test_names_are_listed_by_folder(objects: Objects) -> None:
    names = ["bags/a/1", "bags/a-b/1", "bags/a.b", "bags/a0/2", "bags/ab/1/2/3", "blobs/0", "bags/B/1"]
    for name in names:
        objects.put(name, io.BytesIO(b"x"))
    assert sorted(objects.keys()) == sorted(names)
    assert list(objects.keys("bags/a")) == ["bags/a/1"]
    assert list(objects.keys("bags/a/")) == ["bags/a/1"]
    assert list(objects.keys("bags/ab")) == ["bags/ab/1/2/3"]
    assert list(objects.keys("nothing/here")) == []


def test_many_names_are_all_listed(objects: Objects) -> None:
    """More than one page of a store that lists by pages of a thousand."""
    names = sorted(f"blobs/{number:04}" for number in range(1_100))
    hands = [threading.Thread(target=lambda own=own: [objects.put(n, io.BytesIO(b"")) for n in own]) for own in (names[::2], names[1::2])]  # fmt: skip
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(objects.keys("blobs")) == names


@pytest.mark.parametrize(
    "key",
    ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", ".hidden", "a/.b", "a\\b", "a b", "ä", "a\n", "a\0b",
     "a%2e%2e", "~", "x" * 129, "/".join("x" * 13), "a.part", "a.part/b", "-a", "C:/x", "a?b", "a#b", "a*"],
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused(objects: Objects, key: str) -> None:
    calls = (objects.open, objects.size, objects.exists, objects.delete, lambda key: objects.put(key, io.BytesIO(b"")))
    for call in calls:
        with pytest.raises(BadKey):
            call(key)
    if key.removesuffix("/") in {"", "a"}:
        return  # "" lists everything, and a slash may close the name of a folder
    with pytest.raises(BadKey):
        list(objects.keys(key))


def test_writers_and_erasers_at_once_leave_whole_objects(objects: Objects) -> None:
    """Each name holds what one writer gave, whole, whoever came in between; and an empty folder is no trouble."""
    texts = [noise(30_000 + n) for n in range(4)]
    wrong: list[BaseException] = []
    done = threading.Event()

    def write(text: bytes) -> None:
        try:
            for _ in range(12):
                objects.put(KEY, io.BytesIO(text))
        except BaseException as error:  # noqa: BLE001 (told by the test below)
            wrong.append(error)

    def erase() -> None:
        try:
            while not done.is_set():
                objects.delete(KEY)
        except BaseException as error:  # noqa: BLE001 (told by the test below)
            wrong.append(error)

    def look() -> None:
        try:
            while not done.is_set():
                try:
                    found = read(objects, KEY)
                except NoSuchObject:
                    continue
                except StoreTrouble as error:
                    # A store that is asked piece by piece may find the object replaced between two pieces.
                    if "replaced" not in error.say:
                        raise
                else:
                    assert found in texts
        except BaseException as error:  # noqa: BLE001 (told by the test below)
            wrong.append(error)

    others = [threading.Thread(target=erase), threading.Thread(target=look)]
    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for one in (*others, *writers):
        one.start()
    for one in writers:
        one.join()
    done.set()
    for one in others:
        one.join()
    assert wrong == []
    objects.put(KEY, io.BytesIO(texts[0]))
    assert read(objects, KEY) == texts[0]


def test_names_are_made_for_ids_and_sums_only() -> None:
    assert f"bags/{ID}/{'ab' * 8}/data/story.flac" == KEY
    assert bag_folder(ID) == f"bags/{ID}/"
    assert blob_key(BAG) == f"blobs/{BAG}"
    for bad in ("", "..", "x" * 26, ID.lower()):
        with pytest.raises(BadKey):
            bag_folder(bad)
    for bad in ("ab", "AB" * 32, "../" + "a" * 61):
        with pytest.raises(BadKey):
            blob_key(bad)
    with pytest.raises(BadKey):
        bag_key(ID, BAG, "../../other")
    with pytest.raises(BadKey):
        bag_key(ID, "ab", "data/story.flac")


@pytest.mark.parametrize("url", ["", "folder:", "nfs:/x", "/tmp/x", "s3:", "s3://", "http://x"])
def test_a_store_nobody_knows_is_said(url: str) -> None:
    with pytest.raises(StoreTrouble) as told:
        open_objects(url)
    assert told.value.do


def test_the_place_is_for_people(objects: Objects) -> None:
    assert objects.place
    assert "secret" not in objects.place


def test_nothing_of_a_writer_at_work_is_swept(objects: Objects) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert objects.sweep() == 0
            return super().read(size)

    source: BinaryIO = Slow(noise(100_000))
    assert objects.put(KEY, source).size == 100_000


def test_names_come_one_by_one(objects: Objects) -> None:
    for n in range(3):
        objects.put(f"bags/{n}", io.BytesIO(b"x"))
    names = objects.keys("bags")
    assert sorted([next(names), next(names), next(names)]) == ["bags/0", "bags/1", "bags/2"]
    assert next(names, None) is None
