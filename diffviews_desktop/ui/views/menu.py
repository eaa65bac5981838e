"""What a right click on the map offers: for the sample under the mouse, and for the view."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from diffviews_desktop.actions import runs
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import menu_text
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.run_menu import offer_step
from diffviews_desktop.ui.common.sample_menu import SampleMenu


class MapMenu(SampleMenu):
    """What a right click on the map offers: for the sample under the mouse, and for the view.

    Args:
        parent: widget over which it opens.
        actions: those of the window.
        context: what the actions work with.
        row: the sample under the mouse; None for none.
        moves: actions for the view that was clicked.
        step: the step of a run under the mouse, as run and number; None for none.
    """

    def __init__(
        self,
        parent: QWidget,
        actions: Actions,
        context: Context,
        row: int | None,
        moves: Sequence[QAction],
        step: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(parent, context, row if step is None else None)
        state = context.state
        if step is not None:
            self._offer_step(state, *step)
        elif row is not None:
            self.addSeparator()
        for action_id in ("selection.all", "selection.invert", "selection.clear", "view.all"):
            if _makes_sense(action_id, state):
                self.addAction(actions[action_id])
        self.addSeparator()
        self.addActions(moves)

    def _offer_step(self, state: State, run_id: int, index: int) -> None:
        """What can be done with a step of a run, where that is there."""
        run = state.runs.run(run_id)
        if run is None or index >= len(run.steps):
            return
        run_name = visible(run.name, MOST_OF_NAME)
        name = tr("{run}, step {step}", run=run_name, step=index + 1)
        head = self.addAction(menu_text(name))
        head.setToolTip(tip(name))
        head.setEnabled(False)

        show = self.addAction(tr("Sh&ow this step"))
        show.triggered.connect(lambda: runs.go_to_step(self._context, run_id, index))
        self.addSeparator()
        offer_step(self, self._context, run_id, index)
        self.addSeparator()


def _makes_sense(action_id: str, state: State) -> bool:
    """Whether the map's menu needs it now: it is short."""
    if action_id in ("selection.invert", "selection.clear"):
        return len(state.picks.selection.chosen) > 0
    if action_id == "view.all":
        return bool(state.view.filters) or state.view.highlighted_class is not None
    return True
