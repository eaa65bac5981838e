"""An experiment finds what causes a class, and nothing that only goes along with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planted_network import CLASSES, PIECES, Planting, patterns, read, write_folder

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.values.experiments import Experiment, Finding
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings

PLANTINGS, MASKS = 100, 14
Candidate = tuple[str, int]
"""A piece, and the step that it is held in."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("planted") / "data"
    write_folder(data / "planted", MASKS)
    return data


def findings(engine: Engine, data: Path, planting: Planting, out: Path) -> list[Finding]:
    """Of a sweep over all pieces and both steps."""
    opened = engine.workspace.open(FolderRef(data), "planted")
    engine.workspace.model_of(opened).adapter.plant(planting)
    experiment = Experiment(
        model="planted",
        layer_sets=tuple(LayerSet((name,)) for name in PIECES),
        windows=((0, 1), (1, 2)),
        groups=tuple((row,) for row in range(MASKS)),
        seeds=1,
        judge="planted_network:read",
        settings=SamplingSettings(num_steps=2, sigma_min=0.3, seed=1000 * planting.seed),
    )
    job = RunExperiment(
        job_id=0,
        folder=FolderRef(data),
        experiment=experiment,
        out=out,
        trust_judge=True,
        examples=0,
    )
    return [one for one in engine.run(job).findings if one.arm == "intervention"]


def test_the_planted_piece_and_step_are_found_and_the_decoys_are_not(
    data: Path, tmp_path: Path
) -> None:
    engine, found, wrong, decoys = Engine("cpu"), 0, 0, 0
    for seed in range(PLANTINGS):
        planting = Planting.drawn(seed)
        for one in findings(engine, data, planting, tmp_path / str(seed)):
            assert one.effect is not None
            assert one.p_holm is not None
            reported = one.p_holm <= 0.05 and one.effect.value > 0
            if (str(one.layers), one.steps[0]) == (planting.piece, planting.step):
                found += reported
            else:
                decoys += 1
                wrong += reported
    engine.close()
    assert decoys == PLANTINGS * (2 * len(PIECES) - 1)
    assert found >= 0.95 * PLANTINGS
    assert wrong <= 0.05 * decoys
    assert wrong <= 0.1 * PLANTINGS  # and not many more in a sweep than Holm allows


def test_every_piece_knows_the_class_and_the_judge_reads_it() -> None:
    pictures = ((patterns()[:, :, :, None] + 1) * 127.5).astype(np.uint8)
    assert read(pictures).argmax(axis=1).tolist() == list(range(CLASSES))
