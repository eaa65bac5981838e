"""The mean of the selected samples' pictures, and how much they differ."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import enlarged, rounded, to_qimage
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, muted, picture_label, tip

SIDE = 224


class MeanWindow(QDialog):
    """Signal: ``save_requested``, for the mean."""

    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Mean picture"))
        self.title = Label()
        self.title.setObjectName("title")
        self.note = ElidedLabel()
        self.note.setObjectName("muted")
        self.mean = picture_label(SIDE, tr("Mean of the pictures"))
        self.deviation = picture_label(SIDE, tr("Standard deviation of the pictures"))
        self.deviation.setToolTip(tip(tr("Brighter pixels differ more between the pictures")))
        self.save = QPushButton(tr("&Save picture…"))
        self.close_button = QPushButton(tr("&Close"))
        pictures = QHBoxLayout()
        pictures.setSpacing(16)
        captions = (tr("mean"), tr("standard deviation"))
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
        count = len(mean.sample_ids)
        self.title.setText(trn("Mean of {number} picture", "Mean of {number} pictures", count))
        left_out = f" {mean.left_out}." if mean.left_out else ""
        self.note.set_text(tr("of {model}.", model=mean.model) + left_out)
        ratio = self.devicePixelRatioF()
        self.mean.setPixmap(enlarged(to_qimage(rounded(mean.mean)), SIDE, ratio))
        # a standard deviation of values up to 255 is half of that at most
        self.deviation.setPixmap(enlarged(to_qimage(rounded(2 * mean.deviation)), SIDE, ratio))
