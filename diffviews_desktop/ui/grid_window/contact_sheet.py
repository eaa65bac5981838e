"""The pictures of a grid with the names of its rows and columns; zooms and pans."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPixmap, QWheelEvent
from PySide6.QtWidgets import (
    QGraphicsPixmapItem,
    QGraphicsScene,
    QGraphicsSimpleTextItem,
    QGraphicsView,
    QWidget,
)

from diffviews_desktop.state import GridRecord
from diffviews_desktop.ui import theme
from diffviews_desktop.ui.images import to_qimage
from diffviews_desktop.worker.jobs import GridCell
from diffviews_desktop.worker.layout import Axes

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
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self._job: int | None = None
        self._axes = Axes((), ())
        self._shown = 0
        self._zoomed = False
        self._places: dict[int, QRectF] = {}
        self.apply_theme()

    def show_grid(self, grid: GridRecord | None) -> None:
        """Show what is there of a grid; pictures are added as they come."""
        seeded = grid is not None and grid.job.settings.seed is not None
        if grid is None or not seeded:
            self.scene().clear()
            self._job, self._shown = None, 0
            return
        if grid.job.job_id != self._job or len(grid.cells) < self._shown:
            self._begin(grid)
        for cell in grid.cells[self._shown :]:
            self._add(cell)
        self._shown = len(grid.cells)

    def _begin(self, grid: GridRecord) -> None:
        """Draw the names and the empty frames."""
        self.scene().clear()
        self._places.clear()
        self._job, self._shown, self._zoomed = grid.job.job_id, 0, False
        self._axes = Axes.of(grid.job)
        c = theme.colors()
        frame = QColor(c.border)
        across = len(self._axes.column_names)
        for index in range(len(grid.job.cells())):
            row, column = divmod(index, across)
            place = QRectF(column * (CELL + GAP), row * (CELL + GAP), CELL, CELL)
            self._places[index] = place
            self.scene().addRect(place, frame)
        for column, name in enumerate(self._axes.column_names):
            text = self._text(name)
            box = text.boundingRect()
            text.setPos(column * (CELL + GAP) + (CELL - box.width()) / 2, -box.height() - GAP)
        for row, name in enumerate(self._axes.row_names):
            text = self._text(name)
            box = text.boundingRect()
            text.setPos(-box.width() - 2 * GAP, row * (CELL + GAP) + (CELL - box.height()) / 2)
        self.setSceneRect(self.scene().itemsBoundingRect().adjusted(-GAP, -GAP, GAP, GAP))
        self.fit()

    def _text(self, name: str) -> QGraphicsSimpleTextItem:
        font = self.font()
        font.setPixelSize(TEXT)
        item = self.scene().addSimpleText(name, font)
        item.setBrush(QColor(theme.colors().text))
        return item

    def _add(self, cell: GridCell) -> None:
        place = self._places.get(cell.index)
        if place is None:
            return
        item = QGraphicsPixmapItem(QPixmap.fromImage(to_qimage(cell.image)))
        item.setScale(CELL / max(1, item.pixmap().width()))
        item.setPos(place.topLeft())
        s = cell.settings
        item.setToolTip(
            f"seed {s.seed} · strength {s.strength:g} · steps {s.mask_from + 1}-{s.mask_steps}\n"
            "Double click draws it again as a trajectory."
        )
        self.scene().addItem(item)

    def fit(self) -> None:
        """Show the whole sheet."""
        self._zoomed = False
        self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)
        if self.transform().m11() > 2:
            self.resetTransform()
            self.scale(2, 2)

    def image(self) -> QImage:
        """The sheet as a picture, twice as large as on a plain screen unless it is huge."""
        rect = self.sceneRect()
        scale = min(2.0, (_PIXELS / max(1.0, rect.width() * rect.height())) ** 0.5)
        image = QImage(
            round(rect.width() * scale), round(rect.height() * scale), QImage.Format.Format_RGB888
        )
        image.fill(QColor(theme.colors().map))
        painter = QPainter(image)
        self.scene().render(painter, QRectF(image.rect()), rect)
        painter.end()
        return image

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.setBackgroundBrush(QColor(theme.colors().map))
        for item in self.scene().items():
            if isinstance(item, QGraphicsSimpleTextItem):
                item.setBrush(QColor(theme.colors().text))

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = _ZOOM ** event.angleDelta().y()
        if 0.05 < self.transform().m11() * factor < 40:
            self._zoomed = True
            self.scale(factor, factor)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.cell_at(self.mapToScene(event.position().toPoint()))
        if index is not None and index < self._shown:
            self.cell_chosen.emit(index)

    def cell_at(self, place: QPointF) -> int | None:
        """Which picture is at a place of the scene."""
        return next((i for i, rect in self._places.items() if rect.contains(place)), None)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if not self._zoomed and self._job is not None:
            self.fit()
