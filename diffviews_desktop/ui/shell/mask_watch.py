"""Has each mask judged that Generate would use, while the engine has nothing else to do."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.masks import judge_mask, unknown_masks
from diffviews_desktop.engine.jobs.drawing import JudgeMask
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.panel import differ

REST_MILLISECONDS = 300
"""Nothing is picked for so long, before a mask is judged."""


class MaskWatch(QObject):
    """Judges the masks of the Generate panel, one after the other, each once: when they were
    picked, and the engine waits.

    Args:
        context: whose state is watched.
        parent: it goes with this object.
    """

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._asked: set[JudgeMask] = set()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._ask)

    def show_changes(self, old: State, new: State) -> None:
        """Wait for a rest where another mask is picked."""
        if not differ(_watch_sources(old), _watch_sources(new)):
            return
        if differ(_mask_sources(old), _mask_sources(new)):
            self._asked.clear()
        if self._find_mask(new) is None or new.jobs.running:
            self._rest.stop()
        else:
            self._rest.start()

    def _find_mask(self, state: State) -> JudgeMask | None:
        """The first mask of which nothing is known, unless that was asked for already."""
        return next((job for job in unknown_masks(state) if job not in self._asked), None)

    def _ask(self) -> None:
        job = self._find_mask(self._context.state)
        if job is not None:
            self._asked.add(job)
            judge_mask(self._context, job)


def _mask_sources(state: State) -> tuple[object, ...]:
    return state.opened, state.picks.selection, state.runs.interventions


def _watch_sources(state: State) -> tuple[object, ...]:
    return *_mask_sources(state), state.picks.masks, state.jobs.running
