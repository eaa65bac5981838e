"""Values of options, for argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from diffviews_desktop.paths import SESSION_SUFFIX
from diffviews_desktop.text.numbers import (
    NotANumber,
    TwoReadings,
    read_real,
    read_reals,
    read_whole,
    read_wholes,
)
from diffviews_desktop.values.conditions import Condition, from_choice
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.told import BOTH, Told, read_told

T = TypeVar("T")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    return _at_least(0, text)


def whole(text: str) -> int:
    """A whole number."""
    return _read(read_whole, text, "a whole number")


def real(text: str) -> float:
    """A real number, with a point or a comma."""
    return _read(read_real, text, "a number")


def gigabytes(text: str) -> int:
    """Bytes of a number of gigabytes, 0 or more."""
    number = _read(read_real, text, "a number of gigabytes")
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of gigabytes")
    return round(number * 1e9)


def sample_rows(text: str) -> tuple[int, ...]:
    """Numbers of samples, separated by commas, semicolons or spaces."""
    return _read(read_wholes, text, "a list of samples such as 3,14,15")


def numbers_of(count: int | None) -> Callable[[str], tuple[float, ...]]:
    """So many real numbers in a list, or any number of them but none."""

    def numbers(text: str) -> tuple[float, ...]:
        kind = f"{'' if count is None else f'{count} '}numbers separated by commas"
        values = _read(partial(read_reals, count=count), text, kind)
        if not values or (count is not None and len(values) != count):
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind}")
        return values

    return numbers


def class_or_word(text: str) -> Condition:
    """The number of a class, or ``random``, ``zero`` or ``uniform``."""
    return _class_or(("random", "zero", "uniform"), text)


def class_word_or_anchor(text: str) -> Condition:
    """The same, or ``anchor``."""
    return _class_or(("random", "zero", "uniform", "anchor"), text)


def _class_or(words: tuple[str, ...], text: str) -> Condition:
    if text.isdecimal() or text in words:
        with suppress(ValueError):  # of a number with too many digits
            return from_choice(int(text) if text.isdecimal() else text)
    choices = f"{', '.join(words[:-1])} or {words[-1]}"
    raise argparse.ArgumentTypeError(f"{text!r} is not a class number, {choices}")


def session_or_folder(text: str) -> Path:
    """The file of a session, or a data folder."""
    if not text.endswith(SESSION_SUFFIX) and not Path(text).is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a verb nor a folder nor a session: files of sessions end in "
            f"{SESSION_SUFFIX}"
        )
    return Path(text)


def _at_least(least: int, text: str) -> int:
    kind = f"a whole number of at least {least}"
    number = _read(read_whole, text, kind)
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not {kind}")
    return number


def _read(read: Callable[[str], T], text: str, kind: str) -> T:
    """What a text says, refused as argparse wants it."""
    try:
        return read(text)
    except TwoReadings as error:
        raise argparse.ArgumentTypeError(f"{error} Put a list with spaces in quotes.") from None
    except NotANumber:
        raise argparse.ArgumentTypeError(f"{text!r} is not {kind}") from None


def told_option(text: str) -> Told:
    """What samples are told when their layers are extracted."""
    try:
        return read_told(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"it {error}") from None


def told_or_both(text: str) -> Told | Literal["both"]:
    """The same, or that both of two maps are wanted."""
    return "both" if text.strip().lower() == BOTH else told_option(text)


def layer_set(text: str) -> LayerSet:
    """``a`` or ``b+a`` as a set of layers."""
    try:
        return LayerSet.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a layer, or several joined by +"
        ) from None
