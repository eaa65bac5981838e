"""What a folder says of its samples besides what the program knows: columns, read as they are.

Numbers, dates, ids and texts stay what they are; what stands for no value in a column of numbers or
dates is none. What cannot be taken is named with the reason.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.folder.numerals import (
    Mark,
    dates_of,
    has_no_number,
    has_zone,
    is_date,
    is_id,
    is_infinite,
    is_number,
    marks_of,
    plain,
    same_with_both,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.columns import MOST_CATEGORIES, Column

MAP_COLUMNS = ("sample_id", "umap_x", "umap_y")
KNOWN_COLUMNS = frozenset(
    (
        *MAP_COLUMNS,
        "umap_z",
        "trust",
        "neighbors_kept",
        "class_label",
        "class_name",
        "conditioning_sigma",
        "image_path",
        "activation_path",
        "batch_index",
    )
)
MOST_COLUMNS = 64
FEW_NUMBERS = 20  # whole numbers of so few values stand for categories
LONGEST_NAME = 80
MOST_ODD = 10  # a column of numbers is one in which at most a tenth of the texts is something else
UNNAMED = "(no name)"
_EXACT = 2**53  # float64 has all whole numbers up to it
_DIGITS_OF_FLOAT = 15  # numbers of so many digits differ in float64, too
_NOT_ZERO = re.compile(r"[+-]?[0.]*[1-9]")
_OF_PANDAS = "Unnamed: "  # what it calls columns without a name
_TRUTH = frozenset(("true", "false"))


class FurtherColumns(NamedTuple):
    """Columns by name, and why others are left out, as phrases."""

    columns: dict[str, Column]
    left_out: dict[str, str]


def further_columns(
    columns: Mapping[str, Sequence[Any]],
    mark: Mark | None = None,
    left_out: Mapping[str, str] | None = None,
) -> FurtherColumns:
    """Read columns.

    Args:
        columns: of one length: texts, numbers, truth values; None or "" where nothing is given.
        mark: the decimal mark where a column can be read with either; None to see what the others
            have.
        left_out: what was left out before.
    """
    result: dict[str, Column] = {}
    reasons = dict(left_out or {})
    beyond = 0
    mark = mark or _common_mark(columns.values())
    for name, values in columns.items():
        reason = None if name in KNOWN_COLUMNS else _why_no_name(name, values)
        if reason is None:
            continue
        if not reason and len(result) == MOST_COLUMNS:
            beyond += 1
            continue
        try:
            if not reason:
                result[name] = read_column(values, mark)
        except ValueError as error:
            reason = str(error)
        if reason:
            reasons[visible(name, MOST_OF_NAME) or UNNAMED] = reason
    if beyond:
        reasons[more_columns(beyond)] = f"only the first {MOST_COLUMNS} columns are taken"
    return FurtherColumns(result, reasons)


def more_columns(count: int) -> str:
    """What stands for columns that are too many to be named."""
    return f"{format_count(count, 'more column')}"


def read_column(values: Sequence[Any], mark: Mark | None = None) -> Column:
    """The values of a column as what they are.

    Args:
        values: as in `further_columns`.
        mark: the same.

    Raises:
        ValueError: they are neither texts nor numbers; its text is a phrase.
    """
    kinds = set(map(type, values))
    if not kinds <= {str, int, float, bool, type(None)}:
        raise ValueError("it holds lists or objects, not one value a sample")
    if str not in kinds and bool not in kinds:
        column = _of_numbers(values, real=float in kinds)
        if column is not None:
            return column
    if kinds != {str}:
        values = ["" if value is None or value != value else str(value) for value in values]
    return _of_texts(values, mark)


def _why_no_name(name: str, values: Sequence[Any]) -> str | None:
    """Why a column cannot be offered by its name; empty where it can, None where it is nothing."""
    if (not name.strip() or name.startswith(_OF_PANDAS)) and is_index(values):
        return None
    if not name.strip():
        return "it has no name: give it one"
    if len(name) > LONGEST_NAME:
        return f"its name is longer than {LONGEST_NAME} letters: shorten it"
    return "" if name.isprintable() else "its name has letters that cannot be shown: rename it"


def is_index(values: Sequence[Any]) -> bool:
    """Whether values only count the rows, as those of a data frame's index do, or are none."""
    texts = [str(value) for value in values if value is not None and value != ""]
    if not all(map(is_id, texts)):
        return False
    return len(set(texts)) == len(texts) and (not texts or len(texts) == len(values))


