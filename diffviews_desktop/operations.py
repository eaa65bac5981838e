"""What a person can do, one function a verb, and what happens when the engine answers.

The table of contents of the program. Nothing here knows widgets or models: a function looks at the
session's state, and either replaces it or submits a job.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.processing.parameters import MapParameters
from diffviews_desktop.row_set import RowSet
from diffviews_desktop.sample_values import hidden_rows
from diffviews_desktop.state import (
    MAX_NEIGHBORS,
    Choosing,
    ColorBy,
    EngineStatus,
    Filter,
    GridRecord,
    PanelClass,
    RunningJob,
    Selection,
    State,
    TrajectoryRecord,
)
from diffviews_desktop.wording import counted
from diffviews_desktop.worker.jobs import (
    AveragePictures,
    CellDone,
    CheckpointConverted,
    ClassChoice,
    ConvertCheckpoint,
    DataImported,
    DataOpened,
    Event,
    ExportSamples,
    Generate,
    GenerateGrid,
    GenerateSettings,
    ImportData,
    Job,
    LayerMap,
    LayersExtracted,
    LinkedMap,
    LinkMaps,
    LoadModel,
    MapLayer,
    ModelLoaded,
    OpenData,
    PictureGrid,
    PictureMean,
    PicturePlaced,
    PlacePicture,
    Progress,
    Result,
    RunStarted,
    SamplesExported,
    Source,
    StepDone,
    Trajectory,
)

Found = TypeVar("Found")


class SessionLike(Protocol):
    """What operations need of the session."""

    @property
    def state(self) -> State: ...
    def update(self, state: State) -> None: ...
    def aside(
        self, count: int, work: Callable[[], Found], then: Callable[[Found], None]
    ) -> None: ...
    def select(self, selection: Selection, text: str) -> None: ...
    def forget_picks(self) -> None: ...


class WorkerLike(Protocol):
    """What operations need of the worker."""

    def next_id(self) -> int: ...
    def submit(self, job: Job) -> None: ...
    def cancel(self, job_id: int) -> None: ...


# ---- opening ------------------------------------------------------------------------------------


def open_data(
    *, session: SessionLike, worker: WorkerLike, source: Source, model: str | None = None
) -> None:
    """Open a data folder (None: the demo); what is open stays until it is there."""
    job = OpenData(job_id=worker.next_id(), source=source, model=model)
    _submit(session, worker, job, "Opening the demo" if source.path is None else "Opening data")


def switch_model(*, session: SessionLike, worker: WorkerLike, model: str) -> None:
    """Open another model of the same data folder, or load the same one where it is not loaded."""
    state = session.state
    if model != state.model:
        open_data(session=session, worker=worker, source=state.source, model=model)
    elif state.loaded is None and not any(isinstance(r.job, LoadModel) for r in state.jobs):
        session.update(replace(state, model_problem=None))
        job = LoadModel(job_id=worker.next_id(), source=state.source, model=model)
        _submit(session, worker, job, f"Loading {model}")


def convert_checkpoint(*, session: SessionLike, worker: WorkerLike) -> None:
    """Write the model's checkpoint as ``.safetensors`` beside it, to be used from then on."""
    state = session.state
    if state.model is None or state.loaded is None or not state.loaded.convertible:
        session.update(state.with_notice("This model's checkpoint needs no conversion."))
        return
    job = ConvertCheckpoint(job_id=worker.next_id(), source=state.source, model=state.model)
    _submit(session, worker, job, "Converting the checkpoint")


def import_data(
    *,
    session: SessionLike,
    worker: WorkerLike,
    checkpoint: Path,
    out: Path,
    name: str,
    sigmas: tuple[float, ...],
    adapter: str | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    generate: int = 0,
    layers: tuple[str, ...] = (),
    seed: int = ImportData.seed,
) -> None:
    """Make a data folder from pictures, or from what the model draws, and open it when it is there.

    The arguments are those of `ImportData`.
    """
    job = ImportData(
        job_id=worker.next_id(),
        source=session.state.source,
        checkpoint=checkpoint,
        out=out,
        name=name,
        adapter=adapter,
        images=images,
        labels=labels,
        generate=generate,
        sigmas=sigmas,
        layers=layers,
        seed=seed,
    )
    _submit(session, worker, job, f"Importing {name}")


