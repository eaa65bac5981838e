"""``generate --controls``: a run's mask beside everything that it is to be compared with."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.cli.experiment_files import answer_of
from diffviews_desktop.cli.shared import Answer
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.errors import UsageError
from diffviews_desktop.experiments.controls import controls_for
from diffviews_desktop.values.experiments import USUAL_JUDGE, Experiment
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.interventions import SampleMean
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.told import OWN

SEEDS = 3
_NOTE = (
    "This is one mask, and says nothing of others: experiment run compares many, with intervals."
)


def experiment_of(job: Generate | GenerateGrid, loaded: ModelLoaded) -> Experiment:
    """What draws a run's mask and its controls.

    Raises:
        UsageError: the run has not exactly one mask, or a grid's axes besides its seeds.
    """
    mask = job.interventions[0] if len(job.interventions) == 1 else None
    if mask is None or mask.verb != "replace" or not isinstance(mask.source, SampleMean):
        raise UsageError(
            "--controls compares a mask with its controls: pick samples by --rows, and leave other "
            "interventions out."
        )
    if mask.source.weighting != "equal":
        raise UsageError("--controls compares means in which all samples count the same.")
    seeds = SEEDS
    if isinstance(job, GenerateGrid):
        seeds = job.samples
        if job.count > seeds:
            raise UsageError("--controls takes several seeds, but no other axis of a grid.")
    s = job.settings
    last = s.num_steps if mask.step_to is None else min(mask.step_to, s.num_steps)
    told = loaded.told if job.spec.told is None else job.spec.told
    return Experiment(
        model=job.spec.model,
        layer_sets=(LayerSet(mask.layers or job.spec.layers),),
        windows=((mask.step_from, last),),
        groups=(mask.source.rows,),
        seeds=seeds,
        controls=controls_for("replace", loaded.num_classes > 1, 1),
        condition=job.condition,
        told=OWN if told is None else told,
        settings=s,
        strength=mask.strength,
        region=mask.region,
        judge=USUAL_JUDGE,
    )


def run_controls(
    engine: Engine, job: Generate | GenerateGrid, loaded: ModelLoaded, folder: Path
) -> Answer:
    """Draw and write them into ``controls`` of a folder."""
    asked = RunExperiment(
        job_id=0,
        folder=job.folder,
        experiment=experiment_of(job, loaded),
        out=_free(folder / "controls"),
    )
    return answer_of(engine.run(asked), further=(_NOTE,))


def _free(folder: Path) -> Path:
    """A folder of this name that is not there yet, numbered where it is."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
