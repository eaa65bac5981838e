"""The side-car ``<name>.npy.json`` of an activation matrix: which layers and samples are in it."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffviews_desktop.data.folder.files import read_json, replacing
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import MOST_LISTED_JSON, meant_as_file
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.told import OWN_CONDITION, Told, read_told, told_text

MOST_DIMENSIONS = 8
"""Of the shape of a layer."""


@dataclass(frozen=True)
class SideCar:
    """What a side-car says; the defaults where it does not.

    Attributes:
        layers: names of the layers, sorted.
        shapes: shape of each layer without the batch; empty where unknown.
        num_samples: rows of the matrix.
        sample_ids: the sample of each row.
        told: what the samples were told; their own class in files that do not say it, as the
            original system makes them.
    """

    layers: LayerSet = NO_LAYERS
    shapes: Mapping[str, tuple[int, ...]] | None = None
    num_samples: int | None = None
    sample_ids: tuple[str, ...] | None = None
    told: Told = OWN_CONDITION


def side_car_path(matrix: Path) -> Path:
    """Where a matrix's side-car belongs."""
    return matrix.with_name(matrix.name + ".json")


def read_side_car(matrix: Path, rows: int, width: int) -> SideCar:
    """Read the side-car of a matrix ``(rows, width)`` and check it against the matrix.

    Raises:
        DataError: it is damaged, or says something else than the matrix.
    """
    path = side_car_path(matrix)
    if not meant_as_file(path):
        return SideCar()
    content = read_json(path, MOST_LISTED_JSON)
    layers = content.get("layers") or []
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        raise DataError(f"{path}: 'layers' must be a list of layer names: correct it.")
    if len(set(layers)) != len(layers):
        raise DataError(f"{path}: 'layers' names a layer twice: correct it.")
    for key, actual in (("num_samples", rows), ("total_features", width)):
        if content.get(key) is not None and content[key] != actual:
            raise DataError(
                f"{path} says {key} {reprlib.repr(content[key])}, but {matrix.name} has {actual}. "
                "Restore the one that is wrong."
            )
    return SideCar(
        layers=LayerSet(layers),
        shapes=_shapes(path, layers, content.get("shapes"), rows, width),
        num_samples=rows if content.get("num_samples") is not None else None,
        sample_ids=_sample_ids(path, content.get("sample_ids"), rows),
        told=_told(path, content.get("told")),
    )


def write_side_car(
    matrix: Path,
    *,
    layers: Sequence[str],
    shapes: Mapping[str, Sequence[int]],
    dtype: str,
    rows: int | None = None,
    width: int | None = None,
    sample_ids: Sequence[str] | None = None,
    told: Told = OWN_CONDITION,
) -> None:
    """Write the side-car of a matrix ``(rows, width)``.

    Args:
        matrix: the matrix's file.
        layers: its layers.
        shapes: shape of each without the batch; may be empty where they are unknown.
        dtype: the kind of its numbers.
        rows: by default, one for each of ``sample_ids``.
        width: by default, what ``shapes`` make.
        sample_ids: the sample of each row, if they are to be named.
        told: what the samples were told.

    Raises:
        DataError: it cannot be written.
    """
    if rows is None:
        rows = len(sample_ids or ())
    if width is None:
        width = sum(math.prod(shape) for shape in shapes.values())
    content: dict[str, Any] = {
        "layers": list(LayerSet(layers)),
        "shapes": {name: list(shapes[name]) for name in sorted(shapes)},
        "total_features": width,
        "num_samples": rows,
        "dtype": dtype,
    }
    if told != OWN_CONDITION:
        content["told"] = told_text(told)
    if sample_ids is not None:
        content["sample_ids"] = list(sample_ids)
    with replacing(side_car_path(matrix)) as file:
        file.write(json.dumps(content, indent=1).encode())


def _shapes(
    path: Path, layers: Sequence[str], value: Any, rows: int, width: int
) -> dict[str, tuple[int, ...]] | None:
    """The layers' shapes without the batch, if they are said and make up the row; that of a single
    layer is known.

    The original system's ``convert`` says the shapes of its arrays, number of samples first; this
    program says those of one sample. Which of the two it is shows in the matrix's width.
    """
    if len(layers) == 1 and not value:
        return {layers[0]: (width,)}
    if not value or not layers:
        return None
    if isinstance(value, list) and len(value) == len(layers):  # in the order of the names
        value = dict(zip(layers, value, strict=True))
    if not isinstance(value, dict) or set(value) != set(layers):
        raise DataError(f"{path}: 'shapes' must give each of 'layers' its shape: correct it.")
    shapes = {name: _usable(path, name, value[name], max(rows, width)) for name in sorted(value)}
    total = _values(shapes)
    if total == width:
        return shapes
    if all(len(shape) > 1 and shape[0] == rows for shape in shapes.values()):
        of_one = {name: shape[1:] for name, shape in shapes.items()}
        if _values(of_one) == width:
            return of_one
    raise DataError(
        f"{path}: the shapes of its layers make {total} values a row, but the matrix has "
        f"{width}. Restore the one that is wrong."
    )


def _told(path: Path, value: Any) -> Told:
    try:
        return OWN_CONDITION if value is None else read_told(value)
    except ValueError as error:
        raise DataError(f"{path}: 'told' {error}: correct it.") from None


def _usable(path: Path, name: str, value: Any, most: int) -> tuple[int, ...]:
    """A shape, if it is one of whole numbers of at most ``most``."""
    shape = [value] if isinstance(value, int) else value
    whole = isinstance(shape, list) and all(type(n) is int and 0 < n <= most for n in shape)
    if not shape or not whole or len(shape) > MOST_DIMENSIONS:
        raise DataError(f"{path}: the shape of {name} is not usable: correct it.")
    return tuple(shape)


def _values(shapes: Mapping[str, tuple[int, ...]]) -> int:
    return sum(map(math.prod, shapes.values()))


def _sample_ids(path: Path, value: Any, rows: int) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not set(map(type, value)) <= {str, int}:
        raise DataError(f"{path}: 'sample_ids' must be a list of sample ids: correct it.")
    ids = tuple(map(str, value))
    if len(ids) != rows or len(set(ids)) != rows:
        raise DataError(
            f"{path}: 'sample_ids' must name {rows} different samples, one a row: restore it."
        )
    return ids
