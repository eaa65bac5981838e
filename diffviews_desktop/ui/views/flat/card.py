"""The card beside the mouse: the picture of a sample or of a denoising step, and what is known."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import enlarge, placeholder
from diffviews_desktop.ui.common.labels import Label, muted_label, picture_label
from diffviews_desktop.ui.views.flat.tools import float_ground

SIDE = 72
WIDEST = 280  # logical pixels of a text
DISTANCE = 18  # from the point, logical pixels


class HoverCard(QWidget):
    """Lies over the map and lets every click through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.picture = picture_label(SIDE, tr("Picture"))
        self.title = Label()
        self.title.setProperty("strong", True)
        self.facts = muted_label()
        for label in (self.title, self.facts):
            label.setMaximumWidth(WIDEST)
        texts = self._texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.title)
        texts.addWidget(self.facts)
        texts.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 12, 8)
        row.setSpacing(10)
        row.addWidget(self.picture)
        row.addLayout(texts)
        self.path = ""
        self.hide()

    def show_facts(
        self, title: str, facts: list[str], image: QImage | None, path: str = ""
    ) -> None:
        """Show a text and a picture; None while that is being read from ``path``."""
        self.path = path
        self.title.setText(title)
        self.facts.set_lines(*facts)
        self.set_image(image)

    def set_image(self, image: QImage | None) -> None:
        """Show a picture; none yet, or an empty one where there is none."""
        ratio = self.devicePixelRatioF()
        if image is None:
            self.picture.setPixmap(QPixmap())
        elif image.isNull():
            self.picture.setPixmap(placeholder(SIDE, ratio, QColor(theme.colors().muted)))
        else:
            self.picture.setPixmap(enlarge(image, SIDE, ratio))

    def show_beside(self, place: QPoint, area: QRect) -> None:
        """Show it beside a place, inside an area of the parent."""
        rows = self.layout()
        assert rows is not None
        self._texts.invalidate()  # a hidden one does not hear that its texts changed
        rows.invalidate()
        self.resize(rows.totalSizeHint())
        rows.activate()
        x, y = place.x() + DISTANCE, place.y() + DISTANCE
        if x + self.width() > area.right():
            x = place.x() - DISTANCE - self.width()
        if y + self.height() > area.bottom():
            y = place.y() - DISTANCE - self.height()
        x = max(area.left(), min(x, area.right() - self.width()))
        self.move(x, max(area.top(), y))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        float_ground(self)
