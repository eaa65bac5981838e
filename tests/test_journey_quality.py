"""What a map is worth, as the user finds out: the real window, the real engine process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from patience import until
from pictures_at_levels import SIGMAS, repeat_pictures
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.app import App, Options
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.state.picks import Within
from diffviews_desktop.ui.views.flat.renderer import choose_renderer
from diffviews_desktop.values.folders import FolderRef

SAMPLES = 200


def click(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def shown_figures(app: App) -> dict[str, str]:
    """What map settings show of how well the map shows its layer."""
    figures = app.window.pages.map_settings.figures
    rows = zip(figures.titles, figures.values, strict=True)
    return {title.text(): value.whole for title, value in rows if title.isVisible()}


def make_map(qtbot: QtBot, app: App) -> None:
    before = app.session.state.opened.layer_map
    click(qtbot, app.window.pages.map_settings.make)
    until(qtbot, lambda: app.session.state.opened.layer_map is not before)
    until(qtbot, lambda: not app.session.state.jobs.running)


def test_a_map_is_assessed(qtbot: QtBot, open_app: Callable[[int], App]) -> None:
    app = open_app(SAMPLES)
    window, session = app.window, app.session
    click(qtbot, window.settings_button)
    settings = window.pages.map_settings
    assert settings.verdict.text().startswith("This map was not measured.")
    assert shown_figures(app) == {}

    # what is measured when a map is made: neighbours kept, beside the map without structure
    settings.neighbors.setValue(7)
    make_map(qtbot, app)
    made = session.state.opened.layer_map
    figures = shown_figures(app)
    quality = made.quality
    assert figures["Trustworthiness"] == f"{made.trustworthiness:.3f}  (blobs {quality.blobs:.3f})"
    kept = f"{quality.kept:.0%}  (whole layer {quality.kept_of_layer:.0%})"
    assert figures["Neighbours kept"] == kept
    assert figures["Kept by the components"] == f"{quality.reduction:.0%}"
    assert f"{quality.kept:.0%} of neighbours kept" in window.status.facts.whole

    # cancelled, nothing was found out
    click(qtbot, settings.assess)
    until(qtbot, lambda: [job for job in session.state.jobs.running if job.fraction])
    assert not settings.assess.isEnabled()
    click(qtbot, window.status.cancel)
    until(qtbot, lambda: not session.state.jobs.running)
    assert session.state.opened.assessment is None
    assert shown_figures(app) == figures

    # what takes longer: classes and what of them is the label, and what the seed decides
    click(qtbot, settings.assess)
    until(qtbot, lambda: session.state.opened.assessment)
    found = session.state.opened.assessment
    after = shown_figures(app)
    assert after.items() > figures.items()
    read = f"{found.classes.on_map:.0%}  (chance {found.classes.chance:.0%})"
    assert after["Class read"] == read
    assert found.classes.told_samples == SAMPLES
    assert found.stability.seeds == (42, 43, 44)
    assert found.stability.verdict in settings.verdict.text()
    assert session.state.notice.text == found.stability.verdict

    # another map is another question
    settings.neighbors.setValue(9)
    make_map(qtbot, app)
    assert session.state.opened.assessment is None
    assert "Class read" not in shown_figures(app)
    assert session.state.opened.layer_map.quality.kept is not None


def test_neighbours_are_suggested_in_the_whole_layer(
    qtbot: QtBot, open_app: Callable[[int], App]
) -> None:
    app = open_app(SAMPLES)
    window, session = app.window, app.session
    click(qtbot, window.settings_button)
    window.pages.map_settings.pca.setValue(2)  # two components lose most neighbours
    make_map(qtbot, app)
    made = session.state.opened.layer_map
    assert made.quality.loses_neighbors
    window.pages.map_settings.close()

    click(qtbot, window.notice.close_button)
    until(qtbot, lambda: not window.map.glide.running)
    qtbot.wait(50)
    qtbot.mouseMove(window.map.viewport, window.map.position_of(11).toPoint())
    qtbot.wait(50)
    place = window.map.position_of(11).toPoint()
    qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
    anchor = session.state.picks.selection.anchor
    assert anchor is not None
    click(qtbot, window.gallery.suggest)
    until(qtbot, lambda: session.state.picks.selection.suggested)
    selection = session.state.picks.selection
    assert selection.in_layer

    # they are the nearest of the standardised activations, not those of the components
    rows = np.load(made.path / "activations.npy").astype(np.float64)
    reduction = Projector.load(made.path / "projector.npz").reduction
    whole = (rows - reduction.mean) / reduction.scale
    away = np.linalg.norm(whole - whole[anchor], axis=1)
    nearest = np.argsort(away, kind="stable")[1:6]
    assert [row for row, _ in selection.suggested] == nearest.tolist()
    np.testing.assert_allclose([far for _, far in selection.suggested], away[nearest], rtol=1e-4)
    few = np.linalg.norm(made.reduced - made.reduced[anchor], axis=1)
    assert nearest.tolist() != np.argsort(few, kind="stable")[1:6].tolist()

    # colours tell what the components leave out
    colors = window.color_panel.choice
    colors.setCurrentIndex(colors.findData("outside"))
    colors.activated.emit(colors.currentIndex())
    assert session.state.colored_by == "outside"
    assert "outside the components" in window.map.legend.accessibleName()


# ---- one map per noise level --------------------------------------------------------------------


@pytest.fixture
def levels_app(
    qtbot: QtBot, tiny_data: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    """Forty pictures at three noise levels."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("DIFFVIEWS_RENDERER", "opengl")
    data = tiny_data(samples=120, embedding=False)
    repeat_pictures(data)
    app = App(Options(folder=FolderRef(data)))
    app.start()
    until(qtbot, lambda: app.session.state.opened.loaded and not app.session.state.jobs.running)
    until(qtbot, lambda: app.session.state.opened.layer_map)
    yield app
    app.worker.stop()
    app.window.deleteLater()


