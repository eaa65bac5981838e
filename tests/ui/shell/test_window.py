"""The window as a whole: what it holds, how it fits, how it is reached; mostly without an engine,
and with a real one where a model's own facts are shown."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import run_of
from patience import until
from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QMessageBox,
    QSlider,
    QSpinBox,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers, asking, folders, picks, showing
from diffviews_desktop.actions.preferences import choose_appearance, choose_drawing
from diffviews_desktop.app import App, Options
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.shell.help import FactsWindow, KeysWindow, model_facts
from diffviews_desktop.ui.shell.runs_dock import USUAL_HEIGHT
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.renderer import GLViewport
from diffviews_desktop.values.conditions import choice_of, from_choice
from diffviews_desktop.values.folders import (
    AdapterList,
    FolderRef,
    LayerInfo,
    ModelLoaded,
    ModelSummary,
    Overrides,
)
from diffviews_desktop.values.interventions import rows_of
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.sampling import SamplingSettings


def activate(qtbot: QtBot, window: MainWindow) -> None:
    """Give the window the keyboard, also where no window manager does."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(tmp_path / "settings.json")
    made.change({"reduced_motion": "true"})
    return made


@pytest.fixture
def window(qtbot: QtBot, settings: Settings, worker: Recorder) -> Iterator[MainWindow]:
    made = MainWindow(Session(), worker, settings)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made.first_painted):
        made.show()
    made.bring_map()
    activate(qtbot, made)
    yield made
    made.session.update(
        replace(made.session.state, jobs=replace(made.session.state.jobs, running=()))
    )


def test_everything_fits_at_1280x720(
    qtbot: QtBot, window: MainWindow, state: State, make_job, make_step
) -> None:
    picked = Selection(anchor=0, suggested=((1, 1.0), (2, 2.0)))
    steps = tuple(make_step(i) for i in range(40))  # as many need a scroll bar
    record = run_of(make_job(num_steps=40), "Run 1", steps=steps, done=True)
    window.session.update(
        replace(
            state,
            picks=replace(state.picks, selection=picked),
            runs=replace(state.runs, all=(record,), shown=record.id, step=39),
        )
    )
    qtbot.waitUntil(window.runs_panel.steps.strip.isVisible)
    window.runs_panel.steps.landed.show()  # where a picture landed is one more line
    qtbot.wait(50)
    smallest = window.minimumSizeHint()
    assert smallest.width() <= 1280
    assert smallest.height() <= 690  # a title bar needs room too


def test_the_dock_of_runs_is_a_line_until_there_is_one(
    qtbot: QtBot, window: MainWindow, state: State, make_job, make_step
) -> None:
    window.resize(1270, 900)
    window.session.update(state)
    qtbot.wait(50)
    dock = window.layout_of_docks.docks[4]
    before = window.map_area.height(), window.generate_panel.geometry()
    assert window.runs_panel.empty.isVisible()
    assert window.runs_panel.height() < 40
    steps = tuple(make_step(i) for i in range(40))
    record = run_of(make_job(num_steps=40), "Run 1", steps=steps, done=True)
    runs = replace(state.runs, all=(record,), shown=record.id, step=39)
    shown = replace(state, runs=runs)
    window.session.update(shown)
    qtbot.waitUntil(window.runs_panel.steps.strip.isVisible)
    qtbot.waitUntil(lambda: dock.height() == USUAL_HEIGHT)
    assert window.map_area.height() < before[0]
    assert window.generate_panel.geometry() == before[1]
    window.resizeDocks([dock], [USUAL_HEIGHT + 60], Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: dock.height() == USUAL_HEIGHT + 60)
    window.session.update(state)
    qtbot.waitUntil(lambda: window.runs_panel.height() < 40)
    qtbot.waitUntil(lambda: window.map_area.height() == before[0])
    window.session.update(shown)
    qtbot.waitUntil(lambda: dock.height() == USUAL_HEIGHT + 60)  # as the user had it


def test_all_keys_are_listed_on_a_small_screen_too(qtbot: QtBot, window: MainWindow) -> None:
    window.show_page("keys")
    shown = window.findChild(KeysWindow)
    assert shown is not None
    qtbot.waitUntil(shown.isVisible)
    assert shown.sizeHint().height() <= 690
    assert shown.sizeHint().width() <= 1280
    texts = [label.text() for label in shown.findChildren(QLabel)]
    groups = window.menu_actions.with_keys()
    assert len(groups) > 5
    for title, keys in groups:
        assert title in texts
        for key, name in keys:
            assert key in texts
            assert name in texts
    shown.close()


