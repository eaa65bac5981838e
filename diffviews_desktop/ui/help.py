"""What the Help menu shows."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop import __version__
from diffviews_desktop.state import State
from diffviews_desktop.ui import theme
from diffviews_desktop.ui.widgets import as_panel

ABOUT = (
    f"<b>DiffViews {__version__}</b><br>See a diffusion model's activations as a map, "
    "pick a region, and make the model say that.<br><br>The demo's digits are MNIST "
    "(Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0) and the UCI handwritten digits "
    "(E. Alpaydin, C. Kaynak; CC BY 4.0)."
)
GESTURES = (
    ("click", "set the anchor, then add or remove neighbours"),
    ("double click", "new anchor"),
    ("wheel, drag", "zoom, pan"),
    ("Shift+drag", "select a rectangle"),
    ("Shift, Alt while selecting", "add, take away"),
    ("Shift+click, Space", "select one sample or not"),
    ("right click", "all that a sample offers"),
    ("arrow keys, Enter on the map", "next sample, pick it"),
    ("3-D: drag, Shift+drag", "orbit, pan"),
    ("3-D: arrow keys, Home", "orbit, reset"),
)


class KeysWindow(QDialog):
    """Every action's key, and what mouse and keys do on the map, side by side: a small screen is
    not high enough for all of them below each other.

    Args:
        actions: those that have a key.
        parent: window over which it opens.
    """

    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard and mouse")
        as_panel(self)
        keys = [(one.shortcut().toString(), one.text().replace("&", "")) for one in actions]
        rows = [*keys, *GESTURES]
        half = (len(rows) + 1) // 2
        columns = QHBoxLayout()
        columns.setSpacing(36)
        for some in (rows[:half], rows[half:]):
            grid = QFormLayout()
            grid.setHorizontalSpacing(16)
            grid.setVerticalSpacing(2)
            grid.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
            for key, what in some:
                label = QLabel(key)
                label.setProperty("strong", True)
                grid.addRow(label, QLabel(what))
            columns.addLayout(grid)
        close = QPushButton("&Close")
        close.clicked.connect(self.close)
        ending = QHBoxLayout()
        ending.addStretch()
        ending.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(12)
        column.addLayout(columns)
        column.addLayout(ending)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme.dress(self)


def model_text(state: State) -> str:
    """The loaded model, its device and every adapter, as rich text."""
    loaded = state.loaded
    if loaded is None:
        return "No model is loaded yet."
    summary = state.summary()
    classes = f"{loaded.num_classes} classes" if loaded.num_classes else "unconditional"
    size = f"{loaded.resolution}×{loaded.resolution} pictures"
    facts = loaded.device_facts
    where = str(facts.get("name") or loaded.device)
    if "memory_total" in facts:
        where += (
            f", {facts['memory_allocated'] / 1e9:.1f} GB used, {facts['memory_free'] / 1e9:.1f} of "
            f"{facts['memory_total'] / 1e9:.1f} GB free"
        )
    rows = [
        ("Model", f"{loaded.model}: {size}, {classes}, {len(loaded.layers)} layers"),
        ("Adapter", state.source.adapter or (summary.adapter if summary else "")),
        ("Device", f"{loaded.device} ({where})"),
        ("Guidance", loaded.guidance_note),
        *(("Note", note) for note in loaded.notes),
        ("Adapters", ", ".join(loaded.adapters.usable)),
        *(("Not usable", reason) for _, reason in loaded.adapters.unusable),
    ]
    cells = "".join(
        f"<tr><td><b>{name}</b></td><td style='padding-left: 12px'>{html.escape(text)}</td></tr>"
        for name, text in rows
        if text
    )
    return f"<table cellspacing='6'>{cells}</table>"
