"""Files of saved directions and means of sets: ``.safetensors`` with a record in the header.

A tensor is named by its layer and has the shape of what the layer puts out for one sample, float32.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import DataError, UsageError, brief
from diffviews_desktop.files.reading import open_regular, parse_json, read_bytes
from diffviews_desktop.files.writing import create, replacing
from diffviews_desktop.values.directions import ENDING, DirectionInfo, checked_name
from diffviews_desktop.values.layers import LayerSet, LayerShape

log = logging.getLogger(__name__)

KEY, FORMAT = "diffviews-desktop.direction", 1
"""Of what the header says: one text, as several would come in any order."""
MOST_BYTES = 512_000_000
"""Of a file: as many values as the largest layers have."""
MOST_FILES = 2000
"""That are listed of a folder."""
_MOST_HEADER = 16_000_000


@dataclass(frozen=True, eq=False)
class Direction:
    """A saved vector: ``values`` by layer, of one sample, and what is said of it."""

    info: DirectionInfo
    values: Mapping[str, Float32]


def read_direction(path: Path) -> Direction:
    """Read a file that `write_direction` has written.

    Raises:
        DataError: it is missing, damaged or something else.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
        record = _record_of(_header(data, path), path)
        values = safetensors.numpy.load(data)
    except (OSError, ValueError, TypeError, KeyError, safetensors.SafetensorError) as error:
        raise DataError(
            f"{path.name} cannot be read as a saved direction ({brief(error)}). Save it again."
        ) from error
    if record is None:
        raise DataError(
            f"{path.name} is no saved direction of this program: its header does not say so. Save "
            "one in the Generate panel or with the verb direction."
        )
    for layer, array in values.items():
        if array.dtype != np.float32 or not array.ndim or not np.isfinite(array).all():
            raise DataError(f"{path.name} holds values for {layer} that are not finite numbers.")
    if not values:
        raise DataError(f"{path.name} holds no values.")
    return Direction(_info(path, record, _shapes(values)), values)


def write_direction(
    path: Path, values: Mapping[str, Float32], record: Mapping[str, Any], *, replace: bool
) -> DirectionInfo:
    """Write values ``{layer: (*shape)}`` and how they were made, whole or not at all.

    Raises:
        UsageError: the file is there and is not to be replaced.
        DataError: it cannot be written.
    """
    header = {KEY: json.dumps({"format": FORMAT, **record})}
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in values.items()}
    data = safetensors.numpy.save(arrays, metadata=header)
    write_bytes(path, data, replace=replace)
    return _info(path, record, _shapes(arrays))


def write_bytes(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file of a direction, whole or not at all.

    Raises:
        UsageError: the file is there and is not to be replaced.
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not replace:
            create(path).close()  # claims the name, so that of two programs one is refused
        _write(path, data, claimed=not replace)
    except FileExistsError as error:
        raise taken(path) from error
    except OSError as error:
        raise DataError(f"{path} cannot be written ({brief(error)}).") from error


def taken(path: Path) -> UsageError:
    """That a name is in use."""
    return UsageError(
        f"{path.stem} is there already. Choose another name, or say that it may be replaced."
    )


def _write(path: Path, data: bytes, *, claimed: bool) -> None:
    try:
        with replacing(path) as file:
            file.write(data)
    except BaseException:
        if claimed:
            path.unlink(missing_ok=True)
        raise


def list_directions(folder: Path) -> Iterator[DirectionInfo]:
    """The saved vectors of a folder, by name; files that are none are left out."""
    try:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return
    for file in [file for file in files if file.suffix == ENDING][:MOST_FILES]:
        try:
            checked_name(file.stem)
            yield _listed(file)
        except (UsageError, DataError, OSError, ValueError, TypeError, KeyError) as error:
            log.info("%s is left out: %s", file, error)


def _listed(path: Path) -> DirectionInfo:
    """What the header of a file says, without its values; raises what reading may raise."""
    with open_regular(path, MOST_BYTES) as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        data = start + file.read(min(length, _MOST_HEADER))
    whole = _header(data, path)
    record = _record_of(whole, path)
    if record is None:
        raise ValueError("it is no saved direction")
    shapes = {
        str(name): LayerShape(int(size) for size in tensor["shape"])
        for name, tensor in whole.items()
        if name != "__metadata__"
    }
    return _info(path, record, shapes)


def _header(data: bytes, path: Path) -> dict[str, Any]:
    """The header of a file.

    Raises:
        ValueError: there is none.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 0 < length <= min(len(data) - 8, _MOST_HEADER):
        raise ValueError("it has no header")
    header = parse_json(data[8 : 8 + length].decode(), path)
    if not isinstance(header, dict):
        raise ValueError("it has no header")
    return header


def _record_of(header: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    """How a vector was made; None where a file does not say that it holds one.

    Raises:
        ValueError: what it says is damaged.
    """
    said = header.get("__metadata__")
    text = said.get(KEY) if isinstance(said, dict) else None
    record = parse_json(text, path) if isinstance(text, str) else None
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        return None
    return record


def _shapes(values: Mapping[str, Float32]) -> dict[str, LayerShape]:
    return {name: LayerShape(array.shape) for name, array in values.items()}


def _info(path: Path, record: Mapping[str, Any], shapes: Mapping[str, LayerShape]) -> DirectionInfo:
    return DirectionInfo(
        name=path.stem,
        kind=str(record.get("kind", "")),
        model=str(record.get("model", "")),
        layers=LayerSet(shapes),
        shapes=dict(shapes),
        path=path,
        record=dict(record),
    )
