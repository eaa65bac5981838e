"""The part of the preferences that says where caches are kept."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.actions import downloads
from diffviews_desktop.actions.context import Context
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, muted_label
from diffviews_desktop.values.storage import CachePlace


class CachePlaceForm(QWidget):
    """The folder, and another one by choice, unless a variable names it."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._place: CachePlace | None = None
        title = Label(tr("Where caches are kept"))
        title.setProperty("strong", True)
        self.folder = ElidedLabel()
        self.change_button = QPushButton(tr("C&hange…"))
        self.usual_button = QPushButton(tr("&Usual place"))
        self.note = muted_label()
        self.note.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.folder, stretch=1)
        for button in (self.usual_button, self.change_button):
            button.setAutoDefault(False)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(title)
        column.addLayout(row)
        column.addWidget(self.note)
        self.change_button.clicked.connect(self._change)
        self.usual_button.clicked.connect(lambda: downloads.choose_cache_place(context, None))
        self.hide()

    def show_place(self, place: CachePlace | None) -> None:
        """Show where caches are."""
        self.setVisible(place is not None)
        if place is None or place == self._place:
            return
        self._place = place
        self.folder.set_text(str(place.path))
        self.change_button.setVisible(not place.variable)
        self.usual_button.setVisible(not place.variable and place.path != place.usual)
        if place.variable:
            self.note.setText(tr("{variable} names this folder.", variable=place.variable))
        else:
            self.note.setText(
                tr(
                    "What is kept here stays when you choose another folder. Clear it first if you "
                    "need the room."
                )
            )

    def _change(self) -> None:
        assert self._place is not None
        title, start = tr("Keep caches in"), str(self._place.path.parent)
        folder = QFileDialog.getExistingDirectory(self, title, start)
        if folder:
            downloads.choose_cache_place(self._context, Path(folder))
