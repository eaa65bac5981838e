"""The samples: as a table, as pictures, with what they are filtered by, and in groups."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from diffviews_desktop.state.listing import (
    Scope,
    TableColumn,
    rows_in,
    sort_rows,
    table_columns,
)
from diffviews_desktop.state.session import AT_ONCE
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.labels import ElidedLabel, tip
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.ui.common.widgets import ElidingComboBox, as_panel
from diffviews_desktop.ui.panels.samples.filters import FiltersPage
from diffviews_desktop.ui.panels.samples.find_bar import FindBar
from diffviews_desktop.ui.panels.samples.groups import GroupsPage
from diffviews_desktop.ui.panels.samples.pictures import PictureGrid
from diffviews_desktop.ui.panels.samples.table import SampleTableView
from diffviews_desktop.values.row_set import RowSet

Page = Literal["table", "pictures", "filters", "groups"]
PAGES: tuple[tuple[Page, str], ...] = (
    ("table", tr("Table")),
    ("pictures", tr("Pictures")),
    ("filters", tr("Filters")),
    ("groups", tr("Groups")),
)
SCOPES: tuple[tuple[Scope, str], ...] = (
    ("all", tr("all samples")),
    ("map", tr("shown on the map")),
    ("selection", tr("selected")),
    ("found", tr("found")),
)
NOTHING: dict[Scope, str] = {
    "all": tr("Open a data folder to see its samples."),
    "map": tr("The filters leave no sample: press Show all."),
    "selection": tr("Select samples first: drag a rectangle or a lasso on the map."),
    "found": tr("Find samples first: type above."),
}

Listing = tuple[NDArray[np.int64], tuple[TableColumn, ...]]


class SamplesPanel(QWidget):
    """Lists nothing while it is not seen.

    Signals:
        pointed: the sample that is gone to.
        located: a sample that is to be brought to the middle of the map.
        rows_chosen: a `RowSet`, and what it does to the selection, a `Choosing`.
        menu_wanted: a sample, and where on the screen.
    """

    pointed = Signal(int)
    located = Signal(int)
    rows_chosen = Signal(object, str)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, pictures: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._state = State()
        self._seen = True
        self._listed: tuple[object, ...] | None = None
        self._columns: tuple[tuple[object, ...], tuple[TableColumn, ...]] = ((), ())
        self._sort: tuple[str, bool] = ("", False)
        self._listing: Latest[Listing] = Latest(self._take, self, name="listing")
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName(tr("What is shown of the samples"))
        self.scope = ElidingComboBox(letters=10)
        self.scope.setAccessibleName(tr("Which samples are listed"))
        for scope, title in SCOPES:
            self.scope.addItem(title, scope)
        self.bar = FindBar()
        self.table = SampleTableView()
        self.pictures = PictureGrid(pictures)
        self.filters = FiltersPage()
        self.groups = GroupsPage()
        self.nothing = ElidedLabel(end=True)
        self.nothing.setObjectName("muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        for widget in (self.table, self.pictures, self.filters, self.groups, self.nothing):
            self._pages.addWidget(widget)
        for _, title in PAGES:
            self.tabs.addTab(title)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.tabs)
        top.addWidget(self.scope)
        top.addWidget(self.bar, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 10, 6)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._pages, 1)
        self._connect()

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(lambda _: self._show_page())
        self.scope.activated.connect(lambda _: self._list())
        self.table.samples.sort_wanted.connect(self._on_sort)
        for view in (self.table, self.pictures):
            view.pointed.connect(self.pointed)
            view.located.connect(self.located)
            view.rows_chosen.connect(self.rows_chosen)
            view.menu_wanted.connect(self.menu_wanted)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        view, opened = state.view, state.opened
        looks = view.filters, view.highlighted_class, view.color_by, view.size_by
        return opened, opened.linked, state.groups, state.find, state.picks.selection, *looks

    def set_state(self, state: State) -> None:
        """Show a state, once it is seen."""
        old, self._state = self._state, state
        if old.find.rows is not state.find.rows:
            self._follow_find(state)
        self._show_if_seen()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_if_seen()

    def set_seen(self, visible: bool) -> None:
        """Say whether its dock can be seen: behind another one it lists nothing."""
        self._seen = visible
        self._show_if_seen()

    def _show_if_seen(self) -> None:
        if self._seen and self.isVisible():
            self._show()

    def show_page(self, page: Page) -> None:
        """Bring one of the pages up."""
        self.tabs.setCurrentIndex([name for name, _ in PAGES].index(page))

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return PAGES[self.tabs.currentIndex()][0]

    def _show(self) -> None:
        state = self._state
        self.bar.set_state(state)
        self._show_page()

    def _show_page(self) -> None:
        listing = self.page in ("table", "pictures")
        self.scope.setEnabled(listing)
        if self.page == "filters":
            self.filters.set_state(self._state)
            self._pages.setCurrentWidget(self.filters)
        elif self.page == "groups":
            self.groups.set_state(self._state)
            self._pages.setCurrentWidget(self.groups)
        else:
            self._list()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self._show_if_seen()

    # ---- listing --------------------------------------------------------------------------------

    def _follow_find(self, state: State) -> None:
        """What was found is gone through in the list, whichever it is."""
        find = state.find
        if self._scope == "found" and not find.text.strip():
            self.scope.setCurrentIndex(0)

    @property
    def _scope(self) -> Scope:
        scope: Scope = self.scope.currentData()
        return scope

    def _columns_of(self, state: State) -> tuple[TableColumn, ...]:
        """The columns, the same as long as they say the same."""
        opened = state.opened
        of = opened.samples, opened.layer_map, state.groups
        if not self._columns[0] or differ(of, self._columns[0]):
            self._columns = of, table_columns(state)
        return self._columns[1]

    def _list(self) -> None:
        """List again what is to be listed, where that is something else."""
        state, scope = self._state, self._scope
        selection = state.picks.selection.chosen
        self.table.show_chosen(selection)
        self.pictures.show_chosen(RowSet() if scope == "selection" else selection)  # all would be
        columns = self._columns_of(state)
        request = scope, columns, *self._sort, *_listed_of(state, scope)
        if self._listed is not None and _same(request, self._listed):
            self._follow(state)
            self._show_list()
            return
        self._listed = request
        name, descending = self._sort
        column = next((one for one in columns if one.key == name), None)
        work = partial(_list, state, scope, columns, column, descending)
        if state.opened.samples is None or len(state.opened.samples) <= AT_ONCE:
            self._listing.do_now(work)
        else:
            self._listing.ask(work)

    def _take(self, listing: Listing) -> None:
        rows, columns = listing
        self.table.show_rows(rows, columns)
        self.table.mark_sorted(*self._sort)
        self.pictures.show_rows(self._state.opened.samples, rows)
        self._follow(self._state)
        self._show_list()

    def _follow(self, state: State) -> None:
        """Go to the sample that was found."""
        row = state.find.row
        if row is not None:
            self.table.go_to(row)
            self.pictures.go_to(row)

    def _show_list(self) -> None:
        if self.page in ("filters", "groups"):
            return
        if not len(self.table.samples.rows):
            self.nothing.set_text(NOTHING[self._scope])
            self._pages.setCurrentWidget(self.nothing)
        else:
            view = self.table if self.page == "table" else self.pictures
            self._pages.setCurrentWidget(view)
        self.scope.setToolTip(
            tip(trn("{number} sample", "{number} samples", len(self.table.samples.rows)))
        )

    def _on_sort(self, column: int, descending: bool) -> None:
        columns = self.table.samples.columns
        self._sort = (
            (columns[column].key, descending) if 0 <= column < len(columns) else ("", False)
        )
        self._list()

    def list_scope(self, scope: Scope) -> None:
        """List other samples."""
        with QSignalBlocker(self.scope):
            self.scope.setCurrentIndex(self.scope.findData(scope))
        self._list()

    @property
    def busy(self) -> bool:
        """Whether something is being worked out in another thread."""
        return self._listing.busy or self.filters.busy

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self._listing.close()
        self.filters.close_threads()


def _listed_of(state: State, scope: Scope) -> tuple[object, ...]:
    """What the samples in a scope depend on."""
    match scope:
        case "selection":
            return (state.picks.selection.chosen,)
        case "found":
            return (state.find.rows,)
        case "map":
            opened, anchor = state.opened, state.picks.selection.anchor
            return opened.layer_map, opened.linked, state.view.filters, state.groups, anchor
    return ()


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and not differ(one, other)


def _list(
    state: State,
    scope: Scope,
    columns: tuple[TableColumn, ...],
    column: TableColumn | None,
    descending: bool,
) -> Listing:
    return sort_rows(rows_in(state, scope), column, descending=descending), columns
