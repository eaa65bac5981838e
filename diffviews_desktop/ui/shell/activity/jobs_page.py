"""What runs, what waits, and how what was done before has ended."""

from __future__ import annotations

import time

from PySide6.QtCore import QSize, QTimer, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.jobs import why_not_again
from diffviews_desktop.state.jobs import EndedJob, RunningJob
from diffviews_desktop.state.stage_texts import detail_text, stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import lasting
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.row_menu import offer_buttons
from diffviews_desktop.ui.common.text_pane import TextPane
from diffviews_desktop.ui.shell.activity.parts import NO_ROW, RowList, clock, write

TICK_MILLISECONDS = 500
_STEPS = 1000


class JobsPage(QWidget):
    """Signals: ``cancelled(job_id)``, ``moved(job_id, by)`` and ``run_again(job_id)``."""

    cancelled = Signal(int)
    moved = Signal(int, int)
    run_again = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self._listed: tuple[tuple[int, ...], ...] = ()
        self._items: dict[int, QTreeWidgetItem] = {}
        self._bars: dict[int, QProgressBar] = {}
        self.list = RowList((tr("Job"), tr("How it goes"), tr("Time")), 1, tr("Jobs"))
        self.list.setColumnWidth(0, 250)
        self.list.setColumnWidth(2, 130)
        self.details = TextPane(tr("What there is to say about the job"), empty=NO_ROW)
        self.cancel = QPushButton(tr("Ca&ncel"))
        self.earlier = QPushButton(tr("&Earlier"))
        self.later = QPushButton(tr("&Later"))
        self.again = QPushButton(tr("&Run again"))
        self.copy = QPushButton(tr("Cop&y details"))
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MILLISECONDS)
        self._tick.timeout.connect(self._show_progress)
        self._build()
        self.list.chosen.connect(self._show_chosen)
        self.cancel.clicked.connect(lambda: self._emit(self.cancelled))
        self.earlier.clicked.connect(lambda: self._emit(self.moved, -1))
        self.later.clicked.connect(lambda: self._emit(self.moved, 1))
        self.again.clicked.connect(lambda: self._emit(self.run_again))
        self.copy.clicked.connect(self._copy)
        offer_buttons(
            self.list,
            (
                self.cancel,
                self.earlier,
                self.later,
                self.again,
                self.copy,
            ),
        )
        self._show_chosen()

    def _build(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.cancel, self.earlier, self.later):
            buttons.addWidget(button)
        buttons.addStretch()
        for button in (self.again, self.copy):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(self.list, 3)
        column.addWidget(self.details, 2)
        column.addLayout(buttons)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.jobs, state.opened

    def set_state(self, state: State) -> None:
        """List the jobs."""
        self._state = state
        jobs = state.jobs
        current_jobs = (*jobs.running, *jobs.aside)
        ids = (
            tuple(one.job.job_id for one in current_jobs if not one.is_waiting),
            tuple(one.job.job_id for one in current_jobs if one.is_waiting),
            tuple(one.job_id for one in reversed(jobs.ended)),
        )
        if ids != self._listed:
            self._listed = ids
            self._list()
        for running in current_jobs:
            write(self._items[running.job.job_id], _texts(running))
        self._show_progress()
        self._show_chosen()
        if self._bars:
            self._tick.start()
        else:
            self._tick.stop()

    def _list(self) -> None:
        """Make the rows again, with the same one chosen."""
        jobs, key = self._state.jobs, self.list.key()
        self.list.clear()
        self._items, self._bars = {}, {}
        for title, ids in zip(
            (tr("Running"), tr("Waiting"), tr("Ended")), self._listed, strict=True
        ):
            heading = self.list.add_heading(f"{title} ({len(ids)})" if ids else title)
            for job_id in ids:
                self._items[job_id] = self.list.add_row(job_id, ("", "", ""), heading)
        for job_id in self._listed[0]:
            bar = self._bars[job_id] = QProgressBar()
            bar.setRange(0, _STEPS)
            bar.setTextVisible(False)
            bar.setAccessibleName(tr("Progress of the whole job"))
            self.list.setItemWidget(self._items[job_id], 2, bar)
        for ended in jobs.ended:
            failed = ended.outcome == "failed"
            write(self._items[ended.job_id], _texts_of(ended), problem=1 if failed else None)
        self.list.choose(key)

    def _show_progress(self) -> None:
        moment = time.monotonic()
        for job_id, bar in self._bars.items():
            running = self._state.jobs.job(job_id)
            whole = None if running is None else running.whole
            bar.setRange(0, 0 if whole is None else _STEPS)
            if whole is not None:
                bar.setValue(round(_STEPS * whole.at(moment)))

    def _show_chosen(self) -> None:
        """What can be done with the chosen job, and what there is to say of it."""
        state, key = self._state, self.list.key()
        running = None if key is None else state.jobs.job(key)
        ended = None if key is None else state.jobs.ended_job(key)
        waiting = [one.job.job_id for one in state.jobs.waiting()]
        place = waiting.index(key) if key in waiting else None
        cancelling = running is None or running.stage == "cancelling"
        _enable(self.cancel, tr("Choose a job that runs or waits.") if cancelling else "")
        waits = "" if place is not None else tr("Only a job that waits can be moved.")
        _enable(self.earlier, waits or (tr("It is the next one.") if place == 0 else ""))
        last = place == len(waiting) - 1
        _enable(self.later, waits or (tr("It is the last one.") if last else ""))
        reason = (
            tr("Choose a job that has ended.") if ended is None else why_not_again(state, ended)
        )
        _enable(self.again, reason)
        _enable(self.copy, "" if ended is not None else tr("Choose a job that has ended."))
        if ended is not None:
            self.details.show_text(_describe(ended))
        else:
            self.details.show_text("" if running is None else ": ".join(_texts(running)[:2]))

    # ---- out ------------------------------------------------------------------------------------

    def _emit(self, signal: SignalInstance, *more: int) -> None:
        key = self.list.key()
        if key is not None:
            signal.emit(key, *more)

    def _copy(self) -> None:
        key = self.list.key()
        ended = None if key is None else self._state.jobs.ended_job(key)
        if ended is not None:
            QGuiApplication.clipboard().setText(visible(_describe(ended), lines=True))

    def sizeHint(self) -> QSize:
        return QSize(640, 380)


def _enable(button: QPushButton, why_not: str) -> None:
    button.setEnabled(not why_not)
    button.setToolTip(tip(why_not))


def _texts(running: RunningJob) -> tuple[str, str, str]:
    detail = f", {detail_text(running.detail)}" if running.detail else ""
    return running.title, f"{stage_text(running.stage)}{detail}", ""


def _texts_of(ended: EndedJob) -> tuple[str, str, str]:
    outcome = tr(ended.outcome)
    summary = f"{outcome}: {ended.message}" if ended.message else outcome
    took = "" if ended.seconds is None else lasting(ended.seconds)
    return ended.title, summary, took


def _describe(ended: EndedJob) -> str:
    took = (
        tr("before it began")
        if ended.seconds is None
        else tr("after {seconds}", seconds=lasting(ended.seconds))
    )
    first = tr(
        "{job}: {outcome} {took}, at {when}.",
        job=ended.title,
        outcome=tr(ended.outcome),
        took=took,
        when=clock(ended.when),
    )
    return "\n\n".join(part for part in (first, ended.message, ended.details) if part)
