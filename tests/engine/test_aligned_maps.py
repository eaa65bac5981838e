"""One map per noise level, by the real engine: made, kept, assessed, imported, and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures_at_levels import SIGMAS, repeat_pictures
from PIL import Image
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import AssessMap, LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import Cancelled, DataError, UsageError
from diffviews_desktop.processing.trustworthiness import neighborhood_overlap, trustworthiness
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec

PARAMETERS = MapParameters(n_neighbors=5, pca_components=6, aligned=True)
SPEC = MapSpec("tiny", ("midblock",), PARAMETERS)
N = 60


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """Twenty pictures at three noise levels."""
    data = tiny_data(samples=N, embedding=False)
    repeat_pictures(data)
    return FolderRef(data)


def mapped(source: FolderRef, spec: MapSpec = SPEC, engine: Engine | None = None) -> LayerMap:
    made = (engine or Engine("cpu", threads=1)).run(MapLayer(job_id=1, folder=source, spec=spec))
    assert isinstance(made, LayerMap)
    return made


def test_an_aligned_map_is_made_and_kept(source: FolderRef) -> None:
    made = mapped(source)
    assert made.aligned
    assert made.title == "midblock, told their class, one map per noise level"
    assert made.parameters == PARAMETERS.to_dict()
    for level in range(3):
        rows = np.arange(level, N, 3)
        judged = trustworthiness(made.reduced[rows], made.xy[rows], 9)
        np.testing.assert_allclose(made.trust[rows], judged.points, atol=1e-6)
        kept = neighborhood_overlap(made.reduced[rows], made.xy[rows], 9)
        assert made.kept[rows].mean() == pytest.approx(kept.mean(), abs=0.02)
    places = made.xy.reshape(-1, 3, 2)
    same = np.linalg.norm(places[:, 0] - places[:, 1], axis=1).mean()
    assert same < 0.5 * np.linalg.norm(places[:, 0] - places[::-1, 1], axis=1).mean()
    again = mapped(source)
    assert again.from_cache
    assert np.array_equal(again.xy, made.xy)
    assert again.parameters == made.parameters


def test_it_is_another_map_than_that_of_all_samples(source: FolderRef) -> None:
    aligned = mapped(source)
    plain = mapped(source, MapSpec("tiny", ("midblock",), MapParameters(5, pca_components=6)))
    assert not plain.from_cache
    assert not plain.aligned
    assert plain.path != aligned.path
    assert not np.allclose(plain.xy, aligned.xy)
    np.testing.assert_array_equal(plain.reduced, aligned.reduced)
    assert plain.quality.kept_of_layer is not None  # looked for among all, not level by level
    other = MapSpec("tiny", ("midblock",), MapParameters(7, pca_components=6))
    assert mapped(source, other).quality.reduction == plain.quality.reduction
    assert mapped(source).from_cache


@pytest.mark.parametrize("when", ["UMAP of 3 noise levels", "finding neighbours"])
def test_cancelled_nothing_is_left(source: FolderRef, when: str) -> None:
    seen: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine("cpu", threads=1, emit=emit, cancelled=lambda _: when in seen)
    with pytest.raises(Cancelled):
        mapped(source, engine=engine)
    cache = LayerCache(source.path / "tiny/embeddings/layer_cache")
    assert not [entry for entry in cache.root.iterdir() if (entry / "projector.npz").exists()]
    assert not mapped(source).from_cache


def test_steps_lie_on_it_as_samples_do(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    made = mapped(source, engine=engine)
    opened = engine.workspace.open(source, "tiny")
    projector = engine.workspace.maps.projector(opened, SPEC)
    placed = projector.place(made.reduced[[4, 31]])
    np.testing.assert_allclose(placed.xy, made.xy[[4, 31]], atol=1e-3)
    linked = engine.run(
        LinkMaps(
            job_id=2, folder=source, spec=SPEC,
            other=MapSpec("tiny", ("encoder_bottleneck",), PARAMETERS),
        )
    )  # fmt: skip
    assert linked.map.aligned


def test_it_is_assessed_level_by_level(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    made = mapped(source, engine=engine)
    found = engine.run(AssessMap(job_id=2, folder=source, spec=SPEC, seeds=2))
    classes, right = np.arange(N) // 3 % 5, []
    for row in range(N):
        others = np.array([other for other in range(row % 3, N, 3) if other != row])
        near = others[np.argsort(np.linalg.norm(made.xy[others] - made.xy[row], axis=1))[:15]]
        right.append(np.bincount(classes[near]).argmax() == classes[row])
    assert found.classes.on_map == pytest.approx(np.mean(right), abs=1e-9)
    assert found.classes.told_samples == N
    other = mapped(source, MapSpec("tiny", ("midblock",), replaced(seed=43)), engine)
    halves = [neighborhood_overlap(made.xy[level::3], other.xy[level::3], 15) for level in range(3)]
    assert found.stability.kept[0] == pytest.approx(np.mean(halves), abs=1e-6)


def replaced(**changes: object) -> MapParameters:
    return MapParameters(**{**PARAMETERS.to_dict(), **changes})


# ---- what cannot be aligned ---------------------------------------------------------------------


def test_pictures_that_do_not_repeat_are_refused_before_anything_is_extracted(
    tiny_data: Callable[..., Path],
) -> None:
    stages: list[str] = []
    engine = Engine("cpu", emit=lambda event: stages.append(getattr(event, "stage", "")))
    data = FolderRef(tiny_data(embedding=False))
    with pytest.raises(DataError, match=r"levels 0\.2 and 0\.5 share 0 pictures.*import --sigmas"):
        mapped(data, engine=engine)
    assert "extracting" not in stages


def test_a_single_level_is_refused(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(embedding=False)
    repeat_pictures(data, (2.0,))
    with pytest.raises(DataError, match="there is nothing to align"):
        mapped(FolderRef(data))


# ---- imports ------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, object]:
    """An import of eight pictures."""
    for i in range(8):
        picture = np.random.default_rng(i).integers(0, 256, (16, 16), dtype=np.uint8)
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{i}.png")
    write_tiny_checkpoint(tmp_path / "net" / "tiny.safetensors")
    return {
        "job_id": 1, "folder": FolderRef(tmp_path / "out"), "out": tmp_path / "out",
        "name": "mine", "checkpoint": tmp_path / "net" / "tiny.safetensors",
        "images": tmp_path / "pictures", "layers": ("midblock",),
        "parameters": replaced(n_neighbors=3),
    }  # fmt: skip


def test_an_import_can_bring_an_aligned_map(asked: dict[str, object], tmp_path: Path) -> None:
    engine = Engine("cpu", threads=1)
    engine.run(ImportData(**asked, sigmas=SIGMAS))
    out = FolderRef(tmp_path / "out")
    opened = Engine("cpu", threads=1).run(OpenData(job_id=2, folder=out, model="mine"))
    assert opened.layer_map.aligned
    spec = MapSpec("mine", told=opened.layer_map.told)
    own = mapped(out, spec)
    assert own.from_cache
    assert own.aligned
    assert np.array_equal(own.xy, opened.layer_map.xy)
    other = mapped(out, MapSpec("mine", ("encoder_bottleneck",)))
    assert not other.aligned  # layers that the folder brings no map of have the usual one
    found = engine.run(AssessMap(job_id=3, folder=out, spec=spec, seeds=2))
    assert found.stability.seeds == (42, 43)
    # without the file beside it, the places stay, and are judged level by level
    (out.path / "mine/embeddings/mine.projector.npz").unlink()
    made = mapped(out, spec)
    assert np.array_equal(made.xy, own.xy)
    for level in range(3):
        judged = trustworthiness(made.reduced[level::3], made.xy[level::3], 3)
        np.testing.assert_allclose(made.trust[level::3], judged.points, atol=1e-6)


def test_an_import_at_one_level_is_refused_at_once(asked: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="two noise levels at least"):
        Engine("cpu").run(ImportData(**asked, sigmas=(2.0,)))
