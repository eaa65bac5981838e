"""Pictures of samples as arrays, brought to the size and channels of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.pictures.decoding import Decoded, decode

_VALUES = np.arange(256, dtype=np.float32) / 127.5 - 1  # of every byte


def read_picture(path: Path, resolution: int, channels: int) -> Float32:
    """Read a picture of any size and mode as ``(C, R, R) float32`` in [-1, 1].

    Of a picture that is not square the middle is taken; one of another size is resized; what is
    transparent becomes white; one that lies on its side (EXIF) is turned.

    Raises:
        PictureError: the file is missing, too large, no picture, or damaged.
    """

    def fitted(decoded: Decoded) -> Float32:
        picture, size = decoded.image, (resolution, resolution)
        if picture.size != size:
            picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
        values = _VALUES[np.frombuffer(picture.tobytes(), np.uint8)]
        return np.ascontiguousarray(values.reshape(*size, -1).transpose(2, 0, 1))

    return decode(path, "L" if channels == 1 else "RGB", fitted)
