"""What is done to a model's layers while it draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal, get_args

from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.text.translation import group_digits, tr
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet, normalise
from diffviews_desktop.values.regions import EVERYWHERE, Region

MOST_INTERVENTIONS = 100
"""With which a picture can be drawn."""
Verb = Literal["replace", "add", "scale", "ablate", "patch", "steer"]
Weighting = Literal["equal", "distance"]

# ---- sources ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SampleMean:
    """The mean of some samples' activations.

    Attributes:
        rows: the samples, the anchor first; none for those that are picked in the window.
        weighting: whether samples nearer to the anchor count more.
    """

    rows: tuple[int, ...] = ()
    weighting: Weighting = "equal"
    kind: Literal["samples"] = field(default="samples", repr=False)


@dataclass(frozen=True)
class Difference:
    """The mean of the samples ``rows`` less the mean of the samples ``minus``."""

    rows: tuple[int, ...]
    minus: tuple[int, ...]
    kind: Literal["difference"] = field(default="difference", repr=False)


@dataclass(frozen=True)
class Component:
    """A principal component of the map's reduction, counted from 0; its length is one standard
    deviation of the samples along it."""

    index: int
    kind: Literal["component"] = field(default="component", repr=False)


@dataclass(frozen=True)
class SavedVector:
    """A direction, or the mean of a set, that was saved under a name."""

    name: str
    kind: Literal["saved"] = field(default="saved", repr=False)


@dataclass(frozen=True)
class Factor:
    """What the layer computes, times a number."""

    value: float
    kind: Literal["factor"] = field(default="factor", repr=False)


@dataclass(frozen=True)
class Zero:
    """Zeros."""

    kind: Literal["zero"] = field(default="zero", repr=False)


@dataclass(frozen=True)
class LayerMean:
    """The layer's mean over all samples."""

    kind: Literal["mean"] = field(default="mean", repr=False)


@dataclass(frozen=True)
class OtherRun:
    """What the layer computes in another run, at the same step.

    Attributes:
        seed: of that run; None for the same noise.
        condition: what it is told; None for the same.
    """

    seed: int | None = None
    condition: Condition | None = None
    kind: Literal["run"] = field(default="run", repr=False)


Source = SampleMean | Difference | Component | SavedVector | Factor | Zero | LayerMean | OtherRun

SOURCES: dict[Verb, tuple[type[Source], ...]] = {
    "replace": (SampleMean, SavedVector),
    "add": (Difference, Component, SavedVector),
    "scale": (Factor,),
    "ablate": (Zero, LayerMean),
    "patch": (OtherRun,),
    "steer": (Difference, Component, SavedVector),
}
"""What each verb can take."""

PARTIAL: tuple[Verb, ...] = ("replace", "ablate", "patch")
"""Verbs whose strength is a share, 0 … 1; that of the others is any number."""


# ---- interventions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Intervention:
    """One thing that is done to layers while a picture is drawn.

    With ``h`` what a layer computes, ``v`` the source and ``s`` the strength, the rest of the
    network sees

    - *replace*, *ablate*, *patch*: ``h + s (v - h)``, which is ``v`` itself at strength 1;
    - *scale*: ``h + s (f h - h)`` with the factor ``f``;
    - *add*: ``h + s v``;
    - *steer*: ``h + s |h| v / |v|``: along the whole path the step is the same share of what the
      layer computes, however large that is at a noise level; the norms are over the region.

    At strength 0 it changes nothing, to the bit.

    Attributes:
        verb: what is done.
        source: with what.
        layers: where; none for the layers of the map.
        region: in which part of each layer.
        step_from: first step that it acts on, from 0.
        step_to: the step, from 0, that it no longer acts on; None for no such step.
        strength: how much.
        unconditional: whether it acts on the unconditional half of guidance.
        conditional: whether it acts on the conditional half.
        enabled: whether it acts at all.
        name: for the user.

    Raises:
        UsageError: the verb does not take such a source.
    """

    verb: Verb
    source: Source
    layers: LayerSet = NO_LAYERS
    region: Region = EVERYWHERE
    step_from: int = 0
    step_to: int | None = None
    strength: float = 1.0
    unconditional: bool = True
    conditional: bool = True
    enabled: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        normalise(self, "layers")
        if self.verb not in get_args(Verb):
            raise UsageError(
                f"Unknown intervention {self.verb!r}: use {', '.join(get_args(Verb))}."
            )
        if not isinstance(self.source, SOURCES[self.verb]):
            raise UsageError(f"{self.verb} does not take {type(self.source).__name__}.")

    def acts(self, num_steps: int) -> bool:
        """Whether it changes anything in a run of so many steps."""
        last = num_steps if self.step_to is None else min(self.step_to, num_steps)
        halves = self.conditional or self.unconditional
        return self.enabled and halves and self.step_from < last and self.strength != 0

    @property
    def is_of_picks(self) -> bool:
        """Whether it is made of the samples that are picked in the window."""
        return isinstance(self.source, SampleMean) and not self.source.rows


