"""Quantities that depend on what is picked: how far a sample is from the anchor."""

from __future__ import annotations

from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.distances import distances_from
from diffviews_desktop.values.quantities.quantity import Quantity, Scene, Values


def _missing(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.reduced is None:
        return tr("The activations of this map are not there yet. Suggest neighbours to get them.")
    if scene.anchor is None:
        return tr("Click a point on the map first: it becomes the anchor.")
    return ""


def _distance(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.reduced is not None
    assert scene.anchor is not None
    distances = distances_from(scene.layer_map.reduced, scene.anchor)
    return Values("distance", tr("distance to the anchor"), distances, open_high=True)


DISTANCE = Quantity(
    by="distance",
    title=marked("distance to anchor"),
    meaning=marked("How far the sample is from the anchor in activation space."),
    missing=_missing,
    compute=_distance,
    depends_on=lambda scene: (scene.samples, scene.layer_map, scene.anchor),
    on_axis=True,
)
