"""Maps of layers that the original system keeps in its bucket.

``data/<model>/layer_cache/<layer>.csv`` has the samples with their places, ``.json`` what the map
was made with, ``.npy`` the activations, row *i* those of line *i*. Its ``.pkl`` is never fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.folder.map_table import read_csv
from diffviews_desktop.errors import CacheError, DataError, brief
from diffviews_desktop.files.reading import read_json_value

PARTS = (".csv", ".json", ".npy")
LARGEST_MATRIX = 4_000_000_000
"""Bytes of activations that are fetched."""
N_NEIGHBORS, MIN_DIST = 15, 0.1
"""Of UMAP, where a map does not say what it was made with."""


def original_keys(model: str, layer: str) -> tuple[str, ...]:
    """The objects of a layer's map, in the order of `PARTS`."""
    return tuple(f"data/{model}/layer_cache/{layer}{part}" for part in PARTS)


@dataclass(frozen=True, eq=False)
class OriginalLayer:
    """A map that was read.

    Attributes:
        n_neighbors, min_dist: of UMAP.
        places: of the samples of the table ``(N, 2) float32``.
        matrix: their activations ``(N, D)``.
    """

    n_neighbors: int
    min_dist: float
    places: Float32
    matrix: MatrixFile


def read_original(
    files: Sequence[Path],
    layer: str,
    sample_ids: Sequence[str],
    check: Callable[[], None] = lambda: None,
) -> OriginalLayer:
    """Read the three files of a map.

    Args:
        files: in the order of `PARTS`.
        layer: whose map it should be.
        sample_ids: the samples that it should be of.
        check: called now and then; may raise to stop.

    Raises:
        CacheError: they are damaged, of other samples, or do not belong together.
    """
    table, settings, matrix = files
    try:
        content = read_json_value(settings)
        columns = read_csv(table, check=check)
        rows = MatrixFile.open(matrix)
        return _assemble(content, columns, rows, layer, sample_ids)
    except CacheError:
        raise
    except (DataError, OSError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise CacheError(f"It is damaged ({brief(error)}).") from error


def _assemble(
    content: Any,
    columns: Mapping[str, Sequence[str]],
    matrix: MatrixFile,
    layer: str,
    sample_ids: Sequence[str],
) -> OriginalLayer:
    layers = content.get("layers", [layer]) if isinstance(content, dict) else None
    if layers != [layer]:
        raise CacheError("It is the map of other layers.")
    if tuple(columns["sample_id"]) != tuple(sample_ids):
        raise CacheError("It is a map of other samples.")
    if len(matrix) != len(sample_ids):
        raise CacheError("It has more samples than rows of activations, or fewer.")
    if any(columns.get("umap_z", ())):
        raise CacheError("It has three dimensions.")
    with np.errstate(over="ignore"):  # of which infinity comes
        places = np.column_stack(
            [np.asarray(columns[axis], dtype=np.float32) for axis in ("umap_x", "umap_y")]
        )
    if not np.isfinite(places).all():
        raise CacheError("It has places that are not finite numbers.")
    return OriginalLayer(
        int(content.get("n_neighbors", N_NEIGHBORS)),
        float(content.get("min_dist", MIN_DIST)),
        places,
        matrix,
    )
