"""The captions of samples: what a picture shows, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CAPTION_COLUMNS = ("caption", "captions", "prompt")
"""The first of these that says something is taken."""
BETWEEN = " · "
"""What parts the captions of a sample that has several."""


def captions_of(columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The captions of a table's samples, empty where one has none; () where none has any."""
    for name in CAPTION_COLUMNS:
        values = columns.get(name) or ()
        if set(map(type, values)) == {str} and "" not in values:
            return tuple(values)
        captions = tuple(map(_caption, values))
        if any(captions):
            return captions
    return ()


def _caption(value: Any) -> str:
    if isinstance(value, list):
        return BETWEEN.join(filter(None, map(_caption, value)))
    return value.strip() if isinstance(value, str) else ""
