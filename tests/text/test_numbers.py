"""Numbers as people and programs write them: the right value comes back, or none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.text.numbers import (
    NotANumber,
    read_real,
    read_reals,
    read_whole,
    read_wholes,
)

# what stands between thousands, and before decimals: English, German, French, Swiss, Indian
PLAIN = ("", ".")
CONVENTIONS = [
    *[PLAIN, ("", ","), (",", "."), ("\u202f", ","), ("\u00a0", ","), ("'", "."), ("’", ".")],
]
REALS = st.decimals(-(10**7), 10**7, places=4, allow_nan=False).map(Decimal.normalize)
WHOLES = st.integers(-(10**18), 10**18)
DIGITS = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９"]


def written(value: Decimal | int, group: str, point: str) -> str:
    """A number as a program of some language writes it."""
    return f"{value:,f}".replace(",", "\0").replace(".", point).replace("\0", group)


def value_or_refusal(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except NotANumber:
        return None


@given(REALS, st.sampled_from(CONVENTIONS), st.sampled_from(DIGITS), st.sampled_from("-−"))
def test_a_number_of_any_language_is_itself_or_refused(
    value: Decimal, convention: tuple[str, str], digits: str, minus: str
) -> None:
    text = written(value, *convention).replace("-", minus)
    text = text.translate(str.maketrans(DIGITS[0], digits))
    assert value_or_refusal(read_real, text) in (float(value), None)
    if value == value.to_integral_value():
        assert value_or_refusal(read_whole, text) in (int(value), None)


@given(REALS, st.sampled_from(["f", "e", "E", "g"]))
def test_what_programs_write_is_read(value: Decimal, form: str) -> None:
    assert read_real(f"{float(value):{'.17g' if form == 'g' else '.12' + form}}") == float(value)
    assert read_real(repr(float(value))) == float(value)
    assert read_real(f" {value:f} ") == float(value)


@given(WHOLES)
def test_whole_numbers_of_programs_are_read(value: int) -> None:
    assert read_whole(str(value)) == value
    assert read_whole(f"{value}.0") == value
    assert read_whole(f"{value}e0") == value


@given(
    st.lists(REALS, min_size=1, max_size=5),
    st.sampled_from([";", "; ", " ; ", ", ", ",", " ", "\t", "\n"]),
    st.sampled_from(CONVENTIONS),
    st.booleans(),
)
def test_a_list_of_any_language_is_itself_or_refused(
    values: list[Decimal], separator: str, convention: tuple[str, str], ended: bool
) -> None:
    if separator == convention[0]:  # which nobody writes
        separator = "; "
    text = separator.join(written(value, *convention) for value in values)
    found = value_or_refusal(read_reals, text + separator.strip() * ended)
    assert found in (tuple(map(float, values)), None)
    if convention == PLAIN and separator.strip() == ";":
        assert found is not None


@given(st.lists(REALS, min_size=1, max_size=5), st.sampled_from([", ", "; ", "  "]))
def test_a_list_with_points_is_read(values: list[Decimal], separator: str) -> None:
    text = separator.join(str(float(value)) for value in values)
    assert read_reals(text) == tuple(map(float, values))


@given(st.text("0123456789.,;-+eE '\u00a0", max_size=12))
def test_nothing_is_guessed(text: str) -> None:
    real = value_or_refusal(read_real, text)
    if real is not None:
        assert real == float(text.strip().replace(",", "."))
    whole = value_or_refusal(read_whole, text)
    if whole is not None:
        assert whole == Decimal(text.strip().replace(",", "."))
    value_or_refusal(read_reals, text)
    value_or_refusal(read_wholes, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("0.5", 0.5), ("0,5", 0.5), ("1.25", 1.25), ("1,25", 1.25), (".5", 0.5), (",5", 0.5)],
        *[("1e-3", 0.001), ("1E3", 1000), ("5e-1", 0.5), ("1,5e2", 150), ("5.", 5), ("+2", 2)],
        *[("1.003", 1.003), ("0,125", 0.125), ("1234,567", 1234.567), ("−2", -2), ("٠٫٥", 0.5)],
    ],
)
def test_a_real_number(text: str, value: float) -> None:
    assert read_real(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,500", "can be 1500 or 1.5"),
        ("1,003", "can be 1003 or 1.003"),
        ("1,234,567", "Leave out the thousands separators"),
        ("1 000", "Leave out the thousands separators"),
        ("1.000,5", "Leave out the thousands separators"),
        ("nan", "is not a number"),
        ("inf", "is not a number"),
        ("1_0", "is not a number"),
        ("0x10", "is not a number"),
        ("50%", "is not a number"),
        ("", "is not a number"),
        ("1e999", "larger than"),
    ],
)
def test_what_is_no_real_number(text: str, said: str) -> None:
    with pytest.raises(NotANumber, match=said):
        read_real(text)


@pytest.mark.parametrize(
    "text", ["1,000", "1.000", "2.5", "1e-3", "1e300", "9" * 5000, "²", "", "-"]
)
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(NotANumber):
        read_whole(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.5; 2", (0.5, 2)),
        ("0,5; 2", (0.5, 2)),
        ("0.5, 2", (0.5, 2)),
        ("0.5,2", (0.5, 2)),
        ("0.5 2", (0.5, 2)),
        ("0, 0.25, 1", (0, 0.25, 1)),
        ("0,5;", (0.5,)),
        ("2", (2,)),
        ("1e-6,1e+6", (1e-6, 1e6)),
        ("", ()),
    ],
)
def test_a_list(text: str, values: tuple[float, ...]) -> None:
    assert read_reals(text) == values


@pytest.mark.parametrize(
    "text", ["0,5", "0,5, 2", "0,5 2", "0,5,2", "0.5, 1,500", "1,500.25", ",5", "1 500"]
)
def test_a_list_that_can_be_read_in_two_ways(text: str) -> None:
    with pytest.raises(NotANumber, match="more than one way"):
        read_reals(text)


def test_a_known_count_makes_a_list_clear() -> None:
    assert read_reals("40,0,50,1", 4) == (40, 0, 50, 1)
    with pytest.raises(NotANumber):
        read_reals("40,0,50", 4)


def test_commas_of_whole_numbers_separate() -> None:
    assert (
        read_wholes("3,14,15")
        == read_wholes("3; 14; 15")
        == read_wholes("3 14 15")
        == read_wholes("3,14,15,")
        == (3, 14, 15)
    )
    for text in ("1,000", "3,x", "1.5,2"):
        with pytest.raises(NotANumber):
            read_wholes(text)
