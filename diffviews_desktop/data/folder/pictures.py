"""Pictures of samples as arrays, brought to the size and channels of a model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.pictures.decoding import ITS_OWN, Decoded, decode
from diffviews_desktop.values.brightness import Brightness

_VALUES = np.arange(256, dtype=np.float32) / 127.5 - 1  # of every byte


class FittedPicture(NamedTuple):
    """A picture as a model sees it.

    Attributes:
        pixels: ``(R, R, C) uint8``.
        several: whether its file holds more pictures, of which this is the first.
        cut: whether its channels have more than 8 bits, of which these are the upper 8.
    """

    pixels: NDArray[np.uint8]
    several: bool
    cut: bool


def read_picture(
    path: Path, resolution: int, channels: int, brightness: Brightness = ITS_OWN
) -> Float32:
    """`read_image` as ``(C, R, R) float32`` in [-1, 1]."""
    values = _VALUES[read_image(path, resolution, channels, brightness)]
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def read_image(
    path: Path, resolution: int, channels: int, brightness: Brightness = ITS_OWN
) -> NDArray[np.uint8]:
    """The pixels of `fit_picture`."""
    return fit_picture(path, resolution, channels, brightness).pixels


def fit_picture(
    path: Path, resolution: int, channels: int, brightness: Brightness = ITS_OWN
) -> FittedPicture:
    """Read a picture of any size and mode as ``(R, R, C) uint8``.

    Of a picture that is not square the middle is taken; one of another size is resized; what is
    transparent becomes white; one that lies on its side (EXIF) is turned. ``brightness`` says what
    is black and white in pictures of numbers; by default each picture is taken by itself.

    Raises:
        PictureError: the file is missing, too large, no picture, or damaged.
    """

    def fit(source: Decoded) -> FittedPicture:
        picture, size = source.image, (resolution, resolution)
        if picture.size != size:
            picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
        pixels = np.frombuffer(bytearray(picture.tobytes()), np.uint8).reshape(*size, -1)
        return FittedPicture(pixels, source.several, source.cut)

    return decode(path, "L" if channels == 1 else "RGB", fit, brightness=brightness)
