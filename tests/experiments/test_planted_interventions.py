"""Experiments with a direction and with ablation find what causes a class, and no decoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_network import CLASSES, PIECES, Planting, write_folder

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.experiments import Experiment, Finding
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import Difference, Intervention, Zero
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings

PLANTINGS, SAMPLES, SEEDS = 20, 24, 14
Sweep = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("planted") / "data"
    write_folder(data / "planted", SAMPLES)
    return data


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine("cpu")
    yield engine
    engine.close()


@pytest.fixture
def sweep(engine: Engine, data: Path, tmp_path: Path) -> Sweep:
    """Draws one intervention at all pieces and both steps, in one network."""

    def swept(planting: Planting, one: Intervention, **further: Any) -> list[Finding]:
        opened = engine.workspace.open(FolderRef(data), "planted")
        engine.workspace.model_of(opened).adapter.plant(planting)
        engine.workspace.maps.activations._computed.clear()  # they were of another planting
        asked = Experiment(
            model="planted",
            layer_sets=tuple(LayerSet((name,)) for name in PIECES),
            windows=((0, 1), (1, 2)),
            interventions=(one,),
            seeds=SEEDS,
            judge="planted_network:read",
            settings=SamplingSettings(num_steps=2, sigma_min=0.3, seed=1000 * planting.seed),
            **further,
        )
        out = tmp_path / f"{planting.seed}"
        job = RunExperiment(
            job_id=0, folder=FolderRef(data), experiment=asked, out=out, trust_judge=True
        )
        return [found for found in engine.run(job).findings if found.arm == "intervention"]

    return swept


def counted(findings: list[Finding], planting: Planting, sign: int) -> tuple[int, int]:
    """Whether the planted piece and step were reported, and how many others."""
    reported = set()
    for one in findings:
        assert one.outcome == "read"
        assert one.effect is not None
        assert one.p_holm is not None
        if one.p_holm <= 0.05 and sign * one.effect.value > 0:
            reported.add((str(one.layers), one.steps[0]))
    own = {(planting.piece, planting.step)}
    return len(reported & own), len(reported - own)


def test_a_direction_makes_its_class_where_it_is_planted(sweep: Sweep) -> None:
    found = wrong = 0
    for seed in range(PLANTINGS):
        planting, to, away = Planting.drawn(seed), seed % CLASSES, (seed + 3) % CLASSES
        rows = [tuple(range(number, SAMPLES, CLASSES)) for number in (to, away)]
        one = Intervention("add", Difference(*rows), strength=1000.0)
        both = counted(sweep(planting, one), planting, 1)
        found, wrong = found + both[0], wrong + both[1]
    assert found >= 0.95 * PLANTINGS
    assert wrong <= 0.1 * PLANTINGS


def test_ablation_takes_the_class_away_where_it_is_planted(sweep: Sweep) -> None:
    found = wrong = 0
    for seed in range(PLANTINGS):
        planting = Planting.drawn(seed, listens=True)
        # of zeros, the network draws the first of a code: another class is to be taken away
        firsts = {int(code[0]) for code in planting.codes()}
        told = next(number for number in range(CLASSES) if number not in firsts)
        ablation = Intervention("ablate", Zero())
        both = counted(sweep(planting, ablation, condition=ClassLabel(told)), planting, -1)
        found, wrong = found + both[0], wrong + both[1]
    assert found >= 0.95 * PLANTINGS
    assert wrong <= 0.1 * PLANTINGS
