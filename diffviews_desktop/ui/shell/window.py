"""The window: docks, menus and connections, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QChildEvent,
    QEvent,
    QSize,
    Qt,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDesktopServices,
    QImage,
    QKeySequence,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QDialog,
    QDockWidget,
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabBar,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop import paths
from diffviews_desktop.actions import (
    asking,
    experiments,
    exports,
    folders,
    maps,
    picks,
    runs,
    selection,
    showing,
)
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import COLUMN, ColorBy, State
from diffviews_desktop.text.plain import MOST_OF_NAME, file_name, visible
from diffviews_desktop.ui.assistants.importing import ImportAssistant
from diffviews_desktop.ui.common import motion, theme
from diffviews_desktop.ui.common.entries import MOST_OF_PATH, menu_text
from diffviews_desktop.ui.common.images import PictureLoader, to_qimage
from diffviews_desktop.ui.common.labels import muted, plain, tip
from diffviews_desktop.ui.common.questions import ask
from diffviews_desktop.ui.common.settings import Settings, packed, unpacked
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.panels.classes import ClassesPanel
from diffviews_desktop.ui.panels.color import CHOICES, ColorPanel
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.panels.generate import GeneratePanel
from diffviews_desktop.ui.panels.grid import GridWindow
from diffviews_desktop.ui.panels.layer import LayerPanel
from diffviews_desktop.ui.panels.linked import LinkedPanel
from diffviews_desktop.ui.panels.map_settings import MapSettings
from diffviews_desktop.ui.panels.mean import MeanWindow, mean_image
from diffviews_desktop.ui.panels.preview import PreviewPanel
from diffviews_desktop.ui.panels.runs import TrajectoryPanel
from diffviews_desktop.ui.shell.help import ABOUT, FactsWindow, KeysWindow, model_facts
from diffviews_desktop.ui.shell.notice_bar import NoticeBar
from diffviews_desktop.ui.shell.preferences import (
    APPEARANCES,
    RAMPS,
    RENDERERS,
    Preferences,
    choices,
)
from diffviews_desktop.ui.shell.saving import PictureSaver
from diffviews_desktop.ui.shell.status_bar import StatusBar
from diffviews_desktop.ui.views.area import MapArea
from diffviews_desktop.ui.views.solid.switch import MapSwitch
from diffviews_desktop.ui.views.waiting import WaitingPage
from diffviews_desktop.values.folders import Source

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.view import MapView

LAYOUT_VERSION = 1
FIRST_SIZE, FRAME_ROOM = QSize(1360, 860), QSize(8, 32)
"""Of the window at its first start, and what a window manager puts around it."""
RECENT_FOLDERS = 8
MOST_OF_TITLE = 200  # letters


class MainWindow(QMainWindow):
    """Connects panels, operations and the session.

    Signals:
        first_painted: the window was painted for the first time, without a map yet.
        map_shown: the first map was painted.
    """

    first_painted = Signal()
    map_shown = Signal()

    def __init__(self, session: Session, worker: asking.WorkerLike, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("DiffViews")
        self.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.session = session
        self._settings = settings
        self._do = partial(_call, session=session)
        self._ask = partial(_call, session=session, worker=worker)
        self.pictures = PictureLoader(self)
        self._painted = False
        self._first_map = True
        self._classes_wanted = True
        self.on_close: Callable[[], None] = lambda: None
        self.map_settings: MapSettings | None = None  # these are made when first opened
        self.mean_window: MeanWindow | None = None
        self.preferences: Preferences | None = None
        self.importer: ImportAssistant | None = None
        self.grid_window: GridWindow | None = None
        self.saver = PictureSaver(self)
        self.saver.saved.connect(self._on_saved)
        saved = settings.text("color_by", "class")
        if saved in CHOICES or saved.startswith(COLUMN):
            session.update(replace(session.state, color_by=saved))
        self._build()
        self._build_menus()
        self._connect()
        session.changed.connect(self._on_changed)
        self._on_changed(State(), session.state)
        self._restore_layout()

    # ---- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        self.layer_panel = LayerPanel()
        self.color_panel = ColorPanel()
        self.preview = PreviewPanel(self.pictures)
        self.classes = ClassesPanel()
        self.gallery = GalleryPanel(self.pictures)
        self.generate_panel = GeneratePanel()
        self.trajectory = TrajectoryPanel()
        self.notice = NoticeBar()
        self.status = StatusBar()
        self.setStatusBar(self.status)

        theme.dress(self.menuBar())
        theme.dress(self.status)
        bar = QToolBar("Model and layer")
        theme.dress(bar)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.addWidget(self.layer_panel)
        bar.addWidget(self.color_panel)
        self.settings_button = QPushButton("Map settings…")
        bar.addWidget(self.settings_button)
        space = QWidget()
        space.setMinimumWidth(8)
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        self.demo_hint = muted("bundled demo: real handwritten digits")
        self._demo_hint_action = bar.addWidget(self.demo_hint)
        self._demo_hint_action.setVisible(False)
        self.open_button = QPushButton("Open data folder…")
        bar.addWidget(self.open_button)
        self.addToolBar(bar)

        self.map_area = MapArea(self.session, self._settings, self.pictures, self._do)
        self.linked_panel: LinkedPanel | None = None
        center = self._center = QWidget()
        theme.dress(center)
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        self.beside = QSplitter(Qt.Orientation.Horizontal)
        self.beside.setChildrenCollapsible(False)
        self.beside.addWidget(self.map_area)
        column.addWidget(self.beside, 1)
        self.setCentralWidget(center)  # parent of questions, too: they are styled with it

        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.docks = [
            self._dock("Preview", self.preview, left),
            self._dock("Classes", self.classes, left),
            self._dock("Selection and neighbours", self.gallery, right),
            self._dock("Generate", self.generate_panel, right),
            self._dock("Trajectory", self.trajectory, Qt.DockWidgetArea.BottomDockWidgetArea),
        ]
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.BottomDockWidgetArea)

    def childEvent(self, event: QChildEvent) -> None:
        """Tabs of docks that lie on each other come and go with them."""
        super().childEvent(event)
        tabs = event.child()
        if event.type() == QEvent.Type.ChildPolished and isinstance(tabs, QTabBar):
            theme.dress(tabs)

    def _dock(self, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(title)
        theme.dress(dock)
        dock.setWidget(panel)
        self.addDockWidget(area, dock)
        return dock

    def _build_menus(self) -> None:
        bar = self.menuBar()
        file = bar.addMenu("&File")
        self._action(file, "&Open data folder…", self.choose_folder, "Ctrl+O")
        self._action(file, "Open the &demo", lambda: self.open(Source()))
        self.recent_menu = file.addMenu("Open &recent")
        self._fill_recent()
        self._action(file, "&Import pictures…", self.show_import, "Ctrl+I")
        file.addSeparator()
        self.save_action = self._action(file, "&Save picture…", self.save_picture, "Ctrl+S")
        self.export_action = self._action(file, "Export the ma&p…", self.export_map, "Ctrl+P")
        self.map_area.more_in_menu.append(self.export_action)
        self.convert_action = self._action(
            file,
            "Convert &checkpoint to .safetensors",
            partial(self._ask, folders.convert_checkpoint),
        )
        file.addSeparator()
        self._action(file, "&Quit", self.close, "Ctrl+Q")

        edit = bar.addMenu("&Edit")
        undo = self.session.undo_stack.createUndoAction(self, "Undo")
        undo.setShortcut(QKeySequence.StandardKey.Undo)
        redo = self.session.undo_stack.createRedoAction(self, "Redo")
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        edit.addActions([undo, redo])
        edit.addSeparator()
        self._action(edit, "Select &all", partial(self._do, selection.choose_all), "Ctrl+A")
        self._action(
            edit,
            "&Invert the selection",
            partial(self._do, selection.invert_chosen),
            "Ctrl+Shift+I",
        )
        self._action(
            edit, "Select &nothing", partial(self._do, selection.clear_chosen), "Ctrl+Shift+D"
        )
        self._action(
            edit,
            "&Mean picture of the selection",
            partial(self._ask, selection.average_chosen),
            "Ctrl+M",
        )
        self._action(edit, "&Export the selection…", self.export_selection, "Ctrl+E")
        self._action(
            edit,
            "Use the selection as neigh&bours",
            partial(self._do, selection.use_chosen_as_neighbors),
            "Ctrl+N",
        )
        edit.addSeparator()
        self._action(edit, "Clear n&eighbours", partial(self._do, picks.clear_neighbors))
        self._action(
            edit, "&Clear all picks", partial(self._do, picks.clear_selection), "Ctrl+Shift+A"
        )
        edit.addSeparator()
        preferences = self._action(edit, "&Preferences…", self.show_preferences, "Ctrl+,")
        preferences.setMenuRole(QAction.MenuRole.PreferencesRole)

        view = bar.addMenu("&View")
        for dock in self.docks:
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        view.addActions([*self.map_area.map_actions.shows.values()])
        view.addAction(self.map_3d.action)
        self.second_action = self._action(view, "Se&cond map", self._turn_second, "2")
        self.second_action.setCheckable(True)
        self.still_action = self._action(view, "Reduce &motion", self._reduce_motion)
        self.still_action.setCheckable(True)
        self.still_action.setChecked(self._settings.text("reduced_motion") == "true")
        self._reduce_motion()
        view.setToolTipsVisible(True)
        self.appearances = choices(
            view.addMenu("&Appearance"), APPEARANCES, theme.choice(), self.set_theme
        )
        ramp, renderer = self._settings.text("ramp"), self._settings.text("renderer")
        self.ramps = choices(view.addMenu("&Colours of values"), RAMPS, ramp, self.set_ramp)
        self.size_menu = view.addMenu("Si&ze of points")
        self.size_menu.setToolTipsVisible(True)
        self.size_menu.aboutToShow.connect(self._fill_sizes)
        self.renderers = choices(
            view.addMenu("&Drawing of the map"),
            RENDERERS,
            renderer,
            self.set_renderer,
        )
        self._action(view, "&Reset layout", self.reset_layout)

        map_menu = bar.addMenu("&Map")
        map_menu.addActions([*self.map_area.map_actions.tools.values()])
        map_menu.addSeparator()
        map_menu.addActions([*self.map_area.map_actions.moves])
        self._action(map_menu, "Centre on the anch&or", self.center_on_anchor, "A")
        map_menu.addSeparator()
        self._action(map_menu, "&Add the sample under the mouse", self.map_area.add_hovered, "N")
        self._action(map_menu, "&Suggest neighbours", self._suggest, "S")
        self._action(map_menu, "Map s&ettings…", self.show_map_settings, "M")
        self._action(
            map_menu,
            "S&how all samples",
            partial(self._do, showing.show_all),
            "Shift+H",
        )

        generate = bar.addMenu("&Generate")
        self._action(generate, "&Generate", self.generate_panel.press, "Ctrl+Return")
        self.cancel_action = self._action(
            generate, "&Cancel", partial(self._ask, asking.cancel_current), "Esc"
        )
        generate.addSeparator()
        self._action(generate, "&Grid of pictures…", self.show_grid, "Ctrl+G")
        back = self._action(generate, "&Previous step", lambda: self.trajectory.go(-1))
        back.setShortcuts([QKeySequence("Left"), QKeySequence(",")])  # on the map arrows go there
        on = self._action(generate, "&Next step", lambda: self.trajectory.go(1))
        on.setShortcuts([QKeySequence("Right"), QKeySequence(".")])
        self._action(generate, "P&lay the steps", self.trajectory.toggle_play, "P")
        self._action(generate, "Compare with the &unmasked run", self.trajectory.compare.click, "U")

        help_menu = bar.addMenu("&Help")
        self._action(help_menu, "&Keyboard shortcuts", self.show_shortcuts, "F1")
        self._action(help_menu, "&Model and adapters", self.show_model)
        self._action(help_menu, "Open the &log", self.open_log)
        self._action(help_menu, "&About DiffViews", self.show_about)

    def _action(
        self, menu: QMenu, text: str, run: Callable[[], object], shortcut: str = ""
    ) -> QAction:
        action = QAction(text, self)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda *_: run())
        menu.addAction(action)
        return action

    def _connect(self) -> None:
        self.layer_panel.model_chosen.connect(
            lambda name: self._ask(folders.switch_model, model=name)
        )
        self.layer_panel.layers_chosen.connect(
            lambda layers: self._ask(maps.change_layer, layers=layers)
        )
        self.color_panel.color_chosen.connect(self._choose_color)
        self.settings_button.clicked.connect(self.show_map_settings)
        self.classes.selection_wanted.connect(
            lambda number, how: self._do(selection.choose_class, number=number, how=how)
        )
        self.classes.hiding_wanted.connect(
            lambda at: self._do(showing.toggle_category, by="class", number=at)
        )
        self.classes.isolation_wanted.connect(
            lambda at: self._do(
                showing.only_category, by="class", number=at, count=self.classes.list.count()
            )
        )
        self.classes.class_chosen.connect(
            lambda number: self._do(showing.highlight_class, number=number)
        )
        self.gallery.suggest_requested.connect(
            lambda count, on_map: self._ask(picks.suggest_neighbors, count=count, on_map=on_map)
        )
        self.gallery.removed.connect(lambda row: self._do(picks.remove_neighbor, row=row))
        self.gallery.cleared.connect(lambda: self._do(picks.clear_selection))
        self.gallery.located.connect(self.map_area.center_on)
        self.generate_panel.generate_requested.connect(
            lambda settings, choice: self._ask(
                runs.generate_from_neighbors, settings=settings, class_choice=choice
            )
        )
        self.generate_panel.settings_changed.connect(
            lambda settings, choice: self._do(
                runs.change_settings, settings=settings, class_choice=choice
            )
        )
        self.generate_panel.grid_requested.connect(self.show_grid)
        self.generate_panel.cancel_requested.connect(lambda: self._ask(asking.cancel_current))
        self.status.cancel_requested.connect(lambda: self._ask(asking.cancel_current))
        self.trajectory.step_chosen.connect(lambda step: self._do(runs.scrub_to, step=step))
        self.trajectory.trajectory_chosen.connect(
            lambda key: self._ask(runs.show_trajectory, key=key)
        )
        self.trajectory.visibility_chosen.connect(
            lambda key, visible: self._do(runs.set_trajectory_visible, key=key, visible=visible)
        )
        self.trajectory.deleted.connect(lambda key: self._ask(runs.delete_trajectory, key=key))
        self.trajectory.compare_chosen.connect(
            lambda on: self._ask(runs.compare_with_unmasked, comparing=on)
        )
        self.trajectory.landing_requested.connect(
            lambda sigma: self._ask(runs.find_landing, sigma=sigma)
        )
        self.trajectory.located.connect(self.map_area.center_on)
        self.notice.offer_taken.connect(lambda _: self._ask(folders.convert_checkpoint))
        self.open_button.clicked.connect(self.choose_folder)
        self.waiting.open_button.clicked.connect(self.choose_folder)
        self.waiting.demo_button.clicked.connect(lambda: self.open(Source()))
        self.map_area.hovered.connect(self.preview.show_row)
        self.map_area.painted.connect(self._on_painted)
        self.map_area.step_clicked.connect(self._go_to_step)
        self.map_area.bar.mean_wanted.connect(lambda: self._ask(selection.average_chosen))
        self.map_area.bar.export_wanted.connect(self.export_selection)

    # ---- showing --------------------------------------------------------------------------------

    def bring_map(self) -> None:
        """Add the map, after the window was painted."""
        if self.map is not None:
            return
        self.map_area.bring_map()
        assert self.map is not None
        self.map.drawn_otherwise.connect(self._say_drawn_by)

    @property
    def map(self) -> MapView | None:
        """The flat map, once it is there."""
        return self.map_area.map

    @property
    def map_3d(self) -> MapSwitch:
        """The change between the flat map and the one in three dimensions."""
        return self.map_area.switch

    @property
    def waiting(self) -> WaitingPage:
        """What is shown while there is no map."""
        return self.map_area.waiting

    def _on_changed(self, old: State, new: State) -> None:
        """Pass on to each panel what concerns it."""

        def differs(*names: str) -> bool:
            return any(getattr(old, name) is not getattr(new, name) for name in names)

        if differs(
            "models", "model", "layer_map", "loaded", "model_problem", "jobs", "samples", "rate"
        ):
            self.layer_panel.set_state(new)
        if differs("samples", "layer_map", "selection", "color_by", "linked"):
            self.color_panel.set_state(new)
        if self.map_settings is not None and differs(
            "source", "layer_map", "jobs", "model", "model_problem"
        ):
            self.map_settings.set_state(new)
        if self.grid_window is not None and differs(
            "grid", "jobs", "selection", "settings", "loaded", "layer_map", "model_problem"
        ):
            self.grid_window.set_state(new)
        if self.importer is not None and differs("loaded", "jobs", "path", "model"):
            self.importer.set_state(new)
        if differs("samples", "selection", "layer_map"):
            self.preview.set_state(new)
        if differs("samples", "highlighted_class", "filter"):
            self.classes.set_state(new)
        if differs("samples"):
            self._show_classes(bool(new.samples is None or (new.samples.class_label >= 0).any()))
        if differs("samples", "selection", "suggest_count", "suggest_on_map"):
            self.gallery.set_state(new)
        if differs(
            "settings", "class_choice", "samples", "selection", "layer_map", "model_problem",
            "loaded", "jobs", "shown", "trajectories",
        ):  # fmt: skip
            self.generate_panel.set_state(new)
        if differs(
            "trajectories", "shown", "step", "layer_map", "samples", "comparing", "unmasked"
        ):
            self.trajectory.set_state(new)
        if differs("jobs", "samples", "layer_map", "loaded", "memory", "engine"):
            self.status.set_state(new)
        if differs("notice"):
            self.notice.show_notice(new.notice)
        if differs("path", "is_demo", "model"):
            self._show_title(new)
        self.cancel_action.setEnabled(bool(new.jobs))
        self.convert_action.setEnabled(new.loaded is not None and new.loaded.convertible)
        self.export_action.setEnabled(new.layer_map is not None)
        self.save_action.setEnabled(bool(new.trajectory() and new.trajectory().steps))  # type: ignore[union-attr]
        self.map_area.show_changes(old, new)
        if self.linked_panel is not None and differs(
            "models", "model", "loaded", "default_layers", "linked", "jobs"
        ):
            self.linked_panel.set_state(new)
        if differs("mean") and new.mean is not None:
            self.show_mean()

    def _show_classes(self, has_classes: bool) -> None:
        """The panel of classes is for samples that have some; it comes back as it was."""
        dock = self.docks[1]
        if has_classes == dock.toggleViewAction().isEnabled():
            return
        dock.toggleViewAction().setEnabled(has_classes)
        if has_classes:
            dock.setVisible(self._classes_wanted)
        else:
            self._classes_wanted = not dock.isHidden()
            dock.hide()

    def _show_title(self, state: State) -> None:
        self._demo_hint_action.setVisible(state.is_demo)
        where = "demo" if state.is_demo else str(state.path or "")
        parts = [part for part in (state.model, where, "DiffViews") if part]
        title = plain(" – ".join(parts), MOST_OF_TITLE)
        self.setWindowTitle(title.replace("[*]", "[*][*]"))  # which would stand for a change
        if state.path is not None and not state.is_demo:
            self._remember_folder(state.path)

    def _on_painted(self) -> None:
        if self._first_map:
            self._first_map = False
            if self.map is not None and not isinstance(self.focusWidget(), QLineEdit):
                self.map.setFocus()  # else a button looks as if it were to be pressed
            self.map_shown.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            # after this paint: nothing may stand between the person and the window
            QTimer.singleShot(0, self.first_painted.emit)

    # ---- what a person does ---------------------------------------------------------------------

    def open(self, source: Source) -> None:
        """Open a data folder or the demo."""
        self._ask(folders.open_data, source=source)

    def choose_folder(self) -> None:
        """Ask for a data folder and open it."""
        start = str(self.session.state.path or Path.home())
        folder = QFileDialog.getExistingDirectory(self._center, "Open data folder", start)
        if folder:
            self.open(Source(path=Path(folder)))

    def show_import(self) -> None:
        """Ask what to import; what was entered before is still there."""
        if self.importer is None:
            self.importer = ImportAssistant(self)
            self.importer.import_requested.connect(
                lambda arguments: self._ask(folders.import_data, **arguments)
            )
        self.importer.set_state(self.session.state)
        _bring_up(self.importer)

    def show_map_settings(self) -> None:
        """Show what the map depends on, beside the map."""
        if self.map_settings is None:
            self.map_settings = MapSettings(self)
            self.map_settings.map_requested.connect(
                lambda parameters: self._ask(maps.change_map_parameters, parameters=parameters)
            )
        self.map_settings.set_state(self.session.state)
        _bring_up(self.map_settings)

    def show_grid(self) -> None:
        """Show what a grid of pictures could vary, and the last one."""
        if self.grid_window is None:
            window = self.grid_window = GridWindow(self)
            window.grid_requested.connect(self._draw_grid)
            window.cancel_requested.connect(lambda key: self._ask(asking.cancel_job, job_id=key))
            window.cell_chosen.connect(lambda index: self._ask(runs.generate_cell, index=index))
            window.save_requested.connect(self.save_sheet)
        self.grid_window.set_state(self.session.state)
        _bring_up(self.grid_window)

    def _draw_grid(self, axes: dict[str, Any]) -> None:
        state = self.session.state
        self._ask(
            experiments.generate_grid,
            settings=state.settings,
            class_choice=state.class_choice,
            **axes,
        )

    def save_sheet(self) -> None:
        """Save the contact sheet as PNG, with what makes it again inside."""
        grid = self.session.state.grid
        if grid is None or self.grid_window is None:
            return
        name = f"{file_name(grid.job.model)}-grid-seed-{grid.job.settings.seed}.png"
        self._save_png(self.grid_window.sheet.renderer(), name, grid.record)

    def _choose_color(self, by: ColorBy) -> None:
        self._settings.change({"color_by": by})
        self._do(showing.change_color, by=by)

    def save_picture(self) -> None:
        """Save the picture of the shown step as PNG."""
        state = self.session.state
        record = state.trajectory()
        if record is None or not record.steps:
            return
        step = record.steps[min(state.step, len(record.steps) - 1)]
        name = f"{file_name(record.job.model)}-seed-{record.seed}-step-{step.index + 1}.png"
        self._save_png(partial(to_qimage, step.image), name, record.record)

    def _save_png(
        self, make: Callable[[], QImage], name: str, record: Mapping[str, Any] | None
    ) -> None:
        """Ask where to, and write a picture with the record of how it was made."""
        start = str(self._pictures_folder() / name)
        file, _ = QFileDialog.getSaveFileName(self._center, "Save picture", start, "PNG (*.png)")
        if file:
            self.saver.save(make, file, record)

    def _pictures_folder(self) -> Path:
        return Path(self._settings.text("pictures", str(Path.home())))

    def _on_saved(self, file: str, done: bool) -> None:
        state = self.session.state
        if done:
            self._settings.change({"pictures": str(Path(file).parent)})
            self.session.update(state.with_notice(f"Saved {file}"))
        else:
            text = f"The picture could not be written to {file}. Choose another folder."
            self.session.update(state.with_notice(text, error=True))

    def export_map(self) -> None:
        """Ask where to, and write the map as it is seen as PNG or SVG."""
        before = self.session.state
        if before.layer_map is None:
            return
        name = file_name(f"{before.model}-{before.layer_map.label}") + "-map.png"
        start = str(self._pictures_folder() / name)
        kinds = "PNG (*.png)" + (";;SVG (*.svg)" if self.map_area.is_flat else "")
        file, kind = QFileDialog.getSaveFileName(self._center, "Export the map", start, kinds)
        state = self.session.state  # meanwhile another map may have come
        shown = state.layer_map
        if not file or shown is None:
            return
        if not file.lower().endswith((".png", ".svg")):
            file += ".svg" if kind.startswith("SVG") else ".png"
        vectors = file.lower().endswith(".svg")
        if vectors and not self.map_area.is_flat:
            file, vectors = f"{file[:-4]}.png", False
        record = {
            "kind": "map",
            "model": state.model,
            "layers": list(shown.layers),
            "parameters": shown.parameters,
            "colored_by": state.colored_by,
        }
        self.saver.save(self.map_area.export(vectors=vectors), file, record)

    def show_mean(self) -> None:
        """Show the mean picture that was computed last."""
        mean = self.session.state.mean
        if mean is None:
            return
        if self.mean_window is None:
            self.mean_window = MeanWindow(self)
            self.mean_window.save_requested.connect(self.save_mean)
        self.mean_window.show_mean(mean)
        _bring_up(self.mean_window)

    def save_mean(self) -> None:
        """Save the mean picture as PNG, with the samples that it is the mean of."""
        mean = self.session.state.mean
        if mean is not None:
            record = {"kind": "mean", "model": mean.model, "sample_ids": list(mean.sample_ids)}
            name = f"{file_name(mean.model)}-mean-of-{len(mean.sample_ids)}.png"
            self._save_png(partial(mean_image, mean), name, record)

    def export_selection(self) -> None:
        """Ask where to, and write the selected samples as CSV."""
        state = self.session.state
        if not len(state.selection.chosen):
            text = "Select samples first: drag a rectangle or a lasso."
            self.session.update(state.with_notice(text))
            return
        folder = Path(self._settings.text("tables", str(Path.home())))
        start = str(folder / f"{file_name(str(state.model))}-selection.csv")
        file, _ = QFileDialog.getSaveFileName(self._center, "Export samples", start, "CSV (*.csv)")
        if file:
            self._settings.change({"tables": str(Path(file).parent)})
            self._ask(exports.export_chosen, file=Path(file))

    def _fill_sizes(self) -> None:
        """List what the size of the points could tell."""
        state, menu = self.session.state, self.size_menu
        menu.clear()
        choices: dict[ColorBy | None, str] = {None: "&All the same"}
        choices |= {by: text for by, (text, _) in CHOICES.items() if by != "class"}
        columns = state.samples.columns if state.samples is not None else {}
        choices |= {
            COLUMN + name: menu_text(name) for name, column in columns.items() if not column.names
        }
        for by, text in choices.items():
            action = menu.addAction(text)
            action.triggered.connect(lambda *_, by=by: self._do(showing.change_size, by=by))
            why_not = "" if by is None else state.cannot_size(by)
            action.setEnabled(not why_not)
            action.setToolTip(tip(why_not or text.replace("&", "")))
            action.setCheckable(True)
            action.setChecked(by == state.sized_by)

    def _turn_second(self) -> None:
        """Show a second map beside the first, or no longer."""
        if not self.second_action.isChecked():
            if self.linked_panel is not None:
                self.linked_panel.hide()
            self._ask(maps.unlink_map)
            return
        if self.linked_panel is None:
            self._make_second()
        assert self.linked_panel is not None
        self.linked_panel.set_state(self.session.state)
        self.linked_panel.show()
        half = self.beside.width() // 2
        self.beside.setSizes([half, half])

    def _make_second(self) -> None:
        from diffviews_desktop.ui.views.flat.view import MapView

        panel = self.linked_panel = LinkedPanel()
        view = MapView(with_legend=False)  # that of the first is enough
        panel.set_map(view)
        self.map_area.set_linked(view)
        panel.map_chosen.connect(
            lambda model, layers: self._ask(maps.link_map, model=model, layers=layers)
        )
        panel.closed.connect(self.second_action.trigger)
        self.beside.addWidget(panel)

    def _go_to_step(self, key: int, step: int) -> None:
        """Show a step that was clicked on the map."""
        if key != self.session.state.shown:
            self._ask(runs.show_trajectory, key=key)
        self._do(runs.scrub_to, step=step)

    def center_on_anchor(self) -> None:
        """Bring the anchor to the middle."""
        self.map_area.center_on(self.session.state.selection.anchor)

    def _reduce_motion(self) -> None:
        reduced = self.still_action.isChecked()
        self._settings.change({"reduced_motion": "true" if reduced else "false"})
        motion.set_reduced(reduced)

    def _suggest(self) -> None:
        count, on_map = self.gallery.count.value(), self.gallery.space.currentData()
        self._ask(picks.suggest_neighbors, count=count, on_map=on_map)

    def set_theme(self, choice: theme.ThemeChoice) -> None:
        """Choose light, dark, or what the desktop uses."""
        self._settings.change({"theme": choice})
        self.apply_theme(choice)

    def apply_theme(self, choice: theme.ThemeChoice) -> None:
        """Use light, dark, or what the desktop uses, until the program ends."""
        theme.apply(choice)
        for button in self.findChildren(IconButton):
            button.refresh()
        self.classes.apply_theme()
        self.trajectory.apply_theme()
        if self.grid_window is not None:
            self.grid_window.apply_theme()
        self.map_area.apply_theme()

    def set_ramp(self, ramp: str) -> None:
        """Show values from low to high by another ramp of colours."""
        self._settings.change({"ramp": ramp})
        self.map_area.set_ramp(ramp)

    def set_renderer(self, way: str) -> None:
        """Draw the map by OpenGL, into a picture, or by what is faster here."""
        self._settings.change({"renderer": way})
        if self.map is None:
            return
        self.map_area.set_renderer(way)
        self._say_drawn_by()

    def _say_drawn_by(self) -> None:
        self.session.update(self.session.state.with_notice(self._drawn_by()))
        if self.preferences is not None:
            self.preferences.refresh()

    def _drawn_by(self) -> str:
        if self.map is None:
            return ""
        used = self.map.renderer
        words = "by OpenGL" if used.name == "opengl" else "into a picture"
        return f"The map is drawn {words}: {used.reason}."

    def show_preferences(self) -> None:
        """Offer what a person prefers, whatever is shown."""
        if self.preferences is None:
            self.preferences = Preferences(
                self.appearances,
                self.ramps,
                self.renderers,
                self.still_action,
                self._drawn_by,
                self,
            )
        self.preferences.refresh()
        _bring_up(self.preferences)

    def show_shortcuts(self) -> None:
        """List every action that has a key."""
        _bring_up(KeysWindow(self.actions_with_keys(), self))

    def actions_with_keys(self) -> list[QAction]:
        """Every menu action that has a shortcut."""
        menus = [action.menu() for action in self.menuBar().actions()]
        found = [action for menu in menus if isinstance(menu, QMenu) for action in menu.actions()]
        return [action for action in found if not action.shortcut().isEmpty()]

    def open_log(self) -> None:
        """Open the log file with the desktop's viewer."""
        log = paths.log_file()
        if log.is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(log)))
        else:
            text = f"Nothing was logged yet; the log will be {log}."
            self.session.update(self.session.state.with_notice(text))

    def show_model(self) -> None:
        """Say what is loaded, where, and which adapters there are."""
        facts = model_facts(self.session.state)
        _bring_up(FactsWindow("Model and adapters", facts, self))

    def show_about(self) -> None:
        """Say what this is."""
        _bring_up(FactsWindow("About DiffViews", ABOUT, self))

    # ---- layout and settings --------------------------------------------------------------------

    def reset_layout(self) -> None:
        """Put docks where they were on the first start."""
        self.restoreState(self._first_layout, LAYOUT_VERSION)
        for dock in self.docks:
            dock.setFloating(False)
            dock.setVisible(dock.toggleViewAction().isEnabled())
        self._set_dock_sizes()

    def _set_dock_sizes(self) -> None:
        preview, classes, gallery, generate, trajectory = self.docks
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([preview, gallery], [212, 318], horizontal)
        self.resizeDocks([preview, classes], [290, 300], vertical)
        self.resizeDocks([gallery, generate], [260, 330], vertical)
        self.resizeDocks([trajectory], [190], vertical)

    def _restore_layout(self) -> None:
        room = self.screen().availableSize() - FRAME_ROOM
        self.resize(FIRST_SIZE.boundedTo(room))
        self._set_dock_sizes()
        self._first_layout = self.saveState(LAYOUT_VERSION)
        self.restoreGeometry(unpacked(self._settings.text("geometry")))
        self.restoreState(unpacked(self._settings.text("layout")), LAYOUT_VERSION)

    def _remember_folder(self, path: Path) -> None:
        recent = [str(path), *(p for p in self._recent() if p != str(path))]
        self._settings.change({"recent": recent[:RECENT_FOLDERS]})
        self._fill_recent()

    def _recent(self) -> list[str]:
        return self._settings.texts("recent")[:RECENT_FOLDERS]

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for folder in self._recent():
            source = Source(path=Path(folder))
            text = menu_text(folder, MOST_OF_PATH)
            action = self._action(self.recent_menu, text, partial(self.open, source))
            action.setToolTip(tip(folder))
        self.recent_menu.setEnabled(bool(self._recent()))

    def closeEvent(self, event: QCloseEvent) -> None:
        busy = [running for running in self.session.state.jobs if running.since is not None]
        if busy and not self._may_interrupt(busy[0].title):
            event.ignore()
            return
        self._show_classes(True)  # that these samples have none is not part of the layout
        geometry, layout = self.saveGeometry(), self.saveState(LAYOUT_VERSION)
        self._settings.change({"geometry": packed(geometry), "layout": packed(layout)})
        self.hide()
        self.pictures.wait()
        self.saver.wait()
        self.map_area.close_threads()
        self.session.close()
        if self.importer is not None:
            self.importer.wait()
        self.on_close()
        super().closeEvent(event)

    def _may_interrupt(self, title: str) -> bool:
        """Ask once, when work would be lost."""
        if title.startswith(("Opening", "Loading")):
            return True
        text = f"{visible(title, MOST_OF_NAME)} is not finished. Quit and drop it?"
        return ask(self._center, "Quit DiffViews?", text)


def _bring_up(dialog: QDialog) -> None:
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()


def _call(operation: Callable[..., None], **arguments: object) -> None:
    operation(**arguments)
