"""The part of the preferences that says how much may be kept on the disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from diffviews_desktop.actions import downloads
from diffviews_desktop.actions.context import Context
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import size
from diffviews_desktop.ui.common.labels import Label, caption, muted_label
from diffviews_desktop.ui.common.widgets import Decimal, signals_blocked
from diffviews_desktop.values.storage import Kept, Limit

TITLES: dict[Kept, str] = {
    "maps": tr("&Maps, in each place"),
    "experiments": tr("&Experiments"),
}
GIGABYTE, LEAST_GIGABYTES, MOST_GIGABYTES = 10**9, 0.1, 100_000.0


class LimitsForm(QWidget):
    """A row for each kind that has a limit: a field, or what a variable says."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.rows = {
            kind: _Row(title, partial(downloads.choose_limit, context, kind))
            for kind, title in TITLES.items()
        }
        title = Label(tr("At most"))
        title.setProperty("strong", True)
        note = muted_label(tr("What was used least recently goes when there is no more room."))
        note.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        grid.addWidget(title, 0, 0)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(self.rows.values(), start=1):
            grid.addWidget(row.caption, number, 0)
            grid.addWidget(row.field, number, 1)
            grid.addWidget(row.unit, number, 2)
            grid.addWidget(row.said, number, 0, 1, 3, right)
        grid.addWidget(note, len(self.rows) + 1, 0, 1, 3)

    def show_limits(self, limits: tuple[Limit, ...]) -> None:
        """Show how much may be kept, and whether the user can choose."""
        for limit in limits:
            self.rows[limit.kind].show_limit(limit)
        self.setVisible(bool(limits))


class _Row:
    """The widgets of a kind; ``choose`` is called with the bytes that the user enters."""

    def __init__(self, title: str, choose: Callable[[int], None]) -> None:
        self.field, self.unit, self.said = Decimal(), Label("GB"), muted_label()
        self.field.setDecimals(1)
        self.field.setRange(LEAST_GIGABYTES, MOST_GIGABYTES)
        self.field.setAccessibleName(tr("Gigabytes of: {title}", title=title.replace("&", "")))
        self.caption = caption(title, self.field)
        self._shown, self._choose = self.field.value(), choose
        self.field.editingFinished.connect(self._take)

    def show_limit(self, limit: Limit) -> None:
        free = not limit.variable
        for widget in (self.field, self.unit):
            widget.setVisible(free)
        self.said.setVisible(not free)
        self.said.setText(
            tr("{bytes}, as {variable} says", bytes=size(limit.bytes), variable=limit.variable)
        )
        with signals_blocked(self.field):
            if not self.field.hasFocus() or self.field.value() == self._shown:
                self.field.setValue(limit.bytes / GIGABYTE)
                self._shown = self.field.value()

    def _take(self) -> None:
        value = self.field.value()
        if value != self._shown:
            self._shown = value
            self._choose(round(value * GIGABYTE))
