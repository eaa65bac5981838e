"""Pictures of samples as arrays, brought to the size and channels of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from diffviews_desktop.data.arrays import Float32
from diffviews_desktop.errors import DataError


def read_picture(path: Path, resolution: int, channels: int) -> Float32:
    """Read a picture of any size and mode as ``(C, R, R) float32`` in [-1, 1].

    Raises:
        DataError: the file cannot be decoded.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"The picture {path} cannot be read ({error}).") from error
    if picture.size != (resolution, resolution):
        picture = picture.resize((resolution, resolution), Image.Resampling.LANCZOS)
    values = np.asarray(picture, dtype=np.float32) / 127.5 - 1
    return np.ascontiguousarray(np.atleast_3d(values).transpose(2, 0, 1))
