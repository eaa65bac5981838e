"""A window beside the main one: choose what varies, watch the contact sheet fill, keep it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import (
    QPushButton,
    QWidget,
)

from diffviews_desktop.actions.experiments import cannot_draw_grid
from diffviews_desktop.actions.runs import NO_SAMPLE
from diffviews_desktop.state.stage_texts import detail_text, stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common.drawing_window import DrawingWindow
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.panels.grid.axes_form import AxesForm
from diffviews_desktop.ui.panels.grid.contact_sheet import ContactSheet
from diffviews_desktop.values.grid_axes import GridAxes
from diffviews_desktop.values.intervention_texts import stack_text
from diffviews_desktop.values.interventions import Intervention, with_picks


class GridWindow(DrawingWindow):
    """Signals: ``grid_requested(axes)``, a `GridAxes`, ``cancel_requested(job_id)``,
    ``cell_chosen(index)``, ``menu_wanted(index, place)`` and ``save_requested()``."""

    grid_requested = Signal(object)
    cancel_requested = Signal(int)
    cell_chosen = Signal(int)
    menu_wanted = Signal(int, QPoint)
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        form, sheet = AxesForm(), ContactSheet()
        fit, save = QPushButton(tr("&Fit")), QPushButton(tr("Save s&heet…"))
        super().__init__(
            parent,
            tr("Grid of pictures"),
            (980, 640),
            form,
            sheet,
            tr(
                "No grid yet. Choose what varies and press Draw: the pictures appear here as they "
                "are made. The wheel zooms, a double click draws a picture again as a run."
            ),
            fit,
            save,
        )
        self.form, self.sheet, self.fit, self.save = form, sheet, fit, save
        self._state = State()
        self.form.edited.connect(self._show_summary)
        self.draw.clicked.connect(self._on_draw)
        self.cancel.clicked.connect(self._on_cancel)
        self.fit.clicked.connect(self.sheet.fit)
        self.save.clicked.connect(self.save_requested)
        self.sheet.cell_chosen.connect(self.cell_chosen)
        self.sheet.menu_wanted.connect(self.menu_wanted)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        drawing = runs.grid, runs.settings, runs.interventions
        return state.opened, state.jobs.running, state.picks.selection, *drawing

    def set_state(self, state: State) -> None:
        """Show the grid as far as it is drawn."""
        self._state = state
        self.form.set_state(state)
        grid = state.runs.grid
        self.stack.setCurrentWidget(self.empty if grid is None else self.sheet)
        self.sheet.show_grid(grid)
        running = grid is not None and state.jobs.job(grid.job.job_id) is not None
        self.cancel.setEnabled(running)
        self.save.setEnabled(grid is not None and bool(grid.cells))
        self.fit.setEnabled(grid is not None)
        if grid is None:
            self.progress.set_text("")
        else:
            job = state.jobs.job(grid.job.job_id)
            count = trn("{number} picture", "{number} pictures", len(grid.cells))
            text = count if job is None else f"{stage_text(job.stage)} {detail_text(job.detail)}"
            self.progress.set_text(text)
        self._show_summary()

    def _acting(self) -> tuple[Intervention, ...]:
        state = self._state
        return with_picks(state.runs.interventions, state.picks.selection.rows)

    def _axes(self) -> GridAxes | None:
        return self.form.read_fields(self._state.runs.settings.num_steps)

    def _show_summary(self) -> None:
        """How much it is, or why it cannot be drawn."""
        state = self._state
        axes = self._axes()
        reason = cannot_draw_grid(state)
        varies = axes is not None and axes.varies_intervention
        if not reason and not self._acting() and varies:
            reason = NO_SAMPLE
        self.draw.setEnabled(axes is not None and not reason)
        self.draw.setToolTip(tip(reason or tr("Draw one picture for every combination")))
        if axes is None or reason:
            self.summary.setText(reason)
            return
        nfe = state.runs.settings.evaluations(not state.opened.unconditional)
        acting = self._acting()
        mask = stack_text(acting, state.runs.settings.num_steps) or tr("no mask")
        self.summary.setText(
            trn(
                "{number} picture of NFE {nfe}, {mask}.",
                "{number} pictures of NFE {nfe}, {mask}.",
                axes.count,
                nfe=nfe,
                mask=mask,
            )
        )

    def _on_draw(self) -> None:
        axes = self._axes()
        if axes is not None:
            self.grid_requested.emit(axes)

    def _on_cancel(self) -> None:
        grid = self._state.runs.grid
        if grid is not None:
            self.cancel_requested.emit(grid.job.job_id)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.sheet.apply_theme()
