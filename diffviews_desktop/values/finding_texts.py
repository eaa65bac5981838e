"""Findings of experiments as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from diffviews_desktop.values.experiments import Estimate, Finding

MEASURES = {
    "read": "read as the class",
    "told": "read as told",
    "confidence": "confidence",
    "unsure": "unsure",
    "moved": "moved",
    "features": "moved in the layer",
    "seeds": "seeds alike",
    "neighbors": "like its samples",
    "effect": "effect",
    "behind": "the intervention does more",
}
"""Measures of a finding with their headings, in the order of the tables."""
RATES = ("read", "told", "confidence", "unsure")
"""Measures that are said in per cent; an effect is where there is a judge."""


def place_name(finding: Finding) -> str:
    """``decoder_block_8, steps 1-5``; steps counted from 1."""
    if not finding.layers:
        return ""
    return f"{finding.layers}, steps {finding.steps[0] + 1}-{finding.steps[1]}"


def estimate_text(name: str, estimate: Estimate | None, judged: bool) -> str:
    """``89 [82, 96] %``, ``0.31 [0.28, 0.35]``; a dash where there is nothing."""
    if estimate is None or not math.isfinite(estimate.value):
        return "–"
    per_cent = name in RATES or (judged and name in ("effect", "behind"))
    numbers = [_figure(value, per_cent) for value in estimate[:3] if value is not None]
    ends = f" [{numbers[1]}, {numbers[2]}]" if len(numbers) == 3 else ""
    return f"{numbers[0]}{ends}{' %' if per_cent else ''}"


def _figure(value: float, per_cent: bool) -> str:
    text = f"{100 * value:.0f}" if per_cent else f"{value:.2f}"
    return text.removeprefix("-") if not float(text) else text


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
    judged = finding.read is not None
    cells = [estimate_text(name, getattr(finding, name), judged) for name in names]
    common = "–"
    if finding.commonest is not None:
        common = f"{finding.commonest[0]}: {100 * finding.commonest[1]:.0f} %"
    return [*cells, common, p_text(finding.p_holm)]
