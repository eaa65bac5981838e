"""What the window starts with: what was asked for, what a killed program left, or the last
session or folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.sessions import restore
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.session_file.scratch import drop, find_unclosed, last, put_aside
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.text.wording import join_words
from diffviews_desktop.ui.shell.autosave import Autosave
from diffviews_desktop.ui.shell.sessions import Sessions
from diffviews_desktop.values.folders import FolderRef

log = logging.getLogger(__name__)


class Startup:
    """Opens the first thing that a window shows.

    Args:
        context: of the window.
        sessions: those of the window.
        root: where windows keep what they show.
        autosave: keeps the work of this window.
        usual: opens what there is to open without a session: a folder, or what was asked for.
    """

    def __init__(
        self,
        context: Context,
        sessions: Sessions,
        root: Path,
        autosave: Autosave,
        usual: Callable[[FolderRef | None], None],
    ) -> None:
        self._context, self._sessions, self._root = context, sessions, root
        self._autosave, self._usual = autosave, usual

    def open_first(self, asked: bool) -> None:
        """Offer what a killed program left; then open what was asked for, else the last session."""
        folders = find_unclosed(self._root)
        if folders:
            self._read(folders[0], lambda session: self._offer(folders[0], session, asked))
        else:
            self._open(asked)

    def _open(self, asked: bool) -> None:
        folder, start = last(self._root), self._context.state.preferences.start
        if not asked and start == "session" and folder is not None:
            self._read(folder, self._restore)
        elif not asked and start == "folder":
            self._usual(self._last_folder())
        else:
            self._usual(None)

    def _last_folder(self) -> FolderRef | None:
        """The folder that was opened last; None where it is gone, or where none ever was."""
        recent = self._context.window.recent_folders()
        return FolderRef(recent[0]) if recent and recent[0].is_dir() else None

    def _read(self, folder: Path, callback: Callable[[SavedSession | None], None]) -> None:
        def work() -> SavedSession | Path | None:
            from diffviews_desktop.state.session_file.reading import read_folder

            try:
                return read_folder(folder, self._sessions.check)
            except Cancelled:  # it stays for the next start
                return None
            except DataError as error:
                log.warning("%s", error)
            except Exception:  # else nothing would ever be opened
                log.exception("The session in %s cannot be read.", folder)
            return put_aside(folder)

        def finish(session: SavedSession | Path | None) -> None:
            if session is None:
                return
            if isinstance(session, SavedSession):
                callback(session)
                return
            callback(None)
            text = tr(
                "What the last window showed cannot be read. It was left in {folder}.",
                folder=visible(str(session)),
            )
            # no error: that would be over with the folder that is opened now; it stays to be read
            self._context.say(text, details=str(session))

        self._sessions.submit(work, finish)

    def _offer(self, folder: Path, session: SavedSession | None, asked: bool) -> None:
        if session is None or not session.is_worth_asking:
            if session is not None:
                self._drop(folder)
            self._open(asked)
            return

        def finish(answer: str) -> None:
            if answer == "restore":
                self._autosave.instead_of(folder)
                self._restore(session)
            else:
                if answer == "discard":
                    self._drop(folder)
                self._open(asked)

        self._sessions.ask_restore(_question(session), finish)

    def _drop(self, folder: Path) -> None:
        """Delete a folder aside: pictures of many runs take a moment."""
        self._sessions.submit(partial(drop, folder), lambda _: None)

    def _restore(self, session: SavedSession | None) -> None:
        if session is None or not restore(self._context, None, session):
            self._usual(None)


def _question(session: SavedSession) -> str:
    parts = (
        [trn("{number} run", "{number} runs", len(session.runs.all))] if session.runs.all else []
    )
    count = len(session.selection.rows) + len(session.selection.chosen)
    if count:
        parts.append(trn("{number} picked sample", "{number} picked samples", count))
    if session.groups.all_sets:
        parts.append(
            trn(
                "{number} named selection",
                "{number} named selections",
                len(session.groups.all_sets),
            )
        )
    if session.file is not None:
        subject = tr("the session {stem}", stem=visible(session.file.stem, MOST_OF_NAME))
    else:
        subject = tr(
            "your work on {model}", model=visible(session.model or tr("the data"), MOST_OF_NAME)
        )
    return tr(
        "DiffViews did not close properly last time. Restore {what}{when} with {held}?",
        what=subject,
        when=_format_time(session.saved),
        held=join_words(parts),
    )


def _format_time(timestamp: str) -> str:
    try:
        time = datetime.fromisoformat(timestamp).strftime(tr("%d %B, %H:%M"))
        return tr(" from {when},", when=time)
    except ValueError:
        return ""
