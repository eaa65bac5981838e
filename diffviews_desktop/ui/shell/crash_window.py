"""The reports of what went wrong unexpectedly: to read, to copy, to delete."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop import crashes
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import caption, muted_label, tip
from diffviews_desktop.ui.common.text_pane import TextPane
from diffviews_desktop.ui.common.widgets import ComboBox, as_panel, signals_blocked

log = logging.getLogger(__name__)

SIZE = QSize(720, 460)
NONE = tr("There is no report: nothing has gone wrong unexpectedly.")


class CrashWindow(QDialog):
    """Shows what *Copy* copies.

    Args:
        folder: where reports are kept.
        parent: window over which it opens.
    """

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Crash reports"))
        as_panel(self)
        self._folder = folder
        self.which = ComboBox()
        self.which.setAccessibleName(tr("Report"))
        self.note = muted_label(
            tr(
                "A report stays on this computer unless you copy it and pass it on. As it is shown "
                "here, it names places in the program's code and none of your files."
            )
        )
        self.note.setWordWrap(True)
        self.text = TextPane(tr("Report"), code=True)
        self.text.setLineWrapMode(TextPane.LineWrapMode.NoWrap)
        self.names = QCheckBox(tr("With &messages and names of files"))
        self.names.setToolTip(
            tip(tr("Helps to find the cause; look through it before you pass it on"))
        )
        self.copy = QPushButton(tr("&Copy"))
        self.delete = QPushButton(tr("&Delete"))
        self.close_button = QPushButton(tr("Clos&e"))
        self._build()
        self.which.currentIndexChanged.connect(self._show)
        self.names.toggled.connect(self._show)
        self.copy.clicked.connect(self._copy)
        self.delete.clicked.connect(self._delete)
        self.close_button.clicked.connect(self.close)
        self.refresh()
        theme.dress(self)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.addWidget(caption(tr("&Report"), self.which))
        top.addWidget(self.which, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.names)
        buttons.addStretch()
        for button in (self.delete, self.copy, self.close_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.note)
        column.addWidget(self.text, 1)
        column.addLayout(buttons)

    def sizeHint(self) -> QSize:
        return SIZE

    def refresh(self) -> None:
        """List the reports that there are, the newest first."""
        with signals_blocked(self.which):
            self.which.clear()
            for path in crashes.find_reports(self._folder):
                self.which.addItem(path.stem.rpartition("-")[0], path)
        self._show()

    def _show(self) -> None:
        report = self._report()
        self.text.show_text(NONE if report is None else report, crashes.MOST_BYTES)
        for widget in (self.which, self.names, self.copy, self.delete):
            widget.setEnabled(report is not None)

    def _report(self) -> str | None:
        """The chosen report as it is to be copied; None where there is none."""
        path = self.which.currentData()
        if path is None:
            return None
        try:
            text = crashes.read(path)
        except OSError as error:
            log.warning("%s cannot be read: %s", path, error)
            return tr("This report cannot be read.")
        return text if self.names.isChecked() else crashes.without_names(text)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    def _delete(self) -> None:
        crashes.delete([self.which.currentData()])
        self.refresh()
