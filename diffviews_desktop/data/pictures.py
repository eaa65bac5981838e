"""Pictures of samples as arrays, brought to the size and channels of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from diffviews_desktop.data.arrays import Float32
from diffviews_desktop.errors import DataError

_EXIF = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}


def read_picture(path: Path, resolution: int, channels: int) -> Float32:
    """Read a picture of any size and mode as ``(C, R, R) float32`` in [-1, 1].

    Of a picture that is not square the middle is taken; one of another size is resized; what is
    transparent becomes white; one that lies on its side (EXIF) is turned.

    Raises:
        DataError: the file cannot be decoded.
    """
    try:
        with Image.open(path) as opened:
            opened.seek(0)
            opened.load()
            # looking for EXIF where there can be none takes as long as decoding
            plain = opened.format in ("PNG", "BMP", "GIF") and not _EXIF & opened.info.keys()
            picture = _flatten(opened if plain else ImageOps.exif_transpose(opened))
            picture = picture.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"The picture {path} cannot be read ({error}).") from error
    if picture.size != (resolution, resolution):
        picture = ImageOps.fit(picture, (resolution, resolution), Image.Resampling.LANCZOS)
    values = np.asarray(picture, dtype=np.float32) / 127.5 - 1
    return np.ascontiguousarray(np.atleast_3d(values).transpose(2, 0, 1))


def _flatten(picture: Image.Image) -> Image.Image:
    """Eight bits a channel, and nothing to see through."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float64)
        if picture.mode == "F":
            top = 1.0 if np.nanmax(values, initial=0) <= 1 else 255.0
        else:  # I holds 16 bits from PNG and TIFF
            top = 65535.0
        with np.errstate(invalid="ignore"):
            scaled = np.nan_to_num(np.clip(values / top, 0, 1)) * 255
        return Image.fromarray(np.round(scaled).astype(np.uint8))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba)
    return picture
