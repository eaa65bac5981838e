"""Puts a session onto samples that were opened: by their rows where these are the same, else by
their ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffviews_desktop.engine.jobs.drawing import PicturePlaced
from diffviews_desktop.state.kept import all_held
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run, Runs
from diffviews_desktop.state.session_file.restoring_groups import groups_on
from diffviews_desktop.state.session_file.saved import SavedSession, panel_rows, picked_rows
from diffviews_desktop.state.state import State
from diffviews_desktop.values.interventions import PICKED, Intervention, rows_of, with_rows
from diffviews_desktop.values.preferences import MOST_NEIGHBORS
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import SampleTable

Rows = Callable[[Sequence[int], Sequence[str]], tuple[int | None, ...]]


@dataclass(frozen=True)
class Restored:
    """A state with a session, and how many samples that were picked are not there any more."""

    state: State
    gone: int


def restored(state: State, session: SavedSession, file: Path | None) -> Restored:
    """A state, whose samples were just opened, with what a session holds but for what belongs to
    its map: see `at_map`.

    Args:
        state: with the samples that the session is put onto.
        session: what it holds.
        file: that it was read from; None for one that was kept without having been saved.
    """
    samples = state.opened.samples
    assert samples is not None
    trusted = session.fingerprint == state.opened.fingerprint
    find = _finder(samples, trusted)
    picked = picked_rows(session.selection)
    found = find(picked, session.ids)
    chosen = _chosen(session, samples, find, trusted)
    runs = _runs(session, state, find)
    selection = _selection(session.selection, found, chosen)
    picks = replace(
        state.picks,
        selection=replace(selection, suggested=(), suggested_by=None, in_layer=False),
        suggest_count=session.suggest_count,
        suggest_on_map=session.suggest_on_map,
        suggest_within=session.suggest_within,
    )
    kept = replace(
        state.kept,
        file=file or session.file,
        held=all_held(runs.all) if file is not None else session.held,
    )
    view = replace(
        session.view, rectangle=None, camera=None, not_solid=state.view.not_solid, beside=False
    )
    gone = found.count(None) + len(session.selection.chosen) - len(chosen)
    groups = groups_on(session.groups, state.opened.model or "", samples, state.opened.fingerprint)
    if file is not None:
        kept = replace(kept, sets=groups.all_sets)
    new = replace(state, picks=picks, runs=runs, view=view, kept=kept, groups=groups)
    return Restored(new, gone)


def at_map(state: State, session: SavedSession) -> State:
    """A state, whose map is that of a session, with what belongs to it: the part that was seen, and
    what was suggested there."""
    samples = state.opened.samples
    assert samples is not None
    find = _finder(samples, session.fingerprint == state.opened.fingerprint)
    found = find(picked_rows(session.selection), session.ids)
    selection, picks = session.selection, state.picks
    count = len(selection.suggested)
    rows = found[len(found) - count :] if count else ()
    suggested = tuple(
        (row, far)
        for row, (_, far) in zip(rows, selection.suggested, strict=True)
        if row is not None and row not in picks.selection.rows
    )
    same = picks.selection.anchor == (found[0] if found and selection.anchor is not None else None)
    if same and suggested:
        again = replace(
            picks.selection,
            suggested=suggested[: MOST_NEIGHBORS - len(picks.selection.manual)],
            suggested_by=selection.suggested_by,
            in_layer=selection.in_layer,
        )
        state = state.with_selection(again)
    seen = replace(state.view, rectangle=session.view.rectangle, camera=session.view.camera)
    return replace(state, view=seen)


def runs_on(runs: Runs, model: str, samples: SampleTable) -> Runs:
    """Runs whose samples are where a model's table has them now. A run of samples that are gone
    stays as it is; where a picture landed among others is forgotten."""

    def renewed(run: Run) -> Run:
        return run if run.job.spec.model != model else _run_on(run, samples, find)

    find = _finder(samples, trusted=False)
    every = tuple(map(renewed, runs.all))
    unmasked = tuple(map(renewed, runs.unmasked))
    same = all(map(_is, every, runs.all)) and all(map(_is, unmasked, runs.unmasked))
    return runs if same else replace(runs, all=every, unmasked=unmasked)


def _is(one: object, other: object) -> bool:
    return one is other


# ---- rows and ids -------------------------------------------------------------------------------


def _finder(samples: SampleTable, trusted: bool) -> Rows:
    """What finds samples: those of some rows, where their ids are still those given, and else where
    the ids are now; None for those that are gone. ``trusted``: the table is the same."""

    def find(rows: Sequence[int], ids: Sequence[str]) -> tuple[int | None, ...]:
        if len(ids) != len(rows):  # nobody says which they are
            return tuple(row if trusted and 0 <= row < len(samples) else None for row in rows)
        pairs = zip(rows, ids, strict=True)
        return tuple(row if is_there(row, text) else samples.row_of(text) for row, text in pairs)

    def is_there(row: int, text: str) -> bool:
        return 0 <= row < len(samples) and samples.sample_id[row] == text

    return find


def _chosen(session: SavedSession, samples: SampleTable, find: Rows, trusted: bool) -> RowSet:
    """The selection set; of the same table it is taken as it is, as it may be large."""
    chosen, ids = session.selection.chosen, session.chosen_ids
    rows = chosen.rows
    if not len(rows):
        return chosen
    if trusted and int(rows[-1]) < len(samples) and len(ids) == len(rows):
        probes = (0, len(rows) // 2, len(rows) - 1)
        if all(samples.sample_id[int(rows[at])] == ids[at] for at in probes):
            return chosen
    found = find(rows.tolist(), ids)
    return RowSet(np.array([row for row in found if row is not None], np.int64))


def _selection(selection: Selection, found: Sequence[int | None], chosen: RowSet) -> Selection:
    """A selection with the rows that were found; without its anchor, it has no neighbours."""
    start = 0 if selection.anchor is None else 1
    anchor = found[0] if start and found else None
    manual = found[start : start + len(selection.manual)]
    if anchor is None:
        return Selection(chosen=chosen)
    there = tuple(dict.fromkeys(row for row in manual if row is not None and row != anchor))
    return Selection(anchor=anchor, manual=there[:MOST_NEIGHBORS], chosen=chosen)


# ---- runs ---------------------------------------------------------------------------------------


def _runs(session: SavedSession, state: State, find: Rows) -> Runs:
    """The runs of a session, of the folder where it is now."""
    runs, path = session.runs, state.opened.folder.path
    found = find(panel_rows(runs), session.set_ids)
    count = len(rows_of(runs.interventions))
    set_a = tuple(row for row in found[count : count + len(runs.set_a)] if row is not None)
    set_b = tuple(row for row in found[count + len(runs.set_a) :] if row is not None)

    def moved(run: Run) -> Run:
        return _moved(run, path, session.folder.path)

    moved_runs = replace(
        runs,
        all=tuple(map(moved, runs.all)),
        unmasked=tuple(map(moved, runs.unmasked)),
        interventions=_interventions(runs.interventions, found[:count]),
        set_a=set_a,
        set_b=set_b,
    )
    samples, model = state.opened.samples, state.opened.model
    assert samples is not None
    assert model is not None
    return runs_on(moved_runs, model, samples)


def _interventions(
    interventions: tuple[Intervention, ...], found: Sequence[int | None]
) -> tuple[Intervention, ...]:
    """The panel's interventions with the rows that were found: those that lack one go."""
    kept: list[Intervention] = []
    at = 0
    for one in interventions:
        count = len(rows_of((one,)))
        rows, at = found[at : at + count], at + count
        if None not in rows:
            kept += with_rows((one,), [row for row in rows if row is not None])
    return tuple(kept) if kept or not interventions else (PICKED,)


def _moved(run: Run, path: Path | None, before: Path | None) -> Run:
    """A run of the folder where that is now."""
    folder = run.job.folder
    if folder.path != before or path == before:
        return run
    job = replace(run.job, folder=replace(folder, path=path))
    landed = run.landed
    if landed is not None:
        landed = replace(landed, job=replace(landed.job, folder=job.folder))
    return replace(run, job=job, landed=landed)


def _run_on(run: Run, samples: SampleTable, find: Rows) -> Run:
    rows = rows_of(run.job.interventions)
    found = find(rows, run.sample_ids) if run.sample_ids else rows
    if found == rows and _is_on(run.landed, samples):
        return run
    there = [row for row in found if row is not None]
    job = run.job
    if len(there) == len(rows):
        job = replace(job, interventions=with_rows(job.interventions, there))
    return replace(run, job=job, landed=None)


def _is_on(landed: PicturePlaced | None, samples: SampleTable) -> bool:
    return landed is None or all(0 <= row < len(samples) for row, _ in landed.neighbors)
