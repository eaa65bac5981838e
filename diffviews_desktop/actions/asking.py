"""Asking the engine for something, and taking it back."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr


def submit(context: Context, job: Job[object], title: str) -> None:
    """Have the engine do a job; ``title`` says what it is, for the user.

    Those before of its class are cancelled where only the newest counts.
    """
    if job.supersedes:
        cancel_all(context, type(job))
    state = context.state
    line, history = context.acting.line, state.history
    if line is not None:
        history = history.with_job(line, job)
    jobs = state.jobs.with_job(RunningJob(job, title))
    context.update(replace(state, jobs=jobs, history=history))
    context.worker.submit(job)


def cancel_current(context: Context) -> None:
    """Cancel the job that runs, else the last one that waits."""
    current = context.state.jobs.current()
    if current is not None:
        cancel_job(context, current.job.job_id)


def cancel_shown(context: Context) -> None:
    """Cancel the job that the status bar shows."""
    running = context.state.jobs.status_job()
    if running is not None:
        cancel_job(context, running.job.job_id)


def cancel_job(context: Context, job_id: int) -> None:
    """Cancel one job; the window stays as it is until the engine says that it ended."""
    state = context.state
    running = state.jobs.job(job_id)
    if running is not None:
        cancelling = replace(running, stage="cancelling", fraction=None, detail="")
        context.update(replace(state, jobs=state.jobs.with_job(cancelling)))
        context.worker.cancel(job_id)


def cancel_all(context: Context, kind: type[Job[object]]) -> None:
    """Cancel all jobs of a class, waiting or running."""
    jobs = context.state.jobs
    for running in (*jobs.running, *jobs.aside, *jobs.unlisted):
        if type(running.job) is kind:
            cancel_job(context, running.job.job_id)


def _nothing_runs(state: State) -> str:
    return "" if state.jobs.running else tr("Nothing is running.")


ACTIONS = (
    Action(
        "jobs.cancel",
        tr("&Cancel"),
        cancel_current,
        keys=("Ctrl+.",),
        menu="generate",
        meaning=tr("Cancel the running job, or the last one that waits."),
        why_not=_nothing_runs,
        explains=False,
    ),
)
