"""A short help: marks on the map, distances, trust, and steps unlike any sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.widgets import as_panel

SIDE, TERMS, WIDTH, HIGHEST = 34, 100, 560, 560
_DASHES: list[float] = [2, 1.5]
Draw = Callable[[QPainter], None]


@dataclass(frozen=True)
class Entry:
    """A mark, drawn as on the map, or a term, and what it means."""

    sign: Draw | str
    text: str


def _symbol(
    painter: QPainter,
    name: str,
    size: float,
    *,
    line: QColor | None = None,
    width: float = 1.0,
    style: Qt.PenStyle = Qt.PenStyle.SolidLine,
    filling: QColor | None = None,
) -> None:
    """Draw a symbol of the map about the origin, with the background around it or a line."""
    pen = QPen(QColor(theme.colors().map) if line is None else line, width, style)
    pen.setCosmetic(True)  # the symbol is drawn at size 1 and scaled
    painter.save()
    drawSymbol(painter, name, size, pen, Qt.BrushStyle.NoBrush if filling is None else filling)
    painter.restore()


def _ring(color: QColor, size: float, width: float, style: Qt.PenStyle) -> Draw:
    def draw(painter: QPainter) -> None:
        _symbol(painter, "o", 8, filling=colors.plasma(0.35))
        _symbol(painter, "o", size, line=color, width=width, style=style)

    return draw


def _points(painter: QPainter) -> None:
    faint = colors.plasma(0.7)
    faint.setAlphaF(0.4)
    for at, color in ((QPointF(-8, 4), colors.plasma(0.05)), (QPointF(8, 4), faint)):
        painter.save()
        painter.translate(at)
        _symbol(painter, "o", 9, filling=color)
        painter.restore()
    painter.translate(0, -6)
    _symbol(painter, "o", 9, filling=colors.plasma(0.4))


def _steps(painter: QPainter) -> None:
    pen = QPen(colors.PATH_END, 2)
    pen.setDashPattern(_DASHES)
    painter.setPen(pen)
    painter.drawLine(QPointF(-13, 0), QPointF(13, 0))
    for at, part in ((-10, 0.25), (10, 0.8)):
        painter.save()
        painter.translate(at, 0)
        _symbol(painter, "o", 10, filling=colors.blend(colors.PATH_START, colors.PATH_END, part))
        painter.restore()


def _unmasked_run(painter: QPainter) -> None:
    painter.setPen(QPen(colors.UNMASKED, 2, Qt.PenStyle.DotLine))
    painter.drawLine(QPointF(-14, 0), QPointF(14, 0))
    _symbol(painter, "t", 11, filling=colors.UNMASKED)


def _hollow(painter: QPainter) -> None:
    _symbol(painter, "o", 10, line=colors.PATH_END, width=1.6, filling=QColor(theme.colors().map))


def _current(painter: QPainter) -> None:
    _symbol(painter, "o", 10, filling=colors.PATH_END)
    _symbol(painter, "o", 24, line=QColor(theme.colors().accent), width=3)


SOLID, DOTTED = Qt.PenStyle.SolidLine, Qt.PenStyle.DotLine
SECTIONS: tuple[tuple[str, Sequence[Entry]], ...] = (
    (
        tr("Marks on the map"),
        (
            Entry(
                _points,
                tr(
                    "Samples: pictures at a noise level. The colour is the class, unless you "
                    "choose otherwise; the noisier the picture, the fainter the point."
                ),
            ),
            Entry(_ring(colors.ANCHOR, 22, 3.5, SOLID), tr("The anchor, where you clicked first.")),
            Entry(
                _ring(colors.SUGGESTED, 15, 2.0, SOLID),
                tr("Neighbours that Suggest added: those nearest to the anchor."),
            ),
            Entry(
                _ring(colors.MANUAL, 15, 3.0, DOTTED),
                tr(
                    "Neighbours that you added by clicking. The mask is the mean of the anchor "
                    "and all neighbours."
                ),
            ),
        ),
    ),
    (
        tr("Marks of a run"),
        (
            Entry(
                partial(_symbol, name="d", size=15, filling=colors.PATH_START),
                tr("The first step of a run: almost pure noise."),
            ),
            Entry(
                _steps,
                tr(
                    "The steps after it, from light to dark. Each lies where the layer's own "
                    "values at that step belong. Every run has its own hue and dashes."
                ),
            ),
            Entry(
                partial(_symbol, name="star", size=20, filling=colors.PATH_END),
                tr("The finished picture. A run that was stopped has no star."),
            ),
            Entry(_hollow, tr("A step unlike any sample: see below.")),
            Entry(
                partial(_symbol, name="s", size=13, line=colors.PATH_END, width=2),
                tr("What the layer was held at instead of its own values."),
            ),
            Entry(_current, tr("The step that the filmstrip shows.")),
            Entry(
                partial(_symbol, name="x", size=18, filling=colors.ANCHOR),
                tr("Where the finished picture's own activation lies, after Where did it land?"),
            ),
            Entry(_unmasked_run, tr("The same seed with nothing held, after Compare.")),
        ),
    ),
    (
        tr("Distances"),
        (
            Entry(
                tr("On the map"),
                tr(
                    "Only what is near to a sample means something. How far islands lie from each "
                    "other, how large they are and how they are turned means nothing: another "
                    "seed of the map puts them elsewhere."
                ),
            ),
            Entry(
                tr("In numbers"),
                tr(
                    "Suggest, the gallery and the distances of a run measure in the layer's "
                    "activations, reduced to principal components, not on the map."
                ),
            ),
        ),
    ),
    (
        tr("Trust"),
        (
            Entry(
                tr("trust"),
                tr(
                    "How far a sample's neighbours on the map are its neighbours in the layer: 1 "
                    "is best, 0.5 is chance. Colour by trust to see where the map misleads."
                ),
            ),
            Entry(
                tr("kept"),
                tr(
                    "The share of a sample's 15 nearest on the map that are its nearest in the "
                    "layer."
                ),
            ),
            Entry(
                tr("Whole map"),
                tr(
                    "Map settings says how much of the neighbourhoods the map keeps; Assess finds "
                    "out how well classes are read from it and what another seed would change."
                ),
            ),
        ),
    ),
    (
        tr("Unlike any sample (off the manifold)"),
        (
            Entry(
                tr("How it is told"),
                tr(
                    "Each step and each mask is compared with the samples of like noise level: by "
                    "the distance to its nearest sample, and by the share of it that lies outside "
                    "the map's components."
                ),
            ),
            Entry(
                tr("What it means"),
                tr(
                    "Where it is beyond 95 % of them, or outside their noise levels, its mark is "
                    "hollow. Its place on the map is then a guess, and what the model draws from "
                    "it may say more about the mask than about the layer."
                ),
            ),
        ),
    ),
)


class Sign(QWidget):
    """A mark as the map draws it, in the theme in use."""

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self.setFixedSize(SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colors().map))
        painter.drawRoundedRect(self.rect(), 6, 6)
        painter.translate(SIDE / 2, SIDE / 2)
        self._draw(painter)


class ExplainedWindow(QDialog):
    """The sections below each other, with a button that closes it.

    Args:
        parent: window over which it opens.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("What the map shows"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        as_panel(self)
        page = QWidget()
        as_panel(page)
        sections = QVBoxLayout(page)
        sections.setContentsMargins(0, 0, 10, 0)
        sections.setSpacing(8)
        for title, entries in SECTIONS:
            heading = Label(title)
            heading.setObjectName("title")
            sections.addWidget(heading)
            sections.addLayout(_grid_of(entries))
            sections.addSpacing(10)
        sections.addStretch()
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setAccessibleName(tr("What the map shows"))
        self.area.setWidget(page)
        close = QPushButton(tr("&Close"))
        close.clicked.connect(self.close)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(12)
        column.addWidget(self.area, 1)
        column.addLayout(ending)
        theme.dress(self)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, HIGHEST)


def _grid_of(entries: Sequence[Entry]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(8)
    grid.setColumnStretch(1, 1)
    for row, entry in enumerate(entries):
        text = Label(entry.text)
        text.setWordWrap(True)
        if isinstance(entry.sign, str):
            term = Label(entry.sign)
            term.setProperty("strong", True)
            grid.setColumnMinimumWidth(0, TERMS)
            grid.addWidget(term, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
        else:
            grid.addWidget(Sign(entry.sign), row, 0)
            grid.addWidget(text, row, 1)
    return grid
