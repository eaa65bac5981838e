"""Interventions through the engine: their values, records, grids, and directions that are saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.directions import (
    ExportDirection,
    ListDirections,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, PictureGrid, RunResult
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.record import Record, differences, job_of
from diffviews_desktop.engine.record_format import flatten
from diffviews_desktop.errors import DataError, MaskError, UsageError
from diffviews_desktop.values.conditions import ClassLabel, RandomClass, ZeroLabel
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.intervention_records import interventions_of, plain
from diffviews_desktop.values.interventions import (
    MOST_INTERVENTIONS,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
    mean_of_samples,
)
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import Area, Channels
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION

MIDBLOCK = MapSpec("tiny", ("midblock",))
HEUN = SamplingSettings(num_steps=3, sampler="heun", seed=5)
EVERY_KIND = (
    Intervention("add", Difference((3, 14), (15,)), strength=-0.5, step_to=2),
    Intervention("steer", Component(0), strength=0.25),
    Intervention("scale", Factor(1.5), layers=("decoder_block_1",), region=Channels((0, 2))),
    Intervention("ablate", LayerMean(), layers=("encoder_block_1",), strength=0.5, step_from=1),
    Intervention("ablate", Zero(), region=Area.of(np.eye(2)), conditional=False),
    Intervention("patch", OtherRun(9, ClassLabel(1)), step_to=1, name="first step"),
    Intervention("replace", SampleMean((3, 4), "distance"), strength=0.5),
)


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", threads=1)


def run(engine: Engine, source: FolderRef, *stack: Intervention, **changes: Any) -> RunResult:
    values: dict[str, Any] = {"spec": MIDBLOCK, "condition": ClassLabel(1), "settings": HEUN}
    job = Generate(job_id=1, folder=source, interventions=stack, **{**values, **changes})
    made = engine.run(job)
    assert isinstance(made, RunResult)
    return made


def draw(engine: Engine, source: FolderRef, *stack: Intervention, **axes: Any) -> PictureGrid:
    job = GenerateGrid(
        job_id=2, folder=source, spec=MIDBLOCK, condition=ClassLabel(1), settings=HEUN,
        interventions=stack, **axes,
    )  # fmt: skip
    made = engine.run(job)
    assert isinstance(made, PictureGrid)
    return made


def rows_of(engine: Engine, source: FolderRef, layer: str, *rows: int) -> np.ndarray:
    """Activations as the engine extracts them, in float64."""
    from diffviews_desktop.engine.activations import activations_of

    workspace = engine.workspace
    wanted = activations_of(workspace, workspace.open(source, "tiny"), [layer], OWN_CONDITION)
    return workspace.maps.activations.rows(wanted, rows).astype(np.float64)


def pictures(made: RunResult) -> list[bytes]:
    return [step.image.tobytes() for step in made.steps]


# ---- values -------------------------------------------------------------------------------------


def test_a_direction_is_the_difference_of_two_means(engine: Engine, source: FolderRef) -> None:
    one = Intervention("add", Difference((3, 14), (15, 7, 9)), strength=-0.5, step_from=1)
    made = run(engine, source, one, keep=True)
    direction = rows_of(engine, source, "midblock", 3, 14).mean(0)
    direction -= rows_of(engine, source, "midblock", 15, 7, 9).mean(0)
    assert [bool(step.imposed) for step in made.steps] == [False, True, True]
    for step in made.steps[1:]:
        moved = step.imposed["midblock"] - step.computed["midblock"]
        np.testing.assert_allclose(moved.ravel(), -0.5 * direction, atol=2e-4)


def test_a_component_is_one_deviation_of_the_samples_along_it(
    engine: Engine, source: FolderRef
) -> None:
    opened = engine.workspace.open(source, "tiny")
    projector = engine.workspace.maps.projector(opened, MIDBLOCK)
    maker = EffectMaker(engine.workspace, engine.workspace.maps, opened, MIDBLOCK)
    (one,) = maker.check([Intervention("add", Component(1))])
    direction = maker.vectors(one)["midblock"].reshape(1, -1)
    start = rows_of(engine, source, "midblock", 3).astype(np.float32)
    moved = projector.reduction.transform(start + direction) - projector.reduction.transform(start)
    expected = np.zeros(moved.shape[1])
    expected[1] = projector.reduced[:, 1].std()
    np.testing.assert_allclose(moved[0], expected, atol=1e-2 * expected[1])


def test_ablating_to_the_mean_puts_that_of_all_samples(engine: Engine, source: FolderRef) -> None:
    one = Intervention("ablate", LayerMean(), layers=("decoder_block_1",))
    made = run(engine, source, one, keep=True)
    count = len(engine.workspace.open(source, "tiny").samples.table)
    mean = rows_of(engine, source, "decoder_block_1", *range(count)).mean(0)
    for step in made.steps:
        np.testing.assert_allclose(step.imposed["decoder_block_1"].ravel(), mean, atol=1e-4)


def test_a_patch_is_what_the_other_run_computed(engine: Engine, source: FolderRef) -> None:
    patch = Intervention("patch", OtherRun(9, ClassLabel(0)), step_from=1)
    made = run(engine, source, patch, keep=True)
    other = run(engine, source, settings=replace(HEUN, seed=9), condition=ClassLabel(0), keep=True)
    for step, wanted in zip(made.steps[1:], other.steps[1:], strict=True):
        np.testing.assert_array_equal(step.imposed["midblock"], wanted.computed["midblock"])
        assert not np.array_equal(step.computed["midblock"], wanted.computed["midblock"])
    same = Intervention("patch", OtherRun())  # the same noise, told the same: nothing changes
    assert pictures(run(engine, source, same)) == pictures(run(engine, source))
    told = Intervention("patch", OtherRun(None, ClassLabel(0)))
    assert pictures(run(engine, source, told)) != pictures(run(engine, source))


@pytest.mark.parametrize("sampler", ["renoise", "heun"])
def test_strength_zero_and_what_is_switched_off_change_no_byte(
    engine: Engine, source: FolderRef, sampler: Any
) -> None:
    settings = replace(HEUN, sampler=sampler, guidance_scale=2.0)
    plain_run = pictures(run(engine, source, settings=settings))
    for one in EVERY_KIND:
        for off in (replace(one, strength=0.0), replace(one, enabled=False)):
            assert pictures(run(engine, source, off, settings=settings)) == plain_run
        whole = replace(one, strength=1.0, step_to=None)
        assert pictures(run(engine, source, whole, settings=settings)) != plain_run, one.verb


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Intervention("add", Component(500)), "principal components, counted from 0"),
        (Intervention("add", Component(0), layers=("decoder_block_1",)), "those of midblock, not"),
        (Intervention("add", SavedVector("none")), "no saved direction 'none'. It has: none"),
        (Intervention("add", SavedVector("../x")), "cannot be the name"),
        (Intervention("ablate", Zero(), region=Channels((999,))), "midblock has no channel 999"),
        (Intervention("ablate", Zero(), layers=("attic",)), "tiny has no layer 'attic'"),
        (Intervention("add", Difference((1,), (60,))), "Sample 60 does not exist"),
    ],
)
def test_what_cannot_be_is_refused(
    engine: Engine, source: FolderRef, one: Intervention, says: str
) -> None:
    with pytest.raises((UsageError, MaskError, DataError), match=says.replace("(", r"\(")):
        run(engine, source, one)


# ---- masks do not depend on what was mapped -----------------------------------------------------


def test_a_mask_is_the_same_whether_or_not_its_layer_was_mapped(
    source: FolderRef,
) -> None:
    stack = mean_of_samples((3, 14, 15, 40, 41))
    spec = {"spec": MapSpec("tiny", ("encoder_bottleneck",))}
    before = draw(
        Engine("cpu", threads=1),
        source,
        *mean_of_samples((3, 14, 15), layers=("midblock",)),
        samples=2,
    )
    first = run(Engine("cpu", threads=1), source, *stack, **spec)
    engine = Engine("cpu", threads=1)
    for layers in (("midblock",), ("encoder_bottleneck", "midblock")):
        engine.run(MapLayer(job_id=3, folder=source, spec=MapSpec("tiny", layers)))
    after = draw(engine, source, *mean_of_samples((3, 14, 15), layers=("midblock",)), samples=2)
    assert before.record["masks"] == after.record["masks"] != {}
    assert [c.image.tobytes() for c in before.cells] == [c.image.tobytes() for c in after.cells]
    again = run(engine, source, *stack, **spec)
    assert first.record["masks"] == again.record["masks"]


# ---- grids --------------------------------------------------------------------------------------


def test_a_grid_varies_one_intervention_of_a_stack(engine: Engine, source: FolderRef) -> None:
    stack = (EVERY_KIND[2], EVERY_KIND[0])
    made = draw(
        engine, source, *stack, varied=1, samples=2, strengths=(-1.0, 0.0, 2.0),
        windows=((0, 1), (1, 3)), batch=4,
    )  # fmt: skip
    assert len(made.cells) == made.job.count == 12
    strengths = [cell.interventions[1].strength for cell in made.cells]
    assert strengths == [-1.0, -1.0, 0.0, 0.0, 2.0, 2.0] * 2
    assert {cell.interventions[0] for cell in made.cells} == {stack[0]}
    for cell in made.cells:
        single = run(engine, source, *cell.interventions, settings=cell.settings)
        assert np.abs(cell.image.astype(int) - single.image).max() <= 1
    with pytest.raises(UsageError, match="no intervention 3 to vary"):
        draw(engine, source, *stack, varied=2, strengths=(0.0,))


def test_each_picture_of_a_batch_is_patched_from_its_own_noise(
    engine: Engine, source: FolderRef
) -> None:
    stack = (Intervention("patch", OtherRun(None, ClassLabel(0)), layers=("encoder_bottleneck",)),)
    together = draw(engine, source, *stack, samples=3, batch=3)
    for cell in together.cells:
        single = run(engine, source, *stack, settings=cell.settings)
        assert np.abs(cell.image.astype(int) - single.image).max() <= 1


# ---- records ------------------------------------------------------------------------------------


def test_a_record_of_a_stack_makes_the_same_again(source: FolderRef) -> None:
    made = run(Engine("cpu", threads=1), source, *EVERY_KIND)
    record = Record.model_validate(json.loads(json.dumps(made.record)))
    again = job_of(record)
    assert again == replace(made.job, job_id=0, folder=again.folder)
    second = run(Engine("cpu", threads=1), source, *again.interventions, settings=again.settings)
    assert pictures(second) == pictures(made)
    assert differences(record, second.record) == []
    ids = [f"sample_{row:06d}" for row in (3, 14, 15, 3, 4)]
    assert list(record.sample_ids) == ids
    kept = set(made.record["masks"])
    assert "1 add midblock: midblock" in kept
    assert "7 replace midblock: midblock" in kept


OLD = {
    "job_id": 0,
    "source": {"path": "data", "parameters": None},
    "model": "tiny",
    "layers": ["midblock"],
    "rows": [3, 14],
    "settings": {
        "num_steps": 3, "mask_steps": 2, "sigma_max": 80.0, "sigma_min": 0.5, "rho": 7.0,
        "guidance_scale": 1.0, "noise_mode": "stochastic", "seed": 5, "sampler": "heun",
        "s_churn": 0.0, "s_min": 0.0, "s_max": None, "s_noise": 1.0, "mask_from": 1,
        "strength": 0.5, "weighting": "distance", "mask_unconditional": False,
        "mask_layers": ["decoder_block_1"],
    },
    "keep": False,
    "class_choice": 1,
}  # fmt: skip


def test_a_record_from_before_other_interventions_is_read_and_written_as_it_was() -> None:
    job = job_of(Record(format=1, kind="generate", job=OLD))
    (mask,) = job.interventions
    assert mask.source == SampleMean((3, 14), "distance")
    assert (mask.step_from, mask.step_to, mask.strength) == (1, 2, 0.5)
    assert (mask.unconditional, mask.layers) == (False, ("decoder_block_1",))
    assert job.settings == replace(HEUN, sampler="heun")
    written = json.loads(json.dumps(flatten(job)))
    assert {**written, "source": OLD["source"]} == {**OLD, "told": "own"}
    assert list(written["settings"]) == list(OLD["settings"])
    grid = {**OLD, "samples": 2, "strengths": [0.0, 1.0], "windows": [[0, 1]], "mask_layers": []}
    del grid["keep"]
    made = job_of(Record(format=1, kind="grid", job=grid))
    assert isinstance(made, GenerateGrid)
    assert "interventions" not in flatten(made)
    assert [cell.interventions[0].strength for cell in made.cells()] == [0.0, 0.0, 1.0, 1.0]
    free = job_of(Record(format=1, kind="generate", job={**OLD, "rows": []}))
    assert free.interventions == ()


numbers = st.floats(-10, 10, allow_nan=False)
some_rows = st.lists(st.integers(0, 59), min_size=1, max_size=4).map(tuple)
conditions = st.sampled_from([None, ClassLabel(2), ZeroLabel(), RandomClass()])
directions = st.one_of(
    st.builds(Difference, some_rows, some_rows),
    st.builds(Component, st.integers(0, 9)),
    st.builds(SavedVector, st.sampled_from(["three", "Größe 2"])),
)
verbs_and_sources = st.one_of(
    st.tuples(st.just("replace"), st.builds(SampleMean, some_rows)),
    st.tuples(st.sampled_from(["add", "steer"]), directions),
    st.tuples(st.just("scale"), st.builds(Factor, numbers)),
    st.tuples(st.just("ablate"), st.sampled_from([Zero(), LayerMean()])),
    st.tuples(
        st.just("patch"), st.builds(OtherRun, st.none() | st.integers(0, 2**63 - 1), conditions)
    ),
)
stacks = st.lists(
    st.builds(
        lambda pair, **fields: Intervention(*pair, **fields),
        verbs_and_sources,
        strength=numbers,
        layers=st.sampled_from([(), ("a",), ("b", "a")]),
        step_to=st.none() | st.integers(0, 9),
        enabled=st.booleans(),
        conditional=st.booleans(),
        name=st.text(max_size=5),
        region=st.sampled_from([Area.of(np.eye(3)), Channels((1, 2))]),
    ),
    max_size=3,
).map(tuple)


@settings(max_examples=60)
@given(stacks)
def test_interventions_keep_their_values_in_a_record(stack: tuple[Intervention, ...]) -> None:
    assert interventions_of(json.loads(json.dumps(plain(stack)))) == stack


@pytest.mark.parametrize(
    "damage",
    [
        {"verb": "bend"}, {"verb": "scale"}, {"source": {}}, {"source": {"kind": "zero", "x": 1}},
        {"source": None}, {"region": {"kind": "area", "height": 2, "width": 2, "bits": "zz"}},
        {"strength": "much"}, {"source": {"kind": "run", "class_choice": "nobody"}},
    ],
)  # fmt: skip
def test_damaged_interventions_of_a_record_are_refused(damage: dict[str, Any]) -> None:
    whole = plain([EVERY_KIND[0]])[0]
    job = {**OLD, "rows": [], "interventions": [{**whole, **damage}]}
    with pytest.raises(DataError, match="record is damaged"):
        job_of(Record(format=1, kind="generate", job=job))


def test_records_of_too_many_interventions_are_refused() -> None:
    whole = plain([EVERY_KIND[0]])[0]
    for kind in ("generate", "grid"):
        fields = {**OLD, "rows": [], "interventions": [whole] * (MOST_INTERVENTIONS + 1)}
        with pytest.raises(DataError, match="with 100 interventions at most, not 101"):
            job_of(Record(format=1, kind=kind, job=fields))
    fields["interventions"].pop()
    job = job_of(Record(format=1, kind="generate", job=fields))
    assert len(job.interventions) == MOST_INTERVENTIONS


# ---- saved directions ---------------------------------------------------------------------------


def save(engine: Engine, source: FolderRef, name: str, what: Any, **more: Any) -> Any:
    job = SaveDirection(job_id=1, folder=source, spec=MIDBLOCK, source=what, name=name, **more)
    return engine.run(job)


def test_a_saved_direction_acts_like_the_one_it_was_made_of(
    source: FolderRef, tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    difference = Difference((3, 14), (15, 7))
    made = save(Engine("cpu", threads=1), source, "three", difference, layers=("decoder_block_1",))
    assert made.info.path == source.path / "tiny/directions/three.safetensors"
    assert made.info.record["sample_ids"] == ["sample_000003", "sample_000014"]
    assert made.info.record["minus_ids"] == ["sample_000015", "sample_000007"]
    session = Engine("cpu", threads=1)  # another
    listed = session.run(ListDirections(job_id=2, folder=source, model="tiny")).directions
    assert [info.name for info in listed] == ["three"]
    by_name = Intervention("add", SavedVector("three"), strength=2.0)  # at its own layer
    by_rows = Intervention("add", difference, layers=("decoder_block_1",), strength=2.0)
    expected = pictures(run(session, source, by_rows))
    assert pictures(run(session, source, by_name)) == expected
    assert pictures(run(session, source)) != expected
    file = tmp_path / "elsewhere.safetensors"
    session.run(ExportDirection(job_id=3, folder=source, model="tiny", name="three", file=file))
    assert file.read_bytes() == made.info.path.read_bytes()
    loading = LoadDirection(job_id=4, folder=source, model="tiny", file=file, name="four")
    session.run(loading)
    renamed = replace(by_name, source=SavedVector("four"))
    assert pictures(run(session, source, renamed)) == expected
    with pytest.raises(UsageError, match="four is there already"):
        session.run(loading)


def test_the_mean_of_a_set_can_be_saved_and_imposed(engine: Engine, source: FolderRef) -> None:
    save(engine, source, "set", SampleMean((3, 14, 15)))
    imposed = run(engine, source, Intervention("replace", SavedVector("set")))
    assert pictures(imposed) == pictures(run(engine, source, *mean_of_samples((3, 14, 15))))


def test_a_name_that_is_taken_is_said_before_anything_is_computed(
    engine: Engine, source: FolderRef
) -> None:
    first = save(engine, source, "one", Component(0)).info.path.read_bytes()
    with pytest.raises(UsageError, match="one is there already"):
        save(engine, source, "one", Component(1))
    second = save(engine, source, "one", Component(1), replace=True).info.path.read_bytes()
    assert first != second


def test_a_direction_of_another_model_is_refused(
    engine: Engine, source: FolderRef, tmp_path: Path
) -> None:
    from diffviews_desktop.data.directions import write_direction

    file = tmp_path / "wide.safetensors"
    write_direction(file, {"midblock": np.ones((3, 9, 9), np.float32)}, {}, replace=False)
    engine.run(LoadDirection(job_id=1, folder=source, model="tiny", file=file))
    with pytest.raises(DataError, match="shape 3×9×9 at midblock, where this model has"):
        run(engine, source, Intervention("add", SavedVector("wide")))
    elsewhere = Intervention("add", SavedVector("wide"), layers=("decoder_block_1",))
    with pytest.raises(DataError, match="has no values of decoder_block_1"):
        run(engine, source, elsewhere)


def test_a_link_out_of_the_folder_is_neither_read_nor_written(
    engine: Engine, source: FolderRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (source.path / "tiny/directions").symlink_to(outside)
    made = save(engine, source, "one", Component(0))
    assert list(outside.iterdir()) == []
    assert made.info.path.is_relative_to(tmp_path / "own")
    made.info.path.rename(outside / "one.safetensors")
    assert engine.run(ListDirections(job_id=2, folder=source, model="tiny")).directions == ()
