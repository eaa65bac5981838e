"""The program's icon in all sizes and formats, from its drawing."""

from __future__ import annotations

import io
import os
from pathlib import Path

from contents import ROOT
from PIL import Image

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

DRAWING = ROOT / "resources" / "icons" / "app.svg"
SIZES = (16, 22, 24, 32, 48, 64, 96, 128, 256, 512)


def png(size: int) -> bytes:
    """The icon as a PNG of so many pixels."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(DRAWING)).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise SystemExit(f"{DRAWING} cannot be drawn.")
    return bytes(buffer.data().data())


def write_icons(folder: Path, name: str) -> None:
    """Write what Windows and macOS show: ``.ico`` and ``.icns``."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [Image.open(io.BytesIO(png(size))) for size in (16, 32, 48, 64, 128, 256, 512)]
    pictures[5].save(folder / f"{name}.ico", append_images=pictures[:5])
    pictures[6].save(folder / f"{name}.icns", append_images=pictures[:6])


def write_theme(share: Path, name: str) -> None:
    """Write what a Linux desktop shows, below ``share``."""
    hicolor = share / "icons" / "hicolor"
    for size in SIZES:
        file = hicolor / f"{size}x{size}" / "apps" / f"{name}.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(png(size))
    scalable = hicolor / "scalable" / "apps"
    scalable.mkdir(parents=True)
    (scalable / f"{name}.svg").write_bytes(DRAWING.read_bytes())
