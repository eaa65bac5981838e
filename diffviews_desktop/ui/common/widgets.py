"""Small widgets that several panels use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QFocusEvent, QPaintEvent, QPalette, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGraphicsView,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from diffviews_desktop.text.numbers import NotANumber, read_real, read_whole
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import labels, theme


def as_panel(widget: QWidget) -> None:
    """Give a widget the background of a panel."""
    widget.setObjectName("panel")
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


def let_drops_through(view: QGraphicsView) -> None:
    """Have what is dropped on a view dropped on what it lies in: Qt's own views take all and do
    nothing with it."""
    view.setAcceptDrops(False)  # also of viewports to come
    view.viewport().setAcceptDrops(False)


class IconButton(QToolButton):
    """A tool button whose icon follows the theme; ``tip`` says what it does, where no action says
    so."""

    def __init__(self, name: str, tip: str = "", parent: QWidget | None = None) -> None:
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


class SearchField(QLineEdit):
    """A field for what is looked for: with a glass that follows the theme, and a button that
    empties it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setClearButtonEnabled(True)
        leading = QLineEdit.ActionPosition.LeadingPosition
        self._glass = self.addAction(theme.icon("search"), leading)

    def refresh(self) -> None:
        """Redraw the glass, after the theme changed."""
        self._glass.setIcon(theme.icon("search"))


class _WheelNeedsFocus:
    """A field that the wheel changes only where it has the focus; else what it lies in scrolls."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class Decimal(_WheelNeedsFocus, QDoubleSpinBox):
    """A field for a real number, typed and shown the same way whatever the system's language.

    It takes what `read_real` reads, and shows no more digits than the number has. A text that it
    refuses is replaced by the number from before, and a tooltip says why.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel gives no focus
        self.lineEdit().setTextMargins(5, 0, 0, 0)  # the text begins where that of others does
        self.editingFinished.connect(self._keep)

    def value(self) -> float:
        """The number; while what is typed is none, that from before."""
        old = None if self.hasAcceptableInput() else self._before
        return super().value() if old is None else old

    def setValue(self, value: float) -> None:
        super().setValue(value)
        self._keep()

    def stepBy(self, steps: int) -> None:
        super().stepBy(steps)
        self._keep()

    def textFromValue(self, value: float) -> str:
        text = f"{value:.{self.decimals()}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def valueFromText(self, text: str) -> float:
        return self._read(text)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        state = QValidator.State.Acceptable
        if self._problem(text):
            letters = "eE" + self.specialValueText()
            possible = all(letter in letters for letter in text if letter.isalpha())
            state = QValidator.State.Intermediate if possible else QValidator.State.Invalid
        return state, text, position

    def fixup(self, text: str) -> str:
        labels.say_below(self, self._problem(text))
        return self._text_of(super().value() if self._before is None else self._before)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keep()
        super().focusInEvent(event)

    def _keep(self) -> None:
        self._before = super().value()

    def _problem(self, text: str) -> str:
        """Why the field does not take a text; empty where it does."""
        try:
            value = self._read(text)
        except NotANumber as error:
            return str(error)
        low, high = self.minimum(), self.maximum()
        if low <= round(value, self.decimals()) <= high:
            return ""
        return tr(
            "The number must be from {low} to {high}.",
            low=self.textFromValue(low),
            high=self.textFromValue(high),
        )

    def _read(self, text: str) -> float:
        if self.specialValueText() and text.strip() == self.specialValueText():
            return self.minimum()
        return self._number_of(text)

    def _number_of(self, text: str) -> float:
        return read_real(text)

    def _text_of(self, value: float) -> str:
        special = self.specialValueText()
        return special if special and value == self.minimum() else self.textFromValue(value)


class WholeNumber(Decimal):
    """A field for a whole number, which may be larger than a QSpinBox can hold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(0)

    def value(self) -> int:
        """The number; while what is typed is none, that from before."""
        return int(super().value())

    def _number_of(self, text: str) -> float:
        return read_whole(text)


class Slider(_WheelNeedsFocus, QSlider):
    """A slider that the wheel moves only where it has the focus."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class ComboBox(_WheelNeedsFocus, QComboBox):
    """A choice that the wheel changes only where it has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class ChoiceButton(QPushButton):
    """A button that opens a menu and looks like a combo box: its text begins where theirs does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("choice")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter, kind = QStylePainter(self), QStyle.ControlElement
        painter.drawControl(kind.CE_PushButtonBevel, option)
        # with a menu, a style sheet's padding is left out where the text is drawn
        option.features &= ~QStyleOptionButton.ButtonFeature.HasMenu
        contents = QStyle.SubElement.SE_PushButtonContents
        option.rect = self.style().subElementRect(contents, option, self)
        painter.drawControl(kind.CE_PushButtonLabel, option)


class ElidingComboBox(ComboBox):
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
