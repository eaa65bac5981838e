"""What a folder says of its samples besides what the program knows."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_folder import write_tiny_model

from diffviews_desktop.data.folder import sample_columns
from diffviews_desktop.data.folder.dataset import (
    ModelSamples,
    open_data_folder,
    read_samples,
    write_embedding_csv,
)
from diffviews_desktop.data.folder.map_table import read_csv
from diffviews_desktop.errors import DataError
from diffviews_desktop.text.plain import csv_cell
from diffviews_desktop.values.samples import SampleTable

encodable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


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
    found = sample_columns.numbers([0.5, 10**4000, "1_2", "7"])
    assert found == [
        0.5,
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(math.nan, nan_ok=True),
        7,
    ]


# ---- in a folder --------------------------------------------------------------------------------


def folder_with(
    root: Path, listed: dict[str, list[Any]], mapped: dict[str, list[str]]
) -> ModelSamples:
    """The samples of a folder whose list and map's table have further columns."""
    folder = root / "tiny"
    count = len(next(iter((*listed.values(), *mapped.values()))))
    write_tiny_model(folder, samples=count, checkpoint=False)
    file = next(folder.glob("metadata/*/dataset_info.json"))
    records = json.loads(file.read_text())
    for i, record in enumerate(records["samples"]):
        record |= {name: values[i] for name, values in listed.items() if values[i] is not ...}
    file.write_text(json.dumps(records))
    table = folder / "embeddings/map.csv"
    with table.open(newline="") as text:
        rows = list(csv.DictReader(text))
    with table.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow([*rows[0], *mapped])
        writer.writerows(
            [*row.values(), *(values[i] for values in mapped.values())]
            for i, row in enumerate(rows)
        )
    return read_samples(open_data_folder(root).model("tiny"))


def test_what_colours_cannot_show_is_said_when_a_folder_opens(tmp_path: Path) -> None:
    samples = folder_with(
        tmp_path,
        {"boxes": [[i] for i in range(210)], "split": ["train"] * 210},
        {
            "score": ["inf", *(f"{i / 8}" for i in range(209))],
            "path": [f"{i}.png" for i in range(210)],
            "": list(map(str, range(210))),
        },
    )
    assert samples.notes == (
        "Colour by cannot show path (it has 210 different texts, and colours tell at most 200 "
        "apart); boxes (it holds lists or objects, not one value a sample).",
        "Check these columns: score (1 infinite value counts as no value).",
    )
    assert list(samples.table.columns) == ["split", "score", "path"]
    assert samples.table.columns["path"].texts()[209] == "209.png"
    some = samples.take(np.array([5, 3])).table
    assert some.columns["path"].texts() == ["5.png", "3.png"]
    assert some.left_out == samples.table.left_out


def test_a_map_that_is_written_again_keeps_what_the_folder_says(tmp_path: Path) -> None:
    kept = {
        "id": ["00012", "00007", "3"],
        "day": ["2023-01-15", "", "2023-02-01"],
        "note": ["=a", "-", "b, c"],
        "group": ["-1", "1", "-1"],
    }
    samples = folder_with(tmp_path, {}, kept)
    assert samples.xy is not None
    table = tmp_path / "tiny/embeddings/map.csv"
    write_embedding_csv(table, samples.table, samples.xy)
    again = read_samples(open_data_folder(tmp_path).model("tiny")).table
    assert {name: column.texts() for name, column in again.columns.items()} == kept
    assert {c.kind for c in again.columns.values()} == {"categories", "dates"}


def test_many_are_counted(tmp_path: Path) -> None:
    samples = folder_with(tmp_path, {f"x{i}": [["a"], ["b"]] for i in range(9)}, {})
    (note,) = samples.notes
    assert note.count("it holds lists or objects") == 4
    assert note.endswith("; and 5 more.")


def test_a_column_that_begins_late_in_the_list_is_read(tmp_path: Path) -> None:
    late = [... if i < 150 else f"{i / 8}" for i in range(300)]
    column = folder_with(tmp_path, {"late": late}, {}).table.columns["late"]
    assert column.texts() == ["" if text is ... else str(float(text)) for text in late]


def test_a_column_that_list_and_map_say_differently_is_named(tmp_path: Path) -> None:
    listed = {"same": [0.5, 1.5, 7], "other": [1, 2, 3]}
    samples = folder_with(tmp_path, listed, {"same": ["0.5", "1.5", "7"], "other": ["1", "2", "4"]})
    assert samples.table.columns["other"].texts() == ["1", "2", "4"]
    assert samples.table.left_out == {
        "other of dataset_info.json": "map.csv has other values, which are shown: rename one of "
        "the two columns"
    }


def test_a_map_without_a_list_has_its_numbers_as_it_writes_them(tmp_path: Path) -> None:
    samples = folder_with(tmp_path, {}, {"share": ["12,5", "1.000,5", "7"]})
    table = tmp_path / "tiny/embeddings/map.csv"
    next(tmp_path.glob("tiny/metadata/*/dataset_info.json")).unlink()
    text = io.StringIO(table.read_text(), newline="")
    rows = list(csv.DictReader(text))
    with table.open("w", newline="", encoding="utf-16") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(rows[0])
        numbers = ("umap_x", "umap_y", "conditioning_sigma")
        writer.writerows(
            [value.replace(".", ",") if name in numbers else value for name, value in row.items()]
            for row in rows
        )
    again = read_samples(open_data_folder(tmp_path).model("tiny"))
    assert again.table.sample_id == samples.table.sample_id
    assert np.array_equal(again.xy, samples.xy)
    assert np.array_equal(again.table.sigma, samples.table.sigma)
    assert np.array_equal(again.table.class_label, samples.table.class_label)
    assert again.table.columns["share"].values.tolist() == [12.5, 1000.5, 7]


@pytest.mark.parametrize("value", ["1_0", "1,5,0"])
def test_what_only_python_takes_for_a_number_is_none(tmp_path: Path, value: str) -> None:
    with pytest.raises(DataError, match=f"class_label of sample_000001 is not usable: '{value}'"):
        folder_with(tmp_path, {"class_label": [0, value]}, {})
