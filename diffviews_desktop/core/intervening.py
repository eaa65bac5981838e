"""Interventions: what hooks do to the outputs of layers while a model draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffviews_desktop.adapters.base import ForwardHook
from diffviews_desktop.adapters.hooks import first_tensor, replace_first
from diffviews_desktop.adapters.model import Model
from diffviews_desktop.core.masking import ActivationMasker, blend
from diffviews_desktop.errors import MaskError
from diffviews_desktop.values.interventions import Verb

Trace = Sequence[Sequence[Mapping[str, Tensor]]]
"""What layers computed in a run of one picture or of as many: for every step and every evaluation
in it ``{layer: (1 or B, …)}``, or of a guided run twice as many rows, the unconditional half
last."""


@dataclass(frozen=True, eq=False)
class Effect:
    """What one intervention does to one layer, with ``B`` pictures in the run.

    Attributes:
        layer: the layer.
        verb: what is done (see `diffviews_desktop.values.interventions.Intervention`).
        value: what is imposed or added, ``(1, …)`` or one a picture ``(B, …)``; of *patch*, the
            trace of the other run; of *scale*, the factor as a tensor without axes.
        strength: how much, or how much for each picture ``(B,)``.
        region: which values it changes, of as many axes as the layer's output for one sample and
            broadcasting to it; None for all.
        step_from: first step that it acts on, from 0.
        step_to: the step that it no longer acts on; None for no such step.
        conditional: whether it acts on the conditional half of guidance.
        unconditional: whether it acts on the unconditional half.
    """

    layer: str
    verb: Verb
    value: Tensor | Trace
    strength: float | Tensor = 1.0
    region: Tensor | None = None
    step_from: int = 0
    step_to: int | None = None
    conditional: bool = True
    unconditional: bool = True

    def acts(self, step: int) -> bool:
        """Whether it changes anything in a step."""
        nothing = not isinstance(self.strength, Tensor) and self.strength == 0
        before_end = self.step_to is None or step < self.step_to
        return not nothing and self.step_from <= step and before_end


def effects_of(
    masker: ActivationMasker | None, mask_from: int, mask_steps: int | None, unconditional: bool
) -> list[Effect]:
    """What a masker would do: with the layers it is registered on, else with all it has masks of.
    Its own hooks are removed."""
    if masker is None:
        return []
    values, strengths = masker.masks, masker.strengths
    names = [name for name in masker.registered_layers or values if name in values]
    masker.remove_hooks()
    return [
        Effect(
            name,
            "replace",
            values[name],
            strengths[name],
            step_from=mask_from,
            step_to=mask_steps,
            unconditional=unconditional,
        )
        for name in names
    ]


class Intervener:
    """Applies effects through a model's hooks, those of a layer one after the other.

    Its hooks are registered on the layers that something acts on in the present step, and on no
    others. They come after those of an extractor that was there before, which therefore sees what
    the layer computed.

    Args:
        model: the model.
        effects: in the order in which they act.
        batch: pictures in the run.
        guided: whether the network's batch has each of them twice, the unconditional half last.
        watch: layers to keep the changed output of.
    """

    def __init__(
        self,
        model: Model,
        effects: Sequence[Effect],
        batch: int,
        *,
        guided: bool = False,
        watch: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._effects = tuple(effects)
        self._batch = batch
        self._halves = 2 if guided else 1
        self._watch = frozenset(watch)
        self._acting: dict[str, list[Effect]] = {}
        self._handles: dict[str, list[Any]] = {}
        self._step, self._evaluation = 0, 0
        self._rows = slice(0, batch)
        self._seen: dict[str, Tensor] = {}

    def begin(self, step: int) -> None:
        """Register the hooks that a step needs, and remove all others."""
        self._step, self._evaluation = step, 0
        acting: dict[str, list[Effect]] = {}
        for effect in self._effects:
            if effect.acts(step):
                acting.setdefault(effect.layer, []).append(effect)
        self._acting = acting
        for layer in [name for name in self._handles if name not in acting]:
            _remove(self._handles.pop(layer))
        for layer in acting:
            if layer not in self._handles:
                handles = self._model.register_activation_hooks([layer], self._hook(layer))
                self._handles[layer] = list(handles)

    def set_evaluation(self, evaluation: int) -> None:
        """Say which evaluation of the step comes, from 0."""
        self._evaluation = evaluation

    def set_rows(self, rows: slice) -> None:
        """Say which rows of the whole batch the next forward pass has."""
        self._rows = rows
        self._seen.clear()

    @property
    def acting(self) -> frozenset[str]:
        """Layers that something acts on in this step."""
        return frozenset(self._acting)

    def take_seen(self) -> dict[str, Tensor]:
        """What the rest of the network saw of the watched layers in the last forward pass, where
        something acted, on the CPU."""
        return dict(self._seen)

    def remove_hooks(self) -> None:
        """Remove all hooks."""
        for handles in self._handles.values():
            _remove(handles)
        self._handles.clear()

    def _hook(self, layer: str) -> ForwardHook:
        def hook(module: Any, inputs: Any, output: Any) -> Any:
            changed = tensor = first_tensor(output)
            for effect in self._acting.get(layer, ()):
                changed = self._apply(effect, changed)
            if layer in self._watch:
                self._seen[layer] = changed.detach().to("cpu", copy=True)
            return None if changed is tensor else replace_first(output, changed)

        return hook

    def _apply(self, effect: Effect, output: Tensor) -> Tensor:
        rows = torch.arange(self._rows.start, self._rows.start + len(output))
        targets = torch.where(rows < self._batch, effect.conditional, effect.unconditional)
        if not targets.any():
            return output
        value = self._value(effect, rows)
        if effect.verb != "scale":
            _check_shape(effect, value, output)
        strength = effect.strength
        if isinstance(strength, Tensor) and len(strength) > 1:
            strength = strength[rows % self._batch]
        changed = _change(effect, output, value, strength)
        if effect.region is not None:
            changed = torch.where(effect.region.to(output.device), changed, output)
        if targets.all():
            return changed
        return torch.where(_column(targets.to(output.device), output), changed, output)

    def _value(self, effect: Effect, rows: Tensor) -> Tensor:
        """What an effect has for some rows of the network's batch."""
        pictures = rows % self._batch
        if isinstance(effect.value, Tensor):
            alike = effect.value.ndim == 0 or len(effect.value) != self._batch
            return effect.value if alike else effect.value[pictures]
        steps = effect.value
        if self._step >= len(steps) or self._evaluation >= len(steps[self._step]):
            raise MaskError(f"The other run has no step {self._step + 1} to patch from.")
        trace = steps[self._step][self._evaluation][effect.layer]
        of_a_half = len(trace) // self._halves
        return trace[rows // self._batch * of_a_half + pictures % of_a_half]


def _remove(handles: Sequence[Any]) -> None:
    for handle in handles:
        handle.remove()


def _check_shape(effect: Effect, value: Tensor, output: Tensor) -> None:
    if value.shape[1:] != output.shape[1:] or len(value) not in (1, len(output)):
        raise MaskError(
            f"The mask for {effect.layer} has shape {tuple(value.shape)}; "
            f"the layer gives {tuple(output.shape)}."
        )


def _change(effect: Effect, output: Tensor, value: Tensor, strength: float | Tensor) -> Tensor:
    operand = value.to(device=output.device, dtype=output.dtype)
    if effect.verb in ("add", "steer"):
        step = operand if effect.verb == "add" else _steer(effect, output, value)
        return add(output, step, strength)
    if effect.verb == "scale":
        operand = output * operand
    return blend(output, operand, strength)


def _steer(effect: Effect, output: Tensor, value: Tensor) -> Tensor:
    """The direction with the norm of what was computed, both over the region."""
    direction, base = value.to(output.device).float(), output.float()
    if effect.region is not None:
        inside = effect.region.to(output.device)
        direction, base = direction * inside, base * inside
    length = direction.flatten(1).norm(dim=1)
    share = base.flatten(1).norm(dim=1) / torch.where(length == 0, torch.ones_like(length), length)
    return (_column(share, output) * direction).to(output.dtype)


def add(output: Tensor, step: Tensor, strength: float | Tensor) -> Tensor:
    """``output + strength * step``, exactly what was computed at strength 0.

    The arguments are those of `diffviews_desktop.core.masking.blend`.
    """
    if isinstance(strength, Tensor):
        share = _column(strength.to(output.device), output)
        return torch.where(share == 0, output, output + share.to(output.dtype) * step)
    return output + strength * step if strength else output


def _column(values: Tensor, like: Tensor) -> Tensor:
    """One value a row, so that it broadcasts to ``like``."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
