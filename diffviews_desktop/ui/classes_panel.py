"""The classes with their colours and counts: find one, highlight it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from diffviews_desktop.samples import SampleTable
from diffviews_desktop.state import State
from diffviews_desktop.ui import theme
from diffviews_desktop.ui.colors import class_colors
from diffviews_desktop.ui.widgets import as_panel, block_signals


class ClassesPanel(QWidget):
    """Signal: ``class_chosen(number or None)``; choosing the highlighted one again clears."""

    class_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._samples: SampleTable | None = None
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a class or id…")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find a class")
        self.search.addAction(theme.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.list = QListWidget()
        self.list.setAccessibleName("Classes")
        self.list.setIconSize(QSize(14, 14))
        self.list.setUniformItemSizes(True)
        self.list.setToolTip("Click a class to highlight it, again to show all")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.search)
        column.addWidget(self.list)
        self.search.textChanged.connect(self._filter)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self._highlighted: int | None = None

    def set_state(self, state: State) -> None:
        """Show the classes of the samples and which one is highlighted."""
        if state.samples is not self._samples:
            self._samples = state.samples
            self._fill(state.samples)
        if state.highlighted_class != self._highlighted:
            self._highlighted = state.highlighted_class
            unblock = block_signals(self.list)
            self.list.clearSelection()
            self.list.setCurrentItem(None)  # type: ignore[call-overload]
            for i in range(self.list.count()):
                item = self.list.item(i)
                if item.data(Qt.ItemDataRole.UserRole) == self._highlighted:
                    self.list.setCurrentItem(item)
            unblock()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self._fill(self._samples)

    def _fill(self, samples: SampleTable | None) -> None:
        self.list.clear()
        if samples is None:
            return
        classes = samples.classes()
        palette = class_colors([number for number, _, _ in classes], dark=theme.is_dark())
        for number, name, count in classes:
            title = name if name == str(number) else f"{number}: {name}"
            item = QListWidgetItem(_dot(palette[number]), f"{title}   ({count})")
            item.setData(Qt.ItemDataRole.UserRole, number)
            item.setToolTip(f"{count} samples of class {title}")
            self.list.addItem(item)
        self._filter(self.search.text())

    def _filter(self, text: str) -> None:
        wanted = text.strip().lower()
        for i in range(self.list.count()):
            item = self.list.item(i)
            item.setHidden(wanted not in item.text().lower())

    def _on_chosen(self, item: QListWidgetItem) -> None:
        number = item.data(Qt.ItemDataRole.UserRole)
        self.class_chosen.emit(None if number == self._highlighted else number)


def _dot(color: QColor) -> QIcon:
    pixmap = QPixmap(28, 28)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(4, 4, 20, 20)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
