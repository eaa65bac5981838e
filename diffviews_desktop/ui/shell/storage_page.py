"""The preferences' page of what is kept on the disk: where, how much, and making room."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions import downloads
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.storage import ClearKept
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import inside, tr
from diffviews_desktop.text.wording import size
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, muted_label
from diffviews_desktop.ui.common.questions import ask
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.shell.cache_place import CachePlaceForm
from diffviews_desktop.ui.shell.limits_form import LimitsForm
from diffviews_desktop.values.storage import Kept, KeptFiles

TITLES: dict[Kept, str] = {
    "maps": tr("Maps and activations"),
    "experiments": tr("Experiments"),
    "downloads": tr("Downloaded models"),
}
MEANINGS: dict[Kept, str] = {
    "maps": tr("They are made again when a layer is asked for."),
    "experiments": tr(
        "Those that were drawn without a folder of your own; they can be drawn again."
    ),
    "downloads": tr("Delete a model's folder in your file manager if you no longer want it."),
}

HEIGHT = 300
"""Pixels of the page, as high as the others; what does not fit scrolls."""


class StoragePage(QWidget):
    """A block for each place; they are measured when the page is shown."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._kept: tuple[KeptFiles, ...] | None = None
        self.blocks: list[_Block] = []
        self.waiting = muted_label(tr("Looking at the disk…"))
        self.limits = LimitsForm(context)
        self.limits.hide()
        self.place = CachePlaceForm(context)
        self._blocks = QVBoxLayout()
        self._blocks.setSpacing(14)
        content = QWidget()
        as_panel(content)
        inside = QVBoxLayout(content)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.setSpacing(14)
        inside.addWidget(self.waiting)
        inside.addLayout(self._blocks)
        inside.addWidget(self.limits)
        inside.addWidget(self.place)
        inside.addStretch()
        scroll_area = QScrollArea()
        scroll_area.setWidgetResizable(True)
        scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll_area.setWidget(content)
        scroll_area.setFixedHeight(HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 0)
        column.addWidget(scroll_area)
        column.addStretch()

    def measure(self) -> None:
        """Have the places measured."""
        downloads.measure_disk(self._context)

    def set_state(self, state: State) -> None:
        """Show what is kept."""
        disk = state.downloads.disk
        clearing = any(isinstance(one.job, ClearKept) for one in state.jobs.aside)
        if disk is not None:
            self.limits.show_limits(disk.limits)
            self.place.show_place(disk.place)
        if disk is not None and disk.kept != self._kept:
            self._kept = disk.kept
            self._show(disk.kept)
        for block in self.blocks:
            block.clear_button.setEnabled(not clearing)

    def _show(self, places: tuple[KeptFiles, ...]) -> None:
        self.waiting.hide()
        for block in self.blocks:
            block.setParent(None)
            block.deleteLater()
        self.blocks = [_Block(one, partial(self._clear, one)) for one in places]
        for block in self.blocks:
            self._blocks.addWidget(block)

    def _clear(self, files: KeptFiles) -> None:
        title = inside(TITLES[files.kind])
        text = tr(
            "Delete all {title} in this place ({bytes})? {meaning}",
            title=title,
            bytes=size(files.bytes),
            meaning=MEANINGS[files.kind],
        )
        if ask(self, tr("Make room?"), text):
            downloads.clear_kept(self._context, files.kind, files.path)


class _Block(QWidget):
    """What is kept at a place."""

    def __init__(self, files: KeptFiles, clear: Callable[[], None]) -> None:
        super().__init__()
        of = tr(" of {model}", model=visible(files.model, MOST_OF_NAME)) if files.model else ""
        title = Label(f"{TITLES[files.kind]}{of}")
        title.setProperty("strong", True)
        amount = Label(size(files.bytes))
        place = ElidedLabel()
        place.setObjectName("muted")
        place.set_text(str(files.path), MEANINGS[files.kind])
        show_button, self.clear_button = QPushButton(tr("Show")), QPushButton(tr("Clear…"))
        show_button.setAccessibleName(tr("Show the folder of: {title}", title=title.text()))
        show_button.clicked.connect(partial(_show_folder, files.path))
        self.clear_button.setAccessibleName(tr("Clear: {title}", title=title.text()))
        self.clear_button.setVisible(files.clearable and files.bytes > 0)
        self.clear_button.clicked.connect(lambda _: clear())
        acting = QHBoxLayout()
        acting.setSpacing(8)
        acting.addStretch()
        for button in (self.clear_button, show_button):
            button.setAutoDefault(False)
            acting.addWidget(button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(title, 0, 0)
        grid.addWidget(amount, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(place, 1, 0)
        grid.addLayout(acting, 1, 1)


def _show_folder(path: Path, *_: object) -> None:
    """Open a folder, or the nearest one that is there, in the desktop's file manager."""
    folder = next((one for one in (path, *path.parents) if one.is_dir()), path)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
