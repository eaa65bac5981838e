"""Tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.exports.contents import Table
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.text.plain import UNENCODABLE, csv_cell

_LINES_AT_ONCE = 2000


def write_csv(table: Table, file: IO[bytes], progress: Progress) -> None:
    """Write a table; a spreadsheet takes none of its texts for a formula."""
    text = io.TextIOWrapper(file, "utf-8", UNENCODABLE, newline="")
    writer = csv.writer(text)
    writer.writerow(map(csv_cell, table.columns))
    for start in range(0, len(table), _LINES_AT_ONCE):
        progress(start / len(table))
        end = start + _LINES_AT_ONCE
        columns = (cells(column[start:end]) for column in table.columns.values())
        writer.writerows(zip(*columns, strict=True))
    text.flush()
    text.detach()  # which leaves the file to its owner


def cells(values: Sequence[str] | NDArray) -> list[str]:
    """Texts as `csv_cell` escapes them; numbers with all their digits, or empty if not finite."""
    if not isinstance(values, np.ndarray):
        return [csv_cell(value) for value in values]
    texts: list[str] = np.where(np.isfinite(values), values.astype(str), "").tolist()
    return texts


CSV = Exporter("CSV", (".csv",), Table, write_csv)
