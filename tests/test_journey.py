"""The whole program as its user sees it: the real window, the real engine process, the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from patience import until
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.app import App, Options
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.values.conditions import ZeroLabel

SECONDS = 1000


@pytest.fixture
def app(qtbot: QtBot, demo: Path) -> Iterator[App]:
    made = App(Options())
    yield made
    made.worker.stop()
    made.window.deleteLater()


def click(qtbot: QtBot, app: App, row: int) -> None:
    """Move over a sample and click it, where it is by then: a notice moves the map."""
    window = app.window
    qtbot.mouseMove(window.map.viewport, window.map.position_of(row).toPoint())
    qtbot.wait(50)
    place = window.map.position_of(row).toPoint()
    qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
    qtbot.wait(50)


def away_from_steps(app: App, label: int) -> int:
    """A sample of a class that no step of the shown runs lies on."""
    session, shown = app.session, app.window.map
    rows = np.flatnonzero(session.state.opened.samples.class_label == label)
    at = np.array([shown.position_of(row).toTuple() for row in rows])
    steps = [
        shown.position_of_step(run.id, index).toTuple()
        for run in session.state.runs.all
        if run.id in shown.paths.run_ids
        for index in range(len(run.steps))
    ]
    apart = np.linalg.norm(at[:, None] - np.array(steps).reshape(1, -1, 2), axis=2)
    return int(rows[apart.min(axis=1, initial=1e9).argmax()])


def choose_layer(app: App, layers: tuple[str, ...]) -> None:
    box = app.window.layer_panel.layers
    index = next(i for i in range(box.count()) if box.itemData(i) == layers)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_the_loop(qtbot: QtBot, app: App) -> None:
    window, session = app.window, app.session
    threads = set(threading.enumerate())

    # open the demo: the map is there before the model
    with qtbot.waitSignal(window.map_shown, timeout=60 * SECONDS):
        app.start()
    state = session.state
    assert state.opened.is_demo
    assert len(state.opened.samples) == 2000
    until(qtbot, lambda: session.state.opened.loaded)
    until(qtbot, lambda: not session.state.jobs.running)
    layers = [info.name for info in session.state.opened.loaded.layers]
    assert "encoder_bottleneck" in layers
    first_map = session.state.opened.layer_map

    # hover
    row = int(np.flatnonzero(state.opened.samples.class_label == 7)[10])
    place = window.map.position_of(row).toPoint()

    def is_previewed() -> bool:  # the mouse comes again: the map may not have come to rest
        for at in (place + QPoint(40, 40), place):
            qtbot.mouseMove(window.map.viewport, at)
        return not window.preview.picture.pixmap().isNull()

    until(qtbot, is_previewed)
    assert "seven" in window.preview.name.text()

    # anchor, suggest
    click(qtbot, app, row)
    anchor = session.state.picks.selection.anchor
    assert anchor is not None
    qtbot.mouseClick(window.gallery.suggest, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: len(session.state.picks.selection.suggested) == 5)
    suggested = session.state.picks.selection.suggested
    assert anchor not in dict(suggested)
    distances = np.linalg.norm(first_map.reduced - first_map.reduced[anchor], axis=1)
    nearest = np.argsort(distances, kind="stable")[1:6]
    assert [pair[0] for pair in suggested] == nearest.tolist()

    # generate: steps arrive as they are computed, the path grows on the map
    counts: list[int] = []

    def watch(old: object, new: object) -> None:
        record = session.state.runs.run()
        if record is not None and (not counts or counts[-1] != len(record.steps)):
            counts.append(len(record.steps))

    session.changed.connect(watch)
    qtbot.mouseClick(window.generate_panel.generate, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.runs.run() and session.state.runs.run().done)
    session.changed.disconnect(watch)
    record = session.state.runs.run()
    assert counts == sorted(counts)  # those of a fast model can share a frame
    assert counts[-1] == len(record.steps)
    assert len(counts) > len(record.steps) / 2
    assert record.condition == ZeroLabel()  # told nothing, as the samples of the map were
    assert record.apart == ""
    assert record.seed is not None
    assert window.runs_panel.steps.strip.count() == len(record.steps) == 10
    assert window.map.paths.run_ids == {record.id}

    # scrub, by slider and by key
    window.runs_panel.steps.slider.setValue(2)
    assert session.state.runs.step == 2
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_Right)
    assert session.state.runs.step == 3
    assert window.runs_panel.steps.where.text().startswith("step 4/10")

    # change the layer: the old map stays until the new one is whole, and comes back exactly
    choose_layer(app, ("encoder_bottleneck",))
    assert session.state.opened.layer_map is first_map
    until(qtbot, lambda: session.state.opened.layer_map.layers == ("encoder_bottleneck",), 180)
    assert session.state.picks.selection.anchor == anchor
    assert session.state.runs.run() is not None
    assert window.map.paths.run_ids == set()  # kept, but it belongs to the other map
    mapped = session.state.opened.layer_map
    choose_layer(app, first_map.layers)
    until(qtbot, lambda: session.state.opened.layer_map.layers == first_map.layers)
    assert np.array_equal(session.state.opened.layer_map.xy, first_map.xy)
    assert window.map.paths.run_ids == {record.id}
    choose_layer(app, ("encoder_bottleneck",))
    until(qtbot, lambda: session.state.opened.layer_map.layers == ("encoder_bottleneck",))
    assert session.state.opened.layer_map.from_cache
    assert np.array_equal(session.state.opened.layer_map.xy, mapped.xy)

    # cancel a job: everything stays as it was
    choose_layer(app, ("decoder_block_12",))
    until(
        qtbot,
        lambda: session.state.jobs.running and session.state.jobs.running[0].stage == "extracting",
    )
    qtbot.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.opened.layer_map.layers == ("encoder_bottleneck",)
    assert session.state.notice.level == "info"
    cache = session.state.opened.layer_map.path.parent
    assert not [entry for entry in cache.iterdir() if entry.name.startswith(".")]

    # switch the model and back: one in memory at a time, each with its own defaults
    names = [model.name for model in session.state.opened.models]
    assert len(names) == 3
    window.layer_panel.model_chosen.emit(names[1])
    until(qtbot, lambda: session.state.opened.model == names[1] and session.state.opened.loaded)
    assert session.state.opened.loaded.resolution == 8
    assert session.state.picks.selection.anchor is None
    click(qtbot, app, 5)
    qtbot.mouseClick(window.generate_panel.generate, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: [r.done for r in session.state.runs.all] == [True] * 2)
    assert session.state.runs.run().steps[-1].image.shape == (8, 8, 1)
    window.layer_panel.model_chosen.emit(names[0])
    until(qtbot, lambda: session.state.opened.model == names[0] and session.state.opened.loaded)

    # kill the engine in the middle: the window says so and goes on
    choose_layer(app, ("decoder_block_12",))
    until(
        qtbot,
        lambda: session.state.jobs.running and session.state.jobs.running[0].stage == "extracting",
    )
    killed = app.worker.engine_pid
    os.kill(killed, signal.SIGKILL)
    until(qtbot, lambda: not any(isinstance(r.job, MapLayer) for r in session.state.jobs.running))
    assert session.state.notice.level == "error"
    assert window.notice.isVisible()
    click(qtbot, app, away_from_steps(app, 7))
    assert session.state.picks.selection.anchor is not None
    qtbot.mouseClick(window.generate_panel.generate, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: [r.done for r in session.state.runs.all] == [True] * 3)
    assert app.worker.engine_pid != killed

    # close: no process and no thread is left
    engine = app.worker.engine_pid
    assert not window.close()  # no session holds the runs
    question = window.sessions.question
    assert question is not None
    (discard,) = (one for one in question.buttons() if "Discard" in one.text().replace("&", ""))
    qtbot.mouseClick(discard, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not psutil.pid_exists(engine))
    assert app.worker._thread.isFinished()
    # a thread of Qt's that logged something stays listed as a dummy
    left = {t for t in threading.enumerate() if not isinstance(t, threading._DummyThread)}
    assert left <= threads
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "spawn_main" in " ".join(child.cmdline())]


WINDOW = """
import sys
from diffviews_desktop.app import App, Options, create_application

