"""What a folder says of its samples besides what the program knows."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_folder import write_tiny_model

from diffviews_desktop.data.folder import sample_columns
from diffviews_desktop.data.folder.dataset import (
    open_data_folder,
    read_samples,
    write_embedding_csv,
)
from diffviews_desktop.data.folder.sample_columns import MOST_COLUMNS, further_columns, read_csv
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.text.plain import csv_cell
from diffviews_desktop.values.samples import SampleTable

encodable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_numbers_categories_and_neither() -> None:
    found = further_columns(
        {
            "sample_id": ["a", "b", "c", "d"],
            "umap_x": ["1", "2", "3", "4"],
            "score": ["0.5", "", "2e3", "-1"],
            "cluster": ["10", "2", "2", ""],
            "kind": ["cat", "dog", None, "cat"],
            "flag": [True, False, True, True],
            "same": ["x", "x", "x", "x"],
            "one": [1, 1, 1, None],
            "empty": ["", None, "", ""],
            "lists": [[1], [2], [3], [4]],
            "mixed": [1, "two", 3.5, None],
            "line\nbreak": [1, 2, 3, 4],
        }
    )
    assert list(found) == ["score", "cluster", "kind", "flag", "mixed"]
    assert np.array_equal(found["score"].values, [0.5, np.nan, 2000, -1], equal_nan=True)
    assert found["score"].names == ()
    assert found["cluster"].names == ("2", "10")  # in the order of numbers
    assert found["cluster"].values.tolist() == [1, 0, 0, -1]
    assert found["kind"].names == ("cat", "dog")
    assert found["kind"].values.tolist() == [0, 1, -1, 0]
    assert found["flag"].names == ("False", "True")
    assert found["mixed"].names == ("1", "3.5", "two")


def test_too_many_of_anything_are_left_out() -> None:
    count = 1000
    names = [f"file_{i}.png" for i in range(count)]
    found = further_columns({"name": names, "whole": list(range(count))})
    assert list(found) == ["whole"]
    assert found["whole"].names == ()  # so many whole numbers are numbers
    many = {f"x{i}": [0.5, 1.5] for i in range(100)}
    assert len(further_columns(many)) == MOST_COLUMNS


def test_columns_of_the_list_and_of_the_map_belong_to_their_samples(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_tiny_model(folder)
    file = next(folder.glob("metadata/*/dataset_info.json"))
    listed = json.loads(file.read_text())
    for i, record in enumerate(listed["samples"]):
        record["odd"] = "odd" if i % 2 else "even"
        record["length"] = i / 2
    file.write_text(json.dumps(listed))
    table = next(folder.glob("embeddings/*.csv"))
    with table.open(newline="") as text:
        rows = list(csv.DictReader(text))
    rows.reverse()
    rows = rows[1:]  # one sample less, and another order
    with table.open("w", newline="") as text:
        writer = csv.DictWriter(text, [*rows[0], "quality"])
        writer.writeheader()
        writer.writerows(
            {**row, "quality": len(row["sample_id"]) + n / 8} for n, row in enumerate(rows)
        )
    quality = {row["sample_id"]: len(row["sample_id"]) + n / 8 for n, row in enumerate(rows)}
    samples = read_samples(open_data_folder(tmp_path).model(folder.name)).table
    assert len(samples) == len(rows)
    assert {"odd", "length", "quality"} <= set(samples.columns)
    ids = [record["sample_id"] for record in listed["samples"]]
    place = [ids.index(name) for name in samples.sample_id]
    assert samples.columns["length"].values.tolist() == [i / 2 for i in place]
    odd = samples.columns["odd"]
    assert [odd.names[int(v)] for v in odd.values] == ["odd" if i % 2 else "even" for i in place]
    found = samples.columns["quality"].values.tolist()
    assert found == [quality[name] for name in samples.sample_id]


@given(names=st.lists(encodable, min_size=1, max_size=8))
def test_a_table_is_read_back_equal_and_holds_no_formulas(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("table") / "map.csv"
    count = len(names)
    table = SampleTable(
        root=file.parent,
        sample_id=names,
        class_label=np.full(count, -1, np.int32),
        class_name=names[::-1],
        image_path=names,
        sigma=np.ones(count, np.float32),
    )
    write_embedding_csv(file, table, np.full((count, 2), -0.5, np.float32))
    read = read_csv(file)
    assert list(read["sample_id"]) == names
    assert list(read["class_name"]) == names[::-1]
    assert list(read["image_path"]) == names
    assert set(read["umap_x"]) == {"-0.5"}
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    for row in rows:
        for column in ("sample_id", "class_name", "image_path"):
            assert row[column][:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def test_a_sample_with_a_zero_byte_in_its_name_is_found_in_a_map(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_tiny_model(folder, samples=1, checkpoint=False)
    file = next(folder.glob("metadata/*/dataset_info.json"))
    file.write_text(json.dumps({"samples": [{"sample_id": "a\0b"}]}))
    (folder / "embeddings" / "map.csv").unlink()
    table = read_samples(open_data_folder(tmp_path).model("tiny")).table
    write_embedding_csv(folder / "embeddings" / "map.csv", table, np.ones((1, 2), np.float32))
    samples = read_samples(open_data_folder(tmp_path).model("tiny"))
    assert samples.table.sample_id == ("a\0b",)
    assert samples.xy is not None
    assert samples.xy.tolist() == [[1, 1]]


FORMULAS = ("=cmd|' /C calc'!A0", "'=literally", "'=cmd|' /C calc'!A0", "@sum", "plain", "'tis")


@pytest.mark.parametrize("ours", [True, False], ids=["our table", "another program's table"])
@pytest.mark.parametrize("names", [FORMULAS, ("'=literally", "plain"), ("=a", "b")])
def test_samples_named_like_formulas_are_found_in_a_map(
    ours: bool, names: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    write_tiny_model(folder, samples=len(names), checkpoint=False)
    file = next(folder.glob("metadata/*/dataset_info.json"))
    listed = json.loads(file.read_text())
    for record, name in zip(listed["samples"], names, strict=True):
        record["sample_id"] = name
    file.write_text(json.dumps(listed))
    with (folder / "embeddings/map.csv").open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["sample_id", "umap_x", "umap_y", csv_cell("=note") if ours else "=note"])
        for i, name in enumerate(names):
            said = f"=note {i % 2}"
            cells = [csv_cell(name), csv_cell(said)] if ours else [name, said]
            writer.writerow([cells[0], i, -i, cells[1]])
    samples = read_samples(open_data_folder(tmp_path).model("tiny"))
    assert samples.table.sample_id == names
    assert samples.xy is not None
    assert samples.xy.tolist() == [[i, -i] for i in range(len(names))]
    assert samples.table.columns["=note"].names == ("=note 0", "=note 1")


def test_numbers_too_large_for_any_are_none() -> None:
    values = [0.5, 10**4000, *range(300)]
    assert sample_columns.numbers(values)[:3] == [0.5, pytest.approx(math.nan, nan_ok=True), 0]
    assert further_columns({"score": values}) == {}  # too many of them to be categories


# ---- reading ------------------------------------------------------------------------------------


def test_a_table_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_columns, "PIECE", 3)
    table = tmp_path / "map.csv"
    rows = [["sample_id", "kind", "umap_x", "umap_y", "kind", "", "left"]]
    rows += [[f"s{i}", "a", str(i), "0", f"k{i}", "", "?"][: 7 if i % 2 else 5] for i in range(10)]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = read_csv(table, ["left"])
    assert list(found) == ["sample_id", "umap_x", "umap_y", "kind", ""]
    assert list(found["sample_id"]) == [f"s{i}" for i in range(10)]
    assert list(found["umap_x"]) == [str(i) for i in range(10)]
    assert list(found["kind"]) == [f"k{i}" for i in range(10)]  # the second of two
    assert list(found[""]) == [""] * 10
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


def test_a_table_that_would_take_too_much_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_columns, "MOST_TABLE_MEMORY", 100_000)
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


def test_numbers_that_are_too_large_are_texts() -> None:
    (column,) = further_columns({"a": [10**400, 1, 2.5, "9" * 400]}).values()
    assert column.names == ("1", f"1{'0' * 79}", "2.5", "9" * 80)
