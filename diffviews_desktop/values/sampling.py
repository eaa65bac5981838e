"""How to sample a model."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, Self

from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalised

NoiseMode = Literal["stochastic", "fixed", "zero"]

Sampler = Literal["renoise", "heun"]

Weighting = Literal["equal", "distance"]


@dataclass(frozen=True)
class GenerateSettings:
    """How to sample, and how a mask acts.

    Attributes:
        num_steps: denoising steps.
        mask_steps: the step, from 0, that the mask no longer acts on.
        sigma_max: noise level of the first step.
        sigma_min: noise level of the last step.
        rho: exponent of the schedule.
        guidance_scale: classifier-free guidance; 1 for none.
        noise_mode: ``zero`` adds no noise at all.
        seed: None draws a new one.
        sampler: ``renoise`` for few-step models, ``heun`` for EDM's.
        s_churn: noise that Heun's sampler adds over the run, at levels from ``s_min`` to ``s_max``
            (None: no limit), of standard deviation ``s_noise``.
        mask_from: first step that the mask acts on, from 0.
        strength: how much of the mask is imposed, 0 … 1.
        weighting: whether samples nearer to the anchor count more in the mask.
        mask_unconditional: whether the mask acts on the unconditional half of guidance too.
        mask_layers: layers to impose; empty for those of the map.
    """

    num_steps: int = 5
    mask_steps: int = 5
    sigma_max: float = 80.0
    sigma_min: float = 0.5
    rho: float = 7.0
    guidance_scale: float = 1.0
    noise_mode: NoiseMode = "stochastic"
    seed: int | None = None
    sampler: Sampler = "renoise"
    s_churn: float = 0.0
    s_min: float = 0.0
    s_max: float | None = None
    s_noise: float = 1.0
    mask_from: int = 0
    strength: float = 1.0
    weighting: Weighting = "equal"
    mask_unconditional: bool = True
    mask_layers: LayerSet = NO_LAYERS

    def __post_init__(self) -> None:
        normalised(self, "mask_layers")

    def evaluations(self, guided: bool = True) -> int:
        """How often the network runs for a picture (NFE); ``guided`` says that there are labels for
        guidance to act on."""
        once = 2 * self.num_steps - 1 if self.sampler == "heun" else self.num_steps
        return once * (2 if guided and self.guidance_scale != 1 else 1)

    def rebased(self, before: Self, after: Self) -> Self:
        """What was edited since ``before`` stays; everything else is as ``after`` has it.

        A mask that acts to the last step still does, and no limit lies beyond what it is of.
        """
        edited = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(before, field.name)
        }
        made = replace(after, **edited)
        to_the_end = self.mask_steps == self.num_steps or (
            "mask_steps" not in edited and before.mask_steps == before.num_steps
        )
        last = made.num_steps if to_the_end else min(made.mask_steps, made.num_steps)
        return replace(
            made,
            mask_steps=last,
            mask_from=min(made.mask_from, made.num_steps - 1),
            sigma_min=min(made.sigma_min, made.sigma_max),
        )


@dataclass(frozen=True)
class Preset:
    """Published settings, by name; ``note`` gives their figures and their source."""

    name: str
    settings: GenerateSettings
    note: str
