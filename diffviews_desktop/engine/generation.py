"""Drawing with masks: one run step by step, grids of runs, and where a finished picture lands.

For the engine, in whose process it runs.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.activations import activations_of
from diffviews_desktop.engine.jobs.drawing import (
    MAX_PICTURES,
    Generate,
    GenerateGrid,
    JudgeMask,
    MaskJudged,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.model_settings import class_names_of
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.engine.protocol import CellDone, RunStarted, StepDone
from diffviews_desktop.engine.record import make_record
from diffviews_desktop.engine.typicality import figures_of, judge_mask, not_mapped
from diffviews_desktop.errors import MaskError, UsageError
from diffviews_desktop.processing.neighbors import nearest
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.typicality import SampleFigures
from diffviews_desktop.values.conditions import ClassLabel, Condition
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sampling import GenerateSettings
from diffviews_desktop.values.typicality import Typicality

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.codec import Codec
    from diffviews_desktop.adapters.model import Model
    from diffviews_desktop.core.denoising import DenoiseStep
    from diffviews_desktop.core.masking import ActivationMasker

Masks = Mapping[str, Float32]
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
        settings = self._checked(job.settings, job.rows)
        job = replace(job, settings=settings, spec=self._with_layers(job.spec))
        assert settings.seed is not None
        model = self.host.model_of(self.opened)
        _Run(model, settings, job.condition, 1, {}, [])  # refuses a class that there is not
        projector = self.maps.projector(self.opened, job.spec)
        self.host.prepare(model)
        imposed_layers = settings.mask_layers or job.spec.layers
        masks = self._masks(job.rows, job.spec.layers, settings, projector)
        figures = figures_of(projector, self.opened)
        mask = self._judged(masks, job.rows, job.spec, figures)
        capture = sorted({*job.spec.layers, *(imposed_layers if masks and job.keep else ())})
        notes: list[str] = []
        steps: list[RunStep] = []
        run = _Run(model, settings, job.condition, 1, masks, notes)
        told = self._named(run.told[0])
        evaluations = settings.evaluations(model.is_conditional)
        self.host.emit(RunStarted(job.job_id, settings.seed, told, evaluations))
        self.host.progress("generating", 0.0)
        with self.host.interruptible(model), closing(run.steps(capture)) as running:
            for step in running:
                steps.append(_place(step, model.codec, figures, job))
                self.host.emit(StepDone(job.job_id, steps[-1]))
                self.host.progress("generating", len(steps) / settings.num_steps)
                self.host.check()
        device = model.facts.device
        return RunResult(
            job=job,
            condition=told,
            seed=settings.seed,
            steps=tuple(steps),
            device=device,
            notes=tuple(notes[-1:]),
            record=make_record(job, self.opened, device, masks, self.host.check),
            mask=mask,
        )

    # ---- many -----------------------------------------------------------------------------------

    def grid(self, job: GenerateGrid) -> PictureGrid:
        """Draw one picture for every combination of the axes, a batch at a time."""
        settings = self._checked(job.settings, job.rows)
        _check_axes(job)
        model = self.host.model_of(self.opened)
        device = model.facts.device
        if job.batch is None:
            few = 4 if model.facts.resolution <= _SMALL else 1
            job = replace(job, batch=few if device == "cpu" else 16)
        job = replace(job, settings=settings, spec=self._with_layers(job.spec))
        assert job.batch is not None
        every = job.cells()
        for cell in every:
            self._checked(cell, job.rows)
        _Run(model, settings, job.condition, 1, {}, [])  # refuses a class that there is not
        known: dict[tuple[str, ...], Masks] = {}
        for cell in every:
            if job.rows and cell.mask_layers not in known:
                projector = None
                if cell.weighting == "distance":
                    projector = self.maps.projector(self.opened, job.spec)
                known[cell.mask_layers] = self._masks(job.rows, job.spec.layers, cell, projector)
        judged = {
            LayerSet(held): self._judged(held, job.rows, job.spec, None) for held in known.values()
        }
        self.host.prepare(model)
        notes: list[str] = []
        cells: list[GridCell] = []
        assert settings.seed is not None
        evaluations = settings.evaluations(model.is_conditional)
        self.host.emit(RunStarted(job.job_id, settings.seed, None, evaluations))
        self.host.progress("generating", 0.0, f"0 of {len(every)}")
        with self.host.interruptible(model):
            for batch in _batches(every, job.batch):
                done = len(cells)
                for drawn in self._draw(model, job, batch, known, notes, done, len(every)):
                    cells.append(drawn)
                    self.host.emit(CellDone(job.job_id, drawn))
        masks = {f"{'+'.join(names)}: {k}": v for names, m in known.items() for k, v in m.items()}
        return PictureGrid(
            job=job,
            cells=tuple(cells),
            device=device,
            notes=tuple(notes[-1:]),
            record=make_record(job, self.opened, device, masks, self.host.check),
            masks={names: usual for names, usual in judged.items() if usual is not None},
        )

    def _draw(
        self,
        model: Model,
        job: GenerateGrid,
        batch: Sequence[GenerateSettings],
        known: Mapping[tuple[str, ...], Masks],
        notes: list[str],
        done: int,
        total: int,
    ) -> list[GridCell]:
        """The pictures of some settings that differ in their seed and strength alone."""
        first = batch[0]
        seeds = [cell.seed for cell in batch]
        strengths = [cell.strength for cell in batch]
        masks = known.get(first.mask_layers, {})
        run = _Run(model, first, job.condition, len(batch), masks, notes, seeds, strengths)
        with closing(run.steps(())) as running:
            for step in running:
                share = (step.index + 1) / first.num_steps
                self.host.progress(
                    "generating",
                    (done + share * len(batch)) / total,
                    f"{done} of {total}",
                )
        images = model.codec.decode(step.denoised).numpy()
        return [
            GridCell(done + row, cell, self._named(run.told[row]), images[row])
            for row, cell in enumerate(batch)
        ]

    # ---- where a picture lands ------------------------------------------------------------------

    def place(self, job: PlacePicture) -> PicturePlaced:
        """Extract a picture's activation as those of the samples were, and place it on the map."""
        from diffviews_desktop.core.extractor import SampleBatch, extract_batches
        from diffviews_desktop.data.activations.arrays import flatten_layers

        if not 0 < job.sigma < math.inf:
            raise UsageError(f"The noise level must be a positive number, not {job.sigma}.")
        spec = self._with_layers(job.spec)
        model = self.host.model_of(self.opened)
        wanted = model.codec.image_shape
        if job.image.shape != wanted:
            raise UsageError(
                f"The picture is {job.image.shape}; {self.opened.folder.name} draws {wanted}."
            )
        projector = self.maps.projector(self.opened, spec)
        self.host.progress("placing the picture")
        batch = SampleBatch(
            model.codec.encode(np.array(job.image)[None]),
            np.array([job.sigma], np.float32),
            [job.condition],
            np.array([job.seed]),
        )
        how = self.opened.folder.config.extraction_input
        with self.host.interruptible(model):
            captured = next(extract_batches(model, spec.layers, [batch], how=how))
        reduced, outside = projector.reduction.reduce(flatten_layers(captured))
        _, samples = projector.spread(len(self.opened.samples.table))
        near = nearest(samples, reduced, job.count)
        pairs = zip(near.index[0].tolist(), near.distance[0].tolist(), strict=True)
        placed = projector.place(reduced)
        return PicturePlaced(
            job=replace(job, spec=spec),
            xy=_pair(placed.xy[0]),
            distance=float(placed.distance[0]),
            neighbors=tuple((row, far) for row, far in pairs if math.isfinite(far)),
            typicality=figures_of(projector, self.opened).judge(
                float(placed.distance[0]), float(outside[0]), (job.sigma, job.sigma), job.sigma
            ),
        )

    # ---- masks ----------------------------------------------------------------------------------

    def judge_mask(self, job: JudgeMask) -> MaskJudged:
        """How usual a mask is, where its activations are at hand and its layers are mapped."""
        spec = self._with_layers(job.spec)
        names = job.layers or spec.layers
        settings = GenerateSettings(mask_layers=names, weighting=job.weighting)
        self._checked(replace(settings, seed=0), job.rows)
        model = self.host.model_of(self.opened)
        slow = model.facts.device == "cpu" and model.facts.resolution > _SMALL
        wanted = activations_of(self.host, self.opened, names)
        if not self.maps.is_cached(self.opened, spec):
            return MaskJudged(job, None, not_mapped(spec.layers))
        if slow and self.maps.activations.stored_rows(wanted, job.rows) is None:
            return MaskJudged(job, None, "Generate says whether the mask is beyond the samples.")
        projector = self.maps.projector(self.opened, spec)
        masks = self._masks(job.rows, spec.layers, settings, projector)
        figures = figures_of(projector, self.opened)
        typicality = self._judged(masks, job.rows, spec, figures)
        return MaskJudged(job, typicality, "" if typicality else not_mapped(names))

    def _judged(
        self, masks: Masks, rows: Sequence[int], spec: MapSpec, figures: SampleFigures | None
    ) -> Typicality | None:
        """How usual a mask is; None without one, and where its layers are not mapped. ``figures``
        are those of the map, where it is at hand."""
        names = LayerSet(masks)
        if not names:
            return None
        if figures is None or names != spec.layers:
            other = replace(spec, layers=names)
            if not self.maps.is_cached(self.opened, other):
                return None
            figures = figures_of(self.maps.projector(self.opened, other), self.opened)
        return judge_mask(masks, rows, figures, self.opened)

    def _masks(
        self,
        rows: Sequence[int],
        layers: LayerSet,
        settings: GenerateSettings,
        projector: Projector | None,
    ) -> Masks:
        """What each layer is held at: the mean of the rows, weighted if so wanted."""
        if not rows:
            return {}
        from diffviews_desktop.core.masking import compute_mask_dict, distance_weights

        names = settings.mask_layers or layers
        shapes = self.host.model_of(self.opened).facts.layers
        missing = [name for name in names if name not in shapes]
        if missing:
            raise MaskError(
                f"{self.opened.folder.name} has no layer {missing[0]!r}. "
                f"It has: {', '.join(shapes)}."
            )
        weights = None
        if settings.weighting == "distance":
            assert projector is not None
            _, reduced = projector.spread(len(self.opened.samples.table))
            own = reduced[list(rows)]
            weights = distance_weights(np.linalg.norm(own - own[0], axis=1).tolist())
            if not np.isfinite(weights).all():
                raise MaskError(
                    "A sample of the mask has no place in activation space: its picture is missing "
                    "or broken. Leave it out of the neighbours."
                )
        wanted = activations_of(self.host, self.opened, names)
        values = self.maps.activations.rows(wanted, rows)
        return compute_mask_dict(values, range(len(values)), shapes, names, weights)

    def _named(self, condition: Condition | None) -> Condition | None:
        """A condition with the name of its class, which another model may not know."""
        if not isinstance(condition, ClassLabel):
            return condition
        names = class_names_of(self.opened, self.host.model_of(self.opened).facts)
        return replace(condition, name=dict(names).get(condition.index, ""))

    # ---- checks ---------------------------------------------------------------------------------

    def _with_layers(self, spec: MapSpec) -> MapSpec:
        return replace(spec, layers=spec.layers or self.maps.default_layers(self.opened))

    def _checked(self, settings: GenerateSettings, rows: Sequence[int]) -> GenerateSettings:
        """The settings with a seed, if they can be.

        Raises:
            UsageError: a value is out of range.
            MaskError: a sample does not exist.
        """
        from diffviews_desktop.adapters.sampling import get_denoising_sigmas
        from diffviews_desktop.core.denoising import choose_seed

        s = settings
        if s.mask_steps < 0 or s.mask_from < 0:
            raise UsageError("The number of masked steps must not be negative.")
        get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho)
        if not math.isfinite(s.guidance_scale):
            raise UsageError(f"The guidance must be a number, not {s.guidance_scale}.")
        if not 0 <= s.strength <= 1:
            raise UsageError(f"The strength must be between 0 and 1, not {s.strength}.")
        churn = (s.s_churn, s.s_min, s.s_noise, 0 if s.s_max is None else s.s_max)
        if not all(0 <= value < math.inf for value in churn):
            raise UsageError("The values of churn must not be negative.")
        seed = choose_seed(s.noise_mode, s.seed)
        count = len(self.opened.samples.table)
        outside = [row for row in rows if not 0 <= row < count]
        if outside:
            raise MaskError(f"Sample {outside[0]} does not exist ({count} samples).")
        return replace(s, seed=seed)


