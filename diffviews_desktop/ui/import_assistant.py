"""Pictures in, a data folder out: asks what `ImportData` needs, page by page."""

from __future__ import annotations

import csv
import math
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.processing.parameters import MAX_SEED
from diffviews_desktop.state import State
from diffviews_desktop.ui.widgets import as_panel, muted
from diffviews_desktop.worker.jobs import ImportData

SIZE = (660, 440)
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MOST_COUNTED = 100_000
LONGEST_LOOK = 10.0  # seconds
LOOK_AFTER = 250  # milliseconds without a key
MOST_DRAWN = 100_000
NAME = re.compile(r"[\w][\w .\-]{0,99}")
LAYER = re.compile(r"[\w.\-/]+")
PAGES = (
    ("Which model?", "The checkpoint whose activations the map will show."),
    ("Which pictures?", "Pictures of your own, or samples that the model draws."),
    ("What to make?", "A data folder that DiffViews opens when it is there."),
)
CHECKPOINT_HINT = "A .safetensors, .pt or .pkl file, or the folder of a diffusers model."
LABELS_HINT = "Optional: a CSV with the columns file and class. Else subfolders are classes."


@dataclass(frozen=True)
class Findings:
    """What was found in a folder of pictures and a file of labels."""

    pictures: int = 0
    more: bool = False
    labels_problem: str = ""


class _Row:
    """A labelled field with a sentence below it: a hint, or what is wrong."""

    def __init__(self, grid: QGridLayout, text: str, field: QWidget, *beside: QWidget) -> None:
        self.field = field
        self.touched = False
        self.label = QLabel(text)
        self.label.setBuddy(field)
        self.sentence = muted()
        self.sentence.setWordWrap(True)
        field.setAccessibleName(text.replace("&", ""))
        row = grid.rowCount()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(field, 1 if isinstance(field, QLineEdit) else 0)
        for widget in beside:
            line.addWidget(widget)
        if not isinstance(field, QLineEdit):
            line.addStretch()
        grid.addWidget(self.label, row, 0)
        grid.addLayout(line, row, 1)
        grid.addWidget(self.sentence, row + 1, 1)
        grid.setRowMinimumHeight(row + 1, 26)
        self._beside = beside

    def show(self, problem: str, hint: str) -> None:
        """Show what is wrong once somebody was here, else the hint."""
        wrong = bool(problem) and self.touched
        self.sentence.setText(problem if wrong else hint)
        self.field.setAccessibleDescription(self.sentence.text())
        for widget in (self.sentence, self.field):
            if bool(widget.property("problem")) != wrong:
                widget.setProperty("problem", wrong)
                widget.style().unpolish(widget)
                widget.style().polish(widget)

    def set_enabled(self, enabled: bool, why_not: str) -> None:
        """Whether it can be used; the tooltip says why not."""
        for widget in (self.label, self.field, *self._beside):
            widget.setEnabled(enabled)
            widget.setToolTip("" if enabled else why_not)


