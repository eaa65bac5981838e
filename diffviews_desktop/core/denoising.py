"""The denoising loop: one step after the other, by either sampler, with or without masks."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import get_args

import torch
from torch import Tensor

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.conditioning import Conditioning, Conditionings
from diffviews_desktop.adapters.device import is_out_of_memory, release_memory
from diffviews_desktop.adapters.model import Model, as_model
from diffviews_desktop.adapters.sampling import Churn, heun_steps, renoising_steps
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.intervening import Effect, Intervener, effects_of
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.data.activations.arrays import Float32, flatten_layers
from diffviews_desktop.errors import OutOfMemoryError, UsageError
from diffviews_desktop.values.sampling import NoiseMode, Sampler

log = logging.getLogger(__name__)

SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
NOISE_MODES: tuple[NoiseMode, ...] = get_args(NoiseMode)
FIXED_SEED = 42


def choose_seed(noise_mode: NoiseMode, seed: int | None) -> int:
    """The seed of a run: the one given, else 42 for fixed and zero noise, else a new one.

    Raises:
        UsageError: unknown noise mode, or a seed outside 0 … 2**63 - 1.
    """
    if noise_mode not in NOISE_MODES:
        raise UsageError(f"Unknown noise mode {noise_mode!r}: use {', '.join(NOISE_MODES)}.")
    if seed is not None:
        if not 0 <= seed < 2**63:
            raise UsageError(f"The seed must be between 0 and 2**63 - 1, not {seed}.")
        return seed
    return secrets.randbelow(2**31) if noise_mode == "stochastic" else FIXED_SEED


def make_generators(seed: int, count: int) -> list[torch.Generator]:
    """One source of noise a picture, from the seeds ``seed``, ``seed + 1``, …: a picture does not
    depend on those that are drawn with it. On the CPU, so that every device draws the same."""
    return [torch.Generator().manual_seed((seed + index) % 2**63) for index in range(count)]


@dataclass(frozen=True)
class DenoiseStep:
    """One step of a run of B samples.

    Of a Heun step, everything but ``evaluations`` is that of its first evaluation.

    Attributes:
        index: from 0.
        sigma: noise level of the input, churn included.
        noised: the input ``(B, *sample_shape)`` float32.
        denoised: the model's prediction, guidance applied, ``(B, *sample_shape)`` float32; after
            the last step, the samples that the model's codec decodes to pictures.
        computed: what each captured layer computed for the condition, ``{layer: (B, C, H, W)}``;
            for a layer with interventions, what it would have said.
        imposed: what the rest of the network saw instead, likewise, of the captured layers that
            something acted on.
        acting: all layers that something acted on.
        evaluations: how often the network ran for each picture in this step.
        evaluated: what each of these evaluations computed, of a guided run for both halves.
    """

    index: int
    sigma: float
    noised: Tensor
    denoised: Tensor
    computed: dict[str, Tensor]
    imposed: dict[str, Tensor]
    acting: frozenset[str]
    evaluations: int
    evaluated: Sequence[Mapping[str, Tensor]] = field(default=(), repr=False)

    def row(self, layers: Sequence[str] | None = None) -> Float32:
        """Captured layers as rows ``(B, D)``, as they were computed; all of them by default."""
        return _rows(self.computed, layers)

    def views(self) -> dict[str, Tensor]:
        """The captured layers as the rest of the network saw them."""
        return {**self.computed, **self.imposed}

    def imposed_row(self, layers: Sequence[str] | None = None) -> Float32:
        """The same rows as `row`, as the rest of the network saw them."""
        return _rows(self.views(), layers)


def _rows(captures: Mapping[str, Tensor], layers: Sequence[str] | None) -> Float32:
    names = captures if layers is None else layers
    return flatten_layers({name: captures[name].float().numpy() for name in names})


class _Network:
    """The model with what acts on it and what is captured: runs a batch whole, or in parts that fit
    in memory.

    Args:
        model: the model.
        intervener: told which rows of the batch each part has.
        extractor: captures layers; None for none.
        say: told once when the memory does not suffice for the batch.
    """

    def __init__(
        self,
        model: Model,
        intervener: Intervener,
        extractor: ActivationExtractor | None,
        say: Callable[[str], None],
    ) -> None:
        self._model = model
        self._device = model.device
        self._intervener = intervener
        self._extractor = extractor
        self._say = say
        self._part: int | None = None

    def run(
        self, x: Tensor, sigma: float, conditioning: Conditioning
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The prediction ``(B, *sample_shape)``, what was captured, and what the rest of the
        network saw instead, on the CPU.

        Raises:
            OutOfMemoryError: there is not enough memory for a single picture.
        """
        while True:
            part = self._part or len(x)
            try:
                return self._run_in_parts(x, sigma, conditioning, part)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # here the error, and with it what it held in memory, is gone
            release_memory()
            if part == 1:
                raise OutOfMemoryError(
                    f"{self._device} has not enough memory for a single picture of this model. "
                    "Close other programs that use it, or choose --device cpu."
                )
            self._part = (part + 1) // 2
            self._say(
                f"{self._device} ran out of memory: pictures are computed {self._part} at a time."
            )

    def _run_in_parts(
        self, x: Tensor, sigma: float, conditioning: Conditioning, part: int
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        outputs: list[Tensor] = []
        captures: list[dict[str, Tensor]] = []
        views: list[dict[str, Tensor]] = []
        for start in range(0, len(x), part):
            rows = slice(start, start + part)
            self._intervener.set_rows(rows)
            levels = torch.full((len(x[rows]),), sigma, device=self._device)
            told = conditioning.take(rows).to(self._device)
            outputs.append(self._model.forward(x[rows].to(self._device), levels, told).cpu())
            if self._extractor is not None:
                captures.append(self._extractor.get_activations())
                views.append(self._intervener.take_seen())
        return torch.cat(outputs), _join(captures), _join(views)


def _join(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    if len(parts) < 2:
        return parts[0] if parts else {}
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@torch.no_grad()
def denoise(
    adapter: GeneratorAdapter | Model,
    *,
    conditions: Conditionings,
    sigmas: Tensor,
    generator: torch.Generator | Sequence[torch.Generator],
    sampler: Sampler = "renoise",
    churn: Churn | None = None,
    noise_mode: NoiseMode = "stochastic",
    guidance_scale: float = 1.0,
    masker: ActivationMasker | None = None,
    mask_from: int = 0,
    mask_steps: int | None = None,
    mask_unconditional: bool = True,
    effects: Sequence[Effect] = (),
    capture: Sequence[str] = (),
    say: Callable[[str], None] = log.warning,
) -> Iterator[DenoiseStep]:
    """Denoise step by step.

    The masks act on the steps ``mask_from … mask_steps - 1``, all by default, and, like all
    effects, on both evaluations of a Heun step. With guidance, both halves run as one batch, and
    the captured layers are those of the conditional half. However the iteration ends, no hook is
    left behind.

    Args:
        adapter: the model.
        conditions: what to draw, and what guidance leads away from; their length is the size of
            the run's batch.
        sigmas: noise levels, descending, ``(S,)``.
        generator: source of all noise, on the CPU, so that every device draws the same; one, or one
            a picture.
        sampler: "renoise" is the way DMD2 and other few-step models are sampled (see
            `renoising_steps`), "heun" is EDM's (see `heun_steps`).
        churn: noise that Heun's sampler adds; None for none.
        noise_mode: "zero" starts from zeros and adds no noise.
        guidance_scale: 1 for none, 0 for the unconditional half alone.
        masker: masks to apply.
        mask_from: first step they apply to, from 0.
        mask_steps: the step that they no longer apply to; None for no such step, 0 for no mask.
        mask_unconditional: whether they act on the unconditional half of a guided batch too.
        effects: what else is done to layers, after the masks, in this order.
        capture: layers to capture.
        say: told when the batch had to be split because the memory did not suffice.

    Raises:
        OutOfMemoryError: there is not enough memory for a single picture.
        UsageError: an unknown sampler, or churn with a sampler that knows none.
    """
    if sampler not in SAMPLERS:
        raise UsageError(f"Unknown sampler {sampler!r}: use {' or '.join(SAMPLERS)}.")
    if sampler == "renoise" and churn is not None and churn.S_churn:
        raise UsageError(
            "Churn belongs to the sampler heun; renoise replaces all noise at every step anyway."
        )
    model = as_model(adapter)
    batch, size = len(conditions.conditional), model.sample_shape
    guided = guidance_scale != 1 and conditions.unconditional is not None
    # the masker's own hooks go: the extractor's must come first, to see what a layer computed
    acting = [*effects_of(masker, mask_from, mask_steps, mask_unconditional), *effects]

    def noise() -> Tensor:
        if noise_mode == "zero":
            return torch.zeros(batch, *size)
        if isinstance(generator, torch.Generator):
            return torch.randn(batch, *size, generator=generator)
        return torch.stack([torch.randn(size, generator=source) for source in generator])

    with ExitStack() as stack:
        extractor = stack.enter_context(ActivationExtractor(model, capture)) if capture else None
        intervener = Intervener(model, acting, batch, guided=guided, watch=capture)
        stack.callback(intervener.remove_hooks)
        network = _Network(model, intervener, extractor, say)
        views: list[dict[str, Tensor]] = []
        captures: list[dict[str, Tensor]] = []

        def predict(x: Tensor, sigma: float) -> Tensor:
            x = x.float()
            intervener.set_evaluation(len(captures))
            if not guided or conditions.unconditional is None:
                denoised, layers, changed = network.run(x, sigma, conditions.conditional)
            else:
                both = conditions.conditional.cat(conditions.unconditional)
                halves, layers, changed = network.run(torch.cat([x, x]), sigma, both)
                conditional, unconditional = halves.chunk(2)
                denoised = unconditional + guidance_scale * (conditional - unconditional)
            captures.append(layers)
            views.append(changed)
            return denoised

        levels = sigmas.double().tolist()
        if sampler == "heun":
            steps = heun_steps(
                lambda x, sigma: predict(x, sigma).double(),
                lambda: noise().double(),
                levels,
                churn,
                model.round_sigma,
            )
        else:
            steps = renoising_steps(predict, noise, levels)
        for index in count():
            captures, views = [], []
            if index < len(levels):
                intervener.begin(index)
            step = next(steps, None)
            if step is None:
                return
            yield DenoiseStep(
                index=index,
                sigma=step.sigma,
                noised=step.noised.float(),
                denoised=step.denoised.float(),
                computed={name: tensor[:batch] for name, tensor in captures[0].items()},
                imposed={name: tensor[:batch] for name, tensor in views[0].items()},
                acting=intervener.acting,
                evaluations=step.evaluations * (2 if guided else 1),
                evaluated=tuple(captures),
            )
