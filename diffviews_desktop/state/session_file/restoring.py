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


def restore_state(state: State, session: SavedSession, file: Path | None) -> Restored:
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
    rows = picked_rows(session.selection)
    matches = find(rows, session.ids)
    selection_set = _find_chosen(session, samples, find, trusted)
    runs = _runs(session, state, find)
    selection = _selection(session.selection, matches, selection_set)
    picks = replace(
        state.picks,
        selection=replace(selection, suggested=(), suggested_by=None, in_layer=False),
        suggest_count=session.suggest_count,
        suggest_on_map=session.suggest_on_map,
        suggest_within=session.suggest_within,
    )
    status = replace(
        state.kept,
        file=file or session.file,
        held=all_held(runs.all) if file is not None else session.held,
    )
    view = replace(
        session.view, rectangle=None, camera=None, not_solid=state.view.not_solid, beside=False
    )
    missing = matches.count(None) + len(session.selection.chosen) - len(selection_set)
    groups = groups_on(session.groups, state.opened.model or "", samples, state.opened.fingerprint)
    if file is not None:
        status = replace(status, sets=groups.all_sets)
    new = replace(state, picks=picks, runs=runs, view=view, kept=status, groups=groups)
    return Restored(new, missing)


def at_map(state: State, session: SavedSession) -> State:
    """A state, whose map is that of a session, with what belongs to it: the part that was seen, and
    what was suggested there."""
    samples = state.opened.samples
    assert samples is not None
    find = _finder(samples, session.fingerprint == state.opened.fingerprint)
    matches = find(picked_rows(session.selection), session.ids)
    selection, picks = session.selection, state.picks
    count = len(selection.suggested)
    rows = matches[len(matches) - count :] if count else ()
    suggestions = tuple(
        (row, far)
        for row, (_, far) in zip(rows, selection.suggested, strict=True)
        if row is not None and row not in picks.selection.rows
    )
    same = picks.selection.anchor == (
        matches[0] if matches and selection.anchor is not None else None
    )
    if same and suggestions:
        new = replace(
            picks.selection,
            suggested=suggestions[: MOST_NEIGHBORS - len(picks.selection.manual)],
            suggested_by=selection.suggested_by,
            in_layer=selection.in_layer,
        )
        state = state.with_selection(new)
    view = replace(state.view, rectangle=session.view.rectangle, camera=session.view.camera)
    return replace(state, view=view)


def runs_on(runs: Runs, model: str, samples: SampleTable) -> Runs:
    """Runs whose samples are where a model's table has them now. A run of samples that are gone
    stays as it is; where a picture landed among others is forgotten."""

    def renew(run: Run) -> Run:
        return run if run.job.spec.model != model else _run_on(run, samples, find)

    find = _finder(samples, trusted=False)
    every = tuple(map(renew, runs.all))
    unmasked = tuple(map(renew, runs.unmasked))
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


def _find_chosen(session: SavedSession, samples: SampleTable, find: Rows, trusted: bool) -> RowSet:
    """The selection set; of the same table it is taken as it is, as it may be large."""
    original, ids = session.selection.chosen, session.chosen_ids
    rows = original.rows
    if not len(rows):
        return original
    if trusted and int(rows[-1]) < len(samples) and len(ids) == len(rows):
        probes = (0, len(rows) // 2, len(rows) - 1)
        if all(samples.sample_id[int(rows[at])] == ids[at] for at in probes):
            return original
    matches = find(rows.tolist(), ids)
    return RowSet(np.array([row for row in matches if row is not None], np.int64))


def _selection(
    selection: Selection, matches: Sequence[int | None], selection_set: RowSet
) -> Selection:
    """A selection with the rows that were found; without its anchor, it has no neighbours."""
    start = 0 if selection.anchor is None else 1
    anchor = matches[0] if start and matches else None
    manual = matches[start : start + len(selection.manual)]
    if anchor is None:
        return Selection(chosen=selection_set)
    rows = tuple(dict.fromkeys(row for row in manual if row is not None and row != anchor))
    return Selection(anchor=anchor, manual=rows[:MOST_NEIGHBORS], chosen=selection_set)


# ---- runs ---------------------------------------------------------------------------------------


def _runs(session: SavedSession, state: State, find: Rows) -> Runs:
    """The runs of a session, of the folder where it is now."""
    runs, path = session.runs, state.opened.folder.path
    matches = find(panel_rows(runs), session.set_ids)
    count = len(rows_of(runs.interventions))
    set_a = tuple(row for row in matches[count : count + len(runs.set_a)] if row is not None)
    set_b = tuple(row for row in matches[count + len(runs.set_a) :] if row is not None)

    def move(run: Run) -> Run:
        return _move(run, path, session.folder.path)

    moved_runs = replace(
        runs,
        all=tuple(map(move, runs.all)),
        unmasked=tuple(map(move, runs.unmasked)),
        interventions=_interventions(runs.interventions, matches[:count]),
        set_a=set_a,
        set_b=set_b,
    )
    samples, model = state.opened.samples, state.opened.model
    assert samples is not None
    assert model is not None
    return runs_on(moved_runs, model, samples)


def _interventions(
    interventions: tuple[Intervention, ...], matches: Sequence[int | None]
) -> tuple[Intervention, ...]:
    """The panel's interventions with the rows that were found: those that lack one go."""
    stack: list[Intervention] = []
    at = 0
    for one in interventions:
        count = len(rows_of((one,)))
        rows, at = matches[at : at + count], at + count
        if None not in rows:
            stack += with_rows((one,), [row for row in rows if row is not None])
    return tuple(stack) if stack or not interventions else (PICKED,)


def _move(run: Run, path: Path | None, old_path: Path | None) -> Run:
    """A run of the folder where that is now."""
    folder = run.job.folder
    if folder.path != old_path or path == old_path:
        return run
    job = replace(run.job, folder=replace(folder, path=path))
    landing = run.landed
    if landing is not None:
        landing = replace(landing, job=replace(landing.job, folder=job.folder))
    return replace(run, job=job, landed=landing)


def _run_on(run: Run, samples: SampleTable, find: Rows) -> Run:
    rows = rows_of(run.job.interventions)
    matches = find(rows, run.sample_ids) if run.sample_ids else rows
    if matches == rows and _is_on(run.landed, samples):
        return run
    new_rows = [row for row in matches if row is not None]
    job = run.job
    if len(new_rows) == len(rows):
        job = replace(job, interventions=with_rows(job.interventions, new_rows))
    return replace(run, job=job, landed=None)


def _is_on(landing: PicturePlaced | None, samples: SampleTable) -> bool:
    return landing is None or all(0 <= row < len(samples) for row, _ in landing.neighbors)
