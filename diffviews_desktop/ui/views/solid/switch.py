"""Changing between the flat map and the one in three dimensions, which is made when first asked
for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QStackedWidget

from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.views.flat.renderer import VARIABLE, Renderer

if TYPE_CHECKING:  # brought in when they are needed: importing them takes a second
    from diffviews_desktop.ui.views.flat.view import MapView
    from diffviews_desktop.ui.views.solid.view import SolidView

PICKS = ("selection", "trajectories", "shown", "step", "comparing", "unmasked")
TIP = "The map with the noise level, or another value, as third axis."
NO_MAP = "The map is not there yet."
DRAWING = "View ▸ Drawing of the map ▸ "


def why_not(renderer: Renderer) -> str:
    """Why there is no view in three dimensions; empty where there is one."""
    if renderer.name == "opengl":
        return ""
    said = f"The 3-D view is drawn by OpenGL: {renderer.reason}."
    if VARIABLE in renderer.reason:
        return f"{said} Start the program without it, or with {VARIABLE}=opengl."
    if renderer.device:
        return f"{said} {DRAWING}OpenGL uses it all the same."
    if "asked for" in renderer.reason:
        return f"{said} Choose {DRAWING}Automatic or OpenGL."
    return said


class MapSwitch(QObject):
    """Owns the action and the view in three dimensions.

    Signals: as those of the flat map.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    chosen = Signal(object, str)
    step_hovered = Signal(object)
    step_clicked = Signal(int, int)
    menu_wanted = Signal(object, QPoint)
    made = Signal(object)
    """The `SolidView`, when it is first asked for."""

    def __init__(self, session: Session, stack: QStackedWidget) -> None:
        super().__init__(stack)
        self._session, self._stack = session, stack
        self._map: MapView | None = None
        self.view: SolidView | None = None
        self.action = QAction("&3-D view", self)
        self.action.setCheckable(True)
        self.action.setShortcut(QKeySequence("3"))
        self.action.setEnabled(False)
        self.action.setToolTip(tip(NO_MAP))
        self.action.toggled.connect(self._turn)
        self._refresh = QTimer(self)  # at once for all that one change of the state brings
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(self._show_points)

    def set_map(self, flat: MapView) -> None:
        """The flat map is there."""
        self._map = flat
        flat.points.changed.connect(self._points_changed)
        flat.drawn_otherwise.connect(self.renderer_chosen)
        self.renderer_chosen()

    def renderer_chosen(self) -> None:
        """Offer the view where OpenGL draws, and say why not elsewhere."""
        assert self._map is not None
        if why_not(self._map.renderer):
            self.action.setChecked(False)
        self._offer()

    def _offer(self) -> None:
        reason = NO_MAP if self._map is None else why_not(self._map.renderer)
        if not reason and self._session.state.layer_map is None and not self.action.isChecked():
            reason = NO_MAP
        self.action.setEnabled(not reason)
        self.action.setToolTip(tip(reason or TIP))

    @property
    def current(self) -> MapView | SolidView | None:
        """The view that is shown while there is a map."""
        return self.view if self.action.isChecked() and self.view is not None else self._map

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse, or where the arrow keys went."""
        return self.current.hovered_row if self.current is not None else None

    def show_changes(self, old: State, new: State) -> None:
        """Pass on what was picked; what concerns the points comes from the flat map."""
        if old.layer_map is not new.layer_map:
            self._offer()
        if self.view is None or not self.action.isChecked() or self._refresh.isActive():
            return
        if old.selection.anchor != new.selection.anchor and self.view.follows(new):
            self._refresh.start()
        elif any(getattr(old, name) is not getattr(new, name) for name in PICKS):
            self.view.set_picks(new)

    def clear(self) -> None:
        """There is no map."""
        self._refresh.stop()
        self._offer()
        if self.view is not None:
            self.view.clear()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self.view is not None:
            self.view.apply_theme()

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self._refresh.stop()
        if self.view is not None:
            self.view.close_threads()

    def _points_changed(self) -> None:
        if self.view is not None and self.action.isChecked():
            self._refresh.start()

    def _show_points(self) -> None:
        state, flat = self._session.state, self._map
        if self.view is None or flat is None or state.layer_map is None or state.samples is None:
            return
        self.view.show_state(state, flat.points.scene_drawn, flat.coloring)

    def _turn(self, on: bool) -> None:
        if on and self.view is None:
            self._make()
        there = self._session.state.layer_map is not None and self.current is not None
        if on:
            self._show_points()
        if there:
            shown = self.current
            assert shown is not None
            self._stack.setCurrentWidget(shown)
            shown.setFocus()
        self._offer()
        self.hovered.emit(None)

    def _make(self) -> None:
        from diffviews_desktop.ui.views.solid.view import SolidView

        assert self._map is not None
        view = SolidView(graphics_card=self._map.renderer.graphics_card)
        view.setFocusProxy(view.canvas)
        view.hovered.connect(self.hovered)
        view.clicked.connect(self.clicked)
        view.double_clicked.connect(self.double_clicked)
        view.chosen.connect(self.chosen)
        view.step_hovered.connect(self.step_hovered)
        view.step_clicked.connect(self.step_clicked)
        view.menu_wanted.connect(self.menu_wanted)
        view.axis_chosen.connect(self._refresh.start)
        view.failed.connect(self._on_failed)
        self._stack.addWidget(view)
        self.view = view
        self.made.emit(view)

    def _on_failed(self, reason: str) -> None:
        """Back to the flat map, once; the next try begins anew."""
        view = self.view
        if view is None:
            return
        self.action.setChecked(False)
        self.view = None
        self._stack.removeWidget(view)
        view.close_threads()
        view.deleteLater()
        text = "The 3-D view could not be drawn by OpenGL; the map is shown flat."
        self._session.update(self._session.state.with_notice(text, error=True, details=reason))
