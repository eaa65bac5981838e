"""Which masks an experiment has, and what they are compared with."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.labels import caption, muted, tip
from diffviews_desktop.ui.common.widgets import ComboBox, WholeNumber
from diffviews_desktop.values.experiments import CONTROLS, MEANINGS, OF_CLASSES, TITLES, Control

PICKED, ANCHORS = "The picked samples", "Samples of all classes"
"""What the masks are made of: one mask, or many, of which intervals can be told."""


class ExperimentForm(QWidget):
    """Signal: ``edited()``."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unconditional = False
        self.masks = ComboBox()
        self.masks.addItems([ANCHORS, PICKED])
        self.anchors = _number(2, 500, 10)
        self.neighbors = _number(0, 50, 6)
        self.seeds = _number(1, 100, 2)
        form = QFormLayout()
        for text, field, meaning in (
            ("&Masks of", self.masks, "One mask of what is picked, or many: intervals need many"),
            ("&Anchors", self.anchors, "How many masks, drawn evenly from all classes"),
            ("&Neighbours", self.neighbors, "How many of its nearest samples each anchor has"),
            ("&Seeds", self.seeds, "How many pictures each mask and each control draws"),
        ):
            form.addRow(caption(text, field), field)
            field.setToolTip(tip(meaning))
            field.setAccessibleName(text.replace("&", ""))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(muted("Compared with no intervention and:"))
        self.controls: dict[Control, QCheckBox] = {}
        for control in CONTROLS[1:]:
            box = self.controls[control] = QCheckBox(_first_up(TITLES[control]))
            box.setToolTip(tip(_first_up(MEANINGS[control])))
            box.setChecked(True)
            box.toggled.connect(self.edited)
            column.addWidget(box)
        self.masks.currentIndexChanged.connect(self._on_masks)
        for number in (self.anchors, self.neighbors, self.seeds):
            number.valueChanged.connect(self.edited)

    def set_state(self, state: State) -> None:
        """Offer the controls that the model can have."""
        self._unconditional = state.opened.unconditional
        for control in OF_CLASSES:
            self.controls[control].setEnabled(not self._unconditional)

    @property
    def of_picks(self) -> bool:
        """Whether there is one mask, of the picked samples."""
        return self.masks.currentText() == PICKED

    def chosen(self) -> tuple[Control, ...]:
        """The controls to draw."""
        boxes = self.controls.items()
        named = tuple(name for name, box in boxes if box.isChecked() and box.isEnabled())
        return ("none", *named)

    def _on_masks(self) -> None:
        self.anchors.setEnabled(not self.of_picks)
        self.neighbors.setEnabled(not self.of_picks)
        self.edited.emit()


def _number(least: int, most: int, value: int) -> WholeNumber:
    field = WholeNumber()
    field.setRange(least, most)
    field.setValue(value)
    return field


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
