"""All runs, the steps of the shown one, and its picture beside those of others."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import ElidedLabel
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.panels.runs.comparison import SPACING, Pictures
from diffviews_desktop.ui.panels.runs.picture_window import PictureWindow
from diffviews_desktop.ui.panels.runs.run_list import USUAL, RunList
from diffviews_desktop.ui.panels.runs.steps import WIDTH, Steps

NOTHING = tr(
    "No run yet. Pick a point on the map and press Generate: each denoising step appears here "
    "and as one more point of the path on the map."
)
_ANY_HEIGHT = 16_777_215  # of any widget
_MARGIN = 4


class RunsPanel(QWidget):
    """A line while there is no run.

    Signals: ``step_chosen(index)``, ``run_chosen(key)``, ``comparison_wanted(key, others)``,
    ``visibility_chosen(key, visible)``, ``pin_chosen(key, pinned)``, ``renamed(key, name)``,
    ``deleted(key)``, ``landing_requested(sigma)``, ``located(row)``,
    ``menu_wanted(key, step, place)``, ``difference_menu_wanted(pixels, other, place)``,
    ``like_map_wanted(key)`` and ``filled(filled)``, before there are runs where there were none, or
    the other way.
    """

    step_chosen = Signal(int)
    run_chosen = Signal(int)
    comparison_wanted = Signal(int, tuple)
    visibility_chosen = Signal(int, bool)
    pin_chosen = Signal(int, bool)
    renamed = Signal(int, str)
    deleted = Signal(int)
    landing_requested = Signal(float)
    located = Signal(int)
    menu_wanted = Signal(int, int, QPoint)
    difference_menu_wanted = Signal(object, int, QPoint)
    like_map_wanted = Signal(int)
    filled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._state = State()
        self._is_filled: bool | None = None
        self._may_shrink = True
        self._windows: list[PictureWindow] = []
        self.list, self.steps, self.pictures = RunList(), Steps(), Pictures()
        self.actual = False
        """Whether pictures are shown pixel by pixel."""
        self.empty = ElidedLabel(NOTHING, end=True)
        self.empty.setObjectName("muted")
        self._build()
        self._connect()
        self.set_state(State())

    def _build(self) -> None:
        self.stage = _Stage(self.steps, self.pictures)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.addWidget(self.list)
        self.split.addWidget(self.stage)
        self.split.setStretchFactor(1, 1)
        self.split.setCollapsible(1, False)
        self.split.setHandleWidth(11)
        self.split.setSizes([USUAL, 10 * USUAL])
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.split)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, _MARGIN, 10, _MARGIN)
        column.addWidget(self._pages)

    def _connect(self) -> None:
        runs, steps = self.list, self.steps
        runs.run_chosen.connect(self.run_chosen)
        runs.comparison_wanted.connect(self.comparison_wanted)
        runs.visibility_chosen.connect(self.visibility_chosen)
        runs.pin_chosen.connect(self.pin_chosen)
        runs.renamed.connect(self.renamed)
        runs.deleted.connect(self.deleted)
        runs.opened.connect(self.open_picture)
        runs.menu_wanted.connect(self._on_menu)
        steps.step_chosen.connect(self.step_chosen)
        steps.landing_requested.connect(self.landing_requested)
        steps.located.connect(self.located)
        steps.opened.connect(self._on_step_opened)
        steps.menu_wanted.connect(self._on_step_menu)
        steps.like_map_wanted.connect(self._on_like_map)
        self.pictures.opened.connect(self.open_picture)
        self.pictures.menu_wanted.connect(self._on_menu)
        self.pictures.difference_menu_wanted.connect(self.difference_menu_wanted)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        runs = state.runs
        choices = runs.shown, runs.step, runs.comparing, runs.beside
        return state.opened, runs.all, runs.unmasked, *choices, state.jobs.running

    def set_state(self, state: State) -> None:
        """Show the list of runs and the shown one at its step."""
        self._state = state
        self._fill(bool(state.runs.all))
        run = state.runs.run()
        self.list.set_state(state)
        self.steps.show_run(run, state)
        if run is not None:
            self._show_pictures(run, state)
        for window in list(self._windows):
            window.set_state(state)

    def _fill(self, filled: bool) -> None:
        """Be a line while there is nothing to show."""
        if filled == self._is_filled:
            return
        self._is_filled = filled
        self.filled.emit(filled)
        self._pages.setCurrentWidget(self.split if filled else self.empty)
        self.split.setVisible(filled)  # else it keeps the height that it needs
        self._limit_height()

    def let_shrink(self, may_shrink: bool) -> None:
        """Whether it is a line while there is nothing to show: not where it shares its place."""
        self._may_shrink = may_shrink
        self._limit_height()

    def _limit_height(self) -> None:
        line = self.empty.sizeHint().height() + 2 * _MARGIN + 2
        is_line = self._may_shrink and not self._is_filled
        self.setMaximumHeight(line if is_line else _ANY_HEIGHT)

    def _show_pictures(self, run: Run, state: State) -> None:
        others = state.runs.companions()
        unmasked = state.runs.comparing and not state.runs.beside
        missing = ""
        if unmasked and run.job.interventions and not others:
            missing = self._why_missing(run, state)
        step = min(state.runs.step, max(0, len(run.steps) - 1))
        was_comparing = self.pictures.comparing
        masked = bool(run.job.interventions)
        self.pictures.show_step(run, step, others, missing, unmasked and masked)
        if was_comparing or self.pictures.comparing:
            self.stage.refit()

    @staticmethod
    def _why_missing(run: Run, state: State) -> str:
        """Why there is no run without the mask to compare a run with."""
        waits = not run.done or any(
            getattr(one.job, "interventions", None) == () for one in state.jobs.running
        )
        return tr("waiting…") if waits else tr("not drawn: press Compare again")

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.pictures.apply_theme()

    # ---- out ------------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Play the steps, or pause."""
        self.steps.toggle_play()

    def set_actual(self, actual: bool) -> None:
        """Show pictures pixel by pixel, or as large as fits."""
        self.actual = actual
        self.pictures.set_actual(actual)

    def open_picture(self, run_id: int, step: int | None = None) -> None:
        """Show the picture of a run in a window of its own; of the shown run at its step, of others
        at their last one."""
        run = self._state.runs.run(run_id)
        if run is None or not run.steps:
            return
        at = self._step_of(run) if step is None else step
        window = PictureWindow(self.window(), self._state, run_id, at)
        window.menu_wanted.connect(self.menu_wanted)
        window.finished.connect(lambda _: self._windows.remove(window))
        self._windows.append(window)
        window.show()

    def _step_of(self, run: Run) -> int:
        """The step at which a run is shown."""
        shown = run.id == self._state.runs.shown
        beside = run.id in {one.id for one in self._state.runs.companions()}
        last = len(run.steps) - 1
        return min(self._state.runs.step, last) if shown or beside else last

    def _on_menu(self, run_id: int, place: QPoint) -> None:
        run = self._state.runs.run(run_id)
        if run is not None:
            self.menu_wanted.emit(run_id, max(0, self._step_of(run)), place)

    def _on_like_map(self) -> None:
        run = self._state.runs.run()
        if run is not None:
            self.like_map_wanted.emit(run.id)

    def _on_step_opened(self, step: int) -> None:
        if self._state.runs.shown is not None:
            self.open_picture(self._state.runs.shown, step)

    def _on_step_menu(self, step: int, place: QPoint) -> None:
        if self._state.runs.shown is not None:
            self.menu_wanted.emit(self._state.runs.shown, step, place)


class _Stage(QWidget):
    """Steps on the left, pictures on the right: these are as wide as they are high, as far as the
    steps leave room; nothing that comes or goes among them moves the controls of the steps."""

    def __init__(self, steps: Steps, pictures: Pictures) -> None:
        super().__init__()
        self._steps, self._pictures = steps, pictures
        steps.setParent(self)
        pictures.setParent(self)

    def refit(self) -> None:
        """Give both their places."""
        room = self.width() - WIDTH - SPACING
        wide = self._pictures.fit(self.height(), room)
        steps_width = max(WIDTH, self.width() - wide - SPACING)
        self._steps.setGeometry(0, 0, steps_width, self.height())
        self._pictures.setGeometry(steps_width + SPACING, 0, wide, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refit()

    def minimumSizeHint(self) -> QSize:
        steps = self._steps.minimumSizeHint()
        return QSize(WIDTH + SPACING + self._pictures.least_width, steps.height())

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()
