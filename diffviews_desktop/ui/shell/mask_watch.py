"""Has each mask judged that the user picks, while the engine has nothing else to do."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.masks import judge_mask, mask_to_judge
from diffviews_desktop.engine.jobs.drawing import JudgeMask
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.panel import differ

REST_MILLISECONDS = 300
"""Nothing is picked for so long, before the mask is judged."""


class MaskWatch(QObject):
    """Judges a mask once: when it was picked, and the engine waits.

    Args:
        context: whose state is watched.
        parent: it goes with this object.
    """

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._asked: JudgeMask | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._ask)

    def show_changes(self, old: State, new: State) -> None:
        """Wait for a rest where another mask is picked."""
        if not differ(_watched(old), _watched(new)):
            return
        wanted = mask_to_judge(new)
        if wanted is None or wanted == self._asked or new.jobs.running:
            self._rest.stop()
        else:
            self._rest.start()

    def _ask(self) -> None:
        self._asked = mask_to_judge(self._context.state)
        judge_mask(self._context)


def _watched(state: State) -> tuple[object, ...]:
    return state.opened, state.picks.selection, state.runs.settings, state.jobs.running
