"""Asks what the model sees of the sample in the preview, while the engine has nothing to do."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.inputs import ask_input, is_input_wanted
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.preview import PreviewPanel

REST_MILLISECONDS = 250
"""The same sample is shown for so long, before it is asked for."""


class InputWatch(QObject):
    """Asks for the input of each sample that is looked at, once.

    Args:
        context: whose state is watched.
        preview: that shows samples.
    """

    def __init__(self, context: Context, preview: PreviewPanel) -> None:
        super().__init__(preview)
        self._context, self._preview = context, preview
        self._asked: int | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._ask)
        preview.row_shown.connect(lambda _: self._begin())

    def show_changes(self, old: State, new: State) -> None:
        """Ask once the model is there, and once nothing else is to be done."""
        if old.opened.samples is not new.opened.samples:
            self._asked = None
        if old.jobs is not new.jobs or old.opened is not new.opened:
            self._begin()

    def _begin(self) -> None:
        row = self._find_row()
        if row is None or row == self._asked:
            self._rest.stop()
        elif not self._rest.isActive():
            self._rest.start()

    def _find_row(self) -> int | None:
        row, preview = self._preview.shown_row, self._preview
        if row is None or not preview.isVisible() or not preview.has_room:
            return None
        return row if is_input_wanted(self._context.state, row) else None

    def _ask(self) -> None:
        row = self._find_row()
        if row is not None and row != self._asked:
            self._asked = row
            ask_input(self._context, row)
