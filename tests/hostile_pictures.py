"""Pictures that nobody means well with: small files that describe what must not be decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

from PIL import Image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\n{} loop\n"
"""What Pillow gives to Ghostscript; there it never ends."""

OTHERS = {
    "eps": EPS,
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(400),
    "ico": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x28\1\0\0\x16\0\0\0" + bytes(400),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="x"/></svg>',
    "pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n",
    "ppm": b"P6\n8 8\n255\n" + bytes(192),
    "xbm": b"#define x_width 8\n#define x_height 8\nstatic char x[] = {0,0,0,0,0,0,0,0};\n",
    "fits": b"SIMPLE  =                    T".ljust(2880),
    "tga": b"\0\0\2" + bytes(9) + struct.pack("<HHBB", 8, 8, 24, 0) + bytes(192),
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(400),
    "gribbufr": b"GRIB" + bytes(400),
    "text": b"GIF is a format.",
    "empty": b"",
    "bigtiff of another order": b"MM\0+" + bytes(100),
}
"""Files of formats that are not read, by their kinds; most of them Pillow or Qt would open."""


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(
    width: int = 8,
    height: int = 8,
    bits: int = 8,
    color: int = 0,
    before: bytes = b"",
    pixels: bytes = b"",
) -> bytes:
    """A PNG with chunks before its pixels, which are compressed here."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND")


def segment(marker: int, content: bytes = b"") -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def jpeg_of(size: int = 16, **options: object) -> bytes:
    """A real JPEG in colour."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), (200, 30, 90)).save(file, "JPEG", **options)
    return file.getvalue()


def jpeg_sized(width: int, height: int, **options: object) -> bytes:
    """A JPEG whose header says that it has another size than its pixels."""
    data = bytearray(jpeg_of(**options))
    at = next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2))
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


def jpeg_with(more: bytes) -> bytes:
    """A JPEG with segments after its beginning."""
    whole = jpeg_of()
    return whole[:2] + more + whole[2:]


def jpeg_scans(count: int, width: int = 7000, height: int = 7000) -> bytes:
    """A progressive JPEG that is decoded again and again: its scans have no bytes of their own."""
    whole = jpeg_sized(width, height, progressive=True)
    scan = segment(0xDA, b"\1\1\0\0\0\0")
    return whole[:-2] + scan * count + whole[-2:]


Tag = tuple[int, int, int, bytes | int]  # number, kind, how many, content or where it is


def tiff(tags: Sequence[Tag], after: bytes = b"", big: bool = False, next_at: int = 0) -> bytes:
    """A little-endian TIFF of one directory: values that do not fit into it follow, then ``after``.

    An ``int`` as content is written as it is: a value, or the place of values.
    """
    count, entry, place = ("<Q", "<HHQ", "<Q") if big else ("<H", "<HHL", "<L")
    inline = struct.calcsize(place)
    start = 16 if big else 8
    values = start + struct.calcsize(count) + len(tags) * (struct.calcsize(entry) + inline) + inline
    directory, more = struct.pack(count, len(tags)), b""
    for number, kind, many, content in tags:
        directory += struct.pack(entry, number, kind, many)
        if isinstance(content, int):
            directory += struct.pack(place, content)
        elif len(content) <= inline:
            directory += content.ljust(inline, b"\0")
        else:
            directory += struct.pack(place, values + len(more))
            more += content
    header = b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) if big else b"II*\0\x08\0\0\0"
    return header + directory + struct.pack(place, next_at) + more + after


def tiff_of(
    width: int, height: int, *more: Tag, samples: int = 1, bits: int = 8, **options: object
) -> bytes:
    """A TIFF in grey, or in colour, whose pixels are not there."""
    tags: list[Tag] = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, samples, struct.pack(f"<{samples}H", *[bits] * samples)),
        (259, 3, 1, 8),
        (262, 3, 1, 1 if samples == 1 else 2),
        (277, 3, 1, samples),
        (278, 4, 1, height),
        *(() if any(tag[0] == 322 for tag in more) else ((273, 4, 1, 8), (279, 4, 1, 4))),
    ]
    return tiff(sorted([*tags, *more]), **options)  # type: ignore[arg-type]


def overlapping(tags: int, size: int) -> bytes:
    """Tags that all claim the same bytes, as a TIFF's."""
    start = 8 + 2 + 12 * tags + 4
    return tiff([(5000 + i, 7, size, start) for i in range(tags)], bytes(size))


def gif(
    width: int, height: int, before: bytes = b"", frame: tuple[int, ...] = (0, 0, 8, 8)
) -> bytes:
    """A GIF with blocks before its frame, which has no pixels."""
    header = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return header + before + b"," + struct.pack("<HHHHB", *frame, 0) + b"\2\0;"


