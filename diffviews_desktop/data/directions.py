"""Files of saved directions and means of sets: ``.safetensors`` with a record in the header.

A tensor is named by its layer and has the shape of what the layer puts out for one sample, float32.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import DataError, UsageError, brief
from diffviews_desktop.files.reading import (
    memory_of_json,
    open_regular,
    parse_json,
    read_bytes,
    too_many_values,
)
from diffviews_desktop.files.writing import create, replacing
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.directions import ENDING, DirectionInfo, checked_name
from diffviews_desktop.values.layers import LayerSet, LayerShape

log = logging.getLogger(__name__)

KEY, FORMAT = "diffviews-desktop.direction", 1
"""Of what the header says: one text, as several would come in any order."""
MOST_BYTES = 512_000_000
"""Of a file: as many values as the largest layers have."""
MOST_FILES = 2000
"""That are listed of a folder."""
MOST_LISTED_MEMORY = 600_000_000
"""Bytes that the headers of these may take, as `memory_of_json` estimates it."""
MOST_HEADER = 16_000_000
"""Bytes: it names the samples that a vector was made of."""
MOST_HEADER_MEMORY = 200_000_000
"""Bytes that these names take at most."""
MOST_DIMENSIONS = 8
MOST_DEPTH = 20
"""Objects in each other in a record."""


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
        content = _read_header(data, len(data), path, _Room(MOST_LISTED_MEMORY))
        values = safetensors.numpy.load(data)
    except (OSError, ValueError, TypeError, KeyError, safetensors.SafetensorError) as error:
        raise DataError(
            f"{path.name} cannot be read as a saved direction ({brief(error)}). Save it again."
        ) from error
    for layer, array in values.items():
        if not np.isfinite(array).all():
            raise _not_finite(path, layer)
    return Direction(_info(path, content), values)


def write_direction(
    path: Path, values: Mapping[str, Float32], record: Mapping[str, Any], *, replace: bool
) -> DirectionInfo:
    """Write values ``{layer: (*shape)}`` and how they were made, whole or not at all.

    Raises:
        UsageError: the file is there and is not to be replaced.
        DataError: it cannot be written, or not be read then.
    """
    header = {KEY: json.dumps({"format": FORMAT, **record})}
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in values.items()}
    data = safetensors.numpy.save(arrays, metadata=header)
    try:
        content = _read_header(data, len(data), path, _Room(MOST_LISTED_MEMORY))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.stem} cannot be saved so that it could be read again ({brief(error)}). Choose "
            "fewer samples, or other layers."
        ) from error
    write_bytes(path, data, replace=replace)
    return _info(path, content)


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
        _write(path, data, fresh=not replace)
    except FileExistsError as error:
        raise name_in_use(path) from error
    except OSError as error:
        raise DataError(f"{path} cannot be written ({brief(error)}).") from error


def name_in_use(path: Path) -> UsageError:
    """That a name is in use."""
    return UsageError(
        f"{path.stem} is there already. Choose another name, or say that it may be replaced."
    )


def _write(path: Path, data: bytes, *, fresh: bool) -> None:
    try:
        with replacing(path) as file:
            file.write(data)
    except BaseException:
        if fresh:
            path.unlink(missing_ok=True)
        raise


def list_directions(
    folder: Path, check: Callable[[], None] = lambda: None
) -> Iterator[DirectionInfo]:
    """The saved vectors of a folder, by name; files that are none are left out.

    ``check`` is called before each is read, and may raise to stop.
    """
    try:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return
    room = _Room(MOST_LISTED_MEMORY)
    for file in [file for file in files if file.suffix == ENDING][:MOST_FILES]:
        check()
        try:
            checked_name(file.stem)
            info = _read_info(file, room)
        except Exception as error:  # one file must not hide the others, whatever is wrong with it
            log.info("%s is left out: %s", file, brief(error))
        else:
            yield info


def _read_info(path: Path, room: _Room) -> DirectionInfo:
    """What the header of a file says, without its values; raises what reading may raise."""
    with open_regular(path, MOST_BYTES) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        data = start + file.read(min(length, MOST_HEADER))
    return _info(path, _read_header(data, size, path, room))


# ---- headers ------------------------------------------------------------------------------------


@dataclass
class _Room:
    """Bytes of memory that headers may take yet."""

    left: int

    def parse(self, data: bytes, path: Path) -> Any:
        """What a text in JSON says.

        Raises:
            UnfitFileError: it would take too much, or is nested too deeply.
            ValueError: it is none.
        """
        size, most = memory_of_json(data), min(self.left, MOST_HEADER_MEMORY)
        if size > most:
            raise too_many_values(path, most)
        self.left -= size
        return parse_json(data.decode(), path)


class _Said(NamedTuple):
    """What a header says: how a vector was made, and the shapes of its values."""

    record: dict[str, Any]
    shapes: dict[str, LayerShape]


def _read_header(data: bytes, size: int, path: Path, room: _Room) -> _Said:
    """Read the header of a file.

    Args:
        data: the beginning of the file, or all of it.
        size: bytes of the file.
        path: its name.
        room: for what it says.

    Raises:
        DataError: it is that of something else.
        OSError, ValueError, TypeError, KeyError: it is damaged, or too large.
    """
    length = int.from_bytes(data[:8], "little")
    if MOST_HEADER < length <= size - 8:
        raise ValueError(
            f"it says more of itself than the {MOST_HEADER / 1e6:.0f} MB that are read"
        )
    if len(data) < 8 or not 0 < length <= len(data) - 8:
        raise ValueError("it has no header")
    header = room.parse(data[8 : 8 + length], path)
    about = header.pop("__metadata__", None) if isinstance(header, dict) else None
    text = about.get(KEY) if isinstance(about, dict) else None
    record = room.parse(text.encode(), path) if isinstance(text, str) else None
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise DataError(
            f"{path.name} is no saved direction of this program: its header does not say so. Save "
            "one in the Generate panel or with the verb direction."
        )
    _check_depth(record)
    return _Said(record, _shapes_in(header, size - 8 - length, path))


def _check_depth(record: dict[str, Any]) -> None:
    """Look that a record can be sent and written: both fail where it is nested too deeply.

    Raises:
        ValueError: it is.
    """
    level: list[Any] = [record]
    for _ in range(MOST_DEPTH):
        lists = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for inside in lists for one in inside if isinstance(one, dict | list)]
    if level:
        raise ValueError("its record is nested too deeply")


def _shapes_in(header: Mapping[str, Any], size: int, path: Path) -> dict[str, LayerShape]:
    """The shapes of all tensors, whose values take ``size`` bytes together.

    Raises:
        DataError: there are none, or no numbers such as a layer puts out.
        ValueError, TypeError, KeyError: that cannot be.
    """
    shapes = {}
    for name, tensor in header.items():
        name.encode()  # half of a surrogate pair is in no file that can be read
        if LayerSet.parse(name) != (name,):
            raise ValueError(f"no layer can be named {visible(name, MOST_OF_NAME)}")
        shape = tensor["shape"]
        if tensor["dtype"] != "F32" or shape == []:
            raise _not_finite(path, name)
        counts = isinstance(shape, list) and all(type(one) is int and one > 0 for one in shape)
        if not counts or len(shape) > MOST_DIMENSIONS:
            raise ValueError(f"{visible(name, MOST_OF_NAME)} has a shape that cannot be")
        shapes[name] = LayerShape(shape)
    if not shapes:
        raise DataError(f"{path.name} holds no values.")
    if 4 * sum(shape.values for shape in shapes.values()) != size:
        raise ValueError("it has more or fewer values than its header says")
    return shapes


def _not_finite(path: Path, layer: str) -> DataError:
    return DataError(
        f"{path.name} holds values for {visible(layer, MOST_OF_NAME)} that are not finite numbers."
    )


def _info(path: Path, content: _Said) -> DirectionInfo:
    kind, model = (content.record.get(key) for key in ("kind", "model"))
    return DirectionInfo(
        name=path.stem,
        kind=kind if isinstance(kind, str) else "",
        model=model if isinstance(model, str) else "",
        layers=LayerSet(content.shapes),
        shapes=content.shapes,
        path=path,
        record=content.record,
    )
