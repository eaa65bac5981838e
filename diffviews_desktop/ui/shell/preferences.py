"""What a person prefers, whatever is shown: in menus, and in one window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, caption, muted
from diffviews_desktop.ui.common.widgets import as_panel

WIDTH = 470
APPEARANCES = (("system", "&System"), ("light", "&Light"), ("dark", "&Dark"))
RENDERERS = (
    ("auto", "&Automatic"),
    ("opengl", "&OpenGL (graphics card)"),
    ("raster", "&Raster (no graphics card)"),
)
RAMPS = (
    ("viridis", "&Viridis"),
    ("cividis", "&Cividis (the same for every colour vision)"),
    ("magma", "&Magma"),
    ("inferno", "&Inferno"),
)


def choices(
    menu: QMenu, offered: Sequence[tuple[str, str]], used: object, choose: Callable[[Any], None]
) -> QActionGroup:
    """Actions in a menu of which one is checked: the one in use, the first where none is.

    Args:
        menu: where they are added.
        offered: what each chooses, and its text.
        used: what is in use.
        choose: is called with what is chosen.
    """
    group = QActionGroup(menu)
    for choice, text in offered:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setData(choice)
        group.addAction(action)
    known = [action for action in group.actions() if action.data() == used]
    (known or group.actions())[0].setChecked(True)
    group.triggered.connect(lambda action: choose(action.data()))
    return group


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
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            ("&Appearance", self.appearance),
            ("Colours of &values", self.ramps),
            ("&Drawing of the map", self.drawing),
        ):
            field.setAccessibleName(text.replace("&", ""))
            form.addRow(caption(text, field), field)
        form.addRow(Label(), self.drawn)
        form.addRow(Label(), self.still)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        column.addLayout(form)
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
