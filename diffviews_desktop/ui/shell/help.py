"""What the Help menu shows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop import paths
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, muted
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.values.noise_levels import EXTRACTED_FROM

INSTALL = "diffviews-desktop adapters install FILE.whl"
FACTS_WIDTH, HIGHEST_FACTS = 480, 460
Rows = Sequence[tuple[str, str]]
GESTURES: tuple[tuple[str, Rows], ...] = (
    (
        "On the map",
        (
            ("Click", "Set the anchor, then add or remove neighbours"),
            ("Double-click", "New anchor"),
            ("Wheel, drag", "Zoom, pan"),
            ("Shift+drag", "Select a rectangle"),
            ("Shift, Alt while selecting", "Add, take away"),
            ("Shift+click, Space", "Select or deselect a sample"),
            ("Right-click", "Show all that you can do with a sample"),
            ("Arrow keys, Enter", "Go to the next sample, pick it"),
        ),
    ),
    ("In 3-D", (("Drag, Shift+drag", "Orbit, pan"), ("Arrow keys, Home", "Orbit, reset"))),
)
_COLUMNS = 3


class KeysWindow(QDialog):
    """Every action's keys, and what mouse and keys do on the map, in groups side by side: a small
    screen is not high enough for all of them below each other.

    Args:
        groups: titles, each with the keys and names of its actions.
        parent: window over which it opens.
    """

    def __init__(self, groups: Sequence[tuple[str, Rows]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        as_panel(self)
        columns = QHBoxLayout()
        columns.setSpacing(28)
        for some in _side_by_side([*groups, *GESTURES]):
            column = QVBoxLayout()
            column.setSpacing(2)
            for title, rows in some:
                column.addWidget(_heading(title))
                column.addLayout(_grid_of(rows))
                column.addSpacing(8)
            column.addStretch()
            columns.addLayout(column)
        _finish(self, columns)


def _side_by_side(groups: Sequence[tuple[str, Rows]]) -> list[list[tuple[str, Rows]]]:
    """Groups in columns of about the same height, in their order."""
    heights = [len(rows) + 2 for _, rows in groups]
    most = sum(heights) / _COLUMNS
    columns: list[list[tuple[str, Rows]]] = [[] for _ in range(_COLUMNS)]
    above = 0.0
    for group, height in zip(groups, heights, strict=True):
        columns[min(_COLUMNS - 1, int((above + height / 2) / most))].append(group)
        above += height
    return columns


def _heading(title: str) -> Label:
    label = muted(title)
    label.setProperty("strong", True)
    return label


def _grid_of(rows: Rows) -> QFormLayout:
    grid = QFormLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(1)
    grid.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for key, what in rows:
        grid.addRow(_strong(key), Label(what))
    return grid


class FactsWindow(QDialog):
    """Facts below each other, each with its name.

    Args:
        title: of the window.
        facts: ``(name, text)`` of each; those without a text are left out.
        parent: window over which it opens.

    Attributes:
        buttons: below the facts, from left to right.
    """

    def __init__(
        self, title: str, facts: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        as_panel(self)
        page = QWidget()
        as_panel(page)
        grid = QFormLayout(page)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for name, text in facts:
            if text:
                label = Label(text)
                label.setWordWrap(True)
                grid.addRow(_strong(name), label)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        column = QVBoxLayout()
        column.addWidget(area)
        self.buttons = _finish(self, column)
        high = page.heightForWidth(FACTS_WIDTH)
        area.setFixedSize(FACTS_WIDTH, min(high, HIGHEST_FACTS))


def _strong(text: str) -> Label:
    label = Label(text)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setProperty("strong", True)
    return label


def _finish(dialog: QDialog, content: QLayout) -> QHBoxLayout:
    """Put a button below the content that closes it, and give both the looks of the window.

    Returns:
        What the button is in.
    """
    close = QPushButton("&Close")
    close.clicked.connect(dialog.close)
    ending = QHBoxLayout()
    ending.addStretch()
    ending.addWidget(close)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(18, 14, 18, 14)
    column.setSpacing(12)
    column.addLayout(content)
    column.addLayout(ending)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    theme.dress(dialog)
    return ending


def model_facts(state: State) -> list[tuple[str, str]]:
    """The loaded model, its device and every adapter; a fact that is not known has no text."""
    loaded = state.opened.loaded
    if loaded is None:
        return [("Model", "No model is loaded yet.")]
    summary = state.opened.summary()
    classes = f"{loaded.num_classes} classes" if loaded.num_classes else "unconditional"
    name = visible(loaded.model, MOST_OF_NAME)
    size = f"{loaded.resolution}×{loaded.resolution} pictures"
    facts = loaded.device_facts
    where = str(facts.get("name") or loaded.device)
    if "memory_total" in facts:
        where += (
            f", {facts['memory_allocated'] / 1e9:.1f} GB used, {facts['memory_free'] / 1e9:.1f} of "
            f"{facts['memory_total'] / 1e9:.1f} GB free"
        )
    return [
        ("Model", f"{name}: {size}, {classes}, {len(loaded.layers)} layers"),
        ("Adapter", state.opened.folder.overrides.adapter or (summary.adapter if summary else "")),
        ("Device", f"{loaded.device} ({where})"),
        ("Guidance", loaded.guidance_note),
        ("Layers", f"extracted from {EXTRACTED_FROM[state.opened.extraction_input]}"),
        *(("Folder", problem) for problem in state.opened.problems),
        *(("Note", note) for note in loaded.notes),
        ("Adapters", ", ".join(loaded.adapters.usable)),
        ("Others' adapters", f"are installed into {paths.adapters_dir()}, by {INSTALL}"),
        *(("Not usable", reason) for _, reason in loaded.adapters.unusable),
    ]