# ---- the map ------------------------------------------------------------------------------------


def change_layer(*, session: SessionLike, worker: WorkerLike, layers: tuple[str, ...]) -> None:
    """Show the map of other layers; an uncached one is extracted and laid out first.

    Only the last choice counts: an earlier one that is still in work is cancelled.
    """
    source, _ = _wanted_map(session.state)
    _change_map(session, worker, source, layers)


def change_map_parameters(
    *, session: SessionLike, worker: WorkerLike, parameters: MapParameters | None
) -> None:
    """Show the map made with other parameters; None for the folder's own map, or the usual ones.

    As with layers, the map on screen and its source stay until the new one is there.
    """
    source, layers = _wanted_map(session.state)
    _change_map(session, worker, replace(source, parameters=parameters), layers)


def _wanted_map(state: State) -> tuple[Source, tuple[str, ...]]:
    """What was asked for last: the map in work, else the one on screen."""
    pending = _pending_map(state)
    if pending is not None:
        return pending.source, pending.layers
    shown = state.layer_map
    return state.source, shown.layers if shown is not None else state.default_layers


def _pending_map(state: State) -> MapLayer | None:
    jobs = [r.job for r in state.jobs if isinstance(r.job, MapLayer) and r.stage != "cancelling"]
    fitting = [job for job in jobs if _same_data(job, state)]
    return fitting[-1] if fitting else None


def _same_data(job: MapLayer, state: State) -> bool:
    """Whether a map would be of the open model and its samples, whatever its parameters."""
    source = replace(job.source, parameters=state.source.parameters)
    return job.model == state.model and source == state.source


def _change_map(
    session: SessionLike, worker: WorkerLike, source: Source, layers: tuple[str, ...]
) -> None:
    state = session.state
    pending = _pending_map(state)
    if state.model is None or (pending and (pending.source, pending.layers) == (source, layers)):
        return
    for running in state.jobs:
        if isinstance(running.job, MapLayer):
            cancel_job(session=session, worker=worker, job_id=running.job.job_id)
    if state.map_key() == (layers, source.parameters):
        return
    job = MapLayer(job_id=worker.next_id(), source=source, model=state.model, layers=layers)
    _submit(session, worker, job, f"Mapping {'+'.join(layers) or 'the default layer'}")


def link_map(
    *, session: SessionLike, worker: WorkerLike, model: str, layers: tuple[str, ...]
) -> None:
    """Show a second map beside the first; the last choice counts."""
    state = session.state
    if state.model is None or state.layer_map is None:
        return
    _cancel_links(session, worker)
    job = LinkMaps(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        other_model=model,
        other_layers=layers,
    )
    _submit(session, worker, job, f"Mapping {'+'.join(layers) or model} beside the map")


def unlink_map(*, session: SessionLike, worker: WorkerLike) -> None:
    """Show no second map any more."""
    _cancel_links(session, worker)
    session.update(replace(session.state, linked=None))


def _cancel_links(session: SessionLike, worker: WorkerLike) -> None:
    for running in session.state.jobs:
        if isinstance(running.job, LinkMaps):
            cancel_job(session=session, worker=worker, job_id=running.job.job_id)


def _linked(session: SessionLike, running: RunningJob, linked: LinkedMap) -> None:
    state, job = session.state, running.job
    if not isinstance(job, LinkMaps) or state.map_key() != (job.layers, job.source.parameters):
        return
    if job.model != state.model or running.stage == "cancelling":
        return
    if len(linked.map.layers) == 1 and linked.map.model == state.model:
        state = _with_cached(state, linked.map.layers)
    session.update(replace(state, linked=linked))


def change_color(*, session: SessionLike, by: ColorBy) -> None:
    """Let the colour of the points tell something else."""
    session.update(replace(session.state, color_by=by))


def change_size(*, session: SessionLike, by: ColorBy | None) -> None:
    """Choose what the size of the points tells; None for nothing."""
    session.update(replace(session.state, size_by=by))


