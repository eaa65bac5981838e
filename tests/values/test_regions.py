"""Parts of layers: which values they hold, and areas at other resolutions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.regions import (
    EVERYWHERE,
    Area,
    Channels,
    Tokens,
    at_resolution,
    cells_of,
    indices_text,
    read_indices,
)

PICTURE, TOKENS = LayerShape((3, 4, 4)), LayerShape((16, 5))
bitmaps = arrays.arrays(
    np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))
).filter(np.any)  # fmt: skip


@given(bitmaps)
def test_an_area_keeps_its_cells(bitmap: np.ndarray) -> None:
    np.testing.assert_array_equal(Area.of(bitmap).bitmap, bitmap)


@given(bitmaps, st.integers(1, 4))
def test_a_finer_grid_has_the_same_cells(bitmap: np.ndarray, times: int) -> None:
    height, width = bitmap.shape
    finer = at_resolution(bitmap, times * height, times * width)
    np.testing.assert_array_equal(finer, bitmap.repeat(times, 0).repeat(times, 1))


@given(bitmaps, st.integers(1, 9), st.integers(1, 9))
def test_a_cell_is_in_an_area_where_half_of_it_is_brushed(
    bitmap: np.ndarray, height: int, width: int
) -> None:
    """Against a count of points on a grid that both divide."""
    rows, columns = bitmap.shape
    fine = bitmap.repeat(height, 0).repeat(width, 1)
    share = fine.reshape(height, rows, width, columns).mean(axis=(1, 3))
    expected = share >= 0.5 if (share >= 0.5).any() else share == share.max()
    np.testing.assert_array_equal(at_resolution(bitmap, height, width), expected)


def test_a_point_is_not_lost_on_a_coarse_layer() -> None:
    bitmap = np.zeros((32, 32), bool)
    bitmap[3, 20] = True
    assert np.argwhere(at_resolution(bitmap, 4, 4)).tolist() == [[0, 2]]


def test_cells_broadcast_to_the_layer() -> None:
    eye = np.eye(4, dtype=bool)
    assert cells_of(EVERYWHERE, PICTURE) is None
    assert cells_of(Channels((0, 2)), PICTURE).ravel().tolist() == [True, False, True]
    assert cells_of(Channels((4,)), TOKENS).shape == (1, 5)
    assert np.flatnonzero(cells_of(Tokens((0, 15)), TOKENS)).tolist() == [0, 15]
    np.testing.assert_array_equal(cells_of(Area.of(eye), PICTURE), eye[None])
    np.testing.assert_array_equal(cells_of(Area.of(eye), TOKENS), eye.reshape(16, 1))


@pytest.mark.parametrize(
    ("region", "shape", "says"),
    [
        (Channels((3,)), PICTURE, "block has no channel 3: it has 3, counted from 0"),
        (Tokens((0,)), PICTURE, "shape 3×4×4, and no tokens"),
        (Tokens((16,)), TOKENS, "block has no token 16: it has 16"),
        (Area.of(np.ones((2, 2))), LayerShape((15, 5)), "says nothing of a place"),
        (Area.of(np.ones((2, 2))), LayerShape((9,)), "says nothing of a place"),
    ],
)
def test_a_region_that_a_layer_does_not_have_is_refused(
    region: object, shape: LayerShape, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        cells_of(region, shape, "block")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Channels(()),
        lambda: Tokens((-1,)),
        lambda: Area.of(np.zeros((2, 2))),
        lambda: Area(2, 2, "zz"),
        lambda: Area(2, 2, "ffff"),
        lambda: Area(0, 2, ""),
        lambda: Area(10**6, 10**6, "ff"),
    ],
)
def test_a_region_that_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


@given(st.sets(st.integers(0, 10**4), min_size=1))
def test_numbers_are_read_as_they_were_written(numbers: set[int]) -> None:
    assert read_indices(indices_text(tuple(numbers))) == tuple(sorted(numbers))


def test_numbers_are_written_as_people_write_them() -> None:
    assert indices_text((7, 0, 1, 2, 3)) == "0-3+7"
    assert read_indices(" 4, 0 - 2;2 + 9\u201310 ") == (0, 1, 2, 4, 9, 10)
    for text in ("", "1-", "a", "-3", "1.5", "0-9999999", "³"):
        with pytest.raises(UsageError, match="is not a list of numbers such as 0-3"):
            read_indices(text)
