"""Kept activations that were damaged on the disk: nothing wrong is made of them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_folder import TINY_SAMPLES, write_tiny_model

from diffviews_desktop.data.activations import checked_rows
from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted, LinkMaps, MapLayer
from diffviews_desktop.processing.umap import MapParameters
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

LAYER = "encoder_bottleneck"
NARROW = MapParameters(pca_components=7)  # of the same activations, reduced in another way
NEAR = MapParameters(n_neighbors=5)  # of the same reduction
DAMAGED = f"The kept activations of {LAYER} were damaged and have been made again"


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose bottleneck is mapped, to be copied."""
    data = tmp_path_factory.mktemp("mapped") / "data"
    write_tiny_model(data / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checked_rows, "BLOCK", 4096)  # its matrix is small, and has many blocks
        run_map(Engine("cpu"), FolderRef(data))
    return data


@pytest.fixture
def sound(mapped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that nothing happens to."""
    monkeypatch.setattr(checked_rows, "BLOCK", 4096)
    # with its times: what is cached is found
    return Path(shutil.copytree(mapped, tmp_path / "sound"))


@pytest.fixture
def source(sound: Path, tmp_path: Path) -> FolderRef:
    """A copy to be damaged."""
    return FolderRef(Path(shutil.copytree(sound, tmp_path / "data")))


def run_map(engine: Engine, source: FolderRef, parameters: MapParameters | None = None) -> LayerMap:
    spec = MapSpec("tiny", (LAYER,), parameters)
    result = engine.run(MapLayer(job_id=1, folder=source, spec=spec))
    assert isinstance(result, LayerMap)
    return result


def cache_of(source: FolderRef) -> LayerCache:
    assert source.path is not None
    return LayerCache(source.path / "tiny" / "embeddings" / "layer_cache")


def matrices(source: FolderRef) -> list[Path]:
    return sorted(cache_of(source).root.glob("*/activations.npy"))


def flip(file: Path, row: int) -> None:
    """Flip a bit of a value of a row: 1.0 becomes about 1e19."""
    rows = np.load(file, mmap_mode="r+")
    rows[row].view(np.uint32)[3] ^= 1 << 29
    rows.flush()


def zero(file: Path, row: int) -> None:
    """512 bytes that a disk lost."""
    rows = np.load(file, mmap_mode="r+")
    rows[row, :128] = 0
    rows.flush()


def all_sound(source: FolderRef) -> bool:
    return all(problem is None for _, problem in cache_of(source).verify())


@pytest.mark.parametrize("damage", [flip, zero])
@pytest.mark.parametrize("row", [0, 31, TINY_SAMPLES - 1])
def test_another_map_of_a_damaged_matrix_is_that_of_a_sound_one(
    source: FolderRef,
    sound: Path,
    damage: Callable[[Path, int], None],
    row: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (file,) = matrices(source)
    damage(file, row)
    with caplog.at_level(logging.WARNING):
        made = run_map(Engine("cpu"), source, NARROW)
    right = run_map(Engine("cpu"), replace(source, path=sound), NARROW)
    np.testing.assert_array_equal(made.xy, right.xy)
    np.testing.assert_array_equal(made.reduced, right.reduced)
    assert made.notes == (DAMAGED,)
    assert right.notes == ()
    assert "damaged matrix" in caplog.text
    assert all_sound(source)
    # the map that was there before is there still
    assert run_map(Engine("cpu"), source).from_cache
    assert run_map(Engine("cpu"), source, NARROW).from_cache


def test_a_damaged_matrix_that_several_maps_share_is_dropped_from_all(source: FolderRef) -> None:
    engine = Engine("cpu")
    near = run_map(engine, source, NEAR)
    first, second = matrices(source)
    assert first.samefile(second)
    flip(first, 20)
    made = run_map(Engine("cpu"), source, NARROW)
    assert made.notes == (DAMAGED,)
    assert len(matrices(source)) == 1
    assert all_sound(source)
    again = run_map(Engine("cpu"), source, NEAR)
    assert again.from_cache
    np.testing.assert_array_equal(again.xy, near.xy)


def test_a_map_of_rows_that_are_reduced_already_gives_damage_no_fresh_checksum(
    source: FolderRef,
) -> None:
    flip(matrices(source)[0], 20)
    run_map(Engine("cpu"), source, NEAR)
    assert [problem for _, problem in cache_of(source).verify()] == [
        "activations.npy is not what was written"
    ] * 2


def test_without_sums_of_blocks_the_whole_matrix_is_checked(
    sound: Path, source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_rows, "BLOCK", 1 << 30)
    shutil.rmtree(cache_of(source).root)
    run_map(Engine("cpu"), source)
    flip(matrices(source)[0], 20)
    near = run_map(Engine("cpu"), source, NEAR)
    assert near.notes == ()
    # the damage was seen when the matrix was to be kept with the new map, and it was not
    assert matrices(source) == []
    assert all_sound(source)
    made = run_map(Engine("cpu"), source, NARROW)
    right = run_map(Engine("cpu"), replace(source, path=sound), NARROW)
    np.testing.assert_array_equal(made.xy, right.xy)


def test_where_a_damaged_matrix_cannot_be_dropped_it_is_not_used(
    source: FolderRef, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LayerCache, "drop_matrix", lambda self, key: None)  # as on Windows
    flip(matrices(source)[0], 5)
    engine = Engine("cpu")
    made = run_map(engine, source, NARROW)
    assert made.notes == (DAMAGED,)
    right = run_map(Engine("cpu"), replace(source, path=sound), NARROW)
    np.testing.assert_array_equal(made.xy, right.xy)


def drawn(source: FolderRef, rows: tuple[int, ...]) -> RunResult:
    job = Generate(
        job_id=2,
        folder=source,
        spec=MapSpec("tiny", (LAYER,)),
        interventions=mean_of_samples(rows),
        condition=from_choice(1),
        settings=SamplingSettings(num_steps=2, noise_mode="fixed", seed=7),
    )
    result = Engine("cpu").run(job)
    assert isinstance(result, RunResult)
    return result


def test_a_mask_of_damaged_rows_is_that_of_sound_ones(source: FolderRef, sound: Path) -> None:
    flip(matrices(source)[0], 14)
    near, far = (drawn(source, rows) for rows in ((3, 15), (3, 14)))
    right = replace(source, path=sound)
    for made, expected in ((near, drawn(right, (3, 15))), (far, drawn(right, (3, 14)))):
        for step, wanted in zip(made.steps, expected.steps, strict=True):
            np.testing.assert_array_equal(step.image, wanted.image)


def test_activations_are_written_out_right_though_the_kept_ones_are_damaged(
    source: FolderRef, sound: Path, tmp_path: Path
) -> None:
    right = np.load(next(sound.rglob("activations.npy")))
    flip(matrices(source)[0], 40)
    job = Extract(
        job_id=3, folder=source, model="tiny", layer_sets=((LAYER,),), out=tmp_path / "out"
    )
    result = Engine("cpu").run(job)
    assert isinstance(result, LayersExtracted)
    assert result.computed == TINY_SAMPLES
    np.testing.assert_array_equal(np.load(result.files[0]), right)


def test_maps_are_linked_right_though_the_kept_activations_are_damaged(
    source: FolderRef, sound: Path
) -> None:
    def linked(source: FolderRef) -> LinkedMap:
        result = Engine("cpu").run(
            LinkMaps(
                job_id=4,
                folder=source,
                spec=MapSpec("tiny", ("midblock",), NARROW),
                other=MapSpec("tiny", (LAYER,), NARROW),
            )
        )
        assert isinstance(result, LinkedMap)
        return result

    flip(matrices(source)[0], 40)
    np.testing.assert_array_equal(linked(source).map.xy, linked(replace(source, path=sound)).map.xy)


def test_rows_of_an_unfinished_extraction_that_changed_since_are_computed_again(
    source: FolderRef, sound: Path
) -> None:
    right = np.load(next(sound.rglob("activations.npy")))
    shutil.rmtree(cache_of(source).root)
    job = Extract(job_id=3, folder=source, model="tiny", layer_sets=((LAYER,),))
    assert Engine("cpu").run(job).computed == TINY_SAMPLES
    (file,) = cache_of(source).root.glob(".partial-*/activations.npy")
    flip(file, 33)
    again = Engine("cpu").run(job)
    assert 0 < again.computed <= TINY_SAMPLES
    np.testing.assert_array_equal(np.load(file), right)
    assert json.loads((file.parent / "partial.json").read_bytes())["format"] == 1
