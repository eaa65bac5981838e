"""All that was said to the user, the newest first."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.state.state import Notice, State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.row_menu import offer_buttons
from diffviews_desktop.ui.common.text_pane import TextPane
from diffviews_desktop.ui.shell.activity.parts import NO_ROW, RowList, clock, write
from diffviews_desktop.ui.shell.notice_bar import copied_text


class NoticesPage(QWidget):
    """What the notices that float over the map said, with their details."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices: dict[int, Notice] = {}
        self.list = RowList((tr("Time"), tr("Notice")), 1, tr("Notices"))
        self.list.setColumnWidth(0, 84)
        self.details = TextPane(tr("The notice in full, with its details"), empty=NO_ROW)
        self.copy = QPushButton(tr("Cop&y"))
        self.copy.setToolTip(tip(tr("Copy the notice with its details")))
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(self.list, 3)
        column.addWidget(self.details, 2)
        column.addLayout(buttons)
        self.list.chosen.connect(self._show_chosen)
        self.copy.clicked.connect(self._copy)
        offer_buttons(self.list, (self.copy,))
        self._show_chosen()

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return (state.notices,)

    def set_state(self, state: State) -> None:
        """List the notices."""
        key = self.list.key()
        self._notices = {notice.number: notice for notice in state.notices}
        self.list.clear()
        for notice in reversed(state.notices):
            texts = clock(notice.when), notice.text
            item = self.list.add_row(notice.number, texts)
            write(item, texts, problem=1 if notice.level == "error" else None)
        self.list.choose(key)
        self._show_chosen()

    def _chosen_notice(self) -> Notice | None:
        key = self.list.key()
        return None if key is None else self._notices.get(key)

    def _show_chosen(self) -> None:
        notice = self._chosen_notice()
        self.copy.setEnabled(notice is not None)
        self.details.show_text("" if notice is None else f"{notice.text}\n\n{notice.details}")

    def _copy(self) -> None:
        notice = self._chosen_notice()
        if notice is not None:
            QGuiApplication.clipboard().setText(copied_text(notice))
