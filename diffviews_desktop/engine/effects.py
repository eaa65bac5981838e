"""From interventions to what hooks do: the values that they impose or add, layer by layer.

For the engine, in whose process it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from diffviews_desktop.data.activations.arrays import Float32, layer_slices
from diffviews_desktop.engine.activations import Activations, activations_of
from diffviews_desktop.engine.directions import find_direction, values_for
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import MaskError
from diffviews_desktop.text.wording import no_layer
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Source,
    Zero,
    check,
    rows_of,
)
from diffviews_desktop.values.layers import LayerSet, LayerShape
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import cells_of

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    import torch

    from diffviews_desktop.core.intervening import Effect, Trace

Vectors = Mapping[str, Float32]
"""What there is for each layer, ``{layer: (1, *shape)}``; empty where nothing is computed."""
Stack = tuple[Intervention, ...]


@dataclass(frozen=True)
class EffectMaker:
    """Makes effects of interventions in runs of one model.

    Args:
        host: the engine.
        maps: where activations come from.
        opened: the model.
        spec: the map, whose layers interventions act on that name no others.
    """

    host: Host
    maps: MapMaker
    opened: OpenedModel
    spec: MapSpec
    _known: dict[tuple[Source, LayerSet], Vectors] = field(default_factory=dict, init=False)

    # ---- checks ---------------------------------------------------------------------------------

    def check(self, stack: Iterable[Intervention]) -> Stack:
        """The interventions that are switched on, with the layers that they act on.

        Raises:
            UsageError: a value is out of range, or a layer has no such region.
            MaskError: a sample or a layer does not exist.
        """
        return tuple(self._check_one(one) for one in stack if one.enabled)

    def _check_one(self, one: Intervention) -> Intervention:
        check(one)
        count = len(self.opened.samples.table)
        outside = [row for row in rows_of([one]) if not 0 <= row < count]
        if outside:
            raise MaskError(f"Sample {outside[0]} does not exist ({count} samples).")
        layers = one.layers or self.spec.layers
        if isinstance(one.source, SavedVector) and not one.layers:
            layers = find_direction(self.opened, one.source.name).info.layers
        shapes = self._shapes
        missing = [name for name in layers if name not in shapes]
        if missing:
            raise MaskError(no_layer(self.opened.folder.name, missing[0], shapes))
        for name in layers:
            cells_of(one.region, shapes[name], name)
        return replace(one, layers=layers)

    @property
    def _shapes(self) -> Mapping[str, LayerShape]:
        return self.host.model_of(self.opened).facts.layers

    # ---- values ---------------------------------------------------------------------------------

    def vectors(self, one: Intervention) -> Vectors:
        """What a checked intervention imposes or adds, computed once.

        Raises:
            MaskError: it cannot be computed.
            DataError: the saved vector cannot be read.
        """
        key = (one.source, one.layers)
        if key not in self._known:
            self._known[key] = self._vectors(one.source, one.layers)
        return self._known[key]

    def digests(
        self, stacks: Iterable[Stack], name: Callable[[int, Intervention], str]
    ) -> dict[str, str]:
        """SHA-256 of the values of each layer of interventions, for the record.

        Args:
            stacks: the interventions.
            name: what stands before the name of a layer, by the place and the intervention.
        """
        result: dict[str, str] = {}
        for stack in stacks:
            for number, one in enumerate(stack):
                for layer, values in self.vectors(one).items():
                    data = np.ascontiguousarray(values, np.float32).tobytes()
                    result[f"{name(number, one)}{layer}"] = hashlib.sha256(data).hexdigest()
        return dict(sorted(result.items()))

    def _vectors(self, source: Source, layers: LayerSet) -> Vectors:
        match source:
            case SampleMean():
                return self._mean(source, layers)
            case Difference(rows=rows, minus=minus):
                one = self._mean(SampleMean(rows), layers)
                other = self._mean(SampleMean(minus), layers)
                return {name: one[name] - other[name] for name in layers}
            case Component(index=index):
                return self._component(index, layers)
            case SavedVector(name=name):
                return values_for(find_direction(self.opened, name), layers, self._shapes)
            case LayerMean():
                return self._split(self._layer_mean(layers), layers)
            case Zero():
                shapes = self._shapes
                return {name: np.zeros((1, *shapes[name]), np.float32) for name in layers}
        return {}

    def _split(self, row: Float32, layers: LayerSet) -> Vectors:
        """A row of activations as one value a layer."""
        shapes = {name: self._shapes[name] for name in layers}
        return {
            name: np.ascontiguousarray(row[part]).reshape(1, *shapes[name])
            for name, part in layer_slices(shapes).items()
        }

    def _mean(self, source: SampleMean, layers: LayerSet) -> Vectors:
        """The mean of some samples, weighted if so wanted."""
        from diffviews_desktop.core.masking import compute_mask_dict

        shapes = self._shapes
        weights = self._weights(source.rows) if source.weighting == "distance" else None
        values = self.maps.activations.rows(self.activations(layers), source.rows)
        return compute_mask_dict(values, range(len(values)), shapes, layers, weights)

    def _weights(self, rows: Sequence[int]) -> list[float]:
        from diffviews_desktop.core.masking import distance_weights

        projector = self.maps.projector(self.opened, self.spec)
        _, reduced = projector.spread(len(self.opened.samples.table))
        points = reduced[list(rows)]
        weights = distance_weights(np.linalg.norm(points - points[0], axis=1).tolist())
        if not np.isfinite(weights).all():
            raise MaskError(
                "A sample of the mask has no place in activation space: its picture is missing "
                "or broken. Leave it out of the neighbours."
            )
        return weights

    def _component(self, index: int, layers: LayerSet) -> Vectors:
        """A principal component in the units of the layers, one standard deviation long."""
        projector = self.maps.projector(self.opened, self.spec)
        components = projector.reduction.components
        if components is None:
            raise MaskError("This map was made without PCA, so it has no principal components.")
        if index >= len(components):
            raise MaskError(f"The map has {len(components)} principal components, counted from 0.")
        outside = [name for name in layers if name not in self.spec.layers]
        if outside:
            raise MaskError(
                f"The principal components are those of {self.spec.layers}, not of {outside[0]}. "
                "Act on the layers of the map."
            )
        deviation = projector.reduced[:, index].std(dtype=np.float64)
        direction = components[index] * projector.reduction.scale * deviation
        whole = self._split(direction.astype(np.float32), self.spec.layers)
        return {name: whole[name] for name in layers}

    def _layer_mean(self, layers: LayerSet) -> Float32:
        return self.maps.activations.mean(self.activations(layers))

    def activations(self, layers: LayerSet) -> Activations:
        """Those of samples that are told what those of the map are."""
        assert self.spec.told is not None
        return activations_of(self.host, self.opened, layers, self.spec.told)

    # ---- effects --------------------------------------------------------------------------------

    def effects(
        self, stacks: Sequence[Stack], trace: Callable[[Intervention, OtherRun], Trace]
    ) -> list[Effect]:
        """What hooks do in one batch.

        Args:
            stacks: checked interventions of each picture; they differ in their strengths alone.
            trace: draws another run, and gives what its layers computed.
        """
        import torch

        result: list[Effect] = []
        for number, one in enumerate(stacks[0]):
            strengths = [stack[number].strength for stack in stacks]
            if not any(strengths):
                continue
            alike = len(set(strengths)) == 1
            strength = strengths[0] if alike else torch.tensor(strengths)
            run_trace = trace(one, one.source) if isinstance(one.source, OtherRun) else None
            for layer in one.layers:
                value = self._value(one, layer) if run_trace is None else run_trace
                result.append(self.effect(one, layer, value, strength))
        return result

    def _value(self, one: Intervention, layer: str) -> torch.Tensor:
        """What an intervention that is not of another run imposes or adds at a layer."""
        import torch

        if isinstance(one.source, Factor):
            return torch.tensor(one.source.value)
        return torch.from_numpy(self.vector(one, layer))

    def vector(self, one: Intervention, layer: str) -> Float32:
        """What a checked intervention imposes or adds at a layer, ``(1, *shape)``.

        Raises:
            MaskError: it cannot be computed, or is not of finite numbers.
        """
        return _finite(self.vectors(one)[layer], layer)

    def effect(
        self,
        one: Intervention,
        layer: str,
        value: torch.Tensor | Trace,
        strength: float | torch.Tensor,
    ) -> Effect:
        """What hooks do at one layer of an intervention, with a given value.

        Args:
            one: says the verb, the region, the steps and the half.
            layer: where.
            value: see `diffviews_desktop.core.intervening.Effect`.
            strength: likewise.
        """
        import torch

        from diffviews_desktop.core.intervening import Effect

        cells = cells_of(one.region, self._shapes[layer], layer)
        return Effect(
            layer,
            one.verb,
            value,
            strength,
            None if cells is None else torch.from_numpy(cells),
            one.step_from,
            one.step_to,
            one.conditional,
            one.unconditional,
        )


def _finite(values: Float32, layer: str) -> Float32:
    if not np.isfinite(values).all():
        raise MaskError(f"The values for {layer} are not finite numbers.")
    return values


def last_step(stack: Iterable[Intervention], num_steps: int) -> int:
    """The step that none of some interventions acts on any more."""
    ends = (num_steps if one.step_to is None else one.step_to for one in stack)
    return min(num_steps, max(ends, default=0))