def filter_values(
    *, session: SessionLike, by: ColorBy, low: float | None, high: float | None
) -> None:
    """Show only the samples whose value lies in a range; None for no limit."""
    session.update(replace(session.state, filter=Filter(by, low, high)))


def toggle_category(*, session: SessionLike, by: ColorBy, number: int) -> None:
    """Hide the samples of a category, by its position, or show them again."""
    hidden = _hidden_categories(session, by) ^ {number}
    session.update(replace(session.state, filter=Filter(by, hidden=hidden) if hidden else None))


def only_category(*, session: SessionLike, by: ColorBy, number: int, count: int) -> None:
    """Show only the samples of one of ``count`` categories; all, where that is so already."""
    others = frozenset(range(-1, count)) - {number}
    same = _hidden_categories(session, by) == others
    session.update(replace(session.state, filter=None if same else Filter(by, hidden=others)))


def _hidden_categories(session: SessionLike, by: ColorBy) -> frozenset[int]:
    shown = session.state.filter
    return shown.hidden if shown is not None and shown.by == by else frozenset()


def show_all(*, session: SessionLike) -> None:
    """Hide and dim no samples; picks stay."""
    session.update(replace(session.state, filter=None, highlighted_class=None))


# ---- picking ------------------------------------------------------------------------------------


def click_point(*, session: SessionLike, row: int) -> None:
    """The first click sets the anchor, the same again does nothing, others toggle neighbours."""
    selection = session.state.selection
    if selection.anchor is None:
        session.select(Selection(anchor=row, chosen=selection.chosen), "set anchor")
    elif row != selection.anchor:
        adding = row not in selection.neighbors
        if adding and len(selection.neighbors) >= MAX_NEIGHBORS:
            _say_limit(session)
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
    rows = _chosen(session)
    if rows is None or state.model is None:
        return
    for running in state.jobs:  # nobody would see it
        if isinstance(running.job, AveragePictures):
            cancel_job(session=session, worker=worker, job_id=running.job.job_id)
    job = AveragePictures(
        job_id=worker.next_id(), source=state.source, model=state.model, rows=rows
    )
    _submit(session, worker, job, f"Averaging {counted(len(rows), 'picture')}")


def export_chosen(*, session: SessionLike, worker: WorkerLike, file: Path) -> None:
    """Write the selected samples with their places on the map as CSV."""
    state = session.state
    rows = _chosen(session)
    if rows is None or state.model is None or state.layer_map is None:
        return
    shown = state.layer_map
    columns = {"umap_x": shown.xy[rows, 0], "umap_y": shown.xy[rows, 1]}
    if shown.z is not None:
        columns["umap_z"] = shown.z[rows]
    if shown.trust is not None:
        columns["trust"] = shown.trust[rows]
    job = ExportSamples(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        rows=rows,
        columns=columns,
        file=file,
    )
    _submit(session, worker, job, f"Exporting {counted(len(rows), 'sample')}")


def _chosen(session: SessionLike) -> NDArray[np.int64] | None:
    chosen = session.state.selection.chosen
    if not len(chosen):
        text = "Select samples first: drag a rectangle or a lasso."
        session.update(session.state.with_notice(text))
        return None
    return chosen.rows


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
        pending = _pending_map(state)
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
        _submit(session, worker, job, "Computing activations for neighbours")
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
        _say_limit(session)


def highlight_class(*, session: SessionLike, number: int | None) -> None:
    """Highlight a class on the map and dim the rest; None for all."""
    session.update(replace(session.state, highlighted_class=number))


# ---- generating ---------------------------------------------------------------------------------


def generate_from_neighbors(
    *,
    session: SessionLike,
    worker: WorkerLike,
    settings: GenerateSettings,
    class_choice: PanelClass,
) -> None:
    """Draw with the map's layers held at the mean of the anchor and its neighbours."""
    state = session.state
    if state.model is None or state.layer_map is None:
        session.update(state.with_notice("Open a data folder first."))
        return
    rows = state.selection.rows
    if not rows:
        session.update(
            state.with_notice("Click a point on the map first: a mask needs at least one sample.")
        )
        return
    choice = _resolve_class(state, class_choice)
    job = Generate(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        rows=rows,
        class_choice=choice,
        settings=settings,
    )
    session.update(replace(state, settings=settings, class_choice=class_choice))
    _begin_trajectory(session, worker, job)


