"""Figures of a check, each beside its limit, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["right", "wrong", "not measured"]


@dataclass(frozen=True)
class Figure:
    """Something that was measured, or was not.

    Attributes:
        part: of the check.
        name: what it is.
        status: whether it is as it should be.
        value: the figure; None for a yes or no.
        limit: what it is to stay under; None where there is none.
        unit: of both.
        detail: a sentence, such as why it was not measured.
    """

    part: str
    name: str
    status: Status
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    detail: str = ""


def measurement(
    part: str, name: str, value: float, unit: str, limit: float | None = None, detail: str = ""
) -> Figure:
    """A figure, wrong where it is above its limit or no number."""
    right = value == value and (limit is None or value <= limit)
    return Figure(part, name, "right" if right else "wrong", value, limit, unit, detail)


def told(part: str, name: str, right: bool, detail: str = "") -> Figure:
    """A yes or no."""
    return Figure(part, name, "right" if right else "wrong", detail=detail)


def not_measured(part: str, name: str, reason: str) -> Figure:
    """A figure that there is none of, and why."""
    return Figure(part, name, "not measured", detail=reason)


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines."""
    names = [f"{figure.part}: {figure.name}" for figure in figures]
    width = max(map(len, names), default=0)
    lines = [f"{'':{width}}  {'':12}  {'measured':>14}  {'limit':>14}"]
    for name, figure in zip(names, figures, strict=True):
        value, limit = _with_unit(figure.value, figure.unit), _with_unit(figure.limit, figure.unit)
        line = f"{name:{width}}  {figure.status:12}  {value:>14}  {limit:>14}  {figure.detail}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def _with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.4g} {unit}".strip()


def write(file: Path, figures: Sequence[Figure], facts: dict[str, Any]) -> None:
    """Write the facts of the machine and the figures as JSON."""
    record = {**facts, "figures": [asdict(figure) for figure in figures]}
    file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def tell(figures: Sequence[Figure]) -> None:
    """Print the figures of one part for the process that asked for it: see `heard`."""
    print(json.dumps([asdict(figure) for figure in figures]), flush=True)


def heard(output: str) -> list[Figure]:
    """The figures that a part told last.

    Raises:
        ValueError: it told none.
    """
    lines = output.strip().splitlines()
    if not lines:
        raise ValueError("it told nothing")
    return [Figure(**values) for values in json.loads(lines[-1])]
