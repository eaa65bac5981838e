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
from diffviews_desktop.data.folder.map_table import read_csv
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
