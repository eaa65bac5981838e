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
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.labels import Label, muted_label
from diffviews_desktop.ui.common.widgets import as_panel
from diffviews_desktop.values.noise_levels import EXTRACTED_FROM

INSTALL = "diffviews-desktop adapters install FILE.whl"
FACTS_WIDTH, HIGHEST_FACTS = 480, 460
Rows = Sequence[tuple[str, str]]
GESTURES: tuple[tuple[str, Rows], ...] = (
    (
        tr("On the map"),
        (
            (tr("Click"), tr("Set the anchor, then add or remove neighbours")),
            (tr("Double-click"), tr("New anchor")),
            (tr("Wheel, drag"), tr("Zoom, pan")),
            (tr("Shift+drag"), tr("Select a rectangle")),
            (tr("Shift, Alt while selecting"), tr("Add, take away")),
            (tr("Shift+click, Space"), tr("Select or deselect a sample")),
            (tr("Right-click"), tr("Show all that you can do with a sample")),
            (tr("Arrow keys, Enter"), tr("Go to the next sample, pick it")),
        ),
    ),
    (
        tr("In 3-D"),
        ((tr("Drag, Shift+drag"), tr("Orbit, pan")), (tr("Arrow keys, Home"), tr("Orbit, reset"))),
    ),
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
        self.setWindowTitle(tr("Keyboard and mouse"))
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
    label = muted_label(title)
    label.setProperty("strong", True)
    return label


def _grid_of(rows: Rows) -> QFormLayout:
    grid = QFormLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(1)
    grid.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for key, text in rows:
        grid.addRow(_strong(key), Label(text))
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
    close = QPushButton(tr("&Close"))
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
        return [(tr("Model"), tr("No model is loaded yet."))]
    summary = state.opened.summary()
    classes = (
        tr("{number} classes", number=loaded.num_classes)
        if loaded.num_classes
        else tr("unconditional")
    )
    name = visible(loaded.model, MOST_OF_NAME)
    size = tr("{resolution}×{resolution} pictures", resolution=loaded.resolution)
    facts = loaded.device_facts
    device = str(facts.get("name") or loaded.device)
    if "memory_total" in facts:
        device += tr(
            ", {used:.1f} GB used, {free:.1f} of {total:.1f} GB free",
            used=facts["memory_allocated"] / 1000000000.0,
            free=facts["memory_free"] / 1000000000.0,
            total=facts["memory_total"] / 1000000000.0,
        )
    return [
        (
            tr("Model"),
            tr(
                "{name}: {size}, {classes}, {number} layers",
                name=name,
                size=size,
                classes=classes,
                number=len(loaded.layers),
            ),
        ),
        (
            tr("Adapter"),
            state.opened.folder.overrides.adapter or (summary.adapter if summary else ""),
        ),
        (tr("Device"), f"{loaded.device} ({device})"),
        (tr("Guidance"), loaded.guidance_note),
        (
            tr("Layers"),
            tr(
                "extracted from {extracted_from}",
                extracted_from=tr(EXTRACTED_FROM[state.opened.extraction_input]),
            ),
        ),
        *((tr("Folder"), problem) for problem in state.opened.problems),
        *((tr("Note"), note) for note in loaded.notes),
        (tr("Adapters"), ", ".join(loaded.adapters.usable)),
        (
            tr("Others' adapters"),
            tr(
                "are installed into {adapters_dir}, by {install}",
                adapters_dir=paths.adapters_dir(),
                install=INSTALL,
            ),
        ),
        *((tr("Not usable"), reason) for _, reason in loaded.adapters.unusable),
    ]
