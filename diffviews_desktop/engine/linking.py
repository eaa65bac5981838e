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
    shown = maps.map_layer(first, job.spec)
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
            xy=_taken(other.xy, rows),
            reduced=None if other.reduced is None else _taken(other.reduced, rows),
            z=None,
            trust=None if other.trust is None else _taken(other.trust, rows),
            kept=None if other.kept is None else _taken(other.kept, rows),
            near=None if other.near is None else _taken(other.near, rows),
            outside=None if other.outside is None else _taken(other.outside, rows),
        )
    compared = None
    if shown.reduced is not None and other.reduced is not None:
        maps.host.progress("comparing neighbourhoods", 0.0)
        compared = compare_neighborhoods(
            shown.reduced,
            other.reduced,
            groups_of(first.samples.table),
            progress=lambda part: maps.host.progress("comparing neighbourhoods", part),
        )
    return LinkedMap(
        map=replace(other, xy=procrustes(shown.xy, other.xy)),
        beside=shown.layers,
        overlap=None if compared is None else compared.overlap,
        reference=None if compared is None else compared.reference,
    )


def _other_map(job: LinkMaps, maps: MapMaker, second: OpenedModel) -> LayerMap:
    """The second map, with its samples where they are to lie but for how it is turned: it is turned
    once more."""
    places = job.other_places
    if places is None or not maps.is_cached(second, job.other):
        return maps.map_layer(second, job.other, places)
    there = maps.map_layer(second, job.other)
    if places.xy.shape != there.xy.shape:
        return there
    gaps = procrustes(places.xy, there.xy) - places.xy
    alike = np.nanmax(np.abs(gaps), initial=0) <= ALIKE * np.nanmax(np.ptp(places.xy, axis=0))
    return there if alike else maps.map_layer(second, job.other, places)


def _taken(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows of values; NaN where the row is -1."""
    taken = values[rows].astype(np.float32)
    taken[rows < 0] = np.nan
    return taken
