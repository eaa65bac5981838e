"""What the user prefers, whatever is shown, in one window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.preferences import (
    APPEARANCE,
    DRAWING,
    LANGUAGE,
    MOTION,
    RAMP,
    START,
    TEXT_SIZE,
    toggle_motion,
)
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.forms import add_row, form
from diffviews_desktop.ui.common.labels import Label, muted_label, tip
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.shell.bucket_page import BucketPage
from diffviews_desktop.ui.shell.model_page import NEXT_START, ChoiceField, ModelPage
from diffviews_desktop.ui.shell.storage_page import StoragePage
from diffviews_desktop.values.preferences import Preferences

WIDTH = 470


class PreferencesWindow(QDialog):
    """The menus' own choices as fields: each change holds at once, wherever it was made.

    Args:
        context: what the choices work with.
        drawn_by: says what draws the map, and why.
        parent: window over which it opens.
    """

    def __init__(
        self, context: Context, drawn_by: Callable[[], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Preferences"))
        as_panel(self)
        self._drawn_by = drawn_by
        self._shown: Preferences | None = None
        self.appearance = ChoiceField(APPEARANCE, context)
        self.text_size = ChoiceField(TEXT_SIZE, context)
        self.text_size.setToolTip(tip(NEXT_START))
        self.language = ChoiceField(LANGUAGE, context)
        self.language.setToolTip(tip(NEXT_START))
        self.ramps = ChoiceField(RAMP, context)
        self.drawing = ChoiceField(DRAWING, context)
        self.still = QCheckBox(tr("&Reduce motion"))
        self.still.setToolTip(tip(MOTION.meaning))
        self.still.clicked.connect(lambda: toggle_motion(context))
        self.start = ChoiceField(START, context)
        self.start.setToolTip(
            tip(tr("A session is the folder, the map, the picks and the runs that you had last."))
        )
        self.drawn = muted_label()
        self.drawn.setWordWrap(True)
        self.model = ModelPage(context)
        self.storage, self.sharing = StoragePage(context), BucketPage(context)
        self.pages = QTabWidget()
        self.close_button = QPushButton(tr("&Close"))
        self.close_button.clicked.connect(self.close)
        self._build()
        self.set_state(context.state)
        self.refresh()
        theme.dress(self)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.preferences, state.downloads, state.jobs.aside

    def set_state(self, state: State) -> None:
        """Show what is preferred."""
        looks = self.appearance, self.language, self.text_size, self.ramps, self.drawing
        for field in (*looks, self.start):
            field.show_chosen()
        self.model.set_state(state)
        self.still.setChecked(state.preferences.reduced_motion)
        self.storage.set_state(state)
        if self._shown != state.preferences:
            self._shown = state.preferences
            self.sharing.set_state(state)

    def _build(self) -> None:
        looks = QWidget()
        rows = form(looks)
        rows.setContentsMargins(0, 10, 0, 0)
        add_row(rows, tr("&Appearance"), self.appearance)
        add_row(rows, tr("&Language"), self.language)
        add_row(rows, tr("&Text size"), self.text_size)
        add_row(rows, tr("Colours of &values"), self.ramps)
        add_row(rows, tr("&Drawing of the map"), self.drawing)
        for widget in (self.drawn, self.still):
            rows.addRow(Label(), widget)
        add_row(rows, tr("At the &start"), self.start)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(12)
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setDrawBase(False)
        for page, title in (
            (looks, tr("Looks")),
            (self.model, tr("Model")),
            (self.storage, tr("Storage")),
            (self.sharing, tr("Sharing")),
        ):
            self.pages.addTab(page, title)
        self.pages.currentChanged.connect(self._on_page)
        column.addWidget(self.pages, 1)
        column.addLayout(ending)
        self.setFixedWidth(WIDTH)

    def _on_page(self, number: int) -> None:
        if self.pages.widget(number) is self.storage:
            self.storage.measure()

    def wait(self) -> None:
        """Let what works in another thread end."""
        self.sharing.wait()

    def refresh(self) -> None:
        """Say how the map is drawn now."""
        self.drawn.setText(self._drawn_by())
        self._make_room()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """As many lines as it says need, two at least: the window does not tremble for one."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        height = self.drawn.heightForWidth(self.drawing.width())
        self.drawn.setFixedHeight(max(height, 2 * self.drawn.fontMetrics().lineSpacing()))
        self.adjustSize()
