"""The second page: pictures of one's own with their classes, or how many the model draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QRadioButton, QWidget

from diffviews_desktop.actions.folders import ImportWanted
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import UsageError
from diffviews_desktop.pictures.labels.class_map import EXAMPLE, class_map_of
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.assistants.importing.folder_scan import Findings, FolderScan
from diffviews_desktop.ui.assistants.importing.page import (
    NUMBER_WIDTH,
    Page,
    browse_button,
    is_there,
    path_of,
)
from diffviews_desktop.ui.common.widgets import WholeNumber
from diffviews_desktop.values.brightness import Range
from diffviews_desktop.values.import_rules import (
    PICTURE_SUFFIXES,
    brightness_range,
    is_archive,
    seed_of,
)

TABLES = tr("Tables (*.csv *.tsv *.txt *.json *.jsonl);;All files (*)")
MOST_DRAWN = 100_000
USUALLY_DRAWN = 500


class PicturesPage(Page):
    """Which pictures become samples."""

    title = tr("Which pictures?")
    subtitle = tr("Pictures of your own, or samples that the model draws.")

    def __init__(self) -> None:
        super().__init__()
        self._findings: Findings | None = None
        self._scan = FolderScan(self)
        self._scan.found.connect(self._on_found)
        self.own = QRadioButton(tr("&Pictures of my own"))
        self.draw = QRadioButton(tr("&Let the model draw"))
        self.images, self.labels = QLineEdit(), QLineEdit()
        self.class_map, self.brightness = QLineEdit(), QLineEdit()
        self.class_map.setPlaceholderText(EXAMPLE)
        self.brightness.setPlaceholderText(tr("automatic"))
        self.count, self.seed = WholeNumber(), QLineEdit()
        self.count.setRange(1, MOST_DRAWN)
        for field in (self.count, self.seed, self.brightness):
            field.setFixedWidth(NUMBER_WIDTH)
        folder = browse_button(
            tr("Folder…"),
            tr("Choose a folder of pictures"),
            lambda: self.choose_folder("images", tr("Folder of pictures")),
        )
        file = browse_button(
            tr("File…"),
            tr("Choose a file with the classes of the pictures"),
            lambda: self.choose_file("labels", tr("Class labels"), TABLES),
        )
        map_file = browse_button(
            tr("File…"),
            tr("Choose a file with the class number of each label"),
            lambda: self.choose_file("class_map", tr("Class map"), TABLES),
        )
        self.add_wide(self.own)
        self.add_row("images", tr("&Folder"), self.images, folder)
        self.add_row("labels", tr("&Class labels"), self.labels, file)
        self.add_row("class_map", tr("Class ma&p"), self.class_map, map_file)
        self.add_row("brightness", tr("B&rightness"), self.brightness)
        self.grid.setRowMinimumHeight(self.grid.rowCount(), 6)
        self.add_wide(self.draw)
        self.add_row("count", tr("&Samples"), self.count)
        self.add_row("seed", tr("S&eed"), self.seed)
        for line in (self.images, self.labels):
            line.textChanged.connect(self.look_soon)
        self.own.toggled.connect(self.look_soon)
        self.count.valueChanged.connect(lambda _: self.changed.emit())

    def clear(self) -> None:
        """Start afresh."""
        self.images.clear()
        self.labels.clear()
        self.class_map.clear()
        self.brightness.clear()
        self.own.setChecked(True)
        self.count.setValue(USUALLY_DRAWN)
        self.seed.setText(str(ImportData.seed))

    def forecast(self) -> Findings:
        """How many pictures there will be, and whether there may be more."""
        if self.own.isChecked():
            return self._findings or Findings()
        return Findings(self.count.value())

    # ---- what is entered ------------------------------------------------------------------------

    def add_to(self, request: ImportWanted) -> ImportWanted:
        """What is wanted, with these pictures; only where nothing is wrong."""
        if not self.own.isChecked():
            return replace(request, generate=self.count.value(), seed=seed_of(self.seed.text()))
        return replace(
            request,
            images=path_of(self.images),
            labels=path_of(self.labels),
            class_map=class_map_of(self.class_map.text()),
            brightness=self._brightness(),
        )

    def problems(self) -> dict[str, str]:
        if self.own.isChecked():
            return {
                "images": self._images_problem(),
                "labels": self._labels_problem(),
                "class_map": self._map_problem(),
                "brightness": self._brightness_problem(),
            }
        try:
            seed_of(self.seed.text())
        except UsageError as error:
            return {"seed": str(error)}
        return {}

    def hints(self) -> dict[str, str]:
        return {
            "images": self._describe_count(),
            "labels": tr("Optional: a table of files and classes, or JSON. Else by subfolder."),
            "class_map": self._map_hint(),
            "brightness": self._brightness_hint(),
            "count": tr("Drawn with the model's own settings."),
            "seed": tr("The same seed draws the same samples."),
        }

    def first_field(self) -> QWidget:
        return self.images if self.own.isChecked() else self.draw

    def refresh(self) -> None:
        super().refresh()
        uses_own = self.own.isChecked()
        for key in ("images", "labels", "class_map"):
            self.rows[key].set_enabled(
                uses_own, tr("The model draws: choose pictures of your own above.")
            )
        why_not = (
            tr("No picture holds numbers of more than 8 bits.")
            if uses_own
            else tr("The model draws.")
        )
        self.rows["brightness"].set_enabled(self._has_numbers(), why_not)
        for key in ("count", "seed"):
            self.rows[key].set_enabled(not uses_own, tr("Pictures of your own are used."))

    def _images_problem(self) -> str:
        folder = path_of(self.images)
        if folder is None:
            return tr("Choose a folder of pictures, or let the model draw.")
        archive = is_archive(folder.name) and is_there(folder, Path.is_file)
        if not archive and not is_there(folder, Path.is_dir):
            return tr("There is no such folder.")
        if self._findings is None:
            return tr("Looking for pictures…")
        if not self._findings.pictures and not self._findings.more:
            none = tr(
                "There are no pictures in it or its subfolders ({kinds}).",
                kinds=", ".join(PICTURE_SUFFIXES),
            )
            return f"{none} {self._findings.left_out}".rstrip()
        return ""

    def _labels_problem(self) -> str:
        file = path_of(self.labels)
        if file is None:
            return ""
        if not is_there(file, Path.is_file):
            return tr("There is no such file.")
        return self._findings.labels_problem if self._findings is not None else ""

    def _map_problem(self) -> str:
        try:
            class_map = class_map_of(self.class_map.text())
        except UsageError as error:
            return str(error)
        if isinstance(class_map, Path) and not is_there(class_map, Path.is_file):
            return tr(
                "There is no such file. Write labels and class numbers such as {example}.",
                example=EXAMPLE,
            )
        return ""

    def _map_hint(self) -> str:
        names = self._findings.names if self._findings is not None else ()
        if not names or self.class_map.text().strip():
            return tr("Optional: the class numbers of labels that are names.")
        few = ", ".join(visible(name, 16) for name in names[:2])
        if len(names) <= 2:
            return tr("The classes of {names}, if the model does not know them.", names=few)
        return trn(
            "The classes of {names} and {number} more, if the model does not know them.",
            "The classes of {names} and {number} more, if the model does not know them.",
            len(names) - 2,
            names=few,
        )

    def _has_numbers(self) -> bool:
        """Whether there are pictures of numbers, or may be."""
        findings = self._findings
        if not self.own.isChecked() or findings is None:
            return False
        return (
            bool(findings.numbers) or findings.more or (findings.packed and findings.pictures > 0)
        )

    def _brightness(self) -> tuple[float, float] | None:
        """Black and white that are entered; None to find them."""
        text = self.brightness.text()
        return brightness_range(text) if text.strip() and self._has_numbers() else None

    def _brightness_problem(self) -> str:
        try:
            self._brightness()
        except UsageError as error:
            return str(error)
        return ""

    def _brightness_hint(self) -> str:
        if not self._has_numbers():
            return tr("Black and white in pictures of numbers, such as floating-point TIFFs.")
        assert self._findings is not None
        limits = "" if self._brightness_problem() else self._brightness()
        if limits:
            return tr("In pictures of numbers, {range}.", range=Range(*limits).words)
        return self._findings.numbers or tr(
            "Black and white in pictures of numbers, such as -1, 1."
        )

    def _describe_count(self) -> str:
        findings = self._findings
        if findings is not None and findings.pictures:
            text = (
                trn(
                    "More than {number} picture.", "More than {number} pictures.", findings.pictures
                )
                if findings.more
                else trn("{number} picture.", "{number} pictures.", findings.pictures)
            )
            return f"{text} {findings.left_out}".rstrip()
        if self.own.isChecked() and self.images.text() and findings is None:
            return tr("Looking for pictures…")
        return tr("Looked through with its subfolders.")

    # ---- looking --------------------------------------------------------------------------------

    def look_soon(self, *_: object) -> None:
        """Look into the folder and the labels, which may have changed."""
        self._findings = None
        if self.own.isChecked():
            self._scan.look_soon(path_of(self.images), path_of(self.labels))
        else:
            self._scan.cancel()
        self.changed.emit()

    def wait(self) -> None:
        """Let a running look end."""
        self._scan.wait()

    def _on_found(self, findings: Findings) -> None:
        self._findings = findings
        self.rows["images"].touched |= bool(self.images.text())
        self.changed.emit()
