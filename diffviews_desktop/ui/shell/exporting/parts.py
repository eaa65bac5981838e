"""Fields that the pages of the export window are made of, and the preview."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QWidget

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.widgets import (
    ComboBox,
    Decimal,
    ElidingComboBox,
    WholeNumber,
    signals_blocked,
)

PREVIEW = QSize(480, 400)


def decimal(value: float, low: float, high: float) -> Decimal:
    """A field for a real number."""
    field = Decimal()
    field.setDecimals(1)
    field.setRange(low, high)
    field.setValue(value)
    return field


def whole(value: int, low: int, high: int) -> WholeNumber:
    """A field for a whole number."""
    field = WholeNumber()
    field.setRange(low, high)
    field.setValue(value)
    return field


def check(text: str, on: bool, meaning: str = "") -> QCheckBox:
    """A check box."""
    box = QCheckBox(text)
    box.setChecked(on)
    if meaning:
        box.setToolTip(tip(meaning))
    return box


def choice(options: Iterable[tuple[str, object]]) -> ComboBox:
    """A list of titles, each with its value."""
    field = ComboBox()
    for title, value in options:
        field.addItem(title, value)
    return field


class RunChoice(ElidingComboBox):
    """Which run is meant; the shown one until the user chooses."""

    def __init__(self, *, every: bool = False) -> None:
        super().__init__(letters=10, names=True)
        self._every, self._is_chosen = every, False
        self._runs: tuple[tuple[int, str], ...] = ()
        self.activated.connect(self._on_chosen)
        self._list()

    def _on_chosen(self) -> None:
        self._is_chosen = True

    def set_runs(self, runs: Iterable[Run], run_id: int | None) -> None:
        """List the runs that have a step; the one that the user chose stays chosen."""
        entries = tuple((run.id, run.name) for run in runs if run.steps)
        value = self.currentData() if self._is_chosen else (None if self._every else run_id)
        with signals_blocked(self):
            if entries != self._runs:
                self._runs = entries
                self._list()
            self.setCurrentIndex(max(0, self.findData(value)))

    def _list(self) -> None:
        self.clear()
        if self._every:
            self.addItem(tr("All runs"), None)
        for number, name in self._runs:
            self.addItem(entry(visible(name, MOST_OF_NAME)), number)


class Preview(QWidget):
    """A picture as large as there is room, on the window's ground."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Preview"))
        self.setMinimumSize(QSize(320, 280))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.image: QImage | None = None
        self.text = ""

    def sizeHint(self) -> QSize:
        return PREVIEW

    def show_image(self, image: QImage | None, text: str = "") -> None:
        """Show a picture, or a text where there is none."""
        self.image, self.text = image, text
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().window())
        if self.image is None:
            painter.setPen(theme.colors().muted)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 16, -16, -16), flags, self.text)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        room = self.image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - room.width()) // 2, (self.height() - room.height()) // 2
        painter.drawImage(QRect(left, top, room.width(), room.height()), self.image)
