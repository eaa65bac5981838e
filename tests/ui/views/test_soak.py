"""Random gestures on the whole window: nothing raises, nothing grows, `None` keeps its references.

300 of them in the usual run; ``DIFFVIEWS_SOAK=10000`` does as many as it says.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from made_context import context_of
from made_runs import run_of
from PySide6.QtCore import QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.actions.preferences import choose_appearance
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.maps import LinkedMap

GESTURES = int(os.environ.get("DIFFVIEWS_SOAK", "300"))
KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return,
    Qt.Key.Key_Space, Qt.Key.Key_N, Qt.Key.Key_V, Qt.Key.Key_R, Qt.Key.Key_L, Qt.Key.Key_Z,
    Qt.Key.Key_F, Qt.Key.Key_T, Qt.Key.Key_C, Qt.Key.Key_D, Qt.Key.Key_A, Qt.Key.Key_Escape,
    Qt.Key.Key_S, Qt.Key.Key_Comma, Qt.Key.Key_Period, Qt.Key.Key_2,
)  # fmt: skip
HELD = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Hand:
    """Does one random thing after the other to a window."""

    def __init__(
        self, window: MainWindow, states: list[State], drag: Callable[..., None], seed: int
    ) -> None:
        self.window, self.states, self.drag = window, states, drag
        self.random = random.Random(seed)
        self.gestures: list[Callable[[], None]] = [
            self.drag_somewhere, self.drag_somewhere, self.drag_somewhere, self.hover, self.hover,
            self.click, self.click, self.wheel, self.wheel, self.press, self.press, self.press,
            self.color, self.filter, self.other_map, self.undo, self.whole_selection, self.size,
            self.dock, self.theme, self.second, self.sizes,
        ]  # fmt: skip

    def act(self) -> None:
        self.random.choice(self.gestures)()
        QApplication.processEvents()

    def somewhere(self) -> QPoint:
        view = self.window.map.viewport
        return QPoint(self.random.randrange(view.width()), self.random.randrange(view.height()))

    def drag_somewhere(self) -> None:
        way = [self.somewhere() for _ in range(self.random.randint(2, 5))]
        release = self.random.random() > 0.1
        self.drag(self.window.map.viewport, way, self.random.choice(HELD), release=release)
        if not release:
            QTest.keyClick(self.window.map.focusProxy(), Qt.Key.Key_Escape)
            self.drag(self.window.map.viewport, way[-1:])

    def hover(self) -> None:
        QTest.mouseMove(self.window.map.viewport, self.somewhere())

    def click(self) -> None:
        left = Qt.MouseButton.LeftButton
        do = self.random.choice([QTest.mouseClick, QTest.mouseClick, QTest.mouseDClick])
        do(self.window.map.viewport, left, self.random.choice(HELD[:2]), self.somewhere())

    def wheel(self) -> None:
        view, place = self.window.map.viewport, self.somewhere()
        turn = QPoint(0, self.random.choice((-240, -120, 120, 240)))
        none = Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(
            QPointF(place), QPointF(view.mapToGlobal(place)), QPoint(), turn,
            Qt.MouseButton.NoButton, none, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)

    def press(self) -> None:
        QTest.keyClick(self.window.map.focusProxy(), self.random.choice(KEYS))

    def color(self) -> None:
        choice = self.window.color_panel.choice
        names = [choice.itemData(i) for i in range(choice.count()) if choice.itemData(i)]
        showing.change_color(self.window.context, by=self.random.choice(names))

    def sizes(self) -> None:
        by = self.random.choice((None, "sigma", "distance", "column:score"))
        showing.change_size(self.window.context, by=by)

    def filter(self) -> None:
        session = self.window.session
        number = self.random.randrange(3)
        which = self.random.randrange(4)
        if which == 0:
            showing.toggle_category(context_of(session), by="class", number=number)
        elif which == 1:
            low = self.random.random() * 2
            showing.filter_values(context_of(session), by="column:score", low=low, high=None)
        elif which == 2:
            showing.highlight_class(context_of(session), number=number)
        else:
            showing.show_all(context_of(session))

    def other_map(self) -> None:
        other = self.random.choice(self.states)
        session = self.window.session
        session.update(
            replace(
                session.state,
                opened=replace(session.state.opened, layer_map=other.opened.layer_map, linked=None),
            )
        )

    def undo(self) -> None:
        stack = self.window.session.undo_stack
        self.random.choice([stack.undo, stack.redo])()

    def whole_selection(self) -> None:
        do = self.random.choice(
            [
                selection.choose_all,
                selection.invert_chosen,
                selection.clear_chosen,
                selection.use_chosen_as_neighbors,
                picks.clear_selection,
            ]
        )
        do(self.window.context)

    def size(self) -> None:
        self.window.resize(self.random.randint(1280, 1700), self.random.randint(720, 1000))

    def dock(self) -> None:
        dock = self.random.choice(self.window.layout_of_docks.docks)
        dock.setFloating(not dock.isFloating())

    def theme(self) -> None:
        choose_appearance(self.window.context, self.random.choice(("light", "dark")))

    def second(self) -> None:
        session = self.window.session
        if not self.window.menu_actions["maps.second"].isChecked():
            self.window.menu_actions["maps.second"].trigger()
        shown = session.state.opened.layer_map
        overlap = np.random.default_rng(0).random(len(shown.xy)).astype(np.float32)
        other = LinkedMap(map=shown, beside=shown.layers, overlap=overlap)
        session.update(replace(session.state, opened=replace(session.state.opened, linked=other)))


def test_random_gestures_break_and_keep_nothing(
    qtbot: QtBot,
    tmp_path: Path,
    state: State,
    drag: Callable[..., None],
    make_job: Callable,
    make_step: Callable,
) -> None:
    column = {"score": Column(np.linspace(0, 3, 30).astype(np.float32))}
    state = replace(
        state, opened=replace(state.opened, samples=replace(state.opened.samples, columns=column))
    )
    record = run_of(make_job(), "Run 1", tuple(map(make_step, range(4))), done=True)
    state = replace(state, runs=replace(state.runs, all=(record,), shown=record.id))
    turned = replace(
        state.opened.layer_map, xy=state.opened.layer_map.xy[:, ::-1].copy(), layers=("other",)
    )
    states = [state, replace(state, opened=replace(state.opened, layer_map=turned))]
    settings = Settings(tmp_path / "settings.json")
    settings.change({"reduced_motion": "false"})
    window = MainWindow(Session(), Recorder(), settings)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.bring_map()
    with qtbot.waitSignal(window.map_area.painted):
        window.session.update(state)
    hand = Hand(window, states, drag, seed=1)

    def settle() -> tuple[int, int, int]:
        window.session.update(
            replace(window.session.state, jobs=replace(window.session.state.jobs, running=()))
        )
        window.session.undo_stack.clear()
        qtbot.wait(900)
        gc.collect()
        return sys.getrefcount(None), len(window.findChildren(QObject)), resident_bytes()

    first = max(50, GESTURES // 5)  # what is made once, is made by then
    for _ in range(first):
        hand.act()
    nones, objects, memory = settle()
    for _ in range(GESTURES - first):
        hand.act()
    nones_now, objects_now, memory_now = settle()
    if sys.version_info < (3, 12):  # from then on None is immortal
        assert nones_now > nones - 500
    assert objects_now < objects + 100
    assert memory_now < memory + 40e6 + 2e3 * GESTURES
    # and it still works
    window.session.update(
        replace(
            state,
            view=replace(state.view, color_by="class", filters=()),
            opened=replace(state.opened, linked=None),
        )
    )
    window.map.set_tool("pan")
    window.map.fit()
    qtbot.waitUntil(lambda: not window.map.glide.running and not window.map.box.flying)
    assert sorted(window.map.points.scene_drawn.rows.tolist()) == list(range(30))
    window.map_area.close_threads()
