"""Side-cars as this program, the original one and scripts write them: each layer's columns are the
right ones, or the file is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from diffviews_desktop.data.activations.side_car import read_side_car, side_car_path
from diffviews_desktop.errors import DataError

Shapes = Mapping[str, tuple[int, ...]]
WRITERS = ("this program", "the original", "sizes alone", "in the layers' order", "no shapes")

names = st.text(st.characters(categories=["L", "N"], include_characters="_.:/+"), min_size=1)
layer_shapes = st.dictionaries(
    names, st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4
)


def written(shapes: Shapes, rows: int, writer: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "layers": sorted(shapes),
        "total_features": width_of(shapes),
        "num_samples": rows,
    }
    if writer == "the original":
        said["shapes"] = {name: [rows, *shape] for name, shape in shapes.items()}
    elif writer == "sizes alone":
        said["shapes"] = {name: math.prod(shape) for name, shape in shapes.items()}
    elif writer == "in the layers' order":
        said["shapes"] = [list(shapes[name]) for name in sorted(shapes)]
    elif writer == "this program":
        said["shapes"] = {name: list(shape) for name, shape in shapes.items()}
    return said


def width_of(shapes: Shapes) -> int:
    return sum(map(math.prod, shapes.values()))


def widths(shapes: Shapes | None) -> dict[str, int]:
    return {name: math.prod(shape) for name, shape in (shapes or {}).items()}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("side-cars") / "a.npy"


@given(layer_shapes, st.integers(1, 50), st.sampled_from(WRITERS), st.booleans())
def test_layers_have_the_columns_they_were_written_with(
    matrix: Path, shapes: Shapes, rows: int, writer: str, counted: bool
) -> None:
    said = written(shapes, rows, writer)
    if not counted:
        del said["num_samples"], said["total_features"]
    side_car_path(matrix).write_text(json.dumps(said))
    read = read_side_car(matrix, rows, width_of(shapes))
    assert read.layers == tuple(sorted(shapes))
    if writer == "no shapes" and len(shapes) > 1:
        assert read.shapes is None
        return
    assert widths(read.shapes) == widths(shapes)
    if writer in ("this program", "in the layers' order") or (
        writer == "the original" and rows > 1
    ):
        assert read.shapes == shapes


@given(
    layer_shapes.filter(lambda shapes: len(shapes) > 1),
    st.integers(2, 50),
    st.sampled_from(["this program", "the original"]),
    st.data(),
)
def test_a_shape_that_was_changed_is_refused(
    matrix: Path, shapes: Shapes, rows: int, writer: str, data: st.DataObject
) -> None:
    """Whatever number of whichever layer it is, and the number of samples as well."""
    # else what is changed might be what the original would write of other layers
    assume(any(shape[0] != rows for shape in shapes.values()) or writer == "the original")
    said = written(shapes, rows, writer)
    shape = said["shapes"][data.draw(st.sampled_from(sorted(shapes)))]
    place = data.draw(st.integers(0, len(shape) - 1))
    shape[place] += data.draw(st.integers(1, 99))
    side_car_path(matrix).write_text(json.dumps(said))
    with pytest.raises(DataError, match=r"a\.npy\.json"):
        read_side_car(matrix, rows, width_of(shapes))


@pytest.mark.parametrize(
    "shapes",
    [
        {"a": [7, 3], "b": [5]},  # one with the batch, the other without
        {"a": [6, 3], "b": [6, 5]},  # of another number of samples
        {"a": [7], "b": [7, 5]},  # nothing is left of one
        {"a": [7, 7, 3], "b": [7, 7, 5]},  # the batch twice
    ],
)
def test_what_is_neither_with_nor_without_the_batch_is_refused(
    matrix: Path, shapes: dict[str, list[int]]
) -> None:
    side_car_path(matrix).write_text(json.dumps({"layers": ["a", "b"], "shapes": shapes}))
    with pytest.raises(DataError, match="the shapes of its layers make"):
        read_side_car(matrix, 7, 8)
