"""Runs, grids, landings and records on a small model; masks against numpy, replays to the byte."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_runs import told
from PIL import Image
from tiny import hook_count

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.cli import main as cli
from diffviews_desktop.core.masking import distance_weights
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.jobs.grid_axes import Axes
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.engine.protocol import CellDone, Event, StepDone
from diffviews_desktop.engine.record import differences, job_of, read_record
from diffviews_desktop.errors import Cancelled, DataError, MaskError, UsageError
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Picture
from diffviews_desktop.values.conditions import (
    ClassLabel,
    UniformLabel,
    ZeroLabel,
    from_choice,
)
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

HEUN = SamplingSettings(num_steps=3, sampler="heun", seed=5)


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", threads=1)


def job(
    source: FolderRef,
    rows: tuple[int, ...] = (3, 14, 15),
    mask: dict[str, Any] | None = None,
    **changes: Any,
) -> Generate:
    values: dict[str, Any] = {
        "job_id": 1,
        "folder": source,
        "spec": MapSpec("tiny", ("midblock",)),
        "interventions": mean_of_samples(rows, **(mask or {})),
        "condition": from_choice(1),
        "settings": HEUN,
    }
    return Generate(**{**values, **changes})


def grid_job(
    source: FolderRef,
    rows: tuple[int, ...] = (3, 14, 15),
    mask: dict[str, Any] | None = None,
    **changes: Any,
) -> GenerateGrid:
    asked = job(source, rows, mask)
    values = {"spec": asked.spec, "interventions": asked.interventions}
    own: dict[str, Any] = {
        "job_id": 2,
        "folder": source,
        "condition": from_choice(1),
        "settings": HEUN,
    }
    return GenerateGrid(**{**values, **own, **changes})


def run(engine: Engine, asked: Generate) -> RunResult:
    made = engine.run(asked)
    assert isinstance(made, RunResult)
    return made


def draw(engine: Engine, asked: GenerateGrid) -> PictureGrid:
    made = engine.run(asked)
    assert isinstance(made, PictureGrid)
    return made


# ---- one run ------------------------------------------------------------------------------------


def test_the_mask_is_the_weighted_mean_of_the_samples(engine: Engine, source: FolderRef) -> None:
    layers = ("decoder_block_1", "midblock")
    mask = {"weighting": "distance", "layers": layers}
    made = run(engine, job(source, mask=mask, keep=True))
    opened = engine.workspace.open(source, "tiny")
    projector = engine.workspace.maps.projector(opened, MapSpec("tiny", ("midblock",)))
    own = projector.spread(60)[1][[3, 14, 15]].astype(np.float64)
    weights = distance_weights(np.linalg.norm(own - own[0], axis=1).tolist())
    assert weights[0] == 1
    assert min(weights) < 0.95
    for layer in layers:
        rows = engine.workspace.maps.activations.rows(
            Activations(opened, (layer,)), (3, 14, 15)
        ).astype(np.float64)
        expected = np.average(rows, axis=0, weights=weights)
        for step in made.steps:
            assert step.imposed is not None
            np.testing.assert_allclose(step.imposed[layer].ravel(), expected, rtol=2e-5, atol=2e-6)
            assert not np.allclose(step.computed[layer].ravel(), expected, atol=1e-3)


def test_strength_and_window_are_recorded_as_they_acted(engine: Engine, source: FolderRef) -> None:
    mask = {"strength": 0.25, "step_from": 1, "step_to": 2}
    made = run(engine, job(source, mask=mask, keep=True))
    whole = run(engine, job(source, keep=True))
    mean = whole.steps[0].imposed["midblock"]
    assert [bool(step.imposed) for step in made.steps] == [False, True, False]
    said = made.steps[1].computed["midblock"]
    np.testing.assert_allclose(
        made.steps[1].imposed["midblock"], 0.75 * said + 0.25 * mean, rtol=1e-4, atol=1e-5
    )
    assert made.evaluations == 5
    assert [step.imposed_xy is not None for step in made.steps] == [False, True, False]


def test_a_layer_that_is_not_on_the_map_has_no_imposed_place(
    engine: Engine, source: FolderRef
) -> None:
    made = run(engine, job(source, mask={"layers": ("decoder_block_1",)}))
    assert all(step.imposed_xy is None for step in made.steps)
    kept = run(engine, job(source, mask={"layers": ("decoder_block_1",)}, keep=True))
    assert all(step.imposed_xy is None and step.imposed for step in kept.steps)
    free = run(engine, job(source, rows=()))
    assert not np.array_equal(made.steps[-1].image, free.steps[-1].image)
    assert made.steps[0].computed is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layers": ("attic",)}, "tiny has no layer 'attic'. Its layers: encoder_block_0"),
        ({"strength": 1.5}, "between 0 and 1, not 1.5"),
        ({"strength": math.nan}, "between 0 and 1"),
        ({"s_churn": -1.0}, "churn must not be negative"),
        ({"step_from": -1}, "must not be negative"),
        ({"sampler": "euler"}, "Unknown sampler 'euler'"),
        ({"sampler": "renoise", "s_churn": math.inf}, "churn"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    engine: Engine, source: FolderRef, changes: dict[str, Any], says: str
) -> None:
    of_sampling = hasattr(HEUN, next(iter(changes)))
    settings = replace(HEUN, **changes) if of_sampling else HEUN
    asked = job(source, mask={} if of_sampling else changes, settings=settings)
    with pytest.raises((UsageError, MaskError)) as raised:
        run(engine, asked)
    assert says in str(raised.value)


def test_nothing_is_left_behind_wherever_it_ends(source: FolderRef) -> None:
    calls = {"left": 0}
    steps: list[Event] = []

    def cancelled(job_id: int) -> bool:
        calls["left"] -= 1
        return calls["left"] == 0

    engine = Engine("cpu", threads=1, emit=steps.append, cancelled=cancelled)
    run(engine, job(source))  # the map is there from now on
    model = engine.workspace.model.held.adapter.model
    state, flags = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    expected = run(engine, job(source)).steps[-1].image
    seen = set()
    for asks in (1, 3, 8, 20, 40, 55, 70, 85, 100, 130):
        calls["left"], before = asks, len(steps)
        try:
            run(engine, job(source))
        except Cancelled:
            seen.add(sum(isinstance(event, StepDone) for event in steps[before:]))
        assert hook_count(model) == 0
    calls["left"] = 0
    assert len(seen) >= 3  # it was heard before, between and within steps
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.are_deterministic_algorithms_enabled() == flags
    np.testing.assert_array_equal(run(engine, job(source)).steps[-1].image, expected)


def test_a_failing_forward_leaves_nothing_behind(
    engine: Engine, source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(engine, job(source)).steps[-1].image
    adapter = engine.workspace.model.held.adapter
    forward, calls = type(adapter).forward, []

    def failing(self: Any, *given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("broken")
        return forward(self, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(adapter), "forward", failing)
        with pytest.raises(RuntimeError, match="broken"):
            run(engine, job(source))
    assert hook_count(adapter.model) == 0
    np.testing.assert_array_equal(run(engine, job(source)).steps[-1].image, expected)


# ---- grids --------------------------------------------------------------------------------------


def test_a_cell_is_the_single_run_with_its_settings(engine: Engine, source: FolderRef) -> None:
    events: list[Event] = []
    engine._control._emit = events.append
    asked = grid_job(
        source, samples=2, strengths=(0.0, 1.0), windows=((0, 1), (1, 3)),
        mask_layers=(("midblock",), ("decoder_block_1",)), batch=1,
    )  # fmt: skip
    made = draw(engine, asked)
    assert len(made.cells) == 16 == made.job.count
    assert [e.cell.index for e in events if isinstance(e, CellDone)] == list(range(16))
    for cell in made.cells:
        alone = job(source, settings=cell.settings, interventions=cell.interventions)
        single = run(engine, alone)
        np.testing.assert_array_equal(cell.image, single.image)
    together = draw(engine, replace(asked, batch=4))
    for one, other in zip(made.cells, together.cells, strict=True):
        assert one.settings == other.settings
        assert one.interventions == other.interventions
        assert np.abs(one.image.astype(int) - other.image).max() <= 1


def test_random_classes_of_a_grid_are_those_of_single_runs(
    engine: Engine, source: FolderRef
) -> None:
    made = draw(
        engine, grid_job(source, rows=(), samples=6, condition=from_choice("random"), batch=4)
    )
    single = [
        run(engine, job(source, rows=(), condition=from_choice("random"), settings=cell.settings))
        for cell in made.cells
    ]
    assert [cell.condition for cell in made.cells] == [one.condition for one in single]
    assert len({cell.condition for cell in made.cells}) > 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"samples": 0}, "must be at least 1"),
        ({"batch": 0}, "must be at least 1"),
        ({"samples": 2001}, "at most 2,000 pictures, not 2,001"),
        ({"strengths": (0.5, 2.0)}, "between 0 and 1"),
        ({"rows": (), "strengths": (0.5,)}, "needs a mask"),
        ({"mask_layers": (("attic",),)}, "no layer 'attic'"),
        ({"rows": (60,)}, "Sample 60 does not exist"),
    ],
)
def test_impossible_grids_are_refused(
    engine: Engine, source: FolderRef, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises((UsageError, MaskError)) as raised:
        draw(engine, grid_job(source, **changes))
    assert says in str(raised.value)


def test_axes_name_rows_and_columns(source: FolderRef) -> None:
    def axes(**changes: Any) -> Axes:
        return Axes.of(grid_job(source, **changes))

    assert axes(samples=3) == Axes(("",), ("seed 5", "seed 6", "seed 7"))
    both = axes(samples=2, strengths=(0.0, 0.5))
    assert both == Axes(("strength 0", "strength 0.5"), ("seed 5", "seed 6"))
    no_seeds = axes(strengths=(0.0, 1.0), windows=((0, 1), (1, 3)))
    assert no_seeds == Axes(("steps 1-1", "steps 2-3"), ("strength 0", "strength 1"))
    many = axes(samples=23)
    assert len(many.row_names) == 3
    assert len(many.column_names) == 10


# ---- landing ------------------------------------------------------------------------------------


def test_a_samples_own_picture_lands_on_that_sample(engine: Engine, source: FolderRef) -> None:
    opened = engine.workspace.open(source, "tiny")
    table = opened.samples.table
    facts = engine.workspace.model_of(opened).facts
    row = 17
    values = read_picture(table.picture(row), facts.resolution, facts.channels)
    image = np.round((values + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    placed = engine.run(
        PlacePicture(
            job_id=3,
            folder=source,
            spec=MapSpec("tiny", ("midblock",)),
            image=image,
            condition=ClassLabel(int(table.class_label[row])),
            sigma=float(table.sigma[row]),
            seed=noise_seed(table.sample_id[row]),
        )
    )
    assert isinstance(placed, PicturePlaced)
    distances = [far for _, far in placed.neighbors]
    assert distances == sorted(distances)
    assert placed.neighbors[0][0] == row
    assert placed.distance < 1e-3 * distances[1]


def test_a_picture_is_placed_as_what_it_was_drawn_as(engine: Engine, source: FolderRef) -> None:
    """The uniform label is neither the zero label nor a class."""
    model = engine.workspace.model_of(engine.workspace.open(source, "tiny"))
    image = np.random.default_rng(2).integers(0, 256, model.codec.image_shape).astype(np.uint8)
    count = model.facts.num_classes
    seen: dict[str, dict[str, Any]] = {}
    forward = EDMAdapter.forward

    def told(self: Any, x: Any, sigma: Any, class_labels: Any = None, **more: Any) -> Any:
        seen[name]["labels"] = class_labels.tolist()
        return forward(self, x, sigma, class_labels, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EDMAdapter, "forward", told)
        for name, condition in (
            ("uniform", UniformLabel()),
            ("zero", ZeroLabel()),
            ("class", ClassLabel(1)),
        ):
            seen[name] = {}
            placed = engine.run(
                PlacePicture(
                    job_id=3, folder=source, spec=MapSpec("tiny", ("midblock",)), image=image,
                    condition=condition, sigma=1.0,
                )
            )  # fmt: skip
            assert isinstance(placed, PicturePlaced)
            seen[name]["distance"] = placed.distance
    assert seen["uniform"]["labels"] == [[pytest.approx(1 / count)] * count]
    assert seen["zero"]["labels"] == [[0.0] * count]
    assert seen["class"]["labels"] == [[0.0, 1.0] + [0.0] * (count - 2)]
    assert len({one["distance"] for one in seen.values()}) == 3


@pytest.mark.parametrize(
    ("changes", "says"), [({"sigma": 0.0}, "positive"), ({"image": np.zeros((3, 3, 3), np.uint8)},
                                                         "The picture is")]
)  # fmt: skip
def test_what_cannot_be_placed_is_refused(
    engine: Engine, source: FolderRef, changes: dict[str, Any], says: str
) -> None:
    size = engine.workspace.model_of(engine.workspace.open(source, "tiny")).facts.resolution
    values: dict[str, Any] = {"image": np.zeros((size, size, 3), np.uint8), "sigma": 1.0, **changes}
    with pytest.raises(UsageError, match=says):
        engine.run(
            PlacePicture(
                job_id=3,
                folder=source,
                spec=MapSpec("tiny", ("midblock",)),
                condition=told(1),
                **values,
            )
        )


# ---- records ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["renoise", "heun"])
def test_a_record_makes_the_same_again(source: FolderRef, tmp_path: Path, sampler: Any) -> None:
    settings = replace(HEUN, sampler=sampler, seed=None)
    mask = {"strength": 0.5, "weighting": "distance", "step_from": 1}
    asked = job(source, mask=mask, settings=settings, condition=from_choice("random"))
    made = run(Engine("cpu", threads=1), asked)
    file = tmp_path / "one.png"
    with file.open("wb") as stream:
        registry.write(Picture(made.image, made.record), "one.png", stream)
    record = read_record(file)
    again = job_of(record)
    assert isinstance(again, Generate)
    assert again.settings == replace(settings, seed=made.seed)
    second = run(Engine("cpu", threads=1), again)
    np.testing.assert_array_equal(second.image, made.image)
    assert differences(record, second.record) == []
    other = tmp_path / "two.png"
    with other.open("wb") as stream:
        registry.write(Picture(second.image, second.record), "two.png", stream)
    assert file.read_bytes() == other.read_bytes()
    changed = {**second.record, "threads": 2, "masks": {}, "checkpoint": {}, "device": "mps"}
    assert len(differences(record, changed)) == 4


def test_the_command_line_replays_to_the_byte(
    tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data, out = str(tiny_data()), str(tmp_path / "out")
    common = ["--data", data, "--rows", "3,14", "--layer", "midblock", "--num-steps", "2"]
    assert cli.main(["generate", *common, "--out", out, "--seed", "4", "--activations"]) == 0
    grid = ["--samples", "2", "--strengths", "0; 1"]
    assert cli.main(["generate", *common, *grid, "--out", out, "--seed", "4"]) == 0
    for number, kind in ((1, "png"), (2, "json")):
        first = tmp_path / "out" / f"000{number}.{kind}"
        again = tmp_path / f"again{number}"
        assert cli.main(["generate", "--replay", str(first), "--out", str(again)]) == 0
        made = again / "0001.png"
        assert made.read_bytes() == (tmp_path / "out" / f"000{number}.png").read_bytes()
    with np.load(tmp_path / "out" / "0001.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["computed/midblock", "imposed/midblock"]
        assert len(arrays["computed/midblock"]) == 2


def test_rows_are_found_by_the_samples_names(
    tiny_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tiny_data())
    out = tmp_path / "out"
    common = ["--data", data, "--layer", "midblock", "--num-steps", "1", "--out", str(out)]
    assert cli.main(["generate", *common, "--rows", "3", "--class", "1"]) == 0
    file = out / "0001.json"
    value = json.loads(file.read_text())
    value["record"]["job"]["rows"] = [9]  # as if the table had another order now
    file.write_text(json.dumps(value))
    assert cli.main(["generate", "--replay", str(file), "--out", str(tmp_path / "b")]) == 0
    again = json.loads((tmp_path / "b" / "0001.json").read_text())
    assert again["rows"] == [3]
    value["record"]["sample_ids"] = ["gone"]
    file.write_text(json.dumps(value))
    capsys.readouterr()
    assert cli.main(["generate", "--replay", str(file), "--out", str(tmp_path / "c")]) == 1
    assert "no sample 'gone'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"format": 2, "kind": "generate", "job": {}}', "{" * 5000,
        '{"format": 1, "kind": "grid"}', '{"record": 3}',
    ],
)  # fmt: skip
def test_what_is_no_record_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    with pytest.raises(DataError):
        read_record(file)
    assert cli.main(["generate", "--replay", str(file)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("diffviews-desktop: record.json holds no record")
    assert said.count("\n") == 1


def test_a_damaged_job_and_a_foreign_picture_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text('{"format": 1, "kind": "generate", "job": {"model": 3}}')
    with pytest.raises(DataError, match="The record is damaged"):
        job_of(read_record(file))
    picture = tmp_path / "plain.png"
    Image.new("L", (4, 4)).save(picture)
    with pytest.raises(DataError, match="carries no record"):
        read_record(picture)
    picture.write_bytes(picture.read_bytes()[:30])
    with pytest.raises(DataError):
        read_record(picture)
    with pytest.raises(DataError, match="cannot be read"):
        read_record(tmp_path / "nowhere.json")


# ---- presets and memory -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "sampler", "steps", "said"),
    [
        ({}, "renoise", 3, True),
        ({}, "heun", 3, False),
        ({}, "renoise", 1, False),
        ({"sampler": "renoise"}, "renoise", 3, False),
    ],
    ids=["made for Heun's", "its own", "one step", "few-step"],
)
def test_a_sampler_that_is_not_made_for_the_model_is_said(
    engine: Engine,
    tiny_data: Callable[..., Path],
    config: dict[str, Any],
    sampler: Any,
    steps: int,
    said: bool,
) -> None:
    folder = FolderRef(tiny_data(config=config))
    settings = SamplingSettings(num_steps=steps, sampler=sampler, seed=5)
    made = engine.run(job(folder, (), settings=settings))
    assert any("differ less from each other" in note for note in made.notes) == said


def test_published_settings_are_presets(engine: Engine, source: FolderRef) -> None:
    loaded = engine.run(LoadModel(job_id=4, folder=source, model="tiny"))
    assert isinstance(loaded, ModelLoaded)
    presets = {preset.name: preset for preset in loaded.presets}
    imagenet = presets["EDM, ImageNet-64"]
    assert imagenet.settings.evaluations() == 511
    assert "FID 1.36" in imagenet.note
    assert presets["EDM, 18 steps"].settings.evaluations() == 35
    assert presets["EDM, 40 steps"].settings.evaluations() == 79


def test_many_runs_keep_no_memory(engine: Engine, source: FolderRef) -> None:
    import gc

    small = replace(HEUN, num_steps=1)
    asked = job(source, settings=small)
    for _ in range(3):
        run(engine, asked)
    gc.collect()
    before = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    for _ in range(100):
        run(engine, asked)
    gc.collect()
    after = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    assert after <= before
