"""Tables in CSV: their rows, and what is refused before it fills the memory."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from diffviews_desktop.errors import brief
from diffviews_desktop.files import csv_text as csv_files
from diffviews_desktop.files.csv_text import SEPARATORS, csv_rows, csv_table
from diffviews_desktop.files.reading import UnfitFileError


def test_rows_that_are_not_empty(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text('\nfile,class\n\n"a, b.png",1\n,,\n', encoding="utf-8-sig")
    assert list(csv_rows(table)) == [["file", "class"], ["a, b.png", "1"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_every_way_and_in_quotes(tmp_path: Path, end: str) -> None:
    table = tmp_path / "table.csv"
    text = end.join(["a,b", f'"1{end}2",3', "x", ""])
    table.write_bytes(text.encode())
    with table.open(newline="", encoding="utf-8") as file:
        assert list(csv_rows(table)) == list(csv.reader(file))
    assert list(csv_rows(table)) == [["a", "b"], [f"1{end}2", "3"], ["x"]]


@pytest.mark.parametrize(
    "row",
    ["a" * 101, "a," * 50 + "a", '"' + "a\n" * 51 + '"', '"a\n",' * 26],
    ids=["letters", "columns", "lines", "cells of lines"],
)
def test_a_row_is_read_up_to_a_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    monkeypatch.setattr(csv_files, "LONGEST_ROW", 100)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" * 50)  # together they may be longer
    assert len(list(csv_rows(table))) == 50
    table.write_text(f"a,b\n{row}\n")
    rows = csv_rows(table)
    assert next(rows) == ["a", "b"]
    with pytest.raises(UnfitFileError) as caught:
        list(rows)
    assert brief(caught.value) == "it has a row of more than a million characters"


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    os.mkfifo(table)
    with pytest.raises(UnfitFileError, match="a named pipe"):
        next(csv_rows(table))
    table.unlink()
    table.write_bytes(b"a,b\n\0\0\n")
    with pytest.raises(UnfitFileError, match="zero bytes"):
        list(csv_rows(table))
    table.write_bytes(b"\xff,\x01")
    with pytest.raises(ValueError, match="utf-8"):
        list(csv_rows(table))
    os.truncate(table, 30 * 10**9)
    with pytest.raises(UnfitFileError, match="30,000 MB"):
        next(csv_rows(table))


TEXT = 'file,class name\r\n"a, b.png",é\r\n'


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_table_is_read_in_every_unicode(tmp_path: Path, encoding: str) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(TEXT.encode(encoding))
    assert list(csv_rows(table)) == [["file", "class name"], ["a, b.png", "é"]]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("hint", [False, True])
def test_the_separator_is_found(tmp_path: Path, separator: str, hint: bool) -> None:
    table = tmp_path / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        file.write(f"sep={separator}\r\n" if hint else "")
        csv.writer(file, delimiter=separator).writerows([["file", "a,b;c"], ["x|y", "1,5"]])
    found = csv_table(table, lambda header: header[0] == "file")
    assert (found.separator, list(found.header)) == (separator, ["file", "a,b;c"])
    assert list(found.rows) == [["x|y", "1,5"]]


def test_without_a_header_that_fits_most_names_tell_the_separator(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a;b,c;d\n1;2,3;4\n")
    assert csv_table(table).separator == ";"
    table.write_text("a\n1\n")
    assert csv_table(table).header == ["a"]
    table.write_text("")
    assert csv_table(table).header == []
    table.write_text(",".join(["name"] * 100_000) + "\n")  # too long for one cell
    assert len(csv_table(table).header) == 100_000


@pytest.mark.parametrize("line", ['file, "class" ', " file ,class"])
def test_spaces_around_names_are_those_of_the_separators(tmp_path: Path, line: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f'{line}\na b ,  "c, d" \n')
    found = csv_table(table)
    assert (list(found.header), list(found.rows)) == (["file", "class"], [["a b", "c, d"]])
    table.write_text("file,class, name\na , b,c\n")  # of a name: the cells keep theirs
    found = csv_table(table)
    assert (list(found.header), list(found.rows)) == (
        ["file", "class", "name"],
        [["a ", " b", "c"]],
    )
