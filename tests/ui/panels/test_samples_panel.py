"""The samples as a table and as pictures, filters, groups, and finding: in a real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTabBar
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers, groups, selection, showing
from diffviews_desktop.engine.jobs.clustering import ClustersFound, FindClusters
from diffviews_desktop.engine.jobs.inputs import InputShown, ShowInput
from diffviews_desktop.engine.jobs.mapping import FindNeighbors
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.samples import SamplesPanel
from diffviews_desktop.ui.panels.samples.filters import WIDTH
from diffviews_desktop.ui.shell.samples import LOW
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.row_set import RowSet

LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SHIFT, NO_KEYS = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(qtbot: QtBot, open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    """The window with the dock of samples in front; sample 7 has no score."""
    samples = state.opened.samples
    score = np.where(np.arange(30) == 7, np.nan, 30.0 - np.arange(30))
    table = replace(samples, columns={"score": Column(score)})
    made = open_window(replace(state, opened=replace(state.opened, samples=table)))
    made.show_page("find")
    panel = made.samples.panel
    qtbot.waitUntil(lambda: len(panel.table.samples.rows) == 30 and panel.table.isVisible())
    return made


@pytest.fixture
def panel(window: MainWindow) -> SamplesPanel:
    return window.samples.panel


def column(panel: SamplesPanel, key: str) -> int:
    return [one.key for one in panel.table.samples.columns].index(key)


def cell(panel: SamplesPanel, position: int, key: str) -> str:
    model = panel.table.samples
    return model.data(model.index(position, column(panel, key)))


def press(panel: SamplesPanel, position: int, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
    table = panel.table
    place = table.visualRect(table.samples.index(position, 1)).center()
    QTest.mouseClick(table.viewport(), LEFT, keys, place)


def chosen(window: MainWindow) -> list[int]:
    return list(window.session.state.picks.selection.chosen)


# ---- the table ----------------------------------------------------------------------------------


def test_the_table_has_all_columns_and_sorts_by_each(panel: SamplesPanel) -> None:
    keys = [one.key for one in panel.table.samples.columns]
    assert keys == ["row", "id", "class", "sigma", "column:score", "x", "y"]
    assert [cell(panel, 8, key) for key in keys] == [
        "8", "sample_8", "2 two", "8", "22.0", "2.000", "1.000"
    ]  # fmt: skip
    assert cell(panel, 7, "column:score") == ""
    panel.table.sortByColumn(column(panel, "column:score"), Qt.SortOrder.AscendingOrder)
    assert panel.table.samples.rows.tolist()[:3] == [29, 28, 27]
    assert panel.table.samples.rows[-1] == 7
    panel.table.sortByColumn(column(panel, "column:score"), Qt.SortOrder.DescendingOrder)
    assert panel.table.samples.rows.tolist()[:2] == [0, 1]
    assert panel.table.samples.rows[-1] == 7
    panel.table.sortByColumn(column(panel, "id"), Qt.SortOrder.AscendingOrder)
    assert [cell(panel, at, "id") for at in range(4)] == [
        "sample_0", "sample_1", "sample_10", "sample_11"
    ]  # fmt: skip


def test_a_click_goes_to_a_sample_and_changes_no_selection(
    window: MainWindow, panel: SamplesPanel
) -> None:
    selection.choose_rows(window.context, RowSet((3, 4)))
    press(panel, 6)
    assert chosen(window) == [3, 4]
    assert window.preview.shown_row == 6
    assert window.preview.name.text() == "0 · zero"
    QTest.keyClick(panel.table, Qt.Key.Key_Down)
    assert window.preview.shown_row == 7


def test_ctrl_shift_space_and_drags_change_the_selection_of_map_and_table(
    window: MainWindow, panel: SamplesPanel, drag: Callable[..., None]
) -> None:
    press(panel, 1, CTRL)
    press(panel, 3, SHIFT)
    assert chosen(window) == [1, 2, 3]
    press(panel, 2, CTRL)
    assert chosen(window) == [1, 3]
    QTest.keyClick(panel.table, Qt.Key.Key_Space)
    assert chosen(window) == [1, 2, 3]
    table = panel.table
    first, last = (table.visualRect(table.samples.index(at, 1)).center() for at in (0, 2))
    drag(table.viewport(), [first, (first + last) / 2, last])
    assert chosen(window) == [0, 1, 2]
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_Down, SHIFT)
    assert len(chosen(window)) == 2
    window.session.undo()
    assert chosen(window) == [0, 1, 2]


def test_what_is_selected_on_the_map_is_listed_and_marked(
    window: MainWindow, panel: SamplesPanel
) -> None:
    selection.choose_class(window.context, 1)
    assert panel.table.samples.chosen == RowSet(range(1, 30, 3))
    panel.list_scope("selection")
    assert panel.table.samples.rows.tolist() == list(range(1, 30, 3))
    showing.only_category(window.context, "class", 2, 3)
    panel.list_scope("map")
    assert panel.table.samples.rows.tolist() == list(range(2, 30, 3))
    selection.clear_chosen(window.context)
    panel.list_scope("selection")
    assert panel.nothing.isVisible()
    assert "Select samples first" in panel.nothing.text()


def test_it_comes_up_with_room_though_there_are_no_runs(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel
) -> None:
    dock = window.layout_of_docks.docks[5]
    assert dock.widget() is panel
    assert not window.session.state.runs.all
    qtbot.waitUntil(lambda: dock.height() >= LOW)
    assert panel.table.viewport().height() > 3 * panel.table.rowHeight(0)


def test_behind_another_dock_nothing_is_listed(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel
) -> None:
    panel.list_scope("selection")
    window.layout_of_docks.docks[4].raise_()
    qtbot.waitUntil(lambda: panel.visibleRegion().isEmpty())
    selection.choose_rows(window.context, RowSet((5, 6)))
    assert len(panel.table.samples.rows) == 0
    tabs = next(bar for bar in window.findChildren(QTabBar) if bar.tabText(1) == "Samples")
    tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: panel.table.samples.rows.tolist() == [5, 6])


def test_return_and_a_double_click_bring_a_sample_to_the_middle_of_the_map(
    window: MainWindow, panel: SamplesPanel
) -> None:
    press(panel, 4)
    QTest.keyClick(panel.table, Qt.Key.Key_Return)
    middle = window.map.box.viewRect().center()
    assert (round(middle.x()), round(middle.y())) == (4, 0)


def test_a_million_samples_are_listed_sorted_and_found_aside(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel
) -> None:
    count = 1_000_000
    opened = window.session.state.opened
    rows = np.arange(count)
    table = replace(
        opened.samples,
        sample_id=Texts.of([f"n{row}" for row in range(count)]),
        class_label=(rows % 3).astype(np.int32),
        class_name=Texts.of(["x"] * count),
        image_path=Texts.of([""] * count),
        sigma=np.ones(count, np.float32),
        columns={"score": Column((rows * 7919 % count).astype(np.float64))},
    )
    xy = np.random.default_rng(0).random((count, 2)).astype(np.float32)
    layer_map = replace(opened.layer_map, xy=xy, reduced=None)
    state = window.session.state
    new = replace(opened, samples=table, layer_map=layer_map)
    window.session.update(replace(state, opened=new))
    qtbot.waitUntil(lambda: len(panel.table.samples.rows) == count)
    panel.table.sortByColumn(column(panel, "column:score"), Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: cell(panel, 0, "column:score") == f"{count - 1:.1f}")
    panel.bar.begin("n77777")
    qtbot.waitUntil(lambda: window.session.state.find.rows is not None)
    found = window.session.state.find.rows
    assert found.tolist() == [77777, *range(777770, 777780)]
    assert panel.bar.count.text() == "1 of 11"
    assert window.preview.shown_row == 77777


# ---- finding ------------------------------------------------------------------------------------


def test_ctrl_f_finds_and_return_goes_through_what_was_found(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel
) -> None:
    window.layout_of_docks.docks[4].raise_()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_F, CTRL)
    qtbot.waitUntil(panel.bar.field.hasFocus)
    qtbot.keyClicks(panel.bar.field, "1")
    QTest.keyClick(panel.bar.field, Qt.Key.Key_Return)
    found = window.session.state.find.rows.tolist()
    assert found[0] == 1
    assert {1, 4, 10, 21, 29} <= set(found)  # by number, class, id and score
    assert panel.bar.count.text() == f"1 of {len(found)}"
    assert panel.table.currentIndex().row() == 1
    QTest.keyClick(panel.bar.field, Qt.Key.Key_Return)
    assert window.preview.shown_row == found[1]
    QTest.keyClick(panel.bar.field, Qt.Key.Key_Return, SHIFT)
    assert window.preview.shown_row == 1
    panel.bar.select.click()
    assert chosen(window) == sorted(found)
    panel.bar.field.selectAll()
    qtbot.keyClicks(panel.bar.field, "no such")
    QTest.keyClick(panel.bar.field, Qt.Key.Key_Return)
    assert panel.bar.count.text() == "Nothing found"
    assert not panel.bar.next.isEnabled()
    QTest.keyClick(panel.bar.field, Qt.Key.Key_Escape)
    assert panel.bar.field.text() == panel.bar.count.text() == ""


def test_one_column_alone_is_looked_in(window: MainWindow, panel: SamplesPanel) -> None:
    where = panel.bar.where
    panel.bar.field.setText(">= 28")
    where.setCurrentIndex(where.findText("score"))
    where.activated.emit(where.currentIndex())
    assert window.session.state.find.rows.tolist() == [0, 1, 2]
    panel.list_scope("found")
    assert panel.table.samples.rows.tolist() == [0, 1, 2]


def test_what_no_class_is_called_is_found_among_the_samples(
    window: MainWindow, panel: SamplesPanel
) -> None:
    window.classes.search.setText("sample_23")
    assert window.classes.nothing.isVisible()
    QTest.keyClick(window.classes.search, Qt.Key.Key_Return)
    assert window.session.state.find.rows.tolist() == [23]
    assert panel.bar.field.text() == "sample_23"
    window.classes.search.setText("tw")
    assert not window.classes.nothing.isVisible()


# ---- pictures -----------------------------------------------------------------------------------


def test_pictures_of_the_selection_are_gone_through_and_chosen(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel
) -> None:
    selection.choose_rows(window.context, RowSet(range(10, 20)))
    panel.show_page("pictures")
    panel.list_scope("selection")
    grid = panel.pictures
    assert grid.isVisible()
    assert grid.rows.tolist() == list(range(10, 20))
    QTest.mouseClick(grid.viewport(), LEFT, NO_KEYS, grid.place_of(2).center())
    assert window.preview.shown_row == 12
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert window.preview.shown_row == 13
    QTest.mouseClick(grid.viewport(), LEFT, CTRL, grid.place_of(0).center())
    assert chosen(window) == list(range(11, 20))
    qtbot.waitUntil(lambda: grid.rows.tolist() == list(range(11, 20)))
    QTest.mouseDClick(grid.viewport(), LEFT, NO_KEYS, grid.place_of(1).center())
    assert round(window.map.box.viewRect().center().x()) == 0  # sample 12


def test_every_place_of_a_sample_offers_the_same(window: MainWindow, panel: SamplesPanel) -> None:
    window.preview.show_row(6)
    asked = []
    for widget in (window.preview, panel, window.gallery):
        widget.menu_wanted.emit(6, QPoint(10, 10))
        menu = window.samples.menu
        asked.append([one.text().replace("&", "") for one in menu.actions() if one.text()])
        menu.close()
    assert asked[0] == asked[1] == asked[2]
    for wanted in ("Make it the anchor", "Copy the id", "Copy the picture"):
        assert wanted in asked[0]


# ---- filters ------------------------------------------------------------------------------------


def test_charts_count_what_the_other_filters_leave_and_filter(
    window: MainWindow, panel: SamplesPanel
) -> None:
    panel.show_page("filters")
    charts = panel.filters.charts
    assert list(charts) == ["class", "level"]
    assert charts["level"].counts.names == ("σ 0.5", "σ 8")
    bars = charts["class"].bars
    QTest.mouseClick(bars.viewport(), LEFT, NO_KEYS, bars.place_of(1).center())
    state = window.session.state
    assert state.view.hidden_categories("class") == {-1, 0, 2}
    assert charts["level"].counts.total.tolist() == [15, 15]
    assert charts["level"].counts.shown.tolist() == [5, 5]
    assert charts["class"].counts.shown.tolist() == [10, 10, 10]
    bars = charts["level"].bars
    QTest.mouseClick(bars.viewport(), LEFT, CTRL, bars.place_of(0).center())
    assert len(window.session.state.view.filters) == 2
    panel.list_scope("map")
    panel.show_page("table")
    assert panel.table.samples.rows.tolist() == [row for row in range(1, 30, 3) if row % 2 == 0]


def test_a_histogram_is_added_and_its_range_filters(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel, drag: Callable[..., None]
) -> None:
    panel.show_page("filters")
    add = panel.filters.add
    add.setCurrentIndex(add.findText("score"))
    add.activated.emit(add.currentIndex())
    chart = panel.filters.charts["column:score"]
    plot = chart.histogram
    assert int(chart.counts.total.sum()) == 29
    qtbot.waitUntil(lambda: plot.isVisible() and plot.width() <= WIDTH)
    middle = plot.width() // 2
    drag(plot, [QPoint(middle, 20), QPoint(middle + 20, 20), QPoint(plot.width() + 30, 20)])
    wanted = window.session.state.view.filter_of("column:score")
    assert wanted.high is None
    assert 13 < wanted.low < 18
    chart.close_button.click()
    assert window.session.state.view.filters == ()
    assert "column:score" not in panel.filters.charts


def test_views_are_kept_used_and_deleted(
    window: MainWindow, panel: SamplesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.show_page("filters")
    showing.only_category(window.context, "class", 2, 3)
    monkeypatch.setattr(type(window), "ask_text", lambda *_: "twos")
    panel.filters.keep.click()
    showing.show_all(window.context)
    shown = panel.filters.views
    assert shown.currentIndex() == 0
    shown.activated.emit(shown.findText("twos"))
    assert window.session.state.view.hidden_categories("class") == {-1, 0, 1}
    assert shown.currentText() == "twos"
    panel.filters.delete.click()
    assert window.session.state.groups.views == ()


# ---- groups -------------------------------------------------------------------------------------


def test_a_selection_is_named_renamed_in_place_and_chosen(
    qtbot: QtBot, window: MainWindow, panel: SamplesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.show_page("groups")
    page = panel.groups
    assert not page.name.isEnabled()
    selection.choose_rows(window.context, RowSet((2, 5)))
    monkeypatch.setattr(type(window), "ask_text", lambda *_: "a <b>&c")
    page.name.click()
    item = page.sets.topLevelItem(0)
    assert (item.text(0), item.text(1)) == ("a <b>&c", "2")
    item.setText(0, "others")
    assert window.session.state.groups.all_sets[0].name == "others"
    selection.clear_chosen(window.context)
    page.sets.picked.emit(1, "replace")
    assert chosen(window) == [2, 5]
    page.sets.setCurrentItem(page.sets.topLevelItem(0))
    page.delete.click()
    assert page.sets.topLevelItemCount() == 0
    window.session.undo()
    assert page.sets.topLevelItem(0).text(0) == "others"


def test_clusters_are_asked_for_listed_and_renamed(
    window: MainWindow, panel: SamplesPanel, worker: Recorder
) -> None:
    panel.show_page("groups")
    page = panel.groups
    page.smallest.setValue(9)
    page.search.click()
    job = worker.jobs[-1]
    assert isinstance(job, FindClusters)
    assert job.smallest == 9
    labels = np.array([0, 0, 1], np.int32)
    found = ClustersFound(job.spec, 9, np.array([4, 6, 8]), labels, ("one", "two"), 27)
    running = window.session.state.jobs.job(job.job_id)
    groups.take_clusters(window.context, running, found)
    rows = [page.clusters.topLevelItem(at) for at in range(2)]
    assert [(row.text(0), row.text(1)) for row in rows] == [("one", "2"), ("two", "1")]
    page.clusters.topLevelItem(0).setText(0, "first")
    assert window.session.state.groups.all_clusters[0].names == ("first", "two")
    page.cluster_picked.emit(0, "replace")
    assert chosen(window) == [4, 6]
    panel.show_page("table")
    panel.list_scope("all")
    assert [cell(panel, row, "cluster") for row in (4, 5, 8)] == ["first", "", "two"]


# ---- suggesting ---------------------------------------------------------------------------------


def test_suggest_keeps_to_the_class_and_the_noise_level(
    window: MainWindow, worker: Recorder
) -> None:
    window.map.clicked.emit(6)
    gallery = window.gallery
    gallery.same_class.trigger()
    gallery.same_level.trigger()
    gallery.suggest.click()
    assert not any(isinstance(job, FindNeighbors) for job in worker.jobs)
    rows = window.session.state.picks.selection.neighbors
    assert len(rows) == 4
    assert all(row % 6 == 0 for row in rows)  # 0, 12, 18, 24
    assert "same class and noise level" in gallery.within.toolTip()
    assert not gallery.hint.property("problem")
    gallery.same_level.trigger()
    gallery.suggest.click()
    assert all(row % 3 == 0 for row in window.session.state.picks.selection.neighbors)
    assert gallery.hint.text() == "The mean mixes noise levels from σ 0.5 to 8."
    assert gallery.hint.property("problem")


# ---- what is under the mouse ---------------------------------------------------------------------


def test_the_preview_leads_to_the_same_picture_at_other_noise_levels(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State
) -> None:
    samples = state.opened.samples
    paths = tuple(f"{row // 2 * 2}.png" for row in range(30))
    sigma = np.where(np.arange(30) % 2, 0.5, 8.0).astype(np.float32)
    table = replace(samples, image_path=paths, sigma=sigma)
    window = open_window(replace(state, opened=replace(state.opened, samples=table)))
    window.preview.show_row(10)
    assert "0.5" in window.preview.levels.text()
    window.preview.levels.followed.emit(11)
    assert window.preview.shown_row == 11
    assert '"10"' in window.preview.levels.text()
    window.preview.show_row(None)
    assert not window.preview.levels.text()


def test_what_the_model_sees_is_asked_for_once_and_shown_beside_the_picture(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, worker: Recorder
) -> None:
    window = open_window(state)
    assert not window.preview.seen.isVisible()
    loaded = ModelLoaded("m", "cpu", 3, 8, ())
    with_model = replace(window.session.state.opened, loaded=loaded)
    window.session.update(replace(window.session.state, opened=with_model))
    window.preview.show_row(5)
    assert window.preview.seen.isVisible()
    assert window.preview.seen.pixmap().isNull()

    def asked() -> list[ShowInput]:
        return [job for job in worker.jobs if isinstance(job, ShowInput)]

    qtbot.waitUntil(lambda: len(asked()) == 1)
    assert asked()[0].row == 5
    assert not window.session.state.jobs.running  # nobody is told of it
    image = np.full((8, 8, 1), 77, np.uint8)
    answers.on_finished(window.context, asked()[0].job_id, InputShown("m", 5, image), None)
    assert not window.session.state.jobs.unlisted
    assert window.session.state.jobs.ended == ()
    shown = window.preview.seen.pixmap().toImage()
    assert shown.pixelColor(shown.rect().center()).red() == 77
    window.preview.show_row(6)
    assert window.preview.seen.pixmap().isNull()
    window.preview.show_row(5)
    qtbot.wait(600)
    assert [job.row for job in asked()] in ([5], [5, 6])