def _common_mark(columns: Collection[Sequence[Any]]) -> Mark | None:
    """The decimal mark of all columns that can be read with one alone; None where none can, or
    some with the one and some with the other."""
    candidates: set[Mark] = set()
    for values in columns:
        if str in set(map(type, values)):
            texts = {value for value in values if type(value) is str and not has_no_number(value)}
            marks = marks_of(_without_percent(texts))
            candidates |= set(marks) if len(marks) == 1 else set()
    return candidates.pop() if len(candidates) == 1 else None


def _without_percent(texts: Collection[str]) -> list[str]:
    return [text.strip().removesuffix("%").rstrip() for text in texts]


# ---- numbers ------------------------------------------------------------------------------------


def _of_numbers(values: Sequence[Any], *, real: bool, unit: str = "") -> Column | None:
    """Numbers, None where there is none; None for all of them where no 64 bits can hold them."""
    try:
        return _of_reals(values, unit) if real else _of_whole(values, unit)
    except OverflowError:
        return None


def _of_whole(values: Sequence[int | None], unit: str) -> Column:
    missing = np.array([value is None for value in values])
    whole = np.array([value or 0 for value in values], np.int64)
    few = np.unique(whole[~missing])
    if 0 < len(few) <= FEW_NUMBERS and not unit:
        return _of_few(whole, few, missing)
    if not len(few):
        return Column(np.full(len(values), math.nan))
    return Column(whole, missing=missing if missing.any() else None, unit=unit)


def _of_reals(values: Sequence[float | None], unit: str) -> Column:
    if any(type(value) is int and abs(value) > _EXACT for value in values):
        raise OverflowError
    reals = np.array([math.nan if value is None else value for value in values], np.float64)
    infinite = int(np.isinf(reals).sum())
    reals[np.isinf(reals)] = math.nan
    missing = np.isnan(reals)
    few = np.unique(reals[~missing])
    note = _of_infinite(infinite)
    whole = (few == np.round(few)) & (np.abs(few) <= _EXACT)  # beyond, digits would be made up
    if 0 < len(few) <= FEW_NUMBERS and not unit and whole.all():
        return _of_few(reals, few, missing, note)
    return Column(reals, unit=unit, note=note)


def _of_few(numbers: NDArray, few: NDArray, missing: NDArray[np.bool_], note: str = "") -> Column:
    """Few whole numbers, which stand for categories."""
    codes = np.searchsorted(few, np.where(missing, few[0], numbers)).astype(np.int32)
    names = tuple(str(int(number)) for number in few.tolist())
    return Column(np.where(missing, np.int32(-1), codes), names, note=note)


def _of_infinite(count: int) -> str:
    if not count:
        return ""
    return (
        f"{format_count(count, 'infinite value')} {'counts' if count == 1 else 'count'} as no value"
    )


# ---- texts --------------------------------------------------------------------------------------


def _of_texts(texts: Sequence[str], mark: Mark | None) -> Column:
    """Texts as what all of them stand for."""
    entries = {text for text in set(texts) if not has_no_number(text)}
    if not entries:
        return Column(np.full(len(texts), math.nan), note=_of_infinite(_count_infinite(texts)))
    column = _of_numerals(texts, entries, mark) or _of_dates(texts, entries)
    if column is not None:
        return column
    if all(map(is_id, entries)) or {text.casefold() for text in entries} <= _TRUTH:
        return _of_names(["" if text not in entries else text for text in texts])
    return _of_names(texts, _why_no_numbers(entries) or _why_no_dates(entries))


def _of_numerals(texts: Sequence[str], entries: set[str], mark: Mark | None) -> Column | None:
    if not is_number(*_without_percent([next(iter(entries))])):
        return None
    percent = all(text.rstrip().endswith("%") for text in entries)
    numerals = dict(zip(entries, _without_percent(entries) if percent else entries, strict=True))
    numerals = {text: numeral.strip() for text, numeral in numerals.items()}
    marks = marks_of(numerals.values())
    if not marks or (mark not in marks and len(marks) > 1 and _can_be_both(numerals.values())):
        return None
    decimal_mark = mark if mark in marks else marks[0]
    assert decimal_mark is not None
    spellings = {text: plain(numeral, decimal_mark) for text, numeral in numerals.items()}
    real = any(map(_is_real, spellings.values()))
    try:
        numbers = {text: _number(numeral) for text, numeral in spellings.items()}
    except ValueError:  # it has more digits than Python reads
        return None
    zeros = (spellings[text] for text, number in numbers.items() if number == 0)
    if real and (_merge(spellings, numbers) or any(map(_NOT_ZERO.match, zeros))):
        return None
    column = _of_numbers([numbers.get(text) for text in texts], real=real, unit="%" * percent)
    if column is None or column.note:
        return None  # too large for a number
    return replace(column, note=_of_infinite(_count_infinite(texts)))


