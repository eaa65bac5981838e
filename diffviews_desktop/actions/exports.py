"""Writing what is shown or selected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.groups import columns_of_groups
from diffviews_desktop.actions.selection import NOTHING_SELECTED, chosen_rows, nothing_selected
from diffviews_desktop.actions.showing import no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.exports.contents import Drawing, Picture, Sheet, Table
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.columns import Column


@verb
def export_chosen(context: Context, file: Path) -> None:
    """Write the selected samples with their places on the map as CSV."""
    opened = context.state.opened
    rows = chosen_rows(context)
    if rows is None or opened.model is None or opened.layer_map is None:
        return
    shown = opened.layer_map
    columns: dict[str, NDArray | Column] = {
        "umap_x": shown.xy[rows, 0],
        "umap_y": shown.xy[rows, 1],
    }
    if shown.z is not None:
        columns["umap_z"] = shown.z[rows]
    if shown.trust is not None:
        columns["trust"] = shown.trust[rows]
    if shown.kept is not None:
        columns["neighbors_kept"] = shown.kept[rows]
    columns.update(columns_of_groups(context.state, rows))
    job = ExportSamples(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        rows=rows,
        columns=columns,
        file=file,
    )
    submit(context, job, f"Exporting {counted(len(rows), 'sample')}")


def ask_export(context: Context) -> None:
    """Ask where to, and write the selected samples as CSV."""
    if not len(context.state.picks.selection.chosen):
        context.say(NOTHING_SELECTED)
        return
    name = f"{file_name(str(context.state.opened.model))}-selection.csv"
    file = context.window.ask_file("Export samples", name, lambda: (Table,), "tables")
    if file is not None:
        export_chosen(context, file)


def save_picture(context: Context) -> None:
    """Ask where to, and write the picture of the shown step as PNG."""
    runs = context.state.runs
    run = runs.run()
    if run is None or not run.steps:
        return
    step = run.steps[min(runs.step, len(run.steps) - 1)]
    name = f"{file_name(run.job.spec.model)}-seed-{run.seed}-step-{step.index + 1}.png"
    file = context.window.ask_file("Save picture", name, lambda: (Picture,), "pictures")
    if file is not None:
        write_picture(context, file)


@verb
def write_picture(context: Context, file: Path) -> None:
    """Write the picture of the shown step, with what makes it again beside it."""
    runs = context.state.runs
    run = runs.run()
    if run is not None and run.steps:
        step = run.steps[min(runs.step, len(run.steps) - 1)]
        context.window.save(Picture(step.image, run.record), file)


@verb
def write_sheet(
    context: Context, file: Path, paper: str = Sheet.paper, ink: str = Sheet.ink
) -> None:
    """Write the contact sheet of the grid, with what makes it again beside it.

    Args:
        context: whose state is written.
        file: to write.
        paper: colour of the background, ``#rrggbb``.
        ink: colour of the names.
    """
    grid = context.state.runs.grid
    if grid is not None:
        sheet = sheet_of(grid.job, grid.cells, grid.record)
        context.window.save(replace(sheet, paper=paper, ink=ink), file)


@verb
def write_mean(context: Context, file: Path) -> None:
    """Write the mean picture that was computed last, with the samples that it is of."""
    mean = context.state.picks.mean
    if mean is not None:
        record = {"kind": "mean", "model": mean.model, "sample_ids": list(mean.sample_ids)}
        pixels = np.clip(np.rint(mean.mean), 0, 255).astype(np.uint8)
        context.window.save(Picture(pixels, record), file)


def export_map(context: Context) -> None:
    """Ask where to, and write the map as it is seen as PNG or SVG."""
    opened = context.state.opened
    if opened.layer_map is None:
        return
    name = file_name(f"{opened.model}-{opened.layer_map.label}") + "-map.png"

    def contents() -> tuple[type, ...]:
        return (Picture,) if context.state.view.solid else (Picture, Drawing)

    file = context.window.ask_file("Export the map", name, contents, "pictures")
    if file is not None:
        write_map(context, file)


@verb
def write_map(context: Context, file: Path) -> None:
    """Write the map as it is seen, which takes a window."""
    context.window.save_map(file)


def _no_picture(state: State) -> str:
    run = state.runs.run()
    return "" if run is not None and run.steps else "There is no picture yet: press Generate."


MAP = Action(
    "exports.map",
    "Export the ma&p…",
    export_map,
    keys=("Ctrl+P",),
    menu="file",
    group=3,
    why_not=no_map,
)
SELECTION = Action(
    "exports.selection",
    "E&xport the selection…",
    ask_export,
    keys=("Ctrl+E",),
    menu="edit",
    group=1,
    meaning="Write them to a CSV file, by sample id.",
    button="Export…",
    why_not=nothing_selected,
)
ACTIONS = (
    Action(
        "exports.picture",
        "Save pic&ture…",
        save_picture,
        keys=("Ctrl+Shift+E",),
        menu="file",
        group=3,
        why_not=_no_picture,
    ),
    MAP,
    SELECTION,
)
