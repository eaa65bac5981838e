"""Neighbours in the whole layer by the real engine, against scikit-learn's brute force."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import FindNeighbors, MapLayer, NeighborsFound
from diffviews_desktop.engine.nearest import STAGE
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters, MapSpec

N = 50
LAYERS = ("midblock",)
SPEC = MapSpec("tiny", LAYERS, MapParameters(pca_components=3))


def find(folder: FolderRef, engine: Engine | None = None, row: int = 7) -> NeighborsFound:
    engine = engine or Engine("cpu", threads=1)
    return engine.run(FindNeighbors(job_id=1, folder=folder, spec=SPEC, row=row, count=6))


def activations() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((N, 300)) * rng.uniform(0.1, 9, 300)).astype(np.float32)


def expected(rows: np.ndarray, row: int) -> tuple[list[float], list[int]]:
    finite = np.flatnonzero(np.isfinite(rows).all(axis=1))
    kept = rows[finite].astype(np.float64)
    standard = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    search = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(standard)
    distance, index = search.kneighbors(standard[[list(finite).index(row)]])
    return distance[0, 1:].tolist(), finite[index[0, 1:]].tolist()


@pytest.mark.parametrize("lost", [(), (0, 6, 30)])
def test_the_nearest_of_a_layer_that_the_folder_brings(
    tiny_data: Callable[..., Path], lost: tuple[int, ...]
) -> None:
    data = tiny_data(samples=N, embedding=False, checkpoint=False)
    rows = activations()
    rows[list(lost)] = np.nan
    file = data / "tiny/activations/imagenet_real/a.npy"
    file.parent.mkdir(parents=True)
    np.save(file, rows)
    file.with_name("a.npy.json").write_text(json.dumps({"layers": LAYERS, "num_samples": N}))
    found = find(FolderRef(data))
    distance, index = expected(rows, 7)
    assert found.in_layer
    assert [row for row, _ in found.pairs] == index
    np.testing.assert_allclose([away for _, away in found.pairs], distance, rtol=1e-4)
    if lost:
        with pytest.raises(DataError, match="Sample 6 has no activations"):
            find(FolderRef(data), row=6)


def test_the_nearest_of_a_layer_that_was_extracted(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    found = find(source, engine)
    opened = engine.workspace.open(source, "tiny")
    from diffviews_desktop.engine.activations import activations_of

    told = engine.workspace.maps.complete(opened, SPEC).told
    assert told is not None
    wanted = activations_of(engine.workspace, opened, LAYERS, told)
    matrix = engine.workspace.maps.activations.whole_matrix(wanted)
    assert matrix is not None
    _, index = expected(matrix[:], 7)
    assert found.in_layer
    assert [row for row, _ in found.pairs] == index


def test_without_the_matrix_they_are_those_of_the_space_that_was_laid_out(
    source: FolderRef,
) -> None:
    engine = Engine("cpu", threads=1)
    shown = engine.run(MapLayer(job_id=2, folder=source, spec=SPEC))
    engine.workspace.open(source, "tiny").cache.drop_matrix(shown.path.name)
    found = find(source, engine)
    assert not found.in_layer
    search = NearestNeighbors(n_neighbors=7).fit(shown.reduced)
    assert [row for row, _ in found.pairs] == search.kneighbors(shown.reduced[[7]])[1][
        0, 1:
    ].tolist()


def test_a_damaged_matrix_is_not_believed(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    shown = engine.run(MapLayer(job_id=2, folder=source, spec=SPEC))
    file = shown.path / "activations.npy"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    file.write_bytes(raw)
    assert not find(source, engine).in_layer


def test_it_can_be_cancelled(source: FolderRef) -> None:
    seen: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine("cpu", threads=1, emit=emit, cancelled=lambda _: STAGE in seen)
    with pytest.raises(Cancelled):
        find(source, engine)
