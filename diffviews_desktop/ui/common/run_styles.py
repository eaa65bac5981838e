"""The colours and dashes by which runs side by side differ, on the map and beside it."""

from __future__ import annotations

from PySide6.QtGui import QColor

from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import colors
from diffviews_desktop.values.palette import PATHS, path_number

STYLES: tuple[tuple[QColor, QColor, list[float]], ...] = tuple(
    (QColor(first), QColor(last), list(dashes)) for first, last, dashes in PATHS
)
"""Colours of the first and of the last step, and dashes."""


def style_number(run: Run) -> int:
    """Which of `STYLES` a run has, whatever it is called."""
    return path_number(run.id)


def style_of(run: Run) -> tuple[QColor, QColor, list[float]]:
    """Colours of a run's first and last step, and its dashes."""
    return STYLES[style_number(run)]


def hue_of(run: Run, *, dark: bool) -> QColor:
    """The colour by which a run is known beside the map, clear on a dark ground, too."""
    start, end, _ = style_of(run)
    return colors.blend(start, end, 0.35) if dark else end
