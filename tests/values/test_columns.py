"""Columns are what was read, wherever they go."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from diffviews_desktop.engine.pipe import copy_message
from diffviews_desktop.values.columns import MOST_CATEGORIES, Column

MANY = tuple(f"file {i}.png" for i in range(MOST_CATEGORIES + 1))
DATES = np.array(["2023-01-15", "NaT", "2023-02-01"], "datetime64[D]")
COLUMNS = {
    "whole": (
        Column(np.array([2**53 + 1, 0, -5]), missing=np.array([False, True, False])),
        "numbers",
    ),
    "every": (Column(np.array([2**53 + 1, 2**53 + 2, 7])), "numbers"),
    "real": (Column(np.array([0.1, np.nan, 1e-7])), "numbers"),
    "share": (Column(np.array([12.5, np.nan, 100.0]), unit="%"), "numbers"),
    "dates": (Column(DATES, unit="Z"), "dates"),
    "category": (Column(np.array([1, -1, 0], np.int32), ("", "cat")), "categories"),
    "texts": (Column(np.array([200, -1, 3], np.int32), MANY), "texts"),
}
TEXTS = {
    "whole": ["9007199254740993", "", "-5"],
    "every": ["9007199254740993", "9007199254740994", "7"],
    "real": ["0.1", "", "1e-07"],
    "share": ["12.5%", "", "100.0%"],
    "dates": ["2023-01-15Z", "", "2023-02-01Z"],
    "category": ["cat", "", ""],
    "texts": ["file 200.png", "", "file 3.png"],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_has_its_texts_in_this_process_and_in_another(name: str) -> None:
    column, kind = COLUMNS[name]
    for one in (column, pickle.loads(pickle.dumps(column)), copy_message(column)):
        assert (one.kind, one.texts(), one.unit) == (kind, TEXTS[name], column.unit)
        assert one.values.dtype == column.values.dtype
        assert one.unfit == column.unfit
        assert [one.text_of(row) != "" for row in range(3)] == [text != "" for text in TEXTS[name]]


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_are_taken_and_a_row_that_is_not_there_has_no_value(name: str) -> None:
    column, _ = COLUMNS[name]
    taken = column.take(np.array([2, -1, 0, 1]))
    first, second, third = TEXTS[name]
    assert taken.texts() == [third, "", first, second]
    assert taken.presence.tolist() == [
        bool(x) for x in column.presence[[2, 0, 0, 1]] & [True, False, True, True]
    ]
    assert column.texts() == TEXTS[name]  # the column itself stays
    assert column.take(np.empty(0, np.int64)).texts() == []


def test_the_ramp_has_numbers_for_numbers_and_dates() -> None:
    assert np.array_equal(COLUMNS["whole"][0].ramp, [2.0**53, np.nan, -5], equal_nan=True)
    days = COLUMNS["dates"][0].ramp
    assert np.array_equal(days, [19372, np.nan, 19389], equal_nan=True)


def test_dates_are_shown_for_people() -> None:
    column = Column(np.array(["2023-01-15T10:30:01"], "datetime64[s]"), unit="Z")
    assert column.text_of(0) == "2023-01-15 10:30:01 UTC"


@pytest.mark.parametrize(
    ("column", "unfit"),
    [
        (Column(np.array([0.5, np.nan])), "all its values are the same: 0.5"),
        (Column(np.full(2, np.nan)), "it has no values"),
        (Column(np.zeros(2, np.int32), ("x",)), "all its values are the same: x"),
        (Column(np.array([0, -1], np.int32), ("x",)), ""),  # some have it and some do not
        (Column(np.array([0.0, 1.0])), ""),
        (
            Column(np.arange(201, dtype=np.int32), MANY, note="it would be one of numbers"),
            "it has 201 different texts, and colours tell at most 200 apart; it would be one of "
            "numbers",
        ),
    ],
)
def test_what_colours_cannot_tell_is_said(column: Column, unfit: str) -> None:
    assert column.unfit == unfit
