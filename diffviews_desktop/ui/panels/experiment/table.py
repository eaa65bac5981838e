"""What an experiment found: a row for every arm, with pictures, and a dot with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QWidget,
)

from diffviews_desktop.engine.jobs.experiments import ExperimentResult
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.tables import ReadTable
from diffviews_desktop.values.controls import MEANINGS, TITLES
from diffviews_desktop.values.experiments import Estimate, Examples, Finding, Outcome
from diffviews_desktop.values.finding_texts import (
    MEASURES,
    cells_of,
    heat_map_of,
    marks_of,
    place_name,
    shown_measures,
)
from diffviews_desktop.values.layers import LayerSet

PICTURES, HEIGHT, PLOT = 4, 40, 200
"""Pictures of an arm, their height, and the width of the dots' column, in pixels."""
_ROLE = Qt.ItemDataRole.UserRole
_HEADINGS: dict[Outcome, str] = {
    "read": tr("read as the class, 0 to 1"),
    "changed": tr("answer changed, 0 to 1"),
    "neighbors": tr("like its samples, up to 1"),
    "moved": tr("moved, 0 to 1"),
}
"""What the dots show."""


class DotDelegate(QStyledItemDelegate):
    """Draws an estimate as a dot with its interval, on an axis that all rows share."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.low = 0.0

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        dot = index.data(_ROLE)
        if not dot or not np.isfinite(dot[0].value):
            return
        estimate, is_own = dot
        box, colors = QRectF(option.rect).adjusted(8, 0, -8, 0), theme.colors()
        middle = box.center().y()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.border), 1))
        for tick in (0.0, 0.5, 1.0):
            x = self._across(tick, box)
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        color = QColor(colors.accent if is_own else colors.muted)
        if option.state & QStyle.StateFlag.State_Selected:
            color = QColor(colors.accent_text)
        if estimate.low is not None and estimate.high is not None:
            painter.setPen(QPen(color, 2))
            ends = self._across(estimate.low, box), self._across(estimate.high, box)
            painter.drawLine(QPointF(ends[0], middle), QPointF(ends[1], middle))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(QPointF(self._across(estimate.value, box), middle), 4.5, 4.5)
        painter.restore()

    def _across(self, value: float, box: QRectF) -> float:
        return box.left() + box.width() * (value - self.low) / (1 - self.low)


class FindingsTable(ReadTable):
    """A row for every arm, with its pictures, a dot and its figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("What the experiment found"), parent)
        self.setIconSize(QSize(PICTURES * (HEIGHT + 2), HEIGHT))
        self._rows: dict[tuple[LayerSet, tuple[int, int]], int] = {}
        self.dots = DotDelegate(self)
        self.setItemDelegateForColumn(2, self.dots)

    def show_result(self, result: ExperimentResult) -> None:
        """Show what was found."""
        findings = result.findings
        names = shown_measures(findings)
        marks, outcome = marks_of(findings), findings[0].outcome
        self.dots.low = min([0.0, *map(_lowest, marks)]) if outcome == "neighbors" else 0.0
        heading = _HEADINGS[outcome]
        headings = [
            "",
            tr("Pictures"),
            heading,
            *(tr(MEASURES[n]) for n in names),
            tr("commonest"),
            tr("p (Holm)"),
        ]
        self.setColumnCount(len(headings))
        self.setHorizontalHeaderLabels(headings)
        self.clearSpans()
        self.setRowCount(0)
        self._rows = {}
        several = heat_map_of(findings) is not None
        for finding, mark in zip(findings, marks, strict=True):
            place = finding.layers, finding.steps
            if several and finding.layers and place not in self._rows:
                self._add_heading(place_name(finding), len(headings))
            row = self.rowCount()
            self._rows.setdefault(place, row)
            self.insertRow(row)
            self._fill(row, finding, mark, result.examples)
            for column, text in enumerate(cells_of(finding, names), 3):
                self.setItem(row, column, QTableWidgetItem(text))
            self.setRowHeight(row, HEIGHT + 8)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(2, PLOT)

    def menu_of(self, row: int) -> QMenu:
        """What can be done with a row: its pictures can be copied, too."""
        menu, item = super().menu_of(row), self.item(row, 1)
        pictures = None if item is None else item.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(pictures, QPixmap):
            copy = menu.addAction(tr("Copy the &pictures"))
            copy.triggered.connect(lambda: QGuiApplication.clipboard().setPixmap(pictures))
        return menu

    def go_to(self, layers: LayerSet, steps: tuple[int, int]) -> None:
        """Select what was found at a place, and bring it into view."""
        row = self._rows.get((layers, steps))
        if row is not None:
            self.selectRow(row)
            place = self.model().index(row, 0)
            self.scrollTo(place, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _add_heading(self, place: str, columns: int) -> None:
        """A row that says where the next ones are of."""
        row = self.rowCount()
        self.insertRow(row)
        heading = QTableWidgetItem(short(place))
        heading.setToolTip(tip(place))
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self.setItem(row, 0, heading)
        self.setSpan(row, 0, 1, columns)

    def _fill(
        self, row: int, finding: Finding, mark: Estimate | None, examples: Sequence[Examples]
    ) -> None:
        title, place = tr(TITLES[finding.arm]), short(place_name(finding))
        label = QTableWidgetItem(title[:1].upper() + title[1:])
        label.setToolTip(tip(f"{tr(MEANINGS[finding.arm])}{f' ({place})' if place else ''}"))
        self.setItem(row, 0, label)
        pictures = QTableWidgetItem()
        for one in examples:
            key = one.layers, one.steps, one.arm
            if key == (finding.layers, finding.steps, finding.arm):
                pictures.setData(Qt.ItemDataRole.DecorationRole, strip(one.images[:PICTURES]))
        self.setItem(row, 1, pictures)
        dot = QTableWidgetItem()
        if mark is not None:
            dot.setData(_ROLE, (mark, finding.arm == "intervention"))
        self.setItem(row, 2, dot)


def strip(images: NDArray[np.uint8]) -> QPixmap:
    """Pictures ``(n, H, W, C)`` beside each other, `HEIGHT` pixels high."""
    gap = np.zeros((*images.shape[1:2], max(1, images.shape[2] // 16), 4), np.uint8)
    parts = [part for image in images for part in (_with_alpha(image), gap)][:-1]
    pixels = np.ascontiguousarray(np.concatenate(parts, axis=1))
    height, width = pixels.shape[:2]
    picture = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
    kind = Qt.TransformationMode.FastTransformation
    if height > HEIGHT:
        kind = Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(picture.scaledToHeight(HEIGHT, kind))


def _with_alpha(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[..., :3]
    return np.concatenate([rgb, np.full((*image.shape[:2], 1), 255, np.uint8)], axis=2)


def _lowest(estimate: Estimate | None) -> float:
    if estimate is None or not np.isfinite(estimate.value):
        return 0.0
    return estimate.value if estimate.low is None else estimate.low
