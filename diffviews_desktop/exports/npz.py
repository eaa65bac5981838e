"""Arrays and tables as NumPy's compressed archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports.contents import (
    Arrays,
    Record,
    Table,
    Values,
    name_beside,
    names_in_file,
)
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import marked
from diffviews_desktop.values.columns import Column

RECORD = "record"
"""The array that holds the record as a text of JSON, where there is one; ``record (2)`` beside a
column of that name."""


MOST_TEXT = 1_000_000_000
"""Bytes of an array of texts: NumPy gives each the room of the longest."""
_AT_ONCE = 2**22  # bytes of such an array that are made at a time


def write_npz(arrays: Arrays, file: IO[bytes], progress: Progress) -> None:
    """Write arrays under their names; texts as NumPy's, never as objects.

    Raises:
        UsageError: a text is so long that the array would take too much room.
    """
    _write(arrays.arrays, arrays.record, file, progress)


def write_table(table: Table, file: IO[bytes], progress: Progress) -> None:
    """Write each column as an array under its name; raises as `write_npz` does."""
    _write(table.columns, table.record, file, progress)


def _write(
    columns: Mapping[str, Values], record: Record | None, file: IO[bytes], progress: Progress
) -> None:
    names = names_in_file(columns)
    arrays = {name: _values(values) for name, values in zip(names, columns.values(), strict=True)}
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray):
            _check_room(name, values)
    if record is not None:
        arrays[name_beside(RECORD, arrays)] = np.array(json.dumps(dict(record), sort_keys=True))
    # not with savez, which takes no array of the name "file"
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for number, (name, values) in enumerate(arrays.items()):
            progress(number / len(arrays))
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(values, np.ndarray):
                    np.lib.format.write_array(member, values, allow_pickle=False)
                else:
                    _write_texts(values, member, partial(progress, number / len(arrays)))


def _values(values: Values) -> NDArray | list[str]:
    """A column as an array, or as texts that are still to be one."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    if isinstance(values, Column):
        return values.texts() if len(values.names) or values.missing is not None else values.values
    return list(map(str, values))


def _check_room(name: str, texts: Sequence[str]) -> None:
    longest = max(map(len, texts), default=0)
    if 4 * longest * len(texts) > MOST_TEXT:
        raise UsageError(
            f"“{visible(name, MOST_OF_NAME)}” cannot be written as a NumPy array: one of its texts "
            f"has {longest:,} letters, and NumPy would give as much room to each of "
            f"{len(texts):,}. Choose CSV or Parquet, which hold it whole."
        )


def _write_texts(texts: Sequence[str], file: IO[bytes], check: Callable[[], None]) -> None:
    """Write texts as an array, of which only a part is in memory at a time."""
    kind = np.dtype(f"U{max(1, *map(len, texts))}" if texts else "U1")
    header = {"descr": kind.str, "fortran_order": False, "shape": (len(texts),)}
    np.lib.format.write_array_header_1_0(file, header)
    count = max(1, _AT_ONCE // kind.itemsize)
    for start in range(0, len(texts), count):
        check()
        file.write(np.array(texts[start : start + count], kind).tobytes())


NAME = marked("NumPy arrays")
NPZ = Exporter(NAME, (".npz",), Arrays, write_npz, holds_record=True)
NPZ_TABLE = Exporter(NAME, (".npz",), Table, write_table, holds_record=True)
