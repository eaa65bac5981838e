"""The selection set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.samples import AveragePictures
from diffviews_desktop.state.picks import Choosing, Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.values.row_set import RowSet

NOTHING_SELECTED = tr("Select samples first: drag a rectangle or a lasso.")


@verb
def choose_rows(context: Context, rows: RowSet, how: Choosing = "replace") -> None:
    """Replace the selection set, add to it or take from it; samples that there are not are left
    out."""
    selection, samples = context.state.picks.selection, context.state.opened.samples
    rows = rows.below(0 if samples is None else len(samples))
    if how == "add":
        rows = selection.chosen | rows
    elif how == "remove":
        rows = selection.chosen - rows
    elif how == "toggle":
        rows = selection.chosen ^ rows
    _select(context, rows)


def _select(context: Context, rows: RowSet) -> None:
    selection = replace(context.state.picks.selection, chosen=rows)
    context.session.select(selection, tr("select samples"))


@verb
def choose_class(context: Context, number: int, how: Choosing = "replace") -> None:
    """Make all samples of a class the selection set, add them to it or take them from it."""
    samples = context.state.opened.samples
    if samples is not None:
        rows = RowSet.ascending(np.flatnonzero(samples.class_label == number))
        choose_rows(context, rows, how)


@verb
def invert_chosen(context: Context) -> None:
    """Select those samples that the map shows and that are not selected, and no others."""

    def take(rows: RowSet) -> None:
        selection = context.state.picks.selection
        inverse = replace(selection, chosen=rows - selection.chosen)
        context.session.select(inverse, tr("invert selection"))

    _with_rows_on_map(context, take)


@verb
def choose_all(context: Context) -> None:
    """Make all samples that the map shows the selection set."""
    _with_rows_on_map(context, partial(_select, context))


def _with_rows_on_map(context: Context, callback: Callable[[RowSet], None]) -> None:
    """Find the samples that the map shows, and go on with them unless it has changed meanwhile."""
    state = context.state
    if state.opened.layer_map is None:
        return

    def parts_of(state: State) -> tuple[object, ...]:
        opened = state.opened
        return opened.layer_map, opened.linked, state.view.filters, state.picks.selection

    def take(rows: RowSet) -> None:
        if all(
            one is other
            for one, other in zip(parts_of(context.state), parts_of(state), strict=True)
        ):
            callback(rows)

    context.session.compute(len(state.opened.layer_map.xy), partial(_on_map, state), take)


def _on_map(state: State) -> RowSet:
    """The samples that the map shows."""
    layer_map = state.opened.layer_map
    assert layer_map is not None
    x, y = layer_map.xy[:, 0], layer_map.xy[:, 1]
    visible = np.isfinite(x) & np.isfinite(y)
    hidden = hidden_rows(state)
    return RowSet.ascending(np.flatnonzero(visible if hidden is None else visible & ~hidden))


@verb
def clear_chosen(context: Context) -> None:
    """Empty the selection set; anchor and neighbours stay."""
    selection = replace(context.state.picks.selection, chosen=RowSet())
    context.session.select(selection, tr("clear selection set"))


@verb
def use_chosen_as_neighbors(context: Context) -> None:
    """Make the selection set the neighbours, as many as a mask takes.

    Of a larger set those nearest on the map to its middle. Without an anchor in the set the one
    nearest to the middle becomes the anchor.
    """
    layer_map, selection = context.state.opened.layer_map, context.state.picks.selection
    if layer_map is None or not len(selection.chosen):
        context.say(NOTHING_SELECTED)
        return

    def take(rows: list[int]) -> None:
        current = context.state
        if current.opened.layer_map is layer_map and current.picks.selection is selection:
            _take_as_neighbors(context, rows)

    most = context.state.preferences.most_neighbors
    order = partial(_middle_first, layer_map.xy, selection.chosen.rows, most)
    context.session.compute(len(selection.chosen), order, take)


def _middle_first(xy: NDArray, rows: NDArray[np.int64], most: int) -> list[int]:
    """Some rows in the order of their distance on the map to the middle of all of them, those
    without a place left out: ``most``, as many as could be neighbours, with a spare one."""
    places = np.asarray(xy, dtype=np.float64)[rows]
    finite = np.isfinite(places).all(axis=1)
    rows, places = rows[finite], places[finite]
    if not len(rows):
        return []
    distance = np.hypot(*(places - np.median(places, axis=0)).T)
    most = min(most + 2, len(rows))  # the anchor may be one, and one tells of more
    near = np.flatnonzero(distance <= np.partition(distance, most - 1)[most - 1])
    order: list[int] = rows[near[np.argsort(distance[near], kind="stable")]][:most].tolist()
    return order


def _take_as_neighbors(context: Context, rows: list[int]) -> None:
    selection = context.state.picks.selection
    if not rows:
        context.say(tr("None of the selected samples is on this map."))
        return
    anchor = selection.anchor
    if anchor is None or anchor not in selection.chosen:
        anchor = rows[0]
    others = [row for row in rows if row != anchor]
    most = context.state.preferences.most_neighbors
    context.session.select(
        Selection(anchor=anchor, manual=tuple(others[:most]), chosen=selection.chosen),
        tr("use selection as neighbours"),
    )
    if len(others) > most:
        context.say(
            tr(
                "A mask averages at most {neighbours}: of {number} selected samples "
                "those in the middle of the selection were taken.",
                neighbours=trn("{number} neighbour", "{number} neighbours", most),
                number=group_digits(len(selection.chosen)),
            )
        )


@verb
def average_chosen(context: Context) -> None:
    """Compute the mean of the selected samples' pictures; an earlier one in work is cancelled."""
    opened = context.state.opened
    rows = chosen_rows(context)
    if rows is None or opened.model is None:
        return
    job = AveragePictures(
        job_id=context.worker.next_id(), folder=opened.folder, model=opened.model, rows=rows
    )
    submit(
        context,
        job,
        tr(
            "Averaging {pictures}", pictures=trn("{number} picture", "{number} pictures", len(rows))
        ),
    )


