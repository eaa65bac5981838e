"""The anchor and its neighbours."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.maps import pending_map, want_map
from diffviews_desktop.actions.reasons import NO_ANCHOR, no_anchor
from diffviews_desktop.actions.verbs import repeated_verb, verb
from diffviews_desktop.engine.jobs.mapping import FindNeighbors, NeighborsFound
from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.state.picks import Selection, Within
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn


@verb
def click_point(context: Context, row: int) -> None:
    """The first click sets the anchor, the same again does nothing, others toggle neighbours."""
    selection = context.state.picks.selection
    if selection.anchor is None:
        context.session.select(Selection(anchor=row, chosen=selection.chosen), tr("set anchor"))
    elif row != selection.anchor:
        adding = row not in selection.neighbors
        if adding and len(selection.neighbors) >= context.state.preferences.most_neighbors:
            _say_limit(context)
            return
        text = tr("add neighbour") if adding else tr("remove neighbour")
        context.session.select(selection.toggle(row), text)


@verb
def new_anchor(context: Context, row: int) -> None:
    """Start over from another point; the selection set stays."""
    rows = context.state.picks.selection.chosen
    context.session.select(Selection(anchor=row, chosen=rows), tr("new anchor"))


@verb
def remove_neighbor(context: Context, row: int) -> None:
    """Take a neighbour out, however it came in."""
    context.session.select(context.state.picks.selection.without(row), tr("remove neighbour"))


@verb
def clear_neighbors(context: Context) -> None:
    """Keep the anchor alone."""
    selection = context.state.picks.selection
    context.session.select(
        Selection(selection.anchor, chosen=selection.chosen), tr("clear neighbours")
    )


@verb
def clear_selection(context: Context) -> None:
    """Pick nothing; runs stay."""
    context.session.select(Selection(), tr("clear selection"))


@verb
def add_neighbor(context: Context, row: int) -> None:
    """Add a neighbour by hand; without an anchor it becomes the anchor."""
    selection = context.state.picks.selection
    if selection.anchor is None or row not in selection.rows:
        click_point(context, row)


def add_hovered(context: Context) -> None:
    """Add the sample under the mouse, or where the arrow keys went, as a neighbour."""
    row = context.window.hovered_row()
    if row is None:
        context.say(tr("Point at a sample first, with the mouse or the arrow keys."))
    else:
        add_neighbor(context, row)


@repeated_verb
def change_suggestion(
    context: Context, count: int, on_map: bool, within: Within | None = None
) -> None:
    """Choose how many neighbours are suggested, whether on the map, and among which samples; None
    leaves that as it is."""
    state = context.state
    within = state.picks.suggest_within if within is None else within
    picks = replace(state.picks, suggest_count=count, suggest_on_map=on_map, suggest_within=within)
    context.update(replace(state, picks=picks))


@verb
def suggest_neighbors(
    context: Context, count: int, on_map: bool = False, within: Within | None = None
) -> None:
    """Add the nearest samples to the anchor: in activation space, or on the map; among all samples
    or those of its class or noise level. None as ``within`` leaves that as it is."""
    state = context.state
    layer_map, selection = state.opened.layer_map, state.picks.selection
    anchor, manual = selection.anchor, selection.manual
    if layer_map is None or anchor is None:
        context.say(NO_ANCHOR)
        return
    change_suggestion(context, count, on_map, within)
    space = layer_map.xy if on_map else layer_map.reduced
    if space is None:
        _want_activations(context)
        return
    if layer_map.quality.loses_neighbors and not on_map:
        _ask_layer(context, anchor, count + len(manual))
        return

    def take(pairs: list[tuple[int, float]]) -> None:
        current = context.state
        choice = current.picks.selection
        same = (choice.anchor, choice.manual) == (anchor, manual)
        if current.opened.layer_map is layer_map and same:
            _take_suggested(context, [pair for pair in pairs if pair[0] not in manual][:count])

    scope = context.state.picks.suggest_within
    if on_map and layer_map.aligned:  # each noise level has a map of its own
        scope = replace(scope, same_level=True)
    find = partial(_nearest, state, space, scope, anchor, count + len(manual))
    context.session.compute(len(space), find, take)


def _nearest(
    state: State, space: NDArray[np.float32], within: Within, row: int, count: int
) -> list[tuple[int, float]]:
    """The samples nearest to one among those that are wanted."""
    samples = state.opened.samples
    rows = None if samples is None else within.rows(samples, row)
    if rows is None:
        return neighbors_of(space, row, count)
    pairs = neighbors_of(space[rows], int(np.searchsorted(rows, row)), count)
    return [(int(rows[place]), distance) for place, distance in pairs]


def _ask_layer(context: Context, row: int, count: int) -> None:
    """Have the nearest looked for in the whole layer, of which the reduced space loses too many."""
    opened = context.state.opened
    assert opened.spec is not None
    job = FindNeighbors(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        spec=opened.spec,
        row=row,
        count=count,
        among=_among(context.state, row),
    )
    submit(context, job, tr("Finding neighbours"))


def _among(state: State, row: int) -> NDArray[np.int64] | None:
    samples = state.opened.samples
    return None if samples is None else state.picks.suggest_within.rows(samples, row)


def take_found(context: Context, job: FindNeighbors, result: NeighborsFound) -> None:
    """Suggest what was found in the whole layer, if the anchor and the map are still the same."""
    opened, picks = context.state.opened, context.state.picks
    if (job.folder, job.spec, job.row) == (opened.folder, opened.spec, picks.selection.anchor):
        manual = picks.selection.manual
        fresh = [pair for pair in result.pairs if pair[0] not in manual]
        _take_suggested(context, fresh[: picks.suggest_count], result.in_layer)


def _want_activations(context: Context) -> None:
    """The folder brought a map without activations: make what is missing, then ask again."""
    opened = context.state.opened
    assert opened.spec is not None
    pending = pending_map(context.state)
    if pending is not None:
        if pending.spec != opened.spec:
            context.say(tr("Neighbours can be suggested once the new map is there."))
        return
    want_map(context, opened.spec, tr("Computing activations for neighbours"))


def _take_suggested(
    context: Context, fresh: list[tuple[int, float]], in_layer: bool = False
) -> None:
    opened, selection = context.state.opened, context.state.picks.selection
    assert opened.layer_map is not None
    room = max(0, context.state.preferences.most_neighbors - len(selection.manual))
    suggestion = replace(
        selection,
        suggested=tuple(fresh[:room]),
        suggested_by=opened.spec,
        in_layer=in_layer,
    )
    context.session.select(suggestion, tr("suggest neighbours"))
    if len(fresh) > room:
        _say_limit(context)


def _say_limit(context: Context) -> None:
    most = trn(
        "{number} neighbour", "{number} neighbours", context.state.preferences.most_neighbors
    )
    context.say(
        tr("A mask averages at most {most}; remove one, or allow more in Preferences.", most=most)
    )


@verb
def undo(context: Context) -> None:
    """Take back the last pick."""
    context.session.undo()


@verb
def redo(context: Context) -> None:
    """Pick again what was taken back last."""
    context.session.redo()


def _suggest(context: Context) -> None:
    picks = context.state.picks
    options = picks.suggest_count, picks.suggest_on_map, picks.suggest_within
    suggest_neighbors(context, *options)


def _nothing_picked(state: State) -> str:
    selection = state.picks.selection
    return "" if selection.rows or len(selection.chosen) else tr("Nothing is picked.")


def _going_back(state: State) -> str:
    back = state.picks.returning
    return (
        ""
        if back is None
        else tr("Wait until {model} is shown again, or press Cancel.", model=back.spec.model)
    )


UNDO = Action(
    "picks.undo",
    tr("&Undo"),
    undo,
    keys=("Ctrl+Z",),
    menu="edit",
    why_not=lambda state: (
        _going_back(state) or ("" if state.picks.undo else tr("There is nothing to undo."))
    ),
    detail=lambda state: state.picks.undo,
    explains=False,
)
REDO = Action(
    "picks.redo",
    tr("&Redo"),
    redo,
    keys=("Ctrl+Shift+Z", "Ctrl+Y"),
    menu="edit",
    why_not=lambda state: (
        _going_back(state) or ("" if state.picks.redo else tr("There is nothing to redo."))
    ),
    detail=lambda state: state.picks.redo,
    explains=False,
)
ACTIONS = (
    UNDO,
    REDO,
    Action(
        "picks.clear-neighbours",
        tr("Clear n&eighbours"),
        clear_neighbors,
        menu="edit",
        group=2,
        why_not=lambda state: (
            "" if state.picks.selection.neighbors else tr("There are no neighbours.")
        ),
    ),
    Action(
        "picks.clear",
        tr("&Clear all picks"),
        clear_selection,
        keys=("Ctrl+Shift+A",),
        menu="edit",
        group=2,
        why_not=_nothing_picked,
    ),
    Action(
        "picks.add",
        tr("&Add the sample under the mouse"),
        add_hovered,
        keys=("N",),
        menu="map",
        group=2,
    ),
    Action(
        "picks.suggest",
        tr("&Suggest neighbours"),
        _suggest,
        keys=("S",),
        menu="map",
        group=2,
        meaning=tr("Add the samples that are nearest to the anchor"),
        button=tr("S&uggest"),
        why_not=no_anchor,
    ),
)
