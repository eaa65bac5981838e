"""Whether the masks of an experiment are beyond the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.typicality import figures_of, judge_mask
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.interventions import (
    Intervention,
    SampleMean,
    SavedVector,
    masks_of,
    rows_of,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.regions import EVERYWHERE
from diffviews_desktop.values.standing import JudgedGroup, Standing


@dataclass(frozen=True)
class StandingMaker:
    """Compares masks with the samples of the maps of their layers, where these are there.

    Args:
        maker: what makes the values of the experiment's interventions.
    """

    maker: EffectMaker

    def standing(self, experiment: Experiment) -> Standing:
        """How the masks of an experiment lie; it is checked."""
        groups: list[JudgedGroup] = []
        not_mapped: list[LayerSet] = []
        for layers, masks in _places(experiment):
            maps, opened = self.maker.maps, self.maker.opened
            spec = replace(self.maker.spec, layers=layers, told=experiment.told)
            if not maps.is_cached(opened, spec):
                not_mapped.append(layers)
                continue
            figures, ids = figures_of(maps.projector(opened, spec), opened), self._ids
            for mask in masks:
                self.maker.host.check()
                rows = () if isinstance(mask.source, SavedVector) else rows_of([mask])
                usual = judge_mask(self.maker.vectors(mask), rows, figures, opened)
                names = tuple(ids[row] for row in rows)
                groups.append(JudgedGroup(layers, _name(mask, names), names, usual))
        return Standing(tuple(groups), tuple(dict.fromkeys(not_mapped)))

    @property
    def _ids(self) -> Sequence[str]:
        return self.maker.opened.samples.table.sample_id


def _places(experiment: Experiment) -> Iterator[tuple[LayerSet, list[Intervention]]]:
    """Where whole layers are held at given values, and at which."""
    if experiment.region != EVERYWHERE:
        return
    if not experiment.interventions:
        for layers in experiment.layer_sets:
            sources = [SampleMean(group) for group in experiment.groups]
            yield layers, [Intervention("replace", source, layers) for source in sources]
        return
    masks = masks_of(experiment.interventions)
    if len(experiment.interventions) == 1:
        for layers in experiment.layer_sets:
            if masks:
                yield layers, [replace(mask, layers=layers) for mask in masks]
        return
    for mask in masks:
        yield mask.layers, [mask]


def _name(mask: Intervention, ids: Sequence[str]) -> str:
    return mask.source.name if isinstance(mask.source, SavedVector) else ids[0]
