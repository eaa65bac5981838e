"""Making one matrix ``.npy``, which can be read anywhere at once, of activations in other forms."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.activations.places import check_alike
from diffviews_desktop.data.activations.side_car import side_car_path, write_side_car
from diffviews_desktop.data.activations.sources import NpyMatrix, NpzBatch
from diffviews_desktop.data.folder.files import (
    check_stays_inside,
    files_in,
    in_number_order,
    replacing,
)
from diffviews_desktop.data.folder.model_folder import USUAL_SET, ModelFolder
from diffviews_desktop.data.folder.sample_files import listed_samples
from diffviews_desktop.errors import DataError, UsageError, brief
from diffviews_desktop.text.wording import no_layer
from diffviews_desktop.values.layers import LayerSet

DTYPES = ("float32", "float16")
CONVERTED = "activations.npy"


class Batch(NamedTuple):
    """Rows ``(b, D) float32`` of a matrix, and their numbers ``(b,)``."""

    rows: NDArray[np.int64]
    values: NDArray


def convert_to_fast_format(
    npz_path: str | Path,
    output_path: str | Path | None = None,
    layers: Sequence[str] | None = None,
) -> Path:
    """Convert ``.npz`` batches to one matrix ``(N, D) float32`` with its side-car.

    Args:
        npz_path: one ``.npz``, with or without its suffix, or a folder of them, whose rows follow
            each other in the order of the names (numbers in them by value).
        output_path: the ``.npy`` to write, replaced if there is one; by default beside the
            ``.npz``, or ``activations.npy`` in the folder.
        layers: layers to keep; all by default.

    Returns:
        The file written.

    Raises:
        DataError: a file is damaged, lacks a layer, or differs from the others; or the disk is
            full. Nothing is left behind.
    """
    source = Path(npz_path)
    if source.is_dir():
        files, default = in_number_order(files_in(source, ".npz")), source / CONVERTED
        if not files:
            raise DataError(f"{source} holds no .npz files to convert. Choose another folder.")
    else:
        files = [source if source.suffix == ".npz" else source.with_name(f"{source.name}.npz")]
        default = files[0].with_suffix(".npy")
    target = default if output_path is None else Path(output_path)
    target = target if target.suffix == ".npy" else target.with_name(f"{target.name}.npy")
    batches = [NpzBatch.open(file) for file in files]
    check_alike(batches)
    selection = batches[0].layers if layers is None else LayerSet(layers)
    lacking = [name for name in selection if name not in batches[0].layers]
    if lacking or not selection:
        raise DataError(no_layer(str(files[0]), (lacking or ["at all"])[0], batches[0].layers))
    shapes = {name: batches[0].shapes[name] for name in selection}
    shape = (sum(batch.rows for batch in batches), sum(map(math.prod, shapes.values())))

    _check_room(target, math.prod(shape) * 4)

    def rows() -> Iterator[Batch]:
        start = 0
        for batch in batches:
            for part, values in batch.blocks(np.arange(batch.rows), selection):
                yield Batch(np.arange(start + part.start, start + part.stop), values)
            start += batch.rows

    with _nothing_left(target):
        _write_matrix(target, rows(), shape, np.dtype(np.float32))
        write_side_car(
            target, layers=selection, shapes=shapes, rows=shape[0], width=shape[1], dtype="float32"
        )
    return target


def convert_folder(
    model: ModelFolder,
    *,
    dtype: str = "float32",
    progress: Callable[[float], None] | None = None,
    check: Callable[[], None] | None = None,
) -> Path:
    """Convert the activations of a model's folder to one matrix, row i of which is sample i of its
    list, with a side-car that names layers and samples.

    The files it is made of stay.

    Args:
        model: the model's folder.
        dtype: ``float32``, or ``float16`` for half the size.
        progress: called with the fraction done, 0 … 1; may raise to stop.
        check: called between batches; may raise to stop.

    Returns:
        The file written.

    Raises:
        DataError: there is nothing to convert, a file is damaged, a value is too large for
            ``dtype``, or the disk is full or may not be written. Nothing is left behind.
        UsageError: ``dtype`` is none of `DTYPES`.
    """
    if dtype not in DTYPES:
        raise UsageError(f"The kind of number must be one of {', '.join(DTYPES)}, not {dtype}.")
    samples = listed_samples(model)
    files = open_activation_files(model, samples)
    if files is None:
        raise DataError(
            f"{model.path / 'activations'} has no activations to convert. They are extracted when "
            "a layer is mapped."
        )
    if isinstance(files.places.sources[0], NpyMatrix) and len(files.paths) == 1:
        raise DataError(f"{files.paths[0]} is one matrix already: nothing to convert.")
    target = _target(model, files, samples.source)

    def rows() -> Iterator[Batch]:
        count = 0
        for which, values in files.batches():
            yield Batch(which, values)
            count += len(which)
            if check is not None:
                check()
            if progress is not None:
                progress(count / len(files))

    if progress is not None:
        progress(0.0)
    shape = (len(files), files.width)
    _check_room(target, math.prod(shape) * np.dtype(dtype).itemsize)
    with _nothing_left(target):
        # first: a matrix among others is no use without it, while it alone disturbs nobody
        write_side_car(
            target,
            layers=files.layers or samples.layers,
            shapes=files.shapes,
            rows=shape[0],
            width=shape[1],
            dtype=dtype,
            sample_ids=samples.table.sample_id,
        )
        _write_matrix(target, rows(), shape, np.dtype(dtype))
    return target


def _target(model: ModelFolder, files: ActivationFiles, source: Path) -> Path:
    """Where a folder's matrix belongs: where it is looked for first."""
    activations = model.path / "activations"
    folder = activations / source.parent.name
    if source.suffix == ".csv":  # without metadata, no set has a name
        parent = files.paths[0].parent
        under = os.path.realpath(parent.parent) == os.path.realpath(activations)
        folder = activations / (parent.name if under else USUAL_SET)
    check_stays_inside(model.path, folder)
    for name in (CONVERTED, *(f"activations-{number}.npy" for number in range(2, 100))):
        if not os.path.lexists(folder / name):
            return folder / name
    raise DataError(f"{folder} holds too many files such as {CONVERTED}. Remove some.")


