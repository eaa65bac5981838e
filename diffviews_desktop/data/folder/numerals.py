"""Numbers and dates as spreadsheets and programs write them.

``1234.5`` may be ``1234,5``, ``1,234.5`` or ``1.234,5``. A numeral is read where all of its column
can be read in the same way; ``1,234`` alone can be read in two, and what else the table says tells
which.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.text.missing import is_missing

Mark = Literal[".", ","]
"""The decimal mark."""
MARKS: tuple[Mark, Mark] = (".", ",")

_INFINITE = frozenset(
    sign + word for sign in ("", "+", "-") for word in ("inf", "infinity", "1.#inf")
)

_SIGN, _WHOLE, _POWER = r"[+\-−]?", r"(?:0|[1-9]\d*)", r"(?:[eE][+-]?\d+)?"
_GROUPS = r"[1-9]\d{0,2}(%s)\d{3}(?:\1\d{3})*"
_SPACES = "\u00a0\u202f'’"  # between groups of three digits


def _numeral(mark: Mark) -> re.Pattern[str]:
    groups = _GROUPS % f"[{',' if mark == '.' else '.'}{_SPACES}]"
    point = re.escape(mark)
    plain = rf"(?:{_WHOLE}(?:{point}\d*)?|{point}\d+){_POWER}"
    return re.compile(rf"{_SIGN}(?:{plain}|{groups}(?:{point}\d*)?)", re.ASCII)


_NUMERALS: dict[Mark, re.Pattern[str]] = {mark: _numeral(mark) for mark in MARKS}
_DIGITS = re.compile(r"\d+", re.ASCII)
_DATE = re.compile(
    r"(\d{4})([-/])(\d\d)\2(\d\d)"
    r"(?:[T ](\d\d:\d\d)(?:(:\d\d)(?:[.,](\d{1,9}))?)? ?"
    r"(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)
_UNITS = ("D", "m", "s", "ms", "us", "ns")


def has_no_number(text: str) -> bool:
    """Whether a text stands for no value, or for an infinite one, in a column of numbers."""
    return is_missing(text) or is_infinite(text)


def is_infinite(text: str) -> bool:
    """Whether a text stands for an infinite number."""
    return text.strip().casefold() in _INFINITE


def marks_of(texts: Collection[str]) -> list[Mark]:
    """The decimal marks with which all of some texts are numbers: both where nothing tells."""
    return [mark for mark in MARKS if all(map(_NUMERALS[mark].fullmatch, texts))]


def is_number(text: str) -> bool:
    """Whether a text is a number, whichever its decimal mark."""
    return bool(_NUMERALS["."].fullmatch(text) or _NUMERALS[","].fullmatch(text))


def is_id(text: str) -> bool:
    """Whether a text consists of digits alone, such as ``00012``."""
    return _DIGITS.fullmatch(text) is not None


def plain(text: str, mark: Mark) -> str:
    """A number as Python writes it: a point before the fraction, and nothing between groups."""
    if mark == "." and text.isascii() and "," not in text and "'" not in text:
        return text
    groups = _SPACES + ("," if mark == "." else ".")
    return text.translate(dict.fromkeys(map(ord, groups))).replace(mark, ".").replace("−", "-")


def same_with_both(texts: Iterable[str]) -> bool:
    """Whether texts are the same numbers with either decimal mark."""
    return not any("." in text or "," in text for text in texts)


def dates_of(texts: Collection[str]) -> tuple[NDArray[np.datetime64], str] | None:
    """Texts as dates, and ``Z`` where they are in UTC; None where one is no date.

    They are ISO 8601's ``2023-01-15``, with slashes too, ``2023-01-15T09:30`` and so on, to the
    nanosecond. Those with an offset from UTC are turned into UTC.

    Returns:
        ``(N,) datetime64`` in the unit of the finest of them.
    """
    results = [_DATE.fullmatch(text) for text in texts]
    matches = [match for match in results if match is not None]
    if len(matches) < len(results) or len({match[8] is None for match in matches}) > 1:
        return None
    unit = _UNITS[max(map(_fineness, matches), default=0)]
    if unit == "ns" and not all(1678 <= int(match[1]) <= 2261 for match in matches):
        return None  # more than 64 bits can say
    iso_texts = [
        f"{match[1]}-{match[3]}-{match[4]}"
        + (f"T{match[5]}{match[6] or ''}" if match[5] else "")
        + (f".{match[7]}" if match[7] else "")
        for match in matches
    ]
    try:
        dates = np.array(iso_texts, dtype=f"datetime64[{unit}]")
    except ValueError:  # the 30th of February
        return None
    if matches and matches[0][8] is None:
        return dates, ""
    return dates - np.array([_offset(match[8]) for match in matches], "timedelta64[m]"), "Z"


def is_date(text: str) -> bool:
    """Whether a text is a date as `dates_of` reads them, without regard to how fine it is."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    try:
        np.datetime64(f"{match[1]}-{match[3]}-{match[4]}T{match[5] or '00:00'}{match[6] or ''}")
    except ValueError:
        return False
    return True


def has_zone(text: str) -> bool:
    """Whether a date says how far its time is from UTC."""
    match = _DATE.fullmatch(text)
    return match is not None and match[8] is not None


def _fineness(match: re.Match[str]) -> int:
    if match[7]:
        return 2 + -(-len(match[7]) // 3)
    return 2 if match[6] else 1 if match[5] else 0


def _offset(zone: str) -> int:
    """Minutes that a zone is ahead of UTC."""
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes
