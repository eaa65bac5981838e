"""Asks for the files of saved directions, one to load and one to export to, and what is to become
of one whose name is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from diffviews_desktop.actions.context import NameAnswer
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.questions import Reply, ask_one_of
from diffviews_desktop.ui.shell.sessions import Sessions
from diffviews_desktop.values.directions import ENDING

if TYPE_CHECKING:
    from diffviews_desktop.ui.shell.window import MainWindow

KIND = tr("Directions (*{suffix})", suffix=ENDING)
_PLACE = "directions"


class DirectionFiles:
    """Remembers the folder that was last chosen.

    Args:
        sessions: which write what is to be remembered.
        window: over which it asks.
        settings: where the folder is remembered.
    """

    def __init__(self, sessions: Sessions, window: MainWindow, settings: Settings) -> None:
        self._sessions, self._window, self._settings = sessions, window, settings

    def ask_open(self, title: str) -> Path | None:
        """The file of a saved direction that the user chooses; None where they choose none."""
        parent = self._window.layout_of_docks.middle
        file, _ = QFileDialog.getOpenFileName(parent, title, str(self._place()), KIND)
        return self._note_folder(file)

    def ask_save(self, title: str, name: str) -> Path | None:
        """A file to write, or None; a name without an ending gets theirs."""
        parent, start = self._window.layout_of_docks.middle, self._place() / name
        while True:
            file, _ = QFileDialog.getSaveFileName(parent, title, str(start), KIND)
            if not file or file.lower().endswith(ENDING):
                return self._note_folder(file)
            file += ENDING
            if not os.path.lexists(file):
                return self._note_folder(file)
            start = Path(file)  # the dialog asks whether to replace it

    def ask_taken(self, name: str, callback: Callable[[NameAnswer], None]) -> None:
        """Ask what is to become of the saved direction of a name, and go on with the answer."""
        answers: list[Reply[NameAnswer]] = [
            (tr("&Other name…"), "other"),
            (tr("&Replace"), "replace"),
            (tr("&Cancel"), "cancel"),
        ]
        text = tr("{name} is there already.", name=visible(name, MOST_OF_NAME))
        ask_one_of(self._window, tr("Replace the direction?"), text, answers, callback)

    def _place(self) -> Path:
        return Path(self._settings.text(_PLACE, str(Path.home())))

    def _note_folder(self, file: str) -> Path | None:
        if not file:
            return None
        self._sessions.remember({_PLACE: str(Path(file).parent)})
        return Path(file)