class _Run:
    """One batch of pictures that differ in their seed and strength alone.

    Attributes:
        told: what the model is told of each picture; None where it is told nothing.
    """

    def __init__(
        self,
        model: Model,
        settings: GenerateSettings,
        condition: Condition,
        count: int,
        masks: Masks,
        notes: list[str],
        seeds: Sequence[int | None] = (),
        strengths: Sequence[float] = (),
    ) -> None:
        import torch

        from diffviews_desktop.adapters.conditioning import draw_classes
        from diffviews_desktop.core.masking import ActivationMasker

        self._model, self._settings, self._notes = model, settings, notes
        self._generators = [
            torch.Generator().manual_seed(int(seed or 0)) for seed in seeds or (settings.seed,)
        ]
        conditions = draw_classes([condition] * count, model.facts.num_classes, self._generators)
        self._conditions = model.encode_pair(conditions)
        self.told: list[Condition | None] = [
            one if model.is_conditional else None for one in conditions
        ]
        self._masker: ActivationMasker | None = ActivationMasker(model) if masks else None
        same = len(set(strengths)) < 2
        strength = settings.strength if same else torch.tensor(strengths)
        for name, mask in masks.items():
            assert self._masker is not None
            self._masker.set_mask(name, torch.from_numpy(mask), strength)

    def steps(self, capture: Sequence[str]) -> Generator[DenoiseStep, None, None]:
        """Denoise."""
        from diffviews_desktop.adapters.sampling import Churn, get_denoising_sigmas
        from diffviews_desktop.core.denoising import denoise

        s = self._settings
        limit = math.inf if s.s_max is None else s.s_max
        heun = s.sampler == "heun"
        run = denoise(
            self._model,
            conditions=self._conditions,
            sigmas=get_denoising_sigmas(s.num_steps, s.sigma_max, s.sigma_min, s.rho),
            generator=self._generators,
            sampler=s.sampler,
            churn=Churn(s.s_churn, s.s_min, limit, s.s_noise) if heun else None,
            noise_mode=s.noise_mode,
            guidance_scale=s.guidance_scale,
            masker=self._masker,
            mask_from=s.mask_from,
            mask_steps=s.mask_steps,
            mask_unconditional=s.mask_unconditional,
            capture=capture,
            say=self._notes.append,
        )
        return cast("Generator[DenoiseStep, None, None]", run)


