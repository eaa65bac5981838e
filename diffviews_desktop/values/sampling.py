"""How to sample a model."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, Self

NoiseMode = Literal["stochastic", "fixed", "zero"]

Sampler = Literal["renoise", "heun"]


@dataclass(frozen=True)
class SamplingSettings:
    """How to sample.

    Attributes:
        num_steps: denoising steps.
        sigma_max: noise level of the first step.
        sigma_min: noise level of the last step.
        rho: exponent of the schedule.
        guidance_scale: classifier-free guidance; 1 for none.
        noise_mode: ``zero`` adds no noise at all.
        seed: None draws a new one.
        sampler: ``renoise`` for few-step models, ``heun`` for EDM's.
        s_churn: noise that Heun's sampler adds over the run, at levels from ``s_min`` to ``s_max``
            (None: no limit), of standard deviation ``s_noise``.
    """

    num_steps: int = 5
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

    def evaluations(self, guided: bool = True) -> int:
        """How often the network runs for a picture (NFE); ``guided`` says that there are labels for
        guidance to act on."""
        runs = 2 * self.num_steps - 1 if self.sampler == "heun" else self.num_steps
        return runs * (2 if guided and self.guidance_scale != 1 else 1)

    def rebase(self, old: Self, new: Self) -> Self:
        """What was edited since ``old`` stays; everything else is as ``new`` has it, within
        the limits of what it is of."""
        edits = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(old, field.name)
        }
        result = replace(new, **edits)
        return replace(result, sigma_min=min(result.sigma_min, result.sigma_max))


@dataclass(frozen=True)
class Preset:
    """Published settings, by name; ``note`` gives their figures and their source."""

    name: str
    settings: SamplingSettings
    note: str
