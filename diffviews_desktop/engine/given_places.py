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


def with_given(wanted: WantedMap, places: Places | None) -> WantedMap:
    """A map that is asked for with its samples at some places, where these can be theirs; those of
    the folder's own map stay."""
    if places is None or wanted.keeps_places:
        return wanted
    known = len(places.xy) == len(wanted.opened.samples.table)
    return replace(wanted, given=places) if known else wanted


def lies_there(wanted: WantedMap, projector: Projector) -> bool:
    """Whether the samples of a map lie where they are to lie, or nobody says where."""
    there = _of(wanted, projector)
    return there is None or np.array_equal(there, projector.places)


def said_where(wanted: WantedMap, places: Places | None, projector: Projector) -> tuple[str, ...]:
    """What is said of a map whose samples cannot lie at places that they are to have."""
    if places is None or wanted.keeps_places or _of(wanted, projector) is not None:
        return ()
    return (LIES_ELSEWHERE,)


def put_there(
    wanted: WantedMap, projector: Projector, progress: Callable[[Stage], None]
) -> Projector:
    """A map with its samples where they are to lie."""
    there = _of(wanted, projector)
    if there is None:
        return projector
    rows, stack = projector.rows, wanted.stack
    return refit_map(
        projector,
        wanted.parameters,
        places=there,
        groups=groups_of(wanted.opened.samples.table)[rows],
        stack=None if stack is None else stack.take(rows),
        progress=progress,
    )


def _of(wanted: WantedMap, projector: Projector) -> Float32 | None:
    """Where the samples of a map are to lie; None where nobody says, or not of each."""
    if wanted.given is None:
        return None
    there = wanted.given.all[projector.rows]
    fits = there.shape == projector.places.shape and np.isfinite(there).all()
    return there if fits else None
