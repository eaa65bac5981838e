"""Assessing a map by the real engine, against extraction, layout and neighbours done by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import procrustes
from sklearn.neighbors import KNeighborsClassifier

from diffviews_desktop.core.extractor import SampleBatch, extract_batches
from diffviews_desktop.engine import assessing
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.mapping import AssessMap, MapLayer
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import Cancelled
from diffviews_desktop.processing.class_reading import wrong_classes
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec
from diffviews_desktop.values.told import NOTHING

SPEC = MapSpec("tiny", ("midblock",), MapParameters())
K = 15


def assess(folder: FolderRef, engine: Engine, spec: MapSpec = SPEC, seeds: int = 1):
    found = engine.run(AssessMap(job_id=1, folder=folder, spec=spec, seeds=seeds))
    assert isinstance(found, MapAssessment)
    return found


def mapped(folder: FolderRef, engine: Engine, seed: int = 42) -> LayerMap:
    spec = MapSpec("tiny", SPEC.layers, MapParameters(seed=seed))
    return engine.run(MapLayer(job_id=2, folder=folder, spec=spec))


def test_classes_are_read_as_scikit_learn_reads_them(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    shown = mapped(source, engine)
    classes = np.arange(60) % 5
    rows = np.arange(60)

    def read(points: np.ndarray, row: int) -> int:
        others = rows != row
        return (
            KNeighborsClassifier(K).fit(points[others], classes[others]).predict(points[[row]])[0]
        )

    found = assess(source, engine).classes
    assert found is not None
    assert found.neighbors == K
    for points, figure in ((shown.xy, found.on_map), (shown.reduced, found.in_layer)):
        expected = np.mean([read(points, row) == classes[row] for row in rows])
        assert figure == pytest.approx(expected, abs=1e-9)
    assert 0 <= found.chance < 0.4


def test_told_a_wrong_class_samples_are_placed_anew_and_read(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    shown = mapped(source, engine)
    found = assess(source, engine).classes
    assert found is not None
    opened = engine.workspace.open(source, "tiny")
    table, model = opened.samples.table, engine.workspace.model_of(opened)
    wrong = wrong_classes(table.class_label)
    from PIL import Image

    images = np.stack(
        [np.asarray(Image.open(table.root / path))[..., None] for path in table.image_path]
    )
    batch = SampleBatch(
        samples=model.codec.encode(images),
        sigmas=table.sigma,
        conditions=[ClassLabel(int(number)) for number in wrong],
        seeds=np.array([noise_seed(name) for name in table.sample_id]),
    )
    (values,) = extract_batches(model, SPEC.layers, [batch])
    placed = engine.workspace.maps.projector(opened, SPEC).transform(values["midblock"]).xy
    read = []
    for row, place in enumerate(placed):
        others = np.arange(60) != row
        reader = KNeighborsClassifier(K).fit(shown.xy[others], table.class_label[others])
        read.append(reader.predict(place[None])[0])
    assert found.told_samples == 60
    assert found.told == pytest.approx(np.mean(read == wrong), abs=1e-9)
    assert found.shown == pytest.approx(np.mean(read == table.class_label), abs=1e-9)
    told = " ".join(assess(source, engine).sentences())
    assert f"Of 60 samples that are told a wrong class, {found.told:.0%} lie" in told


def test_seeds_are_compared_by_maps_that_are_made_with_them(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    found = assess(source, engine, seeds=3).stability
    assert found is not None
    assert found.seeds == (42, 43, 44)
    maps = [mapped(source, engine, seed).xy.astype(np.float64) for seed in found.seeds]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [procrustes(maps[one], maps[other])[2] for one, other in pairs]
    np.testing.assert_allclose(found.disparity, expected, atol=1e-6)
    assert len(found.kept) == len(found.order) == 3
    assert assess(source, engine, seeds=1).stability is None


def test_few_and_odd_samples(tiny_data: Callable[..., Path]) -> None:
    """No class, a single one, a picture that is gone, and too few samples to lay out twice."""
    data = tiny_data(samples=9, embedding=False)
    info = next((data / "tiny").glob("metadata/*/dataset_info.json"))
    listed = json.loads(info.read_text())
    (data / "tiny" / listed["samples"][2]["image_path"]).unlink()
    engine = Engine("cpu", threads=1)
    found = assess(FolderRef(data), engine, seeds=2)
    assert found.classes is not None
    assert found.classes.neighbors == 7
    assert found.classes.told_samples == 8
    for record in listed["samples"]:
        record["class_label"] = -1
    info.write_text(json.dumps(listed))
    found = assess(FolderRef(data), Engine("cpu", threads=1), seeds=2)
    assert found.classes is None
    assert found.notes == ("The samples have less than two classes to read.",)
    assert found.stability is not None
    assert found.stability.order == ()
    tiny_data("few", samples=3, embedding=False)
    few = MapSpec("few", SPEC.layers)
    assert assess(FolderRef(data), Engine("cpu", threads=1), few, seeds=2).stability is None


def test_a_model_that_cannot_run_is_said_and_all_else_measured(
    tiny_data: Callable[..., Path],
) -> None:
    data = tiny_data(samples=40, checkpoint=False)
    engine, own = Engine("cpu", threads=1), MapSpec("tiny", SPEC.layers)
    xy = engine.workspace.open(FolderRef(data), "tiny").samples.xy
    rows = np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32)
    fit_map(rows, MapParameters(), xy=xy).save(data / "tiny/embeddings/map.projector.npz")
    found = assess(FolderRef(data), engine, own, seeds=2)
    assert found.classes is not None
    assert found.classes.told is None
    assert found.stability is not None
    assert len(found.notes) == 1
    assert found.notes[0].startswith("What a wrong class does was not measured: ")


@pytest.mark.parametrize(
    "stage", ["reading classes", "telling wrong classes", "seed 2 of 3: UMAP", "comparing seeds"]
)
def test_it_can_be_cancelled_at_every_stage(source: FolderRef, stage: str) -> None:
    seen: list[str] = []

    def emit(event: object) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine("cpu", threads=1, emit=emit, cancelled=lambda _: stage in seen)
    with pytest.raises(Cancelled):
        assess(source, engine, seeds=3)
    assert seen[-1] == stage


def test_no_more_than_so_many_are_told(source: FolderRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "MOST_TOLD", 10)
    found = assess(source, Engine("cpu", threads=1)).classes
    assert found is not None
    assert found.told_samples == 10


def test_where_the_samples_were_told_nothing_no_label_can_be_at_work(source: FolderRef) -> None:
    untold = MapSpec("tiny", SPEC.layers, SPEC.parameters, NOTHING)
    found = assess(source, Engine("cpu", threads=1), untold)
    assert found.classes is not None
    assert found.classes.told is None
    assert found.notes == ()
