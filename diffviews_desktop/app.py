"""The composition root: the only place that builds session, worker and window."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

# isort: split
import diffviews_desktop.ui  # noqa: F401  # before anything of Qt: see `usual_imports`

# isort: split
from PySide6.QtCore import (
    QCoreApplication,
    QLibraryInfo,
    QObject,
    Qt,
    QTimer,
    QTranslator,
)
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from diffviews_desktop import __version__, paths
from diffviews_desktop.actions import answers, folders, keeping, maps, sessions, tour
from diffviews_desktop.actions.verbs import note
from diffviews_desktop.crashes import CrashReport
from diffviews_desktop.engine.crew import Crew
from diffviews_desktop.engine.link_process import ProcessLink
from diffviews_desktop.engine.protocol import Event
from diffviews_desktop.engine.pump import Worker
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings, settings_file
from diffviews_desktop.text import terminal, translation
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import encode
from diffviews_desktop.ui.shell.autosave import Autosave
from diffviews_desktop.ui.shell.crash_hooks import hear_qt, hear_qt_no_longer, offer_report
from diffviews_desktop.ui.shell.remembered import restore
from diffviews_desktop.ui.shell.startup import Startup
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.preferences import APPEARANCES, Appearance
from diffviews_desktop.values.told import Told

log = logging.getLogger(__name__)

SCREENSHOT_SETTLE_MILLISECONDS = 400
FRAME_MILLISECONDS = 16
SWITCH_SECONDS = 0.001
"""How long another thread of the window's process keeps the interpreter where the window wants it;
Python's own 5 ms are felt, several times in one frame."""
M_MMAP_THRESHOLD = -3  # of malloc.h
RETURNED_FROM = 256 * 1024
"""Bytes from which on a block of memory is the system's again when it is freed."""


@dataclass(frozen=True)
class Options:
    """What the command line asks of the window."""

    session: Path | None = None
    folder: FolderRef = field(default_factory=FolderRef)
    parameters: MapParameters | None = None
    told: Told | None = None
    model: str | None = None
    layer: LayerSet | None = None
    device: str = "auto"
    screenshot: Path | None = None
    reset: bool = False
    theme: str | None = None

    @property
    def asks(self) -> bool:
        """Whether it says what to open, or that nothing is to be as it was."""
        opened = self.folder, self.parameters, self.told, self.model, self.layer, self.reset
        return opened != (FolderRef(), None, None, None, None, False)


def create_application(arguments: list[str]) -> QApplication:
    """The QApplication, with the attributes that must be set before it."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _give_memory_back()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication(arguments)
    _leave_environment()
    app.setApplicationName("DiffViews")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("diffviews-desktop")
    _translate_qt(app)
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "app.svg")))
    return app


def _translate_qt(app: QApplication) -> None:
    """Have Qt's own texts, such as the menu of a text field, in the language of the window."""
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    language = translation.language()
    if language != translation.ENGLISH and translator.load(f"qtbase_{language}", folder):
        app.installTranslator(translator)


def _leave_environment() -> None:
    """Have programs that the window opens find their own libraries, not those of a frozen program.

    Its start code names these in variables, which Qt has read by now.
    """
    if not getattr(sys, "frozen", False):
        return
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):
        original = os.environ.pop(f"{name}_ORIG", None)
        os.environ.pop(name, None)
        if original is not None:
            os.environ[name] = original


