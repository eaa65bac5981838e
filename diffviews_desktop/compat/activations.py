"""The functions on activation files that the original system has, under its names."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32, flatten_layers, open_matrix
from diffviews_desktop.data.activations.conversion import convert_to_fast_format
from diffviews_desktop.data.activations.files import ActivationFiles, open_stored
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.activations.npz import NpzFile
from diffviews_desktop.data.folder.files import read_json
from diffviews_desktop.data.folder.sample_files import metadata_records, sample_columns, samples_of
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.files.reading import MOST_LISTED_JSON, meant_as_file

if TYPE_CHECKING:
    import pandas

__all__ = [
    "convert_to_fast_format",
    "flatten_activations",
    "load_activations",
    "load_dataset_activations",
    "load_fast_activations",
]

OF_EXTRACTOR = (
    "convert_to_fast_format",
    "flatten_activations",
    "load_activations",
    "load_fast_activations",
)
"""What `diffviews_desktop.core.extractor` passes on."""


def flatten_activations(activations: Mapping[str, NDArray]) -> NDArray:
    """Join layers to rows ``(B, D) float32``, in sorted name order, each C, H, W row-major.

    Args:
        activations: of a batch, ``(B, C, H, W)`` or ``(B, values)`` a layer; or of one sample,
            ``(C, H, W)`` or ``(values,)``, for which B is 1.

    Raises:
        DataError: there is no layer, or the layers differ in B.
    """
    arrays = {name: np.asarray(values) for name, values in activations.items()}
    return flatten_layers(
        {name: values[None] if values.ndim in (1, 3) else values for name, values in arrays.items()}
    )


def load_activations(activation_path: str | Path) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Read ``<path>.npz`` and, if it is there, ``<path>.json``.

    Args:
        activation_path: with or without the suffix.

    Returns:
        The arrays by name, as they are stored; and what the JSON file says, else an empty dict.

    Raises:
        DataError: a file is missing or damaged.
    """
    path = Path(activation_path)
    name = path.name.removesuffix(".npz")
    file = NpzFile.open(path.with_name(f"{name}.npz"))
    metadata = path.with_name(f"{name}.json")
    return (
        {key: file.read(key) for key in file.arrays},
        read_json(metadata, MOST_LISTED_JSON) if meant_as_file(metadata) else {},
    )


def load_fast_activations(
    npy_path: str | Path, mmap_mode: Literal["r", "c"] | None = "r"
) -> NDArray:
    """Read a matrix of activations ``(N, D)``, in the kind of float it is stored in.

    Args:
        npy_path: the ``.npy``, with or without its suffix.
        mmap_mode: ``r`` for a read-only memory map, ``c`` for one whose changes stay in memory,
            None to read it all.

    Raises:
        DataError: the file is missing, damaged, or holds something else.
        UsageError: another mode.
    """
    path = Path(npy_path)
    path = path if path.suffix == ".npy" else path.with_name(f"{path.name}.npy")
    if mmap_mode not in ("r", "c", None):
        raise UsageError(f"mmap_mode must be 'r', 'c' or None, not {mmap_mode!r}.")
    values = open_matrix(path)
    return values[:] if mmap_mode is None else _map(values, mmap_mode)


def load_dataset_activations(
    activation_dir: str | Path,
    metadata_path: str | Path,
    max_samples: int | None = None,
    batch_size: int = 500,
    low_memory: bool = False,
    use_mmap: bool = True,
) -> tuple[NDArray, pandas.DataFrame]:
    """Read the activations of a data set and the table of its samples.

    Every file is opened once, and the rows are matched as
    `diffviews_desktop.data.activations.files.open_activation_files` does.

    Args:
        activation_dir: ``<model>/activations/<set>``, or another folder with the ``.npy``.
        metadata_path: ``<model>/metadata/<set>/dataset_info.json``.
        max_samples: only the first so many samples.
        batch_size: ignored: files are read in the pieces that they have.
        low_memory: keep rows that are collected from several files in a temporary file.
        use_mmap: give one matrix that needs no copy as a read-only memory map.

    Returns:
        Activations ``(N, D)``, float32 unless mapped, row i of which is row i of the table; and the
        table, with the columns that the metadata has.

    Raises:
        DataError: a file is missing or damaged, or nothing tells which row is which sample's.
        UsageError: ``max_samples`` or ``batch_size`` is not positive.
    """
    if batch_size < 1 or (max_samples is not None and max_samples < 1):
        raise UsageError("max_samples and batch_size must be positive.")
    folder, metadata = Path(activation_dir), Path(metadata_path)
    records = metadata_records(metadata)
    samples = samples_of(folder.parent.parent, sample_columns([records], metadata), metadata)
    if max_samples is not None:
        records = records[:max_samples]
        samples = samples.take(np.arange(len(records)))
    files = open_stored(folder.parent.parent, [folder], samples)
    if files is None:
        raise DataError(f"{folder} has no activations (.npy or .npz). Choose another folder.")

    import pandas

    table = pandas.DataFrame.from_records(records)
    matrix = files.matrix() if use_mmap else None
    return (_collect(files, low_memory) if matrix is None else _map(matrix, "r")), table


def _map(matrix: MatrixFile, mode: Literal["r", "c"]) -> NDArray:
    """A matrix as a memory map, which is what the caller's own program asks for."""
    values: NDArray = np.load(matrix.path, mmap_mode=mode, allow_pickle=False)
    return values[matrix.window]


def _collect(files: ActivationFiles, in_a_file: bool) -> Float32:
    """All rows, in memory or in a temporary file that goes when they do."""
    shape = (len(files), files.width)
    if not in_a_file:
        rows: Float32 = np.empty(shape, np.float32)
        for which, values in files.batches():
            rows[which] = values
        return rows
    with tempfile.TemporaryFile() as file:
        rows = np.memmap(file, np.float32, "w+", shape=shape)
    for which, values in files.batches():
        rows[which] = values
    return rows
