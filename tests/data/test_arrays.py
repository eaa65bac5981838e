"""Activation files: order inside a row, memory maps, and damaged files."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.data.arrays import flatten_layers, layer_slices, open_activations
from diffviews_desktop.errors import DataError


def write_matrix(folder: Path, rows: np.ndarray, sidecar: object = None, name: str = "a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.npy"
    np.save(path, rows)
    if sidecar is not None:
        (folder / f"{name}.npy.json").write_text(json.dumps(sidecar))
    return path


def matrix(n: int = 6, d: int = 4) -> np.ndarray:
    return np.arange(n * d, dtype=np.float32).reshape(n, d)


# --- the order in a row --------------------------------------------------------------------------


def test_26_layers_lie_in_string_order_row_major() -> None:
    # as strings, decoder_block_10 comes before decoder_block_2
    late = np.array([[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]], dtype=np.float64)
    early = np.array([[[[9]], [[10]]], [[[11]], [[12]]]], dtype=np.float32)
    rows = flatten_layers({"decoder_block_2": late, "decoder_block_10": early})
    assert rows.dtype == np.float32
    assert rows.tolist() == [[9, 10, 1, 2, 3, 4], [11, 12, 5, 6, 7, 8]]


def test_slices_say_where_each_layer_is() -> None:
    shapes = {"midblock": (2, 1, 3), "encoder_bottleneck": (4,), "decoder_block_1": (1, 2, 2)}
    assert layer_slices(shapes) == {
        "decoder_block_1": slice(0, 4),
        "encoder_bottleneck": slice(4, 8),
        "midblock": slice(8, 14),
    }
    assert list(layer_slices(shapes)) == ["decoder_block_1", "encoder_bottleneck", "midblock"]
    assert layer_slices({}) == {}


def test_slices_and_rows_agree() -> None:
    rng = np.random.default_rng(0)
    layers = {name: rng.standard_normal((3, 2, 4, 5)).astype(np.float32) for name in "cab"}
    rows = flatten_layers(layers)
    for name, part in layer_slices({n: a.shape[1:] for n, a in layers.items()}).items():
        assert np.array_equal(rows[:, part].reshape(layers[name].shape), layers[name])


def test_nothing_or_unequal_batches_are_refused() -> None:
    with pytest.raises(DataError, match="no activations"):
        flatten_layers({})
    with pytest.raises(DataError, match="different numbers"):
        flatten_layers({"a": np.zeros((2, 3)), "b": np.zeros((3, 3))})


# --- files ---------------------------------------------------------------------------------------


def test_a_matrix_is_mapped_read_only_and_rows_are_taken_in_order(tmp_path: Path) -> None:
    write_matrix(tmp_path, matrix(), {"layers": ["midblock", "encoder_bottleneck"]})
    opened = open_activations(tmp_path)
    assert opened is not None
    assert isinstance(opened.rows, np.memmap)
    assert not opened.rows.flags.writeable
    assert opened.layers == ("encoder_bottleneck", "midblock")
    assert np.array_equal(opened.take([4, 0, 4]), matrix()[[4, 0, 4]])
    assert opened.take([]).shape == (0, 4)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_other_floats_are_taken_as_float32(tmp_path: Path, dtype: str) -> None:
    write_matrix(tmp_path, matrix().astype(dtype))
    opened = open_activations(tmp_path)
    assert opened is not None
    assert opened.layers == ()
    taken = opened.take([5, 2])
    assert taken.dtype == np.dtype("float32")
    assert np.array_equal(taken, matrix()[[5, 2]])


def test_no_folder_and_no_file_are_no_matrix(tmp_path: Path) -> None:
    assert open_activations(tmp_path / "absent") is None
    (tmp_path / "batch_000000.npz").write_bytes(b"")
    assert open_activations(tmp_path) is None


def test_several_files_are_refused_by_name(tmp_path: Path) -> None:
    write_matrix(tmp_path, matrix(), name="first")
    write_matrix(tmp_path, matrix(), name="second")
    with pytest.raises(DataError, match=r"first\.npy, second\.npy"):
        open_activations(tmp_path)


def test_a_truncated_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = write_matrix(tmp_path, matrix(50, 40))
    whole = path.read_bytes()
    for size in (0, 5, 11, 60, 128, 129, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.npy is not a readable array .* Restore it\."):
            open_activations(tmp_path)


def test_a_damaged_header_is_refused_or_still_a_matrix(tmp_path: Path) -> None:
    """Whatever byte of the header is changed, nothing but a `DataError` comes out."""
    path = write_matrix(tmp_path, matrix())
    whole = path.read_bytes()
    refused = 0
    for position in range(80):
        for value in (0, ord("("), ord("'"), ord("9"), 255):
            path.write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
            try:
                opened = open_activations(tmp_path)
                assert opened is not None
                assert opened.rows.ndim == 2
            except DataError:
                refused += 1
    assert refused > 200


@pytest.mark.parametrize(
    "rows",
    [np.zeros(5, np.float32), np.zeros((2, 3, 4), np.float32), np.zeros((2, 3), np.int64)],
    ids=["vector", "cube", "integers"],
)
def test_other_arrays_are_refused(tmp_path: Path, rows: np.ndarray) -> None:
    write_matrix(tmp_path, rows)
    with pytest.raises(DataError, match="must hold a matrix of floats"):
        open_activations(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple:
        return Path.write_text, (Path("bomb-went-off"), "code ran")


def test_pickled_objects_are_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "activations"
    folder.mkdir()
    np.save(folder / "a.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable array"):
        open_activations(folder)
    assert not (tmp_path / "bomb-went-off").exists()
    np.load(folder / "a.npy", allow_pickle=True)  # the file is what the test takes it for
    assert (tmp_path / "bomb-went-off").exists()


@pytest.mark.parametrize("sidecar", [{"layers": "midblock"}, {"layers": [1]}, ["midblock"]])
def test_a_bad_side_car_is_refused(tmp_path: Path, sidecar: object) -> None:
    write_matrix(tmp_path, matrix(), sidecar)
    with pytest.raises(DataError, match=r"a\.npy\.json"):
        open_activations(tmp_path)
    (tmp_path / "a.npy.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        open_activations(tmp_path)
