"""What reads the pictures of an experiment."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.ui.common.widgets import ComboBox, signals_blocked
from diffviews_desktop.values.experiments import NO_JUDGE, OWN_LOSS, USUAL_JUDGE

_ASK = ""
_KINDS = tr("Judges (*.onnx *.safetensors)")


class JudgeChoice(ComboBox):
    """The usual judge, the model's own loss, none, or the classifier in a file that is asked for.
    Its current data are as `diffviews_desktop.values.experiments.Experiment.judge`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for text, judge, meaning in (
            (
                tr("the usual one"),
                USUAL_JUDGE,
                tr("That of the demo's digits, else none"),
            ),
            (
                tr("the model's own loss"),
                OWN_LOSS,
                tr(
                    "The class with which the model predicts the noise best; it is not independent "
                    "of what it judges"
                ),
            ),
            (tr("none"), NO_JUDGE, tr("Pictures are compared by their likeness to samples alone")),
            (
                tr("a file…"),
                _ASK,
                tr("A classifier: .onnx, or one that was trained here"),
            ),
        ):
            self.addItem(text, judge)
            self.setItemData(self.count() - 1, tip(meaning), Qt.ItemDataRole.ToolTipRole)
        self._last = 0
        self.activated.connect(self._on_activated)

    def _on_activated(self, at: int) -> None:
        if self.itemData(at) != _ASK:
            self._last = at
            return
        with signals_blocked(self):
            self.setCurrentIndex(self._last)
        file, _ = QFileDialog.getOpenFileName(self, tr("Choose a judge"), "", _KINDS)
        if file:
            self.take_file(Path(file))

    def take_file(self, file: Path) -> None:
        """Have the classifier in a file read the pictures."""
        at = self.findData(str(file))
        if at < 0:
            at = self.count() - 1
            self.insertItem(at, entry(file.name), str(file))
            self.setItemData(at, tip(str(file)), Qt.ItemDataRole.ToolTipRole)
        self._last = at
        self.setCurrentIndex(at)
