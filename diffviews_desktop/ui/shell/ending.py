"""What stands between the user and the end of the program."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from diffviews_desktop.state.jobs import Jobs
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.ui.common.questions import ask

_SOON_DONE = ("Opening", "Loading", "Looking")


def may_interrupt(jobs: Jobs, middle: QWidget) -> bool:
    """Whether to quit now; the user is asked once where work would be lost or break off."""
    running = next((one for one in (*jobs.running, *jobs.aside) if one.since is not None), None)
    if running is None or running.title.startswith(_SOON_DONE):
        return True
    title = visible(running.title, MOST_OF_NAME)
    text = f"{title} is not finished. Quit and drop it?"
    if running.job.aside and not running.job.draws:
        text = f"{title} is not finished. Quit now, and continue with it another time?"
    return ask(middle, "Quit DiffViews?", text)