def generate_grid(
    *,
    session: SessionLike,
    worker: WorkerLike,
    settings: GenerateSettings,
    class_choice: PanelClass,
    samples: int = 1,
    strengths: tuple[float, ...] = (),
    windows: tuple[tuple[int, int], ...] = (),
    mask_layers: tuple[tuple[str, ...], ...] = (),
) -> None:
    """Draw one picture for every combination of the axes; without a pick, without a mask.

    Only the last grid is shown: an earlier one that is still in work is cancelled.
    The arguments are those of `GenerateGrid`.
    """
    state = session.state
    if state.model is None or state.layer_map is None:
        session.update(state.with_notice("Open a data folder first."))
        return
    rows = state.selection.rows
    if not rows and (strengths or windows or mask_layers):
        session.update(
            state.with_notice("Click a point on the map first: a mask needs at least one sample.")
        )
        return
    job = GenerateGrid(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        rows=rows,
        class_choice=_resolve_class(state, class_choice),
        settings=settings,
        samples=samples,
        strengths=strengths,
        windows=windows,
        mask_layers=mask_layers,
    )
    for running in state.jobs:  # nobody would see its pictures
        if isinstance(running.job, GenerateGrid):
            cancel_job(session=session, worker=worker, job_id=running.job.job_id)
    session.update(replace(session.state, grid=GridRecord(job)))
    _submit(session, worker, job, "Generating a grid")


def generate_cell(*, session: SessionLike, worker: WorkerLike, index: int) -> None:
    """Draw a picture of the grid again as a trajectory, with all its steps."""
    state = session.state
    grid = state.grid
    cell = next((c for c in grid.cells if c.index == index), None) if grid is not None else None
    if grid is None or cell is None:
        return
    job = grid.job
    if job.model != state.model or job.source != state.source:
        text = "This grid belongs to another model or map: open that to draw the picture again."
        session.update(state.with_notice(text))
        return
    again = Generate(
        job_id=worker.next_id(),
        source=job.source,
        model=job.model,
        layers=job.layers,
        rows=job.rows,
        class_choice=job.class_choice,
        settings=cell.settings,
    )
    _begin_trajectory(session, worker, again)


def _begin_trajectory(session: SessionLike, worker: WorkerLike, job: Generate) -> None:
    state = session.state
    number = 1 + max((int(r.name.split()[-1]) for r in state.trajectories), default=0)
    record = TrajectoryRecord(job=job, name=f"Trajectory {number}")
    session.update(replace(state, trajectories=(*state.trajectories, record)))
    _submit(session, worker, job, f"Generating {record.name.lower()}")


def _resolve_class(state: State, choice: PanelClass) -> ClassChoice:
    if choice != "anchor":
        return choice
    if state.samples is None or state.selection.anchor is None:
        return "random"
    number = int(state.samples.class_label[state.selection.anchor])
    return number if number >= 0 else "random"


def change_settings(
    *, session: SessionLike, settings: GenerateSettings, class_choice: PanelClass
) -> None:
    """Remember what the Generate panel shows."""
    session.update(replace(session.state, settings=settings, class_choice=class_choice))


# ---- trajectories -------------------------------------------------------------------------------


def show_trajectory(*, session: SessionLike, worker: WorkerLike, key: int) -> None:
    """Show a trajectory in the filmstrip, from its last step."""
    record = session.state.trajectory(key)
    if record is not None:
        session.update(replace(session.state, shown=key, step=max(0, len(record.steps) - 1)))
        if session.state.comparing:
            _want_baseline(session, worker)


def scrub_to(*, session: SessionLike, step: int) -> None:
    """Go to a step of the shown trajectory; outside it, to its nearest end."""
    record = session.state.trajectory()
    if record is not None and record.steps:
        bounded = min(max(step, 0), len(record.steps) - 1)
        if bounded != session.state.step:
            session.update(replace(session.state, step=bounded))


