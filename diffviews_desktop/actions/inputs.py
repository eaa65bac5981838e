"""What the model sees of a sample."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.inputs import InputShown, ShowInput
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr

MOST_INPUTS = 100


def is_input_wanted(state: State, row: int) -> bool:
    """Whether what the model sees of a sample can be asked for, and is not known yet."""
    opened = state.opened
    ready = opened.loaded is not None and opened.samples is not None and not state.jobs.running
    return ready and state.picks.input_of(opened.model, row) is None


def ask_input(context: Context, row: int) -> None:
    """Ask what the model sees of a sample; nobody is told of it."""
    opened = context.state.opened
    assert opened.model is not None
    job = ShowInput(
        job_id=context.worker.next_id(), folder=opened.folder, model=opened.model, row=row
    )
    submit(context, job, tr("Showing what the model sees of a sample"))


def take_input(context: Context, running: RunningJob, result: InputShown) -> None:
    """Keep what the model sees of a sample of the open folder."""
    state, job = context.state, running.job
    if job.folder == state.opened.folder and result.model == state.opened.model:
        inputs = (*state.picks.inputs, result)[-MOST_INPUTS:]
        context.update(replace(state, picks=replace(state.picks, inputs=inputs)))
