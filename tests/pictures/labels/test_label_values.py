"""Labels as spreadsheets and programs write them: the number that was meant, or no number."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diffviews_desktop.pictures.labels.values import class_number, folder_label, label_of

NUMBERS = st.integers(0, 10**9 - 1)


def spellings(number: int) -> dict[str, Any]:
    """A class number as it is written by what people use."""
    return {
        "JSON": number,
        "JSON of floats": float(number),
        "text": str(number),
        "pandas, where one is missing": str(float(number)) if number < 10**15 else str(number),
        "savetxt": f"{number:.18e}",
        "padded": f"{number:05d}",
        "fixed": f"{number:.2f}",
        "German": f"{number:.1f}".replace(".", ","),
        "general": f"{number:.9G}",
        "spaces": f" {number}\t",
        "sign": f"+{number}",
        "numpy": str(np.float64(number)),
        "json text": json.dumps(float(number)),
    }


@given(NUMBERS, st.sampled_from(sorted(spellings(0))))
@example(2, "pandas, where one is missing")
@example(0, "German")
def test_a_number_is_read_in_every_spelling(number: int, how: str) -> None:
    assert label_of(spellings(number)[how]) == str(number)
    assert class_number(label_of(spellings(number)[how])) == number


@pytest.mark.parametrize(
    "value",
    [
        *(None, math.nan, "", " ", "nan", "NaN", "-nan", "NA", "N/A", "n/a", "<NA>", "NaT"),
        *("null", "NULL", "None", "#N/A", "#NA", "1.#QNAN", "-", "?"),
    ],
)
def test_what_stands_for_nothing_is_no_label(value: Any) -> None:
    assert label_of(value) == ""


@pytest.mark.parametrize(
    "value",
    [
        *("3,000", "1.5", "2.9999999999999999999999999", "1_0", "٣", "３", "²", "0x3", "3 4"),
        *("class_3", "3a", "1e999", "1e9", "1000000000", "9" * 5000, "inf", math.inf, -math.inf),
        *(2.5, True, False, "True", [3], [0, 1], {"a": 3}, 10**20),
    ],
)
def test_what_is_no_class_number_stays_a_name(value: Any) -> None:
    label = label_of(value)
    assert label
    assert class_number(label) is None


@given(st.text(max_size=30) | st.floats() | st.integers() | st.booleans())
def test_a_label_is_a_number_only_where_it_is_that_number(value: Any) -> None:
    number = class_number(label_of(value))
    if number is None:
        return
    assert not isinstance(value, bool)
    text = str(value).strip()
    assert Decimal(text.replace(",", ".") if text.count(",") == 1 else text) == number
    assert label_of(label_of(value)) == label_of(value)


@given(NUMBERS)
def test_only_digits_make_a_folder_a_number(number: int) -> None:
    assert folder_label(str(number)) == folder_label(f"{number:09d}") == str(number)
    for name in (f"{number}.0", f"{number}e0", f"{number},0", f"+{number}", f"class_{number}"):
        assert class_number(folder_label(name)) is None
    assert folder_label("NaN") == "NaN"


def test_a_vector_with_a_single_one_is_the_class_of_its_place() -> None:
    assert label_of([0, 0, 1]) == "2"
    assert label_of([0.0, 1.0, 0.0, 0.0]) == "1"
    assert label_of([False, False, True]) == "2"
    for value in ([0, 1], [0, 1, 1], [0, 0, 0], [0, 0.5, 1], [0, 2, 0], ["0", "1", "0"], [1]):
        assert class_number(label_of(value)) is None


def test_negative_numbers_are_numbers() -> None:
    assert [class_number(label_of(text)) for text in ("-1", "-2", "-2.0", "-0")] == [-1, -2, -2, 0]
    assert [class_number(text) for text in ("-", "--2", "-02")] == [None, None, None]
