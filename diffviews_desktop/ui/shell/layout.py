"""Where the docks of the window are, at first and as the user has put them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QSizePolicy,
    QSplitter,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.settings import Settings, pack, unpack
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.shell.notice_bar import NoticeBar
from diffviews_desktop.ui.shell.runs_dock import RunsDock

VERSION = 2
FIRST_SIZE, FRAME_ROOM = QSize(1360, 860), QSize(8, 32)
"""Of the window at its first start, and what a window manager puts around it."""
LARGE = 2000
"""Logical pixels of a screen's width from which on the window uses most of it at first."""
LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
AREAS = (LEFT, LEFT, RIGHT, RIGHT, BOTTOM, BOTTOM)


class Layout:
    """Docks around the map.

    Args:
        window: that has them.
        panels: their titles and contents: preview, classes, gallery, generate, runs, samples;
            without contents, what is put into the dock when it is first shown.
    """

    def __init__(self, window: QMainWindow, panels: Sequence[tuple[str, QWidget | None]]) -> None:
        self._window = window
        self._classes_wanted = True
        window.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.docks = [
            self._dock(title, panel, area)
            for (title, panel), area in zip(panels, AREAS, strict=True)
        ]
        window.tabifyDockWidget(*self.docks[4:])
        self.docks[5].hide()  # until it is asked for
        window.setCorner(Qt.Corner.BottomLeftCorner, BOTTOM)
        # what Generate asks for needs the whole height of a small screen
        window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
        self.middle = QWidget(window)
        self.beside = QSplitter(Qt.Orientation.Horizontal)
        self.beside.setChildrenCollapsible(False)

    def _dock(self, title: str, panel: QWidget | None, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self._window)  # one that moves into it is styled once more
        dock.setObjectName(title)
        theme.dress(dock)
        if panel is not None:
            dock.setWidget(panel)
        self._window.addDockWidget(area, dock)
        dock.toggleViewAction().triggered.connect(lambda shown: _bring_forward(dock, shown))
        return dock

    def follow_runs(self, runs_dock: RunsDock) -> None:
        """Let the dock of runs be a line while there are none."""
        self._runs = runs_dock
        runs_dock.follow(self.docks[4])

    def fill_middle(self, area: QWidget, notice: NoticeBar) -> None:
        """Put the map into the middle, with notices that float over it."""
        theme.dress(self.middle)
        column = QVBoxLayout(self.middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.beside.addWidget(area)
        column.addWidget(self.beside, 1)
        notice.float_over(self.middle)
        self._window.setCentralWidget(
            self.middle
        )  # parent of questions, too: they are styled with it

    @staticmethod
    def space() -> QWidget:
        """What takes the room that is left in a tool bar."""
        space = QWidget()
        space.setMinimumWidth(8)
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        return space

    def leave_out_tabs(self) -> None:
        """Let Tab pass by the tabs of docks that lie on each other, which may be out of sight: the
        View menu has the docks."""
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        for tabs in self._window.findChildren(QTabBar, options=direct):
            tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def share_middle(self) -> None:
        """Give half of the middle to what lies beside the map."""
        half = self.beside.width() // 2
        self.beside.setSizes([half, half])

    @property
    def toggles(self) -> list[QAction]:
        """The actions that show and hide the docks."""
        return [dock.toggleViewAction() for dock in self.docks]

    def show_classes(self, has_classes: bool) -> None:
        """The dock of classes is for samples that have some; it comes back as it was."""
        dock = self.docks[1]
        if has_classes == dock.toggleViewAction().isEnabled():
            return
        dock.toggleViewAction().setEnabled(has_classes)
        if has_classes:
            dock.setVisible(self._classes_wanted)
        else:
            self._classes_wanted = not dock.isHidden()
            dock.hide()

    def reset(self) -> None:
        """Put docks where they were on the first start."""
        self._window.restoreState(self._first, VERSION)
        self._runs.height = None
        for dock in self.docks:
            dock.setFloating(False)
            dock.setVisible(dock.toggleViewAction().isEnabled() and dock is not self.docks[5])
        self._set_sizes()

    def _set_sizes(self) -> None:
        preview, classes, gallery, generate, _, _ = self.docks
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        resize = self._window.resizeDocks
        resize([preview, gallery], [212, 318], horizontal)
        resize([preview, classes], [290, 300], vertical)
        resize([gallery, generate], [250, 400], vertical)
        self._runs.restore_height()

    def restore(self, settings: Settings) -> None:
        """Put window and docks where they were when the settings were written."""
        window = self._window
        height = settings.text("runs height")
        room = window.screen().availableSize() - FRAME_ROOM
        first = room * 0.8 if room.width() > LARGE else FIRST_SIZE
        window.resize(first.boundedTo(room))
        self._set_sizes()
        self._first = window.saveState(VERSION)
        window.restoreGeometry(unpack(settings.text("geometry")))
        window.restoreState(unpack(settings.text("layout")), VERSION)
        if re.fullmatch("[0-9]{2,4}", height):
            self._runs.height = int(height)

    def remember(self, settings: Settings) -> None:
        """Keep where window and docks are."""
        self.show_classes(True)  # that these samples have none is not part of the layout
        geometry, layout = self._window.saveGeometry(), self._window.saveState(VERSION)
        settings.change(
            {
                "geometry": pack(geometry),
                "layout": pack(layout),
                "runs height": str(self._runs.height or ""),
            }
        )


def _bring_forward(dock: QDockWidget, shown: bool) -> None:
    """Bring a dock that the user shows before those that it lies on."""
    if shown:
        dock.raise_()
