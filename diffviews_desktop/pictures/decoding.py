"""Decoding pictures: the only place that gives files to a decoder, in the engine and the window.

Pillow knows dozens of formats, and starts programs for some of them. Here it gets bytes that were
looked at, may use the decoder of their format alone, and whatever it raises is one error. Qt
decodes no pictures of samples: what the map shows is what the model sees.
"""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

# Pillow imports every plugin it has to find one that was not imported
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from diffviews_desktop.errors import brief
from diffviews_desktop.pictures import libtiff
from diffviews_desktop.pictures.files import (
    MOST_PIXELS,
    PictureFile,
    picture_error,
    read_picture_file,
)
from diffviews_desktop.pictures.formats import has_sixteen_bits, is_animated_gif
from diffviews_desktop.pictures.numbers import NumbersIn, bits_of, extremes, numbers_in, to_bytes
from diffviews_desktop.pictures.tiff import exif_orientation
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.values.brightness import Brightness, Numbers, Range

logging.getLogger("PIL").setLevel(logging.CRITICAL)
libtiff.silence()

BAND = 4_000_000
"""Pixels of a large picture that are brought to eight bits a channel at a time."""

LARGE = 16_000_000
"""Pixels above which one picture is decoded at a time, whatever threads there are."""

ITS_OWN = Brightness()
"""Of a picture that is read by itself."""

_one_large = threading.Lock()
_PILLOW = re.compile(r"PIL\.")
_IGNORED = ("ignore", None, Warning, _PILLOW, 0)
_HEX_EXIF = "Raw profile type exif"
_MOST_HEX = 1_000_000  # letters
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)

T = TypeVar("T")


class Decoded(NamedTuple):
    """A picture with nothing to see through, upright.

    Attributes:
        image: in mode L or RGB; smaller than the file's where that was asked for.
        size: width and height of the file's.
        several: whether the file holds more pictures, of which this is the first.
        cut: whether its channels have more than 8 bits, of which these are the upper 8.
    """

    image: Image.Image
    size: tuple[int, int]
    several: bool = False
    cut: bool = False


def decode(
    path: Path,
    mode: Literal["L", "RGB"],
    convert: Callable[[Decoded], T],
    side: int | None = None,
    brightness: Brightness = ITS_OWN,
) -> T:
    """Decode the first frame of a picture file, and make something of it.

    Args:
        path: the file.
        mode: in grey or in colour.
        convert: makes the result.
        side: where neither width nor height need be larger, a large picture becomes smaller.
        brightness: what is black and what is white in a picture of numbers.

    Raises:
        PictureError: the file is missing, too large, no picture, or damaged.
    """
    return _read(path, lambda file: convert(_decode(file, mode, side, brightness)))


def measure(path: Path) -> tuple[Numbers, Range] | None:
    """What numbers a picture holds, and the lowest and the highest of them, or those of their type
    where it says what is black and what is white. None for a picture of 8 bits a channel.

    Raises:
        PictureError: see `decode`.
    """

    def read_range(file: PictureFile) -> tuple[Numbers, Range] | None:
        with _open(file) as picture:
            numbers = numbers_in(picture)
            if numbers is None:
                return None
            if numbers.range is not None:
                return numbers.kind, numbers.range
            _load(picture)
            return numbers.kind, extremes(numbers, (band for band, _ in _bands(picture)))

    return _read(path, read_range)


def _read(path: Path, work: Callable[[PictureFile], T]) -> T:
    file = read_picture_file(path)
    _ignore_warnings()
    try:
        with _one_large if file.width * file.height > LARGE else nullcontext():
            return work(file)
    except UnidentifiedImageError as error:
        if file.format == "TIFF":
            reason = "it is a kind of TIFF that is not read, such as colours in floating point"
            raise picture_error(path, Fault.NO_PICTURE, reason) from error
        raise picture_error(path, Fault.BROKEN, "its header is damaged") from error
    except Exception as error:  # decoders raise whatever comes to them
        raise picture_error(path, Fault.BROKEN, brief(error)) from error


