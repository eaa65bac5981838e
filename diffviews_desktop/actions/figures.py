"""What is exported, made of the state: figures, films, filmstrips, and what their records say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop import __version__
from diffviews_desktop.exports.contents import Figure, Film, Sheet
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows, values_of
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.figures import (
    FigureStyle,
    FilmStyle,
    MapShown,
    PathShown,
    Ring,
    Role,
)
from diffviews_desktop.values.maps import LayerMap
from diffviews_desktop.values.noise_levels import opacities
from diffviews_desktop.values.palette import path_number
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.samples import class_title
from diffviews_desktop.values.told import told_text

DIMMED = 0.12
"""Factor of the opacity of all samples but those of the highlighted class."""
MOST_PREVIEWED = 20_000
"""Samples of a map that is only looked at."""


def figure_of(state: State, style: FigureStyle) -> Figure:
    """The map of a state as a figure; it must have one."""
    return Figure(map_shown(state, style), style, record_of(state, "figure"))


def map_shown(state: State, style: FigureStyle) -> MapShown:
    """What a figure shows of the map, without the samples that the filter leaves out."""
    samples, layer_map = state.opened.samples, state.opened.layer_map
    assert samples is not None
    assert layer_map is not None
    values = values_of(state, state.colored_by)
    assert values is not None
    xy, hidden = layer_map.xy, hidden_rows(state)
    labels, names = samples.class_label, dict(enumerate(values.names))
    if values.by == "cluster":
        labels = values.values.astype(np.int32)
    else:
        names = {number: class_title(number, name) for number, name, _ in samples.classes()}
    if hidden is not None:
        xy = np.where(hidden[:, None], np.float32(np.nan), xy)
    return MapShown(
        xy=xy,
        values=values,
        ramp=state.preferences.ramp,
        opacity=_opacity(state),
        classes=labels if style.names else None,
        class_names=names,
        rings=_rings(state) if style.marks else (),
        paths=[path_of(run) for run in state.on_map()[0] if run.steps] if style.runs else (),
        part=None if style.whole else state.view.rectangle,
        caption=caption_of(state),
    )


def _opacity(state: State) -> NDArray[np.float32]:
    samples = state.opened.samples
    assert samples is not None
    opacity = opacities(samples.sigma).astype(np.float32)
    lit = state.view.highlighted_class
    if lit is not None:
        opacity = np.where(samples.class_label == lit, opacity, opacity * np.float32(DIMMED))
    return opacity


def _rings(state: State) -> list[Ring]:
    layer_map, selection = state.opened.layer_map, state.picks.selection
    assert layer_map is not None
    suggestions = [row for row in selection.neighbors if row not in selection.manual]
    anchor = [] if selection.anchor is None else [selection.anchor]
    roles: list[tuple[Role, Sequence[int]]] = [
        ("suggested", suggestions),
        ("manual", selection.manual),
        ("anchor", anchor),
    ]
    places = [(role, layer_map.xy[row].tolist()) for role, rows in roles for row in rows]
    return [Ring((x, y), role) for role, (x, y) in places if np.isfinite((x, y)).all()]


def path_of(run: Run) -> PathShown:
    """A run on its map."""
    steps = run.steps
    hollow = [step.typicality is not None and step.typicality.unlike for step in steps]
    return PathShown(
        name=run.name,
        xy=np.array([step.xy for step in steps], dtype=np.float64).reshape(-1, 2),
        hollow=np.array(hollow, dtype=bool),
        done=run.done,
        hue=path_number(run.id),
        imposed=sorted({step.imposed_xy for step in steps if step.imposed_xy is not None}),
        landed=None if run.landed is None else run.landed.xy,
    )


def caption_of(state: State) -> str:
    """Model, layer and settings of the map, as sentences."""
    opened, layer_map = state.opened, state.opened.layer_map
    assert layer_map is not None
    count = int(np.isfinite(layer_map.xy).all(axis=1).sum())
    text = tr(
        "Model {model}, layer {map}. ",
        model=visible(str(opened.model), MOST_OF_NAME),
        map=layer_map.title,
    )
    text += tr(
        "UMAP of {samples}{settings}.",
        samples=trn("{number} sample", "{number} samples", count),
        settings=_parameter_text(layer_map),
    )
    values = state.colored_by
    if values == "class":
        text += tr(" Colours tell the class, opacity the noise level.")
    if state.view.filters:
        text += tr(" Some samples are left out by a filter.")
    return text


def _parameter_text(layer_map: LayerMap) -> str:
    """``: 15 neighbours, minimum distance 0.1, 50 principal components, seed 42``."""
    parameters, phrases = layer_map.parameters, []
    if parameters.get("n_neighbors") is not None:
        phrases.append(tr("{number} neighbours", number=parameters["n_neighbors"]))
    if parameters.get("min_dist") is not None:
        phrases.append(tr("minimum distance {distance}", distance=parameters["min_dist"]))
    if parameters.get("pca_components") is not None:
        phrases.append(tr("{number} principal components", number=parameters["pca_components"]))
    if parameters.get("metric") not in (None, "euclidean"):
        phrases.append(tr("{metric} distance", metric=parameters["metric"]))
    if parameters.get("seed") is not None:
        phrases.append(tr("seed {seed}", seed=parameters["seed"]))
    return visible(": " + ", ".join(phrases), 300) if phrases else ""


def record_of(state: State, kind: str, runs: Sequence[Run] = ()) -> dict[str, Any]:
    """What a file says of where it comes from: values that JSON knows."""
    opened, layer_map = state.opened, state.opened.layer_map
    record: dict[str, Any] = {
        "kind": kind,
        "program": f"diffviews-desktop {__version__}",
        "model": opened.model,
        "folder": None if opened.path is None else str(opened.path),
        "samples": opened.fingerprint,
    }
    if layer_map is not None:
        record |= {
            "layers": list(layer_map.layers),
            "told": None if layer_map.told is None else told_text(layer_map.told),
            "parameters": dict(layer_map.parameters),
            "colored_by": state.colored_by,
        }
    if runs:
        record["runs"] = [described_run(run) for run in runs]
    return record


def described_run(run: Run) -> dict[str, Any]:
    """A run's names, and its record where it is whole."""
    return {
        "run": run.id,
        "name": run.name,
        "model": run.job.spec.model,
        "layers": list(run.job.spec.layers),
        "seed": run.seed,
        "record": None if run.record is None else dict(run.record),
    }


