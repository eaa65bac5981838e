"""Tables as Parquet, by fastparquet: in the engine's processes alone."""

from __future__ import annotations

import json
from typing import IO, Any, cast

import numpy as np

from diffviews_desktop.exports.contents import Table, Values, names_in_file
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.png import KEY
from diffviews_desktop.text.plain import encodable
from diffviews_desktop.values.columns import Column


class _Open:
    """A file that its owner closes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __enter__(self) -> _Open:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Nothing: the owner does it."""


def write_parquet(table: Table, file: IO[bytes], progress: Progress) -> None:
    """Write a table with the types of its columns; its record is among the file's metadata."""
    progress(0.0)
    import fastparquet
    import pandas

    names = names_in_file(table.columns)
    series = map(_series, table.columns.values())
    frame = pandas.DataFrame(dict(zip(names, series, strict=True)))
    progress(0.3)
    record = {} if table.record is None else {KEY: json.dumps(dict(table.record), sort_keys=True)}
    fastparquet.write(
        "table.parquet",
        frame,
        compression="GZIP",
        open_with=lambda *_: cast(Any, _Open(file)),
        write_index=False,
        custom_metadata=record,
        stats=False,
    )


def _series(values: Values) -> Any:
    import pandas

    if not isinstance(values, Column):
        if isinstance(values, np.ndarray) and values.dtype.kind not in "UO":
            return pandas.Series(values)
        return pandas.Series(list(map(encodable, values)), dtype=object)
    if values.kind == "dates":
        return pandas.Series(values.values.astype("datetime64[us]"))
    if values.kind == "numbers":
        if values.missing is not None and values.missing.any():
            return pandas.Series(values.values, dtype="Int64").mask(values.missing)
        return pandas.Series(values.values)
    return pandas.Series([encodable(text) or None for text in values.texts()], dtype=object)


PARQUET = Exporter("Parquet", (".parquet",), Table, write_parquet, holds_record=True)
