"""What tells more of the points where there is room: pictures, class names, contours of density.

Found when the view has come to rest, of large maps in another thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QMarginsF, QObject, QPointF, QRectF, QSizeF, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from diffviews_desktop.text.plain import MOST_OF_NAME
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import PictureLoader, enlarge
from diffviews_desktop.ui.common.labels import plain
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.views.flat.density import contours
from diffviews_desktop.ui.views.flat.picking import PointIndex
from diffviews_desktop.values.map_names import Label, labels_of

SIDE = 34  # of a picture, logical pixels
SPACING = 40  # between the middles of two pictures
MOST_PICTURES = 400
KEPT_PIXMAPS = 1024
WIDEST_NAME = 240  # logical pixels
MARK = 10.0  # logical pixels around a mark of a run that no name covers
SCALED_AT_ONCE = 48  # pictures in one frame: more would be felt


@dataclass(frozen=True, eq=False)
class Decorated:
    """The points that are decorated.

    Attributes:
        xy: ``(N, 2)``.
        labels: class or cluster of each ``(N,) int32``; -1 for none.
        names: of these, by number.
        picture: where the picture of a sample is; None where there is none.
        color: of a sample's point.
    """

    xy: NDArray
    labels: NDArray[np.int32]
    names: dict[int, str]
    picture: Callable[[int], Path | None]
    color: Callable[[int], QColor]


class Found(NamedTuple):
    """What fits into a view.

    Attributes:
        rows: samples with a picture.
        names: of classes, where there is room for them.
        lines: contours; None where those that are shown stay.
        lines_of: the points that the lines belong to: their data, and those that are left out.
    """

    rows: NDArray[np.int64]
    names: list[Label]
    lines: list[NDArray[np.float64]] | None
    lines_of: tuple[object, object] | None


NOTHING = Found(np.empty(0, np.int64), [], [], None)


class _OnTop(pg.GraphicsObject):
    """An item of the plot that is drawn in logical pixels over everything."""

    def __init__(self, z: float) -> None:
        super().__init__()
        self._seen = QRectF()
        self.setZValue(z)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def boundingRect(self) -> QRectF:
        return self._seen

    def viewRangeChanged(self, *_: object) -> None:
        """Cover what is seen of the map; the scene must hear of it before it is so."""
        box = self.getViewBox()
        if box is not None:
            self.prepareGeometryChange()
            self._seen = box.viewRect()

    def place(self, x: float, y: float) -> QPointF:
        """Where a place of the map is painted."""
        return self.sceneTransform().map(QPointF(x, y))


class Thumbnails(_OnTop):
    """Pictures at the places of samples."""

    def __init__(self, pictures: PictureLoader) -> None:
        super().__init__(12)
        self._pictures = pictures
        self._kept: OrderedDict[tuple[str, float], QPixmap] = OrderedDict()
        self.shown: list[tuple[int, float, float, str]] = []  # sample, place, picture
        self._color: Callable[[int], QColor] | None = None

    def show_pictures(self, data: Decorated, rows: NDArray[np.int64]) -> None:
        """Show the pictures of samples at their places."""
        self._color = data.color
        pictures = [(int(row), data.picture(int(row))) for row in rows]
        self.shown = [
            (row, float(data.xy[row, 0]), float(data.xy[row, 1]), str(path))
            for row, path in pictures
            if path is not None
        ]
        for _, _, _, path in self.shown:
            self._pictures.get(Path(path))
        self.update()

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        if not self.shown:
            return
        ratio = painter.device().devicePixelRatioF()
        places = [self.place(x, y) for _, x, y, _ in self.shown]
        painter.save()
        painter.resetTransform()
        budget = len(self.shown) if widget is None else SCALED_AT_ONCE  # an export is painted once
        for (row, _, _, path), place in zip(self.shown, places, strict=True):
            ready = (path, ratio) in self._kept
            if not ready and not budget:
                continue
            pixmap = self._pixmap(path, ratio)
            if pixmap is None:
                continue
            budget -= not ready
            size = pixmap.deviceIndependentSize()
            frame = QRectF(QPointF(0, 0), size)
            frame.moveCenter(place)
            assert self._color is not None
            painter.setPen(QPen(self._color(row), 2))
            painter.drawRect(frame.adjusted(-1, -1, 1, 1))
            painter.drawPixmap(frame.topLeft(), pixmap)
        painter.restore()
        if not budget and widget is not None:
            QTimer.singleShot(0, self.update)

    def _pixmap(self, path: str, ratio: float) -> QPixmap | None:
        key = (path, ratio)
        if key not in self._kept:
            image = self._pictures.get(Path(path))
            if image is None or image.isNull():
                return None
            self._kept[key] = enlarge(image, SIDE, ratio)
            while len(self._kept) > KEPT_PIXMAPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class ClassNames(_OnTop):
    """The name of the class that most points around a place are of."""

    def __init__(self) -> None:
        super().__init__(24)
        self.shown: list[tuple[Label, str]] = []
        self._marks = np.empty((0, 2))

    def show_names(self, names: list[tuple[Label, str]]) -> None:
        """Show names, the most important first."""
        self.shown = names
        self.update()

    def leave_out(self, marks: NDArray) -> None:
        """Put no name where marks lie, which are drawn over it, at ``(N, 2)`` on the map."""
        if not np.array_equal(marks, self._marks):
            self._marks = marks
            self.update()

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        if not self.shown:
            return
        c = theme.colors()
        font = QFont(painter.font())
        font.setBold(True)
        metrics = QFontMetricsF(font)
        frames = self.frames(metrics)
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, frame in frames:
            path = QPainterPath()
            path.addText(frame.left() + 4, frame.top() + 1 + metrics.ascent(), font, name)
            painter.strokePath(path, QPen(QColor(c.map), 3.5, Qt.PenStyle.SolidLine))
            painter.fillPath(path, QColor(c.text))
        painter.restore()

    def frames(self, metrics: QFontMetricsF) -> list[tuple[str, QRectF]]:
        """The names that have room, each with its frame in logical pixels: none is over another, or
        under a mark of the run that is shown."""
        around = QMarginsF(MARK, MARK, MARK, MARK)
        obstacles = [QRectF(self.place(x, y), QSizeF()) + around for x, y in self._marks.tolist()]
        names: list[tuple[str, QRectF]] = []
        for label, full_name in self.shown:
            text = plain(full_name, MOST_OF_NAME)
            name = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, WIDEST_NAME)
            frame = QRectF(0, 0, metrics.horizontalAdvance(name) + 8, metrics.height() + 2)
            frame.moveCenter(self._beside(label, metrics.height()))
            if not any(frame.intersects(other) for other in obstacles):
                obstacles.append(frame)
                names.append((name, frame))
        return names

    def _beside(self, label: Label, line: float) -> QPointF:
        """On a group that is larger than the name, else above it: names must not hide points."""
        place, top = self.place(label.x, label.y), self.place(label.x, label.y + label.high)
        high = abs(place.y() - top.y())
        return place if high > line else QPointF(place.x(), place.y() - high - 0.9 * line)


class Contours(pg.GraphicsObject):
    """Lines of equal density."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(8)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.paths: list[QPainterPath] = []

    def show_lines(self, lines: list[NDArray[np.float64]]) -> None:
        """Show pairs of points ``(M, 2, 2)``, one array a level."""
        self.prepareGeometryChange()
        self.paths = [
            pg.arrayToQPath(pairs[..., 0].ravel(), pairs[..., 1].ravel(), connect="pairs")
            for pairs in lines
        ]
        self.update()

    def boundingRect(self) -> QRectF:
        whole = QRectF()
        for path in self.paths:
            whole = whole.united(path.boundingRect())
        return whole

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = QColor(theme.colors().text)
        for level, path in enumerate(self.paths):
            color.setAlpha(60 + 28 * level)
            pen = QPen(color, 1.0 + 0.15 * level)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)


