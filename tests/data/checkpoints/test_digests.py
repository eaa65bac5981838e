"""Checksums of checkpoints: right, and read once while the files stay as they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from diffviews_desktop.data.checkpoints.digests import checkpoint_digest, file_digest
from diffviews_desktop.errors import Cancelled


def digest_of(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in contents)).hexdigest()


def test_a_file_is_read_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    path, calls = tmp_path / "weights.bin", []
    path.write_bytes(b"weights")
    for _ in range(2):
        assert checkpoint_digest(path, lambda: calls.append(1)) == digest_of(b"weights")
    assert len(calls) == 1
    path.write_bytes(b"weightS")
    os.utime(path, ns=(1, 1))
    assert checkpoint_digest(path, lambda: calls.append(1)) == digest_of(b"weightS")
    assert len(calls) == 2


def test_a_folder_is_all_its_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"2")
    (tmp_path / "a.bin").write_bytes(b"1")
    assert checkpoint_digest(tmp_path, lambda: None) == digest_of(b"1", b"2")


def test_reading_can_be_stopped_and_then_nothing_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")

    def stop() -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        file_digest(path, stop)
    assert file_digest(path, lambda: None) == hashlib.sha256(b"weights").digest()
