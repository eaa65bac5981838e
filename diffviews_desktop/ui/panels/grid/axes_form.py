"""What a grid varies: seeds, strengths, steps and layers."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.engine.jobs.drawing import MAX_PICTURES
from diffviews_desktop.state.state import State
from diffviews_desktop.text.numbers import NotANumber, TwoReadings, read_reals
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import caption, muted_label, tip
from diffviews_desktop.ui.common.layer_list import LayerList
from diffviews_desktop.ui.common.widgets import ElidingComboBox, WholeNumber
from diffviews_desktop.values.grid_axes import GridAxes
from diffviews_desktop.values.intervention_texts import phrase_of
from diffviews_desktop.values.interventions import PARTIAL, Intervention, with_picks
from diffviews_desktop.values.setting_specs import STRENGTH


class AxesForm(QWidget):
    """Signal: ``edited()``. An axis that is left empty has the Generate panel's own value."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._acting: tuple[Intervention, ...] = ()
        self.which = ElidingComboBox()
        self.seeds = WholeNumber()
        self.seeds.setRange(1, 1000)
        self.seeds.setValue(4)
        self.strengths = QLineEdit()
        self.strengths.setPlaceholderText(tr("such as 0, 0.25, 0.5, 0.75, 1"))
        self.windows = QLineEdit()
        self.windows.setPlaceholderText(tr("such as 1-3, 4-6, 7-10"))
        self._layers = LayerList()
        self.layers = self._layers.widget
        self.problem = muted_label()
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        self._form = form = QFormLayout()
        for text, field, meaning in (
            (
                tr("&Vary"),
                self.which,
                tr("Which intervention the strengths, steps and layers are of"),
            ),
            (
                tr("&Seeds"),
                self.seeds,
                tr("How many pictures of each kind, with seeds that follow"),
            ),
            (
                tr("S&trengths"),
                self.strengths,
                tr("Strengths such as 0; 0.5; 1: of a mask 0 to 1, of a direction any number"),
            ),
            (tr("Ste&ps"), self.windows, tr("Ranges of steps that it acts on, from 1")),
            (tr("&Layers"), self.layers, tr("It acts on each checked layer by itself")),
        ):
            form.addRow(caption(text, field), field)
            field.setToolTip(tip(meaning))
            field.setAccessibleName(text.replace("&", ""))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(muted_label(tr("What is left empty is as in the Generate panel.")))
        column.addWidget(self.problem)
        self.which.currentIndexChanged.connect(self.edited)
        self.seeds.valueChanged.connect(self.edited)
        self.strengths.textChanged.connect(self.edited)
        self.windows.textChanged.connect(self.edited)
        self.layers.itemChanged.connect(self.edited)

    def set_state(self, state: State) -> None:
        """Show the interventions and the layers of the loaded model."""
        self._show_acting(state)
        self._layers.set_state(state)

    def _show_acting(self, state: State) -> None:
        acting = with_picks(state.runs.interventions, state.picks.selection.rows)
        self._form.setRowVisible(self.which, len(acting) > 1)
        if acting == self._acting:
            return
        grown, self._acting = len(acting) > len(self._acting), acting
        with QSignalBlocker(self.which):
            index = self.which.currentIndex()
            self.which.clear()
            for one in acting:
                self.which.addItem(entry(phrase_of(one, state.runs.settings.num_steps)))
            last = len(acting) - 1
            self.which.setCurrentIndex(last if grown else min(max(index, 0), last))

    def read_fields(self, num_steps: int) -> GridAxes | None:
        """What the fields say; None where one cannot be read, which is said.

        Args:
            num_steps: denoising steps of a run.
        """
        strengths: tuple[float, ...] = ()
        windows: tuple[tuple[int, int], ...] = ()
        problem = ""
        try:
            strengths = _strengths(self.strengths.text(), self._is_share())
            windows = _windows(self.windows.text(), num_steps)
        except ValueError as error:
            problem = str(error)
        axes = GridAxes(
            samples=self.seeds.value(),
            varied=max(0, self.which.currentIndex()),
            strengths=strengths,
            windows=windows,
            mask_layers=self._layers.checked_layers(),
        )
        if not problem and axes.count > MAX_PICTURES:
            problem = trn(
                "That would be {number} picture; a grid has at most {most}.",
                "That would be {number} pictures; a grid has at most {most}.",
                axes.count,
                most=group_digits(MAX_PICTURES),
            )
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        return None if problem else axes

    def _is_share(self) -> bool:
        """Whether the strength of what varies is a share, 0 … 1."""
        index = self.which.currentIndex()
        return index < 0 or self._acting[index].verb in PARTIAL


def _strengths(text: str, is_share: bool) -> tuple[float, ...]:
    """Strengths of what varies.

    Raises:
        ValueError: a sentence for the user.
    """
    try:
        strengths = read_reals(text)
    except TwoReadings:
        raise
    except NotANumber:
        strengths = (math.nan,)
    if not all(map(math.isfinite, strengths)) and not is_share:
        raise ValueError(tr("Strengths are numbers such as -1; 0; 1."))
    if is_share and not all(STRENGTH.minimum <= one <= STRENGTH.maximum for one in strengths):
        raise ValueError(tr("Strengths are numbers from 0 to 1, such as 0; 0.5; 1."))
    return strengths


def _windows(text: str, num_steps: int) -> tuple[tuple[int, int], ...]:
    """``1-3, 4`` as ranges of steps, each the first, from 0, and the one after the last.

    Raises:
        ValueError: a sentence for the user.
    """
    windows = []
    for part in re.sub(r"\s*[-\u2013]\s*", "-", text).replace(",", " ").replace(";", " ").split():
        first, dash, last = part.partition("-")
        numbers = [first, last if dash else first]
        inside = all(
            one.isdecimal() and len(one) < 9 and 1 <= int(one) <= num_steps for one in numbers
        )
        if not inside or int(numbers[0]) > int(numbers[1]):
            raise ValueError(
                tr(
                    "Steps are ranges such as 1-3, from 1 to {most}, separated by commas.",
                    most=num_steps,
                )
            )
        windows.append((int(numbers[0]) - 1, int(numbers[1])))
    return tuple(windows)
