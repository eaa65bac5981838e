"""Finds samples by what is known of them: number, id, class, caption, noise level, any column."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.numbers import NotANumber, read_real
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.quantities.quantity import COLUMN
from diffviews_desktop.values.samples import SampleTable, class_title, rows_with_caption

EVERYWHERE, ID, CLASS, CAPTION, SIGMA = "", "id", "class", "caption", "sigma"
"""Where samples are looked for; else `COLUMN` and the name of a column."""
MOST_LETTERS = 200
"""Of what is looked for."""
_COMPARED = ("<=", ">=", "≤", "≥", "<", ">", "=")

Rows = NDArray[np.int64]
NONE: Rows = np.empty(0, np.int64)


def places_of(samples: SampleTable) -> list[tuple[str, str]]:
    """Where samples can be looked for: ``(where, title)``."""
    places = [
        (EVERYWHERE, tr("everywhere")),
        (ID, tr("id")),
        (CLASS, tr("class")),
        (SIGMA, tr("noise level σ")),
    ]
    if len(samples.captions):
        places.append((CAPTION, tr("caption")))
    return places + [(COLUMN + name, name) for name in samples.columns]


def find_rows(samples: SampleTable, text: str, scope: str = EVERYWHERE) -> Rows:
    """The samples that fit a text, in the order in which they are gone through: first the one whose
    number or whole id it is, then the others as they are in the table.

    Texts fit where they contain it, whatever its case; numbers where they are equal, or where they
    lie in a range: ``> 3``, ``<= 0.5``, ``0.5..2``.

    Args:
        samples: all of them.
        text: what is looked for; of nothing, nothing is found.
        scope: one of `places_of`.
    """
    query = text.strip()
    if not query:
        return NONE
    if scope == EVERYWHERE:
        parts = [_in(samples, query, place) for place, _ in places_of(samples)[1:]]
        return _first(_exactly(samples, query), np.unique(np.concatenate(parts)))
    rows = _in(samples, query, scope)
    return _first(_exactly(samples, query), rows) if scope == ID else rows


def _first(first: Rows, rows: Rows) -> Rows:
    """Some rows before others."""
    return np.concatenate([first, rows[~np.isin(rows, first)]])


def _exactly(samples: SampleTable, text: str) -> Rows:
    """The sample with a number, and those of an id."""
    number = text.removeprefix("#")
    rows = [int(number)] if number.isdecimal() and len(number) < 12 else []
    by_number = np.array([row for row in rows if row < len(samples)], np.int64)
    same = Texts.of(samples.sample_id).same_as(text)
    return np.concatenate([by_number, same[~np.isin(same, by_number)]])


def _in(samples: SampleTable, text: str, scope: str) -> Rows:
    if scope == ID:
        return _having(samples.sample_id, text)
    if scope == CLASS:
        return _of_class(samples, text)
    if scope == SIGMA:
        return _equal(samples.sigma.astype(np.float64), text)
    if scope == CAPTION:
        return _in_captions(samples, text)
    column = samples.columns.get(scope.removeprefix(COLUMN))
    return NONE if column is None else _in_column(column, text)


def _having(texts: Sequence[str], text: str) -> Rows:
    return Texts.of(texts).having(text)


def _of_class(samples: SampleTable, text: str) -> Rows:
    query = text.casefold()
    numbers = [
        number
        for number, name, _ in samples.classes()
        if query == str(number)
        or (not query.lstrip("-").isdecimal() and query in class_title(number, name).casefold())
    ]
    return np.flatnonzero(np.isin(samples.class_label, numbers))


def _in_captions(samples: SampleTable, text: str) -> Rows:
    if not len(samples.captions):
        return NONE
    return (
        _having(samples.captions, text)
        if text.isascii()
        else rows_with_caption(samples.captions, text)
    )


def _in_column(column: Column, text: str) -> Rows:
    if column.kind == "numbers":
        return _equal(column.ramp, text.removesuffix(column.unit) if column.unit else text)
    if column.kind == "dates":
        dates = column.values.astype(str).tolist()
        fits = [text.casefold() in one.replace("T", " ").casefold() for one in dates]
        return np.flatnonzero(np.array(fits, dtype=bool) & column.presence)
    return np.flatnonzero(np.isin(column.values, _having(column.names, text)))


def _equal(values: NDArray[np.float64], text: str) -> Rows:
    """The values in the range that a text says; none where it says none."""
    limits = _limits(text)
    if limits is None:
        return NONE
    low, high, strict = limits
    with np.errstate(invalid="ignore"):
        near = 1e-6 * np.abs(values)  # a float32 has no more digits
        if strict:
            return np.flatnonzero((values > low + near) & (values < high - near))
        return np.flatnonzero((values >= low - near) & (values <= high + near))


def _limits(text: str) -> tuple[float, float, bool] | None:
    """Both ends of a range, and whether they are outside of it."""
    sign = next((one for one in _COMPARED if text.startswith(one)), "")
    first, between, last = text.removeprefix(sign).partition("..")
    try:
        low = read_real(first)
        high = read_real(last) if between else low
    except NotANumber:
        return None
    if sign and between:
        return None
    if sign in ("<", "<=", "≤"):
        low = -math.inf
    elif sign in (">", ">=", "≥"):
        high = math.inf
    return low, high, sign in ("<", ">")
