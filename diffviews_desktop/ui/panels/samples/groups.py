"""Selections with a name, and clusters of the map: chosen with a click, renamed in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, QSignalBlocker, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.engine.jobs.clustering import SMALLEST, USUAL_SMALLEST
from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.choosing_menu import offer_choosing
from diffviews_desktop.ui.common.colors import category_colors, color_dot
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.labels import ElidedLabel, caption, tip
from diffviews_desktop.ui.common.row_menu import RowMenu
from diffviews_desktop.ui.common.widgets import IconButton, WholeNumber
from diffviews_desktop.values.sample_sets import SET_COLORS

_NUMBER, _NAME = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
LOWEST = 44  # pixels: two groups
ABOUT = tr("Dense groups on the map, found by HDBSCAN.")
COLOR_NAMES = (
    tr("Blue"),
    tr("Orange"),
    tr("Green"),
    tr("Pink"),
    tr("Sky blue"),
    tr("Red"),
    tr("Yellow"),
    tr("Violet"),
)


@dataclass(frozen=True)
class Row:
    """What a list has of a group."""

    number: int
    name: str
    count: int
    color: str


class GroupList(QTreeWidget):
    """Groups with their colours and counts.

    A click selects the samples of a group, Ctrl and a click adds them; F2 or a double click renames
    it. Signals: ``picked(number, how)``, ``renamed(number, name)`` and ``menu_wanted(number,
    place)``.
    """

    picked = Signal(int, str)
    renamed = Signal(int, str)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self.setAccessibleName(name)
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setMinimumHeight(LOWEST)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        RowMenu(self, self._on_menu)
        self.itemClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_changed)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other groups; the chosen one stays so."""
        if tuple(rows) == self._rows:
            return
        old_rows, self._rows = self._rows, tuple(rows)
        current = self.number()
        with QSignalBlocker(self):
            if [one.number for one in old_rows] != [one.number for one in rows]:
                self.clear()
                self.addTopLevelItems([QTreeWidgetItem() for _ in rows])
            for at, row in enumerate(rows):
                item = self.topLevelItem(at)
                assert item is not None
                _write(item, row)
                if row.number == current:
                    self.setCurrentItem(item)

    def number(self) -> int | None:
        """That of the chosen group."""
        item = self.currentItem()
        return None if item is None else item.data(0, _NUMBER)

    def edit_current(self) -> None:
        """Let the user rename the chosen group."""
        item = self.currentItem()
        if item is not None:
            self.editItem(item, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = self.number()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and number is not None:
            self.picked.emit(number, "replace")
        else:
            super().keyPressEvent(event)

    def _on_clicked(self, item: QTreeWidgetItem) -> None:
        keys = QApplication.keyboardModifiers()
        mode: Choosing = "add" if keys & Qt.KeyboardModifier.ControlModifier else "replace"
        self.picked.emit(item.data(0, _NUMBER), mode)

    def _on_changed(self, item: QTreeWidgetItem) -> None:
        name = item.text(0).strip()
        if name and name != short(item.data(0, _NAME)):
            self.renamed.emit(item.data(0, _NUMBER), name)
        elif not name:
            with QSignalBlocker(self):
                item.setText(0, short(item.data(0, _NAME)))

    def _on_menu(self, index: QModelIndex, place: QPoint) -> None:
        item = self.itemFromIndex(index)
        self.setCurrentItem(item)
        self.menu_wanted.emit(item.data(0, _NUMBER), place)


class GroupsPage(QWidget):
    """Signals: ``set_picked(number, how)``, ``set_renamed(number, name)``, ``set_colored(number,
    color)``, ``set_deleted(number)``, ``cluster_picked(number, how)``, ``cluster_renamed(number,
    name)`` and ``clusters_wanted(smallest)``."""

    set_picked = Signal(int, str)
    set_renamed = Signal(int, str)
    set_colored = Signal(int, str)
    set_deleted = Signal(int)
    cluster_picked = Signal(int, str)
    cluster_renamed = Signal(int, str)
    clusters_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.menu: QMenu | None = None
        self.sets = GroupList(tr("Selections with a name"))
        self.clusters = GroupList(tr("Clusters of the map"))
        self.name = QPushButton()
        self.delete = IconButton("trash", tr("Delete the named selection"))
        self.search = QPushButton(tr("Find c&lusters"))
        self.smallest = WholeNumber()
        self.smallest.setRange(SMALLEST, 1_000_000)
        self.smallest.setValue(USUAL_SMALLEST)
        self.smallest.setAccessibleName(tr("Samples that a cluster must have"))
        self.smallest.setFixedWidth(72)
        self.no_sets = _quiet(tr("Select samples, then give the selection a name."))
        self.no_clusters = _quiet(ABOUT)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(18)
        row.addLayout(self._column(self.no_sets, self.sets, [self.name, self.delete]), 1)
        fewest = caption(tr("at lea&st"), self.smallest)
        tools: list[QWidget] = [fewest, self.smallest, self.search]
        row.addLayout(self._column(self.no_clusters, self.clusters, tools), 1)
        self.sets.picked.connect(self.set_picked)
        self.sets.renamed.connect(self.set_renamed)
        self.sets.menu_wanted.connect(self._show_set_menu)
        self.clusters.picked.connect(self.cluster_picked)
        self.clusters.renamed.connect(self.cluster_renamed)
        self.clusters.menu_wanted.connect(self._show_cluster_menu)
        self.delete.clicked.connect(self._on_delete)
        self.sets.currentItemChanged.connect(lambda *_: self._set_delete())
        self.search.clicked.connect(lambda: self.clusters_wanted.emit(self.smallest.value()))

    def _column(self, about: QWidget, groups: GroupList, tools: list[QWidget]) -> QVBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(about, 1)
        for tool in tools:
            head.addWidget(tool)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(groups, 1)
        return column

    def set_state(self, state: State) -> None:
        """Show the groups of the shown model."""
        opened = state.opened
        sets = state.groups.sets_of(opened.model)
        self.sets.show_rows([Row(one.number, one.name, len(one.rows), one.color) for one in sets])
        clusters = state.groups.clusters_of(opened.model, opened.spec)
        names = clusters.names if clusters is not None else ()
        counts = clusters.counts() if clusters is not None else []
        colors = category_colors(len(names), dark=theme.is_dark())
        rows = [Row(at, names[at], counts[at], colors[at].name()) for at in range(len(names))]
        self.clusters.show_rows(rows)
        about = ABOUT
        if clusters is not None:
            layers = str(clusters.spec.layers) or tr("the map")
            about = trn(
                "{number} cluster of {layers}, of {smallest} samples or more",
                "{number} clusters of {layers}, of {smallest} samples or more",
                len(names),
                layers=layers,
                smallest=clusters.smallest,
            )
        self.no_clusters.set_text(about)
        self.search.setEnabled(opened.layer_map is not None)
        meaning = tr("Find dense groups of samples on the map")
        self.search.setToolTip(tip(no_map(state) or meaning))
        self._set_delete()

    def _set_delete(self) -> None:
        self.delete.setEnabled(self.sets.number() is not None)

    def _on_delete(self) -> None:
        number = self.sets.number()
        if number is not None:
            self.set_deleted.emit(number)

    def _show_set_menu(self, number: int, place: QPoint) -> None:
        menu = self._menu(self.set_picked, self.sets, number)
        colors = menu.addMenu(tr("&Colour"))
        for color, name in zip(SET_COLORS, COLOR_NAMES, strict=True):
            action = colors.addAction(color_dot(QColor(color)), name)
            action.triggered.connect(lambda _, c=color: self.set_colored.emit(number, c))
        menu.addAction(tr("&Delete")).triggered.connect(lambda: self.set_deleted.emit(number))
        menu.popup(place)

    def _show_cluster_menu(self, number: int, place: QPoint) -> None:
        self._menu(self.cluster_picked, self.clusters, number).popup(place)

    def _menu(self, signal: SignalInstance, groups: GroupList, number: int) -> QMenu:
        if self.menu is not None:
            self.menu.deleteLater()
        menu = self.menu = QMenu(self)
        offer_choosing(menu, partial(signal.emit, number))
        menu.addSeparator()
        menu.addAction(tr("&Rename")).triggered.connect(groups.edit_current)
        return menu


def _quiet(text: str) -> ElidedLabel:
    label = ElidedLabel(text, end=True)
    label.setObjectName("muted")
    return label


def _write(item: QTreeWidgetItem, row: Row) -> None:
    item.setText(0, short(row.name))
    item.setText(1, group_digits(row.count))
    item.setIcon(0, color_dot(QColor(row.color)))
    item.setData(0, _NUMBER, row.number)
    item.setData(0, _NAME, row.name)
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    item.setToolTip(0, tip(row.name, tr("Click selects its samples, F2 renames it")))
