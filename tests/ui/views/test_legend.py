"""The legend says what the colours mean and filters by a click or a drag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import showing
from diffviews_desktop.actions.preferences import choose_ramp
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.colors import MISSING, OKABE_ITO, category_colors
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.coloring import coloring, ramp_colors
from diffviews_desktop.ui.views.flat.legend import BAR_WIDTH, MOST_ITEMS
from diffviews_desktop.ui.views.flat.scene import SIZES
from diffviews_desktop.values.assessment import MapAssessment, Stability
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.preferences import RAMPS

SIDES = ("left", "middle", "right")


@pytest.fixture
def columns(state: State) -> State:
    side = np.array([row % 4 - 1 for row in range(30)], np.float32)
    score = np.linspace(1, 30, 30).astype(np.float32)
    more = {
        "side": Column(side, SIDES),
        "score": Column(score),
        "change": Column(score - 11),
        "many": Column(np.arange(30, dtype=np.float32), tuple(f"name {i}" for i in range(30))),
    }
    return replace(
        state, opened=replace(state.opened, samples=replace(state.opened.samples, columns=more))
    )


@pytest.fixture
def window(open_window: Callable[..., MainWindow], columns: State) -> MainWindow:
    return open_window(columns)


def shown(window: MainWindow) -> list[int]:
    return sorted(window.map.points.scene_drawn.rows.tolist())


def choose(window: MainWindow, text: str) -> None:
    box = window.color_panel.choice
    index = box.findText(text)
    assert index >= 0
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_every_column_can_be_chosen_and_is_drawn_in_its_colours(window: MainWindow) -> None:
    choose(window, "side")
    legend, scene = window.map.legend, window.map.points.scene_drawn
    assert legend.isVisible()
    assert "side, 3 categories" in legend.accessibleName()
    for row, group in zip(scene.rows.tolist(), scene.group.tolist(), strict=True):
        color = scene.palette[group].tolist()
        side = row % 4 - 1
        expected = MISSING.name() if side < 0 else OKABE_ITO[side]
        assert "#{:02x}{:02x}{:02x}".format(*color) == expected
    choose(window, "score")
    assert "score from 1 to 30" in legend.accessibleName()
    choose(window, "change")
    assert "change from -19 to 19" in legend.accessibleName()  # as far on both sides of zero
    choose(window, "class")
    assert not legend.isVisible()


def test_a_click_hides_a_category_and_a_double_click_shows_only_it(
    qtbot: QtBot, window: MainWindow
) -> None:
    choose(window, "side")
    legend, left = window.map.legend, Qt.MouseButton.LeftButton
    bar = window.map_area.filter_bar
    assert not bar.isVisible()

    def place(index: int) -> QPoint:
        return legend.item_place(index).center().toPoint()

    qtbot.mouseClick(legend, left, pos=place(1))
    qtbot.waitUntil(lambda: shown(window) == [row for row in range(30) if row % 4 != 2])
    assert bar.isVisible()
    assert bar.text.text() == "23 of 30 shown"
    qtbot.mouseClick(legend, left, pos=place(1))
    qtbot.waitUntil(lambda: len(shown(window)) == 30)
    qtbot.mouseDClick(legend, left, pos=place(0))
    assert shown(window) == [row for row in range(30) if row % 4 == 1]
    bar.button.click()
    assert len(shown(window)) == 30
    assert not bar.isVisible()
    legend.setFocus()
    qtbot.keyClick(legend, Qt.Key.Key_Down)
    qtbot.keyClick(legend, Qt.Key.Key_Down)
    qtbot.keyClick(legend, Qt.Key.Key_Down)  # those without a value
    qtbot.keyClick(legend, Qt.Key.Key_Space)
    assert shown(window) == [row for row in range(30) if row % 4]


def test_a_drag_over_the_ramp_shows_only_those_values(
    qtbot: QtBot, window: MainWindow, drag: Callable[..., None]
) -> None:
    choose(window, "score")
    legend = window.map.legend
    bar = legend.bar()

    def at(value: float) -> QPoint:
        part = (value - 1) / 29
        return QPoint(round(bar.left() + part * BAR_WIDTH), round(bar.center().y()))

    drag(legend, [at(5.5), at(10), at(20.5)])
    assert shown(window) == list(range(5, 20))  # 6 … 20
    drag(legend, [at(20.5), at(30) + QPoint(40, 0)])  # beyond the end: no limit
    assert window.session.state.view.filter_of("column:score").high is None
    assert shown(window) == list(range(20, 30))
    choose(window, "class")  # the filter stays while the colours tell something else
    assert shown(window) == list(range(20, 30))
    assert window.map_area.filter_bar.isVisible()
    choose(window, "score")
    qtbot.mouseClick(legend, Qt.MouseButton.LeftButton, pos=at(10))
    assert len(shown(window)) == 30


def test_hidden_samples_are_not_picked(qtbot: QtBot, window: MainWindow) -> None:
    window.classes.isolation_wanted.emit(0)
    assert shown(window) == list(range(0, 30, 3))
    assert window.classes.list.item(1).font().strikeOut()
    place = window.map.position_of(1).toPoint()
    qtbot.mouseMove(window.map.viewport, place)
    qtbot.wait(30)
    assert window.map.hovered_row is None
    window.classes.isolation_wanted.emit(0)
    assert len(shown(window)) == 30
    assert not window.classes.list.item(1).font().strikeOut()


def test_a_long_list_says_how_much_more_there_is(window: MainWindow) -> None:
    choose(window, "many")
    assert len(window.map.legend.items()) == MOST_ITEMS
    assert window.map.rect().contains(window.map.legend.geometry())


@pytest.mark.parametrize("dark", [False, True])
def test_colours_differ_from_each_other_and_from_the_ground(dark: bool) -> None:
    ground = 24 if dark else 255
    for count in (2, 7, 12, 40):
        colors = category_colors(count, dark=dark)
        assert len({color.name() for color in colors}) == count
        assert all(abs(color.lightness() - ground) > 25 for color in colors)
    for ramp in RAMPS:
        grey = [
            0.299 * c.red() + 0.587 * c.green() + 0.114 * c.blue()
            for c in ramp_colors("sequential", ramp, dark=dark)
        ]
        assert all(np.diff(grey) > 0)  # also without any colour higher is brighter


def test_the_ramp_is_chosen_and_remembered(window: MainWindow) -> None:
    choose(window, "score")
    before = window.map.points.scene_drawn.palette.tolist()
    choose_ramp(window.context, "cividis")
    assert window.map.points.scene_drawn.palette.tolist() != before
    assert window._settings.text("ramp") == "cividis"
    choose_ramp(window.context, "viridis")
    assert window.map.points.scene_drawn.palette.tolist() == before


def test_a_place_on_the_ramp_and_its_value_are_one(columns: State) -> None:
    for by in ("column:score", "column:change", "sigma"):
        colors = coloring(replace(columns, view=replace(columns.view, color_by=by)))
        for part in (0.0, 0.3, 1.0):
            assert colors.place_of(colors.value_at(part)) == pytest.approx(part)


def offered_sizes(window: MainWindow) -> dict[str, QAction]:
    window.findChild(QMenu, "view.size").aboutToShow.emit()
    return {
        action.text().replace("&", ""): action
        for action in window.findChild(QMenu, "view.size").actions()
    }


def test_the_size_of_points_tells_a_number(window: MainWindow) -> None:
    offered = offered_sizes(window)
    assert offered["All the same"].isChecked()
    assert {"score", "change", "noise level"} <= set(offered)
    assert not {"side", "many", "class"} & set(offered)  # categories
    assert "second map" in offered["neighbours in common"].toolTip()
    assert not offered["neighbours in common"].isEnabled()
    offered["score"].trigger()
    scene = window.map.points.scene_drawn
    by_row = dict(zip(scene.rows.tolist(), scene.size.tolist(), strict=True))
    sizes = [by_row[row] for row in range(30)]
    assert sizes == sorted(sizes)
    assert set(sizes) == set(range(len(SIZES)))
    assert offered_sizes(window)["score"].isChecked()
    other = replace(window.session.state.opened.layer_map, layers=("other",))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=other))
    )
    assert window.map.points.scene_drawn.size is not None  # it stays on another map
    offered_sizes(window)["All the same"].trigger()
    assert window.map.points.scene_drawn.size is None


def test_samples_without_a_value_are_smallest(window: MainWindow) -> None:
    state = window.session.state
    score = state.opened.samples.columns["score"].values.copy()
    score[3:6] = np.nan
    holes = {**state.opened.samples.columns, "holes": Column(score)}
    window.session.update(
        replace(
            state,
            opened=replace(state.opened, samples=replace(state.opened.samples, columns=holes)),
        )
    )
    showing.change_size(window.context, by="column:holes")
    scene = window.map.points.scene_drawn
    small = set(scene.rows[scene.size == 0].tolist())
    assert {3, 4, 5} <= small
    showing.change_size(window.context, by="column:side")  # categories have no size
    assert window.session.state.sized_by is None
    assert window.map.points.scene_drawn.size is None


def with_column(state: State, column: Column) -> State:
    samples = replace(state.opened.samples, columns={"x": column})
    return replace(
        state,
        opened=replace(state.opened, samples=samples),
        view=replace(state.view, color_by="column:x"),
    )


DAYS = np.datetime64("2023-01-30") + np.arange(30)
SECONDS = np.datetime64("2023-01-30T10:00:00") + np.arange(30)


@pytest.mark.parametrize(
    ("values", "unit", "name", "ends"),
    [
        (DAYS, "", "x", ("2023-01-30", "2023-02-28")),
        (DAYS.astype("datetime64[ns]"), "Z", "x (UTC)", ("2023-01-30", "2023-02-28")),
        (SECONDS, "", "x (2023-01-30)", ("10:00:00", "10:00:29")),
        (20230101 + np.arange(30), "", "x", ("20230101", "20230130")),
        (1700000000 + np.arange(30), "", "x", ("1700000000", "1700000029")),
        (2**53 + np.arange(30) * 1000, "", "x", ("9.0071992547e+15", "9.0071992548e+15")),
        (np.arange(30) / 8, "%", "x", ("0%", "3.62%")),
        (1 + np.arange(30) / 1e6, "", "x", ("1", "1.00003")),
    ],
)
def test_the_ends_of_the_ramp_are_told_apart(
    state: State, values: np.ndarray, unit: str, name: str, ends: tuple[str, str]
) -> None:
    shown = coloring(with_column(state, Column(values, unit=unit)))
    assert (shown.name, (shown.low, shown.high)) == (name, ends)
    assert np.allclose(shown.place, np.linspace(0, 1, 30))


def test_dates_filter_size_and_are_on_the_card(
    open_window: Callable[..., MainWindow], state: State
) -> None:
    days = DAYS.copy()
    days[7] = np.datetime64("NaT")
    window = open_window(with_column(state, Column(days)))
    legend = window.map.legend
    assert (legend.accessibleName(), legend.isVisible()) == (
        "Colours: x from 2023-01-30 to 2023-02-28; grey: no value",
        True,
    )
    middle = window.map.coloring.value_at(0.5)
    showing.filter_values(window.context, by="column:x", low=middle, high=None)
    assert shown(window) == list(range(15, 30))
    showing.show_all(window.context)
    showing.change_size(window.context, by="column:x")
    size = window.map.points.scene_drawn
    by_row = dict(zip(size.rows.tolist(), size.size.tolist(), strict=True))
    assert by_row[7] == 0
    assert [by_row[row] for row in (0, 29)] == [0, len(SIZES) - 1]
    said = []
    for row in (3, 7):
        window.map_area.cards.show_sample(row)
        said.append(window.map_area.cards.card.facts.text())
    assert "x: 2023-02-02" in said[0]
    assert "x: no value" in said[1]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column(2**53 + 1 + np.arange(30)), "x: 9007199254740996"),
        (Column(np.full(30, 1 / 3) + np.arange(30)), "x: 3.3333333333333335"),
        (Column(np.arange(30) / 2, unit="%"), "x: 1.5%"),
        (Column(SECONDS, unit="Z"), "x: 2023-01-30 10:00:03 UTC"),
        (Column(np.arange(30) % 2, ("00012", "00013")), "x: 00013"),
    ],
)
def test_the_card_says_what_was_read(
    open_window: Callable[..., MainWindow], state: State, column: Column, said: str
) -> None:
    window = open_window(with_column(state, column))
    window.map_area.cards.show_sample(3)
    assert said in window.map_area.cards.card.facts.text()


def test_its_help_says_what_distances_mean(window: MainWindow) -> None:
    legend = window.map.legend
    choose(window, "side")
    assert "Click hides or shows a category" in legend.toolTip()
    assert "Distances between islands mean nothing" in legend.toolTip()
    assert "can assess the map" in legend.toolTip()
    state = window.session.state
    stability = Stability((1, 2, 3), (0.8,) * 3, (0.9,) * 3, (0.1,) * 3)
    found = MapAssessment(stability=stability)
    window.session.update(replace(state, opened=replace(state.opened, assessment=found)))
    assert "3 seeds disagree: where the islands lie, and the axis" in legend.toolTip()
    assert "arbitrary" in legend.accessibleDescription()
    assert "arbitrary" in window.classes.list.toolTip()
    choose(window, "score")
    assert "Drag over the colours" in legend.toolTip()
    assert "3 seeds disagree" in legend.toolTip()
