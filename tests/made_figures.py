"""Maps and films to draw, without a window and without an engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffviews_desktop.exports.contents import Film
from diffviews_desktop.values.figures import FilmStyle, MapShown, PathShown, Ring
from diffviews_desktop.values.quantities import Values

CENTRES = np.array([[0, 0], [10, 0], [0, 10]], np.float32)


def map_of(count: int = 90, **more: Any) -> MapShown:
    """Samples of three classes, each around a place of its own; the first has no place."""
    classes = np.arange(count) % 3
    xy = CENTRES[classes] + np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    xy[0] = np.nan
    values = Values("class", "class", classes, "category", names=("0 zero", "1 $one^", "2 two"))
    return MapShown(
        **{
            "xy": xy,
            "values": values,
            "opacity": np.full(count, 0.8, np.float32),
            "classes": classes.astype(np.int32),
            "class_names": dict(enumerate(values.names)),
            "caption": "Model m, layer midblock.",
            **more,
        }
    )


def path_of(count: int = 4, **more: Any) -> PathShown:
    """A run that goes from one class to another."""
    xy = np.linspace([0.0, 0.0], [10.0, 0.0], count)
    return PathShown("Run 1", xy, np.arange(count) == 0, True, 0, **more)


def ring_of(shown: MapShown, row: int) -> Ring:
    """The ring of an anchor."""
    x, y = shown.xy[row].tolist()
    return Ring((x, y), "anchor")


def film_of(count: int = 4, *, with_map: bool = True, **style: Any) -> Film:
    """A run whose pictures grow brighter."""
    levels = np.linspace(40, 220, count).astype(np.uint8)
    pictures = np.broadcast_to(levels[:, None, None, None], (count, 8, 8, 1))
    return Film(
        pictures=np.ascontiguousarray(pictures),
        titles=[f"step {at + 1}" for at in range(count)],
        style=FilmStyle(side=64, **style),
        map=map_of(paths=[path_of(count)]) if with_map else None,
        record={"kind": "film", "seed": 7},
    )
