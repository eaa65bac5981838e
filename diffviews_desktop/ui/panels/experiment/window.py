"""A window beside the main one: draw a mask and its controls, and see what each of them does."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QPushButton,
    QWidget,
)

from diffviews_desktop.actions.experiments import cannot_compare
from diffviews_desktop.state.state import State
from diffviews_desktop.text.wording import counted
from diffviews_desktop.ui.common.drawing_window import DrawingWindow
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.panels.experiment.form import ExperimentForm
from diffviews_desktop.ui.panels.experiment.table import FindingsTable


class ExperimentWindow(DrawingWindow):
    """Signals: ``experiment_requested(arguments)``, ``cancel_requested(job_id)`` and
    ``report_requested()``."""

    experiment_requested = Signal(dict)
    cancel_requested = Signal(int)
    report_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        form, table, report = ExperimentForm(), FindingsTable(), QPushButton("Open &report")
        super().__init__(
            parent,
            "Experiment",
            (1120, 640),
            form,
            table,
            "No experiment yet. It holds the layers of the Generate panel at the mean of some "
            "samples, draws everything that this is to be compared with, and says how sure the "
            "difference is. What was drawn stays: the same experiment resumes where it stopped.",
            report,
        )
        self.form, self.table, self.report = form, table, report
        self._state = State()
        self.form.edited.connect(self._show_summary)
        self.draw.clicked.connect(self._on_draw)
        self.cancel.clicked.connect(self._on_cancel)
        self.report.clicked.connect(self.report_requested)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        drawing = runs.experiment, runs.settings, runs.interventions
        return state.opened, state.jobs.running, state.picks.selection, *drawing

    def set_state(self, state: State) -> None:
        """Show the experiment as far as it is."""
        old, self._state = self._state.runs.experiment, state
        self.form.set_state(state)
        experiment = state.runs.experiment
        result = None if experiment is None else experiment.result
        if result is not None and (old is None or old.result is not result):
            self.table.show_result(result)
        self.stack.setCurrentWidget(self.empty if result is None else self.table)
        job = None if experiment is None else state.jobs.job(experiment.job.job_id)
        self.cancel.setEnabled(job is not None)
        self.report.setEnabled(result is not None)
        if job is not None:
            self.progress.set_text(f"{job.stage} {job.detail}")
        elif result is not None:
            drawn = counted(result.job.experiment.count, "picture")
            masks = counted(len(result.job.experiment.groups), "mask")
            self.progress.set_text(f"{drawn} of {masks}; brackets hold 95 % intervals over masks")
        else:
            self.progress.set_text("")
        self._show_summary()

    def _show_summary(self) -> None:
        """How much it is, or why it cannot be drawn."""
        state, form = self._state, self.form
        why = cannot_compare(state, form.of_picks)
        self.draw.setEnabled(not why)
        self.draw.setToolTip(tip(why or "Draw the masks and their controls, and measure them"))
        if why:
            self.summary.setText(why)
            return
        masks = 1 if form.of_picks else form.anchors.value()
        count = masks * form.seeds.value() * (1 + len(form.chosen()))
        nfe = state.runs.settings.evaluations(not state.opened.unconditional)
        said = f"{counted(masks, 'mask')}: {counted(count, 'picture')} of NFE {nfe}."
        if masks == 1:
            said += " One mask says nothing of others, so there will be no intervals."
        self.summary.setText(said)

    def _on_draw(self) -> None:
        form = self.form
        self.experiment_requested.emit(
            {
                "of_picks": form.of_picks,
                "anchors": form.anchors.value(),
                "neighbors": form.neighbors.value(),
                "seeds": form.seeds.value(),
                "controls": form.chosen(),
            }
        )

    def _on_cancel(self) -> None:
        experiment = self._state.runs.experiment
        if experiment is not None:
            self.cancel_requested.emit(experiment.job.job_id)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.table.viewport().update()
