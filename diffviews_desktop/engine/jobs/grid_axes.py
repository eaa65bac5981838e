"""How the pictures of a grid are laid out: its rows, its columns and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffviews_desktop.engine.jobs.drawing import GenerateGrid
from diffviews_desktop.exports.contents import Record, Sheet
from diffviews_desktop.values.runs import GridCell
from diffviews_desktop.values.sampling import GenerateSettings


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
        used = [(length, name) for length, name in lengths if length > 1]
        if not used:
            return cls(("",), (_seed(cells[0]),))
        across, column = used[0]
        if len(used) == 1 and across > 10:  # many of one kind: several rows of them
            return cls(tuple("" for _ in range(-(-across // 10))), ("",) * 10)
        rows = cells[::across]
        names = tuple(" · ".join(name(cell) for _, name in reversed(used[1:])) for cell in rows)
        return cls(names, tuple(column(cell) for cell in cells[:across]))


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


def _seed(cell: GenerateSettings) -> str:
    return f"seed {cell.seed}"


def _strength(cell: GenerateSettings) -> str:
    return f"strength {cell.strength:g}"


def _steps(cell: GenerateSettings) -> str:
    return f"steps {cell.mask_from + 1}-{cell.mask_steps}" if cell.mask_steps else "no steps"


def _layers(cell: GenerateSettings) -> str:
    return str(cell.mask_layers)
