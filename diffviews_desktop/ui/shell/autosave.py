"""Keeps what the window shows, a moment after every change that matters."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.keeping import held_alone
from diffviews_desktop.errors import explain
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.session_file.scratch import Scratch, drop
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.ui.shell.sessions import Sessions

log = logging.getLogger(__name__)

REST_MILLISECONDS = 1500
"""From a change until it is kept: changes in between are kept with it."""


class Autosave(QObject):
    """Keeps the session of a window in a folder of its own.

    Args:
        context: whose state is kept.
        sessions: those of the window, in whose thread it is written.
        parent: it goes with this object.
    """

    def __init__(self, context: Context, sessions: Sessions, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._sessions = context, sessions
        self._scratch: Scratch | None = None
        self._writing = self._again = False
        self._problem = ""
        self._restored: Path | None = None
        self._done_with: Path | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._save)

    def begin(self, root: Path) -> None:
        """Keep what is shown from now on, in a folder below this one."""
        try:
            self._scratch = Scratch(root)
        except OSError as error:
            self._tell(error)

    def instead_of(self, folder: Path) -> None:
        """Delete a folder that a killed program left, once the session in it is open and kept
        here."""
        self._restored = folder

    def show_changes(self, old: State, new: State) -> None:
        """Keep what has changed, in a moment."""
        opening = old.kept.opening
        if opening is not None and new.kept.opening is None:
            opened = opening.at_map or old.opened.samples is not new.opened.samples
            self._done_with = self._restored if opened else None
            self._restored = None
        if self._scratch is not None and differ(_session_parts(old), _session_parts(new)):
            self._again = True
            if not self._rest.isActive():
                self._rest.start()

    def _save(self) -> None:
        state, scratch = self._context.state, self._scratch
        if scratch is None or self._writing or not _is_whole(state):
            return
        self._writing, self._again = True, False
        session, done_with = self._sessions.capture(), self._done_with
        self._done_with = None
        self._sessions.submit(lambda: _write(scratch, session, done_with), self._on_written)

    def _on_written(self, error: OSError | None) -> None:
        self._writing = False
        if error is None:
            self._problem = ""
        else:
            self._tell(error)
        if self._again and not self._rest.isActive():
            self._rest.start()

    def _tell(self, error: OSError) -> None:
        """Say once that nothing is kept, until that is so no longer."""
        log.warning("the session cannot be kept: %s", error)
        problem = explain(error)
        if problem != self._problem:
            self._problem = problem
            text = tr("Your work is not kept for the next start. {problem}", problem=problem)
            self._context.say(text, error=True)

    def end(self, *, whole: bool = False) -> None:
        """Leave what is shown as the last session, without the runs that the user discards.

        Args:
            whole: with all runs: the program ends without having asked.
        """
        self._rest.stop()
        scratch, self._scratch = self._scratch, None
        if scratch is None:
            return
        state = self._context.state
        if not _is_whole(state):
            self._sessions.submit(scratch.drop, lambda _: None)
            return
        content = state if whole else held_alone(state)
        session, done_with = self._sessions.capture(content), self._done_with
        self._sessions.submit(lambda: _end(scratch, session, done_with), lambda _: None)


def _is_whole(state: State) -> bool:
    """Whether there is something to keep: not, while a session is being opened."""
    return state.opened.samples is not None and state.kept.opening is None


def _session_parts(state: State) -> tuple[object, ...]:
    """What a session holds, to be compared."""
    opened, picks = state.opened, state.picks
    sources = opened.folder, opened.model, opened.samples, opened.layer_map, opened.linked
    choices = picks.selection, picks.suggest_count, picks.suggest_on_map, picks.suggest_within
    return (*sources, *choices, state.view, state.runs, state.groups, state.kept)


def _write(scratch: Scratch, session: SavedSession, old: Path | None) -> OSError | None:
    try:
        scratch.write(session)
    except OSError as error:
        return error
    if old is not None:
        drop(old)
    return None


def _end(scratch: Scratch, session: SavedSession, old: Path | None) -> None:
    try:
        scratch.end(session)
    except OSError as error:
        log.warning("the session cannot be kept: %s", error)
    else:
        if old is not None:
            drop(old)
