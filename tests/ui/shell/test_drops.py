"""What is dropped onto the window is what its name says, and pictures find their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PIL import Image
from pytestqt.qtbot import QtBot
from recorder import Recorder
from test_arranging import drop

from diffviews_desktop.app import App
from diffviews_desktop.engine.jobs.drawing import PlaceFile
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    return open_window(state)


def test_a_folder_is_opened(window: MainWindow, worker: Recorder, tmp_path: Path) -> None:
    assert drop(window, tmp_path)
    job = worker.jobs[-1]
    assert isinstance(job, OpenData)
    assert job.folder.path == tmp_path


def test_a_checkpoint_is_to_be_imported(window: MainWindow, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    assert drop(window, file)
    assert window.pages.importer is not None
    assert window.pages.importer.isVisible()


@pytest.mark.parametrize("names", [["a.txt"], ["a.txt", "b.png"], [], ["a.pt", "b.pt"]])
def test_anything_else_is_refused(window: MainWindow, tmp_path: Path, names: list[str]) -> None:
    assert not drop(window, *(tmp_path / name for name in names))


def test_pictures_wait_for_the_model(window: MainWindow, worker: Recorder, tmp_path: Path) -> None:
    assert drop(window, tmp_path / "a.png", tmp_path / "b.JPG")
    assert worker.jobs == []
    assert window.session.state.notice is not None
    assert window.session.state.notice.text == "The model is not loaded yet."


def test_a_picture_is_placed_on_the_map_and_can_be_taken_off(
    qtbot: QtBot, open_app: Callable[[int], App], tmp_path: Path
) -> None:
    app = open_app(20)
    session = app.session
    samples = session.state.opened.samples
    assert samples is not None
    until(qtbot, lambda: session.state.opened.layer_map)
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "my cat.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert drop(app.window, tmp_path / "my cat.png")
    job = session.state.jobs.running[-1].job
    assert isinstance(job, PlaceFile)
    assert job.sigma == min(one for one in samples.levels if one > 0)
    until(qtbot, lambda: session.state.picks.placed)
    (placed,) = session.state.placed_on_map()
    assert np.isfinite(placed.placed.xy).all()
    assert session.state.notice is not None
    assert session.state.notice.text.startswith("my cat.png lies nearest to #")
    marks = app.window.map_area._placed
    assert marks is not None
    assert [text.toPlainText() for text in marks._texts] == ["my cat.png"]
    other = replace(session.state.opened, parameters=None, told="both")  # type: ignore[arg-type]
    assert replace(session.state, opened=other).placed_on_map() == ()
    drop(app.window, tmp_path / "broken.png")
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.notice.level == "error"
    assert len(session.state.picks.placed) == 1
    app.window.menu_actions["map.clear-placed"].trigger()
    assert marks._texts == []