def _is_real(numeral: str) -> bool:
    return "." in numeral or "e" in numeral or "E" in numeral


def _number(numeral: str) -> int | float:
    """A number; whole ones among others stay whole, so that none of them is rounded."""
    return float(numeral) if _is_real(numeral) else int(numeral)


def _merge(spellings: Mapping[str, str], numbers: Mapping[str, int | float]) -> bool:
    """Whether numbers that differ are the same in 64 bits."""
    short = all(len(numeral) <= _DIGITS_OF_FLOAT for numeral in spellings.values())
    if short and not any(0 < abs(number) < sys.float_info.min for number in numbers.values()):
        return False
    return len(set(map(_exact, spellings.values()))) > len(set(numbers.values()))


def _exact(numeral: str) -> Decimal | str:
    """A number without rounding; as it is written where its power has more digits than those of
    decimal numbers may have."""
    try:
        return Decimal(numeral)
    except ArithmeticError:
        return numeral


def _count_infinite(texts: Sequence[str]) -> int:
    infinite = {text for text in set(texts) if is_infinite(text)}
    return sum(text in infinite for text in texts) if infinite else 0


def _can_be_both(numerals: Collection[str]) -> bool:
    """Whether numbers that can be read with either mark differ then, and no program writes them
    with a point."""
    return not same_with_both(numerals) and any("," in numeral for numeral in numerals)


def _of_dates(texts: Sequence[str], entries: set[str]) -> Column | None:
    keys = list(entries)
    result = dates_of([text.strip() for text in keys])
    if result is None:
        return None
    dates, unit = result
    place = {text: i for i, text in enumerate(keys)}
    nothing = np.append(dates, np.datetime64("NaT"))
    return Column(nothing[[place.get(text, -1) for text in texts]], unit=unit)


def _of_names(texts: Sequence[str], note: str = "") -> Column:
    """Texts as they are; in order where they are few."""
    names = list(dict.fromkeys(text for text in texts if text != ""))
    if not names:
        return Column(np.full(len(texts), math.nan))
    if len(names) <= MOST_CATEGORIES:
        names.sort()
    place = {name: i for i, name in enumerate(names)}
    return Column(
        np.array([place.get(text, -1) for text in texts], np.int32), tuple(names), note=note
    )


def _why_no_numbers(entries: set[str]) -> str:
    """What keeps a column that is nearly one of numbers from being one; empty where none is."""
    numerals = _without_percent(entries)
    others = _few_odd(numerals, is_number)
    if others is None:
        return ""
    if others:
        return f"it would be one of numbers without {visible(repr(min(others)), MOST_OF_NAME)}"
    percent = sum(text.rstrip().endswith("%") for text in entries)
    if 0 < percent < len(entries):
        return "some of its numbers are percentages and others are not"
    marks = marks_of(numerals)
    if not marks:
        return "some of its numbers have a decimal comma and others a decimal point"
    if len(marks) > 1 and _can_be_both(numerals):
        return f"its numbers can be read in two ways, such as {min(numerals)}: write them plainly"
    if _is_beyond([plain(numeral, marks[0]) for numeral in numerals]):
        return "64 bits cannot hold all of its numbers"
    return "its numbers have too many digits"


def _why_no_dates(entries: set[str]) -> str:
    """The same of dates."""
    dates = [text.strip() for text in entries]
    others = _few_odd(dates, is_date)
    if others is None:
        return ""
    if others:
        return f"it would be one of dates without {visible(repr(min(others)), MOST_OF_NAME)}"
    if len(set(map(has_zone, dates))) > 1:
        return "some of its times say how far they are from UTC and others do not"
    return "64 bits cannot hold all of its times"


def _few_odd(texts: Collection[str], fits: Callable[[str], bool]) -> list[str] | None:
    """The texts that do not fit; None where they are too many for a column of those that do."""
    most = len(texts) // MOST_ODD
    odd = list(islice((text for text in texts if not fits(text)), most + 1))
    return None if len(odd) > most else odd


def _is_beyond(spellings: Collection[str]) -> bool:
    """Whether a number is larger than 64 bits can say, or so small that they would say 0."""
    most = math.inf if any(map(_is_real, spellings)) else 2.0**63
    numbers = ((numeral, abs(float(numeral))) for numeral in spellings)
    return any(
        number >= most or (number == 0 and _NOT_ZERO.match(numeral)) for numeral, number in numbers
    )
