"""Preferences: fields that change what the menus change, at once and for the next start."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox, QMenu
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions.preferences import choose_start
from diffviews_desktop.errors import Cancelled
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.session_file import reading
from diffviews_desktop.state.session_file.scratch import find_unclosed
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import motion, theme
from diffviews_desktop.ui.shell.autosave import Autosave
from diffviews_desktop.ui.shell.preferences import PreferencesWindow
from diffviews_desktop.ui.shell.remembered import restore
from diffviews_desktop.ui.shell.startup import Startup
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat import points_gl, renderer
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.preferences import NEIGHBORS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def window(qtbot: QtBot, settings: Settings, worker: Recorder, state: State) -> Iterator:
    made = MainWindow(Session(), worker, settings)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.first_painted):
        made.show()
    made.bring_map()
    made.session.update(state)
    yield made
    theme.apply("light")
    motion.set_reduced(False)


@pytest.fixture
def preferences(qtbot: QtBot, window: MainWindow) -> PreferencesWindow:
    action = window.menu_actions["window.preferences"]
    assert action.shortcut().toString() == "Ctrl+,"
    action.trigger()
    assert window.pages.preferences is not None
    qtbot.waitUntil(window.pages.preferences.isVisible)
    return window.pages.preferences


def listed(window: MainWindow, choice: str) -> list[QAction]:
    """What a menu offers when it opens."""
    menu = window.findChild(QMenu, choice)
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    return menu.actions()


def checked(window: MainWindow, choice: str) -> object:
    """What holds of it."""
    (found,) = [action.data() for action in listed(window, choice) if action.isChecked()]
    return found


def choose(qtbot: QtBot, box: QComboBox, text: str) -> None:
    """By the keyboard, as somebody without a mouse does."""
    way = box.findText(text) - box.currentIndex()
    for _ in range(abs(way)):
        qtbot.keyClick(box, Qt.Key.Key_Down if way > 0 else Qt.Key.Key_Up)
    assert box.currentText() == text


def test_each_field_does_what_its_menu_does_and_is_remembered(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, settings: Settings
) -> None:
    choose(qtbot, preferences.appearance, "Dark")
    assert theme.is_dark()
    choose(qtbot, preferences.ramps, "Cividis (the same for every colour vision)")
    qtbot.keyClick(preferences.still, Qt.Key.Key_Space)
    assert not motion.is_allowed()
    assert settings.text("theme") == "dark"
    assert settings.text("ramp") == "cividis"
    assert settings.text("reduced_motion") == "true"
    assert checked(window, "preferences.appearance") == "dark"
    assert checked(window, "preferences.ramp") == "cividis"
    assert window.menu_actions["preferences.motion"].isChecked()
    qtbot.waitUntil(lambda: not theme.changing())


def test_what_holds_from_the_next_start_is_remembered(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, settings: Settings
) -> None:
    choose(qtbot, preferences.text_size, "130 %")
    model = preferences.model
    choose(qtbot, preferences.language, "Deutsch")
    choose(qtbot, preferences.start, "The last folder, without its session")
    preferences.pages.setCurrentWidget(model)
    choose(qtbot, model.device, "Processor")
    assert model.threads.text() == "all but one"
    model.threads.setFocus()
    qtbot.keyClick(model.threads, Qt.Key.Key_Up)
    qtbot.keyClick(model.neighbors, Qt.Key.Key_Up)
    found = restore(State(), settings).preferences
    assert (found.text_size, found.device, found.threads) == (130, "cpu", 1)
    assert (found.language, found.start) == ("de", "folder")
    assert found.most_neighbors == NEIGHBORS + 1
    assert window.gallery.count.maximum() == NEIGHBORS + 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("threads", "-1"), ("threads", "9999"), ("neighbors", "0"), ("device", "toaster"),
     ("text_size", "7"), ("text_size", "x"), ("neighbors", "1e9"), ("language", "elvish"),
     ("start", "sooner")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_the_usual_ones(
    settings: Settings, name: str, text: str
) -> None:
    settings.change({name: text})
    assert (
        restore(State(), settings).preferences
        == restore(State(), Settings(Path("nowhere"))).preferences
    )


def test_who_did_not_start_with_the_last_session_before_starts_with_the_demo(
    settings: Settings,
) -> None:
    settings.change({"reopen": "false"})
    assert restore(State(), settings).preferences.start == "demo"
    settings.change({"start": "folder"})
    assert restore(State(), settings).preferences.start == "folder"


def test_the_start_opens_the_folder_that_was_opened_last(
    window: MainWindow, settings: Settings, tmp_path: Path
) -> None:
    opened: list[FolderRef | None] = []
    autosave = Autosave(window.context, window.sessions, window)
    startup = Startup(window.context, window.sessions, tmp_path / "kept", autosave, opened.append)
    choose_start(window.context, "folder")
    startup.open_first(False)
    window.sessions.remember({"recent": [str(tmp_path / "gone"), str(tmp_path)]})
    startup.open_first(False)
    window.sessions.remember({"recent": [str(tmp_path), str(tmp_path / "gone")]})
    startup.open_first(True)  # the command line names what to open
    startup.open_first(False)
    choose_start(window.context, "demo")
    startup.open_first(False)
    assert opened == [None, None, None, FolderRef(tmp_path), None]


def test_closing_while_the_last_session_is_read_leaves_it_where_it_is(
    window: MainWindow, tmp_path: Path
) -> None:
    def wait() -> None:
        with contextlib.suppress(Cancelled):
            while True:
                window.sessions.check()
                time.sleep(0.01)

    file = tmp_path / "kept" / "last" / "session.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    opened: list[FolderRef | None] = []
    autosave = Autosave(window.context, window.sessions, window)
    startup = Startup(window.context, window.sessions, tmp_path / "kept", autosave, opened.append)
    window.sessions.submit(wait, lambda _: None)
    startup.open_first(False)
    assert window.close()
    assert file.read_text() == "{}"
    assert opened == []


def test_whatever_is_wrong_with_the_last_session_something_is_opened(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: Path, check: Callable[[], None]) -> None:
        raise ImportError("a library cannot be loaded")

    monkeypatch.setattr(reading, "read_folder", fails)
    (tmp_path / "kept" / "last").mkdir(parents=True)
    (tmp_path / "kept" / "last" / "session.json").write_text("{}")
    opened: list[FolderRef | None] = []
    autosave = Autosave(window.context, window.sessions, window)
    startup = Startup(window.context, window.sessions, tmp_path / "kept", autosave, opened.append)
    startup.open_first(False)
    qtbot.waitUntil(lambda: opened == [None])
    (aside,) = (tmp_path / "kept").iterdir()  # neither offered again nor replaced, and not deleted
    assert (aside / "session.json").read_text() == "{}"
    assert not find_unclosed(tmp_path / "kept")
    notice = window.session.state.notice
    assert notice is not None
    assert aside.name in notice.text
    assert notice.details  # so it stays until it is closed
    assert not window.session.state.with_error_over().notice.over  # whatever is opened now


def test_texts_are_as_large_as_preferred(qapp: QApplication) -> None:
    usual = qapp.font().pointSizeF()
    theme.set_text_size(150)
    assert qapp.font().pointSizeF() == pytest.approx(1.5 * usual)
    theme.set_text_size(85)
    assert qapp.font().pointSizeF() == pytest.approx(0.85 * usual)
    theme.set_text_size(100)
    assert qapp.font().pointSizeF() == pytest.approx(usual)


def test_fields_follow_the_menus(window: MainWindow, preferences: PreferencesWindow) -> None:
    listed(window, "preferences.appearance")[2].trigger()
    listed(window, "preferences.ramp")[1].trigger()
    window.menu_actions["preferences.motion"].trigger()
    assert preferences.appearance.currentText() == "Dark"
    assert preferences.ramps.currentIndex() == 1
    assert preferences.still.isChecked()


def test_it_says_how_the_map_is_drawn_and_who_chose_that(
    qtbot: QtBot,
    window: MainWindow,
    preferences: PreferencesWindow,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DIFFVIEWS_RENDERER", raising=False)
    choose(qtbot, preferences.drawing, "Raster (no graphics card)")
    assert settings.text("renderer") == "raster"
    assert "into a picture: the preferences asked for raster drawing" in preferences.drawn.text()
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "raster")
    choose(qtbot, preferences.drawing, "OpenGL (graphics card)")
    assert "the variable DIFFVIEWS_RENDERER asked for raster drawing" in preferences.drawn.text()
    assert window.map.renderer.name == "raster"
    assert preferences.drawn.height() >= preferences.drawn.heightForWidth(preferences.drawn.width())
    assert "DIFFVIEWS_RENDERER" in window.session.state.notice.text
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "auto")
    monkeypatch.setattr(renderer, "gl_renderer", lambda: "llvmpipe")
    choose(qtbot, preferences.drawing, "Automatic")
    assert "DIFFVIEWS_RENDERER leaves the choice to the program" in preferences.drawn.text()


@pytest.mark.qt_log_ignore("QOpenGLShader::compile", "Problematic Vertex shader")
def test_where_opengl_fails_it_says_so(
    qtbot: QtBot,
    window: MainWindow,
    preferences: PreferencesWindow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if renderer.choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    monkeypatch.delenv("DIFFVIEWS_RENDERER", raising=False)
    monkeypatch.setattr(points_gl, "VERTEX", "this is no shader")
    choose(qtbot, preferences.drawing, "OpenGL (graphics card)")
    qtbot.waitUntil(lambda: "OpenGL failed" in preferences.drawn.text())
    assert preferences.drawn.text() == window.session.state.notice.text


def test_a_theme_of_the_command_line_is_shown_and_the_desktop_does_not_overwrite_the_saved_one(
    qtbot: QtBot, worker: Recorder, settings: Settings
) -> None:
    settings.change({"theme": "light"})
    theme.apply("dark")  # as --theme dark does
    made = MainWindow(Session(), worker, settings)
    qtbot.addWidget(made)
    assert checked(made, "preferences.appearance") == "dark"
    made.apply_theme("system")
    assert settings.text("theme") == "light"
    theme.apply("light")


def test_what_was_chosen_before_is_shown(qtbot: QtBot, worker: Recorder, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "other.json")
    settings.change({"ramp": "nonsense", "renderer": "raster"})
    theme.apply("system")
    made = MainWindow(Session(), worker, settings)
    qtbot.addWidget(made)
    made.show_page("preferences")
    assert made.pages.preferences is not None
    assert made.pages.preferences.appearance.currentText() == "System"
    assert made.pages.preferences.ramps.currentIndex() == 0
    assert made.pages.preferences.drawing.currentText().startswith("Raster")
    assert made.pages.preferences.drawn.text() == ""  # there is no map yet
