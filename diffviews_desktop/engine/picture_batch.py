"""A batch of pictures that a model draws."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, cast

from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.sampling import SamplingSettings

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.denoising import DenoiseStep
    from diffviews_desktop.core.intervening import Effect


class PictureBatch:
    """Pictures that a model draws at once, by the same settings but for their seeds.

    Args:
        model: draws them.
        settings: how.
        conditions: what to draw in each.
        seeds: one a picture; none for that of the settings.
        effects: what is done to layers meanwhile.
        notes: gets what the user should know.

    Attributes:
        told: what the model is told of each picture; None where it is told nothing.
    """

    def __init__(
        self,
        model: Model,
        settings: SamplingSettings,
        conditions: Sequence[Condition],
        seeds: Sequence[int | None] = (),
        effects: Sequence[Effect] = (),
        notes: list[str] | None = None,
    ) -> None:
        import torch

        from diffviews_desktop.adapters.conditioning import draw_classes

        self._model, self._settings, self._effects = model, settings, effects
        self._notes = [] if notes is None else notes
        self._generators = [
            torch.Generator().manual_seed(int(seed or 0)) for seed in seeds or (settings.seed,)
        ]
        choices = draw_classes(conditions, model.facts.num_classes, self._generators)
        self._conditions = model.encode_pair(choices)
        self.told: list[Condition | None] = [
            one if model.is_conditional else None for one in choices
        ]

    def steps(self, capture: Sequence[str]) -> Generator[DenoiseStep, None, None]:
        """Denoise."""
        from diffviews_desktop.adapters.sampling import Churn, get_denoising_sigmas
        from diffviews_desktop.core.denoising import denoise

        s = self._settings
        limit = math.inf if s.s_max is None else s.s_max
        heun = s.sampler == "heun"
        run = denoise(
            self._model,
            conditions=self._conditions,
            sigmas=get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho),
            generator=self._generators,
            sampler=s.sampler,
            churn=Churn(s.s_churn, s.s_min, limit, s.s_noise) if heun else None,
            noise_mode=s.noise_mode,
            guidance_scale=s.guidance_scale,
            effects=self._effects,
            capture=capture,
            say=self._notes.append,
        )
        return cast("Generator[DenoiseStep, None, None]", run)
