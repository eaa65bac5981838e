"""The pictures of a grid with the names of its rows and columns; zooms and pans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QGraphicsPixmapItem,
    QGraphicsScene,
    QGraphicsSimpleTextItem,
    QGraphicsView,
    QWidget,
)

from diffviews_desktop.engine.grid_axes import Axes
from diffviews_desktop.state.runs import GridRecord
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.values.runs import GridCell

CELL = 96.0
GAP = 6.0
TEXT = 17
_ZOOM = 1.0015
_PIXELS = 20_000_000  # of a saved sheet at most


class ContactSheet(QGraphicsView):
    """Signal: ``cell_chosen(index)`` on a double click."""

    cell_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setScene(QGraphicsScene(self))
        self.setAccessibleName("Contact sheet")
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        # bars that come and go would change the room that the sheet is fitted to
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self._job: int | None = None
        self._axes = Axes((), ())
        self._shown = 0
        self._zoomed = False
        self._count = 0
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._names: list[QGraphicsSimpleTextItem] = []
        self.apply_theme()

    def show_grid(self, grid: GridRecord | None) -> None:
        """Show what is there of a grid; pictures are added as they come."""
        seeded = grid is not None and grid.job.settings.seed is not None
        if grid is None or not seeded:
            self.scene().clear()
            self._names.clear()
            self._images.clear()
            self._job, self._shown, self._count = None, 0, 0
            return
        if grid.job.job_id != self._job or len(grid.cells) < self._shown:
            self._begin(grid)
        for cell in grid.cells[self._shown :]:
            self._add(cell)
        self._shown = len(grid.cells)

    def _begin(self, grid: GridRecord) -> None:
        """Draw the names; the frames are part of the background."""
        self.scene().clear()
        self._images.clear()
        self._names.clear()
        self._job, self._shown, self._zoomed = grid.job.job_id, 0, False
        self._axes = Axes.of(grid.job)
        self._count = grid.job.count
        for column, name in enumerate(self._axes.column_names):
            text = self._text(name)
            box = text.boundingRect()
            text.setPos(column * (CELL + GAP) + (CELL - box.width()) / 2, -box.height() - GAP)
        for row, name in enumerate(self._axes.row_names):
            text = self._text(name)
            box = text.boundingRect()
            text.setPos(-box.width() - 2 * GAP, row * (CELL + GAP) + (CELL - box.height()) / 2)
        cells = self.place(0).united(self.place(self._count - 1))
        cells.setRight(self.place(len(self._axes.column_names) - 1).right())
        names = self.scene().itemsBoundingRect()
        self.setSceneRect(cells.united(names).adjusted(-GAP, -GAP, GAP, GAP))
        self.fit()

    def _text(self, name: str) -> QGraphicsSimpleTextItem:
        font = self.font()
        font.setPixelSize(TEXT)
        item = self.scene().addSimpleText(entry(name), font)
        item.setBrush(QColor(theme.colors().text))
        self._names.append(item)
        return item

    def place(self, index: int) -> QRectF:
        """Where a picture lies."""
        row, column = divmod(index, max(1, len(self._axes.column_names)))
        return QRectF(column * (CELL + GAP), row * (CELL + GAP), CELL, CELL)

    def _add(self, cell: GridCell) -> None:
        place = self.place(cell.index)
        self._images[cell.index] = cell.image
        item = QGraphicsPixmapItem(QPixmap.fromImage(to_qimage(cell.image)))
        item.setScale(CELL / max(1, item.pixmap().width()))
        item.setPos(place.topLeft())
        s = cell.settings
        item.setToolTip(
            tip(
                f"seed {s.seed} · strength {s.strength:g} · steps {s.mask_from + 1}-{s.mask_steps}",
                "Double click draws it again as a trajectory.",
            )
        )
        self.scene().addItem(item)

    def fit(self) -> None:
        """Show the whole sheet."""
        self._zoomed = False
        self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)
        if self.transform().m11() > 2:
            self.resetTransform()
            self.scale(2, 2)

    def renderer(self) -> Callable[[], QImage]:
        """What draws the sheet as a picture, in any thread, as it is now."""
        font = self.font()
        font.setPixelSize(TEXT)
        c = theme.colors()
        cells = [(self.place(index), to_qimage(image)) for index, image in self._images.items()]
        names = [(item.pos(), item.text()) for item in self._names]
        return partial(_render, self.sceneRect(), cells, names, font, QColor(c.map), QColor(c.text))

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.setBackgroundBrush(QColor(theme.colors().map))
        for item in self._names:
            item.setBrush(QColor(theme.colors().text))

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = _ZOOM ** event.angleDelta().y()
        if 0.05 < self.transform().m11() * factor < 40:
            self._zoomed = True
            pointer = event.position().toPoint()
            under = self.mapToScene(pointer)
            self.scale(factor, factor)
            moved = self.mapFromScene(under) - pointer
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            across.setValue(across.value() + moved.x())
            down.setValue(down.value() + moved.y())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.cell_at(self.mapToScene(event.position().toPoint()))
        if index is not None and index < self._shown:
            self.cell_chosen.emit(index)

    def cell_at(self, place: QPointF) -> int | None:
        """Which picture is at a place of the scene."""
        across = max(1, len(self._axes.column_names))
        row, column = int(place.y() // (CELL + GAP)), int(place.x() // (CELL + GAP))
        index = row * across + column
        inside = 0 <= column < across and 0 <= index < self._count
        return index if inside and self.place(index).contains(place) else None

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """The paper, and a frame for every picture that is to come."""
        super().drawBackground(painter, rect)
        painter.setPen(QPen(QColor(theme.colors().border), 0))
        across = max(1, len(self._axes.column_names))
        first = max(0, int(rect.top() // (CELL + GAP))) * across
        last = (max(0, int(rect.bottom() // (CELL + GAP))) + 1) * across
        for index in range(first, min(last, self._count)):
            if index not in self._images:
                painter.drawRect(self.place(index))

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if not self._zoomed and self._job is not None:
            self.fit()


def _render(
    rect: QRectF,
    cells: Sequence[tuple[QRectF, QImage]],
    names: Sequence[tuple[QPointF, str]],
    font: QFont,
    paper: QColor,
    ink: QColor,
) -> QImage:
    """The sheet, twice as large as on a plain screen unless it is huge."""
    scale = min(2.0, (_PIXELS / max(1.0, rect.width() * rect.height())) ** 0.5)
    image = QImage(
        round(rect.width() * scale), round(rect.height() * scale), QImage.Format.Format_RGB888
    )
    image.fill(paper)
    painter = QPainter(image)
    painter.scale(scale, scale)
    painter.translate(-rect.topLeft())
    for place, picture in cells:
        painter.drawImage(place, picture)
    painter.setFont(font)
    painter.setPen(ink)
    for corner, name in names:
        painter.drawText(QRectF(corner.x(), corner.y(), 4000, 100), name)
    painter.end()
    return image
