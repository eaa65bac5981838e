"""How large the effect of an intervention is at each place, over layers and parts of the run."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.values.finding_texts import HeatMap, cells_of, p_text, place_name
from diffviews_desktop.values.layers import LayerSet

_LOWER = "#d0592b"
"""The colour of places where it does less than nothing would."""


class HeatMapTable(QTableWidget):
    """A cell for every set of layers and part of the run, the more coloured the larger the effect.

    Signal: ``cellClicked(row, column)``.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setShowGrid(False)
        self.setAccessibleName("Effects over layers and parts of the run")
        self._shown: HeatMap | None = None

    def show_map(self, shown: HeatMap) -> None:
        """Show the effects of some places."""
        self._shown = shown
        self.setRowCount(len(shown.layers))
        self.setColumnCount(len(shown.steps))
        self.setVerticalHeaderLabels([short(str(layers)) for layers in shown.layers])
        self.setHorizontalHeaderLabels([f"steps {first + 1}-{last}" for first, last in shown.steps])
        for row, layers in enumerate(shown.layers):
            for column, steps in enumerate(shown.steps):
                self.setItem(row, column, self._item(shown, layers, steps))
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def _item(self, shown: HeatMap, layers: LayerSet, steps: tuple[int, int]) -> QTableWidgetItem:
        item = QTableWidgetItem()
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        finding = shown.by_place.get((layers, steps))
        if finding is None:
            return item
        item.setText(cells_of(finding, ["effect"])[0])
        share = shown.share(finding)
        color = QColor(theme.colors().accent if share >= 0 else _LOWER)
        color.setAlphaF(0.7 * abs(share))
        item.setBackground(color)
        font = item.font()
        font.setBold(shown.is_sure(finding))
        item.setFont(font)
        p = "" if finding.p_holm is None else f"p {p_text(finding.p_holm)} after correction"
        item.setToolTip(tip(place_name(finding), p))
        return item

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self._shown is not None:
            self.show_map(self._shown)