def test_the_levels_of_aligned_maps_are_stacked(qtbot: QtBot, levels_app: App) -> None:
    window, session = levels_app.window, levels_app.session
    click(qtbot, window.settings_button)
    settings = window.pages.map_settings
    settings.level.setCurrentIndex(settings.level.findData("aligned"))
    plain = session.state.opened.layer_map

    # cancelled while it is laid out, the old map stays
    click(qtbot, settings.make)
    stage = f"UMAP of {len(SIGMAS)} noise levels"
    until(qtbot, lambda: [r for r in session.state.jobs.running if r.stage == stage])
    click(qtbot, window.status.cancel)
    until(qtbot, lambda: not session.state.jobs.running)
    if session.state.opened.layer_map is plain:  # it was not too late
        make_map(qtbot, levels_app)
    made = session.state.opened.layer_map
    assert made.aligned
    assert "one map per noise level" in window.status.facts.text()
    assert settings.level.currentData() == "aligned"
    places = made.xy.reshape(-1, 3, 2)
    apart = np.linalg.norm(places[:, 0] - places[:, 2], axis=1).mean()
    assert apart < np.linalg.norm(places[:, 0] - places[::-1, 2], axis=1).mean()

    # on the map itself, the nearest are those of the anchor's level
    levels_app.context.session.select(type(session.state.picks.selection)(anchor=4), "pick")
    window.gallery.suggestion_changed.emit(5, True, Within())
    click(qtbot, window.gallery.suggest)
    until(qtbot, lambda: session.state.picks.selection.suggested)
    assert {row % 3 for row, _ in session.state.picks.selection.suggested} == {4 % 3}

    if choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    window.menu_actions["view.solid"].trigger()
    solid = window.map_area.switch.view
    until(qtbot, lambda: solid is not None and len(solid.canvas.cloud) == len(made.xy))
    assert solid.axis == "sigma"
    assert solid.note.whole.startswith("Each noise level has a map of its own")
    cloud = solid.canvas.cloud
    heights = np.array([cloud.place_of(row)[2] for row in range(6)])
    assert heights[0] < heights[1] < heights[2]
    np.testing.assert_allclose(heights[:3], heights[3:], atol=1e-6)
