"""Colours that carry data, as ``#rrggbb``: for the window and for figures."""

from __future__ import annotations

OKABE_ITO = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#c8b400",
)  # fmt: skip
"""Of few categories (Masataka Okabe and Kei Ito, Color Universal Design, without black and its
yellow darker)."""
ANCHOR = "#f0353f"
MANUAL = "#12b5cb"
SUGGESTED = "#2fa84f"
MISSING = "#9097a1"
"""Of samples without a value."""
PATHS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("#8fe3a0", "#0b6b2c", (4, 3)),
    ("#a9cdf7", "#1253a4", (9, 3)),
    ("#fbd09b", "#b05a00", (2, 2)),
    ("#efb3dc", "#8f1f6d", (9, 3, 2, 3)),
    ("#9fe3e6", "#00707a", (6, 2, 2, 2, 2, 2)),
    ("#d8c3b0", "#6b4423", (14, 4)),
)
"""Of runs: colours of the first and the last step, and dashes: runs side by side differ."""


def path_number(run_id: int) -> int:
    """Which of `PATHS` a run has, whatever it is called."""
    return (run_id - 1) % len(PATHS)
