"""What a validation found, as a part of a sentence; and what pydantic does not look at."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING

from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.translation import tr

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_LETTERS = 300
_LARGEST = 2**63 - 1


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


def check_numbers(value: object) -> None:
    """Look at all whole numbers of values that were read: types let them have thousands of digits,
    and neither Qt nor an array takes these.

    Raises:
        ValueError: one does not fit into 64 bits.
    """
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, int):
            if not -_LARGEST <= one <= _LARGEST:
                raise ValueError(tr("a number in it is too large"))
        elif isinstance(one, tuple | list | frozenset):
            stack += one
        elif isinstance(one, dict):
            stack += one.values()
        elif is_dataclass(one):
            stack += vars(one).values()
