"""All runs in a list: found, sorted, renamed, shown, pinned, deleted; several are compared."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QItemSelectionModel, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common.labels import muted_label, tip, with_key
from diffviews_desktop.ui.common.widgets import IconButton, SearchField
from diffviews_desktop.ui.panels.runs.row_delegate import (
    RowDelegate,
    eye_place,
    picture_place,
    pin_place,
)
from diffviews_desktop.ui.panels.runs.rows import ID, ORDERS, ROW, Order, Row, RunRows

NARROWEST, USUAL = 150, 220  # logical pixels


class RunList(QWidget):
    """Signals: ``run_chosen(key)``, ``comparison_wanted(key, others)``, ``visibility_chosen(key,
    visible)``, ``pin_chosen(key, pinned)``, ``renamed(key, name)``, ``deleted(key)``,
    ``opened(key)`` and ``menu_wanted(key, place)``."""

    run_chosen = Signal(int)
    comparison_wanted = Signal(int, tuple)
    visibility_chosen = Signal(int, bool)
    pin_chosen = Signal(int, bool)
    renamed = Signal(int, str)
    deleted = Signal(int)
    opened = Signal(int)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._showing = State(), False
        self.rows = RunRows()
        self.view = _RunView()
        self.view.setModel(self.rows)
        self.search = SearchField()
        self.search.setPlaceholderText(tr("Find a run…"))
        self.search.setAccessibleName(tr("Find a run"))
        self.search.setToolTip(tip(tr("Name, class, prompt, layer, intervention, seed, tag")))
        self.order = IconButton("sort", tr("Order of the runs"))
        self.order.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.order.setMenu(self._orders())
        self.delete = IconButton("trash", with_key(tr("Delete the chosen runs"), "Del"))
        self.nothing = muted_label()
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.hide()
        self._build()
        self.rows.renamed.connect(self.renamed)
        self.search.textChanged.connect(self._on_searched)
        self.delete.clicked.connect(self.delete_chosen)
        self.view.selectionModel().selectionChanged.connect(self._on_selected)
        self.view.eye_clicked.connect(self._toggle_visible)
        self.view.pin_clicked.connect(
            lambda row: self.pin_chosen.emit(row.run.id, not row.run.pinned)
        )
        self.view.opened.connect(lambda row: self.opened.emit(row.run.id))
        self.view.menu_wanted.connect(lambda row, place: self.menu_wanted.emit(row.run.id, place))
        self.view.delete_pressed.connect(self.delete_chosen)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.search, 1)
        top.addWidget(self.order)
        top.addWidget(self.delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.nothing)
        column.addWidget(self.view, 1)

    def _orders(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(menu)
        for order, title in ORDERS.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(order == "newest")
            group.addAction(action)
            action.triggered.connect(partial(self._on_ordered, order))
        return menu

    def set_state(self, state: State) -> None:
        """List the runs, and mark the shown one and those beside it."""
        old, self._state = self._state, state
        is_reset = self.rows.show(state.runs.all, state.on_this_map)
        runs, was = state.runs, old.runs
        if is_reset or (runs.shown, runs.beside) != (was.shown, was.beside):
            self._mark()
        self.delete.setEnabled(runs.run() is not None)
        self._say()

    def _mark(self) -> None:
        """Select what the state shows."""
        runs, model = self._state.runs, self.view.selectionModel()
        flag = QItemSelectionModel.SelectionFlag
        self._showing = True
        index = self.rows.index_of(runs.shown)
        model.select(self.rows.selection_of({runs.shown, *runs.beside}), flag.ClearAndSelect)
        if model.currentIndex().data(ID) not in runs.beside:  # keys go on from there
            model.setCurrentIndex(index, flag.NoUpdate)
        self._showing = False
        if index.isValid():
            self.view.scrollTo(index)

    def _say(self) -> None:
        """That nothing was found, where that is so."""
        missing = not self.rows.rows and self.rows.count > 0
        self.nothing.setText(
            trn(
                "None of {number} run is like that.",
                "None of {number} runs is like that.",
                self.rows.count,
            )
        )
        self.nothing.setVisible(missing)

    def selected_ids(self) -> list[int]:
        """Ids of the selected runs, from above to below."""
        indexes = sorted(self.view.selectedIndexes(), key=lambda index: index.row())
        return [index.data(ID) for index in indexes]

    def rename(self, run_id: int) -> None:
        """Let the user type another name for a run where it stands."""
        index = self.rows.index_of(run_id)
        if not index.isValid():
            self.search.clear()
            index = self.rows.index_of(run_id)
        self.view.scrollTo(index)
        self.view.edit(index)

    def delete_chosen(self) -> None:
        """Delete the selected runs, or where none is, the shown one."""
        current = self._state.runs.shown
        for run_id in self.selected_ids() or ([] if current is None else [current]):
            self.deleted.emit(run_id)

    # ---- what the user does ---------------------------------------------------------------------

    def _on_selected(self, *_: object) -> None:
        ids, current = self.selected_ids(), self._state.runs.shown
        if self._showing:
            return
        if not ids:
            self._mark()  # some run is always shown
            return
        if len(ids) == 1:
            self.run_chosen.emit(ids[0])
            return
        first = current if current in ids else ids[0]
        others = tuple(one for one in ids if one != first)
        self.comparison_wanted.emit(first, others)

    def _toggle_visible(self, row: Row) -> None:
        self.visibility_chosen.emit(row.run.id, not row.run.visible)

    def _on_searched(self, text: str) -> None:
        self._refresh(self.rows.search(text))

    def _on_ordered(self, order: Order, *_: object) -> None:
        self._refresh(self.rows.sort_by(order))

    def _refresh(self, is_reset: bool) -> None:
        if is_reset:
            self._mark()
        self._say()

    def minimumSizeHint(self) -> QSize:
        return QSize(NARROWEST, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(USUAL, super().sizeHint().height())


class _RunView(QListView):
    """Signals: ``eye_clicked(row)``, ``pin_clicked(row)``, ``opened(row)``, ``menu_wanted(row,
    place)`` and ``delete_pressed()``; rows are `Row`."""

    eye_clicked = Signal(object)
    pin_clicked = Signal(object)
    opened = Signal(object)
    menu_wanted = Signal(object, QPoint)
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Runs"))
        self.setObjectName("rows")
        self.setItemDelegate(RowDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.EditKeyPressed | triggers.DoubleClicked)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setMinimumHeight(48)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.RightButton:
            return  # the menu is of the run under the mouse; what is shown stays
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            place, row = self.visualRect(index), index.data(ROW)
            at = event.position().toPoint()
            if eye_place(place).contains(at):
                self.eye_clicked.emit(row)
                return
            if pin_place(place).contains(at):
                self.pin_clicked.emit(row)
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            place, at = self.visualRect(index), event.position().toPoint()
            if picture_place(place).contains(at):
                self.opened.emit(index.data(ROW))
                return
            if eye_place(place).contains(at) or pin_place(place).contains(at):
                self.mousePressEvent(event)
                return
        super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().data(ROW)
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        elif event.key() == Qt.Key.Key_Space and row is not None and not event.modifiers():
            self.eye_clicked.emit(row)  # with Ctrl it is chosen besides others
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if keyboard else self.indexAt(event.pos())
        if index.isValid():
            at = self.visualRect(index).center()
            place = self.viewport().mapToGlobal(at) if keyboard else event.globalPos()
            self.menu_wanted.emit(index.data(ROW), place)
