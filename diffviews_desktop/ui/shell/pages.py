"""The windows beside the main one, each made, and imported, when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QMenu

from diffviews_desktop import paths
from diffviews_desktop.actions import asking, downloads, experiments, folders, jobs, maps
from diffviews_desktop.actions.context import Context, ExportKind, Page
from diffviews_desktop.actions.experiments import ExperimentWanted
from diffviews_desktop.actions.exports import record_of_mean
from diffviews_desktop.actions.folders import ImportWanted
from diffviews_desktop.actions.run_list import COPY_SEED
from diffviews_desktop.engine.jobs.exporting import ContentPreview
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.panel import Panels
from diffviews_desktop.ui.common.picture_menu import offer_picture, show_menu
from diffviews_desktop.values.grid_axes import GridAxes

if TYPE_CHECKING:
    from diffviews_desktop.ui.assistants.importing import ImportAssistant
    from diffviews_desktop.ui.panels.experiment import ExperimentWindow
    from diffviews_desktop.ui.panels.grid import GridWindow
    from diffviews_desktop.ui.panels.map_settings import MapSettings
    from diffviews_desktop.ui.panels.mean import MeanWindow
    from diffviews_desktop.ui.panels.models import ModelsWindow
    from diffviews_desktop.ui.shell.activity import ActivityWindow
    from diffviews_desktop.ui.shell.crash_window import CrashWindow
    from diffviews_desktop.ui.shell.exporting import ExportWindow
    from diffviews_desktop.ui.shell.palette import CommandPalette
    from diffviews_desktop.ui.shell.preferences import PreferencesWindow
    from diffviews_desktop.ui.shell.tour import Guide
    from diffviews_desktop.ui.shell.window import MainWindow


REOPENED: tuple[Page, ...] = ("map settings", "grid", "experiment")
"""Windows that a session opens again: those that one works with."""


class Pages:
    """Makes and brings up windows.

    Args:
        context: what their actions work with.
        window: over which they open.
    """

    def __init__(self, context: Context, window: MainWindow) -> None:
        self._context, self._window = context, window
        self._panels = Panels()
        self.map_settings: MapSettings | None = None
        self.mean: MeanWindow | None = None
        self.preferences: PreferencesWindow | None = None
        self.importer: ImportAssistant | None = None
        self.grid: GridWindow | None = None
        self.experiment: ExperimentWindow | None = None
        self.activity: ActivityWindow | None = None
        self.palette: CommandPalette | None = None
        self.models: ModelsWindow | None = None
        self.guide: Guide | None = None
        self.export: ExportWindow | None = None
        self.crashes: CrashWindow | None = None

    def show(self, page: Page) -> None:
        """Bring up a window."""
        match page:
            case "import":
                self._show_import()
            case "map settings":
                self._show_map_settings()
            case "grid":
                self._show_grid()
            case "experiment":
                self._show_experiment()
            case "mean":
                self._show_mean()
            case "models":
                self._show_models()
            case "preferences":
                self._show_preferences()
            case "keys" | "explained" | "model" | "about":
                self._show_help(page)
            case "jobs" | "history" | "notices":
                self._show_activity(page)
            case "palette":
                self._show_palette()
            case "find" | "filters":
                self._window.samples.bring_up(page)
            case "log":
                self._open_log()
            case "crash reports":
                self._show_crashes()

    def open_pages(self) -> tuple[Page, ...]:
        """The windows that are open and that a session opens again."""
        windows = (self.map_settings, self.grid, self.experiment)
        return tuple(
            page
            for page, window in zip(REOPENED, windows, strict=True)
            if window is not None and window.isVisible()
        )

    def reopen(self, pages: Sequence[str]) -> None:
        """Open windows that a session names."""
        for page in REOPENED:
            if page in pages:
                self.show(page)

    def show_changes(self, old: State, new: State) -> None:
        """Tell the windows that are there what has changed."""
        self._panels.show_changes(old, new)
        if new.tour is not None and self.guide is None:
            from diffviews_desktop.ui.shell.tour import Guide

            self.guide = Guide(self._context, self._window)
        if self.guide is not None:
            self.guide.show_changes(old, new)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self.grid is not None:
            self.grid.apply_theme()
        if self.experiment is not None:
            self.experiment.apply_theme()
        if self.activity is not None:
            self.activity.apply_theme()
        if self.models is not None:
            self.models.apply_theme()

    def wait(self) -> None:
        """Let what works in other threads come to its end."""
        if self.importer is not None:
            self.importer.wait()
        if self.preferences is not None:
            self.preferences.wait()

    def refresh_preferences(self) -> None:
        """Say how the map is drawn now."""
        if self.preferences is not None:
            self.preferences.refresh()

    def _show_help(self, page: Literal["keys", "explained", "model", "about"]) -> None:
        from diffviews_desktop.ui.shell.about import AboutWindow
        from diffviews_desktop.ui.shell.help import FactsWindow, KeysWindow, model_facts

        match page:
            case "keys":
                keys = self._window.menu_actions.with_keys()
                _bring_up(KeysWindow(keys, self._window))
            case "explained":
                from diffviews_desktop.ui.shell.explained import ExplainedWindow

                _bring_up(ExplainedWindow(self._window))
            case "model":
                facts = model_facts(self._context.state)
                _bring_up(FactsWindow(tr("Model and adapters"), facts, self._window))
            case "about":
                _bring_up(AboutWindow(self._window))

    def import_checkpoint(self, file: Path) -> None:
        """Bring up the assistant that imports pictures, with a checkpoint filled in."""
        self._show_import()
        assert self.importer is not None
        self.importer.take_checkpoint(file)

    def _show_models(self) -> None:
        if self.models is None:
            from diffviews_desktop.ui.panels.models import ModelsWindow

            window = self.models = ModelsWindow(self._window)
            window.download_requested.connect(partial(downloads.download, self._context))
            window.pause_requested.connect(partial(downloads.pause, self._context))
            window.open_requested.connect(partial(downloads.open_model, self._context))
            window.folder_chosen.connect(partial(downloads.change_folder, self._context))
            window.set_state(self._context.state)
            self._panels.add(window)
        _bring_up(self.models)

    def show_export(self, kind: ExportKind | None) -> None:
        """Bring up the window that exports; None keeps what was chosen there."""
        if self.export is None:
            from diffviews_desktop.ui.shell.exporting import ExportWindow

            self.export = ExportWindow(self._context, self._window)
            self._panels.add(self.export)
        self.export.choose(kind)
        _bring_up(self.export)

    def show_preview(self, preview: ContentPreview | str) -> None:
        """Show how an export will look."""
        if self.export is not None:
            self.export.show_preview(preview)

    def _show_import(self) -> None:
        """What was entered before is still there."""
        if self.importer is None:
            from diffviews_desktop.ui.assistants.importing import ImportAssistant

            window = self.importer = ImportAssistant(self._window)
            window.import_requested.connect(self._import)
            window.set_state(self._context.state)
            self._panels.add(window)
        _bring_up(self.importer)

    def _import(self, request: ImportWanted) -> None:
        folders.import_data(
            self._context,
            checkpoint=request.checkpoint,
            out=request.out,
            name=request.name,
            sigmas=request.sigmas,
            adapter=request.adapter,
            images=request.images,
            labels=request.labels,
            class_map=request.class_map,
            generate=request.generate,
            layers=request.layers,
            seed=request.seed,
            brightness=request.brightness,
            told=request.told,
        )

    def _show_map_settings(self) -> None:
        if self.map_settings is None:
            from diffviews_desktop.ui.panels.map_settings import MapSettings

            window = self.map_settings = MapSettings(self._window)
            window.map_requested.connect(partial(maps.change_map_parameters, self._context))
            window.assess_requested.connect(partial(maps.assess_map, self._context))
            window.set_state(self._context.state)
            self._panels.add(window)
        _bring_up(self.map_settings)

    def _show_grid(self) -> None:
        if self.grid is None:
            from diffviews_desktop.ui.panels.grid import GridWindow

            window = self.grid = GridWindow(self._window)
            window.grid_requested.connect(self._draw_grid)
            window.cancel_requested.connect(partial(asking.cancel_job, self._context))
            window.cell_chosen.connect(partial(experiments.generate_cell, self._context))
            window.save_requested.connect(self._window.saves.ask_sheet)
            window.menu_wanted.connect(self._show_cell_menu)
            window.set_state(self._context.state)
            self._panels.add(window)
        _bring_up(self.grid)

    def _show_cell_menu(self, index: int, place: QPoint) -> None:
        """Offer what can be done with a picture of the grid."""
        grid, context = self._context.state.runs.grid, self._context
        cells = () if grid is None else grid.cells
        cell = next((one for one in cells if one.index == index), None)
        if grid is None or cell is None or self.grid is None:
            return
        record = grid.record

        def fill(menu: QMenu) -> None:
            action = menu.addAction(tr("&Draw it again as a run"))
            action.triggered.connect(lambda: experiments.generate_cell(context, index))
            offer_picture(menu, context, cell.image, f"grid-{index + 1}.png", record)
            seed = menu.addAction(COPY_SEED)
            seed.triggered.connect(lambda: context.window.copy_text(str(cell.settings.seed)))

        show_menu(self.grid, fill, place)

    def _draw_grid(self, axes: GridAxes) -> None:
        state = self._context.state
        experiments.generate_grid(
            self._context,
            state.runs.settings,
            state.condition,
            samples=axes.samples,
            varied=axes.varied,
            strengths=axes.strengths,
            windows=axes.windows,
            mask_layers=axes.mask_layers,
        )

    def _show_experiment(self) -> None:
        if self.experiment is None:
            from diffviews_desktop.ui.panels.experiment import ExperimentWindow

            window = self.experiment = ExperimentWindow(self._window)
            window.experiment_requested.connect(self._run_experiment)
            window.cancel_requested.connect(partial(asking.cancel_job, self._context))
            window.judge_requested.connect(partial(experiments.judge_masks, self._context))
            window.report_requested.connect(self._open_report)
            window.set_state(self._context.state)
            self._panels.add(window)
        _bring_up(self.experiment)

    def _run_experiment(self, request: ExperimentWanted) -> None:
        experiments.run_experiment(
            self._context,
            of_picks=request.of_picks,
            anchors=request.anchors,
            neighbors=request.neighbors,
            seeds=request.seeds,
            controls=request.controls,
            layer_sets=request.layer_sets,
            parts=request.parts,
            judge=request.judge,
            features=request.features,
        )

    def _open_report(self) -> None:
        experiment = self._context.state.runs.experiment
        if experiment is not None and experiment.result is not None:
            report = experiment.result.files[0]
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _show_mean(self) -> None:
        mean = self._context.state.picks.mean
        if mean is None:
            return
        if self.mean is None:
            from diffviews_desktop.ui.panels.mean import MeanWindow

            self.mean = MeanWindow(self._window)
            self.mean.save_requested.connect(self._window.saves.ask_mean)
            self.mean.menu_wanted.connect(self._show_mean_menu)
        self.mean.show_mean(mean)
        _bring_up(self.mean)

    def _show_mean_menu(self, pixels: NDArray[np.uint8], place: QPoint) -> None:
        mean = self._context.state.picks.mean
        if self.mean is None or mean is None:
            return
        save = self._window.saves.ask_mean if self.mean.shows_mean(pixels) else None
        record = record_of_mean(mean, "deviation")
        show_menu(
            self.mean,
            lambda menu: offer_picture(
                menu, self._context, pixels, "deviation.png", record, save=save
            ),
            place,
        )

    def _show_preferences(self) -> None:
        if self.preferences is None:
            from diffviews_desktop.ui.shell.preferences import PreferencesWindow

            window = self.preferences = PreferencesWindow(
                self._context, self._window.drawn_by, self._window
            )
            self._panels.add(window)
        self.preferences.set_state(self._context.state)
        _bring_up(self.preferences)

    def _show_activity(self, page: Literal["jobs", "history", "notices"]) -> None:
        if self.activity is None:
            from diffviews_desktop.ui.shell.activity import ActivityWindow

            window = self.activity = ActivityWindow(self._window)
            window.jobs.cancelled.connect(partial(asking.cancel_job, self._context))
            window.jobs.moved.connect(partial(jobs.move_job, self._context))
            window.jobs.run_again.connect(partial(jobs.run_again, self._context))
            window.history.script_wanted.connect(self._window.saves.ask_script)
            self._panels.add(window)
        self.activity.show_page(page, self._context.state)
        _bring_up(self.activity)

    def _show_palette(self) -> None:
        if self.palette is None:
            from diffviews_desktop.ui.shell.palette import CommandPalette

            self.palette = CommandPalette(self._context, self._window)
        self.palette.open()

    def _show_crashes(self) -> None:
        from diffviews_desktop.ui.shell.crash_window import CrashWindow

        if self.crashes is None:
            self.crashes = CrashWindow(paths.crash_dir(), self._window)
        self.crashes.refresh()
        _bring_up(self.crashes)

    def _open_log(self) -> None:
        log = paths.log_file()
        if log.is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(log)))
        else:
            self._context.say(tr("Nothing was logged yet; the log will be {log}.", log=log))


def _bring_up(dialog: QDialog) -> None:
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
