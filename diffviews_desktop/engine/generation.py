"""Drawing with interventions: one run step by step, grids of runs, and where a picture lands.

For the engine, in whose process it runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.activations import activations_of
from diffviews_desktop.engine.directions import rows_of_saved
from diffviews_desktop.engine.effects import EffectMaker
from diffviews_desktop.engine.jobs.drawing import (
    MAX_PICTURES,
    Cell,
    Generate,
    GenerateGrid,
    JudgedMask,
    JudgeMask,
    MaskJudged,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.model_settings import class_names_of, sampler_notes
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.picture_batch import PictureBatch
from diffviews_desktop.engine.protocol import CellDone, RunStarted, StepDone
from diffviews_desktop.engine.record import make_record
from diffviews_desktop.engine.tracing import trace_run
from diffviews_desktop.engine.typicality import figures_of, judge_mask, not_mapped
from diffviews_desktop.errors import UsageError
from diffviews_desktop.processing.neighbors import nearest
from diffviews_desktop.processing.typicality import SampleFigures
from diffviews_desktop.values.conditions import ClassLabel, Condition
from diffviews_desktop.values.interventions import (
    Intervention,
    OtherRun,
    SavedVector,
    masks_of,
    rows_of,
    sole_mask,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION, told_apart
from diffviews_desktop.values.typicality import Typicality

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.codec import Codec
    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.denoising import DenoiseStep
    from diffviews_desktop.core.intervening import Effect, Trace

_SMALL = 32
"""Pictures up to this height and width are drawn a few at a time on a CPU: it is faster, and the
first ones are still there soon."""


@dataclass(frozen=True)
class Generation:
    """Draws with one model.

    Args:
        host: the engine.
        maps: where places on the map and activations come from.
        opened: the model.
    """

    host: Host
    maps: MapMaker
    opened: OpenedModel

    # ---- one run --------------------------------------------------------------------------------

    def run(self, job: Generate) -> RunResult:
        """Draw one picture; every step is told as it is there."""
        settings = self._check_settings(job.settings)
        job = replace(job, settings=settings, spec=self.maps.complete(self.opened, job.spec))
        assert settings.seed is not None
        model = self.host.model_of(self.opened)
        maker = self._maker(job.spec)
        stack = maker.check(job.interventions)
        PictureBatch(model, settings, [job.condition])  # refuses a class that there is not
        projector = self.maps.projector(self.opened, job.spec)
        self.host.prepare(model)
        figures = figures_of(projector, self.opened)
        verdicts = self._judge_masks(maker, [stack], job.spec, figures)
        notes: list[str] = []
        effects = self._effects(maker, job, [(settings, stack)], notes)
        changed = {effect.layer for effect in effects}
        capture = sorted({*job.spec.layers, *(changed if job.keep else ())})
        run = PictureBatch(model, settings, [job.condition], effects=effects, notes=notes)
        told = self._name(run.told[0])
        evaluations = settings.evaluations(model.is_conditional)
        steps: list[RunStep] = []
        start = time.monotonic()
        self.host.emit(RunStarted(job.job_id, settings.seed, told, evaluations))
        self.host.progress("generating", 0.0)
        with self.host.interruptible(model), closing(run.steps(capture)) as running:
            for step in running:
                steps.append(_place(step, model.codec, figures, job))
                self.host.emit(StepDone(job.job_id, steps[-1]))
                self.host.progress("generating", len(steps) / settings.num_steps)
                self.host.check()
        seconds = time.monotonic() - start
        device = model.facts.device
        is_sole = sole_mask(stack) is not None
        digests = maker.digests(
            [stack], lambda number, one: "" if is_sole else _place_of(number, one)
        )
        return RunResult(
            job=job,
            condition=told,
            seed=settings.seed,
            steps=tuple(steps),
            device=device,
            notes=(*sampler_notes(self.opened, model.facts, settings), *notes[-1:]),
            record=make_record(job, self.opened, model.facts, digests, self.host.check),
            apart=told_apart(job.spec.told, told, prompts=model.facts.prompts),
            masks=verdicts,
            seconds=seconds,
        )

    # ---- many -----------------------------------------------------------------------------------

    def grid(self, job: GenerateGrid) -> PictureGrid:
        """Draw one picture for every combination of the axes, a batch at a time."""
        settings = self._check_settings(job.settings)
        _check_axes(job)
        model = self.host.model_of(self.opened)
        device = model.facts.device
        if job.batch is None:
            few = 4 if model.facts.resolution <= _SMALL else 1
            job = replace(job, batch=few if device == "cpu" else 16)
        job = replace(job, settings=settings, spec=self.maps.complete(self.opened, job.spec))
        assert job.batch is not None
        maker = self._maker(job.spec)
        every = job.cells()
        stacks = {cell.interventions: maker.check(cell.interventions) for cell in every}
        PictureBatch(model, settings, [job.condition])  # refuses a class that there is not
        self.host.prepare(model)
        for stack in stacks.values():
            for one in stack:
                maker.vectors(one)
        verdicts = self._judge_masks(maker, stacks.values(), job.spec)
        notes: list[str] = []
        cells: list[GridCell] = []
        assert settings.seed is not None
        evaluations = settings.evaluations(model.is_conditional)
        self.host.emit(RunStarted(job.job_id, settings.seed, None, evaluations))
        self.host.progress("generating", 0.0, f"0 of {len(every)}")
        with self.host.interruptible(model):
            for batch in _batches(every, job.batch):
                drawing = [(cell.settings, stacks[cell.interventions]) for cell in batch]
                effects = self._effects(maker, job, drawing, notes)
                start = len(cells)
                for picture in self._draw(model, job, batch, effects, notes, start, len(every)):
                    cells.append(picture)
                    self.host.emit(CellDone(job.job_id, picture))
        is_sole = sole_mask(job.interventions) is not None

        def name(number: int, one: Intervention) -> str:
            return f"{one.layers}: " if is_sole else _place_of(number, one)

        digests = maker.digests(stacks.values(), name)
        return PictureGrid(
            job=job,
            cells=tuple(cells),
            device=device,
            notes=(*sampler_notes(self.opened, model.facts, settings), *notes[-1:]),
            record=make_record(job, self.opened, model.facts, digests, self.host.check),
            masks=verdicts,
        )

    def _draw(
        self,
        model: Model,
        job: GenerateGrid,
        batch: Sequence[Cell],
        effects: Sequence[Effect],
        notes: list[str],
        start: int,
        total: int,
    ) -> list[GridCell]:
        """The pictures of some cells that differ in their seed and strength alone."""
        first = batch[0].settings
        seeds = [cell.settings.seed for cell in batch]
        run = PictureBatch(model, first, [job.condition] * len(batch), seeds, effects, notes)
        with closing(run.steps(())) as running:
            for step in running:
                share = (step.index + 1) / first.num_steps
                self.host.progress(
                    "generating",
                    (start + share * len(batch)) / total,
                    f"{start} of {total}",
                )
        images = model.codec.decode(step.denoised).numpy()
        return [
            GridCell(
                start + row, cell.settings, self._name(run.told[row]), images[row],
                cell.interventions,
            )
            for row, cell in enumerate(batch)
        ]  # fmt: skip

    # ---- interventions --------------------------------------------------------------------------

    def _maker(self, spec: MapSpec) -> EffectMaker:
        return EffectMaker(self.host, self.maps, self.opened, spec)

    def _effects(
        self,
        maker: EffectMaker,
        job: Generate | GenerateGrid,
        batch: Sequence[tuple[SamplingSettings, tuple[Intervention, ...]]],
        notes: list[str],
    ) -> list[Effect]:
        """What hooks do in a batch of pictures, each with its settings and its interventions."""
        settings = [one for one, _ in batch]

        model = self.host.model_of(self.opened)

        def trace(one: Intervention, other: OtherRun) -> Trace:
            """One run for all pictures of a batch where it has a seed of its own, else one each."""
            condition = job.condition if other.condition is None else other.condition
            seeds = [cell.seed for cell in settings] if other.seed is None else [other.seed]
            told = [condition] * len(seeds)
            return trace_run(self.host, model, settings[0], told, seeds, one, notes)

        return maker.effects([stack for _, stack in batch], trace)

    # ---- where a picture lands ------------------------------------------------------------------

    def place(self, job: PlacePicture) -> PicturePlaced:
        """Extract a picture's activation as those of the samples were, and place it on the map.

        The model is told the same of it as of them; where they were told their own class, what the
        picture was drawn with.
        """
        from diffviews_desktop.core.extractor import SampleBatch, extract_batches
        from diffviews_desktop.data.activations.arrays import flatten_layers

        if not 0 < job.sigma < math.inf:
            raise UsageError(f"The noise level must be a positive number, not {job.sigma}.")
        spec = self.maps.complete(self.opened, job.spec)
        model = self.host.model_of(self.opened)
        target_shape = model.codec.image_shape
        if job.image.shape != target_shape:
            raise UsageError(
                f"The picture is {job.image.shape}; {self.opened.folder.name} draws {target_shape}."
            )
        projector = self.maps.projector(self.opened, spec)
        self.host.progress("placing the picture")
        told = job.condition if spec.told == OWN_CONDITION else cast("Condition", spec.told)
        batch = SampleBatch(
            model.codec.encode(np.array(job.image)[None]),
            np.array([job.sigma], np.float32),
            [told],
            np.array([job.seed]),
        )
        mode = self.opened.folder.config.extraction_input
        with self.host.interruptible(model):
            values = next(extract_batches(model, spec.layers, [batch], mode=mode))
        reduced, outside = projector.reduction.reduce(flatten_layers(values))
        _, samples = projector.spread(len(self.opened.samples.table))
        near = nearest(samples, reduced, job.count)
        pairs = zip(near.index[0].tolist(), near.distance[0].tolist(), strict=True)
        placement = projector.place(reduced)
        return PicturePlaced(
            job=replace(job, spec=spec),
            xy=_pair(placement.xy[0]),
            distance=float(placement.distance[0]),
            neighbors=tuple((row, far) for row, far in pairs if math.isfinite(far)),
            told=self._name(told) if model.is_conditional else None,
            apart=told_apart(spec.told, told, "picture", prompts=model.facts.prompts)
            if model.is_conditional
            else "",
            typicality=figures_of(projector, self.opened).judge(
                float(placement.distance[0]), float(outside[0]), (job.sigma, job.sigma), job.sigma
            ),
        )

    # ---- masks ----------------------------------------------------------------------------------

    def judge_mask(self, job: JudgeMask) -> MaskJudged:
        """How usual a mask is, where its activations are at hand and its layers are mapped."""
        spec = self.maps.complete(self.opened, job.spec)
        assert spec.told is not None
        maker = self._maker(spec)
        (mask,) = maker.check([job.mask])
        model = self.host.model_of(self.opened)
        slow = not job.saved and model.facts.device == "cpu" and model.facts.resolution > _SMALL
        request = activations_of(self.host, self.opened, mask.layers, spec.told)
        if not self.maps.is_cached(self.opened, spec):
            return MaskJudged(job, None, not_mapped(spec.layers))
        if slow and self.maps.activations.stored_rows(request, job.rows) is None:
            return MaskJudged(job, None, "Generate says whether the mask is beyond the samples.")
        figures = figures_of(self.maps.projector(self.opened, spec), self.opened)
        typicality = self._judge(maker, mask, spec, figures)
        return MaskJudged(job, typicality, "" if typicality else not_mapped(mask.layers))

    def _judge_masks(
        self,
        maker: EffectMaker,
        stacks: Iterable[Sequence[Intervention]],
        spec: MapSpec,
        figures: SampleFigures | None = None,
    ) -> tuple[JudgedMask, ...]:
        """How usual each mask in checked interventions is, as far as that is known."""
        masks = dict.fromkeys(mask for stack in stacks for mask in masks_of(stack))
        verdicts = ((mask, self._judge(maker, mask, spec, figures)) for mask in masks)
        return tuple(JudgedMask(mask, usual) for mask, usual in verdicts if usual is not None)

    def _judge(
        self,
        maker: EffectMaker,
        mask: Intervention,
        spec: MapSpec,
        figures: SampleFigures | None,
    ) -> Typicality | None:
        """How usual a mask is; None where its layers are not mapped. ``figures`` are those of the
        map, where it is at hand."""
        vectors = maker.vectors(mask)
        names = LayerSet(vectors)
        if figures is None or names != spec.layers:
            other = replace(spec, layers=names)
            if not self.maps.is_cached(self.opened, other):
                return None
            figures = figures_of(self.maps.projector(self.opened, other), self.opened)
        rows = rows_of([mask])
        if isinstance(mask.source, SavedVector):
            rows = rows_of_saved(self.opened, mask.source.name)
        return judge_mask(vectors, rows, figures, self.opened)

    def _name(self, condition: Condition | None) -> Condition | None:
        """A condition with the name of its class, which another model may not know."""
        if not isinstance(condition, ClassLabel):
            return condition
        names = class_names_of(self.opened, self.host.model_of(self.opened).facts)
        return replace(condition, name=dict(names).get(condition.index, ""))

    # ---- checks ---------------------------------------------------------------------------------

    def _check_settings(self, settings: SamplingSettings) -> SamplingSettings:
        """The settings with a seed, if they can be.

        Raises:
            UsageError: a value is out of range.
        """
        from diffviews_desktop.adapters.sampling import get_denoising_sigmas
        from diffviews_desktop.core.denoising import choose_seed

        s = settings
        get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho)
        if not math.isfinite(s.guidance_scale):
            raise UsageError(f"The guidance must be a number, not {s.guidance_scale}.")
        churn = (s.s_churn, s.s_min, s.s_noise, 0 if s.s_max is None else s.s_max)
        if not all(0 <= value < math.inf for value in churn):
            raise UsageError("The values of churn must not be negative.")
        return replace(s, seed=choose_seed(s.noise_mode, s.seed))


def _place(step: DenoiseStep, codec: Codec, figures: SampleFigures, job: Generate) -> RunStep:
    import torch

    # once for both: a search among the samples costs as much as a few layers of a small network
    rows = [step.row(job.spec.layers)]
    if step.imposed.keys() & set(job.spec.layers):
        rows.append(step.imposed_row(job.spec.layers))
    reduced, outside = figures.projector.reduction.reduce(np.concatenate(rows))
    placement = figures.projector.place(reduced)
    usual = [
        figures.judge(float(far), float(share), (step.sigma, step.sigma), step.sigma)
        for far, share in zip(placement.distance, outside, strict=True)
    ]
    image, noised = codec.decode(torch.cat([step.denoised[:1], step.noised[:1]])).numpy()
    values: dict[str, Any] = {}
    if job.keep:
        values["computed"] = {name: t[0].float().numpy() for name, t in step.computed.items()}
        values["imposed"] = {name: t[0].float().numpy() for name, t in step.imposed.items()}
    return RunStep(
        index=step.index,
        sigma=step.sigma,
        image=image,
        noised=noised,
        xy=_pair(placement.xy[0]),
        distance=float(placement.distance[0]),
        imposed_xy=_pair(placement.xy[1]) if len(rows) > 1 else None,
        evaluations=step.evaluations,
        reduced=reduced[0],
        typicality=usual[0],
        imposed_typicality=usual[1] if len(rows) > 1 else None,
        **values,
    )


def _batches(cells: Sequence[Cell], size: int) -> Iterator[tuple[Cell, ...]]:
    """Neighbouring cells that differ in their seed and strength alone, at most ``size`` of them."""

    def alike(cell: Cell) -> Cell:
        stack = tuple(replace(one, strength=1.0) for one in cell.interventions)
        return Cell(replace(cell.settings, seed=None), stack)

    for _, group in groupby(cells, key=alike):
        same = tuple(group)
        for start in range(0, len(same), size):
            yield same[start : start + size]


def _check_axes(job: GenerateGrid) -> None:
    if job.samples < 1 or (job.batch is not None and job.batch < 1):
        raise UsageError("The number of samples and the batch must be at least 1.")
    if job.count > MAX_PICTURES:
        raise UsageError(f"A grid has at most {MAX_PICTURES:,} pictures, not {job.count:,}.")
    if job.varies_intervention and not job.interventions:
        raise UsageError("A grid over strengths, steps or layers needs a mask: pick samples first.")
    if job.varies_intervention and not 0 <= job.varied < len(job.interventions):
        raise UsageError(f"There is no intervention {job.varied + 1} to vary.")


def _place_of(number: int, one: Intervention) -> str:
    """What stands before a layer's name in a record of several interventions."""
    return f"{number + 1} {one.verb} {one.layers}: "


def _pair(xy: NDArray) -> tuple[float, float]:
    return float(xy[0]), float(xy[1])
