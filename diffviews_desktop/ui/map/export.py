"""The flat map as a picture or as vectors, as it is seen, at any sharpness.

The points, of which there may be millions, are drawn in another thread; axes, rings, trajectories
and names follow in the window's.
"""

from __future__ import annotations

import base64

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize
from PySide6.QtGui import QImage, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator

from diffviews_desktop.ui.map.points import MARK, Points
from diffviews_desktop.ui.map.points_raster import Frame, Snapshot

MOST_CIRCLES = 50_000
"""Of more points a drawing holds a picture: programs for drawings would choke on them."""
SCALE = 2.0
"""Pixels of a picture, each way, of those of the screen."""


def picture(view: pg.PlotWidget, points: Points, frame: Frame) -> QImage:
    """The whole map with its points as ``frame`` has them."""
    size, scale = view.viewport().size(), frame.view.ratio
    image = QImage(size * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    with points.exporting(frame):
        _paint(view, image)
    return image


def drawing(view: pg.PlotWidget, points: Points, described: str) -> bytes:
    """The whole map as SVG with its points as `describe` has them."""
    size: QSize = view.viewport().size()
    written = QByteArray()
    buffer = QBuffer(written)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setResolution(view.logicalDpiX())  # else pictures of axes are drawn at another size
    generator.setTitle("DiffViews map")
    with points.exporting(None):
        _paint(view, generator)
    buffer.close()
    return bytes(written.data()).replace(MARK.encode(), described.encode())


def _paint(view: pg.PlotWidget, surface: QPaintDevice) -> None:
    """Paint the view, symbols as shapes and not as the small pictures that the screen gets."""
    items = [item for item in view.scene().items() if isinstance(item, pg.ScatterPlotItem)]
    size = view.viewport().size()
    painter = QPainter(surface)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for item in items:
        item.setExportMode(True, {"resolutionScale": 1.0})
    try:
        view.render(painter, QRectF(0, 0, size.width(), size.height()))
    finally:
        for item in items:
            item.setExportMode(False)
        painter.end()


def describe(taken: Snapshot, inside: QRectF) -> str:
    """The points as elements of SVG; called in another thread.

    Args:
        taken: the points.
        inside: the part of the view, in logical pixels, that shows points.
    """
    scene, seen = taken.scene(), taken.view
    place = (scene.xy + scene.centre) * (seen.scale_x, seen.scale_y) + (seen.shift_x, seen.shift_y)
    place = place / seen.ratio
    low, high = (inside.left(), inside.top()), (inside.right(), inside.bottom())
    there = np.asarray(((place >= low) & (place <= high)).all(axis=1))
    if int(there.sum()) > MOST_CIRCLES:
        return _picture(taken, inside)
    shown = scene.only(there)
    colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in scene.palette.tolist()]
    opacity = shown.alpha * (taken.look.opacity / 255)
    values = zip(place[there].tolist(), shown.group.tolist(), opacity.tolist(), strict=True)
    factors = shown.factors
    radius = np.full(len(shown), taken.look.diameter / 2)
    radius *= 1.0 if factors is None else factors
    circles = [
        f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{r:g}" fill="{colors[group]}" '
        f'fill-opacity="{alpha:.3f}"/>'
        for ((x, y), group, alpha), r in zip(values, radius.tolist(), strict=True)
    ]
    return "\n".join(circles)


def _picture(taken: Snapshot, inside: QRectF) -> str:
    frame, ratio = taken.frame(), taken.view.ratio
    part = QRectF(inside.topLeft() * ratio, inside.size() * ratio).toAlignedRect()
    written = QByteArray()
    buffer = QBuffer(written)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    frame.image.copy(part).save(buffer, "PNG")  # type: ignore[call-overload]
    encoded = base64.b64encode(bytes(written.data())).decode()
    return (
        f'<image x="{part.x() / ratio:g}" y="{part.y() / ratio:g}" width="{part.width() / ratio:g}"'
        f' height="{part.height() / ratio:g}" xlink:href="data:image/png;base64,{encoded}"/>'
    )
