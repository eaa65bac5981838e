"""How usual steps, masks and landings are among the samples, recomputed from what is on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import percentileofscore
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.cli import main as cli
from diffviews_desktop.core.extractor import SampleBatch, extract_batches
from diffviews_desktop.data.activations.arrays import flatten_layers
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.directions import (
    ListDirections,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    JudgeMask,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.typicality import judge_mask
from diffviews_desktop.processing import projector
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.typicality import SampleFigures
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import (
    Factor,
    Intervention,
    SampleMean,
    SavedVector,
    mean_of_samples,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.typicality import Typicality

SPEC = MapSpec("tiny", ("midblock",), MapParameters(pca_components=4, n_neighbors=5))
SETTINGS = SamplingSettings(num_steps=4, sampler="heun", seed=5, sigma_max=4.0, sigma_min=0.1)
ROWS = (3, 14, 15)
MASK = mean_of_samples(ROWS, step_to=2)


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", threads=1)


def drawn(engine: Engine, source: FolderRef, **changes: Any) -> RunResult:
    values: dict[str, Any] = {
        "job_id": 1,
        "folder": source,
        "spec": SPEC,
        "interventions": MASK,
        "condition": ClassLabel(1),
        "settings": SETTINGS,
        "keep": True,
    }
    return engine.run(Generate(**{**values, **changes}))


def mapped(engine: Engine, source: FolderRef, spec: MapSpec = SPEC) -> LayerMap:
    return engine.run(MapLayer(job_id=2, folder=source, spec=spec))


class Written:
    """A map on disk, and the figures of a row of activations written out in float64."""

    def __init__(self, engine: Engine, source: FolderRef) -> None:
        self.path = mapped(engine, source).path
        with np.load(self.path / "projector.npz") as file:
            self.arrays = {name: np.asarray(file[name], np.float64) for name in file if
                           file[name].dtype.kind == "f"}  # fmt: skip
        self.sigma = engine.workspace.open(source, "tiny").samples.table.sigma
        reduced = self.arrays["reduced"]
        self.near = NearestNeighbors(n_neighbors=2).fit(reduced).kneighbors(reduced)[0][:, 1]
        self.matrix = np.load(self.path / "activations.npy").astype(np.float64)
        self.shares = np.array([self.share(row) for row in self.matrix])

    def standard(self, row: np.ndarray) -> np.ndarray:
        return np.asarray((row - self.arrays["mean"]) / self.arrays["scale"])

    def share(self, row: np.ndarray) -> float:
        standard = self.standard(row)
        inside = self.arrays["components"] @ standard
        return float(1 - (inside @ inside) / (standard @ standard))

    def distance(self, row: np.ndarray) -> float:
        reduced = self.arrays["components"] @ self.standard(row)
        return float(np.linalg.norm(self.arrays["reduced"] - reduced, axis=1).min())

    def like(self, low: float, high: float) -> np.ndarray:
        """Of 60 samples at four noise levels 50 are those of the four or three nearest ones."""
        away = np.maximum(np.log(low / self.sigma), np.log(self.sigma / high)).clip(0)
        return np.flatnonzero(away <= max(np.log(1.5), np.sort(away)[49]) + 1e-6)

    def check(self, judged: Typicality | None, row: np.ndarray, low: float, high: float) -> None:
        assert judged is not None
        assert judged.outside is not None
        rows = self.like(low, high)
        assert judged.like == pytest.approx((self.sigma[rows].min(), self.sigma[rows].max()))
        for figure, value, own in (
            (judged.distance, self.distance(row), self.near[rows]),
            (judged.outside, self.share(row), self.shares[rows]),
        ):
            assert figure.value == pytest.approx(value, rel=1e-3, abs=2e-4)
            assert figure.limit == pytest.approx(np.quantile(own, 0.95), rel=1e-3)
            expected = percentileofscore(own, value, kind="strict")
            assert figure.percentile == pytest.approx(expected, abs=100 / len(rows) + 1e-6)


def test_every_step_is_compared_with_samples_of_like_noise_level(
    engine: Engine, source: FolderRef
) -> None:
    written, run = Written(engine, source), drawn(engine, source)
    assert len(run.steps) == 4
    for step in run.steps:
        assert step.computed is not None
        row = step.computed["midblock"].ravel().astype(np.float64)
        written.check(step.typicality, row, step.sigma, step.sigma)
        assert step.typicality is not None
        assert step.typicality.distance.value == step.distance
        assert step.typicality.sigma == step.sigma
        assert step.typicality.levels == pytest.approx((0.2, 2.0))
        assert step.typicality.outside_levels is not (0.2 <= step.sigma <= 2.0)
    assert {step.typicality.outside_levels for step in run.steps if step.typicality} == {
        True,
        False,
    }
    masked = [step for step in run.steps if step.imposed_typicality is not None]
    assert [step.index for step in masked] == [0, 1]
    for step in masked:
        assert step.imposed is not None
        row = step.imposed["midblock"].ravel().astype(np.float64)
        written.check(step.imposed_typicality, row, step.sigma, step.sigma)


def test_a_mask_is_judged_before_it_is_used_and_when_it_is(
    engine: Engine, source: FolderRef
) -> None:
    written = Written(engine, source)
    judged = engine.run(JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS)).typicality
    sigma = written.sigma[list(ROWS)]
    written.check(judged, written.matrix[list(ROWS)].mean(axis=0), sigma.min(), sigma.max())
    assert drawn(engine, source).mask == judged
    assert drawn(engine, source, interventions=()).mask is None
    near = engine.run(
        JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS, weighting="distance")
    )
    assert near.typicality is not None
    assert near.typicality != judged


def test_a_mask_at_other_layers_is_compared_on_their_map(engine: Engine, source: FolderRef) -> None:
    mapped(engine, source)
    layers = ("encoder_bottleneck",)
    job = JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS, layers=layers)
    before = engine.run(job)
    assert before.typicality is None
    assert before.reason == "Map encoder_bottleneck to see whether the mask is beyond its samples."
    there = mean_of_samples(ROWS, step_to=2, layers=LayerSet(layers))
    assert drawn(engine, source, interventions=there).mask is None
    other = mapped(engine, source, replace(SPEC, layers=layers))
    judged = engine.run(job)
    assert judged.reason == ""
    assert judged.typicality is not None
    mean = np.load(other.path / "activations.npy")[list(ROWS)].mean(axis=0)
    placed = Projector.load(other.path / "projector.npz").transform(mean[None])
    assert judged.typicality.distance.value == pytest.approx(placed.distance[0], rel=1e-4)
    run = drawn(engine, source, interventions=there)
    assert run.mask == judged.typicality
    assert run.steps[0].xy == drawn(engine, source, interventions=there).steps[0].xy


def test_the_masks_of_a_grid_are_judged_where_their_layers_are_mapped(
    engine: Engine, source: FolderRef
) -> None:
    common: dict[str, Any] = {
        "job_id": 5, "folder": source, "spec": SPEC, "interventions": MASK,
        "condition": ClassLabel(1), "settings": SETTINGS,
        "mask_layers": (("midblock",), ("encoder_bottleneck",)),
    }  # fmt: skip
    assert engine.run(GenerateGrid(**common)).masks == ()
    one = engine.run(JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS)).typicality
    assert one is None
    mapped(engine, source)
    one = engine.run(JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS)).typicality
    for axes in ((("midblock",), ("encoder_bottleneck",)), ()):
        (judged,) = engine.run(GenerateGrid(**{**common, "mask_layers": axes})).masks
        assert (judged.mask.layers, judged.typicality) == (("midblock",), one)
    plain = {**common, "mask_layers": (), "interventions": ()}
    assert engine.run(GenerateGrid(**plain)).masks == ()


def test_masks_in_a_stack_and_saved_means_are_judged_as_a_mask_alone(
    engine: Engine, source: FolderRef
) -> None:
    written = Written(engine, source)
    saved = SaveDirection(
        job_id=6, folder=source, spec=SPEC, source=SampleMean((8, 20, 31)), name="three"
    )
    engine.run(saved)
    job = JudgeMask(job_id=4, folder=source, spec=SPEC, saved="three")
    judged = engine.run(job).typicality
    rows = [8, 20, 31]
    sigma = written.sigma[rows]
    written.check(judged, written.matrix[rows].mean(axis=0), sigma.min(), sigma.max())
    replacing = Intervention("replace", SavedVector("three"), strength=0.5)
    stack = (*MASK, Intervention("scale", Factor(0.9)), replacing)
    run = drawn(engine, source, interventions=stack)
    alone = drawn(engine, source).mask
    assert [one.typicality for one in run.masks] == [alone, judged]
    assert run.mask is None  # it is not all that acts
    assert drawn(engine, source, interventions=(replacing,)).masks == run.masks[1:]
    # the samples that it was made of are gone: it is compared with those of all levels
    path = engine.run(ListDirections(job_id=7, folder=source, model="tiny")).directions[0].path
    moved = engine.run(LoadDirection(job_id=8, folder=source, model="tiny", file=path, name="copy"))
    data = moved.info.path.read_bytes()
    moved.info.path.write_bytes(data.replace(b"sample_000", b"absent_000"))
    copied = engine.run(replace(job, saved="copy")).typicality
    low, high = written.sigma.min(), written.sigma.max()
    written.check(copied, written.matrix[rows].mean(axis=0), low, high)


def test_the_command_line_says_it_of_every_mask(
    source: FolderRef, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Engine("cpu", threads=1)
    mapped(engine, source)
    engine.run(
        SaveDirection(job_id=6, folder=source, spec=SPEC, source=SampleMean((8, 20)), name="two")
    )
    arguments = [
        "generate", "--data", str(source.path), "--model", "tiny", "--layer", "midblock",
        "--pca-components", "4", "--n-neighbors", "5", "--rows", "3,14", "--steps", "2",
        "--replace", "two", "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert cli.main([*arguments]) == 0
    said = capsys.readouterr().out
    assert "mask of 2 samples within" in said or "mask of 2 samples beyond" in said
    assert "replace two " in said


def test_nothing_is_mapped_to_judge_a_mask(engine: Engine, source: FolderRef) -> None:
    judged = engine.run(JudgeMask(job_id=4, folder=source, spec=SPEC, rows=ROWS))
    assert judged.typicality is None
    assert judged.reason.startswith("Map midblock")


def test_a_landing_is_compared_at_its_noise_level(engine: Engine, source: FolderRef) -> None:
    mapped(engine, source)
    table = engine.workspace.open(source, "tiny").samples.table
    values = read_picture(table.picture(17), 16, 1)
    image = np.round((values + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    common: dict[str, Any] = {
        "job_id": 3, "folder": source, "spec": SPEC, "seed": noise_seed(table.sample_id[17]),
        "condition": ClassLabel(int(table.class_label[17])),
    }  # fmt: skip
    own = engine.run(PlacePicture(image=image, sigma=float(table.sigma[17]), **common)).typicality
    assert own is not None
    assert own.distance.percentile == 0
    assert not own.outside_levels
    far = engine.run(PlacePicture(image=image, sigma=30.0, **common)).typicality
    assert far is not None
    assert far.outside_levels


# ---- maps of earlier versions -------------------------------------------------------------------


def mapped_before(source: FolderRef) -> LayerMap:
    """A map as an earlier version made it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projector, "FIGURES", ("z", "trust"))
        made = mapped(Engine("cpu", threads=1), source)
    with np.load(made.path / "projector.npz") as file:
        assert not {"near", "outside"} & set(file.files)
    return made


