"""Window and docks as values: taken from one window, given to another, whatever they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from patience import until
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.session_file.writing import write_file
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.arrangement import Arrangement, DockPlace
from diffviews_desktop.values.folders import FolderRef

OPEN = Callable[..., MainWindow]


def places(window: MainWindow) -> dict[str, tuple[object, ...]]:
    """Of each dock what does not depend on the size of the screen."""
    return {
        one.name: (one.area, one.shown, one.floating, one.tabbed_with)
        for one in window.sessions.arrangement().docks
    }


def test_another_window_is_arranged_the_same(qtbot: QtBot, open_window: OPEN, state: State) -> None:
    one = open_window(state)
    preview, classes, gallery, generate, runs, _ = one.layout_of_docks.docks
    one.resize(1180, 720)
    one.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, classes)
    one.tabifyDockWidget(gallery, generate)
    preview.setFloating(True)
    preview.resize(300, 320)
    runs.hide()
    one.resizeDocks([gallery], [400], Qt.Orientation.Horizontal)
    one.show_page("map settings")
    qtbot.wait(50)
    kept = one.sessions.arrangement()
    assert kept.pages == ("map settings",)

    other = open_window(state)
    assert places(other) != places(one)
    other.sessions.arrange(kept)
    qtbot.wait(50)
    assert places(other) == places(one)
    assert other.size() == one.size()
    assert abs(other.layout_of_docks.docks[2].width() - gallery.width()) < 8
    assert other.layout_of_docks.docks[0].size() == preview.size()
    assert other.pages.map_settings is not None
    assert other.pages.map_settings.isVisible()
    assert other.pages.grid is None


def test_a_floating_dock_comes_onto_a_screen(open_window: OPEN, state: State) -> None:
    window = open_window(state)
    far = DockPlace("Preview", "left", floating=True, size=(200, 200), place=(-9000, 9000))
    window.sessions.arrange(Arrangement((900, 700), docks=(far,)))
    preview = window.layout_of_docks.docks[0]
    assert window.screen().availableGeometry().contains(preview.pos() + QPoint(20, 20))


@pytest.mark.parametrize("side", [-5, 0, 10**9, 2**40, -(2**62)])
def test_sizes_that_cannot_be_do_no_harm(
    qtbot: QtBot, open_window: OPEN, state: State, side: int
) -> None:
    window = open_window(state)
    docks = tuple(
        DockPlace(name, "top", True, name == "Preview", (side, side), (side, side), name)
        for name in ("Preview", "Runs", "Nothing", "Runs")
    )
    window.sessions.arrange(Arrangement((side, side), False, docks, ("quit", "grid")))
    qtbot.wait(50)
    assert window.isVisible()
    assert window.width() <= window.screen().size().width()
    assert window.pages.grid is not None


def drop(window: MainWindow, *files: Path) -> bool:
    """Drag files over the window and drop them; whether it takes them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    middle = window.rect().center()
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(middle, copy, data, left, none)
    entering.ignore()
    QApplication.sendEvent(window, entering)
    if entering.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(middle), copy, data, left, none))
    return entering.isAccepted()


def taker(widget: QWidget | None) -> QWidget | None:
    """Who is asked first whether it takes what is dropped on a widget."""
    while widget is not None and not widget.acceptDrops():
        widget = widget.parentWidget()
    return widget


def test_what_is_dropped_on_the_map_is_the_windows(open_window: OPEN, state: State) -> None:
    window = open_window(state)
    assert window.map is not None
    for widget in (window.map.viewport, window.map_area, window.preview.picture, window.gallery):
        assert taker(widget) is window


def test_a_session_that_is_dropped_is_opened(
    qtbot: QtBot, open_window: OPEN, state: State, worker: Recorder, tmp_path: Path
) -> None:
    window = open_window(state)
    file = tmp_path / "a.diffviews"
    write_file(SavedSession(FolderRef(tmp_path), model="m"), file)
    assert not drop(window, tmp_path / "a.txt")
    assert not drop(window, file, file)
    assert drop(window, file)
    until(qtbot, lambda: worker.jobs)
    assert isinstance(worker.jobs[-1], OpenData)
    assert worker.jobs[-1].folder == FolderRef(tmp_path)
    assert window.sessions.recent() == [file]
