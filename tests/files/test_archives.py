"""Archives of other people whose directory says what cannot be."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from diffviews_desktop.files.archives import open_archive


def nested_archive(file: Path, count: int, size: int) -> None:
    """Write an archive in which every member holds all members after it: ``count`` times as much as
    it has bytes."""
    names = [f"{number:04}.bin" for number in range(count)]
    inner, places = bytes(size), []
    for name in reversed(names):
        data, encoded = inner, name.encode()
        header = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, len(data), len(data), 8, 0)
        inner = header + encoded + data
        places.append((encoded, len(data)))
    directory = b"".join(
        struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, size, size, 8, 0, 0, 0, 0, 0, at
        )
        + name
        for (name, size), at in zip(reversed(places), range(0, 38 * count, 38), strict=True)
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(inner), 0)
    file.write_bytes(inner + directory + end)


def test_members_within_each_other_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "nested.zip"
    nested_archive(file, 2, 1000)
    with zipfile.ZipFile(file) as archive:  # nothing else is wrong with it
        assert [one.compress_size for one in archive.filelist] == [1038, 1000]
    with pytest.raises(zipfile.BadZipFile, match="overlap"), open_archive(file):
        pass


def test_a_member_that_reaches_into_the_directory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long.zip"
    nested_archive(file, 1, 1000)
    content = file.read_bytes()
    file.write_bytes(
        content.replace(struct.pack("<2L", 1000, 1000), struct.pack("<2L", 1009, 1009))
    )
    with pytest.raises(zipfile.BadZipFile, match="overlap"), open_archive(file):
        pass


def test_members_one_after_the_other_are_read(tmp_path: Path) -> None:
    """In any order of the directory, empty ones, and behind something else."""
    file = tmp_path / "good.zip"
    file.write_bytes(b"#!/bin/sh\n")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in ("c", "a", "empty", "b"):
            archive.writestr(name, b"" if name == "empty" else name.encode() * 1000)
        archive.filelist.sort(key=lambda one: one.filename)
    with open_archive(file) as archive:
        assert archive.namelist() == ["a", "b", "c", "empty"]
        assert archive.read("b") == b"b" * 1000
