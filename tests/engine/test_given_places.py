"""Maps whose samples are to lie where they lay when a session was saved, by the real engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from limits import file_limit
from pictures_at_levels import repeat_pictures

from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.given_places import LIES_ELSEWHERE, NOT_KEPT
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.processing.alignment import procrustes
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.trustworthiness import trustworthiness
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapParameters, MapSpec, Places

N = 60
FLAT = MapParameters(n_neighbors=5, pca_components=6)
KINDS = {
    "flat": FLAT,
    "solid": replace(FLAT, n_components=3),
    "aligned": replace(FLAT, aligned=True),
}


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """Twenty pictures at three noise levels."""
    data = tiny_data(samples=N, embedding=False)
    repeat_pictures(data)
    return FolderRef(data)


def mapped(
    source: FolderRef,
    parameters: MapParameters = FLAT,
    places: Places | None = None,
    engine: Engine | None = None,
) -> LayerMap:
    spec = MapSpec("tiny", ("midblock",), parameters)
    job = MapLayer(job_id=1, folder=source, spec=spec, places=places)
    made = (engine or Engine("cpu", threads=1)).run(job)
    assert isinstance(made, LayerMap)
    return made


def elsewhere(shown: LayerMap, seed: int = 0) -> Places:
    """Other places of the same samples, as another machine has them."""
    made = np.random.default_rng(seed)
    moved = made.normal(size=shown.places.all.shape).astype(np.float32)
    return Places(moved[:, :2].copy(), moved[:, 2].copy() if shown.z is not None else None)


def forget(source: FolderRef) -> None:
    assert source.path is not None
    LayerCache(source.path / "tiny" / "embeddings" / "layer_cache").clear(everything=True)


@pytest.mark.parametrize("cached", [False, True], ids=["made again", "from the cache"])
@pytest.mark.parametrize("kind", KINDS)
def test_samples_lie_where_they_are_to_lie(source: FolderRef, kind: str, cached: bool) -> None:
    shown = mapped(source, KINDS[kind])
    places = elsewhere(shown)
    if not cached:
        forget(source)
    stages: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            stages.append(event.stage)

    engine = Engine("cpu", threads=1, emit=emit)
    put = mapped(source, KINDS[kind], places, engine)
    assert np.array_equal(put.places.all, places.all)
    assert "UMAP" not in stages
    # the same layer, judged at its new places, and drawn there by whoever asks next
    np.testing.assert_allclose(put.reduced, shown.reduced, atol=1e-4)
    assert put.trustworthiness is not None
    assert put.trustworthiness < shown.trustworthiness - 0.05
    again = mapped(source, KINDS[kind])
    assert again.from_cache
    assert np.array_equal(again.places.all, places.all)
    np.testing.assert_array_equal(again.trust, put.trust)
    if kind == "flat":
        judged = trustworthiness(put.reduced, put.xy, 15)
        np.testing.assert_allclose(put.trust, judged.points, atol=1e-6)


def test_where_they_lie_there_already_nothing_is_made(source: FolderRef) -> None:
    shown = mapped(source)
    stages: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            stages.append(event.stage)

    again = mapped(source, places=shown.places, engine=Engine("cpu", threads=1, emit=emit))
    assert again.from_cache
    assert np.array_equal(again.xy, shown.xy)
    assert "judging the map" not in stages


def test_an_engine_that_holds_the_map_sees_where_another_put_it(source: FolderRef) -> None:
    other = Engine("cpu", threads=1)
    places = elsewhere(mapped(source, engine=other))
    mapped(source, places=places)
    assert np.array_equal(mapped(source, engine=other).xy, places.xy)


def test_activations_are_placed_among_the_places(source: FolderRef) -> None:
    places = elsewhere(mapped(source))
    put = mapped(source, places=places)
    projector = Projector.load(put.path / "projector.npz")
    np.testing.assert_allclose(projector.place(projector.reduced).xy, places.xy, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda places: Places(places.xy[:-1]),
        lambda places: Places(np.where(np.arange(N)[:, None] == 3, np.nan, places.xy)),
        lambda places: Places(np.full_like(places.xy, np.inf)),
    ],
    ids=["of fewer samples", "one nowhere", "no numbers"],
)
@pytest.mark.parametrize("cached", [False, True], ids=["made again", "from the cache"])
def test_places_that_cannot_be_theirs_are_not_taken(
    source: FolderRef, wrong: Callable[[Places], Places], cached: bool
) -> None:
    shown = mapped(source)
    if not cached:
        forget(source)
    again = mapped(source, places=wrong(elsewhere(shown)))
    np.testing.assert_allclose(again.xy, shown.xy, atol=1e-3)
    assert again.notes == (LIES_ELSEWHERE,)


def test_places_that_cannot_be_kept_are_shown_and_that_is_said(
    source: FolderRef,
) -> None:
    places = elsewhere(mapped(source))
    with file_limit(1000):
        put = mapped(source, places=places)
    assert np.array_equal(put.xy, places.xy)
    assert [note.startswith(NOT_KEPT) for note in put.notes] == [True]


def test_the_folders_own_map_stays_where_it_is(tiny_data: Callable[..., Path]) -> None:
    source = FolderRef(tiny_data(samples=N))
    job = MapLayer(job_id=1, folder=source, spec=MapSpec("tiny", ("midblock",)))
    own = Engine("cpu", threads=1).run(job)
    again = Engine("cpu", threads=1).run(replace(job, places=elsewhere(own)))
    assert np.array_equal(again.xy, own.xy)


@pytest.mark.parametrize("cached", [False, True], ids=["made again", "from the cache"])
def test_those_of_the_second_map_lie_there_too(source: FolderRef, cached: bool) -> None:
    first = MapSpec("tiny", ("midblock",), FLAT)
    other = MapSpec("tiny", ("encoder_bottleneck",), FLAT)
    job = LinkMaps(job_id=1, folder=source, spec=first, other=other)
    linked = Engine("cpu", threads=1).run(job)
    assert isinstance(linked, LinkedMap)
    if not cached:
        forget(source)
        mapped(source, places=elsewhere(linked.map, 1))
    shown = Engine("cpu", threads=1).run(MapLayer(job_id=2, folder=source, spec=first))
    places = Places(procrustes(shown.xy, elsewhere(linked.map, 2).xy))
    put = Engine("cpu", threads=1).run(replace(job, other_places=places))
    np.testing.assert_allclose(put.map.xy, places.xy, atol=1e-4)
    # turned once more it is where it was, and is not made again
    again = Engine("cpu", threads=1).run(replace(job, other_places=put.map.places))
    assert again.map.from_cache
    np.testing.assert_allclose(again.map.xy, places.xy, atol=1e-4)
