"""Texts of files act nowhere in the window: every widget of every window is looked at."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from all_windows import open_all, widgets_of_the_package
from planted_texts import KINDS, planted
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QHelpEvent
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QListWidget,
    QMessageBox,
    QPlainTextEdit,
    QTableView,
    QTableWidget,
    QToolTip,
    QTreeWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.labels import Label, Links, tip
from diffviews_desktop.ui.common.questions import WaitDialog, ask
from diffviews_desktop.ui.shell.window import MainWindow

START, END = tip("<b>").split("&lt;b&gt;")
"""What `tip` puts around what would look like HTML."""
HARMLESS = "\n\u200b\u200c\u200d\u200e"
NEED_OPENGL = {"GLViewport"}
ONLY_INSTALLED = {"LicencesWindow"}  # it shows a file of the installed program


class Trap:
    """A named pipe: who opens it is noticed, and finds nothing in it.

    Another process opens its other end: this one may stand still in reading it.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self._log = folder / "p", folder / "log"
        os.mkfifo(self.path)
        script = 'while : > "$0"; do echo opened >> "$1"; done'
        self._writer = subprocess.Popen(["sh", "-c", script, self.path, self._log])

    @property
    def sprung(self) -> bool:
        return self._log.exists()

    def close(self) -> None:
        self._writer.kill()
        self._writer.wait()


@pytest.fixture
def trap() -> Iterator[Trap]:
    with tempfile.TemporaryDirectory(prefix="t") as folder:  # a short path: names are shortened
        made = Trap(Path(folder))
        yield made
        made.close()


@dataclass
class Seen:
    """What was found: texts, tooltips, and the classes of widgets."""

    texts: list[str] = field(default_factory=list)
    tips: list[str] = field(default_factory=list)
    classes: set[type] = field(default_factory=set)

    def look(self, window: QWidget) -> None:
        """Look at a window and all that is in it."""
        window.grab()
        for widget in (window, *window.findChildren(QWidget)):
            self.classes.update(type(widget).__mro__)
            self.tips += [widget.toolTip(), widget.statusTip(), widget.whatsThis()]
            self.texts += [widget.windowTitle().replace("[*][*]", "[*]")]
            self.texts += [widget.accessibleName(), widget.accessibleDescription()]
            self._look_at(widget)
        for action in window.findChildren(QAction):
            self.texts += [action.text(), action.iconText()]
            self.tips += [action.toolTip(), action.statusTip(), action.whatsThis()]

    def _look_at(self, widget: QWidget) -> None:
        role = Qt.ItemDataRole.ToolTipRole
        if isinstance(widget, QLabel):
            self._look_at_label(widget)
        elif isinstance(widget, QAbstractButton):
            self.texts.append(widget.text())
        elif isinstance(widget, QComboBox):
            places = range(widget.count())
            self.texts += [widget.itemText(i) for i in places]
            self.tips += [str(widget.itemData(i, role) or "") for i in places]
        elif isinstance(widget, QListWidget):
            items = [widget.item(i) for i in range(widget.count())]
            self.texts += [item.text() for item in items]
            self.tips += [item.toolTip() for item in items]
        elif isinstance(widget, QTreeWidget):
            every = Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive
            for row in widget.findItems("*", every):
                columns = range(widget.columnCount())
                self.texts += [row.text(column) for column in columns]
                self.tips += [row.toolTip(column) for column in columns]
        elif isinstance(widget, QPlainTextEdit):
            self.texts += widget.toPlainText().split("\n")
        elif isinstance(widget, QTableWidget):
            rows, columns = range(widget.rowCount()), range(widget.columnCount())
            cells = [cell for row in rows for c in columns if (cell := widget.item(row, c))]
            self.texts += [cell.text() for cell in cells]
            self.tips += [cell.toolTip() for cell in cells]
        elif isinstance(widget, QAbstractItemView):
            model = widget.model()
            columns = model.columnCount() if isinstance(widget, QTableView) else 1
            places = range(model.rowCount()), range(columns)
            for index in (model.index(row, column) for row in places[0] for column in places[1]):
                self.texts.append(index.data() or "")
                self.tips.append(index.data(role) or "")
            if isinstance(widget, QTableView):
                self.texts += [model.headerData(at, Qt.Orientation.Horizontal) for at in places[1]]
        elif isinstance(widget, QGraphicsView):
            for item in widget.scene().items():
                self.tips.append(item.toolTip())
                if isinstance(item, QGraphicsTextItem):
                    assert item.toPlainText() == ""  # of the axes of pyqtgraph, as HTML
                elif hasattr(item, "text") and callable(item.text):
                    self.texts.append(item.text())

    def _look_at_label(self, label: QLabel) -> None:
        drawn = QLabel.text(label)
        self.texts.append(drawn)
        if isinstance(label, Links):
            for part in drawn.split('<a href="')[1:]:
                number, rest = part.split('">', 1)
                assert number.isdecimal()
                assert "<" not in rest.replace("</a>", "", 1)
        else:
            assert isinstance(label, Label) or isinstance(label.window(), QMessageBox)
            icon = not label.pixmap().isNull()
            assert icon or label.textFormat() == Qt.TextFormat.PlainText


