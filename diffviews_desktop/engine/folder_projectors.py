"""Maps that a folder brings, and what is said of maps whose samples are alike."""

from __future__ import annotations

import logging

import numpy as np

from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.processing.alike import first_alike
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.told import Told

log = logging.getLogger(__name__)


def own_projector(opened: OpenedModel, spec: MapSpec) -> Projector | None:
    """That beside the folder's own map, if that map is wanted, and fits."""
    if spec.parameters is not None:
        return None
    return folder_projector(opened, spec.layers, spec.told)


def folder_projector(opened: OpenedModel, layers: LayerSet, told: Told | None) -> Projector | None:
    """The projector beside the folder's own map, if it is of these layers, of samples that were
    told this, and fits."""
    samples = opened.samples
    if (
        layers != samples.layers
        or told != samples.told
        or samples.xy is None
        or not samples.embedding
    ):
        return None
    path = opened.folder.path / "embeddings" / f"{samples.embedding}.projector.npz"
    if not meant_as_file(path):
        return None
    try:
        projector = Projector.load(path).subset(samples.matrix_rows)
        if np.array_equal(projector.spread(len(samples.table))[0], samples.xy):
            return projector
        log.warning("%s does not belong to the map beside it; not used", path)
    except DataError as error:
        log.warning("%s", error)
    return None


def alike_notes(projector: Projector) -> tuple[str, ...]:
    """What is said of samples of the same activations, where the map has them at one place."""
    first = first_alike(projector.reduced)
    count, others = len(first), np.flatnonzero(first != np.arange(len(first)))
    places = projector.places
    overlaps = int((places[others] == places[first[others]]).all(axis=1).sum())
    if not overlaps:
        return ()
    if overlaps == count - 1:
        return (
            f"All {count} samples have the same activations of this layer: they are drawn at one "
            "place.",
        )
    have, lie = ("has", "lies") if overlaps == 1 else ("have", "lie")
    return (
        f"{overlaps} of {count} samples {have} the same activations as another sample and {lie} at "
        "its place.",
    )
