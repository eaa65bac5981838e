"""The tour: six stops on the demo, after which the user has seen a layer speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from diffviews_desktop.actions import picks, runs
from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.folders import open_data
from diffviews_desktop.actions.keeping import leave
from diffviews_desktop.actions.maps import change_layer
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.folders import FolderRef

Place = Literal["map", "suggest", "generate", "runs", "compare"]
"""A part of the window that the light falls on."""
MODEL = "digits"
CLEAR_SIGMA = 2.0
"""Of the samples that the tour picks: a digit is still seen, and the layer draws it by itself."""
SUGGESTED = 5
WAIT = tr("Wait until the map is there.")


@dataclass(frozen=True)
class Stop:
    """One card of the tour.

    Attributes:
        title: what is done there.
        text: what there is to see and to do, with ``{layer}`` for the layers of the map.
        place: the part of the window that it is about.
        reached: whether the user has done what the card asks for; where it asks for nothing, never.
        do: does it for the user; None where the card asks for nothing.
        ending: what the card says once that is done; empty where the tour goes on by itself then.
    """

    title: str
    text: str
    place: Place
    reached: Callable[[State], bool] = lambda state: False
    do: Callable[[Context], None] | None = None
    ending: str = ""


def _pick(context: Context) -> None:
    row = clear_sample(context.state)
    if row is not None:
        picks.new_anchor(context, row)


def _suggest(context: Context) -> None:
    picks.suggest_neighbors(context, SUGGESTED)


def _has_drawn(state: State) -> bool:
    run = state.runs.run()
    return run is not None and run.done and bool(run.job.interventions)


def _has_compared(state: State) -> bool:
    baseline = state.runs.baseline() if state.runs.comparing else None
    return baseline is not None and baseline.done


STOPS: tuple[Stop, ...] = (
    Stop(
        tr("Welcome to DiffViews"),
        tr(
            "This is a map of what a diffusion model computes: each point is a picture as one of "
            "the model's layers sees it. Pick a few points, and the layer is held at their mean "
            "while the model draws. What it draws then shows what the layer says."
        ),
        "map",
    ),
    Stop(
        tr("Look around"),
        tr(
            "Each point is a handwritten digit with noise added, placed by what {layer} computes "
            "of it. Colours are classes, and the fainter a point, the noisier its picture. Move "
            "the mouse over the map: the picture appears beside it."
        ),
        "map",
    ),
    Stop(
        tr("Pick a point"),
        tr("Click a point in a strong colour. It becomes the anchor and gets a red ring."),
        "map",
        reached=lambda state: state.picks.selection.anchor is not None,
        do=_pick,
    ),
    Stop(
        tr("Add its neighbours"),
        tr(
            "Press Suggest. The samples whose activations are nearest to the anchor's get green "
            "rings; the mean of all of them is what the layer will be held at."
        ),
        "suggest",
        reached=lambda state: bool(state.picks.selection.neighbors),
        do=_suggest,
    ),
    Stop(
        tr("Let the layer speak"),
        tr(
            "Press Generate. The model starts from pure noise and is told no class, but {layer} is "
            "held at the mean of your picks."
        ),
        "generate",
        reached=_has_drawn,
        do=lambda context: context.window.press_generate(),
    ),
    Stop(
        tr("Watch it draw"),
        tr(
            "Each frame is one step of the run, and one mark of the dashed path on the map, "
            "from the diamond to the star. Move through them with the slider, or press P to play "
            "them."
        ),
        "runs",
    ),
    Stop(
        tr("Compare"),
        tr("Press Compare. The same noise is drawn once more with nothing held."),
        "compare",
        reached=_has_compared,
        do=runs.compare_with_unmasked,
        ending=tr(
            "Both drawings began with the same noise and were told no class. What differs "
            "between them is what {layer} said. Try other points, other layers, and Interventions."
        ),
    ),
)
"""The first greets; six follow."""
COUNT = len(STOPS) - 1


def clear_sample(state: State) -> int | None:
    """A sample with little noise whose nearest neighbours are all of its class; where there is
    none, the first with little noise. None without a map."""
    samples, layer_map = state.opened.samples, state.opened.layer_map
    if samples is None or layer_map is None:
        return None
    finite = np.isfinite(layer_map.xy).all(axis=1)
    distance = np.where(
        finite, np.abs(np.log(np.maximum(samples.sigma, 1e-6) / CLEAR_SIGMA)), np.inf
    )
    if not finite.any():
        return None
    rows = np.flatnonzero(distance == distance.min()).tolist()
    space = layer_map.xy if layer_map.reduced is None else layer_map.reduced
    for row in rows:
        near = [other for other, _ in neighbors_of(space, row, SUGGESTED)]
        if (samples.class_label[near] == samples.class_label[row]).all():
            return int(row)
    return int(rows[0])


def text_of(stop: Stop, state: State) -> str:
    """What a card says now."""
    layer_map = state.opened.layer_map
    layer = tr("the layer") if layer_map is None else visible(str(layer_map.layers), MOST_OF_NAME)
    text = stop.ending if stop.ending and stop.reached(state) else stop.text
    return text.replace("{layer}", layer)


def waits(state: State) -> bool:
    """Whether something is in work that the tour needs before it can go on."""
    drawing = any(isinstance(running.job, Generate) for running in state.jobs.running)
    return state.opened.layer_map is None or drawing


# ---- going through it ---------------------------------------------------------------------------


def greet(context: Context) -> None:
    """Welcome the user to the demo and offer the tour, once."""
    state = context.state
    if state.opened.is_demo and not state.preferences.welcomed:
        context.update(replace(state, preferences=replace(state.preferences, welcomed=True)))
        _go(context, 0)


def start(context: Context) -> None:
    """Begin with the demo and its own map; before runs of another folder are dropped, the user is
    asked."""
    opened = context.state.opened
    if not opened.is_demo:
        leave(context, tr("Taking the tour on the demo"), partial(_begin_on_demo, context))
        return
    if opened.model != MODEL:
        open_data(context, opened.folder, MODEL)
    elif opened.spec is None or opened.spec.layers != opened.default_layers:
        change_layer(context, opened.default_layers)
    _begin(context)


def _begin_on_demo(context: Context) -> None:
    open_data(context, FolderRef())
    _begin(context)


def _begin(context: Context) -> None:
    if context.state.picks.selection.rows:
        picks.clear_selection(context)
    _go(context, 1)


def go_on(context: Context) -> None:
    """Go to the next card; from the greeting, begin; from the last card, end."""
    at = context.state.tour
    if at == 0:
        start(context)
    elif at is not None:
        _go(context, at + 1 if at < COUNT else None)


def go_back(context: Context) -> None:
    """Go to the card before."""
    at = context.state.tour
    if at is not None and at > 1:
        _go(context, at - 1)


def do_for_user(context: Context) -> None:
    """Do what the card asks for."""
    at = context.state.tour
    stop = STOPS[at] if at is not None else None
    if stop is not None and stop.do is not None:
        stop.do(context)


def end(context: Context) -> None:
    """Show no card any more."""
    _go(context, None)


def _go(context: Context, at: int | None) -> None:
    state = context.state
    context.update(replace(state, tour=at))


ACTIONS = (
    Action(
        "tour.start",
        tr("Take the &tour"),
        start,
        menu="help",
        meaning=tr("Six steps on the demo, from the first point to a layer that speaks."),
    ),
)
