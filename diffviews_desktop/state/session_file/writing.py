"""Writes a session: into a file of its own, or into a folder as it changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop import __version__
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.session_file.arrays import pieces_of, pieces_of_one
from diffviews_desktop.state.session_file.form import (
    VERSION,
    LandedForm,
    PicksForm,
    RunForm,
    RunsForm,
    SessionForm,
    run_adapter,
    session_adapter,
)
from diffviews_desktop.state.session_file.groups import (
    arrays_of_groups,
    cluster_forms,
    pieces_of_samples,
    set_forms,
)
from diffviews_desktop.state.session_file.members import (
    HEAD,
    FolderStore,
    Pieces,
    Written,
    run_array,
    run_json,
    writing_archive,
)
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import Places
from diffviews_desktop.values.runs import RunStep

NUMBERS = ("index", "sigma", "x", "y", "distance", "imposed x", "imposed y", "evaluations")
"""Columns of ``run-<id>-numbers.npy``; NaN stands for what a step does not have."""
CHOSEN = "chosen.npy"
"""The selection set: see `pieces_of_samples`."""

PLACES, SECOND_PLACES = "places.npy", "second-places.npy"
"""Where the samples lie on the map, and on that beside it, ``(N, 2 or 3) float32``."""


def write_file(session: SavedSession, file: Path) -> None:
    """Write a session; a file that is there stays as it is until the new one is whole.

    Raises:
        OSError: it cannot be written.
    """
    with writing_archive(file) as archive:
        _write(replace(session, beside=_beside(session, file)), archive)


def write_folder(session: SavedSession, store: FolderStore) -> None:
    """Bring a folder up to date with a session; only runs that are whole are written.

    Raises:
        OSError: it cannot be written.
    """
    store.keep_only(_write(_whole_runs(session), store))


def of_other_steps(session: SavedSession, store: FolderStore) -> bool:
    """Whether a folder has a run of the session's ids with other steps."""
    runs = _whole_runs(session).runs
    every = (*runs.all, *runs.unmasked)
    return any(store.differs(run_array(run.id, "images"), run.steps) for run in every)


def _whole_runs(session: SavedSession) -> SavedSession:
    runs = session.runs
    return replace(
        session,
        runs=replace(
            runs,
            all=tuple(run for run in runs.all if run.done),
            unmasked=tuple(run for run in runs.unmasked if run.done),
        ),
    )


def _beside(session: SavedSession, file: Path) -> str:
    if session.folder.path is None:
        return ""
    try:
        return Path(
            os.path.relpath(session.folder.path.absolute(), file.absolute().parent)
        ).as_posix()
    except ValueError:  # another drive
        return ""


def _write(session: SavedSession, members: Written) -> set[str]:
    """Write all members, the head last; returns their names."""
    names = set()

    def write(name: str, pieces: Pieces, of: object) -> None:
        names.add(name)
        members.write(name, pieces, of)

    for run in (*session.runs.all, *session.runs.unmasked):
        if run.steps:
            write(run_json(run.id), _run_json(run), run)
            for name, arrays, of in _arrays_of(run):
                write(name, arrays, of)
    rows = session.selection.chosen
    if len(rows):
        write(CHOSEN, pieces_of_samples(rows, session.chosen_ids), rows)
    for name, arrays, of in arrays_of_groups(session.groups):
        write(name, arrays, of)
    for name, places in ((PLACES, session.places), (SECOND_PLACES, session.second_places)):
        if places is not None:
            write(name, _pieces_of_places(places), places)
    write(HEAD, [session_adapter().dump_json(_head(session))], session)
    return names


def _pieces_of_places(places: Places) -> Pieces:
    yield from pieces_of_one(places.all, "f4")  # joined where they are written