def _ignore_warnings() -> None:
    """What Pillow warns of is read all the same, or refused here; whoever set other filters since.

    (`warnings.catch_warnings` changes those of all threads.)
    """
    if not warnings.filters or warnings.filters[0] != _IGNORED:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def _open(file: PictureFile) -> Image.Image:
    return Image.open(io.BytesIO(file.data), formats=(file.format,))


def _load(picture: Image.Image) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError("it is larger than its header says")
    picture.load()


def _decode(file: PictureFile, mode: str, side: int | None, brightness: Brightness) -> Decoded:
    with _open(file) as opened:
        if file.halved:
            opened.draft(None, (file.width // 2, file.height // 2))
        elif side is not None:
            opened.draft(None, (side, side))
        _load(opened)
        upright = file.format == "TIFF"  # it is turned while it is loaded
        size = opened.size if upright else (file.width, file.height)
        orientation = 1 if upright else _orientation(opened.info)
        picture = _flat(opened, mode, brightness)
        several, cut = _holds_several(file, opened), _is_cut(file, opened)
    if side is not None:
        picture.thumbnail((side, side), reducing_gap=2.0)
    if orientation in _TURNED:
        picture = picture.transpose(_TURNED[orientation])
    return Decoded(picture, size[::-1] if orientation in _SIDEWAYS else size, several, cut)


def _holds_several(file: PictureFile, picture: Image.Image) -> bool:
    if file.format == "GIF":  # of which Pillow reads the next frame to tell
        return is_animated_gif(file.data)
    return bool(getattr(picture, "is_animated", False))


def _is_cut(file: PictureFile, picture: Image.Image) -> bool:
    """Whether Pillow has left out the lower bits of a picture's channels."""
    if numbers_in(picture) is not None:
        return False
    if file.format == "TIFF":
        return bits_of(picture) > 8
    return file.format == "PNG" and has_sixteen_bits(file.data)


def _orientation(info: Mapping[Any, Any]) -> int:
    """How a camera was held, as Pillow's ``exif_transpose`` finds it."""
    exif = info.get("exif")
    if exif is None and _HEX_EXIF in info:
        text = info[_HEX_EXIF][:_MOST_HEX]
        exif = bytes.fromhex("".join(text.split("\n")[3:]))
    orientation = exif_orientation(exif) if exif else None
    if orientation is None:
        xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or b""
        match = _XMP.search(xmp.encode() if isinstance(xmp, str) else xmp)
        return int(match[1]) if match else 1
    return orientation


def _flat(picture: Image.Image, mode: str, brightness: Brightness) -> Image.Image:
    """A picture of 8 bits a channel, and nothing to see through; a large one part by part."""
    numbers = numbers_in(picture)
    if numbers is None and picture.mode == mode and not picture.has_transparency_data:
        return picture
    flatten = _on_white if numbers is None else _scale(picture, numbers, brightness)
    if picture.width * picture.height <= BAND:
        return flatten(picture).convert(mode)
    flat = Image.new(mode, picture.size)
    for band, at in _bands(picture):
        flat.paste(flatten(band).convert(mode), (0, at))
    return flat


def _scale(
    picture: Image.Image, numbers: NumbersIn, brightness: Brightness
) -> Callable[[Image.Image], Image.Image]:
    """What makes bytes of the numbers in parts of a picture."""
    limits = numbers.limits(
        brightness, lambda: extremes(numbers, (part for part, _ in _bands(picture)))
    )
    return lambda part: Image.fromarray(to_bytes(numbers, part, limits))


def _bands(picture: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """Parts of a picture of its full width, with the line that each starts at."""
    lines = max(1, BAND // picture.width)
    for at in range(0, picture.height, lines):
        below = min(at + lines, picture.height)
        yield picture.crop((0, at, picture.width, below)), at


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB") if picture.mode == "LAB" else picture  # LAB becomes no grey
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
