"""Maps whose samples are to lie where they lay before: a session's, on another machine.

What a layer answers differs in its last bits from machine to machine, and UMAP makes another map of
that. The places of a session are therefore kept with it, and so is what was drawn among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.processing.layout import Stage
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import refit_map
from diffviews_desktop.values.maps import Places
from diffviews_desktop.values.sample_groups import groups_of

LIES_ELSEWHERE = (
    "The samples lie elsewhere on this map than when the session was saved, so the paths of its "
    "runs do not fit it. Draw them again to see where they lie."
)
NOT_KEPT = (
    "The places of the session's samples cannot be kept, so what is drawn now may lie elsewhere on "
    "the map:"
)


def with_places(request: WantedMap, places: Places | None) -> WantedMap:
    """A map that is asked for with its samples at some places, where these can be theirs; those of
    the folder's own map stay."""
    if places is None or request.keeps_places:
        return request
    fits = len(places.xy) == len(request.opened.samples.table)
    return replace(request, given=places) if fits else request


def fits_places(request: WantedMap, projector: Projector) -> bool:
    """Whether the samples of a map lie where they are to lie, or nobody says where."""
    positions = _of(request, projector)
    return positions is None or np.array_equal(positions, projector.places)


def place_notes(request: WantedMap, places: Places | None, projector: Projector) -> tuple[str, ...]:
    """What is said of a map whose samples cannot lie at places that they are to have."""
    if places is None or request.keeps_places or _of(request, projector) is not None:
        return ()
    return (LIES_ELSEWHERE,)


def place_samples(
    request: WantedMap, projector: Projector, progress: Callable[[Stage], None]
) -> Projector:
    """A map with its samples where they are to lie."""
    positions = _of(request, projector)
    if positions is None:
        return projector
    rows, stack = projector.rows, request.stack
    return refit_map(
        projector,
        request.parameters,
        places=positions,
        groups=groups_of(request.opened.samples.table)[rows],
        stack=None if stack is None else stack.take(rows),
        progress=progress,
    )


def _of(request: WantedMap, projector: Projector) -> Float32 | None:
    """Where the samples of a map are to lie; None where nobody says, or not of each."""
    if request.given is None:
        return None
    positions = request.given.all[projector.rows]
    fits = positions.shape == projector.places.shape and np.isfinite(positions).all()
    return positions if fits else None
