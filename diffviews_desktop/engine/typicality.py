"""How usual steps, masks and pictures are among the samples of a model's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diffviews_desktop.data.activations.arrays import Float32, flatten_layers
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.typicality import SampleFigures
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.typicality import Typicality


def figures_of(projector: Projector, opened: OpenedModel) -> SampleFigures:
    """The samples of a map with their noise levels."""
    return SampleFigures(projector, opened.samples.table.sigma[projector.rows])


def judge_mask(
    masks: Mapping[str, Float32],
    rows: Sequence[int],
    figures: SampleFigures,
    opened: OpenedModel,
) -> Typicality:
    """How usual a mask is among the samples of the noise levels that it averages.

    Args:
        masks: what each layer is held at, ``(1, C, H, W)``, of all layers of the map.
        rows: samples that it is made of; none where nobody knows them: then it is compared with
            samples of all noise levels.
        figures: of the map.
        opened: the samples.
    """
    projector = figures.projector
    placement = projector.transform(flatten_layers(masks))
    assert placement.outside is not None
    sigma = opened.samples.table.sigma[list(rows)] if rows else figures.sigma
    among = float(sigma.min()), float(sigma.max())
    return figures.judge(float(placement.distance[0]), float(placement.outside[0]), among)


def not_mapped(layers: LayerSet) -> str:
    """Why nothing is known of a mask."""
    return f"Map {layers} to see whether the mask is beyond its samples."
