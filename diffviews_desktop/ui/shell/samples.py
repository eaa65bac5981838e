"""The dock of samples: what the panel's signals do, and what brings it up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QWidget

from diffviews_desktop.actions import finding, groups, selection, showing, views
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.sample_menu import SampleMenu
from diffviews_desktop.ui.panels.classes import ClassesPanel
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.panels.preview import PreviewPanel
from diffviews_desktop.ui.shell.input_watch import InputWatch

if TYPE_CHECKING:
    from diffviews_desktop.ui.panels.samples import SamplesPanel
    from diffviews_desktop.ui.shell.window import MainWindow

LOW, HEIGHT = 150, 236
"""Logical pixels below which the dock is too low when it is brought up, and what it gets then."""


class Samples:
    """Makes the panel of samples when its dock is first shown, and connects it.

    Args:
        context: what its actions work with.
        window: that has its dock.
        pictures: reads the samples' pictures.
        others: the panels that show samples, too.
    """

    def __init__(
        self,
        context: Context,
        window: MainWindow,
        pictures: PictureLoader,
        others: tuple[PreviewPanel, ClassesPanel, GalleryPanel],
    ) -> None:
        self._context, self._window, self._pictures = context, window, pictures
        self._preview, classes, gallery = others
        self.menu: SampleMenu | None = None
        self._made: SamplesPanel | None = None
        self._preview.menu_wanted.connect(partial(self.show_menu, self._preview))
        self._preview.located.connect(window.show_sample)
        classes.find_wanted.connect(self.find)
        gallery.menu_wanted.connect(partial(self.show_menu, gallery))
        self._inputs = InputWatch(context, self._preview)
        window.session.changed.connect(self.show_changes)

    @property
    def panel(self) -> SamplesPanel:
        """The panel, which is made when it is first asked for."""
        if self._made is None:
            from diffviews_desktop.ui.panels.samples import SamplesPanel

            self._made = SamplesPanel(self._pictures)
            self._connect(self._made)
            self._dock.setWidget(self._made)
            self._window.panels.add(self._made)
            self._made.set_state(self._context.state)
        return self._made

    def _connect(self, panel: SamplesPanel) -> None:
        c = self._context
        panel.pointed.connect(self._point)
        panel.located.connect(self._window.show_sample)
        panel.rows_chosen.connect(partial(selection.choose_rows, c))
        panel.menu_wanted.connect(partial(self.show_menu, panel))
        panel.bar.find_requested.connect(partial(finding.find_samples, c))
        panel.bar.step_requested.connect(partial(finding.go_through, c))
        filters, sets = panel.filters, panel.groups
        filters.category_only.connect(partial(showing.only_category, c))
        filters.category_toggled.connect(partial(showing.toggle_category, c))
        filters.range_chosen.connect(partial(showing.filter_values, c))
        filters.filter_dropped.connect(partial(showing.drop_filter, c))
        filters.view_used.connect(partial(views.use_view, c))
        filters.view_deleted.connect(partial(views.delete_view, c))
        sets.set_picked.connect(partial(groups.choose_set, c))
        sets.set_renamed.connect(partial(groups.rename_set, c))
        sets.set_colored.connect(partial(groups.color_set, c))
        sets.set_deleted.connect(partial(groups.delete_set, c))
        sets.cluster_picked.connect(partial(groups.choose_cluster, c))
        sets.cluster_renamed.connect(partial(groups.rename_cluster, c))
        sets.clusters_wanted.connect(partial(groups.find_clusters, c))
        actions = self._window.menu_actions
        actions.press_with(panel.bar.select, "find.select")
        actions.press_with(sets.name, "groups.name")
        actions.press_with(filters.all, "view.all")
        actions.press_with(filters.keep, "views.keep")

    def fill(self, dock: QDockWidget) -> None:
        """Lie in a dock, and list samples only while it can be seen."""
        self._dock = dock
        dock.visibilityChanged.connect(self._set_visible)
        dock.toggleViewAction().triggered.connect(self._on_toggled)

    def _set_visible(self, seen: bool) -> None:
        if seen or self._made is not None:
            self.panel.set_seen(seen)

    def apply_theme(self) -> None:
        """Use the colours of another theme."""
        if self._made is not None:
            self._made.apply_theme()

    def _point(self, row: int) -> None:
        """Say what is known of a sample, and mark it on the map."""
        self._preview.show_row(row)
        self._window.map_area.point_at(row)

    def show_menu(self, parent: QWidget, row: int, place: QPoint) -> None:
        """Open what a right click on a sample offers."""
        if self.menu is not None:
            self.menu.deleteLater()
        self.menu = SampleMenu(parent, self._context, row)
        self.menu.popup(place)

    def show_changes(self, old: State, new: State) -> None:
        """Close a menu for samples that are gone; ask what the model sees of others."""
        self._inputs.show_changes(old, new)
        if old.opened.samples is not new.opened.samples and self.menu is not None:
            self.menu.close()

    def close_threads(self) -> None:
        """End what runs in other threads."""
        if self._made is not None:
            self._made.close_threads()
        self._preview.close_threads()

    def find(self, text: str) -> None:
        """Find samples by a text that was typed elsewhere."""
        self._raise()
        self.panel.bar.begin(text)

    def _on_toggled(self, shown: bool) -> None:
        if shown:
            self._raise()

    def _raise(self) -> None:
        self._dock.show()
        self._dock.raise_()
        QTimer.singleShot(0, self._dock, self._grow)

    def _grow(self) -> None:
        """Give the dock room, where that of runs beside it was a line."""
        dock = self._dock
        if dock.height() < LOW and not dock.isFloating():
            self._window.resizeDocks([dock], [HEIGHT], Qt.Orientation.Vertical)

    def bring_up(self, page: Literal["find", "filters"]) -> None:
        """Bring the dock up, to find samples or to filter them."""
        self._raise()
        if page == "filters":
            self.panel.show_page("filters")
        else:
            QTimer.singleShot(0, self.panel, self.panel.bar.begin)
