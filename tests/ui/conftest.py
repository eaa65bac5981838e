"""A real window with a real engine, and panels by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.remembered import restore
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings


@pytest.fixture
def samples(tmp_path: Path) -> SampleTable:
    """30 samples of three classes with pictures of one grey each; number 4 has none."""
    count = 30
    for i in range(count):
        if i != 4:
            picture = Image.fromarray(np.full((8, 8), 5 * i, dtype=np.uint8))
            picture.save(tmp_path / f"{i}.png")
    return SampleTable(
        root=tmp_path,
        sample_id=tuple(f"sample_{i}" for i in range(count)),
        class_label=np.arange(count, dtype=np.int32) % 3,
        class_name=tuple(("zero", "one", "two")[i % 3] for i in range(count)),
        image_path=tuple(f"{i}.png" for i in range(count)),
        sigma=np.where(np.arange(count) % 2, 0.5, 8.0).astype(np.float32),
    )


@pytest.fixture
def state(samples: SampleTable) -> State:
    """A state with those samples on a map: a grid six wide."""
    rows = np.arange(len(samples))
    xy = np.stack([rows % 6, rows // 6], axis=1).astype(np.float32)
    layer_map = LayerMap(
        model="m",
        layers=("midblock",),
        xy=xy,
        reduced=xy,
        from_cache=True,
        parameters={},
        path=samples.root,
    )
    return State(
        opened=Opened(model="m", samples=samples, layer_map=layer_map, default_layers=("midblock",))
    )


@pytest.fixture
def make_job() -> Callable[..., Generate]:
    def make(job_id: int = 1, **settings: object) -> Generate:
        return Generate(
            job_id=job_id,
            folder=FolderRef(),
            spec=MapSpec("m", ("midblock",)),
            interventions=mean_of_samples((1, 2)),
            condition=from_choice("zero"),
            settings=SamplingSettings(**settings),
        )

    return make


@pytest.fixture
def make_step() -> Callable[..., RunStep]:
    def make(index: int, imposed: bool = False) -> RunStep:
        return RunStep(
            index=index,
            sigma=10.0 / (index + 1),
            image=np.full((8, 8, 1), 200, dtype=np.uint8),
            noised=np.full((8, 8, 1), 40, dtype=np.uint8),
            xy=(float(index), 1.0),
            distance=0.5,
            imposed_xy=(2.0, 2.0) if imposed else None,
        )

    return make


@pytest.fixture
def worker() -> Recorder:
    return Recorder()


@pytest.fixture
def open_window(
    qtbot: QtBot, tmp_path: Path, worker: Recorder
) -> Iterator[Callable[..., MainWindow]]:
    """Opens a window without an engine that shows a state; settings by name."""
    made: list[MainWindow] = []

    def open_it(state: State, **settings: str) -> MainWindow:
        kept = Settings(tmp_path / "settings.json")
        kept.change({"reduced_motion": "true", **settings})
        window = MainWindow(Session(), worker, kept)
        qtbot.addWidget(window)
        made.append(window)
        with qtbot.waitExposed(window):
            window.show()
        window.bring_map()
        with qtbot.waitSignal(window.map_area.painted):
            window.session.update(restore(state, kept))
        return window

    yield open_it
    for window in made:  # nobody is asked whether to interrupt what is running
        window.session.update(
            replace(window.session.state, jobs=replace(window.session.state.jobs, running=()))
        )
        window.close()


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    return open_window(state)


@pytest.fixture
def drag() -> Callable[..., None]:
    """Drags the left button over a widget through points, with keys held."""

    def move(
        widget: QWidget,
        points: list[QPoint],
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        *,
        release: bool = True,
    ) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

        def send(kind: QEvent.Type, place: QPoint, button: Qt.MouseButton) -> None:
            held = none if kind == QEvent.Type.MouseButtonRelease else left
            at, far = QPointF(place), QPointF(widget.mapToGlobal(place))
            QApplication.sendEvent(widget, QMouseEvent(kind, at, far, button, held, keys))
            QTest.qWait(12)  # the plot takes no more than a hundred moves a second

        send(QEvent.Type.MouseButtonPress, points[0], left)
        for place in points[1:]:
            send(QEvent.Type.MouseMove, place, none)
        if release:
            send(QEvent.Type.MouseButtonRelease, points[-1], left)

    return move


@pytest.fixture(autouse=True)
def light_theme(qapp: QApplication) -> Iterator[None]:
    """Each test starts from the same appearance, and nothing moves by itself."""
    from diffviews_desktop.ui.common import motion, theme

    def lighten() -> None:
        if theme.is_dark() or not qapp.styleSheet():  # else it is a tenth of a second for nothing
            theme.apply("light")

    lighten()
    motion.set_reduced(True)
    yield
    lighten()
    motion.set_reduced(False)
