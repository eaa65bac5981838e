"""Puts the screenshots of a journey side by side, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

WIDTH, COLUMNS, GAP = 640, 2, 8
COLOURS = 128
BETWEEN = "#808080"


def write_sheet(pictures: Sequence[Path], file: Path) -> None:
    """Write pictures of one size into one, row by row.

    Args:
        pictures: at least one.
        file: a PNG.
    """
    small = []
    for picture in pictures:
        with Image.open(picture) as opened:
            high = round(opened.height * WIDTH / opened.width)
            small.append(opened.convert("RGB").resize((WIDTH, high), Image.Resampling.LANCZOS))
    high, rows = small[0].height + GAP, -(-len(small) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (WIDTH + GAP) - GAP, rows * high - GAP), BETWEEN)
    for number, picture in enumerate(small):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (column * (WIDTH + GAP), row * high))
    sheet.quantize(COLOURS).save(file, optimize=True)
