"""Tables of maps, as this program, spreadsheets and other tools write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.folder import map_table
from diffviews_desktop.data.folder.map_table import read_csv
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.text.plain import csv_cell


def test_a_table_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_table, "PIECE", 3)
    table = tmp_path / "map.csv"
    rows = [["sample_id", "kind", "umap_x", "umap_y", "kind", "", "left"]]
    rows += [[f"s{i}", "a", str(i), "0", f"k{i}", "", "?"][: 7 if i % 2 else 5] for i in range(10)]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = read_csv(table, ["left"])
    assert list(found) == ["sample_id", "umap_x", "umap_y"]  # an empty one without a name is none
    assert list(found["sample_id"]) == [f"s{i}" for i in range(10)]
    assert list(found["umap_x"]) == [str(i) for i in range(10)]
    assert found.left_out == {"kind": "it is there twice: rename one of the two"}
    table.write_text("sample_id,umap_x,umap_y\n")
    assert {name: list(column) for name, column in read_csv(table).items()} == {
        "sample_id": [],
        "umap_x": [],
        "umap_y": [],
    }


def test_of_very_many_columns_the_first_are_read(tmp_path: Path) -> None:
    table = tmp_path / "map.csv"
    names = ["sample_id", *(f"c{i}" for i in range(5000)), "umap_x", "umap_y"]
    table.write_text(f"{','.join(names)}\n{'1,' * 5002}1\n")
    found = read_csv(table)
    assert list(found) == ["sample_id", *(f"c{i}" for i in range(200)), "umap_x", "umap_y"]
    assert found.left_out == {"4,800 more columns": "only the first 200 columns are read"}


def test_a_table_that_would_take_too_much_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_table, "MOST_TABLE_MEMORY", 100_000)
    table = tmp_path / "map.csv"
    table.write_text("sample_id,umap_x,umap_y\n" + "abc,1.5,2.5\n" * 500)
    assert len(read_csv(table)["umap_x"]) == 500
    table.write_text("sample_id,umap_x,umap_y\n" + "abc,1.5,2.5\n" * 700)
    with pytest.raises(DataError, match=r"map\.csv .*so many values"):
        read_csv(table)
    wide = ",".join(["sample_id", "umap_x", "umap_y", *(f"c{i}" for i in range(100))])
    table.write_text(wide + "\n" + "a\n" * 100)  # short rows are filled up
    with pytest.raises(DataError, match=r"map\.csv .*so many values"):
        read_csv(table)


def test_reading_a_table_can_be_stopped(tmp_path: Path) -> None:
    table = tmp_path / "map.csv"
    table.write_text("sample_id,umap_x,umap_y\n" + "abc,1.5,2.5\n" * 5000)
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_csv(table, (), check)
    asked = 3
    assert len(read_csv(table, (), check)["umap_x"]) == 5000
    assert asked > 10


# ---- as other programs write it -----------------------------------------------------------------

PLAIN = "sample_id,umap_x,umap_y,class_name\na b,0.5,-1.25,cat\nc,12,3e2,dog\n"
READ = {
    "sample_id": ["a b", "c"],
    "umap_x": ["0.5", "12"],
    "umap_y": ["-1.25", "3e2"],
    "class_name": ["cat", "dog"],
}


def with_header(header: str) -> Callable[[str], str]:
    return lambda text: f"{header}\n{text.split(chr(10), 1)[1]}"


SAME: dict[str, Callable[[str], str | bytes]] = {
    "plain": str,
    "semicolons": lambda text: text.replace(",", ";"),
    "semicolons and decimal commas": lambda text: text.replace(",", ";").replace(".", ","),
    "tabs": lambda text: text.replace(",", "\t"),
    "tabs and decimal commas": lambda text: text.replace(",", "\t").replace(".", ","),
    "bars": lambda text: text.replace(",", "|"),
    "quotes and decimal commas": lambda text: (
        text.replace(",", '","')
        .replace("\n", '"\n"')
        .replace("sample_id", '"sample_id', 1)
        .removesuffix('"')
        .replace(".", ",")
    ),
    "a hint": lambda text: "sep=;\n" + text.replace(",", ";"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 with tabs": lambda text: text.replace(",", "\t").encode("utf-16"),
    "spaces": lambda text: text.replace(",", " , "),
    "spaces after commas": lambda text: text.replace(",", ", "),
    "upper case": with_header("SAMPLE_ID,UMAP_X,UMAP_Y,CLASS_NAME"),
    "words": with_header("Sample ID,Umap X,umap-y,Class Name"),
    "points": with_header("sample.id,UMAP.X,UMAP.Y,class.name"),
    "counted from 1": with_header("sample_id,UMAP1,UMAP2,class_name"),
    "counted from 1 with lines": with_header("sample_id,umap_1,umap_2,class_name"),
    "counted from 0": with_header("id,umap_0,umap_1,class_name"),
    "plain axes": with_header("sample_id,x,y,class_name"),
    "a comment": with_header("# sample_id,umap_x,umap_y,class_name"),
    "an index": lambda text: "".join(
        f"{i - 1 if i else ''},{line}\n" for i, line in enumerate(text.splitlines())
    ),
    "R's row names": lambda text: "".join(
        (f'"{i}",' if i else "") + f"{line}\n" for i, line in enumerate(text.splitlines())
    ),
    "commas at the ends": lambda text: text.replace("\n", ",\n"),
}


@pytest.mark.parametrize("how", SAME)
def test_what_means_the_same_is_read_the_same(tmp_path: Path, how: str) -> None:
    table = tmp_path / "map.csv"
    written = SAME[how](PLAIN)
    table.write_bytes(written if isinstance(written, bytes) else written.encode())
    found = read_csv(table)
    assert {name: list(values) for name, values in found.items()} == READ
    assert found.left_out == {}


REFUSED = {
    "tsne": (
        with_header("sample_id,tSNE_1,tSNE_2,class_name"),
        r"lacks the columns umap_x and umap_y: its first line names sample_id, tSNE_1, tSNE_2, "
        r"class_name, separated by commas\. Name the columns sample_id, umap_x, umap_y",
    ),
    "one axis": (with_header("sample_id,umap_x,umap,class_name"), "lacks the column umap_y"),
    "no header": (with_header("a b,1,2,cat"), "lacks the columns .*names a b, 1, 2, cat"),
    "semicolons": (
        lambda text: with_header("cell,a,b,c")(text).replace(",", ";"),
        "names cell, a, b, c, separated by semicolons",
    ),
    "an id without a name": (with_header(",umap_x,umap_y,c"), r"names \(no name\), umap_x"),
    "an axis twice": (with_header("sample_id,umap_x,umap_y,umap_x"), "column umap_x twice"),
    "an axis in two cases": (with_header("sample_id,umap_x,umap_y,UMAP_X"), "umap_x twice"),
    "a class twice": (
        lambda text: with_header("sample_id,umap_x,umap_y,class_name,class_name")(text),
        "class_name twice",
    ),
    "decimal commas": (
        lambda text: text.replace(".", ","),
        "row 2 has 6 values, but the first line names 4 columns",
    ),
    "one decimal comma a row": (
        lambda text: "sample_id,umap_x,umap_y\n1,2,0,5\n2,1,1,25\n3,1,1,5\n",
        "row 2 has 4 values, but the first line names 3 columns",
    ),
    "Latin-1": (
        lambda text: text.replace("cat", "garçon").encode("latin-1"),
        "is not in UTF-8: byte 0xe7 stands for no letter. Save it as UTF-8",
    ),
    "zeros": (lambda text: text.replace("cat", "c\0t"), "zero bytes"),
    "nothing": (lambda text: "", "is empty"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_can_mean_two_things_is_refused(tmp_path: Path, how: str) -> None:
    change, said = REFUSED[how]
    table = tmp_path / "map.csv"
    written = change(PLAIN)
    table.write_bytes(written if isinstance(written, bytes) else written.encode())
    if how == "one decimal comma a row":
        table.write_text(written.replace("\n1,", "\na,").replace("\n2,", "\nb,"))
    with pytest.raises(DataError, match=said) as caught:
        read_csv(table)
    if how not in ("nothing",):
        assert "estore it" not in str(caught.value)


def test_a_column_of_the_list_may_be_there_twice(tmp_path: Path) -> None:
    table = tmp_path / "map.csv"
    table.write_text("sample_id,umap_x,umap_y,class_name,class_name,a,a\ns,1,2,x,y,3,4\n")
    found = read_csv(table, ["class_name"])
    assert list(found) == ["sample_id", "umap_x", "umap_y"]
    assert list(found.left_out) == ["a"]


@pytest.mark.parametrize("name", ["Trust", "TRUST", "Batch Index", "activation path", "trust_"])
def test_columns_that_are_called_like_the_programs_own_are_the_users(
    tmp_path: Path, name: str
) -> None:
    table = tmp_path / "map.csv"
    table.write_text(f"sample_id,umap_x,umap_y,trust,{name}\na,1.5,2.5,0.5,high\nb,1,2,0.25,low\n")
    found = read_csv(table)
    assert found["trust"] == ("0.5", "0.25")
    assert found.further().columns[name].texts() == ["high", "low"]


def test_a_name_that_two_columns_may_have_is_that_of_the_one_that_has_it(tmp_path: Path) -> None:
    table = tmp_path / "map.csv"
    table.write_text(
        "sample_id,umap_x,umap_y,Class Name,class_name\na,1,2,Siamese,cat\nb,1,2,Pug,dog\n"
    )
    found = read_csv(table)
    assert found["class_name"] == ("cat", "dog")
    assert found.further().columns["Class Name"].texts() == ["Siamese", "Pug"]


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
PLACES = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 4))


@given(
    rows=st.lists(
        st.tuples(WORDS.filter(str.strip), PLACES, PLACES, WORDS), min_size=1, max_size=6
    ),
    separator=st.sampled_from(",;\t|"),
    comma=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    header=st.sampled_from(["sample_id umap_x umap_y", "Sample_ID UMAP1 UMAP2", "id x y"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_of_any_program_comes_back(
    rows: list[tuple[str, float, float, str]],
    separator: str,
    comma: bool,
    quoting: int,
    encoding: str,
    header: str,
    end: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow([*header.split(), "note"])
    for name, *places, note in rows:
        said = [f"{place:.4f}".replace(".", "," if comma else ".") for place in places]
        writer.writerow([csv_cell(name), *said, csv_cell(note)])
    table = tmp_path_factory.mktemp("table") / "map.csv"
    table.write_bytes(text.getvalue().encode(encoding))
    found = read_csv(table)
    assert list(found["sample_id"]) == [name for name, *_ in rows]
    assert list(found["note"]) == [note for *_, note in rows]
    for i, name in enumerate(("umap_x", "umap_y"), 1):
        assert list(map(float, found[name])) == [row[i] for row in rows]


@given(
    start=st.sampled_from([b"", PLAIN.encode(), PLAIN.encode("utf-16"), b"sep=;\n", b"\xff\xfe"]),
    data=st.binary(max_size=60)
    | st.text(",;\t|\"'\n\r0.-#_= sampleidux", max_size=60).map(str.encode),
)
def test_whatever_it_holds_a_table_is_read_or_refused_with_a_sentence(
    start: bytes, data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = tmp_path_factory.mktemp("table") / "map.csv"
    table.write_bytes(start + data)
    try:
        found = read_csv(table)
    except DataError:
        return
    further = found.further()
    lengths = {len(values) for values in found.values()}
    assert len(lengths) == 1
    assert {len(column.values) for column in further.columns.values()} <= lengths
