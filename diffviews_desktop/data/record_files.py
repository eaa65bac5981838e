"""Pictures with a record of how they were made, inside the PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diffviews_desktop import files
from diffviews_desktop.data.folder_files import replacing
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files import open_regular

KEY = "diffviews"
"""Keyword of the PNG's text (PNG 1.2, iTXt)."""
MOST_RECORD = 10_000_000
"""Bytes of a record, or letters of one in a picture."""
MOST_PIXELS = 2**26
"""Of a picture that is decoded to look for its record."""


def write_picture(path: Path, image: NDArray[np.uint8], record: Mapping[str, Any]) -> None:
    """Write a picture ``(H, W, C) uint8`` as PNG with its record; whole or not at all."""
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(dict(record), sort_keys=True), zip=True)
    with replacing(path) as temporary:
        Image.fromarray(np.squeeze(image)).save(temporary, format="PNG", pnginfo=info)


def read_text(path: Path) -> str:
    """The record in a ``.json`` file or a PNG, as text.

    Raises:
        DataError: it cannot be read, or holds none.
    """
    try:
        if path.suffix.lower() != ".png":
            return files.read_text(path, MOST_RECORD)
        text = _text_in_picture(path)
    except Exception as error:  # a damaged picture raises many kinds
        raise DataError(
            f"{path} cannot be read ({brief(error)}). Take the .json or .png that generate wrote."
        ) from error
    if text is None:
        raise DataError(f"{path.name} carries no record of how it was made.")
    if len(text) > MOST_RECORD:
        raise DataError(f"The record in {path.name} is too long to be one.")
    return text


def _text_in_picture(path: Path) -> str | None:
    with open_regular(path) as file, Image.open(file, formats=("PNG",)) as picture:
        text = picture.info.get(KEY)
        if text is None and picture.width * picture.height <= MOST_PIXELS:
            # other programs may have put it behind the picture, which has to be decoded for that
            text = getattr(picture, "text", {}).get(KEY)
        return None if text is None else str(text)
