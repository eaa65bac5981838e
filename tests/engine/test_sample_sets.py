"""The mean of pictures and the table of samples, by the real engine on a real folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffviews_desktop.data.folder.map_table import read_csv
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.values.folders import FolderRef


@pytest.fixture
def opened(source: FolderRef) -> DataOpened:
    result = Engine("cpu").run(OpenData(job_id=1, folder=source))
    assert isinstance(result, DataOpened)
    return result


def average(source: FolderRef, rows: list[int], engine: Engine | None = None):
    job = AveragePictures(job_id=2, folder=source, model="tiny", rows=np.array(rows))
    return (engine or Engine("cpu")).run(job)


def test_the_mean_and_deviation_are_those_of_the_pictures(
    source: FolderRef, opened: DataOpened
) -> None:
    table = opened.samples
    rows = [0, 3, 4, 9]
    pixels = [np.asarray(Image.open(table.picture(row)).convert("RGB"), np.float64) for row in rows]
    found = average(source, rows)
    assert np.allclose(found.mean, np.mean(pixels, axis=0), atol=1e-3)
    assert np.allclose(found.deviation, np.std(pixels, axis=0), atol=1e-2)
    assert found.sample_ids == tuple(table.sample_id[row] for row in rows)


def test_missing_and_broken_pictures_are_left_out_and_counted(
    source: FolderRef, opened: DataOpened
) -> None:
    table = opened.samples
    whole = average(source, [1, 2])
    table.picture(0).unlink()
    table.picture(3).write_bytes(b"no picture")
    found = average(source, [0, 1, 2, 3])
    assert found.left_out == (
        "2 pictures were left out: 1 is missing (sample_000000), "
        "1 is not a known kind of picture (sample_000003)"
    )
    assert np.array_equal(found.mean, whole.mean)
    with pytest.raises(DataError, match="picture that can be read"):
        average(source, [0, 3])


def test_rows_that_are_not_there_are_refused(source: FolderRef) -> None:
    for row in (-1, 10**6):
        with pytest.raises(DataError, match="not in this folder"):
            average(source, [0, row])


def test_averaging_can_be_cancelled(source: FolderRef) -> None:
    seen: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine("cpu", emit=emit, cancelled=lambda _: "averaging pictures" in seen)
    many = list(range(30)) * 3
    with pytest.raises(Cancelled):
        Engine("cpu", emit=emit, cancelled=lambda _: True).run(
            AveragePictures(job_id=2, folder=source, model="tiny", rows=np.array(many))
        )
    average(source, [0, 1], engine)  # one batch: over before it is asked again
    assert seen == ["averaging pictures"]


def test_samples_are_written_as_csv_that_says_what_the_folder_says(
    source: FolderRef, opened: DataOpened, tmp_path: Path
) -> None:
    table, rows = opened.samples, np.array([7, 2])
    places = np.array([0.1, np.nan], np.float32)
    file = tmp_path / "out.csv"
    job = ExportSamples(
        job_id=3, folder=source, model="tiny", rows=rows, columns={"umap_x": places}, file=file
    )
    assert Engine("cpu").run(job).samples == 2
    with file.open(newline="", encoding="utf-8") as text:
        lines = list(csv.DictReader(text))
    assert [line["sample_id"] for line in lines] == [table.sample_id[7], table.sample_id[2]]
    assert [int(line["class_label"]) for line in lines] == table.class_label[rows].tolist()
    sigmas = np.array([line["conditioning_sigma"] for line in lines], np.float32)
    assert np.array_equal(sigmas, table.sigma[rows])
    assert [line["umap_x"] for line in lines] == ["0.1", ""]


def test_an_export_holds_no_formulas(tiny_data: Callable[..., Path], tmp_path: Path) -> None:
    data = tiny_data(embedding=False, checkpoint=False)
    listed = next(data.glob("tiny/metadata/*/dataset_info.json"))
    records = json.loads(listed.read_text())
    evil = "=cmd|' /C calc'!A0"
    records["samples"][0] |= {"sample_id": evil, "class_name": "@x", "image_path": "-y.png"}
    listed.write_text(json.dumps(records))
    job = ExportSamples(
        job_id=3,
        folder=FolderRef(data),
        model="tiny",
        rows=np.array([0]),
        columns={"=z": np.array([-1.5], np.float32)},
        file=tmp_path / "out.csv",
    )
    engine = Engine("cpu")
    engine.run(OpenData(job_id=1, folder=job.folder))
    engine.run(job)
    with job.file.open(newline="", encoding="utf-8") as text:
        (line,) = csv.DictReader(text)
    assert line["sample_id"] == f"'{evil}"
    assert line["class_name"] == "'@x"
    assert line["image_path"] == "'-y.png"
    assert line["'=z"] == "-1.5"  # a number stays one


FURTHER = {
    "id": ["00012", "00007", "0100", "3"],
    "big": ["9007199254740993", "9007199254740994", "-9007199254740995", ""],
    "day": ["2023-01-15", "2023-01-16", "", "2023-02-01"],
    "moment": ["2023-01-15T10:30:00Z", "", "2023-01-16T00:00:00Z", "2023-01-16T00:00:01Z"],
    "score": ["0.1", "1e-07", "", "-2.5"],
    "share": ["12.5%", "100.0%", "0.5%", ""],
    "group": ["-1", "0", "1", "-1"],
    "kind": ["=cat", "+", "-", "a, b"],
    "flag": ["True", "False", "", "True"],
}


def test_columns_are_exported_as_they_were_read_and_read_back_equal(
    tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(checkpoint=False, samples=24)
    table = data / "tiny/embeddings/map.csv"
    with table.open(newline="") as text:
        rows = [
            row | {n: v[i % 4] for n, v in FURTHER.items()}
            for i, row in enumerate(csv.DictReader(text))
        ]
    with table.open("w", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    engine = Engine("cpu")
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    columns = opened.samples.columns
    assert {name: column.texts()[:4] for name, column in columns.items()} == FURTHER
    where = np.arange(8)[::-1]
    shown = opened.layer_map
    places = {"umap_x": shown.xy[where, 0], "umap_y": shown.xy[where, 1]}
    job = ExportSamples(
        job_id=2,
        folder=opened.folder,
        model="tiny",
        rows=where,
        columns=places,
        file=tmp_path / "a.csv",
    )
    engine.run(job)
    read = read_csv(job.file).further()
    assert read.left_out == {}
    for name, column in read.columns.items():
        assert column.texts() == columns[name].take(where).texts()
        assert column.values.dtype == columns[name].values.dtype
        assert (column.kind, column.unit) == (columns[name].kind, columns[name].unit)
    with job.file.open(newline="", encoding="utf-8") as text:
        lines = list(csv.DictReader(text))
    assert [line["group"] for line in lines[:4]] == FURTHER["group"][::-1]  # numbers stay numbers
    assert [line["kind"] for line in lines[:4]] == ["a, b", "'-", "'+", "'=cat"]


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet"])
def test_columns_of_the_folder_stay_beside_those_of_an_export(
    tiny_data: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    data = tiny_data(checkpoint=False)
    listed = next(data.glob("tiny/metadata/*/dataset_info.json"))
    records = json.loads(listed.read_text())
    for number, one in enumerate(records["samples"]):
        one |= {"record": f"r{number % 3}", "role": f"mine {number % 2}", "role (2)": number}
        one |= {"told": "none", "caption": number, "prompt": f"a {number % 3}"}
    listed.write_text(json.dumps(records))
    file = tmp_path / f"out.{ending}"
    engine = Engine("cpu")
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    job = ExportSamples(
        job_id=2,
        folder=opened.folder,
        model="tiny",
        rows=np.arange(3),
        columns={"role": np.array(["anchor", "by hand", "x"]), "told": np.full(3, "none")},
        file=file,
        record={"kind": "neighbours"},
    )
    engine.run(job)
    expected = {
        "record": ["r0", "r1", "r2"],
        "role": ["mine 0", "mine 1", "mine 0"],
        "role (2)": ["0", "1", "2"],
        "role (3)": ["anchor", "by hand", "x"],
        "caption": ["0", "1", "2"],
        "prompt": ["a 0", "a 1", "a 2"],
        "caption (2)": ["a 0", "a 1", "a 2"],
        "told": ["none"] * 3,
    }
    if ending == "npz":
        with np.load(file) as arrays:
            read = {name: values.tolist() for name, values in arrays.items()}
        assert json.loads(read["record (2)"]) == job.record
    else:
        import pandas

        frame = (
            pandas.read_csv(file, keep_default_na=False)
            if ending == "csv"
            else pandas.read_parquet(file)
        )
        read = {name: frame[name].tolist() for name in frame.columns}
    assert {name: list(map(str, read[name])) for name in expected} == expected
    assert len(read) == 5 + len(expected) + (ending == "npz")


def test_an_export_that_ends_early_leaves_the_old_file(source: FolderRef, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("mine")
    job = ExportSamples(
        job_id=3, folder=source, model="tiny", rows=np.arange(5), columns={}, file=file
    )
    began: list[bool] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress) and event.stage == "writing samples":
            began.append(True)
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        Engine("cpu", emit=emit).run(job)
    assert began
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.csv"]
    with pytest.raises(DataError, match="cannot be written"):
        Engine("cpu").run(
            ExportSamples(
                job_id=4,
                folder=source,
                model="tiny",
                rows=np.arange(5),
                columns={},
                file=tmp_path / "nowhere" / "out.csv",
            )
        )
