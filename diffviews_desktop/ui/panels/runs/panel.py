"""The denoising path as a filmstrip: scrub, play, compare runs."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, MOST_SHOWN, visible
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.images import enlarged, to_qimage, with_inset
from diffviews_desktop.ui.common.labels import ElidedLabel, Links, muted, picture_label, tip
from diffviews_desktop.ui.common.widgets import (
    ElidingComboBox,
    IconButton,
    Slider,
    as_panel,
    signals_blocked,
)
from diffviews_desktop.ui.panels.runs.comparison import PICTURE, Comparison, captioned
from diffviews_desktop.values.conditions import described
from diffviews_desktop.values.intervention_texts import said_of
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.typicality import Typicality

FRAME = 50
SLIDER = 70  # at least
CAPTION, SCROLL_BAR = 24, 10  # pixels in height
PLAY_MILLISECONDS = 350
MAX_LEVELS = 30
NEAREST = 5


class RunsPanel(QWidget):
    """Signals: ``step_chosen(index)``, ``run_chosen(key)``, ``visibility_chosen(key,
    visible)``, ``deleted(key)``, ``compare_chosen(comparing)``, ``landing_requested(sigma)`` and
    ``located(row)``."""

    step_chosen = Signal(int)
    run_chosen = Signal(int)
    visibility_chosen = Signal(int, bool)
    deleted = Signal(int)
    compare_chosen = Signal(bool)
    landing_requested = Signal(float)
    located = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._record: Run | None = None
        self._state = State()
        self._frames: tuple[int, int] = (0, 0)
        name = "Picture of the step, its noisy input in the corner"
        self.picture = picture_label(PICTURE, name)
        self.choice = ElidingComboBox(letters=18)
        self.choice.setMinimumWidth(170)
        self.choice.setAccessibleName("Run")
        self.visible = IconButton("eye", "Show this run on the map")
        self.visible.setCheckable(True)
        self.delete = IconButton("trash", "Delete this run")
        self.previous = IconButton("previous", "Previous step (Left)")
        self.play = IconButton("play", "Play the steps (P)")
        self.next = IconButton("next", "Next step (Right)")
        self.slider = Slider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Step")
        self.slider.setPageStep(1)
        self.slider.setMinimumWidth(SLIDER)
        self.where = ElidedLabel(end=True)
        self.where.setObjectName("muted")
        # it gives way to the slider, and takes no more than it needs
        self.where.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.settings = ElidedLabel(end=True)
        self.settings.setObjectName("muted")
        self.compare = QPushButton("Compare")
        self.compare.setCheckable(True)
        self.compare.setToolTip("Show the unmasked run of the same seed beside this one (U)")
        self.land = QPushButton("&Where did it land?")
        self.land.setToolTip(
            "Place the finished picture's own activation on the map, seen at a noise level, "
            "and name the samples that it is nearest to"
        )
        self.land.setMenu(QMenu(self.land))
        self._samples: SampleTable | None = None
        self._levels: tuple[float, ...] = ()
        self.landed = Links()
        self.landed.setObjectName("muted")
        self.landed.hide()
        self.apart = ElidedLabel(end=True)
        self.apart.setObjectName("muted")
        self.apart.hide()
        self.comparison = Comparison()
        self.strip = QListWidget()
        self.strip.setAccessibleName("Filmstrip")
        self.strip.setViewMode(QListView.ViewMode.IconMode)
        self.strip.setFlow(QListView.Flow.LeftToRight)
        self.strip.setWrapping(False)
        self.strip.setMovement(QListView.Movement.Static)
        self.strip.setIconSize(QSize(FRAME, FRAME))
        self.strip.setFixedHeight(FRAME + CAPTION + SCROLL_BAR)  # of many steps there is one
        self.strip.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.empty = muted(
            "No run yet. Pick a point on the map and press Generate: each denoising step "
            "appears here and as one more point of the path on the map."
        )
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._player = QTimer(self)
        self._player.setInterval(PLAY_MILLISECONDS)
        self._player.timeout.connect(self._advance)
        self._build()
        self.choice.activated.connect(lambda i: self.run_chosen.emit(self.choice.itemData(i)))
        self.visible.toggled.connect(self._on_visible)
        self.delete.clicked.connect(self._on_delete)
        self.previous.clicked.connect(lambda: self.go(-1))
        self.next.clicked.connect(lambda: self.go(1))
        self.play.clicked.connect(self.toggle_play)
        self.slider.valueChanged.connect(self.step_chosen)
        self.strip.currentRowChanged.connect(self._on_frame)
        self.compare.toggled.connect(self.compare_chosen)
        self.landed.followed.connect(self.located)
        self.set_state(State())

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.choice, self.visible, self.delete, self.previous, self.play, self.next):
            top.addWidget(widget)
        top.addWidget(self.slider, 1)
        top.addWidget(self.where)
        right = QVBoxLayout()
        right.setSpacing(3)
        right.addLayout(top)
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(self.compare)
        middle.addWidget(self.land)
        middle.addWidget(self.settings, 1)
        right.addLayout(middle)
        right.addWidget(self.strip)
        right.addWidget(self.landed)
        right.addWidget(self.apart)
        right.addStretch()
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.caption = captioned(self.picture, "with the mask")
        row.addLayout(right, 1)  # first: what comes and goes beside the picture does not move it
        row.addWidget(self.caption, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.comparison, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 10, 4)
        self._pages = QStackedWidget()  # as high without a run as with one: no jumps
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._content)
        column.addWidget(self._pages)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        chosen = runs.shown, runs.step, runs.comparing
        return state.opened, runs.all, runs.unmasked, *chosen

    def set_state(self, state: State) -> None:
        """Show the list of runs and the shown one at its step."""
        self._state = state
        record = state.runs.run()
        self._record = record
        self._pages.setCurrentWidget(self.empty if record is None else self._content)
        if record is None:
            self._player.stop()
            self._frames = (0, 0)
            return
        with signals_blocked(self.choice, self.visible, self.slider, self.strip, self.compare):
            self._show_controls(record, state)
        count = len(record.steps)
        for widget in (self.slider, self.previous, self.play, self.next):
            widget.setEnabled(count > 0)
        self.settings.set_text(_describe(record, state))
        if count:
            self._show_step(record, state.runs.step)
        else:
            self.picture.clear()
            self.where.set_text("waiting…")
        if state.runs.comparing and record.job.interventions:
            self.comparison.show_step(
                record, state.runs.baseline(), state.runs.step if count else 0
            )

    def _show_controls(self, record: Run, state: State) -> None:
        self._fill_choice(state)
        self.visible.setChecked(record.visible)
        here = state.on_this_map(record)
        self.visible.setEnabled(here)
        layers = str(record.job.spec.layers)
        elsewhere = f"Its path belongs to the map of {layers} of {record.job.spec.model}"
        self.visible.setToolTip(tip("Show this run on the map" if here else elsewhere))
        self._fill_strip(record)
        count = len(record.steps)
        self.slider.setRange(0, max(0, count - 1))
        self.slider.setValue(state.runs.step)
        self.strip.setCurrentRow(state.runs.step if count else -1)
        masked = bool(record.job.interventions)
        self.compare.setChecked(state.runs.comparing and masked)
        self.compare.setEnabled(masked)
        self.comparison.setVisible(state.runs.comparing and masked)
        self._show_landing(record, state)
        reason = record.landed.apart if record.landed is not None else record.apart
        self.apart.setVisible(bool(reason) and here)
        self.apart.set_text(visible(reason, MOST_SHOWN))

    def _show_landing(self, record: Run, state: State) -> None:
        """The noise levels to look at, and what was found."""
        if state.opened.samples is not self._samples:
            self._samples = state.opened.samples
            samples = state.opened.samples
            known = () if samples is None else tuple(np.unique(samples.sigma).tolist())
            levels = self._levels = known
            menu = self.land.menu()
            menu.clear()
            for sigma in levels[:MAX_LEVELS]:
                action = menu.addAction(f"seen at σ {sigma:.4g}")
                action.triggered.connect(lambda _=False, s=sigma: self.landing_requested.emit(s))
        self.land.setEnabled(record.done and bool(self._levels) and state.on_this_map(record))
        placed = record.landed
        if placed is None or state.opened.samples is None or not state.on_this_map(record):
            self.landed.hide()
            return
        self.landed.show()
        found = [
            (row, f"{visible(state.opened.samples.class_name[row], MOST_OF_NAME)} {far:.3g}")
            for row, far in placed.neighbors[:NEAREST]
        ]
        self.landed.set_links(f"at σ {placed.job.sigma:.3g} nearest to", found)
        usual = placed.typicality
        self.landed.setToolTip(
            tip(
                "The nearest real samples with their distances in activation space; click to see "
                "one",
                "" if usual is None else f"The picture's own activation is {usual.standing}:",
                *(() if usual is None else usual.facts),
            )
        )

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.comparison.apply_theme()

    def _fill_choice(self, state: State) -> None:
        self.choice.clear()
        for record in state.runs.all:
            self.choice.addItem(entry(_title(record, state)), record.id)
        self.choice.setCurrentIndex(self.choice.findData(state.runs.shown))

    def _fill_strip(self, record: Run) -> None:
        key, shown = self._frames
        if key != record.id or shown > len(record.steps):
            self.strip.clear()
            shown = 0
        ratio = self.devicePixelRatioF()
        for step in record.steps[shown:]:
            usual = step.typicality
            unlike = usual is not None and usual.unlike
            item = QListWidgetItem(f"○ σ {step.sigma:.3g}" if unlike else f"σ {step.sigma:.3g}")
            frame = enlarged(to_qimage(step.image), FRAME, ratio)
            icon = QIcon(frame)
            icon.addPixmap(frame, QIcon.Mode.Selected)  # else Qt tints it
            item.setIcon(icon)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            mark = ", layer imposed" if step.imposed_xy is not None else ""
            what = f"Step {step.index + 1}, σ {step.sigma:.4g}{mark}"
            item.setToolTip(tip(what, *_among_samples(usual)))
            self.strip.addItem(item)
        self._frames = (record.id, len(record.steps))

    def _show_step(self, record: Run, index: int) -> None:
        step = record.steps[min(index, len(record.steps) - 1)]
        ratio = self.devicePixelRatioF()
        self.picture.setPixmap(
            with_inset(to_qimage(step.image), to_qimage(step.noised), PICTURE, ratio)
        )
        total = record.job.settings.num_steps
        usual, imposed = step.typicality, step.imposed_typicality
        where = [f"step {step.index + 1}/{total}", f"σ {step.sigma:.3g}"]
        if usual is not None:
            where += usual.words
        what = "imposed here" if step.imposed_xy is not None else "free here"
        meaning = f"The layer is {what}. Distance to the data: {step.distance:.3g}"
        lines = [meaning, *_among_samples(usual)]
        if imposed is not None:
            lines += [f"What is imposed is {imposed.standing}:", *imposed.facts]
        self.where.set_text(" · ".join(where), *lines)

    # ---- out ------------------------------------------------------------------------------------

    def go(self, by: int) -> None:
        """Go some steps on or back."""
        if self._record is not None and self._record.steps:
            self.step_chosen.emit(self._state.runs.step + by)

    def toggle_play(self) -> None:
        """Play the steps, or pause."""
        if self._player.isActive():
            self._stop()
        elif self._record is not None and len(self._record.steps) > 1:
            if self._state.runs.step >= len(self._record.steps) - 1:
                self.step_chosen.emit(0)
            self._player.start()
            self.play.set_icon("pause")

    def _advance(self) -> None:
        if self._record is None or self._state.runs.step >= len(self._record.steps) - 1:
            self._stop()
        else:
            self.go(1)

    def _stop(self) -> None:
        self._player.stop()
        self.play.set_icon("play")

    def _on_frame(self, row: int) -> None:
        if row >= 0:
            self.step_chosen.emit(row)

    def _on_visible(self, visible: bool) -> None:
        if self._record is not None:
            self.visibility_chosen.emit(self._record.id, visible)

    def _on_delete(self) -> None:
        if self._record is not None:
            self.deleted.emit(self._record.id)


def _among_samples(usual: Typicality | None) -> list[str]:
    """How usual a step is among the samples, in lines."""
    return [] if usual is None else [f"It is {usual.standing}:", *usual.facts]


def _title(record: Run, state: State) -> str:
    name = described(record.condition)
    what = f" · {name}" if name else ""
    return f"{record.name}{what}"


def _mask(record: Run) -> str:
    """``mask of 6 samples on steps 1-5 at midblock``."""
    said = said_of(record.job.interventions, record.job.settings.num_steps)
    return said or "no mask"


def _describe(record: Run, state: State) -> str:
    s, run_nfe = record.job.settings, record.evaluations
    parts = [
        visible(record.job.spec.model, MOST_OF_NAME),
        visible(str(record.job.spec.layers), MOST_OF_NAME),
        _mask(record),
        f"{s.sampler}, {s.num_steps} steps, NFE {s.evaluations() if run_nfe is None else run_nfe}",
        f"σ {s.sigma_max:g} to {s.sigma_min:g}",
        f"guidance {s.guidance_scale:g}",
        f"{s.noise_mode} noise",
    ]
    if record.seed is not None:
        parts.append(f"seed {record.seed}")
    if record.done and len(record.steps) < s.num_steps:
        parts.append("interrupted")
    return "  ·  ".join(parts)
