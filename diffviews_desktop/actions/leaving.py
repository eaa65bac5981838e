"""What the Esc key takes back: what can be seen, one thing after the other."""

from __future__ import annotations

import time

from diffviews_desktop.actions import tour
from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_job
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.selection import clear_chosen
from diffviews_desktop.actions.showing import choose_tool
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr

JUST_SECONDS = 10.0
"""For so long the Esc key cancels what the user has asked for last."""
_LEFT = ("showing.choose_tool", "selection.clear_chosen")
"""Verbs that do not make what was asked for before them any older."""


def leave(context: Context) -> None:
    """End the tour; else put the tool away; else select nothing; else cancel the job that the user
    has just asked for."""
    state = context.state
    if state.tour is not None:
        tour.end(context)
    elif _tool_in_hand(state):
        choose_tool(context, "pan")
    elif len(state.picks.selection.chosen):
        clear_chosen(context)
    else:
        running = just_asked(state)
        if running is not None:
            cancel_job(context, running.job.job_id)


def just_asked(state: State) -> RunningJob | None:
    """The job that the user asked for with the last thing that they did, a moment ago."""
    lines = reversed(state.history.lines)
    line = next((one for one in lines if one.verb not in _LEFT), None)
    if line is None or time.time() - line.when > JUST_SECONDS:
        return None
    jobs = (state.jobs.job(job_id) for job_id in reversed(line.jobs))
    return next((one for one in jobs if one is not None and one.stage != "cancelling"), None)


def _tool_in_hand(state: State) -> bool:
    """Whether a drag on the map would do something else than move it."""
    flat = state.opened.layer_map is not None and not state.view.solid
    return flat and state.view.tool != "pan"


def _nothing_to_leave(state: State) -> str:
    visible = state.tour is not None or _tool_in_hand(state)
    if visible or len(state.picks.selection.chosen) or just_asked(state) is not None:
        return ""
    return tr(
        "There is no tool to put away, nothing is selected, and you have just started nothing."
    )


ACTIONS = (
    Action(
        "work.leave",
        tr("Put the tool away, select nothing, or cancel what you just started"),
        leave,
        keys=("Esc",),
        why_not=_nothing_to_leave,
        explains=False,
    ),
)