def set_trajectory_visible(*, session: SessionLike, key: int, visible: bool) -> None:
    """Show or hide a trajectory's path on the map."""
    record = session.state.trajectory(key)
    if record is not None:
        session.update(session.state.with_trajectory(replace(record, visible=visible)))


def compare_with_unmasked(
    *, session: SessionLike, worker: WorkerLike, comparing: bool = True
) -> None:
    """Show the unmasked run of the same seed beside the shown trajectory, or no longer.

    It is drawn when it is first asked for and kept for the session.
    """
    session.update(replace(session.state, comparing=comparing))
    if comparing:
        _want_baseline(session, worker)


def _want_baseline(session: SessionLike, worker: WorkerLike) -> None:
    state = session.state
    record = state.trajectory()
    wanted = record.unmasked if record is not None else None
    if record is None or wanted is None or not record.job.rows or state.baseline() is not None:
        return
    job = replace(wanted, job_id=worker.next_id())
    unmasked = TrajectoryRecord(job=job, name=f"{record.name} without the mask")
    session.update(replace(state, unmasked=(*state.unmasked, unmasked)))
    _submit(session, worker, job, f"Generating {unmasked.name.lower()}")


def find_landing(*, session: SessionLike, worker: WorkerLike, sigma: float) -> None:
    """Where the shown trajectory's finished picture lies on the map, seen at a noise level."""
    state = session.state
    record = state.trajectory()
    if record is None or not record.done or record.class_label is None:
        session.update(state.with_notice("The picture is not finished yet."))
        return
    job = PlacePicture(
        job_id=worker.next_id(),
        source=record.job.source,
        model=record.job.model,
        layers=record.job.layers,
        image=record.steps[-1].image,
        class_label=record.class_label,
        sigma=sigma,
        seed=record.seed or 0,
    )
    _submit(session, worker, job, f"Placing {record.name.lower()}")


def delete_trajectory(*, session: SessionLike, worker: WorkerLike, key: int) -> None:
    """Forget a trajectory; one that is being computed is cancelled."""
    if session.state.job(key) is not None:
        worker.cancel(key)
        return
    _drop_trajectory(session, key)
    if session.state.comparing:
        _want_baseline(session, worker)


def _drop_trajectory(session: SessionLike, key: int) -> None:
    state = session.state
    left = tuple(record for record in state.trajectories if record.key != key)
    wanted = [record.unmasked for record in left]  # nobody can ask for the others any more
    unmasked = tuple(r for r in state.unmasked if replace(r.job, job_id=0) in wanted)
    state = replace(state, trajectories=left, unmasked=unmasked)
    if state.shown == key:
        last = left[-1] if left else None
        step = max(0, len(last.steps) - 1) if last else 0
        state = replace(state, shown=last.key if last else None, step=step)
    session.update(state)


# ---- jobs ---------------------------------------------------------------------------------------


def cancel_current(*, session: SessionLike, worker: WorkerLike) -> None:
    """Cancel the job that runs, else the last one that waits."""
    jobs = session.state.jobs
    if jobs:
        running = next((r for r in jobs if r.since is not None), jobs[-1])
        cancel_job(session=session, worker=worker, job_id=running.job.job_id)


def cancel_job(*, session: SessionLike, worker: WorkerLike, job_id: int) -> None:
    """Cancel one job; the window stays as it is until the engine says that it ended."""
    running = session.state.job(job_id)
    if running is not None:
        cancelling = replace(running, stage="cancelling", fraction=None, detail="")
        session.update(session.state.with_job(cancelling))
        worker.cancel(job_id)


def _submit(session: SessionLike, worker: WorkerLike, job: Job, title: str) -> None:
    session.update(session.state.with_job(RunningJob(job, title)))
    worker.submit(job)


def _say_limit(session: SessionLike) -> None:
    text = f"A mask averages at most {MAX_NEIGHBORS} neighbours; remove one to add another."
    session.update(session.state.with_notice(text))


# ---- what the engine says -----------------------------------------------------------------------


