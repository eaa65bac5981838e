"""Pictures as PNG, with their records inside."""

from __future__ import annotations

import json
from typing import IO

from diffviews_desktop.exports.contents import Picture
from diffviews_desktop.exports.exporter import Exporter, Progress

KEY = "diffviews"
"""Keyword of the PNG's text (PNG 1.2, iTXt), from which ``generate --replay`` makes it again."""


def write_png(picture: Picture, file: IO[bytes], progress: Progress) -> None:
    """Write a picture losslessly; its record becomes compressed text in UTF-8."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if picture.record is not None:
        info.add_itxt(KEY, json.dumps(dict(picture.record), sort_keys=True), zip=True)
    pixels = picture.pixels
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(file, format="PNG", pnginfo=info)


PNG = Exporter("PNG", (".png",), Picture, write_png)
