"""What interventions are called in the window and in what is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import marked, tr, trn
from diffviews_desktop.values.conditions import describe
from diffviews_desktop.values.interventions import (
    PARTIAL,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Source,
    Verb,
    Zero,
)
from diffviews_desktop.values.regions import Area, Channels, Region, Tokens

_WITH_SOURCE: Mapping[Verb, str] = {
    "replace": marked("replace {source}"),
    "add": marked("add {source}"),
    "steer": marked("steer {source}"),
    "patch": marked("patch {source}"),
    "scale": marked("scale {source}"),
    "ablate": marked("ablate {source}"),
}


def stack_text(interventions: Iterable[Intervention], num_steps: int) -> str:
    """``mask of 6 samples on steps 1-5 at midblock, then …``, of those that act in a run of so many
    steps; empty where none does."""
    return tr(", then ").join(
        phrase_of(one, num_steps) for one in interventions if one.acts(num_steps)
    )


def phrase_of(intervention: Intervention, num_steps: int) -> str:
    """``mask of 6 samples on steps 1-5 at midblock of strength 0.5``."""
    one = intervention
    parts = [effect_of(one)]
    last = num_steps if one.step_to is None else min(one.step_to, num_steps)
    if one.step_from or last < num_steps:
        parts.append(tr("on steps {first}-{last}", first=one.step_from + 1, last=last))
    if one.layers:
        parts.append(tr("at {layers}", layers=visible(str(one.layers), MOST_OF_NAME)))
    parts += places_of(one.region)
    if one.strength != 1 and (one.verb in PARTIAL or one.verb == "scale"):
        parts.append(tr("of strength {strength:g}", strength=one.strength))
    elif one.verb not in PARTIAL and one.verb != "scale":
        parts.append(f"× {one.strength:g}")
    if isinstance(one.source, SampleMean) and one.source.weighting == "distance":
        parts.append(tr("weighted by distance"))
    if not one.conditional:
        parts.append(tr("on the unconditional half"))
    return " ".join(parts)


def effect_of(intervention: Intervention) -> str:
    """The verb with its source: ``add 12 samples − 9 samples``."""
    verb, source = intervention.verb, intervention.source
    if intervention.name:
        return tr(_WITH_SOURCE[verb], source=visible(intervention.name, MOST_OF_NAME))
    if isinstance(source, SampleMean):
        if not source.rows:
            return tr("mask of the picks")
        return trn("mask of {number} sample", "mask of {number} samples", len(source.rows))
    if verb == "ablate":
        return tr("ablate to {source}", source=source_of(source))
    if verb == "scale":
        return tr("scale by {source}", source=source_of(source))
    if verb == "patch":
        return tr("patch from {source}", source=source_of(source))
    return tr(_WITH_SOURCE[verb], source=source_of(source))


def source_of(source: Source) -> str:
    """``12 samples − 9 samples``, ``component 1``."""
    match source:
        case SampleMean(rows=rows):
            return trn("the mean of {number} sample", "the mean of {number} samples", len(rows))
        case Difference(rows=rows, minus=minus):
            return f"{_samples(rows)} − {_samples(minus)}"
        case Component(index=index):
            return tr("component {index}", index=index + 1)
        case SavedVector(name=name):
            return visible(name, MOST_OF_NAME)
        case Factor(value=value):
            return f"{value:g}"
        case Zero():
            return tr("zero")
        case LayerMean():
            return tr("the layer's mean")
        case OtherRun(seed=seed, condition=condition):
            noise = tr("the same noise") if seed is None else tr("seed {seed}", seed=seed)
            if condition is None:
                return noise
            return tr("{noise} told {condition}", noise=noise, condition=describe(condition))
    raise TypeError(f"{source!r} is no source")


def _samples(rows: Sequence[int]) -> str:
    return trn("{number} sample", "{number} samples", len(rows))


def places_of(region: Region) -> list[str]:
    """``in 3 channels``; nothing of the whole layer."""
    match region:
        case Channels(indices=indices):
            return [trn("in {number} channel", "in {number} channels", len(indices))]
        case Tokens(indices=indices):
            return [trn("in {number} token", "in {number} tokens", len(indices))]
        case Area():
            return [tr("in {share:.0%} of the picture", share=region.bitmap.mean())]
    return []
