"""Reads a session that anybody may have made: within bounds, and nothing in it is run."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.jobs.drawing import PicturePlaced, PlacePicture
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import can_be_a_path, parse_json
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run, Runs, tidy_tags
from diffviews_desktop.state.session_file.arrays import read_array
from diffviews_desktop.state.session_file.form import (
    MOST_NUMBER,
    PicksForm,
    RunForm,
    SessionForm,
    are_numbers,
    last_number,
    run_adapter,
    session_adapter,
)
from diffviews_desktop.state.session_file.groups import (
    filters_of,
    read_groups,
    read_samples,
)
from diffviews_desktop.state.session_file.members import (
    HEAD,
    Bounded,
    FolderStore,
    reading_archive,
    run_array,
    run_json,
)
from diffviews_desktop.state.session_file.migrations import (
    MIGRATIONS,
    Migration,
    migrate,
    version_of,
)
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.session_file.writing import CHOSEN, NUMBERS, PLACES, SECOND_PLACES
from diffviews_desktop.state.view import View
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.validation import check_numbers, first_problem
from diffviews_desktop.values.camera import FARTHEST, NEAREST
from diffviews_desktop.values.interventions import check_count, rows_of
from diffviews_desktop.values.maps import Places
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.preferences import MOST_NEIGHBORS
from diffviews_desktop.values.quantities import is_known
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.setting_limits import (
    clamp,
    fits,
    fitted_intervention,
    intervention_fits,
)
from diffviews_desktop.values.typicality import Typicality

MOST_RUNS = 5000
MOST_STEPS = 100_000
MOST_SIDE = 8192
"""Pixels along one side of a picture."""
MOST_COORDINATE = float(np.finfo(np.float32).max)
LAST_TIME = 253_370_000_000
"""In seconds since 1970; later than the year 9998, calendars end."""
_FAULTS = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What damage in an archive shows itself in; `RuntimeError` is that of one with a password."""


def read_file(
    file: Path,
    steps: Mapping[int, Migration] = MIGRATIONS,
    check: Callable[[], None] = lambda: None,
) -> SavedSession:
    """The session in a file.

    Args:
        file: links are followed.
        steps: how older versions are brought up to date.
        check: called often; may raise `Cancelled` to stop.

    Raises:
        DataError: it cannot be read, holds something else, or is damaged.
    """
    try:
        with reading_archive(file, check) as archive:
            session = _session(Bounded(archive, check), file, steps)
            return replace(session, file=None, held=frozenset())
    except _FAULTS as error:
        raise _unusable(
            tr("The session {file}", file=visible(file.name, MOST_OF_NAME)), error
        ) from error


def read_folder(folder: Path, check: Callable[[], None] = lambda: None) -> SavedSession:
    """The session that a folder was kept up to date with; ``check`` and errors are those of
    `read_file`."""
    try:
        return _session(Bounded(FolderStore(folder), check), folder, MIGRATIONS)
    except _FAULTS as error:
        raise _unusable(tr("What was kept of the last session"), error) from error


def _unusable(subject: str, error: Exception) -> DataError:
    if isinstance(error, MemoryError):
        return DataError(
            tr(
                "{what} cannot be opened: there is not enough memory for it. Close other programs, "
                "then try again.",
                what=subject,
            )
        )
    if isinstance(error, OSError):
        reason = brief(error) if error.strerror is None else str(error.strerror)
    elif isinstance(error, zipfile.BadZipFile):
        reason = tr("it is no session, or damaged")
    elif isinstance(error, KeyError):
        reason = tr("a part of it is missing")
    else:
        reason = first_problem(error if isinstance(error, ValueError) else ValueError(str(error)))
    return DataError(
        tr(
            "{what} cannot be opened ({reason}). Nothing was changed; take another "
            "copy of it if there is one.",
            what=subject,
            reason=visible(reason, 300),
        )
    )