def on_engine_changed(*, session: SessionLike, status: EngineStatus) -> None:
    """The engine process started, waits, works or stopped."""
    session.update(replace(session.state, engine=status))


def on_started(*, session: SessionLike, job_id: int) -> None:
    """A job left the queue."""
    running = session.state.job(job_id)
    if running is not None:
        stage = running.stage if running.stage == "cancelling" else "starting"
        started = replace(running, stage=stage, since=time.monotonic())
        session.update(session.state.with_job(started))


def on_event(*, session: SessionLike, event: Event) -> None:
    """Something happened in the running job; a job that is no longer known is ignored."""
    state = session.state
    running = state.job(event.job_id)
    if running is None or running.stage == "cancelling":
        return
    match event:
        case Progress():
            changed = replace(
                running, stage=event.stage, fraction=event.fraction, detail=event.detail
            )
            session.update(state.with_job(changed))
        case RunStarted():
            record, grid = state.run(event.job_id), state.grid
            if grid is not None and grid.job.job_id == event.job_id:
                settings = replace(grid.job.settings, seed=event.seed)
                begun = replace(grid, job=replace(grid.job, settings=settings))
                session.update(replace(state, grid=begun))
            if record is not None:
                changed_record = replace(record, seed=event.seed, class_label=event.class_label)
                session.update(state.with_trajectory(changed_record))
        case StepDone():
            _add_step(session, event)
        case CellDone():
            grid = state.grid
            if grid is not None and grid.job.job_id == event.job_id:
                grown = replace(grid, cells=(*grid.cells, event.cell))
                session.update(replace(state, grid=grown))


def _add_step(session: SessionLike, event: StepDone) -> None:
    state = session.state
    record = state.run(event.job_id)
    if record is None:
        return
    grown = replace(record, steps=(*record.steps, event.step))
    state = state.with_trajectory(grown)
    if state.trajectory(grown.key) is None:  # one to compare with: nobody follows it
        session.update(state)
        return
    # follow the run, unless the person is looking at another one or at an earlier step of it
    following = state.shown == grown.key and state.step == len(record.steps) - 1
    if not record.steps or state.shown is None or following:
        state = replace(state, shown=grown.key, step=len(grown.steps) - 1)
    session.update(state)


def on_finished(
    *, session: SessionLike, worker: WorkerLike, job_id: int, result: Result, memory: int | None
) -> None:
    """A job ended well; the result of one that is no longer known is dropped."""
    running = session.state.job(job_id)
    if running is None:
        return
    if running.stage == "cancelling" and isinstance(result, LayerMap):
        # it was done before it heard: still, this map is not wanted (any more)
        on_cancelled(session=session, job_id=job_id)
        return
    session.update(replace(session.state.without_job(job_id), memory=memory))
    match result:
        case DataOpened():
            _data_opened(session, worker, result)
        case ModelLoaded():
            _model_loaded(session, worker, result)
        case CheckpointConverted():
            _converted(session, result)
        case DataImported():
            _imported(session, worker, result)
        case LayersExtracted():
            _extracted(session, result)
        case LayerMap():
            _layer_mapped(session, worker, running, result)
        case Trajectory():
            _trajectory_done(session, worker, job_id, result)
        case LinkedMap():
            _linked(session, running, result)
        case PictureMean():
            session.update(replace(session.state, mean=result))
        case SamplesExported():
            text = f"Wrote {counted(result.samples, 'sample')} to {result.file}"
            session.update(session.state.with_notice(text))
        case PictureGrid():
            grid = session.state.grid
            if grid is not None and grid.job.job_id == job_id:
                whole = GridRecord(
                    replace(result.job, job_id=job_id), result.cells, True, result.record
                )
                session.update(replace(session.state, grid=whole))
            if result.notes:
                session.update(session.state.with_notice(result.notes[0]))
        case PicturePlaced():
            _landed(session, running, result)


