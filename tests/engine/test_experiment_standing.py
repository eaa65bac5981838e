"""An experiment says beforehand which of its masks are beyond the samples, and records it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_folder import write_tiny_model

from diffviews_desktop.cli.main import main
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.directions import SaveDirection
from diffviews_desktop.engine.jobs.drawing import JudgeMask
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    JudgeExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import Intervention, SampleMean, SavedVector, Zero
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import PCA_VARIABLE, MapSpec
from diffviews_desktop.values.regions import Channels
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.standing import Standing
from diffviews_desktop.values.told import OWN_CONDITION

HERE, ELSEWHERE = LayerSet(("midblock",)), LayerSet(("decoder_block_1",))
SPEC = MapSpec("tiny", HERE, told=OWN_CONDITION)
GROUPS = tuple((row,) for row in range(60))  # of 60 samples, a few are unlike the others


@pytest.fixture(scope="module", autouse=True)
def few_components() -> Iterator[None]:
    """So few that sixty samples tell which share outside of them is usual."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PCA_VARIABLE, "4")
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder without a map of its own, of which one layer is mapped."""
    data = tmp_path_factory.mktemp("standing") / "data"
    write_tiny_model(data / "tiny", embedding=False)
    return data


@pytest.fixture(scope="module")
def folder(engine: Engine, data: Path) -> FolderRef:
    engine.run(MapLayer(job_id=1, folder=FolderRef(data), spec=SPEC))
    return FolderRef(data)


def asked(**changes: object) -> Experiment:
    fields: dict[str, object] = {
        "model": "tiny",
        "layer_sets": (HERE,),
        "windows": ((0, 2),),
        "groups": GROUPS,
        "seeds": 1,
        "settings": SamplingSettings(num_steps=2, seed=1),
    }
    return Experiment(**{**fields, **changes})  # type: ignore[arg-type]


def standing(engine: Engine, folder: FolderRef, experiment: Experiment) -> Standing:
    return engine.run(JudgeExperiment(job_id=1, folder=folder, experiment=experiment)).standing


def test_every_mask_is_judged_as_it_is_alone(engine: Engine, folder: FolderRef) -> None:
    found = standing(engine, folder, asked())
    assert len(found.judged) == len(GROUPS)
    for rows, one in zip(GROUPS, found.judged, strict=True):
        job = JudgeMask(job_id=1, folder=folder, spec=SPEC, rows=rows)
        assert one.typicality == engine.run(job).typicality
        assert one.sample_ids == (f"sample_{rows[0]:06d}",)
    assert 0 < len(found.beyond) < len(GROUPS)
    (warning,) = found.warnings
    assert warning.startswith(f"At midblock, {len(found.beyond)} of 60 masks ")
    assert found.lines[1:] == tuple(
        f"  {one.name}: {one.typicality.excess}" for one in found.beyond
    )


def test_layers_that_are_not_mapped_are_said(engine: Engine, folder: FolderRef) -> None:
    found = standing(engine, folder, asked(layer_sets=(HERE, ELSEWHERE)))
    assert {one.layers for one in found.judged} == {HERE}
    assert found.not_mapped == (ELSEWHERE,)
    assert (
        found.unknown
        == "Map decoder_block_1 to see whether the masks there are beyond the samples."
    )


def test_what_holds_no_whole_layer_is_not_judged(engine: Engine, folder: FolderRef) -> None:
    part = asked(region=Channels((0,)))
    ablation = asked(interventions=(Intervention("ablate", Zero()),))
    for experiment in (part, ablation):
        assert standing(engine, folder, experiment) == Standing()


def test_interventions_that_hold_a_layer_are_judged(engine: Engine, folder: FolderRef) -> None:
    source = SampleMean((3, 14, 15))
    engine.run(SaveDirection(job_id=1, folder=folder, spec=SPEC, source=source, name="mean"))
    masks = Intervention("replace", source), Intervention("replace", SavedVector("mean"))
    alone = [standing(engine, folder, asked(interventions=(mask,))).judged for mask in masks]
    both = standing(engine, folder, asked(interventions=masks)).judged
    assert [one.name for one in both] == ["sample_000003", "mean"]
    assert both == (*alone[0], *alone[1])


def test_samples_that_are_still_to_be_chosen_are_chosen(engine: Engine, folder: FolderRef) -> None:
    choice = ChooseGroups(
        job_id=1,
        folder=folder,
        model="tiny",
        anchors=5,
        neighbors=1,
        layers=HERE,
        told=OWN_CONDITION,
    )
    job = JudgeExperiment(job_id=1, folder=folder, experiment=asked(groups=()), choice=choice)
    found = engine.run(job).standing
    chosen = engine.run(choice)
    assert [one.sample_ids for one in found.judged] == [
        tuple(f"sample_{row:06d}" for row in rows) for rows in chosen
    ]


def test_the_record_and_the_report_say_it(
    engine: Engine, folder: FolderRef, tmp_path: Path
) -> None:
    found = standing(engine, folder, asked())
    job = RunExperiment(job_id=1, folder=folder, experiment=asked(), out=tmp_path / "out")
    made = engine.run(job)
    said = made.record["beyond_samples"]
    assert (said["masks"], said["limit_percent"]) == (60, 95)
    assert [one["sample_ids"] for one in said["beyond"]] == [
        list(one.sample_ids) for one in found.beyond
    ]
    assert all(one["beyond_samples"] for one in said["beyond"])
    assert (
        said
        == json.loads((tmp_path / "out/experiment.json").read_text())["record"]["beyond_samples"]
    )
    assert found.warnings[0] in (tmp_path / "out" / "experiment.html").read_text().replace(
        "&#x27;", "'"
    )
    assert found.notes[0] in made.notes


def test_the_command_line_says_it_before_it_draws(
    engine: Engine, folder: FolderRef, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (first, *_) = standing(engine, folder, asked()).beyond
    row = int(first.name.removeprefix("sample_"))
    assert row in np.arange(60)
    command = [
        "experiment", "--data", str(folder.path), "--layer", "midblock", "--told", "own",
        "--rows", str(row), "--seeds", "1", "--steps", "2", "--controls", "none", "--device", "cpu",
        "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main([*command, "--cost"]) == 0
    line = f"{first.name}: {first.typicality.excess}"
    assert line in capsys.readouterr().out
    assert main([*command, "--cost", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in planned["beyond_samples"]["beyond"]] == [first.name]
    assert not (tmp_path / "out" / "experiment.json").exists()
    assert main(command) == 0
    assert line in capsys.readouterr().err
