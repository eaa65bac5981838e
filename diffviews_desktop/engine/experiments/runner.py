"""Drawing an experiment: batch by batch into a journal, from which it goes on wherever it ended."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffviews_desktop.data.cache.experiment_folders import kept_experiments
from diffviews_desktop.engine.experiments.arm_values import ArmValues
from diffviews_desktop.engine.experiments.checking import check_experiment, maker_of
from diffviews_desktop.engine.experiments.drawing import Arms, batches_of, draw, parts_of
from diffviews_desktop.engine.experiments.features import distances_in_layer
from diffviews_desktop.engine.experiments.mask_arms import MaskArms
from diffviews_desktop.engine.experiments.off_manifold import StandingMaker
from diffviews_desktop.engine.experiments.pace import Pace
from diffviews_desktop.engine.experiments.pricing import drawing_passes, extraction_passes
from diffviews_desktop.engine.experiments.sample_choice import (
    ArmSamples,
    samples_of_interventions,
    samples_of_masks,
    subjects_of,
)
from diffviews_desktop.engine.experiments.stack_arms import StackArms
from diffviews_desktop.engine.experiments.told_samples import ToldSamples
from diffviews_desktop.engine.jobs.experiments import (
    ExperimentResult,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.model_settings import class_names_of, sampler_notes
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.record import checkpoint_of, versions
from diffviews_desktop.experiments.journal import Journal, open_journal
from diffviews_desktop.experiments.judges import Judge, OwnLoss, open_judge
from diffviews_desktop.experiments.results import findings_of, outcomes_of
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.experiment_text import experiment_text
from diffviews_desktop.values.experiments import Cost, Drawing, Examples, Experiment, Subjects
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.intervention_texts import phrase_of
from diffviews_desktop.values.interventions import rows_of
from diffviews_desktop.values.layers import NO_LAYERS
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.standing import Standing
from diffviews_desktop.values.told import described_told

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model


@dataclass(frozen=True)
class _Plan:
    """An experiment, checked, and what it is drawn with; ``folder`` is its own."""

    experiment: Experiment
    model: Model
    judge: Judge | None
    subjects: Subjects
    chosen: ArmSamples
    folder: Path


@dataclass(frozen=True)
class Experimenter:
    """Draws and measures with one model.

    Args:
        host: the engine.
        maps: where activations and components come from.
        opened: the model.
    """

    host: Host
    maps: MapMaker
    opened: OpenedModel

    # ---- what it will take ----------------------------------------------------------------------

    def price(self, job: PriceExperiment) -> Cost:
        """Count pictures and forward passes, and time a few of them."""
        plan = self._plan(job)
        experiment, choice = plan.experiment, plan.chosen
        numbers: set[int] = set()
        if os.path.lexists(plan.folder):  # who only asks what it takes gets no folder
            with open_journal(plan.folder, self._facts(plan)) as journal:
                numbers = set(journal.drawn)
        remainder = [one for one in experiment.drawings() if one.number not in numbers]
        evaluations = 0
        if remainder:
            maker = maker_of(experiment, self.host, self.maps, self.opened)
            each = self._evaluations(experiment, plan.model)
            evaluations = drawing_passes(experiment, remainder, each)
            evaluations += extraction_passes(experiment, maker, choice)
            if isinstance(plan.judge, OwnLoss):
                evaluations += len(remainder) * plan.judge.evaluations
        seconds = evaluations * self._seconds_each(plan.model, experiment) if remainder else 0.0
        return Cost(experiment.count, len(numbers), evaluations, seconds)

    def standing(self, experiment: Experiment) -> Standing:
        """How the masks of an experiment lie among the samples."""
        experiment = check_experiment(experiment, self.host, self.maps, self.opened)
        maker = maker_of(experiment, self.host, self.maps, self.opened)
        return StandingMaker(maker).standing(experiment)

    def _plan(self, job: PriceExperiment | RunExperiment) -> _Plan:
        model = self.host.model_of(self.opened)
        experiment = check_experiment(job.experiment, self.host, self.maps, self.opened)
        judge = open_judge(experiment.judge, model, job.trust_judge, self.host.check)
        subjects, choice = self._choose_samples(experiment, model)
        folder = job.out or kept_experiments().of(self._key(experiment, judge)[:24])
        return _Plan(experiment, model, judge, subjects, choice, folder)

    @staticmethod
    def _evaluations(experiment: Experiment, model: Model) -> int:
        return experiment.settings.evaluations(model.is_conditional)

    def _seconds_each(self, model: Model, experiment: Experiment) -> float:
        """How long the network takes for one picture, in a batch of the experiment's size."""
        import torch

        self.host.progress("trying the model")
        self.host.prepare(model)
        size = min(experiment.batch or 1, experiment.count)
        told = model.encode([ZeroLabel()] * size).to(model.device)
        x = torch.zeros(size, *model.sample_shape, device=model.device)
        levels = torch.full((size,), experiment.settings.sigma_max, device=model.device)
        times = []
        with torch.no_grad(), self.host.interruptible(model):
            for _ in range(3):
                start = time.perf_counter()
                model.forward(x, levels, told).cpu()
                times.append(time.perf_counter() - start)
        return min(times) / size

    # ---- drawing --------------------------------------------------------------------------------

    def run(self, job: RunExperiment) -> ExperimentResult:
        """Draw what is not there yet, then measure."""
        plan = self._plan(job)
        notes: list[str] = []
        with open_journal(plan.folder, self._facts(plan)) as journal:
            old_count, start = len(journal.drawn), time.monotonic()
            self._draw(plan, journal, notes)
            count = len(journal.drawn) - old_count
            seconds = max(1e-6, time.monotonic() - start)
            each = self._evaluations(plan.experiment, plan.model)
            result = self._result(replace(job, experiment=plan.experiment), plan, journal, notes)
        return replace(result, drawn=count, pace=count * each / seconds if count else None)

    def _draw(self, plan: _Plan, journal: Journal, notes: list[str]) -> None:
        experiment, model, choice = plan.experiment, plan.model, plan.chosen
        remainder = [one for one in experiment.drawings() if one.number not in journal.drawn]
        if not remainder:
            return
        self.host.prepare(model)
        pace = Pace(self.host, experiment.count, len(journal.drawn))
        told = ToldSamples(self.host, self.opened)
        table = self.opened.samples.table
        maker = maker_of(experiment, self.host, self.maps, self.opened)
        for layers, part in parts_of(batches_of(experiment, remainder), model, len(choice.members)):
            values = ArmValues(told, choice, layers) if layers and choice.samples else None
            arms: Arms = MaskArms(experiment, model.facts.layers, values)
            if experiment.interventions:
                arms = StackArms(maker, model, experiment, plan.subjects, values, notes)
            with self.host.interruptible(model):
                for batch in part:
                    images = draw(experiment, model, table, batch, arms, notes)
                    read = plan.judge.read(images) if plan.judge is not None else None
                    journal.append([one.number for one in batch.drawings], images, read)
                    pace.tick(len(images))

    # ---- what was found -------------------------------------------------------------------------

    def _result(
        self, job: RunExperiment, plan: _Plan, journal: Journal, notes: list[str]
    ) -> ExperimentResult:
        experiment, subjects = plan.experiment, plan.subjects
        self.host.progress("measuring")
        told = ToldSamples(self.host, self.opened)
        samples = [told.images(group) if group else None for group in experiment.groups]
        read = None if plan.judge is None else journal.probabilities(range(experiment.count))
        outcomes = outcomes_of(experiment, journal.pictures, samples, read)
        if experiment.features:
            distances = distances_in_layer(experiment, self.host, self.opened, journal)
            outcomes = replace(outcomes, features=distances)
        if read is not None and max(subjects.classes) >= read.shape[1]:
            notes.append(
                f"The judge knows {read.shape[1]} classes, and the experiment is about class "
                f"{max(subjects.classes)}, too: is it a judge of other classes?"
            )
        facts, standing = plan.model.facts, self.standing(experiment)
        notes += standing.notes
        notes += sampler_notes(self.opened, facts, experiment.settings)
        return ExperimentResult(
            job=job,
            findings=findings_of(experiment, outcomes, subjects),
            examples=tuple(_examples(experiment, journal, job.examples)),
            drawn=0,
            folder=plan.folder,
            device=facts.device,
            class_names=class_names_of(self.opened, facts),
            notes=tuple(dict.fromkeys(notes)),
            record=self._record(job, plan.judge, facts) | {"beyond_samples": standing.to_dict()},
        )

    def _record(self, job: RunExperiment, judge: Judge | None, facts: ModelFacts) -> dict[str, Any]:
        import torch

        table, experiment = self.opened.samples.table, job.experiment
        steps = experiment.settings.num_steps
        return {
            "format": 1,
            "kind": "experiment",
            "folder": str(job.folder.path or ""),
            "read_with": _read_with(job.folder),
            "experiment": experiment_text(experiment),
            "sample_ids": [[table.sample_id[row] for row in group] for group in experiment.groups],
            "interventions": [phrase_of(one, steps) for one in experiment.interventions],
            "intervention_ids": [table.sample_id[row] for row in rows_of(experiment.interventions)],
            "samples": self.opened.samples.fingerprint,
            "samples_told": described_told(experiment.told, facts.prompts),
            "checkpoint": checkpoint_of(self.opened, self.host.check),
            "judge": {} if judge is None else judge.facts,
            "device": facts.device,
            "threads": torch.get_num_threads(),
            "versions": versions(),
        }

    def _choose_samples(self, experiment: Experiment, model: Model) -> tuple[Subjects, ArmSamples]:
        table = self.opened.samples.table
        labels = np.unique(table.class_label)
        classes = [int(number) for number in labels if 0 <= number < model.num_classes]
        subjects = subjects_of(experiment, table, classes)
        told = ToldSamples(self.host, self.opened)
        if experiment.interventions:
            return subjects, samples_of_interventions(experiment, subjects, told, classes)
        return subjects, samples_of_masks(experiment, subjects, told)

    def _facts(self, plan: _Plan) -> dict[str, Any]:
        """What the head of the journal says."""
        classes, shape = 0, plan.model.codec.image_shape
        if plan.judge is not None:
            with self.host.interruptible(plan.model):  # which may itself be the judge
                classes = plan.judge.read(np.zeros((1, *shape), np.uint8)).shape[1]
        key = self._key(plan.experiment, plan.judge)
        return {"key": key, "shape": list(shape), "classes": classes}

    def _key(self, experiment: Experiment, judge: Judge | None) -> str:
        """What all pictures depend on."""
        numerics = self.host.numerics(self.opened)
        facts = {
            "experiment": {**experiment_text(experiment), "batch": None},
            "checkpoint": checkpoint_of(self.opened, self.host.check)["sha256"],
            "samples": self.opened.samples.fingerprint,
            "judge": {} if judge is None else judge.facts,
            "numerics": [numerics.device, numerics.precision],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _read_with(folder: FolderRef) -> dict[str, Any]:
    """How a data folder is read, where that is not as it says itself."""
    overrides = {name: one for name, one in asdict(folder.overrides).items() if one is not None}
    return {"max_classes": folder.max_classes, "overrides": overrides}


def _examples(experiment: Experiment, journal: Journal, count: int) -> Iterator[Examples]:
    """The first picture of the first groups, or of one group the first seeds, of every arm and
    place."""
    if experiment.unit == "masks":
        first = [one for one in experiment.drawings() if one.seed == 0 and one.group < count]
    else:
        first = [one for one in experiment.drawings() if one.seed < count]
    arms: dict[tuple[int, int, str], list[Drawing]] = {}
    for one in first:
        arms.setdefault((one.layers, one.window, one.arm), []).append(one)
    for same in arms.values():
        layers, steps = NO_LAYERS, (0, 0)
        if same[0].arm != "none":
            layers = experiment.layer_sets[same[0].layers]
            steps = experiment.windows[same[0].window]
        numbers = [one.number for one in same]
        yield Examples(layers, steps, same[0].arm, journal.pictures(numbers))