def _head(session: SavedSession) -> SessionForm:
    return SessionForm(
        version=VERSION,
        folder=_absolute(session.folder),
        program=__version__,
        saved=session.saved,
        beside=session.beside,
        fingerprint=session.fingerprint,
        model=session.model,
        spec=session.spec,
        second=session.second,
        places=None if session.places is None else session.places.checksum,
        second_places=None if session.second_places is None else session.second_places.checksum,
        view=session.view,
        picks=_picks(session),
        runs=_runs(session),
        sets=set_forms(session.groups),
        clusters=cluster_forms(session.groups),
        views=session.groups.views,
        numbered=session.groups.numbered,
        arrangement=session.arrangement,
        file="" if session.file is None else str(session.file.absolute()),
        held=tuple(sorted(session.held)),
    )


def _absolute(folder: FolderRef) -> FolderRef:
    return folder if folder.path is None else replace(folder, path=folder.path.absolute())


def _picks(session: SavedSession) -> PicksForm:
    selection = session.selection
    return PicksForm(
        ids=session.ids,
        anchor=selection.anchor,
        manual=selection.manual,
        suggested=selection.suggested,
        suggested_by=selection.suggested_by,
        in_layer=selection.in_layer,
        suggest_count=session.suggest_count,
        suggest_on_map=session.suggest_on_map,
        suggest_within=session.suggest_within,
    )


def _runs(session: SavedSession) -> RunsForm:
    runs = session.runs
    return RunsForm(
        settings=runs.settings,
        interventions=runs.interventions,
        set_a=runs.set_a,
        set_b=runs.set_b,
        set_ids=tuple(session.set_ids),
        condition=runs.condition,
        all=tuple(run.id for run in runs.all if run.steps),
        unmasked=tuple(run.id for run in runs.unmasked if run.steps),
        shown=runs.shown,
        step=runs.step,
        comparing=runs.comparing,
        beside=runs.beside,
        begun=runs.begun,
    )


# ---- a run --------------------------------------------------------------------------------------


def _run_json(run: Run) -> list[bytes]:
    form = RunForm(
        id=run.id,
        name=run.name,
        job=replace(run.job, job_id=0, folder=_absolute(run.job.folder)),
        seed=run.seed,
        condition=run.condition,
        evaluations=run.evaluations,
        visible=run.visible,
        record=None if run.record is None else dict(run.record),
        landed=_landing(run),
        apart=run.apart,
        sample_ids=run.sample_ids,
        typicality=tuple((step.typicality, step.imposed_typicality) for step in run.steps),
        pinned=run.pinned,
        tags=run.tags,
        when=run.when,
    )
    return [run_adapter().dump_json(form)]


def _landing(run: Run) -> LandedForm | None:
    landing = run.landed
    if landing is None:
        return None
    return LandedForm(
        spec=landing.job.spec,
        condition=landing.job.condition,
        sigma=landing.job.sigma,
        seed=landing.job.seed,
        count=landing.job.count,
        xy=landing.xy,
        distance=landing.distance,
        neighbors=landing.neighbors,
        told=landing.told,
        apart=landing.apart,
        typicality=landing.typicality,
    )


def _arrays_of(run: Run) -> list[tuple[str, Pieces, object]]:
    """Name and pieces of each array of a run, and the value that it is made of."""
    steps, name = run.steps, partial(run_array, run.id)
    arrays: list[tuple[str, Pieces, object]] = [
        (name("images"), pieces_of([step.image for step in steps], "u1"), steps),
        (name("noised"), pieces_of([step.noised for step in steps], "u1"), steps),
        (name("numbers"), pieces_of_one(_numbers(steps), "f8"), steps),
    ]
    reduced = [step.reduced for step in steps if step.reduced is not None]
    if len(reduced) == len(steps):
        arrays.append((name("reduced"), pieces_of(reduced, "f4"), steps))
    return arrays


def _numbers(steps: Sequence[RunStep]) -> NDArray[np.float64]:
    nothing = (np.nan, np.nan)
    return np.array(
        [
            (
                one.index,
                one.sigma,
                *one.xy,
                one.distance,
                *(one.imposed_xy or nothing),
                one.evaluations,
            )
            for one in steps
        ],
        dtype=np.float64,
    )
