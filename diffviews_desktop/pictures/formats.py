"""What the formats of pictures say of themselves, read before anything is decoded.

A file of a few kilobytes can describe a picture of gigabytes, or one that is decoded a thousand
times. Each function here walks over a file as its decoders do, in a bounded number of steps, and
refuses what none of them must see. What it lets through may still be damaged.

Sources: PNG 1.2, JPEG (ITU-T T.81), GIF 89a, BMP (Windows' BITMAPINFOHEADER), WebP (RFC 9649).
TIFF is in `diffviews_desktop.pictures.tiff`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from diffviews_desktop.pictures.layout import Layout, UnfitError
from diffviews_desktop.pictures.tiff import check_exif, tiff_layout
from diffviews_desktop.text.faults import Fault

MOST_PARTS = 100_000
"""Chunks, segments or blocks that a file may have."""
MOST_COMPRESSED = 1_000
"""Compressed texts and profiles in a PNG: each may become a megabyte."""
MOST_SCANNED = 16 * 64_000_000
"""Pixels of a JPEG times the scans that it is made of: 16 scans of the largest."""
MOST_RUNS = 16_000_000
"""Bytes and pixels of a run-length coded BMP, which Pillow decodes in Python."""
HEAD = 32
"""Bytes that tell a format, and the depth of a PNG."""
MOST_STEPS = 2**20
"""Blocks of a GIF that are walked over to find its second frame."""
_SIXTEEN_BITS, _GREY = 16, 0
_MOST_JUNK = 65536
_MOST_EXIF = 1_000_000

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_DATA = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # no stuffed byte, no restart
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MARKERS = {*range(0xC0, 0xF0), 0xFE} - {0xC8, 0xDE, 0xDF}
_PNG_CHUNK = struct.Struct(">I4s")


def format_of(data: bytes) -> str | None:
    """The format, as Pillow calls it, by the first bytes; None for one that is not read."""
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    return "WEBP" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


def may_hold_numbers(head: bytes) -> bool:
    """Whether a file with these first bytes may hold numbers of more than 8 bits, in one channel: a
    PNG that says so, and any TIFF."""
    name = format_of(head)
    return name == "TIFF" or (name == "PNG" and has_sixteen_bits(head) and head[25] == _GREY)


def has_sixteen_bits(png: bytes) -> bool:
    """Whether the channels of a PNG, whose first bytes these are, have 16 bits each."""
    return png[24:25] == bytes((_SIXTEEN_BITS,))


def layout_of(data: bytes, name: str) -> Layout:
    """Size of a picture of a format, and what its decoding takes.

    Raises:
        UnfitError: it must not be decoded.
    """
    try:
        layout = _LAYOUTS[name](data)
    except (struct.error, IndexError):
        raise UnfitError(Fault.BROKEN, "it ends too early") from None
    if layout.width < 1 or layout.height < 1:
        raise UnfitError(Fault.BROKEN, "it has no pixels")
    return layout


# ---- PNG ----------------------------------------------------------------------------------------


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk of a PNG: its type, and where its content starts and ends.

    Raises:
        UnfitError: there are too many.
    """
    at = 8
    for _ in range(MOST_PARTS):
        if at + 8 > len(data):
            return
        size, kind = _PNG_CHUNK.unpack_from(data, at)
        yield kind, at + 8, at + 8 + size
        if kind == b"IEND":
            return
        at += size + 12
    raise _too_many("chunks")


def _png(data: bytes) -> Layout:
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    count = beside = 0
    for number, (kind, start, end) in enumerate(png_chunks(data)):
        if (kind == b"IHDR") != (number == 0):
            raise UnfitError(Fault.BROKEN, "its header is in the wrong place")
        count += kind in (b"iCCP", b"zTXt", b"iTXt")
        beside += end - start if kind != b"IDAT" and end <= len(data) else 0
    if count > MOST_COMPRESSED:
        raise _too_many("compressed texts")
    pixels = width * height * (1 if color in (0, 3) else 4) * (2 if bits > 8 else 1)
    return Layout(width, height, pixels, 6 * beside)  # four bytes a letter, and copied


# ---- JPEG ---------------------------------------------------------------------------------------


class _Frame(NamedTuple):
    width: int
    height: int
    components: int
    progressive: bool


