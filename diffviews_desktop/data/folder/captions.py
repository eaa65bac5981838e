"""The captions of samples: what a picture shows, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CAPTION_COLUMNS = ("caption", "captions", "prompt")
"""The first of these that says something is taken."""
BETWEEN = " · "
"""What parts the captions of a sample that has several."""


def caption_column(columns: Mapping[str, Sequence[Any]]) -> str:
    """The column of a table that has the captions; empty where none says anything."""
    for name in CAPTION_COLUMNS:
        if any(map(_caption, columns.get(name) or ())):
            return name
    return ""


def captions_of(columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """The captions of a table's samples, empty where one has none; () where none has any."""
    name = caption_column(columns)
    return tuple(map(_caption, columns[name])) if name else ()


def _caption(value: Any) -> str:
    if isinstance(value, list):
        return BETWEEN.join(filter(None, map(_caption, value)))
    return value.strip() if isinstance(value, str) else ""