def acts(text: str) -> bool:
    """Whether a letter of a text acts or cannot be seen."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return any(unicodedata.category(c) in kinds and c not in HARMLESS for c in text)


def look_at_question(seen: Seen, parent: QWidget, text: str) -> None:
    def look() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        try:
            seen.look(box)
        finally:
            box.button(QMessageBox.StandardButton.No).click()

    QTimer.singleShot(0, look)
    assert not ask(parent, "Sure?", text)


def test_no_text_acts_in_any_window(
    qtbot: QtBot,
    open_window: Callable[..., MainWindow],
    state: State,
    make_job,
    make_step,
    trap: Trap,
) -> None:
    def markup(kind: str) -> str:
        return f"<b>{kind}</b><img src='{trap.path}'>\x1b[31m\u202e\n<a href='x'>&amp;[*]"

    full = planted(state, markup, make_job(), (make_step(0, True), make_step(1)))
    window = open_window(state)
    window.session.update(full)
    seen = Seen()
    for each in open_all(window):
        seen.look(each)
        qtbot.wait(1)
    look_at_question(seen, window, markup("question"))
    waiting = WaitDialog(window, "Wait", markup("wait"), lambda: None, 0)
    qtbot.waitUntil(waiting.isVisible)
    seen.look(waiting)
    waiting.end()
    from diffviews_desktop.ui.views.solid.view import SolidView

    solid = SolidView(graphics_card=False)
    qtbot.addWidget(solid)
    solid.show()
    assert window.map is not None
    solid.show_state(full, window.map.points.scene_drawn, window.map.coloring)
    seen.look(solid)
    solid.close_threads()
    # without the model
    problem = replace(
        full, opened=replace(full.opened, loaded=None, model_problem=markup("problem"))
    )
    window.session.update(problem)
    for each in [one for one in QApplication.topLevelWidgets() if one.isVisible()]:
        seen.look(each)
    window.session.update(
        replace(problem, opened=replace(problem.opened, samples=None, layer_map=None, linked=None))
    )
    seen.look(window)

    assert not trap.sprung
    assert not [text for text in seen.texts if acts(text)]
    assert not [text for text in seen.tips if acts(text)]
    for text in seen.tips:
        inner = text.removeprefix(START).removesuffix(END)
        assert text == inner or "<" not in inner
        assert text != inner or not GuiQt.mightBeRichText(text)
    said = "\n".join([*seen.texts, *seen.tips]).replace("&lt;", "<").replace("&gt;", ">")
    assert not [
        kind for kind in (*KINDS, "question", "wait", "problem") if f"<b>{kind}" not in said
    ]
    missed = {one.__name__ for one in widgets_of_the_package() - seen.classes}
    assert missed <= NEED_OPENGL | ONLY_INSTALLED


def test_a_tooltip_that_is_shown_reads_no_file(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, trap: Trap
) -> None:
    assert state.opened.samples is not None
    evil = f"<img src='{trap.path}'>"
    names = tuple(evil for _ in state.opened.samples.class_name)
    window = open_window(
        replace(
            state,
            opened=replace(state.opened, samples=replace(state.opened.samples, class_name=names)),
        )
    )
    names_list = window.classes.list
    place = names_list.visualItemRect(names_list.item(0)).center()
    view = names_list.viewport()
    event = QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place))
    QApplication.sendEvent(view, event)
    qtbot.waitUntil(QToolTip.isVisible)
    (shown,) = (w for w in QApplication.topLevelWidgets() if w.inherits("QTipLabel"))
    shown.grab()
    assert evil in shown.text().replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'")
    assert not trap.sprung
    QToolTip.hideText()


@pytest.mark.parametrize("name", ["a\x1b[31m\u202e\n<b>", "שלום", "x" * 10_000])
def test_an_id_is_copied_as_it_is(
    open_window: Callable[..., MainWindow], state: State, name: str
) -> None:
    assert state.opened.samples is not None
    ids = (name, *state.opened.samples.sample_id[1:])
    window = open_window(
        replace(
            state,
            opened=replace(state.opened, samples=replace(state.opened.samples, sample_id=ids)),
        )
    )
    window.map_area._show_menu(0, QPoint())
    menu = window.map_area.menu
    assert menu is not None
    (copy,) = (one for one in menu.actions() if one.text() == "Copy the i&d")
    copy.trigger()
    assert QApplication.clipboard().text() == name
    window.preview.show_row(0)
    facts = window.preview.facts
    selectable = Qt.TextInteractionFlag.TextSelectableByMouse in facts.textInteractionFlags()
    assert selectable == (name in QLabel.text(facts))


def test_details_are_copied_whole_and_harmless(
    open_window: Callable[..., MainWindow], state: State
) -> None:
    window = open_window(state)
    text = "It failed: " + "x" * 5000 + "\x1b[31m."
    window.session.update(state.with_notice(text, error=True))
    bar = window.notice
    assert len(bar.text.text()) <= 400
    assert bar.copy.isVisible()
    bar.copy.click()
    assert QApplication.clipboard().text().strip() == text.replace("\x1b", "\\x1b")
