"""Films of a run: each step's picture and, beside it, the map with the path so far."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.exports.contents import Figure, Film
from diffviews_desktop.exports.figure_marks import draw_path
from diffviews_desktop.exports.figures import PAPERS, draw, drawing_settings
from diffviews_desktop.exports.fonts import font
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.figures import FigureStyle

_GAP, _LINE, _TEXT = 16, 26, 14  # pixels
_DPI = 100


def frames(film: Film) -> Iterator[NDArray[np.uint8]]:
    """The frames of a film, one a step, ``(H, W, 3) uint8`` with even sides.

    The pictures are enlarged by a whole factor, without smoothing.
    """
    from PIL import Image, ImageDraw

    paper, ink, _ = PAPERS[film.style.ground]
    letters = font(_TEXT)
    side = side_of(film)
    across = _even(side * (2 if film.map else 1) + _GAP * (3 if film.map else 2))
    down = _even(side + 2 * _GAP + _LINE)
    maps = iter(()) if film.map is None else _maps(film, side)
    for index, pixels in enumerate(film.pictures):
        image = Image.new("RGB", (across, down), paper)
        one = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGB")
        factor = side // max(one.size) or 1
        one = one.resize((one.width * factor, one.height * factor), Image.Resampling.NEAREST)
        left, top = _GAP + (side - one.width) // 2, _GAP + (side - one.height) // 2
        image.paste(one, (left, top))
        frame = next(maps, None)
        if frame is not None:
            image.paste(Image.fromarray(frame), (2 * _GAP + side, _GAP))
        place = (_GAP, _GAP + side + _LINE)
        title = visible(film.titles[index], MOST_OF_NAME)
        ImageDraw.Draw(image).text(place, title, fill=ink, font=letters, anchor="ls")
        yield np.asarray(image)


def side_of(film: Film) -> int:
    """Pixels across and down of the picture in a frame: a whole multiple of its own."""
    longest = max(film.pictures.shape[1:3])
    return int(longest * max(1, -(-film.style.side // longest)))


def _even(number: int) -> int:
    """What the common form of MP4 asks of both sides."""
    return number + number % 2


def _maps(film: Film, side: int) -> Iterator[NDArray[np.uint8]]:
    """The map with one more step of the path each time; its points are drawn once."""
    from dataclasses import replace

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert film.map is not None
    path = film.map.paths[0]
    millimetres = side / _DPI * 25.4
    style = FigureStyle(
        width=min(1000.0, max(20.0, millimetres)),
        height=min(1000.0, max(20.0, millimetres)),
        dpi=_DPI,
        legend=False,
        caption=False,
        scale=False,
        ground=film.style.ground,
    )
    with drawing_settings(style):
        figure = draw(Figure(replace(film.map, paths=()), style))
        figure.set_size_inches(side / _DPI, side / _DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        axes = figure.axes[0]
        points = canvas.copy_from_bbox(figure.bbox)
        for index in range(len(film.pictures)):
            canvas.restore_region(points)
            artists = draw_path(axes, path, PAPERS[film.style.ground][0], index + 1)
            artists += axes.plot(*path.xy[index], "o", markersize=13, mfc="none", mec="#f0353f")
            for artist in sorted(artists, key=lambda one: one.get_zorder()):
                axes.draw_artist(artist)
            for artist in artists:
                artist.remove()
            yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
