"""Which file, and which row of it, holds the activation of each sample."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.sources import NpyMatrix, NpzBatch, Source
from diffviews_desktop.data.folder.files import files_in, inside, names_in, stays_inside
from diffviews_desktop.data.folder.sample_files import ModelSamples
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import can_be_a_path, meant_as_file
from diffviews_desktop.values.samples import path_inside

ROWS_WITHOUT_QUESTION = 65_536  # of a batch; more only where the folder lists as many samples


@dataclass(frozen=True, eq=False)
class Places:
    """Where the activations of N samples are.

    Attributes:
        sources: the files, of the same layers and width.
        file: number of each sample's file, ``(N,)``.
        row: each sample's row in it, ``(N,)``.
    """

    sources: tuple[Source, ...]
    file: NDArray[np.int64]
    row: NDArray[np.int64]


def find_places(root: Path, folders: Sequence[Path] | None, samples: ModelSamples) -> Places | None:
    """Find the activations of samples; None where there are none.

    Args:
        root: the model's folder, which no file may lie outside of.
        folders: where matrices may be; all of ``activations/`` by default.
        samples: the samples.

    Raises:
        DataError: see `diffviews_desktop.data.activations.files.open_activation_files`.
    """
    if folders is None:
        folders = _sets(root, samples.source)
    for folder in folders:
        matrices = [inside(root, path) for path in files_in(folder, ".npy")]
        if matrices:
            return _in_matrices(root, matrices, samples)
        if files_in(folder, ".npz"):
            break
    else:
        # the paths may lead elsewhere in the model's folder; where they lead nowhere, what the
        # list names was left out when the folder was copied
        paths = dict.fromkeys(path for path in samples.activation_path if path)
        if not any(_batch_path(root, path, samples) for path in paths):
            return None
    return _in_batches(root, samples)


def _sets(root: Path, source: Path) -> list[Path]:
    """The folders in ``activations/``; that of the samples' own set first."""
    activations = root / "activations"
    names = names_in(activations)
    if source.parent.name in names:
        names.insert(0, source.parent.name)
    return [activations / name for name in dict.fromkeys(names)]


# --- matrices ------------------------------------------------------------------------------------


def _in_matrices(root: Path, paths: Sequence[Path], samples: ModelSamples) -> Places:
    sources = [NpyMatrix.open(path) for path in paths]
    with_ids = [source for source in sources if source.side_car.sample_ids is not None]
    for source in with_ids:  # one that was made of the others stands for them
        if set(samples.table.sample_id) <= set(source.side_car.sample_ids or ()):
            return _by_id([source], samples)
    if len(with_ids) == len(sources):
        return _by_id(with_ids, samples)
    by_path = {os.path.realpath(path): source for path, source in zip(paths, sources, strict=True)}
    matrix_paths = [_matrix_path(root, path) for path in samples.activation_path]
    if all(path in by_path for path in matrix_paths):
        return _by_row([by_path[path] for path in matrix_paths], samples)
    return _in_order(sources, samples)


def _matrix_path(root: Path, relative: str) -> str:
    if not relative or not can_be_a_path(relative):
        return ""
    return os.path.realpath(os.path.join(root, f"{relative}.npy"))


def _by_id(sources: Sequence[NpyMatrix], samples: ModelSamples) -> Places:
    """By the sample ids of the side-cars."""
    check_alike(sources)
    place: dict[str, tuple[int, int]] = {}
    for number, source in enumerate(sources):
        for row, name in enumerate(source.side_car.sample_ids or ()):
            if name in place:
                other = sources[place[name][0]].path.name
                raise DataError(
                    f"{source.path} and {other} both hold the sample {name}, by their side-cars. "
                    "Keep one of them."
                )
            place[name] = (number, row)
    missing = [name for name in samples.table.sample_id if name not in place]
    if missing:
        raise DataError(
            f"{_names(sources)} lacks {len(missing)} of {len(samples.table)} samples, by what the "
            f"side-car says; the first is {missing[0]}. Restore it, or remove it to have the "
            "activations extracted."
        )
    positions = np.array([place[name] for name in samples.table.sample_id], dtype=np.int64)
    return Places(tuple(sources), positions[:, 0], positions[:, 1])


def _in_order(sources: Sequence[NpyMatrix], samples: ModelSamples) -> Places:
    """By position: the rows of the files, one after another, are the folder's list."""
    if len(sources) > 1:
        _check_continuation(sources)
    rows = np.cumsum([0, *(source.rows for source in sources)])
    if rows[-1] != samples.listed:
        raise DataError(
            f"{_names(sources)} has {rows[-1]} rows for the {samples.listed} samples of "
            f"{samples.source}, so nobody can say which belongs to which. Restore the one that is "
            "wrong."
        )
    file = np.searchsorted(rows, samples.matrix_rows, side="right") - 1
    return Places(tuple(sources), file, samples.matrix_rows - rows[file])


def _check_continuation(sources: Sequence[NpyMatrix]) -> None:
    """Whether side-cars say that several matrices are parts of one."""
    reason = ""
    if any(source.side_car.num_samples is None for source in sources):
        without = next(source for source in sources if source.side_car.num_samples is None)
        reason = f"{without.path.name} has no side-car that says its num_samples"
    elif not sources[0].layers or len({source.layers for source in sources}) != 1:
        reason = "their side-cars do not name the same layers"
    if reason:
        raise DataError(
            f"{sources[0].path.parent} holds several activation files ({_names(sources, False)}) "
            f"and nothing says how they belong together: {reason}. Keep one, or name the samples "
            "in the side-cars."
        )
    check_alike(sources)


