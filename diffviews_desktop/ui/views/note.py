"""What to keep in mind of the map on screen, at its foot as long as it is shown."""

from __future__ import annotations

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from diffviews_desktop.text.plain import MOST_SHOWN, visible
from diffviews_desktop.ui.common.labels import ElidedLabel
from diffviews_desktop.ui.views.flat.tools import float_ground

ACROSS, UP = 9, 4
"""Margins of the text in logical pixels."""


class StandingNote(ElidedLabel):
    """A line over the map; the whole is in its tooltip. Without a note it is hidden."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent, end=True)
        self.setObjectName("muted")
        self.setContentsMargins(ACROSS, UP, ACROSS, UP)
        self._note = ""
        self.hide()

    def set_note(self, note: str) -> bool:
        """Take a note, empty for none; whether it differs from the last."""
        changed, self._note = note != self._note, note
        if changed:
            self.set_text(visible(note, MOST_SHOWN))
        return changed

    def fit_into(self, width: int) -> None:
        """Be as wide as the note, as far as there is room."""
        text_width = self.fontMetrics().horizontalAdvance(self.whole) + 2 * ACROSS + 2
        self.resize(min(text_width, max(0, width)), self.fontMetrics().height() + 2 * UP)

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)
        super().paintEvent(event)