class ImportAssistant(QDialog):
    """Signal: ``import_requested(arguments)``, a dict: those of `operations.import_data`.

    What was entered stays until it was imported.
    """

    import_requested = Signal(dict)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import pictures")
        as_panel(self)
        self._state = State()
        self._asked: dict[str, object] | None = None
        self._named = False
        self._scanner = _Scanner(self)
        self._findings: Findings | None = None
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(LOOK_AFTER)
        self._delay.timeout.connect(self._look)
        self._scanner.found.connect(self._on_found)
        self.title = QLabel()
        self.title.setObjectName("title")
        self.subtitle = muted()
        self.pages = QStackedWidget()
        self.rows: dict[str, _Row] = {}
        self.pages.addWidget(self._model_page())
        self.pages.addWidget(self._pictures_page())
        self.pages.addWidget(self._output_page())
        self.where = muted()
        self.close_button = QPushButton("Close")
        self.back = QPushButton("&Back")
        self.next = QPushButton("&Next")
        self.next.setObjectName("primary")
        self._build()
        self._connect()
        self._clear()

    # ---- building -------------------------------------------------------------------------------

    def _model_page(self) -> QWidget:
        page, grid = _page()
        self.checkpoint = QLineEdit()
        file = _browse("File…", "Choose a checkpoint file", self._choose_checkpoint)
        folder = _browse(
            "Folder…",
            "Choose the folder of a diffusers model",
            lambda: self._choose_folder(self.checkpoint, "Folder of the model"),
        )
        self.adapter = QComboBox()
        self.adapter.setMinimumWidth(220)
        self.name = QLineEdit()
        self.rows["checkpoint"] = _Row(grid, "&Checkpoint", self.checkpoint, file, folder)
        self.rows["adapter"] = _Row(grid, "&Adapter", self.adapter)
        self.rows["name"] = _Row(grid, "Na&me", self.name)
        return page

    def _pictures_page(self) -> QWidget:
        page, grid = _page()
        self.own = QRadioButton("&Pictures of my own")
        self.draw = QRadioButton("&Let the model draw")
        self.images, self.labels = QLineEdit(), QLineEdit()
        self.count, self.seed = QSpinBox(), QDoubleSpinBox()
        self.count.setRange(1, MOST_DRAWN)
        self.seed.setDecimals(0)
        self.seed.setRange(0, MAX_SEED)
        for spin in (self.count, self.seed):
            spin.setFixedWidth(130)
        folder = _browse(
            "Folder…",
            "Choose a folder of pictures",
            lambda: self._choose_folder(self.images, "Folder of pictures"),
        )
        file = _browse("File…", "Choose a CSV with the classes", self._choose_labels)
        grid.addWidget(self.own, grid.rowCount(), 0, 1, 2)
        self.rows["images"] = _Row(grid, "&Folder", self.images, folder)
        self.rows["labels"] = _Row(grid, "&Class labels", self.labels, file)
        grid.setRowMinimumHeight(grid.rowCount(), 6)
        grid.addWidget(self.draw, grid.rowCount(), 0, 1, 2)
        self.rows["count"] = _Row(grid, "&Samples", self.count)
        self.rows["seed"] = _Row(grid, "S&eed", self.seed)
        return page

    def _output_page(self) -> QWidget:
        page, grid = _page()
        self.sigmas, self.layers, self.out = QLineEdit(), QLineEdit(), QLineEdit()
        self.layers.setPlaceholderText("the model's default")
        folder = _browse(
            "Folder…",
            "Choose where to write",
            lambda: self._choose_folder(self.out, "Data folder to write"),
        )
        self.rows["sigmas"] = _Row(grid, "Noise le&vels σ", self.sigmas)
        self.rows["layers"] = _Row(grid, "&Layers", self.layers)
        self.rows["out"] = _Row(grid, "Write &to", self.out, folder)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setProperty("strong", True)
        grid.addWidget(self.summary, grid.rowCount(), 0, 1, 2)
        return page

    def _build(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.where)
        buttons.addStretch()
        for button in (self.close_button, self.back, self.next):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        self.next.setDefault(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addWidget(self.subtitle)
        column.addSpacing(10)
        column.addWidget(self.pages, 1)
        column.addSpacing(8)
        column.addLayout(buttons)
        self.setMinimumSize(*SIZE)
        self.resize(*SIZE)

    def _connect(self) -> None:
        lines = ("checkpoint", "name", "images", "labels", "sigmas", "layers", "out")
        for key in lines:
            line = self.rows[key].field
            assert isinstance(line, QLineEdit)
            line.textEdited.connect(lambda _, key=key: self._touch(key))
            line.textChanged.connect(self._refresh)
        self.checkpoint.textChanged.connect(self._suggest_name)
        self.name.textEdited.connect(lambda text: setattr(self, "_named", bool(text)))
        for line in (self.images, self.labels):
            line.textChanged.connect(self._look_soon)
        self.own.toggled.connect(self._look_soon)
        self.own.toggled.connect(self._refresh)
        for spin in (self.count, self.seed):
            spin.valueChanged.connect(self._refresh)
        self.close_button.clicked.connect(self.close)
        self.back.clicked.connect(lambda: self._go(self.pages.currentIndex() - 1))
        self.next.clicked.connect(self._on_next)

    # ---- in -------------------------------------------------------------------------------------

    def set_state(self, state: State) -> None:
        """Take the adapters there are, where to write, and whether an import runs."""
        self._state = state
        known = state.loaded.adapters.usable if state.loaded is not None else ()
        listed = ["automatic", *known]
        if [self.adapter.itemText(i) for i in range(self.adapter.count())] != listed:
            chosen = self.adapter.currentText()
            self.adapter.clear()
            self.adapter.addItem("automatic", None)
            for name in known:
                self.adapter.addItem(name, name)
            self.adapter.setCurrentIndex(max(0, self.adapter.findText(chosen)))
        asked = self._asked
        if asked and (state.path, state.model) == (asked["out"], asked["name"]):
            if self.arguments() == asked:  # it was made: the next one starts afresh
                self._clear()
            self._asked = None
        self._refresh()

    def wait(self) -> None:
        """Let a running look end."""
        self._delay.stop()
        self._scanner.stop()

    def _clear(self) -> None:
        for row in self.rows.values():
            row.touched = False
        self._named = False
        for line in (self.checkpoint, self.name, self.images, self.labels, self.layers):
            line.clear()
        self.own.setChecked(True)
        self.count.setValue(500)
        self.seed.setValue(ImportData.seed)
        self.sigmas.setText(", ".join(f"{sigma:g}" for sigma in ImportData.sigmas))
        path = None if self._state.is_demo else self._state.path
        self.out.setText(str(path or Path.home() / "DiffViews data"))
        self._go(0)

    # ---- what is entered ------------------------------------------------------------------------

    def arguments(self) -> dict[str, object]:
        """The arguments of `operations.import_data`; only where nothing is wrong."""
        own = self.own.isChecked()
        return {
            "checkpoint": _path(self.checkpoint),
            "out": _path(self.out),
            "name": self.name.text().strip(),
            "adapter": self.adapter.currentData(),
            "images": _path(self.images) if own else None,
            "labels": _path(self.labels) if own else None,
            "generate": 0 if own else self.count.value(),
            "sigmas": tuple(_numbers(self.sigmas.text()) or ()),
            "layers": tuple(_words(self.layers.text())),
            "seed": int(self.seed.value()),
        }

    def problems(self) -> dict[str, str]:
        """What is wrong, by field; empty where all can be imported."""
        own = self.own.isChecked()
        found = {
            "checkpoint": _checkpoint_problem(_path(self.checkpoint)),
            "name": _name_problem(self.name.text().strip()),
            "images": self._images_problem() if own else "",
            "labels": self._labels_problem() if own else "",
            "sigmas": _sigmas_problem(self.sigmas.text()),
            "layers": _layers_problem(self.layers.text()),
            "out": _out_problem(_path(self.out), self.name.text().strip()),
        }
        return {key: problem for key, problem in found.items() if problem}

    def _images_problem(self) -> str:
        folder = _path(self.images)
        if folder is None:
            return "Choose a folder of pictures, or let the model draw."
        if not _exists(folder, Path.is_dir):
            return "There is no such folder."
        if self._findings is None:
            return "Looking for pictures…"
        if not self._findings.pictures:
            return f"There are no pictures in it or its subfolders ({', '.join(PICTURES)})."
        return ""

    def _labels_problem(self) -> str:
        file = _path(self.labels)
        if file is None:
            return ""
        if not _exists(file, Path.is_file):
            return "There is no such file."
        return self._findings.labels_problem if self._findings is not None else ""

    def _touch(self, key: str) -> None:
        self.rows[key].touched = True
        self._refresh()

    def _suggest_name(self) -> None:
        path = _path(self.checkpoint)
        if not self._named:
            stem = path.name.split(".")[0] if path is not None else ""
            self.name.setText(re.sub(r"[^\w .\-]+", "-", stem).strip(" .-"))

    # ---- looking at the pictures ----------------------------------------------------------------

    def _look_soon(self, *_: object) -> None:
        self._findings = None
        self._scanner.cancel()
        self._delay.start()
        self._refresh()

    def _look(self) -> None:
        if self.own.isChecked():
            self._scanner.look(_path(self.images), _path(self.labels))

    def _on_found(self, findings: Findings) -> None:
        self._findings = findings
        self.rows["images"].touched |= bool(self.images.text())
        self._refresh()

    # ---- pages ----------------------------------------------------------------------------------

    def _go(self, page: int) -> None:
        self.pages.setCurrentIndex(min(max(page, 0), len(PAGES) - 1))
        self._refresh()
        first = (self.checkpoint, self.images if self.own.isChecked() else self.draw, self.sigmas)
        first[self.pages.currentIndex()].setFocus()

    def _on_next(self) -> None:
        if self.pages.currentIndex() < len(PAGES) - 1:
            self._go(self.pages.currentIndex() + 1)
            return
        self._asked = self.arguments()
        self.import_requested.emit(self._asked)
        self.close()

    def _refresh(self, *_: object) -> None:
        page = self.pages.currentIndex()
        self.title.setText(PAGES[page][0])
        self.subtitle.setText(PAGES[page][1])
        self.where.setText(f"Page {page + 1} of {len(PAGES)}")
        problems, hints = self.problems(), self._hints()
        for key, row in self.rows.items():
            row.show(problems.get(key, ""), hints.get(key, ""))
        own = self.own.isChecked()
        for key in ("images", "labels"):
            self.rows[key].set_enabled(own, "The model draws: choose pictures of your own above.")
        for key in ("count", "seed"):
            self.rows[key].set_enabled(not own, "Pictures of your own are used.")
        self.summary.setText("" if problems else self._summary())
        self._set_buttons(page, problems)

    def _set_buttons(self, page: int, problems: dict[str, str]) -> None:
        last = page == len(PAGES) - 1
        shown = self.pages.widget(page)
        assert shown is not None
        here = [p for key, p in problems.items() if shown.isAncestorOf(self.rows[key].field)]
        wrong = list(problems.values()) if last else here
        running = any(isinstance(r.job, ImportData) for r in self._state.jobs)
        why = wrong[0] if wrong else ""
        if last and running and not why:
            why = "An import is running. Cancel it in the status bar, or wait until it is done."
        self.next.setText("&Import" if last else "&Next")
        self.next.setEnabled(not why)
        self.next.setToolTip(why or ("Make the data folder" if last else "Go to the next page"))
        self.back.setEnabled(page > 0)
        self.back.setToolTip("" if page else "This is the first page.")

    def _hints(self) -> dict[str, str]:
        looked = self._findings
        counted = "Looked through with its subfolders."
        if looked is not None and looked.pictures:
            counted = f"{'More than ' if looked.more else ''}{_count(looked.pictures, 'picture')}."
        elif self.own.isChecked() and self.images.text() and looked is None:
            counted = "Looking for pictures…"
        listed = self.adapter.count() > 1
        return {
            "checkpoint": CHECKPOINT_HINT,
            "adapter": "Automatic takes the one that can read the checkpoint."
            if listed
            else "The others are listed once a model is loaded.",
            "name": "What the model is called in the list, and its folder.",
            "images": counted,
            "labels": LABELS_HINT,
            "count": "Drawn with the model's own settings.",
            "seed": "The same seed draws the same samples.",
            "sigmas": "Every picture becomes one sample at each; separate them with commas.",
            "layers": "Of the first map; separate several with commas. Others can be mapped later.",
            "out": "Models that are there already stay as they are.",
        }

    def _summary(self) -> str:
        made = self.arguments()
        looked = self._findings
        pictures = looked.pictures if self.own.isChecked() and looked else self.count.value()
        levels = len(_numbers(self.sigmas.text()) or ())
        more = "at least " if self.own.isChecked() and looked and looked.more else ""
        samples = _count(pictures * levels, "sample")
        out = Path(str(made["out"])) / str(made["name"])
        return (
            f"{_count(pictures, 'picture')} at {_count(levels, 'noise level')}: {more}{samples} "
            f"in {out}"
        )

    # ---- choosing -------------------------------------------------------------------------------

    def _choose_checkpoint(self) -> None:
        kinds = "Checkpoints (*.safetensors *.pt *.pth *.pkl *.ckpt *.bin);;All files (*)"
        self._choose_file(self.checkpoint, "Checkpoint", kinds)

    def _choose_labels(self) -> None:
        self._choose_file(self.labels, "Class labels", "Tables (*.csv);;All files (*)")

    def _choose_file(self, line: QLineEdit, title: str, kinds: str) -> None:
        file, _ = QFileDialog.getOpenFileName(self, title, _start(line), kinds)
        self._take(line, file)

    def _choose_folder(self, line: QLineEdit, title: str) -> None:
        self._take(line, QFileDialog.getExistingDirectory(self, title, _start(line)))

    def _take(self, line: QLineEdit, chosen: str) -> None:
        if chosen:
            next(row for row in self.rows.values() if row.field is line).touched = True
            line.setText(chosen)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_soon()  # what lies there may have changed

    def closeEvent(self, event: QCloseEvent) -> None:
        self.wait()
        super().closeEvent(event)


class _Scanner(QObject):
    """Counts pictures on a thread, one look at a time."""

    found = Signal(object)
    _ended = Signal(object, object)  # from the pool's thread: the look, its findings

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._stop = threading.Event()
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)

    def look(self, folder: Path | None, labels: Path | None) -> None:
        """Look at a folder and a file; an earlier look is dropped."""
        self.cancel()
        self._stop = threading.Event()
        self._pool.start(_Look(self, folder, labels, self._stop))

    def cancel(self) -> None:
        """Drop the running look."""
        self._stop.set()

    def stop(self) -> None:
        """Drop it and wait until it has ended."""
        self.cancel()
        self._pool.clear()
        self._pool.waitForDone()

    def _on_ended(self, stop: threading.Event, findings: Findings) -> None:
        if not stop.is_set():
            self.found.emit(findings)


