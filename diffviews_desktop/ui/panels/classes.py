"""The classes with their colours and counts: find one, highlight it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QListWidgetItem, QMenu, QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.caption_search import CaptionSearch
from diffviews_desktop.ui.common.choosing_menu import offer_choosing
from diffviews_desktop.ui.common.colors import class_colors, color_dot
from diffviews_desktop.ui.common.entries import name_list, short
from diffviews_desktop.ui.common.labels import muted_label, tip
from diffviews_desktop.ui.common.row_menu import RowMenu
from diffviews_desktop.ui.common.widgets import SearchField, as_panel
from diffviews_desktop.values.assessment import meaning_of_distances
from diffviews_desktop.values.samples import SampleTable, class_title

TITLE = Qt.ItemDataRole.UserRole + 1  # number and name, as they are
HELP = tr("Click a class to highlight it, again to show all; right click to select its samples")
LOWEST_LIST = 44  # pixels: two classes; a small screen has no room for more


class ClassesPanel(QWidget):
    """Signals: ``class_chosen(number or None)``, to highlight; choosing the highlighted one again
    clears. ``selection_wanted(number, how)``, a `Choosing`. ``hiding_wanted(position)`` and
    ``isolation_wanted(position)``, to hide the samples of a class or all others, or no longer.
    ``rows_chosen(rows)``, a `RowSet`, to select samples by their captions. ``find_wanted(text)``,
    to find samples by what no class is called."""

    class_chosen = Signal(object)
    selection_wanted = Signal(int, str)
    hiding_wanted = Signal(int)
    isolation_wanted = Signal(int)
    rows_chosen = Signal(object)
    find_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self._samples: SampleTable | None = None
        self.search = SearchField()
        self.captions = CaptionSearch()
        self.nothing = muted_label(tr("No class is called that. Return looks among the samples."))
        self.nothing.setWordWrap(True)
        self.nothing.hide()
        self.list = name_list()
        self.list.setAccessibleName(tr("Classes"))
        self.list.setIconSize(QSize(14, 14))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumHeight(LOWEST_LIST)
        RowMenu(self.list, self._show_menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.search)
        column.addWidget(self.captions)
        column.addWidget(self.nothing)
        column.addWidget(self.list)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._on_return)
        self.captions.rows_chosen.connect(self.rows_chosen)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self._ask_for(has_captions=False)
        self._highlighted: int | None = None
        self._hidden: frozenset[int] = frozenset()

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        view = state.view
        return (
            state.opened.samples,
            state.opened.assessment,
            view.highlighted_class,
            view.filters,
        )

    def set_state(self, state: State) -> None:
        """Show the classes of the samples and which one is highlighted."""
        self.list.setToolTip(tip(HELP, meaning_of_distances(state.opened.assessment)))
        if state.opened.samples is not self._samples:
            self._samples = state.opened.samples
            self._ask_for(has_captions=self._samples is not None and bool(self._samples.captions))
            self._fill(state.opened.samples)
        hidden = state.view.hidden_categories("class")
        if hidden != self._hidden:
            self._hidden = hidden
            self._strike()
        if state.view.highlighted_class != self._highlighted:
            self._highlighted = state.view.highlighted_class
            with QSignalBlocker(self.list):
                self.list.clearSelection()
                self.list.setCurrentItem(None)  # type: ignore[call-overload]
                for i in range(self.list.count()):
                    item = self.list.item(i)
                    if item.data(Qt.ItemDataRole.UserRole) == self._highlighted:
                        self.list.setCurrentItem(item)

    def _ask_for(self, *, has_captions: bool) -> None:
        """Say what can be found."""
        self.search.setPlaceholderText(
            tr("Find a class, id or caption…") if has_captions else tr("Find a class or id…")
        )
        self.search.setAccessibleName(
            tr("Find a class or caption") if has_captions else tr("Find a class")
        )

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self._fill(self._samples)

    def _fill(self, samples: SampleTable | None) -> None:
        self.list.clear()
        if samples is None:
            self.captions.search((), "")
            return
        classes = samples.classes()
        palette = class_colors([number for number, _, _ in classes], dark=theme.is_dark())
        for number, name, count in classes:
            title = class_title(number, name, ": ")
            item = QListWidgetItem(color_dot(palette[number]), f"{short(title)}   ({count})")
            item.setData(Qt.ItemDataRole.UserRole, number)
            item.setData(TITLE, title)
            sentence = trn(
                "{number} sample of class {name}",
                "{number} samples of class {name}",
                count,
                name=title,
            )
            item.setToolTip(tip(sentence))
            self.list.addItem(item)
        self._filter(self.search.text())
        self._strike()

    def _strike(self) -> None:
        """Strike out the classes whose samples are hidden."""
        for i in range(self.list.count()):
            item = self.list.item(i)
            font = item.font()
            font.setStrikeOut(i in self._hidden)
            item.setFont(font)

    def _filter(self, text: str) -> None:
        query = text.strip().lower()
        for i in range(self.list.count()):
            item = self.list.item(i)
            item.setHidden(query not in item.data(TITLE).lower())
        every = [self.list.item(i).isHidden() for i in range(self.list.count())]
        self.nothing.setVisible(bool(every) and all(every))
        self.captions.search(self._samples.captions if self._samples is not None else (), text)

    def _on_return(self) -> None:
        """Select the samples with a caption, or find those that are called what no class is."""
        if self._samples is not None and len(self._samples.captions):
            self.captions.choose()
        elif self.nothing.isVisibleTo(self):
            self.find_wanted.emit(self.search.text())

    def menu_of(self, item: QListWidgetItem) -> QMenu:
        """What can be done with a class."""
        number = item.data(Qt.ItemDataRole.UserRole)
        menu = QMenu(self)
        lit = number == self._highlighted
        menu.addAction(
            tr("Show all classes") if lit else tr("Highlight"), lambda: self._on_chosen(item)
        )
        position = self.list.row(item)
        hidden = position in self._hidden
        menu.addAction(
            tr("Show") if hidden else tr("Hide"), partial(self.hiding_wanted.emit, position)
        )
        menu.addAction(tr("Show only this class"), partial(self.isolation_wanted.emit, position))
        menu.addSeparator()
        offer_choosing(menu, partial(self.selection_wanted.emit, number))
        return menu

    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        menu = self.menu_of(self.list.item(index.row()))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def _on_chosen(self, item: QListWidgetItem) -> None:
        number = item.data(Qt.ItemDataRole.UserRole)
        self.class_chosen.emit(None if number == self._highlighted else number)
