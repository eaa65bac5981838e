from __future__ import annotations

import gc
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.errors import DataError

ROWS, WIDTH = 23, 17


def values(dtype: str = "<f4", rows: int = ROWS, width: int = WIDTH) -> np.ndarray:
    return np.arange(rows * width).reshape(rows, width).astype(dtype)


def write(folder: Path, array: np.ndarray) -> Path:
    path = folder / "a.npy"
    np.save(path, array)
    return path


KEYS = st.one_of(
    st.integers(-ROWS, ROWS - 1),
    st.slices(ROWS),
    st.lists(st.integers(-ROWS, ROWS - 1), max_size=12),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array),
)
COLUMNS = st.tuples(st.integers(0, WIDTH), st.integers(0, WIDTH)).map(lambda ends: slice(*ends))


@settings(max_examples=80, deadline=None)
@given(
    rows=KEYS,
    columns=COLUMNS,
    dtype=st.sampled_from(["<f2", "<f4", ">f4", "<f8"]),
    turned=st.booleans(),
    window=st.sampled_from([(slice(0, ROWS), slice(0, WIDTH)), (slice(2, 25), slice(1, 18))]),
)
def test_reading_is_indexing(
    tmp_path_factory: pytest.TempPathFactory,
    rows: Any,
    columns: slice,
    dtype: str,
    turned: bool,
    window: tuple[slice, slice],
) -> None:
    whole = values(dtype, 30, 20)[:, :WIDTH] if window[0].start == 0 else values(dtype, 30, 20)
    whole = whole[:ROWS] if window[0].start == 0 else whole
    path = write(tmp_path_factory.mktemp("m"), np.asarray(whole, order="F" if turned else "C"))
    matrix = MatrixFile.open(path).part(*window)
    expected = whole[window]
    assert matrix.shape == expected.shape
    assert matrix.dtype == expected.dtype
    assert len(matrix) == ROWS
    np.testing.assert_array_equal(matrix[rows], expected[rows])
    key = rows if not isinstance(rows, list) else np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(matrix[rows, columns], expected[key, columns])
    np.testing.assert_array_equal(np.asarray(matrix), expected)


def test_a_few_columns_of_many_are_read_alone_and_many_with_their_rows(tmp_path: Path) -> None:
    array = values(rows=50, width=4000)
    matrix = MatrixFile.open(write(tmp_path, array))
    for columns in (slice(5, 9), slice(100, 3900), slice(0, 4000)):
        np.testing.assert_array_equal(matrix[7:40, columns], array[7:40, columns])
        np.testing.assert_array_equal(matrix[[3, 4, 9], columns], array[[3, 4, 9], columns])


def test_pieces_follow_one_another(tmp_path: Path) -> None:
    array = values(rows=30, width=20_000)  # larger than a piece
    matrix = MatrixFile.open(write(tmp_path, array))
    found = [(part, rows.copy()) for part, rows in matrix.pieces(slice(4, 29))]
    assert len(found) > 1
    assert [part.start for part, _ in found] == [4, *(part.stop for part, _ in found[:-1])]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in found]), array[4:29])


@pytest.mark.parametrize("row", [ROWS, -ROWS - 1, [0, ROWS], np.zeros(ROWS - 1, dtype=bool)])
def test_rows_that_do_not_exist(tmp_path: Path, row: Any) -> None:
    matrix = MatrixFile.open(write(tmp_path, values()))
    with pytest.raises(IndexError):
        matrix[row]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.one_of(st.slices(ROWS), st.lists(st.integers(0, ROWS - 1), unique=True)),
    dtype=st.sampled_from(["<f2", "<f4"]),
    one=st.booleans(),
)
def test_writing_is_assigning(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, dtype: str, one: bool
) -> None:
    path = tmp_path_factory.mktemp("m") / "a.npy"
    matrix = MatrixFile.create(path, (ROWS, WIDTH), dtype)
    expected = np.zeros((ROWS, WIDTH), dtype)
    given: Any = np.nan if one else -values("<f8")[: len(expected[rows])]
    matrix[rows] = given
    expected[rows] = given
    np.testing.assert_array_equal(np.load(path), expected)
    np.testing.assert_array_equal(matrix[:], expected)


def test_a_file_is_the_one_that_numpy_writes(tmp_path: Path) -> None:
    MatrixFile.create(tmp_path / "ours.npy", (np.int64(3), 4), np.float16)[:] = 1  # type: ignore[arg-type]
    np.save(tmp_path / "theirs.npy", np.ones((3, 4), np.float16))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    with pytest.raises(FileExistsError):
        MatrixFile.create(tmp_path / "ours.npy", (3, 4), np.float16)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3, np.float32),
        np.zeros((2, 2, 2), np.float32),
        np.zeros((2, 2), np.int32),
        np.zeros((2, 2), np.complex64),
        np.array([[None]]),
    ],
)
def test_what_is_no_matrix_of_floats_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no matrix"):
        MatrixFile.open(write(tmp_path, array))


@pytest.mark.parametrize("left", [0, 5, 11, 127, -1])
def test_a_file_that_is_too_short_is_refused(tmp_path: Path, left: int) -> None:
    path = write(tmp_path, values())
    os.truncate(path, left if left >= 0 else path.stat().st_size + left)
    with pytest.raises(ValueError, match=r"it ends before its 23 rows do|magic|header|Header|EOF"):
        MatrixFile.open(path)


# --- what other programs do meanwhile ------------------------------------------------------------


def test_a_file_that_was_deleted_is_read_to_the_end(tmp_path: Path) -> None:
    path = write(tmp_path, values())
    matrix = MatrixFile.open(path)
    path.unlink()
    np.testing.assert_array_equal(matrix[:], values())


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("columns", [slice(None), slice(2, 3), slice(1, 16)])
def test_a_file_that_was_shortened_is_said(tmp_path: Path, turned: bool, columns: slice) -> None:
    path = write(tmp_path, np.asarray(values(), order="F" if turned else "C"))
    matrix = MatrixFile.open(path)
    os.truncate(path, 200)
    with pytest.raises(DataError, match=r"a\.npy was shortened by another program"):
        matrix[:, columns]


def test_nothing_is_written_to_a_file_that_was_shortened(tmp_path: Path) -> None:
    """Else what it held would read as zeros."""
    path = tmp_path / "a.npy"
    matrix = MatrixFile.create(path, (ROWS, WIDTH), np.float32)
    matrix[:5] = 1
    os.truncate(path, 0)
    with pytest.raises(DataError, match=r"a\.npy was shortened by another program"):
        matrix[5:9] = 1
    assert path.stat().st_size == 0


def test_a_file_that_is_no_longer_used_is_closed(tmp_path: Path) -> None:
    matrix = MatrixFile.open(write(tmp_path, values()))
    part, descriptor = matrix.part(slice(1, 3), slice(None)), matrix.fileno()
    del matrix
    gc.collect()
    np.testing.assert_array_equal(part[:], values()[1:3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del part
        gc.collect()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)
