"""Writing what is shown or selected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.figures import (
    figure_of,
    film_of,
    preview_of,
    record_of,
    strip_of,
)
from diffviews_desktop.actions.groups import columns_of_groups
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.run_list import ask_save_step
from diffviews_desktop.actions.run_tables import run_arrays, steps_table
from diffviews_desktop.actions.selection import chosen_rows, nothing_selected
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.exporting import Exported, PreviewContent, WriteContent
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.engine.jobs.samples import ExportSamples, PictureMean
from diffviews_desktop.exports.contents import Arrays, Drawing, Figure, Film, Picture, Sheet, Table
from diffviews_desktop.exports.registry import exporter_for
from diffviews_desktop.processing.neighbors import to_euclidean
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.figures import FigureStyle, FilmStyle
from diffviews_desktop.values.told import told_text

FIGURE, FILM = FigureStyle(), FilmStyle()
"""How figures and films look where nobody chose."""


# ---- samples ------------------------------------------------------------------------------------


@verb
def export_chosen(context: Context, file: Path) -> None:
    """Write the selected samples with their places on the map as CSV, Parquet or npz."""
    rows = chosen_rows(context)
    if rows is not None:
        _export_samples(context, file, rows, "selection", {})


@verb
def export_neighbors(context: Context, file: Path) -> None:
    """Write the anchor and its neighbours with their distances, likewise."""
    state = context.state
    selection, layer_map = state.picks.selection, state.opened.layer_map
    if selection.anchor is None or layer_map is None:
        return
    rows = np.array(selection.rows, dtype=np.int64)
    roles = {selection.anchor: "anchor"} | dict.fromkeys(selection.manual, "by hand")
    columns: dict[str, NDArray | Column] = {
        "role": np.array([roles.get(row, "suggested") for row in rows.tolist()]),
        "distance_on_map": _distances(layer_map.xy, rows),
    }
    if layer_map.reduced is not None:
        metric = str(layer_map.parameters.get("metric", "euclidean"))
        reduced = to_euclidean(layer_map.reduced[rows], metric)
        columns["distance_in_activations"] = _distances(reduced, np.arange(len(rows)))
    told = dict(selection.suggested)
    if told:
        columns["suggested_distance"] = np.array([told.get(row, np.nan) for row in rows.tolist()])
    _export_samples(context, file, rows, "neighbours", columns)


def _distances(points: NDArray, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """From the first of some rows to each."""
    places = points[rows].astype(np.float64)
    return np.asarray(np.linalg.norm(places - places[0], axis=1))


def _export_samples(
    context: Context,
    file: Path,
    rows: NDArray[np.int64],
    kind: str,
    columns: dict[str, NDArray | Column],
) -> None:
    opened = context.state.opened
    layer_map = opened.layer_map
    if opened.model is None or layer_map is None:
        return
    columns |= {"umap_x": layer_map.xy[rows, 0], "umap_y": layer_map.xy[rows, 1]}
    if layer_map.z is not None:
        columns["umap_z"] = layer_map.z[rows]
    if layer_map.trust is not None:
        columns["trust"] = layer_map.trust[rows]
    if layer_map.kept is not None:
        columns["neighbors_kept"] = layer_map.kept[rows]
    if opened.map_told is not None and opened.samples is not None:
        columns["told"] = np.full(len(rows), told_text(opened.map_told))
    columns.update(columns_of_groups(context.state, rows))
    job = ExportSamples(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        rows=rows,
        columns=columns,
        file=file,
        record=record_of(context.state, kind),
    )
    submit(
        context,
        job,
        tr("Exporting {samples}", samples=trn("{number} sample", "{number} samples", len(rows))),
    )


# ---- pictures -----------------------------------------------------------------------------------


def save_picture(context: Context) -> None:
    """Ask where to, and write the picture of the shown step."""
    runs = context.state.runs
    if runs.shown is not None:
        ask_save_step(context, runs.shown, runs.step)


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
        pixels = np.clip(np.rint(mean.mean), 0, 255).astype(np.uint8)
        context.window.save(Picture(pixels, record_of_mean(mean, "mean")), file)


def record_of_mean(mean: PictureMean, kind: str) -> dict[str, object]:
    """What a picture says of the samples whose mean, or standard deviation, it is."""
    return {"kind": kind, "model": mean.model, "sample_ids": list(mean.sample_ids)}


# ---- the map ------------------------------------------------------------------------------------


def ask_map(context: Context) -> None:
    """Ask where to, and write the map as it is seen as PNG or SVG."""
    opened = context.state.opened
    if opened.layer_map is None:
        return
    name = file_name(f"{opened.model}-{opened.layer_map.label}") + "-map.png"

    def contents() -> tuple[type, ...]:
        return (Picture,) if context.state.view.solid else (Picture, Drawing)

    file = context.window.ask_file(tr("Export the map"), name, contents, "pictures")
    if file is not None:
        write_map(context, file)


@verb
def write_map(context: Context, file: Path) -> None:
    """Write the map as it is seen, which takes a window."""
    context.window.save_map(file)


@verb
def write_figure(context: Context, file: Path, style: FigureStyle = FIGURE) -> None:
    """Write the map as a figure in PDF, SVG or PNG, with a legend, a scale and a caption."""
    _with_figure(context, style, partial(_write, context, file))


def preview_figure(context: Context, style: FigureStyle, side: int) -> None:
    """Show how a figure will look; its longer side has so many pixels."""
    _with_figure(context, style, lambda figure: preview(context, preview_of(figure), side))


def _with_figure(context: Context, style: FigureStyle, callback: Callable[[Figure], None]) -> None:
    state = context.state
    if state.opened.layer_map is not None and state.opened.samples is not None:
        count = len(state.opened.samples)
        context.session.compute(count, partial(figure_of, state, style), callback)


# ---- runs ---------------------------------------------------------------------------------------


@verb
def write_film(
    context: Context, file: Path, style: FilmStyle = FILM, run: int | None = None
) -> None:
    """Write a run as GIF or MP4: the shown one unless an id is given."""
    _with_film(context, style, run, partial(_write, context, file))


def preview_film(context: Context, style: FilmStyle, run: int | None, side: int) -> None:
    """Show how the last frame of a film will look."""
    _with_film(context, style, run, lambda film: preview(context, film, side))


def _with_film(
    context: Context, style: FilmStyle, run_id: int | None, callback: Callable[[Film], None]
) -> None:
    state = context.state
    run = state.runs.run(run_id)
    if run is not None and run.steps:
        samples = state.opened.samples
        count = 0 if samples is None else len(samples)
        context.session.compute(count, partial(film_of, state, run, style), callback)


@verb
def write_strip(
    context: Context,
    file: Path,
    most: int | None = None,
    run: int | None = None,
    paper: str = Sheet.paper,
    ink: str = Sheet.ink,
) -> None:
    """Write the steps of a run in a row as PNG: of the shown one unless an id is given.

    Args:
        context: whose state is written.
        file: to write.
        most: so many steps at most, evenly spread; None for all.
        run: the id of a run.
        paper: colour of the background, ``#rrggbb``.
        ink: colour of the names.
    """
    subject = context.state.runs.run(run)
    if subject is not None and subject.steps:
        _write(context, file, strip_of(context.state, subject, most, paper, ink))


@verb
def write_runs(
    context: Context,
    file: Path,
    runs: tuple[int, ...] | None = None,
    activations: bool = False,
) -> None:
    """Write the steps of runs as numbers in CSV, Parquet or npz: of all unless ids are given.

    Args:
        context: whose state is written.
        file: to write; an npz has pictures and activations as well.
        runs: ids of runs.
        activations: whether each component of the reduced activations is a column.
    """
    state = context.state
    subjects = runs_of(state, runs)
    if not subjects:
        return
    arrays = exporter_for(file, Arrays) is not None
    content: Arrays | Table = (
        run_arrays(state, subjects)
        if arrays
        else steps_table(state, subjects, activations=activations)
    )
    _write(context, file, content)


def runs_of(state: State, ids: tuple[int, ...] | None) -> list[Run]:
    """The runs with some ids, or all, that have a step."""
    return [run for run in state.runs.all if run.steps and (ids is None or run.id in ids)]


# ---- what is done with them ---------------------------------------------------------------------


def _write(context: Context, file: Path, content: Exported) -> None:
    job = WriteContent(
        job_id=context.worker.next_id(),
        folder=context.state.opened.folder,
        content=content,
        file=file,
    )
    submit(context, job, tr("Writing {file}", file=file.name))


def preview(context: Context, content: Figure | Film | Sheet, side: int) -> None:
    """Show how something will look; its longer side has so many pixels at most."""
    job = PreviewContent(
        job_id=context.worker.next_id(),
        folder=context.state.opened.folder,
        content=content,
        side=side,
    )
    submit(context, job, tr("Drawing a preview"))


# ---- why not ------------------------------------------------------------------------------------


def no_picture(state: State) -> str:
    """Why there is no picture of a step; empty where there is."""
    run = state.runs.run()
    return "" if run is not None and run.steps else tr("There is no picture yet: press Generate.")


def no_runs(state: State) -> str:
    """Why there is no run to write; empty where there is."""
    return "" if runs_of(state, None) else tr("There is no run yet: press Generate.")


def no_grid(state: State) -> str:
    """Why there is no contact sheet; empty where there is."""
    grid = state.runs.grid
    return "" if grid is not None and grid.cells else tr("There is no grid yet: draw one first.")


def nothing_to_export(state: State) -> str:
    """Why nothing at all can be exported; empty where something can."""
    reasons = no_map(state), no_runs(state), no_grid(state)
    return reasons[0] if all(reasons) else ""


MAP = Action(
    "exports.map",
    tr("Export the ma&p…"),
    lambda context: context.window.show_export("figure"),
    keys=("Ctrl+P",),
    meaning=tr("As a figure in PDF, SVG or PNG, with legend, scale and caption."),
    why_not=no_map,
)
SELECTION = Action(
    "exports.selection",
    tr("E&xport the selection…"),
    lambda context: context.window.show_export("selection"),
    menu="edit",
    group=1,
    meaning=tr("Write the selected samples to a table, by sample id."),
    button=tr("Export…"),
    why_not=nothing_selected,
)
ACTIONS: tuple[Action, ...] = (
    Action(
        "exports.export",
        tr("E&xport…"),
        lambda context: context.window.show_export(None),
        keys=("Ctrl+E",),
        menu="file",
        group=3,
        meaning=tr("Figures, films, filmstrips, contact sheets and tables."),
        why_not=nothing_to_export,
    ),
    Action(
        "exports.picture",
        tr("Save pic&ture…"),
        save_picture,
        keys=("Ctrl+Shift+E",),
        menu="file",
        group=3,
        why_not=no_picture,
    ),
    MAP,
    SELECTION,
)
