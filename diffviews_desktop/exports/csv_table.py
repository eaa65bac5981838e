"""Tables as CSV."""

from __future__ import annotations

import io
from typing import IO

import numpy as np

from diffviews_desktop.exports.contents import Table, Values, names_in_file
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.text.plain import UNENCODABLE, csv_cell, csv_writer
from diffviews_desktop.values.columns import Column

_LINES_AT_ONCE = 2000


def write_csv(table: Table, file: IO[bytes], progress: Progress) -> None:
    """Write a table; a spreadsheet takes none of its texts for a formula."""
    text = io.TextIOWrapper(file, "utf-8", UNENCODABLE, newline="")
    writer = csv_writer(text)
    writer.writerow(map(csv_cell, names_in_file(table.columns)))
    for start in range(0, len(table), _LINES_AT_ONCE):
        progress(start / len(table))
        end = start + _LINES_AT_ONCE
        columns = (cells(_some(column, start, end)) for column in table.columns.values())
        writer.writerows(zip(*columns, strict=True))
    text.flush()
    text.detach()  # which leaves the file to its owner


def _some(column: Values, start: int, end: int) -> Values:
    if isinstance(column, Column):
        return column.take(np.arange(start, min(end, len(column.values))))
    return column[start:end]


def cells(values: Values) -> list[str]:
    """Texts as `csv_cell` escapes them; numbers with all their digits, or empty if not finite."""
    if isinstance(values, Column):
        return values.cells()
    if not isinstance(values, np.ndarray) or values.dtype.kind in "UO":
        return [csv_cell(value) for value in values]
    texts: list[str] = np.where(np.isfinite(values), values.astype(str), "").tolist()
    return texts


CSV = Exporter("CSV", (".csv",), Table, write_csv)
