"""The list of interventions: switched on and off, put in order, removed."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import name_list
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.row_menu import offer_buttons
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.values.intervention_texts import phrase_of
from diffviews_desktop.values.interventions import PICKED, Intervention

_ROWS = 3
"""That are seen at once; the list scrolls."""


class InterventionStack(QWidget):
    """Signals: ``edited()`` after a switch, a move or a removal, and ``chosen()``."""

    edited = Signal()
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.interventions: tuple[Intervention, ...] = (PICKED,)
        self._num_steps = 1
        self.list = name_list()
        self.list.setAccessibleName(tr("Interventions, in the order in which they act"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.add = QPushButton(tr("&Add"))
        self.add.setToolTip(tip(tr("Add an intervention after the others")))
        self.add_menu = QMenu(self.add)
        self.add_menu.setToolTipsVisible(True)
        self.add.setMenu(self.add_menu)
        self.earlier = IconButton("up", tr("Let it act earlier"))
        self.remove = IconButton("trash", tr("Remove it"))
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.add, 1)
        buttons.addWidget(self.earlier)
        buttons.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.list)
        column.addLayout(buttons)
        self.list.itemChanged.connect(self._on_switched)
        self.list.currentRowChanged.connect(self._on_chosen)
        self.earlier.clicked.connect(self._on_earlier)
        self.remove.clicked.connect(self._on_removed)
        offer_buttons(self.list, (self.earlier, self.remove))

    @property
    def index(self) -> int:
        """Which one is shown in the fields."""
        return max(0, self.list.currentRow())

    def show_stack(self, interventions: tuple[Intervention, ...], num_steps: int) -> None:
        """Show interventions; one that was added is chosen."""
        old, row = self.interventions, self.list.currentRow()
        grown = len(interventions) > len(old)
        self.interventions, self._num_steps = interventions, num_steps
        with QSignalBlocker(self.list):
            self._fill()
            last = len(interventions) - 1
            self.list.setCurrentRow(last if grown else min(max(row, 0), last))
        self._set_buttons()

    def _fill(self) -> None:
        while self.list.count() > len(self.interventions):
            self.list.takeItem(self.list.count() - 1)
        while self.list.count() < len(self.interventions):
            item = QListWidgetItem()
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            self.list.addItem(item)
        for row, one in enumerate(self.interventions):
            item, text = self.list.item(row), phrase_of(one, self._num_steps)
            item.setText(text)
            item.setToolTip(tip(text))
            on = Qt.CheckState.Checked if one.enabled else Qt.CheckState.Unchecked
            item.setCheckState(on)
        rows = min(_ROWS, max(1, self.list.count()))
        self.list.setFixedHeight(rows * max(18, self.list.sizeHintForRow(0)) + 8)

    def _set_buttons(self) -> None:
        self.earlier.setEnabled(self.index > 0)
        # the mask of the picked samples is switched off, not removed
        self.remove.setEnabled(not self.interventions[self.index].is_of_picks)

    def _on_switched(self, item: QListWidgetItem) -> None:
        row, on = self.list.row(item), item.checkState() == Qt.CheckState.Checked
        changed = replace(self.interventions[row], enabled=on)
        self._change((*self.interventions[:row], changed, *self.interventions[row + 1 :]))

    def _on_chosen(self, row: int) -> None:
        self._set_buttons()
        self.chosen.emit()

    def _on_earlier(self) -> None:
        row = self.index
        stack = list(self.interventions)
        stack[row - 1], stack[row] = stack[row], stack[row - 1]
        with QSignalBlocker(self.list):
            self.list.setCurrentRow(row - 1)
        self._change(tuple(stack))

    def _on_removed(self) -> None:
        row = self.index
        self._change((*self.interventions[:row], *self.interventions[row + 1 :]))

    def _change(self, interventions: tuple[Intervention, ...]) -> None:
        self.interventions = interventions
        self.edited.emit()