class Decorations(QObject):
    """Pictures, names and contours on one map; each is shown only while it is wanted."""

    def __init__(
        self,
        box: pg.ViewBox,
        pictures: PictureLoader,
        threads: ThreadPoolExecutor,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._box = box
        self._finding = Latest(self._show, self, threads=threads)
        self.thumbnails, self.names, self.contours = Thumbnails(pictures), ClassNames(), Contours()
        for item in (self.contours, self.thumbnails, self.names):
            box.addItem(item, ignoreBounds=True)
        self.thumbnails.viewRangeChanged()
        self.names.viewRangeChanged()
        pictures.loaded.connect(self._on_loaded)
        self._data: Decorated | None = None
        self._index: Future[PointIndex] | None = None
        self._hidden: NDArray[np.bool_] | None = None
        self._contoured: tuple[object, object] | None = None
        self.want_pictures = self.want_names = self.want_contours = False

    def set_data(
        self,
        data: Decorated | None,
        index: Future[PointIndex],
        hidden: NDArray[np.bool_] | None,
    ) -> None:
        """Decorate other points; None for none."""
        if data is not self._data:
            self.thumbnails.shown, self.names.shown = [], []
        self._data, self._index, self._hidden = data, index, hidden
        self.refresh()

    def close(self) -> None:
        """Look for nothing more."""
        self._finding.close()

    def refresh(self) -> None:
        """Find again what fits into the present view."""
        data, index = self._data, self._index
        wants_any = self.want_pictures or self.want_names or self.want_contours
        if data is None or index is None or not len(data.xy) or not wants_any:
            shown = self.thumbnails.shown or self.names.shown or self.contours.paths
            if wants_any or shown:
                self._finding.do_now(lambda: NOTHING)
            else:
                self._finding.drop()
            return
        search = _Search(
            data,
            index,
            self._hidden,
            self._box.viewRect(),
            self._box.rect().size(),
            self.want_pictures,
            self.want_names,
            self.want_contours,
            self._contoured,
        )
        self._finding.ask(search.find)

    def _show(self, result: Found) -> None:
        if result.lines is not None:
            self.contours.show_lines(result.lines)
        self._contoured = result.lines_of
        data = self._data
        if data is None:
            self.thumbnails.shown = []
            self.names.show_names([])
            return
        self.thumbnails.show_pictures(data, result.rows)
        names = [(name, data.names.get(name.number, str(name.number))) for name in result.names]
        self.names.show_names(names)

    def _on_loaded(self, path: str, image: QImage) -> None:
        if any(other == path for _, _, _, other in self.thumbnails.shown):
            self.thumbnails.update()


@dataclass(frozen=True, eq=False)
class _Search:
    """What to find for one view; in another thread, as all of it stays as it is."""

    data: Decorated
    index: Future[PointIndex]
    hidden: NDArray[np.bool_] | None
    part: QRectF
    size: QSizeF
    want_pictures: bool
    want_names: bool
    want_contours: bool
    contoured: tuple[object, object] | None

    def find(self) -> Found:
        part, data = self.part, self.data
        index = self.index.result()
        rows = index.in_rectangle(part.left(), part.top(), part.right(), part.bottom())
        if self.hidden is not None:
            rows = rows[~self.hidden[rows]]
        width, height = self.size.width(), self.size.height()
        pictures = np.empty(0, np.int64)
        if self.want_pictures:
            pictures = with_room(data.xy, rows, part, width, height)
        names: list[Label] = []
        if self.want_names:
            corners = part.left(), part.top(), part.width(), part.height()
            names = labels_of(data.xy, data.labels, rows, corners, width, height)
        return Found(pictures, names, *self._lines())

    def _lines(self) -> tuple[list[NDArray[np.float64]] | None, tuple[object, object] | None]:
        if not self.want_contours:
            return [], None
        data, hidden, old = self.data, self.hidden, self.contoured
        if old is not None and old[0] is data and old[1] is hidden:
            return None, old
        return contours(data.xy if hidden is None else data.xy[~hidden]), (data, hidden)


def with_room(
    xy: NDArray, rows: NDArray[np.int64], part: QRectF, width: float, height: float
) -> NDArray[np.int64]:
    """Those of some samples whose pictures fit beside each other into a view of ``part``; none
    where most would not."""
    capacity = min(MOST_PICTURES, width * height / SPACING**2)
    if not len(rows) or len(rows) > capacity:
        return np.empty(0, np.int64)
    scale = np.array([width / max(part.width(), 1e-30), height / max(part.height(), 1e-30)])
    pixels = xy[rows].astype(np.float64) * scale
    indices: list[int] = []
    for i in range(len(rows)):
        offsets = np.abs(pixels[indices] - pixels[i])
        if not (offsets.max(axis=1) < SPACING).any() if len(indices) else True:
            indices.append(i)
    return rows[indices]
