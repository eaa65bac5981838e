"""How long does the whole window stand still at each gesture, with a million samples on its map?

    python benchmarks/map_window.py [--count N …] [--json FILE]

A real window without an engine; mouse and keys are real events. The samples are points of ten
classes with noise levels, columns and 50 reduced components; their pictures are the demo's. A 2 ms
timer in the window's thread measures the gaps between its beats until the gesture has its effect.
Limit: no gap over 50 ms. Told is the median of the longest gaps of several tries: on a shared
machine single ones tell of others' work, too.
"""

from __future__ import annotations

import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import Row, isolate, parser, report, wait_until

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QApplication

    from diffviews_desktop.state.state import State

LIMIT_MS = 50.0
ROUNDS = 3
COMPONENTS = 50


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--count", type=int, nargs="*", default=[100_000, 1_000_000])
    options = arguments.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        from diffviews_desktop.app import create_application

        app = create_application(["map_window"])
        for count in options.count:
            rows += measure(app, count)
    report(rows, options.json, "limit")


def make_state(count: int) -> State:
    """A state with that many samples on a map."""
    from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.folder.demo import unpack_demo
    from diffviews_desktop.state.state import State
    from diffviews_desktop.values.columns import Column
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import LayerMap
    from diffviews_desktop.values.packed_strings import Texts

    demo = read_samples(open_data_folder(unpack_demo()).model("digits")).table
    which = np.arange(count) % len(demo)
    random = np.random.default_rng(0)
    reduced = random.standard_normal((count, COMPONENTS), dtype=np.float32)
    label = demo.class_label[which]
    angle = label * (2 * np.pi / 10)
    middle = 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy = (middle + reduced[:, :2]).astype(np.float32)
    samples = replace(
        demo,
        sample_id=Texts.of([f"sample_{i}" for i in range(count)]),
        class_label=label,
        class_name=Texts.of([demo.class_name[i] for i in which.tolist()]),
        image_path=Texts.of([demo.image_path[i] for i in which.tolist()]),
        sigma=demo.sigma[which],
        columns={
            "score": Column(reduced[:, 2].copy()),
            "kind": Column((which % 5).astype(np.float32), tuple("abcde")),
        },
    )
    layers = LayerSet(("midblock",))
    layer_map = LayerMap(
        model="digits",
        layers=layers,
        xy=xy,
        reduced=reduced,
        from_cache=True,
        parameters={},
        path=samples.root,
        trust=random.random(count, dtype=np.float32),
    )
    from diffviews_desktop.state.opened import Opened

    table = pickle.loads(pickle.dumps(samples))  # as it comes from an engine
    return State(
        opened=Opened(model="digits", samples=table, layer_map=layer_map, default_layers=layers)
    )


class _NoEngine:
    """Takes jobs and does none."""

    def __init__(self) -> None:
        self._ids = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def submit(self, job: object) -> None: ...

    def cancel(self, job_id: int) -> None: ...

    def reorder(self, job_ids: Sequence[int]) -> None: ...


def measure(app: QApplication, count: int) -> list[Row]:
    """Rows of a map of that many samples."""
    hand = _Hand(app, make_state(count))
    for _ in range(ROUNDS):
        _round(hand)
    hand.end()
    return [
        Row(f"{count:,}: {name}", len(times), statistics.median(times), LIMIT_MS, "ms")
        for name, times in hand.longest.items()
    ]


