"""A grid of pictures as one picture, with the names of its rows and columns."""

from __future__ import annotations

from typing import IO

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.exports.contents import Picture, Sheet
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.fonts import font
from diffviews_desktop.exports.sheet_layout import Style, lay_out

CELL = 160
"""Pixels of a side that a picture is enlarged to at least."""
MOST_PIXELS = 40_000_000
"""Of all pictures of a sheet together."""
_TEXT, _LINE, _GAP = 12, 17, 4


def render(sheet: Sheet) -> NDArray[np.uint8]:
    """Draw a sheet.

    Small pictures are enlarged by a whole factor, without smoothing, as far as `MOST_PIXELS`
    allows; where even their own size has more pixels, they are shrunk by a whole divisor.

    Returns:
        ``(H, W, 3) uint8``.
    """
    from PIL import Image, ImageDraw

    letters = font(_TEXT)
    height, width = next(iter(sheet.pictures.values())).shape[:2]
    width, height = cell_size(width, height, sheet.count)
    style = Style(width, height, _GAP, _LINE)
    layout = lay_out(sheet.row_names, sheet.column_names, sheet.count, style, letters.getlength)
    bounds = layout.bounds
    left, top = round(-bounds.x), round(-bounds.y)
    image = Image.new("RGB", (round(bounds.width), round(bounds.height)), sheet.paper)
    draw = ImageDraw.Draw(image)
    for labels, anchor in ((layout.column_labels, "md"), (layout.row_labels, "rm")):
        for label in labels:
            place = (left + label.x, top + label.y)
            draw.text(place, label.text, fill=sheet.ink, font=letters, anchor=anchor)
    for index, pixels in sheet.pictures.items():
        box = layout.place(index)
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        larger = width >= picture.width
        resampling = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
        picture = picture.convert("RGB").resize((width, height), resampling)
        image.paste(picture, (left + round(box.x), top + round(box.y)))
    return np.asarray(image)


def cell_size(width: int, height: int, count: int) -> tuple[int, int]:
    """Pixels across and down that each picture has on a sheet.

    Args:
        width: pixels across of each picture itself.
        height: likewise, down.
        count: number of pictures.
    """
    room = MOST_PIXELS / (count * width * height)  # so many times the area
    if room < 1:
        divisor = int(np.ceil(room**-0.5))
        return max(1, width // divisor), max(1, height // divisor)
    factor = min(max(1, -(-CELL // max(width, height))), int(room**0.5))
    return factor * width, factor * height


def sheet_as(pictures: Exporter[Picture]) -> Exporter[Sheet]:
    """The exporter of sheets as pictures of a format, with the record of the grid."""

    def write(sheet: Sheet, file: IO[bytes], progress: Progress) -> None:
        pictures.write(Picture(render(sheet), sheet.record), file, progress)

    return Exporter(pictures.name, pictures.suffixes, Sheet, write)