@contextmanager
def _nothing_left(target: Path) -> Iterator[None]:
    """If the block fails, a matrix that was not there before goes, and its side-car."""
    present = os.path.lexists(target)
    try:
        yield
    except BaseException:
        if not present:
            with contextlib.suppress(OSError):
                side_car_path(target).unlink(missing_ok=True)
                target.unlink(missing_ok=True)
        raise


def _check_room(target: Path, size: int) -> None:
    """Make the folder of a file and look that the disk has room for it.

    Raises:
        DataError: it may not be written there, or has not.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise DataError(
            f"{target} cannot be written ({brief(error)}). Check the folder's rights."
        ) from error
    if size * 1.01 > free:
        raise DataError(
            f"{target} needs {size / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free. Make "
            "room, or convert to float16."
        )


def _write_matrix(
    target: Path, batches: Iterable[Batch], shape: tuple[int, int], dtype: np.dtype
) -> None:
    """Write a matrix of batches that come in any order; it appears when it is whole.

    Raises:
        DataError: a value does not fit the kind of number, or the disk is full.
    """
    with replacing(target) as file:
        np.lib.format.write_array_header_1_0(
            file,
            {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape},
        )
        start, row = file.tell(), shape[1] * dtype.itemsize
        for which, values in batches:
            for run in np.split(np.arange(len(which)), np.flatnonzero(np.diff(which) != 1) + 1):
                file.seek(start + int(which[run[0]]) * row)
                file.write(_as_dtype(values[run[0] : run[-1] + 1], dtype, target).data)


def _as_dtype(values: NDArray, dtype: np.dtype, target: Path) -> NDArray:
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(values, dtype)
    if dtype != values.dtype and (np.isinf(result) & np.isfinite(values)).any():
        raise DataError(
            f"{target} cannot be written as {dtype}: a value is too large for it. Convert to "
            "float32."
        )
    return result
