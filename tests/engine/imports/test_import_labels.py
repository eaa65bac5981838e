"""Labels of pictures that are imported, from a table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tiny import DuckAdapter

from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.engine.imports.labels import find_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.text.plain import csv_cell
from diffviews_desktop.values.folders import FolderRef

FILES = ("=1+1.png", "'=2.png", "-3.png", "folder/@4.png", "5.png")


@pytest.mark.parametrize("guarded", [True, False])
def test_files_named_like_formulas_have_their_classes(guarded: bool, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class", "name"])
        for i, name in enumerate(FILES):
            cells = name, str(i % 2 - 1), f"=class {i % 2}"
            writer.writerow(map(csv_cell, cells) if guarded else cells)
    job = ImportData(
        job_id=1,
        folder=FolderRef(),
        checkpoint=tmp_path,
        out=tmp_path,
        name="m",
        images=tmp_path,
        labels=table,
    )
    found = find_labels(job, FILES, as_model(DuckAdapter()).facts)
    assert dict(found.of_file) == {name: i % 2 - 1 for i, name in enumerate(FILES)}
    assert dict(found.names) == {-1: "=class 0", 0: "=class 1"}
    assert not found.notes
