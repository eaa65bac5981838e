"""The mean of the selected samples' pictures, and how much they differ."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import enlarge, to_pixels, to_qimage
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, muted_label, picture_label, tip

SIDE = 224


class MeanWindow(QDialog):
    """Signals: ``save_requested``, for the mean, and ``menu_wanted(pixels, place)`` of one of the
    two pictures."""

    save_requested = Signal()
    menu_wanted = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Mean picture"))
        self.title = Label()
        self.title.setObjectName("title")
        self.note = ElidedLabel()
        self.note.setObjectName("muted")
        self._pixels: dict[Label, NDArray[np.uint8]] = {}
        self.mean = picture_label(SIDE, tr("Mean of the pictures"))
        self.deviation = picture_label(SIDE, tr("Standard deviation of the pictures"))
        self.deviation.setToolTip(tip(tr("Brighter pixels differ more between the pictures")))
        self.save = QPushButton(tr("&Save picture…"))
        self.close_button = QPushButton(tr("&Close"))
        pictures = QHBoxLayout()
        pictures.setSpacing(16)
        captions = (tr("mean"), tr("standard deviation"))
        for label, text in zip((self.mean, self.deviation), captions, strict=True):
            label.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            label.customContextMenuRequested.connect(partial(self._on_menu, label))
            part = QVBoxLayout()
            part.addWidget(label)
            part.addWidget(muted_label(text))
            pictures.addLayout(part)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.save)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(10)
        column.addWidget(self.title)
        column.addWidget(self.note)
        column.addLayout(pictures)
        column.addLayout(buttons)
        self.save.clicked.connect(self.save_requested)
        self.close_button.clicked.connect(self.close)
        theme.dress(self)

    def show_mean(self, mean: PictureMean) -> None:
        """Show a mean picture."""
        count = len(mean.sample_ids)
        self.title.setText(trn("Mean of {number} picture", "Mean of {number} pictures", count))
        left_out = f" {mean.left_out}." if mean.left_out else ""
        self.note.set_text(tr("of {model}.", model=mean.model) + left_out)
        ratio = self.devicePixelRatioF()
        # a standard deviation of values up to 255 is half of that at most
        self._pixels = {
            self.mean: to_pixels(mean.mean),
            self.deviation: to_pixels(2 * mean.deviation),
        }
        for label, pixels in self._pixels.items():
            label.setPixmap(enlarge(to_qimage(pixels), SIDE, ratio))

    def shows_mean(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether these are the pixels of the mean, not of the deviation."""
        return pixels is self._pixels.get(self.mean)

    def _on_menu(self, label: Label, place: QPoint) -> None:
        if label in self._pixels:
            self.menu_wanted.emit(self._pixels[label], label.mapToGlobal(place))
