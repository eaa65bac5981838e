"""How the pictures of a grid are laid out: its rows, its columns and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffviews_desktop.engine.jobs.drawing import Cell, GenerateGrid
from diffviews_desktop.exports.contents import Record, Sheet
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.interventions import Intervention
from diffviews_desktop.values.runs import GridCell


@dataclass(frozen=True)
class Axes:
    """Names of the rows and the columns of a grid.

    Seeds run across; without several, strengths, then steps, then layers do.
    """

    row_names: tuple[str, ...]
    column_names: tuple[str, ...]

    @classmethod
    def of(cls, job: GenerateGrid) -> Axes:
        """The axes of a job whose seed was chosen; cells follow each other row by row."""
        cells = job.cells()
        lengths = [
            (job.samples, _seed),
            (len(job.strengths), _strength),
            (len(job.windows), _steps),
            (len(job.mask_layers), _layers),
        ]
        axes = [(length, name) for length, name in lengths if length > 1]
        if not axes:
            return cls(("",), (_seed(cells[0], job.varied),))
        across, column = axes[0]
        if len(axes) == 1 and across > 10:  # many of one kind: several rows of them
            return cls(tuple("" for _ in range(-(-across // 10))), ("",) * 10)
        rows = cells[::across]
        names = tuple(
            " · ".join(name(cell, job.varied) for _, name in reversed(axes[1:])) for cell in rows
        )
        return cls(names, tuple(column(cell, job.varied) for cell in cells[:across]))


def sheet_of(job: GenerateGrid, cells: Sequence[GridCell], record: Record | None) -> Sheet:
    """The contact sheet of a grid whose seed was chosen, as far as its pictures are there."""
    axes = Axes.of(job)
    return Sheet(
        pictures={cell.index: cell.image for cell in cells},
        count=job.count,
        row_names=axes.row_names,
        column_names=axes.column_names,
        record=record,
    )


def _seed(cell: Cell, index: int) -> str:
    return tr("seed {seed}", seed=cell.settings.seed)


def _strength(cell: Cell, index: int) -> str:
    return tr("strength {strength:g}", strength=cell.interventions[index].strength)


def _steps(cell: Cell, index: int) -> str:
    one = cell.interventions[index]
    if one.step_to == 0:
        return tr("no steps")
    return tr("steps {steps}", steps=steps_of(one, cell.settings.num_steps))


def _layers(cell: Cell, index: int) -> str:
    return str(cell.interventions[index].layers)


def steps_of(intervention: Intervention, num_steps: int) -> str:
    """The steps that an intervention acts on, counted from 1: ``2-5``."""
    last = num_steps if intervention.step_to is None else intervention.step_to
    return f"{intervention.step_from + 1}-{last}"
