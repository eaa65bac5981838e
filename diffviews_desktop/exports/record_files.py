"""Reading records of how pictures were made, from inside of a PNG or from JSON."""

from __future__ import annotations

import zlib
from pathlib import Path

from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.exports.png import KEY
from diffviews_desktop.files import reading
from diffviews_desktop.pictures.files import MOST_BYTES
from diffviews_desktop.pictures.formats import format_of, png_chunks
from diffviews_desktop.pictures.layout import UnfitError

_KEYWORD = KEY.encode() + b"\0"
MOST_RECORD = 10_000_000
"""Bytes of a record."""


def read_text(path: Path) -> str:
    """The record in a ``.json`` file or a PNG, as text.

    Raises:
        DataError: it cannot be read, or holds none.
    """
    try:
        if path.suffix.lower() != ".png":
            return reading.read_text(path, MOST_RECORD, "utf-8")
        data = reading.read_bytes(path, MOST_BYTES)
        text = _record_in(data) if format_of(data) == "PNG" else None
    except UnfitError as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    except (OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({brief(error)}).") from error
    if text is None:
        raise DataError(f"{path.name} carries no record of how it was made.")
    return text


def _record_in(png: bytes) -> str | None:
    """The text under our keyword, of any of the three kinds that a PNG knows.

    Raises:
        ValueError, zlib.error, UnfitError: it is damaged, or longer than a record may be.
    """
    for kind, start, end in png_chunks(png):
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or not png.startswith(_KEYWORD, start):
            continue
        text = png[start + len(_KEYWORD) : end]
        packed = kind == b"zTXt" or (kind == b"iTXt" and text[:1] == b"\1")
        if kind == b"iTXt":  # flag, method, language and translated keyword are before it
            text = text[2:].split(b"\0", 2)[-1]
        elif packed:  # the method is
            text = text[1:]
        if packed:
            text = zlib.decompressobj().decompress(text, MOST_RECORD + 1)
        if len(text) > MOST_RECORD:
            raise ValueError("its record is too large")
        return text.decode("utf-8")
    return None
