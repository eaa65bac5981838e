"""Numbers as people type them, read the same way whatever the system's language.

A point is always the decimal point. A comma is one, too, except where it can stand for something
else: before exactly three digits it may part thousands, and in a list it may part numbers. What can
be read in two ways is refused with a sentence that names both; nothing is guessed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from itertools import pairwise

from diffviews_desktop.text.translation import tr

MOST_LETTERS = 100
"""Of one number."""
MOST_DIGITS = 30
"""Before the point of a whole number; the largest seed has 19."""

_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<digits>\d+[.,]?\d*|[.,]\d+)(?P<power>e[+-]?\d{1,6})?")
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
_THOUSANDS_OF_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_THOUSANDS_IN_LIST = re.compile(r"(?<!\d)[1-9]\d{0,2},\d{3}(?!\d)")
_GROUPED = re.compile(r"\d{1,3}(?P<group>[.,' \u2019])\d{3}((?P=group)\d{3})*([.,]\d*)?")
_PARTED_NUMBER = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_SPACED = re.compile(r"[1-9]\d{0,2}( \d{3})+")
_UNDOTTED = re.compile(r"\s*[+-]?\d*")
_LETTERS = str.maketrans(
    {
        "\u2212": "-",  # minus
        "\uff0d": "-",  # wide ones
        "\uff0b": "+",
        "\uff0c": ",",
        "\uff0e": ".",
        "\uff1b": ";",
        "\u066b": ".",  # the Arabic decimal point
        "\u060c": ",",  # the Arabic comma
        "\u061b": ";",
        "\u3001": ",",
    }
)


class NotANumber(ValueError):
    """A text is no number, or can be read as more than one; the text of the error says so."""


class TwoReadings(NotANumber):
    """It can be read as more than one number."""


def read_real(text: str) -> float:
    """A real number: ``0.5``, ``0,5``, ``.5``, ``5e-1``.

    Raises:
        NotANumber: it is none, or not finite.
        TwoReadings: it can be two, as ``1,500`` can.
    """
    plain = _plain(text)
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise NotANumber(_with_advice(tr("{text} is not a number.", text=_quote(text)), plain))
    if _THOUSANDS.fullmatch(match["digits"]):
        raise _two_readings(text, match["digits"])
    value = float(plain.replace(",", "."))
    if not math.isfinite(value):
        raise NotANumber(
            tr("{text} is larger than this program can compute with.", text=_quote(text))
        )
    return value


def read_whole(text: str) -> int:
    """A whole number: ``12``, and ``1e3`` or ``12.0`` as well.

    Raises:
        NotANumber: it is none.
        TwoReadings: it can be two, as ``1,500`` and ``1.500`` can.
    """
    plain = _plain(text)
    match = _NUMBER.fullmatch(plain)
    if match is None:
        no_number = tr("{text} is not a whole number.", text=_quote(text))
        raise NotANumber(_with_advice(no_number, plain, tr("Write a number such as 12.")))
    if _THOUSANDS_OF_EITHER.fullmatch(match["digits"]):
        raise _two_readings(text, match["digits"])
    value = Decimal(plain.replace(",", "."))
    if value.adjusted() >= MOST_DIGITS:
        raise NotANumber(
            tr("{text} has more digits than this program can compute with.", text=_quote(text))
        )
    if value != value.to_integral_value():
        raise NotANumber(tr("{text} is not a whole number.", text=_quote(text)))
    return int(value)


def read_reals(text: str, count: int | None = None) -> tuple[float, ...]:
    """Real numbers in a list; empty where nothing is typed.

    Where there are semicolons, they separate, and commas are decimal. Else spaces separate, and
    commas do if spaces follow them or exponents are before them, or if a number has a point.

    Args:
        text: what was typed.
        count: how many numbers there must be; that many parts between commas are taken as these.

    Raises:
        NotANumber: a part is no number.
        TwoReadings: it can be several lists, as ``0,5``, ``0,5,2``, ``0,5, 2``, ``1 500`` can.
    """
    plain = _plain(text)
    by_commas = ";" not in plain and not re.search(r"\s", plain) and plain.count(",") + 1 == count
    return tuple(read_real(part) for part in (split(plain) if by_commas else _parts(plain)))


def read_wholes(text: str) -> tuple[int, ...]:
    """Whole numbers in a list, separated by commas, semicolons or spaces.

    Raises:
        NotANumber: a part is no whole number.
        TwoReadings: it can be a number with its thousands parted, as ``1,000`` can.
    """
    return tuple(read_whole(part) for part in split(text))


def split(text: str, separators: str = ",;") -> list[str]:
    """The parts of a list, without empty ones.

    Raises:
        TwoReadings: a part after a comma begins as the end of a large number does.
    """
    plain = _plain(text)
    parts = [part.strip() for part in re.split(f"[{separators}]", plain)]
    if len(parts) == 1:
        parts = plain.split(" ")
    if "," in separators and any(re.match(r"0\d", part) for part in parts[1:]):  # 1,000
        raise _unclear(text)
    return [part for part in parts if part]


# ---- parts of lists -----------------------------------------------------------------------------


def _parts(text: str) -> list[str]:
    if ";" in text:
        return split(text, ";")
    parts = text.split(",")
    spaces = [not part[:1].strip() for part in parts[1:]]
    """Of each comma, whether it is followed by a space, or by nothing."""
    if "." in text:
        mixed = any(spaces) and not all(spaces)
        has_thousands = bool(_THOUSANDS_IN_LIST.search(text))
        two_ways = (mixed and has_thousands) or bool(_PARTED_NUMBER.fullmatch(text))
    else:
        two_ways = bool(_SPACED.fullmatch(text)) or any(
            _UNDOTTED.fullmatch(left) and right[:1].isdigit() for left, right in pairwise(parts)
        )
    if two_ways:
        raise _unclear(text)
    return split(text)


def _unclear(text: str) -> TwoReadings:
    return TwoReadings(
        tr(
            "{text} can be read in more than one way. Separate the numbers with semicolons, such "
            "as 0.5; 1; 2.",
            text=_quote(text),
        )
    )


# ---- letters ------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """A text with its digits, signs and spaces in ASCII."""
    return "".join(map(_plain_letter, text)).translate(_LETTERS).strip().lower()


def _plain_letter(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    return " " if letter in "\t\r\n" else letter


def _quote(text: str) -> str:
    excerpt = text.strip()
    return repr(excerpt if len(excerpt) <= MOST_LETTERS else excerpt[:MOST_LETTERS] + "…")


def _with_advice(problem: str, plain: str, usual: str = "") -> str:
    if _GROUPED.fullmatch(plain.lstrip("+-")):
        advice = tr("Leave out the thousands separators.")
    else:
        advice = usual or tr("Write a number such as 0.5 or 0,5.")
    return f"{problem} {advice}"


def _two_readings(text: str, digits: str) -> TwoReadings:
    whole = re.sub("[.,]", "", digits)
    decimal = digits.replace(",", ".").rstrip("0").rstrip(".")
    return TwoReadings(
        tr(
            "{text} can be {one} or {other}. Write one of these.",
            text=_quote(text),
            one=whole,
            other=decimal,
        )
    )
