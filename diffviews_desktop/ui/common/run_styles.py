"""The colours and dashes by which runs side by side differ, on the map and beside it."""

from __future__ import annotations

from PySide6.QtGui import QColor

from diffviews_desktop.state.runs import Run
from diffviews_desktop.ui.common import colors

STYLES: tuple[tuple[QColor, QColor, list[float]], ...] = (
    (colors.PATH_START, colors.PATH_END, [4, 3]),
    (QColor("#a9cdf7"), QColor("#1253a4"), [9, 3]),
    (QColor("#fbd09b"), QColor("#b05a00"), [2, 2]),
    (QColor("#efb3dc"), QColor("#8f1f6d"), [9, 3, 2, 3]),
    (QColor("#9fe3e6"), QColor("#00707a"), [6, 2, 2, 2, 2, 2]),
    (QColor("#d8c3b0"), QColor("#6b4423"), [14, 4]),
)
"""Colours of the first and of the last step, and dashes."""


def style_number(run: Run) -> int:
    """Which of `STYLES` a run has, whatever it is called."""
    return (run.id - 1) % len(STYLES)


def style_of(run: Run) -> tuple[QColor, QColor, list[float]]:
    """Colours of a run's first and last step, and its dashes."""
    return STYLES[style_number(run)]


def hue_of(run: Run, *, dark: bool) -> QColor:
    """The colour by which a run is known beside the map, clear on a dark ground, too."""
    start, end, _ = style_of(run)
    return colors.blend(start, end, 0.35) if dark else end