def _session(members: Bounded, file: Path, steps: Mapping[int, Migration]) -> SavedSession:
    raw = _json(members, HEAD, file)
    version = version_of(raw)
    form = session_adapter().validate_python(migrate(HEAD, raw, version, steps))
    check_numbers(form)

    def run_of(number: int) -> Run:
        name = run_json(number)
        told = run_adapter().validate_python(
            migrate(name, _json(members, name, file), version, steps)
        )
        check_numbers(told)
        return _run(told, number, members)

    members.check()
    _check(form)
    form = replace(form, picks=_visible_picks(form.picks))
    runs = tuple(map(run_of, form.runs.all))
    unmasked = _comparable(map(run_of, form.runs.unmasked), runs)
    selection, chosen_ids = _selection(form, members)
    return SavedSession(
        folder=form.folder,
        beside=form.beside,
        fingerprint=form.fingerprint,
        model=form.model,
        spec=form.spec,
        second=form.second,
        places=_places(members, PLACES, form.places),
        second_places=_places(members, SECOND_PLACES, form.second_places),
        view=_view(form.view),
        selection=selection,
        ids=form.picks.ids,
        chosen_ids=chosen_ids,
        set_ids=form.runs.set_ids,
        suggest_count=form.picks.suggest_count,
        suggest_on_map=form.picks.suggest_on_map,
        suggest_within=form.picks.suggest_within,
        groups=read_groups(form, members),
        runs=_runs(form, runs, unmasked),
        arrangement=form.arrangement,
        file=Path(form.file) if form.file and can_be_a_path(form.file) else None,
        held=frozenset(form.held),
        saved=form.saved,
    )


def _json(members: Bounded, name: str, file: Path) -> dict[str, Any]:
    value = parse_json(members.json(name).decode("utf-8"), file)
    if not isinstance(value, dict):
        raise ValueError(tr("{name} in it is not what it should be", name=name))
    return value


def _check(form: SessionForm) -> None:
    """What types do not tell."""
    ids = (*form.runs.all, *form.runs.unmasked)
    if len(ids) > MOST_RUNS or not are_numbers(ids):
        raise ValueError(tr("its list of runs is damaged"))
    path = form.folder.path
    if path is not None and not can_be_a_path(str(path)):
        raise ValueError(tr("its data folder has a name that no folder can have"))
    check_count(form.runs.interventions)
    if not 1 <= form.picks.suggest_count <= 1000:
        raise ValueError(tr("it asks for a number of neighbours that cannot be"))


def _places(members: Bounded, name: str, checksum: int | None) -> Places | None:
    """Where samples lie; None where nobody says. In a folder these may be those of another map than
    the rest is of: a program that was killed had written them, and not the rest."""
    if checksum is None:
        return None
    with members.samples(name) as (file, size):
        data = read_array(file, size, "f4", 2)
    if data.shape[1] not in (2, 3):
        raise ValueError(tr("an array in it has other values than it should have"))
    xy, z = np.ascontiguousarray(data[:, :2]), data[:, 2].copy() if data.shape[1] > 2 else None
    places = Places(xy, z)
    return places if places.checksum == checksum else None


def _view(view: View) -> View:
    """A view without what no map can show."""
    left, bottom, right, top = view.rectangle or (0.0, 0.0, 0.0, 0.0)
    has_rectangle = _are_coordinates(left, bottom, right, top) and left < right and bottom < top
    camera = view.camera
    has_camera = (
        camera is not None
        and NEAREST <= camera.distance <= FARTHEST
        and _are_coordinates(camera.azimuth, camera.elevation, *camera.target)
    )
    return replace(
        view,
        color_by=view.color_by if is_known(view.color_by) else View.color_by,
        size_by=view.size_by if view.size_by and is_known(view.size_by) else None,
        third_axis=view.third_axis if view.third_axis and is_known(view.third_axis) else None,
        filters=filters_of(view.filters),
        rectangle=view.rectangle if has_rectangle else None,
        camera=camera if has_camera else None,
        can_go_back=False,
        can_go_forward=False,
        not_solid="",
    )


