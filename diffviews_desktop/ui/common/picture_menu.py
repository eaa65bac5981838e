"""What a right click on a picture offers that belongs to no sample and no run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QMenu, QWidget

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.run_list import COPY_PICTURE, SAVE_PICTURE
from diffviews_desktop.exports.contents import Picture, Record
from diffviews_desktop.text.translation import tr


def offer_picture(
    menu: QMenu,
    context: Context,
    pixels: NDArray[np.uint8],
    name: str,
    record: Record | None,
    save: Callable[[], None] | None = None,
) -> None:
    """Add to a menu what can be done with a picture.

    Args:
        menu: that gets it.
        context: whose window copies and saves.
        pixels: of the picture ``(H, W, 1 or 3)``.
        name: of its file, as long as the user chooses no other.
        record: how it was made; None while that is not known.
        save: saves it, where there is a way of its own.
    """
    window = context.window

    def ask() -> None:
        file = window.ask_file(tr("Save picture"), name, lambda: (Picture,), "pictures")
        if file is not None:
            window.save(Picture(pixels, record), file)

    copy = menu.addAction(COPY_PICTURE)
    copy.triggered.connect(lambda: window.copy_pixels(pixels))
    menu.addAction(SAVE_PICTURE).triggered.connect(lambda: (save or ask)())


def show_menu(parent: QWidget, fill: Callable[[QMenu], None], place: QPoint) -> None:
    """Open a menu at a place on the screen; it goes when it is closed."""
    menu = QMenu(parent)
    fill(menu)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(place)