class _Look(QRunnable):
    def __init__(
        self, scanner: _Scanner, folder: Path | None, labels: Path | None, stop: threading.Event
    ) -> None:
        super().__init__()
        self._scanner, self._folder, self._labels, self._stop = scanner, folder, labels, stop

    def run(self) -> None:
        pictures, more = _count_pictures(self._folder, self._stop.is_set)
        problem = _labels_problem(self._labels)
        if not self._stop.is_set():
            self._scanner._ended.emit(self._stop, Findings(pictures, more, problem))


def _count_pictures(folder: Path | None, stopped: Callable[[], bool]) -> tuple[int, bool]:
    """How many pictures a folder holds, and whether there may be more."""
    count, until = 0, time.monotonic() + LONGEST_LOOK
    for _, _, names in os.walk(folder) if folder is not None else ():
        count += sum(name.lower().endswith(PICTURES) for name in names)
        if count > MOST_COUNTED or time.monotonic() > until or stopped():
            return min(count, MOST_COUNTED), True
    return count, False


def _labels_problem(file: Path | None) -> str:
    if file is None or not file.is_file():
        return ""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            header = [name.strip() for name in next(csv.reader(opened), [])]
    except (OSError, ValueError, csv.Error):
        return "It cannot be read as a CSV file."
    missing = [name for name in ("file", "class") if name not in header]
    return f"Its first line names no column {' and no '.join(missing)}." if missing else ""


