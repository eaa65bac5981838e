"""What a folder says of its samples besides what the program knows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from tiny_folder import write_tiny_model

from diffviews_desktop.data.dataset import open_data_folder, read_samples
from diffviews_desktop.data.sample_columns import MOST_COLUMNS, further_columns


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


def test_numbers_that_are_too_large_are_texts() -> None:
    (column,) = further_columns({"a": [10**400, 1, 2.5, "9" * 400]}).values()
    assert column.names == ("1", f"1{'0' * 79}", "2.5", "9" * 80)
