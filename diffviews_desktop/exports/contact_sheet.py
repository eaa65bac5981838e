"""A grid of pictures as one picture, with the names of its rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from diffviews_desktop.text.plain import MOST_OF_NAME, visible

_SMALLEST = 64
_TEXT = 13
_GAP = 4
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def render_sheet(
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Lay pictures out.

    Args:
        rows: pictures ``(H, W, C) uint8``, all of one size; small ones are enlarged by a whole
            factor without smoothing.
        row_names: written left of the rows.
        column_names: written above the columns.

    Returns:
        ``(H, W, 3) uint8``.
    """
    row_names = [visible(name, MOST_OF_NAME) for name in row_names]
    column_names = [visible(name, MOST_OF_NAME) for name in column_names]
    height, width, channels = rows[0][0].shape
    factor = max(1, -(-_SMALLEST // max(height, width)))
    cell = (height * factor + _GAP, width * factor + _GAP)
    font = ImageFont.load_default(_TEXT)
    left = _GAP + max((int(font.getlength(name)) + 2 * _GAP for name in row_names), default=0)
    top = _GAP + (_TEXT + 2 * _GAP if any(column_names) else 0)
    across = max(map(len, rows))
    sheet = Image.new("RGB", (left + across * cell[1], top + len(rows) * cell[0]), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(column_names):
        place = (left + column * cell[1] + cell[1] // 2, top - _GAP)
        draw.text(place, _short(name, cell[1], font), fill=_INK, font=font, anchor="ms")
    for row, pictures in enumerate(rows):
        y = top + row * cell[0]
        if row < len(row_names):
            draw.text((left - 2 * _GAP, y + cell[0] // 2), row_names[row], fill=_INK, font=font,
                      anchor="rm")  # fmt: skip
        for column, picture in enumerate(pictures):
            image = Image.fromarray(np.squeeze(picture) if channels == 1 else picture)
            size = (width * factor, height * factor)
            enlarged = image.convert("RGB").resize(size, Image.Resampling.NEAREST)
            sheet.paste(enlarged, (left + column * cell[1], y))
    return np.asarray(sheet)


def _short(name: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """As much of a name as fits."""
    while len(name) > 1 and font.getlength(name) > width:
        name = f"{name[:-2]}…"
    return name
