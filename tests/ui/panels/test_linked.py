"""The second map shares what is under the mouse, picked and filtered with the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from patience import until
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers, maps, showing
from diffviews_desktop.engine.jobs.mapping import LinkMaps
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.values.folders import ModelSummary
from diffviews_desktop.values.maps import LinkedMap
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sampling import SamplingSettings


@pytest.fixture
def window(open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    summary = ModelSummary("m", "edm", "", SamplingSettings())
    made = open_window(replace(state, opened=replace(state.opened, models=(summary,))))
    made.resize(1280, 720)
    made.menu_actions["maps.second"].trigger()
    return made


def finish(window: MainWindow, worker: Recorder, linked: LinkedMap) -> None:
    answers.on_finished(window.context, job_id=worker.jobs[-1].job_id, result=linked, memory=None)


@pytest.fixture
def second(window: MainWindow, worker: Recorder, state: State) -> MapView:
    """The second map: the first, mirrored; sample 5 is not on it."""
    panel = window.linked_panel
    panel.layers.setCurrentIndex(0)
    panel.layers.activated.emit(0)
    xy = state.opened.layer_map.xy * (-1, 1)
    xy[5] = np.nan
    overlap = np.linspace(0, 1, 30).astype(np.float32)
    other = replace(state.opened.layer_map, xy=xy.astype(np.float32))
    finish(window, worker, LinkedMap(map=other, beside=("midblock",), overlap=overlap))
    assert window.map_area.linked.isVisible()
    return window.map_area.linked


def test_nothing_is_computed_before_a_layer_is_chosen(window: MainWindow, worker: Recorder) -> None:
    panel = window.linked_panel
    assert panel.isVisible()
    assert worker.jobs == []
    assert "Choose a layer" in panel.empty.text()
    panel.layers.activated.emit(0)
    job = worker.jobs[-1]
    assert isinstance(job, LinkMaps)
    assert job.other.layers == ("midblock",)
    assert "being made" in panel.empty.text()
    window.menu_actions["maps.second"].trigger()
    assert not panel.isVisible()


def test_hover_picks_and_selection_are_shared(
    qtbot: QtBot, window: MainWindow, second: MapView, drag: Callable[..., None]
) -> None:
    first = window.map
    place = second.position_of(8).toPoint()
    qtbot.mouseMove(second.viewport, place)
    qtbot.waitUntil(lambda: second.hovered_row == 8)
    x, y = first._rings._hover.getData()
    assert (x[0], y[0]) == (2.0, 1.0)
    qtbot.mouseClick(second.viewport, Qt.MouseButton.LeftButton, pos=place)
    assert window.session.state.picks.selection.anchor == 8
    for view, at in ((first, 2.0), (second, -2.0)):
        x, _ = view._rings._anchor.getData()
        assert x[0] == at
    window.session.select(Selection(anchor=5, chosen=RowSet([1, 2])), "test")
    assert len(second._rings._anchor.getData()[0]) == 0  # it has no place there
    for view in (first, second):
        scene = view.points.scene_drawn
        assert sorted(scene.rows[scene.alpha > 128].tolist()) == [1, 2]


def test_filter_and_colours_are_shared(window: MainWindow, second: MapView) -> None:
    showing.only_category(window.context, by="class", number=0, count=3)
    assert sorted(second.points.scene_drawn.rows.tolist()) == list(range(0, 30, 3))
    showing.show_all(window.context)
    showing.change_color(window.context, by="overlap")
    assert window.map.legend.isVisible()
    assert "shared neighbours from 0 to 1" in window.map.legend.accessibleName()
    assert not second.legend.isVisible()
    one, other = (view.points for view in (window.map, second))
    assert all(one.color_of(row) == other.color_of(row) for row in range(30))
    window.menu_actions["maps.second"].trigger()
    assert window.session.state.opened.linked is None
    assert window.session.state.colored_by == "class"  # there is nothing to compare with


def test_another_first_map_lays_the_second_on_it_anew(
    window: MainWindow, second: MapView, worker: Recorder, state: State
) -> None:
    maps.change_layer(window.context, layers=("other",))
    mapped = replace(state.opened.layer_map, layers=("other",))
    answers.on_finished(window.context, job_id=worker.jobs[-1].job_id, result=mapped, memory=None)
    job = worker.jobs[-1]
    assert isinstance(job, LinkMaps)
    assert (job.spec.layers, job.other.layers) == (("other",), ("midblock",))
    assert window.session.state.opened.linked is None


def test_both_maps_fit_into_a_small_window(
    qtbot: QtBot, window: MainWindow, second: MapView
) -> None:
    window.session.select(Selection(anchor=0, chosen=RowSet(range(30))), "test")
    qtbot.wait(80)
    smallest = window.minimumSizeHint()
    assert smallest.width() <= 1280
    assert smallest.height() <= 720
    area = window.map_area
    until(qtbot, lambda: area.rect().contains(area.bar.geometry()))
    assert area.bar.neighbors.isVisible()


def test_what_stayed_is_said_beside_what_kind_alone_explains(
    window: MainWindow, second: MapView
) -> None:
    panel = window.linked_panel
    assert panel.note.whole == "50% shared"
    opened = window.session.state.opened
    linked = replace(opened.linked, reference=0.387)
    window.session.update(replace(window.session.state, opened=replace(opened, linked=linked)))
    assert panel.note.whole == "50% (39%)"
    assert "nothing but class and noise level" in panel.note.toolTip()
