"""The last page: noise levels, layers, and where the data folder is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QWidget

from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.assistants.importing.folder_scan import Findings
from diffviews_desktop.ui.assistants.importing.page import Page, browse_button, path_of
from diffviews_desktop.ui.common.labels import Label
from diffviews_desktop.ui.common.widgets import ComboBox
from diffviews_desktop.values.import_rules import layer_names, noise_levels
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told

TOLD: tuple[tuple[str, Told | None], ...] = (
    (tr("nothing, where the model was trained for it"), None),
    (tr("nothing"), NOTHING),
    (tr("their class or caption"), OWN_CONDITION),
)
"""What samples can be told; the first is the usual choice."""


class OutputPage(Page):
    """What is made of the pictures; ``model_name`` tells what the model's folder is called."""

    title = tr("What to make?")
    subtitle = tr("A data folder that DiffViews opens when it is there.")

    def __init__(self, model_name: Callable[[], str]) -> None:
        super().__init__()
        self._model_name = model_name
        self._suggested = ""
        self.sigmas, self.layers, self.out = QLineEdit(), QLineEdit(), QLineEdit()
        self.layers.setPlaceholderText(tr("the model's default"))
        folder = browse_button(
            tr("Folder…"),
            tr("Choose where to write"),
            lambda: self.choose_folder("out", tr("Data folder to write")),
        )
        self.add_row("sigmas", tr("Noise le&vels σ"), self.sigmas)
        self.add_row("layers", tr("&Layers"), self.layers)
        self.told = ComboBox()
        for text, told in TOLD:
            self.told.addItem(text, told)
        self.add_row("told", tr("Samples are tol&d"), self.told)
        self.add_row("out", tr("Write &to"), self.out, folder)
        self.summary = Label()
        self.summary.setWordWrap(True)
        self.summary.setProperty("strong", True)
        self.add_wide(self.summary)

    def suggest(self, out: Path) -> None:
        """Suggest where to write; another folder that was entered stays."""
        old, self._suggested = self._suggested, str(out)
        if self.out.text() == old:
            self.out.setText(self._suggested)

    def clear(self) -> None:
        """Start afresh, writing to the folder that is suggested."""
        self.layers.clear()
        self.sigmas.setText(", ".join(f"{sigma:g}" for sigma in ImportData.sigmas))
        self.out.setText(self._suggested)
        self.told.setCurrentIndex(0)

    @property
    def path(self) -> Path:
        """Where to write; only where nothing is wrong."""
        path = path_of(self.out)
        if path is None:
            raise UsageError(_out_problem(None, ""))
        return path

    def levels(self) -> tuple[float, ...]:
        """The noise levels."""
        return noise_levels(self.sigmas.text())

    def layer_set(self) -> LayerSet:
        """The layers; none for the model's default."""
        return _layers(self.layers.text())

    def problems(self) -> dict[str, str]:
        return {
            "sigmas": _refusal(noise_levels, self.sigmas.text()),
            "layers": _refusal(_layers, self.layers.text()),
            "out": _out_problem(path_of(self.out), self._model_name()),
        }

    def hints(self) -> dict[str, str]:
        return {
            "sigmas": tr("Every picture becomes one sample at each; separate them with commas."),
            "layers": tr(
                "Of the first map; separate several with commas. Others can be mapped later."
            ),
            "told": tr(
                "Told their own, they may lie together because of the word, not the picture."
            ),
            "out": tr("Models that are there already stay as they are."),
        }

    def first_field(self) -> QWidget:
        return self.sigmas

    def summarize(self, findings: Findings | None) -> None:
        """Say what will be made of the pictures that are expected; None while something is
        wrong."""
        if findings is None:
            self.summary.clear()
            return
        levels = len(self.levels())
        pictures = trn("{number} picture", "{number} pictures", findings.pictures)
        at = trn("{number} noise level", "{number} noise levels", levels)
        samples = trn("{number} sample", "{number} samples", findings.pictures * levels)
        values = {"pictures": pictures, "levels": at, "samples": samples}
        folder = self.path / self._model_name()
        self.summary.setText(
            tr("{pictures} at {levels}: at least {samples} in {folder}", **values, folder=folder)
            if findings.more
            else tr("{pictures} at {levels}: {samples} in {folder}", **values, folder=folder)
        )


def _layers(text: str) -> LayerSet:
    """Layers that are entered; none for the model's default."""
    return layer_names(text) if text.strip() else NO_LAYERS


def _refusal(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except UsageError as error:
        return str(error)
    return ""


def _out_problem(out: Path | None, name: str) -> str:
    if out is None:
        return tr("Choose a folder to write to.")
    try:
        ancestor = next((folder for folder in (out, *out.parents) if folder.exists()), None)
        if ancestor is None:
            return tr("There is no such folder.")
        if not ancestor.is_dir():
            return tr("{path} is a file, not a folder.", path=ancestor)
        if not os.access(ancestor, os.W_OK):
            return tr("Nothing can be written to {folder}.", folder=ancestor)
        if name and (out / name).exists():
            return tr(
                "It has a model called {name} already. Choose another name or folder.", name=name
            )
    except (OSError, ValueError):
        return tr("This is no name of a folder.")
    return ""
