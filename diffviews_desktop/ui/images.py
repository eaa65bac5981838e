"""Pictures for the window: decoded on a thread pool, kept while they are used."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRect, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QImage, QImageReader, QPainter, QPen, QPixmap

CAPACITY = 2048
INSET_SHARE = 0.25
INSET_MARGIN = 2


class PictureLoader(QObject):
    """Decodes picture files in the background.

    ``loaded`` gives the path and the picture, null where the file is missing or broken.
    """

    loaded = Signal(str, QImage)
    _decoded = Signal(str, QImage)  # from the pool's threads

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._kept: OrderedDict[str, QImage] = OrderedDict()
        self._asked: set[str] = set()
        self._decoded.connect(self._keep, Qt.ConnectionType.QueuedConnection)

    def get(self, path: Path | None) -> QImage | None:
        """The picture if it is there, else None, and `loaded` comes later."""
        if path is None:
            return QImage()
        key = str(path)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._asked:
            self._asked.add(key)
            self._pool.start(_Decode(self, key))
        return None

    def wait(self) -> None:
        """Let the running decodes end."""
        self._pool.clear()
        self._pool.waitForDone()

    def _keep(self, key: str, image: QImage) -> None:
        self._asked.discard(key)
        self._kept[key] = image
        while len(self._kept) > CAPACITY:
            self._kept.popitem(last=False)
        self.loaded.emit(key, image)


class _Decode(QRunnable):
    def __init__(self, loader: PictureLoader, key: str) -> None:
        super().__init__()
        self._loader, self._key = loader, key

    def run(self) -> None:
        reader = QImageReader(self._key)
        reader.setAutoTransform(True)
        image = reader.read()
        self._loader._decoded.emit(self._key, image)


def to_qimage(pixels: NDArray[np.uint8]) -> QImage:
    """Pixels ``(H, W, 1 or 3) uint8`` as a picture that owns its memory."""
    height, width, channels = pixels.shape
    pixels = np.ascontiguousarray(pixels)
    kind = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, width * channels, kind).copy()


def enlarged(image: QImage, side: int, ratio: float) -> QPixmap:
    """A picture scaled to fit ``side`` logical pixels; small ones stay blocky, not blurred."""
    target = round(side * ratio)
    smooth = max(image.width(), image.height()) > target
    mode = (
        Qt.TransformationMode.SmoothTransformation
        if smooth
        else Qt.TransformationMode.FastTransformation
    )
    scaled = image.scaled(QSize(target, target), Qt.AspectRatioMode.KeepAspectRatio, mode)
    pixmap = QPixmap.fromImage(scaled)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def placeholder(side: int, ratio: float, color: QColor) -> QPixmap:
    """What stands for a picture that is missing: a crossed-out frame."""
    pixmap = QPixmap(round(side * ratio), round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.DashLine))
    frame = QRect(2, 2, side - 4, side - 4)
    painter.drawRoundedRect(frame, 4, 4)
    painter.drawLine(frame.topLeft(), frame.bottomRight())
    painter.drawLine(frame.topRight(), frame.bottomLeft())
    painter.end()
    return pixmap


def with_inset(main: QImage, inset: QImage, side: int, ratio: float) -> QPixmap:
    """A picture with another in its top-left corner, 25 % of its size, 2 pixels from the edges."""
    pixmap = enlarged(main, side, ratio)
    small = enlarged(inset, round(side * INSET_SHARE), ratio)
    painter = QPainter(pixmap)
    painter.fillRect(
        QRect(
            INSET_MARGIN - 1,
            INSET_MARGIN - 1,
            round(small.width() / ratio) + 2,
            round(small.height() / ratio) + 2,
        ),
        QColor("white"),
    )
    painter.drawPixmap(INSET_MARGIN, INSET_MARGIN, small)
    painter.end()
    return pixmap
