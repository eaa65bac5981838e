"""The steps of a run side by side, as high as there is room; the current one is always in sight."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QListView,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.panels.runs.pictures import paint_picture
from diffviews_desktop.ui.panels.runs.texts import among_samples
from diffviews_desktop.values.runs import RunStep

LEAST, MOST = 34, 320
"""Side of a frame in logical pixels."""
_IN_SIGHT = 3
"""Frames that are in sight at least."""
CAPTION, SCROLL_BAR, MARGIN = 20, 12, 4  # logical pixels

Index = QModelIndex | QPersistentModelIndex


class Filmstrip(QListWidget):
    """Signals: ``opened(step)`` and ``menu_wanted(step, place)``, the place on the screen."""

    opened = Signal(int)
    menu_wanted = Signal(int, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Filmstrip"))
        self.setViewMode(QListView.ViewMode.ListMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(LEAST + CAPTION + SCROLL_BAR + 2 * MARGIN)
        self.setMouseTracking(True)
        self.setItemDelegate(_Frames(self))
        self.run: Run | None = None
        self.caption_width = 0
        """Of the widest one, in logical pixels."""
        self.itemDoubleClicked.connect(lambda item: self.opened.emit(self.row(item)))

    @property
    def side(self) -> int:
        """Of a frame, in logical pixels: what the height allows, with a scroll bar or without."""
        room = self.height() - CAPTION - SCROLL_BAR - 2 * MARGIN - 2 * self.frameWidth()
        return max(LEAST, min(room, MOST, self.width() // _IN_SIGHT))

    def show_run(self, run: Run | None) -> None:
        """Show the steps of a run; those that are there already stay."""
        old, self.run = self.run, run
        if run is None or old is None or old.id != run.id or self.count() > len(run.steps):
            self.clear()
            self.caption_width = 0
        if run is None:
            return
        metrics = self.fontMetrics()
        for step in run.steps[self.count() :]:
            unlike = step.typicality is not None and step.typicality.unlike
            item = QListWidgetItem(f"○ σ {step.sigma:.3g}" if unlike else f"σ {step.sigma:.3g}")
            item.setToolTip(tip(_describe_step(step), *among_samples(step.typicality)))
            wide = metrics.horizontalAdvance(item.text()) + 2
            self.caption_width = max(self.caption_width, wide)
            self.addItem(item)

    def show_step(self, step: int) -> None:
        """Mark a step, and bring it into sight."""
        self.setCurrentRow(step)
        self._reveal()

    def _reveal(self) -> None:
        item = self.currentItem()
        if item is not None:
            self.scrollToItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()
        self.executeDelayedItemsLayout()
        self._reveal()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        item = self.currentItem() if keyboard else self.itemAt(event.pos())
        if item is not None:
            at = self.visualItemRect(item).center()
            place = self.viewport().mapToGlobal(at) if keyboard else event.globalPos()
            self.menu_wanted.emit(self.row(item), place)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, self.minimumHeight())

    def sizeHint(self) -> QSize:
        return QSize(4 * LEAST, self.minimumHeight())


class _Frames(QStyledItemDelegate):
    """Paints a step: its picture is scaled only while it is in sight."""

    def __init__(self, strip: Filmstrip) -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        side = self._strip.side
        wide = max(side, self._strip.caption_width)
        return QSize(wide + 2 * MARGIN, side + CAPTION + 2 * MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        run, row = self._strip.run, index.row()
        if run is None or row >= len(run.steps):
            return
        place: QRect = option.rect.adjusted(1, 1, -1, -1)
        place.setHeight(min(place.height(), self._strip.side + CAPTION + 2 * MARGIN))
        state: QStyle.StateFlag = option.state
        c = theme.colors()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_chosen = bool(state & QStyle.StateFlag.State_Selected)
        if is_chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.accent if is_chosen else c.field))
            painter.drawRoundedRect(place, 4, 4)
        picture = place.adjusted(MARGIN, MARGIN - 1, -MARGIN, -CAPTION)
        paint_picture(painter, picture, to_qimage(run.steps[row].image))
        painter.setPen(QColor(c.accent_text if is_chosen else c.text))
        caption = QRect(place.left(), place.bottom() - CAPTION + 1, place.width(), CAPTION)
        painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, index.data())
        painter.restore()


def _describe_step(step: RunStep) -> str:
    """``Step 3, σ 0.5``, and whether the layer was imposed there."""
    number, sigma = step.index + 1, f"{step.sigma:.4g}"
    if step.imposed_xy is not None:
        return tr("Step {step}, σ {sigma}, layer imposed", step=number, sigma=sigma)
    return tr("Step {step}, σ {sigma}", step=number, sigma=sigma)
