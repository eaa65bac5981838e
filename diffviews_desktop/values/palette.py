"""Colours that carry data, as ``#rrggbb``: for the window and for figures."""

from __future__ import annotations

from colorsys import hls_to_rgb

OKABE_ITO = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#c8b400",
)  # fmt: skip
"""Of few categories (Masataka Okabe and Kei Ito, Color Universal Design, without black and its
yellow darker)."""
DIVERGING = (
    "#3a90fe", "#7ca6fc", "#a8bef9", "#cdd6f5", "#ededec", "#e2d6b9", "#d1bd84", "#bda64f",
    "#a89008",
)  # fmt: skip
"""From low to high by way of grey: CET-CBD1 (Peter Kovesi), sampled at nine places."""
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


def category_colors(count: int, *, dark: bool) -> list[str]:
    """One colour a category: of a few those that every kind of colour vision tells apart."""
    if count <= len(OKABE_ITO):
        return list(OKABE_ITO[:count])
    light = 0.72 if dark else 0.45
    golden = 0.618034  # neighbours in the list lie far apart on the wheel
    colors = (
        hls_to_rgb((i * golden) % 1.0, light - 0.12 * (i % 3), 0.55 + 0.3 * (i % 2))
        for i in range(count)
    )
    return ["#" + "".join(f"{round(255 * part):02x}" for part in color) for color in colors]


def path_number(run_id: int) -> int:
    """Which of `PATHS` a run has, whatever it is called."""
    return (run_id - 1) % len(PATHS)
