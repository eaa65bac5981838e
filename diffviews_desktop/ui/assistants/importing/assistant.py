"""The dialog around the pages: asks what `ImportData` needs, page by page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.actions.folders import ImportWanted
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.assistants.importing.model_page import ModelPage
from diffviews_desktop.ui.assistants.importing.output_page import OutputPage
from diffviews_desktop.ui.assistants.importing.page import Page
from diffviews_desktop.ui.assistants.importing.pictures_page import PicturesPage
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, muted_label, tip
from diffviews_desktop.ui.common.widgets import as_panel

SIZE = (680, 560)
USUAL_FOLDER = "DiffViews data"  # in the user's home


class ImportAssistant(QDialog):
    """Signal: ``import_requested(request)``, an `ImportWanted`.

    What was entered stays until it was imported.
    """

    import_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Import pictures"))
        as_panel(self)
        self._state = State()
        self._asked: ImportWanted | None = None
        self._model = model = ModelPage()
        self._pictures = pictures = PicturesPage()
        self._output = output = OutputPage(model.model_name)
        self._pages: tuple[Page, ...] = (model, pictures, output)
        self.rows = {key: row for page in self._pages for key, row in page.rows.items()}
        self.checkpoint, self.adapter, self.name = model.checkpoint, model.adapter, model.name
        self.own, self.images, self.labels = pictures.own, pictures.images, pictures.labels
        self.brightness, self.class_map = pictures.brightness, pictures.class_map
        self.draw, self.count, self.seed = pictures.draw, pictures.count, pictures.seed
        self.sigmas, self.layers, self.out = output.sigmas, output.layers, output.out
        self.summary = output.summary
        self.title = Label()
        self.title.setObjectName("title")
        self.subtitle = muted_label()
        self.pages = QStackedWidget()
        self.where = muted_label()
        self.close_button = QPushButton(tr("Close"))
        self.back = QPushButton(tr("&Back"))
        self.next = QPushButton(tr("&Next"))
        self.next.setObjectName("primary")
        self._build()
        for page in self._pages:
            page.changed.connect(self._refresh)
        self.close_button.clicked.connect(self.close)
        self.back.clicked.connect(lambda: self._go(self.pages.currentIndex() - 1))
        self.next.clicked.connect(self._on_next)
        self._clear()
        self.set_state(self._state)
        theme.dress(self)

    def _build(self) -> None:
        for page in self._pages:
            self.pages.addWidget(page)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.where)
        buttons.addStretch()
        for button in (self.close_button, self.back, self.next):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        self.next.setDefault(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.subtitle)
        column.addSpacing(10)
        column.addWidget(self.pages, 1)
        column.addSpacing(8)
        column.addLayout(buttons)
        self.setMinimumSize(*SIZE)
        self.resize(*SIZE)

    # ---- in -------------------------------------------------------------------------------------

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        opened = state.opened
        return opened.loaded, opened.path, opened.model, state.jobs.running

    def set_state(self, state: State) -> None:
        """Take the adapters there are, where to write, and whether an import runs."""
        self._state = state
        loaded, request = state.opened.loaded, self._asked
        self._model.set_adapters(loaded.adapters.usable if loaded is not None else ())
        open_folder = None if state.opened.is_demo else state.opened.path
        self._output.suggest(open_folder or Path.home() / USUAL_FOLDER)
        if request and (state.opened.path, state.opened.model) == (request.out, request.name):
            if self._still_says(request):  # it was made: the next one starts afresh
                self._clear()
            self._asked = None
        self._refresh()

    def _still_says(self, request: ImportWanted) -> bool:
        try:
            return self.read_fields() == request
        except UsageError:  # what is entered by now is not even complete
            return False

    def take_checkpoint(self, file: Path) -> None:
        """Fill in a checkpoint; what else is entered stays."""
        self.checkpoint.setText(str(file))
        self._go(0)

    def wait(self) -> None:
        """Let a running look at the pictures end."""
        self._pictures.wait()

    def _clear(self) -> None:
        for row in self.rows.values():
            row.touched = False
        self._model.clear()
        self._pictures.clear()
        self._output.clear()
        self._go(0)

    # ---- what is entered ------------------------------------------------------------------------

    def read_fields(self) -> ImportWanted:
        """What is entered; only where nothing is wrong.

        Raises:
            UsageError: a field cannot be read.
        """
        model, output = self._model, self._output
        request = ImportWanted(
            checkpoint=model.path,
            name=model.model_name(),
            adapter=model.adapter.currentData(),
            out=output.path,
            sigmas=output.levels(),
            layers=output.layer_set(),
            told=output.told.currentData(),
        )
        return self._pictures.add_to(request)

    def problems(self) -> dict[str, str]:
        """What is wrong, by field; empty where all can be imported."""
        items = [item for page in self._pages for item in page.problems().items()]
        return {key: problem for key, problem in items if problem}

    # ---- pages ----------------------------------------------------------------------------------

    def _go(self, number: int) -> None:
        self.pages.setCurrentIndex(min(max(number, 0), len(self._pages) - 1))
        self._refresh()
        self._pages[self.pages.currentIndex()].first_field().setFocus()

    def _on_next(self) -> None:
        if self.pages.currentIndex() < len(self._pages) - 1:
            self._go(self.pages.currentIndex() + 1)
            return
        self._asked = self.read_fields()
        self.import_requested.emit(self._asked)
        self.close()

    def _refresh(self) -> None:
        for page in self._pages:
            page.refresh()
        number, problems = self.pages.currentIndex(), self.problems()
        self.title.setText(self._pages[number].title)
        self.subtitle.setText(self._pages[number].subtitle)
        self.where.setText(
            tr("Page {number} of {count}", number=number + 1, count=len(self._pages))
        )
        self._output.summarize(None if problems else self._pictures.forecast())
        self._set_buttons(number, problems)

    def _set_buttons(self, number: int, problems: dict[str, str]) -> None:
        last = number == len(self._pages) - 1
        page_problems = [text for key, text in problems.items() if key in self._pages[number].rows]
        wrong = list(problems.values()) if last else page_problems
        running = any(isinstance(r.job, ImportData) for r in self._state.jobs.running)
        reason = wrong[0] if wrong else ""
        if last and running and not reason:
            reason = tr(
                "An import is running. Cancel it in the status bar, or wait until it is done."
            )
        self.next.setText(tr("&Import") if last else tr("&Next"))
        self.next.setEnabled(not reason)
        usual = tr("Make the data folder") if last else tr("Go to the next page")
        self.next.setToolTip(tip(reason or usual))
        self.back.setEnabled(number > 0)
        self.back.setToolTip(tip("" if number else tr("This is the first page.")))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._pictures.look_soon()  # what lies there may have changed

    def closeEvent(self, event: QCloseEvent) -> None:
        self.wait()
        super().closeEvent(event)
