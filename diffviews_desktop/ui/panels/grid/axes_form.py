"""What a grid varies: seeds, strengths, steps and layers."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLineEdit,
    QListWidgetItem,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.engine.jobs.drawing import MAX_PICTURES
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import name_list, short
from diffviews_desktop.ui.common.labels import caption, muted, tip
from diffviews_desktop.ui.common.widgets import with_margin
from diffviews_desktop.values.setting_specs import STRENGTH


class AxesForm(QWidget):
    """Signal: ``edited()``. An axis that is left empty has the Generate panel's own value."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self.seeds = QSpinBox()
        with_margin(self.seeds)
        self.seeds.setRange(1, 1000)
        self.seeds.setValue(4)
        self.strengths = QLineEdit()
        self.strengths.setPlaceholderText("such as 0, 0.25, 0.5, 0.75, 1")
        self.windows = QLineEdit()
        self.windows.setPlaceholderText("such as 1-3, 4-6, 7-10")
        self.layers = name_list()
        self.problem = muted()
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        form = QFormLayout()
        for text, field, meaning in (
            ("&Seeds", self.seeds, "How many pictures of each kind, with seeds that follow"),
            ("S&trengths", self.strengths, "Strengths of the mask, 0 to 1, separated by commas"),
            ("Ste&ps", self.windows, "Ranges of steps that the mask acts on, from 1"),
            ("&Layers", self.layers, "Each checked layer is imposed by itself"),
        ):
            form.addRow(caption(text, field), field)
            field.setToolTip(tip(meaning))
            field.setAccessibleName(text.replace("&", ""))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(muted("What is left empty is as in the Generate panel."))
        column.addWidget(self.problem)
        self.seeds.valueChanged.connect(self.edited)
        self.strengths.textChanged.connect(self.edited)
        self.windows.textChanged.connect(self.edited)
        self.layers.itemChanged.connect(self.edited)

    def set_state(self, state: State) -> None:
        """Show the layers of the loaded model."""
        names = (
            tuple(info.name for info in state.opened.loaded.layers) if state.opened.loaded else ()
        )
        if names == self._names:
            return
        self._names = names
        with QSignalBlocker(self.layers):
            self.layers.clear()
            for name in names:
                item = QListWidgetItem(short(name))
                item.setData(Qt.ItemDataRole.UserRole, name)
                item.setToolTip(tip(name))
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.layers.addItem(item)

    def axes(self, num_steps: int) -> dict[str, object] | None:
        """The axes as `GenerateGrid` takes them; None where a field cannot be read, which is said.

        Args:
            num_steps: denoising steps of a run.
        """
        strengths = _parsed(self.strengths.text(), _strength)
        windows = _parsed(self.windows.text(), lambda text: _window(text, num_steps))
        problem = ""
        if strengths is None:
            problem = "Strengths are numbers from 0 to 1, separated by commas."
        elif windows is None:
            problem = f"Steps are ranges such as 1-3, from 1 to {num_steps}, separated by commas."
        items = (self.layers.item(row) for row in range(self.layers.count()))
        layers = tuple(
            (str(item.data(Qt.ItemDataRole.UserRole)),)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        )
        count = self.seeds.value() * max(1, len(strengths or ())) * max(1, len(windows or ()))
        count *= max(1, len(layers))
        if not problem and count > MAX_PICTURES:
            problem = f"That would be {count:,} pictures; a grid has at most {MAX_PICTURES:,}."
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        if problem:
            return None
        return {
            "samples": self.seeds.value(),
            "strengths": strengths,
            "windows": windows,
            "mask_layers": layers,
        }


def _parsed(text: str, parse: object) -> tuple | None:
    """The parts of a list, or None where one cannot be read."""
    assert callable(parse)
    try:
        return tuple(parse(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        return None


def _strength(text: str) -> float:
    value = float(text)
    if not STRENGTH.minimum <= value <= STRENGTH.maximum:
        raise ValueError(text)
    return value


def _window(text: str, num_steps: int) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    start, end = int(first), int(last) if dash else int(first)
    if not 1 <= start <= end <= num_steps:
        raise ValueError(text)
    return start - 1, end
