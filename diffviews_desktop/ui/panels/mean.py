"""The mean of the selected samples' pictures, and how much they differ."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.text.wording import counted
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import enlarged, rounded, to_qimage
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, muted, picture_label

SIDE = 224


class MeanWindow(QDialog):
    """Signal: ``save_requested``, for the mean."""

    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Mean picture")
        self.title = Label()
        self.title.setObjectName("title")
        self.note = ElidedLabel()
        self.note.setObjectName("muted")
        self.mean = picture_label(SIDE, "Mean of the pictures")
        self.deviation = picture_label(SIDE, "Standard deviation of the pictures")
        self.deviation.setToolTip("Brighter pixels differ more between the pictures")
        self.save = QPushButton("&Save picture…")
        self.close_button = QPushButton("&Close")
        pictures = QHBoxLayout()
        pictures.setSpacing(16)
        captions = ("mean", "standard deviation")
        for label, text in zip((self.mean, self.deviation), captions, strict=True):
            part = QVBoxLayout()
            part.addWidget(label)
            part.addWidget(muted(text))
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
        self.title.setText(f"Mean of {counted(len(mean.sample_ids), 'picture')}")
        left_out = f" {mean.left_out}." if mean.left_out else ""
        self.note.set_text(f"of {mean.model}.{left_out}")
        ratio = self.devicePixelRatioF()
        self.mean.setPixmap(enlarged(to_qimage(rounded(mean.mean)), SIDE, ratio))
        # a standard deviation of values up to 255 is half of that at most
        self.deviation.setPixmap(enlarged(to_qimage(rounded(2 * mean.deviation)), SIDE, ratio))
