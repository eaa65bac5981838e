"""What becomes of what the engine says while a job runs, and of jobs that end without a result."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.downloads import take_pause, take_problem
from diffviews_desktop.actions.folders import is_loading
from diffviews_desktop.actions.places import not_returning
from diffviews_desktop.actions.results import RESULTS, take_nothing
from diffviews_desktop.actions.sessions import not_opened
from diffviews_desktop.actions.sharing import was_told
from diffviews_desktop.engine.jobs.downloading import Download
from diffviews_desktop.engine.jobs.exporting import PreviewContent
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.engine.protocol import CellDone, Event, Progress, RunStarted, StepDone
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.state import EngineState, EngineStatus
from diffviews_desktop.text.translation import inside, tr
from diffviews_desktop.values.maps import LayerMap

log = logging.getLogger(__name__)


def on_engine_changed(context: Context, status: EngineStatus) -> None:
    """The engine process started, waits, works or stopped."""
    state = context.state
    context.update(replace(state, engine=replace(state.engine, status=status)))


def on_started(context: Context, job_id: int) -> None:
    """A job left the queue."""
    state = context.state
    running = state.jobs.job(job_id)
    if running is not None:
        stage = running.stage if running.stage == "cancelling" else "starting"
        entry = replace(running, stage=stage, since=time.monotonic())
        context.update(replace(state, jobs=state.jobs.with_job(entry)))


def on_event(context: Context, event: Event) -> None:
    """Something happened in the running job; a job that is no longer known is ignored."""
    state = context.state
    running = state.jobs.job(event.job_id)
    if running is None or running.stage == "cancelling":
        return
    match event:
        case Progress():
            changed = running.told(event, time.monotonic())
            context.update(replace(state, jobs=state.jobs.with_job(changed)))
        case RunStarted():
            history = state.history.with_seed(event.job_id, event.seed)
            context.update(replace(state, runs=_begin(state.runs, event), history=history))
        case StepDone():
            context.update(replace(state, runs=_with_step(state.runs, event)))
        case CellDone():
            grid = state.runs.grid
            if grid is not None and grid.job.job_id == event.job_id:
                grown = replace(grid, cells=(*grid.cells, event.cell))
                context.update(replace(state, runs=replace(state.runs, grid=grown)))


def _begin(runs: Runs, event: RunStarted) -> Runs:
    run, grid = runs.of_job(event.job_id), runs.grid
    if grid is not None and grid.job.job_id == event.job_id:
        settings = replace(grid.job.settings, seed=event.seed)
        runs = replace(runs, grid=replace(grid, job=replace(grid.job, settings=settings)))
    if run is not None:
        run = replace(
            run, seed=event.seed, condition=event.condition, evaluations=event.evaluations
        )
        runs = runs.with_run(run)
    return runs


def _with_step(runs: Runs, event: StepDone) -> Runs:
    run = runs.of_job(event.job_id)
    if run is None:
        return runs
    grown = replace(run, steps=(*run.steps, event.step))
    runs = runs.with_run(grown)
    if runs.is_unmasked(grown):  # one to compare with: nobody follows it
        return runs
    # follow the run, unless the user is looking at another one or at an earlier step of it
    following = runs.shown == grown.id and runs.step == len(run.steps) - 1
    if not run.steps or runs.shown is None or following:
        runs = replace(runs, shown=grown.id, step=len(grown.steps) - 1)
    return runs


def on_finished(context: Context, job_id: int, result: object, memory: int | None) -> None:
    """A job ended well; the result of one that is no longer known is dropped."""
    state = context.state
    running = state.jobs.job(job_id)
    if running is None:
        return
    if running.stage == "cancelling" and isinstance(result, LayerMap):
        # it was done before it heard: still, this map is not wanted (any more)
        on_cancelled(context, job_id)
        return
    jobs = state.jobs.without_job(job_id, "finished", time.monotonic())
    memory = state.engine.memory if running.job.aside else memory
    engine = EngineState(state.engine.status, memory)
    context.update(replace(state, jobs=jobs, engine=engine))
    with context.by_itself():
        RESULTS.get(type(result), take_nothing)(context, running, result)


def on_failed(context: Context, job_id: int, message: str, details: str) -> None:
    """A job could not be done; everything else stays as it was."""
    state = context.state
    running = state.jobs.job(job_id)
    if running is None:
        return
    job = running.job
    told = was_told(state, job, message)
    jobs = state.jobs.without_job(job_id, "failed", time.monotonic(), message, details)
    state = not_returning(not_opened(replace(state, jobs=jobs), job), job)
    if isinstance(job, Download):
        context.update(state)
        take_problem(context, job, message, details)
        return
    ours = isinstance(job, LoadModel) and job.model == state.opened.model
    # where the engine died, the model is not at fault, unless that happens twice
    can_retry = isinstance(job, LoadModel) and state.engine.status == "stopped" and not job.again
    if ours and not can_retry:
        state = replace(state, opened=replace(state.opened, model_problem=message))
    if job.unlisted:
        log.warning("%s: %s", running.title, message)
    if isinstance(job, PreviewContent):
        context.window.show_preview(message)
    quiet = told or job.unlisted
    context.update(state if quiet else state.with_notice(message, error=True, details=details))
    _end_run(context, job_id)
    if ours and can_retry:
        retry = replace(job, job_id=context.worker.next_id(), again=True)  # type: ignore[call-arg]
        submit(context, retry, running.title)


def on_cancelled(context: Context, job_id: int) -> None:
    """A job ended because the user asked for it."""
    state = context.state
    running = state.jobs.job(job_id)
    if running is None:
        return
    job, opened = running.job, state.opened
    jobs = state.jobs.without_job(job_id, "cancelled", time.monotonic())
    state = not_returning(not_opened(replace(state, jobs=jobs), job), job)
    if isinstance(job, Download):
        context.update(state)
        take_pause(context, job)
        return
    if job.unlisted:
        context.update(state)
        return
    text = tr("Cancelled: {job}.", job=inside(running.title))
    missing = isinstance(job, LoadModel) and job.model == opened.model and opened.loaded is None
    if missing and not is_loading(state):
        problem = tr(
            "You cancelled loading {model}. Choose it again to load it, or press Ctrl+L.",
            model=opened.model,
        )
        state = replace(state, opened=replace(opened, model_problem=problem))
        context.update(state.with_notice(text, offer="load"))
    else:
        context.update(state.with_notice(text))
    _end_run(context, job_id)


def _end_run(context: Context, job_id: int) -> None:
    """What was drawn of an interrupted run stays; one without any step goes."""
    state = context.state
    runs, run = state.runs, state.runs.of_job(job_id)
    if runs.grid is not None and runs.grid.job.job_id == job_id:
        runs = replace(runs, grid=replace(runs.grid, done=True))
    elif run is None:
        return
    elif runs.is_unmasked(run):  # half a run is nothing to compare with
        others = tuple(one for one in runs.unmasked if one.id != run.id)
        runs = replace(runs, unmasked=others, comparing=False)
    elif run.steps:
        comparing = runs.comparing and runs.shown != run.id  # nothing comes to compare it with
        runs = replace(runs.with_run(replace(run, done=True)), comparing=comparing)
    else:
        runs = runs.without_run(run.id)
    context.update(replace(state, runs=runs))