def _checkpoint_problem(path: Path | None) -> str:
    if path is None:
        return "Choose a checkpoint file or folder."
    return "" if _exists(path, Path.exists) else "There is no such file or folder."


def _name_problem(name: str) -> str:
    if not name:
        return "Give the model a name."
    if not NAME.fullmatch(name):
        return "Use letters, digits, spaces, dots, dashes and underlines only."
    return ""


def _sigmas_problem(text: str) -> str:
    numbers = _numbers(text)
    if not numbers:
        return "Enter noise levels above 0, such as 0.5, 2, 10."
    return "" if len(set(numbers)) == len(numbers) else "A noise level stands there twice."


def _layers_problem(text: str) -> str:
    names = _words(text)
    if not all(LAYER.fullmatch(name) for name in names):
        return "Separate names of layers with commas, such as encoder_bottleneck, midblock."
    return "" if len(set(names)) == len(names) else "A layer stands there twice."


def _out_problem(out: Path | None, name: str) -> str:
    if out is None:
        return "Choose a folder to write to."
    try:
        there = next(folder for folder in (out, *out.parents) if folder.exists())
        if not there.is_dir():
            return f"{there} is a file, not a folder."
        if not os.access(there, os.W_OK):
            return f"Nothing can be written to {there}."
        if name and (out / name).exists():
            return f"It has a model called {name} already. Choose another name or folder."
    except (OSError, ValueError):
        return "This is no name of a folder."
    return ""


def _numbers(text: str) -> list[float] | None:
    """Positive numbers; None where one is none."""
    try:
        numbers = [float(word) for word in _words(text)]
    except ValueError:
        return None
    return numbers if all(0 < number < math.inf for number in numbers) else None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;+]+", text) if word]


def _path(line: QLineEdit) -> Path | None:
    text = line.text().strip()
    if not text:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # no such user
        return Path(text).absolute()


def _exists(path: Path, check: Callable[[Path], bool]) -> bool:
    try:
        return check(path)
    except (OSError, ValueError):
        return False


def _start(line: QLineEdit) -> str:
    path = _path(line)
    return str(path if path is not None else Path.home())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _page() -> tuple[QWidget, QGridLayout]:
    page = QWidget()
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, 110)
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.addLayout(grid)
    column.addStretch()
    return page, grid


def _browse(text: str, what: str, choose: Callable[[], None]) -> QAbstractButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setAccessibleName(what)
    button.clicked.connect(lambda *_: choose())
    return button
