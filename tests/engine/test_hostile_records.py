"""A record with any value in any place is a job, or is refused in one sentence."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import NUMBERS, OTHERS, TEXTS, deep

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.record import Record, job_of
from diffviews_desktop.engine.record_format import flatten
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel
from diffviews_desktop.values.experiment_text import experiment_text, read_experiment
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import (
    Difference,
    Intervention,
    OtherRun,
    mean_of_samples,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.regions import Area
from diffviews_desktop.values.sampling import SamplingSettings

ANYTHING = (*NUMBERS, *TEXTS, *OTHERS, deep(50), list(range(1000)))
HEUN = SamplingSettings(num_steps=3, sampler="heun", seed=5)
MIDDLE = LayerSet(("midblock",))
SPEC = MapSpec("tiny", MIDDLE, MapParameters())
STACK = (
    Intervention("add", Difference((0, 1), (2,)), MIDDLE, strength=2.0),
    Intervention("patch", OtherRun(3, ClassLabel(1)), MIDDLE, Area.of(np.eye(2))),
)


def jobs() -> Iterator[Generate | GenerateGrid]:
    folder = FolderRef(Path("data"))
    for interventions in (mean_of_samples((0, 1, 2)), STACK):
        yield Generate(
            job_id=1,
            folder=folder,
            spec=SPEC,
            condition=ZeroLabel(),
            settings=HEUN,
            interventions=interventions,
        )
    yield GenerateGrid(
        job_id=1,
        folder=folder,
        spec=SPEC,
        condition=ClassLabel(1),
        settings=HEUN,
        interventions=mean_of_samples((0, 1)),
        samples=2,
        strengths=(0.5, 1.0),
    )


def changes(value: Any) -> Iterator[Any]:
    """A value of JSON with each of its parts replaced by each odd value, renamed and left out."""
    places: list[tuple[Any, ...]] = []

    def walk(part: Any, path: tuple[Any, ...]) -> None:
        for key in part if isinstance(part, dict) else range(len(part)):
            places.append((*path, key))
            if isinstance(part[key], dict | list):
                walk(part[key], (*path, key))

    walk(value, ())
    for path in places:
        for odd in (*ANYTHING, "renamed", "left out"):
            other = copy.deepcopy(value)
            part = other
            for key in path[:-1]:
                part = part[key]
            if odd == "left out":
                del part[path[-1]]
            elif odd == "renamed" and isinstance(part, dict):
                part["x" * 5000] = part.pop(path[-1])
            else:
                part[path[-1]] = odd
            yield other


def refusal(record: Record) -> str:
    try:
        job_of(record)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("job", list(jobs()), ids=("mask", "stack", "grid"))
def test_a_record_is_a_job_or_is_refused_in_one_sentence(job: Generate | GenerateGrid) -> None:
    record = Record(
        format=1, kind="grid" if isinstance(job, GenerateGrid) else "generate", job=flatten(job)
    )
    assert job_of(record) is not None
    refused = 0
    for written in changes(json.loads(json.dumps(record.job))):
        said = refusal(record.model_copy(update={"job": written}))
        refused += bool(said)
        assert len(said) < 1000, said
    assert refused > 100


@pytest.mark.parametrize("acting", [(), STACK], ids=("masks", "stack"))
def test_an_experiment_is_read_or_refused_by_a_value_error(
    acting: tuple[Intervention, ...],
) -> None:
    asked = Experiment(
        model="tiny",
        layer_sets=(MIDDLE,),
        windows=((0, 3),),
        groups=((0, 1), (2,)),
        interventions=acting,
        settings=HEUN,
    )
    text = json.loads(json.dumps(experiment_text(asked)))
    assert read_experiment(text) == asked
    refused = 0
    for written in changes(text):
        try:
            read_experiment(written)
        except ValueError:
            refused += 1
    assert refused > 100
