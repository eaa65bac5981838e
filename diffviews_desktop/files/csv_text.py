"""Tables in CSV, row by row: neither a row nor a file takes more memory than it is allowed to."""

from __future__ import annotations

import codecs
import contextlib
import csv
import errno
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO

from diffviews_desktop.files.mistaken import mistaken_file
from diffviews_desktop.files.reading import MOST_TABLE, UnfitFileError, open_regular

LONGEST_ROW = 2**20
"""Characters of a row, its line ends included."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What programs write between cells, with its name; those that are tried first come first."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_COUNTED = 250  # rows that tell whether they are counted
_LOOKED_AT = 8  # bytes that tell the encoding: a few letters of the first name
_HINT = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)  # what Excel takes as a first line


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A table whose header was read.

    Attributes:
        header: the names of its columns, without spaces around them.
        rows: its other rows that are not empty; where a space stands at each separator of the
            header, without those around cells, too.
        separator: what stands between its cells: one of `SEPARATORS`, or what the file names.
    """

    header: Sequence[str]
    rows: Iterator[list[str]]
    separator: str


def csv_table(path: Path, fits: Callable[[Sequence[str]], bool] = lambda header: False) -> CsvTable:
    """Open a table of which nobody knows how its cells are separated.

    Args:
        path: as in `csv_rows`.
        fits: whether a header is the one that is looked for. Without one that fits, the separator
            is the one that gives the most names.

    Raises:
        UnfitFileError, OSError, ValueError, csv.Error: see `csv_rows`; the rows raise them, too.
    """
    hint = _HINT.fullmatch(_first_line(path))
    begin = 1 if hint else 0
    tables: list[CsvTable] = []
    for separator in (hint[1],) if hint else SEPARATORS:
        # of all but the first, an error only says that it is not the separator
        with contextlib.suppress(*(csv.Error,) if tables else ()):
            table = _table(path, separator, begin)
            if fits(table.header):
                return table
            tables.append(table)
    return max(tables, key=lambda table: len(table.header))


def with_row_names(table: CsvTable) -> CsvTable:
    """A table as it is, or under a header that has a name for each of its columns: R counts the
    rows in a first column, and gives it no name."""
    first = list(islice(table.rows, _COUNTED))
    is_count = [row[0] for row in first] == [str(i + 1) for i in range(len(first))]
    rows = chain(first, table.rows)
    if first and is_count and all(len(row) == len(table.header) + 1 for row in first):
        return CsvTable(["", *table.header], rows, table.separator)
    return CsvTable(table.header, rows, table.separator)


def not_unicode(error: UnicodeDecodeError) -> str:
    """What is wrong with a text in another encoding, and what to do; goes on after its path."""
    return (
        f"is not in {error.encoding.upper()}: byte {error.object[error.start]:#x} stands for no "
        "letter. Save it as UTF-8, which spreadsheets call CSV UTF-8."
    )


def open_text(path: Path) -> TextIO:
    """Open a text of a table's size, in the encodings of `csv_rows`; raises as that does."""
    instead = mistaken_file(path, json=False)
    if instead:
        raise UnfitFileError(errno.EINVAL, f"it is {instead}", str(path))
    file = open_regular(path, MOST_TABLE)
    try:
        return io.TextIOWrapper(file, _encoding_of(file), newline="")
    except BaseException:
        file.close()
        raise


def csv_rows(path: Path, separator: str = ",", *, padded: bool = False) -> Iterator[list[str]]:
    """Rows of a CSV that have a cell that is not empty, the header first.

    Args:
        path: a regular file in UTF-8, with or without the mark that spreadsheets put before it, or
            in UTF-16 or UTF-32, as they save "Unicode text".
        separator: what stands between cells.
        padded: whether spaces around cells belong to the separators.

    Raises:
        UnfitFileError, OSError: see `diffviews_desktop.files.reading.open_regular`; or it has a row
            that is too long, or is no text.
        ValueError, csv.Error: it cannot be read as CSV.
    """
    with open_text(path) as file:
        lines = _Lines(file, path)
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=padded):
            lines.length = 0
            if any(row):
                yield [cell.strip() for cell in row] if padded else row


def _table(path: Path, separator: str, begin: int) -> CsvTable:
    """A table read with a separator, from its ``begin``-th row on."""
    rows = islice(csv_rows(path, separator), begin, None)
    header = next(rows, [])
    if _is_padded(header):
        rows = islice(csv_rows(path, separator, padded=True), begin, None)
        header = next(rows, [])
    return CsvTable([name.strip() for name in header], rows, separator)


def _is_padded(header: Sequence[str]) -> bool:
    """Whether a space stands before, or after, each separator."""
    next_names, previous_names = header[1:], header[:-1]
    return bool(next_names) and (
        all(name[:1].isspace() for name in next_names)
        or all(name[-1:].isspace() for name in previous_names)
    )


def _first_line(path: Path) -> str:
    with open_text(path) as file:
        return next(_Lines(file, path), "")


def _encoding_of(file: BinaryIO) -> str:
    """The encoding of a table, from its mark or, without one, from where its zeros are."""
    start = file.read(_LOOKED_AT)
    file.seek(0)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    pairs = start[: len(start) // 2 * 2]
    first, second = pairs[::2], pairs[1::2]
    if pairs and all(first) and not any(second):
        return "utf-16-le"
    if pairs and all(second) and not any(first):
        return "utf-16-be"
    return "utf-8-sig"


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
            reason = "it holds zero bytes, so it is no text"
            raise UnfitFileError(errno.EINVAL, reason, str(self._path))
        return line
