"""Arrays and tables as NumPy's compressed archive."""

from __future__ import annotations

import json
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.exports.contents import Arrays, Record, Table, Values
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.text.translation import marked
from diffviews_desktop.values.columns import Column

RECORD = "record"
"""The array that holds the record as a text of JSON, where there is one."""


def write_npz(arrays: Arrays, file: IO[bytes], progress: Progress) -> None:
    """Write arrays under their names."""
    _write(dict(arrays.arrays), arrays.record, file)


def write_table(table: Table, file: IO[bytes], progress: Progress) -> None:
    """Write each column as an array under its name; texts as NumPy's, never as objects."""
    columns = {}
    for number, (name, values) in enumerate(table.columns.items()):
        progress(number / len(table.columns))
        columns[name] = _array(values)
    _write(columns, table.record, file)


def _write(arrays: dict[str, NDArray], record: Record | None, file: IO[bytes]) -> None:
    if record is not None:
        arrays[RECORD] = np.array(json.dumps(dict(record), sort_keys=True))
    # not with savez, which takes no array of the name "file"
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _array(values: Values) -> NDArray:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    if isinstance(values, Column):
        if len(values.names) or values.missing is not None:
            return np.array(values.texts(), dtype=str)
        return values.values
    return np.array([str(value) for value in values], dtype=str)


NAME = marked("NumPy arrays")
NPZ = Exporter(NAME, (".npz",), Arrays, write_npz, holds_record=True)
NPZ_TABLE = Exporter(NAME, (".npz",), Table, write_table, holds_record=True)
