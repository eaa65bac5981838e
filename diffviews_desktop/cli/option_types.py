"""Values of options, for argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def numbers_of(count: int | None) -> Callable[[str], tuple[float, ...]]:
    """So many real numbers separated by commas, or any number of them."""

    def numbers(text: str) -> tuple[float, ...]:
        try:
            found = tuple(float(part) for part in text.split(","))
        except ValueError:
            found = ()
        if not found or (count is not None and len(found) != count):
            wanted = "numbers" if count is None else f"{count} numbers"
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted} separated by commas")
        return found

    return numbers


def layer_set(text: str) -> tuple[str, ...]:
    """``a`` or ``b+a`` as the sorted names of layers."""
    names = text.split("+")
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a layer, or several joined by +")
    return tuple(sorted(set(names)))
