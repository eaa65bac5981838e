"""Pictures for the window: decoded by threads, kept while they are used."""

from __future__ import annotations

import contextlib
import errno
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice, QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap

from diffviews_desktop.errors import PictureError
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.values.brightness import Brightness

if TYPE_CHECKING:
    from diffviews_desktop.pictures.decoding import Decoded

CAPACITY = 2048
KEPT_BYTES = 2**28
"""Of the pictures that are kept."""
MOST_SIDE = 512
"""Pixels of a side of a picture that is shown: more than any place for one has."""
WARM_UP = 500
"""Milliseconds after which the decoder is imported: the window is there, and nobody hovers yet."""

_SIZE = "size"  # where a picture has what its file's size is


class PictureLoader(QObject):
    """Decodes picture files in the background.

    ``loaded`` gives the path and the picture, null where it is missing or cannot be used.
    """

    loaded = Signal(str, QImage)
    _decoded = Signal(str, QImage, str, object)  # from the pool's threads
    _copied = Signal(object, QImage, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # not Qt's: when such a pool is deleted, it waits for threads that wait for the interpreter
        self._pool = ThreadPoolExecutor(2, "pictures")
        self._kept: OrderedDict[str, QImage] = OrderedDict()
        self._bytes = 0
        self._faults: dict[str, str] = {}
        self._asked: set[str] = set()
        self._brightness = Brightness()
        self._decoded.connect(self._keep, Qt.ConnectionType.QueuedConnection)
        self._copied.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        QTimer.singleShot(WARM_UP, self, lambda: self._start(_decoder))

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
            rule = self._brightness
            self._start(lambda: self._decoded.emit(key, *_read(path, rule, MOST_SIDE), rule))
        return None

    def set_brightness(self, brightness: Brightness) -> None:
        """Read pictures of numbers by this rule from now on."""
        if brightness != self._brightness:
            self._brightness = brightness
            self._kept.clear()
            self._asked.clear()
            self._faults.clear()
            self._bytes = 0

    def fault(self, path: str) -> str:
        """Why a picture came back null: ``is too large``."""
        return self._faults.get(path, Fault.MISSING.of_one)

    def copy(self, path: Path, callback: Callable[[QImage, str], object]) -> None:
        """Decode a picture in its full size, and call ``callback`` with it and what is wrong."""
        rule = self._brightness
        self._start(lambda: self._copied.emit(callback, *_read(path, rule)))

    def wait(self) -> None:
        """Let the running decodes end; what is asked for later never comes."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, work: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the window was closed
            self._pool.submit(work)

    def _keep(self, key: str, image: QImage, fault: str, rule: Brightness) -> None:
        if rule != self._brightness:  # it was asked for in another folder
            return
        self._asked.discard(key)
        self._kept[key] = image
        self._bytes += image.sizeInBytes()
        if fault:
            self._faults[key] = fault
        while len(self._kept) > CAPACITY or (self._bytes > KEPT_BYTES and len(self._kept) > 1):
            oldest, old = self._kept.popitem(last=False)
            self._bytes -= old.sizeInBytes()
            self._faults.pop(oldest, None)
        self.loaded.emit(key, image)

    def _hand_over(
        self, callback: Callable[[QImage, str], object], image: QImage, fault: str
    ) -> None:
        callback(image, fault)


def _read(path: Path, brightness: Brightness, side: int | None = None) -> tuple[QImage, str]:
    """A picture and, where it is null, what is wrong with it."""
    decode = _decoder()

    def make_image(picture: Decoded) -> QImage:
        image = to_qimage(np.asarray(picture.image))
        image.setText(_SIZE, "{}×{}".format(*picture.size))
        return image

    try:
        return decode(path, "RGB", make_image, side, brightness), ""
    except PictureError as error:
        return QImage(), error.fault.of_one


def _decoder() -> Callable[..., QImage]:
    """Imports Pillow, which takes a moment that the window's start need not wait for."""
    from diffviews_desktop.pictures.decoding import decode

    return decode


def size_of(image: QImage) -> str:
    """Width and height of the file that a picture was read from: ``640×480``."""
    return image.text(_SIZE) or f"{image.width()}×{image.height()}"


def to_qimage(pixels: NDArray[np.uint8]) -> QImage:
    """Pixels ``(H, W, 1 or 3) uint8`` as a picture that owns its memory."""
    height, width, channels = pixels.shape
    pixels = np.ascontiguousarray(pixels)
    kind = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, width * channels, kind).copy()


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """A picture as pixels ``(H, W, 3) uint8``, or ``(H, W, 4)`` where it can be transparent."""
    kind, channels = QImage.Format.Format_RGB888, 3
    if image.hasAlphaChannel():
        kind, channels = QImage.Format.Format_RGBA8888, 4
    image = image.convertToFormat(kind)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return lines[:, : image.width() * channels].reshape(image.height(), -1, channels).copy()


def to_pixels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values from 0 to 255 ``(H, W, C)``, such as means of pictures, as pixels."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def encode(picture: QImage, kind: str = "PNG") -> bytes:
    """A picture of the window itself, without a record, as the bytes of a file of this kind.

    Raises:
        OSError: it is no kind of picture that can be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, kind):  # type: ignore[call-overload]
        raise OSError(errno.EINVAL, f"pictures cannot be written as {kind or 'nothing'}")
    return bytes(buffer.data().data())


def enlarge(image: QImage, side: int, ratio: float) -> QPixmap:
    """A picture scaled to fit ``side`` logical pixels; small ones stay blocky, not blurred."""
    target = round(side * ratio)
    smooth = max(image.width(), image.height()) > target
    mode = (
        Qt.TransformationMode.SmoothTransformation
        if smooth
        else Qt.TransformationMode.FastTransformation
    )
    picture = image.scaled(QSize(target, target), Qt.AspectRatioMode.KeepAspectRatio, mode)
    pixmap = QPixmap.fromImage(picture)
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
