"""What is said of maps, and maps that cannot be kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.engine.activations import activations_of
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec

MATRIX = Path("tiny/activations/imagenet_real/a.npy")
CACHE = Path("tiny/embeddings/layer_cache")
LAYER = ("midblock",)
N = 20
KEPT_NOT = "This map is made again next time, because it cannot be kept: "


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    """A folder with activations of its own, and no model that could run."""
    folder = tiny_data(samples=N, embedding=False, checkpoint=False)
    write(folder, np.random.default_rng(0).standard_normal((N, 300)).astype(np.float32))
    return folder


def write(folder: Path, rows: np.ndarray) -> None:
    (folder / MATRIX).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / MATRIX, rows)
    side_car = (folder / MATRIX).with_name("a.npy.json")
    side_car.write_text(json.dumps({"layers": LAYER, "num_samples": len(rows)}))


def make_map(
    data: Path, at: str | None = None, do: Callable[[], object] = lambda: None, **options: Any
) -> LayerMap:
    """Map a layer; at the beginning of a stage something is done."""
    waiting = [do]

    def emit(event: object) -> None:
        if isinstance(event, Progress) and event.stage == at and waiting:
            waiting.pop()()

    job = MapLayer(
        job_id=1,
        folder=FolderRef(data, overrides=Overrides(**options)),
        spec=MapSpec("tiny", LAYER),
    )
    mapped = Engine("cpu", emit=emit).run(job)
    assert isinstance(mapped, LayerMap)
    assert at is None or not waiting
    return mapped


# --- samples with the same activations -----------------------------------------------------------


def test_activations_that_are_all_the_same_are_said_and_drawn_at_one_place(data: Path) -> None:
    write(data, np.tile(np.arange(300, dtype=np.float32), (N, 1)))
    said = f"All {N} samples have the same activations of this layer: they are drawn at one place."
    for from_cache in (False, True):
        mapped = make_map(data)
        assert mapped.from_cache == from_cache
        assert mapped.notes == (said,)
        assert (mapped.xy == 0).all()
        assert mapped.trustworthiness is None


def test_a_map_of_an_earlier_version_that_spread_them_out_is_made_again(data: Path) -> None:
    write(data, np.tile(np.arange(300, dtype=np.float32), (N, 1)))
    folder = make_map(data).path
    made = Projector.load(folder / "projector.npz")
    cache = LayerCache(folder.parent)
    with cache.writing(folder.name) as new:
        spread = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
        Projector(made.reduction, made.reduced, spread, made.rows).save(new / "projector.npz")
        finish(new, {"model": "tiny"}, LAYER)
    again = make_map(data)
    assert not again.from_cache
    assert (again.xy == 0).all()


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        ([], ""),
        ([5], "1 of 20 samples has the same activations as another sample and lies at its place."),
        ([5, 9, 12], "3 of 20 samples have the same activations as another sample and lie"),
    ],
)
def test_some_that_are_the_same_are_said(data: Path, copies: list[int], said: str) -> None:
    rows = np.load(data / MATRIX)
    rows[copies] = rows[2]
    write(data, rows)
    mapped = make_map(data)
    assert "".join(mapped.notes).startswith(said)
    assert len(mapped.notes) == bool(copies)
    assert make_map(data).notes == mapped.notes
    assert len({tuple(place) for place in mapped.xy.tolist()}) == N - len(copies)
    assert all((mapped.xy[row] == mapped.xy[2]).all() for row in copies)


# --- what goes while a map is made ---------------------------------------------------------------


@pytest.mark.parametrize("stage", ["extracting", "UMAP", "saving"])
def test_a_map_whose_cache_is_deleted_is_shown_and_made_again_next_time(
    tiny_data: Callable[..., Path], stage: str
) -> None:
    data = tiny_data(samples=N, embedding=False)
    mapped = make_map(data, stage, lambda: shutil.rmtree(data / CACHE))
    (note,) = mapped.notes
    assert note.startswith(KEPT_NOT)
    assert "Something unexpected" not in note
    assert np.isfinite(mapped.xy).all()
    again = make_map(data)
    assert (again.from_cache, again.notes) == (False, ())
    np.testing.assert_array_equal(again.xy, mapped.xy)
    assert make_map(data).from_cache


def test_a_map_that_the_disk_has_no_room_for_is_shown(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Projector, path: Path) -> None:
        raise OSError(28, os.strerror(28), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Projector, "save", full)
        mapped = make_map(data)
    assert mapped.notes[0].startswith(f"{KEPT_NOT}The disk got full: ")
    assert list((data / CACHE).iterdir()) == []
    again = make_map(data)
    assert not again.from_cache
    np.testing.assert_array_equal(again.xy, mapped.xy)


@pytest.mark.parametrize("size", [0, 200, 20_000])
def test_a_matrix_that_is_shortened_while_it_is_read_is_said(data: Path, size: int) -> None:
    """Were it memory-mapped, that would end the process."""
    rows = np.load(data / MATRIX)
    with pytest.raises(DataError, match=r"a\.npy was shortened by another program") as caught:
        make_map(data, "reducing", lambda: os.truncate(data / MATRIX, size))
    assert str(caught.value).count(". ") <= 1
    write(data, rows)
    assert make_map(data).notes == ()


def test_a_matrix_that_is_deleted_while_it_is_read_is_read_to_the_end(data: Path) -> None:
    expected = make_map(data)
    shutil.rmtree(data / CACHE)
    mapped = make_map(data, "reducing", (data / MATRIX).unlink)
    np.testing.assert_array_equal(mapped.xy, expected.xy)


def test_rows_in_the_cache_that_are_shortened_meanwhile_are_said(
    tiny_data: Callable[..., Path],
) -> None:
    data = tiny_data(samples=N, embedding=False)

    def shorten() -> None:
        (matrix,) = (data / CACHE).glob(".partial-*/activations.npy")
        os.truncate(matrix, 4096)

    with pytest.raises(DataError, match=r"activations\.npy was shortened by another program"):
        make_map(data, "extracting", shorten)
    with pytest.raises(DataError, match=r"activations\.npy was shortened by another program"):
        make_map(data, "reducing", shorten)
    assert make_map(data).notes == ()


# --- samples of one noise level ------------------------------------------------------------------


def test_the_samples_of_one_noise_level_are_mapped_as_if_there_were_no_others(
    tiny_data: Callable[..., Path],
) -> None:
    source, engine = FolderRef(tiny_data()), Engine("cpu", threads=1)
    levels = np.array([0.2, 0.5, 1.0, 2.0])[np.arange(60) % 4]

    def make(**changes: Any) -> LayerMap:
        spec = MapSpec("tiny", LAYER, MapParameters(n_neighbors=5, **changes))
        return engine.run(MapLayer(job_id=1, folder=source, spec=spec))

    every = make()
    for level in (0.2, 2.0):
        mapped = make(level=level)
        there = np.isfinite(mapped.xy).all(axis=1)
        np.testing.assert_array_equal(there, levels == level)
        np.testing.assert_array_equal(np.isfinite(mapped.reduced).all(axis=1), there)
        assert mapped.notes == ()
        assert mapped.parameters["level"] == level
        assert mapped.quality.kept is not None
        opened = engine.workspace.open(source, "tiny")
        assert mapped.told is not None
        wanted = activations_of(engine.workspace, opened, LAYER, mapped.told)
        matrix = engine.workspace.maps.activations.whole_matrix(wanted)
        assert matrix is not None
        alone = fit_map(matrix[there], MapParameters(n_neighbors=5))
        np.testing.assert_array_equal(mapped.xy[there], alone.xy)
        again = make(level=level, min_dist=0.3)  # begins with the reduced rows of the same level
        np.testing.assert_array_equal(again.reduced, mapped.reduced)
    np.testing.assert_array_equal(make().xy, every.xy)
    with pytest.raises(DataError, match=r"No sample has the noise level 3\. .* 0\.2, 0\.5, 1, 2\."):
        make(level=3.0)
