"""What a person prefers, whatever is shown: one window for what the menus hold, too."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QActionGroup, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.ui import theme
from diffviews_desktop.ui.widgets import as_panel, muted

WIDTH = 470


class Preferences(QDialog):
    """Fields over the menus' own actions: each change holds at once, wherever it was made.

    Args:
        appearance: light, dark or the desktop's choice.
        ramps: the colours that values are shown in.
        drawing: the ways in which the map can be drawn.
        still: whether nothing moves by itself.
        drawn_by: says which way is used, and why.
        parent: window over which it opens.
    """

    def __init__(
        self,
        appearance: QActionGroup,
        ramps: QActionGroup,
        drawing: QActionGroup,
        still: QAction,
        drawn_by: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        as_panel(self)
        self._drawn_by = drawn_by
        self.appearance = _Choice(appearance)
        self.ramps = _Choice(ramps)
        self.drawing = _Choice(drawing)
        self.still = QCheckBox("&Reduce motion")
        self.still.setToolTip("Nothing glides or flies; the desktop may ask for that, too")
        self.still.setChecked(still.isChecked())
        still.toggled.connect(self.still.setChecked)
        self.still.clicked.connect(lambda: still.trigger())
        self.drawn = muted()
        self.drawn.setWordWrap(True)
        self.close_button = QPushButton("&Close")
        self.close_button.clicked.connect(self.close)
        self._build()
        self.refresh()
        theme.dress(self)

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        rows = (
            ("&Appearance", self.appearance),
            ("Colours of &values", self.ramps),
            ("&Drawing of the map", self.drawing),
        )
        for row, (text, field) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(field)
            field.setAccessibleName(text.replace("&", ""))
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(self.drawn, len(rows), 1)
        grid.addWidget(self.still, len(rows) + 1, 1)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addStretch()
        column.addLayout(ending)
        self.setFixedWidth(WIDTH)

    def refresh(self) -> None:
        """Say anew how the map is drawn."""
        self.drawn.setText(self._drawn_by())
        self._make_room()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """As many lines as it says need, two at least: the window does not tremble for one."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        needed = self.drawn.heightForWidth(self.drawing.width())
        self.drawn.setFixedHeight(max(needed, 2 * self.drawn.fontMetrics().lineSpacing()))
        self.adjustSize()


class _Choice(QComboBox):
    """One of a group of actions."""

    def __init__(self, group: QActionGroup) -> None:
        super().__init__()
        self._group = group
        self.addItems([action.text().replace("&", "") for action in group.actions()])
        self.activated.connect(lambda index: group.actions()[index].trigger())
        group.triggered.connect(self._follow)
        self._follow()

    def _follow(self, *_: object) -> None:
        checked = self._group.checkedAction()
        self.setCurrentIndex(self._group.actions().index(checked) if checked is not None else -1)
