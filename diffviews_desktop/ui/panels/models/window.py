"""A window beside the main one: the catalogue of published models, and their downloads."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import size
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import ElidedLabel, caption, muted_label, tip
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.ui.panels.models.rows import STEPS, Row, rows_of
from diffviews_desktop.ui.panels.models.table import ModelsTable

SIZE = (900, 600)
ADDRESSES = tr("s3://bucket/folder, hf://user/name or https://host/model.pkl")


class ModelsWindow(QDialog):
    """Signals, each with a model's name or an address: ``download_requested(choice)``,
    ``pause_requested(choice)``; with a `ListedModel`: ``open_requested(entry)``; and
    ``folder_chosen(path)``."""

    download_requested = Signal(str)
    pause_requested = Signal(str)
    open_requested = Signal(object)
    folder_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Download models"))
        as_panel(self)
        self._state = State()
        self.table = ModelsTable()
        self.detail = muted_label()
        self.detail.setWordWrap(True)
        self.problem = muted_label()
        self.problem.setWordWrap(True)
        self.problem.setProperty("problem", True)
        self.step = QPushButton(STEPS["download"])
        self.step.setObjectName("primary")
        self.address = QLineEdit()
        self.address.setPlaceholderText(ADDRESSES)
        self.address.setAccessibleName(tr("Address"))
        self.fetch = QPushButton(tr("Download &it"))
        self.folder = ElidedLabel()
        self.free = muted_label()
        self.choose = QPushButton(tr("&Folder…"))
        self.close_button = QPushButton(tr("&Close"))
        self._build()
        self._connect()
        self._show_address()
        theme.dress(self)

    def _build(self) -> None:
        detail_row = QHBoxLayout()
        detail_row.setSpacing(12)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.detail)
        texts.addWidget(self.problem)
        texts.addStretch()
        detail_row.addLayout(texts, 1)
        detail_row.addWidget(self.step)
        address_row = QHBoxLayout()
        address_row.setSpacing(8)
        address_row.addWidget(caption(tr("Another &address"), self.address))
        address_row.addWidget(self.address, 1)
        address_row.addWidget(self.fetch)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(muted_label(tr("Into")))
        below.addWidget(self.folder, 1)
        below.addWidget(self.free)
        below.addWidget(self.choose)
        below.addSpacing(16)
        below.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.table, 1)
        column.addLayout(detail_row)
        column.addLayout(address_row)
        column.addLayout(below)
        for button in (self.step, self.fetch, self.choose, self.close_button):
            button.setAutoDefault(False)
        self.resize(*SIZE)

    def _connect(self) -> None:
        self.table.chosen.connect(lambda _: self._show_chosen())
        self.table.entered_on.connect(lambda _: self._take_step())
        self.step.clicked.connect(self._take_step)
        self.table.buttons = (self.step,)
        self.address.textChanged.connect(lambda _: self._show_address())
        self.address.returnPressed.connect(self._fetch)
        self.fetch.clicked.connect(self._fetch)
        self.choose.clicked.connect(self._choose_folder)
        self.close_button.clicked.connect(self.close)

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        return state.downloads, state.jobs.aside

    def set_state(self, state: State) -> None:
        """Show the catalogue, and how far downloads are."""
        self._state = state
        self.table.show_rows(rows_of(state))
        out, catalogue = state.downloads.out, state.downloads.listed
        self.folder.set_text(str(out))
        self.free.setText("" if catalogue is None else tr("{size} free", size=size(catalogue.free)))
        self._show_chosen()

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.table.viewport().update()

    def _show_chosen(self) -> None:
        row, catalogue = self.table.chosen_row(), self._state.downloads.listed
        problem = "" if catalogue is None else catalogue.problem
        self.detail.setText("" if row is None else row.detail)
        self.problem.setText((row.problem if row is not None else "") or problem)
        self.problem.setVisible(bool(self.problem.text()))
        self.step.setEnabled(row is not None and row.step != "")
        if row is not None:
            self.step.setText(STEPS[row.step])
            self.step.setToolTip(tip(_meaning(row)))

    def _take_step(self) -> None:
        row = self.table.chosen_row()
        if row is None:
            return
        if row.step in ("download", "continue"):
            self.download_requested.emit(row.what)
        elif row.step == "pause":
            self.pause_requested.emit(row.what)
        elif row.step:
            self.open_requested.emit(row.listed)

    def _show_address(self) -> None:
        has_text = bool(self.address.text().strip())
        self.fetch.setEnabled(has_text)
        self.fetch.setToolTip(
            tip("" if has_text else tr("Enter an address: {examples}.", examples=ADDRESSES))
        )

    def _fetch(self) -> None:
        address = self.address.text().strip()
        if address:
            self.address.clear()
            self.download_requested.emit(address)

    def _choose_folder(self) -> None:
        start = str(self._state.downloads.out)
        folder = QFileDialog.getExistingDirectory(self, tr("Download into"), start)
        if folder:
            self.folder_chosen.emit(Path(folder))


def _meaning(row: Row) -> str:
    """What the button does."""
    return {
        "download": tr("Download its pictures, map and checkpoint, as far as they are published"),
        "continue": tr("Download what is missing; what is here is not fetched again"),
        "pause": tr("Stop for now; what has arrived stays, and the download continues from there"),
        "open": tr("Open the model"),
        "import": tr("Make a data folder from this checkpoint and your own pictures"),
        "": "",
    }[row.step]
