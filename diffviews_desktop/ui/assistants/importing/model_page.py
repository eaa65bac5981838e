"""The first page: the checkpoint, its adapter, and what the model is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QWidget

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.assistants.importing.page import Page, browse_button, is_there, path_of
from diffviews_desktop.ui.common.entries import entry
from diffviews_desktop.ui.common.widgets import ElidingComboBox
from diffviews_desktop.values.import_rules import CHECKPOINT_SUFFIXES

NAME = re.compile(r"[\w][\w .\-]{0,99}")
CHECKPOINTS = tr(
    "Checkpoints ({patterns});;All files (*)", patterns="*" + " *".join(CHECKPOINT_SUFFIXES)
)


class ModelPage(Page):
    """Which model's activations the map will show."""

    title = tr("Which model?")
    subtitle = tr("The checkpoint whose activations the map will show.")

    def __init__(self) -> None:
        super().__init__()
        self._named = False
        self.checkpoint = QLineEdit()
        file = browse_button(
            tr("File…"),
            tr("Choose a checkpoint file"),
            lambda: self.choose_file("checkpoint", tr("Checkpoint"), CHECKPOINTS),
        )
        folder = browse_button(
            tr("Folder…"),
            tr("Choose the folder of a diffusers model"),
            lambda: self.choose_folder("checkpoint", tr("Folder of the model")),
        )
        self.adapter = ElidingComboBox()
        self.adapter.setMinimumWidth(220)
        self.name = QLineEdit()
        self.add_row("checkpoint", tr("&Checkpoint"), self.checkpoint, file, folder)
        self.add_row("adapter", tr("&Adapter"), self.adapter)
        self.add_row("name", tr("Na&me"), self.name)
        self.checkpoint.textChanged.connect(self._suggest_name)
        self.name.textEdited.connect(lambda text: setattr(self, "_named", bool(text)))

    def set_adapters(self, names: Sequence[str]) -> None:
        """List the adapters there are; the one that is chosen stays."""
        if [self.adapter.itemData(i) for i in range(self.adapter.count())] == [None, *names]:
            return
        choice = self.adapter.currentData()
        self.adapter.clear()
        self.adapter.addItem(tr("automatic"), None)
        for name in names:
            self.adapter.addItem(entry(name), name)
        self.adapter.setCurrentIndex(max(0, self.adapter.findData(choice)))

    def clear(self) -> None:
        """Start afresh."""
        self._named = False
        self.checkpoint.clear()
        self.name.clear()

    def model_name(self) -> str:
        """What the model is called."""
        return self.name.text().strip()

    @property
    def path(self) -> Path:
        """Of the checkpoint; only where nothing is wrong."""
        path = path_of(self.checkpoint)
        if path is None:
            raise UsageError(_checkpoint_problem(None))
        return path

    def problems(self) -> dict[str, str]:
        return {
            "checkpoint": _checkpoint_problem(path_of(self.checkpoint)),
            "name": _name_problem(self.model_name()),
        }

    def hints(self) -> dict[str, str]:
        several = self.adapter.count() > 1
        return {
            "checkpoint": tr(
                "A .safetensors, .pt or .pkl file, or the folder of a diffusers model."
            ),
            "adapter": tr("Automatic takes the one that can read the checkpoint.")
            if several
            else tr("The others are listed once a model is loaded."),
            "name": tr("What the model is called in the list, and its folder."),
        }

    def first_field(self) -> QWidget:
        return self.checkpoint

    def _suggest_name(self) -> None:
        path = path_of(self.checkpoint)
        if not self._named:
            stem = path.name.split(".")[0] if path is not None else ""
            self.name.setText(re.sub(r"[^\w .\-]+", "-", stem).strip(" .-"))


def _checkpoint_problem(path: Path | None) -> str:
    if path is None:
        return tr("Choose a checkpoint file or folder.")
    return "" if is_there(path, Path.exists) else tr("There is no such file or folder.")


def _name_problem(name: str) -> str:
    if not name:
        return tr("Give the model a name.")
    if not NAME.fullmatch(name):
        return tr("Use letters, digits, spaces, dots, dashes and underlines only.")
    return ""
