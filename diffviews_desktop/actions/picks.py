"""The anchor and its neighbours."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.actions.maps import pending_map
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.state.state import (
    MAX_NEIGHBORS,
    Selection,
)


def click_point(*, session: SessionLike, row: int) -> None:
    """The first click sets the anchor, the same again does nothing, others toggle neighbours."""
    selection = session.state.selection
    if selection.anchor is None:
        session.select(Selection(anchor=row, chosen=selection.chosen), "set anchor")
    elif row != selection.anchor:
        adding = row not in selection.neighbors
        if adding and len(selection.neighbors) >= MAX_NEIGHBORS:
            say_limit(session)
            return
        session.select(selection.toggled(row), "add neighbour" if adding else "remove neighbour")


def new_anchor(*, session: SessionLike, row: int) -> None:
    """Start over from another point; the selection set stays."""
    chosen = session.state.selection.chosen
    session.select(Selection(anchor=row, chosen=chosen), "new anchor")


def remove_neighbor(*, session: SessionLike, row: int) -> None:
    """Take a neighbour out, however it came in."""
    session.select(session.state.selection.without(row), "remove neighbour")


def clear_neighbors(*, session: SessionLike) -> None:
    """Keep the anchor alone."""
    selection = session.state.selection
    session.select(Selection(selection.anchor, chosen=selection.chosen), "clear neighbours")


def clear_selection(*, session: SessionLike) -> None:
    """Pick nothing; trajectories stay."""
    session.select(Selection(), "clear selection")


def add_neighbor(*, session: SessionLike, row: int) -> None:
    """Add a neighbour by hand; without an anchor it becomes the anchor."""
    selection = session.state.selection
    if selection.anchor is None or row not in selection.rows:
        click_point(session=session, row=row)


def suggest_neighbors(
    *, session: SessionLike, worker: WorkerLike, count: int, on_map: bool = False
) -> None:
    """Add the nearest samples to the anchor: in activation space, or on the map."""
    state = session.state
    if state.layer_map is None or state.selection.anchor is None:
        session.update(state.with_notice("Click a point on the map first: it becomes the anchor."))
        return
    if state.layer_map.reduced is None and not on_map:
        # the folder brought a map without activations: make what is missing, then ask again
        assert state.model is not None
        session.update(replace(state, suggest_count=count, suggest_on_map=on_map))
        pending = pending_map(state)
        if pending is not None:
            if (pending.layers, pending.source.parameters) != state.map_key():
                text = "Neighbours can be suggested once the new map is there."
                session.update(session.state.with_notice(text))
            return
        job = MapLayer(
            job_id=worker.next_id(),
            source=state.source,
            model=state.model,
            layers=state.layer_map.layers,
        )
        submit(session, worker, job, "Computing activations for neighbours")
        return
    session.update(replace(session.state, suggest_count=count, suggest_on_map=on_map))
    space = state.layer_map.xy if on_map else state.layer_map.reduced
    anchor, manual = state.selection.anchor, state.selection.manual
    assert space is not None
    assert anchor is not None

    def take(found: list[tuple[int, float]]) -> None:
        now = session.state
        picked = now.selection
        if now.layer_map is state.layer_map and (picked.anchor, picked.manual) == (anchor, manual):
            _take_suggested(session, [pair for pair in found if pair[0] not in manual][:count])

    session.aside(len(space), partial(neighbors_of, space, anchor, count + len(manual)), take)


def _take_suggested(session: SessionLike, fresh: list[tuple[int, float]]) -> None:
    state = session.state
    assert state.layer_map is not None
    room = MAX_NEIGHBORS - len(state.selection.manual)
    suggested = replace(
        state.selection,
        suggested=tuple(fresh[:room]),
        suggested_by=state.layer_map.layers,
        suggested_with=state.source.parameters,
    )
    session.select(suggested, "suggest neighbours")
    if len(fresh) > room:
        say_limit(session)


def say_limit(session: SessionLike) -> None:
    text = f"A mask averages at most {MAX_NEIGHBORS} neighbours; remove one to add another."
    session.update(session.state.with_notice(text))
