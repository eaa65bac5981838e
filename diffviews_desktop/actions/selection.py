"""The selection set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.engine.jobs.samples import (
    AveragePictures,
)
from diffviews_desktop.state.state import (
    MAX_NEIGHBORS,
    Choosing,
    Selection,
    State,
)
from diffviews_desktop.state.values import hidden_rows
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.row_set import RowSet


def choose_rows(*, session: SessionLike, rows: RowSet, how: Choosing = "replace") -> None:
    """Replace the selection set, add to it or take from it."""
    selection = session.state.selection
    if how == "add":
        rows = selection.chosen | rows
    elif how == "remove":
        rows = selection.chosen - rows
    elif how == "toggle":
        rows = selection.chosen ^ rows
    session.select(replace(selection, chosen=rows), "select samples")


def choose_class(*, session: SessionLike, number: int, how: Choosing = "replace") -> None:
    """Make all samples of a class the selection set, add them to it or take them from it."""
    samples = session.state.samples
    if samples is not None:
        rows = RowSet.ascending(np.flatnonzero(samples.class_label == number))
        choose_rows(session=session, rows=rows, how=how)


def invert_chosen(*, session: SessionLike) -> None:
    """Select those samples that the map shows and that are not selected, and no others."""

    def take(rows: RowSet) -> None:
        selection = session.state.selection
        session.select(replace(selection, chosen=rows - selection.chosen), "invert selection")

    _with_rows_on_map(session, take)


def choose_all(*, session: SessionLike) -> None:
    """Make all samples that the map shows the selection set."""
    _with_rows_on_map(session, lambda rows: choose_rows(session=session, rows=rows))


def _with_rows_on_map(session: SessionLike, then: Callable[[RowSet], None]) -> None:
    """Find the samples that the map shows, and go on with them unless it has changed meanwhile."""
    state = session.state
    if state.layer_map is None:
        return

    def take(rows: RowSet) -> None:
        now = session.state
        names = ("layer_map", "filter", "selection", "linked")
        if all(getattr(now, name) is getattr(state, name) for name in names):
            then(rows)

    session.aside(len(state.layer_map.xy), partial(_on_map, state), take)


def _on_map(state: State) -> RowSet:
    """The samples that the map shows."""
    assert state.layer_map is not None
    x, y = state.layer_map.xy[:, 0], state.layer_map.xy[:, 1]
    shown = np.isfinite(x) & np.isfinite(y)
    hidden = hidden_rows(state)
    return RowSet.ascending(np.flatnonzero(shown if hidden is None else shown & ~hidden))


def clear_chosen(*, session: SessionLike) -> None:
    """Empty the selection set; anchor and neighbours stay."""
    session.select(replace(session.state.selection, chosen=RowSet()), "clear selection set")


def use_chosen_as_neighbors(*, session: SessionLike) -> None:
    """Make the selection set the neighbours, as many as a mask takes.

    Of a larger set those nearest on the map to its middle. Without an anchor in the set the one
    nearest to the middle becomes the anchor.
    """
    state = session.state
    selection = state.selection
    if state.layer_map is None or not len(selection.chosen):
        session.update(state.with_notice("Select samples first: drag a rectangle or a lasso."))
        return
    xy, chosen = state.layer_map.xy, selection.chosen

    def take(ordered: list[int]) -> None:
        now = session.state
        if now.layer_map is state.layer_map and now.selection is selection:
            _take_as_neighbors(session, ordered)

    session.aside(len(chosen), partial(_middle_first, xy, chosen.rows), take)


def _middle_first(xy: NDArray, rows: NDArray[np.int64]) -> list[int]:
    """Some rows in the order of their distance on the map to the middle of all of them, those
    without a place left out: as many as could be neighbours, with a spare one."""
    places = np.asarray(xy, dtype=np.float64)[rows]
    placed = np.isfinite(places).all(axis=1)
    rows, places = rows[placed], places[placed]
    if not len(rows):
        return []
    away = np.hypot(*(places - np.median(places, axis=0)).T)
    most = min(MAX_NEIGHBORS + 2, len(rows))  # the anchor may be one, and one tells of more
    near = np.flatnonzero(away <= np.partition(away, most - 1)[most - 1])
    ordered: list[int] = rows[near[np.argsort(away[near], kind="stable")]][:most].tolist()
    return ordered


def _take_as_neighbors(session: SessionLike, ordered: list[int]) -> None:
    selection = session.state.selection
    if not ordered:
        session.update(session.state.with_notice("None of the selected samples is on this map."))
        return
    anchor = selection.anchor
    if anchor is None or anchor not in selection.chosen:
        anchor = ordered[0]
    others = [row for row in ordered if row != anchor]
    session.select(
        Selection(anchor=anchor, manual=tuple(others[:MAX_NEIGHBORS]), chosen=selection.chosen),
        "use selection as neighbours",
    )
    if len(others) > MAX_NEIGHBORS:
        text = (
            f"A mask averages at most {MAX_NEIGHBORS} neighbours: of {len(selection.chosen):,} "
            "selected samples those in the middle of the selection were taken."
        )
        session.update(session.state.with_notice(text))


def average_chosen(*, session: SessionLike, worker: WorkerLike) -> None:
    """Compute the mean of the selected samples' pictures; an earlier one in work is cancelled."""
    state = session.state
    rows = chosen_rows(session)
    if rows is None or state.model is None:
        return
    job = AveragePictures(
        job_id=worker.next_id(), source=state.source, model=state.model, rows=rows
    )
    submit(session, worker, job, f"Averaging {counted(len(rows), 'picture')}")


def chosen_rows(session: SessionLike) -> NDArray[np.int64] | None:
    chosen = session.state.selection.chosen
    if not len(chosen):
        text = "Select samples first: drag a rectangle or a lasso."
        session.update(session.state.with_notice(text))
        return None
    return chosen.rows
