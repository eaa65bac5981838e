"""Shows what the model sees of a sample."""

from __future__ import annotations

from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.inputs import InputShown, ShowInput
from diffviews_desktop.engine.sample_inputs import show_input
from diffviews_desktop.engine.workspace import Workspace


@handles(ShowInput)
def shown_input(job: ShowInput, workspace: Workspace) -> InputShown:
    """The picture of a sample as the model sees it."""
    return show_input(job, workspace, workspace.open(job.folder, job.model))