def _trajectory_done(
    session: SessionLike, worker: WorkerLike, job_id: int, result: Trajectory
) -> None:
    record = session.state.run(job_id)
    if record is not None:
        done = replace(
            record,
            steps=result.steps,
            seed=result.seed,
            class_label=result.class_label,
            done=True,
            record=result.record,
        )
        session.update(session.state.with_trajectory(done))
    if result.notes:
        session.update(session.state.with_notice(result.notes[0]))
    if session.state.comparing and session.state.shown == job_id:
        _want_baseline(session, worker)


def _landed(session: SessionLike, running: RunningJob, placed: PicturePlaced) -> None:
    state, asked = session.state, running.job
    assert isinstance(asked, PlacePicture)
    for record in state.trajectories:
        if record.done and record.steps[-1].image is asked.image:
            state = state.with_trajectory(replace(record, landed=placed))
    session.update(state)


def _data_opened(session: SessionLike, worker: WorkerLike, opened: DataOpened) -> None:
    state = session.state
    same_model = state.model == opened.model and state.path == opened.path
    summary = next(model for model in opened.models if model.name == opened.model)
    session.forget_picks()
    new = replace(
        state,
        source=opened.source,
        path=opened.path,
        is_demo=opened.is_demo,
        models=opened.models,
        problems=opened.problems,
        model=opened.model,
        samples=opened.samples,
        default_layers=opened.default_layers,
        layer_map=opened.layer_map,
        loaded=None,
        cached={},
        rate=state.rate if same_model else None,
        model_problem=None,
        selection=Selection(),
        filter=None,
        linked=None,
        highlighted_class=None,
        settings=state.settings if same_model else summary.settings,
        class_choice=state.class_choice if same_model else "anchor",
        trajectories=state.trajectories if state.path == opened.path else (),
        unmasked=state.unmasked if state.path == opened.path else (),
        grid=state.grid if state.path == opened.path else None,
        shown=state.shown if state.path == opened.path else None,
    )
    if opened.problems:
        more = f" ({len(opened.problems)} problems)" if len(opened.problems) > 1 else ""
        new = new.with_notice(opened.problems[0] + more, details="\n".join(opened.problems))
    session.update(new)
    job = LoadModel(job_id=worker.next_id(), source=opened.source, model=opened.model)
    _submit(session, worker, job, f"Loading {opened.model}")


def _model_loaded(session: SessionLike, worker: WorkerLike, loaded: ModelLoaded) -> None:
    state = session.state
    if loaded.model != state.model:
        return
    summary = state.summary()
    untouched = summary is not None and state.settings == summary.settings
    models = tuple(
        replace(model, settings=loaded.settings) if model.name == loaded.model else model
        for model in state.models
    )
    state = replace(
        state,
        loaded=loaded,
        cached={state.source.parameters: frozenset(i.name for i in loaded.layers if i.cached)},
        models=models,
        settings=loaded.settings if untouched else state.settings,
    )
    if loaded.convertible:
        text = "This checkpoint can be converted, so that it opens faster and is read only once."
        state = state.with_notice(" ".join((*loaded.notes, text)), offer="convert")
    elif loaded.notes:
        state = state.with_notice(" ".join(loaded.notes))
    session.update(state)
    if state.layer_map is None and not any(isinstance(r.job, MapLayer) for r in state.jobs):
        change_layer(session=session, worker=worker, layers=state.default_layers)


def _converted(session: SessionLike, converted: CheckpointConverted) -> None:
    state = session.state
    if state.loaded is not None and state.model == converted.model:
        state = replace(state, loaded=replace(state.loaded, convertible=False))
    session.update(state.with_notice(f"Converted: {converted.path} is used from now on."))


def _imported(session: SessionLike, worker: WorkerLike, imported: DataImported) -> None:
    pictures, samples = counted(imported.pictures, "picture"), counted(imported.samples, "sample")
    text = f"Imported {pictures} as {samples} of {imported.model} in {imported.path}."
    _say_with_notes(session, text, imported.notes)
    source = Source(path=imported.path)
    open_data(session=session, worker=worker, source=source, model=imported.model)


