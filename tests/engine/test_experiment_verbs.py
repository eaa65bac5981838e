"""Experiments with other interventions than masks, through a real engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_experiments import midblock_of, pictures_of

from diffviews_desktop.core.intervening import Effect
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.experiments import runner
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.experiments import (
    ExperimentResult,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.opening import DataOpened
from diffviews_desktop.errors import Cancelled, DiffViewsError
from diffviews_desktop.values.conditions import AnchorClass, ClassLabel, ZeroLabel
from diffviews_desktop.values.controls import controls_for
from diffviews_desktop.values.experiment_text import experiment_text, read_experiment
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import Channels
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION

MIDBLOCK, DECODER = LayerSet(("midblock",)), LayerSet(("decoder_block_1",))
SETTINGS = SamplingSettings(num_steps=2, seed=5)
A, B = (2, 22, 12), (3, 43)
"""Samples of class 2, and of class 3."""
ADD = Intervention("add", Difference(A, B), strength=2.0)
PATCH = Intervention("patch", OtherRun(None, ClassLabel(1)))
STACK = (
    Intervention("ablate", Zero(), DECODER, Channels((0, 2)), step_from=1),
    replace(ADD, layers=MIDBLOCK, step_to=1),
)
ONES: list[tuple[Intervention, ...]] = [
    (ADD,),
    (replace(ADD, verb="steer", strength=-0.5),),
    (Intervention("scale", Factor(0.5), region=Channels((1,))),),
    (Intervention("ablate", LayerMean()),),
    (PATCH,),
    (Intervention("patch", OtherRun(77)),),
    (Intervention("replace", SampleMean(A, "distance"), strength=0.5),),
    (Intervention("add", Component(1)),),
    STACK,
]


def experiment(*acting: Intervention, **changes: Any) -> Experiment:
    layers = LayerSet(name for one in acting for name in one.layers) or MIDBLOCK
    fields: dict[str, Any] = {
        "model": "tiny",
        "layer_sets": (layers,),
        "windows": ((0, 2),),
        "interventions": acting,
        "map_layers": MIDBLOCK,
        "seeds": 3,
        "settings": SETTINGS,
    }
    return Experiment(**{**fields, **changes})


def run(engine: Engine, data: Path, out: Path, asked: Experiment) -> ExperimentResult:
    return engine.run(RunExperiment(job_id=1, folder=FolderRef(data), experiment=asked, out=out))


def pictures(made: ExperimentResult, arm: str) -> list[np.ndarray]:
    """Pictures of an arm by seed."""
    return [image for _, image in sorted(pictures_of(made, arm).items())]


@pytest.mark.parametrize("acting", ONES, ids=lambda ones: "+".join(one.verb for one in ones))
def test_pictures_are_those_of_single_runs(
    engine: Engine, data: Path, tmp_path: Path, acting: tuple[Intervention, ...]
) -> None:
    made = run(engine, data, tmp_path / "out", experiment(*acting, controls=("none",), batch=2))
    drawn, bare = pictures(made, "intervention"), pictures(made, "none")
    assert len(drawn) == len(bare) == 3
    for seed, image in enumerate(drawn):
        job = Generate(
            job_id=9,
            folder=FolderRef(data),
            spec=MapSpec("tiny", MIDBLOCK, told=OWN_CONDITION),
            interventions=acting,
            condition=ZeroLabel(),
            settings=replace(SETTINGS, seed=5 + seed),
        )
        np.testing.assert_array_equal(image, engine.run(job).image)
        assert not np.array_equal(image, bare[seed])
    assert {one.unit for one in made.findings} == {"seeds"}


def effects_by_arm(
    engine: Engine,
    data: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: Experiment,
) -> dict[str, list[Effect]]:
    """What hooks do in each arm, all seeds in one batch."""
    seen: dict[str, list[Effect]] = {}
    whole = runner.draw

    def watched(asked: Any, model: Any, table: Any, batch: Any, arms: Any, notes: Any) -> Any:
        seen[batch.arm] = arms.effects(batch)
        return whole(asked, model, table, batch, arms, notes)

    monkeypatch.setattr(runner, "draw", watched)
    run(engine, data, out, asked)
    return seen


def test_controls_of_a_direction_add_what_they_say(
    engine: Engine,
    data: Path,
    opened: DataOpened,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    one = replace(ADD, region=Channels((0, 3)))
    controls = controls_for((one,), classes=True, places=1)
    asked = experiment(one, controls=controls)
    seen = effects_by_arm(engine, data, tmp_path / "out", monkeypatch, asked)
    assert set(seen) == {"none", "intervention", *controls}
    assert seen["none"] == []
    values = {arm: made[0].value.numpy() for arm, made in seen.items() if made}  # type: ignore[union-attr]
    own = values["intervention"]

    def direction(told: Sequence[int]) -> np.ndarray:
        labels = [ClassLabel(number) for number in told]
        rows = midblock_of(engine, opened, (*A, *B), labels)
        return rows[:3].mean(axis=0) - rows[3:].mean(axis=0)

    assert own.shape == (1, *own.shape[1:])
    assert own.ravel() == pytest.approx(direction([2, 2, 2, 3, 3]), abs=1e-5)
    (opposite,) = seen["opposite"]
    assert (opposite.strength, seen["intervention"][0].strength) == (-2.0, 2.0)
    np.testing.assert_array_equal(values["opposite"], own)

    # told wrong classes: some other permutation of the classes
    others = [direction([a] * 3 + [b] * 2) for a in range(5) for b in range(5) if a != b]
    apart = [float(np.abs(values["wrong"].ravel() - other).max()) for other in others]
    told = [(a, b) for a in range(5) for b in range(5) if a != b][int(np.argmin(apart))]
    assert min(apart) < 1e-5 < 1e-4 < sorted(apart)[1]
    assert told[0] != 2
    assert told[1] != 3

    # random ones differ from seed to seed, and are as long within the region
    for arm in ("mixed", "shuffled", "direction"):
        assert len(values[arm]) == 3
        assert len({row.tobytes() for row in values[arm]}) == 3
    inside = own[0, [0, 3]]
    for row in values["direction"]:
        assert np.linalg.norm(row[[0, 3]]) == pytest.approx(np.linalg.norm(inside), rel=1e-4)
        assert np.abs(row[[1, 2]]).max() == 0
    for row in values["shuffled"]:
        np.testing.assert_array_equal(np.sort(row[0].ravel()), np.sort(own[0, 0].ravel()))
    region = seen["channels"][0].region
    assert region is not None
    chosen = np.flatnonzero(region.numpy().ravel())
    assert len(chosen) == 2
    assert not {0, 3} & set(chosen.tolist())
    assert [effect.layer for effect in seen["layer"]] != ["midblock"]


def test_the_label_alone_is_one_set_of_pictures_told_either_class(
    engine: Engine,
    data: Path,
    opened: DataOpened,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    asked = experiment(ADD, controls=("none", "label"))
    seen = effects_by_arm(engine, data, tmp_path / "out", monkeypatch, asked)
    table = opened.samples
    levels = table.sigma[[*A, *B]]
    others = np.flatnonzero(~np.isin(table.class_label, (2, 3)) & np.isin(table.sigma, levels))
    assert 0 < len(others) <= 28  # all of them are taken
    rows = [int(row) for row in others]
    two, three = (
        midblock_of(engine, opened, rows, [ClassLabel(number)] * len(rows)) for number in (2, 3)
    )
    expected = two.mean(axis=0) - three.mean(axis=0)
    assert np.abs(expected).max() > 1e-4
    found = seen["label"][0].value.numpy().ravel()  # type: ignore[union-attr]
    assert found == pytest.approx(expected, abs=1e-5)


def test_controls_of_ablation_scaling_and_patching(
    engine: Engine, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def seen(one: Intervention, name: str) -> dict[str, list[Effect]]:
        controls = controls_for((one,), classes=True, places=1)
        asked = experiment(one, controls=controls)
        return effects_by_arm(engine, data, tmp_path / name, monkeypatch, asked)

    ablated = seen(Intervention("ablate", Zero()), "ablate")
    mean = ablated["mean"][0].value.numpy()  # type: ignore[union-attr]
    assert not ablated["intervention"][0].value.any()  # type: ignore[union-attr]
    for row in ablated["direction"][0].value.numpy():  # type: ignore[union-attr]
        assert np.linalg.norm(row - mean[0]) == pytest.approx(np.linalg.norm(mean), rel=1e-4)

    scaled = seen(Intervention("scale", Factor(1.5), strength=0.5), "scale")
    (step,) = scaled["direction"]
    assert (step.verb, step.strength) == ("steer", 0.25)  # half of the half that it grows by
    assert (scaled["mean"][0].verb, scaled["mean"][0].strength) == ("ablate", 0.25)

    patched = seen(PATCH, "patch")
    own, moved = patched["intervention"][0].value, patched["shuffled"][0].value
    noise = patched["noise"][0].value
    for step_of_run in range(2):
        before = own[step_of_run][0]["midblock"].numpy()
        after = moved[step_of_run][0]["midblock"].numpy()
        drawn = noise[step_of_run][0]["midblock"].numpy()
        assert before.shape == after.shape == drawn.shape
        assert not np.array_equal(before, after)
        np.testing.assert_array_equal(
            np.sort(before.reshape(3, 4, -1), axis=2), np.sort(after.reshape(3, 4, -1), axis=2)
        )
        assert drawn.mean(axis=(2, 3)) == pytest.approx(before.mean(axis=(2, 3)), abs=1e-4)
    for arm in ("wrong", "label"):
        told = patched[arm][0].value[0][0]["midblock"].numpy()
        assert np.abs(told - own[0][0]["midblock"].numpy()).max() > 1e-6


def test_a_cancelled_experiment_goes_on_where_it_was(
    engine: Engine, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = controls_for((ADD,), classes=True, places=1)
    asked = experiment(ADD, controls=controls, batch=2)
    whole, left = run(engine, data, tmp_path / "whole", asked), [5]
    draw = runner.draw

    def stops(*given: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled("stopped")
        return draw(*given)

    monkeypatch.setattr(runner, "draw", stops)
    with pytest.raises(Cancelled):
        run(engine, data, tmp_path / "out", asked)
    monkeypatch.undo()
    made = run(engine, data, tmp_path / "out", replace(asked, batch=3))  # other batches
    assert 0 < made.drawn < asked.count
    for arm in ("intervention", *controls):
        for one, other in zip(pictures(made, arm), pictures(whole, arm), strict=True):
            # the last bits of a network depend on the batch, a random control must not
            assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("acting", [(ADD,), (PATCH,), STACK])
def test_the_cost_is_what_the_network_then_does(
    engine: Engine, data: Path, tmp_path: Path, acting: tuple[Intervention, ...]
) -> None:
    # rows that no other test reads: what was extracted once is not extracted again
    fresh = Difference((7, 17), (28,))
    acting = tuple(replace(one, source=fresh) if one.verb == "add" else one for one in acting)
    controls = tuple(
        name for name in controls_for(acting, classes=True, places=1) if name != "label"
    )
    asked = experiment(*acting, controls=controls, settings=replace(SETTINGS, seed=91))
    job = PriceExperiment(job_id=1, folder=FolderRef(data), experiment=asked, out=tmp_path / "o")
    cost = engine.run(job)
    assert cost.pictures == asked.count == 3 * (1 + len(controls))
    model = engine.workspace.model.held
    assert model is not None
    rows: list[int] = []
    (handle,) = model.adapter.register_activation_hooks(
        ["encoder_block_0"], lambda module, inputs, output: rows.append(len(output))
    )
    run(engine, data, tmp_path / "o", asked)
    handle.remove()
    assert sum(rows) == pytest.approx(cost.evaluations, rel=0.25)
    assert engine.run(job).evaluations == 0


def test_an_interval_is_over_seeds_where_there_is_one_intervention(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    asked = experiment(ADD, seeds=8, judge="model", controls=("none", "opposite"))
    bare, added, opposite = run(engine, data, tmp_path / "out", asked).findings
    assert (bare.arm, added.arm, opposite.arm) == ("none", "intervention", "opposite")
    assert {one.outcome for one in (bare, added, opposite)} == {"read"}  # set A is of class 2
    assert added.read is not None
    assert added.moved is not None
    assert (added.read.units, added.moved.units) == (8, 8)
    assert added.moved.low is not None
    assert added.moved.low < added.moved.value
    assert added.seeds is not None
    assert added.seeds.low is None  # one group has one such figure
    assert added.p is not None


def test_without_a_class_the_effect_is_how_often_the_answer_changes(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    ablation = Intervention("ablate", Zero())
    made = run(engine, data, tmp_path / "out", experiment(ablation, judge="model", seeds=6))
    bare, ablated = made.findings
    assert (bare.outcome, bare.changed) == ("changed", None)
    assert ablated.changed is not None
    assert ablated.effect is not None
    assert ablated.effect == ablated.changed  # without an intervention it is 0, surely
    assert ablated.p is None  # it differs from the same seed by definition
    unjudged = run(engine, data, tmp_path / "other", experiment(ablation, seeds=6))
    assert {one.outcome for one in unjudged.findings} == {"moved"}
    told = experiment(ablation, judge="model", seeds=6, condition=ClassLabel(4))
    assert run(engine, data, tmp_path / "told", told).findings[0].outcome == "read"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (experiment(ADD, controls=("none", "noise")), "says nothing of add"),
        (experiment(*STACK, windows=((0, 1), (1, 2))), "name a single one"),
        (experiment(Intervention("ablate", Zero()), condition=AnchorClass()), "no anchor"),
        (experiment(replace(ADD, source=Difference(A, (900,)))), "900"),
        (experiment(Intervention("add", SavedVector("gone"))), "no saved direction"),
        (experiment(ADD, layer_sets=(MIDBLOCK,), other_layer=("nowhere",)), "nowhere"),
    ],
)
def test_what_cannot_be_is_said(
    engine: Engine, data: Path, tmp_path: Path, asked: Experiment, said: str
) -> None:
    with pytest.raises(DiffViewsError, match=said):
        run(engine, data, tmp_path / "out", asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("acting", ONES, ids=lambda ones: "+".join(one.verb for one in ones))
def test_an_experiment_is_written_and_read_back(acting: tuple[Intervention, ...]) -> None:
    asked = experiment(*acting, controls=("none", "layer"), other_layer=DECODER)
    text = experiment_text(asked)
    assert read_experiment(text) == asked
    assert experiment_text(read_experiment(text)) == text
