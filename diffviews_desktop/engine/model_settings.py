"""How a model is sampled and what its classes are called: what its folder and its adapter say."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from diffviews_desktop.data.folder.dataset import ModelConfig
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.sampling import Preset, SamplingSettings

log = logging.getLogger(__name__)


def settings_of(
    config: ModelConfig,
    defaults: Mapping[str, Any],
    lowest: float = 0.0,
    highest: float = math.inf,
) -> SamplingSettings:
    """How to sample a model: what config.json says, else the adapter's defaults, else ours, within
    the noise levels that the model knows."""
    values = {**config.model_dump(), **defaults, **config.model_dump(exclude_unset=True)}

    def within(value: Any) -> float:
        return min(max(float(value), lowest), highest)

    sigma_max = within(values["sigma_max"])
    return SamplingSettings(
        num_steps=int(values["default_steps"]),
        sigma_max=sigma_max,
        sigma_min=min(within(values["sigma_min"]), sigma_max),
        rho=float(values.get("rho", 7.0)),
        guidance_scale=float(values["guidance_scale"]),
        sampler="heun" if values["sampler"] == "heun" else "renoise",
    )


def sampler_notes(
    opened: OpenedModel, facts: ModelFacts, settings: SamplingSettings
) -> tuple[str, ...]:
    """What to know of a sampler that is not made for the model."""
    model_sampler = settings_of(opened.folder.config, facts.defaults).sampler
    if (
        settings.sampler == model_sampler
        or settings.sampler != "renoise"
        or settings.num_steps == 1
    ):
        return ()
    return (
        "The renoising loop is made for few-step models, which this is not: its pictures differ "
        "less from each other than those of Heun's sampler, by a fifth with the demo's digits.",
    )


def published_guidance(opened: OpenedModel) -> dict[str, Any]:
    """The guidance that a checkpoint is sampled with, where that is known by its name and nobody
    says that it was trained without label dropout."""
    from diffviews_desktop.adapters.published_files import published_file

    file = published_file(opened.folder.checkpoint())
    has_dropout = opened.folder.config.label_dropout != 0
    return {"guidance_scale": file.guidance_scale} if file and has_dropout else {}


def presets_of(facts: ModelFacts, settings: SamplingSettings) -> tuple[Preset, ...]:
    """Settings that the adapter says were published, as changes of the model's own."""
    result = []
    for name, (changes, note) in facts.presets.items():
        try:
            changed = replace(settings, **changes)
        except TypeError:
            log.warning("the preset %s of %s is not usable", name, facts.model_type)
            continue
        result.append(Preset(name, changed, note))
    return tuple(result)


def class_names_of(opened: OpenedModel, facts: ModelFacts | None) -> tuple[tuple[int, str], ...]:
    """The folder's own names, else those among its samples, else the adapter's; None for a model
    that is not loaded."""
    names = dict(facts.class_names) if facts is not None else {}
    most = facts.num_classes if facts is not None else math.inf
    for number, name, _ in opened.samples.table.classes():
        if name != str(number):
            names[number] = name
        else:
            names.setdefault(number, name)
    names |= opened.folder.class_names or {}
    return tuple(sorted((n, name) for n, name in names.items() if 0 <= n < most))
