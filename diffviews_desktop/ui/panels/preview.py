"""The sample under the mouse, or the anchor: its picture and what is known of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.wording import caption_lines
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import PictureLoader, enlarged, placeholder, size_of
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, picture_label, tip
from diffviews_desktop.ui.common.widgets import as_panel

SIDE, CAPTION_LINES = 160, 3
NOTHING = "Move over the map to see samples."


class PreviewPanel(QWidget):
    """Shows one sample; asks the loader for its picture and takes it when it comes."""

    def __init__(self, pictures: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._pictures = pictures
        self._path = ""
        self._row: int | None = None
        self._state = State()
        self.picture = picture_label(SIDE, "Picture of the sample")
        self.name = ElidedLabel()
        self.name.setProperty("strong", True)
        self.facts = ElidedLabel()
        self.facts.setObjectName("muted")
        self.facts.selectable = True
        self.facts.setMinimumWidth(self.facts.fontMetrics().horizontalAdvance(NOTHING))
        self.caption = Label()
        self.caption.setWordWrap(True)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.caption.setFixedHeight(CAPTION_LINES * self.caption.fontMetrics().lineSpacing())
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(4)
        column.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.name)
        column.addWidget(self.facts)
        column.addWidget(self.caption)
        column.addStretch()
        pictures.loaded.connect(self._on_loaded)
        self.show_row(None)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        opened = state.opened
        return opened.samples, opened.layer_map, state.picks.selection

    def set_state(self, state: State) -> None:
        """Take a new state; falls back to the anchor while nothing is hovered."""
        self._state = state
        self.show_row(self._row)

    def show_row(self, row: int | None) -> None:
        """Show a sample; None shows the anchor."""
        self._row = row
        samples = self._state.opened.samples
        shown = row if row is not None else self._state.picks.selection.anchor
        if samples is None or shown is None or shown >= len(samples):
            self._path = ""
            self.picture.clear()
            self.name.set_text("Nothing under the mouse")
            self.facts.set_lines(NOTHING, "", "")
            self._show_caption("", samples is not None and bool(len(samples.captions)))
            return
        path = samples.picture(shown)
        self._path = str(path) if path is not None else ""
        image = self._pictures.get(path)
        if image is not None:
            self._show(image)
        title = samples.title(shown, " · ")
        self.name.set_text(title if row is not None else f"Anchor: {title}")
        lines = [f"#{shown}   {samples.sample_id[shown]}", f"σ {samples.sigma[shown]:g}"]
        layer_map = self._state.opened.layer_map
        if layer_map is not None:
            if layer_map.trust is not None and np.isfinite(layer_map.trust[shown]):
                lines[1] += f"   trust {layer_map.trust[shown]:.2f}"
            if layer_map.kept is not None and np.isfinite(layer_map.kept[shown]):
                lines[1] += f"   kept {layer_map.kept[shown]:.2f}"
            x, y = layer_map.xy[shown]
            lines.append(f"x {x:.3f}   y {y:.3f}")
        self.facts.set_lines(*lines)
        self._show_caption(samples.caption(shown), bool(len(samples.captions)))

    def _show_caption(self, caption: str, have_captions: bool) -> None:
        """Show what a sample shows, in words; the place for it stays while samples have captions,
        so that nothing jumps under the mouse."""
        self.caption.setText(" ".join(caption_lines(caption, 32, CAPTION_LINES)))
        self.caption.setToolTip(tip(caption))
        self.caption.setVisible(have_captions)

    def _on_loaded(self, path: str, image: QImage) -> None:
        if path == self._path:
            self._show(image)

    def _show(self, image: QImage) -> None:
        ratio = self.devicePixelRatioF()
        if image.isNull():
            self.picture.setPixmap(placeholder(SIDE, ratio, QColor(theme.colors().muted)))
            self.picture.setToolTip(tip(f"The picture {self._pictures.fault(self._path)}."))
        else:
            self.picture.setPixmap(enlarged(image, SIDE, ratio))
            self.picture.setToolTip(tip(f"{size_of(image)} pixels"))