def _give_memory_back() -> None:
    """Have memory of large arrays and pictures returned as soon as it is free.

    Once such a block was freed, glibc keeps later ones of its size for itself, and a map's process
    stays as large as it ever was.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, RETURNED_FROM)


def collect_from_now() -> None:
    """Collect what is made from now on, which the command line had put off; what is there by now,
    modules and the window, stays."""
    gc.freeze()
    gc.enable()


def leave_to_stay() -> None:
    """Have full collections leave out what was built so far: it stays, and looking through it would
    pause the window for nothing."""
    gc.collect()
    gc.freeze()


def _sessions_dir() -> Path:
    """Where each window keeps what it shows."""
    return paths.state_dir() / "sessions"


class App(QObject):
    """One window with its session and engine."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options
        settings = self._settings = Settings(settings_file())
        if options.reset:
            settings.clear()
        theme.apply(self._theme())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_desktop)
        self.session = Session()
        preferences = restore(self.session.state, settings).preferences
        theme.set_text_size(preferences.text_size)
        device = preferences.device if options.device == "auto" else options.device
        connect = partial(ProcessLink, device, paths.log_file(), threads=preferences.threads)
        self.worker = Worker(connect)
        self.aside = Worker(partial(ProcessLink, "cpu", paths.log_file()))
        self.drawing = Worker(partial(ProcessLink, "cpu", paths.log_file()))
        self.crew = Crew(self.worker, self.aside, self.drawing)
        self.window = MainWindow(self.session, self.crew, settings)
        self.context = self.window.context
        if settings.problem:
            self.session.update(self.session.state.with_notice(settings.problem, error=True))
        self.window.on_close = self._on_close
        self.window.may_close = self._may_close
        self.autosave = Autosave(self.context, self.window.sessions, self.window)
        self.session.changed.connect(self.autosave.show_changes)
        self._events: list[Event] = []  # of the running job, shown at most once a frame
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MILLISECONDS)
        self._frame.timeout.connect(self._show_events)
        self._connect_worker()
        self.window.first_painted.connect(self._begin)
        self.window.first_painted.connect(self.window.bring_map)
        self.window.first_painted.connect(self._keep_work)  # while the engine makes the map
        self.window.first_painted.connect(collect_from_now)
        self.window.map_shown.connect(self._on_map_shown)

    def _theme(self) -> Appearance:
        choice = self._options.theme or self._settings.text("theme", "system")
        return next((one for one in APPEARANCES if one == choice), "system")

    def _follow_desktop(self) -> None:
        if theme.choice() == "system":
            self.window.apply_theme("system")

    def start(self) -> None:
        """Start the engine, which takes as long in its own process as the window takes in this one,
        and show the window; once it is painted, open the data."""
        self.worker.start()
        self.window.show()

    def _begin(self) -> None:
        options, root = self._options, _sessions_dir()
        if options.screenshot is not None:
            self._open_usual(None)
            return
        offer_report(self.context, self._settings, paths.crash_dir())
        startup = Startup(self.context, self.window.sessions, root, self.autosave, self._open_usual)
        if options.session is not None:
            sessions.open_session(self.context, options.session)
        else:
            startup.open_first(options.asks)

    def _keep_work(self) -> None:
        if self._options.screenshot is None:
            self.autosave.begin(_sessions_dir())

    def _open_usual(self, folder: FolderRef | None) -> None:
        options = self._options
        arguments = folder or options.folder, options.model, options.parameters, options.told
        names = ("folder", "model", "parameters", "told")
        note(self.context, folders.open_data, **dict(zip(names, arguments, strict=True)))
        with self.context.by_itself():
            folders.open_data(self.context, *arguments)

    def _may_close(self) -> bool:
        """Whether the window may be closed now; else the user is asked, and it closes then."""
        state = self.session.state
        if not (state.kept.unheld(state.runs.all) or state.kept.unheld_sets(state.groups.all_sets)):
            return True
        keeping.leave(self.context, tr("Quitting"), self._close)
        return False

    def _close(self) -> None:
        self.window.closing = True
        self.window.close()

    def interrupt(self) -> None:
        """End the program at once; the next start shows what this one shows, runs and all."""
        self.autosave.end(whole=True)
        self.window.closing = True
        self._end(130)

    def _on_close(self) -> None:
        self.autosave.end()
        self.crew.stop()

    def _connect_worker(self) -> None:
        self.worker.engine_changed.connect(self._on_engine_changed)
        for worker in (self.worker, self.aside, self.drawing):
            worker.started.connect(self._on_started)
            worker.progressed.connect(self._on_progressed)
            worker.finished.connect(self._on_finished)
            worker.failed.connect(self._on_failed)
            worker.cancelled.connect(self._on_cancelled)

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        """All that the engine told before, and what is done then, is shown once, the map last."""
        self._frame.stop()
        events, self._events = self._events, []
        with self.window.map_area.painted_apart(), self.session.batch():
            for event in events:
                answers.on_event(self.context, event)
            yield

    # Slots of a QObject that lives in the window's thread: signals of the worker are queued to it.

    def _on_engine_changed(self, status: str) -> None:
        answers.on_engine_changed(self.context, status)  # type: ignore[arg-type]

    def _on_started(self, job_id: int) -> None:
        with self._at_once():
            answers.on_started(self.context, job_id)

    def _on_progressed(self, event: object) -> None:
        self._events.append(event)  # type: ignore[arg-type]
        if not self._frame.isActive():
            self._frame.start()

    def _show_events(self) -> None:
        """All that came since the last frame; a fast model tells of more than can be painted."""
        with self._at_once():
            pass

    def _on_finished(self, job_id: int, result: object, memory: object) -> None:
        with self._at_once():
            answers.on_finished(self.context, job_id, result, memory)  # type: ignore[arg-type]

    def _on_failed(self, job_id: int, message: str, details: str) -> None:
        with self._at_once():
            answers.on_failed(self.context, job_id, message, details)
        if self._options.screenshot is not None and self.session.state.opened.layer_map is None:
            terminal.complain(message)
            self._end(1)

    def _on_cancelled(self, job_id: int) -> None:
        with self._at_once():
            answers.on_cancelled(self.context, job_id)

    def _on_map_shown(self) -> None:
        QTimer.singleShot(0, leave_to_stay)
        if self._options.layer is not None:
            note(self.context, maps.change_layer, layers=self._options.layer)
            with self.context.by_itself():
                maps.change_layer(self.context, self._options.layer)
        if not self._options.asks and self._options.screenshot is None:
            tour.greet(self.context)
        if self._options.screenshot is not None:
            QTimer.singleShot(SCREENSHOT_SETTLE_MILLISECONDS, self._take_screenshot)

    def _take_screenshot(self) -> None:
        assert self._options.screenshot is not None
        file = self._options.screenshot
        self.window.map_area.release()
        try:
            picture = encode(self.window.grab().toImage(), file.suffix.removeprefix("."))
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as stream:
                stream.write(picture)
        except OSError as error:
            log.warning("%s", error)
            text = f"The screenshot could not be written to {file}. Choose another place."
            terminal.complain(text)
            self._end(1)
        else:
            self._end(0)

    def _end(self, code: int) -> None:
        # the last window's end would end the program by itself, with another code
        QApplication.setQuitOnLastWindowClosed(False)
        self.window.close()
        QCoreApplication.exit(code)


def run(options: Options) -> int:
    """Open the window and run until it is closed; the exit code."""
    configure_logging(paths.log_file())
    report = CrashReport(paths.crash_dir())
    report.begin()
    hear_qt(report)
    try:
        return _run(options)
    finally:
        hear_qt_no_longer()
        report.end()


def _run(options: Options) -> int:
    app = create_application(sys.argv[:1])
    main = App(options)
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            QTimer.singleShot(0, main.interrupt)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    wake = QTimer()  # lets Python look at signals while Qt waits
    wake.start(200)
    wake.timeout.connect(lambda: None)
    main.start()
    code = app.exec()
    if not interrupted:
        main.crew.stop()
    return code
