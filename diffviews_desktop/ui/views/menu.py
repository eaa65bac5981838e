"""What a right click on the map offers: for the sample under the mouse, and for the view."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.sample_menu import SampleMenu


class MapMenu(SampleMenu):
    """What a right click on the map offers: for the sample under the mouse, and for the view.

    Args:
        parent: widget over which it opens.
        actions: those of the window.
        context: what the actions work with.
        row: the sample under the mouse; None for none.
        moves: actions for the view that was clicked.
    """

    def __init__(
        self,
        parent: QWidget,
        actions: Actions,
        context: Context,
        row: int | None,
        moves: Sequence[QAction],
    ) -> None:
        super().__init__(parent, context, row)
        state = context.state
        if row is not None:
            self.addSeparator()
        for action_id in ("selection.all", "selection.invert", "selection.clear", "view.all"):
            if _makes_sense(action_id, state):
                self.addAction(actions[action_id])
        self.addSeparator()
        self.addActions(moves)


def _makes_sense(action_id: str, state: State) -> bool:
    """Whether the map's menu needs it now: it is short."""
    if action_id in ("selection.invert", "selection.clear"):
        return len(state.picks.selection.chosen) > 0
    if action_id == "view.all":
        return bool(state.view.filters) or state.view.highlighted_class is not None
    return True