PICKED = Intervention("replace", SampleMean())
"""Hold the map's layers at the mean of the samples that are picked."""


def mean_of_samples(
    rows: Sequence[int], weighting: Weighting = "equal", **fields: object
) -> tuple[Intervention, ...]:
    """Layers held at the mean of some samples; nothing where there are none."""
    if not rows:
        return ()
    source = SampleMean(tuple(rows), weighting)
    return (replace(PICKED, source=source, **fields),)  # type: ignore[arg-type]


def rows_of(interventions: Iterable[Intervention]) -> tuple[int, ...]:
    """All samples that interventions are made of, in their order."""
    rows: list[int] = []
    for one in interventions:
        if isinstance(one.source, SampleMean | Difference):
            rows += one.source.rows
        if isinstance(one.source, Difference):
            rows += one.source.minus
    return tuple(rows)


def with_rows(
    interventions: Iterable[Intervention], rows: Sequence[int]
) -> tuple[Intervention, ...]:
    """Interventions made of other samples, in the order of `rows_of`."""
    left = iter(rows)

    def take(count: int) -> tuple[int, ...]:
        return tuple(islice(left, count))

    result = []
    for one in interventions:
        source = one.source
        if isinstance(source, SampleMean | Difference):
            source = replace(source, rows=take(len(source.rows)))
        if isinstance(source, Difference):
            source = replace(source, minus=take(len(source.minus)))
        result.append(replace(one, source=source))
    return tuple(result)


def with_picks(
    interventions: Iterable[Intervention], rows: Sequence[int]
) -> tuple[Intervention, ...]:
    """Interventions with the picked samples where their own are left open, without those that then
    have none."""
    result = []
    for one in interventions:
        source = one.source
        if isinstance(source, SampleMean) and not source.rows:
            source = replace(source, rows=tuple(rows))
            if not rows:
                continue
        result.append(replace(one, source=source))
    return tuple(result)


def check_count(interventions: Sequence[object]) -> None:
    """Whether a picture can be drawn with so many interventions.

    Raises:
        UsageError: there are too many.
    """
    if len(interventions) > MOST_INTERVENTIONS:
        raise UsageError(
            tr(
                "A picture can be drawn with {most} interventions at most, not {number}.",
                most=MOST_INTERVENTIONS,
                number=group_digits(len(interventions)),
            )
        )


def check(intervention: Intervention) -> None:
    """Whether an intervention's values can be.

    Raises:
        UsageError: a value is out of range.
        MaskError: a mean of no samples.
    """
    one, source = intervention, intervention.source
    if one.step_from < 0 or (one.step_to is not None and one.step_to < 0):
        raise UsageError("The number of masked steps must not be negative.")
    if one.verb in PARTIAL and not 0 <= one.strength <= 1:
        raise UsageError(f"The strength must be between 0 and 1, not {one.strength}.")
    if not math.isfinite(one.strength):
        raise UsageError(f"The strength must be a number, not {one.strength}.")
    if isinstance(source, Factor) and not math.isfinite(source.value):
        raise UsageError(f"The factor must be a number, not {source.value}.")
    if isinstance(source, Component) and source.index < 0:
        raise UsageError("Principal components are counted from 0 here.")
    if isinstance(source, SampleMean) and not source.rows:
        raise MaskError("A mask needs at least one sample: pick a point on the map first.")
    if isinstance(source, Difference) and not (source.rows and source.minus):
        raise MaskError("A direction needs at least one sample on either side.")


def masks_of(interventions: Iterable[Intervention]) -> tuple[Intervention, ...]:
    """What holds whole layers at a mean of samples or at a saved vector, wherever it stands among
    other interventions: what is held, and where, without how much and when."""
    return tuple(
        Intervention(one.verb, one.source, one.layers, name=one.name)
        for one in interventions
        if one.enabled and one.verb == "replace" and one.region == EVERYWHERE
    )


def sole_mask(interventions: Sequence[Intervention]) -> Intervention | None:
    """The mask that is all that acts, of the kind that there was before other interventions: whole
    layers held at the mean of samples; None where there is none, or more than that."""
    if len(interventions) != 1:
        return None
    (one,) = interventions
    if one.verb != "replace" or not isinstance(one.source, SampleMean):
        return None
    usual = replace(one, region=EVERYWHERE, conditional=True, enabled=True, name="")
    return one if one == usual else None
