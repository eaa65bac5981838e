"""What a validation found, as a part of a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffviews_desktop.text.plain import visible

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_LETTERS = 300


def first_problem(error: ValidationError | ValueError, whole: str = "its values") -> str:
    """The first thing that is wrong, after the name of the field if there is one: on one line and
    not too long, whatever the value holds. ``whole`` names what has no field.
    """
    if not hasattr(error, "errors"):
        return visible(" ".join(str(error).split()), _MOST_LETTERS).rstrip(".")
    problem = error.errors()[0]
    field = visible(".".join(map(str, problem["loc"])), _MOST_LETTERS) or whole
    reason = visible(problem["msg"].removeprefix("Value error, "), _MOST_LETTERS)
    return f"{field}: {reason.rstrip('.')}"
