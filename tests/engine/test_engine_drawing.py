"""Pictures that the engine draws, and where they lie on the map."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import hook_count
from watched import (
    FIVE,
    TWO,
    Watch,
    activations_by_hand,
    cache_files,
    cache_of,
    make_engine,
    model_of,
    place_by_hand,
    run_generate,
    same_pictures,
)

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.protocol import RunStarted, StepDone
from diffviews_desktop.errors import (
    DiffViewsError,
)
from diffviews_desktop.values.conditions import class_number, from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec


@pytest.fixture
def engine(watched_engine: Engine) -> Engine:
    return watched_engine


def test_a_run_records_what_it_did(engine: Engine, watch: Watch, demo: Path) -> None:
    job = Generate(
        job_id=8,
        folder=FolderRef(),
        spec=MapSpec("digits", ("decoder_block_8",)),
        interventions=mean_of_samples((3, 14, 15), step_to=2),
        condition=from_choice(0),
        settings=FIVE,
    )
    run = engine.run(job)
    expected = [80, 30.443, 9.921, 2.609, 0.5]
    np.testing.assert_allclose([step.sigma for step in run.steps], expected, atol=1e-3)
    assert [step.index for step in run.steps] == [0, 1, 2, 3, 4]
    assert (run.seed, class_number(run.condition), run.device) == (7, 0, "cpu")
    assert run.job == replace(job, spec=replace(job.spec, told=run.job.spec.told))
    assert [step.imposed_xy is not None for step in run.steps] == [True, True, False, False, False]
    assert run.steps[0].imposed_xy == run.steps[1].imposed_xy
    assert run.image.shape == (32, 32, 1)
    assert run.image.dtype == np.uint8
    assert run.image is run.steps[-1].image
    assert all(np.isfinite([*step.xy, step.distance]).all() for step in run.steps)
    # it told of each step while it ran
    assert [event.step for event in watch.events if isinstance(event, StepDone)] == list(run.steps)
    started = [event for event in watch.events if isinstance(event, RunStarted)]
    assert [(event.job_id, event.seed, class_number(event.condition)) for event in started] == [
        (8, 7, 0)
    ]
    assert {event.job_id for event in watch.events} == {8}
    assert hook_count(model_of(engine)) == 0


def test_seeds_and_noise_modes(engine: Engine, mapped: FolderRef) -> None:
    def run(**changes: Any) -> RunResult:
        settings = replace(TWO, **changes)
        return run_generate(engine, mapped, layers=("encoder_bottleneck",), settings=settings)

    assert same_pictures(run(seed=7), run(seed=7))
    assert not same_pictures(run(seed=7), run(seed=8))
    assert run(seed=None).seed == 42
    one, other = (run(noise_mode="stochastic", seed=None) for _ in range(2))
    assert one.seed != other.seed
    assert not same_pictures(one, other)
    assert same_pictures(one, run(noise_mode="stochastic", seed=one.seed))
    still = run(noise_mode="zero", seed=1)
    assert same_pictures(still, run(noise_mode="zero", seed=2))
    # no noise at all: what goes in is mid-grey
    assert set(np.unique(still.steps[0].noised)) == {127}


@pytest.mark.parametrize(
    ("choice", "label"), [(0, 0), (4, 4), ("uniform", -1), ("zero", -2), ("random", None)]
)
def test_the_class_used_is_recorded(mapped: FolderRef, choice: Any, label: int | None) -> None:
    engine = make_engine()
    run = run_generate(
        engine, mapped, layers=("encoder_bottleneck",), condition=from_choice(choice)
    )
    if label is None:
        assert class_number(run.condition) in range(5)
    else:
        assert class_number(run.condition) == label


def test_no_masked_steps_is_no_mask(engine: Engine, mapped: FolderRef) -> None:
    layers = ("encoder_bottleneck",)
    unmasked = run_generate(engine, mapped, layers=layers, rows=(), settings=FIVE)
    never = run_generate(engine, mapped, layers=layers, settings=FIVE, mask={"step_to": 0})
    masked = run_generate(engine, mapped, layers=layers, settings=FIVE)
    assert same_pictures(never, unmasked)
    assert not same_pictures(masked, unmasked)
    assert all(step.imposed_xy is None for step in (*never.steps, *unmasked.steps))


def test_the_imposed_place_is_that_of_the_mean_activation(
    engine: Engine, mapped: FolderRef
) -> None:
    rows = [3, 14, 15]
    mean = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows).mean(axis=0)
    place = place_by_hand(mean, next(cache_of(mapped.path).glob("*/projector.npz")))
    run = run_generate(engine, mapped, layers=("encoder_bottleneck",), rows=tuple(rows))
    for step in run.steps:
        np.testing.assert_allclose(step.imposed_xy, place, atol=1e-3)
        assert math.dist(step.xy, step.imposed_xy) > 1e-2  # what the layer said is another thing


@pytest.mark.parametrize("row", [-1, 60])
def test_rows_that_do_not_exist_are_refused_before_anything_is_computed(
    engine: Engine, source: FolderRef, row: int
) -> None:
    with pytest.raises(DiffViewsError, match=rf"Sample {row} does not exist \(60 samples\)"):
        run_generate(engine, source, rows=(3, row))
    assert cache_files(source.path) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_steps": 0}, "number of steps must be from 1 to"),
        ({"sigma_min": 0.0}, "noise levels"),
        ({"sigma_min": 81.0}, "noise levels"),
        ({"sigma_max": math.nan}, "noise levels"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"guidance_scale": math.inf}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"noise_mode": "loud"}, "noise mode"),
    ],
)
def test_settings_out_of_range_are_refused(
    engine: Engine, source: FolderRef, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DiffViewsError, match=reason):
        run_generate(engine, source, settings=replace(TWO, **changes))
    assert cache_files(source.path) == []


def test_a_window_that_ends_before_the_first_step_is_refused(
    engine: Engine, source: FolderRef
) -> None:
    with pytest.raises(DiffViewsError, match="masked steps must not be negative"):
        run_generate(engine, source, mask={"step_to": -1})
    assert cache_files(source.path) == []


def test_a_class_that_the_model_lacks_is_refused_before_a_map_is_made(
    engine: Engine, source: FolderRef
) -> None:
    with pytest.raises(DiffViewsError, match="no class 5: use 0 to 4"):
        run_generate(engine, source, condition=from_choice(5))
    assert cache_files(source.path) == []


def test_a_mask_of_a_sample_without_a_picture_is_refused_by_name(
    engine: Engine, source: FolderRef
) -> None:
    (source.path / "tiny/images/imagenet_real/sample_000014.png").unlink()
    with pytest.raises(DiffViewsError, match="The picture of sample_000014 is missing, so"):
        run_generate(engine, source, rows=(3, 14, 15))
    run_generate(engine, source, rows=(3, 15))


def test_guidance_changes_the_picture_and_an_unconditional_model_has_no_class(
    engine: Engine, tiny_data: Callable[..., Path], mapped: FolderRef
) -> None:
    layers = ("encoder_bottleneck",)
    guided = replace(TWO, guidance_scale=3.0)
    one = run_generate(engine, mapped, layers=layers)
    assert not same_pictures(one, run_generate(engine, mapped, layers=layers, settings=guided))
    source = FolderRef(tiny_data("free", num_classes=0, channels=3))
    run = run_generate(engine, source, model="free", condition=from_choice("random"))
    assert run.condition is None
    assert run.image.shape == (16, 16, 3)
