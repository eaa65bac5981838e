"""Drawing an experiment: batch by batch into a journal, from which it goes on wherever it ended."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffviews_desktop import paths
from diffviews_desktop.engine.experiments.arm_values import (
    ArmSamples,
    ArmValues,
    arm_samples,
    subjects_of,
)
from diffviews_desktop.engine.experiments.checking import checked
from diffviews_desktop.engine.experiments.drawing import batches_of, draw, parts_of
from diffviews_desktop.engine.experiments.features import distances_in_layer
from diffviews_desktop.engine.experiments.told_samples import ToldSamples
from diffviews_desktop.engine.jobs.experiments import (
    ExperimentResult,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.record import checkpoint_of, versions
from diffviews_desktop.experiments.journal import Journal, open_journal
from diffviews_desktop.experiments.judges import Judge, OwnLoss, open_judge
from diffviews_desktop.experiments.results import findings_of, outcomes_of
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.experiment_text import experiment_text
from diffviews_desktop.values.experiments import Cost, Drawing, Examples, Experiment, Subjects
from diffviews_desktop.values.layers import NO_LAYERS

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model


@dataclass(frozen=True)
class Experimenter:
    """Draws and measures with one model.

    Args:
        host: the engine.
        opened: the model.
    """

    host: Host
    opened: OpenedModel

    # ---- what it will take ----------------------------------------------------------------------

    def price(self, job: PriceExperiment) -> Cost:
        """Count pictures and forward passes, and time a few of them."""
        model = self.host.model_of(self.opened)
        experiment = checked(job.experiment, self.opened, model)
        judge = open_judge(experiment.judge, model, job.trust_judge)
        _, chosen = self._chosen(experiment, model)
        folder = self._folder(experiment, job.out, judge)
        with open_journal(folder, self._facts(experiment, model, judge)) as journal:
            drawn = len(journal.drawn)
        left = experiment.count - drawn
        each = self._evaluations(experiment, model)
        if isinstance(judge, OwnLoss):
            each += judge.evaluations
        evaluations = left * each + (len(chosen.samples) if left else 0)
        seconds = evaluations * self._seconds_each(model, experiment) if left else 0.0
        return Cost(experiment.count, drawn, evaluations, seconds)

    @staticmethod
    def _evaluations(experiment: Experiment, model: Model) -> int:
        return experiment.settings.evaluations(model.is_conditional)

    def _seconds_each(self, model: Model, experiment: Experiment) -> float:
        """How long the network takes for one picture, in a batch of the experiment's size."""
        import torch

        self.host.progress("trying the model")
        self.host.prepare(model)
        size = experiment.batch or 1
        told = model.encode([ZeroLabel()] * size).to(model.device)
        x = torch.zeros(size, *model.sample_shape, device=model.device)
        levels = torch.full((size,), experiment.settings.sigma_max, device=model.device)
        times = []
        with torch.no_grad(), self.host.interruptible(model):
            for _ in range(3):
                started = time.perf_counter()
                model.forward(x, levels, told).cpu()
                times.append(time.perf_counter() - started)
        return min(times) / size

    # ---- drawing --------------------------------------------------------------------------------

    def run(self, job: RunExperiment) -> ExperimentResult:
        """Draw what is not there yet, then measure."""
        model = self.host.model_of(self.opened)
        experiment = checked(job.experiment, self.opened, model)
        judge = open_judge(experiment.judge, model, job.trust_judge)
        job = replace(job, experiment=experiment)
        subjects, chosen = self._chosen(experiment, model)
        folder = self._folder(experiment, job.out, judge)
        notes: list[str] = []
        with open_journal(folder, self._facts(experiment, model, judge)) as journal:
            before = len(journal.drawn)
            self._draw(experiment, model, chosen, judge, journal, notes)
            return self._result(job, model, judge, subjects, journal, before, folder, notes)

    def _draw(
        self,
        experiment: Experiment,
        model: Model,
        chosen: ArmSamples,
        judge: Judge | None,
        journal: Journal,
        notes: list[str],
    ) -> None:
        left = [one for one in experiment.drawings() if one.number not in journal.drawn]
        if not left:
            return
        self.host.prepare(model)
        pace = _Pace(self.host, experiment.count, len(journal.drawn))
        told = ToldSamples(self.host, self.opened)
        table = self.opened.samples.table
        batches = list(batches_of(experiment, left))
        for layers, part in parts_of(batches, model, len(chosen.members)):
            values = ArmValues(told, chosen, layers) if layers else None
            with self.host.interruptible(model):
                for batch in part:
                    images = draw(experiment, model, table, batch, values, notes)
                    read = judge.read(images) if judge is not None else None
                    journal.append([one.number for one in batch.drawings], images, read)
                    pace.tick(len(images))

    # ---- what was found -------------------------------------------------------------------------

    def _result(
        self,
        job: RunExperiment,
        model: Model,
        judge: Judge | None,
        subjects: Subjects,
        journal: Journal,
        before: int,
        folder: Path,
        notes: list[str],
    ) -> ExperimentResult:
        experiment = job.experiment
        self.host.progress("measuring")
        told = ToldSamples(self.host, self.opened)
        samples = [told.images(group) for group in experiment.groups]
        read = None if judge is None else journal.probabilities(range(experiment.count))
        outcomes = outcomes_of(experiment, journal.pictures, samples, read)
        if experiment.features:
            moved = distances_in_layer(experiment, self.host, self.opened, journal)
            outcomes = replace(outcomes, features=moved)
        if read is not None and max(subjects.classes) >= read.shape[1]:
            notes.append(
                f"The judge knows {read.shape[1]} classes, and the masks are of class "
                f"{max(subjects.classes)}, too: is it a judge of other classes?"
            )
        device = model.facts.device
        return ExperimentResult(
            job=job,
            findings=findings_of(experiment, outcomes, subjects),
            examples=tuple(_examples(experiment, journal, job.examples)),
            drawn=len(journal.drawn) - before,
            folder=folder,
            device=device,
            class_names=class_names_of(self.opened, model.facts),
            notes=tuple(dict.fromkeys(notes)),
            record=self._record(job, judge, device),
        )

    def _record(self, job: RunExperiment, judge: Judge | None, device: str) -> dict[str, Any]:
        import torch

        table, experiment = self.opened.samples.table, job.experiment
        return {
            "format": 1,
            "kind": "experiment",
            "folder": str(job.folder.path or ""),
            "experiment": experiment_text(experiment),
            "sample_ids": [[table.sample_id[row] for row in group] for group in experiment.groups],
            "samples": self.opened.samples.fingerprint,
            "checkpoint": checkpoint_of(self.opened, self.host.check),
            "judge": {} if judge is None else judge.facts,
            "device": device,
            "threads": torch.get_num_threads(),
            "versions": versions(),
        }

    def _chosen(self, experiment: Experiment, model: Model) -> tuple[Subjects, ArmSamples]:
        table = self.opened.samples.table
        labels = np.unique(table.class_label)
        classes = [int(number) for number in labels if 0 <= number < model.num_classes]
        subjects = subjects_of(experiment, table, classes)
        told = ToldSamples(self.host, self.opened)
        return subjects, arm_samples(experiment, subjects, told)

    def _folder(self, experiment: Experiment, out: Path | None, judge: Judge | None) -> Path:
        if out is not None:
            return out
        return paths.cache_dir() / "experiments" / self._key(experiment, judge)[:24]

    def _facts(self, experiment: Experiment, model: Model, judge: Judge | None) -> dict[str, Any]:
        classes = 0
        if judge is not None:
            blank = np.zeros((1, *model.codec.image_shape), np.uint8)
            classes = judge.read(blank).shape[1]
        return {
            "key": self._key(experiment, judge),
            "shape": list(model.codec.image_shape),
            "classes": classes,
        }

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


def _examples(experiment: Experiment, journal: Journal, count: int) -> Iterator[Examples]:
    """The first picture of the first groups, of every arm and place."""
    first = [one for one in experiment.drawings() if one.seed == 0 and one.group < count]
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


class _Pace:
    """Tells how far the drawing is, and how fast."""

    def __init__(self, host: Host, total: int, before: int) -> None:
        self._host, self._total, self._before = host, total, before
        self._done, self._started = 0, time.monotonic()
        host.progress("drawing", before / total, f"{before} of {total}")

    def tick(self, count: int) -> None:
        """Count pictures that are drawn."""
        self._done += count
        done, rate = self._before + self._done, self._done / (time.monotonic() - self._started)
        self._host.progress("drawing", done / self._total, f"{done} of {self._total}, {rate:.3g}/s")
