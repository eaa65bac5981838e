"""What a folder says of its samples besides what the program knows: kept as it is, or named."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from diffviews_desktop.data.folder.further_columns import (
    MOST_COLUMNS,
    further_columns,
    read_column,
)

N = 30
REALS = [f"{i / 8}" for i in range(N)]
NOTHING = (
    "nan",
    "NaN",
    "NA",
    "N/A",
    "<NA>",
    "None",
    "null",
    "NULL",
    "",
    " ",
    "#N/A",
    "#DIV/0!",
    "-",
)
INFINITE = ("inf", "-inf", "Infinity", "1.#INF")


def test_numbers_categories_and_neither() -> None:
    found, left_out = further_columns(
        {
            "sample_id": ["a", "b", "c", "d"],
            "umap_x": ["1", "2", "3", "4"],
            "score": ["0.5", "", "2e3", "-1"],
            "cluster": ["10", "2", "2", ""],
            "kind": ["cat", "dog", None, "cat"],
            "flag": [True, False, True, True],
            "same": ["x", "x", "x", "x"],
            "some": [1, 1, 1, None],
            "empty": ["", None, "", ""],
            "lists": [[1], [2], [3], [4]],
            "mixed": [1, "two", 3.5, None],
            "truth": [True, 1, 0, False],
            "line\nbreak": [1, 2, 3, 4],
            "": [0, 1, 2, 3],
            "Unnamed: 0": ["1", "2", "3", "4"],
            " ": ["a", "b", "c", "d"],
            "x" * 81: [1, 2, 3, 4],
        }
    )
    assert np.array_equal(found["score"].values, [0.5, np.nan, 2000, -1], equal_nan=True)
    assert found["score"].names == ()
    assert found["cluster"].names == ("2", "10")  # in the order of numbers
    assert found["cluster"].values.tolist() == [1, 0, 0, -1]
    assert found["kind"].names == ("cat", "dog")
    assert found["kind"].values.tolist() == [0, 1, -1, 0]
    assert found["flag"].names == ("False", "True")
    assert found["mixed"].names == ("1", "3.5", "two")
    assert found["truth"].texts() == ["True", "1", "0", "False"]
    unfit = {name: column.unfit for name, column in found.items() if column.unfit}
    assert unfit == {"same": "all its values are the same: x", "empty": "it has no values"}
    assert set(found) == {
        *("score", "cluster", "kind", "flag", "same", "some", "empty", "mixed", "truth"),
    }
    assert left_out == {
        "lists": "it holds lists or objects, not one value a sample",
        r"line\x0abreak": "its name has letters that cannot be shown: rename it",
        " ": "it has no name: give it one",
        "x" * 30 + "…" + "x" * 29: "its name is longer than 80 letters: shorten it",
    }


def test_too_many_of_anything_are_kept_or_named() -> None:
    names = [f"file_{i}.png" for i in range(1000)]
    found, left_out = further_columns({"name": names, "whole": list(range(1000))})
    assert found["name"].texts() == names
    assert found["name"].unfit == "it has 1,000 different texts, and colours tell at most 200 apart"
    assert (found["whole"].unfit, found["whole"].names) == ("", ())  # so many are numbers
    many = {f"x{i}": [0.5, 1.5] for i in range(100)}
    found, left_out = further_columns(many)
    assert len(found) == MOST_COLUMNS
    assert left_out == {
        f"{100 - MOST_COLUMNS} more columns": f"only the first {MOST_COLUMNS} columns are taken"
    }


@pytest.mark.parametrize("nothing", [*NOTHING, *INFINITE])
def test_what_stands_for_nothing_among_numbers_is_nothing(nothing: str) -> None:
    column = read_column([*REALS, nothing])
    assert column.values.dtype == np.float64
    assert column.values[:-1].tolist() == [float(text) for text in REALS]
    assert np.isnan(column.values[-1])
    infinite = nothing in INFINITE
    assert column.note == ("1 infinite value counts as no value" if infinite else "")
    few = read_column(["0.5", "1.5", nothing])  # few numbers are no categories either
    assert (few.kind, few.presence.tolist()) == ("numbers", [True, True, False])
    whole = read_column([*map(str, range(N)), nothing])
    assert whole.values.dtype == np.int64
    assert whole.texts() == [*map(str, range(N)), ""]
    dates = read_column(["2023-01-15", "2023-02-28", nothing])
    assert (dates.kind, dates.texts()) == ("dates", ["2023-01-15", "2023-02-28", ""])
    truth = read_column(["True", "False", nothing])
    assert truth.texts() == ["True", "False", ""]
    ids = read_column(["007", "012", nothing])
    assert ids.texts() == ["007", "012", ""]


@pytest.mark.parametrize("texts", [["NA", "FR", "DE"], ["+", "-", "+"], ["None", "some", ""]])
def test_among_texts_a_word_for_nothing_is_a_text(texts: list[str]) -> None:
    column = read_column(texts)
    assert (column.kind, column.texts()) == ("categories", texts)


def test_whole_numbers_keep_every_digit() -> None:
    values = [9007199254740993 + i for i in range(N)]
    for given_values in (values, list(map(str, values))):
        column = read_column(given_values)
        assert column.values.dtype == np.int64
        assert column.values.tolist() == values
        with_none = read_column([*given_values, None])
        assert with_none.texts() == [*map(str, values), ""]
    assert read_column([2**63 - 1, -(2**63), *range(N)]).values[:2].tolist() == [
        2**63 - 1,
        -(2**63),
    ]
    days = [20230115 + i % 6 for i in range(N)]
    assert read_column(days).names == tuple(map(str, range(20230115, 20230121)))


@pytest.mark.parametrize(
    "texts",
    [
        [f"{i:05d}" for i in range(N)],
        [str(2**64 + i) for i in range(N)],
        ["1_2", "3_4", "12"],
        ["1e999", "1.5"],
        ["12e4567890", "3e1234567"],  # ids that look like numbers
        ["1e9999999", "2"],
        ["1e99999999999999999999", "2"],
        ["−1,5e99999999999999999999", "0,5"],
        ["1" * 5000, "2"],
        ["0." + "0" * 5000 + "1", "1e-99999999999999999999"],
        ["1e-400", "1.5"],
        ["9007199254740993", "0.5"],
        [f"1700000000.{i:09d}" for i in range(N)],
        ["2023-02-30", "2023-01-01"],
        ["2023-01-01", "2023-01-01T10:00Z"],
        ["3000-01-01T00:00:00.000000001", "2000-01-01"],
        ["15.01.2023", "16.01.2023"],
        ["0,5", "0.5"],
        ["5%", "5"],
        ["1 234", "5"],
        ["12,34,567", "1"],
    ],
)
def test_what_no_number_or_date_can_hold_stays_a_text(texts: list[str]) -> None:
    column = read_column(texts)
    assert column.kind in ("categories", "texts")
    assert column.texts() == texts


@pytest.mark.parametrize(
    ("texts", "mark", "values", "unit"),
    [
        (["0,5", "1,25", "12", "-3,0"], None, [0.5, 1.25, 12, -3], ""),
        (["1.234,5", "0,5"], None, [1234.5, 0.5], ""),
        (["1,234.5", "12,345", "7"], None, [1234.5, 12345, 7], ""),
        (["1,000.25", "999.5"], None, [1000.25, 999.5], ""),
        (["1.234.567,0", "5,5"], None, [1234567, 5.5], ""),
        (["1,234.5", "2,345"], ",", [1234.5, 2345], ""),
        (["1,234", "2,345", "0"], ".", [1234, 2345, 0], ""),
        (["1,234", "2,345", "0,5"], ".", [1.234, 2.345, 0.5], ""),
        (["1,234", "2,345", "0"], ",", [1.234, 2.345, 0], ""),
        (["1.234", "2.345", "0"], ",", [1234, 2345, 0], ""),
        (["1.234", "2.345", "0"], None, [1.234, 2.345, 0], ""),
        (["1\u202f234,5", "1\u00a0000,5", "0,5"], None, [1234.5, 1000.5, 0.5], ""),
        (["1’234.5", "0.5"], None, [1234.5, 0.5], ""),
        (["12.5%", "100%", "0 %"], None, [12.5, 100, 0], "%"),
        (["12,5 %", "100 %"], None, [12.5, 100], "%"),
        (["\u22121.5", "2.5"], None, [-1.5, 2.5], ""),
        ([" 1.5", "2.5 "], None, [1.5, 2.5], ""),
        ([".5", "5.", "+1e-3"], None, [0.5, 5, 0.001], ""),
    ],
)
def test_numbers_as_people_write_them(
    texts: list[str], mark: Any, values: list[float], unit: str
) -> None:
    column = read_column(texts, mark)
    found = [float(name) for name in column.names] if column.names else column.values.tolist()
    if column.names:
        found = [found[code] for code in column.values]
    assert (found, column.unit) == (values, unit)


def test_what_can_be_read_in_two_ways_is_said_unless_another_column_tells() -> None:
    unclear = [f"{i},{i:03}" for i in range(1, 250)]
    column = read_column(unclear)
    assert column.texts() == unclear
    assert "its numbers can be read in two ways, such as 1,001" in column.unfit
    found, _ = further_columns({"a": unclear, "b": ["0,5"] * 249, "c": ["x"] * 249})
    assert found["a"].values.tolist() == [float(text.replace(",", ".")) for text in unclear]
    found, _ = further_columns({"a": unclear, "b": ["0.5"] * 249})
    assert found["a"].values.tolist() == [int(text.replace(",", "")) for text in unclear]
    found, _ = further_columns({"a": unclear, "b": ["0.5"] * 249, "c": ["0,5"] * 249})
    assert found["a"].texts() == unclear


def test_what_keeps_numbers_from_being_numbers_is_said() -> None:
    column = read_column([*(f"{i / 8}" for i in range(300)), "about 4"])
    assert column.unfit.endswith("; it would be one of numbers without 'about 4'")
    few = read_column([*REALS, "about 4"])
    assert (few.unfit, few.note) == ("", "it would be one of numbers without 'about 4'")
    assert read_column(["cat", "dog", "1"]).note == ""


DAYS = [f"2023-01-{day:02}" for day in range(1, 29)]


@pytest.mark.parametrize(
    ("texts", "note"),
    [
        (["50%", "0.5", "20"], "some of its numbers are percentages and others are not"),
        (
            [*(f"{i}%" for i in range(40)), "0.5"],
            "some of its numbers are percentages and others a",
        ),
        ([str(-(2**64) - i) for i in range(N)], "64 bits cannot hold all of its numbers"),
        (["1e999", "1.5"], "64 bits cannot hold all of its numbers"),
        (["12e4567890", "3e1234567"], "64 bits cannot hold all of its numbers"),
        (["1e99999999999999999999", "2"], "64 bits cannot hold all of its numbers"),
        (["5e-400", "7e-400", "0e-9", "2"], "64 bits cannot hold all of its numbers"),
        (["1e-99999999999999999999", "2"], "64 bits cannot hold all of its numbers"),
        (["5e-324", "7e-324"], "its numbers have too many digits"),
        ([f"1700000000.{i:09d}" for i in range(N)], "its numbers have too many digits"),
        (["9007199254740993", "0.5"], "its numbers have too many digits"),
        ([*DAYS, "unknown"], "it would be one of dates without 'unknown'"),
        ([*DAYS, "2023-02-30"], "it would be one of dates without '2023-02-30'"),
        ([*DAYS, "0000-00-00"], "it would be one of dates without '0000-00-00'"),
        (
            ["2023-01-01T10:00", "2023-01-01T10:00Z"],
            "some of its times say how far they are from UTC",
        ),
        (["3000-01-01T00:00:00.000000001", "2000-01-01"], "64 bits cannot hold all of its times"),
        (["2023-01-15", "soon"], ""),
    ],
)
def test_the_reason_is_the_right_one(texts: list[str], note: str) -> None:
    column = read_column(texts)
    assert column.texts() == texts
    assert column.note.startswith(note)
    assert bool(column.note) == bool(note)


@pytest.mark.parametrize("values", [["1e23", "2e23", "3.0"], [1e23, 2e23, 3.0], [-1e17, 1e17, 0.0]])
def test_no_digits_are_made_up(values: list[Any]) -> None:
    column = read_column(values)
    assert (column.kind, column.names) == ("numbers", ())
    assert column.values.tolist() == list(map(float, values))
    assert column.texts()[0] == str(float(values[0]))


@pytest.mark.parametrize("texts", [["NaN", "nan", ""], ["NA"] * 3, ["inf", "-inf", ""]])
def test_a_column_of_words_for_nothing_has_no_values(texts: list[str]) -> None:
    column = read_column(texts)
    assert (column.unfit, column.texts()) == ("it has no values", [""] * 3)
    assert column.note == ("2 infinite values count as no value" if "inf" in texts else "")


@pytest.mark.parametrize(
    ("texts", "values", "unit"),
    [
        (["2023-01-15", "2023/01/16"], ["2023-01-15", "2023-01-16"], "D"),
        (["2023-01-15T10:30", "2023-01-15 10:31"], ["2023-01-15T10:30", "2023-01-15T10:31"], "m"),
        (["2023-01-15T10:30:01", "2023-01-16"], ["2023-01-15T10:30:01", "2023-01-16"], "s"),
        (["2023-01-15T10:30:01.25", ""], ["2023-01-15T10:30:01.25", "NaT"], "ms"),
        (["2023-01-15 10:30:01.123456789"], ["2023-01-15T10:30:01.123456789"], "ns"),
        (
            ["2023-01-15T10:30Z", "2023-01-15T10:30+02:00"],
            ["2023-01-15T10:30", "2023-01-15T08:30"],
            "m",
        ),
    ],
)
def test_dates_are_dates(texts: list[str], values: list[str], unit: str) -> None:
    column = read_column(texts)
    assert column.kind == "dates"
    assert column.values.dtype == np.dtype(f"datetime64[{unit}]")
    expected = np.array(values, column.values.dtype)
    assert np.array_equal(column.values.view(np.int64), expected.view(np.int64))
    assert column.unit == ("Z" if "Z" in texts[0] else "")


# ---- as programs and spreadsheets write it ------------------------------------------------------


def grouped(text: str, separator: str) -> str:
    """A whole number in groups of three digits."""
    return f"{int(text):,}".replace(",", separator)


def of_style(value: Decimal, style: str) -> str:
    """A number as a style of writing has it."""
    whole, _, fraction = f"{value:f}".partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    if style in ("english", "german"):
        whole = grouped(whole, "," if style == "english" else ".")
    mark = "," if style in ("german", "comma") else "."
    return f"{sign}{whole}{mark + fraction if fraction else ''}{'%' if style == 'percent' else ''}"


NUMBERS = st.decimals(
    -(10**9), 10**9, allow_nan=False, allow_infinity=False, places=3
) | st.integers(-(10**15), 10**15).map(Decimal)


@given(
    values=st.lists(NUMBERS | st.none(), min_size=1, max_size=30),
    style=st.sampled_from(["plain", "comma", "english", "german", "percent"]),
    nothing=st.sampled_from(NOTHING),
    told=st.booleans(),
)
def test_numbers_come_back_in_every_style(
    values: list[Decimal | None], style: str, nothing: str, told: bool
) -> None:
    texts = [nothing if value is None else of_style(value, style) for value in values]
    mark = "," if style in ("comma", "german") else "."
    column = read_column(texts, mark if told else None)
    if not told and style == "german" and all(text.count(".") < 2 for text in texts):
        assume(any("," in text for text in texts))  # 1.234 alone is what programs write
    if told and any(value is not None for value in values):
        assert column.kind == "numbers" or set(column.names) <= {str(v) for v in map(whole, values)}
    for value, text, written in zip(values, column.texts(), texts, strict=True):
        if value is None:
            assert text in ("", written)
        else:
            assert text == written or float(text.removesuffix("%")) == float(value)


def whole(value: Decimal | None) -> int:
    return 0 if value is None else int(value)


CELLS = st.one_of(
    st.text(max_size=8),
    st.integers().map(str),
    st.floats().map(str),
    st.from_regex(r"-?[0-9]{1,3}e-?[0-9]{1,25}", fullmatch=True),
    st.sampled_from(
        [*NOTHING, *INFINITE, "True", "00012", "1,234", "1.234,5", "50%", "2023-01-15"]
    ),
    st.dates().map(str),
    st.datetimes(datetime.datetime(1700, 1, 1)).map(str),
)
TYPED = st.one_of(CELLS, st.none(), st.booleans(), st.integers(), st.floats())


@example(values=["-1E-5"])
@given(values=st.lists(TYPED, min_size=1, max_size=8) | st.lists(CELLS, min_size=1, max_size=8))
def test_a_value_comes_back_or_is_none_and_never_another(values: list[Any]) -> None:
    column = read_column(values)
    for value, text, known in zip(values, column.texts(), column.presence.tolist(), strict=True):
        said = "" if value is None else str(value)
        if known:
            assert text == said or means_the_same(text, said, column.kind)
        else:
            assert text == ""
            nothing = {word.casefold() for word in (*NOTHING, *INFINITE, "", "-inf", "?", "--")}
            assert said.strip().casefold() in nothing
    again = read_column(column.texts())
    assert again.texts() == column.texts()


def means_the_same(text: str, said: str, kind: str) -> bool:
    """Whether two texts are one number or date; of the latter, in any zone."""
    if kind == "dates" or ":" in text or re.match(r"\d+-\d\d-\d\d", text):
        made = datetime.datetime.fromisoformat
        return made(text[:26]) == made(said.strip().replace("/", "-")[:26])
    number = float(text.removesuffix("%"))
    forms = said.strip().removesuffix("%").rstrip()
    both = (forms.replace(",", ""), forms.replace(".", "").replace(",", "."))
    return any(math.isclose(number, float(form), rel_tol=1e-15) for form in both)
