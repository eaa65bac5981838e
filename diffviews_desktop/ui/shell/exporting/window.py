"""One window for all that can be exported: what, how it is to look, in which format."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions import exports, figures
from diffviews_desktop.actions.context import Context, ExportKind
from diffviews_desktop.actions.reasons import no_anchor, no_map
from diffviews_desktop.actions.selection import nothing_selected
from diffviews_desktop.engine.jobs.exporting import ContentPreview
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports import mp4, registry
from diffviews_desktop.exports.contents import Drawing, Figure, Film, Picture, Sheet, Table
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.forms import add_row, form
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.common.labels import muted_label
from diffviews_desktop.ui.common.widgets import as_panel, signals_blocked
from diffviews_desktop.ui.shell.exporting.pages import (
    FigurePage,
    FilmPage,
    Page,
    RunsPage,
    ScreenPage,
    StripPage,
)
from diffviews_desktop.ui.shell.exporting.parts import Preview, choice

WAIT_MILLISECONDS = 200  # after the last change, until a preview is asked for
SIDE = 1000
"""Pixels of a preview's longer side."""
LEFT = 320
PAPERS = {"light": ("#ffffff", "#282828"), "dark": ("#16181d", "#e6e8eb")}


class Kind(NamedTuple):
    """A kind of export.

    ``name`` is of its files, without the suffix; ``place`` names the folder that is offered.
    """

    title: str
    contents: tuple[type, ...]
    why_not: Callable[[State], str]
    name: str
    place: str


KINDS: dict[ExportKind, Kind] = {
    "figure": Kind(tr("Figure of the map"), (Figure,), no_map, "map", "pictures"),
    "screen": Kind(tr("Map as on the screen"), (Picture, Drawing), no_map, "screen", "pictures"),
    "film": Kind(tr("Film of a run"), (Film,), exports.no_runs, "film", "pictures"),
    "strip": Kind(tr("Filmstrip of a run"), (Sheet,), exports.no_runs, "filmstrip", "pictures"),
    "grid": Kind(tr("Contact sheet of the grid"), (Sheet,), exports.no_grid, "grid", "pictures"),
    "runs": Kind(tr("Steps of runs as numbers"), (Table,), exports.no_runs, "runs", "tables"),
    "selection": Kind(tr("Selected samples"), (Table,), nothing_selected, "selection", "tables"),
    "neighbors": Kind(tr("Anchor and neighbours"), (Table,), no_anchor, "neighbours", "tables"),
}


