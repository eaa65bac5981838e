"""The middle of the window: the map, flat or in three dimensions, with what floats over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QStackedWidget

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.actions.context import Context, Move
from diffviews_desktop.actions.showing import MOVES, TOOLS
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import values_of
from diffviews_desktop.state.view import Rectangle, View
from diffviews_desktop.ui.common import motion
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.views.cards import Cards
from diffviews_desktop.ui.views.flat.selection_bar import FilterBar, SelectionBar
from diffviews_desktop.ui.views.flat.tools import ToolStrip
from diffviews_desktop.ui.views.menu import MapMenu
from diffviews_desktop.ui.views.note import StandingNote
from diffviews_desktop.ui.views.solid.switch import MapSwitch
from diffviews_desktop.ui.views.values import MapValues
from diffviews_desktop.ui.views.waiting import WaitingPage
from diffviews_desktop.values.assessment import meaning_of_distances
from diffviews_desktop.values.preferences import Ramp

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.legend import Legend
    from diffviews_desktop.ui.views.flat.placed import PlacedMarks
    from diffviews_desktop.ui.views.flat.view import MapView

MARGIN, GAP = 12, 6  # of what floats over the map, and in between, in logical pixels
STILL_MILLISECONDS = 200  # until the part of the map that is seen is kept


def _on_map(state: State) -> tuple[object, ...]:
    """What the paths on the map depend on."""
    runs = state.runs
    choice = runs.shown, runs.step, runs.comparing
    return state.opened.layer_map, runs.all, runs.unmasked, *choice


def _map_sources(state: State) -> tuple[object, ...]:
    """What the whole map depends on, but for its values."""
    return *_on_map(state), state.opened.samples, state.opened.linked


class MapArea(QStackedWidget):
    """Shows the state's map, or what there is to do without one.

    Args:
        context: what actions work with.
        actions: those of the window.
        pictures: reads the samples' pictures.

    Signals:
        hovered: the sample under the mouse, or None.
        painted: a map was painted.
        step_clicked: a step of a run on the map that was clicked: run and step.
    """

    hovered = Signal(object)
    painted = Signal()

    step_clicked = Signal(int, int)

    def __init__(self, context: Context, actions: Actions, pictures: PictureLoader) -> None:
        super().__init__()
        self._context, self._session = context, context.session
        self._actions, self._pictures = actions, pictures
        self.waiting = WaitingPage()
        self.waiting.press_with(actions)
        self.addWidget(self.waiting)
        self.switch = MapSwitch(context, self)
        self.map: MapView | None = None
        self._placed: PlacedMarks | None = None
        self.linked: MapView | None = None
        self.menu: MapMenu | None = None
        self.bar = SelectionBar(actions, self)
        groups = [[actions[one.id] for one in group] for group in (TOOLS, MOVES)]
        self.strip = ToolStrip(groups, self)
        self.strip.hide()
        self.filter_bar = FilterBar(self)
        self.note = StandingNote(self)
        self.cards = Cards(context, self.switch, pictures, self)
        self._filtered = False
        self._apart = self._held = False
        self._told: Rectangle | None = None
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(STILL_MILLISECONDS)
        self._still.timeout.connect(self._remember_view)
        self.values = MapValues(self, self._maps, self._show_filter)
        actions.press_with(self.filter_bar.button, "view.all")
        self.currentChanged.connect(self._place)
        self.currentChanged.connect(self.updateGeometry)
        self._pass_on(self.switch)
        self.switch.made.connect(lambda view: self._hear(view.legend))

    def _pass_on(self, view: MapView | MapSwitch) -> None:
        view.hovered.connect(self.hovered)
        view.hovered.connect(self.cards.show_sample)
        self._pick_with(view)
        view.step_hovered.connect(self.cards.show_step)
        view.step_clicked.connect(self.step_clicked)
        view.menu_wanted.connect(self._show_menu)

    def _pick_with(self, view: MapView | MapSwitch) -> None:
        view.clicked.connect(partial(picks.click_point, self._context))
        view.double_clicked.connect(partial(picks.new_anchor, self._context))
        view.chosen.connect(partial(selection.choose_rows, self._context))

    def _show_menu(self, row: int | None, place: QPoint, *, linked: bool = False) -> None:
        """Open what a right click offers."""
        self.cards.hide()
        self._close_menu()
        moves = [self._actions[one] for one in ("view.fit", "view.fit-selection", "exports.map")]
        flat = self.map if self.is_flat and not linked else None
        step = None if flat is None else flat.hovered_step
        menu = MapMenu(self, self._actions, self._context, row, [] if linked else moves, step)
        if linked and self.linked is not None:  # these move the second map
            fit, fit_selection = (one.text() for one in moves[:2])
            menu.addAction(fit).triggered.connect(self.linked.fit)
            menu.addAction(fit_selection).triggered.connect(self.linked.fit_selection)
        self.menu = menu
        menu.popup(place)

    def _close_menu(self) -> None:
        """What it offers is for samples that may be gone."""
        if self.menu is not None:
            self.menu.close()
            self.menu.deleteLater()
            self.menu = None

    def bring_map(self) -> None:
        """Import and add the map, once, after the window was painted."""
        if self.map is not None:
            return
        from diffviews_desktop.ui.views.flat.placed import PlacedMarks
        from diffviews_desktop.ui.views.flat.view import MapView

        state = self._context.state
        view = self.map = MapView()
        view.set_renderer(state.preferences.drawing)
        view.set_tool(state.view.tool)
        self.addWidget(view)
        self._pass_on(view)
        self._hear(view.legend)
        view.painted.connect(self.painted)
        self._placed = PlacedMarks(view.plot_item)
        self._decorate(view)
        view.box.history_changed.connect(self._remember_view)
        view.box.sigRangeChanged.connect(lambda *_: self._still.start())
        view.box.sigResized.connect(self._place)  # also where an axis needs more room or less
        self.switch.set_map(view)
        self.set_ramp(state.preferences.ramp)
        self.show_changes(State(), state)

    def _hear(self, legend: Legend) -> None:
        """Filter by what is done to a legend."""
        legend.set_note(meaning_of_distances(self._context.state.opened.assessment))
        context = self._context

        def isolate(number: int) -> None:
            by = context.state.colored_by
            values = values_of(context.state, by)
            if values is not None:
                showing.only_category(context, by, number, len(values.names))

        legend.range_chosen.connect(
            lambda low, high: showing.filter_values(context, context.state.colored_by, low, high)
        )
        legend.category_clicked.connect(
            lambda number: showing.toggle_category(context, context.state.colored_by, number)
        )
        legend.category_isolated.connect(isolate)

    # ---- showing --------------------------------------------------------------------------------

    @contextmanager
    def painted_apart(self) -> Iterator[None]:
        """What changes on the map meanwhile is painted in the next turn of the event loop, the
        panels still in this one: the window should not stand still for both."""
        self._apart = True
        try:
            yield
        finally:
            self._apart = False

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self.setUpdatesEnabled(False)
            QTimer.singleShot(1, self.release)  # 0 would still be in this turn

    def release(self) -> None:
        """Paint what was held back for a turn."""
        if self._held:
            self._held = False
            self.setUpdatesEnabled(True)

    def show_changes(self, old: State, new: State) -> None:
        """Pass on what concerns the map."""
        if self._apart and differ(_map_sources(old), _map_sources(new)):
            self._hold()
        self.waiting.set_state(new)
        if self.map is None:
            return
        previous, opened = old.opened, new.opened
        if previous.samples is not opened.samples or previous.layer_map is not opened.layer_map:
            self._close_menu()
        if opened.layer_map is None or opened.samples is None:
            self._show_nothing(old, new)
            return
        self.switch.show_view(new.view.solid)
        self._show_points(old, new)
        self._show_linked(old, new)
        self.values.show_changes(old, new)
        if previous.assessment is not opened.assessment:
            for legend in self.legends():
                legend.set_note(meaning_of_distances(opened.assessment))
        if old.view.highlighted_class != new.view.highlighted_class:
            self.map.set_highlighted_class(new.view.highlighted_class)
        if differ(_on_map(old), _on_map(new)):
            self._show_paths(new)
        if self._placed is not None:
            pictures = new.placed_on_map()
            self._placed.show([(one.job.file.name, one.placed.xy) for one in pictures])
        self._show_view(old.view, new.view)
        self.switch.show_changes(old, new)
        if self.note.set_note(opened.map_told_note):
            self._place()
        if old.picks.selection is not new.picks.selection:
            self.bar.set_count(len(new.picks.selection.chosen))
            self._place()

    def _show_nothing(self, old: State, new: State) -> None:
        assert self.map is not None
        self.setCurrentWidget(self.waiting)
        self.bar.set_count(0)
        self._filtered = False
        self.filter_bar.hide()
        self._show_linked(old, new)
        self._show_view(old.view, new.view)
        if old.opened.layer_map is not None:
            self.values.drop()
            self.map.clear()
            self.switch.clear()

    def _show_points(self, old: State, new: State) -> None:
        assert self.map is not None
        previous, opened, new_selection = old.opened, new.opened, new.picks.selection
        if previous.layer_map is not opened.layer_map or previous.samples is not opened.samples:
            assert opened.samples is not None
            assert opened.layer_map is not None
            self.cards.hide()
            glide = motion.is_allowed() and previous.samples is opened.samples
            values = self.values.reuse(old, new)
            self.map.set_map(opened.samples, opened.layer_map.xy, *values, glide=glide)
            self.map.set_highlighted_class(new.view.highlighted_class)
            self.map.set_selection(new_selection)
        elif old.picks.selection is not new_selection:
            self.map.set_selection(new_selection)

    def _show_paths(self, state: State) -> None:
        assert self.map is not None
        runs, unmasked = state.on_map()
        self.map.set_paths(runs, state.runs.shown, state.runs.step, unmasked)

    def _show_view(self, old: View, new: View) -> None:
        """Tool, decorations, and the part of the map that is seen, where these are others."""
        assert self.map is not None
        views = [view for view in (self.map, self.linked) if view is not None]
        if old.tool != new.tool:
            for view in views:
                view.set_tool(new.tool)
        decorations = new.pictures, new.names, new.contours
        if (old.pictures, old.names, old.contours) != decorations:
            for view in views:
                self._decorate(view)
        # what the map has told itself is not news to it: it may have gone on since then
        if new.rectangle is not None and new.rectangle not in (old.rectangle, self._told):
            left, bottom, right, top = new.rectangle
            self.map.box.show_part(QRectF(left, bottom, right - left, top - bottom))

    def _decorate(self, view: MapView) -> None:
        decorations = view.decorations or view.decorate_with(self._pictures)
        settings = self._context.state.view
        decorations.want_pictures, decorations.want_names = settings.pictures, settings.names
        decorations.want_contours = settings.contours
        decorations.refresh()

    def _remember_view(self) -> None:
        if self.map is not None and self._context.state.opened.layer_map is not None:
            box = self.map.box
            self._told = _corners(self.map)
            showing.remember_view(self._context, self._told, box.can_go_back, box.can_go_forward)

    def set_linked(self, view: MapView) -> None:
        """Share what is under the mouse, picked and filtered with a second map."""
        self.linked = view
        if self.map is None:
            return
        view.draw_by(self.map.renderer)
        self._pick_with(view)
        view.hovered.connect(self.hovered)
        view.hovered.connect(self.map.show_hover)
        view.menu_wanted.connect(partial(self._show_menu, linked=True))
        self.map.hovered.connect(view.show_hover)
        view.set_tool(self._context.state.view.tool)
        self._decorate(view)

    def _show_linked(self, old: State, new: State) -> None:
        """Pass on to the second map what concerns it."""
        view, previous, opened = self.linked, old.opened, new.opened
        if view is None:
            return
        if opened.linked is None or opened.samples is None:
            if previous.linked is not None:
                view.clear()
            return
        fresh = previous.linked is not opened.linked or previous.samples is not opened.samples
        if fresh:
            assert self.map is not None
            view.set_map(opened.samples, opened.linked.map.xy, *self.values.reuse(old, new))
        if fresh or old.picks.selection is not new.picks.selection:
            view.set_selection(new.picks.selection)
        if fresh or old.view.highlighted_class != new.view.highlighted_class:
            view.set_highlighted_class(new.view.highlighted_class)

    def _maps(self) -> list[MapView]:
        """The flat maps that show samples."""
        linked = self.linked if self._context.state.opened.linked is not None else None
        return [view for view in (self.map, linked) if view is not None]

    def _show_filter(self, hidden: NDArray[np.bool_] | None) -> None:
        """Say how many samples the filter leaves, and what it is."""
        for legend in self.legends():
            legend.set_filters(self._context.state.view.filters)
        self._filtered = hidden is not None
        if hidden is not None:
            self.filter_bar.set_counts(len(hidden) - int(hidden.sum()), len(hidden))
        self._place()

    def legends(self) -> list[Legend]:
        """The legends of the views that are there."""
        views = (self.map, self.switch.view)
        return [view.legend for view in views if view is not None]

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        for button in self.findChildren(IconButton):
            button.refresh()
        for view in (self.map, self.linked):
            if view is not None:
                view.apply_theme()
        if self.map is not None:
            self.switch.apply_theme()
            self._show_paths(self._context.state)
        if self._placed is not None:
            self._placed.apply_theme()

    def set_ramp(self, ramp: Ramp) -> None:
        """Show values from low to high by a ramp of colours."""
        if self.map is not None:
            from diffviews_desktop.ui.views.flat.coloring import set_ramp

            set_ramp(ramp)
            if self._context.state.opened.layer_map is not None:
                for view in self._maps():
                    view.set_coloring(view.coloring)

    def set_renderer(self, way: str) -> None:
        """Draw the map by OpenGL, into a picture, or by what is faster here."""
        if self.map is not None:
            self.map.set_renderer(way)
            self.switch.renderer_chosen()
            if self.linked is not None:
                self.linked.draw_by(self.map.renderer)

    def _place(self) -> None:
        """Put what floats where it belongs over the shown view."""
        widget = self.currentWidget()
        flat = self.map is not None and widget is self.map
        self.strip.setVisible(flat)
        over_map = flat or (widget is not None and widget is self.switch.view)
        self.bar.setVisible(over_map and len(self._context.state.picks.selection.chosen) > 0)
        area = self.map.plot_area if flat and self.map is not None else self.rect()
        self.strip.move(area.topLeft() + QPoint(MARGIN, MARGIN))
        self.bar.fit_into(area.width() - 2 * MARGIN)
        room = area if self.bar.width() <= area.width() else self.rect()  # over the axis, then
        left = room.left() + max(0, (room.width() - self.bar.width()) // 2)
        self.note.setVisible(over_map and bool(self.note.whole))
        self.note.fit_into(area.width() - 2 * MARGIN)
        foot = area.bottom() - MARGIN
        self.note.move(area.left() + MARGIN, foot - self.note.height())
        foot -= self.note.height() + GAP if self.note.isVisible() else 0
        self.bar.move(left, foot - self.bar.height())
        self.filter_bar.setVisible(over_map and self._filtered)
        middle = area.left() + max(0, (area.width() - self.filter_bar.width()) // 2)
        self.filter_bar.move(middle, area.top() + MARGIN)
        for floating in (self.strip, self.note, self.bar, self.filter_bar):
            floating.raise_()

    def minimumSizeHint(self) -> QSize:
        """What is not shown needs no room."""
        widget = self.currentWidget()
        return super().minimumSizeHint() if widget is None else widget.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def export(self, *, vectors: bool) -> Callable[[], QImage | bytes]:
        """What makes a picture of the shown view as it is now, or with ``vectors`` SVG of the flat
        map; to be called in another thread."""
        solid = self.switch.view
        if solid is not None and self.currentWidget() is solid:
            picture = solid.picture()
            return lambda: picture
        assert self.map is not None
        return self.map.export(vectors=vectors)

    @property
    def is_flat(self) -> bool:
        """Whether the flat map is shown, which can be exported as vectors."""
        return self.map is not None and self.currentWidget() is self.map

    # ---- moving ---------------------------------------------------------------------------------

    def go(self, move: Move) -> None:
        """Move over the view that is shown."""
        view = self.switch.current
        if view is None:
            return
        match move:
            case "fit":
                view.fit()
            case "fit selection":
                view.fit_selection()
            case "centre on the anchor":
                self.center_on(self._context.state.picks.selection.anchor)
            case "back" | "forward" if self.map is not None:
                self.map.box.go(-1 if move == "back" else 1)

    def center_on(self, row: int | None) -> None:
        """Bring a sample to the middle; None brings nothing."""
        if self.switch.current is not None and row is not None:
            self.switch.current.center_on(row)

    def point_at(self, row: int) -> None:
        """Mark a sample on what is shown."""
        if self.switch.current is not None:
            self.switch.current.show_hover(row)

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self._still.stop()
        self.values.close()
        for view in (self.map, self.linked):
            if view is not None:
                view.close_points()
        self.switch.close_threads()


def _corners(view: MapView) -> Rectangle:
    """Left, bottom, right and top of the part of a map that is seen."""
    part = view.box.viewRect()
    return part.left(), part.top(), part.right(), part.bottom()
