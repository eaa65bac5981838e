"""Findings as tables: lines to read, CSV, JSON, and Parquet where pandas can write it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diffviews_desktop.text.plain import csv_cell
from diffviews_desktop.values.experiments import TITLES, Estimate, Finding

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


def row_of(finding: Finding) -> dict[str, Any]:
    """A finding as one flat row; what is not there is None."""
    row: dict[str, Any] = {
        "layers": str(finding.layers),
        "first_step": finding.steps[0] + 1 if finding.layers else None,
        "last_step": finding.steps[1] if finding.layers else None,
        "arm": finding.arm,
        "pictures": finding.pictures,
        "masks": finding.neighbors.masks if finding.neighbors is not None else None,
    }
    for name in MEASURES:
        estimate: Estimate | None = getattr(finding, name)
        row[name] = _number(estimate.value) if estimate is not None else None
        row[f"{name}_low"] = _number(estimate.low) if estimate is not None else None
        row[f"{name}_high"] = _number(estimate.high) if estimate is not None else None
    common = finding.commonest
    row["commonest"], row["commonest_share"] = common if common is not None else (None, None)
    return {**row, "p": finding.p, "p_holm": finding.p_holm}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV, their keys as its heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0] if rows else ())
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return csv_cell(value) if isinstance(value, str) else value


def parquet(rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Rows as Parquet; None where pandas has nothing to write it with."""
    import pandas  # type: ignore[import-untyped]

    try:
        data: bytes | None = pandas.DataFrame([dict(row) for row in rows]).to_parquet(index=False)
    except ImportError:
        return None
    return data


# ---- to read ------------------------------------------------------------------------------------


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


def lines_of(findings: Sequence[Finding]) -> Iterator[str]:
    """A table with aligned columns, a heading for every place."""
    names = shown_measures(findings)
    headings = ["", *(MEASURES[name] for name in names), "commonest answer", "p (Holm)"]
    rows = [[f"  {TITLES[one.arm]}", *cells_of(one, names)] for one in findings]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()

    yield line(headings)
    place = ""
    for finding, row in zip(findings, rows, strict=True):
        if place_name(finding) != place:
            place = place_name(finding)
            yield place
        yield line(row)
