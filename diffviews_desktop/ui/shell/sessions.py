"""Sessions in files, as the window writes, reads and asks for them: never in its own thread."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog

from diffviews_desktop.actions.context import Answer, Context
from diffviews_desktop.errors import Cancelled, DataError, explain
from diffviews_desktop.state.background import background_thread
from diffviews_desktop.state.session_file.saved import SUFFIX, SavedSession, session_of
from diffviews_desktop.state.settings import Settings, Value
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.questions import Reply, WaitDialog, ask_one_of
from diffviews_desktop.ui.shell.arranging import arrange, read_arrangement
from diffviews_desktop.values.arrangement import Arrangement

if TYPE_CHECKING:
    from diffviews_desktop.ui.shell.window import MainWindow

Result = TypeVar("Result")
Choice = TypeVar("Choice", bound=str)

log = logging.getLogger(__name__)

RECENT_SESSIONS = 8
LONG_MILLISECONDS = 1000
"""From when reading a session can be cancelled: most are read before."""
KIND = tr("Sessions (*{suffix})", suffix=SUFFIX)


class Sessions(QObject):
    """The sessions of a window. It is the `SessionsLike` of the actions' context.

    Args:
        context: whose state is written.
        window: that asks, and whose docks are arranged.
        settings: where the last sessions are remembered.
    """

    _done = Signal(object, object)

    def __init__(self, context: Context, window: MainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._context, self._window, self._settings = context, window, settings
        self._thread = background_thread("sessions")
        self._done.connect(self._on_done, Qt.ConnectionType.QueuedConnection)
        self._closed = False
        self.question: QDialog | None = None
        self.reading: WaitDialog | None = None

    # ---- asking ---------------------------------------------------------------------------------

    def ask_open(self) -> Path | None:
        """A session's file that the user chooses; None where they choose none."""
        parent = self._window.layout_of_docks.middle
        file, _ = QFileDialog.getOpenFileName(parent, tr("Open session"), str(self._place()), KIND)
        return self._note_folder(file)

    def ask_save(self, name: str) -> Path | None:
        """A file to write a session into, or None; a name without an ending gets theirs."""
        parent = self._window.layout_of_docks.middle
        start = self._context.state.kept.file or self._place() / name
        while True:
            file, _ = QFileDialog.getSaveFileName(parent, tr("Save session"), str(start), KIND)
            if not file or file.endswith(SUFFIX):
                return self._note_folder(file)
            file += SUFFIX
            if not os.path.lexists(file):
                return self._note_folder(file)
            start = Path(file)  # the dialog asks whether to replace it

    def _place(self) -> Path:
        return Path(self._settings.text("sessions", str(Path.home())))

    def _note_folder(self, file: str) -> Path | None:
        if not file:
            return None
        self.remember({"sessions": str(Path(file).parent)})
        return Path(file)

    def ask_keep(self, text: str, callback: Callable[[Answer], None]) -> None:
        """Ask what is to become of runs that no session holds, and go on with the answer."""
        save = tr("&Save…") if self._context.state.kept.file is None else tr("&Save")
        answers: list[Reply[Answer]] = [
            (save, "save"),
            (tr("&Discard"), "discard"),
            (tr("S&tay"), "stay"),
        ]
        self._ask(tr("Save the session?"), text, answers, callback)

    def ask_restore(self, text: str, callback: Callable[[str], None]) -> None:
        """Ask whether to restore what was kept, and go on with ``restore``, ``discard`` or
        ``later``."""
        answers = [
            (tr("&Restore"), "restore"),
            (tr("&Discard"), "discard"),
            (tr("Not &now"), "later"),
        ]
        self._ask(tr("Restore the last session?"), text, answers, callback)

    def _ask(
        self,
        title: str,
        text: str,
        answers: Sequence[Reply[Choice]],
        callback: Callable[[Choice], None],
    ) -> None:
        def finish(answer: Choice) -> None:
            self.question = None
            callback(answer)

        parent = self._window.layout_of_docks.middle
        self.question = ask_one_of(parent, title, text, answers, finish)

    # ---- recent ones ----------------------------------------------------------------------------

    def recent(self) -> Sequence[Path]:
        """The files of the sessions that were saved or opened last, the newest first."""
        return [Path(file) for file in self._settings.texts("recent_sessions")[:RECENT_SESSIONS]]

    def _remember(self, file: Path) -> None:
        file = file.absolute()
        recent = [file, *(one for one in self.recent() if one != file)]
        self.remember({"recent_sessions": [str(one) for one in recent[:RECENT_SESSIONS]]})

    # ---- writing and reading --------------------------------------------------------------------

    def capture(self, state: State | None = None) -> SavedSession:
        """What the window shows now; of another state, with the windows as they are."""
        timestamp = datetime.now().astimezone().isoformat(timespec="seconds")
        return session_of(state or self._context.state, self.arrangement(), timestamp)

    def write(self, file: Path, callback: Callable[[], None]) -> None:
        """Write what the window shows now; what follows is done once it is on the disk."""
        session = self.capture()

        def work() -> str:
            from diffviews_desktop.state.session_file.writing import write_file

            try:
                write_file(session, file)
            except OSError as error:
                log.warning("%s cannot be written: %s", file, error)
                return explain(error)
            return ""

        def finish(problem: str) -> None:
            if problem:
                text = tr(
                    "The session could not be saved in {file}. {problem}",
                    file=file,
                    problem=problem,
                )
                self._context.say(text, error=True)
            else:
                self._remember(file)
                callback()

        self.submit(work, finish)

    def read(self, file: Path, callback: Callable[[SavedSession], None]) -> None:
        """Read a session, and go on with it; where it cannot be read, the user is told, and where
        that takes long, they can cancel it."""
        cancelled = threading.Event()
        dialog = self.reading = WaitDialog(
            self._window.layout_of_docks.middle,
            tr("Open session"),
            tr("Reading the session {name}…", name=visible(file.name, MOST_OF_NAME)),
            cancelled.set,
            LONG_MILLISECONDS,
        )

        def check() -> None:
            self.check()
            if cancelled.is_set():
                raise Cancelled

        def work() -> SavedSession | DataError | None:
            from diffviews_desktop.state.session_file.reading import read_file

            try:
                return read_file(file, check=check)
            except DataError as error:
                return error
            except Cancelled:
                return None

        def finish(session: SavedSession | DataError | None) -> None:
            self.reading = None if self.reading is dialog else self.reading
            dialog.end()
            if session is None or cancelled.is_set():
                return
            if isinstance(session, DataError):
                self._context.say(str(session), error=True)
            else:
                self._remember(file)
                callback(session)

        self.submit(work, finish)

    def check(self) -> None:
        """Whether what takes long in the sessions' thread is still wanted.

        Raises:
            Cancelled: it is not: the window is closed.
        """
        if self._closed:
            raise Cancelled

    def submit(self, work: Callable[[], Result], callback: Callable[[Result], None]) -> None:
        """Do a piece of work in the sessions' own thread, one after the other, and go on in the
        window's with what comes out; once the window is closed, nothing is done any more."""
        if self._closed:
            return
        self._thread.submit(work).add_done_callback(lambda future: self._tell(future, callback))

    def _tell(self, future: Future[Result], callback: Callable[[Result], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._done.emit(future, callback)

    def _on_done(self, future: Future[object], callback: Callable[[object], None]) -> None:
        if not future.cancelled():
            callback(future.result())

    def remember(self, changes: Mapping[str, Value]) -> None:
        """Remember settings; they are written aside: the disk may take its time."""
        self.submit(self._settings.change_in_memory(changes), lambda _: None)

    def wait(self) -> None:
        """Let what is being written come to its end; nothing more is read."""
        self._closed = True
        if self.reading is not None:
            self.reading.reject()
        self._thread.shutdown()

    # ---- windows --------------------------------------------------------------------------------

    def arrangement(self) -> Arrangement:
        """Where window and docks are."""
        window = self._window
        return read_arrangement(window, window.layout_of_docks.docks, window.pages.open_pages())

    def arrange(self, arrangement: Arrangement) -> None:
        """Put window and docks where they were, and open the other windows that were."""
        window = self._window
        window.runs_dock.expect(arrangement)
        arrange(window, window.layout_of_docks.docks, arrangement)
        window.pages.reopen(arrangement.pages)