def _jpeg(data: bytes) -> Layout:
    frame: _Frame | None = None
    exif = bytearray()
    for marker, start, end in _segments(data):
        content = data[start:end]
        if marker in _FRAMES:
            _, height, width, components = struct.unpack_from(">BHHB", content)
            if frame is not None or marker > 0xC2 or components not in (1, 3, 4):
                raise UnfitError(Fault.BROKEN, "it is a JPEG of a kind that is not read")
            frame = _Frame(width, height, components, marker == 0xC2)
        elif marker == 0xE1 and content.startswith(b"Exif\0\0"):
            exif += content[6:]
        elif marker == 0xE2 and content.startswith(b"MPF\0"):
            check_exif(content[4:])
        elif marker == 0xDA:
            break
    if frame is None:
        raise UnfitError(Fault.BROKEN, "its header is missing")
    if len(exif) > _MOST_EXIF:
        raise UnfitError(Fault.LARGE, "its EXIF data is longer than a megabyte")
    check_exif(bytes(exif))
    pixels = frame.width * frame.height
    whole = not frame.progressive and content[0] == frame.components
    if not whole and pixels * _scans(data, end) > MOST_SCANNED:
        raise UnfitError(Fault.LARGE, "it is made of too many scans")
    bytes_each = 1 if frame.components == 1 else 4
    return Layout(frame.width, frame.height, pixels * bytes_each, 4 * end, can_be_halved=whole)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Segments of a JPEG up to its first scan: marker, start and end of the content."""
    at, junk = 2, 0
    for _ in range(MOST_PARTS):
        match = _MARKER.search(data, at)
        if match is None:
            break
        junk += match.start() - at
        marker, at = data[match.end() - 1], match.end()
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:  # these have no content
            continue
        if junk > _MOST_JUNK or marker not in _MARKERS:
            raise UnfitError(Fault.BROKEN, "its header is damaged")
        (size,) = struct.unpack_from(">H", data, at)
        yield marker, at + 2, at + size
        if marker == 0xDA:
            return
        at += max(2, size)
    else:
        raise _too_many("segments")
    raise UnfitError(Fault.BROKEN, "it ends before its pixels")


def _scans(data: bytes, at: int) -> int:
    """How many scans there are, the first of which has its pixels at ``at``."""
    scans = 1
    for _ in range(MOST_PARTS):
        match = _AFTER_DATA.search(data, at)
        if match is None or data[match.end() - 1] == 0xD9:
            return scans
        scans += data[match.end() - 1] == 0xDA
        (size,) = struct.unpack(">H", data[match.end() : match.end() + 2].rjust(2, b"\0"))
        at = match.end() + size
    raise _too_many("segments")


# ---- GIF, BMP, WebP -----------------------------------------------------------------------------


def _gif(data: bytes) -> Layout:
    """Of the first frame, together with the canvas that it lies on."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _color_table(flags)
    in_extension = False
    for _ in range(MOST_PARTS):
        byte = data[at]
        if in_extension:
            at += 1 + byte
            in_extension = byte > 0
        elif byte == ord(","):
            left, top, wide, high = struct.unpack_from("<HHHH", data, at + 1)
            width, height = max(width, left + wide), max(height, top + high)
            return Layout(width, height, width * height)
        elif byte == ord(";"):
            raise UnfitError(Fault.BROKEN, "it has no frame")
        else:  # decoders pass over what is unknown
            in_extension = byte == ord("!")
            at += 2 if in_extension else 1
    raise _too_many("blocks")


def is_animated_gif(gif: bytes) -> bool:
    """Whether a GIF that was decoded has a second frame; False where that takes too
    long to find."""
    frames, at = 0, 13 + _color_table(gif[10])
    in_blocks = False
    for _ in range(MOST_STEPS):
        if at >= len(gif):
            break
        byte = gif[at]
        if in_blocks:
            at += 1 + byte
            in_blocks = byte > 0
        elif byte == ord(","):
            frames += 1
            if frames > 1:
                return True
            at += 11 + _color_table(gif[at + 9])
            in_blocks = True
        elif byte == ord(";"):
            break
        else:  # decoders pass over what is unknown
            in_blocks = byte == ord("!")
            at += 2 if in_blocks else 1
    return False


def _color_table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _bmp(data: bytes) -> Layout:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    else:
        width, height, _, bits, packing = struct.unpack_from("<IiHHI", data, 18)
    pixels = width * abs(height)
    if packing in (1, 2) and max(len(data), pixels) > MOST_RUNS:
        raise UnfitError(Fault.LARGE, "it is a run-length coded BMP, which takes too long")
    return Layout(width, abs(height), pixels * (1 if bits <= 8 else 4))


def _webp(data: bytes) -> Layout:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", data, 26))
    else:
        raise UnfitError(Fault.BROKEN, "its first chunk is not a picture")
    # the canvas, the frame before it and what is handed over: twice as much as of others
    return Layout(width, height, 2 * width * height * 4, len(data))


def _too_many(parts: str) -> UnfitError:
    return UnfitError(Fault.LARGE, f"it has too many {parts}")


_LAYOUTS: dict[str, Callable[[bytes], Layout]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "BMP": _bmp,
    "WEBP": _webp,
    "TIFF": tiff_layout,
}
_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
)
