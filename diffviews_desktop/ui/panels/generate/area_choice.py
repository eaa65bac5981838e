"""Where in a layer an intervention acts: everywhere, in a part of the picture that is brushed, or
in some channels or tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import caption, muted_label, tip
from diffviews_desktop.ui.common.widgets import ChoiceButton, ComboBox, Slider, as_panel
from diffviews_desktop.values.intervention_texts import places_of
from diffviews_desktop.values.regions import (
    EVERYWHERE,
    Area,
    Channels,
    Region,
    Tokens,
    indices_text,
    read_indices,
)

CELLS = 64
"""Rows and columns of a brushed area."""
SIDE = 224
_BRUSH = (1, 24)  # cells across
_MEANING = tr(
    "Brush over the part of the picture where this acts. It is mapped to each layer's own "
    "resolution; layers whose tokens have no place in the picture refuse it."
)


class BrushCanvas(QWidget):
    """A picture to brush on: the left button adds, the right one takes away. Signal: ``brushed()``
    at the end of a stroke."""

    brushed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bitmap: NDArray[np.bool_] = np.zeros((CELLS, CELLS), dtype=bool)
        self.across = 8
        self._picture = QImage()
        self._last: QPointF | None = None
        self.setFixedSize(SIDE, SIDE)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(tr("Area of the picture"))
        self.setToolTip(tip(_MEANING, tr("The right button takes away.")))

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def set_picture(self, pixels: NDArray[np.uint8] | None) -> None:
        """Show what is brushed on; nothing where no picture was drawn yet."""
        self._picture = QImage() if pixels is None else to_qimage(pixels)
        self.update()

    def set_bitmap(self, bitmap: NDArray[np.bool_]) -> None:
        """Show an area, of any resolution."""
        rows = (np.arange(CELLS) * bitmap.shape[0]) // CELLS
        columns = (np.arange(CELLS) * bitmap.shape[1]) // CELLS
        self.bitmap = bitmap[np.ix_(rows, columns)].copy()
        self.update()

    # ---- the mouse ------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._last = event.position()
        self._stroke(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            self._stroke(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            self._last = None
            self.brushed.emit()

    def _stroke(self, event: QMouseEvent) -> None:
        """Brush from where the mouse was to where it is."""
        assert self._last is not None
        adds = not event.buttons() & Qt.MouseButton.RightButton
        start, end = self._last, event.position()
        length = (end - start).manhattanLength() * CELLS / SIDE
        middles = np.arange(CELLS) + 0.5
        for share in np.linspace(0, 1, max(2, int(2 * length))):
            point = (start + (end - start) * float(share)) * (CELLS / SIDE)
            distances = np.hypot(*np.meshgrid(middles - point.x(), middles - point.y()))
            self.bitmap[distances <= max(0.5, self.across / 2)] = adds
        self._last = end
        self.update()

    # ---- painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        whole = QRectF(self.rect())
        painter.fillRect(whole, QColor(theme.colors().field))
        if not self._picture.isNull():
            painter.drawImage(whole, self._picture)
        tint = QColor(theme.colors().accent)
        overlay = np.zeros((CELLS, CELLS, 4), np.uint8)
        overlay[self.bitmap] = (tint.red(), tint.green(), tint.blue(), 130)
        image = QImage(overlay.data, CELLS, CELLS, 4 * CELLS, QImage.Format.Format_RGBA8888)
        painter.drawImage(whole, image)
        painter.setPen(QColor(theme.colors().border))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


_USUAL = tr("Brush over where this acts, or name channels or tokens.")


class AreaChoice(ChoiceButton):
    """Everywhere, an area that is brushed in what the button opens, or channels or tokens that are
    named there. Signal: ``edited()``."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.region: Region = EVERYWHERE
        self.setAccessibleName(tr("Where in the layers"))
        self.canvas = BrushCanvas()
        self.brush = Slider(Qt.Orientation.Horizontal)
        self.brush.setRange(*_BRUSH)
        self.brush.setValue(self.canvas.across)
        self.brush.setAccessibleName(tr("Size of the brush"))
        self.everywhere = QPushButton(tr("&Everywhere"))
        self.kind = ComboBox()
        self.kind.addItem(tr("channels"), Channels)
        self.kind.addItem(tr("tokens"), Tokens)
        self.kind.setAccessibleName(tr("Channels or tokens"))
        self.numbers = QLineEdit()
        self.numbers.setPlaceholderText("0-3+7")
        self.numbers.setAccessibleName(tr("Numbers of the channels or tokens, from 0"))
        self.hint = muted_label(_USUAL)
        self.hint.setWordWrap(True)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(self._page())
        menu.addAction(action)
        self.setMenu(menu)
        self.brush.valueChanged.connect(self._on_brush)
        self.canvas.brushed.connect(self._on_brushed)
        self.everywhere.clicked.connect(self._on_everywhere)
        self.numbers.editingFinished.connect(self._on_numbers)
        self.kind.activated.connect(self._on_numbers)
        self._tell()

    def _page(self) -> QWidget:
        page = QWidget()
        as_panel(page)
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 10, 10, 10)
        column.addWidget(self.hint)
        column.addWidget(self.canvas)
        row = QHBoxLayout()
        row.addWidget(caption(tr("&Brush"), self.brush))
        row.addWidget(self.brush, 1)
        row.addWidget(self.everywhere)
        column.addLayout(row)
        numbers_row = QHBoxLayout()
        numbers_row.addWidget(self.kind)
        numbers_row.addWidget(self.numbers, 1)
        column.addLayout(numbers_row)
        return page

    def set_state(self, state: State, region: Region) -> None:
        """Show a region, and the picture of the shown run to brush on."""
        self.region = region
        run = state.runs.run()
        steps = run.steps if run is not None else ()
        self.canvas.set_picture(steps[-1].image if steps else None)
        if isinstance(region, Area):
            if not np.array_equal(region.bitmap, self.canvas.bitmap):
                self.canvas.set_bitmap(region.bitmap)
        else:
            self.canvas.set_bitmap(np.zeros((CELLS, CELLS), dtype=bool))
        if not self.numbers.hasFocus():
            self._show_numbers()
        self._tell()

    def _show_numbers(self) -> None:
        """Show which channels or tokens are named."""
        region = self.region if isinstance(self.region, Channels | Tokens) else None
        if region is not None:
            self.kind.setCurrentIndex(self.kind.findData(type(region)))
        self.numbers.setText("" if region is None else indices_text(region.indices))
        self.hint.setText(_USUAL)

    def _tell(self) -> None:
        text = "".join(places_of(self.region)) or tr("everywhere")
        self.setText(text)
        self.setToolTip(tip(text, _MEANING))

    def _on_brush(self, across: int) -> None:
        self.canvas.across = across

    def _on_brushed(self) -> None:
        bitmap = self.canvas.bitmap
        self._take(Area.of(bitmap) if bitmap.any() else EVERYWHERE)

    def _on_numbers(self, *_: object) -> None:
        """Act in the channels or tokens that are named; where none are, no longer in those."""
        text = self.numbers.text().strip()
        try:
            region: Region = self.kind.currentData()(read_indices(text)) if text else EVERYWHERE
        except UsageError as error:
            self.hint.setText(str(error))
            return
        self.hint.setText(_USUAL)
        if region != self.region and (text or isinstance(self.region, Channels | Tokens)):
            self._take(region)

    def _take(self, region: Region) -> None:
        self.region = region
        self._show_numbers()
        self._tell()
        self.edited.emit()

    def _on_everywhere(self) -> None:
        self.canvas.set_bitmap(np.zeros((CELLS, CELLS), dtype=bool))
        self._on_brushed()
