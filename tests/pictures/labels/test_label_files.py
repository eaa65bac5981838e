"""Files of labels as spreadsheets and programs write them: every row comes back as it was."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diffviews_desktop.files.reading import UnfitFileError
from diffviews_desktop.pictures.labels import files as label_files
from diffviews_desktop.pictures.labels.columns import LabelFormatError, label_columns
from diffviews_desktop.pictures.labels.files import (
    LabelRow,
    label_rows,
)
from diffviews_desktop.pictures.labels.values import label_of

# no line ends, which no program writes into names of pictures, and no halves of surrogate pairs
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12
).map(str.strip)
FILES = TEXT.filter(lambda text: text not in ("", "sep="))
LABELS = st.integers(0, 999) | TEXT | st.none() | st.floats(0, 9).map(lambda x: round(x, 1))
ROWS = st.dictionaries(FILES, LABELS, min_size=1, max_size=6)
HEADERS = [
    ("file", "class"),
    ("file_name", "label"),
    ("Filename", "Class Label"),
    ("image_path", "class-id"),
    ("path", "class_name"),
]

Rows = Mapping[str, Any]
Writer = Callable[[Rows, tuple[str, str]], bytes]


def _table(separator: str, encoding: str, quoting: Any, mark: str = "") -> Writer:
    def write(rows: Rows, header: tuple[str, str]) -> bytes:
        text = io.StringIO(mark, newline="")
        text.seek(0, io.SEEK_END)
        writer = csv.writer(text, delimiter=separator, quoting=quoting)
        writer.writerow(header)
        writer.writerows((file, "" if label is None else label) for file, label in rows.items())
        return text.getvalue().encode(encoding)

    return write


def _lines(encoding: str = "utf-8", *, ascii_only: bool = True) -> Writer:
    def write(rows: Rows, header: tuple[str, str]) -> bytes:
        records = [dict(zip(header, pair, strict=True)) for pair in rows.items()]
        texts = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
        return "\n".join([*texts, ""]).encode(encoding)

    return write


def _json(make: Callable[[Rows, tuple[str, str]], Any], indent: int | None = None) -> Writer:
    return lambda rows, header: json.dumps(make(rows, header), indent=indent).encode()


WRITERS: dict[str, Writer] = {
    "CSV": _table(",", "utf-8", csv.QUOTE_MINIMAL),
    "CSV, all quoted": _table(",", "utf-8", csv.QUOTE_ALL),
    "CSV of Excel": _table(",", "utf-8-sig", csv.QUOTE_MINIMAL),
    "CSV of a German Excel": _table(";", "utf-8-sig", csv.QUOTE_MINIMAL),
    "CSV with a hint": _table(";", "utf-8", csv.QUOTE_MINIMAL, "sep=;\r\n"),
    "TSV": _table("\t", "utf-8", csv.QUOTE_MINIMAL),
    "Unicode text of Excel": _table("\t", "utf-16", csv.QUOTE_MINIMAL),
    "bars": _table("|", "utf-8", csv.QUOTE_MINIMAL),
    "JSON lines": _lines(),
    "JSON lines in UTF-16": _lines("utf-16", ascii_only=False),
    "EDM": _json(lambda rows, header: {"labels": [list(pair) for pair in rows.items()]}),
    "EDM, indented": _json(lambda rows, header: {"labels": [list(p) for p in rows.items()]}, 1),
    "EDM as an object": _json(lambda rows, header: {"labels": rows}),
    "records": _json(
        lambda rows, header: [dict(zip(header, p, strict=True)) for p in rows.items()]
    ),
    "pairs": _json(lambda rows, header: [list(pair) for pair in rows.items()]),
    "lists": _json(lambda rows, header: {header[0]: list(rows), header[1]: list(rows.values())}),
    "pandas": _json(
        lambda rows, header: {
            header[0]: {str(i): file for i, file in enumerate(rows)},
            header[1]: {str(i): label for i, label in enumerate(rows.values())},
        }
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labels") / "labels"


@given(ROWS, st.sampled_from(HEADERS), st.sampled_from(sorted(WRITERS)))
@example({"a.png": 3, "b;c.png": None}, HEADERS[1], "CSV of a German Excel")
@example({"a,b.png": 0.5}, HEADERS[0], "Unicode text of Excel")
def test_rows_come_back(place: Path, rows: Rows, header: tuple[str, str], how: str) -> None:
    place.write_bytes(WRITERS[how](rows, header))
    found = label_rows(place)
    assert found is not None
    read = [(row.file, label_of(row.label)) for row in found]
    assert read == [(file, label_of(label)) for file, label in rows.items()]


def test_an_object_of_files_is_read(place: Path) -> None:
    place.write_text('{"a.png": 3, "b.png": "cat", "c.png": null}')
    found = label_rows(place)
    assert found is not None
    assert list(found) == [("a.png", 3, ""), ("b.png", "cat", ""), ("c.png", None, "")]


def test_names_of_classes_are_read(place: Path) -> None:
    place.write_text("name,label,file\ncat,3,a.png\n")
    assert list(label_rows(place) or ()) == [LabelRow("a.png", "3", "cat")]
    place.write_text('{"label": 3, "label_name": "cat", "file_name": "a.png", "size": [1]}')
    assert list(label_rows(place) or ()) == [LabelRow("a.png", 3, "cat")]


@pytest.mark.parametrize(
    "header",
    [
        *("label,class_id", "label,label_id", "category,category_id", "class,target"),
        *("class_id,label", "class_label,class", "Class,Label ID"),
    ],
)
def test_of_a_number_and_a_text_the_number_is_the_class(place: Path, header: str) -> None:
    """The text is its name, in whichever of the two columns it stands."""
    one, other = header.split(",")
    swapped = header == "class_id,label"
    cells = [("7", "3"), ("dog", "5"), ("unknown", "")]  # a class may be called 7
    pairs = [pair[::-1] if swapped else pair for pair in cells]
    place.write_text(
        f"file,{header}\n" + "".join(f"{i}.png,{a},{b}\n" for i, (a, b) in enumerate(pairs))
    )
    wanted = [("0.png", "3", "7"), ("1.png", "5", "dog"), ("2.png", "unknown", "")]
    assert list(label_rows(place) or ()) == wanted
    records = [{"file": f"{i}.png", one: a, other: b} for i, (a, b) in enumerate(pairs)]
    columns = {"file": ["0.png", "1.png", "2.png"], one: [a for a, _ in pairs]}
    columns[other] = [b for _, b in pairs]
    for text in ("\n".join(map(json.dumps, records)), json.dumps(records), json.dumps(columns)):
        place.write_text(text)
        assert list(label_rows(place) or ()) == wanted


def test_two_columns_of_the_same_numbers_are_one(place: Path) -> None:
    place.write_text("file,class,target\na.png,3,3.0\nb.png,4,\n")
    assert [label_of(row.label) for row in label_rows(place) or ()] == ["3", "4"]


def test_the_row_names_of_r_are_no_column(place: Path) -> None:
    place.write_text('"file","class"\n"1","a.png",3\n"2","b.png",4\n')
    assert list(label_rows(place) or ()) == [("a.png", "3", ""), ("b.png", "4", "")]


def test_ids_of_pictures_may_be_numbers(place: Path) -> None:
    place.write_text('{"image_id": 12, "label": 3}\n')
    assert list(label_rows(place) or ()) == [("12", 3, "")]


def test_a_file_may_say_that_there_are_no_classes(place: Path) -> None:
    place.write_text('{"labels": null}')
    assert label_rows(place) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "file,size\na,1\n",
            "it lacks the column class: its first line names file, size, separated by commas",
        ),
        (
            "a.png\t3\nb.png\t4\n",
            "lacks the columns file and class: its first line names a.png, 3, separated by tabs",
        ),
        ("", "it is empty"),
        ("\x1b[2J\n1\n", r"names \x1b[2J"),
        (
            '{"file_name": "a.png", "text": "a cat"}\n',
            "have no class or label, but file_name, text",
        ),
        (
            '{"file_name": "a.png", "label": 1}\n[1]\n',
            "it has [1] where a picture's file and class",
        ),
        ('{"labels": 3}', "its 'labels' are 3 instead of a list"),
        ('{"labels": [["a.png", 1], ["b.png"]]}', 'it has ["b.png"] where'),
        ('{"labels": [[1, 1]]}', "it has 1 where the name of a picture should be"),
        (
            '{"images": {}, "annotations": {}}',
            "this form is not read: it is an object of images, annotations",
        ),
        ('{"file": ["a"], "label": [1, 2]}', "its columns are not equally long"),
        (
            '{"images": [{"id": 1}], "annotations": []}',
            "this form is not read: it is an object of im",
        ),
        ('{"cat": ["a.png"], "dog": ["b.png", "c.png"]}', "not read: it is an object of cat, dog"),
        ("file,Class,class\na.png,cat,1\n", "it has the column Class twice"),
        ("file,File,class\na.png,a,1\n", "it has the column file twice"),
        ("file,class,target\na.png,1,2\n", "columns class and target have different class numbers"),
        ('[{"file": "a", "label": 1, "target": 2}]', "have different class numbers: keep one"),
        ('[["a.png", 1], 7]', "it has 7 where a picture's file and class should be"),
    ],
)
def test_another_form_is_refused_with_what_was_seen(place: Path, text: str, reason: str) -> None:
    place.write_text(text)
    with pytest.raises(LabelFormatError) as refused:
        list(label_rows(place) or ())
    assert reason in str(refused.value)


def test_what_is_too_large_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = '{"file_name": "a.png", "label": 1}\n'
    place.write_text(line + '{"file_name": "' + "a" * 2**20 + '", "label": 1}\n')
    with pytest.raises(UnfitFileError, match="a million characters"):
        list(label_rows(place) or ())
    monkeypatch.setattr(label_files, "MOST_MEMORY", 10_000)
    place.write_text(json.dumps([["a.png", 1]] * 1000))
    with pytest.raises(UnfitFileError, match="more than"):
        label_rows(place)
    place.write_text("[" * 100_000)
    with pytest.raises(UnfitFileError):
        label_rows(place)


@pytest.mark.parametrize(
    ("header", "columns", "missing"),
    [
        ("file,class", (0, 1, None), ()),
        ("name, LABEL ,Path", (2, 1, 0), ()),
        ("image,filename,class_label,class", (1, 3, None), ()),
        ("name,size", (None, 0, None), ("file",)),
        ("file", (0, None, None), ("class",)),
        ("file_name,label", (0, 1, None), ()),
        ("Image Path,Category-ID,Category Name", (0, 1, 2), ()),
        ("id,image_id,label", (1, 2, None), ()),
        ("id,label", (0, 1, None), ()),
    ],
)
def test_columns_of_labels(
    header: str, columns: tuple[int | None, ...], missing: tuple[str, ...]
) -> None:
    found = label_columns(header.split(","))
    assert found[:3] == columns
    assert found.missing == missing
