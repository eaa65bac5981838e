"""The dock of runs: what its panel's signals do, its menus, and how high it is."""

from __future__ import annotations

from functools import partial

import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu

from diffviews_desktop.actions import run_list, runs
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.figures import record_of
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.picture_menu import offer_picture, show_menu
from diffviews_desktop.ui.common.run_menu import offer_step
from diffviews_desktop.ui.panels.runs import RunsPanel
from diffviews_desktop.values.arrangement import MOST_PIXELS, Arrangement

USUAL_HEIGHT, MOST, LEAST = 214, 360, 120
"""Of the dock with runs at first: on a small screen and on a large one; and at least."""
_SHARE = 0.22
"""Of the window's height, between these two."""


class RunsDock(QObject):
    """Lets the panel of runs act, and keeps the height that its dock has while there are runs.

    Args:
        context: what actions work with.
        window: whose dock it is.
        panel: in the dock.
    """

    def __init__(self, context: Context, window: QMainWindow, panel: RunsPanel) -> None:
        super().__init__(window)
        self._context, self._window, self._panel = context, window, panel
        self._dock: QDockWidget | None = None
        self._filled = False
        self.height: int | None = None
        """Of the dock, as the user had it."""
        c = context
        panel.step_chosen.connect(partial(runs.scrub_to, c))
        panel.run_chosen.connect(partial(runs.show_run, c))
        panel.comparison_wanted.connect(partial(run_list.compare_runs, c))
        panel.visibility_chosen.connect(partial(runs.set_run_visible, c))
        panel.pin_chosen.connect(partial(run_list.pin_run, c))
        panel.renamed.connect(partial(run_list.rename_run, c))
        panel.deleted.connect(partial(runs.delete_run, c))
        panel.landing_requested.connect(partial(runs.find_landing, c))
        panel.like_map_wanted.connect(partial(run_list.show_like_map, c))
        panel.menu_wanted.connect(self.show_menu)
        panel.difference_menu_wanted.connect(self.show_difference_menu)
        panel.filled.connect(self._on_filled)

    # ---- height ---------------------------------------------------------------------------------

    def follow(self, dock: QDockWidget) -> None:
        """Keep the height of a dock from now on."""
        self._dock = dock
        dock.installEventFilter(self)
        dock.visibilityChanged.connect(self._on_moved)
        dock.dockLocationChanged.connect(self._on_moved)

    def _on_moved(self, *_: object) -> None:
        if self._dock is not None and shiboken6.isValid(self._window):  # docks outlive it
            beside = self._window.tabifiedDockWidgets(self._dock)
            self._panel.let_shrink(all(dock.isHidden() for dock in beside))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        resized = event.type() == QEvent.Type.Resize and self._filled and self._window.isVisible()
        dock = self._dock
        if resized and dock is not None and dock.height() >= LEAST and not dock.isFloating():
            self.height = dock.height()
        return super().eventFilter(watched, event)

    def _on_filled(self, filled: bool) -> None:
        self._filled = False  # what the dock is given before it has its height again is not kept
        QTimer.singleShot(0, self, self._settle)  # once the panel may be as high

    def _settle(self) -> None:
        """Give the dock its height again once it has something to show; else what it leaves to the
        map."""
        layout = self._window.layout()
        if layout is not None:
            layout.activate()
        if self._context.state.runs.all:
            self.restore_height()
            self._filled = True
        elif self._dock is not None and self._panel.maximumHeight() < LEAST:
            self._window.resizeDocks([self._dock], [1], Qt.Orientation.Vertical)

    def expect(self, arrangement: Arrangement) -> None:
        """Take the height that a session's dock of runs has, for when its runs are there."""
        for place in arrangement.docks:
            mine = self._dock is not None and place.name == self._dock.objectName()
            if mine and place.size[1] >= LEAST:
                self.height = min(place.size[1], MOST_PIXELS)

    def restore_height(self) -> None:
        """Give the dock the height that it had with runs."""
        dock = self._dock
        if dock is not None and not dock.isFloating():
            usual = round(min(max(_SHARE * self._window.height(), USUAL_HEIGHT), MOST))
            height = usual if self.height is None else self.height
            self._window.resizeDocks([dock], [height], Qt.Orientation.Vertical)

    # ---- menus ----------------------------------------------------------------------------------

    def show_menu(self, run_id: int, step: int, place: QPoint) -> None:
        """Offer what can be done with a step of a run."""
        menu = self.menu_of(run_id, step)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def menu_of(self, run_id: int, step: int) -> QMenu:
        """The menu of a step of a run."""
        menu, state = QMenu(self._panel), self._context.state
        run = state.runs.run(run_id)
        if run is None:
            return menu
        if run.steps:
            opened = menu.addAction(tr("&Open in a window"))
            opened.triggered.connect(partial(self._panel.open_picture, run_id, step))
        actual = menu.addAction(tr("Show pictures at &1:1"))
        actual.setCheckable(True)
        actual.setChecked(self._panel.actual)
        actual.triggered.connect(self._panel.set_actual)
        if not state.runs.is_unmasked(run):
            menu.addAction(tr("Re&name…")).triggered.connect(
                partial(self._panel.list.rename, run_id)
            )
        menu.addSeparator()
        offer_step(menu, self._context, run_id, step)
        return menu

    def show_difference_menu(self, pixels: NDArray[np.uint8], other_id: int, place: QPoint) -> None:
        """Offer what can be done with the difference of the shown picture and that of a run."""
        context, name = self._context, "difference.png"
        among = context.state.runs
        pair = tuple(run for run in (among.run(), among.run(other_id)) if run is not None)
        record = record_of(context.state, "difference", pair) | {"step": among.step + 1}
        show_menu(
            self._panel, lambda menu: offer_picture(menu, context, pixels, name, record), place
        )
