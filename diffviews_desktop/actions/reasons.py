"""Why something is not possible now, where several topics share the reason."""

from __future__ import annotations

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.quantities.quantity import NO_MAP

NO_FOLDER = tr("Open a data folder first.")
NO_ANCHOR = tr("Click a point on the map first: it becomes the anchor.")


def no_folder(state: State) -> str:
    """Why nothing can be done with samples; empty where there are some."""
    return "" if state.opened.samples is not None else NO_FOLDER


def no_map(state: State) -> str:
    """Why nothing can be done with the map; empty where there is one."""
    return "" if state.opened.layer_map is not None else tr(NO_MAP)


def no_anchor(state: State) -> str:
    """Why nothing can be done with the anchor; empty where it is on a map."""
    return no_map(state) or ("" if state.picks.selection.anchor is not None else NO_ANCHOR)


def model_cannot_run(state: State) -> str:
    """Why nothing can be drawn with the model; empty where the model is not at fault."""
    problem = state.opened.model_problem
    return tr("The model cannot run: {problem}", problem=problem) if problem else ""
