"""Sweeps over networks in which something is planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from planted_network import PIECES, SAMPLES, Planting, write_folder
from planted_tally import Sweep, Tally

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture(scope="module")
def planted_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the planted network's."""
    data = tmp_path_factory.mktemp("planted") / "data"
    write_folder(data / "planted", SAMPLES)
    return data


@pytest.fixture
def sweep(engine: Engine, planted_data: Path, tmp_path: Path, tally: Tally) -> Sweep:
    """Draws one kind of intervention at all pieces and both steps, and counts what is reported: an
    effect of the given sign that is significant after Holm's correction."""

    def swept(planting: Planting, sign: int, **asked: Any) -> None:
        folder = FolderRef(planted_data)
        opened = engine.workspace.open(folder, "planted")
        engine.workspace.model_of(opened).adapter.plant(planting)
        engine.workspace.maps.activations._computed.clear()  # they were of another planting
        experiment = Experiment(
            model="planted",
            layer_sets=tuple(LayerSet((name,)) for name in PIECES),
            windows=((0, 1), (1, 2)),
            judge="planted_network:read",
            settings=SamplingSettings(num_steps=2, sigma_min=0.3, seed=1000 * planting.seed),
            **asked,
        )
        job = RunExperiment(
            job_id=0,
            folder=folder,
            experiment=experiment,
            out=tmp_path / str(planting.seed),
            trust_judge=True,
            examples=0,
        )
        reported = set()
        for one in engine.run(job).findings:
            if one.arm != "intervention":
                continue
            assert one.outcome == "read"
            assert one.effect is not None
            assert one.p_holm is not None
            if one.p_holm <= 0.05 and sign * one.effect.value > 0:
                reported.add((str(one.layers), one.steps[0]))
        own = {(planting.piece, planting.step)}
        tally.plantings += 1
        tally.found += len(reported & own)
        tally.wrong += len(reported - own)

    return swept
