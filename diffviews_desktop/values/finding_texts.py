"""Findings of experiments as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from diffviews_desktop.text.translation import marked, tr, trn
from diffviews_desktop.values.experiments import Estimate, Experiment, Finding, Outcome
from diffviews_desktop.values.layers import LayerSet

MEASURES = {
    "read": marked("read as the class"),
    "told": marked("read as told"),
    "changed": marked("answer changed"),
    "confidence": marked("confidence"),
    "unsure": marked("unsure"),
    "moved": marked("moved"),
    "features": marked("moved in the layer"),
    "seeds": marked("seeds alike"),
    "neighbors": marked("like its samples"),
    "effect": marked("effect"),
    "behind": marked("the intervention does more"),
}
"""Measures of a finding with their headings, in the order of the tables."""
OUTCOMES: dict[Outcome, str] = {
    "read": marked("share read as the class"),
    "changed": marked("share of which the judge says something else"),
    "neighbors": marked("correlation with the samples' mean picture"),
    "moved": marked("distance in pixels to the same seed without an intervention"),
}
"""The measures that effects are of, in words."""
RATES = ("read", "told", "changed", "confidence", "unsure")
"""Measures that are said in per cent; an effect is where there is a judge."""


def place_name(finding: Finding) -> str:
    """``decoder_block_8, steps 1-5``; steps counted from 1."""
    if not finding.layers:
        return ""
    return tr(
        "{layers}, steps {first}-{last}",
        layers=finding.layers,
        first=finding.steps[0] + 1,
        last=finding.steps[1],
    )


def estimate_text(name: str, estimate: Estimate | None, is_rate: bool) -> str:
    """``89 [82, 96] %``, ``0.31 [0.28, 0.35]``; a dash where there is nothing."""
    if estimate is None or not math.isfinite(estimate.value):
        return "–"
    per_cent = name in RATES or (is_rate and name in ("effect", "behind"))
    numbers = [_figure(value, per_cent) for value in estimate[:3] if value is not None]
    ends = f" [{numbers[1]}, {numbers[2]}]" if len(numbers) == 3 else ""
    return f"{numbers[0]}{ends}{' %' if per_cent else ''}"


def _figure(value: float, per_cent: bool) -> str:
    text = f"{100 * value:.0f}" if per_cent else f"{value:.2f}"
    return text.removeprefix("-") if not float(text) else text


def marks_of(findings: Sequence[Finding]) -> list[Estimate | None]:
    """What a dot plot shows of each finding: the measure that effects are of."""
    return [getattr(one, one.outcome) for one in findings]


class HeatMap(NamedTuple):
    """Effects of the intervention over layers and windows of steps.

    Attributes:
        layers: the rows.
        steps: the columns.
        by_place: what was found at each.
        most: the largest effect either way; 1 where there is none.
    """

    layers: list[LayerSet]
    steps: list[tuple[int, int]]
    by_place: dict[tuple[LayerSet, tuple[int, int]], Finding]
    most: float

    def share(self, finding: Finding) -> float:
        """An effect as a share of the largest, -1 … 1."""
        value = finding.effect.value if finding.effect is not None else 0.0
        return value / self.most if math.isfinite(value) else 0.0

    @staticmethod
    def is_sure(finding: Finding) -> bool:
        """Whether its p is at most 0.05 after correction."""
        return finding.p_holm is not None and finding.p_holm <= 0.05


def heat_map_of(findings: Sequence[Finding]) -> HeatMap | None:
    """The effects of the intervention; None where there are not several places."""
    effects = [one for one in findings if one.arm == "intervention" and one.effect is not None]
    if len(effects) < 2:
        return None
    values = [abs(one.effect.value) for one in effects if one.effect is not None]
    return HeatMap(
        list(dict.fromkeys(one.layers for one in effects)),
        list(dict.fromkeys(one.steps for one in effects)),
        {(one.layers, one.steps): one for one in effects},
        max(filter(math.isfinite, values), default=0.0) or 1.0,
    )


def counted_text(experiment: Experiment) -> str:
    """``360 pictures of 10 masks; brackets hold 95 % intervals over masks``."""
    pictures = trn("{number} picture", "{number} pictures", experiment.count)
    of = trn("{number} mask", "{number} masks", len(experiment.groups))
    if experiment.unit == "masks":
        return tr(
            "{pictures} of {of}; brackets hold 95 % intervals over masks", pictures=pictures, of=of
        )
    if experiment.interventions:
        of = trn("{number} intervention", "{number} interventions", len(experiment.interventions))
    if experiment.seeds < 2:
        return tr(
            "{pictures} of {of} with 1 seed: there are no intervals", pictures=pictures, of=of
        )
    return tr(
        "{pictures} of {of}; brackets hold 95 % intervals over {seeds} seeds",
        pictures=pictures,
        of=of,
        seeds=experiment.seeds,
    )


def p_text(p: float | None) -> str:
    """``0.03``, ``<0.001``; a dash where there is none."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def shown_measures(findings: Sequence[Finding]) -> list[str]:
    """Those measures that some finding has."""
    return [name for name in MEASURES if any(getattr(one, name) is not None for one in findings)]


def cells_of(finding: Finding, names: Sequence[str]) -> list[str]:
    """What a table says of a finding: its measures, its commonest answer, and its p-value."""
    is_rate = finding.outcome in ("read", "changed")
    cells = [estimate_text(name, getattr(finding, name), is_rate) for name in names]
    common = "–"
    if finding.commonest is not None:
        common = f"{finding.commonest[0]}: {100 * finding.commonest[1]:.0f} %"
    return [*cells, common, p_text(finding.p_holm)]