def preview_of(figure: Figure) -> Figure:
    """The same with fewer samples, for looking at: a fair sample of many."""
    plot, count = figure.map, len(figure.map.xy)
    if count <= MOST_PREVIEWED:
        return figure
    some = np.sort(np.random.default_rng(0).permutation(count)[:MOST_PREVIEWED])
    fewer = replace(
        plot,
        xy=plot.xy[some],
        values=replace(plot.values, values=plot.values.values[some]),
        opacity=plot.opacity[some],
        classes=None if plot.classes is None else plot.classes[some],
    )
    return replace(figure, map=fewer)


# ---- runs ---------------------------------------------------------------------------------------


def film_of(state: State, run: Run, style: FilmStyle) -> Film:
    """A run with a step at least as a film; beside it the map, where the run belongs on the one on
    screen and it is wanted."""
    plot = None
    if style.map and state.on_this_map(run):
        look = FigureStyle(marks=True, runs=False, whole=True)
        plot = replace(map_shown(state, look), paths=(path_of(run),))
    steps = run.steps
    return Film(
        pictures=np.stack([step.image for step in steps]),
        titles=[step_title(step, len(steps)) for step in steps],
        style=style,
        map=plot,
        record=record_of(state, "film", (run,)),
    )


def strip_of(state: State, run: Run, most: int | None, paper: str, ink: str) -> Sheet:
    """The pictures of a run in a row, with step and noise level above each.

    Args:
        state: where the run is.
        run: with a step at least.
        most: so many of its steps, evenly spread, the first and the last among them; None for all.
        paper: colour of the background.
        ink: colour of the names.
    """
    steps = run.steps
    count = len(steps) if most is None else min(most, len(steps))
    indices = np.unique(np.linspace(len(steps) - 1, 0, max(1, count)).round().astype(int))
    return Sheet(
        pictures={at: steps[index].image for at, index in enumerate(indices)},
        count=len(indices),
        row_names=("",),
        column_names=tuple(f"{i + 1} · σ {steps[i].sigma:.3g}" for i in indices.tolist()),
        paper=paper,
        ink=ink,
        record=record_of(state, "filmstrip", (run,))
        | {"steps": [int(index) + 1 for index in indices]},
    )


def step_title(step: RunStep, count: int) -> str:
    """``step 3 of 10, σ 4.2``."""
    return tr(
        "step {index} of {count}, σ {sigma:.3g}",
        index=step.index + 1,
        count=count,
        sigma=step.sigma,
    )
