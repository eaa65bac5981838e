"""Draw the figures that ``evaluate.py layers`` or ``evaluate.py strength`` wrote as a PNG.

    python packaging/demo/plot.py packaging/demo/logs/strength.json packaging/demo/strength.png

Needs matplotlib, which ``mlxtend`` brings along.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#1f6f8b", "#d1495b", "#6a994e", "#7b5ea7")
INK, QUIET, LINES = "#22272e", "#6b7280", "#e5e7eb"
DPI = 150
WIDTH_PX = 900
CHANCE = 10


def plot(figures: dict[str, Any], file: Path) -> None:
    """Write the drawing, 900 pixels wide."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {
            "font.size": 8,
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 9,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
    if "schedule" in figures:
        figure, (left, right) = pyplot.subplots(
            1, 2, figsize=(WIDTH_PX / DPI, 2.9), width_ratios=(1, 1.35), layout="constrained"
        )
        _strengths(left, figures)
        _windows(right, figures)
    else:
        height = 0.6 + 0.19 * len(figures["layers"])
        figure, axes = pyplot.subplots(figsize=(WIDTH_PX / DPI, height), layout="constrained")
        _layers(axes, figures)
    figure.savefig(file, dpi=DPI, facecolor="white")
    pyplot.close(figure)


def _percent(found: dict[str, Any]) -> float:
    return 100 * found["read_as_wanted"]


def _chance(axes: Axes, horizontal: bool = True) -> None:
    line = axes.axhline if horizontal else axes.axvline
    line(CHANCE, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)


def _strengths(axes: Axes, figures: dict[str, Any]) -> None:
    """How often the digit is read, by how much of the mask is imposed."""
    axes.grid(axis="y", color=LINES, linewidth=0.8)
    axes.set_axisbelow(True)
    _chance(axes)
    for color, (layer, found) in zip(COLORS, figures["layers"].items(), strict=False):
        points = found["by_strength"]
        axes.plot(
            [point["strength"] for point in points],
            [_percent(point) for point in points],
            color=color,
            marker="o",
            markersize=4,
            linewidth=1.8,
            label=layer,
            clip_on=False,
            zorder=3,
        )
    axes.set(title="All steps, by strength", xlabel="strength of the mask", ylim=(0, 100))
    axes.set_xlim(-0.03, 1.03)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    axes.set_ylabel("read as the imposed digit, %")
    axes.text(1.0, CHANCE + 2, "chance", color=QUIET, ha="right", va="bottom", fontsize=7)
    axes.legend(frameon=False, loc="upper left", fontsize=7, handlelength=1.4)


def _windows(axes: Axes, figures: dict[str, Any]) -> None:
    """The same, by which steps of the run the whole mask acts on."""
    layers = figures["layers"]
    first = next(iter(layers.values()))["by_window"]
    sigmas = figures["schedule"]
    axes.grid(axis="y", color=LINES, linewidth=0.8)
    axes.set_axisbelow(True)
    _chance(axes)
    width = 0.8 / len(layers)
    for turn, (color, found) in enumerate(zip(COLORS, layers.values(), strict=False)):
        offset = (turn - (len(layers) - 1) / 2) * width
        axes.bar(
            [place + offset for place in range(len(first))],
            [_percent(window) for window in found["by_window"]],
            0.9 * width,
            color=color,
            zorder=2,
        )
    axes.set_xticks(range(len(first)), [_window_name(window, sigmas) for window in first])
    axes.tick_params(axis="x", length=0, labelsize=6.5)
    axes.tick_params(axis="y", labelleft=False, length=0)
    axes.spines["left"].set_visible(False)
    axes.set(title="Strength 1, by the steps that it acts on", ylim=(0, 100))
    axes.set_xlabel(f"part of the {len(sigmas)} steps, and its noise levels σ")


def _window_name(window: dict[str, Any], sigmas: list[float]) -> str:
    start, end = window["steps"]
    part = window["name"].replace(" ", "\n", 1)
    high, low = (f"{s:.2g}" if s >= 1 else f"{s:.1g}" for s in (sigmas[start], sigmas[end - 1]))
    return f"{part}\n{high}–{low}"


def _layers(axes: Axes, figures: dict[str, Any]) -> None:
    """How often the digit is read, layer by layer in the order they run."""
    axes.grid(axis="x", color=LINES, linewidth=0.8)
    axes.set_axisbelow(True)
    _chance(axes, horizontal=False)
    names, rates = [], []
    for layer, found in figures["layers"].items():
        names.append(f"{layer}  {'×'.join(map(str, found['shape']))}")
        rates.append(_percent(found))
    axes.barh(range(len(names)), rates, 0.7, color=COLORS[0], zorder=2)
    for place, value in enumerate(rates):
        axes.text(value + 1, place, f"{value:.0f}", va="center", fontsize=7, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.spines["left"].set_visible(False)
    axes.invert_yaxis()
    axes.set(xlim=(0, 105), ylim=(len(names) - 0.4, -0.6))
    axes.set_xlabel("read as the imposed digit, % (dashed: chance)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="the JSON file")
    parser.add_argument("out", type=Path, help="the PNG")
    args = parser.parse_args()
    plot(json.loads(args.figures.read_text(encoding="utf-8")), args.out)


if __name__ == "__main__":
    main()
