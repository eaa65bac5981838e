"""The sample under the mouse, or the anchor: its picture, what the model sees of it, and what is
known of it."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from diffviews_desktop.state.session import AT_ONCE
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import caption_lines
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import (
    PictureLoader,
    enlarge,
    placeholder,
    size_of,
    to_qimage,
)
from diffviews_desktop.ui.common.labels import (
    ElidedLabel,
    Label,
    Links,
    picture_label,
    tip,
)
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.values.noise_levels import EXTRACTED_FROM
from diffviews_desktop.values.sample_groups import same_picture

SMALLEST, LARGEST, GAP, CAPTION_LINES = 94, 160, 4, 3
NOTHING = tr("Move over the map to see samples.")
LETTERS = 31  # of the facts that there is room for, in every language
MOST_LEVELS = 12  # that are linked

Levels = tuple[int, NDArray[np.int64]]


class PreviewPanel(QWidget):
    """Shows one sample; asks the loader for its picture and takes it when it comes.

    Signals:
        menu_wanted: ``(row, place)`` on the screen.
        row_shown: the sample that is shown now, or None.
        located: a sample that is to be brought to the middle of the map.
    """

    menu_wanted = Signal(int, QPoint)
    row_shown = Signal(object)
    located = Signal(int)

    def __init__(self, pictures: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._pictures = pictures
        self._path = ""
        self._row: int | None = None
        self._told: tuple[object, int | None] = (None, None)
        self._state = State()
        self._finding: Latest[Levels] = Latest(self._show_levels, self, name="levels")
        self._image: QImage | None = None
        self._seen: QImage | None = None
        self.picture = picture_label(LARGEST, tr("Picture of the sample"))
        self.seen = picture_label(SMALLEST, tr("What the model sees of it"))
        self.name = ElidedLabel()
        self.name.setProperty("strong", True)
        self.facts = ElidedLabel()
        self.facts.setObjectName("muted")
        self.facts.selectable = True
        self.facts.setMinimumWidth(self.facts.fontMetrics().horizontalAdvance("x" * LETTERS))
        self.levels = Links()
        policy = self.levels.sizePolicy()
        policy.setRetainSizeWhenHidden(False)
        self.levels.setSizePolicy(policy)
        self.levels.hide()
        self.caption = Label()
        self.caption.setWordWrap(True)
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.caption.setFixedHeight(CAPTION_LINES * self.caption.fontMetrics().lineSpacing())
        both = QHBoxLayout()
        both.setSpacing(GAP)
        both.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        both.addWidget(self.picture)
        both.addWidget(self.seen)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(4)
        column.addLayout(both)
        column.addWidget(self.name)
        column.addWidget(self.facts)
        column.addWidget(self.levels)
        column.addWidget(self.caption)
        column.addStretch()
        self.levels.followed.connect(self.located)
        pictures.loaded.connect(self._on_loaded)
        self.show_row(None)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        opened, picks = state.opened, state.picks
        return opened.samples, opened.layer_map, opened.loaded, picks.selection, picks.inputs

    def set_state(self, state: State) -> None:
        """Take a new state; falls back to the anchor while nothing is hovered."""
        self._state = state
        self.show_row(self._row)

    def show_row(self, row: int | None) -> None:
        """Show a sample; None shows the anchor."""
        self._row = row
        samples, sample = self._state.opened.samples, self.shown_row
        self.seen.setVisible(self.has_room)
        self._fit()
        if samples is None or sample is None:
            self._show_nothing()
        else:
            self._show_sample(sample)
        if self._told[0] is not samples or self._told[1] != sample:
            self._told = samples, sample
            self.row_shown.emit(sample)
            self._find_levels(sample)

    def _show_nothing(self) -> None:
        samples = self._state.opened.samples
        self._path = ""
        self._image = self._seen = None
        self.picture.clear()
        self.seen.clear()
        self.name.set_text(tr("Nothing under the mouse"))
        self.facts.set_lines(NOTHING, "", "")
        self._show_caption("", samples is not None and bool(len(samples.captions)))

    def _show_sample(self, row: int) -> None:
        samples = self._state.opened.samples
        assert samples is not None
        path = samples.picture(row)
        self._path = str(path) if path is not None else ""
        image = self._pictures.get(path)
        if image is not None:
            self._image = image
            self._show()
        self._show_seen(row)
        title = samples.title(row, " · ")
        self.name.set_text(title if self._row is not None else tr("Anchor: {sample}", sample=title))
        lines = [f"#{row}   {samples.sample_id[row]}", f"σ {samples.sigma[row]:g}"]
        layer_map = self._state.opened.layer_map
        if layer_map is not None:
            if layer_map.trust is not None and np.isfinite(layer_map.trust[row]):
                lines[1] += "   " + tr("trust {value:.2f}", value=layer_map.trust[row])
            if layer_map.kept is not None and np.isfinite(layer_map.kept[row]):
                lines[1] += "   " + tr("kept {value:.2f}", value=layer_map.kept[row])
            x, y = layer_map.xy[row]
            lines.append(f"x {x:.3f}   y {y:.3f}")
        self.facts.set_lines(*lines)
        self._show_caption(samples.caption(row), bool(len(samples.captions)))

    @property
    def shown_row(self) -> int | None:
        """The sample that is shown."""
        samples = self._state.opened.samples
        row = self._row if self._row is not None else self._state.picks.selection.anchor
        return row if samples is not None and row is not None and row < len(samples) else None

    @property
    def has_room(self) -> bool:
        """Whether what the model sees has a place: not, while no model could say."""
        return self._state.opened.loaded is not None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self.shown_row
        if row is not None:
            self.menu_wanted.emit(row, event.globalPos())

    # ---- pictures -------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """Pictures become smaller where there is less room."""
        narrow = 20 + (2 * SMALLEST + GAP if self.has_room else SMALLEST)
        wide = max(narrow, self.facts.minimumWidth() + 20)
        return QSize(wide, self._beside_pictures + SMALLEST)

    @property
    def _beside_pictures(self) -> int:
        """The height that all but the pictures needs."""
        return super().minimumSizeHint().height() - self.picture.height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @property
    def _side(self) -> int:
        room = self.width() - 20
        wide = (room - GAP) // 2 if self.has_room else room
        return min(max(min(wide, self.height() - self._beside_pictures), SMALLEST), LARGEST)

    def _fit(self) -> None:
        """Make pictures as large as there is room beside each other."""
        side = self._side
        if self.picture.width() == side == self.seen.width():
            return
        self.picture.setFixedSize(side, side)
        self.seen.setFixedSize(side, side)
        if self._image is not None:
            self._show()
        if self._seen is not None:
            self.seen.setPixmap(enlarge(self._seen, side, self.devicePixelRatioF()))

    def _show_seen(self, row: int) -> None:
        """What the model sees of a sample; nothing as long as that is not known."""
        opened = self._state.opened
        model_input = self._state.picks.input_of(opened.model, row)
        self._seen = None
        kind = tr(EXTRACTED_FROM[opened.extraction_input])
        self.seen.setToolTip(tip(tr("What the model sees: {what}", what=kind)))
        if model_input is None or model_input.image is None:
            self.seen.clear()
            return
        self._seen = to_qimage(model_input.image)
        self.seen.setPixmap(enlarge(self._seen, self._side, self.devicePixelRatioF()))

    def _on_loaded(self, path: str, image: QImage) -> None:
        if path == self._path:
            self._image = image
            self._show()

    def _show(self) -> None:
        ratio, image, side = self.devicePixelRatioF(), self._image, self._side
        assert image is not None
        if image.isNull():
            self.picture.setPixmap(placeholder(side, ratio, QColor(theme.colors().muted)))
            self.picture.setToolTip(
                tip(tr("The picture {fault}.", fault=tr(self._pictures.fault(self._path))))
            )
        else:
            self.picture.setPixmap(enlarge(image, side, ratio))
            self.picture.setToolTip(tip(tr("{size} pixels", size=size_of(image))))

    # ---- words ----------------------------------------------------------------------------------

    def _find_levels(self, row: int | None) -> None:
        """Look for the same picture at other noise levels."""
        samples = self._state.opened.samples
        several = samples is not None and len(samples.levels) > 1
        self.levels.setVisible(several)
        self._finding.drop()
        if samples is None or row is None or not several:
            self.levels.clear()
            return

        work = partial(_with_row, row, partial(same_picture, samples, row))
        if len(samples) <= AT_ONCE:
            self._finding.do_now(work)
        else:
            self._finding.ask(work)

    def _show_levels(self, result: Levels) -> None:
        row, rows = result
        samples = self._state.opened.samples
        if samples is None or row != self.shown_row:
            return
        others = [int(one) for one in rows if one != row][:MOST_LEVELS]
        links = [(one, f"{samples.sigma[one]:g}") for one in others]
        if links:
            self.levels.set_links(tr("Also at σ"), links, numbered=False)
        else:
            self.levels.clear()

    def _show_caption(self, caption: str, have_captions: bool) -> None:
        """Show what a sample shows, in words; the place for it stays while samples have captions,
        so that nothing jumps under the mouse."""
        self.caption.setText(" ".join(caption_lines(caption, 32, CAPTION_LINES)))
        self.caption.setToolTip(tip(caption))
        self.caption.setVisible(have_captions)

    def close_threads(self) -> None:
        """End what runs in the other thread."""
        self._finding.close()


def _with_row(row: int, find: partial[NDArray[np.int64]]) -> Levels:
    return row, find()