if __name__ == "__main__":
    app = create_application(["window"])
    main = App(Options())
    begun = []

    def changed(old, new):
        if new.opened.loaded is not None and not begun and not new.jobs.running:
            from diffviews_desktop.actions import picks
            from diffviews_desktop.actions import runs
            from diffviews_desktop.values.conditions import from_choice
            begun.append(True)
            print("engine", main.worker.engine_pid, flush=True)
            picks.click_point(main.context, 3)
            picks.suggest_neighbors(main.context, 3)
            runs.generate_from_neighbors(
                main.context, settings=new.runs.settings, condition=from_choice(1)
            )
        record = new.runs.run()
        if record is not None and record.done and len(begun) == 1:
            begun.append(True)
            heavy = {"torch", "umap", "sklearn", "numba", "scipy", "pandas"}
            print("heavy", sorted(heavy & set(sys.modules)), flush=True)

    main.session.changed.connect(changed, __import__("PySide6.QtCore").QtCore.Qt.QueuedConnection)
    main.start()
    app.exec()
"""


@pytest.fixture
def running(tmp_path: Path, demo: Path) -> Iterator[subprocess.Popen[str]]:
    """The window in a process of its own, which ends only when it is ended."""
    script = tmp_path / "window.py"
    script.write_text(WINDOW, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_the_windows_process_stays_light_and_takes_its_engine_along(
    running: subprocess.Popen[str],
) -> None:
    said = {}
    for _ in range(2):
        name, _, rest = running.stdout.readline().strip().partition(" ")
        said[name] = rest
    # a map, neighbours, and a picture later, the window's process has imported nothing heavy
    assert said["heavy"] == "[]"
    engine = psutil.Process(int(said["engine"]))
    assert engine.is_running()
    running.send_signal(signal.SIGKILL)
    running.wait()
    end = time.monotonic() + 120
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the engine outlived its window"
        time.sleep(0.1)


def test_a_screenshot_of_the_demo(tmp_path: Path, demo: Path) -> None:
    from PIL import Image

    file = tmp_path / "deep" / "window.png"
    command = [sys.executable, "-m", "diffviews_desktop", "--screenshot", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(file) as picture:
        assert picture.width >= 1000
        colors = picture.convert("RGB").getcolors(1 << 24)
    assert len(colors) > 200  # not a blank window


def test_a_screenshot_of_nothing_says_why(tmp_path: Path) -> None:
    file = tmp_path / "window.png"
    command = [sys.executable, "-m", "diffviews_desktop", "--data", str(tmp_path / "none")]
    command += ["--screenshot", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert str(tmp_path / "none") in done.stderr
    assert "Traceback" not in done.stderr
    assert not file.exists()
