"""How large the effect of an intervention is at each place, over layers and parts of the run."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidgetItem,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.tables import ReadTable
from diffviews_desktop.values.finding_texts import HeatMap, cells_of, p_text, place_name
from diffviews_desktop.values.layers import LayerSet

_LOWER = "#d0592b"
"""The colour of places where it does less than nothing would."""


class HeatMapTable(ReadTable):
    """A cell for every set of layers and part of the run, the more coloured the larger the effect.

    Signal: ``place_chosen(layers, steps)``.
    """

    place_chosen = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Effects over layers and parts of the run"), parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._shown: HeatMap | None = None
        self.cellClicked.connect(self._on_cell)
        self.cellActivated.connect(self._on_cell)

    def _on_cell(self, row: int, column: int) -> None:
        if self._shown is not None and column:
            self.place_chosen.emit(self._shown.layers[row], self._shown.steps[column - 1])

    def show_map(self, heat_map: HeatMap) -> None:
        """Show the effects of some places."""
        self._shown = heat_map
        self.setRowCount(len(heat_map.layers))
        self.setColumnCount(1 + len(heat_map.steps))
        windows = [
            tr("steps {first}-{last}", first=first + 1, last=last) for first, last in heat_map.steps
        ]
        self.setHorizontalHeaderLabels([tr("effect"), *windows])
        for row, layers in enumerate(heat_map.layers):
            label = QTableWidgetItem(short(str(layers)))
            label.setToolTip(tip(str(layers)))
            self.setItem(row, 0, label)
            for column, steps in enumerate(heat_map.steps, 1):
                self.setItem(row, column, self._item(heat_map, layers, steps))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)

    def _item(
        self, heat_map: HeatMap, layers: LayerSet, steps: tuple[int, int]
    ) -> QTableWidgetItem:
        item = QTableWidgetItem()
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        finding = heat_map.by_place.get((layers, steps))
        if finding is None:
            return item
        item.setText(cells_of(finding, ["effect"])[0])
        share = heat_map.share(finding)
        color = QColor(theme.colors().accent if share >= 0 else _LOWER)
        color.setAlphaF(0.7 * abs(share))
        item.setBackground(color)
        font = item.font()
        font.setBold(heat_map.is_sure(finding))
        item.setFont(font)
        p = p_text(finding.p_holm)
        note = "" if finding.p_holm is None else tr("p {p} after correction", p=p)
        item.setToolTip(tip(place_name(finding), note))
        return item

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self._shown is not None:
            self.show_map(self._shown)
