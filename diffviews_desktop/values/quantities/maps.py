"""Quantities of the map: how far it can be trusted, its third dimension, what moved."""

from __future__ import annotations

from diffviews_desktop.values.quantities.quantity import Quantity, Scene, Values


def _no_trust(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.trustworthiness is None:
        return "This map was not judged: how far its neighbours can be trusted is not known."
    return ""


def _trust(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.trust is not None
    return Values("trust", "trust", scene.layer_map.trust, open_low=True)


def _not_measured(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.kept is None:
        return "Which neighbours this map keeps was not measured. Make the map again to have it."
    return ""


def _kept(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.kept is not None
    return Values("kept", "neighbours kept", scene.layer_map.kept)


def _flat(scene: Scene) -> str:
    assert scene.layer_map is not None
    if scene.layer_map.z is None:
        return "This map is flat. Map settings can make one with three dimensions."
    return ""


def _third(scene: Scene) -> Values:
    assert scene.layer_map is not None
    assert scene.layer_map.z is not None
    return Values("z", "third dimension", scene.layer_map.z)


def _alone(scene: Scene) -> str:
    if scene.linked is None or scene.linked.overlap is None:
        return "Show a second map beside this one first (View ▸ Second map)."
    return ""


def _overlap(scene: Scene) -> Values:
    assert scene.linked is not None
    assert scene.linked.overlap is not None
    return Values("overlap", "shared neighbours", scene.linked.overlap)


TRUST = Quantity(
    by="trust",
    title="trust",
    meaning="How far the sample's neighbours on the map are its neighbours in activation space.",
    missing=_no_trust,
    compute=_trust,
    depends_on=lambda scene: (scene.samples, scene.layer_map),
    on_axis=True,
)
KEPT = Quantity(
    by="kept",
    title="neighbours kept",
    meaning="Share of the sample's 15 nearest on the map that are its nearest in the layer.",
    missing=_not_measured,
    compute=_kept,
    depends_on=lambda scene: (scene.samples, scene.layer_map),
    on_axis=True,
)
THIRD_DIMENSION = Quantity(
    by="z",
    title="third dimension",
    meaning="The third coordinate of a map of three dimensions.",
    missing=_flat,
    compute=_third,
    depends_on=lambda scene: (scene.samples, scene.layer_map),
    on_axis=True,
)
OVERLAP = Quantity(
    by="overlap",
    title="what moved",
    meaning="Share of the sample's nearest samples that are its nearest for the second map too. "
    "Beside the second map stands how much any samples of the same class and noise level share.",
    missing=_alone,
    compute=_overlap,
    depends_on=lambda scene: (scene.samples, scene.linked),
)