def _place(step: DenoiseStep, codec: Codec, figures: SampleFigures, job: Generate) -> RunStep:
    import torch

    # once for both: a search among the samples costs as much as a few layers of a small network
    rows = [step.row(job.spec.layers)]
    if step.imposed.keys() & set(job.spec.layers):
        rows.append(step.imposed_row(job.spec.layers))
    reduced, outside = figures.projector.reduction.reduce(np.concatenate(rows))
    placed = figures.projector.place(reduced)
    usual = [
        figures.judge(float(far), float(share), (step.sigma, step.sigma), step.sigma)
        for far, share in zip(placed.distance, outside, strict=True)
    ]
    image, noised = codec.decode(torch.cat([step.denoised[:1], step.noised[:1]])).numpy()
    kept: dict[str, Any] = {}
    if job.keep:
        kept["computed"] = {name: t[0].float().numpy() for name, t in step.computed.items()}
        seen = step.seen()
        kept["imposed"] = {
            name: seen[name][0].float().numpy() for name in step.imposed if name in seen
        }
    return RunStep(
        index=step.index,
        sigma=step.sigma,
        image=image,
        noised=noised,
        xy=_pair(placed.xy[0]),
        distance=float(placed.distance[0]),
        imposed_xy=_pair(placed.xy[1]) if len(rows) > 1 else None,
        evaluations=step.evaluations,
        reduced=reduced[0],
        typicality=usual[0],
        imposed_typicality=usual[1] if len(rows) > 1 else None,
        **kept,
    )


def _batches(
    cells: Sequence[GenerateSettings], size: int
) -> Iterator[tuple[GenerateSettings, ...]]:
    """Neighbouring cells that differ in their seed and strength alone, at most ``size`` of them."""

    def alike(cell: GenerateSettings) -> GenerateSettings:
        return replace(cell, seed=None, strength=1.0)

    for _, group in groupby(cells, key=alike):
        same = tuple(group)
        for start in range(0, len(same), size):
            yield same[start : start + size]


def _check_axes(job: GenerateGrid) -> None:
    if job.samples < 1 or (job.batch is not None and job.batch < 1):
        raise UsageError("The number of samples and the batch must be at least 1.")
    if job.count > MAX_PICTURES:
        raise UsageError(f"A grid has at most {MAX_PICTURES:,} pictures, not {job.count:,}.")
    if (job.strengths or job.windows or job.mask_layers) and not job.rows:
        raise UsageError("A grid over strengths, steps or layers needs a mask: pick samples first.")


def _pair(xy: NDArray) -> tuple[float, float]:
    return float(xy[0]), float(xy[1])