def chosen_rows(context: Context) -> NDArray[np.int64] | None:
    """The selection set; None where it is empty, which is said."""
    rows = context.state.picks.selection.chosen
    if not len(rows):
        context.say(NOTHING_SELECTED)
        return None
    return rows.rows


def nothing_selected(state: State) -> str:
    """Why nothing can be done with the selection set; empty where there is one."""
    return "" if len(state.picks.selection.chosen) else NOTHING_SELECTED


USE_AS_NEIGHBORS = Action(
    "selection.use",
    tr("Use the selection as neigh&bours"),
    use_chosen_as_neighbors,
    keys=("Ctrl+N",),
    menu="edit",
    group=1,
    meaning=tr("Average them in the mask; of more than it averages, those in the middle."),
    button=tr("Use as neighbours"),
    why_not=nothing_selected,
)
MEAN = Action(
    "selection.mean",
    tr("&Mean picture of the selection"),
    average_chosen,
    keys=("Ctrl+M",),
    menu="edit",
    group=1,
    meaning=tr("The mean of their pictures."),
    button=tr("Mean picture"),
    why_not=nothing_selected,
)
ALL = Action(
    "selection.all",
    tr("Select &all"),
    choose_all,
    keys=("Ctrl+A",),
    menu="edit",
    group=1,
    why_not=no_map,
)
INVERT = Action(
    "selection.invert",
    tr("&Invert the selection"),
    invert_chosen,
    keys=("Ctrl+Shift+I",),
    menu="edit",
    group=1,
    meaning=tr("Select the samples that are not selected."),
    button=tr("Invert"),
    why_not=no_map,
)
NOTHING = Action(
    "selection.clear",
    tr("Select &nothing"),
    clear_chosen,
    keys=("Ctrl+Shift+D",),
    menu="edit",
    group=1,
    why_not=nothing_selected,
)
ACTIONS = (ALL, INVERT, NOTHING, MEAN, USE_AS_NEIGHBORS)
