"""What is open, and what the engine is doing, at the foot of the window."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QStatusBar, QWidget

from diffviews_desktop.state import RunningJob, State
from diffviews_desktop.ui.widgets import ElidedLabel, muted


class StatusBar(QStatusBar):
    """Signal: ``cancel_requested()``, for the job that is shown."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._state = State()
        self.facts = ElidedLabel()
        self.job = muted()
        self.bar = QProgressBar()
        self.bar.setFixedWidth(160)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the running job")
        self.left = muted()
        self.left.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000 s left"))
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Cancel this job (Esc)")
        self.cancel.clicked.connect(self.cancel_requested)
        self.addWidget(self.facts, 1)
        self._busy = (self.job, self.bar, self.left, self.cancel)
        for widget in self._busy:
            self.addPermanentWidget(widget)
        self._tick = QTimer(self)
        self._tick.setInterval(500)
        self._tick.timeout.connect(self._show_time_left)
        self.set_state(State())

    def set_state(self, state: State) -> None:
        """Show the state."""
        self._state = state
        self.facts.set_text(_facts(state))
        running = _current(state)
        for widget in self._busy:
            widget.setVisible(running is not None)
        if running is None:
            self._tick.stop()
            return
        more = f"  (+{len(state.jobs) - 1} waiting)" if len(state.jobs) > 1 else ""
        self.job.setText(f"{running.title}: {running.stage}{more}")
        if running.fraction is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * running.fraction))
        self.cancel.setEnabled(running.stage != "cancelling")
        self._show_time_left()
        if not self._tick.isActive():
            self._tick.start()

    def _show_time_left(self) -> None:
        running = _current(self._state)
        self.left.setText("" if running is None else self._estimate(running))

    def _estimate(self, running: RunningJob) -> str:
        """Seconds left in this stage, from how long it has taken so far."""
        stage = (running.job.job_id, running.stage)
        now = time.monotonic()
        if getattr(self, "_stage", None) != stage:
            self._stage, self._stage_since = stage, now
        spent, done = now - self._stage_since, running.fraction
        if not done or done >= 1 or spent < 1.5:
            return ""
        return f"{spent * (1 - done) / done:.0f} s left"


def _current(state: State) -> RunningJob | None:
    started = [running for running in state.jobs if running.since is not None]
    return started[0] if started else (state.jobs[0] if state.jobs else None)


def _facts(state: State) -> str:
    parts = []
    if state.samples is not None:
        parts.append(f"{len(state.samples)} samples")
    if state.layer_map is not None:
        parts.append("+".join(state.layer_map.layers) or "map of the folder")
    if state.loaded is not None:
        parts.append(state.loaded.device)
    if state.memory:
        parts.append(f"engine {state.memory / 1e9:.1f} GB")
    if state.engine in ("starting", "stopped"):
        parts.append(f"engine {state.engine}")
    return "   ·   ".join(parts)
