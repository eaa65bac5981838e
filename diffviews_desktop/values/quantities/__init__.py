"""What a sample can be coloured, sized, filtered and placed by: a file a topic.

`QUANTITIES` lists them in the order in which they are offered; a column of the samples is a
quantity, too (`columns.column_quantity`). To add one, write it in a file of this folder and name it
here.
"""

from __future__ import annotations

from diffviews_desktop.values.quantities.columns import column_quantity
from diffviews_desktop.values.quantities.groups import CLUSTER, LEVEL, SET
from diffviews_desktop.values.quantities.maps import (
    KEPT,
    OUTSIDE,
    OVERLAP,
    PERCENTILE,
    THIRD_DIMENSION,
    TRUST,
)
from diffviews_desktop.values.quantities.picks import DISTANCE
from diffviews_desktop.values.quantities.quantity import (
    COLUMN,
    ColorBy,
    Kind,
    Quantity,
    Scene,
    Values,
)
from diffviews_desktop.values.quantities.samples import CLASS, SIGMA

__all__ = [
    "COLUMN",
    "QUANTITIES",
    "ColorBy",
    "Kind",
    "Quantity",
    "Scene",
    "Values",
    "is_known",
    "quantity",
]

QUANTITIES: dict[ColorBy, Quantity] = {
    one.by: one
    for one in (
        CLASS,
        SIGMA,
        TRUST,
        KEPT,
        OUTSIDE,
        PERCENTILE,
        THIRD_DIMENSION,
        DISTANCE,
        OVERLAP,
        LEVEL,
        CLUSTER,
        SET,
    )
}
"""By their ids, without the columns of the samples."""


def quantity(by: ColorBy) -> Quantity:
    """The quantity with an id.

    Raises:
        KeyError: there is none.
    """
    if by.startswith(COLUMN):
        return column_quantity(by.removeprefix(COLUMN))
    return QUANTITIES[by]


def is_known(by: ColorBy) -> bool:
    """Whether an id, from settings perhaps, stands for a quantity."""
    return by in QUANTITIES or by.startswith(COLUMN)
