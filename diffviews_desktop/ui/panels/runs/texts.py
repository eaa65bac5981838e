"""What is said of a run: in a line of the list, in its tooltip, and beside its steps."""

from __future__ import annotations

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.conditions import describe
from diffviews_desktop.values.intervention_texts import stack_text
from diffviews_desktop.values.typicality import Typicality


def told(run: Run) -> str:
    """What the model was told: its class or its prompt; empty while that is not known."""
    return visible(describe(run.condition), MOST_OF_NAME)


def layers_of(run: Run) -> str:
    """The layers of the map that it was drawn on."""
    return visible(str(run.job.spec.layers), MOST_OF_NAME)


def mask_of(run: Run) -> str:
    """``mask of 6 samples on steps 1-5 at midblock``."""
    return stack_text(run.job.interventions, run.job.settings.num_steps) or tr("no mask")


def was_stopped(run: Run) -> bool:
    """Whether it ended before its picture was finished."""
    return run.done and not run.is_whole


def facts_of(run: Run) -> list[str]:
    """All that it was drawn with, and how it ended, part by part."""
    s, spent = run.job.settings, run.evaluations
    parts = [
        visible(run.job.spec.model, MOST_OF_NAME),
        layers_of(run),
        mask_of(run),
        trn(
            "{sampler}, {number} step, NFE {nfe}",
            "{sampler}, {number} steps, NFE {nfe}",
            s.num_steps,
            sampler=tr(s.sampler),
            nfe=s.evaluations() if spent is None else spent,
        ),
        tr("σ {most:g} to {least:g}", most=s.sigma_max, least=s.sigma_min),
        tr("guidance {scale:g}", scale=s.guidance_scale),
        tr("{mode} noise", mode=tr(s.noise_mode)),
    ]
    parts += [] if run.seed is None else [tr("seed {seed}", seed=run.seed)]
    parts += [tr("stopped")] if was_stopped(run) else []
    return parts


def among_samples(usual: Typicality | None) -> list[str]:
    """How usual a step is among the samples, in lines."""
    return [] if usual is None else [tr("It is {standing}:", standing=usual.standing), *usual.facts]
