"""Charts that filter, side by side, and views with a name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.counts import Counts, counts_of
from diffviews_desktop.state.session import AT_ONCE
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import ElidedLabel, tip
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.panel import differ
from diffviews_desktop.ui.common.widgets import ElidingComboBox, IconButton, as_panel
from diffviews_desktop.ui.panels.samples.charts import CategoryBars, Histogram
from diffviews_desktop.values.quantities import COLUMN, QUANTITIES, ColorBy, quantity

USUAL: tuple[ColorBy, ...] = ("class", "level", "sigma")
"""Quantities that have a chart without being added."""
WIDTH, SIDE = 236, 168  # of a chart, and of what is beside them
AllCounts = dict[ColorBy, Counts]


@dataclass(frozen=True)
class _Choice:
    by: ColorBy
    title: str


class FiltersPage(QWidget):
    """Signals:
    category_only: ``(by, number, count)``; ``category_toggled(by, number)``.
    range_chosen: ``(by, low, high)``; ``filter_dropped(by)``.
    view_used: a name; ``view_deleted`` a name.
    """

    category_only = Signal(str, int, int)
    category_toggled = Signal(str, int)
    range_chosen = Signal(str, object, object)
    filter_dropped = Signal(str)
    view_used = Signal(str)
    view_deleted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = State()
        self._added: list[ColorBy] = []
        self._of: tuple[object, ...] = ()
        self.charts: dict[ColorBy, Chart] = {}
        self._counting: Latest[AllCounts] = Latest(self._take, self, name="counts")
        self.add = ElidingComboBox()
        self.add.setAccessibleName(tr("Filter by something else"))
        self.all = QPushButton()
        self.views = ElidingComboBox(letters=8)
        self.views.setAccessibleName(tr("Views with a name"))
        self.keep = QPushButton()
        self.delete = IconButton("trash", tr("Delete this view"))
        self._row = QHBoxLayout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(14)
        self._row.setAlignment(Qt.AlignmentFlag.AlignLeft)
        room = QWidget()
        as_panel(room)
        room.setLayout(self._row)
        self._area = QScrollArea()
        self._area.setWidget(room)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        side = QGridLayout()
        side.setSpacing(6)
        side.addWidget(self.add, 0, 0)
        side.addWidget(self.all, 0, 1)
        views_row = QHBoxLayout()
        views_row.setSpacing(4)
        views_row.addWidget(self.views, 1)
        views_row.addWidget(self.delete)
        side.addLayout(views_row, 1, 0)
        side.addWidget(self.keep, 1, 1)
        side.setRowStretch(2, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        row.addWidget(self._area, 1)
        row.addLayout(side)
        self.add.setFixedWidth(SIDE)
        self.add.activated.connect(self._on_added)
        self.views.activated.connect(self._on_view)
        self.delete.clicked.connect(self._on_delete)

    def set_state(self, state: State) -> None:
        """Count again what is shown."""
        self._state = state
        self._show_choices(state)
        self._show_views(state)
        bys = self._bys(state)
        opened, anchor = state.opened, state.picks.selection.anchor
        samples = opened.samples
        sources = samples, opened.layer_map, opened.linked, state.groups, state.view.filters
        of = (*sources, anchor, *bys)
        if len(of) == len(self._of) and not differ(of, self._of):
            return
        self._of = of
        few = samples is None or len(samples) <= AT_ONCE
        count = partial(_count, state, bys)
        if few:
            self._counting.do_now(count)
        else:
            self._counting.ask(count)

    def _bys(self, state: State) -> list[ColorBy]:
        """What there is a chart of: what is usual, what is filtered by, what was added."""
        if state.opened.samples is None or state.opened.layer_map is None:
            return []
        levels = "sigma" if state.cannot_color("level") else "level"
        candidates = ["class", levels, *(one.by for one in state.view.filters), *self._added]
        return [by for by in dict.fromkeys(candidates) if not state.cannot_color(by)]

    def _take(self, all_counts: AllCounts) -> None:
        state = self._state
        for by in [by for by in self.charts if by not in all_counts]:
            chart = self.charts.pop(by)
            self._row.removeWidget(chart)
            chart.deleteLater()
        for by, counts in all_counts.items():
            if by not in self.charts:
                new_chart = self.charts[by] = Chart(by)
                new_chart.only.connect(partial(self._on_only, by))
                new_chart.toggled.connect(partial(self.category_toggled.emit, by))
                new_chart.range_chosen.connect(partial(self.range_chosen.emit, by))
                new_chart.dropped.connect(partial(self._on_dropped, by))
                self._row.addWidget(new_chart)
            self.charts[by].show_counts(counts, state)

    def _on_only(self, by: ColorBy, number: int) -> None:
        counts = self.charts[by].counts
        if counts is not None:
            self.category_only.emit(by, number, len(counts.names))

    def _on_dropped(self, by: ColorBy) -> None:
        """Filter by it no longer; what was added goes with its filter."""
        has_filter = self._state.view.filter_of(by) is not None
        if by in self._added:
            self._added.remove(by)
        if has_filter:
            self.filter_dropped.emit(by)
        else:
            self.set_state(self._state)

    # ---- choices --------------------------------------------------------------------------------

    def _show_choices(self, state: State) -> None:
        samples = state.opened.samples
        columns = list(samples.columns) if samples is not None else []
        bys = self._bys(state)
        choices = [
            *(_Choice(by, tr(one.title)) for by, one in QUANTITIES.items()),
            *(_Choice(COLUMN + name, name) for name in columns),
        ]
        offers = [one for one in choices if one.by not in bys and not state.cannot_color(one.by)]
        old_bys = [self.add.itemData(at) for at in range(self.add.count())]
        if old_bys != ["", *(one.by for one in offers)]:
            with QSignalBlocker(self.add):
                self.add.clear()
                self.add.addItem(tr("Add a filter…"), "")
                for one in offers:
                    self.add.addItem(entry(one.title), one.by)
        self.add.setEnabled(bool(offers))

    def _on_added(self, index: int) -> None:
        by = self.add.itemData(index)
        self.add.setCurrentIndex(0)
        if by:
            self._added.append(by)
            self.set_state(self._state)
            bar = self._area.horizontalScrollBar()
            bar.rangeChanged.connect(
                lambda _, last: bar.setValue(last), Qt.ConnectionType.SingleShotConnection
            )

    def _show_views(self, state: State) -> None:
        views = state.groups.views
        names = [one.name for one in views]
        old_names = [self.views.itemData(at) for at in range(1, self.views.count())]
        with QSignalBlocker(self.views):
            if old_names != names or not self.views.count():
                self.views.clear()
                self.views.addItem(tr("Views"), None)
                for name in names:
                    self.views.addItem(entry(name), name)
            view = state.view
            looks = view.filters, view.highlighted_class, view.color_by, view.size_by
            same = [
                one.name
                for one in views
                if (one.filters, one.highlighted_class, one.color_by, one.size_by) == looks
            ]
            at = self.views.findData(same[0]) if same else 0
            self.views.setCurrentIndex(at)
        self.views.setEnabled(bool(names))
        self.views.setToolTip(tip("" if names else tr("No view was kept yet: press Keep the view")))
        self.delete.setEnabled(self.views.currentIndex() > 0)

    def _on_view(self, index: int) -> None:
        name = self.views.itemData(index)
        if name is not None:
            self.view_used.emit(name)

    def _on_delete(self) -> None:
        name = self.views.currentData()
        if name is not None:
            self.view_deleted.emit(name)

    @property
    def busy(self) -> bool:
        """Whether something is being counted in another thread."""
        return self._counting.busy

    def close_threads(self) -> None:
        """End what runs in the other thread."""
        self._counting.close()


class Chart(QWidget):
    """A quantity's title, a button that drops its filter, and its counts. Signals: those of what is
    in it, and ``dropped()``."""

    only = Signal(int)
    toggled = Signal(int)
    range_chosen = Signal(object, object)
    dropped = Signal()

    def __init__(self, by: ColorBy, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.by = by
        self.counts: Counts | None = None
        self.setFixedWidth(WIDTH)
        self.title = ElidedLabel()
        self.title.setProperty("strong", True)
        self.close_button = IconButton("close", tr("Filter by it no longer"))
        self.bars, self.histogram = CategoryBars(), Histogram()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.bars)
        self._stack.addWidget(self.histogram)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        self.bars.only.connect(self.only)
        self.bars.toggled.connect(self.toggled)
        self.histogram.range_chosen.connect(self.range_chosen)
        self.close_button.clicked.connect(self.dropped)

    def show_counts(self, counts: Counts, state: State) -> None:
        """Show counts and what of them the state's filter leaves out."""
        self.counts = counts
        current_filter = state.view.filter_of(self.by)
        self.title.set_text(counts.title, tr(quantity(self.by).meaning))
        by = tr("Samples by {quantity}", quantity=counts.title)
        self.bars.setAccessibleName(by)
        self.histogram.setAccessibleName(by)
        plot: CategoryBars | Histogram = self.bars if counts.names else self.histogram
        plot.show_counts(counts, current_filter)
        self._stack.setCurrentWidget(plot)
        self.close_button.setEnabled(current_filter is not None or self.by not in USUAL)


def _count(state: State, bys: list[ColorBy]) -> AllCounts:
    pairs = ((by, counts_of(state, by)) for by in bys)
    return {by: counts for by, counts in pairs if counts is not None}
