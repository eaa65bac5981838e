"""The middle of the window: the map, flat or in three dimensions, with what floats over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QSize, QTimer, Signal
from PySide6.QtGui import QAction, QImage, QResizeEvent
from PySide6.QtWidgets import QStackedWidget

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import COLUMN, ColorBy, State
from diffviews_desktop.state.values import values_of
from diffviews_desktop.ui.common import motion
from diffviews_desktop.ui.common.images import PictureLoader, to_qimage
from diffviews_desktop.ui.common.settings import Settings
from diffviews_desktop.ui.common.widgets import IconButton
from diffviews_desktop.ui.views.flat.card import HoverCard
from diffviews_desktop.ui.views.flat.selection_bar import FilterBar, SelectionBar
from diffviews_desktop.ui.views.flat.tools import MapActions, ToolStrip
from diffviews_desktop.ui.views.menu import MapMenu
from diffviews_desktop.ui.views.solid.switch import MapSwitch
from diffviews_desktop.ui.views.values import MapValues
from diffviews_desktop.ui.views.waiting import WaitingPage

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.legend import Legend
    from diffviews_desktop.ui.views.flat.view import MapView

MARGIN = 12  # of what floats over the map, in logical pixels
ON_MAP = ("trajectories", "shown", "step", "layer_map", "comparing", "unmasked")
SEEN = (*ON_MAP, "samples", "linked")


class MapArea(QStackedWidget):
    """Shows the state's map, or what there is to do without one.

    Args:
        session: whose state is shown.
        settings: of the person.
        pictures: reads the samples' pictures.
        do: calls an operation that needs the session alone.

    Signals:
        hovered: the sample under the mouse, or None.
        painted: a map was painted.
        step_clicked: a step of a trajectory on the map that was clicked: trajectory and step.
    """

    hovered = Signal(object)
    painted = Signal()

    step_clicked = Signal(int, int)

    def __init__(
        self,
        session: Session,
        settings: Settings,
        pictures: PictureLoader,
        do: Callable[..., None],
    ) -> None:
        super().__init__()
        self._pictures = pictures
        self._card_of: object = None
        self._session, self._settings, self._do = session, settings, do
        self.waiting = WaitingPage()
        self.addWidget(self.waiting)
        self.switch = MapSwitch(session, self)
        self.map: MapView | None = None
        self.linked: MapView | None = None
        self.map_actions = MapActions(self)
        self.more_in_menu: list[QAction] = []
        """Actions that a right click offers, too."""
        self.menu: MapMenu | None = None
        self.bar = SelectionBar(self)
        tools = self.map_actions
        self.strip = ToolStrip((tools.tools.values(), tools.moves), self)
        self.strip.hide()
        self.filter_bar = FilterBar(self)
        self.card = HoverCard(self)
        pictures.loaded.connect(self._on_loaded)
        self._filtered = False
        self._apart = self._held = False
        self.values = MapValues(self, self._maps, self._show_filter)
        self.filter_bar.show_all_wanted.connect(lambda: do(showing.show_all))
        tools.tool_chosen.connect(lambda tool: self.map is not None and self.map.set_tool(tool))
        tools.fit.triggered.connect(self.fit)
        tools.fit_selection.triggered.connect(self.fit_selection)
        tools.back.triggered.connect(lambda: self._go(-1))
        tools.forward.triggered.connect(lambda: self._go(1))
        self.bar.neighbors_wanted.connect(lambda: do(selection.use_chosen_as_neighbors))
        self.bar.invert_wanted.connect(lambda: do(selection.invert_chosen))
        self.bar.clear_wanted.connect(lambda: do(selection.clear_chosen))
        self.currentChanged.connect(self._place)
        self.currentChanged.connect(self.updateGeometry)
        self._pass_on(self.switch)
        self.switch.made.connect(lambda view: self._hear(view.legend))

    def _pass_on(self, view: MapView | MapSwitch) -> None:
        view.hovered.connect(self.hovered)
        view.hovered.connect(self._show_card)
        view.clicked.connect(lambda row: self._do(picks.click_point, row=row))
        view.double_clicked.connect(lambda row: self._do(picks.new_anchor, row=row))
        view.chosen.connect(lambda rows, how: self._do(selection.choose_rows, rows=rows, how=how))
        view.step_hovered.connect(self._show_step_card)
        view.step_clicked.connect(self.step_clicked)
        view.menu_wanted.connect(self._show_menu)

    def _show_menu(self, row: int | None, place: QPoint, *, linked: bool = False) -> None:
        """Open what a right click offers."""
        self.card.hide()
        self._close_menu()
        menu = self.menu = MapMenu(self, self._session.state, row, self._do, self._pictures)
        tools = self.map_actions
        if linked and self.linked is not None:
            menu.addAction("&Fit all").triggered.connect(self.linked.fit)
            menu.addAction("Fit the selec&tion").triggered.connect(self.linked.fit_selection)
        else:
            menu.addActions([tools.fit, tools.fit_selection, *self.more_in_menu])
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
        from diffviews_desktop.ui.views.flat.view import MapView

        made = self.map = MapView()
        made.set_renderer(self._settings.text("renderer", "auto"))
        self.addWidget(made)
        self._pass_on(made)
        self._hear(made.legend)
        made.painted.connect(self.painted)
        self._offer_decorations(made)
        made.box.history_changed.connect(self._show_history)
        made.box.sigResized.connect(self._place)  # also where an axis needs more room or less
        self.switch.set_map(made)
        self.set_ramp(self._settings.text("ramp"))
        self.show_changes(State(), self._session.state)

    def _hear(self, legend: Legend) -> None:
        """Filter by what is done to a legend."""

        def by() -> ColorBy:
            return self._session.state.colored_by

        def isolate(number: int) -> None:
            found = values_of(self._session.state, by())
            if found is not None:
                count = len(found.names)
                self._do(showing.only_category, by=by(), number=number, count=count)

        legend.range_chosen.connect(
            lambda low, high: self._do(showing.filter_values, by=by(), low=low, high=high)
        )
        legend.category_clicked.connect(
            lambda number: self._do(showing.toggle_category, by=by(), number=number)
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
        if self._apart and any(getattr(old, name) is not getattr(new, name) for name in SEEN):
            self._hold()
        self.waiting.set_state(new)
        if self.map is None:
            return
        selection = new.selection
        if old.samples is not new.samples or old.layer_map is not new.layer_map:
            self._close_menu()
        if new.layer_map is None or new.samples is None:
            self.setCurrentWidget(self.waiting)
            self.bar.set_count(0)
            self._filtered = False
            self.filter_bar.hide()
            self.map_actions.fit_selection.setEnabled(False)
            self._show_linked(old, new)
            if old.layer_map is not None:
                self.values.drop()
                self.map.clear()
                self.switch.clear()
            return
        self.setCurrentWidget(self.switch.current or self.map)
        if old.layer_map is not new.layer_map or old.samples is not new.samples:
            self.card.hide()
            glide = motion.allowed() and old.samples is new.samples
            kept = self.values.kept(old, new)
            self.map.set_map(new.samples, new.layer_map.xy, *kept, glide=glide)
            self.map.set_highlighted_class(new.highlighted_class)
            self.map.set_selection(selection)
        elif old.selection is not selection:
            self.map.set_selection(selection)
        self._show_linked(old, new)
        self.values.show_changes(old, new)
        if old.highlighted_class != new.highlighted_class:
            self.map.set_highlighted_class(new.highlighted_class)
        if any(getattr(old, name) is not getattr(new, name) for name in ON_MAP):
            self._show_trajectories(new)
        self.switch.show_changes(old, new)
        if old.selection is not selection:
            self.bar.set_count(len(selection.chosen))
            self.map_actions.fit_selection.setEnabled(bool(len(selection.chosen) or selection.rows))
            self._place()

    def _show_trajectories(self, state: State) -> None:
        assert self.map is not None
        records, unmasked = state.on_map()
        self.map.set_trajectories(records, state.shown, state.step, unmasked)

    def set_linked(self, view: MapView | None) -> None:
        """Share what is under the mouse, picked and filtered with a second map."""
        self.linked = view
        if view is None or self.map is None:
            return
        view.draw_by(self.map.renderer)
        view.clicked.connect(lambda row: self._do(picks.click_point, row=row))
        view.double_clicked.connect(lambda row: self._do(picks.new_anchor, row=row))
        view.chosen.connect(lambda rows, how: self._do(selection.choose_rows, rows=rows, how=how))
        view.hovered.connect(self.hovered)
        view.hovered.connect(self.map.show_hover)
        view.menu_wanted.connect(partial(self._show_menu, linked=True))
        self.map.hovered.connect(view.show_hover)
        self.map_actions.tool_chosen.connect(view.set_tool)
        view.set_tool(self.map.box.tool)
        self._offer_decorations(view)

    def _show_linked(self, old: State, new: State) -> None:
        """Pass on to the second map what concerns it."""
        view = self.linked
        if view is None:
            return
        if new.linked is None or new.samples is None:
            if old.linked is not None:
                view.clear()
            return
        fresh = old.linked is not new.linked or old.samples is not new.samples
        if fresh:
            assert self.map is not None
            view.set_map(new.samples, new.linked.map.xy, *self.values.kept(old, new))
        if fresh or old.selection is not new.selection:
            view.set_selection(new.selection)
        if fresh or old.highlighted_class != new.highlighted_class:
            view.set_highlighted_class(new.highlighted_class)

    def _maps(self) -> list[MapView]:
        """The flat maps that show samples."""
        linked = self.linked if self._session.state.linked is not None else None
        return [view for view in (self.map, linked) if view is not None]

    def _show_filter(self, hidden: NDArray[np.bool_] | None) -> None:
        """Say how many samples the filter leaves, and what it is."""
        for legend in self.legends():
            legend.set_filter(self._session.state.filter)
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
            self._show_trajectories(self._session.state)

    def set_ramp(self, ramp: str) -> None:
        """Show values from low to high by a ramp of colours."""
        if self.map is not None:
            from diffviews_desktop.ui.views.flat.coloring import RAMPS, set_ramp

            set_ramp(ramp if ramp in RAMPS else RAMPS[0])
            if self._session.state.layer_map is not None:
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
        shown = self.currentWidget()
        flat = self.map is not None and shown is self.map
        self.strip.setVisible(flat)
        over_map = flat or (shown is not None and shown is self.switch.view)
        self.bar.setVisible(over_map and len(self._session.state.selection.chosen) > 0)
        area = self.map.plot_area if flat and self.map is not None else self.rect()
        self.strip.move(area.topLeft() + QPoint(MARGIN, MARGIN))
        self.bar.fit_into(area.width() - 2 * MARGIN)
        left = area.left() + max(0, (area.width() - self.bar.width()) // 2)
        self.bar.move(left, area.bottom() - self.bar.height() - MARGIN)
        self.filter_bar.setVisible(over_map and self._filtered)
        middle = area.left() + max(0, (area.width() - self.filter_bar.width()) // 2)
        self.filter_bar.move(middle, area.top() + MARGIN)
        for floating in (self.strip, self.bar, self.filter_bar):
            floating.raise_()

    def minimumSizeHint(self) -> QSize:
        """What is not shown needs no room."""
        shown = self.currentWidget()
        return super().minimumSizeHint() if shown is None else shown.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    # ---- more of the points ---------------------------------------------------------------------

    def _offer_decorations(self, view: MapView) -> None:
        made = view.decorate_with(self._pictures)
        for name, action in self.map_actions.shows.items():

            def show(on: bool, name: str = name) -> None:
                self._settings.change({f"map/{name}": "true" if on else "false"})
                setattr(made, f"want_{name}", on)
                made.refresh()

            action.toggled.connect(show)
            saved = self._settings.text(f"map/{name}", "true" if action.isChecked() else "false")
            action.setChecked(saved == "true")
            setattr(made, f"want_{name}", action.isChecked())

    def _show_card(self, row: int | None) -> None:
        """Show what is known of the sample under the mouse, beside it."""
        state, view = self._session.state, self.switch.current
        self._card_of = row
        if row is None or state.samples is None or state.layer_map is None or view is None:
            self.card.hide()
            return
        samples, shown = state.samples, state.layer_map
        facts = [f"#{row}   {samples.sample_id[row]}", f"σ {samples.sigma[row]:g}"]
        if shown.trust is not None and shown.trust[row] == shown.trust[row]:
            facts[1] += f"   trust {shown.trust[row]:.2f}"
        if state.colored_by.startswith(COLUMN):
            facts.append(_of_column(state, row))
        path = samples.picture(row)
        title = f"{samples.class_label[row]} {samples.class_name[row]}"
        if samples.class_label[row] < 0 or samples.class_name[row] == str(samples.class_label[row]):
            title = samples.class_name[row]
        self.card.show_facts(title, facts, self._pictures.get(path), str(path))
        place = view.position_of(row)
        if place is not None:
            self._put_card(place)

    def _show_step_card(self, step: tuple[int, int] | None) -> None:
        """Show a step of a trajectory beside it."""
        view = self.switch.current
        if step is None or view is None:
            if not isinstance(self._card_of, int):
                self.card.hide()
            return
        self._card_of = step
        key, index = step
        record = self._session.state.run(key)
        if record is None or index >= len(record.steps):
            return
        shown = record.steps[index]
        title = f"Step {index + 1} of {record.job.settings.num_steps}"
        facts = [record.name, f"σ {shown.sigma:.3g}", "Click goes there"]
        self.card.show_facts(title, facts, to_qimage(shown.image))
        place = view.position_of_step(key, index)
        if place is not None:
            self._put_card(place)

    def _put_card(self, place: QPointF) -> None:
        view = self.switch.current
        if view is not None:
            self.card.show_beside(view.viewport.mapTo(self, place.toPoint()), self.rect())

    def _on_loaded(self, path: str, image: QImage) -> None:
        if self.card.isVisible() and path == self.card.path:
            self.card.set_image(image)

    def export(self, *, vectors: bool) -> Callable[[], QImage | bytes]:
        """What makes a picture of the shown view as it is now, or with ``vectors`` SVG of the flat
        map; to be called in another thread."""
        solid = self.switch.view
        if solid is not None and self.currentWidget() is solid:
            seen = solid.picture()
            return lambda: seen
        assert self.map is not None
        return self.map.export(vectors=vectors)

    @property
    def is_flat(self) -> bool:
        """Whether the flat map is shown, which can be exported as vectors."""
        return self.map is not None and self.currentWidget() is self.map

    # ---- moving ---------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole map."""
        if self.switch.current is not None:
            self.switch.current.fit()

    def fit_selection(self) -> None:
        """Show what is selected."""
        if self.switch.current is not None:
            self.switch.current.fit_selection()

    def center_on(self, row: int | None) -> None:
        """Bring a sample to the middle; None brings nothing."""
        if self.switch.current is not None and row is not None:
            self.switch.current.center_on(row)

    def _go(self, by: int) -> None:
        if self.map is not None:
            self.map.box.go(by)

    def _show_history(self) -> None:
        assert self.map is not None
        self.map_actions.back.setEnabled(self.map.box.can_go_back)
        self.map_actions.forward.setEnabled(self.map.box.can_go_forward)

    # ---- picking --------------------------------------------------------------------------------

    def add_hovered(self) -> None:
        """Add the sample under the mouse, or where the arrow keys went, as a neighbour."""
        row = self.switch.hovered_row
        if row is None:
            text = "Point at a sample first, with the mouse or the arrow keys."
            self._session.update(self._session.state.with_notice(text))
        else:
            self._do(picks.add_neighbor, row=row)

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self.values.close()
        for view in (self.map, self.linked):
            if view is not None:
                view.close_points()
        self.switch.close_threads()


def _of_column(state: State, row: int) -> str:
    """What the column that the colours tell says of a sample."""
    assert state.samples is not None
    name = state.colored_by.removeprefix(COLUMN)
    column = state.samples.columns[name]
    value = float(column.values[row])
    if column.names:
        return f"{name}: {column.names[int(value)] if value >= 0 else 'no value'}"
    return f"{name}: {'no value' if value != value else f'{value:.4g}'}"
