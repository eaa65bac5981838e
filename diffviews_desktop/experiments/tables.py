"""Findings as tables: lines to read, CSV, JSON, and Parquet where pandas can write it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diffviews_desktop.text.plain import csv_cell, csv_writer, encodable
from diffviews_desktop.values.controls import TITLES
from diffviews_desktop.values.experiments import Estimate, Finding
from diffviews_desktop.values.finding_texts import (
    MEASURES,
    cells_of,
    place_name,
    shown_measures,
)


def row_of(finding: Finding) -> dict[str, Any]:
    """A finding as one flat row; what is not there is None."""
    estimates = finding.neighbors, finding.moved, finding.read, finding.confidence
    row: dict[str, Any] = {
        "layers": str(finding.layers),
        "first_step": finding.steps[0] + 1 if finding.layers else None,
        "last_step": finding.steps[1] if finding.layers else None,
        "arm": finding.arm,
        "pictures": finding.pictures,
        "intervals_over": finding.unit,
        "units": next((one.units for one in estimates if one is not None), None),
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
    writer = csv_writer(text, "\n")
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
    import pandas

    try:
        data: bytes | None = pandas.DataFrame(list(map(_encodable, rows))).to_parquet(index=False)
    except ImportError:
        return None
    return data


def _encodable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: encodable(value) if isinstance(value, str) else value for name, value in row.items()
    }


# ---- to read ------------------------------------------------------------------------------------


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
