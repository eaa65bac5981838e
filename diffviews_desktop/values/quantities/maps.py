"""Quantities of the map: how far it can be trusted, its third dimension, what moved."""

from __future__ import annotations

import numpy as np

from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.quantities.quantity import Quantity, Scene, Values
from diffviews_desktop.values.typicality import percentiles


def _no_trust(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.trustworthiness is None:
        return tr("This map was not judged: how far its neighbours can be trusted is not known.")
    return ""


def _trust(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.trust is not None
    return Values("trust", tr("trust"), scene.layer_map.trust, open_low=True)


def _not_measured(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.kept is None:
        return tr(
            "Which neighbours this map keeps was not measured. Make the map again to have it."
        )
    return ""


def _share_kept(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.kept is not None
    return Values("kept", tr("neighbours kept"), scene.layer_map.kept)


def _no_shares(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.outside is None:
        return tr(
            "How much of each sample lies outside the components is not known: this map has none, "
            "too few samples, or was made by an earlier version of the program."
        )
    return ""


def _outside(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.outside is not None
    shares = scene.layer_map.outside * np.float32(100)
    return Values("outside", tr("outside the components"), shares, unit=" %")


def _no_distances(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.near is None:
        return tr(
            "How far samples are from the next was not measured. Make the map again to have it."
        )
    return ""


def _percentile(scene: Scene) -> Values:
    assert scene.samples is not None
    assert scene.layer_map is not None
    assert scene.layer_map.near is not None
    ranks = percentiles(scene.layer_map.near, scene.samples.sigma)
    return Values("percentile", tr("distance percentile"), ranks, unit=" %")


def _flat(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.z is None:
        return tr("This map is flat. Map settings can make one with three dimensions.")
    return ""


def _third(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.z is not None
    return Values("z", tr("third dimension"), scene.layer_map.z)


def _no_second_map(scene: Scene) -> str:
    if scene.linked is None or scene.linked.overlap is None:
        return tr("Show a second map beside this one first (View ▸ Second map).")
    return ""


def _overlap(scene: Scene) -> Values:
    assert scene.linked is not None
    assert scene.linked.overlap is not None
    return Values("overlap", tr("shared neighbours"), scene.linked.overlap)


def _of_map(scene: Scene) -> tuple[object, ...]:
    """What the values change with that a map brings."""
    return scene.samples, scene.layer_map


TRUST = Quantity(
    by="trust",
    title=marked("trust"),
    meaning=marked(
        "How far the sample's neighbours on the map are its neighbours in activation space."
    ),
    missing=_no_trust,
    compute=_trust,
    depends_on=_of_map,
    on_axis=True,
)
KEPT = Quantity(
    by="kept",
    title=marked("neighbours kept"),
    meaning=marked(
        "Share of the sample's 15 nearest on the map that are its nearest in the layer."
    ),
    missing=_not_measured,
    compute=_share_kept,
    depends_on=_of_map,
    on_axis=True,
)
OUTSIDE = Quantity(
    by="outside",
    title=marked("outside the components"),
    meaning=marked(
        "Share of the sample's activation that no component of the map holds: what is special "
        "about it there, the map does not show."
    ),
    missing=_no_shares,
    compute=_outside,
    depends_on=_of_map,
    on_axis=True,
)
PERCENTILE = Quantity(
    by="percentile",
    title=marked("distance percentile"),
    meaning=marked(
        "How many percent of the samples of like noise level have another sample nearer to "
        "them in activation space: the highest are alone."
    ),
    missing=_no_distances,
    compute=_percentile,
    depends_on=_of_map,
    on_axis=True,
)
THIRD_DIMENSION = Quantity(
    by="z",
    title=marked("third dimension"),
    meaning=marked("The third coordinate of a map of three dimensions."),
    missing=_flat,
    compute=_third,
    depends_on=_of_map,
    on_axis=True,
)
OVERLAP = Quantity(
    by="overlap",
    title=marked("neighbours in common"),
    meaning=marked(
        "Share of the sample's nearest samples that are its nearest for the second map too. "
        "Beside the second map stands how much any samples of the same class and noise level share."
    ),
    missing=_no_second_map,
    compute=_overlap,
    depends_on=lambda scene: (scene.samples, scene.linked),
)
