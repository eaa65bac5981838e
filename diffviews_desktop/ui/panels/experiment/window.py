"""A window beside the main one: draw interventions and their controls, and see what each does."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPushButton, QTabWidget, QWidget

from diffviews_desktop.actions.experiments import cannot_compare, masks_to_judge, seconds_of
from diffviews_desktop.engine.jobs.experiments import ExperimentResult, JudgeExperiment
from diffviews_desktop.state.stage_texts import detail_text, stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.text.wording import duration
from diffviews_desktop.ui.common.drawing_window import DrawingWindow
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.panels.experiment.form import CHECKED, ExperimentForm
from diffviews_desktop.ui.panels.experiment.heat_map import HeatMapTable
from diffviews_desktop.ui.panels.experiment.table import FindingsTable
from diffviews_desktop.values.finding_texts import counted_text, heat_map_of
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.standing import Standing

REST_MILLISECONDS = 500
"""Nothing is edited for so long, before the masks are compared with the samples."""


class ExperimentWindow(DrawingWindow):
    """Signals: ``experiment_requested(request)``, ``cancel_requested(job_id)``,
    ``report_requested()``, and ``judge_requested(job)`` where it is to be known whether the masks
    are beyond the samples."""

    experiment_requested = Signal(object)
    cancel_requested = Signal(int)
    judge_requested = Signal(object)
    report_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        form, table, heat_map = ExperimentForm(), FindingsTable(), HeatMapTable()
        report, pages = QPushButton(tr("Open &report")), QTabWidget()
        pages.setDocumentMode(True)
        pages.tabBar().setDrawBase(False)
        pages.addTab(table, tr("&Table"))
        pages.addTab(heat_map, tr("&Heat map"))
        super().__init__(
            parent,
            tr("Experiment"),
            (1180, 680),
            form,
            pages,
            tr(
                "No experiment yet. It draws what the Generate panel does to layers, and "
                "everything that this is to be compared with, and says how sure the difference is. "
                "What was drawn stays: the same experiment resumes where it stopped."
            ),
            report,
        )
        self.form, self.table, self.report = form, table, report
        self.pages, self.heat_map = pages, heat_map
        self._state = State()
        self._asked: tuple[JudgeExperiment | None, frozenset[str]] = None, frozenset()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._ask)
        self.form.edited.connect(self._show_summary)
        self.draw.clicked.connect(self._on_draw)
        self.cancel.clicked.connect(self._on_cancel)
        self.report.clicked.connect(self.report_requested)
        self.heat_map.place_chosen.connect(self._on_place)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        drawing = runs.experiment, runs.settings, runs.interventions
        return state.opened, state.jobs.running, state.picks.selection, runs.judged, *drawing

    def set_state(self, state: State) -> None:
        """Show the experiment as far as it is."""
        old, self._state = self._state.runs.experiment, state
        self.form.set_state(state)
        experiment = state.runs.experiment
        result = None if experiment is None else experiment.result
        if result is not None and (old is None or old.result is not result):
            self._show_result(result)
        self.stack.setCurrentWidget(self.empty if result is None else self.pages)
        job = None if experiment is None else state.jobs.job(experiment.job.job_id)
        self.cancel.setEnabled(job is not None)
        self.report.setEnabled(result is not None)
        if job is not None:
            self.progress.set_text(f"{stage_text(job.stage)} {detail_text(job.detail)}")
        elif result is not None:
            self.progress.set_text(counted_text(result.job.experiment))
        else:
            self.progress.set_text("")
        self._show_summary()

    def _show_result(self, result: ExperimentResult) -> None:
        self.table.show_result(result)
        heat_map = heat_map_of(result.findings)
        if heat_map is not None:
            self.heat_map.show_map(heat_map)
        self.pages.setTabVisible(1, heat_map is not None)
        self.pages.tabBar().setVisible(heat_map is not None)
        self.pages.setCurrentIndex(0 if heat_map is None else 1)

    def _on_place(self, layers: LayerSet, steps: tuple[int, int]) -> None:
        """Show what was found at a place of the heat map."""
        self.pages.setCurrentIndex(0)
        self.table.go_to(layers, steps)

    def _show_summary(self) -> None:
        """How much it is, or why it cannot be drawn."""
        form = self.form
        reason = cannot_compare(self._state, form.of_picks)
        if not reason and form.where.currentText() == CHECKED and not form.layer_sets:
            reason = tr("Check the layers that it is to act on, each by itself.")
        self.draw.setEnabled(not reason)
        self.draw.setToolTip(tip(reason or tr("Draw it and its controls, and measure them")))
        standing = None if reason else self._standing()
        warnings = () if standing is None else standing.warnings
        self.summary.setText(reason or " ".join((self._size(), *warnings)))
        lines = () if standing is None else (*standing.lines, standing.unknown)
        self.summary.setToolTip(tip(*lines))
        if bool(self.summary.property("problem")) != bool(warnings):
            self.summary.setProperty("problem", bool(warnings))
            self.summary.style().polish(self.summary)
        self._watch()

    # ---- whether the masks are beyond the samples -----------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._watch()

    def _standing(self) -> Standing | None:
        """How the masks lie; None while that is not known."""
        answer = self._state.runs.judged
        current = answer is not None and replace(answer.job, job_id=0) == self._judge_job()
        return answer.standing if current and answer is not None else None

    def _judge_job(self) -> JudgeExperiment | None:
        """What says so."""
        return masks_to_judge(self._state, self.form.read_fields())

    def _watch(self) -> None:
        """Ask once the form rests and the engine waits."""
        self._rest.stop()
        if self.isVisible() and not self._state.jobs.running and not self._is_known():
            self._rest.start()

    def _is_known(self) -> bool:
        """Whether nothing is left to be known; what was not mapped then may be mapped now."""
        standing = self._standing()
        if standing is None:
            return False
        return not self._mapped_layers().intersection(map(str, standing.not_mapped))

    def _mapped_layers(self) -> frozenset[str]:
        loaded = self._state.opened.loaded
        layers = () if loaded is None else loaded.layers
        return frozenset(layer.name for layer in layers if layer.cached)

    def _ask(self) -> None:
        job = self._judge_job()
        question = job, self._mapped_layers()
        if job is not None and question != self._asked and self.draw.isEnabled():
            self._asked = question
            self.judge_requested.emit(job)

    def _size(self) -> str:
        """How many pictures that is, and how long they take."""
        state, form = self._state, self.form
        masks, seeds = 1 if form.of_picks else int(form.anchors.value()), int(form.seeds.value())
        places = max(1, len(form.layer_sets)) * form.windows
        count = masks * seeds * (1 + places * len(form.control_names()))
        nfe = state.runs.settings.evaluations(not state.opened.unconditional)
        seconds = seconds_of(state, count, form.judge.currentData(), form.features.layer)
        text = _size_text(count, nfe, seconds)
        if form.is_of_masks:
            of = trn("{number} mask", "{number} masks", masks)
            text = f"{of}: {text}"
        if masks > 1:
            return text
        if seeds == 1:
            note = tr("A single seed says nothing about others, so there will be no intervals.")
            return f"{text} {note}"
        single = (
            tr("It is a single mask: intervals will be over its seeds.")
            if form.is_of_masks
            else tr("It is a single intervention: intervals will be over its seeds.")
        )
        return f"{text} {single}"

    def _on_draw(self) -> None:
        self._asked = None, frozenset()  # what is cancelled for it is asked again
        self.experiment_requested.emit(self.form.read_fields())

    def _on_cancel(self) -> None:
        experiment = self._state.runs.experiment
        if experiment is not None:
            self.cancel_requested.emit(experiment.job.job_id)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.table.viewport().update()
        self.heat_map.apply_theme()


def _size_text(count: int, nfe: int, seconds: float | None) -> str:
    """How many pictures, what each costs, and where it is known how long all take."""
    if seconds is None:
        return trn(
            "{number} picture of NFE {nfe}.", "{number} pictures of NFE {nfe}.", count, nfe=nfe
        )
    return trn(
        "{number} picture of NFE {nfe}, about {time}.",
        "{number} pictures of NFE {nfe}, about {time}.",
        count,
        nfe=nfe,
        time=duration(seconds),
    )
