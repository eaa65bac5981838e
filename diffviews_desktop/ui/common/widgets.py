"""Small widgets that several panels use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from diffviews_desktop.ui.common import labels, theme


def as_panel(widget: QWidget) -> None:
    """Give a widget the background of a panel."""
    widget.setObjectName("panel")
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


class IconButton(QToolButton):
    """A tool button whose icon follows the theme."""

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setIconSize(theme.ICON_SIZE)
        self.setToolTip(labels.tip(tip))
        self.setAccessibleName(tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.refresh()

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._name:
            self._name = name
            self.refresh()

    def refresh(self) -> None:
        """Redraw the icon, after the theme changed."""
        self.setIcon(theme.icon(self._name))


class Decimal(QDoubleSpinBox):
    """A field for a real number that shows no more digits than it has."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        with_margin(self)

    def textFromValue(self, value: float) -> str:
        return f"{value:.6g}"


def with_margin(spin: QAbstractSpinBox) -> None:
    """Let the text begin where that of other fields does; a style sheet's padding does not."""
    spin.lineEdit().setTextMargins(5, 0, 0, 0)


class ElidingComboBox(QComboBox):
    """A combo box that shortens the chosen text where there is no room; the list shows it whole.

    Args:
        parent: of the widget.
        letters: it is as wide as so many; what it offers does not make it wider.
        names: leave out the middle instead of the end, as names often differ there.
    """

    def __init__(
        self, parent: QWidget | None = None, *, letters: int = 4, names: bool = False
    ) -> None:
        super().__init__(parent)
        self._elide = Qt.TextElideMode.ElideMiddle if names else Qt.TextElideMode.ElideRight
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        kind = QStyle.ComplexControl.CC_ComboBox
        room = self.style().subControlRect(kind, option, field, self).width() - 4
        text = self.currentText()
        if not text and self.placeholderText():
            text = self.placeholderText()
            faint = option.palette.brush(QPalette.ColorRole.PlaceholderText)
            option.palette.setBrush(QPalette.ColorRole.ButtonText, faint)
        option.currentText = self.fontMetrics().elidedText(text, self._elide, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(kind, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


@contextmanager
def signals_blocked(*widgets: QWidget) -> Iterator[None]:
    """Silence widgets while their values are set."""
    with ExitStack() as blocks:
        for widget in widgets:
            blocks.enter_context(QSignalBlocker(widget))
        yield
