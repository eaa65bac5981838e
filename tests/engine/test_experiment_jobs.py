"""Experiments through a real engine: what is drawn, what it is compared with, how it goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_experiments import midblock_of, pictures_of

from diffviews_desktop.adapters.model import Model
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.experiments import runner
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    ExperimentResult,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.opening import DataOpened
from diffviews_desktop.errors import Cancelled, DataError, UsageError
from diffviews_desktop.experiments.journal import JOURNAL, open_journal
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel
from diffviews_desktop.values.controls import controls_for
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import PICKED, mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import Channels
from diffviews_desktop.values.sampling import SamplingSettings

CONTROLS = controls_for((PICKED,), classes=True, places=1)
MIDBLOCK = LayerSet(("midblock",))
SETTINGS = SamplingSettings(num_steps=2, seed=5)
GROUPS = ((2, 22), (3, 43), (6, 46))


def experiment(**changes: Any) -> Experiment:
    return Experiment(
        **{
            "model": "tiny",
            "layer_sets": (MIDBLOCK,),
            "windows": ((0, 2),),
            "groups": GROUPS,
            "seeds": 2,
            "controls": ("none",),
            "settings": SETTINGS,
            **changes,
        }
    )


def run(engine: Engine, data: Path, out: Path, **changes: Any) -> ExperimentResult:
    return engine.run(
        RunExperiment(job_id=1, folder=FolderRef(data), experiment=experiment(**changes), out=out)
    )


def drawn_alone(
    engine: Engine, data: Path, rows: tuple[int, ...], seed: int, **acting: Any
) -> np.ndarray:
    job = Generate(
        job_id=9,
        folder=FolderRef(data),
        spec=MapSpec("tiny", MIDBLOCK),
        interventions=mean_of_samples(rows, **acting),
        condition=ZeroLabel(),
        settings=replace(SETTINGS, seed=seed),
    )
    return engine.run(job).image


@contextmanager
def batch_sizes(model: Model) -> Iterator[list[int]]:
    """How many pictures the network gets at once, each time."""
    sizes: list[int] = []
    (handle,) = model.adapter.register_activation_hooks(
        ["midblock"], lambda module, inputs, output: sizes.append(len(inputs[0]))
    )
    yield sizes
    handle.remove()


def test_pictures_are_those_of_single_runs(engine: Engine, data: Path, tmp_path: Path) -> None:
    made = run(
        engine, data, tmp_path / "out", windows=((1, 2),), strength=0.75, region=Channels((0, 3))
    )
    masked, bare = pictures_of(made, "intervention"), pictures_of(made, "none")
    assert len(masked) == len(bare) == 6
    for group, rows in enumerate(GROUPS):
        seed = 5 + 2 * group + 1  # every group has seeds of its own
        how = {"step_from": 1, "step_to": 2, "strength": 0.75, "region": Channels((0, 3))}
        alone = drawn_alone(engine, data, rows, seed, **how)
        np.testing.assert_array_equal(masked[group, 1], alone)
        np.testing.assert_array_equal(bare[group, 1], drawn_alone(engine, data, (), seed))


def test_arms_impose_what_they_say(
    engine: Engine, data: Path, opened: DataOpened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[Any, Any]] = []
    whole = runner.draw

    def watched(asked: Any, model: Any, table: Any, batch: Any, arms: Any, notes: Any) -> Any:
        for one in batch.drawings:
            value = None
            if one.arm not in ("layer", "none"):
                value = arms.values.value("midblock", one.arm, one.group)
            seen.append((one, value))
        return whole(asked, model, table, batch, arms, notes)

    monkeypatch.setattr(runner, "draw", watched)
    run(engine, data, tmp_path / "out", controls=CONTROLS, seeds=1)
    imposed = {(one.arm, one.group): value for one, value in seen if value is not None}
    table = opened.samples
    for group, rows in enumerate(GROUPS):
        own = [ClassLabel(int(table.class_label[row])) for row in rows]
        mean = midblock_of(engine, opened, rows, own).mean(axis=0)
        flat = {arm: imposed[arm, group].ravel() for arm, g in imposed if g == group}
        assert flat["intervention"] == pytest.approx(mean, abs=1e-5)
        np.testing.assert_array_equal(np.sort(flat["shuffled"]), np.sort(flat["intervention"]))
        assert flat["noise"].mean() == pytest.approx(mean.mean(), abs=1e-4)
        length = np.linalg.norm(flat["intervention"] - flat["mean"])
        assert np.linalg.norm(flat["direction"] - flat["mean"]) == pytest.approx(length, rel=1e-4)
        others = [
            midblock_of(engine, opened, rows, [ClassLabel(number)] * len(rows)).mean(axis=0)
            for number in range(5)
        ]
        apart = [np.abs(flat["wrong"] - other).max() for other in others]
        told = int(np.argmin(apart))
        assert apart[told] < 1e-5
        assert told != own[0].index


def test_the_label_alone_is_other_classes_told_this_one(
    engine: Engine, data: Path, opened: DataOpened
) -> None:
    from diffviews_desktop.engine.experiments.sample_choice import samples_of_masks, subjects_of
    from diffviews_desktop.engine.experiments.told_samples import ToldSamples

    asked = experiment(controls=("none", "label", "mixed", "mean"))
    table = opened.samples
    subjects = subjects_of(asked, table, range(5))
    folder = engine.workspace.open(FolderRef(data), "tiny")
    chosen = samples_of_masks(asked, subjects, ToldSamples(engine.workspace, folder))
    for group, rows in enumerate(GROUPS):
        label = [chosen.samples[place] for place in chosen.members["label", group]]
        own = int(table.class_label[rows[0]])
        assert {one.condition for one in label} == {ClassLabel(own)}
        assert own not in {int(table.class_label[one.row]) for one in label}
        assert {float(table.sigma[one.row]) for one in label} == {float(table.sigma[rows[0]])}
        mixed = [chosen.samples[place] for place in chosen.members["mixed", group]]
        classes = [int(table.class_label[one.row]) for one in mixed]
        assert len(classes) == len(set(classes)) == len(rows)
        typical = chosen.members["mean", group]
        assert len(typical) == (table.sigma == table.sigma[rows[0]]).sum()


class _Stops:
    """Raises after so many pictures."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, *given: Any) -> Any:
        if self.left == 0:
            raise Cancelled("stopped")
        self.left -= 1
        return _WHOLE(*given)