class _Hand:
    """A window with a map, and a hand that makes gestures and measures the gaps in its beats."""

    def __init__(self, app: QApplication, state: State) -> None:
        from beats import Beats

        from diffviews_desktop import paths
        from diffviews_desktop.app import leave_to_stay
        from diffviews_desktop.state.session import Session
        from diffviews_desktop.state.settings import Settings
        from diffviews_desktop.ui.shell.window import MainWindow

        self.app, self.state = app, state
        self.session, self.worker = Session(), _NoEngine()
        settings = Settings(paths.data_dir() / "settings.json")
        self.window = MainWindow(self.session, self.worker, settings)
        self.window.resize(1440, 900)
        self.window.show()
        self.samples = self.window.samples.panel  # made now, not within a gesture
        self.longest: dict[str, list[float]] = {}
        self._beats = Beats()
        self._beats.start()
        self.rest(0.3)
        self.window.bring_map()
        self.rest(0.5)
        leave_to_stay()  # as the program does with its first map
        assert self.window.map is not None
        self.view = self.window.map
        self.pixels = self.view.viewport

    def rest(self, seconds: float) -> None:
        """Let events come for a while."""
        from beats import pump

        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, pump)

    def _quiet(self) -> bool:
        linked = self.window.map_area.linked
        views = [self.view] if linked is None else [self.view, linked]
        parts = [self.session.busy, self.window.map_area.values.busy, self.samples.busy]
        return not any([*parts, *(view.busy for view in views)])

    def gesture(self, name: str, *acts: Callable[[], object]) -> None:
        """Do things one by one and note the longest gap of each until all is quiet."""
        from beats import pump

        for act in acts:
            self.rest(0.05)
            self._beats.begin()
            act()
            self.rest(0.25)
            wait_until(self._quiet, pump)
            self.rest(0.1)
            self.longest.setdefault(name, []).append(max(self._beats.gaps))

    def end(self) -> None:
        """Close the window."""
        self._beats.stop()
        self.window.close()
        self.window.deleteLater()
        self.rest(0.1)

    # ---- mouse ----------------------------------------------------------------------------------

    def at(self, x: float, y: float) -> QPoint:
        """A place in the view, by its share of width and height."""
        from PySide6.QtCore import QPoint

        area = self.pixels.rect()
        return QPoint(round(x * area.width()), round(y * area.height()))

    def click(self, x: float, shift: bool = False) -> Callable[[], None]:
        """A click on a sample of the upper half."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
        left = Qt.MouseButton.LeftButton
        return lambda: QTest.mouseClick(self.pixels, left, keys, self.at(x, 0.4))

    def drag(self, *shares: tuple[float, float], shift: bool = False) -> Callable[[], None]:
        """The left button dragged through places."""
        from PySide6.QtCore import QEvent, QPointF, Qt
        from PySide6.QtGui import QMouseEvent

        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier

        def send(kind: QEvent.Type, place: QPoint, button: Qt.MouseButton) -> None:
            buttons = none if kind == QEvent.Type.MouseButtonRelease else left
            far = QPointF(self.pixels.mapToGlobal(place))
            event = QMouseEvent(kind, QPointF(place), far, button, buttons, keys)
            self.app.sendEvent(self.pixels, event)
            self.rest(0.02)

        def run() -> None:
            points = [self.at(*share) for share in shares]
            send(QEvent.Type.MouseButtonPress, points[0], left)
            for place in points[1:]:
                send(QEvent.Type.MouseMove, place, none)
            send(QEvent.Type.MouseButtonRelease, points[-1], left)

        return run

    def wheel(self, turn: int) -> Callable[[], None]:
        """The wheel turned over the middle."""
        from PySide6.QtCore import QPoint, QPointF, Qt
        from PySide6.QtGui import QWheelEvent

        def run() -> None:
            place = self.at(0.5, 0.5)
            event = QWheelEvent(
                QPointF(place), QPointF(self.pixels.mapToGlobal(place)), QPoint(), QPoint(0, turn),
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            self.app.sendEvent(self.pixels, event)

        return run

    def do(self, operation: Callable[..., None], **arguments: object) -> Callable[[], None]:
        """An operation on the session."""
        return lambda: operation(self.window.context, **arguments)


def _round(hand: _Hand) -> None:
    """Every gesture, from no map to none."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from diffviews_desktop.actions import picks, selection, showing
    from diffviews_desktop.actions.preferences import choose_appearance
    from diffviews_desktop.state.state import State
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import LayerMap, LinkedMap

    window, view, session, do = hand.window, hand.view, hand.session, hand.do
    gesture, tools = hand.gesture, hand.window.menu_actions
    first_map = hand.state.opened.layer_map
    assert first_map is not None

    def suggest(count: int, on_map: bool) -> Callable[[], None]:
        return do(picks.suggest_neighbors, count=count, on_map=on_map)

    def color(by: str) -> Callable[[], None]:
        return do(showing.change_color, by=by)

    def show(layer_map: LayerMap, linked: LinkedMap | None = None) -> Callable[[], None]:
        def change() -> None:
            opened = replace(session.state.opened, layer_map=layer_map, linked=linked)
            session.update(replace(session.state, opened=opened))

        return change

    def lasso(radius: float) -> Callable[[], None]:
        turns = np.linspace(0, 2 * np.pi, 40)
        return hand.drag(
            *[(0.5 + radius * np.cos(a), 0.5 + radius * np.sin(a)) for a in turns.tolist()]
        )

    gesture("the map appears", lambda: session.update(hand.state))
    gesture(
        "hover", *[lambda x=x: QTest.mouseMove(hand.pixels, hand.at(x, 0.4)) for x in (0.3, 0.7)]
    )
    gesture("pan", hand.drag((0.5, 0.5), (0.55, 0.55), (0.6, 0.5)))
    gesture("wheel zoom", hand.wheel(240), hand.wheel(480), hand.wheel(-720))
    gesture("fit all", view.fit)
    gesture("click: anchor, neighbours", *map(hand.click, (0.3, 0.5, 0.7)))
    gesture("suggest neighbours", suggest(5, False))
    gesture("suggest neighbours on the map", suggest(10, True))
    gesture("Shift+click", hand.click(0.3, shift=True), hand.click(0.7, shift=True))
    gesture("rectangle", hand.drag((0.2, 0.2), (0.7, 0.7), shift=True))
    tools["view.lasso"].trigger()
    gesture("lasso", lasso(0.1), lasso(0.4))
    tools["view.pan"].trigger()
    gesture("invert", do(selection.invert_chosen))
    gesture("select all", do(selection.choose_all))
    gesture("take a class away", do(selection.choose_class, number=3, how="remove"))
    gesture("use as neighbours", do(selection.use_chosen_as_neighbors))
    gesture("undo, redo", session.undo_stack.undo, session.undo_stack.redo)
    gesture("fit the selection", view.fit_selection)
    gesture("select nothing", do(selection.clear_chosen))
    gesture("class highlighted", *[do(showing.highlight_class, number=n) for n in (3, None)])
    for by in ("sigma", "trust", "distance", "column:score", "column:kind"):
        gesture(f"colour by {by.removeprefix('column:')}", color(by))
    gesture("colour by class", color("class"))
    color("distance")()
    anchors = [do(picks.new_anchor, row=row) for row in (11, 222)]
    gesture("another anchor, coloured by distance", *anchors)
    do(showing.filter_values, by="distance", low=None, high=9.0)()
    gesture("another anchor, filtered by distance", *anchors)
    gesture("show all", do(showing.show_all))
    gesture("filtered by class", *[
        do(showing.toggle_category, by="class", number=n) for n in (1, 2)
    ])  # fmt: skip
    do(showing.show_all)()
    color("class")()
    actions = window.menu_actions
    gesture("contours", *[actions["view.contours"].trigger] * 2)
    gesture("names", *[actions["view.names"].trigger] * 2)
    proxy, key = view.focusProxy(), Qt.Key.Key_Right
    assert proxy is not None
    gesture("arrow keys", *[lambda: QTest.keyClick(proxy, key)] * 2)
    second_map = replace(first_map, xy=first_map.xy[:, ::-1].copy(), layers=LayerSet(("other",)))
    gesture("another layer's map", show(second_map), show(first_map))
    threads = ThreadPoolExecutor(1)
    gesture("export as PNG", lambda: threads.submit(view.export()))
    gesture("export as SVG", lambda: threads.submit(view.export(vectors=True)))
    threads.shutdown()
    gesture("second map opened", window.menu_actions["maps.second"].trigger)
    overlap = np.linspace(0, 1, len(first_map.xy), dtype=np.float32)
    gesture("second map", show(first_map, LinkedMap(second_map, first_map.layers, overlap)))
    gesture("colour by overlap, two maps", color("overlap"))
    gesture("rectangle, two maps", hand.drag((0.2, 0.2), (0.7, 0.7), shift=True))
    gesture("second map closed", window.menu_actions["maps.second"].trigger)
    _samples(hand)
    gesture("theme", *[partial(choose_appearance, window.context, t) for t in ("dark", "light")])
    session.update(State())
    hand.rest(0.5)


