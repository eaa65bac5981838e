"""Tables in CSV, row by row: neither a row nor a file takes more memory than it is allowed to."""

from __future__ import annotations

import csv
import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from diffviews_desktop.files.mistaken import mistaken_file
from diffviews_desktop.files.reading import MOST_TABLE, UnfitFileError, open_regular

LONGEST_ROW = 2**20
"""Characters of a row, its line ends included."""


def csv_rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV that are not empty, the header first.

    Args:
        path: a regular file in UTF-8, with or without the mark that spreadsheets put before it.

    Raises:
        UnfitFileError, OSError: see `diffviews_desktop.files.reading.open_regular`; or it has a row
            that is too long.
        ValueError, csv.Error: it cannot be read as CSV.
    """
    instead = mistaken_file(path, json=False)
    if instead:
        raise ValueError(f"it is {instead}")
    with io.TextIOWrapper(open_regular(path, MOST_TABLE), "utf-8-sig", newline="") as file:
        lines = _Lines(file, path)
        for row in csv.reader(lines):
            lines.length = 0
            if row:
                yield row


class _Lines:
    """Lines of a text file, as long as those of one row are not too long together.

    Attributes:
        length: characters since it was last set to 0.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self.length = 0
        self._file, self._path = file, path

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self.length += len(line)
        if self.length > LONGEST_ROW:
            raise UnfitFileError(
                errno.EFBIG, "it has a row of more than a million characters", str(self._path)
            )
        if "\0" in line:
            raise ValueError("it holds zero bytes, so it is no text")
        return line
