"""The flat map as a picture or as vectors, as it is seen, at any sharpness.

What lies over the points is painted at once; the points, of which there may be millions, are drawn
in another thread, by what the functions here return.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator

from diffviews_desktop.ui.views.flat.points import MARK, Points
from diffviews_desktop.ui.views.flat.points_raster import Snapshot, blit

MOST_CIRCLES = 50_000
"""Of more points a drawing holds a picture: programs for drawings would choke on them."""
SCALE = 2.0
"""Pixels of a picture, each way, of those of the screen."""


def picture(view: pg.PlotWidget, points: Points, inside: QRectF) -> Callable[[], QImage]:
    """What makes a picture of the map, to be called in another thread.

    Args:
        view: the map.
        points: its points.
        inside: the part of the view, in logical pixels, that shows points.
    """
    snapshot = points.snapshot(SCALE)
    over = QImage(view.viewport().size() * SCALE, QImage.Format.Format_ARGB32_Premultiplied)
    over.setDevicePixelRatio(SCALE)
    over.fill(Qt.GlobalColor.transparent)
    _paint(view, points, over)
    return partial(_compose, snapshot, over, view.backgroundBrush().color(), inside)


def _compose(snapshot: Snapshot, over: QImage, background: QColor, inside: QRectF) -> QImage:
    frame = snapshot.frame()
    image = QImage(over.size(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(over.devicePixelRatio())
    image.fill(background)
    painter = QPainter(image)
    painter.setClipRect(inside)
    blit(painter, frame, frame.view)
    painter.setClipping(False)
    painter.drawImage(0, 0, over)
    painter.end()
    return image


def drawing(view: pg.PlotWidget, points: Points, inside: QRectF) -> Callable[[], bytes]:
    """What makes SVG of the map, to be called in another thread; arguments as of `picture`."""
    snapshot = points.snapshot(SCALE)
    size: QSize = view.viewport().size()
    output = QByteArray()
    buffer = QBuffer(output)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setResolution(view.logicalDpiX())  # else pictures of axes are drawn at another size
    generator.setTitle("DiffViews map")
    _paint(view, points, generator, view.backgroundBrush().color())
    buffer.close()
    text = bytes(output.data())
    return lambda: text.replace(MARK.encode(), _describe(snapshot, inside).encode())


def _paint(
    view: pg.PlotWidget, points: Points, surface: QPaintDevice, background: QColor | None = None
) -> None:
    """Paint all but the points, symbols as shapes and not as the small pictures that the screen
    gets."""
    items = [item for item in view.scene().items() if isinstance(item, pg.ScatterPlotItem)]
    size = view.viewport().size()
    whole = QRectF(0, 0, size.width(), size.height())
    painter = QPainter(surface)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if background is not None:
        painter.fillRect(whole, background)
    for item in items:
        item.setExportMode(True, {"resolutionScale": 1.0})
    try:
        with points.use_mark():
            view.scene().render(painter, whole, whole)
    finally:
        for item in items:
            item.setExportMode(False)
        painter.end()


def _describe(snapshot: Snapshot, inside: QRectF) -> str:
    """The points as elements of SVG."""
    scene, view = snapshot.scene(), snapshot.view
    place = (scene.xy + scene.centre) * (view.scale_x, view.scale_y) + (view.shift_x, view.shift_y)
    place = place / view.ratio
    low, high = (inside.left(), inside.top()), (inside.right(), inside.bottom())
    mask = np.asarray(((place >= low) & (place <= high)).all(axis=1))
    if int(mask.sum()) > MOST_CIRCLES:
        return _picture(snapshot, inside)
    points = scene.select(mask)
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in scene.palette.tolist()]
    opacity = points.alpha * (snapshot.look.opacity / 255)
    values = zip(place[mask].tolist(), points.group.tolist(), opacity.tolist(), strict=True)
    factors = points.factors
    radius = np.full(len(points), snapshot.look.diameter / 2)
    radius *= 1.0 if factors is None else factors
    circles = [
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{r:g}" fill="{colors[group]}" '
        f'fill-opacity="{alpha:.3f}"/>'
        for ((x, y), group, alpha), r in zip(values, radius.tolist(), strict=True)
    ]
    return "\n".join(circles)


def _picture(snapshot: Snapshot, inside: QRectF) -> str:
    frame, ratio = snapshot.frame(), snapshot.view.ratio
    part = QRectF(inside.topLeft() * ratio, inside.size() * ratio).toAlignedRect()
    output = QByteArray()
    buffer = QBuffer(output)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    frame.image.copy(part).save(buffer, "PNG")  # type: ignore[call-overload]
    text = base64.b64encode(bytes(output.data())).decode()
    return (
        f'<image x="{part.x() / ratio:g}" y="{part.y() / ratio:g}" width="{part.width() / ratio:g}"'
        f' height="{part.height() / ratio:g}" xlink:href="data:image/png;base64,{text}"/>'
    )
