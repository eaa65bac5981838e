"""The colour bar in a corner of the map."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from diffviews_desktop.ui import theme
from diffviews_desktop.ui.colors import MISSING
from diffviews_desktop.ui.map.coloring import Coloring, palette

BAR_WIDTH, BAR_HEIGHT, PADDING, GAP = 168, 10, 9, 5


class Legend(QWidget):
    """What the ramp of colours means. Clicks go through it to the points."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._coloring: Coloring | None = None
        self.hide()

    def set_coloring(self, coloring: Coloring | None) -> None:
        """Show a colouring; None hides it."""
        self._coloring = coloring
        self.setVisible(coloring is not None)
        if coloring is None:
            return
        missing = "; grey: no value" if coloring.incomplete else ""
        self.setAccessibleName(
            f"Colours: {coloring.name} from {coloring.low} to {coloring.high}{missing}"
        )
        line = self.fontMetrics().height()
        lines = 3 if coloring.incomplete else 2
        height = 2 * PADDING + lines * line + BAR_HEIGHT + lines * GAP
        self.resize(BAR_WIDTH + 2 * PADDING, height)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        shown, c = self._coloring, theme.colors()
        if shown is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(c.panel)
        ground.setAlpha(225)
        painter.setBrush(ground)
        painter.setPen(QColor(c.border))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        line = painter.fontMetrics().height()
        place = QRectF(PADDING, PADDING, BAR_WIDTH, line)
        painter.setPen(QColor(c.text))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft, shown.name)
        bar = QRectF(PADDING, place.bottom() + GAP, BAR_WIDTH, BAR_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._gradient(bar))
        painter.drawRoundedRect(bar, 3, 3)
        place.moveTop(bar.bottom() + GAP)
        painter.setPen(QColor(c.muted))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft, shown.low)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight, shown.high)
        if shown.incomplete:
            place.translate(0, line + GAP)
            painter.drawText(place.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignLeft, "no value")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(MISSING)
            painter.drawEllipse(QRectF(PADDING, place.center().y() - 5, 10, 10))

    @staticmethod
    def _gradient(bar: QRectF) -> QLinearGradient:
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        ramp = palette(dark=theme.is_dark())[:-1]
        for i, color in enumerate(ramp):
            gradient.setColorAt(i / (len(ramp) - 1), color)
        return gradient
