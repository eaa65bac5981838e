"""Changing between the flat map and the one in three dimensions, which is made when first asked
for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget

from diffviews_desktop.actions import showing
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.ui.views.flat.renderer import VARIABLE, Renderer, gather_textures
from diffviews_desktop.values.camera import Camera

if TYPE_CHECKING:  # brought in when they are needed: importing them takes a second
    from diffviews_desktop.ui.views.flat.view import MapView
    from diffviews_desktop.ui.views.solid.view import SolidView

STILL_MILLISECONDS = 200  # until where the map is seen from is kept


def _pick_sources(state: State) -> tuple[object, ...]:
    runs = state.runs
    choice = runs.shown, runs.step, runs.comparing
    return state.picks.selection, runs.all, runs.unmasked, *choice


def not_solid(renderer: Renderer) -> str:
    """Why there is no view in three dimensions; empty where there is one."""
    if renderer.name == "opengl":
        return ""
    sentence = tr("The 3-D view is drawn by OpenGL: {reason}.", reason=renderer.reason)
    if renderer.asked_by == "variable":
        start = tr("Start the program without it, or with {variable}=opengl.", variable=VARIABLE)
        return f"{sentence} {start}"
    if renderer.device:
        other = tr("View ▸ Drawing of the map ▸ OpenGL uses it all the same.")
        return f"{sentence} {other}"
    if renderer.asked_by == "preferences":
        other = tr("Choose View ▸ Drawing of the map ▸ Automatic or OpenGL.")
        return f"{sentence} {other}"
    return sentence


class MapSwitch(QObject):
    """Owns the view in three dimensions, and shows it or the flat map.

    Args:
        context: what actions work with.
        stack: where the views lie.

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

    def __init__(self, context: Context, stack: QStackedWidget) -> None:
        super().__init__(stack)
        self._context, self._stack = context, stack
        self._map: MapView | None = None
        self._on = False
        self._told: Camera | None = None
        self.view: SolidView | None = None
        self._refresh = QTimer(self)  # at once for all that one change of the state brings
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(self._show_points)
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MILLISECONDS)
        self._still.timeout.connect(self._remember_camera)

    def set_map(self, flat: MapView) -> None:
        """The flat map is there."""
        self._map = flat
        flat.points.changed.connect(self._points_changed)
        flat.drawn_otherwise.connect(self.renderer_chosen)
        self.renderer_chosen()

    def renderer_chosen(self) -> None:
        """Offer the view where OpenGL draws, and say why not elsewhere."""
        assert self._map is not None
        showing.remember_drawing(self._context, not_solid(self._map.renderer))

    @property
    def current(self) -> MapView | SolidView | None:
        """The view that is shown while there is a map."""
        return self.view if self._on and self.view is not None else self._map

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse, or where the arrow keys went."""
        return self.current.hovered_row if self.current is not None else None

    def show_view(self, solid: bool) -> None:
        """Show the map in three dimensions, or flat; there is one."""
        turned, self._on = solid != self._on, solid
        if solid and self.view is None:
            self._make()
        if turned and solid:
            self._show_points()
        view = self.current
        if view is not None and self._stack.currentWidget() is not view:
            self._stack.setCurrentWidget(view)
            if turned:
                view.setFocus()
        if turned:
            self.hovered.emit(None)

    def show_changes(self, old: State, new: State) -> None:
        """Pass on what was picked; what concerns the points comes from the flat map."""
        if self.view is None or not self._on:
            return
        camera = new.view.camera
        if camera is not None and camera not in (old.view.camera, self._told):
            self.view.canvas.viewpoint.look_from(camera)
        if self._refresh.isActive():
            return
        anchor = old.picks.selection.anchor != new.picks.selection.anchor
        axis = old.view.third_axis != new.view.third_axis
        if axis or (anchor and self.view.follows(new)):
            self._refresh.start()
        elif differ(_pick_sources(old), _pick_sources(new)):
            self.view.set_picks(new)

    def clear(self) -> None:
        """There is no map."""
        self._refresh.stop()
        if self.view is not None:
            self.view.clear()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        if self.view is not None:
            self.view.apply_theme()

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self._refresh.stop()
        self._still.stop()
        if self.view is not None:
            self.view.close_threads()

    def _points_changed(self) -> None:
        if self.view is not None and self._on:
            self._refresh.start()

    def _show_points(self) -> None:
        state, flat = self._context.state, self._map
        opened = state.opened
        if self.view is None or flat is None or opened.layer_map is None or opened.samples is None:
            return
        self.view.show_state(state, flat.points.scene_drawn, flat.coloring)

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
        view.axis_chosen.connect(partial(showing.change_third_axis, self._context))
        view.canvas.viewpoint.changed.connect(self._still.start)
        view.failed.connect(self._on_failed)
        self._stack.addWidget(view)
        self.view = view
        self.made.emit(view)

    def _remember_camera(self) -> None:
        if self.view is not None and self._on:
            self._told = self.view.canvas.viewpoint.user_camera
            showing.remember_camera(self._context, self._told)

    def _on_failed(self, reason: str) -> None:
        """Back to the flat map, once; it can be tried again."""
        view = self.view
        if view is None:
            return
        state = self._context.state
        self._context.update(replace(state, view=replace(state.view, solid=False)))
        self.view = None
        self._stack.removeWidget(view)
        gather_textures(self._stack)
        view.close_threads()
        view.deleteLater()
        text = tr("The 3-D view could not be drawn by OpenGL; the map is shown flat.")
        self._context.say(text, error=True, details=reason)
