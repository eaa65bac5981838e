"""The loop without a mouse: the real window, the real engine process, the demo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.app import App, Options
from diffviews_desktop.state.session_file.reading import read_file

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
MOST_TABS = 60


@pytest.fixture
def app(qtbot: QtBot, demo: Path) -> Iterator[App]:
    made = App(Options(device="cpu"))
    yield made
    made.worker.stop()
    made.window.deleteLater()


def focused() -> QWidget:
    now = QApplication.focusWidget()
    assert now is not None
    return now


def press(key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(focused(), key, held)


def tab_to(widget: QWidget, key: Qt.Key = Qt.Key.Key_Tab) -> None:
    """Press Tab until a widget has the keyboard."""
    for _ in range(MOST_TABS):
        if focused() is widget:
            return
        press(key)
    raise AssertionError(f"Tab does not reach {widget}")


def test_the_loop_by_the_keyboard_alone(
    qtbot: QtBot, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, session = app.window, app.session
    app.start()
    until(qtbot, lambda: session.state.opened.loaded and not session.state.jobs.running)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert window.map is not None
    assert window.map.isAncestorOf(focused())  # the map has the keyboard at first

    # look and pick: arrows, Enter; suggest: S

    def is_at_a_sample() -> bool:
        press(Qt.Key.Key_Right)
        return window.map.hovered_row is not None

    until(qtbot, is_at_a_sample)
    press(Qt.Key.Key_Down)
    row = window.map.hovered_row
    press(Qt.Key.Key_Return)
    assert session.state.picks.selection.anchor == row
    press(Qt.Key.Key_S)
    until(qtbot, lambda: len(session.state.picks.selection.suggested) == 5)

    # draw: Ctrl+Return; scrub: comma and full stop; compare: U
    press(Qt.Key.Key_Return, CONTROL)
    until(qtbot, lambda: session.state.runs.run() and session.state.runs.run().done)
    last = session.state.runs.step
    press(Qt.Key.Key_Comma)
    press(Qt.Key.Key_Comma)
    press(Qt.Key.Key_Period)
    assert session.state.runs.step == last - 1
    press(Qt.Key.Key_U)
    until(qtbot, lambda: (base := session.state.runs.baseline()) is not None and base.done)

    # change the layer: Tab to the list, then the arrows and Enter, as in any list
    layers = window.layer_panel.layers
    tab_to(layers, Qt.Key.Key_Backtab)
    names = [layers.itemData(i) for i in range(layers.count())]
    there = names.index(("encoder_block_0",)) if ("encoder_block_0",) in names else 1
    press(Qt.Key.Key_Space)  # opens the list
    view = layers.view()
    until(qtbot, view.isVisible)
    while view.currentIndex().row() != there:
        QTest.keyClick(
            view, Qt.Key.Key_Down if view.currentIndex().row() < there else Qt.Key.Key_Up
        )
    QTest.keyClick(view, Qt.Key.Key_Return)
    until(qtbot, lambda: session.state.jobs.running)

    # it takes long: Esc takes back what was just started
    window.map.setFocus()
    press(Qt.Key.Key_Escape)
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.opened.layer_map.layers == ("decoder_block_8",)

    # the palette: a sample by its id
    press(Qt.Key.Key_P, CONTROL | SHIFT)
    assert window.pages.palette is not None
    QTest.keyClicks(focused(), "sample_000231")
    press(Qt.Key.Key_Return)
    assert "sample_000231" in window.preview.facts.text()

    # undo and redo, a field, a page
    press(Qt.Key.Key_Z, CONTROL)
    tab_to(window.gallery.count)
    press(Qt.Key.Key_Up)
    assert session.state.picks.suggest_count == 6

    # keep it: Ctrl+S
    file = tmp_path / "by-keys.diffviews"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    press(Qt.Key.Key_S, CONTROL)
    until(qtbot, file.is_file)
    until(qtbot, lambda: session.state.kept.file == file)
    kept = read_file(file)
    assert len(kept.runs.all) == 1
    assert kept.selection.anchor == row
    press(Qt.Key.Key_Q, CONTROL)
    until(qtbot, lambda: not window.isVisible())
