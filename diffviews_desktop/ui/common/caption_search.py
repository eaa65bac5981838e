"""Finds the samples whose captions hold a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common.entries import menu_text
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import rows_with_caption

MOST_QUOTED = 20  # letters of what was typed that the button repeats


@dataclass(frozen=True, eq=False)
class Found:
    """The samples whose captions hold a text."""

    text: str
    rows: RowSet


class CaptionSearch(QWidget):
    """A button that says how many captions hold a text, and selects their samples.

    It is there while something is searched for among samples with captions.
    Signal: ``rows_chosen(rows)``, a `RowSet`.
    """

    rows_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton()
        self.button.setAccessibleName(tr("Select the samples by their captions"))
        self.button.clicked.connect(self.choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.button)
        self._found: Found | None = None
        self._chosen_when_found = False
        self._finding: Latest[Found] = Latest(self._show, self, name="captions")
        self.hide()

    def search(self, captions: Sequence[str], text: str) -> None:
        """Find a text in captions; the button tells once they are searched."""
        self._found, self._chosen_when_found = None, False
        query = text.strip()
        if not len(captions) or not query:
            self._finding.drop()
            self.hide()
            return
        self.button.setEnabled(False)
        self._finding.ask(partial(_find, captions, query))

    def choose(self) -> None:
        """Select the samples that were found, or will be."""
        if self._found is None:
            self._chosen_when_found = self._finding.awaited
        elif len(self._found.rows):
            self.rows_chosen.emit(self._found.rows)

    def close_threads(self) -> None:
        """End what runs in the other thread."""
        self._finding.close()

    def _show(self, matches: Found) -> None:
        self._found = matches
        count = len(matches.rows)
        quote = menu_text(matches.text, MOST_QUOTED)
        self.button.setText(
            trn(
                "Select {number} sample captioned “{text}”",
                "Select {number} samples captioned “{text}”",
                count,
                text=quote,
            )
            if count
            else tr("No sample captioned “{text}”", text=quote)
        )
        self.button.setEnabled(bool(count))
        with_it = trn(
            "{number} caption with “{text}”",
            "{number} captions with “{text}”",
            count,
            text=matches.text,
        )
        self.button.setToolTip(tip(with_it, tr("Return selects the samples")))
        self.show()
        if self._chosen_when_found:
            self.choose()


def _find(captions: Sequence[str], text: str) -> Found:
    return Found(text, RowSet.ascending(rows_with_caption(captions, text)))