class ExportWindow(QDialog):
    """Chooses, shows and writes what is exported.

    Args:
        context: what the actions work with.
        parent: window over which it opens.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export"))
        as_panel(self)
        self._context = context
        self.kind = choice((kind.title, name) for name, kind in KINDS.items())
        self.figure, self.film, self.strip = FigurePage(), FilmPage(), StripPage()
        self.runs, self.screen_page, self.plain = RunsPage(), ScreenPage(), Page()
        self._pages: dict[ExportKind, Page] = {
            "figure": self.figure,
            "screen": self.screen_page,
            "film": self.film,
            "strip": self.strip,
            "runs": self.runs,
        }
        self.pages = QStackedWidget()
        for page in (*self._pages.values(), self.plain):
            self.pages.addWidget(page)
            page.edited.connect(self._ask_preview)
        self.format = choice(())
        self.note = muted_label()
        self.note.setWordWrap(True)
        self.preview = Preview()
        self.save = QPushButton(tr("&Export…"))
        self.save.setObjectName("primary")
        self.close_button = QPushButton(tr("Clo&se"))
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MILLISECONDS)
        self._wait.timeout.connect(self._show_preview)
        self._build()
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.format.currentIndexChanged.connect(self._say)
        self.save.clicked.connect(self._export)
        self.close_button.clicked.connect(self.close)
        self._on_kind()
        theme.dress(self)

    def _build(self) -> None:
        top, bottom = form(), form()
        add_row(top, tr("&What"), self.kind)
        add_row(bottom, tr("&Format"), self.format)
        left = QWidget()
        left.setFixedWidth(LEFT)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addLayout(bottom)
        column.addWidget(self.note)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.save)
        sides = QHBoxLayout()
        sides.setSpacing(18)
        sides.addWidget(left)
        sides.addWidget(self.preview, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(18, 16, 18, 14)
        whole.setSpacing(14)
        whole.addLayout(sides, 1)
        whole.addLayout(buttons)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        opened, runs, view = state.opened, state.runs, state.view
        aspects = view.rectangle, view.color_by, view.filters, view.highlighted_class
        picks = state.picks.selection, state.preferences.ramp
        return opened.layer_map, opened.samples, runs.all, runs.shown, runs.grid, *picks, *aspects

    def set_state(self, state: State) -> None:
        """Show what there is to export."""
        for page in self._pages.values():
            page.set_state(state)
        self._say()
        self._ask_preview()

    def choose(self, kind: ExportKind | None) -> None:
        """Have a kind chosen; None leaves the one that is, if it is possible."""
        state = self._context.state
        if kind is None and KINDS[self.export_kind].why_not(state):
            possible = (name for name, one in KINDS.items() if not one.why_not(state))
            kind = next(possible, None)
        if kind is not None:
            self.kind.setCurrentIndex(list(KINDS).index(kind))

    @property
    def export_kind(self) -> ExportKind:
        """The kind that is chosen."""
        kind: ExportKind = self.kind.currentData()
        return kind

    def show_preview(self, preview: ContentPreview | str) -> None:
        """Show how it will look, or why that cannot be drawn."""
        if self.export_kind not in ("figure", "film", "strip", "grid"):
            return
        if isinstance(preview, str):
            self.preview.show_image(None, preview)
        else:
            self.preview.show_image(to_qimage(preview.pixels))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.set_state(self._context.state)

    # ---- what is chosen -------------------------------------------------------------------------

    def _on_kind(self) -> None:
        kind = KINDS[self.export_kind]
        self.pages.setCurrentWidget(self._pages.get(self.export_kind, self.plain))
        with signals_blocked(self.format):
            self.format.clear()
            for exporter in registry.exporters_of(*kind.contents):
                self.format.addItem(tr(exporter.name), exporter.suffixes[0])
        self.preview.show_image(None)
        self._say()
        self._ask_preview()

    def _say(self) -> None:
        """Why it cannot be exported, or what the file will hold."""
        problem = self._problem()
        self.save.setEnabled(not problem)
        self.note.setText(problem or self._holds())

    def _problem(self) -> str:
        reason = KINDS[self.export_kind].why_not(self._context.state)
        if reason:
            return reason
        if self.format.currentData() == ".mp4" and not mp4.can_write():
            return mp4.MISSING
        try:
            if self.export_kind == "figure":
                self.figure.style_wanted()
        except UsageError as error:
            return str(error)
        return ""

    def _holds(self) -> str:
        """What a table will hold, and where the settings are."""
        state, suffix = self._context.state, self.format.currentData()
        if self.export_kind == "selection":
            count = trn("{number} sample", "{number} samples", len(state.picks.selection.chosen))
            text = tr(
                "{count}: id, class, noise level, picture, place on the map and all columns.",
                count=count,
            )
        elif self.export_kind == "neighbors":
            count = trn("{number} sample", "{number} samples", len(state.picks.selection.rows))
            text = tr("{count}: id, class, role, and distance from the anchor.", count=count)
        elif self.export_kind == "runs":
            runs = exports.runs_of(state, self._run_ids())
            steps = trn("{number} step", "{number} steps", sum(len(run.steps) for run in runs))
            text = tr(
                "{steps} of {runs}: places, noise levels and distances.",
                steps=steps,
                runs=trn("{number} run", "{number} runs", len(runs)),
            )
            text += tr(" Pictures and activations as well.") if suffix == ".npz" else ""
        else:
            return tr("The file says model, layer, settings and folder.")
        beside = tr("The file") if suffix != ".csv" else tr("A second file beside it")
        return tr(
            "{text} {beside} says model, layer, settings and folder.", text=text, beside=beside
        )

    def _run_ids(self) -> tuple[int, ...] | None:
        run_id = self.runs.run.currentData()
        return None if run_id is None else (run_id,)

    # ---- previews -------------------------------------------------------------------------------

    def _ask_preview(self) -> None:
        self._say()
        if self.isVisible():
            self._wait.start()

    def _show_preview(self) -> None:
        if not self.isVisible():
            return
        context, state, problem = self._context, self._context.state, self._problem()
        if problem and problem != mp4.MISSING:
            self.preview.show_image(None, problem)
            return
        if self.preview.image is None:
            self.preview.show_image(None, tr("Drawing the preview…"))
        match self.export_kind:
            case "figure":
                exports.preview_figure(context, self.figure.style_wanted(), SIDE)
            case "film":
                run = self.film.run.currentData()
                exports.preview_film(context, self.film.style_wanted(), run, SIDE)
            case "strip":
                run_shown = state.runs.run(self.strip.run.currentData())
                if run_shown is not None:
                    exports.preview(context, self._strip(state, run_shown.id), SIDE)
            case "grid":
                grid = state.runs.grid
                assert grid is not None
                exports.preview(context, sheet_of(grid.job, grid.cells, None), SIDE)
            case _:
                self.preview.show_image(None, self._holds())

    def _strip(self, state: State, run_id: int) -> Sheet:
        run = state.runs.run(run_id)
        assert run is not None
        colors = PAPERS[self.strip.ground.currentData()]
        return figures.strip_of(state, run, self.strip.most.value() or None, *colors)

    # ---- out ------------------------------------------------------------------------------------

    def _export(self) -> None:
        """Ask where to, and write it."""
        kind, name, context = KINDS[self.export_kind], self.export_kind, self._context
        if name == "screen":
            exports.ask_map(context)
            return
        opened = context.state.opened
        layer = opened.layer_map.label if opened.layer_map is not None else ""
        stem = file_name("-".join(filter(None, (opened.model, layer, kind.name))))
        suffix = self.format.currentData()
        file = context.window.ask_file(
            tr("Export: {what}", what=kind.title), stem + suffix, lambda: kind.contents, kind.place
        )
        if file is None:
            return
        match name:
            case "figure":
                exports.write_figure(context, file, self.figure.style_wanted())
            case "film":
                run = self.film.run.currentData()
                exports.write_film(context, file, self.film.style_wanted(), run)
            case "strip":
                paper, ink = PAPERS[self.strip.ground.currentData()]
                most, run = self.strip.most.value() or None, self.strip.run.currentData()
                exports.write_strip(context, file, most, run, paper, ink)
            case "grid":
                exports.write_sheet(context, file)
            case "runs":
                activations = self.runs.activations.isChecked()
                exports.write_runs(context, file, self._run_ids(), activations)
            case "selection":
                exports.export_chosen(context, file)
            case "neighbors":
                exports.export_neighbors(context, file)