def _are_coordinates(*values: float) -> bool:
    """Whether numbers, if they are any, can be where something lies on a map: places are in single
    precision."""
    return not any(abs(value) > MOST_COORDINATE for value in values)


# ---- picks --------------------------------------------------------------------------------------


def _visible_picks(picks: PicksForm) -> PicksForm:
    """Picks with no more neighbours of either kind than a window shows, and with their ids."""
    manual, suggested = picks.manual[:MOST_NEIGHBORS], picks.suggested[:MOST_NEIGHBORS]
    first = 0 if picks.anchor is None else 1
    second = first + len(picks.manual)
    ids: tuple[str, ...] = ()
    if len(picks.ids) == second + len(picks.suggested):
        ids = picks.ids[: first + len(manual)] + picks.ids[second : second + len(suggested)]
    return replace(picks, ids=ids, manual=manual, suggested=suggested)


def _selection(form: SessionForm, members: Bounded) -> tuple[Selection, Texts | tuple[str, ...]]:
    picks = form.picks
    rows, ids = _read_chosen(members)
    selection = Selection(
        anchor=picks.anchor,
        manual=picks.manual,
        suggested=picks.suggested,
        suggested_by=picks.suggested_by,
        in_layer=picks.in_layer,
        chosen=rows,
    )
    return selection, ids


def _read_chosen(members: Bounded) -> tuple[RowSet, Texts | tuple[str, ...]]:
    """The selection set and the ids of its samples; nothing where the session has none."""
    try:
        return read_samples(members, CHOSEN)
    except (KeyError, FileNotFoundError):
        return RowSet(), ()


# ---- runs ---------------------------------------------------------------------------------------


def _runs(form: SessionForm, runs: tuple[Run, ...], unmasked: tuple[Run, ...]) -> Runs:
    told, beside = form.runs, frozenset(form.runs.beside)
    shown_run = next((run for run in runs if run.id == told.shown), runs[-1] if runs else None)
    last = len(shown_run.steps) - 1 if shown_run is not None else 0
    return Runs(
        settings=clamp(told.settings),
        interventions=tuple(map(fitted_intervention, told.interventions)),
        set_a=told.set_a,
        set_b=told.set_b,
        condition=told.condition,
        all=runs,
        shown=None if shown_run is None else shown_run.id,
        step=min(max(told.step, 0), last),
        comparing=told.comparing,
        beside=tuple(run.id for run in runs if run.id in beside),
        unmasked=unmasked,
        begun=last_number(told.begun, (*told.all, *told.unmasked)),
    )


def _comparable(unmasked: Iterable[Run], runs: Sequence[Run]) -> tuple[Run, ...]:
    """Those whose pictures have the size of all pictures of the same model."""
    sizes: dict[str, set[tuple[int, ...]]] = {}
    for run in runs:
        sizes.setdefault(run.job.spec.model, set()).add(run.steps[0].image.shape)
    return tuple(
        run
        for run in unmasked
        if sizes.get(run.job.spec.model, set()) <= {run.steps[0].image.shape}
    )


def _run(form: RunForm, number: int, members: Bounded) -> Run:
    if form.id != number:
        raise ValueError(tr("its list of runs is damaged"))
    rows = _rows(form)
    steps = _steps(form, members)
    run = Run(
        id=number,
        name=visible(form.name, MOST_OF_NAME),
        job=replace(form.job, job_id=0),
        steps=steps,
        seed=form.seed,
        condition=form.condition,
        evaluations=form.evaluations,
        done=True,
        visible=form.visible,
        record=form.record,
        apart=form.apart,
        sample_ids=form.sample_ids if len(form.sample_ids) == len(rows) else (),
        pinned=form.pinned,
        tags=tidy_tags(form.tags),
        when=form.when if 0 <= form.when <= LAST_TIME else 0.0,
    )
    return replace(run, landed=_landing(form, run))


