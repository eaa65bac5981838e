"""Figures below each other, each with what it means in its tooltip."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QWidget

from diffviews_desktop.ui.common.labels import ElidedLabel, Label, tip
from diffviews_desktop.values.map_quality import Fact


class FactTable(QWidget):
    """Shows at most so many facts.

    Args:
        most: how many.
        parent: of the widget.
    """

    def __init__(self, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.titles = [Label() for _ in range(most)]
        self.values = [ElidedLabel(end=True) for _ in range(most)]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (title, value) in enumerate(zip(self.titles, self.values, strict=True)):
            grid.addWidget(title, row, 0)
            grid.addWidget(value, row, 1)
        self.set_facts(())

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show some facts."""
        rows: list[Fact | None] = [*facts, *[None] * (len(self.titles) - len(facts))]
        for title, value, fact in zip(self.titles, self.values, rows, strict=True):
            title.setVisible(fact is not None)
            value.setVisible(fact is not None)
            if fact is not None:
                title.setText(fact.title)
                title.setToolTip(tip(fact.meaning))
                value.set_text(fact.value, fact.meaning)
        self.setVisible(bool(facts))
