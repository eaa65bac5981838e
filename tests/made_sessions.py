"""States with runs and picks, as sessions keep them, and whether two sessions hold the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from acted import FOLDER, SPEC, layer_map, opened_state

from diffviews_desktop.engine.jobs.drawing import Generate, PicturePlaced, PlacePicture
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.picks import Picks, Selection, Within
from diffviews_desktop.state.runs import Run, Runs
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import Filter, NamedView, View
from diffviews_desktop.values.arrangement import Arrangement, DockPlace
from diffviews_desktop.values.camera import Camera
from diffviews_desktop.values.conditions import ClassLabel, Prompt, UniformLabel, ZeroLabel
from diffviews_desktop.values.interventions import (
    Difference,
    Intervention,
    OtherRun,
    mean_of_samples,
)
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.regions import Area, Channels
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.sample_sets import Clusters, SampleSet, Some, SomeSamples
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION
from diffviews_desktop.values.typicality import Measured, Typicality

USUAL = Typicality(Measured(1.5, 60.0, 3.0), Measured(float("nan")), (1.0, 2.0), (0.5, 9.0), 1.0)
ARRANGEMENT = Arrangement(
    (1200, 800), True, (DockPlace("Preview", "left", floating=True, size=(200, 300)),), ("grid",)
)


def kept_step(index: int, side: int = 4, seed: int = 0) -> RunStep:
    """A step of which every value that a session keeps is there."""
    made = np.random.default_rng((seed, index))
    return RunStep(
        index=index,
        sigma=10.0 / (index + 1),
        image=made.integers(0, 256, (side, side, 3), np.uint8),
        noised=made.integers(0, 256, (side, side, 3), np.uint8),
        xy=(float(index), float("nan")),
        distance=0.25,
        imposed_xy=(1.0, 2.0) if index % 2 else None,
        evaluations=2,
        reduced=made.random(3, np.float32),
        typicality=USUAL,
        imposed_typicality=USUAL if index % 2 else None,
    )


def kept_run(run_id: int, steps: int = 3, side: int = 4, **change: Any) -> Run:
    """A whole run of the rows 3 and 14."""
    job = Generate(
        job_id=run_id,
        folder=FOLDER,
        spec=replace(SPEC, parameters=MapParameters(n_neighbors=7), told=OWN_CONDITION),
        condition=ClassLabel(3, "three"),
        settings=SamplingSettings(num_steps=steps, seed=run_id),
        interventions=mean_of_samples((3, 14), "distance", region=Channels((0, 2)), step_to=2),
    )
    made = tuple(kept_step(index, side, run_id) for index in range(steps))
    landed = PicturePlaced(
        PlacePicture(
            job_id=0,
            folder=FOLDER,
            spec=job.spec,
            image=made[-1].image,
            condition=UniformLabel(),
            sigma=0.5,
        ),
        (1.0, 2.0),
        0.5,
        ((4, 0.1), (5, 0.2)),
        ZeroLabel(),
        "apart",
        USUAL,
    )
    values = dict(
        steps=made,
        seed=run_id,
        condition=ClassLabel(3, "three"),
        evaluations=2 * steps,
        done=True,
        record={"format": 1, "of": [run_id, None, {"a": 0.5}]},
        landed=landed,
        apart="apart",
        sample_ids=("s3", "s14"),
        pinned=run_id == 2,
        tags=("odd", "figure 2")[:run_id],
        when=1.8e9 + run_id,
    )
    return Run(run_id, f"Run {run_id}", job, **{**values, **change})


def kept_groups(state: State) -> Groups:
    """Two named selections, one of another model, clusters, and a named view."""
    samples = state.opened.samples

    def some(*rows: int, model: str = "edm") -> SomeSamples:
        found = RowSet(rows)
        return SomeSamples(model, "f" * 64, found, Some(samples.sample_id, found.rows))

    labels = np.array([0, 0, 1], np.int32)
    return Groups(
        all_sets=(
            SampleSet(2, "odd ones", some(1, 7, 39), "#123456"),
            SampleSet(4, "elsewhere", some(5, model="dmd2")),
        ),
        all_clusters=(Clusters(5, SPEC, some(3, 4, 30), labels, ("three", "4"), 3),),
        views=(NamedView("noisy", (Filter("sigma", 0.5),), 2, "sigma", "sigma"),),
        numbered=6,
    )


def kept_state(runs: int = 2) -> State:
    """A state in which everything that a session keeps has a value of its own."""
    area = Area.of(np.eye(4, dtype=bool))
    stack = (
        Intervention("add", Difference((1, 2), (3,)), ("midblock",), area, strength=-0.5),
        Intervention("patch", OtherRun(7, Prompt("a cat", "a dog")), enabled=False, name="patch"),
    )
    made = tuple(kept_run(number) for number in range(1, runs + 1))
    unmasked = kept_run(runs + 1, visible=False)
    unmasked = replace(unmasked, job=replace(unmasked.job, interventions=()), sample_ids=())
    selection = Selection(
        anchor=3,
        manual=(14, 5),
        suggested=((7, 0.5), (8, 0.75)),
        suggested_by=SPEC,
        in_layer=True,
        chosen=RowSet((2, 3, 39)),
    )
    state = opened_state()
    return replace(
        state,
        opened=replace(state.opened, fingerprint="f" * 64, layer_map=layer_map(told=OWN_CONDITION)),
        view=View(
            color_by="sigma",
            size_by="sigma",
            filters=(Filter("class", hidden=frozenset((1, 2))), Filter("sigma", 0.5)),
            highlighted_class=2,
            tool="lasso",
            rectangle=(0.0, 1.0, 2.0, 3.5),
            third_axis="sigma",
            camera=Camera(0.5, 0.25, 4.0, (0.1, 0.2, 0.3)),
            contours=True,
        ),
        groups=kept_groups(state),
        picks=Picks(selection, suggest_count=9, suggest_on_map=True, suggest_within=Within(True)),
        runs=Runs(
            settings=SamplingSettings(num_steps=7, seed=3, s_max=4.0),
            interventions=stack,
            set_a=(1,),
            set_b=(2, 3),
            condition=Prompt("a cat"),
            all=made,
            shown=1,
            step=1,
            comparing=True,
            beside=(2,) if runs > 1 else (),
            unmasked=(unmasked,),
            begun=9,
        ),
    )


def in_full(value: Any) -> Any:
    """A value as lists and texts that can be compared, arrays and values within included."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: in_full(one) for key, one in value.items()}
    if isinstance(value, RowSet):
        return list(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "__dataclass_fields__"):
        names = value.__dataclass_fields__
        return (type(value).__name__, {name: in_full(getattr(value, name)) for name in names})
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return [in_full(one) for one in value]
    return value


def without_jobs(session: SavedSession) -> SavedSession:
    """A session whose runs have no jobs that could be running."""

    def ended(run: Run) -> Run:
        return replace(run, job=replace(run.job, job_id=0))

    runs = session.runs
    return replace(
        session,
        runs=replace(
            runs,
            all=tuple(map(ended, runs.all)),
            unmasked=tuple(map(ended, runs.unmasked)),
        ),
    )
