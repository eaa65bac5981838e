"""Labels of pictures as programs and spreadsheets write them: class numbers, names, or nothing."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal
from typing import Any

from diffviews_desktop.text.missing import is_missing
from diffviews_desktop.text.plain import elide

LARGEST = 10**9
"""Class numbers are below this."""
LONGEST = 200
"""Letters of a label."""

_POINT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
_COMMA = re.compile(r"[+-]?[0-9]{1,9},0{1,2}")  # with three, it might be three thousand
_NUMBER = re.compile(r"-[1-9][0-9]{0,8}|[0-9]{1,9}")


def label_of(value: Any) -> str:
    """A label as text: ``3`` where it is the whole number 3 in any spelling (``3.0``, ``03``,
    ``3,0``, ``3e+00``), or the place of the only 1 in a list of zeros (one-hot); empty where there
    is none (None, NaN, ``NA``).

    Args:
        value: a cell of a table, or what JSON holds.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list) and _is_one_hot(value):
        return str(value.index(1))
    if isinstance(value, bool | str):
        text = str(value).strip()
    else:  # numbers are written as Python writes them; lists and objects are no labels but texts
        text = json.dumps(value, ensure_ascii=False)
    if is_missing(text):
        return ""
    return _whole(text) or elide(text, LONGEST)


def class_number(label: str) -> int | None:
    """The number that a label is: -1 stands for no class, and no class has one below. None where it
    is no whole number, or has too many digits."""
    return int(label) if _NUMBER.fullmatch(label) else None


def _is_one_hot(value: list[Any]) -> bool:
    """Whether it is a vector of three classes or more: of two numbers, each might be a class."""
    return (
        len(value) >= 3
        and all(isinstance(one, int | float) for one in value)
        and value.count(1) == 1
        and value.count(0) == len(value) - 1
    )


def _whole(text: str) -> str:
    """A whole number in its shortest spelling; empty where it is none."""
    if _COMMA.fullmatch(text):
        text = text.partition(",")[0]
    if len(text) > LONGEST or not _POINT.fullmatch(text):
        return ""
    number = Decimal(text)
    if abs(number) >= LARGEST or number != number.to_integral_value():
        return ""
    return str(int(number))


def folder_label(name: str) -> str:
    """The label that a folder's name is; only digits are a number, ``2.0`` and ``1e3`` are not."""
    return str(int(name)) if _NUMBER.fullmatch(name) else elide(name, LONGEST)


def fold(name: str) -> str:
    """A name without what is spelled differently in file names: case, underlines, accents' form."""
    text = unicodedata.normalize("NFC", name).casefold()
    return " ".join(text.replace("_", " ").replace("-", " ").split())
