"""Runs and grids: what is drawn, and how the next picture is to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, PicturePlaced
from diffviews_desktop.engine.jobs.experiments import (
    ExperimentJudged,
    ExperimentResult,
    RunExperiment,
)
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.interventions import PICKED, Intervention
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sampling import SamplingSettings

MOST_TAGS = 20


def tidy_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: each once, on one line, without blanks at its ends, and not too
    many."""
    names = (visible(tag.strip(), MOST_OF_NAME) for tag in tags)
    return tuple(dict.fromkeys(tag for tag in names if tag))[:MOST_TAGS]


@dataclass(frozen=True, eq=False)
class Run:
    """A run, growing while it is computed.

    Attributes:
        id: by which it is known in this session; not that of a job.
        name: for the user.
        job: what was asked for.
        steps: those that are there.
        seed: the seed used; None until the run begins.
        condition: what the model is told, likewise.
        evaluations: how often the network runs for the picture (NFE), likewise.
        done: whether no more steps come.
        visible: whether its path is shown on the map.
        record: what replays it, once it is whole.
        landed: where its picture lies.
        apart: why its path cannot be compared with the samples of the map as it is.
        sample_ids: of the samples that its interventions are made of, in the order of `rows_of`.
        pinned: whether the list has it before those that are not.
        tags: words that the user has put on it.
        when: it was asked for, in seconds since 1970; 0 where that is not known.
    """

    id: int
    name: str
    job: Generate
    steps: tuple[RunStep, ...] = ()
    seed: int | None = None
    condition: Condition | None = None
    evaluations: int | None = None
    done: bool = False
    visible: bool = True
    record: Mapping[str, Any] | None = None
    landed: PicturePlaced | None = None
    apart: str = ""
    sample_ids: tuple[str, ...] = ()
    pinned: bool = False
    tags: tuple[str, ...] = ()
    when: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether it has come to its end, and was not stopped before."""
        all_steps = len(self.steps) >= self.job.settings.num_steps
        return self.done and (self.record is not None or all_steps)

    @property
    def unmasked(self) -> Generate | None:
        """The same run without interventions, its seed chosen; None while that is not known.

        The id of the job is 0: whoever submits it gives it one.
        """
        if self.seed is None:
            return None
        settings = replace(self.job.settings, seed=self.seed)
        return replace(self.job, job_id=0, interventions=(), settings=settings)


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid of pictures, filling while it is drawn; ``job`` has its seed and batch once it is
    ``done``, and ``record`` replays it."""

    job: GenerateGrid
    cells: tuple[GridCell, ...] = ()
    done: bool = False
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class ComparedMasks:
    """An experiment; ``result`` is there once it is measured."""

    job: RunExperiment
    result: ExperimentResult | None = None


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of this session, and how the next one is to be drawn.

    Attributes:
        settings: what the Generate panel says.
        interventions: what it says is done to layers meanwhile, with the picked samples left open.
        set_a: samples whose mean is the end of a direction.
        set_b: samples whose mean is its start.
        condition: what the user chose to draw; None while nobody chose (see `State.condition`).
        all: every run but those without a mask that others are compared with.
        shown: the id of the run in the filmstrip.
        step: the step of it that is shown.
        comparing: whether it is shown beside the run without a mask.
        beside: ids of the runs that it is shown beside instead; empty for none.
        unmasked: runs without a mask that others were compared with.
        grid: the last grid.
        experiment: the last experiment.
        judged: how the masks of the experiment that was last asked about lie among the samples.
        begun: how many runs were begun: ids and names count on from there.
    """

    settings: SamplingSettings = field(default_factory=SamplingSettings)
    interventions: tuple[Intervention, ...] = (PICKED,)
    set_a: tuple[int, ...] = ()
    set_b: tuple[int, ...] = ()
    condition: Condition | None = None
    all: tuple[Run, ...] = ()
    shown: int | None = None
    step: int = 0
    comparing: bool = False
    beside: tuple[int, ...] = ()
    unmasked: tuple[Run, ...] = ()
    grid: Grid | None = None
    experiment: ComparedMasks | None = None
    judged: ExperimentJudged | None = None
    begun: int = 0

    def run(self, run_id: int | None = None) -> Run | None:
        """A run; the shown one by default."""
        run_id = self.shown if run_id is None else run_id
        return next((run for run in (*self.all, *self.unmasked) if run.id == run_id), None)

    def of_job(self, job_id: int) -> Run | None:
        """The run that a job draws."""
        runs = (run for run in (*self.all, *self.unmasked) if run.job.job_id == job_id)
        return next(runs, None)

    def is_unmasked(self, run: Run) -> bool:
        """Whether it is only there to be compared with."""
        return any(one.id == run.id for one in self.unmasked)

    def baseline(self, run: Run | None = None) -> Run | None:
        """The run without a mask and with the same seed as a run, the shown one by default."""
        run = run or self.run()
        job = run.unmasked if run is not None else None
        if job is None:
            return None
        return next((one for one in self.unmasked if replace(one.job, job_id=0) == job), None)

    def companions(self) -> tuple[Run, ...]:
        """The runs that the shown one is beside: those that were chosen, or else the run without a
        mask, as far as it is there."""
        chosen = frozenset(self.beside) - {self.shown}
        runs = tuple(run for run in self.all if run.id in chosen)
        if runs or not self.comparing:
            return runs
        baseline = self.baseline()
        return () if baseline is None else (baseline,)

    def with_run(self, run: Run) -> Runs:
        """With a run replaced by its newer form."""

        def renew(runs: tuple[Run, ...]) -> tuple[Run, ...]:
            return tuple(run if one.id == run.id else one for one in runs)

        return replace(self, all=renew(self.all), unmasked=renew(self.unmasked))

    def with_run_again(self, old: Runs, run_id: int) -> Runs:
        """With a run that was there before, in its place, and with those that it is compared with;
        it is shown if it was."""
        ids = {run.id for run in (*self.all, *self.unmasked)}
        old_run = next((run for run in old.all if run.id == run_id), None)
        if old_run is None or run_id in ids:
            return self
        followers = {run.id for run in old.all[old.all.index(old_run) + 1 :]}
        at = next((i for i, run in enumerate(self.all) if run.id in followers), len(self.all))
        baseline = old.baseline(old_run)
        extras = () if baseline is None or baseline.id in ids else (baseline,)
        runs = replace(
            self,
            all=(*self.all[:at], old_run, *self.all[at:]),
            unmasked=(*self.unmasked, *extras),
        )
        if old.shown != run_id:
            return runs
        return replace(runs, shown=run_id, step=old.step)

    def without_run(self, run_id: int) -> Runs:
        """Without a run, and without those that only it is compared with; where it was shown, the
        last one is."""
        others = tuple(run for run in self.all if run.id != run_id)
        jobs = [run.unmasked for run in others]
        unmasked = tuple(run for run in self.unmasked if replace(run.job, job_id=0) in jobs)
        beside = tuple(one for one in self.beside if one != run_id)
        runs = replace(self, all=others, unmasked=unmasked, beside=beside)
        if self.shown != run_id:
            return runs
        last = others[-1] if others else None
        step = max(0, len(last.steps) - 1) if last else 0
        return replace(runs, shown=last.id if last else None, step=step, beside=())
