"""Chooses an experiment's samples, says what it will take, and draws it."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.data.cache.experiment_folders import kept_experiments
from diffviews_desktop.engine.experiments.checking import SMALL
from diffviews_desktop.engine.experiments.groups import choose_groups
from diffviews_desktop.engine.experiments.runner import Experimenter
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    ExperimentJudged,
    ExperimentResult,
    JudgeExperiment,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.experiments.files import write_files
from diffviews_desktop.values.experiments import Cost
from diffviews_desktop.values.standing import Standing


@handles(ChooseGroups)
def choose(job: ChooseGroups, workspace: Workspace) -> tuple[tuple[int, ...], ...]:
    """Samples for an experiment's masks."""
    opened = workspace.open(job.folder, job.model)
    layers = job.layers or workspace.maps.default_layers(opened)
    return choose_groups(job, workspace, opened, layers)


@handles(PriceExperiment)
def price(job: PriceExperiment, workspace: Workspace) -> Cost:
    """Pictures, forward passes and seconds."""
    return _experimenter(job, workspace).price(job)


@handles(JudgeExperiment)
def judge(job: JudgeExperiment, workspace: Workspace) -> ExperimentJudged:
    """How the masks lie; nothing where that would take as long as drawing a part of them."""
    if job.choice is not None:
        opened = workspace.open(job.folder, job.choice.model)
        facts = workspace.model_of(opened).facts
        if facts.device == "cpu" and facts.resolution > SMALL:
            reason = "The report says whether the masks are beyond the samples."
            return ExperimentJudged(job, Standing(reason=reason))
        experiment = replace(job.experiment, groups=choose(job.choice, workspace))
    else:
        experiment = job.experiment
    return ExperimentJudged(job, _experimenter(job, workspace).standing(experiment))


@handles(RunExperiment)
def run(job: RunExperiment, workspace: Workspace) -> ExperimentResult:
    """Every picture, what was measured in them, and the files that tell it."""
    if job.choice is not None:
        groups = choose(job.choice, workspace)
        job = replace(job, experiment=replace(job.experiment, groups=groups), choice=None)
    result = _experimenter(job, workspace).run(job)
    names = dict(result.class_names)
    told = result.findings, result.examples, result.record, result.notes, names
    result = replace(result, files=write_files(result.folder, *told))
    if job.out is None:
        kept_experiments().make_room(keep=result.folder)
    return result


def _experimenter(
    job: PriceExperiment | JudgeExperiment | RunExperiment, workspace: Workspace
) -> Experimenter:
    return Experimenter(workspace, workspace.maps, workspace.open(job.folder, job.experiment.model))
