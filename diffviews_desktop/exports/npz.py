"""Arrays as NumPy's compressed archive."""

from __future__ import annotations

from typing import IO

import numpy as np

from diffviews_desktop.exports.contents import Arrays
from diffviews_desktop.exports.exporter import Exporter, Progress


def write_npz(arrays: Arrays, file: IO[bytes], progress: Progress) -> None:
    """Write arrays under their names."""
    np.savez_compressed(file, **arrays.arrays)  # type: ignore[arg-type]


NPZ = Exporter("NumPy arrays", (".npz",), Arrays, write_npz)
