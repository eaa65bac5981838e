"""Files of pictures: which are decoded, for the engine and for the window alike.

A picture comes from other people. Its content decides what it is, not its name; it must be one of
six formats, and what it says of itself must fit into memory. Whoever decodes one gets the bytes
that were looked at here, and may use no decoder but that of their format.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.errors import PictureError, brief
from diffviews_desktop.files.mistaken import LOOKED_AT, mistaken
from diffviews_desktop.files.reading import UnfitFileError, read_bytes
from diffviews_desktop.pictures.formats import format_of, layout_of
from diffviews_desktop.pictures.layout import UnfitError
from diffviews_desktop.text.faults import Fault

MOST_BYTES = 2**28
"""Bytes of a file, and of what is in it when that is unpacked.

Decoding takes up to four times as much."""
MOST_PIXELS = 64_000_000
"""Pixels of a picture: as many as the largest cameras of photographers make."""
MOST_HALVED = 170_000_000
"""Pixels of a JPEG that can be decoded at half its size; Pillow reads none of 179 million."""


class PictureFile(NamedTuple):
    """A file that may be decoded.

    Attributes:
        data: all bytes of it.
        format: PNG, JPEG, WEBP, BMP, GIF or TIFF.
        width: in pixels.
        height: in pixels.
        halved: whether it must be decoded at half its size.
    """

    data: bytes
    format: str
    width: int
    height: int
    halved: bool


def read_picture_file(path: Path) -> PictureFile:
    """Read a file, and look whether it may be decoded.

    Raises:
        PictureError: it may not; or it is missing, or cannot be read.
    """
    try:
        return _looked_at(read_bytes(path, MOST_BYTES))
    except UnfitError as error:
        raise picture_error(path, error.fault, str(error)) from error
    except UnfitFileError as error:
        large = error.errno == errno.EFBIG
        fault = Fault.LARGE if large else Fault.NO_FILE
        raise picture_error(path, fault, brief(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise picture_error(path, Fault.MISSING, "there is no such file") from error
    except (OSError, ValueError, MemoryError) as error:
        raise picture_error(path, Fault.CLOSED, brief(error)) from error


def picture_error(path: Path, fault: Fault, reason: str) -> PictureError:
    """An error for the user: ``The picture a.png cannot be read (it has no pixels).``"""
    return PictureError(f"The picture {path} cannot be read ({reason}).", fault)


def _looked_at(data: bytes) -> PictureFile:
    """
    Raises:
        UnfitError: it must not be decoded.
    """
    name = format_of(data)
    if name is None:
        instead = mistaken(data[:LOOKED_AT])
        reason = "it is not a PNG, JPEG, WebP, BMP, GIF or TIFF"
        raise UnfitError(Fault.NO_PICTURE, f"it is {instead}" if instead else reason)
    width, height, pixel_bytes, beside, can_be_halved = layout_of(data, name)
    pixels, most = width * height, MOST_HALVED if can_be_halved else MOST_PIXELS
    if pixels > most:
        raise UnfitError(
            Fault.LARGE,
            f"it has {pixels / 1e6:,.0f} megapixels; more than {most / 1e6:.0f} are not read",
        )
    halved = pixels > MOST_PIXELS
    size = pixel_bytes // (4 if halved else 1) + beside
    if size > MOST_BYTES:
        raise UnfitError(Fault.LARGE, f"decoding it would take {size / 1e6:,.0f} MB")
    return PictureFile(data, name, width, height, halved)
