"""Maps and imports as the user makes them: the real window, the real engine process, small data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import until
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.app import App

SAMPLES = 400
SLACK = 4  # pixels: the map is as wide as the panels beside it leave it


@pytest.fixture
def app(open_app: Callable[[int], App]) -> App:
    return open_app(SAMPLES)


def click(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def enter(qtbot: QtBot, field: QLineEdit | QSpinBox, text: str) -> None:
    """Type over what a field holds."""
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)


def choose(qtbot: QtBot, box: QComboBox, data: object) -> None:
    """Choose from a list with the keyboard, which passes over what cannot be chosen."""
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.count()):
        if box.currentData() != data:
            qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() == data


def places(qtbot: QtBot, app: App) -> np.ndarray:
    """Where the first samples are drawn ``(12, 2)``, in pixels, while nothing stands above them."""
    click(qtbot, app.window.notice.close_button)
    qtbot.wait(50)
    until(qtbot, lambda: not app.window.map.glide.running)
    points = [app.window.map.position_of(row) for row in range(12)]
    return np.array([(point.x(), point.y()) for point in points])


def can_be_chosen(box: QComboBox, data: object) -> bool:
    return box.model().item(box.findData(data)).isEnabled()


def test_a_map_with_other_settings(qtbot: QtBot, app: App) -> None:
    window, session = app.window, app.session
    own, before = session.state.opened.layer_map, places(qtbot, app)
    colors = window.color_panel.choice
    assert not can_be_chosen(colors, "trust")  # nobody judged the map that the folder brings

    # other settings: the old map stays until the new one is whole
    click(qtbot, window.settings_button)
    settings = window.pages.map_settings
    assert settings.isVisible()
    enter(qtbot, settings.neighbors, "7")
    choose(qtbot, settings.metric_choice, "cosine")
    click(qtbot, settings.make)
    assert session.state.opened.layer_map is own
    until(qtbot, lambda: session.state.opened.layer_map is not own)
    made = session.state.opened.layer_map
    assert (made.parameters["n_neighbors"], made.parameters["metric"]) == (7, "cosine")
    assert made.layers == own.layers
    assert made.xy.shape == (SAMPLES, 2)
    until(qtbot, lambda: not session.state.jobs.running)
    drawn = places(qtbot, app)
    assert not np.allclose(drawn, before, atol=5 * SLACK)
    assert settings.hint.text() == "The map on screen was made with these settings."
    assert not settings.make.isEnabled()
    assert f"trustworthiness {made.trustworthiness:.2f}" in window.status.facts.text()

    # colour by trustworthiness, and back
    by_class = window.map.grab().toImage()
    choose(qtbot, colors, "trust")
    qtbot.wait(50)
    assert session.state.colored_by == "trust"
    assert window.map.legend.isVisible()
    assert "trust" in window.map.legend.accessibleName()
    assert window.map.grab().toImage() != by_class
    choose(qtbot, colors, "class")
    assert not window.map.legend.isVisible()

    # cancelled half way: the map and what is drawn stay, and nothing is left on the disk
    enter(qtbot, settings.neighbors, "200")  # the more, the longer it takes
    click(qtbot, settings.make)
    until(
        qtbot, lambda: [r for r in session.state.jobs.running if r.stage == "UMAP" and r.fraction]
    )
    click(qtbot, window.status.cancel)
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.notice.text == "Cancelled: mapping midblock."
    assert session.state.opened.layer_map is made
    assert np.allclose(places(qtbot, app), drawn, atol=SLACK)
    assert settings.neighbors.value() == 200  # what was entered stays, too
    assert settings.make.isEnabled()
    assert not [entry for entry in made.path.parent.iterdir() if entry.name.startswith(".")]

    # back to the folder's own map
    click(qtbot, settings.own)
    until(
        qtbot,
        lambda: session.state.opened.parameters is None and not session.state.jobs.running,
    )
    assert np.array_equal(session.state.opened.layer_map.xy, own.xy)
    assert np.allclose(places(qtbot, app), before, atol=SLACK)
    assert settings.neighbors.value() == 15


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eight pictures of another shape than the model's and a broken one; a table names classes."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for i in range(8):
        picture = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / f"{i}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("nor this", encoding="utf-8")
    rows = [f"{i}.png,{i % 2},{('cat', 'dog')[i % 2]}" for i in range(8)]
    lines = ["Filename,Label,Name", *rows, "broken.jpg,1,dog"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def press_import(qtbot: QtBot, window: QWidget) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)


def test_pictures_are_imported(qtbot: QtBot, app: App, pictures: Path, tmp_path: Path) -> None:
    window, session = app.window, app.session
    write_tiny_checkpoint(tmp_path / "net" / "mine.safetensors", seed=1)
    press_import(qtbot, window)
    asked = window.pages.importer
    assert asked.isVisible()

    # which model: its name is suggested
    enter(qtbot, asked.checkpoint, str(tmp_path / "net" / "mine"))
    assert not asked.next.isEnabled()
    assert asked.rows["checkpoint"].sentence.text() == "There is no such file or folder."
    qtbot.keyClicks(asked.checkpoint, ".safetensors")
    assert asked.name.text() == "mine"
    click(qtbot, asked.next)

    # which pictures: they are counted while the user goes on
    enter(qtbot, asked.images, str(pictures))
    until(qtbot, lambda: asked.rows["images"].sentence.text() == "9 pictures.")
    enter(qtbot, asked.labels, str(tmp_path / "labels.csv"))
    until(qtbot, asked.next.isEnabled)
    click(qtbot, asked.next)

    # what to make: beside the model that is open
    assert asked.out.text() == str(tmp_path / "data")
    enter(qtbot, asked.sigmas, "0.5, 2")
    enter(qtbot, asked.layers, "midblock")
    said = f"9 pictures at 2 noise levels: 18 samples in {tmp_path / 'data' / 'mine'}"
    assert asked.summary.text() == said
    assert asked.next.text() == "&Import"
    click(qtbot, asked.next)
    assert not asked.isVisible()
    assert session.state.opened.model == "tiny"  # it stays until the new one is there

    # what cannot be read is named, and the rest is there
    until(qtbot, lambda: window.notice.isVisible() and "broken" in window.notice.text.text())
    text = window.notice.text.text()
    assert text.startswith("Imported 8 pictures as 16 samples of mine")
    assert "broken.jpg" in text
    until(qtbot, lambda: session.state.opened.model == "mine" and session.state.opened.loaded)
    state = session.state
    assert state.opened.path == tmp_path / "data"
    assert state.opened.samples.classes() == [(0, "cat", 8), (1, "dog", 8)]
    assert state.opened.samples.sigma.tolist() == [0.5, 2.0] * 8
    assert state.opened.layer_map.layers == ("midblock",)
    assert np.isfinite(state.opened.layer_map.xy).all()
    models = window.layer_panel.models
    assert [models.itemText(i) for i in range(models.count())] == ["mine", "tiny"]
    assert models.currentText() == "mine"
    assert window.map_area.currentWidget() is window.map
    assert len({tuple(place) for place in places(qtbot, app)}) > 1

    # the next import starts afresh
    press_import(qtbot, window)
    assert asked.isVisible()
    assert (asked.checkpoint.text(), asked.images.text()) == ("", "")
    asked.close()
