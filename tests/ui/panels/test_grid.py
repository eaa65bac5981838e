"""The window of a grid: what varies is read or refused, and the contact sheet fills and zooms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_runs import told
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsPixmapItem
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.drawing import GenerateGrid
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.panels.grid import GridWindow
from diffviews_desktop.ui.panels.grid.contact_sheet import CELL, GAP, ContactSheet
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded
from diffviews_desktop.values.grid_axes import GridAxes
from diffviews_desktop.values.interventions import (
    PICKED,
    Difference,
    Intervention,
    mean_of_samples,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell
from diffviews_desktop.values.sampling import SamplingSettings

LAYERS = ("encoder_block_0", "midblock", "decoder_block_1")


@pytest.fixture
def ready(state: State) -> State:
    """A model with three layers is loaded, a sample is picked, a run has five steps."""
    layers = tuple(LayerInfo(name, (4, 8, 8), False) for name in LAYERS)
    loaded = ModelLoaded("m", "cpu", 3, 8, layers)
    return replace(
        state,
        opened=replace(state.opened, loaded=loaded),
        picks=replace(state.picks, selection=Selection(anchor=3, manual=(4,))),
    )


@pytest.fixture
def window(qtbot: QtBot, ready: State) -> GridWindow:
    made = GridWindow()
    qtbot.addWidget(made)
    made.show()
    made.set_state(ready)
    return made


def check(window: GridWindow, *rows: int) -> None:
    for row in rows:
        window.form.layers.item(row).setCheckState(Qt.CheckState.Checked)


def drawn(qtbot: QtBot, window: GridWindow) -> GridAxes:
    """What Draw asks for."""
    with qtbot.waitSignal(window.grid_requested) as caught:
        qtbot.mouseClick(window.draw, Qt.MouseButton.LeftButton)
    wanted: GridAxes = caught.args[0]
    return wanted


def layers_of(window: GridWindow) -> tuple[LayerSet, ...]:
    """The layers that would vary, each by itself."""
    wanted = window.form.read_fields(5)
    assert wanted is not None
    return wanted.mask_layers


# ---- what varies --------------------------------------------------------------------------------


def test_four_seeds_vary_where_nothing_is_entered(qtbot: QtBot, window: GridWindow) -> None:
    assert window.summary.text() == "4 pictures of NFE 5, mask of 2 samples."
    assert not window.form.problem.isVisible()
    assert drawn(qtbot, window) == GridAxes(samples=4)


def test_every_axis_is_asked_for_as_it_is_entered(qtbot: QtBot, window: GridWindow) -> None:
    window.form.seeds.setValue(2)
    qtbot.keyClicks(window.form.strengths, " 0, .25,1.0 ,, 1e-1,")
    qtbot.keyClicks(window.form.windows, "1-3, 5 , 2 - 5")
    check(window, 0, 2)
    assert window.summary.text() == "48 pictures of NFE 5, mask of 2 samples."
    assert drawn(qtbot, window) == GridAxes(
        samples=2,
        strengths=(0.0, 0.25, 1.0, 0.1),
        windows=((0, 3), (4, 5), (1, 5)),  # from 0, the end not included
        mask_layers=(LayerSet(["encoder_block_0"]), LayerSet(["decoder_block_1"])),
    )


def test_what_is_asked_for_is_what_a_job_takes(
    qtbot: QtBot, window: GridWindow, ready: State
) -> None:
    window.form.seeds.setValue(3)
    window.form.strengths.setText("0.5, 1")
    window.form.windows.setText("1-2, 3-5")
    check(window, 1, 2)
    wanted = drawn(qtbot, window)
    job = GenerateGrid(
        job_id=1,
        folder=FolderRef(),
        spec=MapSpec("m", ("midblock",)),
        interventions=mean_of_samples((3,)),
        condition=from_choice(0),
        settings=replace(ready.runs.settings, seed=1),
        **vars(wanted),
    )
    assert len(job.cells()) == job.count == wanted.count == 24
    assert window.summary.text().startswith("24 pictures ")


STRENGTHS = "Strengths are numbers from 0 to 1, such as 0; 0.5; 1."
TWO_WAYS = (
    "'0,5' can be read in more than one way. "
    "Separate the numbers with semicolons, such as 0.5; 1; 2."
)
STEPS = "Steps are ranges such as 1-3, from 1 to 5, separated by commas."


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("strengths", "half", STRENGTHS),
        ("strengths", "0.5, 1.01", STRENGTHS),
        ("strengths", "-0.1", STRENGTHS),
        ("strengths", "nan", STRENGTHS),
        ("strengths", "inf", STRENGTHS),
        ("strengths", "0.5; 1.5", STRENGTHS),
        ("strengths", "0,5", TWO_WAYS),
        ("windows", "0-2", STEPS),
        ("windows", "1-6", STEPS),
        ("windows", "3-2", STEPS),
        ("windows", "-2", STEPS),
        ("windows", "2-", STEPS),
        ("windows", "1-2-3", STEPS),
        ("windows", "1.5", STEPS),
        ("windows", "all", STEPS),
    ],
)
def test_what_cannot_be_read_is_said_and_not_drawn(
    qtbot: QtBot, window: GridWindow, field: str, text: str, said: str
) -> None:
    asked: list[object] = []
    window.grid_requested.connect(asked.append)
    getattr(window.form, field).setText(text)
    assert window.form.problem.text() == said
    assert window.form.problem.isVisible()
    assert window.summary.text() == ""
    assert not window.draw.isEnabled()
    qtbot.mouseClick(window.draw, Qt.MouseButton.LeftButton)
    assert asked == []
    getattr(window.form, field).clear()
    assert not window.form.problem.isVisible()
    assert window.draw.isEnabled()


def test_a_range_of_steps_is_read_again_when_runs_have_others(
    window: GridWindow, ready: State
) -> None:
    window.form.windows.setText("7-10")
    assert not window.draw.isEnabled()
    longer = SamplingSettings(num_steps=10, sampler="heun", guidance_scale=2.0)
    window.set_state(replace(ready, runs=replace(ready.runs, settings=longer)))
    assert window.draw.isEnabled()
    assert window.summary.text() == "4 pictures of NFE 38, mask of 2 samples."  # (2·10 - 1)·2
    window.set_state(
        replace(ready, runs=replace(ready.runs, settings=replace(longer, num_steps=9)))
    )
    assert window.form.problem.text() == STEPS.replace("to 5", "to 9")


def test_a_grid_that_is_too_large_is_refused_with_its_number(
    qtbot: QtBot, window: GridWindow
) -> None:
    window.form.seeds.setValue(500)
    window.form.strengths.setText("0, 0.25, 0.5, 1")
    assert window.summary.text().startswith("2,000 pictures")
    assert drawn(qtbot, window).samples == 500
    window.form.seeds.setValue(501)
    assert window.form.problem.text() == ("That would be 2,004 pictures; a grid has at most 2,000.")
    assert not window.draw.isEnabled()
    window.form.seeds.setValue(1)
    window.form.strengths.clear()
    assert window.summary.text() == "1 picture of NFE 5, mask of 2 samples."


def test_without_a_pick_only_seeds_can_vary(window: GridWindow, ready: State) -> None:
    window.set_state(replace(ready, picks=replace(ready.picks, selection=Selection())))
    assert window.draw.isEnabled()
    assert window.summary.text() == "4 pictures of NFE 5, no mask."
    window.form.strengths.setText("0, 1")
    assert not window.draw.isEnabled()
    assert window.summary.text().startswith("Click a point on the map first")
    assert window.draw.toolTip() == window.summary.text()
    window.set_state(replace(ready, picks=replace(ready.picks, selection=Selection(anchor=0))))
    assert window.draw.isEnabled()
    assert window.summary.text() == "8 pictures of NFE 5, mask of 1 sample."


def test_a_draw_that_cannot_be_says_why(window: GridWindow, ready: State) -> None:
    window.set_state(replace(ready, opened=replace(ready.opened, layer_map=None)))
    assert not window.draw.isEnabled()
    assert window.summary.text() == "The map is not there yet."
    window.set_state(replace(ready, opened=replace(ready.opened, model_problem="No checkpoint.")))
    assert not window.draw.isEnabled()
    assert window.summary.text() == "The model cannot run: No checkpoint."


def test_checked_layers_stay_until_another_model_is_loaded(
    window: GridWindow, ready: State
) -> None:
    check(window, 1)
    window.set_state(replace(ready, picks=replace(ready.picks, selection=Selection(anchor=9))))
    assert layers_of(window) == (("midblock",),)
    assert ready.opened.loaded is not None
    other = replace(ready.opened.loaded, layers=(LayerInfo("middle", (4, 8, 8), False),))
    window.set_state(replace(ready, opened=replace(ready.opened, loaded=other)))
    layers = window.form.layers
    assert [layers.item(row).text() for row in range(layers.count())] == ["middle"]
    assert layers_of(window) == ()


# ---- the contact sheet --------------------------------------------------------------------------


@pytest.fixture
def make_grid() -> Callable[..., Grid]:
    """Makes a grid of two seeds by three strengths, some of its pictures drawn, each of a colour of
    its own."""

    def make(count: int = 6, job_id: int = 9, seed: int | None = 50) -> Grid:
        job = GenerateGrid(
            job_id=job_id,
            folder=FolderRef(),
            spec=MapSpec("m", ("midblock",)),
            interventions=mean_of_samples((3,)),
            condition=from_choice(0),
            settings=SamplingSettings(seed=seed),
            samples=2,
            strengths=(0.0, 0.5, 1.0),
        )
        if seed is None:
            return Grid(job)
        cells = [
            GridCell(
                index,
                cell.settings,
                told(0),
                np.full((8, 8, 3), colour(index), np.uint8),
                cell.interventions,
            )
            for index, cell in enumerate(job.cells()[:count])
        ]
        return Grid(job, tuple(cells), done=count == 6)

    return make


def colour(index: int) -> tuple[int, int, int]:
    return 30 * index, 200 - 30 * index, 10 + 20 * index


@pytest.fixture
def sheet(qtbot: QtBot, window: GridWindow, ready: State, make_grid) -> ContactSheet:
    """The sheet of a window with four of six pictures."""
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(4))))
    qtbot.waitUntil(window.sheet.isVisible)
    return window.sheet


def at(sheet: ContactSheet, index: int) -> QPoint:
    """The middle of a picture on the screen."""
    return sheet.mapFromScene(sheet.place(index).center())


def pixel(sheet: ContactSheet, where: QPoint) -> tuple[int, int, int]:
    image = sheet.viewport().grab().toImage()
    ratio = image.devicePixelRatio()
    found = image.pixelColor(round(where.x() * ratio), round(where.y() * ratio))
    return found.red(), found.green(), found.blue()


def wheel(sheet: ContactSheet, turn: int, where: QPoint | None = None) -> None:
    viewport = sheet.viewport()
    place = viewport.rect().center() if where is None else where
    event = QWheelEvent(
        QPointF(place),
        QPointF(viewport.mapToGlobal(place)),
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def scale(sheet: ContactSheet) -> float:
    return sheet.transform().m11()


def whole(sheet: ContactSheet) -> bool:
    """Whether all of the sheet is on the screen."""
    seen = sheet.mapToScene(sheet.viewport().rect()).boundingRect()
    return seen.adjusted(-1, -1, 1, 1).contains(sheet.sceneRect())


def pixmaps(sheet: ContactSheet) -> list[QGraphicsPixmapItem]:
    return [item for item in sheet.scene().items() if isinstance(item, QGraphicsPixmapItem)]


def names(sheet: ContactSheet) -> list[str]:
    return [item.text() for item in sheet._names]


def test_before_the_first_grid_the_window_says_what_to_do(
    window: GridWindow, ready: State, make_grid
) -> None:
    assert window.stack.currentWidget() is window.empty
    assert not any(b.isEnabled() for b in (window.cancel, window.fit, window.save))
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(1))))
    assert window.stack.currentWidget() is window.sheet
    window.set_state(ready)
    assert window.stack.currentWidget() is window.empty
    assert pixmaps(window.sheet) == []


def test_pictures_are_added_as_they_come_each_at_its_place(
    qtbot: QtBot, window: GridWindow, ready: State, make_grid
) -> None:
    sheet = window.sheet
    kept: set[QGraphicsPixmapItem] = set()
    for count in (0, 1, 4, 4, 6):
        window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(count))))
        now = set(pixmaps(sheet))
        assert len(now) == count
        assert kept <= now  # those that were there were not drawn again
        kept = now
        for index in range(6):
            shown = pixel(sheet, at(sheet, index))
            paper = sheet.backgroundBrush().color().getRgb()[:3]
            assert shown == (colour(index) if index < count else paper)
    assert names(sheet) == ["seed 50", "seed 51", "strength 0", "strength 0.5", "strength 1"]
    columns, rows = sheet._names[:2], sheet._names[2:]
    for index in range(6):  # each name is beside its pictures
        middle = sheet.place(index).center()
        above = columns[index % 2].sceneBoundingRect()
        left = rows[index // 2].sceneBoundingRect()
        assert above.center().x() == pytest.approx(middle.x())
        assert above.bottom() <= 0
        assert left.center().y() == pytest.approx(middle.y())
        assert left.right() <= 0
    assert "seed 51 · mask of 1 sample" in sheet.itemAt(at(sheet, 5)).toolTip()
    assert "of strength 0.5" in sheet.itemAt(at(sheet, 3)).toolTip()


def test_a_grid_whose_seed_is_not_chosen_yet_has_no_names(
    window: GridWindow, ready: State, make_grid
) -> None:
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(6))))
    window.set_state(
        replace(ready, runs=replace(ready.runs, grid=make_grid(0, job_id=10, seed=None)))
    )
    sheet = window.sheet
    assert (names(sheet), pixmaps(sheet)) == ([], [])
    assert sheet.cell_at(QPointF(CELL / 2, CELL / 2)) is None
    window.set_state(
        replace(ready, runs=replace(ready.runs, grid=make_grid(1, job_id=10, seed=70)))
    )
    assert names(sheet)[:2] == ["seed 70", "seed 71"]
    assert pixel(sheet, at(sheet, 0)) == colour(0)
    window.set_state(
        replace(ready, runs=replace(ready.runs, grid=make_grid(0, job_id=11, seed=80)))
    )
    assert names(sheet)[:2] == ["seed 80", "seed 81"]
    assert pixmaps(sheet) == []


def test_progress_is_shown_and_the_grid_in_work_can_be_cancelled(
    qtbot: QtBot, window: GridWindow, ready: State, make_grid
) -> None:
    grid = make_grid(4)
    running = RunningJob(grid.job, "Generating a grid", stage="generating", detail="4 of 6, 2/s")
    window.set_state(
        replace(
            ready,
            runs=replace(ready.runs, grid=grid),
            jobs=replace(ready.jobs, running=(running,)),
        )
    )
    assert window.progress.text() == "generating 4 of 6, 2/s"
    with qtbot.waitSignal(window.cancel_requested) as caught:
        qtbot.mouseClick(window.cancel, Qt.MouseButton.LeftButton)
    assert caught.args == [9]
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(6))))
    assert window.progress.text() == "6 pictures"
    assert not window.cancel.isEnabled()
    with qtbot.waitSignal(window.save_requested):
        qtbot.mouseClick(window.save, Qt.MouseButton.LeftButton)
    window.set_state(
        replace(ready, runs=replace(ready.runs, grid=replace(make_grid(0), done=True)))
    )
    assert not window.save.isEnabled()
    window.set_state(
        replace(ready, runs=replace(ready.runs, grid=replace(make_grid(1), done=True)))
    )
    assert window.progress.text() == "1 picture"
    assert window.save.isEnabled()


def test_keys_go_from_picture_to_picture_and_choose_one(
    qtbot: QtBot, window: GridWindow, sheet: ContactSheet
) -> None:
    chosen: list[int] = []
    wanted: list[int] = []
    window.cell_chosen.connect(chosen.append)
    window.menu_wanted.connect(lambda index, place: wanted.append(index))
    for key, place in (
        (Qt.Key.Key_Left, 0),
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, 3),
        (Qt.Key.Key_Right, 4),  # not drawn yet
        (Qt.Key.Key_Up, 2),
    ):
        qtbot.keyClick(sheet, key)
        assert sheet.current == place
        qtbot.keyClick(sheet, Qt.Key.Key_Return)
        middle = sheet.rect().center()
        keyboard = QContextMenuEvent.Reason.Keyboard
        QApplication.sendEvent(
            sheet, QContextMenuEvent(keyboard, middle, sheet.mapToGlobal(middle))
        )
    assert chosen == wanted == [0, 1, 3, 2]
    mouse, there = QContextMenuEvent.Reason.Mouse, at(sheet, 1)
    event = QContextMenuEvent(mouse, there, sheet.viewport().mapToGlobal(there))
    QApplication.sendEvent(sheet.viewport(), event)
    assert wanted[-1] == 1


@pytest.mark.parametrize("turns", [0, 5, -5])
def test_a_double_click_chooses_the_picture_under_it_however_far_it_is_zoomed(
    qtbot: QtBot, window: GridWindow, sheet: ContactSheet, turns: int
) -> None:
    chosen: list[int] = []
    window.cell_chosen.connect(chosen.append)
    for _ in range(abs(turns)):
        wheel(sheet, 120 if turns > 0 else -120)
    for index in range(6):
        sheet.centerOn(sheet.place(index).center())
        qtbot.mouseDClick(sheet.viewport(), Qt.MouseButton.LeftButton, pos=at(sheet, index))
    assert chosen == [0, 1, 2, 3]  # the others are not drawn yet


def test_a_click_once_or_beside_the_pictures_chooses_nothing(
    qtbot: QtBot, window: GridWindow, sheet: ContactSheet
) -> None:
    chosen: list[int] = []
    window.cell_chosen.connect(chosen.append)
    qtbot.mouseClick(sheet.viewport(), Qt.MouseButton.LeftButton, pos=at(sheet, 0))
    gap, far = CELL + GAP / 2, 3 * (CELL + GAP)
    beside = [(gap, 10), (10, gap), (-3, 10), (10, -3), (far, 10), (10, far), (-200, -200)]
    for x, y in beside:
        assert sheet.cell_at(QPointF(x, y)) is None
        where = sheet.mapFromScene(QPointF(x, y))
        if sheet.viewport().rect().contains(where):
            qtbot.mouseDClick(sheet.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert chosen == []


def test_the_wheel_zooms_about_the_pointer_and_back(sheet: ContactSheet) -> None:
    fitted = scale(sheet)
    where = sheet.viewport().rect().center() + QPoint(25, -15)
    QTest.mouseMove(sheet.viewport(), where)
    for _ in range(8):  # until the sheet is larger than the window in both directions
        wheel(sheet, 120, where)
    under = sheet.mapToScene(where)
    wheel(sheet, 120, where)
    moved = sheet.mapFromScene(under) - where
    assert moved.manhattanLength() <= 2
    assert scale(sheet) == pytest.approx(fitted * 1.0015 ** (9 * 120))
    assert not whole(sheet)
    for _ in range(9):
        wheel(sheet, -120, where)
    assert scale(sheet) == pytest.approx(fitted)


def test_the_zoom_has_ends(sheet: ContactSheet) -> None:
    for turn, least, most in ((120, 30.0, 40.0), (-120, 0.05, 0.07)):
        for _ in range(80):
            wheel(sheet, turn)
        assert least < scale(sheet) < most


def test_fit_shows_all_and_a_resized_window_too_unless_it_was_zoomed(
    qtbot: QtBot, window: GridWindow, sheet: ContactSheet
) -> None:
    assert whole(sheet)
    before = scale(sheet)
    window.resize(700, 380)
    qtbot.waitUntil(lambda: scale(sheet) < before)
    assert whole(sheet)
    for _ in range(10):
        wheel(sheet, 120)
    zoomed = scale(sheet)
    window.resize(900, 600)
    qtbot.waitUntil(lambda: sheet.width() > 500)
    assert scale(sheet) == zoomed
    assert not whole(sheet)
    qtbot.mouseClick(window.fit, Qt.MouseButton.LeftButton)
    assert whole(sheet)
    assert scale(sheet) <= 2  # a few small pictures are not blown up


def test_pictures_that_come_leave_the_zoom_and_the_next_grid_is_fitted(
    window: GridWindow, ready: State, sheet: ContactSheet, make_grid
) -> None:
    for _ in range(10):
        wheel(sheet, 120)
    zoomed = scale(sheet)
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(6))))
    assert scale(sheet) == zoomed
    window.set_state(replace(ready, runs=replace(ready.runs, grid=make_grid(1, job_id=10))))
    assert scale(sheet) != zoomed
    assert whole(sheet)


def test_the_sheet_takes_the_colours_of_the_theme(window: GridWindow, sheet: ContactSheet) -> None:
    light = pixel(sheet, at(sheet, 5))
    theme.apply("dark")
    window.apply_theme()
    assert sum(pixel(sheet, at(sheet, 5))) < sum(light)
    assert pixel(sheet, at(sheet, 0)) == colour(0)
    assert {item.brush().color().name() for item in sheet._names} == {theme.colors().text}


def test_strengths_of_a_direction_are_any_numbers(
    qtbot: QtBot, window: GridWindow, ready: State
) -> None:
    assert not window.form.which.isVisibleTo(window)
    direction = Intervention("add", Difference((1,), (2,)))
    stack = (PICKED, direction)
    window.set_state(replace(ready, runs=replace(ready.runs, interventions=stack)))
    assert window.form.which.isVisibleTo(window)
    assert window.form.which.currentText() == "add 1 sample − 1 sample × 1"  # the newest
    window.form.strengths.setText("-2; 0; 3")
    assert window.form.problem.text() == ""
    wanted = drawn(qtbot, window)
    assert (wanted.varied, wanted.strengths) == (1, (-2.0, 0.0, 3.0))
    window.form.which.setCurrentIndex(0)
    assert window.form.problem.text() == STRENGTHS
