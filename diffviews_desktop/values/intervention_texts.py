"""What interventions are called in the window and in what is printed."""

from __future__ import annotations

from collections.abc import Iterable

from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.conditions import described
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
    Zero,
)
from diffviews_desktop.values.regions import Area, Channels, Region, Tokens


def said_of(interventions: Iterable[Intervention], num_steps: int) -> str:
    """``mask of 6 samples on steps 1-5 at midblock, then …``, of those that act in a run of so many
    steps; empty where none does."""
    return ", then ".join(said(one, num_steps) for one in interventions if one.acts(num_steps))


def said(intervention: Intervention, num_steps: int) -> str:
    """``mask of 6 samples on steps 1-5 at midblock of strength 0.5``."""
    one = intervention
    parts = [what(one)]
    last = num_steps if one.step_to is None else min(one.step_to, num_steps)
    if one.step_from or last < num_steps:
        parts.append(f"on steps {one.step_from + 1}-{last}")
    if one.layers:
        parts.append(f"at {visible(str(one.layers), MOST_OF_NAME)}")
    parts += where(one.region)
    if one.strength != 1 and (one.verb in PARTIAL or one.verb == "scale"):
        parts.append(f"of strength {one.strength:g}")
    elif one.verb not in PARTIAL and one.verb != "scale":
        parts.append(f"× {one.strength:g}")
    if isinstance(one.source, SampleMean) and one.source.weighting == "distance":
        parts.append("weighted by distance")
    if not one.conditional:
        parts.append("on the unconditional half")
    return " ".join(parts)


def what(intervention: Intervention) -> str:
    """The verb with its source: ``add 12 samples − 9 samples``."""
    verb, source = intervention.verb, intervention.source
    if intervention.name:
        return f"{verb} {visible(intervention.name, MOST_OF_NAME)}"
    if isinstance(source, SampleMean):
        return f"mask of {counted(len(source.rows), 'sample') if source.rows else 'the picks'}"
    if verb == "ablate":
        return f"ablate to {source_of(source)}"
    if verb == "scale":
        return f"scale by {source_of(source)}"
    if verb == "patch":
        return f"patch from {source_of(source)}"
    return f"{verb} {source_of(source)}"


def source_of(source: Source) -> str:
    """``12 samples − 9 samples``, ``component 1``."""
    match source:
        case SampleMean(rows=rows):
            return f"the mean of {counted(len(rows), 'sample')}"
        case Difference(rows=rows, minus=minus):
            return f"{counted(len(rows), 'sample')} − {counted(len(minus), 'sample')}"
        case Component(index=index):
            return f"component {index + 1}"
        case SavedVector(name=name):
            return visible(name, MOST_OF_NAME)
        case Factor(value=value):
            return f"{value:g}"
        case Zero():
            return "zero"
        case LayerMean():
            return "the layer's mean"
        case OtherRun(seed=seed, condition=condition):
            told = "" if condition is None else f" told {described(condition)}"
            return f"{'the same noise' if seed is None else f'seed {seed}'}{told}"
    raise TypeError(f"{source!r} is no source")


def where(region: Region) -> list[str]:
    """``in 3 channels``; nothing of the whole layer."""
    match region:
        case Channels(indices=indices):
            return [f"in {counted(len(indices), 'channel')}"]
        case Tokens(indices=indices):
            return [f"in {counted(len(indices), 'token')}"]
        case Area():
            return [f"in {region.bitmap.mean():.0%} of the picture"]
    return []
