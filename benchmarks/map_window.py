"""How long does the whole window stand still at each gesture, with a million samples on its map?

    python benchmarks/map_window.py [--count N …] [--json FILE]

A real window without an engine; mouse and keys are real events. The samples are points of ten
classes with noise levels, columns and 50 reduced components; their pictures are the demo's. A 2 ms
timer in the window's thread measures the gaps between its beats until the gesture has its effect.
Limit: no gap over 50 ms.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import Row, isolate, parser, report, wait_until

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint

    from diffviews_desktop.state import State

LIMIT_MS = 50.0
REPEATS = 3
COMPONENTS = 50


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--count", type=int, nargs="*", default=[100_000, 1_000_000])
    chosen = options.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        for count in chosen.count:
            rows += measure(count)
    report(rows, chosen.json, "limit")


def make_state(count: int) -> State:
    """A state with that many samples on a map."""
    from diffviews_desktop.data.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.demo import unpack_demo
    from diffviews_desktop.samples import Column
    from diffviews_desktop.state import State
    from diffviews_desktop.worker.jobs import LayerMap

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
        sample_id=tuple(f"sample_{i}" for i in range(count)),
        class_label=label,
        class_name=tuple(demo.class_name[i] for i in which),
        image_path=tuple(demo.image_path[i] for i in which),
        sigma=demo.sigma[which],
        columns={
            "score": Column(reduced[:, 2].copy()),
            "kind": Column((which % 5).astype(np.float32), tuple("abcde")),
        },
    )
    layer_map = LayerMap(
        model="digits",
        layers=("midblock",),
        xy=xy,
        reduced=reduced,
        from_cache=True,
        parameters={},
        path=samples.root,
        trust=random.random(count, dtype=np.float32),
    )
    return State(model="digits", samples=samples, layer_map=layer_map, default_layers=("midblock",))


class _NoEngine:
    """Takes jobs and does none."""

    def __init__(self) -> None:
        self._ids = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def submit(self, job: object) -> None: ...

    def cancel(self, job_id: int) -> None: ...


def measure(count: int) -> list[Row]:
    from PySide6.QtCore import QEventLoop, QPoint, QPointF, QSettings, Qt, QTimer
    from PySide6.QtGui import QMouseEvent, QWheelEvent
    from PySide6.QtTest import QTest

    from diffviews_desktop import operations
    from diffviews_desktop.app import create_application
    from diffviews_desktop.session import Session
    from diffviews_desktop.ui.main_window import MainWindow
    from diffviews_desktop.worker.jobs import LinkedMap

    app = create_application(["map_window"])
    settings = QSettings("diffviews-benchmark", "map_window")
    state = make_state(count)
    session, worker = Session(), _NoEngine()
    window = MainWindow(session, worker, settings)
    window.resize(1440, 900)
    window.show()
    gaps: list[float] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(1e3 * (now - last))
        last = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)

    def pump() -> None:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def rest(seconds: float) -> None:
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, pump)

    rest(0.3)
    window.bring_map()
    session.update(replace(state, layer_map=None, samples=None))
    rest(0.3)
    timer.start(2)
    worst: dict[str, list[float]] = {}
    view = window.map
    assert view is not None
    pixels = view.viewport

    def quiet() -> bool:
        linked = window.map_area.linked
        views = [view] if linked is None else [view, linked]
        return not session.busy and not any(one.busy for one in views)

    def gesture(name: str, *acts: Callable[[], object]) -> None:
        """Do something several times and note the longest gap of each until all is quiet."""
        nonlocal last
        for act in acts:
            rest(0.05)
            gaps.clear()
            last = time.perf_counter()
            act()
            beat()
            rest(0.25)
            wait_until(quiet, pump)
            rest(0.1)
            worst.setdefault(name, []).append(max(gaps))

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    plain, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier

    def at(x: float, y: float) -> QPoint:
        area = pixels.rect()
        return QPoint(round(x * area.width()), round(y * area.height()))

    def drag(points: list[QPoint], keys: Qt.KeyboardModifier = plain) -> None:
        from PySide6.QtCore import QEvent

        def send(kind: QEvent.Type, place: QPoint, button: Qt.MouseButton) -> None:
            held = none if kind == QEvent.Type.MouseButtonRelease else left
            far = QPointF(pixels.mapToGlobal(place))
            app.sendEvent(pixels, QMouseEvent(kind, QPointF(place), far, button, held, keys))
            rest(0.02)

        send(QEvent.Type.MouseButtonPress, points[0], left)
        for place in points[1:]:
            send(QEvent.Type.MouseMove, place, none)
        send(QEvent.Type.MouseButtonRelease, points[-1], left)

    def wheel(turn: int) -> None:
        place = at(0.5, 0.5)
        event = QWheelEvent(
            QPointF(place), QPointF(pixels.mapToGlobal(place)), QPoint(), QPoint(0, turn),
            none, plain, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        app.sendEvent(pixels, event)

    def circle(radius: float) -> list[QPoint]:
        turns = np.linspace(0, 2 * np.pi, 40)
        return [at(0.5 + radius * np.cos(a), 0.5 + radius * np.sin(a)) for a in turns]

    def color(by: str) -> Callable[[], None]:
        return lambda: operations.change_color(session=session, by=by)

    def do(operation: Callable[..., None], **arguments: object) -> Callable[[], None]:
        return lambda: operation(session=session, **arguments)

    gesture("first map", lambda: session.update(state))
    gesture("hover", *[lambda x=x: QTest.mouseMove(pixels, at(x, 0.4)) for x in (0.3, 0.5, 0.7)])
    gesture("pan", *[lambda: drag([at(0.5, 0.5), at(0.55, 0.55), at(0.6, 0.5)])] * REPEATS)
    gesture("wheel zoom", *[lambda: wheel(240), lambda: wheel(480), lambda: wheel(-720)])
    gesture("fit all", *[view.fit] * REPEATS)
    gesture("click: anchor, neighbours", *[
        lambda x=x: QTest.mouseClick(pixels, left, plain, at(x, 0.4)) for x in (0.3, 0.5, 0.7)
    ])  # fmt: skip
    gesture("suggest neighbours", *[
        lambda n=n: operations.suggest_neighbors(session=session, worker=worker, count=n)
        for n in (5, 10, 15)
    ])  # fmt: skip
    gesture("suggest on the map", *[
        lambda n=n: operations.suggest_neighbors(
            session=session, worker=worker, count=n, on_map=True
        )
        for n in (5, 10, 15)
    ])  # fmt: skip
    gesture("shift-click", *[
        lambda x=x: QTest.mouseClick(pixels, left, shift, at(x, 0.4)) for x in (0.3, 0.5, 0.7)
    ])  # fmt: skip
    gesture("rectangle", *[lambda: drag([at(0.2, 0.2), at(0.7, 0.7)], shift)] * REPEATS)
    gesture("lasso", lambda: window.map_area.map_actions.tools["lasso"].trigger(),
            *[lambda r=r: drag(circle(r)) for r in (0.1, 0.25, 0.4)],
            lambda: window.map_area.map_actions.tools["pan"].trigger())  # fmt: skip
    gesture("add by lasso", lambda: drag([at(0.1, 0.1), at(0.4, 0.9)], shift))
    gesture("invert", *[do(operations.invert_chosen)] * REPEATS)
    gesture("select all", do(operations.choose_all))
    gesture("take a class away", do(operations.choose_class, number=3, how="remove"))
    gesture("use as neighbours", do(operations.use_chosen_as_neighbors))
    gesture("undo, redo", session.undo_stack.undo, session.undo_stack.redo)
    gesture("fit selection", view.fit_selection)
    gesture("select nothing", do(operations.clear_chosen))
    gesture("class highlighted", *[do(operations.highlight_class, number=n) for n in (3, 4, None)])
    for by in ("sigma", "trust", "distance", "column:score", "column:kind", "class"):
        gesture(f"colour by {by.removeprefix('column:')}", color(by))
    anchors = [do(operations.new_anchor, row=row) for row in (11, 222, 3333)]
    gesture("another anchor, coloured by distance", color("distance"), *anchors)
    gesture(
        "another anchor, filtered by distance",
        do(operations.filter_values, by="distance", low=None, high=9.0),
        *anchors,
    )
    gesture("show all", do(operations.show_all))
    gesture("filtered by class", *[
        do(operations.toggle_category, by="class", number=n) for n in (1, 2, 1)
    ])  # fmt: skip
    gesture("show all", do(operations.show_all), color("class"))
    shows = window.map_area.map_actions.shows
    gesture("contours", *[shows["contours"].trigger] * 2)
    gesture("names", *[shows["names"].trigger] * 2)
    gesture("theme", *[lambda t=t: window.set_theme(t) for t in ("dark", "light")])
    gesture("ring of the keys", *[
        lambda: QTest.keyClick(view.focusProxy(), Qt.Key.Key_Right)
    ] * REPEATS)  # fmt: skip
    turned = replace(state.layer_map, xy=state.layer_map.xy[:, ::-1].copy(), layers=("other",))
    gesture("another layer's map", *[
        lambda m=m: session.update(replace(session.state, layer_map=m))
        for m in (turned, state.layer_map)
    ])  # fmt: skip
    gesture("second map", window.second_action.trigger, lambda: session.update(
        replace(session.state, linked=LinkedMap(
            map=turned, beside=state.layer_map.layers,
            overlap=np.linspace(0, 1, count, dtype=np.float32),
        ))
    ))  # fmt: skip
    gesture("colour by overlap, two maps", color("overlap"))
    gesture("rectangle, two maps", lambda: drag([at(0.2, 0.2), at(0.7, 0.7)], shift))
    gesture("second map closed", window.second_action.trigger)
    timer.stop()
    window.close()
    window.deleteLater()
    rest(0.1)
    return [
        Row(f"{count:,}: {name}", len(times), max(times), LIMIT_MS, "ms")
        for name, times in worst.items()
    ]


if __name__ == "__main__":
    main()
