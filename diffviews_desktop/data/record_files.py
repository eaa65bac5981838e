"""Pictures with a record of how they were made, inside the PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diffviews_desktop.errors import DataError

KEY = "diffviews"
"""Keyword of the PNG's text (PNG 1.2, iTXt)."""
_LARGEST = 10_000_000


def write_picture(file: IO[bytes], image: NDArray[np.uint8], record: Mapping[str, Any]) -> None:
    """Write a picture ``(H, W, C) uint8`` as PNG with its record."""
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(dict(record), sort_keys=True), zip=True)
    Image.fromarray(np.squeeze(image)).save(file, format="PNG", pnginfo=info)


def read_text(path: Path) -> str:
    """The record in a ``.json`` file or a PNG, as text.

    Raises:
        DataError: it cannot be read, or holds none.
    """
    try:
        if path.suffix.lower() == ".png":
            with Image.open(path) as picture:
                text = getattr(picture, "text", {}).get(KEY)
            if text is None:
                raise DataError(f"{path.name} carries no record of how it was made.")
            return str(text)
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path.name} is too large for a record.")
        return path.read_text(encoding="utf-8")
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