def _rows(form: RunForm) -> tuple[int, ...]:
    """The samples of a run's interventions, where it can have been drawn as it says."""
    job, rows = form.job, rows_of(form.job.interventions)
    settings = job.settings, replace(job.settings, seed=form.seed)
    fit = all(map(fits, settings)) and all(map(intervention_fits, job.interventions))
    if not fit or min(rows, default=0) < 0:
        raise ValueError(tr("a run in it was drawn with settings that cannot be"))
    return rows


def _usual(typicality: Typicality | None) -> Typicality | None:
    """How usual something is; None where its percentages are none."""
    if typicality is None:
        return None
    told = (one.percentile for one in (typicality.distance, typicality.outside) if one is not None)
    return (
        typicality if all(0 <= percent <= 100 for percent in told if percent is not None) else None
    )


def _landing(form: RunForm, run: Run) -> PicturePlaced | None:
    landing = form.landed
    if landing is None or not _are_coordinates(*landing.xy) or not 0 <= landing.sigma < math.inf:
        return None
    job = PlacePicture(
        job_id=0,
        folder=run.job.folder,
        spec=landing.spec,
        image=run.steps[-1].image,
        condition=landing.condition,
        sigma=landing.sigma,
        seed=landing.seed,
        count=landing.count,
    )
    return PicturePlaced(
        job=job,
        xy=landing.xy,
        distance=landing.distance,
        neighbors=landing.neighbors[:MOST_NEIGHBORS],
        told=landing.told,
        apart=landing.apart,
        typicality=_usual(landing.typicality),
    )


def _steps(form: RunForm, members: Bounded) -> tuple[RunStep, ...]:
    images = _pictures(members, run_array(form.id, "images"))
    noised = _pictures(members, run_array(form.id, "noised"))
    numbers = _array(members, run_array(form.id, "numbers"), "f8", axes=2)
    reduced = _read_reduced(members, run_array(form.id, "reduced"))
    count = len(images)
    usual = form.typicality or ((None, None),) * count
    sizes = {len(noised), len(numbers), len(usual), count if reduced is None else len(reduced)}
    if sizes != {count} or not 1 <= count <= MOST_STEPS or numbers.shape[1] != len(NUMBERS):
        raise ValueError(tr("the steps of a run in it do not fit each other"))
    if not np.isfinite(numbers[:, [0, 1, 7]]).all() or (numbers[:, [0, 7]] % 1).any():
        raise ValueError(tr("the steps of a run in it have no noise level"))
    beyond = (np.abs(numbers) > MOST_COORDINATE).any() or (numbers[:, [1, 7]] < 0).any()
    if images.shape != noised.shape or beyond or (numbers[:, 7] > MOST_NUMBER).any():
        raise ValueError(tr("the steps of a run in it are damaged"))
    return tuple(
        RunStep(
            index=at,
            sigma=float(row[1]),
            image=images[at],
            noised=noised[at],
            xy=(float(row[2]), float(row[3])),
            distance=float(row[4]),
            imposed_xy=None if np.isnan(row[5]) else (float(row[5]), float(row[6])),
            evaluations=int(row[7]),
            reduced=None if reduced is None else reduced[at],
            typicality=_usual(usual[at][0]),
            imposed_typicality=_usual(usual[at][1]),
        )
        for at, row in enumerate(numbers)
    )


def _pictures(members: Bounded, name: str) -> NDArray[np.uint8]:
    pictures = _array(members, name, "u1", axes=4)
    _, height, width, channels = pictures.shape
    if not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE and channels in (1, 3)):
        raise ValueError(tr("a picture in it has a size that it cannot have"))
    return pictures


def _read_reduced(members: Bounded, name: str) -> NDArray[np.float32] | None:
    try:
        return _array(members, name, "f4", axes=2)
    except (KeyError, FileNotFoundError):
        return None


def _array(members: Bounded, name: str, kind: str, axes: int) -> NDArray[Any]:
    with members.array(name) as (file, size):
        return read_array(file, size, kind, axes)
