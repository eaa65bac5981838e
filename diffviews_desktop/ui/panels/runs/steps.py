"""The steps of the shown run: controls to go through them, and the filmstrip."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.run_list import is_told_apart, like_map_title
from diffviews_desktop.actions.runs import STOPPED
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, MOST_SHOWN, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import ElidedLabel, Links, tip
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.widgets import IconButton, Slider, signals_blocked
from diffviews_desktop.ui.panels.runs.filmstrip import Filmstrip
from diffviews_desktop.ui.panels.runs.texts import among_samples, facts_of, was_stopped
from diffviews_desktop.values.samples import SampleTable

SLIDER, WIDTH = 70, 312
"""Widths in logical pixels at least: of the slider, and of all."""
WORTH_READING = 110
"""Logical pixels of the settings below which they are not shown: they are in a tooltip, too."""
PLAY_MILLISECONDS = 350
MAX_LEVELS = 30
NEAREST = 5


class Steps(QWidget):
    """Signals: ``step_chosen(index)``, ``landing_requested(sigma)``, ``located(row)``,
    ``opened(step)``, ``menu_wanted(step, place)`` and ``like_map_wanted()``: the map of samples
    that were told what the run was told."""

    step_chosen = Signal(int)
    landing_requested = Signal(float)
    located = Signal(int)
    opened = Signal(int)
    menu_wanted = Signal(int, QPoint)
    like_map_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._step = 0
        self.previous, self.next = IconButton("previous"), IconButton("next")
        self.play = IconButton("play")
        self.slider = Slider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Step"))
        self.slider.setPageStep(1)
        self.slider.setMinimumWidth(SLIDER)
        self.where = ElidedLabel(end=True)
        self.settings = ElidedLabel(end=True)
        self.apart = ElidedLabel(end=True)
        self.like_map = QToolButton()
        self.like_map.setText(tr("Show that map"))
        self.like_map.setAutoRaise(True)
        self.landed = Links()
        for label in (self.where, self.settings, self.apart, self.landed):
            label.setObjectName("muted")
        usual = self.where.fontMetrics().horizontalAdvance(_place(88, 88, 0.0888))
        self.where.setMinimumWidth(usual + 8)
        self.where.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.apart.hide()
        self.like_map.hide()
        self.landed.hide()
        self.compare = QPushButton()
        self.land = QPushButton(tr("&Where did it land?"))
        self.land.setMenu(QMenu(self.land))
        self._samples: SampleTable | None = None
        self._levels: tuple[float, ...] = ()
        self.strip = Filmstrip()
        self._player = QTimer(self)
        self._player.setInterval(PLAY_MILLISECONDS)
        self._player.timeout.connect(self._advance)
        self._build()
        self.slider.valueChanged.connect(self.step_chosen)
        self.strip.currentRowChanged.connect(self._on_frame)
        self.strip.opened.connect(self.opened)
        self.strip.menu_wanted.connect(self.menu_wanted)
        self.landed.followed.connect(self.located)
        self.like_map.clicked.connect(self.like_map_wanted)

    def _build(self) -> None:
        self.setMinimumWidth(WIDTH)
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget in (self.previous, self.play, self.next):
            top.addWidget(widget)
        top.addWidget(self.slider, 1)
        top.addSpacing(4)
        top.addWidget(self.where)
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(self.compare)
        middle.addWidget(self.land)
        middle.addWidget(self.settings, 1)
        middle.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(top)
        column.addLayout(middle)
        column.addWidget(self.strip, 1)
        column.addWidget(self.landed)
        told = QHBoxLayout()
        told.addWidget(self.apart, 1)
        told.addWidget(self.like_map)
        column.addLayout(told)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        buttons_width = self.compare.sizeHint().width() + self.land.sizeHint().width() + 16
        self.settings.setVisible(self.width() - buttons_width >= WORTH_READING)

    # ---- in -------------------------------------------------------------------------------------

    def show_run(self, run: Run | None, state: State) -> None:
        """Show a run at its step; None where there is none."""
        self._run, self._step = run, state.runs.step
        if run is None:
            self._stop()
            self.strip.show_run(None)
            return
        with signals_blocked(self.slider, self.strip):
            self._show_steps(run, state.runs.step)
        self._show_landing(run, state)
        self.settings.set_text("  ·  ".join(facts_of(run)))
        self._show_apart(run, state)

    def _show_apart(self, run: Run, state: State) -> None:
        """Whether the samples were told something else, and the map of those that were not."""
        note = "" if run.landed is None else run.landed.apart
        self.apart.set_text(visible(note or run.apart, MOST_SHOWN))
        for widget in (self.apart, self.like_map):
            widget.setVisible(is_told_apart(state, run))
        hint = tr("Generate then draws this run again there.")
        self.like_map.setToolTip(tip(like_map_title(state, run).replace("&", ""), hint))

    def _show_steps(self, run: Run, step: int) -> None:
        count = len(run.steps)
        self.strip.show_run(run)
        self.strip.show_step(min(step, count - 1))
        self.slider.setRange(0, max(0, count - 1))
        self.slider.setValue(step)
        self.slider.setEnabled(count > 0)
        if count:
            self._show_where(run, min(step, count - 1))
        else:
            self.where.set_text(tr("waiting…"))

    def _show_where(self, run: Run, index: int) -> None:
        step = run.steps[index]
        usual, imposed = step.typicality, step.imposed_typicality
        parts = [_place(step.index + 1, run.job.settings.num_steps, step.sigma)]
        if usual is not None:
            parts += usual.words
        far = f"{step.distance:.3g}"
        meaning = (
            tr("The layer is imposed here. Distance to the data: {distance}", distance=far)
            if step.imposed_xy is not None
            else tr("The layer is free here. Distance to the data: {distance}", distance=far)
        )
        lines = [meaning, *among_samples(usual)]
        if imposed is not None:
            lines += [
                tr("What is imposed is {standing}:", standing=imposed.standing),
                *imposed.facts,
            ]
        self.where.set_text(" · ".join(parts), *lines)

    def _show_landing(self, run: Run, state: State) -> None:
        """The noise levels to look at, and what was found."""
        samples = state.opened.samples
        if samples is not self._samples:
            self._samples = samples
            self._levels = () if samples is None else samples.levels
            menu = self.land.menu()
            menu.clear()
            for sigma in self._levels[:MAX_LEVELS]:
                action = menu.addAction(tr("seen at σ {sigma:.4g}", sigma=sigma))
                action.triggered.connect(lambda _=False, s=sigma: self.landing_requested.emit(s))
        reason = _why_not_land(run, state, bool(self._levels))
        self.land.setEnabled(not reason)
        self.land.setToolTip(tip(reason or _LAND))
        landing = run.landed
        if landing is None or samples is None or not state.on_this_map(run):
            self.landed.hide()
            return
        self.landed.show()
        links = [
            (row, f"{visible(samples.class_name[row], MOST_OF_NAME)} {far:.3g}")
            for row, far in landing.neighbors[:NEAREST]
        ]
        self.landed.set_links(tr("nearest at σ {sigma:.3g}:", sigma=landing.job.sigma), links)
        usual = landing.typicality
        self.landed.setToolTip(
            tip(
                tr(
                    "The nearest real samples with their distances in activation space; click to "
                    "see one"
                ),
                ""
                if usual is None
                else tr("The picture's own activation is {standing}:", standing=usual.standing),
                *(() if usual is None else usual.facts),
            )
        )

    # ---- out ------------------------------------------------------------------------------------

    def press_with(self, actions: Actions) -> None:
        """Let its buttons do what the menus do."""
        actions.press_with(self.previous, "runs.previous")
        actions.press_with(self.play, "runs.play")
        actions.press_with(self.next, "runs.next")
        actions.press_with(self.compare, "runs.compare")

    def toggle_play(self) -> None:
        """Play the steps, or pause."""
        if self._player.isActive():
            self._stop()
        elif self._run is not None and len(self._run.steps) > 1:
            if self._step >= len(self._run.steps) - 1:
                self.step_chosen.emit(0)
            self._player.start()
            self.play.set_icon("pause")

    def _advance(self) -> None:
        if self._run is None or self._step >= len(self._run.steps) - 1:
            self._stop()
        else:
            self.step_chosen.emit(self._step + 1)

    def _stop(self) -> None:
        self._player.stop()
        self.play.set_icon("play")

    def _on_frame(self, row: int) -> None:
        if row >= 0:
            self.step_chosen.emit(row)


def _place(step: int, steps: int, sigma: float) -> str:
    """``step 3/18 · σ 0.5``; steps counted from 1."""
    return tr("step {step}/{steps} · σ {sigma:.3g}", step=step, steps=steps, sigma=sigma)


_LAND = tr(
    "Place the finished picture's own activation on the map, seen at a noise level, and name the "
    "samples that it is nearest to"
)


def _why_not_land(run: Run, state: State, have_levels: bool) -> str:
    """Why the finished picture cannot be placed now; empty where it can."""
    if not run.done:
        return tr("The picture is not finished yet.")
    if was_stopped(run):
        return STOPPED
    if not state.on_this_map(run):
        return tr("This run belongs to another map.")
    return "" if have_levels else tr("The samples have no noise levels.")
