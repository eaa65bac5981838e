"""Columns of a list of samples, or of a map's table, checked value by value."""

from __future__ import annotations

import contextlib
import math
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.folder.captions import caption_column, captions_of
from diffviews_desktop.data.folder.further_columns import FurtherColumns, further_columns
from diffviews_desktop.data.folder.numerals import Mark
from diffviews_desktop.data.folder.sample_noise import with_sigmas
from diffviews_desktop.errors import DataError
from diffviews_desktop.text.plain import encodable
from diffviews_desktop.values.samples import SampleTable


@dataclass(frozen=True, eq=False)
class Columns(Mapping[str, Sequence[Any]]):
    """The columns of a list of samples or of a map's table, by name.

    Attributes:
        given: equally long; None or "" where nothing is given.
        left_out: further ones that were not read, with the reason as a phrase.
        mark: the decimal mark of their numbers; None where nothing tells.
    """

    given: Mapping[str, Sequence[Any]]
    left_out: Mapping[str, str] = field(default_factory=dict)
    mark: Mark | None = None

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self.given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)

    def further(self) -> FurtherColumns:
        """What it says besides what the program knows; captions only where they are categories."""
        further = further_columns(self.given, self.mark, self.left_out)
        name = caption_column(self.given)
        if name in further.left_out or (name in further.columns and further.columns[name].unfit):
            further.columns.pop(name, None)
            further.left_out.pop(name, None)
        return further


def join(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """A column of its parts. (Tuples, because the garbage collector looks at them once; at lists of
    millions of values it looks again and again while they grow.)"""
    return tuple(chain.from_iterable(parts))


def sample_table(
    root: Path,
    columns: Columns,
    source: Path,
    own_names: Mapping[int, str],
    known_names: Mapping[int, str],
) -> SampleTable:
    """The columns as a table; see `samples_of`."""
    ids = sample_ids(columns["sample_id"], source)
    n = len(ids)
    columns = replace(columns, given=with_sigmas(columns.given, source))
    labels = _column(columns, "class_label", -1, _WHOLE, source)
    sigmas = _column(columns, "conditioning_sigma", 1.0, _REAL, source)
    names = columns.get("class_name") or [None] * n
    pictures = columns.get("image_path") or [None] * n
    try:
        class_label = np.array(labels, dtype=np.int32)
    except OverflowError as error:
        raise DataError(
            f"{source} has a class_label that is not usable: "
            f"{reprlib.repr(max(map(abs, labels)))} is too large. Correct it."
        ) from error
    further = columns.further()
    sigma = as_float32(sigmas)
    wrong = ~(np.isfinite(sigma) & (sigma > 0))
    if wrong.any():
        raise DataError(
            f"{source}: every conditioning_sigma must be a positive number; that of "
            f"{ids[int(np.argmax(wrong))]} is not. Correct it."
        )
    return SampleTable(
        root=root,
        sample_id=ids,
        class_label=class_label,
        class_name=tuple(names)
        if not own_names and _are_texts(names)
        else tuple(
            own_names.get(label) or str(_or(name, known_names.get(label, label)))
            for label, name in zip(labels, names, strict=True)
        ),
        image_path=texts(pictures),
        sigma=sigma,
        columns=further.columns,
        left_out=further.left_out,
        captions=captions_of(columns),
    )


def sample_ids(values: Sequence[Any], source: Path) -> tuple[str, ...]:
    """Sample ids as text, each there once."""
    if not set(map(type, values)) <= {str, int} or "" in values:
        row = next(i for i, value in enumerate(values) if not _is_id(value))
        raise DataError(
            f"{source} has a sample without a usable sample_id: number {row + 1} has "
            f"{reprlib.repr(values[row])}. Correct it."
        )
    ids = tuple(map(str, values))
    if len(set(ids)) != len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise DataError(f"{source} names the same sample_id twice: {twice}. Correct one.")
    return ids


def as_written(text: str) -> str:
    """A text as it is read back from a table that this program wrote."""
    return encodable(text.replace("\0", "\\x00"))  # as `csv_cell` does


def _is_id(value: Any) -> bool:
    return type(value) in (str, int) and value != ""


def texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as text; empty where there is none."""
    if set(map(type, values)) == {str}:
        return tuple(values)
    return tuple(str(_or(value, "")) for value in values)


def _are_texts(names: Sequence[Any]) -> bool:
    return set(map(type, names)) == {str} and "" not in names


def _column(
    columns: Columns,
    name: str,
    default: Any,
    kind: _Kind,
    source: Path,
) -> list[Any]:
    """A column as numbers.

    Raises:
        DataError: a value is none; the text names the sample.
    """
    values = columns.get(name) or [None] * len(columns["sample_id"])
    if set(map(type, values)) <= kind.usual and not _has_underscores(values):
        with contextlib.suppress(ValueError, OverflowError):  # found below, with the sample's name
            return list(map(kind.quick, values))
    result = []
    for row, value in enumerate(values):
        try:
            if _has_underscores([value]):
                raise ValueError("Python's own way to write numbers")
            result.append(default if value is None or value == "" else kind.read(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{source}: the {name} of {columns['sample_id'][row]} is not usable: "
                f"{reprlib.repr(value)} is not {kind.name}. Correct it."
            ) from error
    return result


def _has_underscores(values: Iterable[Any]) -> bool:
    """Whether there is a text such as ``1_2``, which Python alone takes for a number."""
    return any(type(value) is str and "_" in value for value in values)


def _whole(value: Any) -> int:
    """A whole number, written as 3, 3.0, "3" or "3.0".

    Raises:
        ValueError, TypeError, OverflowError: it is none.
    """
    if type(value) is int:
        return value
    try:
        return int(value) if isinstance(value, str) else _from_float(value)
    except ValueError:
        return _from_float(float(value))


def _from_float(value: Any) -> int:
    if int(value) != value:
        raise ValueError("not whole")
    return int(value)


class _Kind(NamedTuple):
    """A kind of number: its name, how a value is read, and the quick way for the usual types."""

    name: str
    read: Callable[[Any], Any]
    quick: Callable[[Any], Any]
    usual: frozenset[type]


_WHOLE = _Kind("a whole number", _whole, int, frozenset({int, str}))
_REAL = _Kind("a number", float, float, frozenset({int, float, str}))


def numbers(values: Sequence[Any]) -> list[float]:
    """Texts as numbers; NaN where one is none, or too large."""
    try:
        if not _has_underscores(values):
            return list(map(float, values))
        return [_number(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return [_number(value) for value in values]


def _number(value: Any) -> float:
    try:
        return math.nan if _has_underscores([value]) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def as_float32(values: Sequence[Any]) -> Float32:
    """Numbers as float32; infinity where they are too large for that."""
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float32)


def _or(value: Any, default: Any) -> Any:
    return default if value is None or value == "" else value