_WHOLE = runner.draw


def test_a_cancelled_experiment_goes_on_where_it_was(
    engine: Engine, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"controls": ("none", "mean", "wrong"), "batch": 2}
    whole = run(engine, data, tmp_path / "whole", **how)
    monkeypatch.setattr(runner, "draw", _Stops(4))
    with pytest.raises(Cancelled):
        run(engine, data, tmp_path / "out", **how)
    monkeypatch.undo()
    made = run(engine, data, tmp_path / "out", **how)
    assert made.drawn == made.job.experiment.count - 8
    assert (made.folder / JOURNAL).read_bytes() == (whole.folder / JOURNAL).read_bytes()
    assert made.findings == whole.findings
    assert run(engine, data, tmp_path / "out", **how).drawn == 0


_PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_experiment_jobs import *
run(Engine("cpu"), Path({data!r}), Path({out!r}), seeds=25, batch=2)
"""


def test_a_killed_experiment_draws_no_picture_twice(data: Path, tmp_path: Path) -> None:
    out, here = tmp_path / "out", Path(__file__)
    program = _PROGRAM.format(tests=str(here.parent), data=str(data), out=str(out))
    path = f"{here.parent}:{here.parent.parent}:{Path.cwd()}"
    process = subprocess.Popen([sys.executable, "-c", program], env={"PYTHONPATH": path})
    try:
        while process.poll() is None:
            if (out / JOURNAL).exists() and (out / JOURNAL).stat().st_size > 3000:
                break
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    before = (out / JOURNAL).read_bytes()
    made = run(Engine("cpu"), data, out, seeds=25, batch=2)
    after = (out / JOURNAL).read_bytes()
    size = 4 + 256 + 4
    start = after.index(b"\n") + 1
    kept = (len(before) - start) // size
    assert 0 < kept < made.job.experiment.count  # it was killed on the way
    assert after.startswith(before[: start + kept * size])
    assert made.drawn == made.job.experiment.count - kept
    numbers = [int.from_bytes(after[i : i + 4], "little") for i in range(start, len(after), size)]
    assert sorted(numbers) == list(range(made.job.experiment.count))


def test_the_cost_is_what_the_network_then_does(
    engine: Engine, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = experiment(controls=("none", "mean", "label"), settings=replace(SETTINGS, seed=77))
    job = PriceExperiment(job_id=1, folder=FolderRef(data), experiment=asked, out=tmp_path / "out")
    cost = engine.run(job)
    assert cost.pictures == asked.count == 2 * 3 * (1 + 3)
    assert cost.seconds is not None
    assert cost.seconds > 0
    model = engine.workspace.model.held
    assert model is not None
    with batch_sizes(model) as sizes:
        run(engine, data, tmp_path / "out", controls=asked.controls, settings=asked.settings)
    assert sum(sizes) == cost.evaluations
    again = engine.run(job)
    assert (again.drawn, again.evaluations, again.seconds) == (cost.pictures, 0, 0)


def test_the_model_is_tried_with_no_more_pictures_than_are_drawn(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    asked = experiment(groups=GROUPS[:1], seeds=1, batch=1000)
    job = PriceExperiment(job_id=1, folder=FolderRef(data), experiment=asked, out=tmp_path / "out")
    engine.run(job)
    model = engine.workspace.model.held
    assert model is not None
    with batch_sizes(model) as sizes:
        cost = engine.run(job)
    assert set(sizes) == {cost.pictures} == {2}


def test_groups_are_nearest_neighbours_of_a_class_and_a_level(
    engine: Engine, data: Path, opened: DataOpened
) -> None:
    job = ChooseGroups(
        job_id=1, folder=FolderRef(data), model="tiny", anchors=5, neighbors=1,
        layers=MIDBLOCK, sigma=0.5, told=ZeroLabel(),
    )  # fmt: skip
    groups, table = engine.run(job), opened.samples
    assert sorted(int(table.class_label[anchor]) for anchor, _ in groups) == [0, 1, 2, 3, 4]
    for anchor, near in groups:
        alike = np.flatnonzero(
            (table.class_label == table.class_label[anchor]) & (table.sigma == np.float32(0.5))
        )
        rows = tuple(int(row) for row in alike)
        values = midblock_of(engine, opened, rows, [ZeroLabel()] * len(rows))
        apart = np.linalg.norm(values - values[rows.index(anchor)], axis=1)
        assert rows[int(np.argsort(apart)[1])] == near


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer_sets": (LayerSet(("nowhere",)),)}, "no layer 'nowhere'"),
        ({"groups": ((99,),)}, "between 0 and 59"),
        ({"windows": ((2, 2),)}, "window"),
        ({"seeds": 100_000}, "at most 200,000 pictures"),
        ({"strength": 2.0}, "strength"),
        ({"seeds": 700, "batch": 5000}, "At most 4,096 pictures are drawn at once"),
        ({"judge": "shutil:rmtree"}, "--judge-code"),
        ({"judge": "judge.pt"}, "export them as ONNX"),
    ],
)
def test_what_cannot_be_is_said(
    engine: Engine, data: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        run(engine, data, tmp_path / "out", **changes)


def test_another_experiment_in_the_folder_stays(engine: Engine, data: Path, tmp_path: Path) -> None:
    run(engine, data, tmp_path / "out", groups=GROUPS[:1], seeds=1)
    with pytest.raises(DataError, match="another experiment"):
        run(engine, data, tmp_path / "out", groups=GROUPS[:1], seeds=2)


def test_distances_in_a_layer_are_measured(engine: Engine, data: Path, tmp_path: Path) -> None:
    made = run(engine, data, tmp_path / "out", features="midblock", groups=GROUPS[:2])
    masked = next(one for one in made.findings if one.arm == "intervention")
    assert masked.features is not None
    assert masked.features.value > 0


def test_a_judge_that_is_named_is_asked(engine: Engine, data: Path, tmp_path: Path) -> None:
    job = RunExperiment(
        job_id=1,
        folder=FolderRef(data),
        experiment=experiment(judge="model", groups=GROUPS[:2], seeds=1),
        out=tmp_path / "out",
    )
    made = engine.run(job)
    with open_journal(tmp_path / "out", _facts(tmp_path / "out")) as journal:
        said = journal.probabilities(range(4))
    assert said.sum(axis=1) == pytest.approx(1)
    bare, masked = made.findings
    table = [int(said[one.number].argmax()) for one in made.job.experiment.drawings()]
    classes = [2, 3]  # of the anchors 2 and 3
    assert bare.read is not None
    assert bare.read.value == np.mean([table[i] == classes[i] for i in range(2)])
    assert masked.read is not None
    assert masked.read.value == np.mean([table[2 + i] == classes[i] for i in range(2)])


def test_a_sampler_that_is_not_made_for_the_model_is_said(
    engine: Engine, data: Path, tmp_path: Path
) -> None:
    for sampler, said in (("renoise", True), ("heun", False)):
        settings = replace(SETTINGS, sampler=sampler)
        made = run(engine, data, tmp_path / sampler, groups=GROUPS[:1], seeds=1, settings=settings)
        assert any("made for few-step models" in note for note in made.notes) == said


def _facts(folder: Path) -> Any:
    import json

    return json.loads((folder / JOURNAL).read_bytes().split(b"\n", 1)[0])
