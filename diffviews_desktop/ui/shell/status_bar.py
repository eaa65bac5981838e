"""What is open, and what the engine is doing, at the foot of the window."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStatusBar,
    QToolButton,
    QWidget,
)

from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.stage_texts import detail_text, stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import time_left
from diffviews_desktop.ui.common.labels import ElidedLabel, muted_label, tip
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.values.maps import LayerMap

FOLLOWED = 0.25  # how fast the time left follows a new estimate


_ENGINE = {"starting": tr("engine starting"), "stopped": tr("engine stopped")}


class StatusBar(QStatusBar):
    """Signal: ``cancel_requested()``, for the job that is shown."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 0, 4, 0)
        self._state = State()
        self._job: int | None = None
        self._end: float | None = None
        self._seen: float | None = None
        self.facts = ElidedLabel(end=True)
        self.job = ElidedLabel(end=True)
        self.job.setObjectName("muted")
        self.bar = QProgressBar()
        self.bar.setFixedWidth(120)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress of the running job"))
        self.left = muted_label()
        widest = max(
            (tr("00 s left"), tr("000 min left")), key=self.fontMetrics().horizontalAdvance
        )
        self.left.setMinimumWidth(self.fontMetrics().horizontalAdvance(widest) + 4)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setToolTip(tip(tr("Cancel this job")))
        self.cancel.clicked.connect(self.cancel_requested)
        self.jobs, self.notices = _quiet_button(tr("Jobs")), _quiet_button(tr("Notices"))
        several = self.jobs.fontMetrics().horizontalAdvance(tr("Jobs (00)"))
        self.jobs.setMinimumWidth(several + 14)
        self.addWidget(self.facts, 5)
        self._busy = QWidget()  # shown and hidden as one: each time the bar lays itself out again
        row = QHBoxLayout(self._busy)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.job, self.bar, self.left, self.cancel):
            # a share of the width, not that of the text, so that nothing moves while it changes
            row.addWidget(widget, 1 if widget is self.job else 0)
        self.addPermanentWidget(self._busy, 6)
        self.addPermanentWidget(self.jobs)
        self.addPermanentWidget(self.notices)
        self._tick = QTimer(self)
        self._tick.setInterval(500)
        self._tick.timeout.connect(self._show_progress)
        self.set_state(State())

    def press_with(self, actions: Actions) -> None:
        """Let its buttons bring up the lists of jobs and of notices."""
        actions.press_with(self.jobs, "jobs.show")
        actions.press_with(self.notices, "jobs.notices")

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.opened, state.jobs, state.engine

    def set_state(self, state: State) -> None:
        """Show the state."""
        self._state = state
        self.facts.set_text(_facts(state), _meaning(state))
        running = state.jobs.status_job()
        count = len(state.jobs.running) + len(state.jobs.aside)
        self.jobs.setText(tr("Jobs ({count})", count=count) if count else tr("Jobs"))
        self._busy.setVisible(running is not None)
        if running is None:
            self._tick.stop()
            return
        detail = f", {detail_text(running.detail)}" if running.detail else ""
        self.job.set_text(f"{running.title}: {stage_text(running.stage)}{detail}")
        self.cancel.setEnabled(running.stage != "cancelling")
        self._show_progress()
        if not self._tick.isActive():
            self._tick.start()

    def _show_progress(self) -> None:
        """How much of the whole job is done, and how long the rest takes."""
        running, moment = self._state.jobs.status_job(), time.monotonic()
        whole = None if running is None or running.stage == "cancelling" else running.whole
        self.bar.setUpdatesEnabled(False)  # else it paints itself, and much else, at once
        if whole is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * whole.at(moment)))
        self.bar.setUpdatesEnabled(True)
        self.left.setText("" if running is None else self._estimate(running, moment))

    def _estimate(self, running: RunningJob, moment: float) -> str:
        """Time left of the job: as it is said, else from how long it has taken so far, which it
        follows slowly."""
        if self._job != running.job.job_id:
            self._job, self._end, self._seen = running.job.job_id, None, None
        whole = running.whole
        if whole is None or running.since is None or running.stage == "cancelling":
            return ""
        if running.seconds_left is not None:
            return time_left(running.seconds_left)
        spent, share = moment - running.since, whole.at(moment)
        if not whole.fraction or not 0 < share < 1 or spent < 1.5:  # else it would be a guess
            return ""
        if share != self._seen:
            self._seen = share
            end = running.since + spent / share
            self._end = end if self._end is None else self._end + FOLLOWED * (end - self._end)
        assert self._end is not None
        return time_left(self._end - moment)


def _quiet_button(text: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _figures(layer_map: LayerMap) -> list[str]:
    """How well the map shows its layer, in short."""
    parts, quality = [], layer_map.quality
    if layer_map.trustworthiness is not None:
        blobs = "" if quality.blobs is None else tr(" (blobs {blobs:.2f})", blobs=quality.blobs)
        parts.append(
            tr(
                "trustworthiness {trustworthiness:.2f}{blobs}",
                trustworthiness=layer_map.trustworthiness,
                blobs=blobs,
            )
        )
    if quality.kept is not None:
        parts.append(tr("{kept:.0%} of neighbours kept", kept=quality.kept))
    return parts


def _meaning(state: State) -> str:
    """What these figures mean."""
    layer_map = state.opened.layer_map
    if layer_map is None:
        return ""
    facts = layer_map.quality.facts(layer_map.trustworthiness)
    return " ".join(f"{fact.title}: {fact.meaning}" for fact in facts)


def _facts(state: State) -> str:
    parts = []
    if state.opened.samples is not None:
        parts.append(tr("{number} samples", number=len(state.opened.samples)))
    if state.opened.layer_map is not None:
        layers = visible(str(state.opened.layer_map.layers), MOST_OF_NAME) or tr(
            "map of the folder"
        )
        told = visible(state.opened.map_told_words, MOST_OF_NAME)
        parts.append(f"{layers}, {told}" if told else layers)
        level = state.opened.layer_map.parameters.get("level")
        parts += [tr("σ {level:g} alone", level=level)] if level is not None else []
        parts += [tr("one map per noise level")] if state.opened.layer_map.aligned else []
        parts += _figures(state.opened.layer_map)
    if state.opened.loaded is not None:
        parts.append(state.opened.loaded.device)
    if state.engine.memory:
        parts.append(tr("engine {memory:.1f} GB", memory=state.engine.memory / 1000000000.0))
    if state.engine.status in _ENGINE:
        parts.append(_ENGINE[state.engine.status])
    return "   ·   ".join(parts)
