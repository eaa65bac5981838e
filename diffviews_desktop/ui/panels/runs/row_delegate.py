"""How a run looks in the list: its hue and its eye, its picture, its name, what it shows, a pin."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from diffviews_desktop.text.plain import MOST_OF_NAME
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import plain
from diffviews_desktop.ui.common.run_styles import hue_of
from diffviews_desktop.ui.panels.runs.pictures import paint_picture
from diffviews_desktop.ui.panels.runs.rows import ROW, Row, when_of

Index = QModelIndex | QPersistentModelIndex
HEIGHT, THUMBNAIL, ICON, GAP = 40, 34, 16, 6
_HUE_WIDTH = 3


def eye_place(row: QRect) -> QRect:
    """Where a row has its eye."""
    return QRect(row.left() + _HUE_WIDTH + GAP, row.top(), ICON, row.height())


def pin_place(row: QRect) -> QRect:
    """Where a row has its pin."""
    return QRect(row.right() - ICON - GAP, row.top() + 2, ICON, row.height() // 2)


def picture_place(row: QRect) -> QRect:
    """Where a row has its picture."""
    left = eye_place(row).right() + GAP
    return QRect(left, row.top() + (row.height() - THUMBNAIL) // 2, THUMBNAIL, THUMBNAIL)


def _texts_place(row: QRect) -> QRect:
    left = picture_place(row).right() + GAP + 2
    return QRect(left, row.top() + 3, row.right() - GAP - left, row.height() - 6)


class RowDelegate(QStyledItemDelegate):
    """Paints a run of `RunRows`; its name is edited where it stands."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, max(HEIGHT, 2 * option.fontMetrics.height() + 6))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(ROW)
        place: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setClipRect(place)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        _paint_ground(painter, place, bool(state & QStyle.StateFlag.State_Selected), hovered)
        _paint_hue(painter, place, row)
        run = row.run
        on_map = run.visible and row.here
        if on_map or hovered or not run.visible:
            faint = not row.here or not run.visible
            _paint_icon(painter, eye_place(place), "eye" if run.visible else "eye-closed", faint)
        if run.pinned or hovered:
            _paint_icon(painter, pin_place(place), "pin", not run.pinned)
        if run.steps:
            paint_picture(painter, picture_place(place), to_qimage(run.steps[-1].image))
        _paint_texts(painter, _texts_place(place), row)
        painter.restore()

    # ---- renaming -------------------------------------------------------------------------------

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        field = QLineEdit(parent)
        field.setAccessibleName(tr("Name of the run"))
        field.setMaxLength(MOST_OF_NAME)
        return field

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        place = _texts_place(option.rect)
        high = min(editor.sizeHint().height(), place.height())
        editor.setGeometry(QRect(place.left() - 6, place.top() - 2, place.width() + 12, high + 2))

    def eventFilter(self, editor: QWidget, event: QEvent) -> bool:  # type: ignore[override]
        if event.type() == QEvent.Type.ShortcutOverride:  # letters that are keys of the window
            event.accept()
            return False
        return super().eventFilter(editor, event)


def _paint_ground(painter: QPainter, place: QRect, selected: bool, hovered: bool) -> None:
    c = theme.colors()
    if not selected and not hovered:
        return
    painter.setPen(QColor(c.accent) if selected else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(c.field))
    painter.drawRoundedRect(place.adjusted(0, 0, -1, -1), 4, 4)


def _paint_hue(painter: QPainter, place: QRect, row: Row) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(hue_of(row.run, dark=theme.is_dark()))
    painter.setOpacity(1.0 if row.run.visible and row.here else 0.3)
    painter.drawRoundedRect(
        QRect(place.left() + 3, place.top() + 5, _HUE_WIDTH, place.height() - 10), 1.5, 1.5
    )
    painter.setOpacity(1.0)


def _paint_icon(painter: QPainter, place: QRect, name: str, faint: bool) -> None:
    painter.setOpacity(0.4 if faint else 1.0)
    side = min(ICON, place.width())
    at = QPointF(place.left(), place.center().y() - side / 2 + 0.5)
    theme.icon(name).paint(painter, QRect(at.toPoint(), QSize(side, side)))
    painter.setOpacity(1.0)


def _paint_texts(painter: QPainter, place: QRect, row: Row) -> None:
    c, half = theme.colors(), place.height() // 2
    low = QRect(place.left(), place.top() + half, place.width(), half)
    high = low.translated(0, -half).adjusted(0, 0, -ICON - GAP, 0)  # the pin is beside it
    font = QFont(painter.font())
    font.setWeight(QFont.Weight.DemiBold)
    time = when_of(row.run)
    painter.setPen(QColor(c.muted))
    room = painter.fontMetrics().horizontalAdvance(time) + GAP if time else 0
    if room > place.width() // 2:
        time, room = "", 0
    if time:
        painter.drawText(high, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, time)
    _draw_elided(painter, low, row.line)
    painter.setFont(font)
    painter.setPen(QColor(c.text))
    _draw_elided(painter, high.adjusted(0, 0, -room, 0), row.run.name)


def _draw_elided(painter: QPainter, place: QRect, text: str) -> None:
    cut = painter.fontMetrics().elidedText(plain(text), Qt.TextElideMode.ElideRight, place.width())
    painter.save()
    painter.setClipRect(place, Qt.ClipOperation.IntersectClip)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, cut)
    painter.restore()