def _extracted(session: SessionLike, extracted: LayersExtracted) -> None:
    state = session.state
    if extracted.model == state.model and extracted.rate is not None:
        session.update(replace(state, rate=extracted.rate))
    layers = ", ".join("+".join(names) for names in extracted.layer_sets)
    where = f" to {extracted.files[0].parent}" if extracted.files else ""
    text = (
        f"Extracted {layers} of {counted(extracted.samples, 'sample')}{where}: "
        f"{extracted.bytes / 1e6:,.0f} MB."
    )
    _say_with_notes(session, text, extracted.notes)


def _say_with_notes(session: SessionLike, text: str, notes: tuple[str, ...]) -> None:
    """What was done and the first note; all notes can be copied."""
    text = " ".join((text, *notes[:1]))
    session.update(session.state.with_notice(text, details="\n".join(notes)))


def _layer_mapped(
    session: SessionLike, worker: WorkerLike, running: RunningJob, mapped: LayerMap
) -> None:
    state = session.state
    job = running.job
    if not isinstance(job, MapLayer) or mapped.model != state.model or not _same_data(job, state):
        return
    new = replace(
        state,
        source=job.source,
        layer_map=mapped,
        rate=state.rate if mapped.rate is None else mapped.rate,
    )
    new = _with_cached(new, mapped.layers if len(mapped.layers) == 1 else ())
    # another map has other neighbours: those suggested on the old one go, the person's stay
    new = new.with_selection(state.selection)
    session.update(new.with_notice(mapped.notes[0]) if mapped.notes else new)
    if state.linked is not None and new.map_key() != state.map_key():  # it lies on the old one
        second = state.linked.map
        session.update(replace(session.state, linked=None))
        link_map(session=session, worker=worker, model=second.model, layers=second.layers)
    if new.map_key() == state.map_key() and state.selection.anchor is not None:
        suggest_neighbors(session=session, worker=worker, count=state.suggest_count)


def _with_cached(state: State, mapped: tuple[str, ...]) -> State:
    """With what the source's parameters have maps of, and further layers that were just mapped."""
    if state.loaded is None:
        return state
    there = state.cached.get(state.source.parameters, frozenset()) | set(mapped)
    layers = tuple(replace(info, cached=info.name in there) for info in state.loaded.layers)
    return replace(
        state,
        cached={**state.cached, state.source.parameters: there},
        loaded=replace(state.loaded, layers=layers),
    )


def on_failed(
    *, session: SessionLike, worker: WorkerLike, job_id: int, message: str, details: str
) -> None:
    """A job could not be done; everything else stays as it was."""
    running = session.state.job(job_id)
    if running is None:
        return
    state, job = session.state.without_job(job_id), running.job
    # where the engine died, the model is not at fault, unless that happens twice
    again = isinstance(job, LoadModel) and state.engine == "stopped" and not job.again
    if isinstance(job, LoadModel) and job.model == state.model and not again:
        state = replace(state, model_problem=message)
    session.update(state.with_notice(message, error=True, details=details))
    _end_trajectory(session, job_id)
    if isinstance(job, LoadModel) and job.model == state.model and again:
        retry = replace(job, job_id=worker.next_id(), again=True)
        _submit(session, worker, retry, running.title)


def on_cancelled(*, session: SessionLike, job_id: int) -> None:
    """A job ended because the person asked for it."""
    running = session.state.job(job_id)
    if running is None:
        return
    state = session.state.without_job(job_id)
    session.update(state.with_notice(f"Cancelled: {running.title[0].lower()}{running.title[1:]}."))
    _end_trajectory(session, job_id)


def _end_trajectory(session: SessionLike, job_id: int) -> None:
    """What was drawn of an interrupted run stays; one without any step goes."""
    state = session.state
    if state.grid is not None and state.grid.job.job_id == job_id:
        session.update(replace(state, grid=replace(state.grid, done=True)))
        return
    if any(record.key == job_id for record in state.unmasked):
        # half a run is nothing to compare with
        left = tuple(record for record in state.unmasked if record.key != job_id)
        session.update(replace(state, unmasked=left))
        return
    record = state.trajectory(job_id)
    if record is None:
        return
    if record.steps:
        session.update(state.with_trajectory(replace(record, done=True)))
    else:
        _drop_trajectory(session, job_id)
