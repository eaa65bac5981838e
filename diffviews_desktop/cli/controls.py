"""``generate --controls``: interventions beside everything that they are to be compared with."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.cli.experiment_files import answer_of
from diffviews_desktop.cli.shared import Answer
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.controls import controls_for
from diffviews_desktop.values.experiment_plans import experiment_of, is_plain_mask
from diffviews_desktop.values.experiments import USUAL_JUDGE, Experiment
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.told import OWN_CONDITION

SEEDS, MORE_SEEDS = 3, 20
"""Of a mask, and of other interventions, whose intervals are over seeds alone."""


def plan(job: Generate | GenerateGrid, loaded: ModelLoaded, opened: DataOpened) -> Experiment:
    """What draws a run's interventions and their controls.

    Raises:
        UsageError: the run has none, or a grid's axes besides its seeds.
    """
    acting = [one for one in job.interventions if one.acts(job.settings.num_steps)]
    if not acting:
        raise UsageError(
            "--controls compares interventions with their controls: pick samples by --rows, or "
            "name another, such as --add."
        )
    seeds = SEEDS if is_plain_mask(acting) else MORE_SEEDS
    if isinstance(job, GenerateGrid):
        seeds = job.samples
        if job.count > seeds:
            raise UsageError("--controls takes several seeds, but no other axis of a grid.")
    told = loaded.told if job.spec.told is None else job.spec.told
    return experiment_of(
        acting,
        job.spec,
        job.settings.num_steps,
        opened.directions,
        seeds=seeds,
        controls=controls_for(acting, loaded.num_classes > 1, 1),
        condition=job.condition,
        told=OWN_CONDITION if told is None else told,
        settings=job.settings,
        judge=USUAL_JUDGE,
    )


def run_controls(
    engine: Engine, job: Generate | GenerateGrid, opened: DataOpened, folder: Path
) -> Answer:
    """Draw and write them into ``controls`` of a folder."""
    loaded = engine.run(LoadModel(job_id=0, folder=job.folder, model=job.spec.model))
    experiment = plan(job, loaded, opened)
    request = RunExperiment(
        job_id=0, folder=job.folder, experiment=experiment, out=_free(folder / "controls")
    )
    return answer_of(engine.run(request), further=(_note(experiment),))


def _note(experiment: Experiment) -> str:
    if experiment.interventions:
        return "Intervals over seeds say nothing of other samples or directions."
    return (
        "This is one mask, and says nothing of others: experiment run compares many, with "
        "intervals over masks."
    )


def _free(folder: Path) -> Path:
    """A folder of this name that is not there yet, numbered where it is."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