def test_figures_of_an_older_map_come_from_its_activations(source: FolderRef) -> None:
    made = mapped_before(source)
    older = drawn(Engine("cpu", threads=1), source)
    assert mapped(Engine("cpu", threads=1), source).from_cache
    shutil.rmtree(made.path)
    now = drawn(Engine("cpu", threads=1), source)
    for step, before in zip(older.steps, now.steps, strict=True):
        assert step.typicality is not None
        assert before.typicality is not None
        assert step.typicality.note == ""
        for figure, expected in (
            (step.typicality.distance, before.typicality.distance),
            (step.typicality.outside, before.typicality.outside),
        ):
            assert figure is not None
            assert expected is not None
            assert figure.value == expected.value
            assert figure.limit == pytest.approx(expected.limit, rel=1e-3)


def test_an_older_map_without_activations_says_that_a_figure_is_not_there(
    source: FolderRef,
) -> None:
    made = mapped_before(source)
    engine = Engine("cpu", threads=1)
    engine.workspace.open(source, "tiny").cache.drop_matrix(made.path.name)
    run = drawn(Engine("cpu", threads=1), source)
    judged = run.steps[0].typicality
    assert judged is not None
    assert judged.distance.percentile is not None
    assert judged.outside is not None
    assert judged.outside.percentile is None
    assert judged.note.endswith("map the layer again.")
    assert run.mask is not None
    assert not run.mask.compared