def bmp(width: int, height: int, bits: int = 24, packing: int = 0, more: bytes = b"") -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(more), 0, 0, 54) + header + more


def webp(kind: bytes, content: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _sides(*sides: int) -> bytes:
    return b"".join((side - 1).to_bytes(3, "little") for side in sides)


TOO_LARGE = {
    "png, its size": png(15_000, 15_000),
    "png, 16 bits": png(8000, 8000, 16, 6),
    "png, chunks": png(before=png_chunk(b"aaAa") * 200_000),
    "png, texts": png(before=png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x")) * 1001),
    "jpeg, its size": jpeg_sized(14_000, 14_000),
    "jpeg, progressive": jpeg_sized(12_000, 9_000, progressive=True),
    "jpeg, scans": jpeg_scans(100),
    "jpeg, segments": jpeg_with(segment(0xFE) * 100_001),
    "jpeg, exif": jpeg_with(segment(0xE1, b"Exif\0\0" + bytes(60_000)) * 20),
    "gif, its size": gif(15_000, 15_000),
    "gif, its frame": gif(8, 8, frame=(5000, 5000, 10_000, 10_000)),
    "gif, blocks": gif(8, 8, before=b"!\xfe" + b"\1x" * 100_001 + b"\0"),
    "gif, many comments": gif(8, 8, before=b"!\xfe\1x\0" * 60_000),
    "gif, junk": gif(8, 8, before=b"x" * 100_001),
    "bmp, its size": bmp(30_000, 30_000),
    "bmp, upside down": bmp(30_000, -30_000),
    "bmp, wide": bmp(2**31 - 1, 1),
    "bmp, runs": bmp(64, 64, 8, 1, bytes(16_000_001)),
    "webp, its canvas": webp(b"VP8X", b"\x10\0\0\0" + _sides(16_384, 16_384)),
    "webp, lossless": webp(b"VP8L", b"\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + bytes(9)),
    "webp, lossy": webp(b"VP8 ", bytes(3) + b"\x9d\1\x2a" + struct.pack("<HH", 16_383, 16_383)),
    "tiff, its size": tiff_of(40_000, 40_000),
    "tiff, 16 bits": tiff_of(8000, 8000, samples=3, bits=16),
    "tiff, tiles": tiff_of(8, 8, (322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8)),
    "bigtiff, tags": tiff([(i % 65536, 1, 1, 0) for i in range(70_000)], big=True),
    "bigtiff, its size": tiff_of(2**31, 2**31, big=True),
    "tiff, strips": tiff_of(1, 8, (330, 4, 400_000, bytes(1_600_000))),
    "tiff, numbers below": tiff_of(
        8,
        8,
        (34665, 4, 1, len(tiff_of(8, 8, (34665, 4, 1, 0)))),
        after=struct.pack("<HHHLLL", 1, 1, 3, 300_001, 8, 0) + bytes(700_000),
    ),
}
"""Pictures that would take too much memory or time: each is too large."""

DAMAGED = {
    "png, two headers": png(
        before=png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
    ),
    "png, no pixels": png(0, 8),
    "jpeg, two headers": jpeg_with(segment(0xC0, b"\x08\0\x09\0\x09\1\1\x11\0")),
    "jpeg, arithmetic": jpeg_of().replace(b"\xff\xc0", b"\xff\xc9"),
    "jpeg, ten colours": jpeg_of().replace(
        b"\xff\xc0\0\x11\x08\0\x10\0\x10\3", b"\xff\xc0\0\x11\x08\0\x10\0\x10\x0a"
    ),
    "jpeg, junk": jpeg_with(segment(0xFE) + bytes(70_000)),
    "jpeg, another order": jpeg_with(segment(0xE1, b"Exif\0\0MM\0+" + bytes(50))),
    "jpeg, tags": jpeg_with(segment(0xE1, b"Exif\0\0" + overlapping(2500, 30_000))),
    "jpeg, more pictures": jpeg_with(segment(0xE2, b"MPF\0" + overlapping(2500, 30_000))),
    "tiff, tags": overlapping(20_000, 400_000),
    "tiff, twice": tiff([(256, 4, 1, 8), (256, 4, 1, 9), (257, 4, 1, 8)]),
    "tiff, strips": tiff_of(8, 8, (325, 4, 9, struct.pack("<9L", *[2**31] * 9))),
    "tiff, nowhere": b"II*\0\xff\xff\xff\xff",
}
"""Pictures whose parts contradict each other, or claim the same bytes again and again."""

LONG_TEXTS = {
    "png, a long text": png(before=png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(9_000_000)))),
    "png, a long profile": png(
        before=png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(9_000_000)))
    ),
}
"""Pictures with text that is small in the file: Pillow refuses it."""
