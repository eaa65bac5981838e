"""A second map of the same samples, laid on the first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.jobs.mapping import LinkMaps
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.alignment import compare_neighborhoods, procrustes
from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.sample_groups import groups_of

ALIKE = 1e-4
"""Of a map's extent: samples that are no further apart lie at the same place."""


def link_maps(job: LinkMaps, maps: MapMaker, first: OpenedModel, second: OpenedModel) -> LinkedMap:
    """Make both maps where they are missing, align the second, and tell what moved.

    Raises:
        DataError: the models share no samples.
    """
    first_map = maps.map_layer(first, job.spec)
    other = _other_map(job, maps, second)
    ids, other_ids = first.samples.table.sample_id, second.samples.table.sample_id
    if ids != other_ids:
        position = {name: row for row, name in enumerate(other_ids)}
        rows = np.array([position.get(name, -1) for name in ids])
        if not (rows >= 0).any():
            raise DataError(
                f"{job.spec.model} and {job.other.model} share no samples: their sample ids "
                "differ. Choose another model."
            )
        other = replace(
            other,
            xy=_take(other.xy, rows),
            reduced=None if other.reduced is None else _take(other.reduced, rows),
            z=None,
            trust=None if other.trust is None else _take(other.trust, rows),
            kept=None if other.kept is None else _take(other.kept, rows),
            near=None if other.near is None else _take(other.near, rows),
            outside=None if other.outside is None else _take(other.outside, rows),
        )
    comparison = None
    if first_map.reduced is not None and other.reduced is not None:
        maps.host.progress("comparing neighbourhoods", 0.0)
        comparison = compare_neighborhoods(
            first_map.reduced,
            other.reduced,
            groups_of(first.samples.table),
            progress=lambda part: maps.host.progress("comparing neighbourhoods", part),
        )
    return LinkedMap(
        map=replace(other, xy=procrustes(first_map.xy, other.xy)),
        beside=first_map.layers,
        overlap=None if comparison is None else comparison.overlap,
        reference=None if comparison is None else comparison.reference,
    )


def _other_map(job: LinkMaps, maps: MapMaker, second: OpenedModel) -> LayerMap:
    """The second map, with its samples where they are to lie but for how it is turned: it is turned
    once more."""
    places = job.other_places
    if places is None or not maps.is_cached(second, job.other):
        return maps.map_layer(second, job.other, places)
    layer_map = maps.map_layer(second, job.other)
    if places.xy.shape != layer_map.xy.shape:
        return layer_map
    gaps = procrustes(places.xy, layer_map.xy) - places.xy
    alike = np.nanmax(np.abs(gaps), initial=0) <= ALIKE * np.nanmax(np.ptp(places.xy, axis=0))
    return layer_map if alike else maps.map_layer(second, job.other, places)


def _take(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows of values; NaN where the row is -1."""
    result = values[rows].astype(np.float32)
    result[rows < 0] = np.nan
    return result
