"""Activation files: order inside a row, memory maps, and damaged files."""

import numpy as np
import pytest

from diffviews_desktop.data.activations.arrays import flatten_layers, layer_slices
from diffviews_desktop.errors import DataError


def matrix(n: int = 6, d: int = 4) -> np.ndarray:
    return np.arange(n * d, dtype=np.float32).reshape(n, d)


# --- the order in a row --------------------------------------------------------------------------


def test_layers_lie_in_string_order_row_major() -> None:
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
