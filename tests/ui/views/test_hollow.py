"""Steps that are unlike the samples are hollow, and said to be so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_runs import run_of
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import pixels_of
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.marks import MARKS
from diffviews_desktop.ui.views.flat.overlays import is_hollow, marker_of
from diffviews_desktop.ui.views.solid.overlays import draw_path, step_places
from diffviews_desktop.ui.views.solid.third_axis import third_axis
from diffviews_desktop.values.camera import Camera, Projection
from diffviews_desktop.values.typicality import Measured, Typicality

USUAL = Typicality(Measured(1.0, 40.0, 2.0), Measured(0.3, 60.0, 0.4), (1.0, 2.0), (0.2, 5.0), 1.5)
BEYOND = replace(USUAL, outside=Measured(0.92, 100.0, 0.4))
HOLLOW_MEANS = MARKS["hollow"].meaning
NOISY = replace(USUAL, sigma=80.0)


@pytest.fixture
def run(make_job: Callable, make_step: Callable) -> Run:
    """Four steps: outside the noise levels, beyond, usual, and one that nobody compared."""
    figures = (NOISY, BEYOND, USUAL, None)
    places = ((1.5, 3.5), (2.5, 3.5), (3.5, 3.5), (4.5, 3.5))  # between the samples
    steps = tuple(
        replace(make_step(i), typicality=one, xy=place)
        for i, (one, place) in enumerate(zip(figures, places, strict=True))
    )
    return run_of(make_job(num_steps=5), "Run 1", steps=steps)


def with_run(state: State, run: Run, shown: int | None = None) -> State:
    placed = replace(run, job=replace(run.job, folder=state.opened.folder, spec=state.opened.spec))
    return replace(state, runs=replace(state.runs, all=(placed,), shown=shown, step=0))


def test_only_what_is_unlike_the_samples_is_hollow(run: Run) -> None:
    assert [is_hollow(step) for step in run.steps] == [True, True, False, False]
    for background in ("#ffffff", "#121417"):
        markers = [marker_of(run, index, background) for index in range(4)]
        fillings = [marker.brush.color().name() for marker in markers]
        assert fillings[:2] == [background, background]
        assert background not in fillings[2:]
        assert [marker.pen.color().alphaF() < 1 for marker in markers] == [True, True, False, False]
        assert [marker.symbol for marker in markers] == ["d", "o", "o", "o"]
        greys = [marker_of(run, index, background, unmasked=True) for index in range(4)]
        assert [one.brush.color().name() == background for one in greys] == [True] * 2 + [False] * 2


def middles(window: MainWindow, run: Run) -> list[str]:
    """The colour that is in the middle of each step's marker now."""
    view = window.map
    picture = view.viewport.grab().toImage()
    ratio = picture.devicePixelRatio()
    found = []
    for index in range(len(run.steps)):
        at = view.position_of_step(run.id, index) * ratio
        part = picture.copy(QRect(int(at.x()) - 1, int(at.y()) - 1, 3, 3))
        found.append(QColor(*np.median(pixels_of(part)[..., :3], axis=(0, 1)).astype(int)).name())
    return found


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_hollow_steps_show_the_map_inside(
    qtbot: QtBot, window: MainWindow, state: State, run: Run, appearance: str
) -> None:
    now = window.session.state
    preferences = replace(now.preferences, appearance=appearance)
    window.session.update(with_run(replace(now, preferences=preferences), run, run.id))
    background = QColor(theme.colors().map).name()
    qtbot.waitUntil(lambda: middles(window, run)[1] == background)
    assert background not in middles(window, run)[2:]


def test_hollow_steps_are_hollow_in_three_dimensions(state: State, run: Run) -> None:
    camera = Camera(0.3, 0.6, 9.0, (3.0, 3.5, 0.0))
    projection = Projection(camera.matrix(1.25), 500, 400, camera.distance)
    axis, background = third_axis(state, "trust"), theme.colors().map  # it says nothing of steps
    picture = QImage(500, 400, QImage.Format.Format_RGB32)
    picture.fill(QColor(background))
    painter = QPainter(picture)
    draw_path(painter, projection, run, axis, 0.0, 0)
    painter.end()
    places = projection.pixels(step_places(run, axis, 0.0))[:, :2]
    colors = [picture.pixelColor(*place).name() for place in places.astype(int).tolist()]
    assert [color == background for color in colors] == [True, True, False, False]


def test_the_legend_says_what_hollow_means_while_there_are_hollow_steps(
    window: MainWindow, run: Run
) -> None:
    state, legend = window.session.state, window.map.legend
    assert not legend.isVisible()
    window.session.update(with_run(state, run))
    assert legend.isVisible()
    assert HOLLOW_MEANS in legend.toolTip()
    assert legend.accessibleName() == "Runs: first step of a run, step unlike the samples"
    both = legend.height()
    window.session.update(with_run(state, replace(run, steps=run.steps[2:])))
    assert HOLLOW_MEANS not in legend.toolTip()
    assert legend.height() < both < 60
    window.session.update(with_run(state, replace(run, steps=())))
    assert not legend.isVisible()


def test_the_legend_has_both_colours_and_hollow_steps(
    qtbot: QtBot, window: MainWindow, run: Run
) -> None:
    box, legend = window.color_panel.choice, window.map.legend
    index = next(i for i in range(box.count()) if "σ" in box.itemText(i) or "noise" in
                 box.itemText(i))  # fmt: skip
    box.setCurrentIndex(index)
    box.activated.emit(index)
    qtbot.waitUntil(legend.isVisible)
    before, said = legend.height(), legend.toolTip()
    window.session.update(with_run(window.session.state, run))
    assert legend.height() > before
    assert HOLLOW_MEANS in legend.toolTip()
    assert "Drag over the colours" in said
    assert "Drag over the colours" in legend.toolTip()
    legend.grab()
    window.session.update(with_run(window.session.state, replace(run, steps=())))
    assert legend.height() == before
    assert legend.toolTip() == said


def test_the_card_of_a_step_says_how_usual_it_is(window: MainWindow, run: Run) -> None:
    window.session.update(with_run(window.session.state, run))
    card, shown = window.map_area.cards.card, window.session.state.runs.all[0]
    for index, words in (
        (0, ["outside σ 0.2–5", "distance 1: above 40 % of the samples"]),
        (1, ["beyond the samples", "outside the components 92 %: above 100 %"]),
        (2, ["outside the components 30 %: above 60 %"]),
    ):
        window.map_area.cards.show_step((shown.id, index))
        lines = card.facts.whole.split("\n")
        assert [line for line in words if line not in lines] == []
        assert ("beyond the samples" in lines) is (index == 1)
        assert card.facts.width() >= card.facts.sizeHint().width()


def test_the_legend_names_every_mark_of_the_runs_that_are_drawn(
    window: MainWindow, make_job: Callable, make_step: Callable
) -> None:
    state, legend = window.session.state, window.map.legend
    steps = tuple(make_step(i, imposed=i == 0) for i in range(3))
    stopped = run_of(make_job(num_steps=5), "Run 1", steps=steps, done=True)
    window.session.update(with_run(state, stopped))
    assert legend.accessibleName() == "Runs: first step of a run, imposed on the layer"
    whole = replace(stopped, job=make_job(num_steps=3))
    window.session.update(with_run(state, whole))
    assert "finished picture" in legend.accessibleName()
    assert [marker_of(stopped, i, "#fff").symbol for i in range(3)] == ["d", "o", "o"]
    assert [marker_of(whole, i, "#fff").symbol for i in range(3)] == ["d", "o", "star"]
    legend.grab()
