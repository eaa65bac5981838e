"""The runs of a list: which are shown, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from diffviews_desktop.state.runs import Run
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import plain, tip
from diffviews_desktop.ui.panels.runs.texts import facts_of, layers_of, mask_of, told, was_stopped

Index = QModelIndex | QPersistentModelIndex
Order = Literal["newest", "oldest", "name", "told", "layer", "intervention", "seed"]
ORDERS: dict[Order, str] = {
    "newest": tr("Newest first"),
    "oldest": tr("Oldest first"),
    "name": tr("Name"),
    "told": tr("Class or prompt"),
    "layer": tr("Layer"),
    "intervention": tr("Intervention"),
    "seed": tr("Seed"),
}
ID, ROW = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Row:
    """What the list shows of a run; ``here`` is whether its path belongs to the map on screen."""

    run: Run
    here: bool
    line: str
    searched: str


def row_of(run: Run, on_map: bool) -> Row:
    """Work out what the list shows of a run."""
    seed = "" if run.seed is None else tr("seed {seed}", seed=run.seed)
    parts = [told(run), seed, layers_of(run)]
    line = " · ".join(part for part in (*map(_format_tag, run.tags), *parts) if part)
    extras = run.job.spec.model, mask_of(run), tr("stopped") if was_stopped(run) else ""
    whole = " ".join([run.name, *run.tags, *parts, *extras])
    return Row(run, on_map, line, whole.casefold())


def _format_tag(tag: str) -> str:
    return f"#{tag}"


def when_of(run: Run) -> str:
    """When a run was asked for: the time, and the day where that is not today."""
    if not run.when:
        return ""
    moment, present = time.localtime(run.when), time.localtime()
    today = moment[:3] == present[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", moment)


class RunRows(QAbstractListModel):
    """The runs of which a search finds something, pinned ones first.

    Signals:
        renamed: id of a run, and the name that was typed.
    """

    renamed = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self._all: list[Row] = []
        self.rows: list[Row] = []
        self._words: list[str] = []
        self._order: Order = "newest"

    def show(self, runs: Sequence[Run], on_map: Callable[[Run], bool]) -> bool:
        """Take runs; whether rows have come, gone or moved, so that the view forgot its own."""
        old_rows = {row.run.id: row for row in self._all}
        rows = []
        for run in runs:
            row, is_here = old_rows.get(run.id), on_map(run)
            same = row is not None and row.run is run and row.here == is_here
            rows.append(row if same and row is not None else row_of(run, is_here))
        self._all = rows
        return self._arrange()

    def search(self, text: str) -> bool:
        """Show only runs in which all words of a text are found; see `show`."""
        self._words = text.casefold().split()
        return self._arrange()

    def sort_by(self, order: Order) -> bool:
        """Show them in another order; see `show`."""
        self._order = order
        return self._arrange()

    def _arrange(self) -> bool:
        rows = [row for row in self._all if all(word in row.searched for word in self._words)]
        rows.sort(key=_KEYS[self._order])
        rows.sort(key=lambda row: not row.run.pinned)
        old_rows = self.rows
        if [row.run.id for row in rows] != [row.run.id for row in old_rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        self.rows = rows
        for number, (old, new) in enumerate(zip(old_rows, rows, strict=True)):
            if old is not new:
                self.dataChanged.emit(self.index(number), self.index(number))
        return False

    @property
    def count(self) -> int:
        """Of all runs, found or not."""
        return len(self._all)

    def index_of(self, run_id: int | None) -> QModelIndex:
        """The row of a run; an invalid one where it is not shown."""
        for number, row in enumerate(self.rows):
            if row.run.id == run_id:
                return self.index(number)
        return QModelIndex()

    def selection_of(self, run_ids: Collection[int | None]) -> QItemSelection:
        """The rows of runs, as far as they are shown: neighbouring ones as one stretch, as Qt takes
        long for many."""
        selection, start = QItemSelection(), 0
        for chosen, rows in groupby(self.rows, lambda row: row.run.id in run_ids):
            end = start + sum(1 for _ in rows)
            if chosen:
                selection.select(self.index(start), self.index(end - 1))
            start = end
        return selection

    # ---- what Qt asks ---------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            return row.run.name
        if role == Qt.ItemDataRole.DisplayRole:
            return plain(row.run.name)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return plain(f"{row.run.name}, {row.line}")
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip_of(row)
        return {ID: row.run.id, ROW: row}.get(Qt.ItemDataRole(role))

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        self.renamed.emit(self.rows[index.row()].run.id, str(value))
        return True


def _tip_of(row: Row) -> str:
    run = row.run
    spec = run.job.spec
    elsewhere = tr(
        "Its path belongs to another map, of {layers} of {model}: right-click to go there.",
        layers=spec.layers,
        model=spec.model,
    )
    tags = ", ".join(run.tags)
    return tip(
        run.name,
        told(run),
        *facts_of(run),
        tr("tags: {tags}", tags=tags) if tags else "",
        tr("drawn {when}", when=when_of(run)) if run.when else "",
        "" if row.here else elsewhere,
    )


_KEYS: dict[Order, Callable[[Row], Any]] = {
    "newest": lambda row: -row.run.id,
    "oldest": lambda row: row.run.id,
    "name": lambda row: (row.run.name.casefold(), row.run.id),
    "told": lambda row: (told(row.run), row.run.id),
    "layer": lambda row: (layers_of(row.run), row.run.id),
    "intervention": lambda row: (mask_of(row.run), row.run.id),
    "seed": lambda row: (-1 if row.run.seed is None else row.run.seed, row.run.id),
}
