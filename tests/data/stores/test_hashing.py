"""Checksums of stores, compared with their definitions."""

from __future__ import annotations

import hashlib
import random

import pytest

from diffviews_desktop.data.stores.hashing import Checksum, Digest

DATA = random.Random(0).randbytes(1000)


def in_parts(data: bytes, part: int) -> str:
    """The ETag of S3's multipart uploads."""
    parts = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


@pytest.mark.parametrize("part", [1, 7, 100, 500, 999, 1000, 1001])
@pytest.mark.parametrize("piece", [1, 3, 100, 333, 1000])
def test_a_checksum_in_parts_does_not_depend_on_how_the_content_comes(
    part: int, piece: int
) -> None:
    digest = Digest(Checksum("md5", in_parts(DATA, part), part=part))
    for at in range(0, len(DATA), piece):
        digest.update(DATA[at : at + piece])
    assert digest.matches()


def test_the_hash_of_a_file_in_git() -> None:
    header = b"blob %d\0" % len(DATA)
    value = hashlib.sha1(header + DATA).hexdigest()
    digest = Digest(Checksum("sha1", value, header=header))
    digest.update(DATA)
    assert digest.matches()


@pytest.mark.parametrize("part", [0, 100])
def test_another_content_does_not_match(part: int) -> None:
    value = in_parts(DATA, part) if part else hashlib.md5(DATA).hexdigest()
    digest = Digest(Checksum("md5", value, part=part))
    digest.update(DATA[:-1] + b"?")
    assert not digest.matches()
