"""What a right click on a step of a run offers, wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import RUN_ACTIONS


def offer_step(menu: QMenu, context: Context, run_id: int, step: int) -> None:
    """Add to a menu what can be done with a step of a run, from 0, unless the run is gone."""
    state = context.state
    run = state.runs.run(run_id)
    actions = [] if run is None else [one for one in RUN_ACTIONS if one.offered(state, run)]
    for previous, one in zip((None, *actions), actions, strict=False):
        assert run is not None
        if previous is not None and previous.group != one.group:
            menu.addSeparator()
        action = menu.addAction(one.title(state, run))
        action.setData(one.id)
        action.triggered.connect(partial(_run, one.run, context, run_id, step))


def _run(
    run: Callable[[Context, int, int], None], context: Context, run_id: int, step: int, *_: object
) -> None:
    run(context, run_id, step)
