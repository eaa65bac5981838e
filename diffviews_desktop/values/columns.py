"""Columns of the table of samples: what a data folder says of each sample besides what the program
knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.plain import MOST_OF_NAME, csv_cell, visible
from diffviews_desktop.text.translation import group_digits, tr
from diffviews_desktop.values.packed_strings import Texts

ColumnKind = Literal["numbers", "dates", "categories", "texts"]
_WHOLE = re.compile(r"-?[0-9]+")
MOST_CATEGORIES = 200
"""Colours tell as many categories apart at most."""


@dataclass(frozen=True, eq=False)
class Column:
    """A value of each sample, as it was read.

    Attributes:
        values: ``(N,)``: whole numbers as int64; other numbers as float64, NaN where there is none;
            dates as datetime64, NaT where there is none; or, where there are ``names``, the
            position of the sample's own among them, -1 where it has none.
        names: the different texts, those of few whole numbers included; empty for numbers and
            dates.
        missing: the samples whose whole number is none, ``(N,) bool``; None where all have one.
        unit: what follows each number or date: ``%``, or ``Z`` for dates in UTC.
        note: what else to know of it, as a phrase.
    """

    values: NDArray
    names: Sequence[str] = ()
    missing: NDArray[np.bool_] | None = None
    unit: str = ""
    note: str = ""

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: many names as `Texts`, and what takes a moment to find."""
        state = {one.name: getattr(self, one.name) for one in fields(self)}
        if len(self.names) > MOST_CATEGORIES:
            state["names"] = Texts.of(self.names)
        return state | {"unfit": self.unfit}

    @property
    def kind(self) -> ColumnKind:
        """What its values are."""
        if len(self.names):
            return "categories" if len(self.names) <= MOST_CATEGORIES else "texts"
        return "dates" if self.values.dtype.kind == "M" else "numbers"

    @cached_property
    def presence(self) -> NDArray[np.bool_]:
        """The samples that have a value, ``(N,)``."""
        if self.missing is not None:
            return ~self.missing
        if len(self.names):
            mask: NDArray[np.bool_] = self.values >= 0
            return mask
        return np.isfinite(self.values)

    @cached_property
    def unfit(self) -> str:
        """Why colours cannot tell it, as a phrase; empty where they can."""
        if self.kind == "texts":
            return tr(
                "it has {number} different texts, and colours tell at most {most_categories} apart",
                number=group_digits(len(self.names)),
                most_categories=MOST_CATEGORIES,
            ) + (f"; {self.note}" if self.note else "")
        values = self.values[self.presence]
        if not len(values):
            return tr("it has no values")
        if values.min() < values.max():
            return ""
        if self.kind == "categories" and len(values) < len(self.values):
            return ""  # those that have it and those that do not
        text = visible(self.text_of(int(np.argmax(self.presence))), MOST_OF_NAME)
        return tr("all its values are the same: {said}", said=text)

    @property
    def ramp(self) -> NDArray:
        """Its numbers or dates ``(N,) float64``, NaN where there is none, for colours and sizes.

        Dates are counted in the unit of their ``dtype`` since 1970.
        """
        numbers = self.values
        if self.kind == "dates":
            numbers = numbers.astype(np.int64)
        return np.where(self.presence, numbers.astype(np.float64), np.nan)

    def text_of(self, row: int) -> str:
        """The value of a sample with all its digits, for a person; empty where it has none."""
        (text,) = self.take(np.array([row])).texts()
        return text.replace("T", " ").replace("Z", " UTC") if self.kind == "dates" else text

    def texts(self) -> list[str]:
        """The values of all samples with all their digits, as tables have them; empty where a
        sample has none."""
        if len(self.names):
            return [self.names[place] if place >= 0 else "" for place in self.values.astype(int)]
        presence = self.presence.tolist()
        cells = self.values.astype(str).tolist()
        return [
            f"{text}{self.unit}" if has_value else ""
            for text, has_value in zip(cells, presence, strict=True)
        ]

    def cells(self) -> list[str]:
        """The `texts`, those that are no numbers escaped as `csv_cell` does it."""
        if all(map(_WHOLE.fullmatch, self.names)):
            return self.texts()
        return list(map(csv_cell, self.texts()))

    def take(self, rows: NDArray[np.int64]) -> Column:
        """The values of some rows, in their order; of row -1, none."""
        none = rows < 0
        values = self.values[rows]
        missing = None if self.missing is None else self.missing[rows]
        if none.any():
            if len(self.names):
                values[none] = -1
            elif values.dtype.kind == "i":
                missing = none if missing is None else none | missing
            else:
                values[none] = np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
        return replace(self, values=values, missing=missing)
