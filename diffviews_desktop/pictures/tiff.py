"""Directories of tags, as in TIFF files and EXIF data, looked at before a library reads them.

A directory points anywhere into its file: sixty thousand tags may each claim the same hundred
megabytes, and a tile may unpack to terabytes.

Sources: TIFF 6.0, Adobe's TIFF technical note on BigTIFF, EXIF 2.32.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from diffviews_desktop.pictures.layout import Layout, UnfitError
from diffviews_desktop.text.faults import Fault

MOST_TAGS = 65535
"""Tags of a directory, also in a BigTIFF."""
MOST_VALUES = 300_000
"""Numbers of a tag: one for each strip of the largest picture, in every colour."""
MOST_TILE = 2**28
"""Bytes of a tile when it is unpacked."""
_SPARE = 4_000_000  # bytes that tags may claim twice: some writers do

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
          17: 8, 18: 8}  # fmt: skip
_WHOLE = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q", 18: "Q"}
_KEPT = (1, 2, 7)  # bytes and text, which do not become numbers

_WIDTH, _HEIGHT, _BITS, _SAMPLES = 256, 257, 258, 277
_STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILE_BYTES = 279, 322, 323, 325
_ORIENTATION = 274
_BELOW = (34665, 34853, 40965)  # directories of EXIF, GPS, interoperability


class _Tag(NamedTuple):
    number: int
    kind: int
    values: int  # how many
    start: int  # where its values are


class _File(NamedTuple):
    """Bytes that hold directories: their order, whether it is a BigTIFF, where the first one is."""

    data: bytes
    order: str
    big: bool
    first: int

    @classmethod
    def of(cls, data: bytes) -> _File | None:
        """None where the bytes hold no directories.

        Raises:
            UnfitError: they are in an order that libraries do not agree on.
            struct.error: they end too early.
        """
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None:
            return None
        if data[2:4] == b"\0+":
            raise UnfitError(Fault.BROKEN, "it is a big-endian BigTIFF, which is not read")
        big = data[2:3] == b"+"
        (first,) = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)
        return cls(data, order, big, first)

    def directory(self, at: int) -> list[_Tag]:
        """The tags of a directory, as far as it reaches.

        Raises:
            UnfitError: there are too many, or they claim the same bytes again and again.
            struct.error: there is no directory.
        """
        if not 0 <= at < len(self.data):
            raise struct.error("it leads nowhere")
        letters, width, inline = ("HHQ", 20, 8) if self.big else ("HHL", 12, 4)
        offset = self.order + ("Q" if self.big else "L")
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "H"), self.data, at)
        if count > MOST_TAGS:
            raise UnfitError(Fault.LARGE, "it has too many tags")
        at += 8 if self.big else 2
        tags: list[_Tag] = []
        total = 0
        for end in range(at + width, min(at + count * width, len(self.data)) + 1, width):
            number, kind, values = struct.unpack_from(self.order + letters, self.data, end - width)
            size = _SIZES.get(kind, 0) * values
            start = end - inline
            if size > inline:
                (start,) = struct.unpack_from(offset, self.data, start)
            if start + size > len(self.data):
                continue  # and nothing is read
            total += size
            if total > len(self.data) + _SPARE:
                raise UnfitError(Fault.BROKEN, "its tags claim more data than the file has")
            if kind not in _KEPT and values > MOST_VALUES:
                raise UnfitError(Fault.LARGE, "one of its tags holds too many numbers")
            tags.append(_Tag(number, kind, values, start))
        return tags

    def numbers(self, tag: _Tag | None) -> tuple[int, ...]:
        """The values of a tag; none where it is not there, or holds no whole numbers."""
        if tag is None or tag.kind not in _WHOLE:
            return ()
        return struct.unpack_from(
            f"{self.order}{tag.values}{_WHOLE[tag.kind]}", self.data, tag.start
        )

    def check_below(self, tags: list[_Tag], depth: int = 2) -> None:
        """Look at the directories that tags point to.

        Raises:
            UnfitError: see `directory`.
        """
        for tag in tags if depth else ():
            for at in self.numbers(tag)[:1] if tag.number in _BELOW else ():
                try:
                    self.check_below(self.directory(at), depth - 1)
                except struct.error:
                    continue  # it leads nowhere, and nothing is read there


def tiff_layout(data: bytes) -> Layout:
    """Size of the first picture of a TIFF, and what its decoding takes.

    Raises:
        UnfitError: it must not be decoded.
        struct.error: it ends too early.
    """
    file = _File.of(data)
    assert file is not None  # its format was told by its first bytes
    entries = file.directory(file.first)
    tags = {tag.number: tag for tag in entries}
    if len(tags) < len(entries):  # libraries do not agree on which of them counts
        raise UnfitError(Fault.BROKEN, "a tag is there twice")
    file.check_below(entries)

    def number(tag: int, default: int = 0) -> int:
        return (file.numbers(tags.get(tag)) or (default,))[0]

    width, height = number(_WIDTH), number(_HEIGHT)
    bits = file.numbers(tags.get(_BITS)) or (1,)
    samples = max(len(bits), number(_SAMPLES, 1))
    bits_each = max(bits) * samples
    if number(_TILE_WIDTH) * number(_TILE_HEIGHT) * bits_each > 8 * MOST_TILE:
        raise UnfitError(Fault.LARGE, "its tiles are too large")
    size = sum(file.numbers(tags.get(_STRIP_BYTES))) + sum(file.numbers(tags.get(_TILE_BYTES)))
    if size > 16 * len(data):  # some writers give sizes that are a little wrong
        raise UnfitError(Fault.BROKEN, "its strips claim more data than the file has")
    bytes_each = max(1 if samples == 1 else 4, -(-bits_each // 8))
    tag_bytes = sum(_SIZES.get(tag.kind, 0) * tag.values for tag in entries)  # and copied
    return Layout(width, height, width * height * bytes_each, 2 * tag_bytes)


def check_exif(data: bytes) -> None:
    """Refuse EXIF data whose tags take much more memory than they do.

    Args:
        data: as in a file, with or without ``Exif`` before it; may be empty or damaged.

    Raises:
        UnfitError: its tags claim the same bytes again and again.
    """
    _first_directory(data)


def exif_orientation(data: bytes) -> int | None:
    """How a camera was held, 1 … 8; None where that is not said, or cannot be read."""
    try:
        file, tags = _first_directory(data)
    except UnfitError:
        return None
    entries = (tag for tag in tags if tag.number == _ORIENTATION)
    return next((number for tag in entries for number in file.numbers(tag)), None)


def _first_directory(data: bytes) -> tuple[_File, list[_Tag]]:
    while data.startswith(b"Exif\0\0"):
        data = data[6:]
    try:
        file = _File.of(data)
        if file is not None:
            return file, file.directory(file.first)
    except struct.error:
        pass
    return _File(data, "<", False, 0), []
