"""Figures of a map for papers and slides, drawn by matplotlib: in the engine's processes alone."""

from __future__ import annotations

import json
import os
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop import __version__, paths
from diffviews_desktop.exports.coloring import Colored, color
from diffviews_desktop.exports.contents import Figure, Record
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.figure_marks import draw_marks, handles_of
from diffviews_desktop.exports.figure_names import write_names
from diffviews_desktop.exports.png import KEY
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import FigureStyle, Ground, MapShown

if TYPE_CHECKING:  # it takes a second to import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.legend import Legend

MOST_CIRCLES = 50_000
"""Of more points a drawing holds a picture: programs for drawings would choke on them."""
MOST_ENTRIES, MOST_COLUMNS = 40, 3
"""Of a legend."""
PAPERS: dict[Ground, tuple[str, str, str]] = {
    "light": ("#ffffff", "#282828", "#c8ccd2"),
    "dark": ("#16181d", "#e6e8eb", "#454b55"),
}
"""Background, ink and faint lines."""
_POINT_PER_ROOT = 150.0  # points of 1/72 inch
_SMALLEST, _LARGEST = 0.6, 6.0
_COVERED, _FAINTEST = 0.9, 0.06
_SHADES = 16
_MARGIN = 0.02


@contextmanager
def drawing_settings(style: FigureStyle) -> Iterator[None]:
    """Matplotlib as it is by itself, whatever the user's or the folder's settings of it are."""
    os.environ.setdefault("MPLCONFIGDIR", str(paths.cache_dir() / "matplotlib"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as a letter that the font has not
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(
                {
                    "font.size": style.letters,
                    "svg.fonttype": "none",
                    "pdf.fonttype": 42,
                    "text.parse_math": False,
                    "legend.frameon": False,
                }
            )
            yield


def draw(content: Figure) -> Canvas:
    """A figure of a map, within `drawing_settings`."""
    from matplotlib.figure import Figure as Canvas

    style, view = content.style, content.map
    paper, ink, faint = PAPERS[style.ground]
    across, down = style.pixels  # whole ones, which an image would round down
    figure = Canvas(figsize=(across / style.dpi, down / style.dpi), dpi=style.dpi)
    figure.set_facecolor(paper)
    bottom = _write_caption(figure, view.caption, style, ink) if style.caption else _MARGIN
    colors = color(view, style.ground)
    axes = figure.add_axes((_MARGIN, bottom, 1 - 2 * _MARGIN, 1 - _MARGIN - bottom))
    _frame(axes, view, paper, faint)
    draw_points(axes, view, colors, style)
    draw_marks(axes, view, paper)
    if style.legend:
        _explain(figure, axes, view, colors, style)
    _show_part(axes, view)
    if style.scale:
        _draw_scale(axes, ink, style)
    if style.names:
        write_names(axes, view, style.letters, ink, paper)
    return figure


def _frame(axes: Axes, view: MapShown, paper: str, faint: str) -> None:
    axes.set_facecolor(paper)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(faint)
        spine.set_linewidth(0.6)


def _show_part(axes: Axes, view: MapShown) -> None:
    """The part that is to be seen, and more of it where the figure has another shape."""
    places = view.xy[np.isfinite(view.xy).all(axis=1)]
    part = view.part
    if part is None:
        low, high = (places.min(axis=0), places.max(axis=0)) if len(places) else (-np.ones(2),) * 2
        room = np.maximum((high - low) * 0.04, 1e-6)
        part = (*(low - room).tolist(), *(high + room).tolist())
    assert part is not None
    left, bottom, right, top = part
    box = axes.get_window_extent()
    across, down = max(right - left, 1e-9), max(top - bottom, 1e-9)
    unit = max(across / box.width, down / box.height)
    x, y = (left + right) / 2, (bottom + top) / 2
    axes.set_xlim(x - unit * box.width / 2, x + unit * box.width / 2)
    axes.set_ylim(y - unit * box.height / 2, y + unit * box.height / 2)


def draw_points(axes: Axes, view: MapShown, colors: Colored, style: FigureStyle) -> None:
    """The samples, in a random order that is always the same, so that no class lies on top."""
    rows = np.flatnonzero(np.isfinite(view.xy).all(axis=1))
    rows = np.random.default_rng(0).permutation(rows)
    if not len(rows):
        return
    grown = _POINT_PER_ROOT * min(style.width, style.height) / 100 / np.sqrt(len(rows))
    diameter = float(np.clip(grown, _SMALLEST, _LARGEST))
    area = style.width * style.height * (72 / 25.4) ** 2
    thin = min(1.0, max(_FAINTEST, _COVERED * area / (len(rows) * diameter**2)))
    opacity = view.opacity[rows] if len(view.opacity) else np.full(len(rows), 0.7)
    shades = np.ceil(np.clip(opacity * thin, 0, 1) * _SHADES) / _SHADES  # few, for PDF
    axes.scatter(
        view.xy[rows, 0],
        view.xy[rows, 1],
        s=diameter**2,
        c=np.column_stack([colors.rgb[rows], shades]),
        linewidths=0,
        rasterized=len(rows) > MOST_CIRCLES,
        zorder=2,
    )


def _write_caption(figure: Canvas, text: str, style: FigureStyle, ink: str) -> float:
    """Write a caption at the foot; returns how much of the height is taken."""
    size = style.letters * 0.85
    letters = max(20, int(style.width / 25.4 * 72 * (1 - 2 * _MARGIN) / (size * 0.52)))
    lines = textwrap.wrap(visible(text), letters) or [""]
    figure.text(
        _MARGIN, _MARGIN, "\n".join(lines), fontsize=size, color=ink, alpha=0.8, va="bottom"
    )
    height = style.height / 25.4 * 72
    return min(0.5, _MARGIN * 2 + len(lines) * size * 1.25 / height)


def _explain(
    figure: Canvas, axes: Axes, view: MapShown, colors: Colored, style: FigureStyle
) -> None:
    """Beside the map, what colours and marks mean; the map gives way."""
    ink = PAPERS[style.ground][1]
    place = axes.get_position()
    handles = [*_swatches(colors), *handles_of(view)]
    share = 0.0
    if handles:
        high = place.height * figure.bbox.height
        high -= 0.0 if colors.ramp is None else 0.45 * figure.bbox.height
        title = None if colors.ramp is not None else _short(view.values.name)
        legend = _legend(figure, handles, title, ink, high)
        share = legend.get_window_extent().width / figure.bbox.width
    if colors.ramp is not None:
        share = max(share, 0.06 + _ramp_width(colors, view, style))
    right = max(0.35, 1 - share - 2.5 * _MARGIN)
    axes.set_position((place.x0, place.y0, right - place.x0, place.height))
    if colors.ramp is not None:
        _draw_ramp(figure, view, colors, (right, place.y0), style)


def _legend(figure: Canvas, handles: list[Any], title: str | None, ink: str, high: float) -> Legend:
    """A legend in the upper right corner, in as many columns as its height asks for."""
    for columns in range(1, len(handles) + 1):
        legend = figure.legend(
            handles=handles,
            loc="upper right",
            bbox_to_anchor=(1 - _MARGIN, 1 - _MARGIN),
            borderaxespad=0,
            handlelength=1.6,
            labelspacing=0.4,
            ncols=columns,
            title=title,
            alignment="left",
            labelcolor=ink,
        )
        legend.get_title().set_color(ink)
        if legend.get_window_extent().height <= high or columns == MOST_COLUMNS:
            break
        legend.remove()
    return legend


def _swatches(colors: Colored) -> list[Any]:
    from matplotlib.lines import Line2D

    def dot(name: str, rgb: Any) -> Line2D:
        return Line2D([], [], linestyle="", marker="o", markersize=4, color=rgb, label=name)

    swatches = [dot(_short(name), rgb) for name, rgb in colors.entries[:MOST_ENTRIES]]
    more = len(colors.entries) - MOST_ENTRIES
    return [*swatches, dot(f"and {more:,} more", "none")] if more > 0 else swatches


def _short(name: str) -> str:
    name = visible(name, MOST_OF_NAME)
    return textwrap.shorten(name, 26, placeholder="…") or name[:26]


def _ramp_width(colors: Colored, view: MapShown, style: FigureStyle) -> float:
    """How much of the width the ramp's texts take."""
    letters = max(*map(len, colors.ends), len(_short(view.values.name)))
    return letters * style.letters * 0.56 / (style.width / 25.4 * 72)


def _draw_ramp(
    figure: Canvas,
    view: MapShown,
    colors: Colored,
    corner: tuple[float, float],
    style: FigureStyle,
) -> None:
    assert colors.ramp is not None
    _, ink, faint = PAPERS[style.ground]
    left, bottom = corner[0] + _MARGIN, corner[1]
    line = style.letters * 1.9 / (style.height / 25.4 * 72)
    height = min(0.4, 0.6 * (1 - bottom))
    bar = figure.add_axes((left, bottom, 0.025, height - line))
    bar.imshow(colors.ramp[::-1, None], aspect="auto", extent=(0, 1, 0, 1))
    bar.set_xticks([])
    bar.set_yticks([0, 1], labels=list(colors.ends))
    bar.yaxis.tick_right()
    bar.tick_params(length=0, colors=ink, pad=2)
    lower, upper = bar.get_yticklabels()
    lower.set_verticalalignment("bottom")
    upper.set_verticalalignment("top")
    for spine in bar.spines.values():
        spine.set_color(faint)
    figure.text(left, bottom + height, _short(view.values.name), color=ink, va="top")


def _draw_scale(axes: Axes, ink: str, style: FigureStyle) -> None:
    """A bar in the lower left corner, as long as a round number of the map's units."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    target = (right - left) / 5
    power = 10.0 ** np.floor(np.log10(max(target, 1e-12)))
    length = max(step for step in (1, 2, 5, 10) if step * power <= target * 1.0001) * power
    x, y = left + (right - left) * 0.03, bottom + (top - bottom) * 0.03
    axes.plot([x, x + length], [y, y], color=ink, linewidth=1.5, solid_capstyle="butt", zorder=40)
    axes.annotate(
        f"{length:g} map units",
        (x, y),
        xytext=(0, style.letters * 0.35),
        textcoords="offset points",
        color=ink,
        fontsize=style.letters * 0.9,
        zorder=40,
    )


# ---- formats ------------------------------------------------------------------------------------


def pixels_of(content: Figure, *, side: int | None = None) -> NDArray[np.uint8]:
    """A figure as a picture ``(H, W, 3) uint8``; its longer side has ``side`` pixels, if given."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with drawing_settings(content.style):
        figure = draw(content)
        if side is not None:
            figure.set_dpi(side / max(figure.get_size_inches()))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _describe(record: Record | None) -> str:
    return "" if record is None else json.dumps(dict(record), sort_keys=True)


def _metadata(kind: str, record: Record | None) -> dict[str, Any]:
    """The record as each format has room for it."""
    creator, text = f"DiffViews {__version__}", _describe(record)
    if kind == "png":
        return {"Software": creator, **({KEY: text} if text else {})}
    if kind == "svg":
        return {"Creator": creator, "Date": None, "Description": text or None}
    return {"Creator": creator, "CreationDate": None, "Subject": "DiffViews map", "Keywords": text}


def _write(kind: str, content: Figure, file: IO[bytes], progress: Progress) -> None:
    progress(0.0)
    with drawing_settings(content.style):
        import matplotlib

        matplotlib.rcParams["svg.hashsalt"] = "diffviews"  # the same names whenever it is written
        figure = draw(content)
        progress(0.5)
        figure.savefig(
            file,
            format=kind,
            dpi=content.style.dpi,
            facecolor=figure.get_facecolor(),
            metadata=_metadata(kind, content.record),
        )


FIGURES = tuple(
    Exporter(name, (suffix,), Figure, partial(_write, suffix[1:]), holds_record=True)
    for name, suffix in (("PDF", ".pdf"), ("SVG", ".svg"), ("PNG", ".png"))
)