# --- batches -------------------------------------------------------------------------------------


def _in_batches(root: Path, samples: ModelSamples) -> Places:
    paths = {
        path: _batch_path(root, path, samples)
        for path in dict.fromkeys(samples.activation_path)
        if path
    }
    missing = [i for i, path in enumerate(samples.activation_path) if paths.get(path) is None]
    if missing:
        first, name = samples.activation_path[missing[0]], samples.table.sample_id[missing[0]]
        reason = f"is to be in {reprlib.repr(first)}" if first else "has no activation_path"
        raise DataError(
            f"The activations of {len(missing)} of {len(samples.table)} samples are missing: "
            f"{name} {reason}, by {samples.source}. Restore the files, or remove all to have the "
            "activations extracted."
        )
    opened: dict[str, Source] = {}
    for relative, file in paths.items():
        assert file is not None
        npz = file.suffix == ".npz"
        opened[relative] = NpzBatch.open(file) if npz else NpyMatrix.open(file)
    return _by_row([opened[path] for path in samples.activation_path], samples)


def _batch_path(root: Path, relative: str, samples: ModelSamples) -> Path | None:
    """The file of an ``activation_path``; None where there is none.

    Raises:
        DataError: it leads out of the model's folder, or to no regular file.
    """
    bare = relative.removesuffix(".npz").removesuffix(".npy")
    for suffix in (".npy", ".npz"):
        path = path_inside(root, bare + suffix)
        if path is not None:
            return path
    if not can_be_a_path(relative):
        return None
    if not (stays_inside(root, relative) and stays_inside(root, f"{bare}.npz")):
        raise DataError(
            f"{samples.source}: the activation_path {reprlib.repr(relative)} leads out of {root}, "
            "so it is not read. Correct it."
        )
    for suffix in (".npy", ".npz"):
        if meant_as_file(root / (bare + suffix)):
            inside(root, root / (bare + suffix))  # says why it was not found above
    return None


# --- rows ----------------------------------------------------------------------------------------


def _by_row(of_sample: Sequence[Source], samples: ModelSamples) -> Places:
    """By ``batch_index``, for samples whose files are known."""
    sources = tuple({id(source): source for source in of_sample}.values())
    check_alike(sources)
    for source in sources:
        if source.rows > max(ROWS_WITHOUT_QUESTION, samples.listed):
            raise DataError(
                f"{source.path} claims {source.rows} samples where {samples.source} lists "
                f"{samples.listed}. Restore the file."
            )
    number = {id(source): i for i, source in enumerate(sources)}
    rows = np.empty(len(of_sample), dtype=np.int64)
    for i, (source, value) in enumerate(zip(of_sample, samples.batch_index, strict=True)):
        row = 0 if value is None and source.rows == 1 else _row(value)
        if row is None or not 0 <= row < source.rows:
            problem = "is missing" if value is None else f"{reprlib.repr(value)} is not usable"
            raise DataError(
                f"{samples.source}: the batch_index of {samples.table.sample_id[i]} {problem}: "
                f"{source.path.name} has the rows 0 to {source.rows - 1}. Correct it."
            )
        rows[i] = row
    file = np.array([number[id(source)] for source in of_sample], dtype=np.int64)
    _check_once(sources, file, rows, samples)
    return Places(sources, file, rows)


def _row(value: Any) -> int | None:
    """A row as JSON or CSV has it; None where it is no whole number."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) < 20:  # no row has more digits
        try:
            return _row(float(value)) if "." in value else int(value)
        except ValueError:
            return None
    return None


def _check_once(
    sources: Sequence[Source], file: NDArray, rows: NDArray, samples: ModelSamples
) -> None:
    """Whether every sample has a row of its own."""
    order = np.lexsort((rows, file))
    same = (np.diff(file[order]) == 0) & (np.diff(rows[order]) == 0)
    if same.any():
        first, second = order[np.argmax(same)], order[np.argmax(same) + 1]
        names = samples.table.sample_id
        raise DataError(
            f"{samples.source} gives {names[first]} and {names[second]} the same row "
            f"{rows[first]} of {sources[file[first]].path.name}. Correct one."
        )


def check_alike(sources: Sequence[Source]) -> None:
    """Check that all files hold the same layers in the same sizes.

    Raises:
        DataError: two do not.
    """
    first = sources[0]
    widths = _widths(first)
    for source in sources[1:]:
        lacking = sorted(set(first.layers) - set(source.layers))
        more = sorted(set(source.layers) - set(first.layers))
        if lacking or more:
            one, other = (source, first) if lacking else (first, source)
            raise DataError(
                f"{one.path} lacks the layer {(lacking or more)[0]} that {other.path.name} has. "
                "Put back a copy that works."
            )
        if source.width != first.width or _widths(source) != widths:
            raise DataError(
                f"{source.path} has {source.width} values a sample, and {first.path.name} "
                f"{first.width}, or their layers differ in size. Restore the one that is wrong."
            )


def _widths(source: Source) -> dict[str, int] | None:
    if source.shapes is None:
        return None
    return {name: int(np.prod(shape)) for name, shape in source.shapes.items()}


def _names(sources: Sequence[Source], folder: bool = True) -> str:
    """The files' names; one alone with its folder."""
    if folder and len(sources) == 1:
        return str(sources[0].path)
    names = ", ".join(source.path.name for source in sources[:5])
    more = f" and {len(sources) - 5} more" if len(sources) > 5 else ""
    return f"{sources[0].path.parent}: {names}{more}" if folder else names + more
