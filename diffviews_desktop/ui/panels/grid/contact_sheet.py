"""The pictures of a grid with the names of its rows and columns; zooms and pans."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
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

from diffviews_desktop.engine.jobs.grid_axes import Axes
from diffviews_desktop.exports.sheet_layout import Style, lay_out
from diffviews_desktop.state.runs import Grid
from diffviews_desktop.text.plain import steady
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.values.intervention_texts import stack_text
from diffviews_desktop.values.runs import GridCell

CELL = 96.0
GAP = 6.0
TEXT = 17
_ZOOM = 1.0015
EMPTY = lay_out((), (), 0, Style(CELL, CELL, GAP, TEXT), len)


class ContactSheet(QGraphicsView):
    """Arrow keys go from picture to picture, Return chooses one.

    Signals: ``cell_chosen(index)`` on a double click, and ``menu_wanted(index, place)``.
    """

    cell_chosen = Signal(int)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setScene(QGraphicsScene(self))
        self.setAccessibleName(tr("Contact sheet"))
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        # bars that come and go would change the room that the sheet is fitted to
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self._job: int | None = None
        self._layout = EMPTY
        self._shown = 0
        self._zoomed = False
        self.current = 0
        """The picture that keys act on."""
        self._drawn: set[int] = set()
        self._names: list[QGraphicsSimpleTextItem] = []
        self.apply_theme()

    def show_grid(self, grid: Grid | None) -> None:
        """Show what is there of a grid; pictures are added as they come."""
        has_seed = grid is not None and grid.job.settings.seed is not None
        if grid is None or not has_seed:
            self.scene().clear()
            self._names.clear()
            self._drawn.clear()
            self._job, self._shown, self._layout = None, 0, EMPTY
            return
        if grid.job.job_id != self._job or len(grid.cells) < self._shown:
            self._begin(grid)
        for cell in grid.cells[self._shown :]:
            self._add(cell)
        self._shown = len(grid.cells)

    def _begin(self, grid: Grid) -> None:
        """Draw the names; the frames are part of the background."""
        self.scene().clear()
        self._drawn.clear()
        self._names.clear()
        self._job, self._shown, self._zoomed = grid.job.job_id, 0, False
        self.current = 0
        axes, font = Axes.of(grid.job), self._font()
        metrics = QFontMetricsF(font)
        style = Style(CELL, CELL, GAP, metrics.height())
        self._layout = layout = lay_out(
            axes.row_names, axes.column_names, grid.job.count, style, metrics.horizontalAdvance
        )
        for label in layout.column_labels:
            text = self._text(label.text, font)
            box = text.boundingRect()
            text.setPos(label.x - box.width() / 2, label.y - box.height())
        for label in layout.row_labels:
            text = self._text(label.text, font)
            box = text.boundingRect()
            text.setPos(label.x - box.width(), label.y - box.height() / 2)
        self.setSceneRect(QRectF(*layout.bounds))
        self.fit()

    def _font(self) -> QFont:
        font = self.font()
        font.setPixelSize(TEXT)
        return font

    def _text(self, name: str, font: QFont) -> QGraphicsSimpleTextItem:
        item = self.scene().addSimpleText(steady(name), font)
        item.setBrush(QColor(theme.colors().text))
        self._names.append(item)
        return item

    def place(self, index: int) -> QRectF:
        """Where a picture lies."""
        return QRectF(*self._layout.place(index))

    def _add(self, cell: GridCell) -> None:
        place = self.place(cell.index)
        self._drawn.add(cell.index)
        item = QGraphicsPixmapItem(QPixmap.fromImage(to_qimage(cell.image)))
        item.setScale(CELL / max(1, item.pixmap().width(), item.pixmap().height()))
        item.setPos(place.topLeft())
        acting = stack_text(cell.interventions, cell.settings.num_steps) or tr("no mask")
        told = tr("seed {seed} · {acting}", seed=cell.settings.seed, acting=acting)
        item.setToolTip(tip(told, tr("Double click draws it again as a run.")))
        self.scene().addItem(item)

    def fit(self) -> None:
        """Show the whole sheet."""
        self._zoomed = False
        self.fitInView(self.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)
        if self.transform().m11() > 2:
            self.resetTransform()
            self.scale(2, 2)

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
            shift = self.mapFromScene(under) - pointer
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            across.setValue(across.value() + shift.x())
            down.setValue(down.value() + shift.y())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.cell_at(self.mapToScene(event.position().toPoint()))
        if index is not None and index < self._shown:
            self.cell_chosen.emit(index)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index: int | None = self.current
            at = self.mapFromScene(self.place(self.current).center())
        else:
            at = event.pos()
            index = self.cell_at(self.mapToScene(at))
        if index is not None and index in self._drawn:
            self.menu_wanted.emit(index, self.viewport().mapToGlobal(at))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        across = self._layout.columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -across,
            Qt.Key.Key_Down: across,
        }
        key = Qt.Key(event.key())
        if key in steps and self._layout.count:
            index = self.current + steps[key]
            if 0 <= index < self._layout.count:
                self.current = index
                self.ensureVisible(self.place(index), 0, 0)
                self.viewport().update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current in self._drawn:
            self.cell_chosen.emit(self.current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """A frame around the picture that keys act on."""
        if self.hasFocus() and self._layout.count:
            pen = QPen(QColor(theme.colors().accent), 2)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.place(self.current).adjusted(-2, -2, 2, 2))

    def cell_at(self, place: QPointF) -> int | None:
        """Which picture is at a place of the scene."""
        return self._layout.cell_at(place.x(), place.y())

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """The paper, and a frame for every picture that is to come."""
        super().drawBackground(painter, rect)
        painter.setPen(QPen(QColor(theme.colors().border), 0))
        across = self._layout.columns
        first = max(0, int(rect.top() // (CELL + GAP))) * across
        last = (max(0, int(rect.bottom() // (CELL + GAP))) + 1) * across
        for index in range(first, min(last, self._layout.count)):
            if index not in self._drawn:
                painter.drawRect(self.place(index))

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        if not self._zoomed and self._job is not None:
            self.fit()
