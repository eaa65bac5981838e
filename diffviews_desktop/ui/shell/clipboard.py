"""What the window puts into the clipboard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QGuiApplication, QImage

from diffviews_desktop.actions.context import Context
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.images import PictureLoader, to_qimage


class Clipboard:
    """A part of the main window: what `WindowLike` asks of it for the clipboard."""

    context: Context
    pictures: PictureLoader

    def copy_text(self, text: str) -> None:
        """Put a text into the clipboard."""
        QGuiApplication.clipboard().setText(text)

    def copy_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Put a picture ``(H, W, 1 or 3)`` into the clipboard."""
        QGuiApplication.clipboard().setImage(to_qimage(pixels))

    def copy_picture(self, path: Path) -> None:
        """Put a picture into the clipboard, once it is read."""

        def put_image(image: QImage, fault: str) -> None:
            if fault:
                self.context.say(tr("The picture {fault}, so it is not copied.", fault=fault))
            else:
                QGuiApplication.clipboard().setImage(image)

        self.pictures.copy(path, put_image)
