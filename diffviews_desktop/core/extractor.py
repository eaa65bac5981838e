"""Capture layers during a forward pass, and compute the activations of a set of samples."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffviews_desktop.adapters.base import ForwardHook, GeneratorAdapter
from diffviews_desktop.adapters.conditioning import Conditioning
from diffviews_desktop.adapters.device import is_out_of_memory, release_memory
from diffviews_desktop.adapters.hooks import first_tensor
from diffviews_desktop.adapters.model import Model, as_model
from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import OutOfMemoryError
from diffviews_desktop.files.writing import replacing_all
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.noise_levels import ExtractionInput

if TYPE_CHECKING:
    from diffviews_desktop.compat.activations import (
        convert_to_fast_format as convert_to_fast_format,
    )
    from diffviews_desktop.compat.activations import flatten_activations as flatten_activations
    from diffviews_desktop.compat.activations import load_activations as load_activations
    from diffviews_desktop.compat.activations import load_fast_activations as load_fast_activations
else:

    def __getattr__(name: str) -> object:
        """Functions on files that scripts of the described system import from here."""
        activations = import_module("diffviews_desktop.compat.activations")
        if name in activations.OF_EXTRACTOR:
            return getattr(activations, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class StopForward(Exception):
    """Ends a forward pass once every wanted layer has been captured."""


class ActivationExtractor:
    """Captures the outputs of layers, through nothing but an adapter's activation hooks.

    Use as a context manager::

        with ActivationExtractor(adapter, ["midblock"]) as extractor:
            adapter.forward(x, sigma, labels)
            captured = extractor.get_activations()  # {"midblock": (B, C, H, W)}

    Args:
        adapter: the model.
        layers: layer names; None for all.
        stop_after_last: raise `StopForward` when every layer has been captured (see `run_until`).
    """

    def __init__(
        self,
        adapter: GeneratorAdapter | Model,
        layers: Sequence[str] | None = None,
        *,
        stop_after_last: bool = False,
    ) -> None:
        self.adapter = adapter
        self.layers = list(adapter.hookable_layers if layers is None else layers)
        self._stop = stop_after_last
        self._activations: dict[str, Tensor] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        self.register_hooks()
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove_hooks()

    def _make_hook(self, name: str) -> ForwardHook:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            self._activations[name] = first_tensor(output).detach().to("cpu", copy=True)
            if self._stop and len(self._activations) == len(self.layers):
                raise StopForward

        return hook

    def register_hooks(self) -> None:
        """Register one hook a layer; calling it twice does nothing more.

        Raises:
            AdapterError: a layer does not exist; no hook is left behind then.
        """
        if self._handles:
            return
        try:
            for name in self.layers:
                self._handles += self.adapter.register_activation_hooks(
                    [name], self._make_hook(name)
                )
        except BaseException:
            self.remove_hooks()
            raise

    def remove_hooks(self) -> None:
        """Remove the hooks; what was captured stays."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def clear(self) -> None:
        """Forget what was captured."""
        self._activations.clear()

    def get_activations(self) -> dict[str, Tensor]:
        """What the last forward pass gave: ``{layer: (B, C, H, W)}``, on the CPU."""
        return dict(self._activations)

    def run_until(self, x: Tensor, sigma: Tensor, conditioning: Conditioning) -> dict[str, Tensor]:
        """One forward pass, ended after the last wanted layer if so constructed."""
        self.clear()
        with contextlib.suppress(StopForward):
            as_model(self.adapter).forward(x, sigma, conditioning)
        return self.get_activations()

    def save(self, output_path: Path, metadata: Mapping[str, Any] | None = None) -> None:
        """Write what was captured as ``<output_path>.npz`` (rows flattened) and, where there is
        metadata, ``.json``: both or none.

        Raises:
            OSError: they cannot be written.
        """
        path = Path(output_path)
        if path.suffix == ".npz":
            path = path.with_suffix("")
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: t.flatten(1).float().numpy() for name, t in self._activations.items()}
        suffixes = (".npz",) if metadata is None else (".npz", ".json")
        with replacing_all(*(path.with_name(path.name + suffix) for suffix in suffixes)) as files:
            np.savez_compressed(files[0], **arrays)  # type: ignore[arg-type]
            if metadata is not None:
                files[1].write(json.dumps(dict(metadata), indent=2).encode())


class SampleBatch(NamedTuple):
    """A batch of samples to extract: what the model denoises ``(B, *sample_shape) float32``, noise
    levels ``(B,)``, what each shows, and one noise seed a sample ``(B,)``."""

    samples: Tensor
    sigmas: Float32
    conditions: Sequence[Condition]
    seeds: NDArray[np.integer]

    def take(self, rows: slice) -> SampleBatch:
        """Some of the samples."""
        return SampleBatch(
            self.samples[rows], self.sigmas[rows], self.conditions[rows], self.seeds[rows]
        )


def extraction_inputs(batch: SampleBatch, mode: ExtractionInput) -> Tensor:
    """What the model sees: ``sample + sigma * noise`` ("noised", the noise from each sample's own
    seed) or ``sample * sigma`` ("scaled", as folders made by the original system)."""
    samples = batch.samples
    levels = torch.from_numpy(np.asarray(batch.sigmas, dtype=np.float32))
    sigmas = levels.reshape(-1, *[1] * (samples.ndim - 1))
    if mode == "scaled":
        return samples * sigmas
    noise = torch.stack(
        [
            torch.randn(samples.shape[1:], generator=torch.Generator().manual_seed(int(seed)))
            for seed in batch.seeds
        ]
    )
    return samples + sigmas * noise


@torch.no_grad()
def extract_batches(
    adapter: GeneratorAdapter | Model,
    layers: Sequence[str],
    batches: Iterable[SampleBatch],
    *,
    mode: ExtractionInput = "noised",
    smaller: Callable[[int], None] = lambda size: None,
) -> Iterator[dict[str, Float32]]:
    """Activations of batches of samples: ``{layer: (B, C*H*W)}``, each flattened row-major.

    The forward pass ends after the last wanted layer. A batch for which the memory does not suffice
    is done in halves, and ``smaller`` told the size that worked.

    Raises:
        OutOfMemoryError: there is not enough memory for a single picture.
    """
    model = as_model(adapter)
    with ActivationExtractor(model, layers, stop_after_last=True) as extractor:
        for batch in batches:
            yield _extract(model, extractor, batch, mode, smaller)


def _extract(
    model: Model,
    extractor: ActivationExtractor,
    batch: SampleBatch,
    mode: ExtractionInput,
    smaller: Callable[[int], None],
) -> dict[str, Float32]:
    device = model.device
    try:
        tensors = extractor.run_until(
            extraction_inputs(batch, mode).to(device),
            torch.from_numpy(np.asarray(batch.sigmas, dtype=np.float32)).to(device),
            model.encode(batch.conditions).to(device),
        )
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        tensors = None
    if tensors is None:  # the error, and with it what it held in memory, is gone
        extractor.clear()
        release_memory()
        half = len(batch.sigmas) // 2
        if not half:
            raise OutOfMemoryError(
                f"{device} has not enough memory for a single picture of this model. "
                "Close other programs that use it, or choose --device cpu."
            )
        parts = (batch.take(slice(None, half)), batch.take(slice(half, None)))
        first, second = (_extract(model, extractor, part, mode, smaller) for part in parts)
        smaller(half)
        return {name: np.concatenate([first[name], second[name]]) for name in first}
    return {name: tensor.float().flatten(1).numpy() for name, tensor in tensors.items()}
