"""What the samples of a map are told: a choice of what the model takes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.widgets import ComboBox, signals_blocked
from diffviews_desktop.values.conditions import ClassLabel, Prompt, UniformLabel
from diffviews_desktop.values.told import BOTH, NOTHING, OWN_CONDITION, Told, told_words

MOST_ROWS = 16
NO_PROMPT = tr("Enter the prompt that all samples are told, or choose the empty prompt.")
_PROMPT = "prompt"


class ToldChoice(QWidget):
    """A list of what can be told, and below it a field for a prompt where one is to be entered.

    Signals: ``edited()``.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = ComboBox()
        self.list.setMaxVisibleItems(MOST_ROWS)
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText(tr("the prompt that all samples are told"))
        self.prompt.setAccessibleName(tr("Prompt that all samples are told"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.list)
        column.addWidget(self.prompt)
        self.setFocusProxy(self.list)
        self._offered: object = None
        self._show_prompt()
        self.list.currentIndexChanged.connect(self._on_change)
        self.prompt.textChanged.connect(self.edited)

    def value(self) -> Told | str | None:
        """A `Told`; ``both``; or None where nothing can be told."""
        value: Told | str | None = self.list.currentData()
        return Prompt(self.prompt.text().strip()) if value == _PROMPT else value

    def why_not(self) -> str:
        """Why what is chosen cannot be told; empty where it can."""
        value = self.value()
        return NO_PROMPT if isinstance(value, Prompt) and not value.text else ""

    def offer(self, state: State) -> None:
        """List what the model's samples can be told; what is chosen stays where it is there."""
        opened, loaded = state.opened, state.opened.loaded
        classes: tuple[tuple[int, str], ...] = ()
        if loaded is not None and loaded.told is not None:
            names = dict(opened.class_names())
            classes = tuple((at, names.get(at, "")) for at in range(loaded.num_classes))
        options = loaded is None or loaded.told is None, opened.takes_prompts, classes
        if options == self._offered:
            return
        self._offered = options
        with signals_blocked(self.list, self.prompt):
            old = self.value()
            self.list.clear()
            self._fill(*options)
            self.choose(old)

    def _fill(self, untold: bool, prompts: bool, classes: tuple[tuple[int, str], ...]) -> None:
        if untold:
            self.list.addItem(tr("as the map on screen"), None)
            return
        for told in (NOTHING, OWN_CONDITION):
            self.list.addItem(told_words(told, prompts), told)
        both = tr(
            "both: {nothing}, and beside it {own}",
            nothing=told_words(NOTHING, prompts),
            own=told_words(OWN_CONDITION, prompts),
        )
        self.list.addItem(both, BOTH)
        if prompts:
            self.list.addItem(tr("one prompt…"), _PROMPT)
        if classes:
            self.list.addItem(told_words(UniformLabel(), prompts), UniformLabel())
        for number, name in classes:
            one = ClassLabel(number, name)
            self.list.addItem(entry(told_words(one, prompts)), one)

    def choose(self, told: Told | str | None) -> None:
        """Choose what is to be told: the first of the list where it is not in it."""
        with signals_blocked(self.list, self.prompt):
            at = [self.list.itemData(row) for row in range(self.list.count())]
            key = _PROMPT if isinstance(told, Prompt) else told
            self.list.setCurrentIndex(at.index(key) if key in at else 0)
            if isinstance(told, Prompt):
                self.prompt.setText(told.text)
        self._show_prompt()

    def _on_change(self) -> None:
        self._show_prompt()
        if not self.prompt.isHidden():
            self.prompt.setFocus()
        self.edited.emit()

    def _show_prompt(self) -> None:
        self.prompt.setVisible(self.list.currentData() == _PROMPT)
