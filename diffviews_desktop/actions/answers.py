"""What becomes of what the engine says."""

from __future__ import annotations

import time
from dataclasses import replace

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.actions.folders import is_loading, open_data
from diffviews_desktop.actions.maps import change_layer, link_map, same_data
from diffviews_desktop.actions.picks import suggest_neighbors
from diffviews_desktop.actions.runs import drop_trajectory, want_baseline
from diffviews_desktop.engine.jobs.drawing import (
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    Trajectory,
)
from diffviews_desktop.engine.jobs.importing import DataImported
from diffviews_desktop.engine.jobs.mapping import LayersExtracted, LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    DataOpened,
    LoadModel,
)
from diffviews_desktop.engine.jobs.samples import (
    PictureMean,
    SamplesExported,
)
from diffviews_desktop.engine.protocol import CellDone, Event, Progress, RunStarted, StepDone
from diffviews_desktop.state.state import (
    EngineStatus,
    GridRecord,
    RunningJob,
    Selection,
    State,
)
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.folders import ModelLoaded, Source
from diffviews_desktop.values.maps import LayerMap, LinkedMap


def _linked(session: SessionLike, running: RunningJob, linked: LinkedMap) -> None:
    state, job = session.state, running.job
    if not isinstance(job, LinkMaps) or state.map_key() != (job.layers, job.source.parameters):
        return
    if job.model != state.model or running.stage == "cancelling":
        return
    if len(linked.map.layers) == 1 and linked.map.model == state.model:
        state = _with_cached(state, linked.map.layers)
    session.update(replace(state, linked=linked))


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
    *, session: SessionLike, worker: WorkerLike, job_id: int, result: object, memory: int | None
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
        want_baseline(session, worker)


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
    submit(session, worker, job, f"Loading {opened.model}")


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
    if not isinstance(job, MapLayer) or mapped.model != state.model or not same_data(job, state):
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
        submit(session, worker, retry, running.title)


def on_cancelled(*, session: SessionLike, job_id: int) -> None:
    """A job ended because the person asked for it."""
    running = session.state.job(job_id)
    if running is None:
        return
    state, job = session.state.without_job(job_id), running.job
    text = f"Cancelled: {running.title[0].lower()}{running.title[1:]}."
    missing = isinstance(job, LoadModel) and job.model == state.model and state.loaded is None
    if missing and not is_loading(state):
        problem = f"You cancelled loading {state.model}. Choose it again to load it."
        state = replace(state, model_problem=problem).with_notice(text, offer="load")
    else:
        state = state.with_notice(text)
    session.update(state)
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
        drop_trajectory(session, job_id)