def test_the_map_has_the_keyboard_once_it_is_there(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    assert window.map is not None
    qtbot.waitUntil(lambda: window.map.isAncestorOf(window.focusWidget()))


def test_every_control_has_a_name_and_takes_the_keyboard(window: MainWindow) -> None:
    kinds = (QAbstractButton, QComboBox, QSpinBox, QDoubleSpinBox, QListWidget, QSlider)
    for kind in kinds:
        for widget in window.findChildren(kind):
            own = widget.objectName().startswith("qt_")
            if own or isinstance(widget.parentWidget(), QLineEdit | QTabBar):
                continue  # Qt's own: buttons of docks and tool bar, clear buttons
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert widget.accessibleName() or text, widget
            assert widget.focusPolicy() != Qt.FocusPolicy.NoFocus, widget
    for field in window.findChildren(QLineEdit):
        parent = field.parentWidget()
        inside = isinstance(parent, QSpinBox | QDoubleSpinBox | QComboBox)
        assert inside or field.accessibleName()


def test_the_map_comes_and_the_old_one_stays_until_then(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    assert window.map_area.currentWidget() is window.waiting
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    assert window.map_area.currentWidget() is window.map


def test_clicks_go_through_the_operations_and_can_be_undone(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    for row in (3, 10, 16):
        place = window.map.position_of(row).toPoint()
        qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
        qtbot.wait(30)
    assert window.session.state.picks.selection == Selection(anchor=3, manual=(10, 16))
    window.session.undo_stack.undo()
    assert window.session.state.picks.selection == Selection(anchor=3, manual=(10,))
    window.session.undo_stack.redo()
    assert window.session.state.picks.selection == Selection(anchor=3, manual=(10, 16))
    qtbot.keyClick(window, Qt.Key.Key_S)
    assert len(window.session.state.picks.selection.suggested) == 5
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_A, both)
    assert window.session.state.picks.selection == Selection()


def test_keys_belong_to_the_control_that_has_the_focus(
    qtbot: QtBot, window: MainWindow, state: State, make_job, make_step
) -> None:
    steps = tuple(make_step(i) for i in range(3))
    record = run_of(make_job(), "Run 1", steps=steps, done=True)
    picked = Selection(anchor=0, manual=(4, 5, 6))
    window.session.update(
        replace(
            state,
            picks=replace(state.picks, selection=picked),
            runs=replace(state.runs, all=(record,), shown=record.id, step=1),
        )
    )
    window.gallery.suggest.setFocus()
    qtbot.keyClick(window.gallery.suggest, Qt.Key.Key_Space)  # a button is pressed by it
    assert len(window.session.state.picks.selection.suggested) == 5
    window.gallery.list.setFocus()
    window.gallery.list.setCurrentRow(0)
    qtbot.keyClick(window.gallery.list, Qt.Key.Key_Right)
    assert window.gallery.list.currentRow() == 1
    assert window.session.state.runs.step == 1
    window.map.box.remember()
    window.map.box.show_part(QRectF(0, 0, 2, 2))
    window.map.box.remember()
    before = window.map.box.aim
    qtbot.keyClick(window.gallery.list, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.map.box.aim != before  # the view before, not another picture
    assert window.gallery.list.currentRow() == 1
    window.gallery.suggest.setFocus()
    qtbot.keyClick(window.gallery.suggest, Qt.Key.Key_Right)  # elsewhere they scrub
    assert window.session.state.runs.step == 2
    window.map.setFocus()
    map_widget = window.focusWidget()
    qtbot.keyClick(map_widget, Qt.Key.Key_Right)  # on the map they go from sample to sample
    assert window.session.state.runs.step == 2
    assert window.map.hovered_row == 0
    qtbot.keyClick(map_widget, Qt.Key.Key_Comma)
    assert window.session.state.runs.step == 1


def test_generate_and_cancel_by_keyboard(
    qtbot: QtBot, window: MainWindow, worker: Recorder, state: State
) -> None:
    window.session.update(
        replace(state, picks=replace(state.picks, selection=Selection(anchor=3, manual=(4,))))
    )
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    job = worker.jobs[-1]
    assert isinstance(job, Generate)
    assert rows_of(job.interventions) == (3, 4)
    assert choice_of(job.condition) == 0  # the anchor's: class 0 is a class
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert worker.cancelled == [job.job_id]


def test_models_are_switched_and_folders_opened(
    window: MainWindow, worker: Recorder, state: State, tmp_path: Path, monkeypatch
) -> None:
    from PySide6.QtWidgets import QFileDialog

    window.session.update(state)
    window.layer_panel.model_chosen.emit("other")
    assert isinstance(worker.jobs[-1], OpenData)
    assert worker.jobs[-1].model == "other"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path))
    folders.choose_folder(window.context)
    assert worker.jobs[-1].folder.path == tmp_path


def test_the_layout_survives_a_restart_and_can_be_reset(
    qtbot: QtBot, window: MainWindow, settings: Settings, worker: Recorder
) -> None:
    window.layout_of_docks.docks[1].hide()
    window.close()
    again = MainWindow(Session(), worker, settings)
    qtbot.addWidget(again)
    again.show()
    assert not again.layout_of_docks.docks[1].isVisible()
    again.reset_layout()
    assert [dock.isVisible() for dock in again.layout_of_docks.docks] == [True] * 5 + [False]


def test_recent_folders_are_remembered(window: MainWindow, state: State, tmp_path: Path) -> None:
    window.session.update(replace(state, opened=replace(state.opened, path=tmp_path)))
    menu = window.findChild(QMenu, "folders.recent")
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [str(tmp_path)]


def lightness(widget: QWidget) -> float:
    """Of what a widget and what lies behind it shows, the median over its pixels, 0 … 255."""
    window = widget.window()
    image = (
        window.grab(QRect(widget.mapTo(window, QPoint()), widget.size()))
        .toImage()
        .convertToFormat(QImage.Format.Format_Grayscale8)
    )
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return float(np.median(lines[:, : image.width()]))


def test_a_theme_reaches_every_part_of_the_window(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    preview, classes, gallery, generate, _, _ = window.layout_of_docks.docks
    window.tabifyDockWidget(preview, classes)
    preview.raise_()
    gallery.setFloating(True)
    window.show_page("map settings")
    window.show_page("grid")
    window.show_page("import")
    window.show_page("about")
    asked = window.findChild(FactsWindow)
    qtbot.wait(50)  # the tabs of docks come with the next turn

    def tabs() -> list[QTabBar]:  # nobody but Qt holds it
        return [bar for bar in window.children() if isinstance(bar, QTabBar)]

    assert tabs()
    parts = (
        window.menuBar(), window.status, window.map_area, window.layer_panel, preview, gallery,
        generate, window.pages.map_settings, window.pages.grid, window.pages.importer, asked,
    )  # fmt: skip
    assert window.map is not None
    for choice, low, high in (("dark", 0, 60), ("light", 200, 256)):
        choose_appearance(window.context, choice)
        assert theme.changing()  # one part a turn, so that the window never stands still
        qtbot.waitUntil(lambda: not theme.changing())
        for part in parts:
            assert low <= lightness(part) < high, (choice, part)
            assert part.updatesEnabled()
        corner = window.map.viewport.grab().toImage().pixelColor(4, 4)
        assert low <= corner.lightness() < high
        assert {bar.styleSheet() for bar in tabs()} == {preview.styleSheet()}
        gc.collect()
    gallery.setFloating(False)


def test_of_themes_in_quick_succession_the_last_one_stays(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    window.session.update(state)
    for choice in ("dark", "light", "dark"):
        choose_appearance(window.context, choice)
        QApplication.processEvents()
    qtbot.waitUntil(lambda: not theme.changing())
    for part in (
        window.menuBar(),
        window.status,
        window.layout_of_docks.docks[3],
        window.centralWidget(),
    ):
        assert lightness(part) < 60
        assert part.updatesEnabled()


def test_a_part_that_goes_while_the_theme_changes_is_left_alone(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.show_page("map settings")
    assert window.pages.map_settings is not None
    choose_appearance(window.context, "dark")
    window.pages.map_settings.deleteLater()
    window.pages.map_settings = None
    qtbot.waitUntil(lambda: not theme.changing())
    assert lightness(window.layout_of_docks.docks[3]) < 60


def test_how_the_map_is_drawn_can_be_chosen_and_is_remembered(
    qtbot: QtBot,
    window: MainWindow,
    state: State,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DIFFVIEWS_RENDERER", raising=False)
    window.session.update(state)
    for way in ("opengl", "raster"):
        choose_drawing(window.context, way)
        used = window.map.renderer
        assert isinstance(window.map.viewport, GLViewport) == (used.name == "opengl")
        assert used.reason in window.session.state.notice.text
        assert settings.text("renderer") == way
        qtbot.wait(50)
        point = window.map.position_of(15).toPoint()  # notices float over those at the edge
        with qtbot.waitSignal(window.map.hovered):
            qtbot.mouseMove(window.map.viewport, point)
        qtbot.mouseMove(window.map.viewport, QPoint(5, 5))
    assert window.map.renderer.name == "raster"
    drawing = [action.text() for action in window.findChildren(QAction) if action.isCheckable()]
    assert {"&Automatic", "&OpenGL (graphics card)"} <= set(drawing)


def test_without_a_map_it_says_what_to_do(window: MainWindow) -> None:
    window.session.update(State().with_notice("There is no folder /nowhere.", error=True))
    assert window.waiting.open_button.isVisible()
    assert window.waiting.demo_button.isVisible()
    assert window.notice.isVisible()
    assert "/nowhere" in window.notice.text.text()  # once, not in the middle too
    assert "/nowhere" not in window.waiting.detail.text()
    assert not window.demo_hint.isVisible()


def test_a_running_job_is_shown_while_there_is_no_map(window: MainWindow) -> None:
    from diffviews_desktop.actions import answers
    from diffviews_desktop.values.folders import FolderRef

    job = OpenData(job_id=9, folder=FolderRef())
    asking.submit(window.context, job, "Opening the demo")
    answers.on_started(window.context, job_id=9)
    assert window.waiting.title.text() == "Opening the demo…"
    assert window.status.job.text().startswith("Opening the demo")


def test_closing_asks_once_while_work_would_be_lost(window: MainWindow, make_job) -> None:
    from diffviews_desktop.state.jobs import RunningJob

    asked: list[str] = []

    def answer(button: QMessageBox.StandardButton) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        assert box.textFormat() == Qt.TextFormat.PlainText
        asked.append(box.text())
        box.button(button).click()

    running = RunningJob(make_job(), "Generating <b>run 1</b>", since=1.0)
    window.session.update(
        replace(window.session.state, jobs=replace(window.session.state.jobs, running=(running,)))
    )
    QTimer.singleShot(0, lambda: answer(QMessageBox.StandardButton.No))
    assert not window.close()
    QTimer.singleShot(0, lambda: answer(QMessageBox.StandardButton.Yes))
    assert window.close()
    assert asked == ["Generating <b>run 1</b> is not finished. Quit and drop it?"] * 2


def test_loading_a_model_needs_no_question(window: MainWindow, make_job) -> None:
    from diffviews_desktop.state.jobs import RunningJob

    job = LoadModel(job_id=1, folder=make_job().folder, model="m")
    running = RunningJob(job, "Loading m", since=1.0)
    window.session.update(
        replace(window.session.state, jobs=replace(window.session.state.jobs, running=(running,)))
    )
    assert window.close()


# ---- the map's settings, its colours, and importing ---------------------------------------------


def test_the_tool_bar_fits_at_1280(qtbot: QtBot, window: MainWindow, state: State) -> None:
    window.resize(1280, 720)
    window.session.update(
        replace(state, opened=replace(state.opened, is_demo=True, path=Path("demo")))
    )
    qtbot.wait(50)
    for widget in (
        window.color_panel, window.settings_button, window.demo_hint, window.open_button,
        window.open_button,
    ):  # fmt: skip
        assert widget.isVisible()
        assert widget.geometry().right() <= 1280
    assert window.layer_panel.layers.width() >= 200


def test_map_settings_are_made_and_a_failure_keeps_the_map(
    qtbot: QtBot, window: MainWindow, worker: Recorder, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    qtbot.keyClick(window, Qt.Key.Key_M)
    dialog = window.pages.map_settings
    assert dialog is not None
    assert dialog.isVisible()
    assert not dialog.isModal()
    dialog.neighbors.setValue(40)
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    job = worker.jobs[-1]
    assert isinstance(job, MapLayer)
    assert job.spec.parameters == MapParameters(n_neighbors=40)
    assert window.session.state.opened.layer_map is state.opened.layer_map
    answers.on_failed(window.context, job_id=job.job_id, message="No room.", details="")
    assert window.session.state.opened.spec == state.opened.spec
    assert dialog.neighbors.value() == 40  # nothing entered is lost
    assert dialog.make.isEnabled()
    qtbot.mouseClick(dialog.make, Qt.MouseButton.LeftButton)
    assert state.opened.layer_map is not None
    finish(window, worker, replace(state.opened.layer_map))
    assert window.session.state.opened.parameters == MapParameters(n_neighbors=40)
    assert not dialog.make.isEnabled()
    assert dialog.own.isEnabled()
    dialog.close()
    qtbot.mouseClick(window.settings_button, Qt.MouseButton.LeftButton)
    assert window.pages.map_settings is dialog
    assert dialog.isVisible()


def test_the_colouring_is_remembered(
    qtbot: QtBot, window: MainWindow, settings: Settings, worker: Recorder, state: State
) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    window.color_panel.choice.setFocus()
    qtbot.keyClick(window.color_panel.choice, Qt.Key.Key_Down)
    assert window.session.state.view.color_by == "sigma"
    assert window.map is not None
    assert window.map.legend.isVisible()
    choose_appearance(window.context, "dark")
    assert window.map.legend.isVisible()
    again = MainWindow(Session(), worker, settings)
    qtbot.addWidget(again)
    assert again.session.state.view.color_by == "sigma"
    settings.change({"color_by": "nonsense"})
    other = MainWindow(Session(), worker, settings)
    qtbot.addWidget(other)
    assert other.session.state.view.color_by == "class"


def test_the_distance_follows_the_anchor(qtbot: QtBot, window: MainWindow, state: State) -> None:
    with qtbot.waitSignal(window.map_shown):
        window.session.update(state)
    assert window.map is not None
    legend = window.map.legend
    showing.change_color(window.context, by="distance")
    assert not legend.isVisible()  # there is no anchor
    picks.click_point(window.context, row=0)
    assert legend.isVisible()
    corner = legend.accessibleName()
    picks.new_anchor(window.context, row=14)
    assert legend.accessibleName() != corner  # from the middle it is not as far
    picks.clear_selection(window.context)
    assert not legend.isVisible()


def test_pictures_are_imported(
    qtbot: QtBot, window: MainWindow, worker: Recorder, state: State, tmp_path: Path
) -> None:
    window.session.update(state)
    qtbot.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    dialog = window.pages.importer
    assert dialog is not None
    assert dialog.isVisible()
    (tmp_path / "net.pkl").write_bytes(b"")
    dialog.checkpoint.setText(str(tmp_path / "net.pkl"))
    dialog.draw.setChecked(True)
    dialog.out.setText(str(tmp_path / "made"))
    dialog._go(2)
    qtbot.mouseClick(dialog.next, Qt.MouseButton.LeftButton)
    job = worker.jobs[-1]
    assert isinstance(job, ImportData)
    assert (job.name, job.generate, job.out) == ("net", 500, tmp_path / "made")
    assert window.status.job.toolTip().startswith("Importing net")
    finish(window, worker, DataImported(tmp_path / "made", "net", 500, 1500))
    assert isinstance(worker.jobs[-1], OpenData)
    assert worker.jobs[-1].folder == FolderRef(tmp_path / "made")
    assert window.notice.text.text().startswith("Imported 500 pictures as 1,500 samples of net")


def test_the_dialogs_controls_have_names_and_take_the_keyboard(window: MainWindow) -> None:
    window.show_page("import")
    window.show_page("map settings")
    test_every_control_has_a_name_and_takes_the_keyboard(window)


# ---- the loaded model ---------------------------------------------------------------------------


def loaded_model(**facts: object) -> ModelLoaded:
    values = {"model": "m", "device": "cpu", "num_classes": 3, "resolution": 8, "layers": ()}
    return ModelLoaded(**{**values, **facts})  # type: ignore[arg-type]


def finish(window: MainWindow, worker: Recorder, result: object) -> None:
    """The last job that was asked for ends."""
    answers.on_finished(window.context, job_id=worker.jobs[-1].job_id, result=result, memory=None)


@pytest.mark.parametrize("edited", [False, True])
def test_fields_take_the_loaded_models_settings_but_for_what_was_edited(
    window: MainWindow, worker: Recorder, state: State, tmp_path: Path, edited: bool
) -> None:
    panel = window.generate_panel
    before = SamplingSettings(num_steps=5, sigma_max=80.0, sigma_min=0.5)
    after = SamplingSettings(
        num_steps=18, sigma_max=50.0, sigma_min=0.002, rho=5.0, guidance_scale=1.5
    )
    folders.open_data(window.context, FolderRef(tmp_path))
    opened = DataOpened(
        folder=FolderRef(tmp_path),
        path=tmp_path,
        is_demo=False,
        models=(ModelSummary("m", "edm", "", before),),
        problems=(),
        model="m",
        samples=state.opened.samples,
        layer_map=state.opened.layer_map,
        default_layers=("midblock",),
    )
    finish(window, worker, opened)
    assert isinstance(worker.jobs[-1], LoadModel)
    assert (panel.sampling.steps.value(), panel.sampling.sigma_min.value()) == (5, 0.5)
    if edited:
        panel.sampling.steps.setValue(9)
    finish(window, worker, loaded_model(settings=after))
    page = panel.sampling
    values = (page.steps, panel.masking.mask_steps, page.sigma_max, page.sigma_min, page.guidance)
    expected = (9, 9, 50.0, 0.002, 1.5) if edited else (18, 18, 50.0, 0.002, 1.5)
    assert tuple(field.value() for field in values) == expected
    assert panel.settings() == (replace(after, num_steps=9) if edited else after)


def test_guidance_says_whether_it_was_trained(window: MainWindow, state: State) -> None:
    field = window.generate_panel.sampling.guidance
    window.session.update(state)
    assert field.toolTip() == "Classifier-free guidance; 1 is none"
    note = "Trained with p < 0.1 & more."
    window.session.update(
        replace(state, opened=replace(state.opened, loaded=loaded_model(guidance_note=note)))
    )
    assert field.toolTip() == f"Classifier-free guidance; 1 is none.\n{note}"
    window.session.update(replace(state, opened=replace(state.opened, loaded=loaded_model())))
    assert field.toolTip() == "Classifier-free guidance; 1 is none"


BREEDS = tuple((number, f"breed {number}") for number in range(38))
NAMED = (*BREEDS, (38, "golden retriever"), (39, "Golden eagle"), (40, "41"))


@pytest.fixture
def many(window: MainWindow, state: State) -> QLineEdit:
    """The line to type a class in, of a model with 41 classes."""
    shown = replace(
        state, opened=replace(state.opened, loaded=loaded_model(num_classes=41, class_names=NAMED))
    )
    window.session.update(replace(shown, runs=replace(shown.runs, condition=from_choice(3))))
    line = window.generate_panel.classes.lineEdit()
    assert line is not None
    line.setFocus()
    line.selectAll()
    return line


def offered(window: MainWindow) -> list[str]:
    """What the list under the line shows."""
    model = window.generate_panel.classes.completer().completionModel()
    return [str(model.data(model.index(row, 0))) for row in range(model.rowCount())]


def test_a_few_classes_are_chosen_from_a_list_and_many_are_found_by_typing(
    window: MainWindow, state: State
) -> None:
    box = window.generate_panel.classes
    for count, editable in ((26, False), (27, True), (3, False), (41, True)):
        model = loaded_model(num_classes=41, class_names=NAMED[:count])
        window.session.update(replace(state, opened=replace(state.opened, loaded=model)))
        assert box.count() == 4 + count  # the anchor's, random, zero, uniform
        assert box.isEditable() == editable


def test_a_part_of_a_name_finds_a_class(qtbot: QtBot, window: MainWindow, many: QLineEdit) -> None:
    assert many.text() == "3: breed 3"
    qtbot.keyClicks(many, "olden")
    assert offered(window) == ["38: golden retriever", "39: Golden eagle"]
    popup = window.generate_panel.classes.completer().popup()
    qtbot.waitUntil(popup.isVisible)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert choice_of(window.session.state.runs.condition) == 39
    assert many.text() == "39: Golden eagle"
    assert choice_of(window.generate_panel.classes.currentData()) == 39


def test_the_list_of_classes_found_follows_the_theme(
    qtbot: QtBot, window: MainWindow, many: QLineEdit
) -> None:
    for choice, low, high in (("dark", 0, 60), ("light", 200, 256)):
        choose_appearance(window.context, choice)
        qtbot.waitUntil(lambda: not theme.changing())
        many.clear()
        qtbot.keyClicks(many, "olden")
        popup = window.generate_panel.classes.completer().popup()
        qtbot.waitUntil(popup.isVisible)
        assert low <= lightness(popup) < high
        assert popup.styleSheet() == window.layout_of_docks.docks[3].styleSheet()
        popup.hide()


def test_a_class_can_be_typed_out(qtbot: QtBot, window: MainWindow, many: QLineEdit) -> None:
    qtbot.keyClicks(many, "38: GOLDEN retriever")
    qtbot.keyClick(many, Qt.Key.Key_Return)
    assert choice_of(window.session.state.runs.condition) == 38
    many.selectAll()
    qtbot.keyClicks(many, "random")
    window.generate_panel.classes.completer().popup().hide()
    window.generate_panel.sampling.steps.setFocus()  # leaving the field is enough
    assert choice_of(window.session.state.runs.condition) == "random"


@pytest.mark.parametrize("nonsense", ["xyzzy", "99", "breed"])
def test_what_is_no_class_is_taken_back(
    qtbot: QtBot, window: MainWindow, many: QLineEdit, nonsense: str
) -> None:
    count = window.generate_panel.classes.count()
    qtbot.keyClicks(many, nonsense)
    assert many.text() == nonsense
    qtbot.keyClick(many, Qt.Key.Key_Return)
    assert many.text() == "3: breed 3"
    assert choice_of(window.session.state.runs.condition) == 3
    assert window.generate_panel.classes.count() == count


def test_typing_is_not_disturbed_by_a_running_job(
    qtbot: QtBot, window: MainWindow, many: QLineEdit, make_job
) -> None:
    qtbot.keyClicks(many, "gold")
    for fraction in (0.1, 0.2):
        job = LoadModel(job_id=1, folder=make_job().folder, model="m")
        running = RunningJob(job, "Loading m", fraction=fraction, since=1.0)
        now = window.session.state
        window.session.update(replace(now, jobs=now.jobs.with_job(running)))
    assert many.text() == "gold"
    qtbot.keyClicks(many, "en r")
    assert offered(window) == ["38: golden retriever"]


def action(window: MainWindow, text: str) -> QAction:
    found = [a for a in window.findChildren(QAction) if a.text().replace("&", "") == text]
    assert len(found) == 1
    return found[0]


def test_help_names_model_device_and_adapters(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    assert model_facts(State()) == [("Model", "No model is loaded yet.")]
    facts = {
        "name": "NVIDIA H200",
        "memory_allocated": 3_100_000_000,
        "memory_free": 9_900_000_000,
        "memory_total": 15_000_000_000,
    }
    loaded = loaded_model(
        device="cuda:1",
        num_classes=1000,
        resolution=64,
        layers=(LayerInfo("midblock", (4, 8, 8), True), LayerInfo("out", (3, 8, 8), False)),
        guidance_note="Guidance was trained.",
        notes=("One thing was assumed.", "Another <b>too</b>."),
        device_facts=facts,
        adapters=AdapterList(("duck", "edm"), (("pond", "The adapter 'pond' is dry."),)),
    )
    models = (ModelSummary("m", "edm-imagenet-64", "", SamplingSettings()),)
    window.session.update(
        replace(state, opened=replace(state.opened, loaded=loaded, models=models))
    )
    action(window, "Model and adapters").trigger()
    (box,) = window.findChildren(FactsWindow)
    qtbot.waitUntil(box.isVisible)
    said = [label.text() for label in box.findChildren(QLabel)]
    for words in (
        "m: 64×64 pictures, 1000 classes, 2 layers",
        "edm-imagenet-64",
        "cuda:1 (NVIDIA H200, 3.1 GB used, 9.9 of 15.0 GB free)",
        "Guidance was trained.",
        "One thing was assumed.",
        "Another <b>too</b>.",
        "duck, edm",
        "Not usable",
        "The adapter 'pond' is dry.",
    ):
        assert words in said
    box.close()
    plain = replace(
        state,
        opened=replace(
            state.opened,
            folder=FolderRef(overrides=Overrides(adapter="duck")),
            models=models,
            loaded=loaded_model(num_classes=0, device_facts={"device": "cpu", "name": "x86_64"}),
        ),
    )
    facts = dict(model_facts(plain))
    assert facts["Model"] == "m: 8×8 pictures, unconditional, 0 layers"
    assert facts["Device"] == "cpu (x86_64)"
    assert facts["Adapter"] == "duck"  # what the command line says, not what the folder says
    assert not facts["Guidance"]


# ---- with a real engine -------------------------------------------------------------------------


@pytest.fixture
def start(qtbot: QtBot) -> Iterator[Callable[[Path], App]]:
    """Opens a data folder in the whole program and waits until its model is loaded."""
    apps: list[App] = []

    def make(data: Path) -> App:
        app = App(Options(folder=FolderRef(data), device="cpu"))
        apps.append(app)
        with qtbot.waitSignal(app.window.map_shown):
            app.start()
        until(qtbot, lambda: app.session.state.opened.loaded)
        return app

    yield make
    for app in apps:
        app.worker.stop()
        app.window.deleteLater()


def test_a_checkpoint_is_converted_at_the_press_of_a_button(
    qtbot: QtBot, start: Callable[[Path], App], tiny_data: Callable[..., Path]
) -> None:
    import torch
    from tiny import tiny_model

    data = tiny_data(checkpoint=False, config={"checkpoint": "checkpoints/tiny.pt"})
    network = {"img_resolution": 16, "attn_resolutions": [], "img_channels": 1}
    (data / "tiny/checkpoints").mkdir()
    torch.save(tiny_model(**network).state_dict(), data / "tiny/checkpoints/tiny.pt")
    app = start(data)
    window, notice = app.window, app.window.notice
    assert notice.isVisible()
    assert "does not say its preconditioning" in notice.text.text()
    assert "can be converted" in notice.text.text()
    assert notice.offer.isVisible()
    assert notice.offer.text() == "Convert to .safetensors"
    convert = action(window, "Convert checkpoint to .safetensors")
    assert convert.isEnabled()

    qtbot.mouseClick(notice.offer, Qt.MouseButton.LeftButton)
    assert not notice.isVisible()
    until(qtbot, lambda: not app.session.state.jobs.running)
    out = data / "tiny/checkpoints/tiny.safetensors"
    assert out.stat().st_size > 100_000
    assert notice.isVisible()
    assert notice.text.text() == f"Converted: {out} is used from now on."
    assert not notice.offer.isVisible()
    assert not convert.isEnabled()
    assert app.session.state.opened.loaded is not None


def test_an_unconditional_model_asks_for_no_class(
    qtbot: QtBot, start: Callable[[Path], App], tiny_data: Callable[..., Path]
) -> None:
    tiny_data("free", num_classes=0, channels=3)
    app = start(tiny_data("of classes"))
    window, panel = app.window, app.window.generate_panel
    label = panel._form.labelForField(panel.classes)
    assert app.session.state.opened.model == "free"
    assert not panel.classes.isVisible()
    assert not label.isVisible()

    place = window.map.position_of(3).toPoint()
    qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
    until(qtbot, lambda: app.session.state.picks.selection.anchor == 3)
    qtbot.mouseClick(panel.generate, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: app.session.state.runs.run() and app.session.state.runs.run().done)
    record = app.session.state.runs.run()
    assert record.steps[-1].image.shape == (16, 16, 3)
    assert len(record.steps) == 5
    assert [row.run.name for row in window.runs_panel.list.rows.rows] == ["Run 1"]
    assert "·" in window.runs_panel.list.rows.rows[0].line

    window.layer_panel.model_chosen.emit("of classes")
    until(
        qtbot,
        lambda: app.session.state.opened.model == "of classes" and app.session.state.opened.loaded,
    )
    assert panel.classes.isVisible()
    assert label.isVisible()


def test_samples_without_classes_have_no_panel_of_classes(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    dock = window.layout_of_docks.docks[1]
    session = window.session
    session.update(state)
    assert dock.isVisible()
    assert state.opened.samples is not None
    unknown = replace(state.opened.samples, class_label=state.opened.samples.class_label * 0 - 1)
    session.update(replace(state, opened=replace(state.opened, samples=unknown)))
    assert not dock.isVisible()
    assert not dock.toggleViewAction().isEnabled()
    window.reset_layout()
    assert not dock.isVisible()
    session.update(state)
    assert dock.isVisible()
    # one that was closed stays so
    dock.toggleViewAction().trigger()
    assert not dock.isVisible()
    session.update(replace(state, opened=replace(state.opened, samples=unknown)))
    session.update(state)
    assert not dock.isVisible()
    dock.toggleViewAction().trigger()
    assert dock.isVisible()
