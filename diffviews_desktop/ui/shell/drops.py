"""What is dropped onto the window: pictures, a session, a data folder, a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from diffviews_desktop.actions import folders, placing
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.sessions import open_session
from diffviews_desktop.state.session_file.saved import SUFFIX
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.import_rules import CHECKPOINT_SUFFIXES, PICTURE_SUFFIXES


class Drops:
    """Does with files what their names ask for; what is none of them is refused.

    Args:
        context: what the actions work with.
        window: over which it asks.
    """

    def __init__(self, context: Context, window: QWidget) -> None:
        self._context, self._window = context, window

    def ask_picture(self, title: str) -> Path | None:
        """A picture's file that the user chooses; None where they choose none."""
        opened = self._context.state.opened
        start = str(Path.home() if opened.is_demo or opened.path is None else opened.path)
        kinds = tr("Pictures (*{suffixes})", suffixes=" *".join(PICTURE_SUFFIXES))
        file, _ = QFileDialog.getOpenFileName(self._window, title, start, kinds)
        return Path(file) if file else None

    def enter(self, event: QDragEnterEvent) -> None:
        """Show whether it can be dropped."""
        if self._find_action(event.mimeData()) is not None:
            event.acceptProposedAction()

    def drop(self, event: QDropEvent) -> None:
        """Do it."""
        action = self._find_action(event.mimeData())
        if action is not None:
            event.acceptProposedAction()
            action()

    def _find_action(self, data: QMimeData) -> Callable[[], None] | None:
        """What is to be done; None where nothing can be."""
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if files and all(file.suffix.lower() in PICTURE_SUFFIXES for file in files):
            return partial(placing.place_files, self._context, tuple(files))
        if len(files) != 1:
            return None
        file, suffix = files[0], files[0].suffix.lower()
        if suffix == SUFFIX:
            return partial(open_session, self._context, file)
        if file.is_dir():
            return partial(folders.open_other, self._context, FolderRef(file))
        if suffix in CHECKPOINT_SUFFIXES:
            return partial(self._context.window.import_checkpoint, file)
        return None
