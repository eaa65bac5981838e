"""The panel of runs by itself: list, steps, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from made_runs import run_of, told
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import Generate, PicturePlaced, PlacePicture
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.run_styles import hue_of
from diffviews_desktop.ui.panels.runs import RunsPanel
from diffviews_desktop.ui.panels.runs.picture_window import PictureWindow
from diffviews_desktop.ui.panels.runs.row_delegate import eye_place, picture_place, pin_place
from diffviews_desktop.values.runs import RunStep

MakeJob = Callable[..., Generate]
MakeStep = Callable[..., RunStep]


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[RunsPanel]:
    made = RunsPanel()
    theme.dress(made)
    qtbot.addWidget(made)
    made.resize(1200, 200)
    made.show()
    yield made
    for window in made.findChildren(PictureWindow):
        window.close()


@pytest.fixture
def runs(make_job: MakeJob, make_step: MakeStep) -> tuple[Run, ...]:
    """Three whole runs of three steps, each of a grey of its own."""
    made = []
    for number, name in enumerate(("Run 1", "Run 2", "a third"), 1):
        grey = np.full((8, 8, 1), 40 * number, np.uint8)
        steps = tuple(
            replace(make_step(i), image=grey + np.uint8(i), reduced=np.full(3, i * number, float))
            for i in range(3)
        )
        job = make_job(number, num_steps=3)
        made.append(run_of(job, name, steps, seed=10 - number, condition=told(-2), done=True))
    return tuple(made)


def shown(state: State, runs: tuple[Run, ...], run_id: int = 1, **change: object) -> State:
    return replace(state, runs=replace(state.runs, all=runs, shown=run_id, step=2, **change))


def names(panel: RunsPanel) -> list[str]:
    return [row.run.name for row in panel.list.rows.rows]


def click(qtbot: QtBot, panel: RunsPanel, run_id: int, *keys: Qt.KeyboardModifier) -> None:
    view = panel.list.view
    place = view.visualRect(panel.list.rows.index_of(run_id))
    at = QPoint(picture_place(place).right() + 20, place.center().y())
    held = keys[0] if keys else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, held, at)


# ---- steps --------------------------------------------------------------------------------------


def test_frames_of_many_steps_are_shown_whole_above_the_scroll_bar(
    qtbot: QtBot, panel: RunsPanel, state: State, make_job: MakeJob, make_step: MakeStep
) -> None:
    steps = tuple(make_step(i) for i in range(40))
    run = run_of(make_job(num_steps=40), "Run 1", steps, done=True)
    panel.set_state(replace(state, runs=replace(state.runs, all=(run,), shown=run.id, step=39)))
    strip = panel.steps.strip
    qtbot.waitUntil(strip.horizontalScrollBar().isVisible)
    last = strip.visualItemRect(strip.item(39))
    assert last.top() >= 0
    assert last.bottom() < strip.viewport().height()


def test_the_current_frame_is_always_in_sight(
    qtbot: QtBot, panel: RunsPanel, state: State, make_job: MakeJob, make_step: MakeStep
) -> None:
    steps = tuple(make_step(i) for i in range(40))
    run = run_of(make_job(num_steps=40), "Run 1", steps, done=True, seed=1)
    runs = replace(state.runs, all=(run,), shown=run.id)
    strip = panel.steps.strip

    def in_sight(step: int) -> bool:
        place = strip.visualItemRect(strip.item(step))
        return strip.viewport().rect().contains(place.center())

    for step, comparing, width in ((39, False, 1200), (39, True, 1200), (5, True, 800)):
        panel.resize(width, 200)
        now = replace(runs, step=step, comparing=comparing)
        panel.set_state(replace(state, runs=now))
        qtbot.waitUntil(lambda step=step: in_sight(step))


def test_filmstrip_and_pictures_grow_with_the_panel(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    panel.set_state(shown(state, runs))
    low = panel.steps.strip.side, panel.pictures.own.height()
    panel.resize(1200, 400)
    qtbot.waitUntil(lambda: panel.pictures.own.height() > low[1] + 150)
    assert panel.steps.strip.side > low[0] + 150
    assert panel.pictures.own.width() == panel.pictures.own.height()
    picture = panel.pictures.own.grab().toImage()
    assert picture.pixelColor(picture.width() - 3, picture.height() - 3).red() == 42


def test_the_run_grows_and_is_scrubbed(
    qtbot: QtBot, panel: RunsPanel, state: State, make_job: MakeJob, make_step: MakeStep
) -> None:
    run = run_of(make_job(num_steps=3), "Run 1", seed=5, condition=told(-2))
    steps = tuple(make_step(i, imposed=i == 0) for i in range(3))
    for count in (0, 1, 2, 3):
        grown = replace(run, steps=steps[:count])
        runs = replace(state.runs, all=(grown,), shown=grown.id, step=max(0, count - 1))
        panel.set_state(replace(state, runs=runs))
        assert panel.steps.strip.count() == count
    assert panel.steps.where.whole == "step 3/3 · σ 3.33"
    assert "seed 5" in panel.steps.settings.toolTip()
    assert panel.list.rows.rows[0].line == "zero label · seed 5 · midblock"
    for act, wanted in (
        (lambda: panel.steps.slider.setValue(0), 0),
        (lambda: panel.steps.strip.setCurrentRow(1), 1),
    ):
        with qtbot.waitSignal(panel.step_chosen) as caught:
            act()
        assert caught.args == [wanted]


def test_play_goes_through_the_steps(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    now = shown(state, runs)
    seen: list[int] = []

    def go(step: int) -> None:
        seen.append(step)
        panel.set_state(replace(now, runs=replace(now.runs, step=step)))

    panel.step_chosen.connect(go)
    panel.set_state(now)
    panel.toggle_play()
    qtbot.waitUntil(lambda: seen == [0, 1, 2])
    qtbot.waitUntil(lambda: not panel.steps._player.isActive())


def test_compare_moves_no_control(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    steps = panel.steps
    controls = (steps.play, steps.next, steps.compare, steps.land, steps.strip, panel.list.view)
    places = []
    for comparing in (False, True, False):
        panel.set_state(shown(state, runs, comparing=comparing))
        qtbot.wait(20)
        assert panel.pictures.comparing == comparing
        places.append([one.mapTo(panel, one.rect().topLeft()) for one in controls])
    assert places[0] == places[1] == places[2]


def test_what_a_stopped_run_lacks_is_said(
    panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    half = replace(runs[0], steps=runs[0].steps[:2])
    panel.set_state(shown(state, (half,), comparing=True))
    assert "stopped" in panel.steps.settings.toolTip()
    assert not panel.steps.land.isEnabled()
    assert "stopped" in panel.steps.land.toolTip()
    assert panel.pictures.pairs[0].other._note == "not drawn: press Compare again"


# ---- pictures -----------------------------------------------------------------------------------


def test_a_run_among_samples_told_something_else_says_so_and_leads_to_like_ones(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    steps = panel.steps
    panel.set_state(shown(state, runs))
    assert not steps.apart.isVisible()
    assert not steps.like_map.isVisible()
    apart = replace(runs[0], apart="The samples of this map were told their class.")
    panel.set_state(shown(state, (apart, *runs[1:])))
    assert steps.apart.isVisible()
    assert "told their class" in steps.apart.whole
    assert "samples told nothing" in steps.like_map.toolTip()
    with qtbot.waitSignal(panel.like_map_wanted) as wanted:
        qtbot.mouseClick(steps.like_map, Qt.MouseButton.LeftButton)
    assert wanted.args == [apart.id]
    # the picture was told what the samples were, its path still was not
    job = PlacePicture(
        job_id=1,
        folder=apart.job.folder,
        spec=apart.job.spec,
        image=np.zeros((8, 8, 1), np.uint8),
        condition=told(-2),
        sigma=1.0,
    )
    landed = replace(apart, landed=PicturePlaced(job, (0.0, 0.0), 1.0, ()))
    panel.set_state(shown(state, (landed, *runs[1:])))
    assert steps.apart.isVisible()
    assert "told their class" in steps.apart.whole


def test_any_runs_are_compared_side_by_side(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    panel.set_state(shown(state, runs))
    with qtbot.waitSignal(panel.comparison_wanted) as caught:
        click(qtbot, panel, 3, Qt.KeyboardModifier.ControlModifier)
    assert caught.args == [1, (3,)]
    panel.set_state(shown(state, runs, beside=(2, 3)))
    pictures = panel.pictures
    assert [pair.isVisible() for pair in pictures.pairs] == [True, True]
    np.testing.assert_array_equal(pictures.pairs[1].other.pixels, runs[2].steps[2].image)
    assert pictures.pairs[1].difference.pixels is not None
    assert (pictures.pairs[1].difference.pixels == 80).all()
    assert "80.0 of 255" in pictures.pairs[1].difference.toolTip()
    assert pictures.plot is not None
    far = [curve.getData()[1].tolist() for curve in pictures.plot.curves]
    np.testing.assert_allclose(far, [[0, 3**0.5, 2 * 3**0.5], [0, 12**0.5, 2 * 12**0.5]], 1e-6)
    hues = [curve.opts["pen"].color().name() for curve in pictures.plot.curves]
    assert hues == [hue_of(run, dark=False).name() for run in runs[1:]]
    assert len(set(hues)) == 2
    assert panel.list.selected_ids() == [3, 2, 1]


def test_paths_in_spaces_of_other_sizes_have_no_distance(
    panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    """A session can hold such runs, whatever map they say they belong to."""
    steps = tuple(replace(step, reduced=np.zeros(5, np.float32)) for step in runs[1].steps)
    panel.set_state(shown(state, (runs[0], replace(runs[1], steps=steps)), beside=(2,)))
    assert panel.pictures.plot is not None
    assert [curve.getData() for curve in panel.pictures.plot.curves] == [(None, None)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_values_that_are_none_leave_the_plot_of_distances_usable(
    panel: RunsPanel, state: State, runs: tuple[Run, ...], value: float
) -> None:
    reduced = np.full(3, value, np.float32)
    steps = tuple(replace(step, reduced=reduced) for step in runs[1].steps)
    panel.set_state(shown(state, (runs[0], replace(runs[1], steps=steps)), beside=(2,)))
    assert panel.pictures.plot is not None
    assert np.isfinite(panel.pictures.plot.plot.viewRange()).all()


def test_the_distance_from_the_unmasked_run_has_the_hue_of_the_run(
    panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    run = replace(runs[1], seed=8)
    assert run.unmasked is not None
    bare = replace(runs[2], id=9, job=run.unmasked)
    panel.set_state(shown(state, (run,), 2, comparing=True, unmasked=(bare,)))
    assert panel.pictures.plot is not None
    (curve,) = panel.pictures.plot.curves
    assert curve.opts["pen"].color().name() == hue_of(run, dark=False).name()
    assert panel.pictures._captioned.caption.whole == "masked"


def test_it_is_said_where_more_runs_are_chosen_than_fit_beside_another(
    panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    many = (runs[0], *(replace(runs[1], id=number) for number in range(2, 10)))
    pictures = panel.pictures
    for count, said in ((6, many[0].name), (8, f"{many[0].name} beside 6 of 8 runs")):
        panel.set_state(shown(state, many, beside=tuple(range(2, 2 + count))))
        assert len([pair for pair in pictures.pairs if pair.isVisible()]) == 6
        assert pictures.own.parentWidget().caption.whole == said


def test_many_runs_beside_another_are_marked_as_one_and_drawn_within_bounds(
    panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    many = (runs[0], *(replace(runs[1], id=number) for number in range(2, 152)))
    panel.set_state(shown(state, many, beside=tuple(range(2, 152))))
    selection = panel.list.view.selectionModel().selection()
    assert selection.count() == 1  # Qt takes a minute for thousands of them
    assert len(panel.list.selected_ids()) == 151
    assert panel.pictures.plot is not None
    assert len(panel.pictures.plot.curves) == 100
    caption = f"{runs[0].name} beside 6 of 150 runs, curves of 100"
    assert panel.pictures._captioned.caption.whole == caption
    panel.set_state(shown(state, many, beside=(4, 5, 90)))
    assert sorted(panel.list.selected_ids()) == [1, 4, 5, 90]


def test_runs_of_other_schedules_and_maps_are_compared_as_far_as_they_can_be(
    panel: RunsPanel, state: State, runs: tuple[Run, ...], make_job: MakeJob, make_step: MakeStep
) -> None:
    steps = tuple(replace(make_step(i), sigma=s) for i, s in enumerate((9.0, 5.1, 3.0, 1.0)))
    longer = run_of(make_job(7, num_steps=4), "longer", steps, done=True)
    large = np.zeros((4, 4, 3), np.uint8)
    other = replace(runs[1].job, spec=replace(runs[1].job.spec, layers=("another",)))
    moved = replace(runs[1], job=other, steps=(replace(steps[0], image=large),))
    now = shown(state, (runs[0], longer, moved), beside=(7, 2))
    panel.set_state(replace(now, runs=replace(now.runs, step=1)))
    first, second = panel.pictures.pairs
    assert "σ 5.1" in first.other.toolTip()  # beside the step at 5
    assert second.other._note == "waiting…"  # it has no such step yet
    assert panel.pictures.plot is not None
    assert "different maps" in panel.pictures.plot.caption.toolTip()
    panel.set_state(replace(now, runs=replace(now.runs, step=0)))
    assert second.difference._note == "not the same size"


def test_a_double_click_opens_a_window_that_follows_the_steps(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    now = shown(state, runs)
    panel.set_state(now)
    qtbot.mouseDClick(panel.pictures.own, Qt.MouseButton.LeftButton)
    (window,) = panel.window().findChildren(PictureWindow)
    assert window.windowTitle() == "Run 1"
    assert window.where.whole == "step 3/3 · σ 3.33 · 8×8 · zero label"
    panel.set_state(replace(now, runs=replace(now.runs, step=0)))
    np.testing.assert_array_equal(window.picture.pixels, runs[0].steps[0].image)
    panel.set_state(shown(state, runs, 2))  # another run is shown: it stays
    np.testing.assert_array_equal(window.picture.pixels, runs[0].steps[0].image)
    window.actual.click()
    picture = window.picture.grab().toImage()
    ground = QColor(picture.pixel(2, 2)).name()
    middle, beyond = picture.rect().center(), picture.rect().center() + QPoint(7, 0)
    assert QColor(picture.pixel(middle)).red() == 40
    assert QColor(picture.pixel(beyond)).name() == ground  # eight pixels are eight pixels
    panel.set_state(shown(state, runs[1:], 2))
    assert not window.isVisible()


# ---- the list -----------------------------------------------------------------------------------


def test_runs_are_found_and_sorted(panel: RunsPanel, state: State, runs: tuple[Run, ...]) -> None:
    tagged = replace(runs[0], tags=("figure two",))
    panel.set_state(shown(state, (tagged, *runs[1:])))
    assert names(panel) == ["a third", "Run 2", "Run 1"]
    titles = {action.text(): action for action in panel.list.order.menu().actions()}
    for title, wanted in (
        ("Oldest first", ["Run 1", "Run 2", "a third"]),
        ("Name", ["a third", "Run 1", "Run 2"]),
        ("Seed", ["a third", "Run 2", "Run 1"]),
    ):
        titles[title].trigger()
        assert names(panel) == wanted
        assert panel.list.selected_ids() == [1]  # what is shown stays marked
    for text, wanted in (
        ("third zero", ["a third"]),
        ("FIGURE", ["Run 1"]),
        ("seed 8", ["Run 2"]),
        ("midblock", ["a third", "Run 2", "Run 1"]),
    ):
        panel.list.search.setText(text)
        assert names(panel) == wanted
        assert not panel.list.nothing.isVisible()
    panel.list.search.setText("nowhere")
    assert names(panel) == []
    assert panel.list.nothing.text() == "None of 3 runs is like that."
    panel.list.search.clear()
    panel.set_state(shown(state, (replace(tagged, pinned=True), *runs[1:])))
    assert names(panel) == ["Run 1", "a third", "Run 2"]


def test_eye_pin_name_and_bin_of_a_row(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    panel.set_state(shown(state, runs))
    view, left = panel.list.view, Qt.MouseButton.LeftButton
    place = view.visualRect(panel.list.rows.index_of(2))
    asked: list[object] = []
    panel.run_chosen.connect(asked.append)
    with qtbot.waitSignal(panel.visibility_chosen) as caught:
        qtbot.mouseClick(view.viewport(), left, pos=eye_place(place).center())
    assert caught.args == [2, False]
    with qtbot.waitSignal(panel.pin_chosen) as caught:
        qtbot.mouseClick(view.viewport(), left, pos=pin_place(place).center())
    assert caught.args == [2, True]
    assert asked == []  # neither of them changes which run is shown
    click(qtbot, panel, 2)
    assert asked == [2]
    panel.set_state(shown(state, runs, 2))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    assert editor.text() == "Run 2"
    editor.selectAll()
    qtbot.keyClicks(editor, "pull, u")  # whose letters are keys of the window
    with qtbot.waitSignal(panel.renamed) as caught:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert caught.args == [2, "pull, u"]
    with qtbot.waitSignal(panel.visibility_chosen):
        qtbot.keyClick(view, Qt.Key.Key_Space)
    with qtbot.waitSignal(panel.deleted) as caught:
        qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert caught.args == [2]


def test_every_picture_has_a_menu(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    panel.set_state(shown(state, runs, beside=(3,)))
    qtbot.wait(20)
    view, strip, pictures = panel.list.view, panel.steps.strip, panel.pictures
    row = view.visualRect(panel.list.rows.index_of(2)).center()
    frame = strip.visualItemRect(strip.item(0)).center()
    strip.scrollToItem(strip.item(0))
    frame = strip.visualItemRect(strip.item(0)).center()
    for widget, at, wanted in (
        (pictures.own, QPoint(5, 5), (1, 2)),
        (pictures.pairs[0].other, QPoint(5, 5), (3, 2)),
        (view.viewport(), row, (2, 2)),
        (strip.viewport(), frame, (1, 0)),
    ):
        with qtbot.waitSignal(panel.menu_wanted) as caught:
            right_click(widget, at)
        assert tuple(caught.args[:2]) == wanted
    with qtbot.waitSignal(panel.difference_menu_wanted):
        right_click(pictures.pairs[0].difference, QPoint(5, 5))


def right_click(widget: QWidget, at: QPoint) -> None:
    from PySide6.QtGui import QContextMenuEvent
    from PySide6.QtWidgets import QApplication

    QTest.mouseClick(widget, Qt.MouseButton.RightButton, pos=at)
    reason = QContextMenuEvent.Reason.Mouse
    event = QContextMenuEvent(reason, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)


def test_without_a_run_it_is_a_line(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    filled: list[bool] = []
    panel.filled.connect(filled.append)
    assert panel.maximumHeight() < 40
    assert panel.empty.isVisible()
    panel.set_state(shown(state, runs))
    assert panel.maximumHeight() > 1000
    panel.set_state(state)
    assert panel.maximumHeight() < 40
    assert filled == [True, False]


def test_many_pictures_use_the_height_of_the_panel(
    qtbot: QtBot, panel: RunsPanel, state: State, runs: tuple[Run, ...]
) -> None:
    panel.set_state(shown(state, runs, beside=(2, 3)))
    qtbot.wait(20)
    one, other = panel.pictures.pairs[:2]
    assert one.y() == other.y()
    side = panel.pictures.own.width()
    panel.resize(1200, 420)
    qtbot.waitUntil(lambda: other.y() > one.y() + 100)  # below each other
    assert panel.pictures.own.width() > 1.3 * side
    assert panel.pictures.own.width() == other.other.width()