# ---- the command line ---------------------------------------------------------------------------


def test_generate_prints_and_writes_what_is_unlike_the_samples(
    tiny_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["generate", "--data", str(tiny_data()), "--model", "tiny", "--layer", "midblock"]
    command += ["--rows", "3,14,15", "--mask-steps", "1", "--seed", "1", "--pca-components", "4"]
    command += ["--land", "30", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "steps 1, 2, 3, 4 outside the samples' noise levels (0.2–2)" in printed
    assert "mask " in printed
    assert "% outside the components: above" in printed
    assert "landed outside the samples' noise levels (0.2–2)" in printed
    record = json.loads(next((tmp_path / "out").glob("*.json")).read_text(encoding="utf-8"))
    first = record["trajectory"][0]
    assert first["typicality"]["outside_sigmas"] is True
    assert first["typicality"]["sample_sigmas"] == pytest.approx([0.2, 2.0])
    assert 0 <= first["typicality"]["outside"] <= 1
    assert 0 <= first["typicality"]["distance_percentile"] <= 100
    assert first["imposed_typicality"]["outside_percentile"] is not None
    assert record["mask_typicality"]["compared_sigmas"] == pytest.approx([0.2, 2.0])
    assert record["landed"]["typicality"]["outside_sigmas"] is True


# ---- planted masks on the demo ------------------------------------------------------------------


def test_planted_masks_of_the_demo(demo: Path) -> None:
    """decoder_block_8: noise, values shuffled in space and the mean lie outside the components,
    where the distance sees nothing."""
    engine = Engine("cpu")
    opened = engine.workspace.open(FolderRef(demo), "digits")
    model = engine.workspace.model_of(opened)
    table = opened.samples.table
    rows = np.flatnonzero(np.isin(table.sigma, [0.5, 1.0, 2.0]))[:600]
    size = model.facts.resolution
    pictures = np.stack([read_picture(table.picture(row), size, 1) for row in rows])
    batches = [
        SampleBatch(
            model.codec.encode(
                np.round((pictures[start : start + 100] + 1) * 127.5)
                .astype(np.uint8)
                .transpose(0, 2, 3, 1)
            ),
            table.sigma[rows[start : start + 100]],
            [ClassLabel(int(label)) for label in table.class_label[rows[start : start + 100]]],
            np.array([noise_seed(table.sample_id[row]) for row in rows[start : start + 100]]),
        )
        for start in range(0, len(rows), 100)
    ]
    captured = list(extract_batches(model, ["decoder_block_8"], batches, mode="noised"))
    matrix = np.concatenate([flatten_layers(batch) for batch in captured])
    made = fit_map(matrix, MapParameters(), xy=np.zeros((len(matrix), 2)), rows=rows)
    assert made.outside is not None
    assert 0.15 < made.outside.mean() < 0.32
    figures = SampleFigures(made, table.sigma[made.rows])
    rng = np.random.default_rng(0)
    (anchor,) = rng.choice(np.flatnonzero(table.sigma[rows] == 2.0), 1)
    same = np.flatnonzero(
        (table.sigma[rows] == 2.0) & (table.class_label[rows] == table.class_label[rows[anchor]])
    )
    mean = matrix[same[:7]].mean(axis=0)
    shape = (1, *model.facts.layers["decoder_block_8"])
    layer = mean.reshape(shape[1], -1)
    noise = rng.normal(layer.mean(1)[:, None], layer.std(1)[:, None], layer.shape)
    shuffled = layer[:, rng.permutation(layer.shape[1])]
    planted = (mean, noise, shuffled, matrix.mean(axis=0))
    real, *others = (
        judge_mask(
            {"decoder_block_8": values.reshape(shape).astype(np.float32)},
            rows[same[:7]].tolist(),
            figures,
            opened,
        )
        for values in planted
    )
    assert real.outside is not None
    assert real.outside.value < 0.2
    assert not real.beyond
    for one, share in zip(others, (0.92, 0.92, 0.99), strict=True):
        assert one.outside is not None
        assert one.outside.value == pytest.approx(share, abs=0.05)
        assert one.beyond
    assert not any(one.distance.beyond for one in others)
