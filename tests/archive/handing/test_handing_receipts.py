"""Receipts count only when verified; tombstones and keys are read with suspicion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from archive.errors import NoKey
from archive.receipts import Signer, folder_signer, read_receipt
from archive.sealedbag import read_archive_key
from archive.tombstones import Reach, Tombstone, read_tombstone
from audio.types import TakeId

AT = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"


def test_a_receipt_comes_back_and_verifies(signer: Signer) -> None:
    receipt = read_receipt(signer.sign(ID, "ab" * 32, AT).to_bytes())
    assert receipt is not None
    assert receipt.verified(signer.public)


def test_an_altered_or_foreign_receipt_does_not_verify(signer: Signer) -> None:
    receipt = signer.sign(ID, "ab" * 32, AT)
    assert not replace(receipt, sha256="ac" * 32).verified(signer.public)
    assert not replace(receipt, bag="01BBBBBBBBBBBBBBBBBBBBBBBB").verified(signer.public)
    assert not replace(receipt, at=AT + timedelta(seconds=1)).verified(signer.public)
    assert not replace(receipt, signature=b"short").verified(signer.public)
    other = Signer(SigningKey.generate())
    assert not receipt.verified(other.public)
    assert not replace(receipt, signer=other.public).verified(other.public)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"x" * 5000, b'{"bag": "../x"}', b"[" * 4000])
def test_what_is_no_receipt_tombstone_or_key(data: bytes) -> None:
    assert read_receipt(data) is None
    assert read_tombstone(data) is None
    assert read_archive_key(data) is None


def test_a_receipt_without_a_zone_or_with_a_path_is_none(signer: Signer) -> None:
    plain = signer.sign(ID, "ab" * 32, AT).to_json()
    assert read_receipt(plain | {"time": "2026-05-01T03:00:00"}) is None
    assert read_receipt(plain | {"bag": "../../etc"}) is None


def test_the_folder_key_is_made_once_and_lies_with_the_keys(tmp_path: Path) -> None:
    one = folder_signer(tmp_path)
    assert folder_signer(tmp_path).public == one.public
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"short")
    with pytest.raises(NoKey, match="damaged"):
        folder_signer(tmp_path)


def test_without_the_key_folder_nothing_is_signed(tmp_path: Path) -> None:
    with pytest.raises(NoKey, match="key folder"):
        folder_signer(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_tombstones_come_back() -> None:
    for stone in (Tombstone(TakeId(ID), AT), Tombstone(TakeId(ID), AT, Reach.RECALL, 3, "ab" * 32)):
        assert read_tombstone(stone.to_bytes()) == stone
    assert b"head" not in Tombstone(TakeId(ID), AT).to_bytes()
