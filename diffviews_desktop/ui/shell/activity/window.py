"""The window of jobs, history and notices."""

from __future__ import annotations

from typing import Literal

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QTabWidget, QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.panel import Panels
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.shell.activity.history_page import HistoryPage
from diffviews_desktop.ui.shell.activity.jobs_page import JobsPage
from diffviews_desktop.ui.shell.activity.notices_page import NoticesPage

ActivityPage = Literal["jobs", "history", "notices"]
SIZE = (780, 520)


class ActivityWindow(QDialog):
    """Stays open beside the work; each page is told of what it shows while the window is seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Jobs, history, notices"))
        as_panel(self)
        self._state = State()
        self.jobs, self.history, self.notices = JobsPage(), HistoryPage(), NoticesPage()
        self._panels = Panels()
        self._panels.add(self.jobs, self.history, self.notices)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        self._titles: dict[ActivityPage, QWidget] = {
            "jobs": self.jobs,
            "history": self.history,
            "notices": self.notices,
        }
        titles = tr("Jobs"), tr("History"), tr("Notices")
        for title, page in zip(titles, self._titles.values(), strict=True):
            self.pages.addTab(page, title)
        self.close_button = QPushButton(tr("&Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.close)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 12)
        column.addWidget(self.pages, 1)
        column.addLayout(ending)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return is for the list
        self.resize(*SIZE)
        theme.dress(self)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return *JobsPage.shows(state), *HistoryPage.shows(state), *NoticesPage.shows(state)

    def set_state(self, state: State) -> None:
        """Show a state, where the window can be seen."""
        if self.isVisible():
            old, self._state = self._state, state
            self._panels.show_changes(old, state)

    def show_page(self, page: ActivityPage, state: State) -> None:
        """Bring up a page."""
        self.pages.setCurrentWidget(self._titles[page])
        self.show()
        self.set_state(state)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        for page in (self.jobs, self.notices):
            page.set_state(self._state)
