"""Saved directions and means of sets of a model: where they are kept, made and found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from diffviews_desktop import paths
from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.directions import (
    MOST_BYTES,
    Direction,
    list_directions,
    name_in_use,
    read_direction,
    write_bytes,
    write_direction,
)
from diffviews_desktop.data.folder.files import stays_inside
from diffviews_desktop.engine.jobs.directions import DirectionSaved
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import read_bytes
from diffviews_desktop.values.directions import ENDING, DirectionInfo, checked_name
from diffviews_desktop.values.layers import LayerSet, LayerShape

FOLDER = "directions"


def folders_of(opened: OpenedModel) -> tuple[Path, Path]:
    """Where the vectors of a model are looked for: beside it, and among the user's own data."""
    return opened.folder.path / FOLDER, paths.data_dir() / FOLDER / opened.folder.name


def folder_to_write(opened: OpenedModel) -> Path:
    """Beside the model where that can be written and no link leads out of its folder, else among
    the user's own data, as for the demo, which is unpacked again by newer versions."""
    beside, user_folder = folders_of(opened)
    if opened.folder.path.is_relative_to(paths.data_dir()):
        return user_folder
    existing = next(parent for parent in (beside, *beside.parents) if os.path.lexists(parent))
    inside = stays_inside(opened.folder.path, FOLDER)
    return beside if inside and os.access(existing, os.W_OK) else user_folder


def known_directions(
    opened: OpenedModel, check: Callable[[], None] = lambda: None
) -> tuple[DirectionInfo, ...]:
    """All vectors that are saved for a model, by name; of two of one name, that beside it.

    ``check`` is called before each file, and may raise to stop.
    """
    infos: dict[str, DirectionInfo] = {}
    for folder in _readable(opened):
        for info in list_directions(folder, check):
            infos.setdefault(info.name, info)
    return tuple(infos[name] for name in sorted(infos))


def find_direction(opened: OpenedModel, name: str) -> Direction:
    """A saved vector by its name.

    Raises:
        UsageError: nothing can have such a name.
        DataError: there is none, or it cannot be read.
    """
    file = checked_name(name) + ENDING
    for folder in _readable(opened):
        if os.path.lexists(folder / file):
            return read_direction(folder / file)
    names = ", ".join(info.name for info in known_directions(opened)) or "none"
    raise DataError(f"{opened.folder.name} has no saved direction {name!r}. It has: {names}.")


def rows_of_saved(opened: OpenedModel, name: str) -> tuple[int, ...]:
    """The samples that a saved vector was made of, those that are still there.

    Raises:
        DataError: there is none of the name, or it cannot be read.
    """
    record = find_direction(opened, name).info.record
    id_lists = [record.get(key) for key in ("sample_ids", "minus_ids")]
    names = {
        one for ids in id_lists if isinstance(ids, list) for one in ids if isinstance(one, str)
    }
    return tuple(row for row, one in enumerate(opened.samples.table.sample_id) if one in names)


def values_for(
    direction: Direction, layers: LayerSet, shapes: Mapping[str, LayerShape]
) -> dict[str, Float32]:
    """Its values for layers of a model, ``{layer: (1, *shape)}``.

    Raises:
        DataError: it has none of a layer, or of another shape.
    """
    info, arrays = direction.info, {}
    for name in layers:
        if name not in direction.values:
            raise DataError(f"The direction {info.name} has no values of {name}: {info.layers}.")
        if info.shapes[name] != shapes[name]:
            raise DataError(
                f"The direction {info.name} has the shape {info.shapes[name]} at {name}, where "
                f"this model has {shapes[name]}. It was made with another model."
            )
        arrays[name] = direction.values[name][None]
    return arrays


def check_free(opened: OpenedModel, name: str, *, replace: bool) -> None:
    """See that a vector can be saved under a name, before it is computed.

    Raises:
        UsageError: nothing can have such a name, or it is taken.
    """
    path = folder_to_write(opened) / (checked_name(name) + ENDING)
    if not replace and os.path.lexists(path):
        raise name_in_use(path)


def save(
    opened: OpenedModel,
    name: str,
    values: Mapping[str, Float32],
    record: Mapping[str, object],
    *,
    replace: bool,
) -> DirectionSaved:
    """Save values ``{layer: (1, *shape)}`` under a name.

    Raises:
        UsageError: the name cannot be, or is taken.
        DataError: the file cannot be written.
    """
    path = folder_to_write(opened) / (checked_name(name) + ENDING)
    single = {layer: array[0] for layer, array in values.items()}
    return _describe(write_direction(path, single, record, replace=replace), single)


def load(opened: OpenedModel, file: Path, name: str | None, *, replace: bool) -> DirectionSaved:
    """Take a file among the vectors of a model.

    Raises:
        UsageError: the name cannot be, or is taken.
        DataError: the file is no saved vector, or cannot be written.
    """
    direction = read_direction(file)
    path = folder_to_write(opened) / (checked_name(file.stem if name is None else name) + ENDING)
    _copy(file, path, replace=replace)
    return _describe(read_direction(path).info, direction.values)


def export(opened: OpenedModel, name: str, file: Path) -> DirectionSaved:
    """Write a saved vector to a file elsewhere.

    Raises:
        DataError: there is none, or the file cannot be written.
    """
    direction = find_direction(opened, name)
    _copy(direction.info.path, file, replace=True)
    return _describe(read_direction(file).info, direction.values)


def _copy(file: Path, to: Path, *, replace: bool) -> None:
    try:
        data = read_bytes(file, MOST_BYTES)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error}).") from error
    write_bytes(to, data, replace=replace)


def _readable(opened: OpenedModel) -> list[Path]:
    beside, user_folder = folders_of(opened)
    return [beside, user_folder] if stays_inside(opened.folder.path, FOLDER) else [user_folder]


def _describe(info: DirectionInfo, values: Mapping[str, Float32]) -> DirectionSaved:
    norms = {name: float(np.linalg.norm(array)) for name, array in sorted(values.items())}
    return DirectionSaved(info, norms)
