"""Maps of layers as the original system keeps them: read where they fit, refused where not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.data.cache.original_layers import (
    PARTS,
    OriginalLayer,
    original_keys,
    read_original,
)
from diffviews_desktop.errors import CacheError

N, WIDTH = 12, 7
NAMES = tuple(f"sample_{i:06d}" for i in range(N))
PLACES = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(N, WIDTH)).astype(np.float32)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    table, settings, matrix = (tmp_path / f"midblock{part}" for part in PARTS)
    lines = ["sample_id,class_label,umap_x,umap_y"]
    lines += [
        f"{name},{i % 3},{x!r},{y!r}"
        for i, (name, (x, y)) in enumerate(zip(NAMES, PLACES.tolist(), strict=True))
    ]
    table.write_text("\n".join(lines) + "\n")
    settings.write_text(json.dumps({"layers": ["midblock"], "n_neighbors": 9, "min_dist": 0.25}))
    np.save(matrix, ROWS)
    return [table, settings, matrix]


def read(files: list[Path], layer: str = "midblock", names: Any = NAMES) -> OriginalLayer:
    return read_original(files, layer, names)


def test_its_keys_are_those_of_the_original() -> None:
    assert original_keys("dmd2", "midblock") == (
        "data/dmd2/layer_cache/midblock.csv",
        "data/dmd2/layer_cache/midblock.json",
        "data/dmd2/layer_cache/midblock.npy",
    )


def test_places_and_activations_are_read(files: list[Path]) -> None:
    found = read(files)
    assert (found.n_neighbors, found.min_dist) == (9, 0.25)
    np.testing.assert_array_equal(found.places, PLACES)
    np.testing.assert_array_equal(found.matrix[:], ROWS)


def test_what_its_settings_leave_out_is_what_the_original_takes(files: list[Path]) -> None:
    files[1].write_text("{}")
    found = read(files)
    assert (found.n_neighbors, found.min_dist) == (15, 0.1)


def test_a_map_of_other_samples_or_layers_is_refused(files: list[Path]) -> None:
    for names in (NAMES[:-1], NAMES[::-1], (*NAMES, "more")):
        with pytest.raises(CacheError, match="other samples"):
            read(files, names=names)
    with pytest.raises(CacheError, match="other layers"):
        read(files, "encoder_block_1")


def shorter(files: list[Path]) -> None:
    np.save(files[2], ROWS[:-1])


def with_nan(files: list[Path]) -> None:
    files[0].write_text(files[0].read_text().replace(repr(PLACES.tolist()[0][0]), "nan"))


def deep(files: list[Path]) -> None:
    lines = files[0].read_text().splitlines()
    files[0].write_text("\n".join([f"{lines[0]},umap_z", *(f"{line},1" for line in lines[1:])]))


def pickled(files: list[Path]) -> None:
    np.save(files[2], np.array([{}] * N), allow_pickle=True)


@pytest.mark.parametrize(
    "damage",
    [
        shorter,
        with_nan,
        deep,
        pickled,
        lambda files: files[0].write_text(""),
        lambda files: files[0].write_text("sample_id,umap_x,umap_y\na,x,y\n"),
        lambda files: files[1].write_text("[]"),
        lambda files: files[1].write_text("{"),
        lambda files: files[1].write_text('{"n_neighbors": []}'),
        lambda files: files[1].write_text('{"n_neighbors": Infinity}'),
        lambda files: files[1].write_text('{"min_dist": 1' + "0" * 400 + "}"),
        lambda files: files[1].unlink(),
        lambda files: files[2].write_bytes(b"\x93NUMPY"),
        lambda files: files[2].write_bytes(files[2].read_bytes()[:-1]),
    ],
    ids=range(14),
)
def test_a_damaged_one_is_refused(
    files: list[Path], damage: Callable[[list[Path]], object]
) -> None:
    damage(files)
    with pytest.raises(CacheError):
        read(files)
