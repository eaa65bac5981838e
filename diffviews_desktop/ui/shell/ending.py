"""What stands between the user and the end of the program."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from diffviews_desktop.engine.jobs.downloading import ListModels
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.engine.jobs.storage import MeasureDisk
from diffviews_desktop.state.jobs import Jobs
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.questions import ask

_SOON_DONE = (OpenData, LoadModel, ListModels, MeasureDisk)


def may_interrupt(jobs: Jobs, middle: QWidget) -> bool:
    """Whether to quit now; the user is asked once where work would be lost or break off."""
    running = next((one for one in (*jobs.running, *jobs.aside) if one.since is not None), None)
    if running is None or isinstance(running.job, _SOON_DONE):
        return True
    title = visible(running.title, MOST_OF_NAME)
    text = tr("{title} is not finished. Quit and drop it?", title=title)
    if running.job.aside and not running.job.draws:
        text = tr(
            "{title} is not finished. Quit now, and continue with it another time?", title=title
        )
    return ask(middle, tr("Quit DiffViews?"), text)
