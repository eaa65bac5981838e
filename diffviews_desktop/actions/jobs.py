"""What can be done with jobs: move those that wait, and run those again that have ended."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.runs import begin_run
from diffviews_desktop.actions.verbs import VERBS, note
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.jobs import EndedJob
from diffviews_desktop.state.runs import ComparedMasks, Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr

_OF_ANY_FOLDER = (OpenData, ImportData)
"""What does not depend on what is open."""


def move_job(context: Context, job_id: int, by: int) -> None:
    """Let a waiting job come ``by`` places later, or earlier where that is negative."""
    state = context.state
    jobs = state.jobs.move(job_id, by)
    if jobs is not state.jobs:
        context.update(replace(state, jobs=jobs))
        context.worker.reorder([one.job.job_id for one in jobs.waiting()])


def run_again(context: Context, job_id: int) -> None:
    """Ask once more for a job that has ended, with everything as it was then."""
    state = context.state
    ended = state.jobs.ended_job(job_id)
    if ended is None:
        return
    reason = why_not_again(state, ended)
    if reason or ended.job is None:
        context.say(reason)
        return
    job = replace(ended.job, job_id=context.worker.next_id())
    _note_again(context, job_id, job)
    if isinstance(job, Generate):
        begin_run(context, job)
        return
    state = context.state
    runs = state.runs
    if isinstance(job, GenerateGrid):
        runs = replace(runs, grid=Grid(job))
    elif isinstance(job, RunExperiment):
        runs = replace(runs, experiment=ComparedMasks(job))
    context.update(replace(state, runs=runs))
    submit(context, job, ended.title)


def _note_again(context: Context, job_id: int, job: Job[object]) -> None:
    """Keep in the history that what asked for the job was done again, with what it was drawn
    with."""
    lines = context.state.history.lines
    line = next((one for one in lines if job_id in one.jobs), None)
    if line is None:
        return
    arguments = dict(line.arguments)
    if isinstance(job, Generate) and "interventions" in signature(VERBS[line.verb]).parameters:
        arguments["interventions"] = job.interventions
    note(context, VERBS[line.verb], **arguments)


def why_not_again(state: State, ended: EndedJob) -> str:
    """Why a job cannot be run again now; empty where it can."""
    job = ended.job
    if job is None:
        return tr("It is of too many samples to be kept. Do it again from the menu.")
    if isinstance(job, _OF_ANY_FOLDER):
        return ""
    if job.folder != state.opened.folder or _model_of(job) not in (None, state.opened.model):
        return tr("It is of another folder or model. Open that first.")
    if isinstance(job, LoadModel) and state.opened.loaded is not None:
        return tr("The model is loaded.")
    return ""


def _model_of(job: Job[object]) -> str | None:
    spec = getattr(job, "spec", None) or getattr(job, "experiment", None) or job
    model: str | None = getattr(spec, "model", None)
    return model


ACTIONS = (
    Action(
        "jobs.show",
        tr("&Jobs…"),
        lambda context: context.window.show_page("jobs"),
        keys=("Ctrl+J",),
        menu="view",
        group=4,
        meaning=tr("What runs, what waits, and how what was done before has ended."),
    ),
    Action(
        "jobs.history",
        tr("&History…"),
        lambda context: context.window.show_page("history"),
        keys=("Ctrl+H",),
        menu="view",
        group=4,
        meaning=tr("What you did, to copy as a command, as Python or as JSON."),
    ),
    Action(
        "jobs.notices",
        tr("&Notices…"),
        lambda context: context.window.show_page("notices"),
        menu="view",
        group=4,
        meaning=tr("Everything that the program has told you."),
    ),
)