def _samples(hand: _Hand) -> None:
    """Every gesture in the dock of samples."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from diffviews_desktop.actions import finding, groups, selection, showing

    panel, gesture, do = hand.samples, hand.gesture, hand.do
    down, key = Qt.SortOrder.DescendingOrder, Qt.Key.Key_PageDown
    gesture("samples: listed", lambda: hand.window.show_page("find"))
    for title, column in (("score", 4), ("id", 1), ("class", 2)):
        gesture(f"samples: sorted by {title}", partial(panel.table.sortByColumn, column, down))
    gesture("samples: scrolled", *[lambda: QTest.keyClick(panel.table, key)] * 3)
    gesture("samples: found by id", do(finding.find_samples, text="77777", where="id"))
    gesture("samples: found everywhere", do(finding.find_samples, text="777"))
    gesture("samples: gone through", *[do(finding.go_through, by=1)] * 2)
    gesture("samples: a class selected", do(selection.choose_class, number=3))
    gesture("samples: the selected listed", lambda: panel.list_scope("selection"))
    gesture("samples: pictures", lambda: panel.show_page("pictures"))
    gesture("samples: filters", lambda: panel.show_page("filters"))
    gesture(
        "samples: filtered by class and σ",
        do(showing.only_category, by="class", number=3, count=10),
        do(showing.toggle_category, by="level", number=0),
    )
    gesture("samples: a selection named", do(groups.name_chosen, name="threes"))
    gesture("samples: coloured by selections", do(showing.change_color, by="set"))
    do(showing.change_color, by="class")()
    do(showing.show_all)()
    do(selection.clear_chosen)()
    do(finding.find_samples, text="")()
    panel.show_page("table")
    panel.list_scope("all")
    hand.window.layout_of_docks.docks[4].raise_()
    hand.rest(0.3)


if __name__ == "__main__":
    main()
